"""Statistics of the phases for a step: sums over rows, additive over parts of a mini-batch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, NamedTuple, Self

from skrbm._kernels import arrays
from skrbm._kernels.devices import Array
from skrbm.learning.gradients import Phases, Rows
from skrbm.model import RBM
from skrbm.weights import Weights

SMALLEST_DIVERGENCE = 1e-20
N_PROBES = 32  # rows of the model, and of the data, that estimate the length of a step
SHARE_OF_DATA = 0.01  # share of the variance over data rows that counts


class Probes(NamedTuple):
    """Rows that measure the length of a step: the heaviest of the model, the first of the data."""

    model: Rows
    data: Rows

    @classmethod
    def of(cls, phases: Phases) -> Probes:
        """The probes of the phases."""
        data = Rows(*(x[: phases.n_data] for x in phases.parts[0]))
        return cls(_weightiest(phases.parts[-1]), _first(data))

    def joined(self, other: Probes) -> Probes:
        """The same number of probes, from both."""
        model, data = join_rows(self.model, other.model), join_rows(self.data, other.data)
        return Probes(_weightiest(model), _first(data))


@dataclass(frozen=True)
class Growth:
    """Change of the weights, visible biases and hidden biases by a step."""

    weights: Weights
    visible: Array
    hidden: Array

    def __add__(self, other: Self) -> Growth:
        visible, hidden = self.visible + other.visible, self.hidden + other.hidden
        return Growth(self.weights.plus(other.weights), visible, hidden)

    def __mul__(self, factor: float) -> Growth:
        return Growth(self.weights.times(factor), factor * self.visible, factor * self.hidden)

    def absorbed(self, m: Array, k: Array) -> Growth:
        """The growth of ordinary parameters, from the growth of centred ones."""
        visible = self.visible - self.weights.T.input(k)
        return replace(self, visible=visible, hidden=self.hidden - self.weights.input(m))

    def formed(self) -> Growth:
        """Itself."""
        return self

    def add_to(self, rbm: RBM) -> None:
        """Add the growth to the parameters, in place."""
        rbm.weights.add(self.weights)
        rbm.visible.add_to_bias(self.visible)
        rbm.hidden.add_to_bias(self.hidden)


@dataclass(frozen=True)
class FactoredGrowth:
    """Growth whose weights are products `v' x`, added without computing the matrix.

    Parameters
    ----------
    weights : Weights
        The current weights, which define the structure of the products.
    factors : tuple of pairs of arrays
        v and x of every product; v may be a CSR matrix.
    visible : ndarray of shape (n_visible,)
    hidden : ndarray of shape (n_hidden,)
    """

    weights: Weights
    factors: tuple[tuple[Any, Array], ...]
    visible: Array
    hidden: Array

    def __add__(self, other: Self) -> FactoredGrowth:
        visible, hidden = self.visible + other.visible, self.hidden + other.hidden
        return FactoredGrowth(self.weights, self.factors + other.factors, visible, hidden)

    def formed(self) -> Growth:
        """The growth with the sum of the products."""
        first, *others = (self.weights.outer(v, x) for v, x in self.factors)
        total = reduce(lambda one, other: one.plus(other), others, first)
        return Growth(total, self.visible, self.hidden)

    def add_to(self, rbm: RBM) -> None:
        """Add the growth to the parameters, in place, product by product."""
        for v, x in self.factors:
            rbm.weights.accumulate(v, x)
        rbm.visible.add_to_bias(self.visible)
        rbm.hidden.add_to_bias(self.hidden)


@dataclass(frozen=True)
class Statistics:
    """Sums over the rows of the phases.

    Statistics are additive: parts whose phases are `weighted` by their shares of all rows add up to
    the statistics of the whole.

    Parameters
    ----------
    rate : float
        Step size for which the growth is given.
    growth : Growth or FactoredGrowth
    data_means : tuple of two ndarrays
        Means of v and of h.
    moments : tuple of two ndarrays, optional
        Weighted sums of `v - m` and of its square over all rows, if variances are learned.
    probes : Probes, optional
        Only if steps have a limit.
    of_means : bool
        Whether the visible states of the model are conditional means.
    """

    rate: float
    growth: Growth | FactoredGrowth
    data_means: tuple[Array, ...]
    moments: tuple[Array, ...] | None
    probes: Probes | None
    of_means: bool

    def __add__(self, other: Statistics) -> Statistics:
        return replace(
            self,
            growth=self.growth.formed() + other.growth.formed(),
            data_means=_sums(self.data_means, other.data_means),
            moments=self.moments and other.moments and _sums(self.moments, other.moments),
            probes=self.probes and other.probes and self.probes.joined(other.probes),
        )

    def formed(self) -> Statistics:
        """The same statistics, with a size independent of the number of rows."""
        return replace(self, growth=self.growth.formed())

    def divergence(self, rbm: RBM) -> float:
        """Divergence in nats between the models before and after a step at rate one.

        To second order, this is half the variance over model rows of the change of their energy. If
        the model has very few distinct states left, it is a hundredth of the same over data rows.
        Both are estimated from the probes.
        """
        assert self.probes is not None
        model, data = self.probes
        of_model = _variance(*self._change(rbm, model), model.weights)
        of_data = _variance(self._change(rbm, data)[0], 0.0, data.weights)
        return max(of_model, SHARE_OF_DATA * of_data) / 2 / self.rate**2 + SMALLEST_DIVERGENCE

    def _change(self, rbm: RBM, rows: Rows) -> tuple[Array, Array | float]:
        """Change of minus the energy of each row by the growth, and the variance of this change.

        The variance is not zero if the visible states of the rows are conditional means.
        """
        growth = self.growth.formed()
        v, h = rows.visible, rows.hidden
        of_hidden = arrays.row_sums_of_products(growth.weights.input(v) + growth.hidden, h)
        change = v @ growth.visible + of_hidden
        if not self.of_means:
            return change, 0.0
        slope = growth.visible + growth.weights.T.input(h)
        return change, (slope**2 / rbm.visible.preconditioned(1 + 0 * slope)).sum(axis=1)


def join_rows(*parts: Rows) -> Rows:
    """The rows of all parts, concatenated."""
    return Rows(*(arrays.concat(x) for x in zip(*parts, strict=True)))


def _sums(x: tuple[Array, ...], y: tuple[Array, ...]) -> tuple[Array, ...]:
    return tuple(a + b for a, b in zip(x, y, strict=True))


def _first(rows: Rows) -> Rows:
    v, h, weights = (x[:N_PROBES] for x in rows)
    return Rows(arrays.to_dense(v), h, weights)


def _weightiest(rows: Rows) -> Rows:
    weights: Any = rows.weights.clip(max=0)  # model rows have negative weights
    some = weights.argsort(stable=True)[:N_PROBES]  # the types of numpy 2.0 lack `stable`
    return Rows(rows.visible[some], rows.hidden[some], weights[some])


def _variance(x: Array, spread: Array | float, weights: Array) -> float:
    """Variance of weighted numbers, each with its own variance `spread`."""
    share = weights / weights.sum()
    return float(share @ ((x - share @ x) ** 2 + spread))
