"""Checks of class labels and targets."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from skrbm._kernels import devices
from skrbm._kernels.devices import Array
from skrbm.validation.parameters import as_number, require
from skrbm.validation.rows import check_real


def check_given(estimator: Any, name: str, value: Any) -> None:
    """Refuse None, with scikit-learn's message."""
    if value is None:
        owner = type(estimator).__name__
        raise ValueError(f"{owner} requires {name} to be passed, but the target {name} is None.")


def check_labels(estimator: Any, name: str, value: Any) -> Array:
    """Return class labels, one per row."""
    check_given(estimator, name, value)
    return _check_kind(_check_sortable(estimator, name, value))


def check_some_labels(estimator: Any, name: str, value: Any, unlabeled: Any) -> tuple[Array, Array]:
    """Return class labels, and a mask of the rows that have one; the others repeat any label.

    A row has no label if its label is None or NaN, or equals `unlabeled`.
    """
    is_label = isinstance(unlabeled, str | bytes) or not hasattr(unlabeled, "__len__")
    require(is_label, "unlabeled", unlabeled, "None or a label")
    check_given(estimator, name, value)
    given = _column(value)
    known = ~_are_missing(given)
    if not _is_missing(unlabeled):
        known &= np.array([_differ(label, unlabeled) for label in given.tolist()], bool)
    if not known.any():
        return given, known
    labels = _check_kind(_check_sortable(estimator, name, given[known]))
    return labels[np.maximum(known.cumsum() - 1, 0)], known


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
        msg = f"{name} is None, must be all labels that will occur, in the first call."
        raise ValueError(msg)
    if classes is None:
        return known
    given = np.unique(_check_sortable(estimator, name, classes))
    if len(given) == 0:
        raise ValueError(f"{name} is empty, must be all labels that will occur.")
    if known is not None and not np.array_equal(given, known):
        msg = f"{name} == {given.tolist()!r}, must stay {known.tolist()!r}; fit starts again."
        raise ValueError(msg)
    return given


def _check_kind(labels: Array) -> Array:
    """Refuse labels that are not classes, for example fractions."""
    with np.errstate(invalid="ignore"):  # scikit-learn casts huge numbers to integers
        check_classification_targets(labels)
    return labels


def _check_sortable(estimator: Any, name: str, value: Any) -> Array:
    """Return one-dimensional labels that are complete and of one type."""
    labels = _column(value)
    missing = _are_missing(labels)
    if missing.any():
        row = int(missing.argmax())
        raise ValueError(
            f"{name}[{row}] == {labels[row]!r} is a missing label, must be a label: only "
            "DBNClassifier accepts rows without one."
        )
    labels = _natural(labels)
    if labels.dtype.kind == "f" and len(labels) > 0:
        check_real(labels, name, ensure_2d=False, estimator=estimator)
    try:
        np.unique(labels)
    except TypeError as error:
        msg = f"{name} has labels that cannot be sorted, must have labels of one type."
        raise ValueError(msg) from error
    return labels


def _column(value: Any) -> Array:
    """Return labels as an array, in which nullable integers and booleans keep their type."""
    if hasattr(value, "to_list") and not isinstance(getattr(value, "dtype", None), np.dtype):
        value = np.fromiter(value.to_list(), object, len(value))
    return column_or_1d(devices.to_host(value), warn=True)


def _natural(labels: Array) -> Array:
    """Return objects that are all numbers as an array of numbers."""
    if labels.dtype != object:
        return labels
    try:
        natural = np.array(labels.tolist())
    except ValueError:  # sequences of different lengths
        return labels
    return natural if natural.dtype.kind in "biuf" and natural.ndim == 1 else labels


def _are_missing(labels: Array) -> Array:
    """Mask of the missing labels."""
    if labels.dtype != object:
        return labels != labels
    return np.array([_is_missing(label) for label in labels], bool)


def _is_missing(label: Any) -> bool:
    """Whether a label is None, NaN, or NA or NaT of pandas; only these differ from themselves."""
    return label is None or _differ(label, label)


def _differ(a: Any, b: Any) -> bool:
    different = a != b
    if isinstance(different, bool | np.bool_):
        return bool(different)
    return np.ndim(different) == 0  # NA of pandas is neither equal nor different


def check_class_weight(name: str, value: Any) -> None:
    """Refuse a value that gives no weight of a class."""
    of_classes = value.values() if isinstance(value, dict) else []
    valid = (
        value is None or isinstance(value, dict) or (isinstance(value, str) and value == "balanced")
    )
    valid = valid and all(0 <= as_number(weight) < np.inf for weight in of_classes)
    require(valid, name, value, "None, 'balanced', or a dict from labels to finite numbers >= 0")


def check_streamed_weight(name: str, value: Any) -> None:
    """Refuse weights that depend on rows of later calls of partial_fit."""
    if isinstance(value, str):
        raise ValueError(
            f"{name} == {value!r}, must be None or a dict for partial_fit, because the rows of "
            "later calls are unknown."
        )


def with_class_weight(class_weight: Any, labels: Array, weights: Array) -> Array:
    """Multiply the weights of rows by the weights of their classes.

    Balanced weights give all classes the same total weight, which is a share of the total weight.
    """
    used = np.flatnonzero(weights)
    classes, index = np.unique(labels[used], return_inverse=True)
    of_rows = {"y": labels[used], "sample_weight": weights[used]}
    weights = weights.copy()
    weights[used] *= compute_class_weight(class_weight, classes=classes, **of_rows)[index]
    require(weights.any(), "class_weight", class_weight, "above 0 for the label of some row")
    return weights


def encode_labels(name: str, labels: Array, classes: Array) -> Array:
    """Index of every label in the sorted classes."""
    try:
        index = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
        unknown = labels[classes[index] != labels]
    except TypeError:  # labels and classes are of types that cannot be compared
        unknown = labels
    if len(unknown) > 0:
        label, known = unknown.tolist()[0], classes.tolist()
        raise ValueError(f"{name} has the label {label!r}, must have one of {known!r}.")
    return index


def check_n_targets(name: str, y: Array, n_before: int) -> None:
    """Refuse another number of targets per row than before."""
    n = y.size // len(y)
    if n != n_before:
        raise ValueError(f"{name} has {n} targets per row, must stay {n_before}; fit starts again.")


def check_targets(name: str, used: Array) -> None:
    """Refuse targets if no row with weight has one."""
    if not used.any():
        msg = (
            f"{name} has no label or target in any of {len(used)} rows with weight, must have one."
        )
        raise ValueError(msg)
