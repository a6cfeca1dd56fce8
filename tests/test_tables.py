"""Codes of tables: types, index and known cells survive; conditions hold."""

import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skrbm.data.tables import Table


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


def test_means_and_modes_keep_types_and_known_cells():
    """Means of integers are rounded; columns without known cells stay missing."""
    frame = _frame()
    holes = _holes(frame)
    table = Table.of(holes)
    codes = table.encode(frame)
    p = np.nan_to_num(table.one_hot(codes, float))
    of_p = (of(p, like=holes) for of in (table.expected, table.medians))
    for made in (table.modes(codes, like=holes), *of_p):
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
    """`decode` could draw nothing for them."""
    frame = _frame()[["int", "str"]]
    table = Table.of(frame)
    with pytest.raises(ValueError, match=r"^codes has a code of column 'str' that given\['str'\]"):
        table.decode(table.encode(frame), np.random.default_rng(0), allowed={"str": "x"})


@pytest.mark.parametrize(
    ("name", "allowed", "message"),
    [
        ("age", 3, "given has 'age', must have only names"),
        ("str", "z", r"given\['str'\] has 'z', which is not among"),
        ("str", pd.NA, r"given\['str'\] has <NA>, which is not among"),
        ("str", [["x"]], r"given\['str'\] has \['x'\], which is not among"),
        ("int", [[5]], r"given\['int'\] == \[\[5\]\], must have the type of the column"),
        ("int", True, r"given\['int'\] == True, must have the type of the column"),
        ("zone", pd.NaT, r"given\['zone'\] == NaT, must have the type of the column"),
        ("nothing", 1, r"given\['nothing'\] has 1, which is not among"),
        ("str", ["x", "z"], r"given\['str'\] has 'z', which is not among"),
        ("str", ("x", "y"), r"given\['str'\] == \('x', 'y'\), must not be a tuple"),
        ("level", ("mid", "top"), r"given\['level'\] == .*, must have two of the ordered"),
        ("level", ("high", "low"), r"given\['level'\] == .*, must contain a value"),
        ("int", (9, 5), r"given\['int'\] == \(9, 5\), must have low <= high"),
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
    """The error is one sentence with the name of the column."""
    with pytest.raises(ValueError, match=f"^{message}"):
        Table.of(_frame()).log_share(name, allowed)


def test_types_columns_and_index_survive():
    """Draws of a frame, with missing cells and without."""
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
    """Draws, modes and means have the types, names, missing cells and codes of the frame."""
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


def test_ranges_of_times_include_their_ends():
    """Even though steps of a second are rounded as fractions of a day."""
    seconds = np.random.default_rng(0).integers(0, 10**6, 60)
    frame = pd.DataFrame({"x": pd.Timestamp("2020-01-01") + pd.to_timedelta(seconds, "s")})
    table = Table.of(frame)
    for (code,), x in zip(table.encode(frame), frame["x"], strict=True):
        assert np.flatnonzero(table.log_share("x", (x, x)) > -np.inf).tolist() == [code]
        drawn = table.decode(np.array([[code]]), np.random.default_rng(0), allowed={"x": (x, x)})
        assert drawn["x"].tolist() == [x]


def test_codes_have_the_smallest_type():
    """Codes up to 127 take one byte."""
    for n, dtype in (127, np.int8), (128, np.int8), (129, np.int16):
        x = pd.DataFrame({"x": pd.Categorical(np.arange(n).repeat(2), ordered=True)})
        codes = Table.of(x).encode(x)
        assert codes.dtype == dtype
        assert codes.max() == n - 1


def test_known_cells_are_returned_bit_for_bit():
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
    """The types of the table with missing cells, with more categories if needed."""
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
    """As types of pandas do."""
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
    """Datetimes without a zone are in the column's zone; dates are days."""
    start = datetime.datetime(2020, 1, 1)
    moments = [start + datetime.timedelta(hours=i) for i in range(100)]
    zoned = pl.Series(moments).dt.replace_time_zone("Asia/Tokyo")
    dates = pl.Series([x.date() for x in moments[::24]] * 20)
    frame = pl.DataFrame({"zone": zoned, "date": dates, "span": pl.Series(moments) - start})
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


def test_expected_values_ignore_the_code_of_missing_cells():
    """They equal the values without such a code, for any probability of it."""
    holes = _holes(_frame())[["float", "Int64", "level", "zone"]]
    plain, table = Table.of(holes), Table.of(holes, learn_missing="all")
    p = [np.random.default_rng(i).dirichlet(np.ones(n), 20) for i, n in enumerate(plain.n_codes)]
    q = [np.c_[0.4 * x, np.full(20, 0.6)] for x in p]
    for name in ("expected", "medians"):
        made, same = (getattr(x, name)(np.hstack(y)) for x, y in ((table, q), (plain, p)))
        pd.testing.assert_frame_equal(made, same, rtol=1e-12)


def test_conditions_may_allow_missing_cells():
    """Alone or with other values, if they are learned."""
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


def test_weights_are_numbers_of_rows():
    """Rows of weight zero are absent; a row of weight two is the row given twice."""
    frame = _frame(90)[["int", "str", "float", "Int64"]]
    weights = np.arange(90) % 3
    frame.loc[weights == 0, "int"] = 0  # would make the column one of counts
    repeated = frame.iloc[np.repeat(np.arange(90), weights)]
    table, expected = Table.of(frame, sample_weight=weights), Table.of(repeated)
    assert table.column_types == expected.column_types
    codes = expected.encode(repeated)
    np.testing.assert_array_equal(table.encode(repeated), codes)
    np.testing.assert_allclose(
        table.log_density(repeated, codes), expected.log_density(repeated, codes), rtol=1e-12
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
        (["a", "b"], {"x": "number"}, "Column 'x' has values that are not numbers"),
        ([1, 2], {"y": "number"}, "column_types has 'y'"),
        ([2**52 + 1, 1], {}, "Column 'x' has integers beyond 2\\*\\*52"),
        ([1e301, 1.0], {}, "Column 'x' contains infinity or numbers beyond"),
        ([[1], [2]], {}, "Column 'x' has lists or other objects without a hash"),
        ([1, 2], {"x": "float"}, "column_types\\['x'\\] == 'float', must be one of"),
    ],
)
def test_mistakes_are_named(column, types, message):
    """The error is one sentence with the name of the column."""
    with pytest.raises(ValueError, match=f"^{message}"):
        Table.of(pd.DataFrame({"x": column}), types)


def test_column_types_override_the_types_of_columns():
    """Integers as categories and as ordinals, and identifiers by request."""
    frame = pd.DataFrame({"n": np.arange(40), "id": [f"id {i}" for i in range(40)]})
    table = Table.of(frame, {"n": "ordinal", "id": "category"})
    assert table.n_codes == (40, 40)
    drawn = table.decode(table.encode(frame), np.random.default_rng(0))
    pd.testing.assert_frame_equal(drawn, frame)


@pytest.mark.parametrize("learn_missing", ["b", ["b"]])
def test_names_of_columns_to_learn_missing_cells_of_are_checked(learn_missing):
    """Before any work."""
    with pytest.raises(ValueError, match=r"^learn_missing (== 'b', must be a list|has 'b', must)"):
        Table.of(pd.DataFrame({"ab": [1, 2]}), learn_missing=learn_missing)
