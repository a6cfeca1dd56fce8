"""The door: arguments are checked before any work, with one sentence that says what is wrong."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Collection, Mapping
from importlib import import_module
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple

import joblib
import numpy as np
import sklearn.utils
from scipy import sparse
from sklearn.utils import check_array, check_consistent_length, column_or_1d, gen_batches
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.sparsefuncs import min_max_axis
from sklearn.utils.validation import validate_data

from skrbm import _kernels
from skrbm._kernels import BLOCK_ROWS, Array
from skrbm.row_access import TensorRows, access, part
from skrbm.units import Layer

_OWN_PACKAGES = ("skrbm", "sklearn")


class Domain(NamedTuple):
    """Which data visible units take: numbers from low to high, and sparse matrices or not."""

    units: str
    low: float
    high: float
    remedy: str
    accept_sparse: Literal["csr", False] = False


UNIT_INTERVAL = Domain(
    "Bernoulli",
    0.0,
    1.0,
    "Scale the data first, for example with sklearn.preprocessing.MinMaxScaler, or use "
    "skrbm.GaussianBernoulliRBM.",
    "csr",
)
# Sums of squares are finite in float64, and differences in float32.
REAL_LINE = Domain("Gaussian", -1e38, 1e38, "Take logarithms of the data first.")

_LARGEST_COUNT = 2**31 - 1
_SMALLEST_RATE = 1e-30
_LARGEST_HIDDEN = 1e30  # which weights can be multiplied with, in float32
_NEGLIGIBLE = 1e-30  # share of the largest weight: no mean and no variance can tell it from zero

PRECISIONS = ("float32", "tf32", "bfloat16")  # of the factors of products
INPUTS = ("mean", "sample")  # how classifiers take values between two states: as they are, or drawn


def check_count(
    name: str,
    value: Any,
    minimum: int = 1,
    maximum: int = _LARGEST_COUNT,
    alternative: str | None = None,
) -> int:
    """An integer between two bounds, or above one; the sentence names an alternative to it."""
    if not isinstance(value, Integral) or not minimum <= int(value) <= maximum:
        other = f"{alternative!r} or " if alternative else ""
        above = isinstance(value, Integral) and int(value) > maximum
        limit = f" and <= {maximum}" if above or maximum < _LARGEST_COUNT else ""
        msg = f"{name} == {value!r}, must be {other}an integer >= {minimum}{limit}."
        raise ValueError(msg)
    return int(value)


def check_jobs(name: str, value: Any) -> int | None:
    """A number of threads: at least one, -1 for one a core, or None."""
    if value is None:
        return None
    if not isinstance(value, Integral) or not (value == -1 or 1 <= int(value) <= _LARGEST_COUNT):
        msg = f"{name} == {value!r}, must be None, -1 or an integer >= 1."
        raise ValueError(msg)
    return joblib.effective_n_jobs(int(value))


def check_sizes(name: str, value: Any) -> None:
    """An integer of at least one, or some of them."""
    sizes = value if isinstance(value, list | tuple) or np.ndim(value) == 1 else [value]
    counts = (isinstance(n, Integral) and 1 <= int(n) <= _LARGEST_COUNT for n in sizes)
    if len(sizes) == 0 or not all(counts):
        msg = f"{name} == {value!r}, must be an integer >= 1 or a tuple of such integers."
        raise ValueError(msg)


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


def check_image_shape(name: str, value: Any, n_features: int) -> tuple[int, int]:
    """Height and width of an image of all columns; for None those of a square."""
    side = math.isqrt(n_features)
    if value is None and side**2 == n_features:
        return side, side
    numbers = value if isinstance(value, list | tuple) else ()
    pair = len(numbers) == 2 and all(isinstance(n, Integral) and int(n) >= 1 for n in numbers)
    if not pair or math.prod(numbers) != n_features:
        msg = (
            f"{name} == {value!r}, must be the height and width of an image of {n_features} "
            "columns, or None where these make a square."
        )
        raise ValueError(msg)
    return int(numbers[0]), int(numbers[1])


def check_steps(name: str, value: Any) -> list[int]:
    """Numbers of steps at which chains are looked at: at least one of them, none below the last."""
    steps = list(value) if isinstance(value, list | tuple | range | np.ndarray) else []
    counts = all(isinstance(n, Integral) and int(n) >= 0 for n in steps)
    if not steps or not counts or steps != sorted(steps):
        msg = f"{name} == {value!r}, must be integers >= 0 in ascending order."
        raise ValueError(msg)
    return [int(n) for n in steps]


def check_rate(name: str, value: Any, alternative: str) -> None:
    """A finite number above zero, or the alternative to it."""
    if isinstance(value, str) and value == alternative:
        return
    number = _number(value)
    if not _SMALLEST_RATE <= number <= 1 / _SMALLEST_RATE:
        limit = ", from 1e-30 to 1e30" if 0 < number < math.inf else ""
        msg = f"{name} == {value!r}, must be {alternative!r} or a finite number > 0{limit}."
        raise ValueError(msg)


def check_log_odds(name: str, value: Any, alternative: str) -> None:
    """A number whose logistic is not 0 or 1 in float32, or the alternative to it."""
    if isinstance(value, str) and value == alternative:
        return
    if not -80 <= _number(value) <= 80:
        msg = f"{name} == {value!r}, must be {alternative!r} or a number >= -80 and <= 80."
        raise ValueError(msg)


def check_fraction(name: str, value: Any) -> None:
    """A number between zero and one."""
    if not 0 < _number(value) < 1:
        msg = f"{name} == {value!r}, must be a number > 0 and < 1."
        raise ValueError(msg)


def check_contamination(name: str, value: Any) -> None:
    """A number above zero, and at most one half."""
    if not 0 < _number(value) <= 0.5:
        msg = f"{name} == {value!r}, must be a number > 0 and <= 0.5."
        raise ValueError(msg)


def check_share(name: str, value: Any) -> None:
    """A number from zero to one."""
    if not 0 <= _number(value) <= 1:
        msg = f"{name} == {value!r}, must be a number >= 0 and <= 1."
        raise ValueError(msg)


def check_split(name: str, fraction: float, n_rows: int) -> None:
    """A fraction of the rows, rounded up, that leaves some."""
    if math.ceil(fraction * n_rows) >= n_rows:
        msg = f"{name} == {fraction!r} of {n_rows} rows with weight must leave one to train on."
        raise ValueError(msg)


def check_tolerance(name: str, value: Any) -> None:
    """A finite number, zero or more."""
    if not 0 <= _number(value) < math.inf:
        msg = f"{name} == {value!r}, must be a finite number >= 0."
        raise ValueError(msg)


def check_on_cluster(name: str, value: Any, allowed: Any) -> None:
    """The one value of a parameter that a fit on a cluster knows."""
    if value != allowed:
        msg = f"{name} == {value!r}, must be {allowed!r} on a cluster."
        raise ValueError(msg)


def check_flag(name: str, value: Any) -> None:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        msg = f"{name} == {value!r}, must be True or False."
        raise ValueError(msg)


def check_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """One of the choices."""
    if not isinstance(value, str) or value not in choices:
        msg = f"{name} == {value!r}, must be one of {', '.join(map(repr, choices))}."
        raise ValueError(msg)
    return value


def check_variance(
    name: str, value: Any, choices: Collection[str], n_features: int
) -> Array | None:
    """None for one of the choices, or else variances > 0, one for each column."""
    if isinstance(value, str) and value in choices:
        return None
    numbers = np.asarray(value)
    positive = numbers.dtype.kind in "iuf" and bool(np.all((numbers > 0) & np.isfinite(numbers)))
    if not positive or numbers.shape not in ((), (n_features,)):
        msg = (
            f"{name} == {value!r}, must be one of {', '.join(map(repr, choices))}, or one finite "
            f"number > 0 for all columns or for each of {n_features}."
        )
        raise ValueError(msg)
    return np.broadcast_to(numbers.astype(np.float64), (n_features,))


def check_random_state(random_state: Any) -> np.random.RandomState:
    """What scikit-learn makes of a random_state."""
    try:
        return sklearn.utils.check_random_state(random_state)
    except ValueError as error:
        msg = f"random_state == {random_state!r}, must be None, an int or a RandomState."
        raise ValueError(msg) from error


def check_seed(random_state: Any) -> int:
    """A seed from a random_state as scikit-learn takes it."""
    return check_seeds(random_state, 1)[0]


def check_seeds(random_state: Any, n: int) -> list[int]:
    """So many independent seeds from a random_state as scikit-learn takes it."""
    words = check_random_state(random_state).randint(2**32, size=4, dtype=np.uint32)
    seeds = np.random.SeedSequence(words.tolist()).spawn(n)
    return [int(seed.generate_state(1, np.uint64)[0] >> 1) for seed in seeds]


def check_device(name: str, value: Any) -> str | None:
    """None, or a device that PyTorch has here."""
    if value is None:
        return None
    if not isinstance(value, str):
        msg = f"{name} == {value!r}, must be None or the name of a device, such as 'cpu' or 'cuda'."
        raise ValueError(msg)
    try:
        torch = import_module("torch")
    except ImportError as error:
        msg = f"{name} == {value!r} needs PyTorch, skrbm's extra: pip install 'skrbm[torch]'."
        raise ImportError(msg) from error
    n_cuda = torch.cuda.device_count()
    here = ["cpu", *["cuda"][:n_cuda], *(f"cuda:{i}" for i in range(n_cuda))]
    here += ["mps"] * torch.backends.mps.is_available()
    if value not in here:
        known = ", ".join(map(repr, here))
        msg = f"{name} == {value!r}, must be None or a device that is here: {known}."
        raise ValueError(msg)
    return value


def check_precision(name: str, value: Any, device: str | None) -> None:
    """A precision that the factors of products on the device can have."""
    check_choice(name, value, PRECISIONS)
    if value == "bfloat16" and device is None:
        msg = f"{name} == {value!r}, must be 'float32' with numpy; device='cpu' has others."
        raise ValueError(msg)
    if value == "tf32" and not str(device).startswith("cuda"):
        msg = f"{name} == {value!r}, must be 'float32' or 'bfloat16' where no device is 'cuda'."
        raise ValueError(msg)


def check_precision_of(name: str, value: str, dtype: Any) -> None:
    """A precision that a model of this dtype can have."""
    if value != "float32" and str(dtype) != "float32":
        msg = f"{name} == {value!r}, must be 'float32' for a model of {dtype}."
        raise ValueError(msg)


def check_device_of(name: str, value: str | None, dtype: Any) -> None:
    """A device that can hold a model of this dtype."""
    if str(dtype) == "float64" and not _kernels.has_float64(value):
        msg = f"{name} == {value!r} has no float64: data must be of float32, or small integers."
        raise ValueError(msg)


def check_callbacks(name: str, value: Any) -> None:
    """None, something to call, or a list of such."""
    callbacks = value if isinstance(value, list | tuple) else [value]
    if value is not None and not all(map(callable, callbacks)):
        msg = f"{name} == {value!r}, must be None, a callable or a list of callables."
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


def check_visible(
    estimator: Any, X: Any, name: str, domain: Domain, *, allow_nan: bool = False
) -> Any:
    """Finite data of the fitted columns, as an array or a CSR matrix of its own number type."""
    rows = check_rows(estimator, X, name, domain, allow_nan=allow_nan)
    check_columns(estimator, X, reset=False)
    return rows


def check_rows(
    estimator: Any, X: Any, name: str, domain: Domain, *, allow_nan: bool = False
) -> Any:
    """Finite data of any number of columns, as an array or a CSR matrix of its own number type."""
    rows, inside = _check_numbers(estimator, X, name, domain, allow_nan=allow_nan)
    return rows if inside else _within(domain, X, rows, name)


def check_weighted(
    estimator: Any, X: Any, sample_weight: Any, domain: Domain, *, allow_nan: bool = False
) -> tuple[Any, Array]:
    """Finite rows and their weights, without the rows of weight zero; large files stay files."""
    rows, inside = _check_numbers(estimator, X, "X", domain, allow_nan=allow_nan)
    rows, weights = access(rows), check_weights(sample_weight, rows)
    if not weights.all():
        used = np.flatnonzero(weights)
        rows, weights = part(rows, used), weights[used]
    return rows if inside else _within(domain, X, rows, "X"), weights


def check_columns(estimator: Any, X: Any, *, reset: bool) -> None:
    """Columns in number and name as fitted; with reset, those of X are remembered."""
    validate_data(estimator, X, reset=reset, skip_check_array=True)


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


def check_given(estimator: Any, name: str, value: Any) -> None:
    """Anything but None, in scikit-learn's words."""
    if value is None:
        owner = type(estimator).__name__
        msg = f"{owner} requires {name} to be passed, but the target {name} is None."
        raise ValueError(msg)


