"""Choose the epochs and rows of monitored figures, so that they cost little of a fit.

Costs are counted in nanoseconds, not measured: a fit is the same on every machine. They apply to
one thread and to an update in compiled code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from skrbm.model import RBM

_SHARE = 0.05  # of the time of updates
_FEWEST_ROWS = 20  # their mean still shows the progress of a fit
_FEWEST_SCORES, _FEWEST_SCORED = 10, 500  # epochs and rows of which scores are compared

_UPDATE, _CALL, _STATE_CALL = 8_000.0, 50_000.0, 10_000.0  # for any number of rows
_PRODUCT, _ELEMENT = 0.018, 1.5  # per multiplication in a product, and per element of a layer
_TERM = 5.0  # per hidden unit whose log-normaliser is computed
_N_PRODUCTS = 5


class Price(NamedTuple):
    """The cost of a figure: a constant, and an amount per row."""

    of_call: float
    of_row: float

    def plus(self, other: Price) -> Price:
        """The cost of both figures."""
        return Price(self.of_call + other.of_call, self.of_row + other.of_row)


def pseudo_likelihood_price(rbm: RBM, n_flips: int) -> Price:
    """The cost of a pseudo-likelihood from n_flips columns per row."""
    n_states, n_hidden = rbm.visible.n_evaluations, rbm.hidden.n_columns
    input = _PRODUCT * _n_weights(rbm)
    return Price(_CALL + _STATE_CALL * n_states, input + _TERM * n_flips * n_states * n_hidden)


def free_energy_price(rbm: RBM) -> Price:
    """The cost of a free energy."""
    n_hidden = rbm.hidden.n_columns
    return Price(_CALL, _PRODUCT * _n_weights(rbm) + _TERM * n_hidden)


def label_price(rbm: RBM, n_labels: int) -> Price:
    """The cost of the probability of a label."""
    return Price(
        _CALL + _STATE_CALL, free_energy_price(rbm).of_row + _TERM * n_labels * rbm.hidden.n_columns
    )


def cost_of_epoch(rbm: RBM, n_rows: int, batch_size: float) -> float:
    """The cost of the updates of an epoch, with as many chains as rows."""
    n_visible, n_hidden = rbm.visible.n_columns, rbm.hidden.n_columns
    products = _N_PRODUCTS * _PRODUCT * _n_weights(rbm)
    of_row = products + 2 * _ELEMENT * (n_visible + n_hidden)
    return math.ceil(n_rows / batch_size) * _UPDATE + n_rows * of_row


def _n_weights(rbm: RBM) -> float:
    return rbm.weights.fan[0] * rbm.weights.shape[1]


@dataclass(frozen=True)
class Watch:
    """The epochs of a fit after which a figure is computed, and the number of rows.

    Figure i of n is computed after the fraction `(i / (n - 1))^2` of the epochs, since a fit
    changes most at its start. By default it is computed after every epoch.

    Parameters
    ----------
    n_iter : int
        Number of epochs.
    n_times : int
        Number of epochs with the figure.
    n_rows : int, optional
        Largest number of rows; all by default.
    is_paid : bool
        Whether the cost is at most this share of the cost of the updates.
    """

    n_iter: int = 0
    n_times: int = 0
    n_rows: int | None = None
    is_paid: bool = False

    @classmethod
    def of(cls, n_iter: int, cost: float, price: Price, n_rows: int, fewest: int = 2) -> Watch:
        """Watch as many epochs as a share of the cost of the updates allows, at least two.

        Parameters
        ----------
        n_iter : int
        cost : float
            The cost of the updates of an epoch.
        price : Price
            The cost of the figure.
        n_rows : int
            Number of rows of which the figure is computed.
        fewest : int
            Smallest number of epochs.
        """
        earned = n_iter * _SHARE * cost
        n_times = int(min(n_iter, earned / (price.of_call + n_rows * price.of_row)))
        return cls(n_iter, max(2, fewest, n_times), n_rows, n_times >= fewest)

    @classmethod
    def of_scores(cls, n_iter: int, cost: float, price: Price, n_rows: int) -> Watch:
        """The same for scores to compare: ten or more, of at least 500 rows if there are as many.

        More than 500 rows are used only if the share allows all ten epochs.
        """
        fewest = min(_FEWEST_SCORES, n_iter)
        affordable = (n_iter * _SHARE * cost / max(1, fewest) - price.of_call) / price.of_row
        n_rows = min(n_rows, max(_FEWEST_SCORED, int(affordable)))
        return cls.of(n_iter, cost, price, n_rows, fewest)

    @classmethod
    def of_some(cls, n_iter: int, cost: float, price: Price, n_rows: int) -> Watch:
        """The same, with fewer rows.

        More than 20 rows are used if they cost no more than the call, or if the share of an epoch
        allows them.
        """
        affordable = max(price.of_call, _SHARE * cost - price.of_call) / price.of_row
        return cls.of(n_iter, cost, price, min(n_rows, max(_FEWEST_ROWS, int(affordable))))

    def includes(self, epoch: int) -> bool:
        """Whether the figure is computed after this epoch, the first of which is 0."""
        if epoch == 0 or epoch >= self.n_iter - 1 or self.n_times >= self.n_iter:
            return True
        n_steps, n_squares = self.n_iter - 1, (self.n_times - 1) ** 2
        i = 1 + math.isqrt((epoch * n_squares - 1) // n_steps)  # the next, from this epoch on
        return i**2 * n_steps < (epoch + 1) * n_squares


EVERY_EPOCH = Watch()
