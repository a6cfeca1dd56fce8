"""Codes of columns and tables: densities by sums and quadrature, draws, types that survive."""

import datetime
import math
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.integrate import quad
from scipy.stats import ks_2samp, kstest

from skrbm.data.columns import Categories, Numbers
from skrbm.data.tables import Table

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
    """Point masses are counted; the rest is integrated between edges, and by quadrature beyond."""
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
def test_draws_have_the_density(name):
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
def test_means_and_medians_are_those_of_draws(name):
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


def test_the_most_probable_category_may_share_a_code():
    """It has the largest product of the probability of its code and of its own in the code."""
    column = Categories.of(
        np.repeat(np.array(list("abcdef"), object), [90, 80, 70, 20, 30, 10]), most=4
    )
    p = np.array([[0.3, 0.1, 0.2, 0.4], [0.1, 0.1, 0.1, 0.7]])
    assert column.expected(p).tolist() == ["a", "e"]
    assert column.modes(np.array([3, -1, 1])).tolist() == ["e", None, "b"]


def test_means_and_modes_keep_types_and_known_cells():
    """Means of integers are rounded; columns without known cells stay missing."""
    frame = _frame()
    holes = _holes(frame)
    table = Table.of(holes)
    codes = table.encode(frame)
    p = np.nan_to_num(table.one_hot(codes, float))
    for made in table.modes(codes, like=holes), table.expected(p, like=holes):
        assert (made.dtypes == frame.dtypes).all()
        pd.testing.assert_index_equal(made.index, holes.index)
        for name in frame:
            known = ~holes[name].isna()
            pd.testing.assert_series_equal(made[name][known], holes[name][known])
        np.testing.assert_array_equal(table.encode(made), codes)
    even = table.expected(np.ones_like(p))
    assert (even.dtypes == frame.dtypes).all()
    assert even["int"].iloc[0] == round(
        table.columns[2].expected(np.ones((1, table.n_codes[2])))[0]
    )


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


def test_numbers_of_a_set_weigh_by_their_densities():
    """On a lattice, all of its points are everything."""
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


def test_conditions_hold_in_draws_of_a_table():
    """Values, sets and ranges of numbers, times, categories and ordered categories."""
    frame = _frame()
    table, rng = Table.of(frame), np.random.default_rng(0)
    start = pd.Timestamp("2021-01-01")
    given = {
        "float": (0.0, None),
        "int": [7, 300],
        "uint8": 3,
        "Int64": {2, 4},
        "bool": True,
        "str": {"x", ""},
        "objects": (4, 6),
        "level": ("mid", "never"),
        "day": (start, start + pd.Timedelta("90 D")),
        "zone": (datetime.datetime(2021, 1, 1), start.tz_localize("UTC") + pd.Timedelta("90 D")),
        "span": (None, datetime.timedelta(minutes=100)),
        "Float64": 0.25,
    }
    codes = table.encode(frame)
    for name, allowed in given.items():
        share = table.log_share(name, allowed)
        codes[:, table.names.index(name)] = rng.choice(np.flatnonzero(share > -np.inf), len(codes))
    drawn = table.decode(codes, rng, allowed=given)
    assert (drawn.dtypes == frame.dtypes).all()
    np.testing.assert_array_equal(table.encode(drawn), codes)
    for name, allowed in given.items():
        x = drawn[name]
        if name == "zone":
            assert x.between(start.tz_localize("Europe/Paris"), allowed[1]).all()
        elif name == "level":
            assert set(x) == {"mid", "high"}
        elif isinstance(allowed, tuple):
            assert allowed[0] is None or x.min() >= allowed[0], name
            assert allowed[1] is None or x.max() <= allowed[1], name
        else:
            assert set(x) <= set(allowed if isinstance(allowed, list | set) else [allowed])


def test_codes_without_an_allowed_value_are_refused():
    """By `decode`, which would have nothing to draw."""
    frame = _frame()[["int", "str"]]
    table = Table.of(frame)
    with pytest.raises(ValueError, match=r"^codes has a code of column 'str' that given\['str'\]"):
        table.decode(table.encode(frame), np.random.default_rng(0), allowed={"str": "x"})