def check_labels(estimator: Any, name: str, value: Any) -> Array:
    """Labels of classes, one a row."""
    check_given(estimator, name, value)
    labels = _check_sortable(estimator, name, value)
    with np.errstate(invalid="ignore"):  # is a huge number an integer?
        check_classification_targets(labels)
    return labels


def check_classes(estimator: Any, name: str, classes: Any, known: Any) -> Any:
    """All labels that there will be, sorted: those given at first, which are the known ones later.

    Parameters
    ----------
    estimator : estimator
    name : str
    classes : array-like or None
    known : ndarray or None
        None at first.
    """
    if known is None and classes is None:
        msg = f"{name} is None, must be all labels that there will be, at the first call."
        raise ValueError(msg)
    if classes is None:
        return known
    given = np.unique(_check_sortable(estimator, name, classes))
    if len(given) == 0:
        msg = f"{name} is empty, must be all labels that there will be."
        raise ValueError(msg)
    if known is not None and not np.array_equal(given, known):
        msg = f"{name} == {given.tolist()!r}, must stay {known.tolist()!r}; fit starts anew."
        raise ValueError(msg)
    return given


def _check_sortable(estimator: Any, name: str, value: Any) -> Array:
    """Labels in one dimension that are all there, and of one type."""
    labels = column_or_1d(_kernels.to_host(value), warn=True)
    if labels.dtype.kind == "f" and len(labels) > 0:
        check_real(labels, name, ensure_2d=False, estimator=estimator)
    try:
        np.unique(labels)
    except TypeError as error:
        msg = f"{name} has labels that cannot be sorted, must have some of one type and no gaps."
        raise ValueError(msg) from error
    return labels


