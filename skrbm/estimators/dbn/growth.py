"""Growth of a deep Boltzmann machine by one hidden layer above trained ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import logit
from sklearn.base import clone

from skrbm._kernels import random
from skrbm.data.sources import part
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
from skrbm.units import Bernoulli, Joined
from skrbm.validation.rows import Checked, TrainingRows

_MOST_ROWS, _MOST_UPDATES = 2_000, 1_000  # that train the RBM of a new layer, by default
_UPDATES_PER_ROW = 2  # more change neither scores nor features of small tables
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
    some: Any = slice(None)
    if n_rows > _MOST_ROWS:
        some = np.sort(order.permutation(n_rows)[:_MOST_ROWS])
    known = Checked(part(rows.values, some), rows.summary.bounds.has_missing)
    means = machine.features(known, of_all_layers=False)
    upper = clone(rbm).set_params(random_state=seed)
    if upper.n_iter == "auto":
        n_updates = min(_MOST_UPDATES, _UPDATES_PER_ROW * len(means))
        upper.n_iter = default_n_iter(len(means), rbm.batch_size, n_updates)
    return fitted_of(upper.fit(means, sample_weight=rows.weights[some])).top


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
    own = arrangement.next_side
    weights = upper.rbm.weights.dense
    weights = weights / np.linalg.norm(weights, 2)
    mean = upper.training.hidden_offset.clip(_RAREST, 1 - _RAREST)
    top = Bernoulli(logit(mean))
    offsets = [state.visible_offset, state.hidden_offset]
    model = arrangement.grown(fitted.rbm, top, weights, offsets[1 - own])
    offsets[own] = np.append(offsets[own], mean)
    base, variance, n_latent = fitted.top.base, state.column_variance, fitted.n_latent
    if own == 0:
        base, n_latent = Joined((*base.simple_layers, top)), n_latent + len(mean)
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
    if grown.chains is not None and grown.tempering is None:
        grown.chains = _continued(state, model)
    learner.fitted = replace(fitted, top=FittedRBM(model, base, grown), n_latent=n_latent)


def _continued(state: TrainState, model: RBM) -> Chains:
    """The persistent chains of a training state, with a draw of the new layer."""
    assert state.chains is not None
    visible, hidden = state.chains.visible, state.chains.hidden
    n_new = model.visible.n_columns - visible.shape[1]
    if n_new:
        drawn = model.sample_visible(hidden, state.rng)[:, -n_new:]
        visible = np.concatenate([visible, drawn], axis=1)
    return chains_from_visible(model, visible, state.rng)
