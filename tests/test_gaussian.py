"""`GaussianBernoulliRBM` from the user's side: densities in the units of the data."""

import math
import pickle

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skrbm import GaussianBernoulliRBM
from skrbm._kernels import arrays

PARAMETERS = ("components_", "intercept_hidden_", "intercept_visible_", "variance_")
UNITS = np.array([1e-3, -50.0]), np.array([7.0, -1e4])  # scale and shift of each column


def _clusters(n=1000, seed=0):
    """Two columns in the units above: three clusters, unequal in size."""
    rng = np.random.default_rng(seed)
    means = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 9.0]])
    X = means[rng.choice(3, size=n, p=[0.5, 0.3, 0.2])] + rng.normal(size=(n, 2))
    return X * UNITS[0] + UNITS[1]


@pytest.fixture(scope="module")
def clusters():
    return _clusters()


@pytest.fixture(scope="module", params=["full", "diag"])
def fitted(clusters, request):
    made = {"n_iter": 50, "covariance_type": request.param, "random_state": 0}
    return GaussianBernoulliRBM(4, **made).fit(clusters)


def _density(rbm):
    """Joint states h, and weights and means of the normal densities in the mixture p(v).

    From the public parameters alone: with the covariance S, p(h) is proportional to
    exp(c h + ((b + W h) S^-1 (b + W h) - b S^-1 b) / 2).
    """
    h = arrays.binary_digits(np.arange(2 ** len(rbm.components_)), len(rbm.components_))
    mean = rbm.intercept_visible_ + h @ rbm.components_
    log_weight = h @ rbm.intercept_hidden_
    shift = h @ rbm.components_
    scaled = np.linalg.solve(rbm.covariance_, shift.T).T
    log_weight += ((2 * rbm.intercept_visible_ + shift) * scaled).sum(axis=1) / 2
    weight = np.exp(log_weight - log_weight.max())
    return h, weight / weight.sum(), mean


def _log_densities(rbm, X):
    """`log p(v, h)` of rows and of the joint states."""
    h, weight, mean = _density(rbm)
    distance = X[:, None] - mean
    squares = (distance @ np.linalg.inv(rbm.covariance_) * distance).sum(axis=2)
    return np.log(weight) - (squares + np.linalg.slogdet(2 * np.pi * rbm.covariance_)[1]) / 2


def test_scores_are_the_log_density_of_a_mixture(fitted, clusters):
    """Fails if a parameter is not in the units of the data, or log Z omits their volume."""
    joint = _log_densities(fitted, clusters)
    expected = np.logaddexp.reduce(joint, axis=1)
    np.testing.assert_allclose(fitted.score_samples(clusters), expected, rtol=1e-6)
    p = np.exp(joint - expected[:, None])
    h, weight, mean = _density(fitted)
    np.testing.assert_allclose(fitted.transform(clusters), p @ h, atol=1e-6)
    np.testing.assert_allclose(fitted.inverse_transform(h), mean, rtol=1e-9)
    np.testing.assert_allclose(
        fitted.reconstruct(clusters),
        fitted.intercept_visible_ + (p @ h) @ fitted.components_,
        rtol=1e-9,
    )
    log_z = fitted.log_partition_.value
    np.testing.assert_allclose(
        fitted.energy(clusters, np.tile(h[5], (len(clusters), 1))),
        -(joint[:, 5] + log_z),
        rtol=1e-5,
    )
    np.testing.assert_allclose(fitted.free_energy(clusters), -(expected + log_z), rtol=1e-5)
    assert fitted.score(clusters) == pytest.approx(expected.mean())