def encode_labels(name: str, labels: Array, classes: Array) -> Array:
    """Index of every label among the classes, which are sorted."""
    try:
        index = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
        unknown = labels[classes[index] != labels]
    except TypeError:  # they cannot even be compared
        unknown = labels
    if len(unknown) > 0:
        label, known = unknown.tolist()[0], classes.tolist()
        msg = f"{name} has the label {label!r}, must have those of {known!r} alone."
        raise ValueError(msg)
    return index


def check_targets(name: str, used: Array) -> None:
    """At least one row that has a target, and weight."""
    if not used.any():
        msg = f"{name} has no target for any of {len(used)} rows with weight, must have one."
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


def check_real(X: Any, name: str, **options: Any) -> Any:
    """Real numbers, by scikit-learn's checks and in its words; a tensor's memory is shared."""
    if _kernels.is_tensor(X) and str(X.layout) != "torch.strided":
        msg = f"{name} is a tensor of {X.layout}, must be dense, or a matrix of scipy.sparse."
        raise ValueError(msg)
    X = _kernels.to_host(X)
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # which end as infinity or NaN
            checked = check_array(X, input_name=name, **options)
    except OverflowError as error:
        msg = f"{name} has an integer that is too large for a float, must have finite numbers."
        raise ValueError(msg) from error
    if checked.dtype.kind not in "biuf":
        msg = f"{name} is an array of {checked.dtype}, must be of real numbers."
        raise ValueError(msg)
    return checked


