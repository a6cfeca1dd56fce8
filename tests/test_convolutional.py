"""Estimators with shared filters: convolutional RBMs."""

import pickle

import numpy as np
import pytest
from scipy.special import expit, logsumexp
from sklearn.datasets import load_digits

from skrbm import (
    BernoulliRBM,
    DeepBeliefNetwork,
    GaussianBernoulliRBM,
    RBMOutlierDetector,
    TabularRBM,
)
from skrbm.estimators.common.fitted import fitted_of
from skrbm.explain import describe
from skrbm.plotting import FiltersDisplay

X = (load_digits().data[:300] / 16).astype(np.float32)
N_PLACES, N_FILTERS = 36, 3
FIELD = {"receptive_field": (3, 3), "image_shape": (8, 8), "shared": True, "pooling": 2}
KINDS = [BernoulliRBM, GaussianBernoulliRBM, TabularRBM]


def _rbm(kind=BernoulliRBM, **parameters):
    return kind(N_PLACES * N_FILTERS, **FIELD | {"n_iter": 3, "random_state": 0} | parameters)


@pytest.mark.parametrize("kind", KINDS[:2])
def test_features_are_probabilities_of_blocks(kind):
    """Fails if a block is the mean of its detectors, or its places are not next to each other.

    With the input x of four detectors of one filter, a block is on with the probability
    `sum exp(x) / (1 + sum exp(x))`.
    """
    rbm = _rbm(kind).fit(X)
    filters = rbm.filters_[..., 0]
    scale = rbm.variance_[0] if kind is GaussianBernoulliRBM else 1.0
    assert filters.shape == (N_FILTERS, 3, 3)
    pictures, bias = X.reshape(-1, 8, 8), rbm.intercept_hidden_.reshape(9, N_FILTERS, 4)[0, :, 0]
    features = rbm.transform(X).reshape(-1, 3, 3, N_FILTERS)
    for i, j, k in np.ndindex(3, 3, N_FILTERS):
        total = 0.0
        for row, column in np.ndindex(2, 2):
            a, b = 2 * i + row, 2 * j + column
            window = pictures[:, a : a + 3, b : b + 3]
            total += np.exp(bias[k] + (window * filters[k]).sum(axis=(1, 2)) / scale)
        np.testing.assert_allclose(features[:, i, j, k], total / (1 + total), rtol=2e-3)


