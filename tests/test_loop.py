"""The training loop: the rows it visits, their states, its rates, and its reports."""

import math
import pickle
import sys

import numpy as np
import pytest

from skrbm import BernoulliRBM, RBMClassifier
from skrbm._kernels import random
from skrbm.data.scaling import Unscaled
from skrbm.estimators.rbm.base import learner_of
from skrbm.learning.completion import Completion, steps_of_epoch
from skrbm.learning.defaults import BINARY, GAUSSIAN, labelled
from skrbm.learning.loop import Feed, Loop, Monitor, Plan, Prior, default_n_iter
from skrbm.learning.schedules import PowerDecay

from laws import (
    BERNOULLI,
    all_states,
    codes,
    copies,
    draw,
    enumerate_rbm,
    holes_in,
    random_rbm,
    total_variation,
    training_state,
)

NOTHING = Monitor("nothing", lambda rbm, v, rng: np.zeros(len(v)))


class Recorder:
    """An update that records its rows and rates, and learns nothing."""

    def __init__(self):
        self.batches, self.rates, self.limits = [], [], []

    def __call__(self, state, v, weights, pace):
        self.batches.append(v.copy())
        self.rates.append(pace.rate)
        self.limits.append((pace.penalty, pace.variance_floor))


def _train(X, plan, *, draws=False):
    """Train a model of these columns; return the arguments of the updates, and the records."""
    recorder = Recorder()
    feed = Feed(X, np.ones(len(X)), draws)
    state = training_state(random_rbm(n_visible=X.shape[1]))
    return recorder, list(Loop(recorder, feed, plan, NOTHING).epochs(state))


def _train_on_numbers(n_rows, plan):
    """The numbers of rows in each batch; a row has the bits of its number."""
    recorder, records = _train(all_states(BERNOULLI, 6)[0][:n_rows], plan)
    return [codes(batch) for batch in recorder.batches], recorder.rates, records


@pytest.mark.parametrize(("n_rows", "batch_size"), [(10, 3), (7, 7), (7, 100), (5, 1)])
def test_every_epoch_visits_every_row_once_in_even_mini_batches(n_rows, batch_size):
    """Fails if the last rows are omitted, or form a short mini-batch."""
    plan = Plan(3, batch_size, PowerDecay(1, 0), shuffle=True)
    batches, _, records = _train_on_numbers(n_rows, plan)
    sizes = [len(batch) for batch in batches]
    n_batches = math.ceil(n_rows / batch_size)
    assert len(records) == 3
    assert len(sizes) == 3 * n_batches
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= batch_size
    for epoch in range(3):
        rows = np.concatenate(batches[epoch * n_batches : (epoch + 1) * n_batches])
        np.testing.assert_array_equal(np.sort(rows), np.arange(n_rows))


def test_rows_are_shuffled_only_if_the_plan_requires_it():
    """Fails if a stream is read out of order, or every epoch has the same order."""
    in_order, *_ = _train_on_numbers(50, Plan(2, 10, PowerDecay(1, 0), shuffle=False))
    np.testing.assert_array_equal(np.concatenate(in_order), np.tile(np.arange(50), 2))
    shuffled, *_ = _train_on_numbers(50, Plan(2, 50, PowerDecay(1, 0), shuffle=True))
    assert not np.array_equal(*shuffled)


def test_the_rate_falls_to_zero_over_the_whole_fit():
    """Fails if the schedule starts again in every epoch. 12 updates, in equal steps."""
    _, rates, records = _train_on_numbers(40, Plan(3, 10, PowerDecay(0.6, 1), shuffle=True))
    np.testing.assert_allclose(rates, 0.05 * np.arange(12, 0, -1))
    assert [record["learning_rate"] for record in records] == rates[3::4]


@pytest.mark.parametrize("n_done", [0, 1, 3])
def test_epochs_continue_from_any_epoch(n_done):
    """Fails if a resumed fit has the rates of its start. Rows have another order."""
    plan = Plan(3, 10, PowerDecay(0.6, 1), shuffle=True)
    recorder = Recorder()
    feed = Feed(all_states(BERNOULLI, 6)[0][:40], np.ones(40), draws=False)
    state = training_state(random_rbm(n_visible=6))
    records = list(Loop(recorder, feed, plan, NOTHING).epochs(state, n_done))
    assert len(records) == len(state.history) == 3 - n_done
    np.testing.assert_allclose(recorder.rates, 0.05 * np.arange(12 - 4 * n_done, 0, -1))


