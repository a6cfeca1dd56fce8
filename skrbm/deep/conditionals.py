"""Conditional distributions and likelihood bounds of a belief net with missing visible units.

The bound on the likelihood of the known values `v_o` is

    log p(v_o) >= E[log p(v_o, v_m, h) - log p_1(v_m | v_o) - log q(h | v_o, v_m)]

Here, `v_m` are the missing values, and q is the recognition distribution. `p_1` is the RBM as which
the lowest layer was trained. The mean is over `v_m ~ p_1(v_m | v_o)` and `h ~ q(h | v)`. The bound
is Jensen's inequality for the joint distribution `p_1(v_m | v_o) q(h | v)` of all unknown states.

If exact draws from `p_1(v_m | v_o)` are too expensive, annealed chains replace them. Their
importance weights w satisfy `E[w f(v)] = sum_(v_m) exp(-F_1(v)) f(v)` for every function f. With
`f = p(v, h) / q(h | v) exp(F_1(v))`, the mean of `w f` is `p(v_o)`, so the mean of its logarithm is
again a lower bound.
"""

from __future__ import annotations

from dataclasses import dataclass

from skrbm import conditionals, samplers
from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array, Generator
from skrbm._kernels.generators import by_part, repeated
from skrbm.deep.belief_net import BeliefNet
from skrbm.model import RBM
from skrbm.units import Layer

_N_STEPS = 100  # of chains of the lowest RBM, if it cannot be enumerated
_N_CHAINS = 20  # per row
_N_ASCENT_DRAWS = 100  # for a posterior mean


@dataclass(frozen=True)
class Incomplete:
    """A belief net with the RBM that draws missing values.

    Parameters
    ----------
    net : BeliefNet
    rbm : RBM
        `p_1`, the RBM as which the lowest layer of the net was trained.
    base : Layer
        Initial visible layer of that RBM, from which chains start.
    """

    net: BeliefNet
    rbm: RBM
    base: Layer

    def log_ratios(self, v: Array, n_draws: int, rng: Generator) -> Array:
        """Draw terms whose expected value is at most `log p(v_o) + log Z`, in nats.

        Z belongs to the top RBM.

        Parameters
        ----------
        v : ndarray of shape (n_rows, n_visible)
            NaN in missing units.
        n_draws : int
            Number of terms per row.
        rng : Generator

        Returns
        -------
        terms : ndarray of float64 of shape (n_rows, n_draws)
        """
        gaps = devices.to_host(arrays.any_in_rows(arrays.is_nan(v))).nonzero()[0]
        own = by_part(rng)(gaps)
        drawn = conditionals.weighted_draws(self.rbm, self.base, v[gaps], own, n_draws)
        terms = devices.float64(arrays.zeros((len(v), n_draws), v))
        for i, (states, log_weights) in enumerate(zip(*drawn, strict=True)):
            completed = arrays.copy(v)
            completed[gaps] = states
            terms[:, i] = self.net.log_ratio(self.net.up(completed, rng))
            terms[gaps, i] += log_weights + self.rbm.free_energy(states)
        return terms

    def first_means(self, v: Array, rng: Generator) -> Array:
        """Means of the lowest hidden layer, averaged over 20 draws from `p_1(v_m | v_o)` per row.

        Parameters
        ----------
        v : ndarray of shape (n_rows, n_visible)
            NaN in missing units.
        rng : Generator
        """
        rows = arrays.concat([v] * _N_CHAINS)
        drawn = conditionals.draw(self.rbm, self.base, rows, repeated(rng, _N_CHAINS), _N_STEPS)
        means = self.net.recognition[0].mean(drawn)
        return means.reshape(_N_CHAINS, len(v), -1).mean(axis=0)