def check_weights(sample_weight: Any, X: Any) -> Array:
    """One non-negative weight a row, not all zero; ones for None, and a number for every row."""
    n_rows = X.shape[0]
    if sample_weight is None or isinstance(sample_weight, Real):
        sample_weight = np.full(n_rows, 1.0 if sample_weight is None else sample_weight)
    weights = check_real(sample_weight, "sample_weight", dtype=np.float64, ensure_2d=False)
    if weights.ndim != 1:
        msg = f"sample_weight has {weights.ndim} dimensions, must have 1."
        raise ValueError(msg)
    check_consistent_length(X, weights)
    low, high = weights.min(), weights.max()
    if low < 0 or high == 0 or high > np.finfo(np.float64).max / len(weights):
        msg = (
            f"sample_weight ranges from {low:g} to {high:g}, must be >= 0 with a finite sum, and "
            "not all zero."
        )
        raise ValueError(msg)
    return np.where(weights < _NEGLIGIBLE * high, 0, weights)


def check_hidden(estimator: Any, H: Any, name: str, n_units: int, dtype: Any) -> Array:
    """Finite hidden states, a column a unit, in the dtype of the model's weights."""
    checked = check_real(H, name, dtype=dtype, estimator=estimator)
    if checked.shape[1] != n_units:
        msg = (
            f"{name} has {checked.shape[1]} columns, must have one for each of {n_units} hidden "
            "units."
        )
        raise ValueError(msg)
    largest = abs(checked).max()
    if largest > _LARGEST_HIDDEN:
        msg = f"{name} has a value of size {largest:g}, must have none above {_LARGEST_HIDDEN:g}."
        raise ValueError(msg)
    return checked


