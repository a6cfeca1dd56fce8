"""`TableDisplay`: columns and pairs of columns of real and generated rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from skrbm._kernels.arrays import to_dense
from skrbm._kernels.devices import Array, to_host
from skrbm.data.columns import WithMissing
from skrbm.data.frames import ArrayFrame, frame_of
from skrbm.data.objects import time_of
from skrbm.data.tables import Table
from skrbm.explain.units import ALL_GENERATIVE, GENERATIVE
from skrbm.plotting.canvas import axes_for, pyplot
from skrbm.validation.estimators import check_fitted
from skrbm.validation.parameters import check_count
from skrbm.validation.tables import check_target

_MOST_COLUMNS, _MOST_CATEGORIES = 12, 8  # that are drawn
_MOST_ROWS = 10_000  # to generate
_N_INTERVALS = 8  # of a number in a pair of columns
_N_BINS = 30  # of a histogram
_TAIL = 0.005  # of the numbers on each side, outside the histogram
_REAL, _GENERATED = "0.82", "C3"


class TableDisplay:
    r"""Distributions of columns and of pairs of columns, of real and of generated rows.

    The similarity of two distributions p and q of values is 1 minus their total variation:

    .. math::

        s = 1 - \frac{1}{2} \sum_k |p_k - q_k|.

    It is 1 for equal distributions, and 0 if they have no value in common. Numbers are values by
    intervals, about eight per column, and frequent numbers by themselves. Even rows from the same
    distribution differ by chance, so the similarity expected for such rows is drawn too.
    Missing cells are a value if some generated cells are missing; otherwise they are ignored.

    Use `from_estimator` or `from_frames` to create one.

    Parameters
    ----------
    names : list
        Names of the columns.
    bins : list of ndarray
        For each column its categories, or the edges of the bins of a histogram.
    shares : list of ndarray of shape (2, n_bins)
        Share of each bin in the real rows and in the generated rows.
    similarity : ndarray of shape (n_columns, n_columns)
        Similarity of each pair of columns, and on the diagonal of each column.
    by_chance : ndarray of shape (n_columns, n_columns)
        The same, expected for equal numbers of rows from one distribution.

    Attributes
    ----------
    bars_ : list
        For each column the artists of real and of generated rows.
    image_ : matplotlib.image.AxesImage
        Similarities below and on the diagonal, expected similarities above it.
    axes_ : ndarray of matplotlib.axes.Axes
        One axes per column, and the last one for the pairs.
    figure_ : matplotlib.figure.Figure

    Examples
    --------
    >>> import numpy as np
    >>> from skrbm.plotting import TableDisplay
    >>> X = np.array([["red", "sweet"], ["green", "sour"]])
    >>> mixed = np.array([[x, y] for x in X[:, 0] for y in X[:, 1]])
    >>> TableDisplay.from_frames(X, mixed).similarity
    array([[1. , 0.5],
           [0.5, 1. ]])
    """

    def __init__(
        self,
        names: list[Any],
        bins: list[Array],
        shares: list[Array],
        *,
        similarity: Array,
        by_chance: Array,
    ) -> None:
        self.names = names
        self.bins = bins
        self.shares = shares
        self.similarity = similarity
        self.by_chance = by_chance

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        columns: Sequence[Any] | None = None,
        n_samples: int | None = None,
        n_steps: int = 1000,
        random_state: Any = None,
        ax: Any = None,
    ) -> Self:
        """Generate rows with a fitted model and compare them with the rows of X.

        Parameters
        ----------
        estimator : TabularRBM, BernoulliRBM, GaussianBernoulliRBM or DeepBeliefNetwork
        X : {DataFrame, array-like, CSR matrix} of shape (n_samples, n_features)
            Real rows: the rows of `fit` or, better, rows that the model has not seen.
        columns : list, default=None
            Names of the columns to show; by default the twelve whose distributions differ most.
        n_samples : int, default=None
            Number of rows to generate; by default as many as in X, at most 10,000.
        n_steps : int, default=1000
            Length of the chains that generate rows.
        random_state : int, RandomState instance or None, default=None
            Seed of the rows. By default they continue the random sequence of `gibbs` and `sample`.
        ax : sequence of matplotlib.axes.Axes, default=None
            One axes per column and one for the pairs; by default a new figure is made.

        Returns
        -------
        display : TableDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If an argument is invalid.
        """
        pyplot()
        check_fitted(estimator, GENERATIVE, ALL_GENERATIVE)
        X = to_dense(to_host(X))
        n_samples = min(len(X), _MOST_ROWS) if n_samples is None else n_samples
        n_samples = check_count("n_samples", n_samples)
        generated = estimator.sample(n_samples, n_steps=n_steps, random_state=random_state)
        return cls.from_frames(X, generated, columns=columns, ax=ax)

    @classmethod
    def from_frames(
        cls, real: Any, generated: Any, *, columns: Sequence[Any] | None = None, ax: Any = None
    ) -> Self:
        """Compare two tables and plot the comparison.

        Parameters
        ----------
        real, generated : DataFrame or array of shape (n_samples, n_features)
            Tables with the same columns. Columns of an array are named x0, x1 and so on.
        columns : list, default=None
            Names of the columns to show; by default the twelve whose distributions differ most.
        ax : sequence of matplotlib.axes.Axes, default=None
            One axes per column and one for the pairs; by default a new figure is made.

        Returns
        -------
        display : TableDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If an argument is invalid.
        """
        pyplot()
        frames = _frames(real, generated)
        every = frames[0].names
        chosen = every if columns is None else check_target("columns", list(columns), every)
        absent = [name for name in chosen if frames[1].is_missing(name).any()]
        table = Table.of(real, max_bins=_N_INTERVALS, learn_missing=absent)
        rows = [_codes(table, x) for x in frames]
        index = np.array([every.index(name) for name in chosen])
        if columns is None:
            alike = [_of_pair(rows, i, i)[0] for i in index]
            index = np.sort(np.argsort(alike, kind="stable")[:_MOST_COLUMNS])
        similarity, by_chance = _of_pairs([codes[:, index] for codes in rows])
        found = [_shares(table, i, frames, [codes[:, i] for codes in rows]) for i in index]
        bins, shares = ([pair[k] for pair in found] for k in range(2))
        names = [every[i] for i in index]
        return cls(names, bins, shares, similarity=similarity, by_chance=by_chance).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the comparison: real rows as grey areas, generated rows as red lines.

        Parameters
        ----------
        ax : sequence of matplotlib.axes.Axes, default=None
            One axes per column and one for the pairs; by default a new figure is made.

        Returns
        -------
        self : TableDisplay
        """
        n = len(self.names)
        self.axes_, self.figure_ = _new_axes(n) if ax is None else axes_for(ax, n + 1)
        self.bars_ = []
        for k, panel in enumerate(self.axes_[:-1]):
            is_histogram = len(self.bins[k]) > self.shares[k].shape[1]
            draw = _draw_histogram if is_histogram else _draw_categories
            self.bars_.append(draw(panel, self.bins[k], self.shares[k]))
            panel.set_title(str(self.names[k]), fontsize="medium")
            panel.spines[["top", "right"]].set_visible(False)
        handles, labels = self.bars_[0], ["real", "generated"]
        first = self.axes_[0]
        if ax is None:
            first.figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
        else:
            first.legend(handles, labels, fontsize="small")
        self._plot_pairs(self.axes_[-1])
        return self

    def _plot_pairs(self, ax: Any) -> None:
        n = len(self.names)
        shown = np.where(np.tri(n, dtype=bool), self.similarity, self.by_chance)
        low = min(0.8, float(np.nanmin(shown))) if np.isfinite(shown).any() else 0.0
        self.image_ = ax.imshow(shown, cmap="YlGnBu", vmin=low, vmax=1)
        for (i, j), value in np.ndenumerate(shown):
            color = "white" if value > (1 + low) / 2 else "black"
            text = f"{100 * value:.0f}" if np.isfinite(value) else ""
            ax.text(j, i, text, ha="center", va="center", color=color, fontsize="small")
        ax.plot(np.repeat(np.arange(n + 1), 2)[1:-1] - 0.5, np.repeat(np.arange(n), 2) - 0.5, "k")
        ax.set_xticks(range(n), self.names, rotation=45, ha="right", rotation_mode="anchor")
        ax.set_yticks(range(n), self.names)
        ax.set_title("similarity in %\n(above: expected by chance)", fontsize="medium")
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)


