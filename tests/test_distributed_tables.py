"""Tables and missing values on a cluster: the codes and the quality of one machine."""

import re
from itertools import pairwise

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster

from skrbm import BernoulliRBM, DeepBeliefNetwork, TabularRBM
from skrbm.data.tables import Table
from skrbm.distributed import Distributed, tables, worker
from skrbm.distributed.worker import Key, Partitions, WorkerState, call, shared_of
from skrbm.estimators.common.fitted import domain_of
from skrbm.estimators.rbm.base import learner_of, settings_of
from skrbm.estimators.rbm.settings import Size

from laws import coupled_rbm, draw, enumerate_rbm, quick

START = {"n_iter": 0, "random_state": 0}


@pytest.fixture(scope="module")
def two_workers():
    options = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "processes": False}
    with LocalCluster(n_workers=2, **options) as workers, Client(workers) as client:
        yield client


def _frame(n, seed=0, holes=0.1):
    """Rows of two clusters, with columns of all types; cells are missing at random."""
    rng = np.random.default_rng(seed)
    warm = rng.random(n) < 0.4
    city = np.where(warm, "Rome", rng.choice(["Oslo", "Bergen"], n))
    city[:10], city[-10:] = "Ulm", "Aachen"
    celsius = np.where(warm, 20, 5) + rng.normal(scale=3, size=n)
    size = pd.CategoricalDtype(["S", "M", "L"], ordered=True)
    X = pd.DataFrame(
        {
            "city": pd.Categorical(city),
            "celsius": celsius,
            "decimal": celsius.round(1),
            "visits": pd.array(rng.poisson(np.where(warm, 4, 0.3)), dtype="Int64"),
            "is_wet": rng.random(n) < np.where(warm, 0.2, 0.8),
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 90, n), unit="D"),
            "name": np.where(rng.random(n) < 0.7, np.where(warm, "a", "b"), "c"),
            "size": pd.Categorical(np.where(warm, "S", rng.choice(["M", "L"], n)), dtype=size),
        }
    )
    for name in X.columns.drop("is_wet"):
        X.loc[rng.random(n) < holes, name] = None
    return X


def _spread(X, n_blocks):
    """A Dask frame whose categories are not known before it is read."""
    frame = dd.from_pandas(X, npartitions=n_blocks)
    return frame.assign(city=frame["city"].cat.as_unknown())


def _table(rbm):
    return learner_of(getattr(rbm, "estimator_", rbm)).fitted.coding.table


def _assert_same_codes(one, other, X):
    assert one.column_types_ == other.column_types_
    for name, classes in one.classes_.items():
        np.testing.assert_array_equal(classes, other.classes_[name], err_msg=name)
    codes = [_table(rbm).encode(X) for rbm in (one, other)]
    np.testing.assert_array_equal(*codes)
    densities = [_table(rbm).log_density(X, codes[0]) for rbm in (one, other)]
    np.testing.assert_array_equal(*densities)


# Codes