def test_a_heavy_mini_batch_makes_several_steps_and_a_light_one_a_short_step():
    """Fails if a row does not count by its weight: one weight is 3, all others are 0.5."""
    recorder = Recorder()
    weights = np.array([3.0, 0.5, 0.5, 0.5, 0.5, 1.0])
    plan = Plan(1, 1, PowerDecay(0.3, 0), shuffle=False)
    feed = Feed(np.eye(6), weights, draws=False)
    list(Loop(recorder, feed, plan, NOTHING).epochs(training_state(random_rbm(n_visible=6))))
    assert [int(batch.argmax()) for batch in recorder.batches] == [0, 0, 0, 1, 2, 3, 4, 5]
    np.testing.assert_allclose(recorder.rates, [*[0.3] * 3, *[0.15] * 4, 0.3])


@pytest.mark.parametrize("weight", [60.0, None])
def test_the_prior_counts_all_rows_of_a_fit_or_all_seen_so_far_in_a_stream(weight):
    """Fails if each mini-batch has the whole prior, or a smallest variance exceeds the data's."""
    X = all_states(BERNOULLI, 6)[0][:60]
    plan = Plan(2, 20, PowerDecay(1.0, 0), shuffle=False, prior=Prior(3.0, 6.0, weight))
    limits = np.array(_train(X, plan)[0].limits)
    seen = np.full(6, 60.0) if weight else np.arange(20.0, 121, 20)
    np.testing.assert_allclose(limits[:, 0], 3 / seen)
    np.testing.assert_allclose(limits[:, 1], np.minimum(1, 5 * 6 / seen))
    assert set(_train(X, Plan(1, 20, PowerDecay(1.0, 0), shuffle=False))[0].limits) == {(0, 1e-4)}


@pytest.mark.parametrize("n_iter", [1, 7, 100, 333, 2500])
def test_chains_make_five_steps_in_an_epoch_or_500_in_a_fit(n_iter):
    """Fails if long fits make more steps, or none in their last epochs."""
    steps = np.array([steps_of_epoch(epoch, n_iter) for epoch in range(n_iter)])
    assert steps.sum() == min(5 * n_iter, 500)
    assert steps.max() - steps.min() <= 1


@pytest.mark.parametrize(("n_rows", "epochs"), [(1, 5_000), (1797, 278), (60_000, 10), (10**7, 10)])
def test_default_epochs_make_all_updates_and_are_10_or_more(n_rows, epochs):
    """Fails if few rows get few updates."""
    assert default_n_iter(n_rows, 100, 5_000) == epochs
    assert epochs * math.ceil(n_rows / 100) >= 5_000


def test_more_rows_get_more_updates_between_limits():
    """Fails without a limit, or if the updates do not follow the number of values."""
    for defaults in (BINARY, GAUSSIAN, labelled(0.01), labelled(1.0)):
        updates = [defaults.n_updates(n_rows, 30) for n_rows in (1, 80, 120, 10**6)]
        assert updates == sorted(updates)
        assert (updates[0], updates[-1]) == (2_000, 5_000)
    assert [BINARY.n_updates(100, n) for n in (10, 25, 40)] == [2_000, 2_500, 4_000]
    assert labelled(0.01).n_updates(1_000, 10**6) == 4_000
    assert labelled(0.5).n_updates(1_000, 10**6) == 5_000


@pytest.mark.parametrize(("estimator", "epochs"), [(BernoulliRBM(64), 50), (RBMClassifier(64), 20)])
def test_auto_is_the_default_number_of_epochs(estimator, epochs):
    """Fails if "auto" differs from the default of the estimator for these rows and columns."""
    X = np.eye(25)[np.arange(200) % 25]
    fitted = estimator.set_params(batch_size=2, random_state=0).fit(X, np.arange(200) % 2)
    assert fitted.n_iter_ == epochs


