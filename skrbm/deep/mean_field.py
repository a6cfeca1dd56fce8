"""Mean-field inference: a posterior of independent units for an RBM with latent visible units.

The even layers of a deep Boltzmann machine are the visible units of an RBM, and the odd layers are
its hidden units. Only the lowest even layer is in the data; the units of the others are latent.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from skrbm._kernels import arrays, devices
from skrbm._kernels.devices import Array, Generator
from skrbm.model import RBM
from skrbm.units import Layer
from skrbm.weights import Weights


class Posterior(NamedTuple):
    """Independent units that approximate `p(free visible units, h | known visible units)`.

    Parameters
    ----------
    visible : ndarray of shape (n_rows, n_visible)
        Known values, and means of the free units.
    visible_input : ndarray of shape (n_rows, n_visible)
        Input of the visible units from which the means were computed.
    free : ndarray of bool of shape (n_rows, n_visible)
    hidden : ndarray of shape (n_rows, n_hidden)
        Means of the hidden units given `visible`.
    converged : ndarray of bool of shape (n_rows,)
        Whether the last step changed no mean by more than the tolerance.
    """

    visible: Array
    visible_input: Array
    free: Array
    hidden: Array
    converged: Array


class _Upper(NamedTuple):
    """The latent layer of an RBM, its weights, and the input of the hidden units from rows."""

    rbm: RBM
    layer: Layer
    weights: Weights
    below: Array

    def hidden_input(self, latent: Array) -> Array:
        return self.rbm.scaled(self.below + self.weights.input(latent))

    def input(self, hidden: Array) -> Array:
        return self.rbm.scaled(self.weights.T.input(hidden))


@dataclass(frozen=True)
class MeanField:
    """Alternating updates of the means of free visible units and of hidden units.

    Each update maximises the lower bound on the log-likelihood over the means of one layer, so no
    step decreases the bound.

    Parameters
    ----------
    n_latent : int
        Number of visible units at the end that are not in the data.
    max_iter : int
        Maximum number of updates of the free units.
    tol : float
        A row has converged if no mean changes by more in an update.

    References
    ----------
    R. Salakhutdinov and G. Hinton, "Deep Boltzmann machines", AISTATS 2009.
    """

    n_latent: int
    max_iter: int
    tol: float

    def data_layer(self, visible: Layer) -> Layer:
        """Return the part of a visible layer that is in the data."""
        return visible.part(slice(visible.n_units - self.n_latent))

    def latent_layer(self, visible: Layer) -> Layer:
        """Return the part of a visible layer that is not in the data."""
        return visible.part(slice(visible.n_units - self.n_latent, None))

    def with_latent(self, rbm: RBM, v: Array) -> Array:
        """Append NaN for the latent units to rows of data."""
        n_latent = rbm.visible.n_columns - v.shape[-1]
        return arrays.concat([v, arrays.full((len(v), n_latent), math.nan, v)], axis=-1)

    def latent_means(self, rbm: RBM, v: Array, start: Array) -> Array:
        """Means of the latent units for complete rows of data.

        Parameters
        ----------
        rbm : RBM
        v : ndarray of shape (n_rows, n_data_columns)
        start : ndarray of shape (n_latent_columns,)
            Means from which to start.
        """
        return self._means(self._upper(rbm, v), start)

    def draw(self, rbm: RBM, v: Array, start: Array, rng: Generator, n_steps: int) -> Array:
        """Draw the latent units given complete rows, by Gibbs chains from draws of their means.

        Parameters
        ----------
        rbm, v, start
            As for `latent_means`.
        rng : Generator
        n_steps : int
            Length of the chains.
        """
        upper = self._upper(rbm, v)
        latent = upper.layer.sample(self._means(upper, start), rng)
        for _ in range(n_steps):
            hidden = rbm.hidden.draw(upper.hidden_input(latent), rng)
            latent = upper.layer.draw(upper.input(hidden), rng)
        return latent

    def means_given(self, rbm: RBM, hidden: Array) -> Array:
        """Means of the latent units given hidden states."""
        weights = rbm.weights.part(slice(rbm.visible.n_columns - self.n_latent, None))
        return self.latent_layer(rbm.visible).mean(rbm.scaled(weights.T.input(hidden)))

    def _means(self, upper: _Upper, start: Array) -> Array:
        hidden = upper.rbm.hidden

        def update(m: Array) -> Array:
            return upper.layer.mean(upper.input(hidden.mean(upper.hidden_input(m))))

        below = upper.below
        means, _ = self._iterate(update, start + arrays.zeros((len(below), len(start)), below))
        return means

    def _upper(self, rbm: RBM, v: Array) -> _Upper:
        n_data = v.shape[-1]
        from_data = rbm.weights.part(slice(n_data))
        from_latent = rbm.weights.part(slice(n_data, None))
        return _Upper(rbm, self.latent_layer(rbm.visible), from_latent, from_data.input(v))

    def posterior(self, rbm: RBM, v: Array, start: Array) -> Posterior:
        """The posterior for rows of visible states.

        Parameters
        ----------
        rbm : RBM
        v : ndarray of shape (n_rows, n_visible)
            NaN in free units.
        start : ndarray of shape (n_visible,)
            Means of the visible units from which to start.
        """
        known, backward = rbm.visible.known(v), rbm.swap()
        complete = rbm.visible.completion(known)

        def input(x: Array) -> Array:
            return backward.hidden_input(rbm.hidden_from_visible(x))

        def update(x: Array) -> Array:
            return complete(rbm.visible.mean(input(x)))

        x, converged = self._iterate(update, complete(start + arrays.zeros(v.shape, v)))
        u = input(x)
        x = complete(rbm.visible.mean(u))
        return Posterior(x, u, known.free, rbm.hidden_from_visible(x), converged)

    def _iterate(self, update: Callable[[Array], Array], means: Array) -> tuple[Array, Array]:
        """Update rows until they converge; the result for a row depends on no other row."""
        done = arrays.full((len(means),), 0.0, means) > 0
        for _ in range(self.max_iter):
            new = update(means)
            n_moved = (abs(new - means) > self.tol).sum(axis=1)
            means = arrays.where(done[:, None], means, new)
            done = done | (n_moved == 0)
            if done.all():
                break
        return means, done


def lower_bounds(rbm: RBM, posterior: Posterior) -> Array:
    """`E_q[-E(v, h)] + H(q)` of every row, a lower bound on `log p(known) + log Z`, in float64.

    The hidden units have their best posterior, so the sum over their states is exact. A free unit
    with input u and mean m contributes `log sum_s exp(s.u - energy(s)) - m.u`.
    """
    x, u, free, _, _ = posterior
    layer = rbm.visible
    of_free, of_known = devices.float64(layer.log_normalizers(u)), -layer.energies(x)
    are_free = devices.with_device_of(layer.in_units(free), of_free)
    of_inputs = arrays.row_dot(arrays.where(free, x, 0 * x), u)
    of_hidden = rbm.hidden.log_normalizer(rbm.hidden_input(x))
    return arrays.where(are_free, of_free, of_known).sum(-1) - of_inputs + of_hidden
