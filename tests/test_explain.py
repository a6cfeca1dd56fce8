"""Descriptions of hidden units, against enumeration and models without the unit."""

from copy import deepcopy

import numpy as np
import pytest
import sklearn.neural_network
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from skrbm import BernoulliRBM, DeepBeliefNetwork, GaussianBernoulliRBM, RBMClassifier
from skrbm.estimators.common.fitted import fitted_of
from skrbm.estimators.rbm.base import learner_of
from skrbm.explain import describe, filters, strength, units
from skrbm.model import RBM

from laws import enumerate_rbm, random_rbm


def holding(components, hidden=0.0, visible=0.0, kind="bernoulli"):
    """A BernoulliRBM with these parameters."""
    n_hidden, n_visible = np.shape(components)
    estimator = BernoulliRBM(n_hidden, hidden=kind, n_iter=0, random_state=0)
    estimator.fit(np.zeros((2, n_visible)))
    estimator.components_ = np.array(components, dtype=np.float64)
    estimator.intercept_hidden_ = np.zeros(n_hidden) + hidden
    estimator.intercept_visible_ = np.zeros(n_visible) + visible
    return estimator


def holding_random(n_visible, n_hidden, seed=0):
    rbm = random_rbm(n_visible=n_visible, n_hidden=n_hidden, seed=seed)
    return holding(rbm.weights.array.T, rbm.hidden.bias, rbm.visible.bias), rbm


def without(rbm, j):
    """The model without hidden unit j."""
    others = np.delete(np.arange(rbm.hidden.n_units), j)
    return RBM(rbm.visible, rbm.hidden.part(others), rbm.weights.array[:, others])


@pytest.fixture(scope="module")
def real_rows():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 4)) * [1, 10, 0.1, 2] + rng.choice([0, 5], size=(200, 1))


@pytest.fixture(scope="module")
def gaussian(real_rows):
    return GaussianBernoulliRBM(3, n_iter=20, random_state=0).fit(real_rows)


# Importance


@pytest.mark.parametrize("shape", [(5, 3), (3, 5)], ids=["hidden states", "visible states"])
def test_importance_is_the_loss_of_log_likelihood_without_the_unit(shape):
    """Fails if the change of log Z is left out or has the wrong sign, on either side."""
    estimator, rbm = holding_random(*shape)
    exact = enumerate_rbm(rbm)
    report = describe(estimator, exact.v)
    lost = [
        exact.log_p_visible - enumerate_rbm(without(rbm, j)).log_p_visible for j in range(shape[1])
    ]
    np.testing.assert_allclose(report.importance, np.mean(lost, axis=1), rtol=1e-10)
    np.testing.assert_array_equal(report.importance_std_error, 0)


def test_log_z_falls_by_the_log_probability_that_the_unit_is_off():
    """Fails if the result differs from Z_-j / Z = E[P(h_j = 0 | v)] = P(h_j = 0)."""
    estimator, rbm = holding_random(5, 3)
    exact = enumerate_rbm(rbm)
    off = np.array([exact.joint[:, exact.h[:, j] == 0].sum() for j in range(3)])
    given_v = (exact.joint.sum(axis=1)[:, None] * (1 - estimator.transform(exact.v))).sum(axis=0)
    np.testing.assert_allclose(given_v, off, rtol=1e-12)
    row = exact.v[7:8]
    added = np.logaddexp(0, row @ rbm.weights.array + rbm.hidden.bias)[0]
    np.testing.assert_allclose(
        describe(estimator, row, 1).importance, added + np.log(off), rtol=1e-10
    )


def test_importance_of_gaussian_hidden_units():
    """Fails if a Gaussian unit is removed like a binary one."""
    rng = np.random.default_rng(0)
    components, hidden = 0.5 * rng.normal(size=(3, 4)), rng.normal(size=3)
    estimator = holding(components, hidden, kind="gaussian")
    X = rng.integers(2, size=(20, 4))
    importance = describe(estimator, X).importance
    for j in range(3):
        cut = holding(np.delete(components, j, 0), np.delete(hidden, j), kind="gaussian")
        lost = estimator.score(X) - cut.score(X)
        assert importance[j] == pytest.approx(lost, rel=1e-10)


def test_importance_under_gaussian_visible_units(gaussian, real_rows):
    """Fails if rows are not converted to the coordinates of the training."""
    importance = describe(gaussian, real_rows).importance
    for j in range(3):
        cut = deepcopy(gaussian)
        learner_of(cut).replace_rbm(without(fitted_of(gaussian).rbm, j))
        lost = gaussian.score(real_rows) - cut.score(real_rows)
        assert importance[j] == pytest.approx(lost, rel=1e-9)


