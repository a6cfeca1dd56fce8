"""`TabularRBM` with tables of all kinds: types, names of columns, and training."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

from skrbm import Checkpoint, TabularRBM

N = 300
SMALL = {"n_components": 4, "n_iter": 5, "random_state": 0}


def _frame(n=N, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.random(n) < 0.5
    level = pd.CategoricalDtype(["low", "mid", "high", "never"], ordered=True)
    return pd.DataFrame(
        {
            "city": rng.choice(["Oslo", "Rome"], n),
            "level": pd.Categorical(
                np.where(z, "low", rng.choice(["mid", "high"], n)), dtype=level
            ),
            "flag": z,
            "age": rng.integers(18, 90, n),
            "visits": pd.array(rng.poisson(3, n), dtype="Int64"),
            "height": rng.normal(170, 10, n).round(1),
            "mass": rng.normal(np.where(z, 60, 80), 3).astype(np.float32),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
        },
        index=pd.Index([f"row {i}" for i in range(n)], name="id"),
    )


def _objects():
    return _frame()[["city", "age", "height"]].to_numpy(dtype=object)


TABLES = {
    "pandas": _frame,
    "polars": lambda: pl.from_pandas(_frame().astype({"level": str})),
    "numbers": lambda: _frame()[["age", "height", "mass"]].to_numpy(np.float32),
    "integers": lambda: _frame()[["age", "flag"]].to_numpy(np.int64),
    "strings": lambda: _frame()[["city", "level"]].to_numpy(dtype=str),
    "objects": _objects,
}


def _columns(X):
    """Columns of any table as pandas Series."""
    if isinstance(X, np.ndarray):
        return [pd.Series(x) for x in X.T]
    return [X[name] if isinstance(X, pd.DataFrame) else X[name].to_pandas() for name in X.columns]


def _holes(X, share=0.2):
    """The table with missing cells, and their mask; None if its type has no missing cells."""
    gone = np.random.default_rng(1).random(X.shape) < share
    if isinstance(X, pd.DataFrame):
        typed = X.astype({"flag": "boolean", "age": "Int64"})
        return typed.mask(gone), gone
    if isinstance(X, pl.DataFrame):
        kept = [pl.Series(~x) for x in gone.T]
        columns = [
            pl.when(k).then(pl.col(x)).alias(x) for x, k in zip(X.columns, kept, strict=True)
        ]
        return X.with_columns(columns), gone
    if X.dtype.kind not in "fO":
        return None
    return np.where(gone, None if X.dtype == object else np.nan, X).astype(X.dtype), gone


def _same_type(made, X):
    """Whether a table has the container, the columns and the types of another."""
    if isinstance(X, np.ndarray):
        return isinstance(made, np.ndarray) and made.dtype == X.dtype
    if isinstance(X, pl.DataFrame):
        return made.schema == X.schema
    pd.testing.assert_index_equal(made.columns, X.columns)
    return (made.dtypes == X.dtypes).all()


@pytest.mark.parametrize("name", TABLES)
def test_types_survive_all_methods_that_return_tables(name):
    """Assert that values are observed categories, integers, or within the observed extremes."""
    X = TABLES[name]()
    rbm = TabularRBM(**SMALL).fit(X)
    H = rbm.transform(X)
    assert H.shape == (N, 4)
    city = rbm.feature_names_in_[0] if hasattr(rbm, "feature_names_in_") else "x0"
    first = _columns(X)[0].iloc[0]
    made = {
        "sample": rbm.sample(50, n_steps=5),
        "given": rbm.sample(50, given={city: first}),
        "gibbs": rbm.gibbs(X),
        "inverse_transform": rbm.inverse_transform(H),
        "reconstruct": rbm.reconstruct(X),
        "impute": rbm.impute(X),
        "chains": rbm.chains_,
    }
    for method, new in made.items():
        assert _same_type(new, X), method
        for new_column, column in zip(_columns(new), _columns(X), strict=True):
            if column.dtype.kind in "iufM" or isinstance(column.iloc[0], float):
                assert new_column.min() >= column.min(), method
                assert new_column.max() <= column.max(), method
            else:
                assert set(new_column) <= set(column), method
    assert set(_columns(made["given"])[0]) == {first}
    for a, b in zip(_columns(made["impute"]), _columns(X), strict=True):
        pd.testing.assert_series_equal(a, b)
    if name == "pandas":
        pd.testing.assert_index_equal(made["impute"].index, X.index)
        assert made["sample"]["level"].cat.ordered
        assert list(made["sample"].index) == list(range(50))


@pytest.mark.parametrize("method", ["draw", "mean", "median", "mode"])
@pytest.mark.parametrize("name", [name for name in TABLES if _holes(TABLES[name]()) is not None])
def test_imputation_fills_holes_and_keeps_known_cells(name, method):
    """Bit for bit, with types, categories, index and the order of the columns."""
    X, gone = _holes(TABLES[name]())
    rbm = TabularRBM(**SMALL).fit(X)
    filled = rbm.impute(X, method=method, n_steps=5, random_state=0)
    assert _same_type(filled, X)
    for new, old, missing in zip(_columns(filled), _columns(X), gone.T, strict=True):
        assert not new.isna().any()
        same = new[~missing].astype(object), old[~missing].astype(object)
        pd.testing.assert_series_equal(*same)
    if name == "pandas":
        pd.testing.assert_index_equal(filled.index, X.index)
        draws = rbm.impute(X, n_draws=2, n_steps=5, random_state=0)
        assert not draws[0].equals(draws[1])
    kept = rbm.sample(2, given=X[:3], n_steps=5)
    for new, old, missing in zip(_columns(kept), _columns(X[:3]), gone[:3].T, strict=True):
        values = new.to_numpy()[np.repeat(~missing, 2)]
        assert (values == old.to_numpy()[~missing].repeat(2)).all()


def test_columns_are_found_by_name():
    """In any order, with others ignored; a missing one is named."""
    X = _frame()
    rbm = TabularRBM(**SMALL).fit(X)
    other = X[X.columns[::-1]].assign(id=np.arange(N))
    expected = rbm.score_samples(X)
    np.testing.assert_array_equal(rbm.score_samples(other), expected)
    np.testing.assert_array_equal(rbm.transform(other), rbm.transform(X))
    polars = pl.from_pandas(X.reset_index(drop=True))
    np.testing.assert_allclose(rbm.score_samples(polars), expected, rtol=1e-6)
    with pytest.raises(ValueError, match=r"^X has no column 'age', must have all columns of `fit`"):
        rbm.score_samples(X.drop(columns="age"))
    with pytest.raises(ValueError, match=r"^X has no column 'age'"):
        rbm.predict(X.drop(columns=["age", "city"]), "city")
    assert rbm.predict(X.drop(columns="city"), "city").shape == (N,)
    array = _objects()
    with pytest.raises(ValueError, match="X has 2 features, but TabularRBM is expecting 3"):
        TabularRBM(**SMALL).fit(array).score_samples(array[:, :2])


def test_identifiers_are_refused_by_name():
    """Before any work, unless they are requested."""
    X = _frame().reset_index()
    with pytest.raises(ValueError, match="^Column 'id' has 300 different values in 300 rows and"):
        TabularRBM(**SMALL).fit(X)
    rbm = TabularRBM(**SMALL, column_types={"id": "category"}).fit(X)
    assert set(rbm.sample(20, n_steps=5)["id"]) <= set(X["id"])


def test_missing_cells_are_learned_and_generated_at_their_rate():
    """Also jointly with the column on which they depend; other cells of samples are present."""
    X = _frame()[["flag", "city", "mass"]]
    rng = np.random.default_rng(2)
    X["mass"] = X["mass"].mask(rng.random(N) < np.where(X["flag"], 0.6, 0.1))
    X["city"] = X["city"].mask(rng.random(N) < 0.3)
    rbm = TabularRBM(6, n_iter=150, learn_missing=["mass"], random_state=0).fit(X)
    made = rbm.sample(2000, n_steps=200, random_state=0)
    assert not made["city"].isna().any()
    for flag in (False, True):
        rate = X["mass"][X["flag"] == flag].isna().mean()
        n = (X["flag"] == flag).sum()
        found = made["mass"][made["flag"] == flag].isna().mean()
        error = np.sqrt(rate * (1 - rate) * (1 / n + 1 / 600))
        assert abs(found - rate) < 3 * error
    assert rbm.sample(50, given={"mass": None})["mass"].isna().all()
    holes = X[X["mass"].isna()].assign(city=None)
    assert rbm.impute(holes)["mass"].isna().all()
    whole = TabularRBM(**SMALL, learn_missing="all").fit(X).impute(X)
    pd.testing.assert_frame_equal(whole, X)


def test_classes_and_predictions_of_dates_are_dates():
    """Intervals from the first day to the last one, and means within them."""
    X = _frame()
    rbm = TabularRBM(**SMALL).fit(X)
    intervals = rbm.classes_["day"]
    assert intervals[0, 0] == X["day"].min()
    assert intervals[-1, 1] == X["day"].max()
    assert (intervals[1:, 0] > intervals[:-1, 1]).all()
    predicted = rbm.predict(X, "day")
    assert (predicted > intervals[0, 0]).all()
    assert (predicted < intervals[-1, 1]).all()
    assert rbm.predict_proba(X, "day").shape == (N, len(intervals))


def test_unknown_categories_are_missing_or_refused():
    """Scores then sum over the cell; imputation does not fill it."""
    X = _frame()
    new = X.iloc[:3].assign(city=["Oslo", "Bergen", "Rome"])
    holes = X.iloc[:3].assign(city=["Oslo", None, "Rome"])
    rbm = TabularRBM(**SMALL).fit(X)
    np.testing.assert_array_equal(rbm.score_samples(new), rbm.score_samples(holes))
    assert rbm.impute(new)["city"].tolist() == ["Oslo", "Bergen", "Rome"]
    assert np.isnan(rbm.cell_scores(new)[1, 0])
    strict = TabularRBM(**SMALL, handle_unknown="error").fit(X)
    with pytest.raises(ValueError, match=r"^Column 'city' has 'Bergen', which is not among"):
        strict.score_samples(new)


def test_missing_cells_are_refused_on_request():
    """With the name of the column, in training and in scores."""
    X, _ = _holes(_frame())
    with pytest.raises(ValueError, match=r"^X has a missing or unknown cell in column 'city'"):
        TabularRBM(**SMALL, missing_values="refuse").fit(X)
    rbm = TabularRBM(**SMALL, missing_values="refuse").fit(_frame())
    for method in (rbm.transform, rbm.score_samples, rbm.reconstruct, rbm.gibbs):
        with pytest.raises(ValueError, match=r"^[Xv] has a missing or unknown cell in column"):
            method(X)


def test_a_weight_of_two_is_a_second_row():
    """In the codes, their densities and the training on all rows at once."""
    X = _frame(150)
    weights = np.arange(150) % 3
    whole = {"gradient": "exact", "batch_size": 1000, "n_iter": 20, "random_state": 0}
    weighted = TabularRBM(4, **whole).fit(X, sample_weight=weights)
    repeated = TabularRBM(4, **whole).fit(X.loc[X.index.repeat(weights)])
    for name in X:
        np.testing.assert_array_equal(weighted.classes_[name], repeated.classes_[name])
    np.testing.assert_allclose(weighted.score_samples(X), repeated.score_samples(X), rtol=1e-4)
    assert weighted.score(X, sample_weight=weights) == pytest.approx(
        repeated.score(X.loc[X.index.repeat(weights)]), rel=1e-4
    )


def test_output_containers_and_names():
    """`set_output` decides for features and tables; features have names."""
    X = _frame()
    rbm = TabularRBM(**SMALL).set_output(transform="polars").fit(X)
    names = [f"tabularrbm{i}" for i in range(4)]
    assert rbm.get_feature_names_out().tolist() == names
    assert isinstance(rbm.transform(X), pl.DataFrame)
    assert rbm.transform(X).columns == names
    framed = rbm.set_output(transform="pandas").transform(X)
    pd.testing.assert_index_equal(framed.index, X.index)
    array = TabularRBM(**SMALL).fit(_objects()).set_output(transform="pandas")
    assert list(array.sample(3, n_steps=2).columns) == ["x0", "x1", "x2"]
    assert list(rbm.feature_names_in_) == list(X)
    assert rbm.n_features_in_ == X.shape[1]


def test_pipelines_and_searches_take_frames():
    """Features of a table with missing cells for a classifier, alone and with other columns."""
    X, _ = _holes(_frame())
    y = _frame()["flag"].to_numpy()
    X = X.drop(columns="flag")
    model = make_pipeline(TabularRBM(4, n_iter=30, random_state=0), LogisticRegression())
    search = GridSearchCV(model, {"tabularrbm__n_components": [2, 8]}, cv=3).fit(X, y)
    assert search.best_score_ > 0.8
    parts = ColumnTransformer([("rbm", model[0], ["mass", "level"])])
    assert make_pipeline(parts, LogisticRegression()).fit(X, y).score(X, y) > 0.7
    again = clone(search.best_estimator_[0])
    with pytest.raises(Exception, match="not fitted"):
        check_is_fitted(again)


def _same(a, b, X):
    np.testing.assert_array_equal(a.components_, b.components_)
    np.testing.assert_array_equal(a.score_samples(X), b.score_samples(X))


def test_a_seed_makes_everything_the_same():
    """Fits, samples and draws; a pickle continues like the original."""
    X, _ = _holes(_frame())
    rbm, other = TabularRBM(**SMALL).fit(X), TabularRBM(**SMALL).fit(X)
    _same(rbm, other, X)
    loaded = pickle.loads(pickle.dumps(rbm))
    _same(rbm, loaded, X)
    for same in (other, loaded):
        a = rbm.sample(5, n_steps=3, random_state=1)
        pd.testing.assert_frame_equal(a, same.sample(5, n_steps=3, random_state=1))
        a = rbm.impute(X, random_state=1)
        pd.testing.assert_frame_equal(a, same.impute(X, random_state=1))
    assert not rbm.sample(20, n_steps=3).equals(rbm.sample(20, n_steps=3))


def test_an_interrupted_fit_is_completed_bit_for_bit(tmp_path):
    """With missing cells, whose chains are part of the checkpoint."""
    X, _ = _holes(_frame())
    whole = TabularRBM(**SMALL).fit(X)

    def stop(rbm, n_iter):
        if n_iter == 2:
            raise KeyboardInterrupt

    path = tmp_path / "table.joblib"
    part = TabularRBM(**SMALL, callbacks=[Checkpoint(path), stop])
    with pytest.raises(KeyboardInterrupt):
        part.fit(X)
    resumed = Checkpoint.load(path).set_params(callbacks=None).resume(X)
    _same(whole, resumed, X)


def test_training_continues():
    """By `warm_start`, `partial_fit` and callbacks, with the codes of the first rows."""
    X = _frame()
    seen = []
    rbm = TabularRBM(**SMALL, warm_start=True, callbacks=lambda rbm, n: seen.append(n)).fit(X)
    columns = rbm.classes_
    assert rbm.fit(X.iloc[:50]).n_iter_ == 10
    assert seen == list(range(1, 11))
    stream = TabularRBM(**SMALL)
    for start in range(0, N, 100):
        stream.partial_fit(X.iloc[start : start + 100])
    assert stream.n_iter_ == 3
    other = clone(stream).partial_fit(X.iloc[:100])
    other.partial_fit(X.iloc[100:200, ::-1]).partial_fit(X.iloc[200:])
    np.testing.assert_array_equal(other.components_, stream.components_)
    assert stream.score(X) < 0
    np.testing.assert_array_equal(rbm.classes_["age"], columns["age"])
    with pytest.raises(ValueError, match="^max_bins == 8, must stay 32 to continue the training"):
        rbm.set_params(max_bins=8).fit(X)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_bins": 1}, "max_bins == 1, must be an integer >= 2 and <= 1000"),
        ({"handle_unknown": "ignore"}, "handle_unknown == 'ignore', must be one of 'missing', 'er"),
        ({"learn_missing": "city"}, "learn_missing == 'city', must be a list of names of columns"),
        ({"learn_missing": None}, "learn_missing == None, must be a list of names of columns"),
        ({"learn_missing": ["town"]}, "learn_missing has 'town', must have only names of columns"),
        (
            {"column_types": ["city"]},
            r"column_types == \['city'\], must be None or a dict by names",
        ),
        ({"column_types": {"city": "text"}}, r"column_types\['city'\] == 'text', must be one of"),
        ({"column_types": {"town": "number"}}, "column_types has 'town', must have only names of"),
        ({"gradient": "exact", "n_components": 40}, "gradient == 'exact' enumerates the smaller"),
    ],
)
def test_wrong_parameters_are_named_before_any_work(parameters, message):
    """One sentence; the estimator stays unfitted."""
    rbm = TabularRBM(**SMALL).set_params(**parameters)
    with pytest.raises(ValueError, match=f"^{message}"):
        rbm.fit(_frame())
    assert not hasattr(rbm, "n_features_in_")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rbm, X: rbm.predict(X, "weight"), "target has 'weight', must be the name of a"),
        (lambda rbm, X: rbm.predict(X, []), r"target == \[\], must have the name of a column"),
        (lambda rbm, X: rbm.sample(given={"town": 1}), "given has 'town', must have only names"),
        (lambda rbm, X: rbm.sample(given=["Rome"]), r"given == \['Rome'\], must be a dict by"),
        (lambda rbm, X: rbm.sample(given={}), r"given == \{\}, must be a dict by names of columns"),
        (
            lambda rbm, X: rbm.impute(X, method="sample"),
            "method == 'sample', must be one of 'draw'",
        ),
        (
            lambda rbm, X: rbm.impute(X, method="mean", n_draws=2),
            "method with n_draws == 'mean', must be one of 'draw'",
        ),
        (lambda rbm, X: rbm.transform(X.iloc[:0]), r"Found X with 0 sample\(s\)"),
        (lambda rbm, X: rbm.transform(X.assign(mass="heavy")), "Column 'mass' has values that are"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    """One sentence, with the name of the column or of the argument."""
    rbm = TabularRBM(**SMALL).fit(_frame())
    with pytest.raises(ValueError, match=f"^{message}"):
        call(rbm, _frame())


def test_early_stopping_holds_out_rows():
    """Its scores are in the history, and the best is kept."""
    X, _ = _holes(_frame())
    rbm = TabularRBM(4, early_stopping=True, random_state=0).fit(X)
    assert np.isfinite(rbm.best_validation_score_)
    assert np.isfinite(rbm.history_["validation_score"]).any()


def test_learning_raises_the_likelihood_of_new_rows():
    """Starting from independent columns; their dependence on the flag is learned."""
    train, new = _frame(1000), _frame(1000, seed=1)
    scores = [TabularRBM(16, n_iter=n, random_state=0).fit(train).score(new) for n in (0, 30)]
    assert scores[1] > scores[0] + 1


@pytest.mark.slow
def test_torch_has_the_same_distribution():
    """On the CPU, a numpy model gives the same results, and a torch model learns equally well."""
    pytest.importorskip("torch")
    X, _ = _holes(_frame())
    rbm = TabularRBM(4, n_iter=30, random_state=0).fit(X)
    moved = pickle.loads(pickle.dumps(rbm)).set_params(device="cpu")
    np.testing.assert_allclose(moved.score_samples(X), rbm.score_samples(X), rtol=1e-4)
    np.testing.assert_allclose(moved.transform(X), rbm.transform(X), atol=1e-4)
    np.testing.assert_allclose(moved.cell_scores(X), rbm.cell_scores(X), atol=0.5)
    assert moved.sample(5, given={"age": (20, 30)}, n_steps=5)["age"].between(20, 30).all()
    a, b = rbm.predict_proba(X, "level"), moved.predict_proba(X, "level")
    np.testing.assert_allclose(a, b, atol=1e-4)
    learned = TabularRBM(4, n_iter=30, device="cpu", random_state=0).fit(X)
    assert learned.score(X) == pytest.approx(rbm.score(X), abs=0.3)


@pytest.mark.parametrize("gradient", ["jump", "pcd", "pt", "cd", "exact"])
@pytest.mark.parametrize("kind", ["one row", "one column", "constant", "nothing", "untrained"])
def test_degenerate_tables(kind, gradient):
    """Finite scores, and draws of the observed values."""
    X, n_iter = _frame(60), 3
    if kind == "one row":
        X = X.iloc[:1]
    elif kind == "one column":
        X = X[["age"]]
    elif kind == "constant":
        X = X[["age", "city"]].assign(age=7, city="Oslo")
    elif kind == "nothing":
        X = X[["age", "city"]].assign(none=np.nan, empty=pd.Series([None] * 60, dtype=object))
    else:
        n_iter = 0
    rbm = TabularRBM(2, n_iter=n_iter, gradient=gradient, random_state=0).fit(X)
    assert np.isfinite(rbm.score_samples(X)).all()
    made = rbm.sample(20, n_steps=3)
    assert (made.dtypes == X.dtypes).all()
    assert rbm.transform(X).shape == (len(X), 2)
    for name in X:
        assert made[name].isna().all() == X[name].isna().all()
    if kind in ("one row", "constant"):
        assert (made == X.iloc[0]).all(axis=None)
    if kind == "nothing":
        assert np.isnan(rbm.cell_scores(X)[:, 2:]).all()
        assert pd.isna(rbm.predict(X, "none")).all()
        assert rbm.impute(X)["none"].isna().all()
        assert rbm.predict_proba(X, "none").shape == (60, 0)
