"""Receptive fields: hidden units that see a window of a picture."""

import pickle
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits

from skrbm import (
    BernoulliRBM,
    Checkpoint,
    DBNClassifier,
    DeepBeliefNetwork,
    GaussianBernoulliRBM,
    TabularRBM,
)
from skrbm._kernels import random
from skrbm.data.pictures import ReceptiveField
from skrbm.deep.belief_net import Conditional
from skrbm.estimators.rbm.base import settings_of
from skrbm.explain import filters
from skrbm.learning.gradients import GRADIENTS, ExactGradient
from skrbm.learning.optimizer import CentredOptimizer, Pace
from skrbm.model import RBM
from skrbm.units import Bernoulli
from skrbm.weights import Dense, Local

from laws import enumerate_rbm, training_state

DIGITS, LABELS = load_digits(return_X_y=True)
X, Y = (DIGITS[:300] / 16).astype(np.float32), LABELS[:300]
FIELD = {"receptive_field": (6, 5), "image_shape": (8, 8), "stride": (2, 3)}
N = 8  # two hidden units at each of 2 x 2 places
FEW = {"n_iter": 2, "random_state": 0}
KINDS = [BernoulliRBM, GaussianBernoulliRBM, TabularRBM]


def _seen(image_shape, size, starts, n_units):
    """Whether each hidden unit sees each feature, by loops over pixels."""
    height, width, n_channels = image_shape
    seen = []
    for top in starts[0]:
        for left in starts[1]:
            window = np.zeros((height, width, n_channels), bool)
            window[top : top + size[0], left : left + size[1]] = True
            seen += [window.ravel()] * n_units
    return np.array(seen)


SEEN = _seen((8, 8, 1), (6, 5), ([0, 2], [0, 3]), 2)


@pytest.mark.parametrize(
    ("shape", "size", "stride", "starts"),
    [
        ((8, 8, 1), (6, 5), (2, 3), ([0, 2], [0, 3])),
        ((5, 4, 3), (2, 2), (2, 1), ([0, 2, 3], [0, 1, 2])),  # the last row is seen
        ((3, 3, 2), (3, 3), (1, 1), ([0], [0])),
    ],
)
def test_windows_are_rectangles_of_pixels(shape, size, stride, starts):
    """Fails if height and width are exchanged, channels are split, or a border is not seen."""
    field = ReceptiveField(size, stride, shape)
    windows = field.windows(np.arange(field.n_features))
    ones = Local(np.ones((field.n_places, windows.n_window, 2)), windows)
    np.testing.assert_array_equal(ones.dense.T, _seen(shape, size, starts, 2))
    assert ones.dense.any(axis=1).all()


def _local_rbm(seed=0):
    """Six visible and four hidden binary units, two at each of two places."""
    rng = np.random.default_rng(seed)
    windows = ReceptiveField((2, 2), (1, 1), (2, 3, 1)).windows(np.arange(6))
    weights = Local(rng.normal(size=(2, 4, 2)), windows)
    return RBM(Bernoulli(rng.normal(size=6)), Bernoulli(rng.normal(size=4)), weights)


def _rows(seed=1):
    return np.random.default_rng(seed).integers(2, size=(8, 6)).astype(float)


def _step(rbm, gradient, rng=3):
    """The state after one step of a copy of a model, with offsets that are no means."""
    state = training_state(rbm.map(np.copy), np.full(6, 0.3), rng=rng)
    state.hidden_offset = np.full(4, 0.2)
    gradient.start(state, rbm.visible, 5)
    optimizer = CentredOptimizer()
    phases = gradient.phases(state, _rows(), np.ones(8))
    optimizer.step(state, phases, Pace(0.5))
    return state


@pytest.mark.parametrize("gradient", GRADIENTS.values(), ids=GRADIENTS)
def test_a_step_is_the_masked_step_of_a_dense_model(gradient):
    """Fails if biases absorb the growth of weights that do not exist: training then diverges."""
    rbm = _local_rbm()
    inside = rbm.weights.map(np.ones_like).dense
    dense = replace(rbm, weights=rbm.weights.dense)
    local, full = (_step(model, gradient()) for model in (rbm, dense))
    if local.chains is not None:
        np.testing.assert_array_equal(local.chains.hidden, full.chains.hidden)
    w, w_full = (state.model.weights.dense - rbm.weights.dense for state in (local, full))
    np.testing.assert_allclose(w, inside * w_full, atol=1e-12)
    m, k = np.full(6, 0.3), np.full(4, 0.2)  # in centred parameters, biases grow equally
    for change in ("visible", "hidden"):
        of_local, of_full = (getattr(state.model, change).bias for state in (local, full))
        absorbed = [(x @ k if change == "visible" else m @ x) for x in (w, w_full)]
        np.testing.assert_allclose(of_local + absorbed[0], of_full + absorbed[1], atol=1e-12)
    assert np.abs(w_full - w).max() > 1e-3


