"""Missing values in stacks: training, scores, and imputation."""

from copy import deepcopy

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skrbm import BernoulliRBM, DBNClassifier, DBNRegressor, DeepBeliefNetwork, GaussianBernoulliRBM
from skrbm.estimators.common.fitted import fitted_of

from laws import BERNOULLI, all_states, copies, draw_with, holes_in

LAYER = BernoulliRBM(n_iter=80, missing_values="allow")


@pytest.fixture(scope="module")
def holes():
    return holes_in(copies(1_000))


@pytest.fixture(scope="module", params=[0, 20], ids=["tied", "wake-sleep"])
def stack(request, holes):
    stack = DeepBeliefNetwork((4, 3), rbm=LAYER, fine_tune_iter=request.param, random_state=0)
    return stack.fit(holes)


@pytest.fixture(scope="module")
def exact(stack):
    """All states of the data, and the logarithms of their probabilities."""
    v, h = all_states(BERNOULLI, 4)[0], all_states(BERNOULLI, 4)[0]
    of_top = stack.rbms_[1].score_samples(h)
    below = [stack.generation_[0].log_probability(np.tile(row, (16, 1)), h) for row in v]
    return v, logsumexp(np.array(below) + of_top, axis=1)


def test_nan_is_refused_unless_the_lowest_layer_allows_it(holes):
    """Fails if NaN is accepted without permission, or by a method that cannot use it."""
    X = copies()
    refusing = DeepBeliefNetwork(
        (4, 3), visible_rbm=BernoulliRBM(n_iter=1), rbm=LAYER, random_state=0
    )
    with pytest.raises(ValueError, match="NaN"):
        refusing.fit(holes)
    assert not hasattr(refusing, "rbms_")
    refusing.fit(X)
    for method in (
        refusing.transform,
        refusing.score_samples,
        refusing.score,
        refusing.lower_bound,
    ):
        with pytest.raises(ValueError, match="NaN"):
            method(holes)
    allowing = clone(refusing).set_params(visible_rbm=LAYER).fit(X)
    for method in (allowing.gibbs, allowing.reconstruct):
        with pytest.raises(ValueError, match="NaN"):
            method(holes)
    with pytest.raises(ValueError, match="X has no value in column 2"):
        allowing.fit(np.where(np.arange(4) == 2, np.nan, X))
    assert [rbm.missing_values for rbm in allowing.rbms_] == ["allow", "refuse"]


def test_allowing_missing_values_does_not_change_complete_rows():
    """Fails if allowing NaN changes models or results without NaN."""
    X = copies()
    fits = [
        DeepBeliefNetwork((3, 2), rbm=clone(LAYER).set_params(n_iter=3, missing_values=m))
        .set_params(random_state=0)
        .fit(X)
        for m in ("refuse", "allow")
    ]
    for method in ("transform", "score_samples"):
        np.testing.assert_array_equal(*(getattr(fit, method)(X) for fit in fits))
    some = X.copy()
    some[0, 0] = np.nan
    for method in ("transform", "score_samples"):
        got, expected = getattr(fits[1], method)(some), getattr(fits[1], method)(X)
        np.testing.assert_allclose(got[1:], expected[1:], atol=1e-5)
        assert not np.isclose(got[0], expected[0], atol=1e-5).all()


def test_all_layers_are_learned_despite_missing_values(stack):
    """Fails if layers above learn from values filled with zeros, or from chains that do not move.

    The data are three copies of a bit, with a third of the values missing; so are the samples.
    """
    v = stack.sample(2_000, n_steps=100, random_state=0)
    np.testing.assert_allclose(v.mean(axis=0), 0.5, atol=0.08)
    assert (v[:, :3] == v[:, :1]).all(axis=1).mean() > 0.85
    assert abs(np.corrcoef(v[:, 0], v[:, 3])[0, 1]) < 0.2  # 0.07 is the error in rows with both


def test_the_layer_above_learns_from_inferred_states(holes):
    """Fails if it learns from values filled with zeros, or from first draws that never move.

    The means of its visible units equal the features', up to the noise of persistent chains.
    """
    stack = DeepBeliefNetwork((4, 3), rbm=LAYER, random_state=0).fit(holes)
    h = all_states(BERNOULLI, 4)[0]
    learnt = np.exp(stack.rbms_[1].score_samples(h)) @ h
    inferred = stack.rbms_[0].transform(holes).mean(axis=0)
    np.testing.assert_allclose(learnt, inferred, atol=0.05)


def test_scores_are_bounds_on_the_likelihood_of_known_values(stack, exact):
    """Fails if a completed row is scored. Four standard errors of the draws."""
    v, log_p = exact
    rows = np.unique(holes_in(copies(60)), axis=0)
    bound = stack.lower_bound(rows, n_draws=1_000)
    truth = []
    for row in rows:
        agree = (np.isnan(row) | (v == row)).all(axis=1)
        truth.append(logsumexp(log_p[agree]))
    assert (bound.value < np.array(truth) + 4 * bound.std_error + 1e-6).all()
    assert (bound.value > np.array(truth) - 1).all()  # scores of one completion are a nat lower
    assert stack.score(rows) == pytest.approx(stack.score_samples(rows).mean())
    np.testing.assert_array_equal(stack.score_samples(rows), stack.score_samples(rows))
    np.testing.assert_allclose(stack.score_samples(rows), bound.value, atol=0.5)


