"""Missing values: refusals, training, scores, imputation, and free values of conditions."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skrbm import BernoulliRBM, GaussianBernoulliRBM, RBMImputer
from skrbm.estimators.common.fitted import fitted_of

from laws import BERNOULLI, all_states, copies, holes_in, quick


@pytest.fixture(scope="module")
def bits():
    return BernoulliRBM(4, missing_values="allow", n_iter=100, random_state=0).fit(copies())


@pytest.fixture(scope="module")
def flowers():
    X = load_iris().data
    return GaussianBernoulliRBM(6, missing_values="allow", n_iter=100, random_state=0).fit(X)


def _log_joint(rbm):
    """All states of binary data, and the logarithms of their probabilities."""
    v, _ = all_states(BERNOULLI, rbm.n_features_in_)
    return v, rbm.score_samples(v)


def test_nan_is_refused_with_a_hint_unless_it_is_allowed():
    """Fails if NaN is accepted without permission, or by a method that cannot use it."""
    X = copies()
    holes = holes_in(X)
    refusing = BernoulliRBM(2, n_iter=1, random_state=0)
    with pytest.raises(ValueError, match="X contains NaN, must not.*missing_values='allow'"):
        refusing.fit(holes)
    assert not hasattr(refusing, "components_")
    refusing.fit(X)
    for method in (refusing.transform, refusing.score_samples, refusing.score):
        with pytest.raises(ValueError, match="X contains NaN, must not"):
            method(holes)
    allowing = BernoulliRBM(2, n_iter=1, missing_values="allow", random_state=0).fit(X)
    for method in (allowing.gibbs, allowing.reconstruct, allowing.free_energy):
        with pytest.raises(ValueError, match="contains NaN, must not"):
            method(holes)
    with pytest.raises(ValueError, match="infinity"):
        allowing.fit(np.where(np.isnan(holes), np.inf, X))
    with pytest.raises(ValueError, match="X has no value in column 2"):
        allowing.fit(np.where(np.arange(4) == 2, np.nan, X))
    with pytest.raises(ValueError, match="missing_values == 'yes', must be one of"):
        BernoulliRBM(missing_values="yes").fit(X)
    with pytest.raises(ValueError, match="X contains NaN, must not: NaN in an array"):
        allowing.fit(sparse.csr_array(np.nan_to_num(holes, nan=np.inf) * np.nan))


def test_allowing_missing_values_does_not_change_complete_rows():
    """Fails if allowing NaN changes models or results without NaN."""
    X = copies()
    fits = [
        BernoulliRBM(3, missing_values=m, n_iter=3, random_state=0).fit(X)
        for m in ("refuse", "allow")
    ]
    for method in ("transform", "score_samples"):
        got = [getattr(fit, method)(X) for fit in fits]
        np.testing.assert_array_equal(*got)


def test_binary_scores_are_sums_over_missing_values(bits):
    """Fails if a missing value counts as zero."""
    v, log_p = _log_joint(bits)
    rows = holes_in(copies(30))
    for row, score in zip(rows, bits.score_samples(rows), strict=True):
        agree = (np.isnan(row) | (v == row)).all(axis=1)
        assert score == pytest.approx(logsumexp(log_p[agree]), abs=1e-4)


def test_densities_are_marginals_of_the_known_columns(flowers):
    """Fails if the scale of a missing column affects the density, or its mean the hidden input.

    The density is a mixture of normal ones over the hidden states, in the units of the data.
    """
    X = load_iris().data[:20]
    rows = holes_in(X, 0.4)
    h, _ = all_states(BERNOULLI, 6)
    b, covariance = flowers.intercept_visible_, flowers.covariance_
    means = b + h @ flowers.components_
    # The weight of a state is the integral of exp(-energy) over the visible units.
    squares = ((means + b) * np.linalg.solve(covariance, (means - b).T).T).sum(axis=1)
    log_weight = h @ flowers.intercept_hidden_ + squares / 2
    log_weight -= logsumexp(log_weight)
    for row, score in zip(rows, flowers.score_samples(rows), strict=True):
        known = ~np.isnan(row)
        log_density = [
            multivariate_normal.logpdf(row[known], mean[known], covariance[known][:, known])
            for mean in means
        ]
        assert score == pytest.approx(logsumexp(log_weight + log_density), abs=1e-4)


def test_features_are_means_given_known_values(bits):
    """Fails if features belong to a row filled with zeros, or change from call to call."""
    v, log_p = _log_joint(bits)
    features = bits.transform(v)
    rows = holes_in(copies(30))
    for row, got in zip(rows, bits.transform(rows), strict=True):
        agree = (np.isnan(row) | (v == row)).all(axis=1)
        share = np.exp(log_p[agree] - logsumexp(log_p[agree]))
        np.testing.assert_allclose(got, share @ features[agree], atol=1e-4)


@pytest.mark.parametrize("method", ["sample", "mean", "mode"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_known_values_are_returned_bit_for_bit(flowers, method, dtype):
    """Fails if known values are converted to the model's coordinates and back."""
    X = (load_iris().data * np.pi).astype(dtype) / 3
    rows = holes_in(X)
    before = rows.copy()
    filled = flowers.impute(rows, method=method, random_state=0)
    np.testing.assert_array_equal(rows, before)
    known = ~np.isnan(rows)
    np.testing.assert_array_equal(filled[known], rows[known])
    assert np.isfinite(filled).all()
    assert filled.dtype == dtype


