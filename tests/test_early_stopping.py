"""Early stopping: its scores, when training ends, and which parameters are kept."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skrbm import BernoulliRBM, GaussianBernoulliRBM, RBMClassifier, likelihood
from skrbm.data.scaling import Unscaled
from skrbm.data.views import LabelledRows
from skrbm.estimators.rbm.base import settings_of
from skrbm.learning.early_stopping import BestSoFar, EarlyStopping, ends_of_decays
from skrbm.learning.schedules import InTurn, PowerDecay

from laws import draw, enumerate_rbm, random_rbm

SCALING = Unscaled("float64")


def _watch(rbm, n_iter_no_change=3, tol=0.0, ends=range(1, 99)):
    v = enumerate_rbm(rbm).v

    def score(rbm, v, rng):
        return likelihood.pseudo_log_likelihood(rbm, v, 4, rng)

    return EarlyStopping(v[:5], v[5:], SCALING, n_iter_no_change, tol, 0, score, BestSoFar(), ends)


def _watch_scores(scores, **parameters):
    """The decision after each epoch of a model with these scores, equal for all five rows."""
    rbm = random_rbm()
    remaining = iter(scores)
    watch = _watch(rbm, **parameters)
    watch.score = lambda rbm, v, rng: np.full(len(v), next(remaining, 0))
    stops = []
    for i in range(len(scores)):
        rbm.visible.bias[...] = i
        stops.append(watch.see(rbm, {}))
    watch.finish(rbm)
    return stops, int(rbm.visible.bias[0])


@pytest.mark.parametrize("n_batches", [1, 3, 600])
@pytest.mark.parametrize("n_iter", [0, 1, 9, 10, 100, 999, 5000])
def test_decays_are_long_enough_and_each_starts_after_the_one_before(n_iter, n_batches):
    """Fails if a decay is too short to end in a good optimum, or all take longer than one."""
    ends = ends_of_decays(n_iter, n_batches)
    if len(ends) == 1:
        assert ends == (n_iter,)
        return
    assert ends[0] >= 10
    assert ends[0] * n_batches >= 500
    assert (np.diff(ends) >= 0.7 * ends[0]).all()
    assert 0.8 * n_iter < ends[-1] < 0.9 * n_iter


def test_the_step_size_decays_to_zero_in_turn():
    """Fails if a decay continues the previous one, or the first lasts for the whole fit."""
    schedule = InTurn((PowerDecay(2.0, 1), PowerDecay(2.0, 2)), (0.25, 1.0))
    progress = [0.0, 0.125, 0.25 - 1e-9, 0.25, 0.625, 1 - 1e-9]
    got = [schedule(x) for x in progress]
    np.testing.assert_allclose(got, [2, 1, 0, 2, 0.5, 0], atol=1e-6)


def test_the_score_is_the_pseudo_log_likelihood_of_held_out_rows():
    """Fails if training rows are scored, or the gap uses more of them than of held-out rows."""
    rbm = random_rbm()
    watch, record = _watch(rbm), {}
    watch.see(rbm, record)
    exact = enumerate_rbm(rbm)
    expected = 0.0
    for row in range(5):
        for column in range(4):
            other = exact.v[row].copy()
            other[column] = 1 - other[column]
            partner = np.flatnonzero((exact.v == other).all(axis=1))[0]
            pair = exact.log_p_visible[[row, partner]]
            expected += (pair[0] - np.logaddexp(*pair)) / 5
    assert record["validation_score"] == pytest.approx(expected)
    gap = rbm.free_energy(exact.v[:5]).mean() - rbm.free_energy(exact.v[5:10]).mean()
    assert record["free_energy_gap"] == pytest.approx(gap)


def test_training_ends_after_worse_decays_and_keeps_the_last_that_was_not():
    """Fails if the last parameters are kept, or the count continues after an equally good decay."""
    stops, kept = _watch_scores([-3, -1, -2, -2, -1, -2, -2, -2])
    assert stops == [False] * 7 + [True]
    assert kept == 4


def test_only_the_ends_of_decays_are_compared():
    """Fails if the noise of a large step size decides: scores fall at first."""
    rbm = random_rbm()
    watch = _watch(rbm, n_iter_no_change=1, ends=(4, 8))
    scores = iter([-1, -8, -9, -3, -7, -9, -1, -2])
    watch.score = lambda rbm, v, rng: np.full(len(v), next(scores))
    records = [{} for _ in range(8)]
    assert not any(watch.see(rbm, record) for record in records)
    assert [r["validation_score"] for r in records] == [-1, -8, -9, -3, -7, -9, -1, -2]
    assert watch.best.score == -2


def test_a_fit_that_a_callback_ends_before_its_first_decay_keeps_its_parameters():
    """Fails if a model without a comparison is lost, or has no score."""
    stops, kept = _watch_scores([-1, -2, -3], ends=())
    assert (stops, kept) == ([False] * 3, 2)


@pytest.mark.parametrize("tol", [0.0, 0.5])
def test_a_decline_up_to_tol_does_not_count(tol):
    """Fails if tol is ignored: small declines then count as worse."""
    stops, kept = _watch_scores([-1.0, -1.2, -1.4, -1.7], tol=tol)
    assert (stops[-1], kept) == ((True, 0) if tol == 0 else (False, 2))


@pytest.mark.parametrize(("spread", "is_worse"), [(1.0, True), (2.0, False)])
def test_a_decline_within_its_error_does_not_count(spread, is_worse):
    """Fails if the noise of few rows ends a fit. Of four, the limit is 0.75 standard deviations."""
    rbm = random_rbm()
    watch = _watch(rbm, n_iter_no_change=1)
    watch.validation = watch.validation[:4]
    changes = np.array([-1, -1, 1, 1]) * spread * np.sqrt(3 / 4) - 1
    scores = iter([np.zeros(4), changes])
    watch.score = lambda rbm, v, rng: next(scores)
    assert [watch.see(rbm, {}), watch.see(rbm, {})] == [False, is_worse]


def test_early_stopping_helps_if_training_overfits():
    """Fails if the estimator trains on held-out rows, or does not stop.

    40 rows of a model of 8 independent units: every weight that 64 hidden units learn is wrong.
    """
    rng = np.random.default_rng(0)
    train, test = (rng.random((n, 8)) < 0.5 for n in (40, 2000))
    plain = BernoulliRBM(64, n_iter=5000, random_state=0).fit(train)
    stopped = clone(plain).set_params(early_stopping=True, validation_fraction=0.3).fit(train)
    assert stopped.n_iter_ < plain.n_iter_ == 5000
    assert stopped.score(test) > plain.score(test) + 0.5
    scores = stopped.history_["validation_score"]
    assert stopped.best_validation_score_ > scores[-1]
    assert stopped.history_["free_energy_gap"][-1] > stopped.history_["free_energy_gap"][0]
    assert np.isnan(plain.history_["validation_score"]).all()


def test_warm_start_continues():
    """Fails if fit restarts: the second of two short fits ends higher than the first."""
    rbm = random_rbm(n_visible=6, n_hidden=3, scale=2)
    exact = enumerate_rbm(rbm)
    X = exact.v[draw(np.exp(exact.log_p_visible), 2000, np.random.default_rng(0))]
    estimator = BernoulliRBM(4, n_iter=5, warm_start=True, random_state=0)
    first = estimator.fit(X).score(X)
    second = estimator.fit(X).score(X)
    assert second > first + 0.01
    assert estimator.n_iter_ == 10
    assert estimator.set_params(warm_start=False).fit(X).score(X) == first
    assert estimator.n_iter_ == 5
    with pytest.raises(ValueError, match="n_components == 7, must stay 4"):
        estimator.set_params(n_components=7, warm_start=True).fit(X)


def test_too_few_rows_to_hold_some_out_are_refused():
    """Fails if the estimator has changed by then."""
    estimator = BernoulliRBM(early_stopping=True)
    with pytest.raises(ValueError, match="validation_fraction == 0.1 of 1 rows with weight must"):
        estimator.fit([[0, 1]])
    assert not hasattr(estimator, "n_features_in_")
    estimator.partial_fit([[0, 1]])  # holds nothing out


def test_the_best_score_belongs_to_the_latest_fit():
    """Fails if a fit without early stopping keeps the score of the previous fit."""
    X = np.tile([[0, 1], [1, 1]], (10, 1))
    estimator = BernoulliRBM(2, n_iter=2, early_stopping=True, random_state=0).fit(X)
    assert hasattr(estimator, "best_validation_score_")
    estimator.set_params(early_stopping=False).fit(X)
    assert not hasattr(estimator, "best_validation_score_")


@pytest.mark.parametrize("n_first", [1, 7, 30, 57])
def test_a_validation_set_has_the_same_share_of_every_class(n_first):
    """Fails if classes are drawn by chance, the only row of one is held out, or a row is lost."""
    labels = np.repeat([0, 1, 2, 3], [30, 1, 20, 10])
    rows = LabelledRows(np.zeros((61, 2)), labels, np.arange(4))
    seen = np.zeros(61, int)
    for seed in range(50):
        order = rows.stratified(np.random.default_rng(seed).permutation(61), n_first)
        np.testing.assert_array_equal(np.sort(order), np.arange(61))
        counts = np.bincount(labels[order[:n_first]], minlength=4)
        assert (np.abs(counts - n_first / 57 * np.array([29, 0, 19, 9])) <= 1).all()
        assert counts[1] == 0
        seen[order[:n_first]] += 1
    assert n_first < 30 or (np.delete(seen, 30) > 0).all()


def test_early_stopping_of_a_classifier_is_stratified():
    """Fails if a class can be left without rows to train on, or the split ignores the classes."""
    y = np.repeat([0, 1, 2], [80, 19, 1])
    X = (y[:, None] > [0, 1]).astype(float)
    classifier = RBMClassifier(4, n_iter=20, early_stopping=True, validation_fraction=0.2)
    for seed in range(5):
        classifier.set_params(random_state=seed).fit(X, y)
        settings = settings_of(classifier)
        rows = LabelledRows(X, y, classifier.classes_)
        _, apart = settings.split_indices(rows, settings.validation_seed)
        assert np.bincount(y[apart], minlength=3)[1:].tolist() in ([3, 0], [4, 0])
    too_few = "validation_fraction == 0.5 of 5 rows with weight must leave one of each of the 3"
    with pytest.raises(ValueError, match=too_few):
        classifier.set_params(validation_fraction=0.5).fit(X[-5:], [0, 0, 1, 1, 2])


def _noise():
    return np.random.default_rng(0).normal(size=(60, 30))


def test_warns_once_with_a_remedy_when_rows_are_memorised():
    """Fails without a warning of a density that is large only at its own rows."""
    made = {"n_iter": 400, "alpha": 0, "covariance_type": "diag", "random_state": 0}
    rbm = GaussianBernoulliRBM(64, early_stopping=True, **made)
    with pytest.warns(
        ConvergenceWarning, match="memorised.*larger alpha, or fewer n_comp"
    ) as caught:
        rbm.fit(_noise())
    assert len(caught) == 1
    assert caught[0].filename == __file__


@pytest.mark.parametrize("gap", [0.9, 1.1])
def test_rows_count_as_memorised_if_the_gap_exceeds_the_log_of_their_number(gap):
    """Fails if the gap is not compared with the logarithm of the number of rows."""
    rbm = random_rbm()
    watch = _watch(rbm)
    n_rows = len(watch.training)
    rbm.weights.array[...] = 0
    rbm.visible.bias[...] = [gap * np.log(n_rows), 0, 0, 0]
    watch.validation, watch.training = np.zeros((5, 4)), np.eye(1, 4).repeat(n_rows, axis=0)
    watch.see(rbm, {})
    assert watch.learned_by_heart == (gap > 1)


def test_a_validation_set_does_not_make_a_fit_longer():
    """Fails if fewer rows, which need fewer mini-batches, get more epochs."""
    X = np.random.default_rng(0).random((221, 5)) < 0.5
    full = BernoulliRBM(2, random_state=0).fit(X)
    stopped = clone(full).set_params(early_stopping=True).fit(X)
    assert stopped.n_iter_ <= round(7 / 8 * full.n_iter_)