def _check_numbers(
    estimator: Any, X: Any, name: str, domain: Domain, *, allow_nan: bool
) -> tuple[Any, bool]:
    """Finite numbers of their own type, as an array or a CSR matrix without a copy.

    Also whether all of them lie in the domain: one look at the data tells both. NaN may stand for
    what is missing in an array.
    """
    rows = _rows_of(estimator, X, name, domain)
    low, high = (0, 1) if rows.dtype == bool else _kernels.bounds(rows)
    if np.isnan(low):
        allow_nan = allow_nan and not sparse.issparse(rows)
        if not allow_nan and hasattr(estimator, "missing_values"):
            msg = (
                f"{name} contains NaN, must not: NaN in an array is a missing value for impute, "
                "and with missing_values='allow' for fit, transform, score and score_samples."
            )
            raise ValueError(msg)
        if allow_nan:
            of_columns = _column_bounds(rows)
            low, high = float(np.fmin.reduce(of_columns[0])), float(np.fmax.reduce(of_columns[1]))
    if (low >= domain.low and high <= domain.high) or np.isnan(low) and allow_nan:
        return rows, True
    ends = np.array([[low, high]]).astype(rows.dtype)
    check_real(
        ends, name, ensure_all_finite="allow-nan" if allow_nan else True, estimator=estimator
    )
    return rows, False


def _rows_of(estimator: Any, X: Any, name: str, domain: Domain) -> Any:
    """X as an array, a CSR matrix in canonical format, or rows that stay on a device."""
    options = {"ensure_all_finite": False, "estimator": estimator}
    if _kernels.is_elsewhere(X):
        rows = TensorRows(X.detach())
        # Scikit-learn judges an array of the same shape and type, which takes no memory.
        check_real(np.broadcast_to(np.zeros((), rows.dtype), rows.shape), name, **options)
        if rows.dtype.kind != "u" or rows.dtype.itemsize == 1:  # others torch does not compare
            return rows
    rows = check_real(X, name, accept_sparse=domain.accept_sparse, **options)
    if sparse.issparse(rows) and not rows.has_canonical_format:
        rows = rows.copy()  # scipy would sort and sum the caller's own entries
        rows.sum_duplicates()
    return rows