def test_draws_and_means_follow_the_conditional_distribution(bits):
    """Fails if draws ignore known values, or are all the same. Six standard errors."""
    v, log_p = _log_joint(bits)
    row = np.array([[1.0, np.nan, np.nan, np.nan]])
    agree = v[:, 0] == 1
    share = np.exp(log_p[agree] - logsumexp(log_p[agree]))
    n = 5_000
    draws = bits.impute(row, n_draws=n, random_state=0)
    assert draws.shape == (n, 1, 4)
    code = draws[:, 0, 1:] @ [4, 2, 1]
    expected = share[np.argsort(v[agree][:, 1:] @ [4, 2, 1])]
    frequency = np.bincount(code.astype(int), minlength=8) / n
    assert (np.abs(frequency - expected) <= 6 * np.sqrt(expected / n) + 1e-4).all()
    mean = bits.impute(row, method="mean")
    np.testing.assert_allclose(mean[0], share @ v[agree], atol=1e-4)
    mode = bits.impute(row, method="mode")
    assert share[(v[agree] == mode).all(axis=1)] == pytest.approx(share.max())
    with pytest.raises(ValueError, match="method with n_draws == 'mean', must be"):
        bits.impute(row, method="mean", n_draws=2)


def test_draws_of_equal_rows_are_independent(bits):
    """Fails if rows with equal content get equal draws. Six standard errors.

    Draws without a seed change from call to call.
    """
    n = 4_000
    rows = np.full((n, 4), np.nan)
    for seed in (0, None):
        draws = bits.impute(rows, random_state=seed).astype(float)
        mean, variance = bits.impute(rows[:1], method="mean")[0], draws.var(axis=0)
        assert (np.abs(draws.mean(axis=0) - mean) < 6 * np.sqrt(variance / n) + 1e-4).all()
        both = np.hstack([draws[1:], draws[:-1]])
        correlation = np.corrcoef(both.T)[:4, 4:]
        assert np.abs(correlation).max() < 6 / np.sqrt(n)
    assert (bits.impute(rows) != bits.impute(rows)).any()