def test_importance_from_samples_is_exact_within_its_error(monkeypatch):
    """Fails if samples are of another model, or the standard error is not of their mean."""
    estimator, rbm = holding_random(8, 5)
    X = enumerate_rbm(rbm).v
    exact = describe(estimator, X).importance
    monkeypatch.setattr(units, "_EXACT_UNITS", 0)
    reports = [describe(estimator, X, random_state=seed) for seed in range(20)]
    deviation = np.array([(r.importance - exact) / r.importance_std_error for r in reports])
    # The mean square of 20 independent deviations is 1 within 0.32 at most: six times that above.
    assert 0.2 < np.mean(deviation**2) < 2.8
    assert max(r.importance_std_error.max() for r in reports) < 0.1
    fewer = describe(estimator, X, n_samples=250, random_state=0)
    ratio = fewer.importance_std_error / reports[0].importance_std_error
    assert ratio == pytest.approx(2, rel=0.3)


def test_importance_is_reproducible_and_does_not_change_the_estimator(monkeypatch):
    """Fails if a description draws from the estimator's own generator."""
    monkeypatch.setattr(units, "_EXACT_UNITS", 0)
    estimator, rbm = holding_random(4, 3)
    X, copy = enumerate_rbm(rbm).v, deepcopy(estimator)
    first, second = describe(estimator, X), describe(estimator, X)
    np.testing.assert_array_equal(first.importance, second.importance)
    assert (first.importance != describe(estimator, X, random_state=1).importance).all()
    np.testing.assert_array_equal(estimator.gibbs(X), copy.gibbs(X))


def test_warns_when_samples_cannot_estimate_an_importance(monkeypatch):
    """Fails if an importance from very few samples gives no warning."""
    monkeypatch.setattr(units, "_EXACT_UNITS", 0)
    components = np.zeros((3, 20))
    components[1] = 2
    estimator = holding(components, hidden=[0, -2, 0])  # in 20 free columns, hardly ever off
    with pytest.warns(ConvergenceWarning, match="1 of 3 hidden units cannot be trusted"):
        describe(estimator, np.ones((5, 20)))


def test_order_has_the_most_important_unit_first():
    """Fails if the order is ascending, or a unit without weights counts."""
    rng = np.random.default_rng(0)
    estimator = holding(rng.normal(size=(6, 5)) * [[1], [0], [2], [3], [0.5], [1.5]], hidden=-1)
    report = describe(estimator, estimator.sample(50, n_steps=50, random_state=0))
    np.testing.assert_array_equal(report.importance[report.order], np.sort(report.importance)[::-1])
    assert abs(report.importance[1]) < 1e-12


# Activations


def test_most_activating_rows_have_the_largest_means():
    """Fails if rows come in another order, or the last one of equal rows comes first."""
    estimator, rbm = holding_random(5, 3)
    X = np.vstack([enumerate_rbm(rbm).v] * 2)
    report = describe(estimator, X, n_rows=6)
    H = estimator.transform(X)
    for j, rows in enumerate(report.most_activating):
        np.testing.assert_allclose(H[rows, j], np.sort(H[:, j])[::-1][:6], rtol=1e-12)
        np.testing.assert_array_equal(rows[1::2], rows[::2] + 32)
    np.testing.assert_allclose(report.mean_activation, H.mean(axis=0), rtol=1e-12)


def test_rows_are_ordered_even_if_means_are_rounded_to_one():
    """Fails if rows are ordered by means, which float32 rounds, instead of inputs."""
    estimator = BernoulliRBM(1, n_iter=0).fit(np.zeros((2, 3), np.float32))
    estimator.components_ = np.array([[40, 20, 80]], np.float32)
    estimator.intercept_hidden_ = np.zeros(1, np.float32)  # a drawn one may leave a mean below one
    assert (estimator.transform(np.eye(3, dtype=np.float32)) == 1).all()
    rows = describe(estimator, np.eye(3, dtype=np.float32), n_rows=3).most_activating
    np.testing.assert_array_equal(rows, [[2, 0, 1]])


def test_saturated_and_dead_units():
    """Fails if one of the two implies the other, or a threshold is another."""
    X = np.zeros((2000, 2))
    X[0, 0], X[:1000, 1] = 1, 1
    components = [[0, 0], [0, 0], [20, 0], [0, 3], [0, 0.03], [0, 0.1]]
    report = describe(holding(components, hidden=[10, 0, -10, 0, 0, 0]), X)
    # Always on, indifferent, on in one row, in half of them, by 0.4 % more and by 1.2 % more.
    np.testing.assert_array_equal(report.saturated, [True, False, True, False, False, False])
    np.testing.assert_array_equal(report.dead, [True, True, False, False, True, False])


@pytest.mark.parametrize(
    ("estimator", "arguments", "message"),
    [
        (DeepBeliefNetwork(), {}, "estimator == DeepBeliefNetwork.*must be a BernoulliRBM or"),
        (RBMClassifier(), {}, r"estimator == RBMClassifier\(\), must be a BernoulliRBM or"),
        (sklearn.neural_network.BernoulliRBM(), {}, "must be a BernoulliRBM or"),
        (holding(np.eye(2)), {"n_rows": 4}, "n_rows == 4, must be an integer >= 1 and <= 3."),
        (holding(np.eye(2)), {"n_samples": 1}, "n_samples == 1, must be an integer >= 2."),
        (holding(np.eye(2)), {"random_state": "x"}, "random_state == 'x', must be None, an int"),
    ],
)
def test_refuses_estimators_and_arguments_that_cannot_be_described(estimator, arguments, message):
    """Fails if a wrong argument leads to a late or unclear error."""
    with pytest.raises(ValueError, match=message):
        describe(estimator, np.ones((3, 2)), **{"n_rows": 1} | arguments)