def test_features_are_averages_over_missing_values(stack):
    """Against enumeration. Fails if they are features of one completion, or of the mean completion.

    Untied, they are averages over twenty draws: six standard errors.
    """
    v = all_states(BERNOULLI, 4)[0]
    rows = np.unique(holes_in(copies(60)), axis=0)
    lowest, top = stack.rbms_
    log_p = lowest.score_samples(v)
    recognised = stack.recognition_[0].mean(v)
    stack = deepcopy(stack)
    every = clone(stack).set_params(output="all")
    every.__dict__ |= {name: x for name, x in vars(stack).items() if name != "output"}
    n = 1 if stack.fine_tune_iter == 0 else 50
    features = []
    for i in range(n):
        draw_with(every, i)
        features.append(every.transform(rows))
    features = np.stack(features, axis=1)
    for row, of_row in zip(rows, features, strict=True):
        agree = (np.isnan(row) | (v == row)).all(axis=1)
        share = np.exp(log_p[agree] - logsumexp(log_p[agree]))
        mean = share @ recognised[agree]
        deviation = np.sqrt(share @ (recognised[agree] - mean) ** 2)
        error = 1e-4 if n == 1 else 6 * deviation / np.sqrt(20 * n) + 1e-3
        assert (np.abs(of_row[:, :4].mean(axis=0) - mean) <= error).all()
        upper = fitted_of(top).rbm.hidden_from_visible(of_row[:, :4])
        np.testing.assert_allclose(of_row[:, 4:], upper, atol=1e-5)


def test_densities_of_a_gaussian_layer_are_marginals_of_the_known_columns():
    """In the units of the data. Fails if the scale of a missing column affects the density."""
    X = load_iris().data
    holes = holes_in(X, 0.4)
    first = GaussianBernoulliRBM(n_iter=20, missing_values="allow")
    stack = DeepBeliefNetwork((5, 3), visible_rbm=first, rbm=BernoulliRBM(n_iter=20))
    plain = stack.set_params(random_state=0).fit(holes).score_samples(holes)
    scaled = clone(stack).fit(3 * holes + 5).score_samples(3 * holes + 5)
    n_known = (~np.isnan(holes)).sum(axis=1)
    np.testing.assert_allclose(scaled, plain - n_known * np.log(3), atol=1e-3)
    single = DeepBeliefNetwork(5, visible_rbm=first, random_state=0).fit(holes)
    np.testing.assert_allclose(
        single.score_samples(holes), single.rbms_[0].score_samples(holes), atol=1e-4
    )


def test_partial_fit_accepts_missing_values(holes):
    """Fails if partial_fit refuses NaN, before or after wake-sleep, or learns nothing."""
    stack = DeepBeliefNetwork((4, 3, 3), rbm=LAYER, random_state=0)
    for _ in range(20):
        stack.partial_fit(holes)
    v = stack.sample(1_000, n_steps=100, random_state=0)
    assert (v[:, :3] == v[:, :1]).all(axis=1).mean() > 0.5  # a quarter by chance
    tuned = DeepBeliefNetwork((4, 3), rbm=clone(LAYER).set_params(n_iter=2), fine_tune_iter=1)
    tuned.set_params(random_state=0).fit(holes).partial_fit(holes)
    assert np.isfinite(tuned.history_[2]["pseudo_log_likelihood"]).all()
    assert len(tuned.history_[2]["iteration"]) == 2


def test_early_stopping_scores_rows_with_missing_values(holes):
    """Fails if a score is NaN, or held-out rows get new draws."""
    rbm = BernoulliRBM(4, missing_values="allow", early_stopping=True, n_iter=4)
    rbm.set_params(learning_rate=1e-12)
    stack = DeepBeliefNetwork((6, 5, 4), rbm=rbm, random_state=0).fit(holes)
    for history in stack.history_:
        assert np.ptp(history["validation_score"]) < 1e-6


def test_a_stack_imputes_rows(stack, exact):
    """Fails if the chain changes given values, or an error is not about the argument."""
    v, log_p = exact
    rows = np.array([[1.0, np.nan, np.nan, np.nan], [0.0, np.nan, np.nan, np.nan]])
    agree = v[:, 0] == np.array([[1], [0]])
    share = np.where(agree, np.exp(log_p), 0)
    truth = share @ v / share.sum(axis=1, keepdims=True)
    mean = stack.impute(rows, method="mean", n_steps=1_000, random_state=0)
    np.testing.assert_allclose(mean, truth, atol=0.1)
    draws = stack.impute(rows, n_draws=300, n_steps=200, random_state=0)
    assert draws.shape == (300, 2, 4)
    np.testing.assert_allclose(draws.mean(axis=0), truth, atol=0.15)
    mode = stack.impute(rows, method="mode", random_state=0)
    np.testing.assert_array_equal(mode[:, :3], [[1, 1, 1], [0, 0, 0]])
    samples = stack.sample(300, given={0: 1}, n_steps=200, random_state=0)
    assert samples.dtype == bool
    assert samples[:, 0].all()
    np.testing.assert_allclose(samples.mean(axis=0), truth[0], atol=0.15)
    with pytest.raises(
        ValueError, match="method == 'median', must be one of 'sample', 'mean', 'mode'"
    ):
        stack.impute(rows, method="median")