def test_a_step_follows_the_gradient_of_the_likelihood():
    """Fails if the growth of any parameter is not the derivative of the exact log-likelihood."""
    rbm, v = _local_rbm(), _rows()
    state = training_state(rbm.map(np.copy), np.zeros(6))
    state.hidden_offset = np.zeros(4)
    phases = ExactGradient().phases(state, v, np.ones(8))
    CentredOptimizer().step(state, phases, Pace(1.0))

    def log_likelihood(parameters):
        w, b, c = parameters
        dense = RBM(Bernoulli(b), Bernoulli(c), rbm.weights.with_arrays((w,)).dense)
        exact = enumerate_rbm(dense)
        return np.mean(-dense.free_energy(v)) - exact.log_partition

    for i, (x, changed) in enumerate(zip(rbm.parameters, state.model.parameters, strict=True)):
        derivative = np.empty_like(x)
        for index in np.ndindex(x.shape):
            values = []
            for shift in (1e-5, -1e-5):
                parameters = [y.copy() for y in rbm.parameters]
                parameters[i][index] += shift
                values.append(log_likelihood(parameters))
            derivative[index] = (values[0] - values[1]) / 2e-5
        np.testing.assert_allclose(changed - x, derivative, atol=1e-8)


def test_a_step_of_a_conditional_is_a_masked_step():
    """Fails if up-down lets biases absorb the growth of weights that do not exist."""
    rbm, rng = _local_rbm(), np.random.default_rng(2)
    inside = rbm.weights.map(np.ones_like).dense
    x, s = _rows(), rng.integers(2, size=(8, 4)).astype(float)
    before = rbm.weights.dense
    steps = []
    for weights in (rbm.map(np.copy).weights, Dense(before.copy())):
        one = Conditional(Bernoulli(rbm.hidden.bias.copy()), weights)
        one.climb(s, x, np.full(8, 1 / 8), 0.5)
        w = one.weights.dense - before
        steps.append((w, one.layer.bias + x.mean(axis=0) @ w))
    np.testing.assert_allclose(steps[0][0], inside * steps[1][0], atol=1e-12)
    np.testing.assert_allclose(steps[0][1], steps[1][1], atol=1e-12)


def _dense_twin(estimator):
    """A copy of a fitted estimator with the same parameters in dense weights."""
    twin = deepcopy(estimator)
    rbm = twin._model.fitted.rbm
    twin._model.replace_rbm(RBM(rbm.visible, rbm.hidden, rbm.weights.dense))
    return twin


