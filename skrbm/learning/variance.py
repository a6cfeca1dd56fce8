"""Learning the variances of Gaussian visible units."""

from __future__ import annotations

from dataclasses import dataclass

from skrbm._kernels.devices import Array
from skrbm.learning.step_statistics import Statistics
from skrbm.model import RBM

SMALLEST_VARIANCE = 1e-4  # as a share of the variance of the data, for any number of rows
LARGEST_SHARE = 0.03  # of a mini-batch in a variance
CHANGES = 0.5, 2.0  # limits of the factor on a variance in a step


@dataclass(frozen=True)
class VarianceGradient:
    """Gradient ascent on the logarithms of the variances of Gaussian visible units.

    With `z = log(variance)`, the gradient is `((v - b)^2 / 2 - (v - m) W (h - k)) / exp(z)`. This
    holds if the means b of the visible units at `h = k` and the weights W, both in data units, are
    constant. Twice the gradient is the relative excess of the unexplained variance, which hidden
    units leave, over the present variance. A step moves the variance towards it like a moving
    average. A limited step of the logarithm would instead shrink the variance of a column that is
    far from its mean in only a few rows.

    Parameters
    ----------
    rate : float
        Step size, as a multiple of the step size of the weights.
    shared : bool
        Whether all units have the same variance.
    """

    rate: float
    shared: bool

    def excess(
        self, rbm: RBM, statistics: Statistics, offsets: tuple[Array, Array], explained: Array
    ) -> Array:
        """Relative excess of the unexplained variance over each unit's: twice the gradient.

        Parameters
        ----------
        rbm : RBM
        statistics : Statistics
            Contains the moments of both phases.
        offsets : tuple of two ndarrays
            m and k.
        explained : ndarray of shape (n_visible,)
            For each unit, the sum over its weights of the weight times its step at rate one.
        """
        assert statistics.moments is not None
        m, k = offsets
        layer = rbm.visible
        mean = layer.mean(rbm.weights.T.input(k)) - m
        first, second = statistics.moments
        excess = layer.preconditioned(second - 2 * mean * first) - 2 * layer.response(explained)
        if statistics.of_means:  # visible states vary around their means
            excess -= 1
        if self.shared:
            excess[:] = excess.mean()
        return excess

    def step(self, rbm: RBM, floor: Array, m: Array, excess: Array, rate: float) -> None:
        """Change the precisions of the visible units, and quantities in their units, in place.

        Parameters
        ----------
        rbm : RBM
        floor : ndarray of shape (n_visible,)
            The smallest variances.
        m : ndarray of shape (n_visible,)
            The visible offset.
        excess : ndarray of shape (n_visible,)
        rate : float
            Step size of the weights.
        """
        factor = 1 / (1 + min(self.rate * rate, LARGEST_SHARE) * excess).clip(*CHANGES)
        factor = rbm.visible.scale_precision(factor, floor)
        rbm.hidden.add_to_bias(rbm.weights.input(m * (1 - factor)))
        rbm.weights.scale_rows(factor)
