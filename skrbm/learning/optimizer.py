"""Optimizers: what a step does with the two phases of a gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any, NamedTuple, Self

from skrbm._kernels import arrays
from skrbm._kernels.devices import Array, Place
from skrbm.learning.gradients import Phases, Rows
from skrbm.model import RBM
from skrbm.weights import Weights

_SMALLEST_DIVERGENCE = 1e-20
_N_LOOKED_AT = 32  # rows of the model, and of the data, which tell how far a step goes
_SHARE_OF_DATA = 0.01  # of their variance that counts
_LARGEST_SHARE = 0.03  # of a mini-batch in a variance
_CHANGES = 0.5, 2.0  # the smallest and the largest factor on a variance in a step

_SMALLEST_SHARE = 0.03  # of the unexplained variance
_SLOW_RATE = 0.1  # from which on variances move as fast as they may
_TIME_TO_CATCH_UP = 100.0  # updates times rate

# From the fraction of the training that is done, in [0, 1), to a step size.
Schedule = Callable[[float], float]


def constant(rate: float) -> Schedule:
    """The rate throughout: for training whose end is not known."""
    return lambda progress: rate


def linear_decay(rate: float) -> Schedule:
    """From the rate down to zero: the noise of the last steps averages out."""
    return lambda progress: rate * (1 - progress)


def quadratic_decay(rate: float) -> Schedule:
    """From the rate down to zero, with more small steps than large ones."""
    return lambda progress: rate * (1 - progress) ** 2


def rising_share(rate: float, n_updates: int) -> Schedule:
    """From a small share up to one: of the variance that hidden units leave unexplained.

    Where the visible units' variances stay below it at first, all hidden units find something to
    explain; otherwise the first ones take what is easy, the variances adapt to that, and the rest
    of the units vanish. Where there are few updates to catch up in, the share starts near one.
    """
    time = n_updates * min(rate, _SLOW_RATE) / _TIME_TO_CATCH_UP
    missing = (1 - _SMALLEST_SHARE) * min(1.0, time)
    return lambda progress: 1 - missing * (1 - progress) ** 4


class LookedAt(NamedTuple):
    """Rows that tell how far a step goes: of the model those of most weight, of the data some."""

    model: Rows
    data: Rows

    @classmethod
    def of(cls, phases: Phases) -> LookedAt:
        """Those of the phases."""
        data = Rows(*(x[: phases.n_data] for x in phases.parts[0]))
        return cls(_weightiest(phases.parts[-1]), _first(data))

    def joined(self, other: LookedAt) -> LookedAt:
        """Those of both, of which again as many are looked at."""
        return LookedAt(
            _weightiest(_joined(self.model, other.model)), _first(_joined(self.data, other.data))
        )


@dataclass(frozen=True)
class Growth:
    """By what a step makes the weights, the visible and the hidden biases grow."""

    weights: Weights
    visible: Array
    hidden: Array

    def __add__(self, other: Self) -> Growth:
        return Growth(
            self.weights.plus(other.weights),
            self.visible + other.visible,
            self.hidden + other.hidden,
        )

    def __mul__(self, factor: float) -> Growth:
        return Growth(self.weights.times(factor), factor * self.visible, factor * self.hidden)

    def formed(self) -> Growth:
        """The same."""
        return self

    def add_to(self, rbm: RBM) -> None:
        """Let the parameters grow, in place."""
        rbm.weights.add(self.weights)
        _add(_biases(rbm), (self.visible, self.hidden))


@dataclass(frozen=True)
class FactoredGrowth:
    """The same where the weights grow by products `v' x`, which are not formed to be added.

    Parameters
    ----------
    weights : Weights
        Those that grow, whose structure the products get.
    factors : tuple of pairs of arrays
        v, which may be a CSR matrix, and x of every product.
    visible : ndarray of shape (n_visible,)
    hidden : ndarray of shape (n_hidden,)
    """

    weights: Weights
    factors: tuple[tuple[Any, Array], ...]
    visible: Array
    hidden: Array

    def __add__(self, other: Self) -> Self:
        return replace(
            self,
            factors=self.factors + other.factors,
            visible=self.visible + other.visible,
            hidden=self.hidden + other.hidden,
        )

    def formed(self) -> Growth:
        """With the sum of the products."""
        first, *others = (self.weights.outer(v, x) for v, x in self.factors)
        return Growth(reduce(lambda x, y: x.plus(y), others, first), self.visible, self.hidden)

    def add_to(self, rbm: RBM) -> None:
        """Let the parameters grow, in place, by each product as it is made."""
        for v, x in self.factors:
            rbm.weights.accumulate(v, x)
        _add(_biases(rbm), (self.visible, self.hidden))


@dataclass(frozen=True)
class Statistics:
    """What a step needs to know of its phases: all of it adds up over parts of their rows.

    The sum of the statistics of parts whose phases are `weighted` by their shares of all rows is
    that of the whole.

    Parameters
    ----------
    rate : float
        At which the growth is given.
    growth : Growth or FactoredGrowth
    data_means : tuple of two ndarrays
        Means of v and of h.
    moments : tuple of two ndarrays, optional
        Weighted sums of `v - m` and of its square over all rows, where variances are learnt.
    looked_at : LookedAt, optional
        Where steps have a limit.
    of_means : bool
        Whether the model's visible states are conditional means.
    """

    rate: float
    growth: Growth | FactoredGrowth
    data_means: tuple[Array, ...]
    moments: tuple[Array, ...] | None
    looked_at: LookedAt | None
    of_means: bool

    def __add__(self, other: Statistics) -> Statistics:
        moments, looked_at = self.moments, self.looked_at
        if moments is not None and other.moments is not None:
            moments = _sums(moments, other.moments)
        if looked_at is not None and other.looked_at is not None:
            looked_at = looked_at.joined(other.looked_at)
        return replace(
            self,
            growth=self.growth.formed() + other.growth.formed(),
            data_means=_sums(self.data_means, other.data_means),
            moments=moments,
            looked_at=looked_at,
        )

    def formed(self) -> Statistics:
        """The same, of a size that does not depend on the number of rows."""
        return replace(self, growth=self.growth.formed())

    def divergence(self, rbm: RBM) -> float:
        """Nats between the models before and after a step at rate one, to second order.

        That is half the variance, among rows of the model, of what the step adds to minus their
        energy; or a hundredth of that among rows of the data, where the model has hardly any states
        left. Some rows tell it.
        """
        assert self.looked_at is not None
        model, data = self.looked_at
        of_model = _variance(*self._change(rbm, model), model.weights)
        of_data = _variance(self._change(rbm, data)[0], 0.0, data.weights)
        return max(of_model, _SHARE_OF_DATA * of_data) / 2 / self.rate**2 + _SMALLEST_DIVERGENCE

    def _change(self, rbm: RBM, rows: Rows) -> tuple[Array, Array | float]:
        """What the growth adds to minus the energy of each row, and the variance of that.

        It varies where the visible states vary around those of the rows.
        """
        growth = self.growth.formed()
        v, h = rows.visible, rows.hidden
        of_hidden = arrays.row_sums_of_products(growth.weights.input(v) + growth.hidden, h)
        change = v @ growth.visible + of_hidden
        if not self.of_means:
            return change, 0.0
        slope = growth.visible + growth.weights.T.input(h)
        return change, (slope**2 / rbm.visible.preconditioned(1 + 0 * slope)).sum(axis=1)


@dataclass
class CentredGradient:
    """Gradient ascent on `E(v, h) = -(v - m)' b - (h - k)' c - (v - m)' W (h - k)`.

    With the offsets m and k near the data's means, the weights' gradient is a covariance and no
    longer drives the biases, and flipping every bit of the data changes nothing. The offsets are
    moving averages of *data* means; with the model's own they diverge. A step in the centred
    parameters is written here as the step of the ordinary ones that it amounts to.

    Parameters
    ----------
    visible_offset : ndarray of shape (n_visible,)
    hidden_offset : ndarray of shape (n_hidden,)
    sliding_factor : float
        Weight of the newest mini-batch in the moving averages.
    largest_step : float
        Nats of Kullback-Leibler divergence between the model before a step and after it, to second
        order; longer steps are shortened. No limit by default.
    variance : VarianceGradient, optional
        Learns the variances of Gaussian visible units.

    References
    ----------
    S. Amari, "Natural gradient works efficiently in learning", Neural Computation 10(2), 1998. J.
    Melchior, A. Fischer and L. Wiskott, "How to center deep Boltzmann machines", Journal of Machine
    Learning Research 17(99), 2016.
    """

    visible_offset: Array
    hidden_offset: Array
    sliding_factor: float = 0.01
    largest_step: float = math.inf
    variance: VarianceGradient | None = None

    def move(self, place: Place) -> None:
        """Let the offsets and the smallest variances lie elsewhere."""
        self.visible_offset = place(self.visible_offset)
        self.hidden_offset = place(self.hidden_offset)
        if self.variance is not None:
            self.variance = replace(self.variance, floor=place(self.variance.floor))

    def step(self, rbm: RBM, phases: Phases, rate: float, variance_share: float = 1.0) -> None:
        """Move the parameters of rbm, in place, along the gradient of the two phases."""
        statistics = self.statistics(rbm, phases, rate)
        if self._is_limited or self.variance is not None:  # which look at the growth of the weights
            statistics = statistics.formed()
        self.apply(rbm, statistics, rate, variance_share)

    def statistics(self, rbm: RBM, phases: Phases, rate: float) -> Statistics:
        """What a step needs to know of the phases, for parameters and offsets as they are now.

        With `x_r = rate weights_r (h_r - k)` the weights grow by `sum_r (v_r - m) x_r`, and the
        biases by what the centred ones do, less what the weights' growth makes of the offsets.
        Each layer divides its side by the Fisher information of its biases.
        """
        m, k = self.visible_offset, self.hidden_offset
        rate = 1.0 if self._is_limited else rate
        *sparse, dense = phases.parts
        v = dense.visible - m
        x, of_visible = _factors(rbm, dense, k, rate)
        growths = []
        for rows in sparse:  # which stay so: a row -m, with all their factors, is added for them
            sparse_x, of_sparse = _factors(rbm, rows, k, rate)
            growths.append(_growth(rbm, rows.visible, sparse_x, of_sparse, -(rows.visible @ m)))
            v = arrays.concat([v, -m[None]])
            x = arrays.concat([x, sparse_x.sum(axis=0, keepdims=True)])
            of_visible = arrays.concat([of_visible, of_sparse.sum(keepdims=True)])
        scaled = rbm.visible.preconditioned(v)
        growths.append(_growth(rbm, scaled, x, of_visible, 1 - scaled @ m))
        moments = None
        if self.variance is not None:
            weights = dense.weights
            moments = weights @ v, weights @ (v * v)
        looked_at = LookedAt.of(phases) if self._is_limited else None
        growth = reduce(add, growths)
        return Statistics(rate, growth, _data_means(phases), moments, looked_at, phases.of_means)

    def apply(
        self, rbm: RBM, statistics: Statistics, rate: float, variance_share: float = 1.0
    ) -> None:
        """Move the parameters of rbm, in place, by the step that statistics of its phases ask."""
        m, k = self.visible_offset, self.hidden_offset
        if self._is_limited:
            rate = min(rate, (self.largest_step / statistics.divergence(rbm)) ** 0.5)
        growth = statistics.growth
        if rate != statistics.rate:
            growth = growth.formed() * (rate / statistics.rate)
        growth.add_to(rbm)
        if self.variance is not None:
            grown = growth.formed().weights
            explained = rbm.weights.row_dots(grown) / rate
            excess = self.variance.excess(rbm, statistics, (m, k), explained)
            self.variance.step(rbm, m, variance_share * (1 + excess) - 1, rate)
        data_v, data_h = statistics.data_means
        self.visible_offset = arrays.lerp(m, data_v, self.sliding_factor)
        self.hidden_offset = arrays.lerp(k, data_h, self.sliding_factor)

    @property
    def _is_limited(self) -> bool:
        return self.largest_step < math.inf


@dataclass(frozen=True)
class VarianceGradient:
    """Gradient ascent on the logarithms of the variances of Gaussian visible units.

    Of `z = log(variance)` it is `((v - b)^2 / 2 - (v - m) W (h - k)) / exp(z)`, where the means b
    of the visible units at `h = k` and the weights W, both in the units of the data, stay as they
    are. Twice that is by which share the variance of what the hidden units leave unexplained
    exceeds the present one. A step moves the variance towards it, as a moving average does, and not
    its logarithm by as much: limited steps of the logarithm would shrink the variances of columns
    that are far from their mean in few rows.

    Parameters
    ----------
    rate : float
        Step size, as a multiple of that of the weights.
    floor : ndarray of shape (n_visible,)
        The smallest variances.
    shared : bool
        Whether all units have the same.
    """

    rate: float
    floor: Array
    shared: bool

    def excess(
        self, rbm: RBM, statistics: Statistics, offsets: tuple[Array, Array], explained: Array
    ) -> Array:
        """Share by which the unexplained variance exceeds each unit's: twice the gradient.

        Parameters
        ----------
        rbm : RBM
        statistics : Statistics
            With the moments of both phases.
        offsets : tuple of two ndarrays
            m and k.
        explained : ndarray of shape (n_visible,)
            Sum over a unit's weights of each times its step at rate one.
        """
        assert statistics.moments is not None
        m, k = offsets
        bias, precision = rbm.visible.parameters
        mean = (bias + rbm.weights.T.input(k)) / precision - m
        first, second = statistics.moments
        excess = (second - 2 * mean * first) * precision - 2 * explained / precision
        if statistics.of_means:  # around which visible states vary
            excess -= 1
        if self.shared:
            excess[:] = excess.mean()
        return excess

    def step(self, rbm: RBM, m: Array, excess: Array, rate: float) -> None:
        """Move the precision of the visible units, and what is in units of it, in place."""
        bias, precision = rbm.visible.parameters
        factor = 1 / (1 + min(self.rate * rate, _LARGEST_SHARE) * excess).clip(*_CHANGES)
        factor = (precision * factor).clip(max=1 / self.floor) / precision
        c = rbm.hidden.bias
        c += rbm.weights.input(m * (1 - factor))
        for x in (bias, precision):
            x *= factor
        rbm.weights.scale_rows(factor)


def _sums(x: tuple[Array, ...], y: tuple[Array, ...]) -> tuple[Array, ...]:
    return tuple(a + b for a, b in zip(x, y, strict=True))


def _joined(x: Rows, y: Rows) -> Rows:
    return Rows(*(arrays.concat(pair) for pair in zip(x, y, strict=True)))


def _first(rows: Rows) -> Rows:
    v, h, weights = (x[:_N_LOOKED_AT] for x in rows)
    return Rows(arrays.to_dense(v), h, weights)


def _weightiest(rows: Rows) -> Rows:
    weights = rows.weights.clip(max=0)  # negative ones are the model's
    some = arrays.argsort(weights)[:_N_LOOKED_AT]
    return Rows(rows.visible[some], rows.hidden[some], weights[some])


def _variance(x: Array, spread: Array | float, weights: Array) -> float:
    """Variance of weighted numbers, each of which has one of its own."""
    share = weights / weights.sum()
    return float(share @ ((x - share @ x) ** 2 + spread))


def _factors(rbm: RBM, rows: Rows, k: Array, rate: float) -> tuple[Array, Array]:
    """What every row is multiplied with: in the weights' step, and in the visible biases'."""
    weights = rate * rows.weights
    x = rbm.hidden.preconditioned(rows.hidden - k)
    x *= weights[:, None]
    return x, weights - x @ k


def _growth(rbm: RBM, v: Any, x: Array, of_visible: Array, of_hidden: Array) -> FactoredGrowth:
    """`sum_r v_r x_r` for the weights, and for the biases the sums of rows times these factors."""
    return FactoredGrowth(rbm.weights, ((v, x),), of_visible @ v, of_hidden @ x)


def _biases(rbm: RBM) -> tuple[Array, ...]:
    return rbm.visible.bias, rbm.hidden.bias


def _add(parameters: tuple[Array, ...], growth: tuple[Array, ...]) -> None:
    for parameter, grown in zip(parameters, growth, strict=True):
        parameter += grown


def _data_means(phases: Phases) -> tuple[Array, Array]:
    """Weighted means of the data's rows."""
    v, h, weights = phases.parts[0]
    n_data = phases.n_data
    return weights[:n_data] @ v[:n_data], weights[:n_data] @ h[:n_data]
