"""Outliers: rows that are less probable than most."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from skrbm import BernoulliRBM, GaussianBernoulliRBM, RBMOutlierDetector


def test_scores_order_rows_as_their_likelihoods_do():
    """Fails if the sign is wrong, or scores are of another model: they differ by log Z alone."""
    X = load_iris().data
    detector = RBMOutlierDetector(GaussianBernoulliRBM(6, n_iter=30), random_state=0).fit(X)
    difference = detector.score_samples(X) - detector.rbm_.score_samples(X)
    np.testing.assert_allclose(difference, detector.rbm_.log_partition_.value, rtol=1e-6)


@pytest.mark.parametrize("contamination", [0.1, 0.25, 0.5])
def test_the_threshold_has_its_share_of_the_rows_below_it(contamination):
    """Fails if the quantile is of the wrong tail, or ignores weights."""
    X = load_iris().data
    rbm = GaussianBernoulliRBM(4, n_iter=20)
    detector = RBMOutlierDetector(rbm, contamination=contamination, random_state=0).fit(X)
    assert (detector.predict(X) == -1).sum() == int(contamination * len(X))
    weights = np.where(np.arange(len(X)) < 50, 3.0, 1.0)
    heavy = RBMOutlierDetector(rbm, contamination=contamination, random_state=0)
    heavy.fit(X, sample_weight=weights)
    share = weights[heavy.predict(X) == -1].sum() / weights.sum()
    assert share == pytest.approx(contamination, abs=3 / weights.sum())


def test_an_unseen_digit_is_less_probable():
    """Fails if the detector cannot tell a digit that it has never seen from those that it has."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    train, test, of_train, of_test = train_test_split(X, y, random_state=0, stratify=y)
    detector = RBMOutlierDetector(BernoulliRBM(64, n_iter=50), random_state=0)
    detector.fit(train[of_train != 0])
    assert roc_auc_score(of_test != 0, detector.decision_function(test)) > 0.95


def test_missing_values_and_sparse_rows_are_the_model_s_business():
    """Fails if the detector refuses what its model takes."""
    X = (np.random.default_rng(0).random((100, 5)) < 0.5).astype(float)
    holes = X.copy()
    holes[::3, 0] = np.nan
    rbm = BernoulliRBM(3, missing_values="allow", n_iter=5)
    detector = RBMOutlierDetector(rbm, random_state=0).fit(holes)
    assert np.isfinite(detector.decision_function(holes)).all()
    with pytest.raises(ValueError, match="contains NaN"):
        RBMOutlierDetector(BernoulliRBM(3, n_iter=5)).fit(holes)
    for share in (0, 0.6, "auto"):
        with pytest.raises(
            ValueError, match="contamination == .*, must be a finite number > 0 and <= 0"
        ):
            RBMOutlierDetector(contamination=share).fit(X)


def test_data_outside_the_unit_interval_draw_one_warning():
    """Fails if the threshold's look at the data warns again."""
    with pytest.warns(UserWarning, match="X must be in") as caught:
        RBMOutlierDetector(BernoulliRBM(3, n_iter=5)).fit(2 * np.eye(4))
    assert len(caught) == 1
