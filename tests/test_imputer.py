"""`RBMImputer` has the parameters of scikit-learn's imputers, and treats columns likewise."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.impute import KNNImputer, SimpleImputer

from skrbm import BernoulliRBM, GaussianBernoulliRBM, RBMImputer

from laws import copies, holes_in

RBM = GaussianBernoulliRBM(4, n_iter=5, random_state=0)


def imputer(**parameters):
    return RBMImputer(RBM, random_state=0, **parameters)


@pytest.fixture(scope="module")
def holes():
    return holes_in(load_iris().data)


@pytest.fixture(scope="module")
def with_empty(holes):
    """Rows in which column 1 has no value, and column 3 all of them."""
    X = holes.copy()
    X[:, 1], X[:, 3] = np.nan, load_iris().data[:, 3]
    return X


@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_any_number_marks_missing_values(holes, container, dtype):
    """Fails if the placeholder is learned as a value, or stays in the result."""
    X, placeholder = holes.astype(dtype), -1 if dtype == "float64" else -999.0
    marked = container(np.where(np.isnan(X), np.array(placeholder, dtype), X))
    expected = imputer(add_indicator=True).fit_transform(X)
    got = imputer(add_indicator=True, missing_values=placeholder).fit_transform(marked)
    np.testing.assert_allclose(got, expected, rtol=1e-5)  # products of rows in another layout
    assert got.dtype == expected.dtype


def test_integers_with_a_placeholder():
    """Fails if NaN cannot be written into the rows, or into the caller's array."""
    X = copies(20).astype(int)
    X[::3, 1] = -1
    before = X.copy()
    filled = RBMImputer(BernoulliRBM(2, n_iter=1), missing_values=-1).fit_transform(X)
    np.testing.assert_array_equal(X, before)
    assert 0 < filled[::3, 1].min() <= filled[::3, 1].max() < 1
    np.testing.assert_array_equal(filled[X >= 0], X[X >= 0])


def test_nan_is_refused_if_another_number_marks_missing_values(holes):
    """Fails if there are two kinds of missing values."""
    message = "X contains NaN, must not if missing_values == -1 marks missing values."
    fitted = imputer(missing_values=-1).fit(load_iris().data)
    for method in (imputer(missing_values=-1).fit, fitted.transform):
        with pytest.raises(ValueError, match=message):
            method(holes)


@pytest.mark.parametrize("indicator", [False, True])
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame])
def test_empty_columns_are_treated_as_by_knn_imputer(with_empty, container, keep, indicator):
    """Fails if a column without values is refused, kept, dropped or named differently."""
    X = with_empty if container is np.asarray else pd.DataFrame(with_empty, columns=list("abcd"))
    options = {"keep_empty_features": keep, "add_indicator": indicator}
    ours, theirs = imputer(**options).fit(X), KNNImputer(**options).fit(X)
    got, expected = ours.transform(X), theirs.transform(X)
    assert got.shape == expected.shape
    known = ~np.isnan(with_empty) if keep else ~np.isnan(with_empty[:, [0, 2, 3]])
    np.testing.assert_array_equal(
        got[:, : known.shape[1]][known], expected[:, : known.shape[1]][known]
    )
    np.testing.assert_array_equal(got[:, known.shape[1] :], expected[:, known.shape[1] :])
    assert (got[:, 1] == 0).all() == keep
    names = list(SimpleImputer(**options).fit(X).get_feature_names_out())  # KNNImputer has too few
    assert list(ours.get_feature_names_out()) == names
    assert ours.n_features_in_ == 4
    assert ours.rbm_.n_features_in_ == 3
    framed = imputer(**options).set_output(transform="pandas").fit_transform(X)
    assert list(framed.columns) == names


def test_empty_columns_do_not_change_the_others(with_empty):
    """Fails if the model contains a column without values."""
    without = np.delete(with_empty, 1, axis=1)
    expected = imputer().fit_transform(without)
    np.testing.assert_allclose(imputer().fit_transform(with_empty), expected, rtol=1e-9)


def test_known_values_of_an_empty_column_are_kept_with_it(with_empty):
    """Fails if a new row loses a value because no earlier row had one."""
    fitted = imputer(keep_empty_features=True).fit(with_empty)
    assert fitted.transform(load_iris().data[:1])[0, 1] == load_iris().data[0, 1]
    assert imputer().fit(with_empty).transform(load_iris().data[:1]).shape == (1, 3)


def test_a_column_is_empty_if_only_rows_without_weight_have_values(holes):
    """Fails if weights are forgotten: the model would have no scale for the column."""
    X, weight = holes.copy(), np.ones(len(holes))
    X[1:, 2], X[0, 2], weight[0] = np.nan, 1.0, 0
    assert imputer().fit(X, sample_weight=weight).transform(X).shape[1] == 3
    with pytest.raises(ValueError, match="X has no value in any column, must have one in some row"):
        imputer().fit(np.full((5, 2), np.nan))


@pytest.mark.parametrize("method", ["mean", "sample"])
def test_imputed_values_lie_within_limits_and_known_values_stay(holes, method):
    """Fails if limits are ignored, belong to another column, or apply to known values."""
    low, high = [5.5, -np.inf, 4, 0.5], [6, 2.9, np.inf, 1]
    free = imputer(method=method).fit_transform(holes)
    filled = imputer(method=method, min_value=low, max_value=high).fit_transform(holes)
    missing = np.isnan(holes)
    np.testing.assert_array_equal(filled, np.where(missing, free.clip(low, high), holes))
    assert (filled != free).any(axis=0).all()
    one = imputer(method=method, min_value=4).fit_transform(holes)
    np.testing.assert_array_equal(one, np.where(missing, free.clip(4), holes))


def test_limits_of_an_empty_column_are_skipped(with_empty):
    """Fails if the limits of the columns after it move by one."""
    low = [5.5, 100, 3, 0.5]
    free, filled = imputer(), imputer(min_value=low)
    expected = np.where(
        np.isnan(np.delete(with_empty, 1, axis=1)),
        free.fit_transform(with_empty).clip([5.5, 3, 0.5]),
        np.delete(with_empty, 1, axis=1),
    )
    np.testing.assert_array_equal(filled.fit_transform(with_empty), expected)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"missing_values": "?"}, "missing_values == '\\?', must be NaN or another number."),
        ({"missing_values": None}, "missing_values == None, must be NaN or another number."),
        ({"min_value": [1, 2]}, "min_value == \\[1, 2\\], must be a number for all columns, or"),
        ({"max_value": np.nan}, "max_value == nan, must be a number for all columns, or one for"),
        ({"min_value": "low"}, "min_value == 'low', must be a number for all columns"),
        (
            {"min_value": [0, 3, 0, 0], "max_value": 2},
            "min_value == 3 for column 1, must be <= max_value == 2.",
        ),
        ({"keep_empty_features": 1}, "keep_empty_features == 1, must be True or False."),
    ],
)
def test_wrong_parameters_of_an_imputer(holes, parameters, message):
    """Fails if the error comes from numpy, or there is none."""
    with pytest.raises(ValueError, match=message):
        imputer(**parameters).fit(holes)


def test_a_limit_beyond_all_floats_is_no_limit():
    """Fails if its conversion warns of an overflow."""
    X = np.array([[0.0, 1], [1, np.nan], [np.nan, 0], [1, 1]])
    imputer = RBMImputer(BernoulliRBM(2, n_iter=1), max_value=np.longdouble("1e4000"))
    assert np.isfinite(imputer.fit_transform(X)).all()