@pytest.mark.parametrize("estimator", quick([BernoulliRBM, GaussianBernoulliRBM], BernoulliRBM))
def test_models_are_learned_despite_missing_values(estimator):
    """Fails if missing values are learned as zeros, or as draws that ignore their row.

    The data are three copies of a bit, with a third of the values missing.
    """
    X = copies(1_000)
    holes = holes_in(X)
    rbm = estimator(4, missing_values="allow", n_iter=200, random_state=0).fit(holes)
    row = np.array([[1.0, np.nan, np.nan, np.nan], [0.0, np.nan, np.nan, np.nan]])
    mean = rbm.impute(row, method="mean", random_state=0)
    np.testing.assert_allclose(mean[:, 1:3], [[1, 1], [0, 0]], atol=0.1)
    n_seen = min((holes[~np.isnan(holes[:, 3]), 0] == x).sum() for x in (0, 1))
    np.testing.assert_allclose(mean[:, 3], 0.5, atol=4 * 0.5 / np.sqrt(n_seen))


def test_early_stopping_scores_rows_with_missing_values():
    """Fails if a score is NaN, so that no epoch is the best one."""
    rbm = BernoulliRBM(
        4, missing_values="allow", early_stopping=True, n_iter=20, random_state=0
    ).fit(holes_in(copies()))
    assert np.isfinite(rbm.history_["validation_score"]).all()
    assert np.isfinite(rbm.history_["pseudo_log_likelihood"]).all()


def test_grey_and_missing_values_are_learned_together():
    """Fails if drawing grey values turns a missing one into a zero: the column's mean is known."""
    rng = np.random.default_rng(0)
    X = rng.beta(8, 2, size=(600, 3))
    X[rng.random(X.shape) < 0.5] = np.nan
    X = X[~np.isnan(X).all(axis=1)]
    rbm = BernoulliRBM(2, missing_values="allow", n_iter=50, random_state=0).fit(X)
    mean = rbm.impute(np.full((1, 3), np.nan), method="mean")
    np.testing.assert_allclose(mean[0], np.nanmean(X, axis=0), atol=0.06)


def test_samples_are_drawn_under_a_condition(bits):
    """Fails if given values change, or do not affect the others. Six standard errors."""
    n = 4_000
    v, log_p = _log_joint(bits)
    agree = v[:, 2] == 0
    share = np.exp(log_p[agree] - logsumexp(log_p[agree]))
    for given in ({2: 0}, [np.nan, np.nan, 0, np.nan]):
        rows = bits.sample(n, given=given, random_state=0)
        assert rows.dtype == bool
        assert not rows[:, 2].any()
        assert (np.abs(rows.mean(axis=0) - share @ v[agree]) <= 3 / np.sqrt(n)).all()


def test_conditions_have_the_names_of_the_columns(flowers):
    """Fails if a name selects another column, or a wrong name is accepted."""
    frame = load_iris(as_frame=True).data
    rbm = GaussianBernoulliRBM(4, n_iter=20, random_state=0).fit(frame)
    rows = rbm.sample(5, given={"petal width (cm)": 2.0, 0: 6.5}, random_state=0)
    np.testing.assert_allclose(rows[:, [3, 0]], [[2.0, 6.5]] * 5, rtol=1e-6)
    for given, sentence in (
        ({"petal": 1.0}, "given has the column 'petal', must have"),
        ({4: 1.0}, "given has the column 4, must have indices from 0 to 3"),
        ({0: "long"}, "given.0. == 'long', must be a number"),
        ([1.0, 2.0], r"given is an array of float64 of shape \(2,\), must be"),
    ):
        with pytest.raises(ValueError, match=sentence):
            rbm.sample(1, given=given)


def test_a_condition_of_binary_units_is_a_state(bits):
    """Fails if a grey value is accepted, which no Boolean draw can have."""
    with pytest.raises(ValueError, match="given has the values .*0.5.*, must have states"):
        bits.sample(1, given={0: 0.5})