def test_progress_is_a_bar_on_a_terminal(monkeypatch, capsys):
    """Fails if lines replace a possible bar, or the bar does not reach its end."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    BernoulliRBM(1, n_iter=3, verbose=1).fit(np.zeros((2, 2)))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "3/3" in captured.err
    assert "pseudo-likelihood" in captured.err


def test_grey_values_are_probabilities_of_states():
    """Fails if a mini-batch contains the means themselves. Six standard errors of a frequency."""
    n = 20_000
    rng = random.generator(0)
    X = np.column_stack([np.full(n, 0.3), np.ones(n), rng.random(n)])  # rows that differ
    plan = Plan(2, n, PowerDecay(1, 0), shuffle=True)
    first, second = _train(X, plan, draws=True)[0].batches
    assert set(np.unique(first)) == {0.0, 1.0}
    assert abs(first[:, 0].mean() - 0.3) < 6 * np.sqrt(0.21 / n)
    assert first[:, 1].all()
    assert (first[:, 0] != second[:, 0]).any()
    np.testing.assert_allclose(_train(X, plan)[0].batches[0].sum(axis=0), X.sum(axis=0))


# Missing values


def _feed(rbm, rows):
    """Rows with chains for their missing values, all of which start from zeros."""
    completion = Completion.start(
        rows, rbm, lambda n: np.zeros((n, rows.shape[1])), Unscaled("float64")
    )
    return Feed(rows, np.ones(len(rows)), draws=False, completion=completion)


def test_reading_rows_changes_nothing_and_filling_them_moves_chains():
    """Fails if reading a row moves its chain, or filling it does not.

    Chains of other rows do not move, and known values do not change.
    """
    rbm, rng = random_rbm(), random.generator(0)
    rows = holes_in(np.round(np.random.default_rng(0).random((100, 4))))
    given = rows.copy()
    feed = _feed(rbm, rows)
    states = feed.completion.states.copy()
    for index in (slice(0, 50), np.arange(50)):
        np.testing.assert_array_equal(feed.rows[index], feed.rows[index])
    np.testing.assert_array_equal(feed.completion.states, states)
    incomplete = np.isnan(rows).any(axis=1)
    own = feed.completion.chain[:50][incomplete[:50]]
    filled = feed.completion.fill(feed.rows[:50], np.arange(50), rng)
    assert not np.array_equal(feed.completion.states[own], states[own])
    others = np.setdiff1d(np.arange(len(states)), own)
    np.testing.assert_array_equal(feed.completion.states[others], states[others])
    np.testing.assert_array_equal(rows, given)
    known = ~np.isnan(rows[:50])
    np.testing.assert_array_equal(filled[known], rows[:50][known])
    assert not np.isnan(filled).any()


def test_every_epoch_continues_the_chains_of_the_previous_one():
    """Fails if chains start again, or one row gets the states of another.

    After 20 epochs the filled values have the conditional distribution of missing values: 2.5 times
    the distance expected by chance.
    """
    n, rbm = 20_000, random_rbm(scale=2.0)
    exact = enumerate_rbm(rbm)
    p = np.exp(exact.log_p_visible)
    complete = exact.v[draw(p, n, np.random.default_rng(0))]
    feed = _feed(rbm, holes_in(complete, 0.5))
    recorder, plan = Recorder(), Plan(20, n, PowerDecay(1, 0), shuffle=True)
    list(Loop(recorder, feed, plan, NOTHING).epochs(training_state(rbm)))
    distance, floor = total_variation(codes(recorder.batches[-1]), p)
    assert distance <= 2.5 * floor


# Fits in progress


@pytest.mark.parametrize(
    "parameters", [{}, {"early_stopping": True}, {"gradient": "pt"}, {"gradient": "ptt"}]
)
def test_a_pickled_fit_in_progress_gives_the_same_result(parameters):
    """Fails if a part of its state is not in the pickle, or a finished fit keeps one."""
    X = holes_in(copies(60))
    pickles = []

    def keep(rbm, iteration):
        assert learner_of(rbm).fit.n_done == iteration
        rbm.callbacks = None
        pickles.append(pickle.dumps(rbm))
        rbm.callbacks = keep

    rbm = BernoulliRBM(3, n_iter=4, batch_size=10, missing_values="allow", random_state=0)
    rbm.set_params(**parameters, callbacks=keep).fit(X)
    assert learner_of(rbm).fit is None
    assert len(pickles) == 4
    for one in pickles[:3]:
        resumed = pickle.loads(one)
        assert learner_of(resumed).fit is not None
        resumed.resume(X)
        assert learner_of(resumed).fit is None
        np.testing.assert_array_equal(resumed.components_, rbm.components_)
        assert resumed.n_iter_ == 4
