"""Codes of the cells of a table, and tables of codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from skrbm._kernels.devices import Array, Generator
from skrbm.data.categories import Categories, Part
from skrbm.data.columns import MOST_CODES, Column, Numbers, WithMissing
from skrbm.data.conditions import Condition
from skrbm.data.frames import ArrayFrame, Frame, frame_of
from skrbm.data.objects import time_of

KINDS = ("number", "count", "category", "ordinal")
_IDENTIFIER_SHARE = 0.9  # of the known cells that have different values
_FEWEST_IDENTIFIERS = 20
_LARGEST = 1e300
_LARGEST_INTEGER = 2**52
_STEPS_OF_TIMES = tuple(1 / x for x in (1, 24, 1440, 86_400, 86_400_000))  # days


@dataclass(frozen=True)
class Table:
    """The columns of a table, with codes for their values.

    Parameters
    ----------
    column_types : dict
        Name and kind of each column: "number", "count", "category" or "ordinal".
    columns : tuple of Numbers, Categories or WithMissing
    template : Frame
        The columns without rows.
    """

    column_types: dict[Any, str]
    columns: tuple[Column, ...]
    template: Frame

    @classmethod
    def of(
        cls,
        X: Any,
        column_types: Mapping[Any, str] | None = None,
        sample_weight: Array | None = None,
        max_bins: int = MOST_CODES,
        learn_missing: Iterable[Any] | Literal["all"] = (),
    ) -> Table:
        """Find the kinds and codes of the columns of a frame or an array.

        Parameters
        ----------
        X : DataFrame of pandas or polars, or array of shape (n_rows, n_columns)
        column_types : dict, default=None
            Kinds of some columns, by name. The type of the column decides for the others.
        sample_weight : ndarray of shape (n_rows,), default=None
            Numbers of times that the rows count.
        max_bins : int, default=32
            Largest number of bins of a column of numbers, besides its frequent values.
        learn_missing : list or "all", default=()
            Names of columns whose missing cells have a code of their own, the last one.
        """
        frame = frame_of(X)
        chosen = _check_types({} if column_types is None else column_types, frame.names)
        rows = np.ones(len(frame)) if sample_weight is None else np.asarray(sample_weight, float)
        kinds, columns = {}, []
        learnt = _check_learnt(learn_missing, frame.names)
        for name in frame.names:
            kinds[name] = chosen.get(name) or _kind(frame, name, rows > 0)
            column = _column(frame, name, kinds[name], rows, max_bins)
            columns.append(WithMissing(column, column.n_codes) if name in learnt else column)
        return cls(kinds, tuple(columns), frame.empty())

    @property
    def names(self) -> list[Any]:
        """Names of the columns."""
        return list(self.column_types)

    @property
    def n_codes(self) -> tuple[int, ...]:
        """Number of codes of each column; 0 if all of its cells are missing."""
        return tuple(column.n_codes for column in self.columns)

    def encode(self, X: Any, handle_unknown: str = "missing", without: Sequence[Any] = ()) -> Array:
        """Code of each cell; -1 if it is missing, or unknown and `handle_unknown="missing"`.

        X may lack the columns named in `without`; their cells are then missing. The codes have the
        smallest signed type for which they fit.
        """
        frame = self._frame(X, without)
        dtype = np.min_scalar_type(-max(1, *self.n_codes, 1))
        codes = np.full((len(frame), len(self.columns)), -1, dtype)
        for name, values in self._values(frame).items():
            i = self.names.index(name)
            codes[:, i] = self.columns[i].encode(values)
            unknown = (codes[:, i] < 0) & ~frame.is_missing(name)
            if handle_unknown == "error" and self.n_codes[i] and unknown.any():
                seen = values[unknown.argmax()]
                msg = f"Column {name!r} has {seen!r}, which is not among the values of `fit`."
                raise ValueError(msg)
        return codes

    def beyond(self, X: Any, most: int) -> Array:
        """Rows with extremes and new categories, which a table found from other rows lacks.

        They hold the smallest and the largest number of each column, or the first cells of its
        first `most` categories that are not in the table.
        """
        frame, rows = self._frame(X), set()
        for name, column in zip(self.names, self.columns, strict=True):
            known = np.flatnonzero(~frame.is_missing(name))
            if len(known) and self.column_types[name] in ("number", "count"):
                values = _numbers(frame, name)[known]
                rows |= {known[values.argmin()], known[values.argmax()]}
            elif len(known):
                values = _objects(frame, name)[known]
                new = np.flatnonzero(_known(column).encode(values) < 0)[::-1]
                first = dict(zip(values[new], known[new], strict=True))
                rows |= set(sorted(first.values())[:most])
        return np.array(sorted(rows), np.intp)

    def log_density(self, X: Any, codes: Array) -> Array:
        """Log density of each cell given its code, in float64; 0 for missing cells.

        It is a probability for categories, integers and frequent values, and otherwise a density
        per unit of the column; the unit of dates and durations is a day.
        """
        found = [
            column.log_density(values, codes[:, i])
            for i, (column, values) in enumerate(
                zip(self.columns, self._values(self._frame(X)).values(), strict=True)
            )
        ]
        return np.stack(found, axis=1) if found else np.zeros(codes.shape)

    def one_hot(self, codes: Array, dtype: Any = np.float32) -> Array:
        """One column per code of each column; NaN in all of them if the code is -1."""
        first = np.cumsum([0, *self.n_codes])
        found = np.zeros((len(codes), first[-1]), dtype)
        for i, n in enumerate(self.n_codes):
            known = np.flatnonzero(codes[:, i] >= 0)
            found[known, first[i] + codes[known, i]] = 1
            found[codes[:, i] < 0, first[i] : first[i] + n] = np.nan
        return found

    def log_share(self, name: Any, allowed: Any) -> Array:
        """Log probability of the allowed values given each code of a column.

        Values of a set that have no probability weigh by their density, so that a single number
        allows only its code. Only the numbers of a range between the observed extremes are allowed.

        Parameters
        ----------
        name : object
            Name of the column.
        allowed : object, list, set or tuple (low, high)
            A value, some values, or a range of numbers, times or ordered categories that includes
            its ends; None means no end.

        Returns
        -------
        log_share : ndarray of shape (n_codes,)
            Minus infinity for excluded codes.
        """
        return self._part(name, allowed).log_share

    def _part(self, name: Any, allowed: Any) -> Part:
        _check_names("given", [name], self.names)
        column = self.columns[self.names.index(name)]
        return Condition(name, allowed, self.column_types[name], self.template).part(column)

    def decode(
        self,
        codes: Array,
        rng: Generator,
        like: Any = None,
        allowed: Mapping[Any, Any] | None = None,
    ) -> Any:
        """Draw a value for each code, in a table of the same columns and types.

        Parameters
        ----------
        codes : ndarray of int of shape (n_rows, n_columns)
            Cells with the code -1 are missing.
        rng : Generator
        like : DataFrame or array, default=None
            A table whose known cells, types and index are kept; only its missing cells are drawn.
        allowed : dict, default=None
            Names of columns and the values that are drawn; see `log_share`, which must be finite
            for their codes.
        """
        columns = dict(zip(self.names, self.columns, strict=True))
        for name, x in (allowed or {}).items():
            part, of_cells = self._part(name, x), codes[:, self.names.index(name)]
            if np.isneginf(part.log_share[of_cells[of_cells >= 0]]).any():
                msg = f"codes has a code of column {name!r} that given[{name!r}] == {x!r} excludes."
                raise ValueError(msg)
            columns[name] = part.column
        values = [column.decode(codes[:, i], rng) for i, column in enumerate(columns.values())]
        return self._built(values, len(codes), like)

    def modes(self, codes: Array, like: Any = None) -> Any:
        """Median number or most frequent category of each code, in a table as of `decode`."""
        values = [column.modes(codes[:, i]) for i, column in enumerate(self.columns)]
        return self._built(values, len(codes), like)

    def expected(self, probabilities: Array, like: Any = None) -> Any:
        """Mean of each number and most probable category, in a table as of `decode`.

        Means in columns of integers are rounded, so that the type of the column is kept.

        Parameters
        ----------
        probabilities : ndarray of shape (n_rows, sum(n_codes))
            Probabilities of the codes of each column, ordered as by `one_hot`.
        like : DataFrame or array, default=None
            A table whose known cells and index are kept.
        """
        values = [x.expected(p) for x, p in self._of_columns(probabilities)]
        for i, column in enumerate(map(_known, self.columns)):
            if isinstance(column, Numbers) and column.is_integer:
                values[i] = column.nearest(values[i])
        return self._built(values, len(probabilities), like)

    def medians(self, probabilities: Array, like: Any = None) -> Any:
        """Median of each number and most probable category; see `expected`."""
        values = [x.medians(p) for x, p in self._of_columns(probabilities)]
        return self._built(values, len(probabilities), like)

    def _of_columns(self, probabilities: Array) -> Iterator[tuple[Column, Array]]:
        """Each column with the probabilities of its codes."""
        ends = pairwise(np.cumsum([0, *self.n_codes]))
        for column, (first, end) in zip(self.columns, ends, strict=True):
            yield column, probabilities[:, first:end]

    def column(self, name: Any) -> Column:
        """A column by its name."""
        return self.columns[self.names.index(name)]

    def predicted(self, name: Any, probabilities: Array) -> Array:
        """Mean number or most probable category of a column, given probabilities of its codes.

        Means of integers are not rounded. Dates and durations have their type of numpy.
        """
        column = self.column(name)
        values = column.expected(probabilities)
        if isinstance(_known(column), Categories):
            return np.array(values.tolist())
        return self._in_time(name, values)

    def labels(self, name: Any) -> Array:
        """Categories of a column, or smallest and largest number of each code; see `predicted`."""
        column = self.column(name)
        is_number = isinstance(_known(column), Numbers)
        return self._in_time(name, column.labels) if is_number else column.labels

    def _in_time(self, name: Any, values: Array) -> Array:
        time = self.template.time(name)
        return time_of(values, time) if time else values

    def _built(self, values: list[Array], n_rows: int, like: Any) -> Any:
        named = dict(zip(self.names, values, strict=True))
        if like is None:
            return self.template.built(named, n_rows)
        return self._frame(like).filled(named)

    def _frame(self, X: Any, without: Sequence[Any] = ()) -> Frame:
        frame = frame_of(X)
        if isinstance(frame, ArrayFrame):
            frame = frame.named(self.names)
        present = set(frame.names)
        for name in self.names:
            if name not in present and name not in without:
                msg = f"X has no column {name!r}, must have all columns of `fit`."
                raise ValueError(msg)
        return frame.select([name for name in self.names if name in present])

    def _values(self, frame: Frame) -> dict[Any, Array]:
        columns = dict(zip(self.names, map(_known, self.columns), strict=True))
        return {
            name: _numbers(frame, name)
            if isinstance(columns[name], Numbers)
            else _objects(frame, name)
            for name in frame.names
        }


def taken(X: Any, rows: Array) -> Any:
    """Some rows of a frame or an array."""
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def _known(column: Column) -> Numbers | Categories:
    return column.column if isinstance(column, WithMissing) else column


def _check_names(parameter: str, given: Iterable[Any], names: list[Any]) -> None:
    for name in given:
        if name not in names:
            msg = f"{parameter} has {name!r}, must have only names of columns of X."
            raise ValueError(msg)


def _check_learnt(learn_missing: Iterable[Any] | str, names: list[Any]) -> list[Any]:
    is_all = isinstance(learn_missing, str) and learn_missing == "all"
    if not is_all and not isinstance(learn_missing, list | tuple | set | frozenset | np.ndarray):
        msg = f'learn_missing == {learn_missing!r}, must be a list of names of columns, or "all".'
        raise ValueError(msg)
    learnt = list(names if is_all else learn_missing)
    _check_names("learn_missing", learnt, names)
    return learnt


def _check_types(column_types: Any, names: list[Any]) -> dict[Any, str]:
    if not isinstance(column_types, Mapping):
        msg = f"column_types == {column_types!r}, must be None or a dict by names of columns."
        raise ValueError(msg)
    _check_names("column_types", column_types, names)
    for name, kind in column_types.items():
        if kind not in KINDS:
            msg = (
                f"column_types[{name!r}] == {kind!r}, must be one of {', '.join(map(repr, KINDS))}."
            )
            raise ValueError(msg)
    return dict(column_types)


def _kind(frame: Frame, name: Any, used: Array) -> str:
    """Kind of a column by its type and used rows; integers from zero on are counts."""
    kind = frame.kind(name)
    if kind == "number":
        is_count = frame.is_integer(name) and len(frame) > 0
        return "count" if is_count and _least(_numbers(frame, name)[used]) == 0 else kind
    known = _objects(frame, name)[~frame.is_missing(name) & used]
    n = len(set(known))
    if n >= _FEWEST_IDENTIFIERS and n > _IDENTIFIER_SHARE * len(known):
        msg = (
            f"Column {name!r} has {n} different values in {len(known)} rows and identifies them; "
            f'drop it, or set column_types={{{name!r}: "category"}}.'
        )
        raise ValueError(msg)
    return kind


def _least(values: Array) -> float:
    return float(np.nanmin(values)) if not np.isnan(values).all() else np.nan


def _numbers(frame: Frame, name: Any) -> Array:
    try:
        values = frame.numbers(name)
    except (TypeError, ValueError):
        msg = f"Column {name!r} has values that are not numbers, must have only numbers."
        raise ValueError(msg) from None
    if (np.abs(values.astype(np.float64)) > _LARGEST).any():
        msg = f"Column {name!r} contains infinity or numbers beyond {_LARGEST:g}."
        raise ValueError(msg)
    return values


def _objects(frame: Frame, name: Any) -> Array:
    values = frame.objects(name)
    try:
        set(values)
    except TypeError:
        msg = f"Column {name!r} has lists or other objects without a hash, must have categories."
        raise ValueError(msg) from None
    return values


def _column(frame: Frame, name: Any, kind: str, rows: Array, max_bins: int) -> Numbers | Categories:
    used = ~frame.is_missing(name) & (rows > 0)
    if not used.any():
        return Categories.of(np.empty(0, object))
    if kind in ("number", "count"):
        values = _numbers(frame, name)[used]
        if kind == "count" and not ((values >= 0) & (values == np.rint(values))).all():
            msg = f'column_types[{name!r}] == "count", but the column has other values.'
            raise ValueError(msg)
        is_integer = frame.is_integer(name)
        if is_integer and np.abs(values).max() > _LARGEST_INTEGER:
            msg = (
                f"Column {name!r} has integers beyond 2**52, which floating-point numbers cannot "
                f'distinguish; drop it, or set column_types={{{name!r}: "category"}}.'
            )
            raise ValueError(msg)
        steps = _STEPS_OF_TIMES if frame.time(name) else (1.0,) if is_integer else ()
        is_count = kind == "count"
        found = Numbers.of(values, rows[used], is_count=is_count, steps=steps, max_bins=max_bins)
        return replace(found, is_integer=is_integer)
    values, order = _objects(frame, name)[used], frame.categories(name)
    if kind == "ordinal":
        return Categories.of(values, rows[used], order=order, most=None)
    return Categories.of(values, rows[used], order=order)
