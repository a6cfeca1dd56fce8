"""A fit on a cluster: the laws of sums over workers, lost workers, and what stays where."""

import importlib
import os
import re
import signal
import sys
import threading
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

from skrbm import BernoulliRBM, DeepBeliefNetwork, GaussianBernoulliRBM
from skrbm._kernels import arrays, random
from skrbm.data.scaling import Standardized
from skrbm.distributed import Distributed
from skrbm.distributed import worker as shares
from skrbm.distributed.cluster import _grouped
from skrbm.distributed.worker import Key, Moments, Part, joined
from skrbm.learning import gradients
from skrbm.learning.gradients import PersistentContrastiveDivergence
from skrbm.samplers import independent, start

from laws import coupled_rbm, draw, enumerate_rbm

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
def threads(four_threads):
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


@pytest.mark.parametrize("cuts", [(), (30,), (20, 45, 70)], ids=["1", "2", "4"])
@pytest.mark.parametrize(
    ("estimator", "X"),
    [
        (BernoulliRBM(3, gradient="exact", batch_size=100, n_iter=25, random_state=0), _rows(100)),
        (
            GaussianBernoulliRBM(3, gradient="exact", batch_size=100, n_iter=25, random_state=0),
            _real_rows(100),
        ),
    ],
    ids=["bernoulli", "gaussian"],
)
def test_updates_are_those_of_one_machine(threads, estimator, X, cuts):
    """Fails if a sum, a share, the start, a limit or a variance is not that of all rows.

    With the whole batch in every update, and the exact gradient, nothing is drawn but first
    weights; shares are of unequal size.
    """
    chunks = tuple(np.diff([0, *cuts, 100]).tolist())
    spread = Distributed(estimator, sync="update").fit(da.from_array(X, chunks=(chunks, -1)))
    alone = estimator.fit(X)
    for name in ("components_", "intercept_hidden_", "intercept_visible_"):
        np.testing.assert_allclose(getattr(spread, name), getattr(alone, name), rtol=1e-6)
    np.testing.assert_allclose(spread.history_["learning_rate"], alone.history_["learning_rate"])


class Still(PersistentContrastiveDivergence):
    """Chains that stay where they are."""

    def phases(self, rbm, v, weights, rng):
        n = len(self.chains.visible)
        model = self.chains.visible, arrays.equal_weights(n)
        return gradients._phases(rbm, v, weights, model, None)


def _shared_fit(estimator, X, n_shares, chains, state):
    """A round of updates of shares in this process, each with its part of the given chains."""
    parts = np.array_split(np.arange(len(X)), n_shares)
    keys = [Key("law", i) for i in range(n_shares)]
    for key, rows in zip(keys, parts, strict=True):
        shares.load(key, estimator, X[rows])
        sizes = tuple(len(rows) for rows in parts)
        shares.prepare(key, estimator, Part(sizes, 0, 1, 1, 0))
        rbm = estimator._model()
        own = start(rbm, chains[rows], random.generator(0))
        shares.SHARES[key].estimator._gradient = lambda *_, own=own: Still(1, own)
    sums = reduce(add, [shares.first_statistics(key, state, 0, 1) for key in keys])
    ends = [shares.last_step(key, sums, 1, 1) for key in keys]
    for key in keys:
        shares.forget(key)
    return reduce(add, ends).state


