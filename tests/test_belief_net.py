"""Belief nets and their up-down training, against enumeration of every joint state."""

import numpy as np
import pytest
from scipy.special import logsumexp

from skrbm._kernels import arrays, random
from skrbm._kernels.generators import RowGenerator
from skrbm.deep.belief_net import BeliefNet, Conditional
from skrbm.learning.gradients import ExactGradient
from skrbm.learning.optimizer import CentredOptimizer, Pace
from skrbm.learning.wake_sleep import NetState, wake_sleep_update
from skrbm.model import RBM
from skrbm.units import Bernoulli

from laws import (
    BERNOULLI,
    PAIR_IDS,
    PAIRS,
    POOLED,
    SIZES,
    UNITS,
    all_states,
    codes,
    enumerate_net,
    enumerate_rbm,
    exact_log_likelihood_and_bound,
    log_bernoulli,
    random_net,
    random_rbm,
    total_variation,
    training_state,
)

# Pooled units share their biases, with a gradient for weights that are shared too.
OWN_BIASES = [unit for unit in UNITS if unit is not POOLED]
own_biases = pytest.mark.parametrize("unit", OWN_BIASES, ids=lambda unit: unit.name)


@pytest.mark.parametrize("pair", PAIRS, ids=PAIR_IDS)
def test_conditional_log_probability_is_normalised_and_uses_the_input(pair):
    """Against sums or quadrature of the density. Fails if a normaliser or the input is missing."""
    rbm = random_rbm(pair)
    visible, hidden = pair
    conditional = Conditional(rbm.hidden, rbm.weights.dense)
    s, log_weight = all_states(hidden, rbm.hidden)
    x = np.random.default_rng(0).normal(size=(1, rbm.visible.n_columns))
    expected = hidden.log_density(rbm.hidden, s) + s @ (x @ rbm.weights.dense)[0]
    expected -= logsumexp(expected + log_weight)
    log_p = conditional.log_probability(s, np.repeat(x, len(s), axis=0))
    np.testing.assert_allclose(log_p, expected, atol=1e-6)


@own_biases
def test_steps_follow_the_gradient_of_the_log_probability(unit):
    """Central differences, in the centred parameters. Fails if a factor or the bias is wrong.

    With `input = a + (x - m) W` the bias is `a - m W`; a layer's own preconditioner multiplies the
    slope.
    """
    rng = np.random.default_rng(1)
    layer, n = unit.make(3, rng, "float64"), 5
    x, weights = rng.normal(size=(n, 4)), rng.normal(size=(4, layer.n_columns))
    s = unit.some_states(layer, n, seed=1)
    shares = rng.dirichlet(np.ones(n))
    m = shares @ x

    def mean_log_probability(w, a):
        moved = Conditional(layer.shift(a - m @ (w - weights)), w)
        return shares @ moved.log_probability(s, x)

    def slope(function, at):
        steps = np.eye(at.size).reshape(at.size, *at.shape) * 1e-6
        differences = [(function(at + e) - function(at - e)) / 2e-6 for e in steps]
        return np.reshape(differences, at.shape)

    of_weights = slope(lambda w: mean_log_probability(w, 0 * layer.bias), weights)
    of_bias = slope(lambda a: mean_log_probability(weights, a), 0 * layer.bias)
    conditional = Conditional(layer, weights).map(arrays.copy)
    rate = 0.1
    conditional.climb(s, x, shares, rate)
    grown = (conditional.weights.dense - weights) / rate
    np.testing.assert_allclose(grown, layer.preconditioned(of_weights), rtol=1e-5, atol=1e-7)
    moved = (conditional.layer.bias - layer.bias) / rate + m @ grown
    np.testing.assert_allclose(moved, layer.preconditioned(of_bias), rtol=1e-5, atol=1e-7)


