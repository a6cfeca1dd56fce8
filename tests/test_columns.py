"""Codes of columns: densities by sums and quadrature, draws, means, ranges."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import ks_2samp, kstest

from skrbm.data.categories import Categories
from skrbm.data.columns import Numbers

N = 600


def _spiked(rng):
    x = rng.lognormal(size=N)
    x[: N // 3] = 0.0
    x[N // 3 : N // 2] = 2.0
    return rng.permutation(x)


CONTINUOUS = {
    "normal": lambda rng: rng.normal(3, 2, size=N),
    "heavy": lambda rng: rng.standard_cauchy(size=N),
    "spiked": _spiked,
    "float32": lambda rng: rng.lognormal(size=N).astype(np.float32),
    "few": lambda rng: rng.normal(size=3),
    "constant": lambda rng: np.full(N, 0.3),
}


ON_LATTICE = {
    "integers": lambda rng: np.rint(rng.normal(0, 30, size=N)),
    "heaped": lambda rng: np.where(rng.random(N) < 0.6, 40.0, rng.integers(1, 99, size=N)),
    "tens": lambda rng: 10.0 * rng.integers(0, 80, size=N),
    "decimals": lambda rng: np.round(rng.normal(size=N), 2),
    "cents": lambda rng: np.round(rng.lognormal(10, 1.5, size=N), 2),
    "ratings": lambda rng: rng.integers(1, 7, size=N).astype(float),
    "constant integers": lambda rng: np.full(N, 7.0),
}


NUMBERS = CONTINUOUS | ON_LATTICE


def _numbers(name, **options):
    values = NUMBERS[name](np.random.default_rng(0))
    return values, Numbers.of(values, **options)


def _log_p(column, share, x):
    """Log density of values under probabilities of the codes."""
    codes = column.encode(x)
    return np.log(share)[codes] + column.log_density(x, codes)


def _shares(n):
    return np.random.default_rng(1).dirichlet(np.ones(n))


@pytest.mark.parametrize("name", CONTINUOUS)
def test_densities_and_points_of_numbers_sum_to_one(name):
    """Point masses are summed; the rest is integrated, by quadrature beyond the edges."""
    _, column = _numbers(name)
    share, cells = _shares(column.n_codes), column.cells
    points = cells.edges[:-1][cells.is_point[1:-1]]
    total = np.exp(_log_p(column, share, points)).sum()
    low, high = cells.edges[:-1].astype(float), cells.edges[1:].astype(float)
    wide = ~cells.is_point[1:-1]
    total += ((high - low) * np.exp(_log_p(column, share, low)))[wide].sum()
    for edge, sign, scale in zip(cells.edges[[0, -1]], (-1, 1), cells.scales, strict=True):

        def density(z, edge=float(edge), sign=sign, scale=scale):
            x = np.array([edge + sign * (z + 1e-12) * scale])
            return scale * float(np.exp(_log_p(column, share, x))[0])

        total += quad(density, 0, 40, limit=200)[0]
    assert total == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("is_count", [False, True])
@pytest.mark.parametrize("name", [x for x in ON_LATTICE if x != "cents"])
def test_probabilities_of_integers_and_decimals_sum_to_one(name, is_count):
    """Over all points of the lattice, with one density per point."""
    x = np.abs(_numbers(name)[0]) if is_count else _numbers(name)[0]
    if is_count and (x != np.rint(x)).any():
        pytest.skip("no counts")
    column = Numbers.of(x, is_count=is_count)
    span = int(np.ptp(x) / column.lattice.step) + 40
    k = np.arange(-40 * span, 40 * span) + column.lattice.index(x[:1])  # and 40 scales beyond
    points = column.lattice.value(k)
    points = points[points >= column.lowest]
    p = np.exp(_log_p(column, _shares(column.n_codes), points)) * column.lattice.step
    assert p.sum() == pytest.approx(1, abs=1e-6)
    assert (column.encode(np.array([-1.0]))[0] == -1) == is_count


@pytest.mark.parametrize("most", [None, 4])
def test_probabilities_of_categories_sum_to_one(most):
    """Rare categories share a code by their frequencies."""
    values = np.random.default_rng(0).choice(list("abcdefgh"), N).astype(object)
    column = Categories.of(values, most=most)
    assert column.n_codes == (most or 8)
    every = np.array(list("abcdefgh"), object)
    assert np.exp(_log_p(column, _shares(column.n_codes), every)).sum() == pytest.approx(1)


def test_rare_categories_are_drawn_by_their_frequencies():
    """Within five standard deviations, in the code that they share."""
    n = 20_000
    values = np.repeat(np.array(list("abcdef"), object), [90, 80, 70, 30, 20, 10])
    column = Categories.of(values, most=4)
    codes = np.arange(n) % 4
    drawn = column.decode(codes, np.random.default_rng(0))
    np.testing.assert_array_equal(column.encode(drawn), codes)
    for x, p in zip("def", (3 / 6, 2 / 6, 1 / 6), strict=True):
        k = (drawn[codes == 3] == x).sum()
        assert abs(k - p * n / 4) < 5 * math.sqrt(n / 4 * p * (1 - p))


@pytest.mark.parametrize("name", NUMBERS)
def test_draws_have_their_codes(name):
    """`encode(decode(codes)) == codes`, and draws stay between the observed extremes."""
    values, column = _numbers(name)
    codes = np.repeat(np.arange(-1, column.n_codes), 300)
    drawn = column.decode(codes, np.random.default_rng(2))
    np.testing.assert_array_equal(column.encode(drawn), codes)
    known = drawn[codes >= 0]
    assert known.min() >= values.min()
    assert known.max() <= values.max()
    assert drawn.dtype == values.dtype
    if name in ON_LATTICE and name not in ("decimals", "cents"):
        assert set(known) <= set(np.arange(values.min(), values.max() + 1))
    if name in ("decimals", "cents"):
        assert (known == np.round(known, 2)).all()


@pytest.mark.parametrize("name", ["normal", "heavy", "spiked", "decimals", "integers"])
def test_draws_follow_the_density(name):
    """Kolmogorov-Smirnov, at the level 0.001, against sums of the density within the extremes."""
    _, column = _numbers(name)
    share, cells = _shares(column.n_codes), column.cells
    rng = np.random.default_rng(3)
    codes = rng.choice(column.n_codes, p=share, size=4000)
    drawn = column.decode(codes, rng).astype(float)
    inner = column.lattice.index(drawn) if column.lattice else drawn
    inner = inner + (rng.random(len(inner)) - 0.5 if column.lattice else 0.0)
    low, high = cells.edges[:-1], cells.edges[1:]
    x = column.lattice.value(low + 0.5) if column.lattice else low
    of_cell = cells.codes[1:-1]
    width = np.where(cells.is_point[1:-1], 1, (high - low) * (column.lattice or ONE).step)
    mass = np.exp(column.log_density(x, column.encode(x))) * width
    p = share[of_cell] * mass / np.bincount(of_cell, mass)[of_cell]
    cell = cells.find(inner) - 1
    within = np.where(
        cells.is_point[1:-1][cell], rng.random(4000), (inner - low[cell]) / (high - low)[cell]
    )
    assert kstest((np.cumsum(p) - p)[cell] + p[cell] * within, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("name", NUMBERS)
def test_means_and_medians_match_draws(name):
    """Within five standard errors for each code, and exactly for codes of one value."""
    _, column = _numbers(name)
    n, rng = 2000, np.random.default_rng(4)
    p = np.eye(column.n_codes)
    means, medians = column.expected(p), column.modes(np.arange(column.n_codes))
    for code in range(column.n_codes):
        drawn = column.decode(np.full(n, code), rng)
        if np.ptp(drawn) == 0:
            assert means[code] == medians[code] == drawn[0]
        deviation = drawn.astype(float).std() / math.sqrt(n) + 1e-12 * abs(means[code])
        assert abs(drawn.mean(dtype=float) - means[code]) <= 5 * deviation
        at_median = (drawn < medians[code]).mean(), (drawn <= medians[code]).mean()
        assert at_median[0] - 2.5 / math.sqrt(n) <= 0.5 <= at_median[1] + 2.5 / math.sqrt(n)
    assert medians.dtype == means.dtype == column.dtype
    shares = np.random.default_rng(5).dirichlet(np.ones(column.n_codes), 9)
    np.testing.assert_allclose(column.expected(shares), shares @ means, rtol=1e-5)


@pytest.mark.parametrize("name", NUMBERS)
def test_medians_split_draws_of_several_codes_in_half(name):
    """At most half lie below and above, within five standard errors."""
    _, column = _numbers(name)
    n, rng = 4000, np.random.default_rng(6)
    shares = rng.dirichlet(np.full(column.n_codes, 0.5), 5)
    for share, median in zip(shares, column.medians(shares), strict=True):
        drawn = column.decode(rng.choice(column.n_codes, n, p=share), rng)
        assert max((drawn < median).mean(), (drawn > median).mean()) <= 0.5 + 2.5 / math.sqrt(n)
    of_codes = column.medians(np.eye(column.n_codes))
    np.testing.assert_array_equal(of_codes, column.modes(np.arange(column.n_codes)))
    assert np.isnan(column.medians(np.full((1, column.n_codes), np.nan))).all()


def test_the_most_probable_category_may_share_a_code():
    """It maximises the probability of its code times its probability given the code."""
    column = Categories.of(
        np.repeat(np.array(list("abcdef"), object), [90, 80, 70, 20, 30, 10]), most=4
    )
    p = np.array([[0.3, 0.1, 0.2, 0.4], [0.1, 0.1, 0.1, 0.7]])
    assert column.expected(p).tolist() == ["a", "e"]
    assert column.modes(np.array([3, -1, 1])).tolist() == ["e", None, "b"]


class ONE:
    """No lattice."""

    step = 1.0


def _ranges(values):
    low, middle, high = np.quantile(values.astype(float), [0.1, 0.37, 0.8])
    ends = [(low, high), (-np.inf, middle), (middle, np.inf), (-np.inf, np.inf)]
    return [*ends, (low - 0.7, high + 0.7)]  # between integers


@pytest.mark.parametrize("name", NUMBERS)
def test_ranges_have_the_share_of_draws(name):
    """Within five standard deviations; the draws of a range are the draws that are in it."""
    values, column = _numbers(name)
    n, rng = 1500, np.random.default_rng(6)
    codes = np.repeat(np.arange(column.n_codes), n)
    drawn = column.decode(codes, rng)
    for low, high in _ranges(values):
        part = column.within(low, high)
        share = np.exp(part.log_share)
        inside = (drawn >= low) & (drawn <= high)
        found = np.bincount(codes, inside) / n
        assert (abs(found - share) <= 5 * np.sqrt(share * (1 - share) / n) + 1e-9).all()
        possible = codes[share[codes] > 0]
        kept = part.column.decode(possible, rng)
        assert ((kept >= low) & (kept <= high)).all()
        np.testing.assert_array_equal(column.encode(kept), possible)
        for code in np.flatnonzero(share > 0.1)[:: max(1, column.n_codes // 4)]:
            p = ks_2samp(
                kept[possible == code], drawn[inside & (codes == code)], method="asymp"
            ).pvalue
            assert p > 1e-4
    assert (column.within(-np.inf, np.inf).log_share == 0).all()


@pytest.mark.parametrize("name", NUMBERS)
def test_single_numbers_are_given_exactly(name):
    """Also between and beyond the observed ones; all other codes are excluded."""
    values, column = _numbers(name)
    for x in values[0], values.min() - values.dtype.type(7), values.max() + values.dtype.type(9):
        part = column.among(np.array([x]))
        (code,) = np.flatnonzero(part.log_share > -np.inf)
        assert code == column.encode(np.array([x]))[0]
        assert part.column.decode(np.array([code, -1, code]), np.random.default_rng(0))[0] == x


def test_numbers_in_a_set_are_weighted_by_density():
    """On a lattice, all its points have the total probability."""
    values, column = _numbers("integers")
    points = np.arange(values.min(), values.max() + 1)
    codes = column.encode(points)
    p = np.exp(column.log_density(points, codes))
    part = column.among(points)
    np.testing.assert_allclose(np.exp(part.log_share), np.bincount(codes, p))
    n = 4000
    for code in np.unique(codes):
        some, share = points[codes == code], p[codes == code] / p[codes == code].sum()
        drawn = part.column.decode(np.full(n, code), np.random.default_rng(0))
        found = (drawn[:, None] == some).mean(0)
        assert np.isin(drawn, some).all()
        assert (abs(found - share) <= 5 * np.sqrt(share * (1 - share) / n)).all()


@pytest.mark.parametrize("name", ["normal", "heavy", "decimals", "tens", "cents"])
@pytest.mark.parametrize(("factor", "offset"), [(2.54, 0.0), (-0.125, 16.0), (1e6, 0.0)])
def test_units_shift_the_density_by_the_log_of_their_factor(name, factor, offset):
    """The codes are the same, reversed for a negative factor."""
    values, column = _numbers(name)
    other = Numbers.of(values * factor + offset)
    new = np.concatenate([values, [values.min() - 7.3, values.max() + 9.1]])
    codes, others = column.encode(new), other.encode(new * factor + offset)
    if factor > 0:
        np.testing.assert_array_equal(codes, others)
        expected = column.log_density(new, codes) - math.log(abs(factor))
        got = other.log_density(new * factor + offset, others)
        if column.lattice:  # rounding to a point of the lattice commutes with units
            expected, got = expected[:-2], got[:-2]
        np.testing.assert_allclose(got, expected, atol=1e-8)
    else:
        total = (
            column.log_density(new, codes).mean()
            - other.log_density(new * factor + offset, others).mean()
        )
        assert total == pytest.approx(math.log(abs(factor)), abs=0.2)