@pytest.mark.parametrize(
    ("name", "allowed", "message"),
    [
        ("age", 3, "given has 'age', must have only names"),
        ("str", "z", r"given\['str'\] has 'z', which is not among"),
        ("str", ["x", "z"], r"given\['str'\] has 'z', which is not among"),
        ("str", ("x", "y"), r"given\['str'\] == \('x', 'y'\), must not be a tuple"),
        ("level", ("mid", "top"), r"given\['level'\] == .*, must have two of the ordered"),
        ("level", ("high", "low"), r"given\['level'\] == .*, must contain a value"),
        ("int", (9, 5), r"given\['int'\] == \(9, 5\), must contain a value"),
        ("int", (5.2, 5.8), r"given\['int'\] == .*, must contain a value"),
        ("int", (600, 700), r"given\['int'\] == .*, must contain a value"),
        ("int", [], r"given\['int'\] == \[\], must contain a value"),
        ("int", 5.5, r"given\['int'\] == 5.5, must have only integers"),
        ("int", "5", r"given\['int'\] == '5', must have the type of the column"),
        ("uint8", -1, r"given\['uint8'\] == -1, must contain a value"),
        ("float", None, r"given\['float'\] == None, must have the type of the column"),
        ("float", (1, 2, 3), r"given\['float'\] == .*, must be a value, a list"),
        ("day", 7, r"given\['day'\] == 7, must have the type of the column"),
    ],
)
def test_conditions_that_cannot_hold_are_refused(name, allowed, message):
    """One sentence with the name of the column."""
    with pytest.raises(ValueError, match=f"^{message}"):
        Table.of(_frame()).log_share(name, allowed)


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


def _frame(n=200, seed=0):
    rng = np.random.default_rng(seed)
    level = pd.CategoricalDtype(["low", "mid", "high", "never"], ordered=True)
    day = pd.Timestamp("2020-02-01") + pd.to_timedelta(rng.integers(0, 900, n), "D")
    frame = pd.DataFrame(
        {
            "float": rng.normal(size=n),
            "float32": rng.normal(size=n).astype(np.float32),
            "int": rng.integers(5, 500, n),
            "uint8": rng.integers(0, 9, n).astype(np.uint8),
            "Int64": pd.array(rng.integers(0, 9, n), dtype="Int64"),
            "Float64": pd.array(rng.normal(size=n), dtype="Float64"),
            "bool": rng.random(n) < 0.3,
            "boolean": pd.array(rng.random(n) < 0.3, dtype="boolean"),
            "str": rng.choice(["x", "y", ""], n),
            "object": rng.choice(["x", "y"], n).astype(object),
            "objects": rng.integers(0, 9, n).astype(object),
            "level": pd.Categorical(rng.choice(["low", "mid", "high"], n), dtype=level),
            "arrow": pd.array(rng.integers(0, 9, n), dtype="int64[pyarrow]"),
            "arrow str": pd.array(rng.choice(["x", "y"], n), dtype="string[pyarrow]"),
            "arrow bool": pd.array(rng.random(n) < 0.5, dtype="bool[pyarrow]"),
            "day": day,
            "zone": day.tz_localize("Europe/Paris"),
            "span": pd.to_timedelta(rng.integers(0, 900, n), "min"),
            "constant": np.ones(n),
            "nothing": np.full(n, np.nan),
        },
        index=[f"row {i}" for i in range(n)],
    )
    frame.columns.name = "columns"
    return frame


def _holes(frame, seed=1):
    """Cells made missing in the columns whose types have missing values."""
    rng = np.random.default_rng(seed)
    frame = frame.copy()
    for name in frame:
        if frame[name].dtype.kind not in "iub" or not isinstance(frame[name].dtype, np.dtype):
            frame[name] = frame[name].mask(rng.random(len(frame)) < 0.2)
    return frame


KINDS = {
    **dict.fromkeys(["float", "float32", "int", "Float64", "day", "zone", "span"], "number"),
    **dict.fromkeys(["uint8", "Int64", "objects", "arrow"], "count"),
    **dict.fromkeys(["bool", "boolean", "str", "object", "arrow str", "arrow bool"], "category"),
    "level": "ordinal",
    "constant": "number",
    "nothing": "number",
}