@own_biases
def test_no_step_decreases_the_log_probability(unit):
    """With inputs that all depend on one, at any rate.

    Fails if the length of a step is not limited.

    Weights of zero and of one, and parents in the hundreds, as in a stack on clustered data.
    """
    rng = np.random.default_rng(0)
    cause = rng.choice(2, size=(200, 1)).astype(float)
    x = np.abs(cause - (rng.random((200, 300)) < 0.05))
    layer = unit.make(3, rng, "float64")
    noisy = np.abs(cause - (rng.random((200, 3)) < 0.1)).astype(int)
    pairs = [states[[len(states) // 2, -1]] for states, _ in unit.nodes(layer)]
    s = np.hstack([pair[noisy[:, i]] for i, pair in enumerate(pairs)])
    shares = np.full(200, 1 / 200)
    conditional = Conditional(layer, rng.normal(scale=0.01, size=(300, s.shape[1])))
    conditional = conditional.map(arrays.copy)
    before = shares @ conditional.log_probability(s, x)
    for _ in range(5):
        conditional.climb(s, x, shares, 1e3)
        after = shares @ conditional.log_probability(s, x)
        assert after >= before - 1e-9
        before = after


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_log_ratio_equals_enumeration_of_joint_states(sizes):
    """Fails if a layer is left out of p or of q, or is given the wrong neighbour."""
    net = random_net(sizes)
    _, log_p, log_q = enumerate_net(net)
    states = [all_states(BERNOULLI, n)[0] for n in sizes[:-1]]
    index = np.random.default_rng(0).integers([len(s) for s in states], size=(50, len(states)))
    chosen = [s[i] for s, i in zip(states, index.T, strict=True)]
    ratio = net.log_ratio(chosen) - enumerate_rbm(net.top).log_partition
    np.testing.assert_allclose(ratio, (log_p - log_q)[tuple(index.T)], atol=1e-10)


@pytest.mark.parametrize("by_row", [False, True])
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_mean_log_ratio_is_the_bound(sizes, by_row):
    """Within 4.5 standard errors of every state. Fails if draws do not come from q."""
    net, n_draws = random_net(sizes), 4000
    v, exact, bound = exact_log_likelihood_and_bound(net)
    assert np.all(bound < exact)
    rng = RowGenerator(np.arange(len(v)), 0) if by_row else random.generator(0)
    ratios = np.array([net.log_ratio(net.up(v, rng)) for _ in range(n_draws)])
    ratios -= enumerate_rbm(net.top).log_partition
    error = ratios.std(axis=0) / np.sqrt(n_draws)
    assert np.abs((ratios.mean(axis=0) - bound) / error).max() < 4.5


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_samples_come_from_the_net(sizes):
    """Law 4, from exact states of the RBM on top: 2.5 times the distance expected by chance."""
    net, n = random_net(sizes), 100_000
    rng = np.random.default_rng(0)
    _, exact, _ = exact_log_likelihood_and_bound(net)
    top = enumerate_rbm(net.top)
    start = top.v[rng.choice(len(top.v), size=n, p=np.exp(top.log_p_visible))]
    v = net.down(start, random.generator(1))[0]
    distance, floor = total_variation(codes(v), np.exp(exact))
    assert distance < 2.5 * floor


def test_gibbs_passes_up_samples_the_top_and_passes_down():
    """Against the product of the three transition matrices. Fails if a part is left out."""
    net, n, n_steps = random_net((3, 2, 3), scale=2.0), 100_000, 2
    v, h = (all_states(BERNOULLI, size)[0] for size in (3, 2))
    up, down = net.recognition[0], net.generation[0]
    to_h = np.exp(log_bernoulli(h, v @ up.weights.dense + up.layer.bias)).T
    to_v = np.exp(log_bernoulli(v, h @ down.weights.dense + down.layer.bias)).T
    joint = enumerate_rbm(net.top).joint
    there, back = joint / joint.sum(axis=1, keepdims=True), joint / joint.sum(axis=0)
    along = np.linalg.matrix_power(there @ back.T, n_steps)
    start = np.tile(v[5], (n, 1))
    moved = net.gibbs(start, random.generator(0), n_steps)
    distance, floor = total_variation(codes(moved), (to_h @ along @ to_v)[5])
    assert distance < 2.5 * floor


def test_adding_a_transposed_layer_keeps_the_likelihood():
    """The bound is then exact for every draw. Fails if a layer of either direction is misplaced."""
    rbm = random_rbm(n_visible=5, n_hidden=4)
    net = BeliefNet.stack([rbm, rbm.swap()])
    v = all_states(BERNOULLI, 5)[0]
    ratio = net.log_ratio(net.up(v, random.generator(0)))
    np.testing.assert_allclose(ratio, -rbm.free_energy(v), atol=1e-10)


wake_sleep = wake_sleep_update(ExactGradient(), CentredOptimizer())


PARTS = {
    "recognition": lambda net: [
        x for c in net.recognition for x in (c.weights.dense, c.layer.bias)
    ],
    "generation": lambda net: [x for c in net.generation for x in (c.weights.dense, c.layer.bias)],
    "top": lambda net: list(net.top.parameters),
}


@pytest.mark.parametrize("part", PARTS)
def test_each_part_of_a_net_learns_its_own_distribution(part):
    """On data of a net that differs only in this part, which learns while the others stay fixed.

    Nine tenths of the loss must be regained: of the bound for generation and top, of the gap to the
    likelihood for recognition. Fails if a part learns from the states of another phase, or not at
    all.
    """
    truth = random_net((4, 3, 3), seed=3, scale=2.0)
    v, log_p, _ = exact_log_likelihood_and_bound(truth)
    p, rng = np.exp(log_p), random.generator(0)
    if part != "recognition":  # the best one is unknown: a gap remains
        truth = _with_best_recognition(truth)
    net = truth.copy()
    for x in PARTS[part](net):
        x += np.random.default_rng(1).normal(scale=2, size=x.shape)
    others = [x for name, of in PARTS.items() if name != part for x in of(net)]
    fixed = [x.copy() for x in others]
    state = NetState(net, training_state(net.top, rng=rng))

    def distance():
        _, exact, bound = exact_log_likelihood_and_bound(net)
        return p @ (exact - bound) if part == "recognition" else -p @ bound

    _, exact, bound = exact_log_likelihood_and_bound(_with_best_recognition(truth))
    best = p @ (exact - bound) if part == "recognition" else -p @ bound
    before, n_updates = distance(), 1000
    for i in range(n_updates):
        rows = v[rng.choice(len(v), size=200, p=p)]
        wake_sleep(state, rows, np.ones(200), Pace(0.5 * (1 - i / n_updates)))
        for x, value in zip(others, fixed, strict=True):
            x[...] = value
    assert before > best + 0.1
    assert distance() < best + (before - best) / 10


def _with_best_recognition(net):
    """The net whose recognition is nearest to its posterior: the delta rule on its own states."""
    net = net.copy()
    lower, upper = (
        all_states(BERNOULLI, c.layer.n_units)[0] for c in (net.generation[0], net.recognition[0])
    )
    _, log_p, _ = enumerate_net(net)
    i, j = (x.ravel() for x in np.indices(log_p.shape))
    for _ in range(3000):
        net.recognition[0].climb(upper[j], lower[i], np.exp(log_p).ravel(), 1.0)
    return net


def test_wake_sleep_counts_rows_by_their_weights():
    """Fails if it learns from a row of weight zero."""
    v = all_states(BERNOULLI, 4)[0]
    weights = (v[:, 0] == 1).astype(float)
    net = random_net((4, 3, 3))
    state = NetState(net, training_state(net.top))
    for _ in range(200):
        wake_sleep(state, v, weights, Pace(0.5))
    draws = net.down(np.ones((2000, 3)), random.generator(1))[0]
    assert draws[:, 0].mean() > 0.9


def test_copies_share_no_arrays():
    """Fails if a parameter of a copy is a view of the original's."""
    net = BeliefNet.stack(
        [random_rbm(), RBM(Bernoulli(np.zeros(3)), Bernoulli(np.zeros(2)), np.zeros((3, 2)))]
    )
    copy = net.copy()
    for own in (copy.recognition[0], copy.generation[0]):
        own.weights.dense[...] = 9.0
        own.layer.bias[...] = 9.0
    copy.top.weights.dense[...] = 9.0
    original = net.recognition[0].weights.dense
    assert not np.any(original == 9.0)
    assert not np.any(net.generation[0].layer.bias == 9.0)
    assert not np.any(net.top.weights.dense == 9.0)
    np.testing.assert_array_equal(net.generation[0].weights.dense, original.T)
