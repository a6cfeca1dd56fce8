"""Markov chains whose stationary distribution is a model's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array, Generator, Place
from skrbm.model import RBM
from skrbm.units import Layer

N_REPLICAS = 20  # temperatures that let most models' chains move
_STEPS_BETWEEN_JUMPS = 10  # so that they cost little where none is accepted
_ADAPTED_EVERY = 100  # steps of parallel tempering
_LARGEST_REJECTION = 0.5  # of exchanges between neighbours
_SMALLEST_REJECTION = 1e-3
_SLIDING_FACTOR = 0.02  # of the moving average of rejections


class Chains(NamedTuple):
    """States of block Gibbs chains, one a row.

    `visible` and `hidden` are samples, `hidden` drawn given `visible`; `hidden_mean` is
    `E[h | visible]`, the less noisy partner of `visible` in a gradient.
    """

    visible: Array
    hidden_mean: Array
    hidden: Array


def independent(layer: Layer, n_rows: int, rng: Generator) -> Array:
    """Draw n_rows states of a layer that receives no input."""
    return layer.draw(arrays.zeros((n_rows, 1), layer.bias), rng)


def start(rbm: RBM, v: Array, rng: Generator) -> Chains:
    """Chains at the visible states v."""
    mean = rbm.hidden_from_visible(v)
    return Chains(v, mean, rbm.hidden.sample(mean, rng))


def gibbs(rbm: RBM, hidden: Array, rng: Generator, n_steps: int = 1) -> Chains:
    """Run block Gibbs chains from hidden samples: v given h, then h given v, n_steps >= 1 times.

    Starting from the hidden side, a persistent chain costs one product a half step: `hidden_mean`
    serves both the gradient and the draw from which the next call goes on.
    """
    for _ in range(n_steps):
        chains = start(rbm, rbm.sample_visible(hidden, rng), rng)
        hidden = chains.hidden
    return chains


def gibbs_visible(rbm: RBM, v: Array, rng: Generator, n_steps: int = 1) -> Array:
    """Run block Gibbs chains from visible states: h given v, then v given h, n_steps times."""
    for _ in range(n_steps):
        v = rbm.sample_visible(rbm.sample_hidden(v, rng), rng)
    return v


@dataclass(frozen=True)
class HiddenMixture:
    """A mixture of distributions of the hidden layer, such as p(h | v) of given rows v.

    Parameters
    ----------
    mean : ndarray of shape (n_rows, n_hidden)
    weights : ndarray of shape (n_rows,)
        Probabilities of the components.
    """

    mean: Array
    weights: Array

    def sample(self, layer: Layer, n: int, rng: Generator) -> Array:
        """Draw n hidden states; the order of the rows does not matter."""
        order = devices.to_host(arrays.argsort(self.mean.sum(axis=1)))
        rows = order[random.choices(self.weights[order], n, rng)]
        return layer.sample(self.mean[rows], rng)

    def log_density(self, layer: Layer, h: Array) -> Array:
        """`log q(h)` of every row, in float64."""
        return arrays.log_mean_exp(layer.log_probability(h, self.mean), self.weights)


def jump(
    rbm: RBM, hidden: Array, proposal: HiddenMixture, chains: slice, rng: Generator
) -> tuple[Array, int]:
    """Let some chains jump to a hidden state that a mixture proposes, by Metropolis' rule.

    A jump from h to h' is accepted with the probability `min(1, p(h') q(h) / (p(h) q(h')))`, the
    visible units being summed out. So it leaves p(h) unchanged, whatever the mixture, and crosses
    any barrier between two modes where the mixture has both of them: no block Gibbs step does.

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
    """Run block Gibbs chains from visible states, every tenth step of which begins with a jump."""
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
    """Replicas of a model at several temperatures, which exchange their states.

    Replica t has the energy `(1 - beta_t) E_0 + beta_t E`, from the model itself (beta_0 = 1) down
    to layers without weights, where chains move freely (beta = 0). After a Gibbs step neighbours t
    and s exchange their visible states with the probability
    `min(1, exp(F_t(v_t) + F_s(v_s) - F_t(v_s) - F_s(v_t)))`; even and odd pairs take turns.

    The temperatures adapt: all neighbours come to reject equally many exchanges, half of them at
    most. Where the number of temperatures does not suffice for that, the ladder ends above 0.

    Parameters
    ----------
    base : tuple of two Layers
        The visible and the hidden layer at beta = 0.
    betas : ndarray of shape (n_temperatures,)
        Inverse temperatures, from 1 downwards.
    chains : Chains
        States of all replicas, of shape (n_temperatures, n_chains, n_units).
    rejection : ndarray of shape (n_temperatures - 1,)
        Share of the exchanges of each pair of neighbours that is rejected: a moving average.
    n_steps : int
        Number of steps made.
    adapting : bool
        Whether the temperatures still change: not while something is measured between them.

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
        """Equally spaced temperatures; every row of v is the start of a chain at each of them."""
        betas = arrays.linspace(1.0, 0.0, n_temperatures)
        chains = start(rbm, arrays.repeat(v, n_temperatures), rng)
        rejection = 0 * betas[1:]
        return cls((base, rbm.hidden.neutral()), betas, chains, rejection)

    def move(self, place: Place) -> None:
        """Let the states and the layers lie elsewhere; temperatures are numpy's."""
        visible, hidden = (layer.map(place) for layer in self.base)
        self.base = visible, hidden
        self.chains = Chains(*map(place, self.chains))

    @property
    def cold(self) -> Chains:
        """The chains of the model itself."""
        return Chains(*(states[0] for states in self.chains))

    @property
    def swap_rates(self) -> Array:
        """Share of the exchanges of each pair of neighbours that is accepted, lately."""
        return 1 - self.rejection

    def step(self, rbm: RBM, rng: Generator) -> None:
        """Move every replica by a Gibbs step, and let neighbours exchange their states."""
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
        """Make n_steps steps and return the visible states of the model's own chains."""
        for _ in range(n_steps):
            self.step(rbm, rng)
        return self.cold.visible

    def log_weights(self, rbm: RBM, rng: Generator) -> tuple[Array, Array]:
        """Logarithms of the ratio of unnormalised probabilities between neighbours, both ways.

        Below the last temperature there is one more, 0, whose states are drawn afresh.

        Returns
        -------
        to_colder, to_hotter : ndarray of shape (n_temperatures, n_chains)
            Of states of the hotter one of a pair, and of the colder one.
        """
        n_chains = self.chains.visible.shape[1]
        fresh = independent(self.base[0], n_chains, rng)
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
        """Exchange states of neighbours, in place; `coupling` is `v W`."""
        first = self.n_steps % 2
        n_pairs = (len(self.betas) - first) // 2
        if n_pairs == 0:
            return
        pairs = slice(first, first + 2 * n_pairs)
        own = self.betas[pairs]
        swapped = arrays.flip(own.reshape(n_pairs, 2), axis=1).reshape(-1)
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
        share = max(_SLIDING_FACTOR, 1 / (self.n_steps // 2 + 1))  # at first a plain average
        self.rejection[first::2] += share * (rejection - self.rejection[first::2])

    def _adapt(self) -> None:
        """Space the temperatures at equal rejection, as measured between the present ones."""
        betas, rejection = self.betas, self.rejection.clip(_SMALLEST_REJECTION)
        if betas[-1] > 0:  # what lies below is taken to be as steep as the last interval
            last = rejection[-1:] * betas[-1] / (betas[-2] - betas[-1])
            betas, rejection = arrays.concat([betas, 0 * last]), arrays.concat([rejection, last])
        barrier = arrays.concat([0 * rejection[:1], rejection.cumsum()])
        total = min(barrier[-1], _LARGEST_REJECTION * len(self.rejection))
        spacing = arrays.linspace(0.0, total, len(self.betas))
        self.betas = arrays.interpolate(spacing, barrier, betas)
