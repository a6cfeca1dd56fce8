"""`TabularRBM` inside other estimators: imputers, detectors, stacks."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from skrbm import (
    BernoulliRBM,
    Checkpoint,
    DBNClassifier,
    DBNRegressor,
    DeepBeliefNetwork,
    RBMImputer,
    RBMOutlierDetector,
    TabularRBM,
)
from skrbm.explain import describe

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


@pytest.mark.parametrize("method", ["mean", "sample", "mode", "median"])
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
    if method in ("mean", "median"):
        pd.testing.assert_frame_equal(_pandas(expected), new)


@pytest.mark.parametrize("container", CONTAINERS)
def test_imputers_mark_cells_and_drop_columns_without_values(container):
    """By `add_indicator` and `keep_empty_features`, as for arrays of numbers."""
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


@pytest.mark.slow
def test_thresholds_of_tables_hold_for_new_rows():
    """Three standard errors. Fails if rows that set the threshold have also set the codes."""
    shares, n = [], 300
    for seed in range(8):
        rng = np.random.default_rng(seed)
        weights = rng.normal(size=(3, 15))
        X = rng.normal(size=(n + 2000, 3)) @ weights + rng.normal(size=(n + 2000, 15))
        detector = RBMOutlierDetector(TabularRBM(4, n_iter=5), random_state=0).fit(X[:n])
        shares.append((detector.predict(X[n:]) < 0).mean())
    assert abs(np.mean(shares) - 0.1) < 3 * np.sqrt(0.09 / n / len(shares))


@pytest.mark.slow
def test_detectors_judge_the_rows_of_fit():
    """By models that have not learned them, with weights."""
    X = _with_holes()
    weights = np.arange(N) % 3
    detector = RBMOutlierDetector(MODEL, contamination=0.1, novelty=False, random_state=0)
    labels = detector.fit_predict(X, sample_weight=weights)
    share = np.average(labels < 0, weights=weights)
    assert abs(share - 0.1) < 0.01


# Stacks


QUICK = {"n_iter": 30}


def _stack(**parameters):
    return DeepBeliefNetwork(
        (6, 4),
        visible_rbm=TabularRBM(**QUICK),
        rbm=BernoulliRBM(**QUICK),
        random_state=0,
        **parameters,
    )


@pytest.mark.parametrize("fine_tune_iter", [0, 3])
@pytest.mark.parametrize("make", [_frame, _with_holes])
def test_stacks_return_tables(make, fine_tune_iter):
    """Fails if a method returns states, or its columns, types or known cells differ."""
    X, whole = make(), _frame()
    dbn = _stack(fine_tune_iter=fine_tune_iter).fit(X)
    H = dbn.transform(X)
    assert H.shape == (N, 4)
    holes = _with_holes()
    made = {
        "sample": dbn.sample(20, n_steps=5),
        "given": dbn.sample(20, given={"city": "Rome", "mass": 71.3}, n_steps=20),
        "rows": dbn.sample(2, given=holes.head(10), n_steps=5),
        "gibbs": dbn.gibbs(whole),
        "impute": dbn.impute(holes, n_steps=5),
        "mode": dbn.impute(holes, method="mode", n_steps=5),
    }
    for name, table in made.items():
        assert (table.dtypes == whole.dtypes).all(), name
        assert not table.isna().any(axis=None), name
        assert table["mass"].between(whole["mass"].min(), whole["mass"].max()).all(), name
    assert (made["given"][["city", "mass"]] == ["Rome", 71.3]).all(axis=None)
    assert (made["given"]["level"] != "low").mean() > 0.5
    known = holes.notna()
    same = made["impute"].astype(object) == holes.astype(object)
    assert same.to_numpy(bool, na_value=False)[known.to_numpy()].all()
    for means in dbn.inverse_transform(H), dbn.reconstruct(whole):
        assert list(means.columns) == list(whole)
    partly = dbn.partial_fit(X).score(X)
    assert np.isfinite(partly)


def test_bounds_of_stacks_are_below_log_likelihoods_in_units_of_the_table():
    """With one layer they equal the RBM's; with more, the density does not sum to more than one."""
    X = _frame()
    single = DeepBeliefNetwork(5, visible_rbm=TabularRBM(**QUICK), random_state=0).fit(X)
    holes = _with_holes()
    for rows in X, holes:
        expected = single.rbms_[0].score_samples(rows)
        np.testing.assert_allclose(single.score_samples(rows), expected, rtol=1e-4)
    small = X[["city", "level", "visits"]]
    dbn = _stack().fit(small)
    every = pd.MultiIndex.from_product(
        [["Oslo", "Bergen", "Rome"], ["low", "mid", "high"], range(200)]
    )
    every = every.to_frame(index=False, name=list(small)).astype({"visits": "Int64"})
    every["level"] = every["level"].astype(small["level"].dtype)
    total = np.exp(dbn.score_samples(every)).sum()
    assert 0.5 < total < 1.01
    stack, scaled = (_stack().fit(X.assign(mass=X["mass"] * f)) for f in (1, 2.5))
    shift = stack.score_samples(X) - scaled.score_samples(X.assign(mass=X["mass"] * 2.5))
    np.testing.assert_allclose(shift, np.log(2.5), rtol=1e-9)