def _new_axes(n_columns: int) -> tuple[Array, Any]:
    """Axes of columns in a grid on the left, and axes of pairs on the right."""
    n_across = math.ceil(math.sqrt(n_columns))
    n_down = math.ceil(n_columns / n_across)
    side = max(3.2, 0.5 * n_columns + 1.2)
    width = max(3.2, 1.8 * n_across)
    size = width + side, max(1.5 * n_down, side)
    figure = pyplot().figure(figsize=size, layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[width, side])
    panels = left.subplots(n_down, n_across, squeeze=False).ravel()
    for unused in panels[n_columns:]:
        unused.remove()
    return np.append(panels[:n_columns], right.subplots()), figure


def _draw_histogram(ax: Any, edges: Array, shares: Array) -> list[Any]:
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    real = ax.stairs(shares[0], edges, fill=True, color=_REAL)
    generated = ax.stairs(shares[1], edges, color=_GENERATED, linewidth=1.2)
    if edges.dtype.kind == "M":
        ax.set_xticks(edges[[0, -1]], np.datetime_as_string(edges[[0, -1]], unit="D"))
    else:
        ax.locator_params(axis="x", nbins=4, integer=bool((edges % 1 == 0.5).all()))
    return [real, generated]


def _draw_categories(ax: Any, labels: Array, shares: Array) -> list[Any]:
    places = np.arange(len(labels))
    real = ax.barh(places, 100 * shares[0], color=_REAL)
    outline = {"facecolor": "none", "edgecolor": _GENERATED, "linewidth": 1.2}
    generated = ax.barh(places, 100 * shares[1], **outline)
    ax.set_yticks(places, [str(x) for x in labels], fontsize="small")
    ax.invert_yaxis()
    ax.xaxis.set_major_formatter("{x:g} %")
    ax.locator_params(axis="x", nbins=3)
    return [real, generated]


