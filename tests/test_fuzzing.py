"""Odd input of every kind gives a finite result as documented, or one clear error.

`SKRBM_FUZZ=20 pytest tests/test_fuzzing.py` tries twenty times as many examples as CI,
which sets it to 1; the default is 0.1.
"""

import os
import re
import tempfile
import warnings
from copy import deepcopy
from importlib.util import find_spec

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.model_selection import KFold, LeaveOneOut
from sklearn.neural_network import MLPClassifier

from skrbm import (
    BernoulliRBM,
    DBNClassifier,
    DeepBeliefNetwork,
    DeepBoltzmannMachine,
    GaussianBernoulliRBM,
    RBMClassifier,
    RBMImputer,
    RBMOutlierDetector,
)
from skrbm.estimators.dbn.stack import Stack
from skrbm.estimators.rbm.learner import Learner
from skrbm.learning.gradients import GRADIENTS

N_TIMES = float(os.environ.get("SKRBM_FUZZ", "0.1"))

TINY = {"n_iter": 1, "n_chains": 3, "batch_size": 4}
BITS, REALS = BernoulliRBM(2, **TINY), GaussianBernoulliRBM(2, **TINY)
SEED = {"random_state": 0}
ESTIMATORS = {
    "bits": clone(BITS).set_params(**SEED),
    "bits_missing": clone(BITS).set_params(missing_values="allow", **SEED),
    "memory": clone(BITS).set_params(hidden="gaussian", **SEED),
    "memory_missing": clone(BITS).set_params(hidden="gaussian", missing_values="allow", **SEED),
    "reals": clone(REALS).set_params(**SEED),
    "reals_missing": clone(REALS).set_params(missing_values="allow", **SEED),
    "labels": RBMClassifier(2, generative_share=0.5, **TINY, **SEED),
    "stack": DeepBeliefNetwork((2, 2), rbm=BITS, **SEED),
    "tuned_stack": DeepBeliefNetwork(
        (2, 2), rbm=BITS, visible_rbm=REALS, fine_tune_iter=1, output="all", **SEED
    ),
    "machine": DeepBoltzmannMachine((2, 2), rbm=BITS, **SEED),
    "machine_of_reals": DeepBoltzmannMachine(
        (2, 2), rbm=clone(REALS).set_params(missing_values="allow"), output="all", **SEED
    ),
    "labels_missing": RBMClassifier(
        2, generative_share=0.5, missing_values="allow", **TINY, **SEED
    ),
    "stack_missing": DeepBeliefNetwork(
        (2, 2), rbm=clone(BITS).set_params(missing_values="allow"), **SEED
    ),
    "tuned_stack_missing": DeepBeliefNetwork(
        (2, 2),
        rbm=BITS,
        visible_rbm=clone(REALS).set_params(missing_values="allow"),
        fine_tune_iter=1,
        **SEED,
    ),
    "perceptron": DBNClassifier(
        DeepBeliefNetwork((2,), rbm=BITS), mlp=MLPClassifier(max_iter=1, batch_size=4), **SEED
    ),
    "perceptron_of_reals": DBNClassifier(
        DeepBeliefNetwork((2,), rbm=BITS, visible_rbm=REALS),
        mlp=MLPClassifier(max_iter=1, batch_size=4, solver="sgd"),
        **SEED,
    ),
    "imputer": RBMImputer(REALS, n_steps=2, add_indicator=True, **SEED),
    "imputer_of_bits": RBMImputer(BITS, n_steps=2, add_indicator=True, method="sample", **SEED),
    "detector": RBMOutlierDetector(REALS, contamination=0.5, **SEED),
    "detector_of_bits": RBMOutlierDetector(
        clone(BITS).set_params(missing_values="allow"), contamination=0.2, **SEED
    ),
}
SAMPLERS = [name for name in ESTIMATORS if hasattr(ESTIMATORS[name], "gibbs")]
SUPERVISED = ("labels", "labels_missing", "perceptron", "perceptron_of_reals")
GOOD = np.array([[0.0, 1, 0], [1, 0, 1], [1, 1, 0], [0, 1, 1]])
LABELS = np.array(["a", "b", "b", "a"])

# Messages of scikit-learn about data that do not name them.
OF_DATA = (
    "Expected 2D array|Found array with|Complex data not supported|inconsistent numbers of samples"
    "|could not convert string|dtype='numeric' is not compatible|Sparse data was passed"
    "|inhomogeneous shape|2-dimensional container|at least one array or dtype|float\\(\\) argument"
    "|Solver produced non-finite parameter weights|labels represented as bytes"
    "|Feature names|column names|feature names|Unknown label type|instance is not fitted yet"
)
EXPECTED_WARNINGS = (
    "must be in [",
    "feature names",
    "column-vector y was passed",
    "number of unique classes is greater than 50%",
)


def tries(n):
    """Settings for n examples, equal in every run, times the factor in the environment."""
    checks = list(HealthCheck)
    return settings(
        deadline=None,
        derandomize=True,
        database=None,
        max_examples=round(n * N_TIMES),
        suppress_health_check=checks,
    )


