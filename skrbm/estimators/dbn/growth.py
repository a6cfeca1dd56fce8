"""Growth of a deep Boltzmann machine by one hidden layer above trained ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import logit
from sklearn.base import clone

from skrbm._kernels import arrays, random
from skrbm._kernels.devices import Array
from skrbm.deep.arrangement import Arrangement
from skrbm.estimators.common.fitted import FittedRBM, fitted_of
from skrbm.estimators.common.fitted_machine import FittedMachine
from skrbm.estimators.rbm.bernoulli import BernoulliRBM
from skrbm.estimators.rbm.learner import Learner
from skrbm.estimators.rbm.settings import Settings
from skrbm.learning.loop import default_n_iter
from skrbm.learning.train_state import TrainState
from skrbm.model import RBM
from skrbm.samplers import Chains, chains_from_visible
from skrbm.units import Bernoulli, Joined, Layer
from skrbm.validation.rows import Checked, TrainingRows
from skrbm.weights import as_weights

_N_ROWS, _N_UPDATES = 2_000, 2_000  # that train the RBM of a new layer, by default
_RAREST = 1e-3  # mean state of a new unit


def trained_above(machine: FittedMachine, rows: TrainingRows, rbm: BernoulliRBM) -> FittedRBM:
    """Train an RBM on means of the top layer of a machine, for at most 2,000 of the rows.

    Parameters
    ----------
    machine : FittedMachine
    rows : TrainingRows
        The rows on which the machine was trained.
    rbm : BernoulliRBM
        Prototype with the number of new units.
    """
    rng = machine.fitted.top.training.rng
    seed, order = int(rng.integers(2**31)), random.generator(int(rng.integers(2**63)))
    n_rows = len(rows.weights)
    if n_rows > _N_ROWS:
        rows = rows.part(np.sort(order.permutation(n_rows)[:_N_ROWS]))
    known = Checked(rows.values, rows.summary.bounds.has_missing)
    means = machine.features(known, of_all_layers=False)
    upper = clone(rbm).set_params(random_state=seed)
    if upper.n_iter == "auto":
        upper.n_iter = default_n_iter(len(means), rbm.batch_size, _N_UPDATES)
    return fitted_of(upper.fit(means, sample_weight=rows.weights)).top


def grow(
    learner: Learner, arrangement: Arrangement, settings: Settings, upper: FittedRBM, n_rows: int
) -> None:
    """Add a hidden layer on top of a machine.

    The prior of the layer below is already part of the machine. So the weights of the new layer are
    divided by their largest singular value, and biases absorb their mean inputs: the distribution
    of the other layers hardly changes. Persistent chains keep their states.

    Parameters
    ----------
    learner : Learner
        Of the machine.
    arrangement : Arrangement
        Of the machine.
    settings : Settings
        Of the larger machine.
    upper : FittedRBM
        An RBM trained on states of the top layer, whose hidden units become the new layer.
    n_rows : int
        Number of rows to train on.
    """
    fitted, state = learner.fitted, learner.training
    own = len(arrangement.sizes) % 2  # the side of the new layer: 0 for visible, 1 for hidden
    weights = upper.rbm.weights.dense
    weights = weights / np.linalg.norm(weights, 2)
    mean = upper.training.hidden_offset.clip(_RAREST, 1 - _RAREST)
    top = Bernoulli(logit(mean))
    offsets = [state.visible_offset, state.hidden_offset]
    model = _with_layer(fitted.rbm, arrangement, top, weights, offsets[1 - own])
    offsets[own] = np.append(offsets[own], mean)
    base, variance, n_latent = fitted.top.base, state.column_variance, fitted.n_latent
    if own == 0:
        base, n_latent = _joined(base, top), n_latent + len(mean)
        variance = None if variance is None else np.append(variance, np.ones_like(mean))
    grown = TrainState(
        model,
        visible_offset=offsets[0],
        hidden_offset=offsets[1],
        rng=state.rng,
        order=state.order,
        column_variance=variance,
        weight_seen=state.weight_seen,
        history=state.history,
    )
    settings.gradient.start(grown, base, settings.chains_for(n_rows))
    if grown.chains is not None and grown.tempering is None and grown.trajectory is None:
        grown.chains = _continued(state, model)
    learner.fitted = replace(fitted, top=FittedRBM(model, base, grown), n_latent=n_latent)


def _with_layer(
    rbm: RBM, arrangement: Arrangement, top: Layer, weights: Array, offset: Array
) -> RBM:
    """The model with a layer above the top one, whose side of the model has this offset."""
    rbm, below = rbm.map(arrays.copy), arrangement.columns[-1]
    own = len(arrangement.sizes) % 2
    sides: list[Layer] = [rbm.visible, rbm.hidden]
    from_top = np.zeros_like(offset)
    from_top[below] = weights @ top.mean(0.0)
    sides[1 - own].add_to_bias(-from_top)
    sides[own] = _joined(sides[own], top.with_bias(top.bias - offset[below] @ weights))
    larger = Arrangement((*arrangement.sizes, top.n_units))
    every = [*arrangement.blocks(rbm.weights), as_weights(weights)]
    return RBM(sides[0], sides[1], larger.weights(every))


def _continued(state: TrainState, model: RBM) -> Chains:
    """The persistent chains of a training state, with a draw of the new layer."""
    assert state.chains is not None
    visible, hidden = state.chains.visible, state.chains.hidden
    n_new = model.visible.n_columns - visible.shape[1]
    if n_new:
        top = model.visible.part(slice(model.visible.n_units - n_new, None))
        from_hidden = model.weights.T.input(hidden)[:, -n_new:]
        visible = np.concatenate([visible, top.draw(from_hidden, state.rng)], axis=1)
    return chains_from_visible(model, visible, state.rng)


def _joined(layer: Layer, top: Layer) -> Layer:
    return Joined((*layer.simple_layers, top))
