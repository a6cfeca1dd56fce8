"""What hidden units do: which rows they stand for, how much they matter, what they look like."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import reduce
from operator import matmul
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels import arrays, random, threads
from skrbm._kernels.devices import Array
from skrbm.annealing import LogRatio, mean_weight
from skrbm.estimators.dbn.network import DeepBeliefNetwork
from skrbm.estimators.rbm.classifier import RBMClassifier
from skrbm.estimators.rbm.fitting import RBMEstimator
from skrbm.model import RBM
from skrbm.validation.estimators import check_instance
from skrbm.validation.parameters import check_count, check_seed
from skrbm.validation.rows import levels_to_the_caller

# Standard deviation over the rows of what a unit is expected to be, given the row.
_DEAD = 0.01

_EXACT_UNITS = 16  # the largest layer whose states are all visited
_N_STEPS = 200  # of the chains that draw samples, from where those of the training are
_SMALLEST_SAMPLE = 10.0  # samples that know of the model without a unit: for binary ones, twice
# the number in which the unit is off

RBMS = "a BernoulliRBM or a GaussianBernoulliRBM; those of a stack are its rbms_"
SHOWN = RBMEstimator, RBMClassifier, DeepBeliefNetwork
ALL_SHOWN = "a BernoulliRBM, GaussianBernoulliRBM, RBMClassifier or DeepBeliefNetwork"
GENERATIVE = RBMEstimator, DeepBeliefNetwork
ALL_GENERATIVE = "a BernoulliRBM, GaussianBernoulliRBM or DeepBeliefNetwork"


@dataclass(frozen=True, eq=False)
class UnitReport:
    """What `describe` tells of every hidden unit.

    Attributes
    ----------
    most_activating : ndarray of int of shape (n_components, n_rows)
        Indices of the rows of X that give a unit its largest input, the largest first; of equal
        rows the first one comes first.
    mean_activation : ndarray of float64 of shape (n_components,)
        Mean of `E[h_j | v]` over the rows v of X; for binary units the share of the rows that turn
        a unit on.
    saturated : ndarray of bool of shape (n_components,)
        Whether a binary unit is on, or off, in more than 99.9 % of the rows. Gaussian units never
        are.
    dead : ndarray of bool of shape (n_components,)
        Whether the standard deviation of `E[h_j | v]` over the rows is below 0.01, so that the
        unit says next to nothing about which row it sees. A unit that is saturated but not dead
        stands for few rows.
    importance : ndarray of float64 of shape (n_components,)
        Nats a row that the mean log-likelihood of X loses when the unit is cut. Negative where the
        model would be better without it.
    importance_std_error : ndarray of float64 of shape (n_components,)
        Standard error of the importance, from the samples of the model; 0 where it is exact.
    order : ndarray of int of shape (n_components,)
        The units, the most important one first.
    """

    most_activating: Array
    mean_activation: Array
    saturated: Array
    dead: Array
    importance: Array
    importance_std_error: Array
    order: Array


def describe(
    estimator: Any, X: Any, n_rows: int = 5, *, n_samples: int = 1000, random_state: Any = None
) -> UnitReport:
    r"""Tell which rows of X turn on each hidden unit of an RBM, and how much the unit matters.

    The importance of unit j is the mean over the rows v of X of what is lost when it is cut,

    .. math::

        \log p(v) - \log p_{-j}(v) = L_j(v) + \log E_p\left[ e^{-L_j} \right], \qquad
        L_j(v) = \log \sum_{h_j} e^{h_j (W^T v)_j - E_j(h_j)},

    where :math:`p_{-j}` is the model without the unit and all its weights, and :math:`L_j` what the
    unit, of the energy :math:`E_j`, adds to minus the free energy: for a binary unit
    :math:`\log(1 + e^{c_j + (W^T v)_j})`, and for a Gaussian one the sum is an integral. The mean
    over the model p is :math:`Z_{-j} / Z`, for a binary unit the probability that it is off.

    That mean is exact where one layer has at most 16 binary units. Elsewhere it comes from samples
    of the model, and so has a standard error.

    Parameters
    ----------
    estimator : BernoulliRBM or GaussianBernoulliRBM
        Fitted. With binary or Gaussian hidden units.
    X : {array-like, CSR matrix} of shape (n_samples, n_features)
        Rows, as `estimator.transform` takes them.
    n_rows : int, default=5
        Number of rows to name for every unit.
    n_samples : int, default=1000
        Samples of the model; not used where the importance is exact.
    random_state : int, RandomState instance or None, default=None
        Draws the samples; by default a seed that was drawn by `fit`: repeated calls give the same.

    Returns
    -------
    report : UnitReport
        With the fields `most_activating`, `mean_activation`, `saturated`, `dead`, `importance`,
        `importance_std_error` and `order`.

    Raises
    ------
    ValueError
        If the estimator is none of these, or an argument not as described.

    Warns
    -----
    ConvergenceWarning
        If the samples cannot tell the importance of some unit, since it is off in less than five
        of them: the model without it is then too far away. The standard error does not show it.

    See Also
    --------
    skrbm.plotting.FiltersDisplay : Weights of the units, in this order.

    Notes
    -----
    Units are cut one at a time. Two units that do the same may both have little importance, and
    one that is always on has much, since the visible biases would lack what it adds.

    Examples
    --------
    >>> import numpy as np
    >>> from skrbm import BernoulliRBM
    >>> from skrbm.explain import describe
    >>> X = np.array([[0, 0, 0, 1], [1, 1, 1, 0]] * 50)
    >>> rbm = BernoulliRBM(n_components=2, n_iter=100, random_state=0).fit(X)
    >>> report = describe(rbm, X, n_rows=1)
    >>> report.most_activating.shape
    (2, 1)
    >>> bool(report.importance[report.order[0]] >= report.importance[report.order[1]])
    True
    """
    check_instance("estimator", estimator, RBMEstimator, RBMS)
    rows = estimator._check_visible(X)
    n_rows = check_count("n_rows", n_rows, maximum=rows.shape[0])
    n_samples = check_count("n_samples", n_samples, minimum=2)
    seed = estimator._likelihood_seed
    if random_state is not None:
        seed = check_seed(random_state)
    rbm = estimator._model()
    x = estimator._by_rows(estimator._placed_model().hidden_input, rows)
    activation = rbm.hidden.mean(x)
    mean = activation.mean(axis=0, dtype=np.float64)
    if min(rbm.visible.log2_states, rbm.hidden.log2_states) <= _EXACT_UNITS:
        without = _exact_log_ratios(rbm.in_float64())
    else:
        rng = random.generator(seed)
        without = _log_ratios(rbm, estimator._sample_states(n_samples, _N_STEPS, "auto", rng))
    ratio, std_error, sample = np.array(without).T
    _warn_of_few(sample, n_samples)
    importance = ratio + [_added(rbm, x, j).mean() for j in range(len(ratio))]
    return UnitReport(
        most_activating=np.argsort(-x, axis=0, kind="stable")[:n_rows].T,
        mean_activation=mean,
        saturated=rbm.hidden.saturated(mean),
        dead=activation.std(axis=0, dtype=np.float64) < _DEAD,
        importance=importance,
        importance_std_error=std_error,
        order=np.argsort(-importance, kind="stable"),
    )


def filters(estimator: Any, layer: int = 0) -> Array:
    r"""Weights of every hidden unit of a layer, as patterns of the data's columns.

    For an RBM, and for the lowest layer of a stack, they are its `components_`. Those of a higher
    layer k of a stack are seen through the weights :math:`G_l`, of shape (units of layer l, units
    below it), that generate the layers below,

    .. math::

        \text{filters} = G_k G_{k-1} \cdots G_0 :

    what a unit adds to the input of the visible units (Gaussian ones: to their means, in the units
    of the data) if the units between answered their input linearly, with a slope of one. They do
    not, but are logistic: so what counts is the pattern, not its scale.

    Parameters
    ----------
    estimator : BernoulliRBM, GaussianBernoulliRBM, RBMClassifier or DeepBeliefNetwork
        Fitted.
    layer : int, default=0
        Index of the layer in `rbms_`; 0 for an RBM.

    Returns
    -------
    filters : ndarray of shape (n_units, n_features)

    Raises
    ------
    ValueError
        If the estimator is none of these, or has no such layer.

    Examples
    --------
    >>> import numpy as np
    >>> from skrbm import BernoulliRBM, DeepBeliefNetwork
    >>> from skrbm.explain import filters
    >>> dbn = DeepBeliefNetwork((3, 2), rbm=BernoulliRBM(n_iter=9), random_state=0).fit(np.eye(4))
    >>> filters(dbn).shape, filters(dbn, layer=1).shape
    ((3, 4), (2, 4))
    """
    check_instance("estimator", estimator, SHOWN, ALL_SHOWN)
    check_is_fitted(estimator)
    n_layers = len(getattr(estimator, "rbms_", [estimator]))
    layer = check_count("layer", layer, minimum=0, maximum=n_layers - 1)
    if not hasattr(estimator, "rbms_"):
        return estimator.components_
    net = estimator._net()
    downward = [
        *(conditional.weights.array for conditional in net.generation),
        net.top.weights.array.T,
    ]
    weights = reduce(matmul, reversed(downward[: layer + 1])).T
    return estimator._coordinates.patterns(RBM(net.visible, net.top.hidden, weights))


def strength(estimator: Any, layer: int = 0) -> Array:
    r"""How much each hidden unit can do, as far as weights can tell without any rows.

    .. math::

        \Big( \sum_i \text{filters}_{ji}^2 / s_i^2 \Big)^{1/2},

    with the `variance_` :math:`s_i^2` of Gaussian visible units, and 1 for binary ones. Half its
    square is, in nats, the divergence between the Gaussian visible units when unit j is on and
    when it is off; for binary ones that is at most an eighth of the square. How often the unit is
    on does not count: that takes rows, as in `describe`.

    Parameters
    ----------
    estimator : BernoulliRBM, GaussianBernoulliRBM, RBMClassifier or DeepBeliefNetwork
        Fitted.
    layer : int, default=0
        Index of the layer in `rbms_`; 0 for an RBM.

    Returns
    -------
    strength : ndarray of float64 of shape (n_units,)

    Raises
    ------
    ValueError
        If the estimator is none of these, or has no such layer.

    Examples
    --------
    >>> import numpy as np
    >>> from skrbm import BernoulliRBM
    >>> from skrbm.explain import strength
    >>> rbm = BernoulliRBM(n_components=2, n_iter=0).fit(np.eye(2))
    >>> rbm.components_ = np.array([[3.0, 4.0], [0.0, 1.0]])
    >>> strength(rbm)
    array([5., 1.])
    """
    patterns = filters(estimator, layer)
    lowest = getattr(estimator, "rbms_", [estimator])[0]
    variance = getattr(lowest, "variance_", 1.0)
    return np.sqrt((patterns.astype(np.float64) ** 2 / variance).sum(axis=1))


def _added(rbm: RBM, x: Array, j: int) -> Array:
    """What hidden unit j adds to minus the free energy of rows with the hidden input x."""
    unit = slice(j, j + 1)
    return rbm.hidden.part(unit).log_normalizer(x[:, unit])


def _log_ratios(rbm: RBM, v: Array) -> list[LogRatio]:
    """`log Z_-j / Z` of every hidden unit j, from visible states of the model.

    A weight is the probability of the unit to be silent, in state 0. Samples in which it never is
    know nothing of the model without it, however equal their weights: so their effective number is
    at most the sum of the weights, over that of a unit without bias and input.
    """
    x, neutral = rbm.hidden_input(v), rbm.hidden.neutral()
    ratios = []
    for j in range(rbm.hidden.n_units):
        ratio = mean_weight(-_added(rbm, x, j))
        silent = neutral.part(slice(j, j + 1)).log_normalizer(0.0)
        n_silent = len(v) * math.exp(ratio.value + silent)
        sample = min(ratio.effective_sample_size, n_silent)
        ratios.append(ratio._replace(effective_sample_size=sample))
    return ratios


def _exact_log_ratios(rbm: RBM) -> list[LogRatio]:
    """`log Z_-j / Z` of every hidden unit j, from all states of the smaller layer."""
    mirror = rbm.swap()
    if rbm.hidden.log2_states <= rbm.visible.log2_states:
        h = rbm.hidden.states()
        log_weight = -threads.by_rows(mirror.free_energy, h)
        without = [log_weight[h[:, j] == 0] for j in range(rbm.hidden.n_units)]
    else:
        v = rbm.visible.states()
        log_weight = -threads.by_rows(rbm.free_energy, v)
        x = rbm.hidden_input(v)
        without = [log_weight - _added(rbm, x, j) for j in range(rbm.hidden.n_units)]
    log_z = arrays.log_sum_exp(log_weight)
    return [LogRatio(arrays.log_sum_exp(w) - log_z, 0.0, np.inf) for w in without]


def _warn_of_few(sample: Array, n_samples: int) -> None:
    n_few = int((sample < _SMALLEST_SAMPLE).sum())
    if n_few > 0:
        warnings.warn(
            f"the importance of {n_few} of {len(sample)} hidden units cannot be trusted: they are "
            f"on in nearly all of {n_samples} samples of the model. Use more n_samples.",
            ConvergenceWarning,
            stacklevel=levels_to_the_caller(),
        )