def complete(net: BeliefNet, v: Array, rng: Generator, n_steps: int) -> tuple[Array, Array]:
    """Draw free visible units given the others, and estimate their means.

    A Markov chain per row leaves `p(v_m, h | v_o)` invariant. In each step, the recognition layers
    propose hidden states. Metropolis' rule accepts them by the ratio of `p(v, h) / q(h | v)`. Then
    the free units are drawn given the hidden states.

    Parameters
    ----------
    net : BeliefNet
        At least two hidden layers.
    v : ndarray of shape (n_rows, n_visible)
        NaN in free units.
    rng : Generator
    n_steps : int
        Length of the chains.

    Returns
    -------
    last : ndarray of shape (n_rows, n_visible)
        Last states of the chains.
    mean : ndarray of shape (n_rows, n_visible)
        Conditional means of the free units, averaged over the second half of the steps.
    """
    completed, first = net.visible.completion(net.visible.known(v)), n_steps // 2
    visible = completed(samplers.sample_independent(net.visible, len(v), rng))
    states = net.up(visible, rng)
    total = 0 * visible
    for step in range(n_steps):
        proposed = net.up(states[0], rng)
        log_ratio = net.log_ratio(proposed) - net.log_ratio(states)
        accepted = random.accept(log_ratio, rng)[:, None]
        pairs = zip(proposed[1:], states[1:], strict=True)
        hidden = [arrays.where(accepted, new, old) for new, old in pairs]
        mean = net.generation[0].mean(hidden[0])
        states = [completed(net.visible.sample(mean, rng)), *hidden]
        if step >= first:
            total += mean
    return states[0], completed(total / (n_steps - first))


def means(net: BeliefNet, v: Array, rng: Generator, n_steps: int) -> Array:
    """Estimate `E[v | v_o]` by averages over 20 chains per row, since one may stay in one mode.

    Parameters
    ----------
    net : BeliefNet
        At least two hidden layers.
    v : ndarray of shape (n_rows, n_visible)
        NaN in free units.
    rng : Generator
    n_steps : int
        Length of the chains; their second half is averaged. See `complete`.
    """
    _, averages = complete(net, arrays.concat([v] * _N_CHAINS), repeated(rng, _N_CHAINS), n_steps)
    return averages.reshape(_N_CHAINS, *v.shape).mean(axis=0)


def mode(net: BeliefNet, v: Array, rng: Generator, n_steps: int) -> Array:
    """Find a mode of `p(v_m | v_o)` for every row, by ascent from the most probable unit states.

    The ascent starts at the most probable state of each unit given `means`. Each step sets v to its
    most probable state given the posterior mean of the lowest hidden layer. With an exact posterior
    mean, this is a step of the EM algorithm, which cannot decrease `p(v)`. The posterior mean is
    estimated from 100 draws of the recognition layers, weighted by `p(v, h) / q(h | v)`. The
    draws are the same in every step, so the ascent can end.

    Parameters
    ----------
    net : BeliefNet
        At least two hidden layers.
    v : ndarray of shape (n_rows, n_visible)
        NaN in free units.
    rng : Generator
    n_steps : int
        Length of the chains that estimate the start; see `means`.

    References
    ----------
    A. P. Dempster, N. M. Laird and D. B. Rubin, "Maximum likelihood from incomplete data via the EM
    algorithm", Journal of the Royal Statistical Society B 39(1), 1977.
    """
    completed, seed = net.visible.completion(net.visible.known(v)), int(rng.integers(2**63))

    def most_probable(mean: Array) -> Array:
        return completed(net.visible.most_probable(mean))

    def step(states: Array) -> Array:
        same = random.reseeded(rng, seed)
        return most_probable(net.generation[0].mean(_posterior_mean(net, states, same)))

    return arrays.fixed_point(step, most_probable(means(net, v, rng, n_steps)))


def _posterior_mean(net: BeliefNet, v: Array, rng: Generator) -> Array:
    """Estimate `E[h_1 | v]` by importance sampling from the recognition layers."""
    states = net.up(v, rng)
    largest, mean = net.log_ratio(states), devices.float64(states[1])
    total = arrays.exp(0 * largest)
    for _ in range(_N_ASCENT_DRAWS - 1):
        states = net.up(v, rng)
        log_weight = net.log_ratio(states)
        before, largest = largest, arrays.maximum(largest, log_weight)
        old, new = arrays.exp(before - largest), arrays.exp(log_weight - largest)
        total = old * total + new
        mean = old[:, None] * mean + new[:, None] * devices.float64(states[1])
    return devices.like(mean / total[:, None], v)