def test_types_columns_and_index_survive():
    """Draws of a frame, with holes and without."""
    frame = _frame()
    holes = _holes(frame)
    rng = np.random.default_rng(0)
    for X in frame, holes:
        table = Table.of(X)
        assert table.column_types == KINDS
        codes = table.encode(X)
        np.testing.assert_array_equal(codes < 0, X.isna())
        drawn = table.decode(codes, rng)
        pd.testing.assert_index_equal(drawn.columns, X.columns)
        assert (drawn.dtypes == X.dtypes).all()
        np.testing.assert_array_equal(table.encode(drawn), codes)
        pd.testing.assert_frame_equal(
            drawn.isna().reset_index(drop=True), X.isna().reset_index(drop=True)
        )


def _odd(name):
    """A frame of one row or none, or with a column of a rare type."""
    frame, rng = _frame(60)[["float", "int", "str"]], np.random.default_rng(0)
    ticks = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 10**6, 60), "s"))
    if name in ("s", "ms", "us", "ns"):
        zoned = ticks.dt.tz_localize("Asia/Tokyo").astype(f"datetime64[{name}, Asia/Tokyo]")
        return pd.DataFrame({"zone": zoned, "span": (ticks - ticks[0]).astype(f"m8[{name}]")})
    if name.startswith("arrow"):
        unit = name.split()[1]
        types = f"timestamp[{unit}]", f"timestamp[{unit}, Asia/Tokyo]", "date32"
        made = {x: ticks.dt.floor("D").astype(f"{x}[pyarrow]") for x in types}
        span = (ticks - ticks[0]).astype(f"duration[{unit}][pyarrow]")
        return pd.DataFrame(made | {"span": span})
    return {
        "empty": frame.iloc[:0],
        "one row": frame.iloc[:1],
        "one column": frame[["int"]],
        "no column": frame[[]],
        "names": frame.set_axis([0, ("a", 1), None], axis=1),
        "levels": frame.set_axis(pd.MultiIndex.from_tuples([(0, 1), (0, 2), ("a", 1)]), axis=1),
        "period": pd.DataFrame({"x": pd.period_range("1950-03", periods=60, freq="M")}),
        "interval": pd.DataFrame({"x": pd.cut(frame["float"], 5)}),
        "large": pd.DataFrame({"x": rng.integers(2**51, 2**52, 60)}),
        "bools": pd.DataFrame({"x": pd.Series([True, None, False] * 20, dtype=object)}),
        "long": pd.DataFrame({"x": frame["float"].astype(np.longdouble)}),
        "subnormal": pd.DataFrame({"x": frame["float"] * 1e-320}),
    }[name]


ODD = ["empty", "one row", "one column", "no column", "names", "levels", "period", "interval"]
ODD += ["large", "bools", "long", "subnormal", "s", "ms", "us", "ns", "arrow s", "arrow ns"]


@pytest.mark.parametrize("name", ODD)
def test_frames_of_any_shape_and_type_survive(name):
    """Draws, modes and means have the types, names, holes and codes of the frame."""
    if "arrow" in name:
        pytest.importorskip("pyarrow")
    whole = _odd(name)
    for frame in (
        whole,
        whole.mask(pd.DataFrame(np.eye(*whole.shape) > 0).set_axis(whole.columns, axis=1)),
    ):
        table = Table.of(frame)
        codes, rng = table.encode(frame), np.random.default_rng(0)
        made = [table.decode(codes, rng), table.modes(codes)]
        for new in [*made, table.expected(table.one_hot(codes, float))]:
            assert (new.dtypes == frame.dtypes).all()
            pd.testing.assert_index_equal(new.columns, frame.columns)
            np.testing.assert_array_equal(new.isna(), frame.isna())
            np.testing.assert_array_equal(table.encode(new), codes)
        pd.testing.assert_frame_equal(table.decode(codes, rng, like=frame), frame)
        assert codes.dtype == np.int8


