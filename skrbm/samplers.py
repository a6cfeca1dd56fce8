"""Markov chains whose stationary distribution is an RBM."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array, Generator, Place
from skrbm.model import RBM
from skrbm.units import Layer

N_REPLICAS = 20  # temperatures, enough for the chains of most models to mix
_STEPS_BETWEEN_JUMPS = 10  # keeps the cost low if no jump is accepted
_ADAPTED_EVERY = 100  # steps of parallel tempering
_LARGEST_REJECTION = 0.5  # of exchanges between neighbours
_SMALLEST_REJECTION = 1e-3
_SLIDING_FACTOR = 0.02  # of the moving average of rejections


class Chains(NamedTuple):
    """States of block Gibbs chains, one chain per row.

    `visible` and `hidden` are states; `hidden` is drawn given `visible`. `hidden_mean` is
    `E[h | visible]`, which makes a gradient less noisy than `hidden` would.
    """

    visible: Array
    hidden_mean: Array
    hidden: Array


def sample_independent(layer: Layer, n_rows: int, rng: Generator) -> Array:
    """Draw n_rows states of a layer without input."""
    return layer.draw(arrays.zeros((n_rows, 1), layer.bias), rng)


def equal_weights(n: int) -> Array:
    """Weights `1 / n` of n chains, in float64."""
    return np.full(n, 1 / n)


def chains_from_visible(rbm: RBM, v: Array, rng: Generator) -> Chains:
    """Return chains with the visible states v, and hidden states drawn given v."""
    mean = rbm.hidden_from_visible(v)
    return Chains(v, mean, rbm.hidden.sample(mean, rng))


def gibbs(rbm: RBM, hidden: Array, rng: Generator, n_steps: int = 1) -> Chains:
    """Run block Gibbs chains from hidden states: v given h, then h given v, n_steps >= 1 times.

    A persistent chain starts from its hidden states because this takes only one matrix product per
    half step: `hidden_mean` is used for the gradient, and also to draw the hidden states from
    which the next call starts.
    """
    for _ in range(n_steps):
        chains = chains_from_visible(rbm, rbm.sample_visible(hidden, rng), rng)
        hidden = chains.hidden
    return chains


def gibbs_visible(rbm: RBM, v: Array, rng: Generator, n_steps: int = 1) -> Array:
    """Run block Gibbs chains from visible states: h given v, then v given h, n_steps times."""
    for _ in range(n_steps):
        v = rbm.sample_visible(rbm.sample_hidden(v, rng), rng)
    return v


@dataclass(frozen=True)
class HiddenMixture:
    """A mixture of distributions of the hidden layer, such as p(h | v) for some rows v.

    Parameters
    ----------
    mean : ndarray of shape (n_rows, n_hidden)
        Mean of each component.
    weights : ndarray of shape (n_rows,)
        Probability of each component.
    """

    mean: Array
    weights: Array

    def sample(self, layer: Layer, n: int, rng: Generator) -> Array:
        """Draw n hidden states, which do not depend on the order of the components."""
        order = devices.to_host(self.mean.sum(axis=1).argsort(stable=True))
        rows = order[random.choices(self.weights[order], n, rng)]
        return layer.sample(self.mean[rows], rng)

    def log_density(self, layer: Layer, h: Array) -> Array:
        """`log q(h)` of every row, in float64."""
        return arrays.log_mean_exp(layer.log_probability(h, self.mean), self.weights)


def jump(
    rbm: RBM, hidden: Array, proposal: HiddenMixture, chains: slice, rng: Generator
) -> tuple[Array, int]:
    """Move some chains to hidden states proposed by a mixture q, by Metropolis' rule.

    A jump from h to h' is accepted with the probability `min(1, p(h') q(h) / (p(h) q(h')))`, with
    the visible units summed out. It therefore leaves p(h) invariant for any mixture q. If q covers
    two modes, a jump can cross the barrier between them, which block Gibbs steps rarely do.

    Parameters
    ----------
    rbm : RBM
    hidden : ndarray of shape (n_chains, n_hidden)
    proposal : HiddenMixture
        Must not depend on the states of the chains.
    chains : slice
        The chains that may jump.
    rng : Generator

    Returns
    -------
    visible_input : ndarray of shape (n_chains, n_visible)
        Input of the visible units after the jumps.
    n_accepted : int
    """
    layer, mirror = rbm.hidden, rbm.swap()
    present = hidden[chains]
    n = len(present)
    proposed = proposal.sample(layer, n, rng)
    x = mirror.hidden_input(arrays.concat([hidden, proposed]))
    jumping, x = x[-n:], x[:-n]
    both = arrays.concat([present, proposed])
    log_ratio = -mirror.free_energy(both, arrays.concat([x[chains], jumping]))
    log_ratio -= proposal.log_density(layer, both)
    accepted = random.accept(log_ratio[n:] - log_ratio[:n], rng)
    x[chains][accepted] = jumping[accepted]
    return x, int(accepted.sum())


def jumping_gibbs(
    rbm: RBM, v: Array, proposal: HiddenMixture, rng: Generator, n_steps: int
) -> Array:
    """Run block Gibbs chains from visible states; every tenth step begins with a jump."""
    for step in range(n_steps):
        hidden = rbm.sample_hidden(v, rng)
        if step % _STEPS_BETWEEN_JUMPS:
            v = rbm.sample_visible(hidden, rng)
        else:
            x, _ = jump(rbm, hidden, proposal, slice(None), rng)
            v = rbm.visible.draw(x, rng)
    return v


@dataclass
class ParallelTempering:
    """Parallel tempering: replicas of a model at several temperatures exchange their states.

    Replica t has the energy `(1 - beta_t) E_0 + beta_t E`. The first replica is the model itself
    (beta = 1). The last one consists of independent units (beta = 0), whose chains mix at once.
    After each Gibbs step, neighbours t and s exchange their visible states with the probability
    `min(1, exp(F_t(v_t) + F_s(v_s) - F_t(v_s) - F_s(v_t)))`; even and odd pairs alternate.

    The temperatures adapt until all pairs of neighbours reject the same share of exchanges, at
    most one half. If this takes more temperatures than there are, the lowest beta is above 0.

    Parameters
    ----------
    base : tuple of two Layers
        Visible and hidden layer at beta = 0.
    betas : ndarray of shape (n_temperatures,)
        Inverse temperatures, in decreasing order from 1.
    chains : Chains
        States of all replicas, of shape (n_temperatures, n_chains, n_units).
    rejection : ndarray of shape (n_temperatures - 1,)
        Moving average of the share of rejected exchanges, for each pair of neighbours.
    n_steps : int
        Number of steps made.
    adapting : bool
        Whether the temperatures adapt. Measurements between temperatures require that they stay
        fixed.

    References
    ----------
    G. Desjardins, A. Courville, Y. Bengio, P. Vincent and O. Delalleau, "Tempered Markov chain
    Monte Carlo for training of restricted Boltzmann machines", AISTATS 2010. S. Syed, A.
    Bouchard-Cote, G. Deligiannidis and A. Doucet, "Non-reversible parallel tempering: a scalable
    highly parallel MCMC scheme", Journal of the Royal Statistical Society B 84(2), 2022.
    """

    base: tuple[Layer, Layer]
    betas: Array
    chains: Chains
    rejection: Array
    n_steps: int = 0
    adapting: bool = True

    @classmethod
    def start(
        cls, rbm: RBM, base: Layer, v: Array, n_temperatures: int, rng: Generator
    ) -> ParallelTempering:
        """Start one chain from every row of v at each of n_temperatures equally spaced betas."""
        betas = np.linspace(1.0, 0.0, n_temperatures)
        chains = chains_from_visible(rbm, arrays.stack([v] * n_temperatures), rng)
        rejection = 0 * betas[1:]
        return cls((base, rbm.hidden.neutral()), betas, chains, rejection)

    def move(self, place: Place) -> None:
        """Move states and layers to another device; temperatures stay numpy arrays."""
        visible, hidden = (layer.map(place) for layer in self.base)
        self.base = visible, hidden
        self.chains = Chains(*map(place, self.chains))

    def joined(self, others: list[ParallelTempering]) -> ParallelTempering:
        """Return these temperatures with the chains of all others with as many temperatures."""
        alike = [x.chains for x in (self, *others) if len(x.betas) == len(self.betas)]
        chains = (arrays.concat(states, axis=1) for states in zip(*alike, strict=True))
        return replace(self, chains=Chains(*chains))

    @property
    def cold(self) -> Chains:
        """Chains of the model itself, at beta = 1."""
        return Chains(*(states[0] for states in self.chains))

    @property
    def swap_rates(self) -> Array:
        """Moving average of the share of accepted exchanges, for each pair of neighbours."""
        return 1 - self.rejection

    def step(self, rbm: RBM, rng: Generator) -> None:
        """Make a Gibbs step in every replica, then exchange states between neighbours."""
        replicas = self._replicas(rbm, self.betas)
        v = replicas.sample_visible(self.chains.hidden, rng)
        coupling = rbm.hidden_input(v)
        self._exchange(rbm, v, coupling, rng)
        mean = replicas.hidden.mean(replicas.scaled(coupling))
        self.chains = Chains(v, mean, replicas.hidden.sample(mean, rng))
        self.n_steps += 1
        if self.adapting and self.n_steps % _ADAPTED_EVERY == 0 and len(self.betas) > 1:
            self._adapt()

    def run(self, rbm: RBM, n_steps: int, rng: Generator) -> Array:
        """Make n_steps steps and return the visible states of the chains at beta = 1."""
        for _ in range(n_steps):
            self.step(rbm, rng)
        return self.cold.visible

    def log_weights(self, rbm: RBM, rng: Generator) -> tuple[Array, Array]:
        """Log-ratios of the unnormalised probabilities of neighbours, in both directions.

        The model at beta = 0 is appended as the hottest neighbour; its states are drawn
        independently.

        Returns
        -------
        to_colder, to_hotter : ndarray of shape (n_temperatures, n_chains)
            Log-ratios at states of the hotter replica of a pair, and at states of the colder one.
        """
        n_chains = self.chains.visible.shape[1]
        fresh = sample_independent(self.base[0], n_chains, rng)
        v = arrays.concat([self.chains.visible, fresh[None]])
        coupling = rbm.hidden_input(v)
        betas = arrays.concat([self.betas, 0 * self.betas[:1]])

        def free_energy(at: slice, states: slice) -> Array:
            replicas = self._replicas(rbm, betas[at])
            return replicas.free_energy(v[states], replicas.scaled(coupling[states]))

        colder, hotter = slice(None, -1), slice(1, None)
        return (
            devices.to_host(free_energy(hotter, hotter) - free_energy(colder, hotter)),
            devices.to_host(free_energy(colder, colder) - free_energy(hotter, colder)),
        )

    def _replicas(self, rbm: RBM, betas: Array) -> RBM:
        betas = devices.like(betas, rbm.reference)
        return rbm.interpolate(*self.base, betas[:, None, None])

    def _exchange(self, rbm: RBM, v: Array, coupling: Array, rng: Generator) -> None:
        """Exchange states of neighbours in place; `coupling` is `v W`."""
        first = self.n_steps % 2
        n_pairs = (len(self.betas) - first) // 2
        if n_pairs == 0:
            return
        pairs = slice(first, first + 2 * n_pairs)
        own = self.betas[pairs]
        swapped = arrays.flip(own.reshape(n_pairs, 2), axis=1).ravel()
        x = coupling[pairs]
        gain = devices.float64(rbm.visible.energy_above(self.base[0], v[pairs]))
        gain = devices.with_device_of(own - swapped, gain)[:, None] * gain
        for betas, sign in ((own, -1), (swapped, 1)):
            replicas = self._replicas(rbm, betas)
            gain += sign * replicas.hidden.log_normalizer(replicas.scaled(x))
        log_ratio = gain.reshape(n_pairs, 2, -1).sum(axis=1)
        accepted = random.accept(log_ratio, rng)
        for states in (v, coupling):
            pair = states[pairs].reshape(n_pairs, 2, *states.shape[1:]).swapaxes(1, 2)
            pair[accepted] = arrays.flip(pair[accepted], axis=1)
        rejection = 1 - devices.to_host(accepted).mean(axis=1)
        # The first steps have equal weights: a moving average would depend on its start.
        share = max(_SLIDING_FACTOR, 1 / (self.n_steps // 2 + 1))
        self.rejection[first::2] += share * (rejection - self.rejection[first::2])

    def _adapt(self) -> None:
        """Space the temperatures for equal rejection, estimated from the current temperatures."""
        betas, rejection = self.betas, self.rejection.clip(_SMALLEST_REJECTION)
        if betas[-1] > 0:  # assume that rejection per unit of beta stays the same down to 0
            last = rejection[-1:] * betas[-1] / (betas[-2] - betas[-1])
            betas, rejection = arrays.concat([betas, 0 * last]), arrays.concat([rejection, last])
        barrier = arrays.concat([0 * rejection[:1], rejection.cumsum()])
        total = min(barrier[-1], _LARGEST_REJECTION * len(self.rejection))
        spacing = np.linspace(0.0, total, len(self.betas))
        self.betas = np.interp(spacing, barrier, betas)
