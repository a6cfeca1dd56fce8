"""`TabularRBM` inside other estimators: imputers, detectors, stacks, clusters."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from skrbm import RBMImputer, RBMOutlierDetector, TabularRBM

N = 600
MODEL = TabularRBM(8, n_iter=20)


def _frame(n=N, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.random(n) < 0.5
    level = pd.CategoricalDtype(["low", "mid", "high"], ordered=True)
    return pd.DataFrame(
        {
            "city": np.where(z, rng.choice(["Oslo", "Bergen"], n), "Rome"),
            "level": pd.Categorical(
                np.where(z, "low", rng.choice(["mid", "high"], n)), dtype=level
            ),
            "visits": pd.array(rng.poisson(np.where(z, 2, 9), n), dtype="Int64"),
            "mass": rng.normal(np.where(z, 60, 80), 3).round(1),
        },
        index=[f"row {i}" for i in range(n)],
    )


def _with_holes(n=N):
    X = _frame(n)
    return X.mask(np.random.default_rng(1).random(X.shape) < 0.2)


CONTAINERS = {
    "pandas": lambda X: X,
    "polars": lambda X: pl.from_pandas(X.astype({"level": object}).reset_index(drop=True)),
    "objects": lambda X: X.astype(object).where(X.notna(), None).to_numpy(),
}


def _pandas(X):
    if isinstance(X, np.ndarray):
        return pd.DataFrame(X)
    return X if isinstance(X, pd.DataFrame) else X.to_pandas()


@pytest.mark.parametrize("method", ["mean", "sample", "mode"])
@pytest.mark.parametrize("container", CONTAINERS)
def test_imputers_fill_tables_in_their_own_types(container, method):
    """Fails if a frame becomes an array, a known cell changes, or draws are not repeated."""
    X = CONTAINERS[container](_with_holes())
    imputer = RBMImputer(MODEL, method=method, n_steps=5, random_state=0)
    filled = imputer.fit_transform(X)
    assert type(filled) is type(X)
    new, old = _pandas(filled), _pandas(X)
    assert not new.isna().any(axis=None)
    assert new.shape == old.shape
    known = old.notna().to_numpy()
    assert (new.to_numpy(dtype=object)[known] == old.to_numpy(dtype=object)[known]).all()
    if container == "pandas":
        assert (filled.dtypes == X.dtypes).all()
        pd.testing.assert_index_equal(filled.index, X.index)
    pd.testing.assert_frame_equal(_pandas(imputer.transform(X)), new)
    expected = imputer.rbm_.impute(X, method="draw" if method == "sample" else method, n_steps=5)
    if method == "mean":
        pd.testing.assert_frame_equal(_pandas(expected), new)


@pytest.mark.parametrize("container", CONTAINERS)
def test_imputers_mark_cells_and_drop_columns_without_values(container):
    """By `add_indicator` and `keep_empty_features`, as in arrays of numbers."""
    frame = _with_holes().assign(none=pd.Series([None] * N, dtype=object, index=_frame().index))
    frame = frame[["none", "city", "visits"]]
    X = CONTAINERS[container](frame.astype({"visits": float}).assign(level=_with_holes()["level"]))
    imputer = RBMImputer(MODEL, add_indicator=True, random_state=0).fit(X)
    filled = _pandas(imputer.transform(X))
    names = list(imputer.get_feature_names_out())
    assert filled.shape == (N, len(names)) == (N, 7)
    gone = _pandas(X).isna().to_numpy()
    marks = filled.iloc[:, 3:].to_numpy(dtype=bool)
    np.testing.assert_array_equal(marks, gone)
    kept = RBMImputer(MODEL, keep_empty_features=True, random_state=0).fit(X)
    assert _pandas(kept.transform(X)).iloc[:, 0].isna().all()
    if container != "objects":
        assert names[:3] == ["city", "visits", "level"]
        assert list(filled.columns) == names


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"missing_values": -1}, r"^missing_values == -1, must be nan with TabularRBM\.$"),
        ({"min_value": 0}, r"^min_value == 0, must be -inf with TabularRBM\.$"),
        ({"max_value": [1, 2]}, r"^max_value == \[1, 2\], must be inf with TabularRBM\.$"),
    ],
)
def test_imputers_of_tables_refuse_limits(parameters, message):
    """Before any work."""
    with pytest.raises(ValueError, match=message):
        RBMImputer(MODEL, **parameters).fit(_with_holes())


def test_an_imputer_is_a_step_before_other_estimators():
    """Frames of any order of columns in, frames out."""
    X, y = _with_holes(), _frame()["mass"] > 70
    encode = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    model = make_pipeline(RBMImputer(MODEL, random_state=0), encode, LogisticRegression())
    columns = ["level", "city", "visits"]
    model.fit(X[columns], y)
    assert model.score(X[columns], y) > 0.8
    imputer = model[0]
    np.testing.assert_array_equal(
        imputer.transform(X[columns[::-1]])[columns], imputer.transform(X[columns])
    )


@pytest.mark.parametrize("container", CONTAINERS)
def test_detectors_flag_rows_of_tables(container):
    """A share `contamination` of new rows, and rows of impossible combinations."""
    make = CONTAINERS[container]
    X = make(_with_holes())
    detector = RBMOutlierDetector(MODEL, contamination=0.05, random_state=0).fit(X)
    new = _frame(4000, seed=1)
    share = (detector.predict(make(new)) < 0).mean()
    # The threshold is a quantile of 600 scores.
    assert abs(share - 0.05) < 6 * np.sqrt(0.05 * 0.95 * (1 / N + 1 / 4000))
    odd = new[new["city"] == "Rome"]
    odd = odd.assign(level=pd.Categorical(["low"] * len(odd), dtype=new["level"].dtype))
    assert (detector.predict(make(odd)) < 0).mean() > 5 * 0.05
    np.testing.assert_allclose(
        detector.score_samples(make(new)), -detector.rbm_.free_energy(make(new))
    )


def test_detectors_judge_the_rows_that_they_learn():
    """By models that have not learned them, with weights."""
    X = _with_holes()
    weights = np.arange(N) % 3
    detector = RBMOutlierDetector(MODEL, contamination=0.1, novelty=False, random_state=0)
    labels = detector.fit_predict(X, sample_weight=weights)
    share = np.average(labels < 0, weights=weights)
    assert abs(share - 0.1) < 0.01