@pytest.mark.parametrize("n_blocks", [1, 2, 5])
def test_codes_equal_codes_on_one_machine(two_workers, n_blocks):
    """Fails if blocks are omitted, or rows, categories or types are not taken from all of them."""
    frame = dd.from_pandas(_frame(1000), npartitions=n_blocks)
    frame = frame.assign(city=frame["city"].astype(object).astype("category"))  # in each block
    rbm = TabularRBM(3, learn_missing=["name"], **START)
    spread, whole = Distributed(rbm).fit(frame), frame.compute()
    alone = rbm.fit(whole)
    _assert_same_codes(spread, alone, _frame(500, seed=1))
    pd.testing.assert_frame_equal(_table(spread).template.native, _table(alone).template.native)
    for name in ("components_", "intercept_visible_"):
        np.testing.assert_allclose(getattr(spread, name), getattr(alone, name), atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_codes_of_an_array_equal_codes_on_one_machine(two_workers, dtype):
    """Fails if columns of a Dask array are not read like columns of an array."""
    X = (10 * np.random.default_rng(0).normal(size=(200, 3))).astype(dtype)
    rbm = TabularRBM(3, **START)
    spread, alone = Distributed(rbm).fit(da.from_array(X, chunks=(60, 2))), rbm.fit(X)
    _assert_same_codes(spread, alone, X)
    assert spread.components_.dtype == alone.components_.dtype


def test_codes_of_a_sample_do_not_depend_on_blocks(two_workers, monkeypatch):
    """Fails if the sample is not drawn from the rows of the table, or lacks rare values.

    The extremes and the rare category come from all rows.
    """
    monkeypatch.setattr(tables, "MOST_ROWS", 300)
    X = _frame(2000).assign(name=np.where(np.arange(2000) == 1234, "rare", "a"))
    rbm = TabularRBM(3, **START)
    one, *others = [Distributed(rbm).fit(_spread(X, n)) for n in (1, 2, 7)]
    for other in others:
        _assert_same_codes(one, other, X)
    assert one.classes_["name"].tolist() == ["a", "rare"]
    for name in ("celsius", "decimal", "day"):
        ends = one.classes_[name][0, 0], one.classes_[name][-1, -1]
        np.testing.assert_array_equal(ends, rbm.fit(X).classes_[name][[0, -1], [0, -1]])
    assert len(one.classes_["celsius"]) <= 17  # the square root of 300 rows
    rbm.set_params(random_state=1)
    changed = Distributed(rbm).fit(_spread(X, 2)).classes_["celsius"]
    assert (changed[1:-1] != one.classes_["celsius"][1:-1]).any()


def test_a_sample_may_have_all_categories(two_workers, monkeypatch):
    """Fails if a table without numbers, to which no row is added, cannot be fitted."""
    monkeypatch.setattr(tables, "MOST_ROWS", 100)
    X = _frame(400, holes=0)[["name", "is_wet"]]
    spread = Distributed(TabularRBM(3, **START)).fit(dd.from_pandas(X, npartitions=3))
    assert {name: x.tolist() for name, x in spread.classes_.items()} == {
        "name": ["a", "b", "c"],
        "is_wet": [False, True],
    }


@pytest.mark.parametrize("most", [1, 5])
def test_rows_beyond_a_table_are_rows_beyond_its_parts(most):
    """Fails if a part drops a row that the whole needs: an extreme, or a first new category."""
    name = np.random.default_rng(0).integers(8, size=400).astype(str)
    X = _frame(400).assign(name=np.where(np.arange(400) < 50, "first", name))
    table = Table.of(X[:50])
    whole = table.beyond(X, most)
    ends = pairwise([0, 60, 200, 400])
    parts = [start + table.beyond(X[start:end], most) for start, end in ends]
    rows = np.concatenate(parts)
    np.testing.assert_array_equal(rows[table.beyond(X.iloc[rows], most)], whole)
    first = X["name"].drop_duplicates().index[1 : most + 1]
    assert set(first) | {X["celsius"].argmin(), X["celsius"].argmax()} <= set(whole)


def test_pieces_are_joined_in_the_order_of_the_table():
    """Fails if rows are swapped or counted twice, or categories are not in the order of blocks."""
    X = pd.DataFrame({"x": pd.Categorical(list("abca"))})
    parts = [tables.Piece(np.array(i), X.iloc[i]) for i in ([3, 2], [], [0, 2, 1])]
    places, rows = tables.joined(parts)
    assert places.tolist() == [0, 1, 2, 3]
    pd.testing.assert_frame_equal(rows, X)


# Training


@pytest.mark.parametrize("n_blocks", quick([2, 4], 4))
def test_updates_equal_updates_on_one_machine(two_workers, n_blocks):
    """Fails if a sum, a weight or the start does not come from all rows.

    With the whole batch in every update and the exact gradient, only the first weights are drawn.
    """
    X = _frame(100, holes=0)
    options = {"gradient": "exact", "batch_size": 100, "n_iter": 25, "random_state": 0}
    rbm = TabularRBM(3, alpha=5, **options)
    spread = Distributed(rbm, sync="update").fit(_spread(X, n_blocks))
    alone = rbm.fit(X)
    for name in ("components_", "intercept_hidden_", "intercept_visible_"):
        np.testing.assert_allclose(
            getattr(spread, name), getattr(alone, name), rtol=1e-3, atol=1e-5
        )


@pytest.mark.parametrize("sync", quick(["epoch", "update"], "epoch"))
def test_tables_are_learned_as_well_as_on_one_machine(two_workers, sync):
    """Fails if workers discard the progress of others, or if missing cells are not filled.

    Scores are of complete and incomplete rows that no model has seen, and may differ by 0.05 nats
    per row. Independent columns are 2 nats worse.
    """
    X, unseen = _frame(2000, holes=0.3), _frame(500, seed=1)
    rbm = TabularRBM(8, n_iter=20, batch_size=200, random_state=0)
    spread = Distributed(rbm, sync=sync).fit(_spread(X, 4))
    independent = TabularRBM(8, **START).fit(X).score(unseen)
    scores = [x.score(unseen) for x in (spread, rbm.fit(X))]
    assert scores[0] == pytest.approx(scores[1], abs=0.05)
    assert scores[0] > independent + 1
    assert len(spread.chains_) == 100


def test_missing_values_are_trained_as_on_one_machine(two_workers):
    """Fails if chains complete rows with a model that does not learn.

    One partition has no value in a column.
    """
    X, unseen = _holed_rows(2000, share=0.5), _rows(2000, seed=1)
    X[:1000, 2] = np.nan
    rbm = BernoulliRBM(3, n_iter=50, batch_size=200, missing_values="allow", random_state=0)
    spread = Distributed(rbm).fit(da.from_array(X, chunks=(1000, -1)))
    scores = [x.score(unseen) for x in (spread, rbm.fit(X))]
    assert scores[0] == pytest.approx(scores[1], abs=0.1)
    assert scores[0] > BernoulliRBM(3, **START).fit(_rows(2000)).score(unseen) + 0.5


@pytest.mark.slow
def test_a_stack_starts_with_a_table(two_workers):
    """Fails if upper layers are not trained on states inferred from the codes."""
    X = _frame(1000, holes=0)
    lowest = TabularRBM(n_iter=20, missing_values="refuse")
    stack = DeepBeliefNetwork(
        (8, 4), rbm=BernoulliRBM(n_iter=20), visible_rbm=lowest, random_state=0
    )
    spread, alone = Distributed(stack).fit(_spread(X, 4)), stack.fit(X)
    scores = [x.score(X) for x in (spread, alone)]
    assert scores[0] == pytest.approx(scores[1], abs=0.15)
    assert spread.transform(_spread(X, 3)).compute().shape == (1000, 4)


# Rounds


def _rows(n, seed=0):
    exact = enumerate_rbm(coupled_rbm())
    return exact.v[draw(exact.joint.sum(axis=1), n, np.random.default_rng(seed))]


def _holed_rows(n, share=0.3):
    X = _rows(n)
    X[np.random.default_rng(2).random(X.shape) < share] = np.nan
    return X


def _prepared(key, X):
    options = {"n_iter": 5, "missing_values": "allow", "random_state": 0}
    rbm = BernoulliRBM(3, **options).fit(X)
    learner_of(rbm).begin_fit(settings_of(rbm), Size(len(X), len(X)), rising=True)
    call(key, WorkerState.load, (rbm, domain_of(rbm)), X)
    n_batches = -(-len(X) // 50)
    call(key, WorkerState.prepare, (rbm, Partitions((len(X),), n_batches, 7)))
    return shared_of(learner_of(rbm).training)


def test_a_repeated_round_completes_rows_as_before():
    """Fails if a round moves or loses the chains from which the next attempt starts."""
    key = Key("again", 0)
    start = _prepared(key, _holed_rows(200))
    call(key, WorkerState.train, (start, 0))
    first = call(key, WorkerState.train, (start, 1))
    state = worker.STATES[key]
    after = {epoch: x.copy() for epoch, x in state.completions.items()}
    call(key, WorkerState.first_statistics, (start, 1, 1))  # of an attempt that ends here
    again = call(key, WorkerState.train, (start, 1))
    worker.forget(key)
    for x, y in zip(first.shared, again.shared, strict=True):
        np.testing.assert_array_equal(x, y)
    assert after.keys() == {1, 2}
    assert (after[1] != after[2]).any()
    for epoch in after:
        np.testing.assert_array_equal(state.completions[epoch], after[epoch])


def test_chains_of_rows_that_replace_lost_ones_come_near_the_model():
    """Fails if rows are still completed by independent units.

    Completed rows are then draws of the model, as complete rows are. Six standard errors of the
    mean free energy of 2,000 draws.
    """
    key, X = Key("lost", 0), _rows(2000)
    X[:, 3:] = np.nan
    *_, visible_offset, hidden_offset = _prepared(key, np.vstack([_rows(50), X[50:]]))
    rbm = coupled_rbm()
    exact = enumerate_rbm(rbm)
    p, energy = np.exp(exact.log_p_visible), rbm.free_energy(exact.v)
    spread = (p @ (energy - p @ energy) ** 2 / 2000) ** 0.5
    shared = *rbm.parameters, visible_offset, hidden_offset
    distances = []
    for epoch in (0, 3):  # 0: a fit that begins
        worker.STATES[key].states = {}
        call(key, WorkerState.first_statistics, (shared, epoch, 0))
        feed = worker.STATES[key].round.loop.feed
        rows = feed.completion.filled(feed.rows[:], slice(None))
        distances.append(abs(rbm.free_energy(rows).mean() - p @ energy) / spread)
    worker.forget(key)
    assert distances[1] < 6 < distances[0]


# Answers and the door


@pytest.mark.parametrize("unknown", ["missing", "error"])
def test_features_and_scores_of_tables_are_lazy(two_workers, unknown):
    """Fails if the columns are read as numbers, or results differ from block to block."""
    X = _frame(100, holes=0)
    rbm = Distributed(TabularRBM(3, handle_unknown=unknown, missing_values="refuse", **START))
    frame = _spread(X, 3)
    H, scores = (method(frame) for method in (rbm.fit(frame).transform, rbm.score_samples))
    assert (H.shape[1], H.dtype) == (3, "float32")
    np.testing.assert_allclose(H.compute(), rbm.estimator_.transform(X), rtol=1e-6)
    np.testing.assert_allclose(scores.compute(), rbm.estimator_.score_samples(X), rtol=1e-6)
    assert rbm.estimator_.sample(5).dtypes["day"] == X["day"].dtype


def _differing():
    """A frame of two blocks with different orders of the same categories."""
    parts = [
        pd.DataFrame({"size": pd.Categorical(["S", "L"], list(x), ordered=True)})
        for x in ("SL", "LS")
    ]
    return dd.from_map(lambda i: parts[i], [0, 1], meta=parts[0])


@pytest.mark.parametrize(
    ("estimator", "make", "message"),
    [
        (
            TabularRBM(),
            _differing,
            "Column 'size' has ordered categories that differ between blocks, must have the same "
            "in all.",
        ),
        (
            TabularRBM(),
            lambda: _spread(_frame(90).assign(name=np.arange(90).astype(str)), 3)[["name"]],
            "Column 'name' has 90 different values in 90 rows and identifies them; drop it, or set "
            "column_types={'name': \"category\"}.",
        ),
        (
            TabularRBM(missing_values="refuse"),
            lambda: _spread(_frame(90).assign(name=np.where(np.arange(90) == 80, None, "a")), 3)[
                ["name"]
            ],
            "X has a missing or unknown cell in column 'name', must have none here: fill missing "
            "cells first, for example with the method impute.",
        ),
        (
            TabularRBM(column_types={"height": "number"}),
            lambda: _spread(_frame(90), 3),
            "column_types has 'height', must have only names of columns of X.",
        ),
        (
            TabularRBM(),
            lambda: _spread(_frame(90), 3).query("celsius > 1000"),
            "X has so many blocks without rows that a worker has no rows; repartition X first.",
        ),
        (
            DeepBeliefNetwork((3, 2), visible_rbm=TabularRBM()),
            lambda: _spread(_frame(90), 3),
            "missing_values of the lowest layer == 'allow', must be 'refuse' on a cluster.",
        ),
        (
            BernoulliRBM(missing_values="allow", n_iter=1),
            lambda: da.from_array(np.array([[0, np.nan], [1, np.nan]]), chunks=(1, -1)),
            "X has no value in column 1, must have one in some row with weight.",
        ),
    ],
)
def test_refuses_tables_that_cannot_be_fitted(two_workers, estimator, make, message):
    """Fails if an error does not name the mistake, or the estimator is changed."""
    spread = Distributed(estimator)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        spread.fit(make())
    assert not hasattr(spread, "estimator_")
