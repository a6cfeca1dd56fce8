"""Analysis of hidden units: typical rows, importance, and weights as patterns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from operator import matmul
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skrbm._kernels import arrays, random, threads
from skrbm._kernels.devices import Array
from skrbm.annealing import LogRatio, mean_weight
from skrbm.estimators.common.fitted import fitted_of
from skrbm.estimators.common.methods import check_seen
from skrbm.estimators.dbn.network import DeepBeliefNetwork
from skrbm.estimators.rbm.classifier import RBMClassifier
from skrbm.estimators.rbm.density import DensityRBM
from skrbm.model import RBM
from skrbm.validation.estimators import check_fitted
from skrbm.validation.parameters import check_count
from skrbm.validation.rows import warn_caller

# A unit is dead if the standard deviation of its mean over the rows is below this.
_DEAD = 0.01

_EXACT_UNITS = 16  # largest layer to enumerate
_N_STEPS = 200  # length of the chains that draw samples, from the training's chains
# Smallest number of effective samples for the model without a unit. For a binary unit this is twice
# the number of samples in which the unit is off.
_SMALLEST_SAMPLE = 10.0

RBMS = "a BernoulliRBM or a GaussianBernoulliRBM; for a stack, one of its rbms_"
SHOWN = DensityRBM, RBMClassifier, DeepBeliefNetwork
ALL_SHOWN = "a BernoulliRBM, GaussianBernoulliRBM, RBMClassifier or DeepBeliefNetwork"
GENERATIVE = DensityRBM, DeepBeliefNetwork
ALL_GENERATIVE = "a BernoulliRBM, GaussianBernoulliRBM or DeepBeliefNetwork"


@dataclass(frozen=True, eq=False)
class UnitReport:
    """Figures that `describe` computes for every hidden unit.

    Attributes
    ----------
    most_activating : ndarray of int of shape (n_components, n_rows)
        Indices of the rows of X with the largest input to a unit, in descending order. Ties keep
        the order of the rows.
    mean_activation : ndarray of float64 of shape (n_components,)
        Mean of `E[h_j | v]` over the rows v of X; for binary units the fraction of rows that turn
        the unit on.
    saturated : ndarray of bool of shape (n_components,)
        Whether a binary unit is on, or off, in more than 99.9 % of the rows. False for Gaussian
        units.
    dead : ndarray of bool of shape (n_components,)
        Whether the standard deviation of `E[h_j | v]` over the rows is below 0.01. Such a unit
        carries almost no information about the row. A unit that is saturated but not dead responds
        to few rows.
    importance : ndarray of float64 of shape (n_components,)
        Decrease of the mean log-likelihood of X, in nats per row, if the unit is removed. Negative
        if the model would be better without it.
    importance_std_error : ndarray of float64 of shape (n_components,)
        Standard error of the importance, from the samples of the model; 0 if it is exact.
    order : ndarray of int of shape (n_components,)
        Units in descending order of importance.
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
    r"""Find the rows of X that activate each hidden unit of an RBM, and the unit's importance.

    The importance of unit j is the decrease of the log-likelihood if it is removed, averaged over
    the rows v of X:

    .. math::

        \log p(v) - \log p_{-j}(v) = L_j(v) + \log E_p\left[ e^{-L_j} \right], \qquad
        L_j(v) = \log \sum_{h_j} e^{h_j (W^T v)_j - E_j(h_j)}.

    Here :math:`p_{-j}` is the model without the unit and its weights, and :math:`L_j` is the
    contribution of the unit, with energy :math:`E_j`, to minus the free energy. For a binary unit
    :math:`L_j` is :math:`\log(1 + e^{c_j + (W^T v)_j})`; for a Gaussian unit the sum is an
    integral. The expectation over the model p is :math:`Z_{-j} / Z`; for a binary unit this is the
    probability that it is off.

    The expectation is exact if one layer has at most 16 binary units. Otherwise it is estimated
    from samples of the model, and has a standard error.

    Parameters
    ----------
    estimator : BernoulliRBM or GaussianBernoulliRBM
        A fitted estimator, with binary or Gaussian hidden units.
    X : {array-like, CSR matrix} of shape (n_samples, n_features)
        Rows that `estimator.transform` accepts.
    n_rows : int, default=5
        Number of rows to return for every unit.
    n_samples : int, default=1000
        Number of samples of the model; ignored if the importance is exact.
    random_state : int, RandomState instance or None, default=None
        Seed of the samples. By default a seed drawn by `fit`, with which repeated calls give the
        same result.

    Returns
    -------
    report : UnitReport
        With the fields `most_activating`, `mean_activation`, `saturated`, `dead`, `importance`,
        `importance_std_error` and `order`.

    Raises
    ------
    ValueError
        If the estimator is of another type, or an argument is invalid.

    Warns
    -----
    ConvergenceWarning
        If the importance of a unit cannot be estimated, because it is off in less than five
        samples. The model without the unit is then too different; the standard error does not
        include this.

    See Also
    --------
    skrbm.plotting.FiltersDisplay : Shows the weights of the units in this order.

    Notes
    -----
    Units are removed one at a time. Two redundant units may both have little importance. A unit
    that is always on has a large importance, since the visible biases do not replace its
    contribution.

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
    check_fitted(estimator, DensityRBM, RBMS)
    rows = check_seen(estimator, X, allow_nan=False).values
    n_rows = check_count("n_rows", n_rows, maximum=rows.shape[0])
    n_samples = check_count("n_samples", n_samples, minimum=2)
    fitted = fitted_of(estimator)
    rbm, seed = fitted.rbm, fitted.seeds.seed(random_state)
    x = fitted.by_rows(fitted.placed_net.top.hidden_input, rows)
    activation = rbm.hidden.activations(rbm.hidden.mean(x))
    drive = x if activation.shape == x.shape else rbm.hidden.log_normalizers(x)
    mean = activation.mean(axis=0, dtype=np.float64)
    if min(rbm.visible.log2_states, rbm.hidden.log2_states) <= _EXACT_UNITS:
        without = _exact_log_ratios(rbm.in_float64())
    else:
        rng = random.generator(seed)
        without = _log_ratios(rbm, fitted.top_states(n_samples, _N_STEPS, "auto", rng))
    ratio, std_error, sample = np.array(without).T
    _warn_of_few(sample, n_samples)
    importance = ratio + [_added(rbm, x, j).mean() for j in range(len(ratio))]
    return UnitReport(
        most_activating=np.argsort(-drive, axis=0, kind="stable")[:n_rows].T,
        mean_activation=mean,
        saturated=rbm.hidden.saturated(mean),
        dead=activation.std(axis=0, dtype=np.float64) < _DEAD,
        importance=importance,
        importance_std_error=std_error,
        order=np.argsort(-importance, kind="stable"),
    )


def filters(estimator: Any, layer: int = 0) -> Array:
    r"""Compute the weights of every hidden unit of a layer, as patterns over the features.

    For an RBM, and for the lowest layer of a stack, the filters are its `components_`. A higher
    layer k is projected through the generation weights :math:`G_l`, of shape (units of layer l,
    units below it), of the layers below:

    .. math::

        \text{filters} = G_k G_{k-1} \cdots G_0.

    A filter is the contribution of a unit to the input of the visible units if the units between
    were linear with slope one. For Gaussian visible units it is the contribution to their means, in
    data units. The units between are in fact logistic, so only the pattern is meaningful, not its
    scale.

    Parameters
    ----------
    estimator : BernoulliRBM, GaussianBernoulliRBM, RBMClassifier or DeepBeliefNetwork
        A fitted estimator.
    layer : int, default=0
        Index of the layer in `rbms_`; 0 for an RBM.

    Returns
    -------
    filters : ndarray of shape (n_units, n_features)

    Raises
    ------
    ValueError
        If the estimator is of another type, or has no such layer.

    Examples
    --------
    >>> import numpy as np
    >>> from skrbm import BernoulliRBM, DeepBeliefNetwork
    >>> from skrbm.explain import filters
    >>> dbn = DeepBeliefNetwork((3, 2), rbm=BernoulliRBM(n_iter=9), random_state=0).fit(np.eye(4))
    >>> filters(dbn).shape, filters(dbn, layer=1).shape
    ((3, 4), (2, 4))
    """
    check_fitted(estimator, SHOWN, ALL_SHOWN)
    layer = check_count("layer", layer, minimum=0, maximum=len(_layers(estimator)) - 1)
    if not isinstance(estimator, DeepBeliefNetwork):
        return estimator.components_
    fitted = fitted_of(estimator)
    net = fitted.net
    downward = [*(conditional.weights for conditional in net.generation), net.top.weights.T]
    weights: Any = reduce(matmul, [x.dense for x in reversed(downward[: layer + 1])]).T
    return fitted.scaling.patterns(RBM(net.visible, net.top.hidden, weights))


def strength(estimator: Any, layer: int = 0) -> Array:
    r"""Compute the largest possible effect of each hidden unit, from its weights only.

    .. math::

        \Big( \sum_i \text{filters}_{ji}^2 / s_i^2 \Big)^{1/2},

    Here :math:`s_i^2` is the `variance_` of Gaussian visible units, and 1 for binary ones. For
    Gaussian visible units, half the square of the strength is the divergence, in nats, between
    their distributions with unit j on and off; for binary visible units the divergence is at most
    an eighth of the square. The strength does not depend on how often the unit is on, which
    requires rows of data, as in `describe`.

    Parameters
    ----------
    estimator : BernoulliRBM, GaussianBernoulliRBM, RBMClassifier or DeepBeliefNetwork
        A fitted estimator.
    layer : int, default=0
        Index of the layer in `rbms_`; 0 for an RBM.

    Returns
    -------
    strength : ndarray of float64 of shape (n_units,)

    Raises
    ------
    ValueError
        If the estimator is of another type, or has no such layer.

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
    variance = getattr(_layers(estimator)[0], "variance_", 1.0)
    return np.sqrt((patterns.astype(np.float64) ** 2 / variance).sum(axis=1))