def test_times_are_drawn_in_their_steps():
    """Times of whole seconds are whole seconds, although their gaps show no step."""
    seconds = np.random.default_rng(0).integers(0, 10**6, 60)
    frame = pd.DataFrame({"x": pd.Timestamp("2020-01-01") + pd.to_timedelta(seconds, "s")})
    table = Table.of(frame)
    drawn = table.decode(table.encode(frame), np.random.default_rng(0))["x"]
    assert (drawn == drawn.dt.floor("s")).all()
    assert (drawn != frame["x"]).any()


def test_codes_have_the_smallest_type():
    """Up to 127 in one byte."""
    for n, dtype in (127, np.int8), (128, np.int8), (129, np.int16):
        x = pd.DataFrame({"x": pd.Categorical(np.arange(n).repeat(2), ordered=True)})
        codes = Table.of(x).encode(x)
        assert codes.dtype == dtype
        assert codes.max() == n - 1


def test_known_cells_come_back_bit_for_bit():
    """Missing cells take the drawn values; the index stays."""
    frame = _frame()
    holes = _holes(frame)
    table = Table.of(holes)
    codes = table.encode(frame)
    filled = table.decode(codes, np.random.default_rng(0), like=holes)
    pd.testing.assert_index_equal(filled.index, holes.index)
    assert (filled.dtypes == frame.dtypes).all()
    for name in frame:
        known = ~holes[name].isna()
        pd.testing.assert_series_equal(filled[name][known], holes[name][known])
    np.testing.assert_array_equal(table.encode(filled), codes)


def test_filled_tables_have_their_own_types():
    """Those of the table with holes, with further categories where they are needed."""
    frame = pd.DataFrame({"n": [1, 2, 4] * 9, "c": pd.Categorical(list("abc") * 9)})
    table, rng = Table.of(frame), np.random.default_rng(0)
    codes = table.encode(frame)
    holes = pd.DataFrame({"c": pd.Categorical(["a", None]), "n": [np.nan, 4.0]}, index=[5, 3])
    filled = table.decode(codes[:2], rng, like=holes)
    expected = pd.DataFrame(
        {"n": [1.0, 4.0], "c": pd.Categorical(["a", "b"], categories=["a", "b"])}, index=[5, 3]
    )
    pd.testing.assert_frame_equal(filled, expected)
    holes = pl.DataFrame({"n": [None, 4], "c": ["a", None]}, {"n": pl.UInt8, "c": pl.String})
    assert table.decode(codes[:2], rng, like=holes).equals(
        pl.DataFrame({"n": [1, 4], "c": ["a", "b"]}, holes.schema)
    )


def test_polars_types_survive():
    """As those of pandas do."""
    n, rng = 100, np.random.default_rng(0)
    day = datetime.date(2020, 1, 1)
    moment = datetime.datetime(2020, 1, 1)
    frame = pl.DataFrame(
        {
            "float": rng.normal(size=n),
            "int": rng.integers(0, 9, n),
            "bool": rng.random(n) < 0.5,
            "str": rng.choice(["x", "y"], n),
            "enum": pl.Series(rng.choice(["a", "b"], n)).cast(pl.Enum(["b", "a", "c"])),
            "date": [day + datetime.timedelta(int(i)) for i in rng.integers(0, 99, n)],
            "moment": [moment + datetime.timedelta(seconds=int(i)) for i in rng.integers(0, 99, n)],
            "span": [datetime.timedelta(hours=int(i)) for i in rng.integers(0, 99, n)],
        }
    )
    holes = frame.with_columns(
        pl.when(pl.Series(rng.random(n) < 0.8)).then(pl.col(x)).alias(x) for x in frame.columns
    )
    table = Table.of(holes)
    assert list(table.column_types.values()) == [
        *["number", "count", "category", "category", "ordinal", "number", "number", "number"]
    ]
    codes = table.encode(frame)
    drawn = table.decode(codes, rng)
    assert drawn.schema == frame.schema
    np.testing.assert_array_equal(table.encode(drawn), codes)
    filled = table.decode(codes, rng, like=holes)
    assert filled.schema == frame.schema
    for name in frame.columns:
        known = holes[name].is_not_null()
        assert filled[name].filter(known).equals(holes[name].filter(known))


