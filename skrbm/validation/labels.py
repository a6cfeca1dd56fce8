"""Checks of class labels and targets."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from skrbm._kernels import devices
from skrbm._kernels.devices import Array
from skrbm.validation.rows import check_real


def check_given(estimator: Any, name: str, value: Any) -> None:
    """Refuse None, with scikit-learn's message."""
    if value is None:
        owner = type(estimator).__name__
        raise ValueError(f"{owner} requires {name} to be passed, but the target {name} is None.")


def check_labels(estimator: Any, name: str, value: Any) -> Array:
    """Return class labels, one per row."""
    check_given(estimator, name, value)
    labels = _check_sortable(estimator, name, value)
    with np.errstate(invalid="ignore"):  # scikit-learn casts huge numbers to integers
        check_classification_targets(labels)
    return labels


def check_classes(estimator: Any, name: str, classes: Any, known: Any) -> Any:
    """Return all labels, sorted: the given ones in the first call, later the known ones.

    Parameters
    ----------
    estimator : estimator
    name : str
    classes : array-like or None
    known : ndarray or None
        None in the first call.
    """
    if known is None and classes is None:
        msg = f"{name} is None, must be all labels that there will be, at the first call."
        raise ValueError(msg)
    if classes is None:
        return known
    given = np.unique(_check_sortable(estimator, name, classes))
    if len(given) == 0:
        raise ValueError(f"{name} is empty, must be all labels that there will be.")
    if known is not None and not np.array_equal(given, known):
        msg = f"{name} == {given.tolist()!r}, must stay {known.tolist()!r}; fit starts anew."
        raise ValueError(msg)
    return given


def _check_sortable(estimator: Any, name: str, value: Any) -> Array:
    """Return one-dimensional labels that are complete and of one type."""
    labels = column_or_1d(devices.to_host(value), warn=True)
    if labels.dtype.kind == "f" and len(labels) > 0:
        check_real(labels, name, ensure_2d=False, estimator=estimator)
    try:
        np.unique(labels)
    except TypeError as error:
        msg = f"{name} has labels that cannot be sorted, must have some of one type and no gaps."
        raise ValueError(msg) from error
    return labels


def encode_labels(name: str, labels: Array, classes: Array) -> Array:
    """Index of every label in the sorted classes."""
    try:
        index = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
        unknown = labels[classes[index] != labels]
    except TypeError:  # labels and classes are of types that cannot be compared
        unknown = labels
    if len(unknown) > 0:
        label, known = unknown.tolist()[0], classes.tolist()
        raise ValueError(f"{name} has the label {label!r}, must have those of {known!r} alone.")
    return index


def check_targets(name: str, used: Array) -> None:
    """Refuse targets if no row with weight has one."""
    if not used.any():
        msg = f"{name} has no target for any of {len(used)} rows with weight, must have one."
        raise ValueError(msg)