def test_results_have_the_columns_of_blocks_and_of_detectors():
    """Fails if chains have pooled states, or features are detectors."""
    rbm = _rbm().fit(X)
    assert rbm.components_.shape == (N_PLACES * N_FILTERS, 64)
    assert rbm.transform(X).shape == (300, N_PLACES * N_FILTERS // 4)
    assert len(rbm.get_feature_names_out()) == N_PLACES * N_FILTERS // 4
    blocks = rbm.h_samples_.reshape(-1, N_PLACES * N_FILTERS // 4, 4)
    assert blocks.sum(axis=2).max() == 1
    np.testing.assert_allclose(rbm.inverse_transform(rbm.transform(X)).shape, X.shape)
    assert np.isfinite(rbm.score(X))
    v, h = rbm.chains_, rbm.h_samples_
    expected = -v @ rbm.intercept_visible_ - h @ rbm.intercept_hidden_
    expected -= ((v @ rbm.components_.T) * h).sum(axis=1)
    np.testing.assert_allclose(rbm.energy(v, h), expected, rtol=1e-4, atol=1e-4)
    again = pickle.loads(pickle.dumps(rbm)).partial_fit(X)
    assert again.filters_.shape == (N_FILTERS, 3, 3, 1)


def test_a_moved_picture_has_moved_features():
    """Fails if a place has its own filters or biases. Two pixels are one block."""
    rbm = _rbm().fit(X)
    pictures = np.zeros((5, 8, 8), np.float32)
    pictures[:, 1:6, 1:6] = X[:5].reshape(-1, 8, 8)[:, 2:7, 2:7]
    features = rbm.transform(pictures.reshape(5, 64)).reshape(5, 3, 3, N_FILTERS)
    moved = rbm.transform(np.roll(pictures, 2, axis=1).reshape(5, 64)).reshape(features.shape)
    np.testing.assert_allclose(moved[:, 1:], features[:, :2], rtol=1e-4)


@pytest.mark.parametrize(
    ("side", "n_filters", "pooling", "lowest"), [(4, 4, 1, -6), (5, 2, 2, -14.5)]
)
def test_training_approaches_the_distribution_of_stripes(side, n_filters, pooling, lowest):
    """Fails if steps of the filters go in a wrong direction.

    Independent pixels have -11 and -17 nats; the entropy is 3 nats.
    """
    train = np.random.default_rng(0).integers(2, size=(1000, side)).repeat(side, axis=1)
    field = FIELD | {"receptive_field": (2, 2), "image_shape": (side, side), "pooling": pooling}
    n_components = (side - 1) ** 2 * n_filters
    rbm = BernoulliRBM(n_components, **field, n_iter=50, random_state=0).fit(train)
    assert rbm.score(train) > lowest


def test_units_of_the_data_do_not_matter():
    """Fails if columns have scales of their own."""
    rbm, other = _rbm(GaussianBernoulliRBM).fit(X), _rbm(GaussianBernoulliRBM).fit(7 * X - 3)
    np.testing.assert_allclose(other.transform(7 * X - 3), rbm.transform(X), atol=1e-2)
    assert np.ptp(rbm.variance_) < 1e-6 * rbm.variance_[0]
    np.testing.assert_allclose(other.filters_, 7 * rbm.filters_, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize(
    ("kind", "changed", "message"),
    [
        (BernoulliRBM, {"receptive_field": None, "pooling": 1}, "shared == True, must be False"),
        (BernoulliRBM, {"shared": False}, "pooling == 2, must be 1"),
        (BernoulliRBM, {"pooling": 4}, "pooling == 4, must be a divisor of .* 6 x 6"),
        (BernoulliRBM, {"shared": "yes"}, "shared == 'yes'"),
        (BernoulliRBM, {"hidden": "gaussian"}, "hidden == 'gaussian', must be 'bernoulli'"),
        (GaussianBernoulliRBM, {"variance": np.ones(64)}, "must be one for all columns"),
    ],
)
def test_mistakes_are_refused(kind, changed, message):
    """Fails if training starts."""
    with pytest.raises(ValueError, match=message):
        _rbm(kind, **changed).fit(X)


def test_a_belief_net_has_no_shared_filters():
    """Fails if detectors are stacked as independent binary units."""
    size = N_PLACES * N_FILTERS
    stack = DeepBeliefNetwork((size, size), visible_rbm=BernoulliRBM(**FIELD))
    with pytest.raises(ValueError, match="independent binary hidden units.*shared=True"):
        stack.fit(X)


def test_tables_with_unequal_columns_have_no_shared_filters():
    """Fails if the filter of one pixel is applied to the codes of another."""
    rows = np.round(4 * X)
    rows[:, 0] = 0
    with pytest.raises(ValueError, match="columns of different types"):
        _rbm(TabularRBM).fit(rows)


def test_filters_of_a_table_have_all_codes_of_their_pixels():
    """Fails if codes of different pixels are mixed."""
    rows = np.random.default_rng(0).choice(["dark", "grey", "light"], size=(200, 16))
    field = FIELD | {"receptive_field": (2, 2), "image_shape": (4, 4), "pooling": 3}
    rbm = TabularRBM(9 * N_FILTERS, **field, n_iter=2, random_state=0).fit(rows)
    assert rbm.filters_.shape == (N_FILTERS, 2, 2, 3)
    first = rbm.components_[::9].reshape(N_FILTERS, 4, 4, 3)[:, :2, :2]
    np.testing.assert_allclose(rbm.filters_, first)


def test_the_importance_of_a_block_is_the_loss_without_it():
    """Fails if a detector is removed instead of its block. By enumeration of all hidden states."""
    rows = np.random.default_rng(0).integers(2, size=(50, 16)).astype(float)
    field = FIELD | {"receptive_field": (2, 2), "image_shape": (4, 4), "pooling": 3}
    rbm = BernoulliRBM(9 * 3, **field, hidden_bias=0.0, n_iter=20, random_state=0).fit(rows)
    report = describe(rbm, rows, n_rows=2)
    v, h = rows, fitted_of(rbm).rbm.hidden.states()
    b, c, weights = rbm.intercept_visible_, rbm.intercept_hidden_, rbm.components_

    def score(h):
        log_z = logsumexp(h @ c + np.logaddexp(0, b + h @ weights).sum(axis=1))
        return (v @ b + logsumexp(h @ c + v @ weights.T @ h.T, axis=1)).mean() - log_z

    for j, importance in enumerate(report.importance):
        without = h[h[:, 9 * j : 9 * j + 9].sum(axis=1) == 0]
        assert importance == pytest.approx(score(h) - score(without), abs=1e-6)
    first = np.argsort(-rbm.transform(rows), axis=0)[0]
    np.testing.assert_array_equal(report.most_activating[:, 0], first)


@pytest.mark.parametrize("kind", KINDS[:2])
def test_outliers_of_pictures_have_rare_parts(kind):
    """Fails if the model of independent columns, which trims the rows, must have windows too."""
    rows = np.vstack([X, 1 - X[:3]])
    detector = RBMOutlierDetector(_rbm(kind), contamination=0.01, random_state=0).fit(rows)
    assert (detector.predict(rows[-3:]) == -1).all()


def test_rows_are_reconstructed_from_blocks():
    """Fails if each detector of a block is as probable as the block."""
    rbm = _rbm().fit(X)
    H = rbm.transform(X)
    h = np.repeat(H / 4, 4, axis=1)
    expected = expit(rbm.intercept_visible_ + h @ rbm.components_)
    np.testing.assert_allclose(rbm.inverse_transform(H), expected, rtol=1e-4, atol=1e-6)


def test_assigned_parameters_are_the_same_at_all_places():
    """Fails if training continues with filters that are not shared."""
    rbm = _rbm().fit(X)
    before = rbm.filters_.copy()
    rbm.components_ = 2 * rbm.components_
    np.testing.assert_allclose(rbm.filters_, 2 * before, rtol=1e-5)
    rbm.intercept_hidden_ = rbm.intercept_hidden_ + 1
    with pytest.raises(ValueError, match="intercept_hidden_ must be the same"):
        rbm.intercept_hidden_ = rbm.intercept_hidden_ + np.arange(N_PLACES * N_FILTERS)
    with pytest.raises(ValueError, match="components_ must be 0 outside"):
        rbm.components_ = rbm.components_ * np.arange(N_PLACES * N_FILTERS)[:, None]


def test_every_filter_is_shown_once():
    """Fails if the same filter is drawn at all places."""
    rbm = _rbm().fit(X)
    display = FiltersDisplay.from_estimator(rbm, order="index")
    np.testing.assert_allclose(display.filters, rbm.filters_.reshape(N_FILTERS, 9))
    strongest = FiltersDisplay.from_estimator(rbm).filters
    assert (np.diff((strongest**2).sum(axis=1)) <= 0).all()