def test_conditions_on_times_in_frames_of_polars_and_arrays():
    """Datetimes without a zone are in that of the column; dates are days."""
    start = datetime.datetime(2020, 1, 1)
    moments = [start + datetime.timedelta(hours=i) for i in range(100)]
    zoned = pl.Series(moments).dt.replace_time_zone("Asia/Tokyo")
    dates = pl.Series([x.date() for x in moments[::24]] * 20)
    frame = pl.DataFrame({"zone": zoned, "date": dates, "span": zoned - zoned[0]})
    table, rng = Table.of(frame), np.random.default_rng(0)
    given = {
        "zone": (start, start.replace(tzinfo=ZoneInfo("Asia/Tokyo")) + datetime.timedelta(days=1)),
        "date": [datetime.date(2020, 1, 3)],
        "span": (datetime.timedelta(hours=5), None),
    }
    codes = [rng.choice(np.flatnonzero(table.log_share(*x) > -np.inf), 50) for x in given.items()]
    drawn = table.decode(np.stack(codes, 1), rng, allowed=given)
    assert drawn["zone"].is_between(zoned[0], zoned[24]).all()
    assert set(drawn["date"]) == set(given["date"])
    assert drawn["span"].min() >= datetime.timedelta(hours=5)
    table = Table.of(np.array(moments, "M8[s]")[:, None])
    share = table.log_share("x0", (start, np.datetime64("2020-01-02")))
    assert (share > -np.inf).sum() < len(share)


@pytest.mark.parametrize(
    "array",
    [
        np.array([["a", 1, None], ["b", 2, 0.5], ["a", np.nan, 0.25]] * 9, object),
        np.arange(60).reshape(20, 3) % 7,
        np.array([["a", "b"], ["c", "b"]] * 5),
        np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32),
    ],
)
def test_arrays_are_tables(array):
    """Of objects, codes, strings and numbers."""
    table = Table.of(array)
    codes = table.encode(array)
    drawn = table.decode(codes, np.random.default_rng(0))
    assert drawn.dtype == array.dtype
    np.testing.assert_array_equal(table.encode(drawn), codes)
    kept = table.decode(np.maximum(codes, 0), np.random.default_rng(0), like=array)
    known = codes >= 0
    assert (kept[known] == array[known]).all()


@pytest.mark.parametrize("learn_missing", ["all", ["float", "str", "nothing"]])
def test_missing_cells_can_be_a_value(learn_missing):
    """Their code is the last one; they are generated in the type of their column."""
    frame = _frame()
    holes = _holes(frame)
    plain, table = Table.of(holes), Table.of(holes, learn_missing=learn_missing)
    learnt = [x in learn_missing or learn_missing == "all" for x in frame]
    np.testing.assert_array_equal(np.subtract(table.n_codes, plain.n_codes), learnt)
    codes = table.encode(holes)
    expected = np.where(learnt, np.array(table.n_codes) - 1, -1)
    np.testing.assert_array_equal(codes, np.where(holes.isna(), expected, plain.encode(holes)))
    drawn = table.decode(codes, np.random.default_rng(0))
    assert (drawn.dtypes == holes.dtypes).all()
    np.testing.assert_array_equal(drawn.isna(), holes.isna())
    for made in table.modes(codes), table.decode(codes, np.random.default_rng(1), like=holes):
        assert (made.dtypes == holes.dtypes).all()
        np.testing.assert_array_equal(made.isna(), holes.isna())
    np.testing.assert_array_equal(
        table.log_density(holes, codes), plain.log_density(holes, plain.encode(holes))
    )


def test_expected_values_are_those_of_cells_that_are_not_missing():
    """As without a code for missing cells, for any probability of it."""
    holes = _holes(_frame())[["float", "Int64", "level", "zone"]]
    plain, table = Table.of(holes), Table.of(holes, learn_missing="all")
    p = [np.random.default_rng(i).dirichlet(np.ones(n), 20) for i, n in enumerate(plain.n_codes)]
    q = [np.c_[0.4 * x, np.full(20, 0.6)] for x in p]
    made, same = table.expected(np.hstack(q)), plain.expected(np.hstack(p))
    pd.testing.assert_frame_equal(made, same, rtol=1e-12)


