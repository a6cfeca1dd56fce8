"""Containers of data: accepted as by scikit-learn, returned as chosen by `set_output`."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone

from skrbm import (
    BernoulliRBM,
    DBNClassifier,
    DBNRegressor,
    DeepBeliefNetwork,
    GaussianBernoulliRBM,
    RBMClassifier,
    RBMImputer,
    RBMOutlierDetector,
)

from laws import copies

BITS = copies(10).astype(float)
NAMES = list("abcd")
SHORT = {"n_iter": 2, "random_state": 0}
STACK = DeepBeliefNetwork((3, 2), rbm=BernoulliRBM(n_iter=2), random_state=0)
ESTIMATORS = [
    BernoulliRBM(2, **SHORT),
    GaussianBernoulliRBM(2, **SHORT),
    STACK,
    RBMClassifier(2, **SHORT),
    DBNClassifier(STACK, random_state=0),
    DBNRegressor(STACK, random_state=0),
    RBMImputer(BernoulliRBM(2, n_iter=2), random_state=0),
    RBMOutlierDetector(BernoulliRBM(2, n_iter=2), random_state=0),
]
GENERATIVE = ESTIMATORS[:3]


def categories(X):
    """A frame of categorical columns, in which None is not a category."""
    return pd.DataFrame({name: pd.Categorical(x) for name, x in zip(NAMES, X.T, strict=True)})


CONTAINERS = {
    "categories": lambda X: categories(X.astype(int)),
    "some categories": lambda X: pd.DataFrame(X, columns=NAMES).astype({"b": "category"}),
    "categories of bool": lambda X: pd.DataFrame(X > 0).astype("category"),
    "categories of digits": lambda X: pd.DataFrame(X.astype(int).astype(str)).astype("category"),
    "objects": lambda X: X.astype(object),
    "frame of objects": lambda X: pd.DataFrame(X).astype(object),
    "decimals": lambda X: np.vectorize(Decimal, otypes=[object])(X),
    "nullable": lambda X: pd.DataFrame(X).astype("Int64"),
}


def kind(estimator):
    return type(estimator).__name__


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=kind)
@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
def test_numbers_in_any_container_are_the_same_numbers(estimator, container):
    """Fails if a frame of categories or an array of objects is refused, or read as codes."""
    y = np.arange(len(BITS)) % 2
    method = "transform" if hasattr(estimator, "transform") else "predict"
    expected = getattr(clone(estimator).fit(BITS, y), method)(BITS)
    got = clone(estimator).fit(container(BITS), y)
    # Products round differently if the rows are stored by columns.
    np.testing.assert_allclose(getattr(got, method)(container(BITS)), expected, rtol=1e-9)


def test_missing_categories_are_missing_values():
    """Fails if None in a frame of categories is an error although NaN is allowed."""
    X = BITS.copy()
    X[::3, 1] = np.nan
    frame = categories(np.where(np.isnan(X), None, np.nan_to_num(X).astype(int)))
    rbm = BernoulliRBM(2, missing_values="allow", **SHORT)
    expected = clone(rbm).fit(X).transform(X)
    np.testing.assert_array_equal(clone(rbm).fit(frame).transform(frame), expected)


@pytest.mark.parametrize("values", [[["a", "b"]], [[1 + 1j]], np.array([["2020-01-01"]], "M8[D]")])
def test_values_that_are_no_numbers_are_refused(values):
    """Fails if the conversion accepts values that are not numbers."""
    with pytest.raises((ValueError, TypeError)):
        BernoulliRBM(2).fit(values)


def rows_of(estimator, X, H):
    """The results of all methods that return rows of data."""
    return {
        "sample": estimator.sample(3, n_steps=2, random_state=0),
        "sample given": estimator.sample(3, given={0: 1}, n_steps=2, random_state=0),
        "impute": estimator.impute(X, random_state=0),
        "reconstruct": estimator.reconstruct(X),
        "inverse_transform": estimator.inverse_transform(H),
        "gibbs": estimator.gibbs(X),
    }


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("estimator", GENERATIVE, ids=kind)
def test_rows_of_data_have_the_container_of_set_output(estimator, library):
    """Fails if a method returns an array, loses a name, or moves rows to another index."""
    pytest.importorskip(library)
    X = pd.DataFrame(BITS, columns=NAMES, index=np.arange(len(BITS)) + 100)
    plain, asked = (clone(estimator).fit(X) for _ in range(2))
    asked.set_output(transform=library)
    H = plain.transform(X)
    expected, got = rows_of(plain, X, H), rows_of(asked, X, asked.transform(X))
    for name, rows in got.items():
        assert type(rows).__module__.startswith(library), name
        assert list(rows.columns) == NAMES, name
        np.testing.assert_array_equal(rows.to_numpy(), expected[name])
        assert rows.to_numpy().dtype == expected[name].dtype, name
        if library == "pandas" and not name.startswith("sample"):
            assert list(rows.index) == list(X.index), name
    assert isinstance(asked.impute(X, n_draws=2), np.ndarray)


def test_columns_without_names_get_the_names_of_scikit_learn():
    """Fails if a model of an array cannot return frames."""
    rbm = clone(ESTIMATORS[0]).fit(BITS).set_output(transform="pandas")
    assert list(rbm.sample(2).columns) == ["x0", "x1", "x2", "x3"]
    assert list(clone(rbm).fit(BITS).reconstruct(BITS).columns) == ["x0", "x1", "x2", "x3"]


def test_the_global_configuration_applies():
    """Fails if only `set_output` has an effect."""
    X = pd.DataFrame(BITS, columns=NAMES)
    rbm = clone(ESTIMATORS[0]).fit(X)
    classifier = clone(ESTIMATORS[3]).fit(X, np.arange(len(X)) % 2)
    with sklearn.config_context(transform_output="pandas"):
        assert list(rbm.sample(2).columns) == NAMES
    assert isinstance(rbm.sample(2), np.ndarray)
    assert isinstance(classifier.sample(2)[0], np.ndarray)


@pytest.mark.parametrize("estimator", [*GENERATIVE, ESTIMATORS[3]], ids=kind)
def test_a_series_gives_values_by_name(estimator):
    """Fails if values are assigned by position, or NaN is not free."""
    fitted = clone(estimator).fit(pd.DataFrame(BITS, columns=NAMES), np.arange(len(BITS)) % 2)
    series = pd.Series({"c": 1.0, "a": np.nan, "b": 0.0})

    def drawn(given):
        return fitted.sample(20, given=given, n_steps=2, random_state=0)

    rows, expected = drawn(series), drawn({"b": 0, "c": 1})
    if isinstance(fitted, RBMClassifier):
        rows, expected = rows[0], expected[0]
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_allclose(rows[:, 1:3], [[0, 1]] * 20, atol=1e-9)
    of_frame = pd.DataFrame([[1.0, np.nan, 0, np.nan]], columns=NAMES).iloc[0]
    row = [1.0, np.nan, 0, np.nan]
    np.testing.assert_array_equal(drawn(of_frame)[0], drawn(row)[0])
    np.testing.assert_array_equal(drawn(pd.Series(row))[0], drawn(row)[0])
    with pytest.raises(ValueError, match="given has the column 'z', must have indices"):
        drawn(pd.Series({"z": 1}))
