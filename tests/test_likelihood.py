"""Likelihoods against enumeration."""

import numpy as np
import pytest
from scipy.special import logsumexp

from skrbm import annealing, likelihood, samplers
from skrbm._kernels import arrays, devices, random
from skrbm.annealing import AnnealingBudget, AnnealingPath
from skrbm.model import RBM
from skrbm.units import Bernoulli, Gaussian

from laws import (
    ENUMERABLE,
    PAIR_IDS,
    PAIRS,
    PURE,
    all_states,
    draw,
    enumerate_rbm,
    quick,
    random_rbm,
)

FEW = AnnealingBudget(n_chains=500, n_temperatures=200)
BUDGETS = {
    "ais": FEW,
    "bracket": FEW,
    "tempering": AnnealingBudget(n_chains=100),
}  # a hundred are enough

pairs = pytest.mark.parametrize("pair", PAIRS, ids=PAIR_IDS)


@pytest.mark.parametrize("pair", ENUMERABLE, ids=PAIR_IDS[: len(ENUMERABLE)])
@pytest.mark.parametrize("shape", [(1, 1), (4, 3), (3, 4), (11, 2), (2, 11)])
def test_exact_log_partition_is_the_sum_over_all_states(pair, shape):
    """Fails if the states of the larger layer are omitted."""
    rbm = random_rbm(pair, *shape)
    result = likelihood.exact_log_partition(rbm)
    assert result.value == pytest.approx(enumerate_rbm(rbm, pair).log_partition, rel=1e-12)
    assert (result.std_error, result.method) == (0, "exact")


@pytest.mark.parametrize("scale", [0.3, 100])
def test_exact_log_partition_in_several_tasks(scale):
    """17 hidden units make 256 outer states, four tasks. Against a plain enumeration.

    Fails if the tasks overlap; at scale 100 if exponentials overflow.
    """
    rbm = random_rbm(n_visible=20, n_hidden=17, scale=scale)
    h = arrays.binary_digits(np.arange(2**17), 17)
    log_weight = h @ rbm.hidden.bias + np.logaddexp(
        0, h @ rbm.weights.array.T + rbm.visible.bias
    ).sum(1)
    expected = np.logaddexp.reduce(log_weight)
    assert likelihood.exact_log_partition(rbm).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("pair", ENUMERABLE, ids=PAIR_IDS[: len(ENUMERABLE)])
def test_exact_log_partition_of_many_units_is_the_sum_over_the_hidden_states(pair):
    """700 units are more than one block. Fails if a block or its biases are omitted."""
    rbm = random_rbm(pair, 700, 3, scale=0.05)
    if not rbm.hidden.is_finite:
        rbm = random_rbm(pair, 3, 700, scale=0.05).swap()
    h = rbm.hidden.states()
    log_weight = rbm.visible.log_normalizer(h @ rbm.weights.array.T) - rbm.hidden.energy(h)
    for model in (rbm, rbm.swap()):
        got = likelihood.exact_log_partition(model).value
        assert got == pytest.approx(logsumexp(log_weight), rel=1e-12)


def _zero_model(n_visible, n_hidden):
    layers = (Bernoulli(np.zeros(n, np.float32)) for n in (n_visible, n_hidden))
    return RBM(*layers, np.zeros((n_visible, n_hidden), np.float32))


def _automatic(rbm, monkeypatch, budget):
    monkeypatch.setattr(likelihood, "exact_log_partition", lambda *_: "exact")
    monkeypatch.setattr(likelihood, "bracketed_log_partition", lambda *_: "bracket")
    path = AnnealingPath(rbm, rbm.visible)
    return likelihood.log_partition(path, random.generator(0), "auto", budget)


@pytest.mark.parametrize("n_visible", [1, 13, 784, 20_000])
def test_costs_grow_with_units_and_budget(n_visible):
    """Fails if a cost omits a layer, or annealing its chains."""
    some, more = (_zero_model(n_visible, n_hidden) for n_hidden in (3, 4))
    if n_visible > 3:
        assert likelihood.exact_cost(more) == 2 * likelihood.exact_cost(some)
    assert likelihood.exact_cost(some.swap()) == likelihood.exact_cost(some)
    assert likelihood.bracket_cost(more) > likelihood.bracket_cost(some)
    assert likelihood.bracket_cost(some.swap()) == likelihood.bracket_cost(some)
    twice = AnnealingBudget(n_chains=200)
    assert likelihood.bracket_cost(some, twice) == 2 * likelihood.bracket_cost(some)
    assert likelihood.exact_cost(_zero_model(5_000, 5_000)) > 1e300


