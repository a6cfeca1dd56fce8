"""A fit on a cluster: sums over workers, lost workers, and places of data."""

import importlib
import os
import re
import signal
import sys
import threading
from dataclasses import replace
from functools import reduce
from operator import add

import dask.array as da
import dask.dataframe as dd
import joblib
import numpy as np
import pandas as pd
import pytest
from dask import delayed
from distributed import Client, LocalCluster, wait
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skrbm import BernoulliRBM, DeepBeliefNetwork, GaussianBernoulliRBM, TabularRBM
from skrbm._kernels import random
from skrbm.data import summary
from skrbm.distributed import Distributed, worker
from skrbm.distributed.cluster import _grouped
from skrbm.distributed.worker import Key, Partitions, WorkerState, call, shared_of
from skrbm.estimators.common.fitted import domain_of
from skrbm.estimators.rbm.base import learner_of, settings_of
from skrbm.estimators.rbm.settings import Size
from skrbm.learning import gradients
from skrbm.learning.gradients import PersistentContrastiveDivergence
from skrbm.learning.train_state import TrainState
from skrbm.samplers import chains_from_visible, sample_independent

from laws import coupled_rbm, draw, enumerate_rbm, quick

QUIET = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}


def _two_processes():
    return LocalCluster(n_workers=2, processes=True, host="127.0.0.1", **QUIET)


@pytest.fixture(scope="module")
def two_processes():
    with _two_processes() as workers:
        yield workers


@pytest.fixture(scope="module")
def four_threads():
    with LocalCluster(n_workers=4, processes=False, **QUIET) as workers:
        yield workers


@pytest.fixture
def cluster(two_processes):
    """The client of two worker processes."""
    with Client(two_processes) as client:
        yield client


@pytest.fixture
def four_workers(four_threads):
    """The client of four workers in this process."""
    with Client(four_threads) as client:
        yield client


def _rows(n, seed=0):
    """Rows of a model whose units depend strongly on each other."""
    exact = enumerate_rbm(coupled_rbm())
    return exact.v[draw(exact.joint.sum(axis=1), n, np.random.default_rng(seed))]


def _real_rows(n):
    rng = np.random.default_rng(1)
    return _rows(n)[:, :4] * [1, -2, 3, 4] + rng.exponential(size=(n, 4)) * [0.5, 0.5, -0.5, 1]


# The law of sums

EXACT = {"gradient": "exact", "batch_size": 100, "n_iter": 25, "random_state": 0}


@pytest.mark.parametrize(
    "cuts", quick([(), (30,), (20, 45, 70)], (20, 45, 70)), ids=["1", "2", "4"]
)
@pytest.mark.parametrize(
    ("estimator", "X"),
    [
        (BernoulliRBM(3, alpha=5, **EXACT), _rows(100)),
        (GaussianBernoulliRBM(3, alpha=0, covariance_type="diag", **EXACT), _real_rows(100)),
    ],
    ids=["bernoulli", "gaussian"],
)
def test_updates_equal_updates_on_one_machine(four_workers, estimator, X, cuts):
    """Fails if a sum, a weight, the start, a limit or a variance does not come from all rows.

    With the whole batch in every update and the exact gradient, only the first weights are drawn;
    partitions have unequal sizes.
    """
    chunks = tuple(np.diff([0, *cuts, 100]).tolist())
    spread = Distributed(estimator, sync="update").fit(da.from_array(X, chunks=(chunks, -1)))
    alone = estimator.fit(X)
    for name in ("components_", "intercept_hidden_", "intercept_visible_"):
        np.testing.assert_allclose(getattr(spread, name), getattr(alone, name), rtol=1e-6)
    np.testing.assert_allclose(spread.history_["learning_rate"], alone.history_["learning_rate"])
    figures = [fitted.history_["pseudo_log_likelihood"] for fitted in (spread, alone)]
    assert np.isfinite(figures).all()
    changes, expected = np.diff(figures) != 0
    np.testing.assert_array_equal(changes, expected)


class Still(PersistentContrastiveDivergence):
    """Chains that do not move."""

    def phases(self, state, v, weights):
        visible = state.chains.visible
        model = visible, gradients._equal_weights(visible)
        return gradients._phases(state.model, v, weights, model, None)