def outcome(call, *names):
    """The result of a call, or None if it refuses one of the names in a documented way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = call()
        except (ValueError, TypeError) as error:
            result, message = None, str(error)
            named = "|".join(rf"\b{re.escape(name)}\b" for name in names)
            assert re.search(f"{named}|{OF_DATA}", message), f"not named in: {message}"
            assert len(message.split()) >= 4, message
    assert sum("must be in [" in str(warning.message) for warning in caught) <= 1
    for warning in caught:
        if issubclass(warning.category, ConvergenceWarning | DataConversionWarning):
            continue
        assert issubclass(warning.category, UserWarning), warning
        assert any(words in str(warning.message) for words in EXPECTED_WARNINGS), warning
    return result


def print_of(x):
    """A fingerprint that changes with every bit of the input."""
    if isinstance(x, pd.DataFrame | pd.Series):
        return repr(x.axes), repr(x.to_numpy(dtype=object).tolist())
    if sparse.issparse(x):
        parts = ("data", "indices", "indptr", "coords", "rows", "offsets")
        return type(x), [print_of(getattr(x, part)) for part in parts if hasattr(x, part)]
    if isinstance(x, np.ndarray) and x.dtype.kind != "O":
        return x.dtype, x.shape, x.tobytes()
    if isinstance(x, list | tuple):
        return type(x), [print_of(part) for part in x]
    return repr(x.tolist() if isinstance(x, np.ndarray) else x)


def state_of(estimator):
    """All attributes of an estimator, apart from the caller's generator and log Z, a cache."""
    held = deepcopy({name: x for name, x in vars(estimator).items() if name != "random_state"})
    for learner in learners_in(held.values()):
        learner.log_partitions.clear()
    return joblib.hash(held)


def learners_in(values):
    """The models in training among the values, or in an estimator or a stack among them."""
    for value in values:
        if isinstance(value, Learner):
            yield value
        elif isinstance(value, list | tuple):
            yield from learners_in(value)
        elif isinstance(value, BaseEstimator | Stack):
            yield from learners_in(vars(value).values())


def assert_finite(result):
    """Whether all numbers in it are finite."""
    for part in result if isinstance(result, list | tuple) else [result]:
        if isinstance(part, list | tuple):
            assert_finite(part)
        elif isinstance(part, np.ndarray) and part.dtype.kind in "fc":
            assert np.isfinite(part).all(), part
        elif isinstance(part, float):
            assert np.isfinite(part)


VALUES = {
    "bits": lambda rng, shape: rng.integers(2, size=shape).astype(float),
    "grey": lambda rng, shape: rng.random(shape),
    "normal": lambda rng, shape: 3 * rng.normal(size=shape),
    "zeros": lambda rng, shape: np.zeros(shape),
    "constant": lambda rng, shape: np.full(shape, 0.7),
    "large_constant": lambda rng, shape: np.full(shape, 123456789.123),
    "nearly_constant": lambda rng, shape: 1e9 + 1e-6 * rng.normal(size=shape),
    "huge": lambda rng, shape: rng.choice([1e300, -1e300, 1.0], size=shape),
    "large": lambda rng, shape: rng.choice([1e38, -1e38, 1.0], size=shape),
    "large32": lambda rng, shape: 1e30 * rng.normal(size=shape),
    "far": lambda rng, shape: np.where(rng.random(shape) < 0.1, 1e37, rng.random(shape)),
    "tiny": lambda rng, shape: 1e-300 * rng.random(shape),
    "tiny32": lambda rng, shape: 1e-38 * rng.random(shape),
    "subnormal": lambda rng, shape: rng.integers(3, size=shape) * 5e-324,
    "subnormal32": lambda rng, shape: rng.integers(3, size=shape) * 1.4e-45,
    "mixed_scales": lambda rng, shape: 10.0 ** rng.integers(-320, 39, size=shape),
    "gaps": lambda rng, shape: np.where(rng.random(shape) < 0.3, np.nan, rng.random(shape)),
    "bit_gaps": lambda rng, shape: rng.choice([np.nan, 0, 1], size=shape),
    "empty": lambda rng, shape: np.full(shape, np.nan),
    "infinite": lambda rng, shape: np.where(rng.random(shape) < 0.3, np.inf, 0.5),
    "integers": lambda rng, shape: rng.integers(-300, 300, size=shape).astype(float),
}
SHAPES = [(4, 3)] * 6 + [(5, 3), (1, 3), (4, 1), (1, 1), (0, 3), (4, 0), (4,), (), (2, 3, 4)]
SHAPES += [(30, 12), (3, 40), (2, 300)]
DTYPES = ["float64"] * 4 + ["float32"] * 3 + ["float16", "longdouble", "bool", "int64", "int8"]
DTYPES += ["uint8", "uint64", "object", "complex64", "str", "S8", "M8[s]", "m8[s]", ">f8"]
DTYPES += ["numeric strings", "huge integers", "None"]


