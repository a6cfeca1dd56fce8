"""Watching: the watched epochs, their cost, and the reports of other epochs."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits

from skrbm import BernoulliRBM, GaussianBernoulliRBM, RBMClassifier, TabularRBM
from skrbm.data.scaling import Unscaled
from skrbm.learning import loop
from skrbm.learning.early_stopping import BestSoFar, EarlyStopping
from skrbm.learning.loop import Feed, Loop, Monitor, Plan
from skrbm.learning.schedules import PowerDecay
from skrbm.learning.watching import Price, Watch

from laws import copies, random_rbm, training_state

DIGITS = load_digits()


SCALING = Unscaled("float64")


def _epochs(watch):
    return [epoch for epoch in range(watch.n_iter) if watch.includes(epoch)]


@pytest.mark.parametrize("n_iter", [1, 2, 3, 10, 2500])
@pytest.mark.parametrize("cost", [1.0, 100.0, 1e4, 1e6])
@pytest.mark.parametrize("of_row", [0.1, 10.0, 1000.0])
def test_watching_costs_a_twentieth_of_the_updates_except_in_the_first_and_last_epoch(
    n_iter, cost, of_row
):
    """Fails if a row costs nothing, or the last epoch is left out."""
    price = Price(100.0, of_row)
    for watch in (Watch.of(n_iter, cost, price, 70), Watch.of_some(n_iter, cost, price, 70)):
        epochs = _epochs(watch)
        assert epochs[0] == 0
        assert epochs[-1] == n_iter - 1
        total = len(epochs) * (price.of_call + watch.n_rows * of_row)
        assert len(epochs) <= 2 or total <= 0.05 * n_iter * cost
        assert 20 <= watch.n_rows <= 70
    affordable = 0.05 * cost >= 100 + 20 * of_row
    assert (epochs == list(range(n_iter))) == (affordable or n_iter <= 2)


@pytest.mark.parametrize("n_times", [2, 3, 7, 31])
def test_watched_epochs_are_at_the_squares(n_times):
    """Fails if rounding omits an epoch, or adds one."""
    expected = {i * i * 99 // (n_times - 1) ** 2 for i in range(n_times)}
    assert _epochs(Watch(100, n_times)) == sorted(expected)


def test_other_epochs_repeat_the_latest_figure():
    """Fails if the figure is computed in every epoch, from too many rows, or is forgotten."""
    seen = []

    def figure(rbm, v, rng):
        seen.append(len(v))
        return np.full(len(v), len(seen))

    monitor = Monitor("figure", figure, Watch(10, 3, n_rows=4))
    plan = Plan(10, 10, PowerDecay(1, 0), shuffle=True)
    feed = Feed(copies(30), np.ones(30), draws=False)
    state = training_state(random_rbm(n_visible=feed.rows.shape[1]))
    records = list(Loop(lambda *update: None, feed, plan, monitor).epochs(state))
    assert [record["figure"] for record in records] == [1, 1, 2, 2, 2, 2, 2, 2, 2, 3]
    assert seen == [4, 4, 4]


def test_early_stopping_scores_watched_epochs_and_the_ends_of_decays():
    """Fails if the end of a decay is not scored, or other epochs are."""
    rbm, n_scores = random_rbm(), []

    def score(rbm, v, rng):
        n_scores.append(1)
        return np.full(len(v), -len(n_scores))

    v = np.zeros((5, 4))
    watch = EarlyStopping(v, v, SCALING, 2, 0.0, 0, score, BestSoFar(), (10, 20, 30), Watch(100, 5))
    records = [{"epoch": i} for i in range(100)]
    n_epochs = next(i for i, record in enumerate(records) if watch.see(rbm, record)) + 1
    assert n_epochs == 30  # watched are epochs 0, 6 and 24
    scores = [record["validation_score"] for record in records[:n_epochs]]
    assert scores == [-1] * 6 + [-2] * 3 + [-3] * 10 + [-4] * 5 + [-5] * 5 + [-6]


@pytest.mark.parametrize("n_iter", [1, 10, 2500])
@pytest.mark.parametrize("cost", [1.0, 1e4, 1e7])
def test_scores_cost_a_twentieth_unless_they_are_few(n_iter, cost):
    """Fails if a long validation set is scored as a whole at any cost."""
    price = Price(100.0, 10.0)
    watch = Watch.of_scores(n_iter, cost, price, 10_000)
    n_scores = len(_epochs(watch))
    assert n_scores >= min(n_iter, 9)  # two of ten may be the same epoch
    assert 500 <= watch.n_rows <= 10_000
    total = n_scores * (price.of_call + price.of_row * watch.n_rows)
    assert total <= 0.05 * n_iter * cost or (n_scores <= 10 and watch.n_rows == 500)


def test_scored_rows_are_equally_spaced():
    """Fails if only the first rows of a file, which may be sorted, are scored."""
    seen = []

    def score(rbm, v, rng):
        seen.append(v[:, 0].tolist())
        return np.zeros(len(v))

    rbm, rows = random_rbm(), np.arange(5000.0)[:, None] * np.ones(4)
    EarlyStopping(rows, rows, SCALING, 9, 0.0, 0, score, BestSoFar(), (1,), Watch(n_rows=1700)).see(
        rbm, {}
    )
    assert np.concatenate(seen).tolist() == list(range(0, 5000, 3))
    assert [len(x) for x in seen] == [1024, 643]


def _cases():
    small = {"n_components": 5, "n_iter": 3, "random_state": 0}
    X = np.concatenate([DIGITS.data[:150] / 16, DIGITS.data[:60] / 16])  # some of them twice
    yield "grey", BernoulliRBM(**small), (X,)
    yield "binary", BernoulliRBM(**small), (np.round(X),)
    yield "real", GaussianBernoulliRBM(**small), (X,)
    yield "table", TabularRBM(**small), (X,)
    yield "labels", RBMClassifier(**small), (X, DIGITS.target[np.r_[:150, :60]])


CASES = list(_cases())


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_few_rows_are_trained_like_many(case, monkeypatch):
    """Fails if rows that are converted once differ, or equal rows get different draws."""
    _, estimator, data = case
    weights = np.where(np.arange(len(data[0])) % 3 == 0, 4.0, 1.0)
    few = clone(estimator).fit(*data, sample_weight=weights)
    monkeypatch.setattr(loop, "_MOST_HELD", 0)
    many = clone(estimator).fit(*data, sample_weight=weights)
    np.testing.assert_array_equal(few.components_, many.components_)
    np.testing.assert_array_equal(few.intercept_visible_, many.intercept_visible_)