def test_automatic_method_is_the_cheaper_one_or_exact_within_a_second(monkeypatch):
    """Fails if sizes are compared: 16 x 20,000 has more than 2^30 terms, as 22 x 784 has."""
    few, many = AnnealingBudget(n_chains=20, n_temperatures=100), AnnealingBudget(n_chains=1_000)
    for shape, expected in {
        (13, 20): ("exact", "exact"),
        (20_000, 16): ("exact", "exact"),
        (200_000, 16): ("bracket", "exact"),
        (784, 22): ("bracket", "exact"),
        (784, 500): ("bracket", "bracket"),
    }.items():
        chosen = (_automatic(_zero_model(*shape), monkeypatch, budget) for budget in (few, many))
        assert tuple(chosen) == expected, shape


def test_exact_log_partition_takes_beta_into_account():
    """Fails if the inverse temperature of the coupling is dropped."""
    rbm = random_rbm()
    base = random_rbm(seed=1)
    half = rbm.interpolate(base.visible, base.hidden, 0.5)
    v, _ = all_states(PAIRS[0][0], half.visible)
    expected = np.logaddexp.reduce(-half.free_energy(v))
    assert likelihood.exact_log_partition(half).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("neutral", [False, True])
def test_annealing_without_weights_is_exact(neutral):
    """Law 7. Fails if log Z of the base omits a layer, or zero variance counts as too much."""
    rbm = random_rbm(scale=0)
    if neutral:  # nothing changes along the path
        rbm = RBM(rbm.visible, rbm.hidden.neutral(), rbm.weights.array)
    path = AnnealingPath(rbm, Bernoulli(rbm.visible.bias))
    exact = enumerate_rbm(rbm).log_partition
    for method, budget in BUDGETS.items():
        result = likelihood.log_partition(path, random.generator(0), method, budget)
        assert result.value == pytest.approx(exact, rel=1e-9)
        assert result.std_error < 1e-9
        assert not result.doubt


# The quick runs: one of each method for pure layers, and forward annealing for mixed ones.
ANNEALED = [(pair, method, 0) for pair in PAIRS for method in BUDGETS]
ANNEALED += [(pair, method, seed) for pair in PURE for method in BUDGETS for seed in (1, 2)]


@pytest.mark.parametrize(
    "run",
    quick(ANNEALED, *[x for x in ANNEALED if x[2] == 0 and (x[0] in PURE or x[1] == "ais")]),
    ids=lambda run: f"{run[0][0].name}-{run[0][1].name}-{run[1]}-{run[2]}",
)
def test_annealing_is_right_within_its_standard_error(run):
    """Six standard errors. Fails if a transition leaves another temperature's model unchanged."""
    pair, method, seed = run
    shape = (8, 6) if pair in PURE else (4, 3)
    rbm = random_rbm(pair, *shape, scale=1.0, seed=seed)
    path = AnnealingPath(rbm, rbm.visible.neutral())
    result = likelihood.log_partition(path, random.generator(seed), method, BUDGETS[method])
    exact = enumerate_rbm(rbm, pair).log_partition
    assert abs(result.value - exact) < 6 * result.std_error
    assert result.std_error < 0.1
    assert result.method == method
    assert not result.doubt


def test_tempering_is_unbiased_if_its_temperatures_end_above_zero():
    """Six standard errors. Fails if the last step to independent units is omitted."""
    rbm = random_rbm(n_visible=8, n_hidden=6)
    path, rng = AnnealingPath(rbm, Bernoulli(np.zeros(8))), random.generator(0)
    ladder = likelihood.replicas(path, 500, rng)
    ladder.betas = np.linspace(1, 0.6, len(ladder.betas))
    result = likelihood.tempered_log_partition(path, rng, ladder, n_steps=40)  # too few to adapt
    assert abs(result.value - enumerate_rbm(rbm).log_partition) < 6 * result.std_error
    assert result.std_error < 0.1