@pytest.mark.parametrize("kind", KINDS)
def test_results_equal_dense_results(kind):
    """Fails if a result depends on weights that do not exist."""
    rbm = kind(N, missing_values="allow", **FIELD, **FEW).fit(X)
    twin = _dense_twin(rbm)
    gaps = X[:30].copy()
    gaps[::2, 5:30] = np.nan
    for rows in (X, gaps):
        np.testing.assert_allclose(rbm.transform(rows), twin.transform(rows), rtol=1e-4)
        scores = rbm.score_samples(rows), twin.score_samples(rows)
        np.testing.assert_allclose(*scores, rtol=1e-4)
    for name, of in [("impute", gaps), ("gibbs", X), ("reconstruct", X)]:
        results = (np.asarray(getattr(x, name)(of), np.float64) for x in (rbm, twin))
        np.testing.assert_allclose(*results, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_training_keeps_the_windows(gradient):
    """Fails if any gradient trains a weight to a pixel outside, or leaves out one inside."""
    rbm = BernoulliRBM(N, gradient=gradient, **FIELD, **FEW).fit(X).partial_fit(X)
    np.testing.assert_array_equal(rbm.components_ != 0, SEEN)


@pytest.mark.parametrize("kind", KINDS)
def test_training_raises_the_likelihood(kind):
    """Fails if a step of local weights goes in a wrong direction."""
    rows = X
    if kind is TabularRBM:
        rows = (X * 3).round()  # few codes
    elif kind is GaussianBernoulliRBM:
        rows = X + np.random.default_rng(0).normal(size=X.shape, scale=0.3)
    rbm = kind(4 * N, **FIELD, n_iter=20, random_state=0).fit(rows)
    untrained = kind(4 * N, **FIELD, n_iter=0, random_state=0).fit(rows)
    assert rbm.score(rows) > untrained.score(rows) + 2


def test_windows_of_a_table_have_all_codes_of_their_pixels():
    """Fails if states of softmax units, which come first, count as pixels."""
    table = DIGITS[:300].astype(int)
    kinds = dict.fromkeys([f"x{i}" for i in range(0, 64, 2)], "category")
    rbm = TabularRBM(N, column_types=kinds, **FIELD, **FEW).fit(table)
    coding = rbm._table.coding
    codes = [coding.codes_of(i) for i in range(64)]
    for unit, weights in enumerate(rbm.components_):
        seen = [bool(np.any(weights[some])) for some in codes]
        np.testing.assert_array_equal(seen, SEEN[unit])


def test_continued_training_equals_one_fit(tmp_path):
    """Fails if a checkpoint, a pickle or a call of partial_fit loses the structure."""
    path = tmp_path / "checkpoint"
    parameters = {**FIELD, "n_iter": 4, "random_state": 0}
    whole = BernoulliRBM(N, **parameters).fit(X)

    def stop(estimator, epoch):
        if epoch == 2:
            raise StopIteration

    BernoulliRBM(N, callbacks=[Checkpoint(path), stop], **parameters).fit(X)
    resumed = Checkpoint.load(path).set_params(callbacks=None).resume(X)
    np.testing.assert_array_equal(resumed.components_, whole.components_)
    once = BernoulliRBM(N, **FIELD, random_state=0).partial_fit(X[:200])
    copy = pickle.loads(pickle.dumps(once)).partial_fit(X[200:])
    np.testing.assert_array_equal(copy.components_, once.partial_fit(X[200:]).components_)
    np.testing.assert_array_equal(
        whole.transform(X), pickle.loads(pickle.dumps(whole)).transform(X)
    )


def test_use_does_not_change_a_pickle():
    """Fails if computed indices of windows are stored."""
    windows = ReceptiveField((6, 5), (2, 3), (8, 8, 1)).windows(np.arange(64))
    before = pickle.dumps(windows)
    windows.scatter(np.ones((windows.n_places, windows.n_window, 1)))
    assert pickle.dumps(windows) == before


def test_assigned_components_must_be_local():
    """Fails if weights outside of a window are accepted, or the structure is lost."""
    rbm = BernoulliRBM(N, **FIELD, **FEW).fit(X)
    rbm.components_ = 2 * rbm.components_
    assert isinstance(rbm._model.fitted.rbm.weights, Local)
    rbm.partial_fit(X)
    with pytest.raises(ValueError, match="components_ must be 0 outside"):
        rbm.components_ = rbm.components_ + 1
    with pytest.raises(ValueError, match="shape"):
        rbm.components_ = rbm.components_[:-1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"receptive_field": 6}, "receptive_field == 6"),
        ({"receptive_field": (9, 5)}, "receptive_field == .* at most 8 x 8"),
        ({"receptive_field": (6, 0)}, "receptive_field == "),
        ({"image_shape": None}, "image_shape == None"),
        ({"image_shape": (8, 8, 1, 1)}, "image_shape == "),
        ({"image_shape": (9, 8), "stride": (3, 3)}, "image_shape == .* 64 features"),
        ({"stride": 0}, "stride == 0"),
        ({"stride": (7, 1)}, r"stride == \(7, 1\).* \(6, 5\)"),
        ({"n_components": 10}, r"n_components == 10.* a multiple of 4, .*\(2 x 2\)"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_mistakes_are_refused_before_work(kind, changed, message):
    """Fails if a window beyond the picture, or another picture, is found too late or not at all."""
    rbm = kind(**{"n_components": N, **FIELD, **FEW, **changed})
    with pytest.raises(ValueError, match=message):
        rbm.fit(X)
    assert not hasattr(rbm, "n_features_in_")


def test_a_full_covariance_matrix_is_refused():
    """Fails if whitened columns, each a mixture of all pixels, get windows."""
    rbm = GaussianBernoulliRBM(N, covariance_type="full", **FIELD, **FEW)
    with pytest.raises(ValueError, match="covariance_type == 'full'"):
        rbm.fit(X)
    rng = np.random.default_rng(0)
    correlated = rng.normal(size=(300, 1)) + 0.3 * rng.normal(size=(300, 64))
    assert GaussianBernoulliRBM(N, **FEW).fit(correlated).covariance_[0, 1] > 0.01
    rbm = GaussianBernoulliRBM(N, **FIELD, **FEW).fit(correlated)
    np.testing.assert_array_equal(rbm.components_ != 0, SEEN)


def test_a_changed_field_needs_a_new_fit():
    """Fails if training continues with parameters that do not describe the model."""
    rbm = BernoulliRBM(N, **FIELD, **FEW).fit(X).set_params(stride=(4, 3))
    with pytest.raises(ValueError, match="stride == "):
        rbm.partial_fit(X)


@pytest.mark.parametrize("kind", KINDS[:2])
def test_a_stack_keeps_the_windows_of_its_lowest_layer(kind):
    """Fails if up-down trains a weight to a pixel outside."""
    rbm = kind(**FIELD, n_iter=2)
    stack = DeepBeliefNetwork((N, 4), visible_rbm=rbm, rbm=BernoulliRBM(n_iter=2), fine_tune_iter=2)
    stack.set_params(random_state=0).fit(X).partial_fit(X)
    net = stack._fitted_stack.fitted.net
    np.testing.assert_array_equal(net.recognition[0].weights.dense.T != 0, SEEN)
    np.testing.assert_array_equal(net.generation[0].weights.dense != 0, SEEN)
    assert np.isfinite(stack.score(X))


def test_windows_of_an_upper_layer_see_windows():
    """Fails if hidden units of a window are not next to each other, like channels."""
    lowest = BernoulliRBM(receptive_field=(3, 3), image_shape=(8, 8), n_iter=1)
    upper = BernoulliRBM(receptive_field=(4, 2), image_shape=(6, 6, 2), n_iter=1)
    stack = DeepBeliefNetwork((72, 15), visible_rbm=lowest, rbm=upper, random_state=0).fit(X)
    expected = _seen((8, 8, 1), (6, 4), (range(3), range(5)), 1)
    np.testing.assert_array_equal(filters(stack, layer=1) != 0, expected)


def test_a_classifier_starts_from_local_weights():
    """Fails if a perceptron cannot start from a local layer; its own weights are dense."""
    stack = DeepBeliefNetwork((4 * N,), rbm=BernoulliRBM(**FIELD, n_iter=5))
    classifier = DBNClassifier(stack, random_state=0).fit(X, Y)
    assert classifier.score(X, Y) > 0.8


def test_no_parameters_leave_the_model_dense():
    """Fails if the new parameters change a model without a receptive field."""
    rbm = BernoulliRBM(N, image_shape=(8, 8), **FEW).fit(X)
    np.testing.assert_array_equal(rbm.components_, BernoulliRBM(N, **FEW).fit(X).components_)
    assert clone(rbm).get_params()["image_shape"] == (8, 8)


def test_initial_weights_depend_on_the_window():
    """Fails if units with few inputs start with the small weights of units with many."""
    sizes = {(8, 8): 16, (2, 2): 49 * 4}
    scales = {}
    for size, n in sizes.items():
        rbm = BernoulliRBM(n, receptive_field=size, image_shape=(8, 8), n_iter=0, random_state=0)
        weights = rbm.fit(X).components_
        scales[size] = weights[weights != 0].std()
    assert scales[2, 2] > 2 * scales[8, 8]


def test_automatic_parameters_count_pixels_of_a_window():
    """Fails if the number of all hidden units, or of all pixels, sets the step size or prior."""
    settings = settings_of(BernoulliRBM(4 * N, **FIELD))
    share = 30 / 64
    assert settings.rate == pytest.approx(min(2, 16 * (share * 4 * N) ** -0.75))
    weights = BernoulliRBM(4 * N, **FIELD, n_iter=0).fit(X)._model.fitted.rbm.weights
    prior = settings.prior(20.0, weights, 1000.0)
    assert prior.alpha == pytest.approx(0.25 * 20 * share * (64 / (share * 4 * N)) ** 0.25)


def test_draws_follow_the_exact_distribution():
    """Fails if a Gibbs step uses other weights than the energy."""
    rbm = _local_rbm()
    states, probability = rbm.visible_distribution()
    exact = enumerate_rbm(replace(rbm, weights=rbm.weights.dense))
    assert rbm.free_energy(states).shape == probability.shape
    log_p = -rbm.free_energy(states) - exact.log_partition
    np.testing.assert_allclose(np.exp(log_p), probability, atol=1e-12)
    rng = random.generator(0)
    v = states[rng.choice(len(states), size=20_000, p=probability)]
    h = rbm.sample_hidden(v, rng)
    v = rbm.sample_visible(h, rng)
    mean = probability @ states
    error = np.sqrt(mean * (1 - mean) / len(v))
    assert (np.abs(v.mean(axis=0) - mean) < 6 * error).all()
