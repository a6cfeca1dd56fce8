"""Outliers: rows that are less probable than most."""

import numpy as np
import pytest
from scipy.stats import chi2
from sklearn.datasets import load_digits, load_iris
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import LeaveOneOut, ShuffleSplit, train_test_split

from skrbm import BernoulliRBM, GaussianBernoulliRBM, RBMOutlierDetector
from skrbm.estimators.rbm import cross_fitting
from skrbm.estimators.rbm.cross_fitting import Scores, folds_of, scores_of
from skrbm.units import Domain
from skrbm.validation.rows import check_training_rows


def test_scores_order_rows_as_their_likelihoods_do():
    """Fails if the sign is wrong, or scores belong to another model: they differ only by log Z."""
    X = load_iris().data
    detector = RBMOutlierDetector(GaussianBernoulliRBM(6, n_iter=30), random_state=0).fit(X)
    difference = detector.score_samples(X) - detector.rbm_.score_samples(X)
    np.testing.assert_allclose(difference, detector.rbm_.log_partition_.value, rtol=1e-6)


def test_the_threshold_holds_for_new_rows():
    """Fails if the model has learned some of the rows that set it: then 18 % are flagged.

    The share of new rows below a quantile of 200 rows has a standard deviation of 0.021.
    """
    shares = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(4_200, 8)) + rng.choice([-3, 3], size=(4_200, 8))
        rbm = GaussianBernoulliRBM(32, n_iter=200, alpha=0)
        detector = RBMOutlierDetector(rbm, random_state=seed).fit(X[:200])
        shares.append((detector.predict(X[200:]) == -1).mean())
    assert np.mean(shares) == pytest.approx(0.1, abs=0.04)


@pytest.mark.parametrize("contamination", [0.1, 0.25, 0.5])
def test_the_threshold_has_its_share_of_the_rows_of_fit_below_it(contamination):
    """Fails if the quantile uses the wrong tail or other scores, or ignores weights."""
    X = load_iris().data
    options = {"contamination": contamination, "novelty": False, "random_state": 0}
    detector = RBMOutlierDetector(GaussianBernoulliRBM(8, n_iter=100), **options)
    assert (detector.fit_predict(X) == -1).sum() == int(contamination * len(X))
    weights = np.where(np.arange(len(X)) < 50, 3.0, 1.0)
    is_outlier = detector.fit_predict(X, sample_weight=weights) == -1
    share = weights[is_outlier].sum() / weights.sum()
    assert share == pytest.approx(contamination, abs=3 / weights.sum())


@pytest.mark.parametrize("contamination", ["auto", 0.2])
def test_thresholds_of_normal_data_match_chi_square(contamination):
    """Fails if a fence has another width or tail, or scores of folds differ from the model's.

    With independent columns, -2 log p is a constant plus a chi-square variable.
    """
    n, n_columns = 20_000, 3
    X = np.random.default_rng(0).normal(size=(n, n_columns)) * [1, 10, 100] + 5
    law = chi2(n_columns)
    lower, upper = law.ppf([0.25, 0.75])
    share = contamination if contamination == 0.2 else law.sf(upper + 1.5 * (upper - lower))
    rbm = GaussianBernoulliRBM(1, n_iter=0)
    detector = RBMOutlierDetector(rbm, contamination=contamination, cv=2, random_state=0).fit(X)
    found = (detector.predict(X) == -1).mean()
    assert found == pytest.approx(share, abs=6 * np.sqrt(share * (1 - share) / n))


def test_log_z_of_the_models_of_folds_does_not_matter(monkeypatch):
    """Fails if scores of two models are compared without the difference of their log Z."""
    X = load_iris().data
    detector = RBMOutlierDetector(GaussianBernoulliRBM(4, n_iter=5), random_state=0)
    offset = detector.fit(X).offset_

    def shifted(rbm, rows):
        return scores_of(rbm, rows) + rbm.random_state % 1_000

    monkeypatch.setattr(cross_fitting, "scores_of", shifted)
    assert detector.fit(X).offset_ == pytest.approx(offset, abs=1e-6)


def test_thresholds_allow_for_models_of_fewer_rows():
    """Fails if scores of a model of fewer rows are corrected only for log Z.

    It overfits more, so then 5 % are flagged. The mean share has a standard error of 0.5 %.
    """
    shares = []
    for seed in range(100):
        X = np.random.default_rng(seed).normal(size=(540, 20))
        rbm = GaussianBernoulliRBM(1, n_iter=0)
        detector = RBMOutlierDetector(rbm, cv=2, random_state=seed).fit(X[:40])
        shares.append((detector.predict(X[40:]) == -1).mean())
    assert np.mean(shares) == pytest.approx(0.1, abs=0.03)