@pytest.mark.parametrize("n_models", quick([8, 40], 8))
def test_bounds_contain_the_exact_value_unless_in_doubt(n_models):
    """Weights from tiny to strong. Fails if the directions are confused, or errors are too small.

    One in twenty may miss, of all bounds and of all values within three standard errors without
    doubt: by chance, or because no chain of a hard model found a mode.
    """
    choose = np.random.default_rng(0)
    inside, close = [], []
    for seed in range(n_models):
        rbm = random_rbm(n_visible=12, n_hidden=9, scale=10 ** choose.uniform(-2, 0.7), seed=seed)
        exact = likelihood.exact_log_partition(rbm).value
        path = AnnealingPath(rbm, Bernoulli(np.zeros(12)))
        result = likelihood.bracketed_log_partition(
            path, random.generator(seed), AnnealingBudget(n_chains=50, n_temperatures=500)
        )
        inside.append(result.lower <= exact <= result.upper)
        if not result.doubt:
            close.append(abs(result.value - exact) <= 3 * result.std_error)
    assert np.mean(inside) >= 0.95
    assert np.mean(close) >= 0.95
    assert len(close) >= 0.85 * n_models


def test_contradicting_directions_are_detected():
    """Fails if narrow bounds raise no doubt although all reverse chains start in a rare mode.

    All units are off, or on with a probability of e^-6; halfway both are equally likely.
    """
    weights = np.tile([12.0, -12.0], (10, 1))
    rbm = RBM(Bernoulli(np.zeros(10)), Bernoulli(np.array([-66.0, 60.0])), weights)
    path, budget = (
        AnnealingPath(rbm, Bernoulli(np.zeros(10))),
        AnnealingBudget(n_temperatures=2_000),
    )
    exact = likelihood.exact_log_partition(rbm).value
    for chains, trusted in ((np.zeros((50, 10)), True), (np.ones((50, 10)), False)):
        rng = random.generator(0)
        result = likelihood.bracketed_log_partition(path, rng, budget, chains)
        assert result.lower <= exact <= result.upper
        assert (not result.doubt) == trusted


@pytest.mark.parametrize(
    ("scale", "budget", "words"),
    [
        (3.0, AnnealingBudget(20, 20), "effective sample size"),
        (0.8, AnnealingBudget(100, 30), "standard error"),
    ],
)
def test_forward_annealing_reports_a_small_effective_sample_size(scale, budget, words):
    """Fails if a plain run with too few temperatures raises no doubt."""
    rbm = random_rbm(n_visible=60, n_hidden=50, scale=scale)
    path = AnnealingPath(rbm, Bernoulli(np.zeros(60)))
    result = likelihood.annealed_log_partition(path, random.generator(0), budget)
    assert words in result.doubt
    assert result.upper == np.inf


@pytest.mark.parametrize("seed", range(3))
def test_annealing_in_reverse_is_right_within_its_standard_error(seed):
    """Six standard errors, from exact samples. Fails if the ratio is inverted."""
    rbm = random_rbm(n_visible=8, n_hidden=6, scale=1.0, seed=seed)
    exact = enumerate_rbm(rbm)
    v = exact.v[draw(np.exp(exact.log_p_visible), 500, np.random.default_rng(seed))]
    path = AnnealingPath(rbm, Bernoulli(np.zeros(8)))
    ratio = _reverse(path, v, random.generator(seed), 200)
    log_z = path.log_partition_at_zero - ratio.value
    assert abs(log_z - exact.log_partition) < 6 * ratio.std_error
    assert ratio.std_error < 0.05


def _reverse(path, v, rng, n_temperatures):
    betas = np.linspace(1, 0, n_temperatures)
    return annealing.mean_weight(annealing.log_weights(path, v, betas, rng).sum(axis=1))


def _forward(path, rng, n_chains, n_temperatures):
    v = samplers.sample_independent(path.base, n_chains, rng)
    betas = np.linspace(0, 1, n_temperatures)
    return annealing.mean_weight(annealing.log_weights(path, v, betas, rng).sum(axis=1))


def test_forward_and_reverse_annealing_err_in_opposite_directions():
    """Law 7. Fails if both have the same sign: few chains and temperatures, means of 50 runs."""
    rbm = random_rbm(n_visible=10, n_hidden=8, scale=2.0)
    exact = enumerate_rbm(rbm)
    path = AnnealingPath(rbm, Bernoulli(np.zeros(10)))
    log_ratio = exact.log_partition - path.log_partition_at_zero
    choose = np.random.default_rng(0)
    rng = random.generator(0)
    forward, reverse = [], []
    for _ in range(50):
        v = exact.v[draw(np.exp(exact.log_p_visible), 5, choose)]
        forward.append(_forward(path, rng, 5, 5).value)
        reverse.append(-_reverse(path, v, rng, 5).value)
    assert np.mean(forward) < log_ratio - 0.1
    assert np.mean(reverse) > log_ratio + 0.1