def test_stacks_refuse_ranges_and_tables_above_the_lowest_layer():
    """In one sentence with advice."""
    X = _frame()
    dbn = _stack().fit(X)
    message = r"^given\['mass'\] == \(60, 70\), must be a single value for a stack"
    with pytest.raises(ValueError, match=message):
        dbn.sample(given={"mass": (60, 70)})
    with pytest.raises(ValueError, match="^layer 2 of 2 is TabularRBM.*must have binary visible"):
        DeepBeliefNetwork((3, 3), rbm=TabularRBM(**QUICK)).fit(X)
    with pytest.raises(ValueError, match=r"^X has no column 'city', must have all columns"):
        dbn.transform(X.drop(columns="city"))


@pytest.mark.slow
def test_an_interrupted_fit_of_a_stack_of_tables_is_completed_bit_for_bit(tmp_path):
    """In the middle of the second layer, with missing cells."""
    X, path = _with_holes(), tmp_path / "stack"

    def stop(dbn, n_iter):
        if n_iter == 40:
            raise KeyboardInterrupt

    whole = _stack(callbacks=[Checkpoint(path), stop])
    with pytest.raises(KeyboardInterrupt):
        whole.fit(X)
    resumed = Checkpoint.load(path).set_params(callbacks=None).resume(X)
    np.testing.assert_array_equal(resumed.transform(X), _stack().fit(X).transform(X))


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_tuned_stacks_predict_from_tables():
    """Classes and numbers, from rows with missing cells, also with a fitted stack."""
    X, y = _with_holes()[["city", "level", "visits"]], _frame()["mass"].to_numpy()
    dbn = _stack()
    for stack in dbn, FrozenEstimator(clone(dbn).fit(X)):
        mlp = MLPClassifier(solver="lbfgs", max_iter=30)
        classifier = DBNClassifier(stack, mlp=mlp, random_state=0).fit(X, y > 70)
        assert classifier.score(X, y > 70) > 0.9
        assert classifier.transform(X).shape == (N, 4)
        complete = classifier.predict(_frame()[["visits", "level", "city"]])
        assert (complete == (y > 70)).mean() > 0.95
    mlp = MLPRegressor(solver="lbfgs", max_iter=30)
    regressor = DBNRegressor(dbn, mlp=mlp, random_state=0).fit(X, y)
    assert regressor.score(X, y) > 0.7


def test_units_of_tables_are_described():
    """Fails if rows of a table are read as numbers."""
    X = _frame()
    report = describe(TabularRBM(4, n_iter=50, random_state=0).fit(X), X, n_rows=3)
    assert report.most_activating.shape == (4, 3)