def test_a_quantile_satisfies_its_definition():
    """Fails if weights are not frequencies, their scale matters, or a step has no midpoint."""
    rng = np.random.default_rng(0)
    for _ in range(100):
        n, share = rng.integers(1, 9), rng.choice([0.1, 0.25, 0.5])
        values = rng.integers(5, size=n).astype(float)
        weights = rng.integers(1, 4, size=n)
        copies = np.sort(np.repeat(values, weights))
        steps = np.arange(1, len(copies) + 1)
        at_least = copies[steps >= share * len(copies)][0]
        above = copies[steps > share * len(copies)][0]
        for scale in (1, 1e-3, 0.7):
            found = Scores(values, scale * weights).quantile(share)
            assert found == (at_least + above) / 2


def folds(cv, n_rows, n_enough=1_000, weights=None):
    domain = Domain("any", -np.inf, np.inf, "", accept_sparse=False)
    rows = check_training_rows(None, np.zeros((n_rows, 1)), weights, domain, first=True)
    return folds_of(cv, rows, n_rows, n_enough, seed=0)


@pytest.mark.parametrize(
    ("cv", "n_rows", "n_folds"),
    [("auto", 1, 0), ("auto", 3, 3), ("auto", 900, 5), ("auto", 2_400, 3), ("auto", 9_000, 1)]
    + [(7, 3, 3), (7, 9_000, 7), (LeaveOneOut(), 4, 4), ([([0, 1], [2]), ([2], [0])], 4, 2)],
)
def test_folds_score_rows_that_they_do_not_train_on(cv, n_rows, n_folds):
    """Fails if a model scores rows that it was fitted to, or too few rows are scored."""
    made = folds(cv, n_rows)
    assert len(made) == n_folds
    for train, test in made:
        assert not set(train) & set(test)
        assert len(train) > 0
    if isinstance(cv, int | str) and n_rows > 100:
        assert np.ptp(made[0][1]) > len(made[0][1])  # rows may be sorted by their class
    if not isinstance(cv, list):
        scored = np.sort(np.concatenate([np.empty(0, int), *(test for _, test in made)]))
        assert (np.diff(scored) > 0).all()
        assert len(scored) >= min(n_rows, 1_000) or n_folds == 0


def test_splits_index_the_given_rows():
    """Fails if rows of weight zero shift the indices of a split."""
    weights = np.array([1.0, 0, 1, 1, 0, 1])
    ((train, test),) = folds([([0, 1, 2, 3], [4, 5])], 6, weights=weights)
    np.testing.assert_array_equal(train, [0, 1, 2])
    np.testing.assert_array_equal(test, [3])


@pytest.mark.parametrize(
    ("cv", "message"),
    [
        (1, "cv == 1, must be 'auto', an integer >= 2, a cross-validation splitter or an"),
        (True, "cv == True, must be 'auto', an integer"),
        ("five", "cv == 'five', must be 'auto', an integer"),
        ([([0], [20])], "cv must yield pairs of arrays of indices of 20 rows, but: index 20"),
        ([(0, 1, 2)], "cv must yield pairs of arrays of indices of 20 rows, but: too many"),
        ([([0, 1], [])], "cv must yield splits with rows of positive weight on both sides"),
        ([], "cv must yield splits"),
    ],
)
def test_wrong_splits_are_refused(cv, message):
    """Fails if a mistake causes a later error, or leaves the estimator half fitted."""
    detector = RBMOutlierDetector(BernoulliRBM(2, n_iter=1), cv=cv)
    with pytest.raises(ValueError, match=message):
        detector.fit(np.eye(20))
    assert not hasattr(detector, "n_features_in_")


def test_every_row_of_fit_is_judged_by_a_model_not_fitted_to_it():
    """Fails if only the rows needed for a threshold are scored."""
    X = np.random.default_rng(0).normal(size=(1_500, 4))
    rbm = GaussianBernoulliRBM(64, n_iter=3)
    detector = RBMOutlierDetector(rbm, novelty=False, random_state=0)
    assert (detector.fit_predict(X) == -1).sum() == 150