def test_annealing_tightens_with_more_temperatures():
    """Law 7. Fails if only the number of chains has an effect."""
    rbm = random_rbm(n_visible=10, n_hidden=8, scale=2.0)
    path = AnnealingPath(rbm, Bernoulli(np.zeros(10)))
    log_ratio = likelihood.exact_log_partition(rbm).value - path.log_partition_at_zero
    error = [
        np.mean(
            [abs(_forward(path, random.generator(i), 20, n).value - log_ratio) for i in range(20)]
        )
        for n in (3, 30, 300)
    ]
    assert error[0] > 2 * error[1] > 4 * error[2]


def test_temperatures_are_placed_by_divergence():
    """Fails if they are spaced by the divergence and not by its root.

    Nine tenths of the path have a hundredth of the variance of the rest, so a tenth of its standard
    deviation: they get 0.9 of 1.9 parts of the temperatures.
    """
    rng = np.random.default_rng(0)
    spread = np.where(np.arange(1000) < 900, 0.1, 1.0)
    increments = spread * rng.normal(size=(2000, 1000))
    betas = annealing.equal_divergence(np.linspace(0, 1, 1001), increments, None, 5001)
    assert (np.diff(betas) > 0).all()
    assert betas[[0, -1]].tolist() == [0, 1]
    assert np.mean(betas < 0.9) == pytest.approx(0.9 / 1.9, abs=0.03)
    lagging = annealing.equal_divergence(
        np.linspace(0, 1, 1001), 0 * increments - spread**2, 0 * increments, 5001
    )
    assert np.mean(lagging < 0.9) == pytest.approx(0.9 / 1.9, abs=0.03)


def test_bennett_s_estimate_and_its_error():
    """Gaussian works of variance s^2 and mean -s^2 / 2 about the log-ratio, in both directions.

    Fails if a sign is wrong, or the standard error is not the spread of the estimate: 300 of them,
    within six standard errors of a mean and of a standard deviation.
    """
    rng = np.random.default_rng(0)
    n, s, ratio = 200, 2.0, 7.0
    estimates = np.array(
        [
            annealing.bennett(
                ratio - s**2 / 2 + s * rng.normal(size=n),
                -ratio - s**2 / 2 + s * rng.normal(size=n),
            )
            for _ in range(300)
        ]
    )
    error = estimates[:, 0].std()
    assert abs(estimates[:, 0].mean() - ratio) < 6 * error / np.sqrt(300)
    assert estimates[:, 1].mean() == pytest.approx(error, rel=6 / np.sqrt(600))


def test_directions_too_far_apart_have_an_infinite_error():
    """Works 2,000 nats apart. Fails if both sums of Bennett's equation vanish: 0 / 0."""
    ratio, error = annealing.bennett(np.array([-1000.0, -1010]), np.array([-1000.0, -1020]))
    assert ratio == 0
    assert error == np.inf
    rbm = random_rbm(n_visible=60, n_hidden=14, scale=30.0)
    path = AnnealingPath(rbm, Bernoulli(np.zeros(60)))
    exact = likelihood.exact_log_partition(rbm).value
    for method in ("bracket", "tempering"):
        result = likelihood.log_partition(
            path, random.generator(0), method, AnnealingBudget(20, 400)
        )
        assert result.doubt or result.lower <= exact <= result.upper


def test_weights_of_both_directions_agree_in_equilibrium():
    """Fails if the weighted works are compared without their weights, or with the wrong sign."""
    rng = np.random.default_rng(0)
    n, s = 500, 1.0
    forward = 7 - s**2 / 2 + s * rng.normal(size=n)
    reverse = -7 - s**2 / 2 + s * rng.normal(size=n)
    assert annealing.disagreement(forward, reverse) < 2
    assert annealing.disagreement(forward, np.where(np.arange(n) % 2, reverse, -10)) > 2


def test_log_partition_is_exact_if_the_smaller_layer_is_small():
    """Fails if the choice considers only the hidden layer."""
    few_visible = random_rbm(n_visible=5, n_hidden=200, scale=0.1)
    large = random_rbm(n_visible=60, n_hidden=50, scale=0.1)
    for rbm, method in ((few_visible, "exact"), (large, "bracket")):
        path = AnnealingPath(rbm, rbm.visible)
        assert likelihood.log_partition(path, random.generator(0)).method == method