@pytest.mark.parametrize("make", [BernoulliRBM, GaussianBernoulliRBM])
def test_updates_with_chains_are_those_of_one_machine(make):
    """Fails if workers' chains do not count as their shares do: with the same chains in all."""
    X = (_rows, _real_rows)[make is GaussianBernoulliRBM](80)
    estimator = make(3, learning_rate=0.5, batch_size=80, n_iter=20, random_state=0).fit(X)
    chains = independent(estimator._base, 80, random.generator(1))
    state = shares.state_of(estimator._model(), estimator._training.optimizer)
    whole, two, four = (_shared_fit(estimator, X, n, chains, state) for n in (1, 2, 4))
    for of_whole, of_two, of_four in zip(whole, two, four, strict=True):
        np.testing.assert_allclose(of_two, of_whole, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(of_four, of_whole, rtol=1e-9, atol=1e-12)
    assert np.abs(whole[0] - state[0]).max() > 1e-3


def test_moments_are_those_of_all_rows():
    """Fails if parts of unequal size do not count by it, or their distances are left out."""
    X = _real_rows(100)
    parts = [Moments.of(rows) for rows in np.split(X, [7, 60])]
    whole = Moments.of(X)
    for name in ("mean", "variance", "third"):
        np.testing.assert_allclose(getattr(joined(parts), name), getattr(whole, name), rtol=1e-9)
    np.testing.assert_allclose(whole.variance, X.var(axis=0), rtol=1e-9)
    np.testing.assert_allclose(whole.third, ((X - X.mean(axis=0)) ** 3).mean(axis=0), rtol=1e-9)


def test_training_starts_from_representatives_as_from_all_rows():
    """Fails if their variance or the side of a tail is another one."""
    X = _real_rows(100)
    rows, weights = Moments.of(X).representatives(binary=False)
    (few, _), (all_rows, _) = (
        Standardized.of(x, w, "float64") for x, w in ((rows, weights), (X, np.ones(100)))
    )
    np.testing.assert_allclose(few.location, all_rows.location, rtol=1e-9)
    np.testing.assert_allclose(few.scale, all_rows.scale, rtol=1e-9)
    assert set(np.sign(few.scale)) == {-1, 1}
    rows, weights = Moments.of(_rows(50)).representatives(binary=True)
    np.testing.assert_allclose(weights @ rows, _rows(50).sum(axis=0), rtol=1e-9)


# Rounds


def _prepared(key, n_chains=40):
    X = _rows(200)
    estimator = BernoulliRBM(3, n_chains=n_chains, n_iter=5, random_state=0).fit(X)
    shares.load(key, estimator, X[:50], X[50:])
    shares.prepare(key, estimator, Part((200,), 0, 5, 2, 7))
    return estimator, shares.state_of(estimator._model(), estimator._training.optimizer)


def test_a_round_that_was_broken_off_is_made_again_the_same():
    """Fails if a round changes what the next attempt starts from: parameters, chains or draws."""
    key = Key("again", 0)
    _, state = _prepared(key)
    shares.sweep(key, state, 0)
    first = shares.sweep(key, state, 1)
    shares.first_statistics(key, state, 1, token=1)  # of an attempt that ends here
    again = shares.sweep(key, state, 1)
    shares.forget(key)
    assert first.figure == again.figure
    for x, y in zip(first.state, again.state, strict=True):
        np.testing.assert_array_equal(x, y)
    assert any((x != y).any() for x, y in zip(first.state, state, strict=True))


def test_a_step_of_an_attempt_that_was_given_up_is_refused():
    """Fails if it moves the parameters of the attempt on its way, or a step is made twice."""
    key = Key("given up", 0)
    _, state = _prepared(key)
    sums = shares.first_statistics(key, state, 0, token=1)
    shares.first_statistics(key, state, 0, token=2)
    shares.next_statistics(key, sums, token=2, n_made=1)
    for token, n_made in ((1, 2), (2, 1)):
        with pytest.raises(RuntimeError, match=r"^this round was broken off\.$"):
            shares.next_statistics(key, sums, token=token, n_made=n_made)
    shares.forget(key)


def test_chains_that_take_the_place_of_lost_ones_come_near_the_model():
    """Fails if they count as they start: independent units, whose free energy is far higher.

    Six standard errors of the mean free energy of 2,000 draws of the model.
    """
    key = Key("lost", 0)
    estimator, _ = _prepared(key, n_chains=2000)
    optimizer = estimator._training.optimizer
    rbm = coupled_rbm()
    exact = enumerate_rbm(rbm)
    p = np.exp(exact.log_p_visible)
    energy = rbm.free_energy(exact.v)
    mean = p @ energy
    spread = (p @ (energy - mean) ** 2 / 2000) ** 0.5
    state = *rbm.parameters, optimizer.visible_offset, optimizer.hidden_offset
    distances = []
    for n_done in (0, 3):  # 0: a fit that begins
        shares.SHARES[key].trainings = {}
        shares._begin(shares.SHARES[key], state, n_done, 0)
        chains = shares.gradient_of(key, n_done).chains.visible
        distances.append(abs(rbm.free_energy(chains).mean() - mean) / spread)
    shares.forget(key)
    assert distances[1] < 6 < distances[0]


def test_all_chains_are_the_estimator_s():
    """Fails if those of some workers are left out, or temperatures are mixed up."""
    rbm = coupled_rbm()
    rng = random.generator(0)
    for name in ("pcd", "jump", "pt"):
        makers = [gradients.GRADIENTS[name](rbm, rbm.visible, 1, n, rng) for n in (40, 60)]
        both = makers[0].joined(makers[1:])
        chains = np.concatenate([maker.chains.visible for maker in makers])
        np.testing.assert_array_equal(both.chains.visible, chains)
        both.phases(rbm, _rows(10), np.ones(10), rng)
    for name in ("cd", "exact"):
        maker = gradients.GRADIENTS[name](rbm, rbm.visible, 1, 1, rng)
        assert maker.joined([maker]) is maker


# On two processes


@pytest.mark.parametrize("sync", ["epoch", "update"])
def test_a_model_is_learnt_as_on_one_machine(cluster, sync):
    """Fails if workers forget what others have learnt.

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


def test_a_killed_worker_costs_a_round():
    """Fails if the fit hangs, starts anew, or ends elsewhere than the unbroken one.

    Rounds are all in the history, once; the score on unseen rows is that of the unbroken fit.
    """
    X, unseen = _rows(2000), _rows(2000, seed=1)
    killed = []

    def kill(rbm, iteration):
        if iteration == 6:
            killed.extend(client.run(os.getpid).values())
            threading.Timer(0.01, os.kill, (killed[0], signal.SIGKILL)).start()  # in the next round

    estimator = BernoulliRBM(3, n_iter=20, batch_size=200, random_state=0)
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
    return {key.own: len(share.data) for key, share in shares.SHARES.items()}


def test_blocks_stay_where_they_are(cluster):
    """Fails if a worker has rows of blocks that another one held, or keeps them after the fit."""
    blocks = da.from_array(_rows(100), chunks=((10, 20, 30, 40), -1)).persist()
    wait(blocks)
    where = cluster.who_has(blocks)
    sizes = dict.fromkeys(cluster.nthreads(), 0)
    for (_, i, _), (worker, *_) in where.items():
        sizes[worker] += blocks.chunks[0][i]
    held = []

    def look(rbm, iteration):
        held.append(cluster.run(_rows_held))

    Distributed(BernoulliRBM(2, n_iter=1, callbacks=look, random_state=0)).fit(blocks)
    assert {worker: sum(rows.values()) for worker, rows in held[0].items()} == sizes
    for _ in range(100):  # workers forget at their leisure
        kept = sum(map(len, cluster.run(_rows_held).values()))
        if kept == 0:
            break
        threading.Event().wait(0.05)
    assert kept == 0


def test_blocks_are_shared_out_evenly():
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


def test_a_stack_is_fitted_layer_by_layer(cluster):
    """Fails if a layer is not trained on what those below infer, as on one machine."""
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


def test_answers_are_lazy_and_those_of_the_estimator(cluster):
    """Fails if something is computed before it is asked for, or differs from block to block."""
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


def test_sparse_blocks(cluster):
    """Fails if they are not joined, or count otherwise than arrays."""
    X = _rows(100)
    blocks = da.from_array(X, chunks=(50, -1))
    sparse_blocks = blocks.map_blocks(sparse.csr_array, meta=np.empty((0, 6)))
    fits = [
        Distributed(BernoulliRBM(3, n_iter=3, random_state=0), sync="update").fit(x)
        for x in (blocks, sparse_blocks)
    ]
    np.testing.assert_allclose(fits[0].components_, fits[1].components_, rtol=1e-6)


def test_annealing_on_workers_is_that_of_one_machine(cluster, monkeypatch):
    """Fails if chains that are spread have other draws, are counted otherwise, or stay here."""
    X = _rows(100)
    rbm = Distributed(BernoulliRBM(3, n_iter=1, random_state=0)).fit(da.from_array(X, (50, -1)))
    options = {"n_chains": 200, "n_temperatures": 100, "random_state": 1}
    alone = [rbm.estimator_.log_partition(method, **options) for method in ("ais", "bracket")]

    def here(*arguments, **options):
        msg = "chains of annealing ran in threads of the client"
        raise AssertionError(msg)

    monkeypatch.setattr(threads, "in_threads", here)
    assert [rbm.log_partition(method, **options) for method in ("ais", "bracket")] == alone


def test_grid_search_on_a_cluster(cluster):
    """Fails if the parts of a pipeline cannot travel, or results depend on where they are made."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:300] / 16, y[:300]
    dbn = DeepBeliefNetwork((16, 8), rbm=BernoulliRBM(n_iter=2), random_state=0)
    pipeline = make_pipeline(dbn, LogisticRegression(C=100, max_iter=1000))
    grid = {"deepbeliefnetwork__hidden_layer_sizes": [(16, 8), (32, 16)]}
    search = GridSearchCV(pipeline, grid, cv=2)
    with joblib.parallel_config("dask"):
        spread = search.fit(X, y).cv_results_["mean_test_score"]
    np.testing.assert_allclose(spread, search.fit(X, y).cv_results_["mean_test_score"])


def test_progress_shows_on_the_client(threads, capsys):
    """Fails if sweeps are reported where they are made."""
    X = da.from_array(_rows(40), chunks=(20, -1))
    Distributed(BernoulliRBM(2, n_iter=2, verbose=1, random_state=0)).fit(X)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(", ")[0] for line in lines] == [
        "[BernoulliRBM] Iteration 1",
        "[BernoulliRBM] Iteration 2",
    ]