def test_few_rows_set_a_threshold():
    """Fails if one row, or one row for a fold, has no score."""
    X = np.random.default_rng(0).normal(size=(3, 2))
    for n_rows in (1, 2, 3):
        detector = RBMOutlierDetector(GaussianBernoulliRBM(2, n_iter=5), random_state=0)
        assert np.isfinite(detector.fit(X[:n_rows]).offset_)
    assert detector.fit(X[:1]).predict(X[:1]) == [1]


def test_a_fold_too_small_to_stop_early_is_refused():
    """Fails if it trains on no rows."""
    rbm = BernoulliRBM(2, n_iter=2, early_stopping=True, validation_fraction=0.8)
    RBMOutlierDetector(rbm, cv=6).fit(np.eye(6))
    with pytest.raises(ValueError, match="validation_fraction == 0.8 of 3 rows with weight"):
        RBMOutlierDetector(rbm, cv=2).fit(np.eye(6))


def test_only_the_model_of_all_rows_calls_callbacks():
    """Fails if models of folds call them too."""
    seen = []
    rbm = BernoulliRBM(2, n_iter=3, callbacks=lambda model, epoch: seen.append(model))
    detector = RBMOutlierDetector(rbm).fit(np.eye(10))
    assert len(seen) == 3
    assert all(model is detector.rbm_ for model in seen)


def test_the_same_seed_gives_the_same_threshold():
    """Fails if folds or models of folds have other seeds."""
    X = load_iris().data
    rbm = GaussianBernoulliRBM(4, n_iter=10)
    offsets = [RBMOutlierDetector(rbm, random_state=s).fit(X).offset_ for s in (0, 0, 1)]
    assert offsets[0] == offsets[1] != offsets[2]
    splits = ShuffleSplit(3, random_state=0)
    offsets = [RBMOutlierDetector(rbm, cv=splits, random_state=s).fit(X).offset_ for s in (0, 0, 1)]
    assert offsets[0] == offsets[1] != offsets[2]


def test_new_rows_and_rows_of_fit_have_separate_methods():
    """Fails if a method judges rows to which its threshold does not apply."""
    X = load_iris().data
    of_new = RBMOutlierDetector(GaussianBernoulliRBM(2, n_iter=2), random_state=0).fit(X)
    of_fit = RBMOutlierDetector(GaussianBernoulliRBM(2, n_iter=2), novelty=False).fit(X)
    with pytest.raises(AttributeError, match="fit_predict"):
        of_new.fit_predict(X)
    for method in ("predict", "decision_function", "score_samples"):
        with pytest.raises(AttributeError, match=method):
            getattr(of_fit, method)(X)
    with pytest.raises(ValueError, match="novelty == 1, must be True or False"):
        RBMOutlierDetector(novelty=1).fit(X)


def test_an_unseen_digit_is_less_probable():
    """Fails if the detector does not distinguish an unseen digit from the trained ones."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    train, test, of_train, of_test = train_test_split(X, y, random_state=0, stratify=y)
    detector = RBMOutlierDetector(BernoulliRBM(64, n_iter=50), random_state=0)
    detector.fit(train[of_train != 0])
    assert roc_auc_score(of_test != 0, detector.decision_function(test)) > 0.95


def test_missing_values_and_sparse_rows_are_passed_to_the_model():
    """Fails if the detector refuses data that its model accepts."""
    X = (np.random.default_rng(0).random((100, 5)) < 0.5).astype(float)
    holes = X.copy()
    holes[::3, 0] = np.nan
    rbm = BernoulliRBM(3, missing_values="allow", n_iter=5)
    detector = RBMOutlierDetector(rbm, random_state=0).fit(holes)
    assert np.isfinite(detector.decision_function(holes)).all()
    with pytest.raises(ValueError, match="contains NaN"):
        RBMOutlierDetector(BernoulliRBM(3, n_iter=5)).fit(holes)
    for share in (0, 0.6, "automatic"):
        with pytest.raises(
            ValueError, match="contamination == .*, must be 'auto' or a finite number > 0 and <= 0"
        ):
            RBMOutlierDetector(contamination=share).fit(X)


def test_data_outside_the_unit_interval_give_one_warning():
    """Fails if setting the threshold gives the warning again."""
    with pytest.warns(UserWarning, match="X must be in") as caught:
        RBMOutlierDetector(BernoulliRBM(3, n_iter=5)).fit(2 * np.eye(4))
    assert len(caught) == 1