def test_conditions_may_allow_missing_cells():
    """Alone or among others, where they are learnt."""
    holes = _holes(_frame())
    table, rng = Table.of(holes, learn_missing=["float", "str"]), np.random.default_rng(0)
    last = table.n_codes[0] - 1
    assert np.flatnonzero(table.log_share("float", None) > -np.inf).tolist() == [last]
    assert table.log_share("float", (None, None)).tolist() == [0.0] * last + [-np.inf]
    share = table.log_share("str", [pd.NA, "x"])
    given = {"float": np.nan, "str": [pd.NA, "x"]}
    codes = table.encode(holes)
    codes[:, 0] = last
    codes[:, 8] = rng.choice(np.flatnonzero(share > -np.inf), len(codes))
    drawn = table.decode(codes, rng, allowed=given)
    assert drawn["float"].isna().all()
    assert set(drawn["str"].dropna()) == {"x"}
    assert drawn["str"].isna().any()


def test_one_hot_rows_have_nan_for_missing_values():
    """Column by column, as categorical units expect them."""
    table = Table.of(
        pd.DataFrame({"a": ["x", "y", "x"], "n": [None] * 3, "b": [True, False, True]})
    )
    hot = table.one_hot(np.array([[0, -1, 1], [-1, -1, 0]]), np.float32)
    expected = np.array([[1, 0, 0, 1], [np.nan, np.nan, 1, 0]], np.float32)
    np.testing.assert_array_equal(hot, expected, strict=True)


def test_rows_of_weight_zero_are_absent_and_units_of_weights_do_not_matter():
    """The table is that of the other rows."""
    frame = _frame(60)[["int", "str", "float"]]
    weights = 7 * (np.arange(60) % 2)
    table, half = Table.of(frame, sample_weight=weights), Table.of(frame[weights > 0])
    np.testing.assert_array_equal(table.encode(frame), half.encode(frame))
    codes = half.encode(frame)
    np.testing.assert_allclose(
        table.log_density(frame, codes), half.log_density(frame, codes), rtol=1e-12
    )


def test_unknown_categories_are_missing_or_refused():
    """By `handle_unknown`, which leaves known cells as they are."""
    table = Table.of(pd.DataFrame({"word": list("abab"), "n": [0, 1, 2, 3]}))
    new = pd.DataFrame({"n": [0, -1], "word": ["a", "z"]})
    np.testing.assert_array_equal(table.encode(new)[1], [-1, -1])
    with pytest.raises(ValueError, match=r"^Column 'word' has 'z', which"):
        table.encode(new, handle_unknown="error")
    kept = table.decode(np.zeros((2, 2), int), np.random.default_rng(0), like=new)
    assert kept["word"].tolist() == ["a", "z"]


@pytest.mark.parametrize(
    ("column", "types", "message"),
    [
        ([f"id {i}" for i in range(40)], {}, "Column 'x' has 40 different values in 40 rows"),
        ([1.0, np.inf], {}, "Column 'x' contains infinity"),
        ([1.5, 2.0], {"x": "count"}, "column_types\\['x'\\] == \"count\", but"),
        (["a", "b"], {"x": "number"}, "Column 'x' has values that are no numbers"),
        ([1, 2], {"y": "number"}, "column_types has 'y'"),
        ([2**52 + 1, 1], {}, "Column 'x' has integers beyond 2\\*\\*52"),
        ([1e301, 1.0], {}, "Column 'x' contains infinity or numbers beyond"),
        ([[1], [2]], {}, "Column 'x' has lists or other objects without a hash"),
        ([1, 2], {"x": "float"}, "column_types\\['x'\\] == 'float', must be one of"),
    ],
)
def test_mistakes_are_named(column, types, message):
    """One sentence with the name of the column."""
    with pytest.raises(ValueError, match=f"^{message}"):
        Table.of(pd.DataFrame({"x": column}), types)


def test_column_types_override_the_types_of_columns():
    """Integers as categories and as ordinals, and identifiers by request."""
    frame = pd.DataFrame({"n": np.arange(40), "id": [f"id {i}" for i in range(40)]})
    table = Table.of(frame, {"n": "ordinal", "id": "category"})
    assert table.n_codes == (40, 40)
    drawn = table.decode(table.encode(frame), np.random.default_rng(0))
    pd.testing.assert_frame_equal(drawn, frame)