def test_a_callback_stops_the_fit(threads):
    """Fails if callbacks are not called on the client, or their StopIteration is not heard."""
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
            "estimator == LogisticRegression(), must be a BernoulliRBM, GaussianBernoulliRBM or "
            "DeepBeliefNetwork.",
        ),
        (
            BernoulliRBM(early_stopping=True),
            "epoch",
            None,
            "early_stopping == True, must be False on a cluster.",
        ),
        (
            BernoulliRBM(missing_values="allow"),
            "epoch",
            None,
            "missing_values == 'allow', must be 'refuse' on a cluster.",
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
            "X contains NaN, must not: NaN in an array is a missing value for impute, and with "
            "missing_values='allow' for fit, transform, score and score_samples.",
        ),
    ],
)
def test_what_no_cluster_can_fit_is_refused(threads, estimator, sync, X, message):
    """Fails if an error is not the sentence that says what is wrong, or something is changed."""
    spread = Distributed(estimator, sync=sync)
    X = da.zeros((4, 2), chunks=2) if X is None else X
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        spread.fit(X)
    assert not hasattr(spread, "estimator_")


def test_values_outside_draw_the_warning_on_the_client(threads):
    """Fails if what workers warn of is not seen."""
    X = da.full((4, 2), 2.0, chunks=2)
    with pytest.warns(UserWarning, match="must be in \\[0, 1\\] for Bernoulli visible units"):
        Distributed(BernoulliRBM(2, n_iter=1, random_state=0)).fit(X)


def test_without_a_client_there_is_a_sentence():
    """Fails if the error of Dask is all that is said."""
    with pytest.raises(ValueError, match=r"^there is no Dask client: connect one"):
        Distributed(BernoulliRBM(n_iter=1)).fit(da.zeros((4, 2)))


def test_without_dask_there_is_a_sentence(monkeypatch):
    """Fails if the extra is not named."""
    monkeypatch.setitem(sys.modules, "dask", None)
    monkeypatch.delitem(sys.modules, "skrbm.distributed.cluster")
    with pytest.raises(ImportError, match=r"pip install 'skrbm\[dask\]'"):
        importlib.import_module("skrbm.distributed.cluster")