def test_models_that_are_not_fitted_are_refused():
    """Fails if an unfitted estimator leads to an AttributeError."""
    for function in (lambda rbm: describe(rbm, np.eye(2)), filters, strength):
        with pytest.raises(NotFittedError):
            function(BernoulliRBM())


# Filters


@pytest.mark.parametrize("fine_tune_iter", [0, 2])
@pytest.mark.parametrize("lowest", [BernoulliRBM(n_iter=2), GaussianBernoulliRBM(n_iter=2)])
def test_filters_of_a_stack_are_linear_projections_through_its_layers(lowest, fine_tune_iter):
    """Fails if the recognition weights are used, or patterns are not in units of the data."""
    X = np.random.default_rng(0).random((50, 6)) * ([1] * 5 + [0.1])
    dbn = DeepBeliefNetwork(
        (4, 3, 2),
        rbm=BernoulliRBM(n_iter=2),
        visible_rbm=lowest,
        fine_tune_iter=fine_tune_iter,
        random_state=0,
    ).fit(X)
    net, to_data = fitted_of(dbn).net, fitted_of(dbn).scaling.to_data
    layer = net.visible

    def generated(input):  # the means of a linear visible layer
        return to_data(input / layer.parameters[-1] if len(layer.parameters) > 1 else input)

    for k, n_units in enumerate((4, 3, 2)):
        states = np.vstack([np.eye(n_units), np.zeros(n_units)])
        if k == 2:
            states = states @ net.top.weights.array.T
        for conditional in reversed(net.generation[: k + (k < 2)]):
            states = states @ conditional.weights.array
        means = generated(states)
        np.testing.assert_allclose(filters(dbn, k), means[:-1] - means[-1], rtol=1e-6, atol=1e-12)
    if fine_tune_iter == 0:
        np.testing.assert_allclose(filters(dbn), dbn.rbms_[0].components_, rtol=1e-12)


def test_filters_of_one_layer_are_its_components(gaussian):
    """Fails if an RBM, or a stack of one, shows other weights than its own."""
    X, y = np.random.default_rng(0).random((20, 3)), np.arange(20) % 2
    for estimator in (BernoulliRBM(2, n_iter=2).fit(X), RBMClassifier(2, n_iter=2).fit(X, y)):
        np.testing.assert_array_equal(filters(estimator), estimator.components_)
    np.testing.assert_array_equal(filters(gaussian), gaussian.components_)
    single = DeepBeliefNetwork(4, rbm=BernoulliRBM(n_iter=2), random_state=0).fit(X)
    np.testing.assert_array_equal(filters(single), single.rbms_[0].components_)


@pytest.mark.parametrize("layer", [-1, 1, "top"])
def test_missing_layers_are_refused(layer):
    """Fails if a negative layer counts from the top, or an RBM has a second one."""
    message = f"layer == {layer!r}, must be an integer >= 0 and <= 0."
    with pytest.raises(ValueError, match=message):
        filters(holding(np.eye(2)), layer)


def test_strength_is_a_divergence_of_gaussian_units(gaussian, real_rows):
    """Fails if variances are left out: strengths then depend on the units of the data."""
    on, off = np.eye(3), np.zeros((3, 3))
    distance = gaussian.inverse_transform(on) - gaussian.inverse_transform(off)
    divergence = (distance**2 / (2 * gaussian.variance_)).sum(axis=1)
    np.testing.assert_allclose(strength(gaussian) ** 2 / 2, divergence, rtol=1e-8)
    other = GaussianBernoulliRBM(3, n_iter=20, random_state=0).fit(100 * real_rows)
    np.testing.assert_allclose(strength(other), strength(gaussian), rtol=1e-6)


def test_strength_bounds_the_divergence_of_binary_units():
    """Fails if the effect of a unit on binary columns exceeds its strength."""
    rng = np.random.default_rng(0)
    largest = []
    for scale in (0.01, 1, 10):
        components = scale * rng.normal(size=(3, 5))
        estimator = holding(components, visible=rng.normal(size=5))
        h = rng.integers(2, size=(50, 3))
        for j in range(3):
            h[:, j] = 1
            p = estimator.inverse_transform(h)
            h[:, j] = 0
            q = estimator.inverse_transform(h)
            terms = p * np.log(p / q) + (1 - p) * (np.log1p(-p) - np.log1p(-q))
            largest.append(np.nansum(terms, axis=1).max() / (strength(estimator)[j] ** 2 / 8))
    assert 0.5 < max(largest) <= 1