def test_densities_integrate_to_one(fitted):
    """Fails if score_samples is no density in the units of the data. To 1e-5, by quadrature."""
    _, _, mean = _density(fitted)
    margin = 10 * np.sqrt(fitted.variance_)
    low, high = mean.min(axis=0) - margin, mean.max(axis=0) + margin
    sides = [np.linspace(a, b, 600) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
    cell = math.prod(side[1] - side[0] for side in sides)
    assert np.exp(fitted.score_samples(grid)).sum() * cell == pytest.approx(1, abs=1e-5)


def test_pseudo_log_likelihood_is_in_the_units_of_the_data(fitted, clusters):
    """Fails if it belongs to standardized columns. From the mixture's conditionals."""
    _, weight, mean = _density(fitted)
    squares = (clusters[:, None] - mean) ** 2 / fitted.variance_
    log_terms = -(squares + np.log(2 * np.pi * fitted.variance_)) / 2  # of single columns
    joint = np.logaddexp.reduce(_log_densities(fitted, clusters), axis=1)
    other = np.logaddexp.reduce(np.log(weight)[:, None] + log_terms, axis=1)
    expected = 2 * joint - other.sum(axis=1)
    np.testing.assert_allclose(fitted.pseudo_log_likelihood(clusters), expected, atol=1e-6)
    draws = fitted.pseudo_log_likelihood(np.tile(clusters[:1], (4000, 1)), 1, random_state=0)
    assert abs(draws.mean() - expected[0]) < 6 * draws.std() / math.sqrt(4000)


def test_samples_have_the_model_s_moments(clusters):
    """Fails if samples have no noise, or noise in other units. Six standard errors.

    For a model that was hardly trained, so that modes do not separate the chains.
    """
    n = 5_000
    fitted = GaussianBernoulliRBM(4, n_iter=10, learning_rate=0.3, random_state=0).fit(clusters)
    _, weight, mean = _density(fitted)
    deviation = mean - weight @ mean
    variance = weight @ deviation**2 + fitted.variance_
    for v in (fitted.sample(n, n_steps=200, random_state=0), fitted.gibbs(fitted.sample(n), 5)):
        assert (np.abs(v.mean(axis=0) - weight @ mean) < 6 * np.sqrt(variance / n)).all()
        assert (np.abs(v.var(axis=0) / variance - 1) < 6 * np.sqrt(2 / n)).all()


@pytest.mark.parametrize("scale", [3.0, -1e-6, 1e6])
def test_units_of_the_data_do_not_matter(clusters, scale):
    """Fails if anything except the results' own units depends on the units or signs of columns.

    Rounding of the units grows with the fit, which starts alike and is short.
    """
    made = {"n_components": 5, "n_iter": 5, "random_state": 0}
    plain = GaussianBernoulliRBM(**made).fit(clusters)
    other = clusters * scale + 3 * scale
    changed = GaussianBernoulliRBM(**made).fit(other)
    np.testing.assert_allclose(plain.transform(clusters), changed.transform(other), atol=1e-6)
    np.testing.assert_allclose(
        plain.score_samples(clusters) - 2 * math.log(abs(scale)),
        changed.score_samples(other),
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        plain.sample(9) * scale + 3 * scale, changed.sample(9), rtol=1e-6, atol=1e-9 * abs(scale)
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_columns_of_all_scales(dtype):
    """Columns 1e-6 and 1e6 wide, a constant one and integers give the results of ordinary ones.

    Fails in float32 if the hidden input is computed in the units of the data. Rounding of the data
    there is 1e-6 of a column's width, which a hundred updates and weights of size ten multiply.
    """
    rng = np.random.default_rng(0)
    Z = np.hstack([(_clusters(600) - UNITS[1]) / UNITS[0], rng.integers(5, size=(600, 1))])
    Z = np.hstack([Z, np.full((600, 1), 3.0)])
    scale, shift = np.array([1e-6, 1e6, 1, 1]), np.array([1e-5, -1e7, 0, 0])
    X = (Z * scale + shift).astype(dtype)
    near, far = (
        GaussianBernoulliRBM(4, n_iter=17, random_state=0).fit(rows)
        for rows in (Z.astype(dtype), X)
    )
    assert {getattr(far, name).dtype for name in PARAMETERS} == {np.dtype(dtype)}
    assert (near.components_ != 0).any(axis=0).all()
    np.testing.assert_allclose(near.transform(Z), far.transform(X), atol=1e-3)
    np.testing.assert_allclose(
        near.score_samples(Z) - np.log(scale).sum(), far.score_samples(X), atol=1e-2
    )
    np.testing.assert_allclose(near.variance_ * scale**2, far.variance_, rtol=1e-3)


def test_precision_follows_the_data(clusters):
    """Fails if float32 is computed in float64; integers of 8 bits are float32."""
    digits = load_digits().data[:200]
    for X, dtype in (
        (clusters.astype(np.float32), np.float32),
        (clusters, np.float64),
        (digits.astype(np.uint8), np.float32),
        (digits.astype(np.int64), np.float64),
    ):
        rbm = GaussianBernoulliRBM(3, n_iter=1, random_state=0).fit(X)
        values = [getattr(rbm, name) for name in PARAMETERS]
        values += [rbm.chains_, rbm.transform(X), rbm.reconstruct(X), rbm.sample(2), rbm.gibbs(X)]
        assert {array.dtype for array in values} == {np.dtype(dtype)}
        assert rbm.score_samples(X).dtype == np.float64


# Learning


def test_the_density_approaches_the_true_density():
    """Law 8. Fails if a step goes the wrong way. Of three clusters, on fresh rows.

    The true density's mean has a standard error of 0.02; maximum likelihood loses 0.01.
    """
    X, fresh = _clusters(2000), _clusters(2000, seed=1)
    means = np.array([[0, 0], [6, 0], [0, 9]]) * UNITS[0] + UNITS[1]
    truth = GaussianMixture(3, means_init=means, reg_covar=0, random_state=0).fit(fresh)
    scores = [
        GaussianBernoulliRBM(8, n_iter=n, random_state=0).fit(X).score(fresh) for n in (0, 3, 100)
    ]
    assert scores[0] < scores[1] < scores[2]
    assert scores[2] > truth.score(fresh) - 0.1


@pytest.mark.parametrize("rate", [0.03, 0.3, 3.0, 30.0])
@pytest.mark.parametrize("data", [load_wine, load_breast_cancer, load_digits, "outliers"])
def test_no_rate_and_no_outlier_makes_it_worse_than_a_normal_density(data, rate):
    """On held-out rows, against independent normal columns. Fails if steps are not limited."""
    if data == "outliers":
        rng = np.random.default_rng(0)
        X = rng.normal(size=(600, 6)) @ rng.normal(size=(6, 6))
        X[::100] += 100 * X.std(axis=0)
    else:
        X = data().data
        X = X[:, X.std(axis=0) > 0]  # others have no density
    rows = np.random.default_rng(1).permutation(len(X))
    train, held_out = X[rows[: len(X) // 2]], X[rows[len(X) // 2 :]]
    rbm = GaussianBernoulliRBM(8, learning_rate=rate, n_iter=50, random_state=0).fit(train)
    for name in PARAMETERS:
        assert np.isfinite(getattr(rbm, name)).all()
    columns = train.std(axis=0) > 0
    scale = np.where(columns, train.std(axis=0), 1)
    assert (rbm.variance_ >= 0.999e-4 * np.where(columns, scale**2, 1)).all()
    variance = np.where(columns, scale**2, rbm.variance_)
    squares = (held_out - train.mean(axis=0)) ** 2 / variance + np.log(2 * np.pi * variance)
    assert rbm.score(held_out) > -squares.sum(axis=1).mean() / 2 - 0.1


@pytest.mark.parametrize("gradient", ["jump", "pcd", "pt", "exact"])
def test_every_gradient_learns(clusters, gradient):
    """Fails if a gradient has no variance of its model's rows. All beat a normal density.

    Except "cd", whose chains never move from one cluster to another.
    """
    rbm = GaussianBernoulliRBM(4, gradient=gradient, learning_rate=0.5, n_iter=100, random_state=0)
    rbm.fit(clusters)
    normal = GaussianMixture(1).fit(clusters).score(clusters)
    assert rbm.score(clusters) > normal + 0.1


def test_the_choice_of_variance_is_respected(clusters):
    """Fails if a choice of the variance is ignored."""
    made = {"n_components": 3, "n_iter": 20, "random_state": 0}
    columns = clusters.var(axis=0)
    given = np.array([2e-6, 3e3])
    for variance, expected in (("data", columns), (given, given), (2.0, [2.0, 2.0])):
        rbm = GaussianBernoulliRBM(variance=variance, **made).fit(clusters)
        np.testing.assert_allclose(rbm.variance_, expected, rtol=1e-6)
    rbm = GaussianBernoulliRBM(variance="shared", **made).fit(clusters / UNITS[0])
    np.testing.assert_allclose(rbm.variance_[0], rbm.variance_[1], rtol=1e-6)
    learnt = GaussianBernoulliRBM(**made).fit(clusters).variance_
    assert (learnt < columns).all()
    assert learnt[0] / columns[0] != pytest.approx(learnt[1] / columns[1], rel=1e-3)


def test_weight_two_is_the_row_given_twice(clusters):
    """Fails if location and scale ignore the weights. One mini-batch, no draws."""
    weights = np.random.default_rng(0).integers(0, 4, size=40)
    made = {"gradient": "exact", "batch_size": 1000, "n_iter": 50, "random_state": 0}
    weighted = GaussianBernoulliRBM(3, **made).fit(clusters[:40], sample_weight=weights)
    repeated = GaussianBernoulliRBM(3, **made).fit(np.repeat(clusters[:40], weights, axis=0))
    for name in PARAMETERS:
        np.testing.assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=1e-8)


def test_first_call_of_partial_fit_fixes_the_units(clusters):
    """Fails if later calls change location and scale, so that the parameters jump."""
    rbm = GaussianBernoulliRBM(3, random_state=0).partial_fit(clusters)
    stream = pickle.loads(pickle.dumps(rbm))
    rbm.set_params(learning_rate=1e-12).partial_fit(2 * clusters - clusters.mean(axis=0))
    for name in PARAMETERS:
        np.testing.assert_allclose(getattr(rbm, name), getattr(stream, name), rtol=1e-6)


def test_early_stopping_scores_in_the_units_of_the_data(clusters):
    """Fails if the score belongs to standardized columns."""
    made = {"early_stopping": True, "n_iter": 5, "random_state": 0}
    rbm = GaussianBernoulliRBM(3, **made).fit(clusters)
    scores = rbm.history_["validation_score"], rbm.history_["pseudo_log_likelihood"]
    volume = np.log(clusters.std(axis=0)).sum()
    other = GaussianBernoulliRBM(3, **made).fit(clusters / clusters.std(axis=0))
    expected = (other.history_["validation_score"], other.history_["pseudo_log_likelihood"])
    np.testing.assert_allclose(scores, np.array(expected) - volume, rtol=1e-3)
    assert rbm.best_validation_score_ == scores[0].max()


# Surroundings


@pytest.mark.parametrize("copy", ["pickle", "joblib, mapped"])
def test_a_copy_continues_bit_for_bit(clusters, tmp_path, copy):
    """Fails if a copy loses its units, chains or a generator, or cannot be written to."""
    rbm = GaussianBernoulliRBM(4, n_iter=3, random_state=0).partial_fit(clusters)
    other = pickle.loads(pickle.dumps(rbm))
    if copy != "pickle":
        joblib.dump(rbm, tmp_path / "rbm")
        other = joblib.load(tmp_path / "rbm", mmap_mode="r")
    rbm.partial_fit(clusters)
    other.partial_fit(clusters)
    for name in PARAMETERS:
        np.testing.assert_array_equal(getattr(rbm, name), getattr(other, name))
    np.testing.assert_array_equal(rbm.gibbs(clusters[:5]), other.gibbs(clusters[:5]))
    assert rbm.score(clusters) == other.score(clusters)
    assert clone(rbm).fit(clusters).n_iter_ > 1


def test_feature_names_and_pipeline():
    """Fails if set_output is not wired, or features are worth less than chance."""
    X, y = load_wine(return_X_y=True, as_frame=True)
    rbm = GaussianBernoulliRBM(16, n_iter=50, random_state=0).set_output(transform="pandas")
    assert list(rbm.fit_transform(X).columns) == [f"gaussianbernoullirbm{i}" for i in range(16)]
    assert list(rbm.feature_names_in_) == list(X.columns)
    pipeline = make_pipeline(clone(rbm), StandardScaler(), LinearSVC(random_state=0))
    assert pipeline.fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variance": "known"}, "variance == 'known', must be one of 'learned', 'shared', 'data'"),
        ({"variance": 0.0}, "variance == 0.0, must be one of"),
        (
            {"variance": [1.0, 2.0, 3.0]},
            r"or one finite number > 0 for all columns or for each of 2",
        ),
        ({"variance": np.array([1.0, np.nan])}, "must be one of"),
        ({"gradient": "exact", "n_components": 17}, "which has 17 units; at most 16"),
    ],
)
def test_wrong_parameters_are_refused(clusters, change, message):
    """Fails if work begins before a parameter is checked."""
    estimator = GaussianBernoulliRBM(n_components=2).set_params(**change)
    with pytest.raises(ValueError, match=message):
        estimator.fit(clusters)
    assert not hasattr(estimator, "components_")


def test_refuses_sparse_data_and_warns_of_huge_data(clusters):
    """Fails if a sparse matrix is silently densified, or squares overflow."""
    with pytest.raises(TypeError, match="Sparse data was passed for X, but dense data is required"):
        GaussianBernoulliRBM(2).fit(sparse.csr_array(clusters))
    huge = clusters.copy()
    huge[0, 0] = 1e300
    with pytest.warns(UserWarning, match=r"X must be in \[-1e\+38, 1e\+38\] for Gaussian"):
        rbm = GaussianBernoulliRBM(2, n_iter=1, random_state=0).fit(huge)
    assert np.isfinite(rbm.score(clusters))
    with pytest.raises(ValueError, match="contains NaN"):
        GaussianBernoulliRBM(2).fit(np.array([[np.nan, 1.0]]))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_rows_far_away_and_tiny_columns_stay_finite(dtype):
    """Fails if a distance overflows in products, or a bound or a moment in another precision."""
    near = GaussianBernoulliRBM(2, n_iter=1, random_state=0).fit(1e-3 * np.eye(3, dtype=np.float32))
    largest = 6e4 if dtype == np.float16 else 1e38
    far = np.array([[largest, -largest, largest], [-largest, 0, largest]], dtype)
    for method in (near.transform, near.free_energy, near.score_samples, near.reconstruct):
        assert np.isfinite(method(far)).all()
    for smallest in (5e-324, 1.4e-45):
        tiny = (smallest * np.array([[0, 1, 0]] * 3 + [[0, 1, 1]])).astype(dtype)
        assert np.isfinite(GaussianBernoulliRBM(2, n_iter=1).fit(tiny).score(tiny))


def test_variances_of_huge_float32_columns_are_finite():
    """Fails if their squares are taken in float32."""
    X = np.array([[1e30, 0], [0, 1], [1e30, 2]], np.float32)
    rbm = GaussianBernoulliRBM(2, n_iter=1, random_state=0).fit(X)
    assert (rbm.variance_ > [1e38, 1e-9]).all()
    assert np.isfinite(rbm.variance_).all()


@pytest.mark.parametrize("variance", [1e300, 1e-300, [1e-300, 1e300]])
def test_variances_far_from_the_variances_of_the_data_stay_finite(variance):
    """Fails if given variances overflow in units of the data, or in float32."""
    X = np.array([[1e30, 0], [0, 1], [1e30, 2]], np.float32)
    rbm = GaussianBernoulliRBM(2, variance=variance, n_iter=2, batch_size=1, random_state=0).fit(X)
    for result in (rbm.transform(X), rbm.score_samples(X), rbm.gibbs(X), rbm.variance_):
        assert np.isfinite(result).all()


@pytest.mark.parametrize(
    ("correlation", "n_columns", "clusters", "is_full"),
    [(0.75, 10, False, True), (0.75, 40, False, False), (0.3, 10, False, False)]
    + [(0.9, 40, False, True), (0.75, 10, True, False)],
)
def test_auto_is_full_for_correlated_columns_without_clusters(
    correlation, n_columns, clusters, is_full
):
    """For gains of 0.41, 0.05 and 0.83 nats per value. Fails without any of the conditions."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, n_columns))
    for j in range(1, n_columns):
        X[:, j] = correlation * X[:, j - 1] + np.sqrt(1 - correlation**2) * X[:, j]
    if clusters:
        X += 4 * rng.choice([-1, 1], size=(500, 1))
    covariance = GaussianBernoulliRBM(2, n_iter=0).fit(X).covariance_
    assert bool((covariance - np.diag(np.diag(covariance))).any()) == is_full
