"""Checks of estimators: their types, their layers, and fits to resume."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skrbm.units import Bernoulli, Layer
from skrbm.validation.parameters import require


def check_kind(
    name: str,
    value: Any,
    kind: type | tuple[type, ...],
    description: str,
    alternative: str = "",
) -> None:
    """Refuse a value that is neither None, nor an estimator of these kinds, nor the alternative."""
    is_alternative = isinstance(value, str) and value == alternative != ""
    allowed = f"{alternative!r}, None" if alternative else "None"
    valid = value is None or isinstance(value, kind) or is_alternative
    require(valid, name, value, f"{allowed} or {description}")


def check_nested(estimator: Any, params: dict[str, Any], written: dict[str, str]) -> None:
    """Refuse a nested parameter of a parameter that is not an estimator.

    Parameters
    ----------
    estimator : estimator
    params : dict of str to object
        Parameters to set, which may be nested, such as `rbm__n_iter`.
    written : dict of str to str
        Code that makes an estimator, by the name of its parameter.
    """
    own = estimator.get_params(deep=False) | params
    owner = type(estimator).__name__
    for key in params:
        name, _, nested = key.partition("__")
        if nested and name in own and not hasattr(own[name], "set_params"):
            advice = f": write {owner}({name}={written[name]})" if name in written else ""
            raise ValueError(f"{owner}({name}={own[name]!r}) has no parameter {key}{advice}.")


def check_instance(name: str, value: Any, kind: type | tuple[type, ...], description: str) -> None:
    """Refuse a value that is not an estimator of these kinds."""
    require(isinstance(value, kind), name, value, description)


def check_fitted(estimator: Any, kind: type | tuple[type, ...], description: str) -> None:
    """Refuse an argument `estimator` that is not a fitted estimator of these kinds."""
    check_instance("estimator", estimator, kind, description)
    check_is_fitted(estimator)


def check_unfinished(estimator: Any, fit: Any) -> Any:
    """Return the state of an interrupted fit; refuse None."""
    if fit is None:
        owner = type(estimator).__name__
        raise ValueError(f"{owner} has no fit to resume, because no fit was interrupted; call fit.")
    return fit


def check_same_rows(name: str, n_rows: int, n_before: int) -> None:
    """Refuse a number of rows that differs from the number before the interruption."""
    if n_rows != n_before:
        msg = f"{name} has {n_rows} rows to train on, must be the {n_before} of the fit to resume."
        raise ValueError(msg)


def check_unchanged(estimator: Any, started_with: dict[str, Any]) -> None:
    """Refuse changes of parameters that must stay the same while a model is in training."""
    for name, value in started_with.items():
        now = getattr(estimator, name)
        if not np.array_equal(now, value):
            allowed = f"{value!r} to continue the training; fit with warm_start=False starts again."
            raise ValueError(f"{name} == {now!r}, must stay {allowed}")


def check_enumerable(name: str, layer_sizes: Collection[float], limit: int) -> None:
    """Refuse the option "exact" if no layer is small enough to enumerate.

    The size of a layer is the number of its binary units, or infinite.
    """
    smaller = min(layer_sizes)
    if smaller > limit:
        raise ValueError(
            f"{name} == 'exact' enumerates the smaller binary layer, which has {smaller:.0f} "
            f"units; at most {limit} are allowed."
        )


def check_stacked(rbm: Any, layer: int, n_layers: int, layers: tuple[Layer, Layer]) -> None:
    """Refuse an RBM that lacks the binary units needed for stacking it on or below another.

    `layers` are its visible and hidden units.
    """
    visible, hidden = (is_binary(units) for units in layers)
    if layer > 0 and not visible:
        raise ValueError(
            f"layer {layer + 1} of {n_layers} is {rbm!r}, but must have binary visible units, "
            "like the hidden units below: pass an RBM of real-valued data as visible_rbm."
        )
    if layer < n_layers - 1 and not hidden:
        raise ValueError(
            f"layer {layer + 1} of {n_layers} is {rbm!r}, but must have independent binary hidden "
            "units, as input of the next layer. An RBM with real-valued hidden units, or with "
            "shared=True, can be the top_rbm, or a step of a Pipeline."
        )


def is_binary(units: Layer) -> bool:
    """Whether a layer has binary units."""
    return units.has_type_of(Bernoulli(units.bias))


def check_same_device(lowest: Any, rbm: Any) -> None:
    """Refuse layers of one stack with different devices or precisions."""
    for name in ("device", "precision"):
        first, other = getattr(lowest, name), getattr(rbm, name)
        if first != other:
            msg = f"{name} == {first!r} must be the same in all layers, not {other!r}."
            raise ValueError(msg)


def check_binary_top(rbm: Any, hidden: Layer) -> None:
    """Refuse a top layer whose hidden units cannot be logistic units of a perceptron."""
    if not is_binary(hidden):
        raise ValueError(
            f"the top layer of dbn is {rbm!r}, but must have binary hidden units, which "
            "become logistic units of a perceptron."
        )
