"""Deep Boltzmann machines: the laws by enumeration, and the estimator."""

import itertools
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import logsumexp
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator

from skrbm import (
    BernoulliRBM,
    DBNClassifier,
    DBNRegressor,
    DeepBoltzmannMachine,
    GaussianBernoulliRBM,
    TabularRBM,
)
from skrbm._kernels import random
from skrbm.deep.arrangement import Arrangement
from skrbm.deep.mean_field import MeanField, lower_bounds
from skrbm.estimators.dbn.pretraining import pretraining_of
from skrbm.learning.gradients import GRADIENTS, ExactGradient
from skrbm.learning.latent_gradient import LatentGradient
from skrbm.learning.train_state import TrainState
from skrbm.model import RBM
from skrbm.units import Bernoulli, Categorical, Gaussian, Joined
from skrbm.weights import Dense

SIZES = [(4, 3, 2), (4, 3, 2, 2), (3, 2, 2, 2, 2)]
CLOSE = {"rtol": 1e-10, "atol": 1e-10}


def _bits(n):
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))


class Machine:
    """A small machine whose joint distribution is enumerated layer by layer."""

    def __init__(self, sizes, seed=0, scale=1.0, visible=None):
        rng = np.random.default_rng(seed)
        biases = [rng.normal(size=n) for n in sizes]
        self.weights = [scale * rng.normal(size=pair) for pair in itertools.pairwise(sizes)]
        layers = [visible or Bernoulli(biases[0]), *map(Bernoulli, biases[1:])]
        self.sizes, self.biases = sizes, [layer.bias for layer in layers]
        arrangement = Arrangement(sizes)
        sides = arrangement.layer(layers[::2]), arrangement.layer(layers[1::2])
        self.rbm = RBM(*sides, arrangement.weights([Dense(w.copy()) for w in self.weights]))
        self.arrangement = arrangement

    def log_weights(self, states):
        """`-E` of joint states, given one array per layer, from the definition."""
        total = sum(x @ b for x, b in zip(states, self.biases, strict=True))
        for below, w, above in zip(states, self.weights, states[1:], strict=False):
            total = total + ((below @ w) * above).sum(axis=1)
        return total

    def log_likelihood(self, v):
        """`log p(v)` of all rows and log Z, by a sum over all states of all layers."""
        hidden = _bits(sum(self.sizes[1:]))
        split = np.split(hidden, np.cumsum(self.sizes[1:-1]), axis=1)

        def marginal(row):
            return logsumexp(self.log_weights([np.tile(row, (len(hidden), 1)), *split]))

        log_z = logsumexp([marginal(row) for row in _bits(self.sizes[0])])
        return np.array([marginal(row) for row in v]) - log_z, log_z

    def inference(self, max_iter=500, tol=1e-12):
        return MeanField(self.arrangement.n_latent, max_iter, tol)

    def bounds(self, v, inference=None):
        """Lower bounds on `log p(v) + log Z`."""
        inference = inference or self.inference()
        rows = inference.with_latent(self.rbm, v)
        start = np.full(self.rbm.visible.n_columns, 0.5)
        return lower_bounds(self.rbm, inference.posterior(self.rbm, rows, start))


@pytest.fixture(params=SIZES, ids=str)
def machine(request):
    return Machine(request.param)