def typed(values, dtype):
    """The values in a dtype, even if they overflow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dtype in ("M8[s]", "m8[s]"):
            return np.nan_to_num(values.clip(-9, 9)).astype("int64").astype(dtype)
        if dtype == "numeric strings":
            return values.astype(str).astype(object)
        if dtype in ("huge integers", "None"):
            as_objects = np.zeros(values.shape, object)
            as_objects[values > 0.5] = 10**400 if dtype == "huge integers" else None
            return as_objects
        return values.astype(dtype)


def mapped(X):
    """The array in a read-only file."""
    if X.size == 0 or X.dtype == object:
        return X
    with tempfile.TemporaryFile() as file:
        file.write(X.tobytes())
        file.flush()
        return np.memmap(file, X.dtype, "r", shape=X.shape)


def read_only(X):
    """The array, read-only."""
    X = np.array(X)
    X.flags.writeable = False
    return X


def framed(X, names):
    """A data frame with odd columns, if the array has two dimensions."""
    if X.ndim != 2:
        return pd.Series(X.ravel())
    columns = {
        "letters": [f"c{i}" for i in range(X.shape[1])],
        "integers": list(range(X.shape[1])),
        "mixed": [i if i % 2 else f"c{i}" for i in range(X.shape[1])],
        "equal": ["c"] * X.shape[1],
    }
    return pd.DataFrame(X, columns=columns[names])


def nullable(X):
    """A data frame of a nullable dtype, with NA for NaN."""
    frame = framed(X, "letters")
    if X.dtype.kind == "f" and X.dtype != np.float16 and X.dtype.itemsize <= 8:
        return frame.convert_dtypes(convert_integer=False, convert_string=False)
    return frame


def mixed_frame(X):
    """A data frame whose columns differ in dtype."""
    frame = framed(X, "letters")
    if X.ndim == 2 and X.shape[1] > 1 and X.dtype.kind in "fiu":
        frame["c0"] = frame["c0"].astype("float32")
        frame["c1"] = (frame["c1"] > 0.5).astype("boolean")
    return frame


def as_sparse(kind):
    """A sparse container of some kind, if the array can be one."""

    def convert(X):
        if X.ndim != 2 or X.dtype.kind not in "fiub" or X.dtype.itemsize > 8:
            return X
        X = X.astype(X.dtype.newbyteorder("="))
        return getattr(sparse, kind)(X if X.dtype != np.float16 else X.astype("float32"))

    return convert


def untidy(X):
    """A CSR matrix with unsorted indices, an entry in two parts and an explicit zero."""
    if X.ndim != 2 or X.dtype.kind != "f" or X.dtype.itemsize not in (4, 8) or not X.size:
        return X
    n_rows, n_columns = X.shape
    order = np.arange(n_columns)[::-1]
    parts = [np.concatenate([row[order] / 2, row[order] / 2, [0]]) for row in X]
    indices = np.tile(np.concatenate([order, order, [0]]), n_rows)
    indptr = np.arange(n_rows + 1) * (2 * n_columns + 1)
    data = np.concatenate(parts).astype(X.dtype.newbyteorder("="))
    return sparse.csr_array((data, indices, indptr), shape=X.shape)


CONTAINERS = {
    "array": lambda X: X,
    "F": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=-1)[..., ::2] if X.ndim else X,
    "reversed": lambda X: X[::-1].copy()[::-1] if X.ndim else X,
    "negative": lambda X: X[..., ::-1] if X.ndim else X,
    "transposed": lambda X: X.T.copy().T,
    "read_only": read_only,
    "mapped": mapped,
    "list": lambda X: X.tolist(),
    "tuple": lambda X: tuple(map(tuple, X)) if X.ndim == 2 else X.tolist(),
    "list_of_arrays": lambda X: list(X) if X.ndim else X,
    "masked": lambda X: np.ma.array(X),
    "frame": lambda X: framed(X, "letters"),
    "integer_frame": lambda X: framed(X, "integers"),
    "mixed_names": lambda X: framed(X, "mixed"),
    "equal_names": lambda X: framed(X, "equal"),
    "nullable": nullable,
    "mixed_frame": mixed_frame,
    "untidy": untidy,
    "nothing": lambda X: None,
    "text": lambda X: "text",
    "mapping": lambda X: {"a": 1},
    "ragged": lambda X: [[1, 2], [1]],
    **{
        f"{kind}_{of}": as_sparse(f"{kind}_{of}")
        for kind in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")
        for of in ("matrix", "array")
    },
}
COMMON = ["array"] * 12 + ["csr_array"] * 3


@st.composite
def data(draw, shapes=SHAPES):
    """Rows of data, most of them odd in one or several ways."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    values = draw(st.sampled_from(list(VALUES)))
    X = VALUES[values](rng, draw(st.sampled_from(shapes)))
    X = typed(np.asarray(X), draw(st.sampled_from(DTYPES)))
    container = draw(st.sampled_from(COMMON + list(CONTAINERS)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CONTAINERS[container](X)


def rows_of(X):
    """Number of rows, if there are any."""
    if sparse.issparse(X):
        return X.shape[0]
    return len(X) if hasattr(X, "__len__") and getattr(X, "ndim", 1) else 1


def labels_for(name, X):
    """Labels of the rows, if the estimator takes them."""
    if name not in SUPERVISED:
        return ()
    return (np.arange(rows_of(X)) % 2,)


def assert_unchanged(estimator, before):
    """Assert that a refusal does not change the estimator, or fit it."""
    assert state_of(estimator) == before


def model_of(estimator):
    """The RBM or the stack that the estimator is or contains."""
    return getattr(estimator, "rbm_", estimator)


READERS = ("score_samples", "free_energy", "decision_function", "reconstruct", "transform")
READERS += ("predict", "predict_proba", "predict_log_proba")


def answers(estimator, X):
    """Every method that takes rows, with the shape and the kinds of dtype of its result."""
    n, d = rows_of(X), estimator.n_features_in_
    yield from [
        (method, (n,), "f")
        for method in ("score_samples", "free_energy", "pseudo_log_likelihood")
        if hasattr(estimator, method)
    ]
    if hasattr(estimator, "decision_function"):
        n_classes = len(getattr(estimator, "classes_", "ab"))
        yield "decision_function", (n,) if n_classes == 2 else (n, n_classes), "f"
    binary = not getattr(estimator, "_domain", None) or estimator._domain.units == "Bernoulli"
    if hasattr(estimator, "gibbs"):
        yield "gibbs", (n, d), "b" if binary else "f"
        yield "reconstruct", (n, d), "f"
    if hasattr(estimator, "impute"):
        yield "impute", (n, d), "f"
    if hasattr(estimator, "transform"):
        yield "transform", (n, len(estimator.get_feature_names_out())), "f"
    if hasattr(estimator, "predict"):
        yield "predict", (n,), "biuUfOM"
    if hasattr(estimator, "predict_proba"):
        yield "predict_proba", (n, len(estimator.classes_)), "f"
        yield "predict_log_proba", (n, len(estimator.classes_)), "f"


def ask_all(estimator, X):
    """Assert that every method has the documented result or refuses X, and changes neither."""
    given = print_of(X)
    for method, shape, kinds in answers(estimator, X):
        if method == "score_samples" and is_slow(estimator):
            continue
        result = outcome(lambda m=method: getattr(estimator, m)(X), "X", "v")
        assert print_of(X) == given, method
        if result is not None:
            assert result.shape == shape, method
            assert result.dtype.kind in kinds, (method, result.dtype)
            assert_finite(result)


def is_slow(estimator):
    """Whether log Z has to be estimated."""
    memory = getattr(estimator, "hidden", "bernoulli") == "gaussian"
    return memory and estimator.n_features_in_ > 12


@tries(450)
@given(
    name=st.sampled_from(list(ESTIMATORS)),
    X=data(),
    method=st.sampled_from(["fit"] * 3 + ["partial_fit"]),
    fitted=st.booleans(),
)
def test_odd_data_are_fitted_or_refused(name, X, method, fitted):
    """Fails if some data raise another error, or leave something behind."""
    estimator = clone(ESTIMATORS[name])
    if fitted:
        estimator.fit(GOOD, *labels_for(name, GOOD))
    if not hasattr(estimator, method):
        method = "fit"
    before, given = state_of(estimator), print_of(X)
    y = labels_for(name, X)
    if method == "partial_fit" and name in SUPERVISED:
        y += (None if fitted else [0, 1],)
    result = outcome(lambda: getattr(estimator, method)(X, *y), "X", "y")
    assert print_of(X) == given
    if result is None:
        assert_unchanged(estimator, before)
        return
    assert_finite(
        [getattr(model_of(estimator), p) for p in PARAMETERS if hasattr(model_of(estimator), p)]
    )
    ask_all(estimator, X)


PARAMETERS = ("components_", "intercept_hidden_", "intercept_visible_", "variance_", "chains_")


@pytest.mark.parametrize("name", ESTIMATORS)
def test_unfitted_estimators_raise_not_fitted_error(name):
    """Fails if a method that needs a fit raises another error without one."""
    for method in (*READERS, *ARGUMENTS):
        if hasattr(ESTIMATORS[name], method):
            arguments = (GOOD, GOOD) if method == "energy" else (GOOD,)
            if method in ("sample", "log_partition"):
                arguments = ()
            with pytest.raises(NotFittedError):
                getattr(clone(ESTIMATORS[name]), method)(*arguments)


@pytest.fixture(scope="module")
def fitted():
    """Look-up of every estimator, fitted to good data in either precision.

    A function has a short representation: hypothesis warns of a long one instead of the failure.
    """
    models = {
        (name, dtype): clone(estimator).fit(GOOD.astype(dtype), *labels_for(name, GOOD))
        for name, estimator in ESTIMATORS.items()
        for dtype in ("float32", "float64")
    }
    return models.__getitem__


@tries(300)
@given(
    name=st.sampled_from(list(ESTIMATORS)),
    dtype=st.sampled_from(["float32", "float64"]),
    X=data(SHAPES[:8] * 2 + SHAPES),
)
def test_odd_data_are_handled_or_refused(fitted, name, dtype, X):
    """Fails if a method that reads a model fails on data, or changes them or the model."""
    estimator = fitted((name, dtype))
    before = [print_of(getattr(model_of(estimator), p, None)) for p in PARAMETERS]
    ask_all(estimator, X)
    after = [print_of(getattr(model_of(estimator), p, None)) for p in PARAMETERS]
    assert after == before
    for method in ("inverse_transform",):
        if hasattr(estimator, method):
            result = outcome(lambda: estimator.inverse_transform(X), "H")
            assert_finite(result)
    if hasattr(estimator, "energy"):
        assert_finite(outcome(lambda: estimator.energy(GOOD, X), "h"))


def nothing(*_):
    """A callback that does nothing."""


COUNTS = [1, 2, True, np.int8(2), np.uint8(3), np.uint64(2), np.bool_(1), 0, -1, 10**30, 10**400]
COUNTS += [2.0, np.float32(2), 1.5, np.nan, np.inf, None, "2", "auto", [2], np.array(2), (), b"2"]
COUNTS += [2j, pd.NA, np.array([1, 2]), {}, np.array(["auto", "auto"]), object, np.int64(-(2**62))]
RATES = [0.1, 1, np.float16(0.1), np.float32(0.1), np.longdouble("0.1"), np.int8(1), True, 0.999]
RATES += [0, -0.1, 1e-300, 5e-324, 1e-30, 1e300, 1e30, np.nan, np.inf, 10**400, None, "auto", "0.1"]
RATES += [[0.1], np.array(0.1), np.array([0.1, 0.2]), 1j, pd.NA, np.longdouble("1e4000"), object]
FLAGS = [True, False, np.bool_(1), 0, 1, None, "True", np.nan, [True], np.array([True, False])]
FOLDS = [*COUNTS, KFold(2), LeaveOneOut(), [([0, 1], [2])], [([0], [9])], [([0], [])], [(0, 1)]]
CHOICES = ["", "auto", "Mean", None, 0, True, np.nan, ["mean"], np.array(["mean", "mean"]), {}]
SEEDS = [0, np.int64(3), np.uint8(3), True, 2**32 - 1, np.random.RandomState(0), None, -1, 2**32]
SEEDS += [1.5, "seed", np.nan, 10**400, [1, 2], np.array([1, 2]), np.random.default_rng(0), object]
VARIANCES = ["learned", "shared", "data", "other", 1, 0.5, np.float16(2), np.ones(3), [1, 2, 3]]
VARIANCES += [np.ones(2), [[1, 2, 3]], 0, -1, np.nan, np.inf, 1e300, 1e-300, 5e-324, 10**400, None]
VARIANCES += [
    True,
    "1",
    1j,
    [1, [2, 3]],
    [1, None, 3],
    np.array(["1", "2", "3"]),
    {},
    object,
]
VARIANCES += [pd.Series([1.0, 2, 3]), np.array([1e-300, 1, 1e300]), np.float32(1e38), 10**30]
SIZES = [3, (3,), [2, 1], (2, 2, 2), np.array([2, 3]), range(1, 3), pd.Series([2, 3]), np.int8(2)]
SIZES += [(), [], 0, -1, (2, 0), (2.0,), 2.0, None, "22", ("2",), [[2]], np.array([[2]]), {2}, {}]
SIZES += [
    True,
    (True,),
    np.array([]),
    np.nan,
    (np.nan,),
    10**30,
    (10**30,),
    pd.NA,
    [2, [2]],
    object,
]
PROTOTYPES = [BITS, REALS, BernoulliRBM, DeepBeliefNetwork((2,)), RBMClassifier(2), 0, "bits"]
PROTOTYPES += [
    BernoulliRBM(0, **TINY),
    GaussianBernoulliRBM(2, variance=-1, **TINY),
    np.array([1, 2]),
    {},
]
PROTOTYPES += [clone(BITS).set_params(hidden="gaussian"), clone(BITS).set_params(batch_size="many")]
STACKS = [DeepBeliefNetwork, DeepBeliefNetwork((2,), rbm=BITS), BITS, 0, "stack", {}]
STACKS += [DeepBeliefNetwork(0), DeepBeliefNetwork((2,), rbm=BernoulliRBM(0)), np.array([1, 2])]
STACKS += [DeepBeliefNetwork(None), DeepBeliefNetwork({2}), DeepBeliefNetwork((2,), rbm=0)]
PERCEPTRONS = [MLPClassifier(max_iter=2), MLPClassifier, MLPClassifier(max_iter=0), 0, "mlp"]
PERCEPTRONS += [MLPClassifier(max_iter=1, batch_size=-1), MLPClassifier(alpha="a"), BITS, {}]
PERCEPTRONS += [MLPClassifier(max_iter=np.uint8(1)), MLPClassifier(max_iter=1, early_stopping=1)]
CALLBACKS = [None, [], (), [None], 0, "call", np.array([1, 2]), {}]
CALLBACKS += [[nothing], nothing]

# Without torch the name of any device is refused, with a message about torch.
DEVICES = [None, 0, 1.5, ("cpu",), *(["cpu", "gpu", "cuda:9", ""] if find_spec("torch") else [])]
ODD = {
    **dict.fromkeys(("n_components", "batch_size", "n_steps", "n_chains", "verbose"), COUNTS),
    **dict.fromkeys(("n_iter_no_change", "fine_tune_iter"), COUNTS),
    "n_iter": [count for count in COUNTS if not isinstance(count, str) or count != "auto"],
    **dict.fromkeys(("learning_rate", "fine_tune_rate", "validation_fraction", "tol"), RATES),
    **dict.fromkeys(("generative_share", "contamination", "hidden_bias", "alpha"), RATES),
    **dict.fromkeys(("early_stopping", "warm_start", "add_indicator", "novelty"), FLAGS),
    "unlabeled": [None, -1, 0, 1.5, "a", b"a", np.nan, pd.NA, pd.NaT, 10**400, [-1], {}, object],
    "class_weight": [None, "balanced", {}, {0: 2}, {0: 1, 1: 0.5}, {0: 0, 1: 0}, {0: 1, 7: 1}]
    + [{0: weight, 1: 1} for weight in (-1, np.nan, np.inf, 10**400, "a", None)]
    + [{"a": 1}, [1, 2], *CHOICES],
    "keep_empty_features": FLAGS,
    **dict.fromkeys(("min_value", "max_value"), [0, -np.inf, [0.2, np.inf, 1], [1], *RATES]),
    "cv": FOLDS,
    "gradient": [*GRADIENTS, *CHOICES],
    "hidden": ["bernoulli", "gaussian", *CHOICES],
    "missing_values": ["refuse", "allow", np.nan, 0, -1.5, *CHOICES],
    "inputs": ["mean", "sample", *CHOICES],
    "output": ["top", "all", *CHOICES],
    "method": ["mean", "sample", "mode", *CHOICES],
    "variance": VARIANCES,
    "covariance_type": ["auto", "full", "diag", *CHOICES],
    **dict.fromkeys(("receptive_field", "image_shape"), [None, (1, 3), (1, 2), (3, 1, 1), *SIZES]),
    "stride": [1, (1, 1), 2, *SIZES],
    "shared": FLAGS,
    "pooling": COUNTS,
    "mean_field_max_iter": COUNTS,
    "mean_field_tol": RATES,
    "hidden_layer_sizes": SIZES,
    **dict.fromkeys(("rbm", "visible_rbm", "top_rbm"), PROTOTYPES),
    "dbn": STACKS,
    "mlp": PERCEPTRONS,
    "callbacks": CALLBACKS,
    "device": DEVICES,
    "precision": ["float32", "bfloat16", *CHOICES],
    "pretrain": FLAGS,
    "random_state": SEEDS,
}


def test_all_parameters_are_tried():
    """Fails if a constructor has a parameter without a list of odd values."""
    for estimator in ESTIMATORS.values():
        assert set(estimator.get_params(deep=False)) <= set(ODD)


@st.composite
def parameters(draw):
    """An estimator's name, and odd values of one or two of its parameters."""
    name = draw(st.sampled_from(list(ESTIMATORS)))
    names = st.sampled_from(list(ESTIMATORS[name].get_params(deep=False)))
    chosen = draw(st.lists(names, min_size=1, max_size=2, unique=True))
    return name, {parameter: draw(st.sampled_from(ODD[parameter])) for parameter in chosen}


# A refusal may also name parameters of a prototype, or the units of a layer.
OF_PARTS = (
    "n_components",
    "batch_size",
    "variance",
    "covariance_type",
    "hidden",
    "layer",
    "max_iter",
    "alpha",
)
OF_PARTS += ("hidden_layer_sizes", "rbm", "dbn", "mlp", "early_stopping")


FAR = [GOOD * 1e-20, GOOD.astype("float32") * 1e30, np.array([[1e30, 1e-30, 1], [0, 0, 3]])]


@tries(500)
@given(
    odd=parameters(),
    X=st.sampled_from(
        [GOOD, GOOD.astype("float32"), GOOD.astype(bool), sparse.csr_array(GOOD), *FAR]
    ),
    method=st.sampled_from(["fit", "partial_fit"]),
    fitted=st.booleans(),
)
def test_odd_parameters_are_accepted_or_refused(odd, X, method, fitted):
    """Fails if a parameter is used before it is checked, or a check fails for some type."""
    name, values = odd
    estimator = clone(ESTIMATORS[name])
    if fitted:
        estimator.fit(GOOD, *labels_for(name, GOOD))
    y = labels_for(name, X)
    estimator.set_params(**values)
    if not hasattr(estimator, method):
        method = "fit"
    if method == "partial_fit" and name in SUPERVISED:
        y += ([0, 1],)
    before = state_of(estimator)
    result = outcome(lambda: getattr(estimator, method)(X, *y), "X", *values, *OF_PARTS)
    if result is None:
        assert_unchanged(estimator, before)
        return
    ask_all(estimator, X)


WEIGHTS = {
    "none": lambda rng, n: None,
    "ones": lambda rng, n: np.ones(n),
    "half": lambda rng, n: np.full(n, 0.5),
    "some": lambda rng, n: rng.integers(2, size=n),
    "zeros": lambda rng, n: np.zeros(n),
    "negative": lambda rng, n: -np.ones(n),
    "nan": lambda rng, n: np.where(np.arange(n) == 1, np.nan, 1),
    "infinite": lambda rng, n: np.full(n, np.inf),
    "huge": lambda rng, n: np.full(n, 1e300),
    "heavy": lambda rng, n: np.full(n, 1e20),
    "one_heavy": lambda rng, n: np.where(np.arange(n) == 1, 1e3, 1),
    "one_huge": lambda rng, n: np.where(np.arange(n) == 1, 1e300, 1),
    "tiny": lambda rng, n: np.full(n, 1e-300),
    "one_tiny": lambda rng, n: np.where(np.arange(n) == 1, 1e-300, 1),
    "subnormal": lambda rng, n: np.full(n, 5e-324),
    "random": lambda rng, n: rng.random(n),
    "short": lambda rng, n: np.ones(n - 1),
    "empty": lambda rng, n: np.ones(0),
    "column": lambda rng, n: np.ones((n, 1)),
    "bools": lambda rng, n: rng.random(n) < 0.7,
    "text": lambda rng, n: "balanced",
    "texts": lambda rng, n: ["1"] * n,
    "words": lambda rng, n: ["one"] * n,
    "mapping": lambda rng, n: {0: 1},
    "complex": lambda rng, n: np.ones(n) * 1j,
    "dates": lambda rng, n: np.ones(n, "M8[s]"),
    "scalar": lambda rng, n: 2,
    "huge_scalar": lambda rng, n: 10**400,
    "huge_integers": lambda rng, n: [10**400] * n,
    "nan_scalar": lambda rng, n: np.nan,
    "bool_scalar": lambda rng, n: True,
    "float16": lambda rng, n: rng.random(n).astype("float16"),
    "longdouble": lambda rng, n: np.full(n, np.longdouble("1e4000")),
    "series": lambda rng, n: pd.Series(rng.random(n), index=range(7, 7 + n)),
    "nullable": lambda rng, n: pd.Series(rng.integers(1, 3, n), dtype="Int64"),
    "missing": lambda rng, n: pd.Series([pd.NA, *range(1, n)], dtype="Int64"),
    "frame": lambda rng, n: pd.DataFrame({"w": np.ones(n)}),
    "sparse": lambda rng, n: sparse.csr_array(np.ones((1, n))),
    "read_only": lambda rng, n: read_only(rng.random(n)),
    "reversed": lambda rng, n: rng.random(n)[::-1],
    "strided": lambda rng, n: rng.random(2 * n)[::2],
}


# Whose perceptron divides by the weights, or multiplies gradients with them.
SCIKIT_LEARN_OVERFLOWS = ("tiny", "subnormal", "huge", "one_huge")


@tries(300)
@given(
    name=st.sampled_from(list(ESTIMATORS)),
    weights=st.sampled_from(list(WEIGHTS)),
    seed=st.integers(0, 1000),
    X=st.sampled_from([GOOD, GOOD.astype("float32"), sparse.csr_array(GOOD), GOOD * 0]),
    method=st.sampled_from(["fit", "partial_fit", "score"]),
)
def test_odd_weights_are_accepted_or_refused(name, weights, seed, X, method):
    """Fails if weights overflow, vanish or are misread."""
    if weights in SCIKIT_LEARN_OVERFLOWS and name.startswith("perceptron"):
        return
    estimator = clone(ESTIMATORS[name])
    sample_weight = WEIGHTS[weights](np.random.default_rng(seed), len(GOOD))
    y = labels_for(name, GOOD)
    if not hasattr(estimator, method) or (method == "score" and name in SUPERVISED):
        method = "fit"
    if method == "score":
        estimator.fit(GOOD, *y)
    if method == "partial_fit" and name in SUPERVISED:
        y += ([0, 1],)
    before, given = state_of(estimator), print_of(sample_weight)
    call = getattr(estimator, method)
    result = outcome(lambda: call(X, *y, sample_weight=sample_weight), "X", "sample_weight")
    assert print_of(sample_weight) == given
    if result is None:
        assert_unchanged(estimator, before)
    elif method == "score":
        assert_finite(result)
    else:
        ask_all(estimator, X)


TARGETS = {
    "none": None,
    "texts": ["a", "b", "b", "a"],
    "array_of_texts": LABELS,
    "objects": LABELS.astype(object),
    "bytes": LABELS.astype("S1"),
    "mixed": ["a", 1, "b", 2],
    "none_inside": ["a", None, "b", "a"],
    "all_missing": [None, None, None, None],
    "none_among_integers": [1, None, 0, 1],
    "nan_inside": [1.0, np.nan, 0, 1],
    "nan_among_texts": np.array(["a", np.nan, "b", "a"], object),
    "NA_inside": pd.Series([1, pd.NA, 0, 1], dtype="Int64"),
    "nullable": pd.Series([1, 2, 0, 1], dtype="Int64"),
    "string_series": pd.Series(["a", "b", "b", "a"]),
    "NA_among_texts": pd.Series(["a", pd.NA, "b", "a"], dtype="string"),
    "categories": pd.Series(["a", "b", "b", "a"]).astype("category"),
    "bools": [True, False, True, False],
    "negative": [-1, 1, -1, 1],
    "negative_three": [-1, 0, 1, 0],
    "one_negative": [-1, -1, -1, -1],
    "one": [1, 1, 1, 1],
    "one_text": ["a"] * 4,
    "floats": [0.0, 1.0, 1.0, 0.0],
    "continuous": [0.1, 0.2, 0.3, 0.4],
    "infinite": [np.inf, 0, 1, 0],
    "huge": [1e300, 0, 1, 0],
    "huge_integers": [10**400, 0, 1, 0],
    "large_integers": [2**63, 0, 1, 0],
    "float16": np.array([0, 1, 1, 0], "float16"),
    "longdouble": np.array([0, 1, 1, 0], "longdouble"),
    "uint8": np.array([0, 1, 255, 0], "uint8"),
    "int8": np.array([0, 1, -128, 0], "int8"),
    "column": [[0], [1], [1], [0]],
    "one_hot": [[0, 1], [1, 0], [1, 0], [0, 1]],
    "row": [[0, 1, 1, 0]],
    "short": [0, 1],
    "long": [0, 1, 0, 1, 0],
    "empty": [],
    "scalar": 1,
    "text": "abab",
    "complex": [1j, 0, 1, 0],
    "dates": np.array(["2020-01-01", "2020-01-02"] * 2, "M8[D]"),
    "ragged": [[1], [1, 2], [1], [1]],
    "tuple": (0, 1, 1, 0),
    "read_only": read_only(np.array([0, 1, 1, 0])),
    "reversed": np.array([0, 1, 1, 0])[::-1],
    "strided": np.arange(8)[::2],
    "sparse": sparse.csr_array(np.array([[0], [1], [1], [0]])),
    "frame": pd.DataFrame({"y": [0, 1, 1, 0]}),
    "mapping": {0: 1},
    "set": {0, 1},
}


@tries(350)
@given(
    name=st.sampled_from(SUPERVISED),
    y=st.sampled_from(list(TARGETS)),
    classes=st.sampled_from(["none", "none", "same", *TARGETS]),
    fitted=st.sampled_from(["", "", "texts", "floats", "uint8", "bools"]),
    method=st.sampled_from(["fit", "partial_fit"]),
)
def test_odd_labels_are_accepted_or_refused(name, y, classes, fitted, method):
    """Fails if labels of some type cannot be compared, sorted or distinguished."""
    estimator = clone(ESTIMATORS[name])
    classes, y = TARGETS[y if classes == "same" else classes], TARGETS[y]
    if fitted:
        estimator.fit(GOOD, TARGETS[fitted])
    if not hasattr(estimator, method):
        method = "fit"
    more = {"classes": classes} if method == "partial_fit" else {}
    before, given = state_of(estimator), (print_of(y), print_of(classes))
    result = outcome(lambda: getattr(estimator, method)(GOOD, y, **more), "y", "classes")
    assert (print_of(y), print_of(classes)) == given
    if result is None:
        assert_unchanged(estimator, before)
    else:
        ask_all(estimator, GOOD)
        assert set(estimator.predict(GOOD)) <= set(estimator.classes_)


GIVEN = [None, {}, {0: 1}, {0: 0.0, 1: 1}, {True: 1}, {np.int8(1): np.float16(1)}, {0: np.nan}]
GIVEN += [{0: 1e300}, {0: 10**400}, {0: 1e-300}, {0: np.inf}, {0: "1"}, {0: None}, {0: pd.NA}]
GIVEN += [{3: 1}, {-1: 1}, {"a": 1}, {None: 1}, {1.0: 1}, {np.nan: 1}, {(0, 1): 1}, {10**30: 1}]
GIVEN += [
    [1, np.nan, 0],
    (1, 0, 1),
    np.full(3, np.nan),
    [np.nan, 1e300, 0],
    [np.inf, 0, 0],
    [0.5] * 3,
]
GIVEN += [[1, 0], [[1, 0, 1]], [1, None, 0], ["1", "0", "1"], [1, [0], 1], 1, "given", np.array(1)]
GIVEN += [pd.Series([1, np.nan, 0]), pd.Series({"a": 1.0}), np.ones(3, bool), np.ones(3, "M8[s]")]
GIVEN += [np.ones(3, "longdouble") * np.longdouble("1e4000"), np.ones(3) * 1j, [10**400, 0, 0]]
GIVEN += [sparse.csr_array(np.ones((1, 3))), {0: True}, {0: np.bool_(1)}, {0: 1j}, {0: [1]}, object]
SHORT = [count for count in COUNTS if not isinstance(count, int) or count < 10**9] + [
    10**30,
    10**400,
]

HIDDEN = [
    GOOD[:, :2],
    GOOD,
    GOOD[:1, :2],
    None,
    "h",
    1,
    *(GOOD[:, :2] * 10.0**n for n in (28, 30, 37)),
]
HIDDEN += [GOOD[:, :2] * 1e300, GOOD[:, :2] * np.nan, GOOD[:, :2] - 1e30, GOOD[:, :2].astype(str)]

ARGUMENTS = {
    "gibbs": {"v": [GOOD], "n_steps": SHORT},
    "sample": {
        "n_samples": SHORT,
        "given": GIVEN,
        "n_steps": SHORT,
        "method": ["auto", "gibbs", "tempering", *CHOICES],
        "random_state": SEEDS,
    },
    "impute": {
        "X": [GOOD, np.where(GOOD == 1, np.nan, 0), np.full((2, 3), np.nan)],
        "method": ["sample", "mean", "mode", *CHOICES],
        "n_steps": SHORT,
        "n_draws": SHORT,
        "random_state": SEEDS,
    },
    "log_partition": {
        "method": ["auto", "exact", "ais", "bracket", "tempering", *CHOICES],
        "n_chains": [20, np.uint8(20), *SHORT],
        "n_temperatures": [3, np.int8(3), np.uint8(200), *SHORT],
        "n_jobs": [-1, np.int8(-1), -2, *SHORT],
        "random_state": SEEDS,
    },
    "pseudo_log_likelihood": {"X": [GOOD], "n_flips": SHORT, "random_state": SEEDS},
    "lower_bound": {"X": [GOOD], "n_draws": SHORT, "random_state": SEEDS},
    "energy": {"v": [GOOD], "h": HIDDEN},
    "inverse_transform": {"H": HIDDEN},
}
QUICK = {
    "sample": {"n_steps": 3},
    "impute": {"n_steps": 3},
    "log_partition": {"n_temperatures": 5, "n_chains": 20},
}


@st.composite
def calls(draw):
    """A fitted estimator's name, a method and odd arguments."""
    name = draw(
        st.sampled_from([name for name in ESTIMATORS if hasattr(ESTIMATORS[name], "gibbs")])
    )
    method = draw(st.sampled_from([m for m in ARGUMENTS if hasattr(ESTIMATORS[name], m)]))
    required = [name for name in ARGUMENTS[method] if name in ("v", "X", "h", "H")]
    optional = [name for name in ARGUMENTS[method] if name not in required]
    if name.endswith("stack") and "given" in optional:
        optional.remove("given")
    chosen = draw(st.lists(st.sampled_from(optional), max_size=2, unique=True)) if optional else []
    odd = {
        argument: draw(st.sampled_from(ARGUMENTS[method][argument]))
        for argument in (*required, *chosen)
    }
    return name, method, {**QUICK.get(method, {}), **odd}


@tries(600)
@given(call=calls(), dtype=st.sampled_from(["float32", "float64"]))
def test_odd_arguments_are_accepted_or_refused(fitted, call, dtype):
    """Fails if an argument is used before it is checked, or changes the model."""
    name, method, arguments = call
    estimator = fitted((name, dtype))
    before = [print_of(getattr(model_of(estimator), p, None)) for p in PARAMETERS]
    names = ("n_components", "input_features", "X", *arguments)
    result = outcome(lambda: getattr(estimator, method)(**arguments), *names)
    assert_finite(result)
    assert [print_of(getattr(model_of(estimator), p, None)) for p in PARAMETERS] == before