def _frames(real: Any, generated: Any) -> list[Any]:
    """Both tables, with the names of the first."""
    first, second = frame_of(real), frame_of(generated)
    if isinstance(second, ArrayFrame):
        n_columns = len(second.names)
        if n_columns != len(first.names):
            msg = f"generated has {n_columns} columns, must have {len(first.names)} as real."
            raise ValueError(msg)
        second = second.named(first.names)
    for name in first.names:
        if name not in second.names:
            msg = f"generated has no column {name!r}, must have all columns of real."
            raise ValueError(msg)
    for name, frame in (("real", first), ("generated", second)):
        if len(frame) == 0:
            raise ValueError(f"{name} has no rows, must have at least one.")
    return [first, second]


def _codes(table: Table, frame: Any) -> Array:
    """Codes of the cells, with a new one for categories that real rows lack; -1 if missing."""
    codes = table.encode(frame.native).astype(np.intp)
    for i, name in enumerate(table.names):
        unseen = (codes[:, i] < 0) & ~frame.is_missing(name)
        codes[unseen, i] = table.n_codes[i]
    return codes


def _similarity(real: Array, generated: Array) -> tuple[float, float]:
    """Similarity of two samples of codes, and its expectation for samples of one distribution.

    The difference of two shares is about normal, and at most the sum of both.
    """
    n, m = len(real), len(generated)
    if n == 0 or m == 0:
        return np.nan, np.nan
    _, codes = np.unique(np.concatenate([real, generated]), return_inverse=True)
    p, q = (np.bincount(x, minlength=codes.max() + 1) / len(x) for x in (codes[:n], codes[n:]))
    both = (n * p + m * q) / (n + m)
    spread = np.sqrt(2 / np.pi * both * (1 - both) * (1 / n + 1 / m))
    by_chance = 1 - np.minimum(spread, 2 * both * (1 - both)).sum() / 2
    return 1 - np.abs(p - q).sum() / 2, by_chance