def _layers(estimator: Any) -> list[Any]:
    """The RBMs of a stack, or the RBM itself."""
    return estimator.rbms_ if isinstance(estimator, DeepBeliefNetwork) else [estimator]


def _added(rbm: RBM, x: Array, j: int) -> Array:
    """Contribution of hidden unit j to minus the free energy of rows with hidden input x."""
    unit = slice(j, j + 1)
    return rbm.hidden.part(unit).log_normalizer(x[:, rbm.hidden.columns_of(unit)])


def _log_ratios(rbm: RBM, v: Array) -> list[LogRatio]:
    """`log Z_-j / Z` for every hidden unit j, from visible states of the model.

    The weight of a sample is the probability that the unit is silent, in state 0. Samples in which
    it is never silent carry no information about the model without it, even if their weights are
    equal. So the effective sample size is at most the sum of the weights, relative to a unit
    without bias and input.
    """
    x, neutral = rbm.hidden_input(v), rbm.hidden.neutral()
    ratios = []
    for j in range(rbm.hidden.n_units):
        ratio = mean_weight(-_added(rbm, x, j))
        silent = neutral.part(slice(j, j + 1)).log_normalizer(0.0)
        n_silent = len(v) * math.exp(ratio.value + silent)
        sample = min(ratio.effective_sample_size, n_silent)
        ratios.append(LogRatio(ratio.value, ratio.std_error, sample))
    return ratios


def _exact_log_ratios(rbm: RBM) -> list[LogRatio]:
    """`log Z_-j / Z` for every hidden unit j, from all states of the smaller layer."""
    if rbm.hidden.log2_states <= rbm.visible.log2_states:
        h = rbm.hidden.states()
        log_weight = -threads.by_rows(rbm.swap().free_energy, h)
        is_on = rbm.hidden.in_units(h != 0)
        without = [log_weight[~is_on[:, j]] for j in range(rbm.hidden.n_units)]
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
        warn_caller(
            f"the importance of {n_few} of {len(sample)} hidden units cannot be trusted: they are "
            f"on in nearly all of {n_samples} samples of the model. Use more n_samples.",
            ConvergenceWarning,
        )
