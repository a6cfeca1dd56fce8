"""The training loop: which rows it visits, how long, and what it tells."""

import math
import sys

import numpy as np
import pytest

from skrbm import BernoulliRBM
from skrbm._kernels import random
from skrbm.learning.gradients import ExactGradient
from skrbm.learning.loop import Plan, Training, enough_sweeps
from skrbm.learning.optimizer import constant, linear_decay

from laws import UNITS, all_states, codes


class Recorder:
    """An optimizer that notes the rows and the rates it is given, and learns nothing."""

    def __init__(self):
        self.batches, self.rates = [], []

    def move(self, place):
        """Nothing that it notes is moved."""

    def step(self, rbm, phases, rate, variance_share):
        self.batches.append(codes(phases.parts[0].visible[: phases.n_data]))
        self.rates.append(rate)


@pytest.fixture
def run():
    """Train on rows 0 to n - 1, each the bits of its number; return what the optimizer saw."""

    def run(n_rows, plan):
        rbm = BernoulliRBM(1, n_iter=0).fit(np.zeros((1, 6)))._model()
        rng = random.generator(0)
        recorder = Recorder()
        X = all_states(UNITS[0], 6)[0][:n_rows]
        training = Training(gradient=ExactGradient(), optimizer=recorder, rng=rng, order=rng)
        records = list(training.run(rbm, X, np.ones(n_rows), plan, lambda *_: 0.0))
        return recorder, records

    return run


@pytest.mark.parametrize(("n_rows", "batch_size"), [(10, 3), (7, 7), (7, 100), (5, 1)])
def test_every_sweep_visits_every_row_once_in_even_mini_batches(run, n_rows, batch_size):
    """Fails if the last rows are left out, or make a short mini-batch of their own."""
    recorder, records = run(n_rows, Plan(3, batch_size, constant(1), shuffle=True))
    sizes = [len(batch) for batch in recorder.batches]
    n_batches = math.ceil(n_rows / batch_size)
    assert len(records) == 3
    assert len(sizes) == 3 * n_batches
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= batch_size
    for sweep in range(3):
        rows = np.concatenate(recorder.batches[sweep * n_batches : (sweep + 1) * n_batches])
        np.testing.assert_array_equal(np.sort(rows), np.arange(n_rows))


def test_rows_are_shuffled_only_where_asked(run):
    """Fails if a stream is taken out of order, or every sweep has the same order."""
    in_order, _ = run(50, Plan(2, 10, constant(1), shuffle=False))
    np.testing.assert_array_equal(np.concatenate(in_order.batches), np.tile(np.arange(50), 2))
    shuffled, _ = run(50, Plan(2, 50, constant(1), shuffle=True))
    assert not np.array_equal(*shuffled.batches)


def test_the_rate_falls_to_zero_over_the_whole_fit(run):
    """Fails if the schedule starts again with every sweep. 12 updates, in equal steps."""
    recorder, records = run(40, Plan(3, 10, linear_decay(0.6), shuffle=True))
    np.testing.assert_allclose(recorder.rates, 0.05 * np.arange(12, 0, -1))
    assert [record["learning_rate"] for record in records] == recorder.rates[3::4]


@pytest.mark.parametrize(("n_rows", "sweeps"), [(1, 5_000), (1797, 278), (60_000, 10), (10**7, 10)])
def test_enough_sweeps(n_rows, sweeps):
    """Fails if few rows get few updates: 5,000 of them, in 10 sweeps or more."""
    assert enough_sweeps(n_rows, batch_size=100) == sweeps
    assert sweeps * math.ceil(n_rows / 100) >= 5_000


def test_auto_is_enough():
    """Fails if "auto" is not what the estimator does by default."""
    fitted = BernoulliRBM(1, batch_size=1, random_state=0).fit(np.zeros((200, 1)))
    assert fitted.n_iter_ == enough_sweeps(200, batch_size=1) == 25


def test_progress_bar_on_a_terminal(monkeypatch, capsys):
    """Fails if lines are printed where a bar can be drawn, or the bar does not reach its end."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    BernoulliRBM(1, n_iter=3, verbose=1).fit(np.zeros((2, 2)))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "3/3" in captured.err
    assert "pseudo-likelihood" in captured.err


def test_grey_values_are_probabilities():
    """Fails if a mini-batch holds the means themselves. Six standard errors of a frequency."""
    n = 20_000
    rng = random.generator(0)
    rbm = BernoulliRBM(1, n_iter=0).fit(np.zeros((1, 3)))._model()
    seen = []

    class Watcher(Recorder):
        def step(self, rbm, phases, rate, variance_share):
            seen.append(phases.parts[0].visible[: phases.n_data].copy())

    X = np.column_stack([np.full(n, 0.3), np.ones(n), rng.random(n)])  # rows that differ
    training = Training(gradient=ExactGradient(), optimizer=Watcher(), rng=rng, order=rng)
    plan = Plan(2, n, constant(1), shuffle=True)
    list(training.run(rbm, X, np.ones(n), plan, lambda *_: 0.0))
    first, second = seen
    assert set(np.unique(first)) == {0.0, 1.0}
    assert abs(first[:, 0].mean() - 0.3) < 6 * np.sqrt(0.21 / n)
    assert first[:, 1].all()
    assert (first[:, 0] != second[:, 0]).any()
