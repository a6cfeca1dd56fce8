"""Estimators, and what they are made of or go on with."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np


def check_kind(name: str, value: Any, kind: type, description: str) -> None:
    """None, or an estimator of the kind that is described."""
    if value is not None and not isinstance(value, kind):
        msg = f"{name} == {value!r}, must be None or {description}."
        raise ValueError(msg)


def check_instance(name: str, value: Any, kind: type | tuple[type, ...], description: str) -> None:
    """An estimator of one of the kinds that are described."""
    if not isinstance(value, kind):
        msg = f"{name} == {value!r}, must be {description}."
        raise ValueError(msg)


def check_unfinished(estimator: Any) -> None:
    """An estimator whose fit was interrupted."""
    if not hasattr(estimator, "_unfinished"):
        msg = (
            f"{type(estimator).__name__} has no fit to resume: none was interrupted after its "
            "start; call fit."
        )
        raise ValueError(msg)


def check_same_rows(name: str, n_rows: int, n_before: int) -> None:
    """As many rows as before."""
    if n_rows != n_before:
        msg = f"{name} has {n_rows} rows to train on, must be the {n_before} of the fit to resume."
        raise ValueError(msg)


def check_unchanged(estimator: Any, started_with: dict[str, Any]) -> None:
    """Parameters that cannot change while a model is in training."""
    for name, value in started_with.items():
        now = getattr(estimator, name)
        if not np.array_equal(now, value):
            msg = (
                f"{name} == {now!r}, must stay {value!r} for partial_fit to go on; fit starts anew."
            )
            raise ValueError(msg)


def check_enumerable(name: str, layer_sizes: Collection[float], limit: int) -> None:
    """A layer whose states can all be visited, for a parameter that says "exact".

    The size of a layer is the number of its binary units, or infinite.
    """
    smaller = min(layer_sizes)
    if smaller > limit:
        msg = (
            f"{name} == 'exact' enumerates the smaller binary layer, which has {smaller:.0f} "
            f"units; at most {limit} are allowed."
        )
        raise ValueError(msg)


def check_binary_between(
    rbm: Any, layer: int, n_layers: int, visible: float, hidden: float
) -> None:
    """An RBM whose units are binary where another layer is put on them, or they on another.

    The sizes of its layers are the numbers of their binary units, or infinite.
    """
    if layer > 0 and visible == math.inf:
        msg = (
            f"layer {layer + 1} of {n_layers} is {rbm!r}, but must have binary visible units, "
            "which are the hidden ones of the layer below: an RBM of real-valued data is a "
            "visible_rbm."
        )
        raise ValueError(msg)
    if layer < n_layers - 1 and hidden == math.inf:
        msg = (
            f"layer {layer + 1} of {n_layers} is {rbm!r}, but must have binary hidden units, "
            "since the next layer is put on them: an RBM with real-valued ones is a top_rbm."
        )
        raise ValueError(msg)


def check_same_device(lowest: Any, rbm: Any) -> None:
    """Layers of one stack, which compute in one place."""
    for name in ("device", "precision"):
        first, other = getattr(lowest, name), getattr(rbm, name)
        if first != other:
            msg = f"{name} == {first!r} of the lowest layer must be that of all, not {other!r}."
            raise ValueError(msg)


def check_binary_top(rbm: Any) -> None:
    """An RBM whose hidden units a perceptron's logistic ones can be."""
    _, hidden = rbm._layer_sizes(1)
    if hidden == math.inf:
        msg = (
            f"the uppermost layer of dbn is {rbm!r}, but must have binary hidden units, whose "
            "means are the logistic units of a perceptron."
        )
        raise ValueError(msg)