def test_a_stack_of_one_layer_imputes_like_its_rbm():
    """Fails if imputation requires a directed layer."""
    single = DeepBeliefNetwork((4,), rbm=BernoulliRBM(n_iter=10), random_state=0).fit(copies())
    rows = holes_in(copies(20))
    for method in ("mean", "mode"):
        got = single.impute(rows, method=method)
        np.testing.assert_array_equal(got, single.rbms_[0].impute(rows, method=method))


@pytest.fixture(scope="module")
def tuned(holes):
    """A classifier of the bit with three copies; the first rows have its label."""
    y = np.where(np.arange(1_000) < 800, copies(1_000)[:, 0], -1)
    stack = DeepBeliefNetwork((4, 3), rbm=LAYER)
    mlp = MLPClassifier(solver="sgd", learning_rate_init=0.5, batch_size=100, max_iter=40)
    return DBNClassifier(stack, mlp=mlp, random_state=0).fit(holes, y)


def test_labels_are_learned_from_rows_with_missing_values(tuned, holes):
    """Fails if a missing value is a zero to the perceptron, in learning or in predicting."""
    y = copies(1_000)[:, 0]
    known = ~np.isnan(holes[:, :3]).all(axis=1)
    assert tuned.score(holes[known], y[known]) > 0.97
    proba = tuned.predict_proba(holes)
    assert (np.abs(proba[~known, 1] - 0.5) < 0.4).all()
    np.testing.assert_array_equal(tuned.predict(holes), tuned.classes_[proba.argmax(axis=1)])
    np.testing.assert_array_equal(tuned.predict_proba(holes), proba)  # the same in every call
    refusing = DBNClassifier(DeepBeliefNetwork(4, rbm=BernoulliRBM(n_iter=1)), random_state=0)
    with pytest.raises(ValueError, match="NaN"):
        refusing.fit(holes, y)
    refusing.fit(copies(1_000), y)
    with pytest.raises(ValueError, match="NaN"):
        refusing.predict(holes)


def test_a_perceptron_learns_from_draws_of_missing_values():
    """Fails if a missing value is a zero in fine-tuning, or not drawn for each row.

    The label is a bit that is missing in half of the rows. Its draws are wrong in half of these: of
    the rows with a one, a third then have the other label.
    """
    rng = np.random.default_rng(0)
    X = rng.integers(2, size=(2_000, 2)).astype(float)
    y = X[:, 0].copy()
    X[rng.random(2_000) < 0.5, 0] = np.nan
    stack = DeepBeliefNetwork(6, rbm=clone(LAYER).set_params(n_iter=20))
    mlp = MLPClassifier(solver="sgd", learning_rate_init=0.5, batch_size=100, max_iter=40)
    proba = DBNClassifier(stack, mlp=mlp, random_state=0).fit(X, y).predict_proba(np.eye(2))
    np.testing.assert_allclose(proba[:, 1], [2 / 3, 1 / 3], atol=0.1)


def test_predictions_are_averages_over_missing_values(tuned, holes):
    """Against enumeration. Fails if one completion is used. Six standard errors."""
    v, n = all_states(BERNOULLI, 4)[0], 30
    rows = np.unique(holes, axis=0)
    y = copies(1_000)[:, 0] + 1.0
    mlp = MLPRegressor(solver="sgd", learning_rate_init=0.05, max_iter=5)
    regressor = DBNRegressor(FrozenEstimator(tuned.dbn_), mlp=mlp, random_state=0).fit(holes, y)
    for estimator, method in ((tuned, "predict_proba"), (regressor, "predict")):
        log_p = estimator.dbn_.rbms_[0].score_samples(v)
        of_states = getattr(estimator, method)(v)
        estimator, predicted = deepcopy(estimator), []
        for i in range(n):
            draw_with(estimator.dbn_.rbms_[0], i)
            predicted.append(getattr(estimator, method)(rows))
        means = np.mean(predicted, axis=0).reshape(len(rows), -1)
        of_states = of_states.reshape(len(v), -1)
        for row, got in zip(rows, means, strict=True):
            agree = (np.isnan(row) | (v == row)).all(axis=1)
            share = np.exp(log_p[agree] - logsumexp(log_p[agree]))
            mean = share @ of_states[agree]
            deviation = np.sqrt(share @ (of_states[agree] - mean) ** 2)
            assert (np.abs(got - mean) <= 6 * deviation / np.sqrt(20 * n) + 1e-3).all()