def test_energy_couples_adjacent_layers(machine):
    """Fails if a block is transposed, or lies between other layers."""
    rng = np.random.default_rng(1)
    states = [rng.integers(2, size=(20, n)).astype(float) for n in machine.sizes]
    v, h = np.hstack(states[::2]), np.hstack(states[1::2])
    np.testing.assert_allclose(-machine.rbm.energy(v, h), machine.log_weights(states), **CLOSE)
    for got, expected in zip(machine.arrangement.states(v, h), states, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_log_partition_is_the_sum_over_all_layers(machine):
    """Fails if a latent layer is not summed out."""
    _, expected = machine.log_likelihood(np.zeros((1, machine.sizes[0])))
    v = machine.rbm.visible.states()
    np.testing.assert_allclose(logsumexp(-machine.rbm.free_energy(v)), expected, **CLOSE)


def test_bound_is_below_the_likelihood_and_close(machine):
    """Fails if the entropy of the latent units is missing, or is counted twice."""
    v = _bits(machine.sizes[0])
    log_p, log_z = machine.log_likelihood(v)
    gap = log_p - (machine.bounds(v) - log_z)
    assert (gap > 0).all()
    assert gap.max() < 0.5


def test_bound_is_exact_without_coupling_of_latent_units():
    """Fails if the bound of independent units is not their likelihood."""
    machine = Machine((4, 3, 2))
    for block in machine.rbm.weights.blocks[1:]:
        block.weights.array[:] = 0
    machine.weights[1][:] = 0
    v = _bits(4)
    log_p, log_z = machine.log_likelihood(v)
    np.testing.assert_allclose(machine.bounds(v) - log_z, log_p, **CLOSE)


def test_no_update_decreases_the_bound(machine):
    """Fails if an update is not the best posterior of its layer given the other."""
    v = _bits(machine.sizes[0])
    bounds = [machine.bounds(v, machine.inference(n, 0.0)) for n in range(1, 8)]
    assert (np.diff(bounds, axis=0) > -1e-12).all()
    assert (bounds[-1] > bounds[0] + 1e-6).any()


def test_posterior_is_a_fixed_point_of_the_conditional_means(machine):
    """Fails if a mean is not the mean of its unit given the means of its neighbours."""
    v = _bits(machine.sizes[0])
    inference = machine.inference()
    rows, start = inference.with_latent(machine.rbm, v), np.full(sum(machine.sizes[::2]), 0.3)
    posterior = inference.posterior(machine.rbm, rows, start)
    means = machine.arrangement.states(posterior.visible, posterior.hidden)
    assert posterior.converged.all()
    np.testing.assert_array_equal(means[0], v)
    for i in range(1, len(means)):
        x = means[i - 1] @ machine.weights[i - 1] + machine.biases[i]
        if i + 1 < len(means):
            x += means[i + 1] @ machine.weights[i].T
        np.testing.assert_allclose(means[i], 1 / (1 + np.exp(-x)), atol=1e-9)
    latent = inference.latent_means(machine.rbm, v, start[machine.sizes[0] :])
    np.testing.assert_allclose(latent, posterior.visible[:, machine.sizes[0] :], atol=1e-9)


def test_rows_do_not_depend_on_other_rows(machine):
    """Fails if rows that have converged keep moving with the others."""
    v, inference = _bits(machine.sizes[0]), machine.inference(50, 1e-2)
    together = machine.bounds(v, inference)
    alone = [machine.bounds(row[None], inference)[0] for row in v]
    np.testing.assert_allclose(together, alone, rtol=1e-13)


@pytest.mark.parametrize(
    "visible",
    [Categorical(np.array([0.3, -0.2, 0.1, 0.5, -1.0]), (2, 3)), None],
    ids=["categorical", "binary"],
)
def test_missing_values_are_part_of_the_bound(visible):
    """Fails if the bound of a row with missing values is not on its known values."""
    n = 5 if visible else 4
    machine = Machine((n, 3, 2), visible=visible)
    full = machine.rbm.visible.part(slice(2 if visible else n)).states()
    hidden = _bits(5)
    split = hidden[:, :3], hidden[:, 3:]
    joint = np.array([logsumexp(machine.log_weights([np.tile(v, (32, 1)), *split])) for v in full])
    row = full[0].copy()
    row[:2] = np.nan
    same = (full[:, 2:] == row[2:]).all(axis=1)
    gap = logsumexp(joint[same]) - machine.bounds(row[None])[0]
    assert 0 < gap < 0.5


def test_bound_of_gaussian_visible_units_is_below_the_density():
    """Fails if the energy of real visible units is missing. By quadrature over two columns."""
    layer = Gaussian(np.array([0.3, -0.4]), np.array([1.5, 0.7]))
    machine = Machine((2, 3, 2), visible=layer)
    grid = np.linspace(-12, 12, 241)
    v = np.array(list(itertools.product(grid, grid)))
    bounds = machine.bounds(v)
    latent = _bits(2)
    exact = logsumexp(
        [-machine.rbm.free_energy(np.hstack([v, np.tile(x, (len(v), 1))])) for x in latent], axis=0
    )
    gap = exact - bounds
    assert (gap > 0).all()
    assert gap.max() < 0.5


def test_latent_units_are_drawn_from_their_posterior():
    """Fails if the draws neglect the dependence of the layers given a row, as their means do."""
    machine, n = Machine((4, 3, 2), scale=3.0), 40_000
    row, latent, inference = np.array([1.0, 0.0, 1.0, 1.0]), _bits(2), machine.inference()
    hidden = _bits(3)
    log_p = [
        logsumexp(machine.log_weights([np.tile(row, (8, 1)), hidden, np.tile(x, (8, 1))]))
        for x in latent
    ]
    p = np.exp(log_p - logsumexp(log_p))
    v, start = np.tile(row, (n, 1)), np.full(2, 0.5)
    drawn = inference.draw(machine.rbm, v, start, random.generator(0), 30)
    share = np.bincount((drawn @ [2, 1]).astype(int), minlength=4) / n
    assert (np.abs(share - p) < 5 * np.sqrt(p * (1 - p) / n) + 1e-4).all()
    means = inference.latent_means(machine.rbm, row[None], start)[0]
    independent = np.where(latent > 0, means, 1 - means).prod(axis=1)
    assert np.abs(independent - p).max() > 0.02  # the test could fail


def test_data_phase_averages_the_latent_units_given_draws_by_row():
    """Fails if the hidden units have means, or equal rows get different draws."""
    machine = Machine((4, 3, 2))
    rows = np.random.default_rng(3).integers(2, size=(40, 4)).astype(float)
    v = np.concatenate([rows, rows])
    gradient = LatentGradient(joint=ExactGradient(), mean_field=machine.inference(50, 1e-4))
    offsets = np.full(6, 0.5), np.full(3, 0.5)
    state = TrainState(machine.rbm, *offsets, random.generator(0), random.generator(1))
    first, second = (gradient.phases(state, v, np.full(80, 1 / 80)).parts[0] for _ in range(2))
    first, hidden = first.visible[:80], first.hidden[:80]
    second = second.visible[:80]
    np.testing.assert_array_equal(first[:, :4], v)
    assert set(np.unique(hidden)) == {0.0, 1.0}
    np.testing.assert_allclose(first[:, 4:], machine.rbm.visible_from_hidden(hidden)[:, 4:])
    np.testing.assert_array_equal(first[:40], first[40:])
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("gradient", ["cd", "jump", "pcd", "pt"])
def test_independent_upper_units_have_no_gradient(gradient):
    """Fails if draws of upper units add noise, which would let their weights grow."""
    machine = Machine((4, 3, 2))
    machine.rbm.weights.blocks[1].weights.array[:] = 0
    means = machine.rbm.visible.mean(0.0), machine.rbm.hidden.mean(0.0)
    state = TrainState(machine.rbm, *means, random.generator(0), random.generator(1))
    joint = GRADIENTS[gradient]()
    latent = LatentGradient(joint=joint, mean_field=machine.inference(50, 1e-4))
    latent.start(state, machine.rbm.visible, 30)
    rows = np.random.default_rng(3).integers(2, size=(40, 4)).astype(float)
    for _ in range(3):
        (part,) = latent.phases(state, rows, np.full(40, 1 / 40)).parts
        v, h = part.visible - means[0], part.hidden - means[1]
        growth = (v * part.weights[:, None]).T @ h
        np.testing.assert_allclose(growth[4:], 0, atol=1e-12)
        assert np.abs(growth[:4]).min() > 1e-3  # the lowest weights have one


def test_weights_outside_the_blocks_stay_zero_in_training():
    """Fails if layers that are not adjacent become coupled."""
    X = np.random.default_rng(0).integers(2, size=(50, 6)).astype(float)
    dbm = DeepBoltzmannMachine((4, 3, 2), rbm=BernoulliRBM(n_iter=3), random_state=0).fit(X)
    assert [w.shape for w in dbm.components_] == [(4, 6), (3, 4), (2, 3)]
    assert [b.shape for b in dbm.intercepts_hidden_] == [(4,), (3,), (2,)]
    assert dbm.intercept_visible_.shape == (6,)


def _enumerated(dbm, rows):
    """`log p` of rows by a sum over all states of all layers of a fitted machine."""
    sizes = [len(dbm.intercept_visible_), *(len(b) for b in dbm.intercepts_hidden_)]
    machine = Machine(tuple(sizes))
    machine.weights = [w.T.astype(float) for w in dbm.components_]
    machine.biases = [dbm.intercept_visible_, *dbm.intercepts_hidden_]
    return machine.log_likelihood(rows)


@pytest.fixture(scope="module")
def patterns():
    """Rows with dependent columns: draws of a small machine with strong weights."""
    rng = np.random.default_rng(5)
    h = rng.integers(2, size=(800, 2))
    p = np.where(h @ np.array([[1, 1, 0, 0, 1], [0, 1, 1, 1, 0]]) > 0, 0.9, 0.15)
    return (rng.random(p.shape) < p).astype(float)


@pytest.fixture(scope="module")
def fitted(patterns):
    return DeepBoltzmannMachine((4, 2), rbm=BernoulliRBM(n_iter=100), random_state=0).fit(patterns)


def test_scores_are_bounds_on_the_enumerated_likelihood(fitted):
    """Fails if the score omits log Z, or components_ are not the weights of the model."""
    rows = _bits(5)
    log_p, log_z = _enumerated(fitted, rows)
    assert abs(fitted.log_partition_.value - log_z) < 1e-4
    gap = log_p - fitted.score_samples(rows)
    assert (gap > -1e-4).all()
    assert gap.max() < 0.5


def test_learns_the_distribution(fitted, patterns):
    """Fails if a layer is trained with the wrong sign."""
    rows, counts = np.unique(patterns, axis=0, return_counts=True)
    shares = counts / counts.sum()
    best = shares @ np.log(shares)
    independent = np.sum([p * np.log(p) + (1 - p) * np.log(1 - p) for p in patterns.mean(axis=0)])
    score = fitted.score(patterns)
    assert independent + 0.4 < score < best + 1e-9


def test_samples_have_the_distribution_of_the_model(fitted):
    """Fails if the columns of the data are not the first visible ones."""
    rows, n = _bits(5), 5_000
    p = np.exp(_enumerated(fitted, rows)[0])
    drawn = fitted.sample(n, n_steps=50, random_state=1)
    codes = drawn @ (2 ** np.arange(5)[::-1])
    share = np.bincount(codes.astype(int), minlength=32) / n
    floor = np.sqrt(p * (1 - p) / n)
    assert (np.abs(share - p) < 5 * floor + 1e-3).all()


def test_imputed_means_are_conditional_means(fitted):
    """Fails if deeper layers are not summed out."""
    rows = _bits(5)
    log_p, _ = _enumerated(fitted, rows)
    row = np.array([[1.0, np.nan, 0.0, np.nan, 1.0]])
    same = (rows[:, [0, 2, 4]] == [1, 0, 1]).all(axis=1)
    share = np.exp(log_p[same] - logsumexp(log_p[same]))
    filled = fitted.impute(row, method="mean")
    np.testing.assert_allclose(filled[0, [1, 3]], share @ rows[same][:, [1, 3]], atol=1e-5)
    given = fitted.sample(4000, given=row[0], random_state=0)
    assert (given[:, [0, 2, 4]] == [1, 0, 1]).all()
    np.testing.assert_allclose(
        given[:, [1, 3]].mean(axis=0), share @ rows[same][:, [1, 3]], atol=4 * 0.5 / 4000**0.5
    )


def test_one_layer_is_the_rbm_draw_by_draw(patterns):
    """Fails if a machine with one hidden layer differs from the RBM in any number."""
    rbm = BernoulliRBM(3, n_iter=5, random_state=0)
    dbm = DeepBoltzmannMachine(3, rbm=BernoulliRBM(n_iter=5), random_state=0)
    dbm.fit(patterns)
    rbm.set_params(random_state=dbm._lowest.random_state).fit(patterns)
    np.testing.assert_array_equal(dbm.components_[0], rbm.components_)
    np.testing.assert_array_equal(dbm.chains_, rbm.chains_)
    np.testing.assert_allclose(dbm.score_samples(patterns), rbm.score_samples(patterns), rtol=1e-12)
    np.testing.assert_allclose(dbm.transform(patterns), rbm.transform(patterns), rtol=1e-12)
    H = rbm.transform(patterns)
    np.testing.assert_allclose(dbm.inverse_transform(H), rbm.inverse_transform(H), rtol=1e-6)
    np.testing.assert_allclose(dbm.reconstruct(patterns), rbm.reconstruct(patterns), rtol=1e-6)


def test_features_of_all_layers_are_the_means_one_after_the_other(fitted, patterns):
    """Fails if layers are out of order."""
    every = DeepBoltzmannMachine((4, 2), output="all")
    vars(every).update({k: v for k, v in vars(fitted).items() if k != "output"})
    all_means, top = every.transform(patterns), fitted.transform(patterns)
    np.testing.assert_array_equal(all_means[:, 4:], top)
    w, b = fitted.components_, fitted.intercepts_hidden_
    lower = 1 / (1 + np.exp(-(patterns @ w[0].T + top @ w[1] + b[0])))
    np.testing.assert_allclose(all_means[:, :4], lower, atol=1e-3)
    assert every.get_feature_names_out().shape == (6,)


def test_inverse_transform_solves_the_mean_field_below(fitted):
    """Fails if the top layer is not clamped, or is clamped on the wrong side."""
    h = np.array([[0.9, 0.1], [0.2, 0.8]])
    v = fitted.inverse_transform(h)
    w, b = fitted.components_, fitted.intercepts_hidden_
    below = 1 / (1 + np.exp(-(v @ w[0].T + h @ w[1] + b[0])))
    np.testing.assert_allclose(
        v, 1 / (1 + np.exp(-(below @ w[0] + fitted.intercept_visible_))), atol=1e-2
    )


def test_gibbs_keeps_the_distribution(fitted):
    """Fails if the chain forgets the deeper layers. 40 steps from one row reach the model."""
    p = np.exp(_enumerated(fitted, _bits(5))[0])
    v = fitted.gibbs(np.zeros((20_000, 5)), n_steps=40)
    share = np.bincount((v @ (2 ** np.arange(5)[::-1])).astype(int), minlength=32) / 20_000
    assert np.abs(share - p).sum() < 0.1


def test_chains_start_at_draws_of_the_mean_field(fitted):
    """Fails if deeper layers start anywhere else. The mean after one step, by enumeration."""
    dbm = pickle.loads(pickle.dumps(fitted))
    upper = dbm._fitted.rbm.weights.blocks[1].weights.arrays[0]
    upper[:] = 4 * np.random.default_rng(0).normal(size=upper.shape)
    row, n = np.array([1.0, 0.0, 1.0, 1.0, 0.0]), 20_000
    w, c, means = dbm.components_, dbm.intercepts_hidden_, dbm.transform(row[None])[0]
    expected = np.zeros(5)
    for h2 in _bits(2):
        p2 = np.prod(np.where(h2 > 0, means, 1 - means))
        p1 = 1 / (1 + np.exp(-(row @ w[0].T + h2 @ w[1] + c[0])))
        for h1 in _bits(4):
            share = p2 * np.prod(np.where(h1 > 0, p1, 1 - p1))
            expected += share / (1 + np.exp(-(h1 @ w[0] + dbm.intercept_visible_)))
    drawn = dbm.gibbs(np.tile(row, (n, 1)), n_steps=1).mean(axis=0)
    assert (np.abs(drawn - expected) < 5 * 0.5 / n**0.5).all()


@pytest.mark.parametrize("layer", range(5))
def test_one_layer_of_many_is_clamped(layer):
    """Fails if the states of a layer are put into another layer's columns."""
    arrangement = Arrangement((3, 2, 4, 5, 2))
    size = arrangement.sizes[layer]
    side = arrangement.only(layer, np.ones((6, size)))
    assert side.shape == (6, sum(arrangement.sizes[layer % 2 :: 2]))
    known = np.zeros(side.shape[1])
    known[arrangement.columns[layer]] = 1
    np.testing.assert_array_equal(~np.isnan(side), np.tile(known > 0, (6, 1)))


def test_rows_may_lack_the_last_layers():
    """Fails if one column of data is repeated for deeper layers."""
    layer = Joined((Bernoulli(np.zeros(1)), Bernoulli(np.zeros(3))))
    v = layer.from_data(np.array([[0.2], [0.9]]), np.array([[0.5], [0.5]]))
    np.testing.assert_array_equal(v, [[0.0], [1.0]])


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    rbm = BernoulliRBM(n_iter=40)
    return X / 16, y, DeepBoltzmannMachine((64, 32), rbm=rbm, random_state=0).fit(X / 16)


def test_upper_layers_are_used(digits):
    """Fails if units of the upper layer have the same state in all rows."""
    X, _, dbm = digits
    assert np.median(dbm.transform(X).std(axis=0)) > 0.02


def test_random_weights_between_hidden_layers_are_small(patterns):
    """Fails if they have the scale of the lowest weights, with which the units above freeze."""
    dbm = DeepBoltzmannMachine((64, 32), pretrain=False, n_iter=0, random_state=0).fit(patterns)
    assert 0.7 < np.linalg.norm(dbm.components_[1], 2) < 1.3


def test_one_pass_upwards_approximates_the_mean_field(digits):
    """Fails if the initial perceptron lacks the mean input from the layer above."""
    X, _, dbm = digits
    layers, h = pretraining_of(dbm).upward_layers(), [X]
    for bias, w in layers:
        h.append(1 / (1 + np.exp(-(h[-1] @ w + bias))))
    every = pickle.loads(pickle.dumps(dbm)).set_params(output="all")
    assert np.abs(np.hstack(h[1:]) - every.transform(X)).mean() < 0.01
    from_above = dbm.transform(X).mean(axis=0) @ dbm.components_[1]
    got = layers[0][0] - dbm.intercepts_hidden_[0]
    assert np.linalg.norm(got - from_above) < 0.3 * np.linalg.norm(from_above)


def test_the_lowest_layer_may_see_windows(digits):
    """Fails if the structure of the lowest weights is lost, or trained as if it were dense."""
    X = digits[0]
    rbm = BernoulliRBM(n_iter=10, receptive_field=(3, 3), image_shape=(8, 8))
    dbm = DeepBoltzmannMachine((72, 8), rbm=rbm, random_state=0).fit(X)
    assert ((dbm.components_[0] != 0).sum(axis=1) <= 9).all()
    assert dbm.score(X > 0.5) > -35
    with pytest.raises(ValueError, match="n_components == 70, must be a multiple of 36"):
        dbm.set_params(hidden_layer_sizes=(70, 8)).fit(X)


def test_three_hidden_layers_learn(patterns):
    """Fails if the biases grow as if layers that are not adjacent were coupled."""
    rbm = BernoulliRBM(n_iter=60)
    dbm = DeepBoltzmannMachine((6, 4, 3), rbm=rbm, random_state=0).fit(patterns)
    independent = np.sum([p * np.log(p) + (1 - p) * np.log(1 - p) for p in patterns.mean(axis=0)])
    assert dbm.score(patterns) > independent + 0.3


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    z = rng.integers(3, size=400)
    color = np.array(["red", "green", "blue"])[(z + (rng.random(400) < 0.1)) % 3]
    flag = (z > 0) ^ (rng.random(400) < 0.1)
    return pd.DataFrame({"color": pd.Categorical(color), "flag": flag, "count": z + 2 * flag})


def test_one_layer_of_a_table_is_the_tabular_rbm(table):
    """Fails if the density of the cells is missing, or counted twice."""
    dbm = DeepBoltzmannMachine(6, rbm=TabularRBM(n_iter=5), random_state=0).fit(table)
    rbm = TabularRBM(6, n_iter=5, random_state=dbm._lowest.random_state).fit(table)
    np.testing.assert_allclose(dbm.score_samples(table), rbm.score_samples(table), rtol=1e-6)


def test_bounds_of_all_rows_of_a_table_sum_to_less_than_one(table):
    """Fails if a score exceeds the probability of its row. Their sum also is not far below 1."""
    dbm = DeepBoltzmannMachine((6, 4), rbm=TabularRBM(n_iter=30), random_state=0).fit(table)
    values = [sorted(set(table[name])) for name in table]
    every = pd.DataFrame(itertools.product(*values), columns=table.columns)
    every = every.astype({"color": table["color"].dtype, "flag": bool})
    total = np.exp(dbm.score_samples(every)).sum()
    assert 0.5 < total < 1 + 1e-6
    assert dbm.score(table) > -3.1  # independent columns have -3.4


def test_a_machine_of_a_table_draws_and_fills_tables(table):
    """Fails if deeper layers end up among the columns, or conditions are not met."""
    dbm = DeepBoltzmannMachine((6, 4), rbm=TabularRBM(n_iter=10), random_state=0).fit(table)
    drawn = dbm.sample(50, given={"color": ["red", "blue"], "count": (1, 3)}, random_state=0)
    assert set(drawn["color"]) <= {"red", "blue"}
    assert drawn["count"].between(1, 3).all()
    assert (drawn.dtypes == table.dtypes).all()
    holes = table.astype(object).mask(np.random.default_rng(1).random(table.shape) < 0.3)
    filled = dbm.impute(holes)
    assert not filled.isna().to_numpy().any()
    known = holes.notna().to_numpy()
    assert (filled.astype(object).to_numpy()[known] == table.astype(object).to_numpy()[known]).all()
    assert dbm.gibbs(table.head(3)).shape == dbm.reconstruct(table.head(3)).shape == (3, 3)
    assert dbm.transform(holes).shape == (400, 4)


def test_a_perceptron_fine_tunes_the_machine(digits):
    """Fails if fine-tuning starts from other weights, or takes no machine."""
    X, y, dbm = digits
    tuned = DBNClassifier(FrozenEstimator(dbm), random_state=0).fit(X[:1200], y[:1200])
    assert tuned.score(X[1200:], y[1200:]) > 0.88
    rbm = BernoulliRBM(n_iter=3)
    dbm = DeepBoltzmannMachine((16, 8), rbm=rbm, callbacks=None)
    tuned = DBNClassifier(dbm, random_state=0).fit(X[:300], y[:300])
    assert tuned.dbn_.n_iter_ == 3 + 3
    assert tuned.transform(X[:5]).shape == (5, 8)
    regressor = DBNRegressor(dbm, random_state=0).fit(X[:300], X[:300, 20])
    assert regressor.predict(X[:5]).shape == (5,)


@pytest.mark.parametrize("gradient", ["jump", "pcd", "pt", "ptt", "cd", "exact"])
def test_every_gradient_improves_the_bound(gradient, patterns):
    """Fails if a gradient does not train the machine."""
    rbm = BernoulliRBM(gradient=gradient, n_iter=30)
    dbm = DeepBoltzmannMachine((3, 2), rbm=rbm, random_state=0).fit(patterns)
    rbm = BernoulliRBM(gradient=gradient, n_iter=0)
    start = DeepBoltzmannMachine((3, 2), rbm=rbm, random_state=0).fit(patterns)
    assert dbm.score(patterns) > start.score(patterns) + 0.3


def test_gaussian_visible_units_are_chosen_for_real_data():
    """Fails if real data are clipped to [0, 1], or variances of deeper layers are learned."""
    rng = np.random.default_rng(0)
    h = rng.integers(2, size=(300, 1)) * 2 - 1
    X = 5 + 3 * h + rng.normal(size=(300, 3)) * np.array([0.5, 1.0, 2.0])
    rbm = GaussianBernoulliRBM(n_iter=100)
    dbm = DeepBoltzmannMachine((4, 2), rbm=rbm, random_state=0).fit(X)
    normal = -0.5 * (np.log(2 * np.pi * X.var(axis=0)) + 1).sum()
    assert dbm.score(X) > normal + 0.3
    scaled = DeepBoltzmannMachine((4, 2), rbm=rbm, random_state=0).fit(10 * X)
    np.testing.assert_allclose(scaled.score(10 * X), dbm.score(X) - 3 * np.log(10), atol=0.05)
    assert dbm.sample(5).dtype.kind == "f"
    chosen = DeepBoltzmannMachine((4, 2), random_state=0).partial_fit(X)
    assert chosen.chains_.max() > 1.5


def test_missing_real_values_are_scored_in_the_units_of_the_data():
    """Fails if the bound of a row with missing values has the volume of all columns."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2)) * np.array([1000.0, 0.001])
    rbm = GaussianBernoulliRBM(n_iter=20, missing_values="allow")
    dbm = DeepBoltzmannMachine((2, 2), rbm=rbm, random_state=0).fit(X)
    for known, scale in ((0, 1000.0), (1, 0.001)):
        rows = np.full(X.shape, np.nan)
        rows[:, known] = X[:, known]
        normal = -np.log(scale) - 0.5 * np.log(2 * np.pi) - 0.5
        assert abs(dbm.score(rows) - normal) < 0.3


def test_bounds_of_huge_values_do_not_overflow():
    """Fails if squares, or values times inputs, overflow in float32: warnings are errors."""
    X = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    rbm = GaussianBernoulliRBM(n_iter=2, missing_values="allow")
    machine = DeepBoltzmannMachine((3, 2), rbm=rbm, n_iter=2, random_state=0).fit(X)
    huge = np.float32([[9e37, -9e37, 9e37], [9e37, np.nan, 1], [-9e37, 9e37, np.nan]])
    assert (machine.score_samples(huge) < -1e50).all()


def test_missing_values_are_trained_around(patterns):
    """Fails if missing cells count as zeros."""
    rng = np.random.default_rng(1)
    holes = np.where(rng.random(patterns.shape) < 0.3, np.nan, patterns)
    rbm = BernoulliRBM(n_iter=60, missing_values="allow")
    dbm = DeepBoltzmannMachine((4, 2), rbm=rbm, pretrain=False, random_state=0).fit(holes)
    independent = np.sum([p * np.log(p) + (1 - p) * np.log(1 - p) for p in patterns.mean(axis=0)])
    assert dbm.score(patterns) > independent + 0.2
    assert np.isfinite(dbm.transform(holes)).all()
    assert dbm.score(holes) > dbm.score(patterns)


def test_weight_two_is_the_row_given_twice(patterns):
    """Fails if weights of rows do not count."""
    rbm = BernoulliRBM(n_iter=3, batch_size=len(patterns[:40]) + 10)
    weights = np.where(np.arange(40) < 10, 2.0, 1.0)
    dbm = DeepBoltzmannMachine((3, 2), rbm=rbm, random_state=0)
    one = dbm.fit(patterns[:40], sample_weight=weights).components_[1].copy()
    two = dbm.fit(np.concatenate([patterns[:40], patterns[:10]])).components_[1]
    np.testing.assert_allclose(one, two, atol=1e-5)


def test_partial_fit_continues(patterns):
    """Fails if a call starts again, or calls differ from one call with all rows."""
    rbm = BernoulliRBM(batch_size=100)
    calls = DeepBoltzmannMachine((3, 2), rbm=rbm, random_state=0)
    calls.partial_fit(patterns[:400])
    calls.partial_fit(patterns[400:])
    assert calls.n_iter_ == 2
    one = DeepBoltzmannMachine((3, 2), rbm=rbm, random_state=0).partial_fit(patterns[:400])
    before = one.components_[1].copy()
    one.partial_fit(patterns[400:])
    np.testing.assert_array_equal(one.components_[1], calls.components_[1])
    assert not np.array_equal(before, one.components_[1])


def test_later_calls_ignore_other_sizes(patterns):
    """Fails if a change of the sizes after the first call changes the model."""
    dbm = DeepBoltzmannMachine((3, 2), random_state=0).partial_fit(patterns)
    same = DeepBoltzmannMachine((3, 2), random_state=0).partial_fit(patterns)
    dbm.set_params(hidden_layer_sizes=(3, 5)).partial_fit(patterns)
    same.partial_fit(patterns)
    np.testing.assert_array_equal(dbm.components_[1], same.components_[1])
    assert dbm.transform(patterns).shape == (len(patterns), 2)


@pytest.mark.parametrize("epoch", [2, 5, 7, 8, 11])
def test_a_resumed_fit_equals_an_uninterrupted_fit(patterns, epoch):
    """Fails if the state of the training is not kept between epochs, or between layers."""

    def stop(estimator, iteration):
        if iteration == epoch:
            raise KeyError

    rbm = BernoulliRBM(n_iter=5)
    whole = DeepBoltzmannMachine((3, 2, 2), rbm=rbm, n_iter=3, random_state=0).fit(patterns)
    dbm = DeepBoltzmannMachine((3, 2, 2), rbm=rbm, n_iter=3, callbacks=stop, random_state=0)
    with pytest.raises(KeyError):
        dbm.fit(patterns)
    dbm.callbacks = None
    dbm = pickle.loads(pickle.dumps(dbm)).resume(patterns)
    assert dbm.n_iter_ == 5 + 3 + 3
    np.testing.assert_array_equal(dbm.components_[2], whole.components_[2])


@pytest.mark.parametrize("sizes", [(4, 3), (4, 3, 2), (4, 3, 2, 2)])
def test_a_new_layer_hardly_changes_the_distribution(patterns, sizes):
    """Fails if a layer is added in the wrong place, or biases do not absorb its mean inputs."""
    rbm = BernoulliRBM(n_iter=60)
    smaller = DeepBoltzmannMachine(sizes[:-1], rbm=rbm, random_state=0)
    smaller.set_params(n_iter=0 if len(sizes) > 2 else None).fit(patterns)
    larger = DeepBoltzmannMachine(sizes, rbm=rbm, n_iter=0, random_state=0).fit(patterns)
    rows = _bits(5)
    before, after = _enumerated(smaller, rows)[0], _enumerated(larger, rows)[0]
    p = np.exp(before)
    assert p @ (before - after) < 0.001  # nats
    for below, same in zip(smaller.components_, larger.components_, strict=False):
        np.testing.assert_array_equal(below, same)
    np.testing.assert_array_equal(smaller.chains_, larger.chains_)
    np.testing.assert_allclose(np.linalg.norm(larger.components_[-1], 2), 1.0, rtol=1e-6)


def test_new_weights_point_along_dependent_units():
    """Fails if the weights of a new layer are not from an RBM of the states below."""
    rng = np.random.default_rng(0)
    cause = rng.random((600, 1)) < 0.5
    X = np.repeat(cause, 8, axis=1) ^ (rng.random((600, 8)) < 0.1)
    rbm = BernoulliRBM(n_iter=60)
    smaller = DeepBoltzmannMachine(16, rbm=rbm, random_state=0).fit(X)
    dbm = DeepBoltzmannMachine((16, 2), rbm=rbm, n_iter=0, random_state=0).fit(X)
    _, axes = np.linalg.eigh(np.cov(smaller.transform(X).T))
    _, _, own = np.linalg.svd(dbm.components_[1])
    assert abs(axes[:, -1] @ own[0]) > 0.8  # random directions have 0.2


def test_pretraining_reads_some_rows_of_any_source(tmp_path):
    """Fails if the rows of a sparse matrix or a file are chosen or read in another way."""
    rng = np.random.default_rng(0)
    X = (rng.random((2_100, 5)) < [0.2, 0.4, 0.5, 0.6, 0.8]).astype(float)
    np.save(tmp_path / "rows.npy", X)
    on_disk = np.load(tmp_path / "rows.npy", mmap_mode="r")
    dbm = DeepBoltzmannMachine((4, 3), rbm=BernoulliRBM(n_iter=1), n_iter=0, random_state=0)
    expected = dbm.fit(X).components_[1]
    for rows in (sparse.csr_array(X), on_disk):
        np.testing.assert_allclose(dbm.fit(rows).components_[1], expected, rtol=1e-6)


def test_joint_training_makes_smaller_steps(patterns):
    """Fails if joint training undoes the pre-training."""
    rbm = BernoulliRBM(n_iter=60)
    start, end = (
        DeepBoltzmannMachine((4, 3), rbm=rbm, n_iter=n, random_state=0).fit(patterns)
        for n in (0, 10)
    )
    moved = np.abs(end.components_[0] - start.components_[0]).max()
    assert 0 < moved < 0.25
    assert end.score(patterns) > start.score(patterns) - 0.02


def test_pretraining_is_left_out_if_not_wanted(patterns):
    """Fails if n_iter or pretrain has no effect."""
    dbm = DeepBoltzmannMachine((4, 3, 2), rbm=BernoulliRBM(n_iter=5), random_state=0)
    assert dbm.fit(patterns).n_iter_ == 5 + 5 + 5
    assert dbm.set_params(n_iter=2).fit(patterns).n_iter_ == 5 + 2 + 2
    assert dbm.set_params(pretrain=False).fit(patterns).n_iter_ == 2
    assert dbm.set_params(n_iter=None).fit(patterns).n_iter_ == 5
    one = DeepBoltzmannMachine(4, rbm=BernoulliRBM(n_iter=5), n_iter=2, random_state=0)
    assert one.fit(patterns).n_iter_ == 2


def test_a_callback_ends_the_training_of_some_layers(patterns):
    """Fails if StopIteration leaves out the layers above."""

    def stop(estimator, iteration):
        raise StopIteration

    dbm = DeepBoltzmannMachine((4, 3, 2), callbacks=stop, random_state=0).fit(patterns)
    assert dbm.n_iter_ == 3
    assert dbm.transform(patterns).shape == (len(patterns), 2)


def test_partial_fit_adds_the_layers_of_an_interrupted_fit(patterns):
    """Fails if later calls train a machine with too few layers."""

    def stop(estimator, iteration):
        raise KeyError

    dbm = DeepBoltzmannMachine((4, 3, 2), callbacks=stop, random_state=0)
    with pytest.raises(KeyError):
        dbm.fit(patterns)
    assert len(dbm.components_) == 1
    dbm.set_params(callbacks=None).partial_fit(patterns)
    assert [w.shape for w in dbm.components_] == [(4, 5), (3, 4), (2, 3)]
    assert dbm.n_iter_ == 2


def test_warns_if_the_mean_field_has_not_converged(fitted, patterns):
    """Fails if the limit of updates goes unnoticed."""
    dbm = pickle.loads(pickle.dumps(fitted)).set_params(mean_field_max_iter=1, mean_field_tol=0)
    with pytest.warns(ConvergenceWarning, match="mean_field_max_iter=1 updates"):
        dbm.transform(patterns)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hidden_layer_sizes": ()}, "hidden_layer_sizes"),
        ({"hidden_layer_sizes": (3, 0)}, "hidden_layer_sizes"),
        ({"mean_field_max_iter": 0}, "mean_field_max_iter == 0, must be"),
        ({"mean_field_tol": -1.0}, "mean_field_tol == -1.0, must be"),
        ({"output": "bottom"}, "output == 'bottom', must be"),
        ({"pretrain": "yes"}, "pretrain == 'yes', must be"),
        ({"n_iter": -1}, "n_iter == -1, must be"),
        ({"rbm": 3}, "rbm == 3, must be None or an RBM of skrbm"),
        ({"rbm": BernoulliRBM(hidden="gaussian")}, "must have independent binary hidden units"),
        ({"rbm": BernoulliRBM(early_stopping=True)}, "early_stopping == True, must be False"),
        ({"rbm": GaussianBernoulliRBM(covariance_type="full")}, "'full', must be 'diag'"),
    ],
)
def test_invalid_parameters_are_refused(parameters, message, patterns):
    """Fails if a mistake is found only in the training."""
    dbm = DeepBoltzmannMachine((3, 2), random_state=0).set_params(**parameters)
    with pytest.raises(ValueError, match=message):
        dbm.fit(patterns)
    assert not dbm.__sklearn_is_fitted__()


def test_float32_stays_float32(patterns):
    """Fails if a mean field is computed in float64."""
    dbm = DeepBoltzmannMachine((3, 2), rbm=BernoulliRBM(n_iter=2), random_state=0)
    dbm.fit(patterns.astype(np.float32))
    assert dbm.transform(patterns.astype(np.float32)).dtype == np.float32
    assert dbm.score_samples(patterns).dtype == np.float64
