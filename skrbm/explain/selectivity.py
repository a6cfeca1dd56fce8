"""The unit that separates two classes best, and the input that a unit prefers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array, check_consistent_length

from skrbm._kernels.arrays import to_dense
from skrbm._kernels.devices import Array
from skrbm.estimators.common.fitted import fitted_of
from skrbm.estimators.common.methods import check_seen
from skrbm.estimators.dbn.network import DeepBeliefNetwork
from skrbm.estimators.rbm.density import DensityRBM
from skrbm.validation.parameters import check_count, check_random_state, require

_STEP = 0.01  # of a difference, relative to the typical distance of a value from its mean


@dataclass(frozen=True, eq=False)
class BestUnit:
    """The unit that separates two classes best.

    Attributes
    ----------
    unit : int
        Index of the unit: of a column of `estimator.transform(X)`.
    threshold : float
        Rows with a value above the threshold are assigned to one class, all others to the other
        class.
    sign : int
        1 if rows above the threshold are assigned to the second class, in the order of
        `np.unique(y)`, and -1 if they are assigned to the first one.
    chosen_accuracy : float
        Accuracy on the rows for which unit, threshold and sign were chosen. It is biased upwards.
    accuracy : float
        Accuracy on the other rows.
    most_activating : ndarray of int of shape (n_rows,)
        Indices of the rows of X with the largest values of the unit, or with the smallest ones if
        `sign` is -1, in the order of the values.
    """

    unit: int
    threshold: float
    sign: int
    chosen_accuracy: float
    accuracy: float
    most_activating: Array


def best_unit(
    estimator: Any, X: Any, y: Any, n_rows: int = 5, *, random_state: Any = None
) -> BestUnit:
    r"""Find the unit that separates two classes best, by a threshold on its value alone.

    Unit j, threshold t and sign s have the largest accuracy on one half of the rows, with the
    values :math:`f_j(x)` of `transform` and the predictions

    .. math::

        \hat y = \text{second class} \quad \text{if} \quad s (f_j(x) - t) > 0.

    Their accuracy is then measured on the other half. Labels serve only for this choice, so a unit
    of a model that was trained without labels shows whether the model has learned the concept.

    Parameters
    ----------
    estimator : transformer
        Any fitted transformer: an RBM, a stack, or a pipeline.
    X : array-like of shape (n_samples, n_features)
        Rows that `estimator.transform` accepts.
    y : array-like of shape (n_samples,)
        Labels of two classes.
    n_rows : int, default=5
        Number of rows in `most_activating`.
    random_state : int, RandomState instance or None, default=None
        Seed of the split, which is `sklearn.model_selection.train_test_split(X, y, test_size=0.5,
        stratify=y, random_state=random_state)`. With this call, a model can be trained on the first
        half only.

    Returns
    -------
    best : BestUnit
        With the fields `unit`, `threshold`, `sign`, `chosen_accuracy`, `accuracy` and
        `most_activating`.

    Raises
    ------
    ValueError
        If y does not have two classes, or an argument is invalid.

    See Also
    --------
    preferred_input : The row that a unit prefers to all others.

    Examples
    --------
    >>> import numpy as np
    >>> from skrbm import BernoulliRBM
    >>> from skrbm.explain import best_unit
    >>> X = np.array([[0, 0, 0, 1], [1, 1, 1, 0]] * 50)
    >>> rbm = BernoulliRBM(n_components=2, n_iter=100, random_state=0).fit(X)
    >>> best_unit(rbm, X, X[:, 0], random_state=0).accuracy
    1.0
    """
    check_consistent_length(X, y)
    labels = np.asarray(y)
    classes = np.unique(labels)
    require(len(classes) == 2, "number of classes in y", len(classes), "2")
    n_rows = check_count("n_rows", n_rows, maximum=len(labels))
    is_second = labels == classes[1]
    chosen, others = train_test_split(
        np.arange(len(labels)),
        test_size=0.5,
        stratify=labels,
        random_state=check_random_state(random_state),
    )
    values = _values(estimator, X)
    unit, threshold, sign, accuracy = _best_threshold(values[chosen], is_second[chosen])
    signed = sign * values[:, unit]
    predicted = signed[others] > sign * threshold
    return BestUnit(
        unit=unit,
        threshold=threshold,
        sign=sign,
        chosen_accuracy=accuracy,
        accuracy=float((predicted == is_second[others]).mean()),
        most_activating=np.argsort(-signed, kind="stable")[:n_rows],
    )


def preferred_input(
    estimator: Any, unit: int | BestUnit, X: Any, *, bounds: Any = None, max_iter: int = 100
) -> Array:
    r"""Compute the input that excites a unit most, by gradient ascent.

    .. math::

        x^* = \arg\max_x s f_j(x) \quad \text{with} \quad \|x - m\| = r,

    for the value :math:`f_j` of unit j in `transform`, its sign s, and the mean m of the rows of X.
    The ascent starts at the row of X that excites the unit most, and r is its distance from m. So
    the result is as far from the mean as a row of data. With `bounds`, the values of x are limited
    instead.

    For an RBM, a stack, and a pipeline that ends in one of them, the ascent is of the input of the
    unit, with which :math:`f_j` increases, because means close to 1 have no gradient. The input of
    an RBM is linear in x, so the difference from m is proportional to the weights of the unit. For
    other transformers the maximum is local, and may be close to the start. Pass other rows as X,
    such as noise, for another start.

    Parameters
    ----------
    estimator : transformer
        Any fitted transformer: an RBM, a stack, or a pipeline. Its gradient is computed from
        differences, by one call of `transform` with `2 * n_features` rows.
    unit : int or BestUnit
        Index of a column of `estimator.transform(X)`, with the sign 1, or a result of `best_unit`,
        with its sign.
    X : array-like of shape (n_samples, n_features)
        Rows that `estimator.transform` accepts.
    bounds : tuple of float, default=None
        Smallest and largest value of a feature, such as (0, 1) for `BernoulliRBM`.
    max_iter : int, default=100
        Maximum number of steps.

    Returns
    -------
    x : ndarray of float64 of shape (n_features,)

    Raises
    ------
    ValueError
        If the estimator has no such unit, or an argument is invalid.

    See Also
    --------
    best_unit : The unit that separates two classes best.

    Notes
    -----
    L-BFGS chooses the steps.

    Examples
    --------
    >>> import numpy as np
    >>> from skrbm import BernoulliRBM
    >>> from skrbm.explain import preferred_input
    >>> rbm = BernoulliRBM(n_components=1, n_iter=0).fit(np.eye(3))
    >>> rbm.components_ = np.array([[1.0, -2.0, 3.0]])
    >>> preferred_input(rbm, 0, np.eye(3), bounds=(0, 1))
    array([1., 0., 1.])
    """
    max_iter = check_count("max_iter", max_iter)
    low, high = _limits(bounds)
    unit, sign = (unit.unit, unit.sign) if isinstance(unit, BestUnit) else (unit, 1)
    rows = check_array(X, dtype=np.float64)
    values = sign * _inputs(estimator, rows)
    unit = check_count("unit", unit, minimum=0, maximum=values.shape[1] - 1)
    centre, start = rows.mean(axis=0), rows[values[:, unit].argmax()]
    radius = float(np.linalg.norm(start - centre))
    step = _STEP * (radius or 1.0) / len(start) ** 0.5

    def ascent(x: Array) -> tuple[float, Array]:
        """The value of the unit and its gradient."""
        shifts = step * np.eye(len(x))
        up, down = np.minimum(x + shifts, high), np.maximum(x - shifts, low)
        f = sign * _inputs(estimator, np.vstack([x[None], up, down]))[:, unit]
        width = np.diag(up) - np.diag(down)
        return f[0], (f[1 : len(x) + 1] - f[len(x) + 1 :]) / width

    options = {"maxiter": max_iter}
    if bounds is not None:
        limits = [(low, high)] * len(start)
        return _maximum(ascent, np.clip(start, low, high), bounds=limits, options=options)

    def on_sphere(u: Array) -> tuple[float, Array]:
        """The value and the gradient at the point of the sphere in the direction of u."""
        norm = np.linalg.norm(u)
        direction = u / norm
        f, slope = ascent(centre + radius * direction)
        return f, radius / norm * (slope - (slope @ direction) * direction)

    if radius == 0:
        return start
    u = _maximum(on_sphere, (start - centre) / radius, options=options)
    return centre + radius * u / np.linalg.norm(u)


def _values(estimator: Any, X: Any) -> Array:
    """The values of all units, as an array of float64."""
    return np.asarray(to_dense(estimator.transform(X)), dtype=np.float64)


def _inputs(estimator: Any, X: Any) -> Array:
    """Inputs of the hidden units of a model, or else values, as an array of float64."""
    if isinstance(estimator, Pipeline):
        rows = estimator[:-1].transform(X) if len(estimator) > 1 else X
        return _inputs(estimator[-1], rows)
    has_inputs = isinstance(estimator, DensityRBM | DeepBeliefNetwork)
    if not has_inputs or getattr(estimator, "output", "top") == "all":
        return _values(estimator, X)
    rows = check_seen(estimator, X, allow_nan=False).values
    fitted = fitted_of(estimator)
    net = fitted.placed_net

    def top_input(v: Any) -> Array:
        return net.top.hidden_input([v, *net.means(v)][-2])

    return np.asarray(fitted.by_rows(top_input, rows), dtype=np.float64)


def _best_threshold(values: Array, is_second: Array) -> tuple[int, float, int, float]:
    """The column, threshold and sign of largest accuracy, and this accuracy.

    A threshold is below all values, or in the middle between two successive values.
    """
    order = np.argsort(values, axis=0, kind="stable")
    ascending = np.take_along_axis(values, order, axis=0)
    lower = np.vstack([np.full_like(ascending[:1], -np.inf), ascending[:-1]])
    # The number of rows above a threshold that are of the second class, less the first class.
    steps = np.where(is_second[order], 1, -1)
    excess = steps[::-1].cumsum(axis=0)[::-1]
    n_second = int(is_second.sum())
    # Right are the excess of the rows above, and the rows of the first class.
    right = np.stack([excess + len(values) - n_second, n_second - excess])
    right = np.where(ascending > lower, right, -1)
    sign, i, unit = np.unravel_index(int(right.argmax()), right.shape)
    threshold = (lower[i, unit] + ascending[i, unit]) / 2
    return int(unit), float(threshold), (1, -1)[sign], float(right.max() / len(values))


def _limits(bounds: Any) -> tuple[float, float]:
    """The smallest and the largest value of a feature."""
    if bounds is None:
        return -np.inf, np.inf
    limits = np.asarray(bounds)
    valid = limits.dtype.kind in "iuf" and limits.shape == (2,) and limits[0] < limits[1]
    require(valid, "bounds", bounds, "None or a smallest and a larger number")
    return float(limits[0]), float(limits[1])


def _maximum(
    ascent: Callable[[Array], tuple[float, Array]], start: Array, **settings: Any
) -> Array:
    """A local maximum of a function that returns its value and its gradient."""

    def descent(x: Array) -> tuple[float, Array]:
        f, slope = ascent(x)
        return -f, -slope

    return minimize(descent, start, jac=True, method="L-BFGS-B", **settings).x