@pairs
def test_pseudo_log_likelihood_is_the_sum_of_exact_conditionals(pair):
    """Fails if another state changes the hidden input but not the visible energy.

    The joint density is divided by its sum or quadrature over each column.
    """
    rbm = random_rbm(pair)
    exact = enumerate_rbm(rbm, pair)
    nodes = pair[0].nodes(rbm.visible)
    density = np.exp(exact.log_p_visible).reshape([len(states) for states, _ in nodes])
    expected = sum(
        np.log(density / (density.sum(axis=i, keepdims=True) * np.exp(log_weights[0]))).ravel()
        for i, (_, log_weights) in enumerate(nodes)
    )
    inside = np.abs(exact.v).max(axis=1) < 3
    got = likelihood.pseudo_log_likelihood(rbm, exact.v[inside])
    np.testing.assert_allclose(got, expected[inside], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("scale", [0.0, 3.0, 30.0, 300.0])
def test_quadrature_finds_all_modes_of_a_column(scale):
    """A column's conditional is a mixture of normal densities, here enumerated. To 1e-8.

    Means are from close together to 300 standard deviations apart, most hidden states have hardly
    any weight, and rows are far from all of them. Fails if the nodes end at a mode.
    """
    rng = np.random.default_rng(0)
    n_hidden = 5
    weights = scale * rng.normal(size=(2, n_hidden)) / 2
    hidden = Bernoulli(-(weights.sum(axis=0) ** 2) / 20 + rng.normal(size=n_hidden))
    rbm = RBM(Gaussian(rng.normal(size=2), np.array([1.0, 4.0])), hidden, weights)
    h = arrays.binary_digits(np.arange(2**n_hidden), n_hidden)
    log_weight = h @ rbm.hidden.bias
    mean = (rbm.visible.bias + h @ weights.T) / rbm.visible.precision
    log_weight += (mean**2 * rbm.visible.precision / 2).sum(axis=1)
    v = np.vstack([mean[:4] + rng.normal(size=(4, 2)), scale * rng.normal(size=(4, 2))])
    log_terms = (
        -((v[:, None] - mean) ** 2) * rbm.visible.precision / 2
    )  # rows, hidden states, units
    log_norm = np.log(2 * np.pi / rbm.visible.precision) / 2
    joint = logsumexp(log_weight + (log_terms - log_norm).sum(axis=2), axis=1)
    other = logsumexp(log_weight[:, None] + (log_terms - log_norm), axis=1)[:, ::-1]
    expected = 2 * joint - other.sum(axis=1)
    np.testing.assert_allclose(
        likelihood.pseudo_log_likelihood(rbm, v), expected, rtol=1e-8, atol=1e-8
    )


def test_quadrature_continues_while_outside_nodes_count():
    """Fails if only seven nodes outside the two ends are used: 3e-8 of the density is left.

    Far states of the column have more weight than under a normal density, but are no mode.
    """
    weights = np.array([[-2.994, -10.067, -9.151, -3.407, 11.124]])
    hidden = Bernoulli(np.array([-8.360, -58.210, -107.196, -87.158, -131.039]))
    rbm = RBM(Gaussian(np.zeros(1), np.ones(1)), hidden, weights)
    h = arrays.binary_digits(np.arange(2**5), 5)
    mean = h @ weights[0]
    log_weight = h @ hidden.bias + mean**2 / 2
    expected = logsumexp(log_weight - mean**2 / 2) - logsumexp(log_weight) - np.log(2 * np.pi) / 2
    got = likelihood.pseudo_log_likelihood(rbm, np.zeros((1, 1)))
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-8)


def test_quadrature_ends_if_rounding_merges_its_nodes():
    """Fails if it continues while a node counts: in float32, 100 and 100.000001 are equal."""
    unit = Gaussian.of_moments(*(np.full((1, 1), x, np.float32) for x in (100, 1e-12)))
    seen = []

    def log_ratio(state):
        seen.extend(state)
        assert len(seen) < 30_000
        return devices.float64(0 * state[..., 0])

    total = unit.log_total(unit.mean(0.0), log_ratio, lambda state: 0 * state)
    assert np.isfinite(total).all()


@pytest.mark.parametrize("n_flips", [1, 3])
def test_pseudo_log_likelihood_from_some_columns_is_unbiased(n_flips):
    """Fails if the sum over columns is not scaled up. Six standard errors of the mean."""
    n = 40_000
    rbm = random_rbm(n_visible=7)
    v = np.tile([[1.0, 0, 1, 1, 0, 0, 1]], (n, 1))
    expected = likelihood.pseudo_log_likelihood(rbm, v[:1])[0]
    draws = likelihood.pseudo_log_likelihood(rbm, v, n_flips, random.generator(0))
    assert abs(draws.mean() - expected) < 6 * draws.std() / np.sqrt(n)