def _updated(estimator, X, n_partitions, visible):
    """The outcome of one update of workers in this process, each with its part of these chains."""
    parts = np.array_split(np.arange(len(X)), n_partitions)
    keys = [Key("law", i) for i in range(n_partitions)]
    learner = learner_of(estimator)
    learner.begin_fit(settings_of(estimator), Size(len(X), len(X)), rising=True)
    shared = shared_of(learner.training)
    for key, rows in zip(keys, parts, strict=True):
        call(key, WorkerState.load, (estimator, domain_of(estimator)), X[rows])
        partitions = Partitions(tuple(len(rows) for rows in parts), 1, 0)
        call(key, WorkerState.prepare, (estimator, partitions))
        state = worker.STATES[key]
        state.settings = replace(state.settings, gradient=Still())
        chains = chains_from_visible(learner.fitted.rbm, visible[rows], random.generator(0))
        state.states[0] = replace(learner.training, chains=chains)
    firsts = [call(key, WorkerState.first_statistics, (shared, 0, 1)) for key in keys]
    sums = reduce(add, firsts)
    ends = [call(key, WorkerState.step, (sums, 1, 1)) for key in keys]
    for key in keys:
        worker.forget(key)
    return shared, reduce(add, ends).shared


@pytest.mark.parametrize("make", [BernoulliRBM, GaussianBernoulliRBM])
def test_updates_with_chains_equal_updates_on_one_machine(make):
    """Fails if a worker's chains do not count by its share of the rows."""
    X = (_rows, _real_rows)[make is GaussianBernoulliRBM](80)
    estimator = make(3, learning_rate=0.5, batch_size=80, n_iter=20, random_state=0).fit(X)
    visible = sample_independent(learner_of(estimator).fitted.top.base, 80, random.generator(1))
    (before, whole), (_, two), (_, four) = (_updated(estimator, X, n, visible) for n in (1, 2, 4))
    for of_whole, of_two, of_four in zip(whole, two, four, strict=True):
        np.testing.assert_allclose(of_two, of_whole, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(of_four, of_whole, rtol=1e-9, atol=1e-12)
    assert np.abs(whole[0] - before[0]).max() > 1e-3


def test_merged_summaries_equal_the_summary_of_all_rows():
    """Fails if parts of unequal size do not count by it, or distances between them are ignored."""

    def summarized(rows):
        return summary.summarize(rows, np.ones(len(rows)), "float64", with_moments=True)

    X = _real_rows(100)
    merged, whole = summary.merge([summarized(x) for x in np.split(X, [7, 60])]), summarized(X)
    for one, other in zip(merged.moments, whole.moments, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)
    np.testing.assert_allclose(whole.moments.variance, X.var(axis=0), rtol=1e-9)
    third = ((X - X.mean(axis=0)) ** 3).mean(axis=0)
    np.testing.assert_allclose(whole.moments.third, third, rtol=1e-9)
    np.testing.assert_allclose(merged.total, X.sum(axis=0), rtol=1e-9)
    assert merged.n_rows == 100


@pytest.mark.parametrize("make", [BernoulliRBM, GaussianBernoulliRBM])
def test_training_starts_as_from_all_rows(four_workers, make):
    """Fails if biases, a location, a scale or its sign do not come from all rows."""
    X = (_rows, _real_rows)[make is GaussianBernoulliRBM](100)
    estimator = make(3, n_iter=0, random_state=0)
    if make is GaussianBernoulliRBM:
        estimator.set_params(covariance_type="diag")
    spread = Distributed(estimator).fit(da.from_array(X, chunks=((7, 53, 40), -1))).estimator_
    alone = estimator.fit(X)
    for name in ("components_", "intercept_hidden_", "intercept_visible_"):
        np.testing.assert_allclose(getattr(spread, name), getattr(alone, name), rtol=1e-9)
    if make is GaussianBernoulliRBM:
        scales = [learner_of(rbm).fitted.scaling.scale for rbm in (spread, alone)]
        np.testing.assert_allclose(*scales, rtol=1e-9)
        assert set(np.sign(scales[0])) == {-1, 1}


def test_a_stack_of_real_values_uses_all_partitions(four_workers):
    """Fails if partitions within [0, 1] are clipped, or summarized without their moments."""
    X = _real_rows(100)
    X[:50] = (X[:50] > 0) * 0.9
    stack = DeepBeliefNetwork((3, 2), rbm=BernoulliRBM(n_iter=0), random_state=0)
    spread = Distributed(stack).fit(da.from_array(X, chunks=((30, 20, 50), -1))).estimator_
    assert spread.visible_rbm == "auto"
    diagonal = GaussianBernoulliRBM(n_iter=0, covariance_type="diag")
    lowest, alone = spread.rbms_[0], stack.set_params(visible_rbm=diagonal).fit(X).rbms_[0]
    assert isinstance(lowest, GaussianBernoulliRBM)
    np.testing.assert_allclose(lowest.components_, alone.components_, rtol=1e-9)
    np.testing.assert_allclose(lowest.intercept_visible_, alone.intercept_visible_, rtol=1e-9)


# Rounds


def _prepared(key, n_chains=40):
    X = _rows(200)
    estimator = BernoulliRBM(3, n_chains=n_chains, n_iter=5, random_state=0).fit(X)
    learner_of(estimator).begin_fit(settings_of(estimator), Size(len(X), len(X)), rising=True)
    call(key, WorkerState.load, (estimator, domain_of(estimator)), X[:50], X[50:])
    call(key, WorkerState.prepare, (estimator, Partitions((200,), 2, 7)))
    return shared_of(learner_of(estimator).training)


def test_a_repeated_round_has_the_same_outcome():
    """Fails if a round changes the start of the next attempt: parameters, chains or draws."""
    key = Key("again", 0)
    start = _prepared(key)
    call(key, WorkerState.train, (start, 0))
    first = call(key, WorkerState.train, (start, 1))
    call(key, WorkerState.first_statistics, (start, 1, 1))  # of an attempt that ends here
    again = call(key, WorkerState.train, (start, 1))
    worker.forget(key)
    assert first.figure == again.figure
    for x, y in zip(first.shared, again.shared, strict=True):
        np.testing.assert_array_equal(x, y)
    assert any((x != y).any() for x, y in zip(first.shared, start, strict=True))


def test_steps_of_an_abandoned_attempt_are_refused():
    """Fails if such a step changes the current attempt, or a step is made twice."""
    key = Key("abandoned", 0)
    start = _prepared(key)
    sums = call(key, WorkerState.first_statistics, (start, 0, 1))
    call(key, WorkerState.first_statistics, (start, 0, 2))
    call(key, WorkerState.step, (sums, 2, 1))
    for token, n_made in ((1, 2), (2, 1)):
        with pytest.raises(RuntimeError, match=r"^this round was aborted\.$"):
            call(key, WorkerState.step, (sums, token, n_made))
    worker.forget(key)


def test_chains_that_replace_lost_ones_come_near_the_model():
    """Fails if they count from their start as independent units, whose free energy is far higher.

    Six standard errors of the mean free energy of 2,000 draws of the model.
    """
    key = Key("lost", 0)
    *_, visible_offset, hidden_offset = _prepared(key, n_chains=2000)
    rbm = coupled_rbm()
    exact = enumerate_rbm(rbm)
    p = np.exp(exact.log_p_visible)
    energy = rbm.free_energy(exact.v)
    mean = p @ energy
    spread = (p @ (energy - mean) ** 2 / 2000) ** 0.5
    shared = *rbm.parameters, visible_offset, hidden_offset
    distances = []
    for epoch in (0, 3):  # 0: a fit that begins
        worker.STATES[key].states = {}
        call(key, WorkerState.first_statistics, (shared, epoch, 0))
        chains = call(key, WorkerState.state_after, (epoch,)).chains.visible
        distances.append(abs(rbm.free_energy(chains).mean() - mean) / spread)
    worker.forget(key)
    assert distances[1] < 6 < distances[0]


def _new_state(rbm, gradient, n_chains):
    rng = random.generator(0)
    offsets = rbm.visible.mean(0.0), rbm.hidden.mean(0.0)
    state = TrainState(rbm, *offsets, rng, rng)
    gradient.start(state, rbm.visible, n_chains)
    return state


def test_the_estimator_gets_the_chains_of_all_workers():
    """Fails if the chains of some workers are omitted, or temperatures are mixed up."""
    rbm = coupled_rbm()
    for name in ("pcd", "jump", "pt"):
        gradient = gradients.GRADIENTS[name]()
        states = [_new_state(rbm, gradient, n) for n in (40, 60)]
        chains = np.concatenate([state.chains.visible for state in states])
        states[0].join(states[1:])
        np.testing.assert_array_equal(states[0].chains.visible, chains)
        gradient.phases(states[0], _rows(10), np.ones(10))
    for name in ("cd", "exact"):
        state = _new_state(rbm, gradients.GRADIENTS[name](), 1)
        state.join([state])
        assert state.chains is None


# On two processes


@pytest.mark.parametrize("sync", quick(["epoch", "update"]))
def test_learns_as_well_as_one_machine(cluster, sync):
    """Fails if workers discard the progress of others.

    The entropy of the known model bounds the exact log-likelihood; a model of independent units
    stays 1.5 nats below it.
    """
    X, unseen = _rows(2000), _rows(2000, seed=1)
    estimator = BernoulliRBM(3, n_iter=20, batch_size=200, random_state=0)
    spread = Distributed(estimator, sync=sync).fit(da.from_array(X, chunks=(500, -1)))
    scores = [x.score(unseen) for x in (spread, estimator.fit(X))]
    assert scores[0] == pytest.approx(scores[1], abs=0.05)
    independent_units = BernoulliRBM(3, n_iter=0, random_state=0).fit(X)
    assert scores[0] > independent_units.score(unseen) + 0.5
    assert spread.n_iter_ == 20
    assert len(spread.chains_) == 100


@pytest.mark.slow
@pytest.mark.parametrize("make", [BernoulliRBM, TabularRBM])
def test_a_killed_worker_costs_only_one_round(make):
    """Fails if the fit hangs, restarts, or gives another result than an unbroken fit.

    Each round is in the history once; the score on unseen rows equals the unbroken fit's. The codes
    of a table, and the chains for its missing cells, are made again.
    """
    X, unseen = _rows(2000), _rows(2000, seed=1)
    if make is TabularRBM:
        X[np.random.default_rng(2).random(X.shape) < 0.2] = np.nan
    killed = []

    def kill(rbm, iteration):
        if iteration == 6:
            killed.extend(client.run(os.getpid).values())
            threading.Timer(0.01, os.kill, (killed[0], signal.SIGKILL)).start()  # in the next round

    estimator = make(3, n_iter=20, batch_size=200, random_state=0)
    blocks = da.from_array(X, chunks=(500, -1))
    with _two_processes() as workers, Client(workers) as client:
        unbroken, broken = (
            Distributed(estimator.set_params(callbacks=callback)).fit(blocks)
            for callback in (None, kill)
        )
        assert killed[0] not in client.run(os.getpid).values()
    np.testing.assert_array_equal(broken.history_["iteration"], np.arange(1, 21))
    scores = [rbm.estimator_.score(unseen) for rbm in (broken, unbroken)]
    assert scores[0] == pytest.approx(scores[1], abs=0.05)


def _rows_held():
    return {key.partition: len(state.rows.weights) for key, state in worker.STATES.items()}


def test_blocks_stay_on_their_workers(cluster):
    """Fails if a worker gets blocks that another one held, or keeps them after the fit."""
    blocks = da.from_array(_rows(100), chunks=((10, 20, 30, 40), -1)).persist()
    wait(blocks)
    where = cluster.who_has(blocks)
    sizes = dict.fromkeys(cluster.nthreads(), 0)
    for (_, i, _), (address, *_) in where.items():
        sizes[address] += blocks.chunks[0][i]
    held = []

    def look(rbm, iteration):
        held.append(cluster.run(_rows_held))

    Distributed(BernoulliRBM(2, n_iter=1, callbacks=look, random_state=0)).fit(blocks)
    assert {address: sum(rows.values()) for address, rows in held[0].items()} == sizes
    for _ in range(100):  # workers drop partitions asynchronously
        kept = sum(map(len, cluster.run(_rows_held).values()))
        if kept == 0:
            break
        threading.Event().wait(0.05)
    assert kept == 0


def test_blocks_are_divided_evenly():
    """Fails if a block moves without need, or some workers have more than one beyond others."""

    class Block:
        def __init__(self, key):
            self.key = key

    blocks = [Block(i) for i in range(7)]
    holders = {str(i): ("a",) if i < 5 else ("b",) for i in range(6)}
    groups = _grouped(blocks, ["a", "b", "c"], holders)
    assert sorted(map(len, groups)) == [2, 2, 3]
    assert {block.key for block in groups[0]} <= set(range(5))
    assert {5} <= {block.key for block in groups[1]}


@pytest.mark.slow
def test_fits_a_stack_layer_by_layer(cluster):
    """Fails if a layer is not trained on states inferred by the layers below, as on one machine."""
    X = load_digits().data[:600] / 16
    names = [f"pixel {i}" for i in range(64)]
    frame = dd.from_pandas(pd.DataFrame(X, columns=names), npartitions=4)
    dbn = DeepBeliefNetwork((12, 6), rbm=BernoulliRBM(n_iter=30), random_state=0)
    spread = Distributed(dbn).fit(frame)
    assert list(spread.feature_names_in_) == names
    alone = dbn.fit(X)
    independent_units = BernoulliRBM(1, n_iter=0, random_state=0).fit(X).score(X)
    scores = [x.score(data) for x, data in ((spread, frame), (alone, X))]
    assert scores[0] == pytest.approx(scores[1], abs=0.1 * (scores[1] - independent_units))
    features = spread.transform(frame)
    np.testing.assert_allclose(
        features.compute(), spread.estimator_.transform(pd.DataFrame(X, columns=names)), rtol=1e-6
    )
    assert spread.get_feature_names_out().tolist() == [f"deepbeliefnetwork{i}" for i in range(6)]


def test_transform_and_scores_are_lazy_and_equal_the_estimators(cluster):
    """Fails if a result is computed before it is needed, or differs from block to block."""
    X = _rows(100).astype("float32")
    taken = []

    def block(i):
        taken.append(i)
        return X[50 * i : 50 * i + 50]

    rbm = Distributed(BernoulliRBM(3, n_iter=1, random_state=0)).fit(da.from_array(X, (50, -1)))
    parts = [da.from_delayed(delayed(block)(i), (50, 6), "float32") for i in range(2)]
    H, scores = (method(da.concatenate(parts)) for method in (rbm.transform, rbm.score_samples))
    assert taken == []
    assert (H.shape, H.dtype, scores.shape) == ((100, 3), "float32", (100,))
    H, scores = da.compute(H, scores, scheduler="synchronous")
    assert sorted(taken) == [0, 1]
    np.testing.assert_allclose(H, rbm.estimator_.transform(X), rtol=1e-6)
    np.testing.assert_allclose(scores, rbm.estimator_.score_samples(X), rtol=1e-12)
    np.testing.assert_allclose(rbm.transform(X), H, rtol=1e-6)
    assert rbm.score(da.from_array(X, (30, -1))) == pytest.approx(rbm.score(X))


def test_sparse_blocks_are_fitted_like_dense_ones(cluster):
    """Fails if sparse blocks are not joined, or count differently."""
    X = _rows(100)
    blocks = da.from_array(X, chunks=(50, -1))
    sparse_blocks = blocks.map_blocks(sparse.csr_array, meta=np.empty((0, 6)))
    fits = [
        Distributed(BernoulliRBM(3, n_iter=3, random_state=0), sync="update").fit(x)
        for x in (blocks, sparse_blocks)
    ]
    np.testing.assert_allclose(fits[0].components_, fits[1].components_, rtol=1e-6)


def test_annealing_on_workers_equals_annealing_on_one_machine(cluster, monkeypatch):
    """Fails if distributed chains have other draws, count differently, or stay on the client."""
    X = _rows(100)
    rbm = Distributed(BernoulliRBM(3, n_iter=1, random_state=0)).fit(da.from_array(X, (50, -1)))
    options = {"n_chains": 200, "n_temperatures": 100, "random_state": 1}
    alone = [rbm.estimator_.log_partition(method, **options) for method in ("ais", "bracket")]

    def here(*arguments, **options):
        msg = "chains of annealing ran in threads of the client"
        raise AssertionError(msg)

    monkeypatch.setattr("skrbm._kernels.threads.in_threads", here)
    assert [rbm.log_partition(method, **options) for method in ("ais", "bracket")] == alone


def test_grid_search_on_a_cluster_finds_the_same_scores(cluster):
    """Fails if parts of a pipeline cannot be sent to workers, or results depend on the worker."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:300] / 16, y[:300]
    dbn = DeepBeliefNetwork((16, 8), rbm=BernoulliRBM(n_iter=2), random_state=0)
    pipeline = make_pipeline(dbn, LogisticRegression(C=100, max_iter=1000))
    grid = {"deepbeliefnetwork__hidden_layer_sizes": [(16, 8), (32, 16)]}
    search = GridSearchCV(pipeline, grid, cv=2)
    with joblib.parallel_config("dask"):
        spread = search.fit(X, y).cv_results_["mean_test_score"]
    np.testing.assert_allclose(spread, search.fit(X, y).cv_results_["mean_test_score"])


def test_progress_is_shown_on_the_client(four_workers, capsys):
    """Fails if workers report the epochs."""
    X = da.from_array(_rows(40), chunks=(20, -1))
    Distributed(BernoulliRBM(2, n_iter=2, verbose=1, random_state=0)).fit(X)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(", ")[0] for line in lines] == [
        "[BernoulliRBM] Iteration 1",
        "[BernoulliRBM] Iteration 2",
    ]


def test_a_callback_stops_the_fit(four_workers):
    """Fails if callbacks are not called on the client, or their StopIteration is ignored."""
    seen = []

    def stop(rbm, iteration):
        seen.append(iteration)
        if iteration == 3:
            raise StopIteration

    X = da.from_array(_rows(40), chunks=(20, -1))
    rbm = Distributed(BernoulliRBM(2, n_iter=9, callbacks=stop, random_state=0)).fit(X)
    assert seen == [1, 2, 3]
    assert rbm.n_iter_ == 3


# The door


@pytest.mark.parametrize(
    ("estimator", "sync", "X", "message"),
    [
        (BernoulliRBM(), "step", None, "sync == 'step', must be one of 'epoch', 'update'."),
        (
            LogisticRegression(),
            "epoch",
            None,
            "estimator == LogisticRegression(), must be a BernoulliRBM, GaussianBernoulliRBM, "
            "TabularRBM or DeepBeliefNetwork.",
        ),
        (
            BernoulliRBM(early_stopping=True),
            "epoch",
            None,
            "early_stopping == True, must be False on a cluster.",
        ),
        (
            DeepBeliefNetwork(rbm=BernoulliRBM(gradient="ptt")),
            "epoch",
            None,
            "gradient == 'ptt', must be 'jump' on a cluster.",
        ),
        (
            DeepBeliefNetwork(visible_rbm=BernoulliRBM(missing_values="allow")),
            "epoch",
            None,
            "missing_values of the lowest layer == 'allow', must be 'refuse' on a cluster.",
        ),
        (
            DeepBeliefNetwork(fine_tune_iter=3),
            "epoch",
            None,
            "fine_tune_iter == 3, must be 0 on a cluster.",
        ),
        (
            BernoulliRBM(n_iter=1),
            "epoch",
            np.zeros((4, 2)),
            "X is ndarray, must be a Dask array of two dimensions or a Dask data frame; fit the "
            "estimator itself on data that one machine holds.",
        ),
        (
            BernoulliRBM(n_iter=1),
            "epoch",
            da.full((4, 2), np.nan, chunks=2),
            "X contains NaN, must not: NaN in an array is a missing value for "
            "BernoulliRBM(missing_values='allow').",
        ),
    ],
)
def test_refuses_estimators_and_data_that_a_cluster_cannot_fit(
    four_workers, estimator, sync, X, message
):
    """Fails if an error does not name the mistake, or the estimator is changed."""
    spread = Distributed(estimator, sync=sync)
    X = da.zeros((4, 2), chunks=2) if X is None else X
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        spread.fit(X)
    assert not hasattr(spread, "estimator_")


def test_warnings_of_workers_are_shown_on_the_client(cluster):
    """Fails if warnings of workers are lost."""
    X = da.full((4, 2), 2.0, chunks=2)
    with pytest.warns(UserWarning, match="must be in \\[0, 1\\] for Bernoulli visible units"):
        Distributed(BernoulliRBM(2, n_iter=1, random_state=0)).fit(X)


def test_refuses_to_fit_without_a_client():
    """Fails if the user sees only Dask's error."""
    with pytest.raises(ValueError, match=r"^there is no Dask client: connect one"):
        Distributed(BernoulliRBM(n_iter=1)).fit(da.zeros((4, 2)))


def test_names_the_packages_if_dask_is_missing(monkeypatch):
    """Fails if the packages are not named."""
    monkeypatch.setitem(sys.modules, "dask", None)
    monkeypatch.delitem(sys.modules, "skrbm.distributed.cluster")
    with pytest.raises(ImportError, match=r"pip install 'dask\[array,dataframe\]' distributed"):
        importlib.import_module("skrbm.distributed.cluster")