def test_an_imputer_beats_the_mean_and_fits_into_a_pipeline():
    """Fails if columns of a row do not inform each other, or names and indicators are lost."""
    X, y = load_iris(return_X_y=True, as_frame=True)
    holes = pd.DataFrame(holes_in(X.to_numpy()), columns=X.columns)
    imputer = RBMImputer(GaussianBernoulliRBM(8, n_iter=100), random_state=0)
    errors = [
        np.square(filler.fit_transform(holes) - X.to_numpy()).sum()
        for filler in (imputer, SimpleImputer())
    ]
    assert errors[0] < errors[1] / 2
    imputer.set_params(add_indicator=True)
    filled = imputer.fit_transform(holes)
    np.testing.assert_array_equal(filled[:, 4:], holes.isna())
    names = imputer.get_feature_names_out()
    assert list(names[:4]) == list(X.columns)
    assert len(names) == 8
    np.testing.assert_array_equal(imputer.transform(holes), filled)  # the same in every call
    pipeline = make_pipeline(imputer, LogisticRegression(max_iter=2_000)).fit(holes, y)
    assert pipeline.score(holes, y) > 0.85


def test_binary_scores_of_wide_models_are_sums():
    """Fails if missing values are not enumerated although there are too many hidden units."""
    rbm = BernoulliRBM(20, missing_values="allow", n_iter=20, random_state=0).fit(copies())
    v, log_p = _log_joint(rbm)
    rows = holes_in(copies(30), 0.5)
    scores, means = rbm.score_samples(rows), rbm.impute(rows, method="mean")
    for row, score, mean in zip(rows, scores, means, strict=True):
        agree = (np.isnan(row) | (v == row)).all(axis=1)
        assert score == pytest.approx(logsumexp(log_p[agree]), abs=1e-4)
        share = np.exp(log_p[agree] - logsumexp(log_p[agree]))
        np.testing.assert_allclose(mean, share @ v[agree], atol=1e-4)


def test_columns_start_from_their_known_values():
    """Fails if a missing value counts as zero in the first biases, or in location and scale."""
    rng = np.random.default_rng(0)
    X = rng.normal(50, 2, size=(400, 2))
    X[::2, 0] = np.nan
    rbm = GaussianBernoulliRBM(2, missing_values="allow", n_iter=0).fit(X)
    known = X[1::2, 0]
    np.testing.assert_allclose(rbm.intercept_visible_[0], known.mean(), rtol=1e-2)
    np.testing.assert_allclose(rbm.variance_[0], known.var(), rtol=1e-1)
    bits = (rng.random((400, 1)) < 0.9).astype(float)
    bits[::2] = np.nan
    start = BernoulliRBM(2, missing_values="allow", n_iter=0, random_state=0).fit(bits)
    mean = fitted_of(start).first.base.mean(0.0)
    assert mean[0] == pytest.approx((bits[1::2].sum() + 1) / 202)


def test_draws_of_an_imputer_are_the_same_in_every_call():
    """Fails if transform depends on earlier calls."""
    holes = holes_in(load_iris().data)
    imputer = RBMImputer(GaussianBernoulliRBM(4, n_iter=5), method="sample", random_state=0)
    first = imputer.fit_transform(holes)
    np.testing.assert_array_equal(imputer.transform(holes), first)


@pytest.mark.parametrize("container", [sparse.csr_array, np.asarray])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
def test_indicators_of_rows_of_every_kind(container, dtype):
    """Fails if the indicator gets rows that the model accepts but a MissingIndicator refuses."""
    X = container(copies(20).astype(dtype))
    imputer = RBMImputer(BernoulliRBM(2, n_iter=1), add_indicator=True, random_state=0)
    filled = imputer.fit(X).transform(X)
    np.testing.assert_array_equal(filled, X.toarray() if sparse.issparse(X) else X)


def test_an_imputer_warns_once_and_checks_parameters_set_after_fit():
    """Fails if data are checked twice, or a wrong method is a KeyError."""
    imputer = RBMImputer(BernoulliRBM(2, n_iter=1), random_state=0)
    with pytest.warns(UserWarning, match="X must be in") as caught:
        imputer.fit(3 * copies(20))
    assert len(caught) == 1
    with pytest.raises(ValueError, match="method == 'median', must be one of"):
        imputer.set_params(method="median").transform(copies(20))