def check_given_values(estimator: Any, name: str, given: Any) -> Array:
    """One value a fitted column, NaN where there is none, from a row or from values by column."""
    n_features = estimator.n_features_in_
    if not isinstance(given, Mapping):
        row = np.asarray(given)
        if row.dtype.kind not in "buif" or row.shape != (n_features,):
            msg = (
                f"{name} is an array of {row.dtype} of shape {row.shape}, must be of numbers, one "
                f"for each of {n_features} columns, with NaN where it is free."
            )
            raise ValueError(msg)
        with np.errstate(over="ignore"):  # what is infinite is refused
            return row.astype(np.float64)
    names = list(getattr(estimator, "feature_names_in_", []))
    row = np.full(n_features, np.nan)
    for column, value in given.items():
        known = column in names if isinstance(column, str) else isinstance(column, Integral)
        index = names.index(column) if known and isinstance(column, str) else column
        if not known or not 0 <= index < n_features:
            msg = (
                f"{name} has the column {column!r}, must have indices from 0 to {n_features - 1} "
                "or names that fit has seen."
            )
            raise ValueError(msg)
        if not isinstance(value, Real):
            msg = f"{name}[{column!r}] == {value!r}, must be a number."
            raise ValueError(msg)
        row[index] = _number(value)
    return row


def check_states(name: str, rows: Array, layer: Layer) -> None:
    """Values that are states of a layer, apart from NaN."""
    known = rows[~np.isnan(rows)]
    if not layer.are_states([known]):
        msg = f"{name} has the values {known}, must have states of binary units, 0 or 1, and NaN."
        raise ValueError(msg)


def check_seen(name: str, X: Any) -> None:
    """An array of which every column has a value in some row."""
    if sparse.issparse(X) or X.dtype.kind != "f":
        return
    _, high = _column_bounds(X)
    empty = np.flatnonzero(np.isnan(high))
    if len(empty) > 0:
        msg = f"{name} has no value in column {empty[0]}, must have one in some row with weight."
        raise ValueError(msg)


def _within(domain: Domain, X: Any, rows: Any, name: str) -> Any:
    """The rows, or after a warning the rows clipped to the domain: beyond, no model is finite.

    X is what the rows were made from, and may name their columns.
    """
    low, high = _column_bounds(rows)
    outside = np.flatnonzero((low < domain.low) | (high > domain.high))
    if len(outside) == 0:
        return rows
    column = outside[0]
    label = repr(str(X.columns[column])) if hasattr(X, "columns") else column
    others = f" and {len(outside) - 1} more lie" if len(outside) > 1 else " lies"
    warnings.warn(
        f"{name} must be in [{domain.low:g}, {domain.high:g}] for {domain.units} visible units, "
        f"but column {label} (from {low[column]:g} to {high[column]:g}){others} outside; values "
        f"outside count as {domain.low:g} or {domain.high:g}. {domain.remedy}",
        UserWarning,
        stacklevel=levels_to_the_caller(),
    )
    limits = np.array([domain.low, domain.high]).astype(rows.dtype)
    if not sparse.issparse(rows):
        return rows.clip(*limits)
    clipped = rows.copy()
    clipped.data.clip(*limits, out=clipped.data)
    return clipped


def _column_bounds(X: Any) -> tuple[Array, Array]:
    """The smallest and the largest element of every column, apart from what is missing."""
    if sparse.issparse(X):
        return min_max_axis(X, axis=0)
    of_blocks = [
        (np.fmin.reduce(x), np.fmax.reduce(x))
        for x in (_kernels.to_host(X[rows]) for rows in gen_batches(X.shape[0], BLOCK_ROWS))
    ]
    low, high = zip(*of_blocks, strict=True)
    return np.fmin.reduce(low), np.fmax.reduce(high)


def levels_to_the_caller() -> int:
    """How many frames above our caller the first one outside skrbm and scikit-learn is."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in _OWN_PACKAGES:
        frame, level = frame.f_back, level + 1
    return level


def model_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The float that a model of such data has: float32 where it holds every value, or float64.

    float32, float16, booleans and integers of up to 16 bits make float32; all others float64.
    """
    return np.dtype(np.float32) if np.can_cast(dtype, np.float32) else np.dtype(np.float64)


def _number(value: Any) -> float:
    """The value as a float: NaN where it is no real number, infinite where it is too large."""
    try:
        return float(value) if isinstance(value, Real) else math.nan
    except OverflowError:
        return math.inf