def _of_pair(rows: list[Array], i: int, j: int) -> tuple[float, float]:
    """Similarity of a pair of columns, and its expectation, for rows in which both are known."""
    known = [x[(x[:, [i, j]] >= 0).all(axis=1)] for x in rows]
    size = 1 + max(int(x[:, j].max(initial=0)) for x in known)
    real, generated = (x[:, i] * size + x[:, j] for x in known)
    return _similarity(real, generated)


def _of_pairs(rows: list[Array]) -> Array:
    """Similarities of all pairs of columns, and expectations, shape (2, n_columns, n_columns)."""
    n_columns = rows[0].shape[1]
    found = np.empty((2, n_columns, n_columns))
    for i in range(n_columns):
        for j in range(i + 1):
            found[:, i, j] = found[:, j, i] = _of_pair(rows, i, j)
    return found


def _shares(table: Table, i: int, frames: list[Any], codes: list[Array]) -> tuple[Array, Array]:
    """Bins of a column, and their shares of the known cells of both tables."""
    name = table.names[i]
    if table.column_types[name] not in ("number", "count"):
        return _shares_of_categories(table.columns[i], codes)
    values = [x.numbers(name).astype(np.float64) for x in frames]
    values = [x[~np.isnan(x)] for x in values]
    edges = _edges(values[0], is_integer=frames[0].is_integer(name))
    shares = np.stack([np.histogram(x, edges)[0] / max(len(x), 1) for x in values])
    return (time_of(edges, "M") if frames[0].time(name) == "M" else edges), shares


def _edges(values: Array, *, is_integer: bool) -> Array:
    """Edges of the bins of a histogram, at round numbers, or between integers."""
    low, high = np.quantile(values, [_TAIL, 1 - _TAIL])
    if low == high:
        return np.array([low - 0.5, low + 0.5])
    locator = pyplot().MaxNLocator(_N_BINS, steps=[1, 2, 5, 10], integer=is_integer)
    edges = locator.tick_values(low, high)
    return np.append(edges, 2 * edges[-1] - edges[-2]) - 0.5 if is_integer else edges


def _shares_of_categories(column: Any, codes: list[Array]) -> tuple[Array, Array]:
    """Most frequent categories, all others as one, and their shares in both tables."""
    labels = np.array([str(x) for x in column.modes(np.arange(column.n_codes))], object)
    if isinstance(column, WithMissing):
        labels[-1] = "missing"
    known = [x[x >= 0] for x in codes]
    if max(x.max(initial=-1) for x in known) == column.n_codes:
        labels = np.append(labels, "unseen")
    n_codes = len(labels)
    shares = np.stack([np.bincount(x, minlength=n_codes) / max(len(x), 1) for x in known])
    if n_codes <= _MOST_CATEGORIES:
        return labels, shares
    order = np.argsort(-shares[0], kind="stable")
    common, others = order[: _MOST_CATEGORIES - 1], order[_MOST_CATEGORIES - 1 :]
    rest = shares[:, others].sum(axis=1, keepdims=True)
    return np.append(labels[common], "others"), np.append(shares[:, common], rest, axis=1)
