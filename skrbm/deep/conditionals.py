"""What a belief net says where some of its visible units are missing.

Its scores are bounds on what is known, `v_o`. With `p_1` for the RBM that the lowest layer was
trained as, from which what is missing, `v_m`, is drawn, and `q(h | v)` for the recognition,

    log p(v_o) >= E[log p(v_o, v_m, h) - log p_1(v_m | v_o) - log q(h | v_o, v_m)]

over `v_m ~ p_1(v_m | v_o)` and `h ~ q(h | v)`: by Jensen's inequality for one distribution of all
that is not known, `p_1(v_m | v_o) q(h | v)`. Where `p_1(v_m | v_o)` cannot be drawn from, a chain
is annealed to it, whose importance weight w has `E[w f(v)] = sum over v_m of exp(-F_1(v)) f(v)`:
so for `f = p(v, h) / q(h | v) exp(F_1(v))` the mean of w f is `p(v_o)`, and that of its logarithm
below.
"""

from __future__ import annotations

from dataclasses import dataclass

from skrbm import conditionals, samplers
from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array, Generator
from skrbm.deep.belief_net import BeliefNet, Draw, drawn_by_content, drawn_with
from skrbm.model import RBM
from skrbm.units import Layer

_N_STEPS = 100  # of chains of the lowest RBM, where it cannot be enumerated
_N_CHAINS = 20  # a row, or draws, that are averaged over
_N_ASCENT_DRAWS = 100  # that tell a posterior mean
_MOST_STEPS = 100  # of the ascent to a mode


@dataclass(frozen=True)
class Incomplete:
    """A belief net, and what draws missing values: the RBM that its lowest layer was trained as.

    Parameters
    ----------
    net : BeliefNet
    rbm : RBM
        `p_1`.
    base : Layer
        What its visible layer started from.
    """

    net: BeliefNet
    rbm: RBM
    base: Layer

    def log_ratios(self, v: Array, n_draws: int, draw: Draw, rng: Generator) -> Array:
        """n_draws terms of every row, whose mean is at most `log p(v_o) + log Z`.

        Z is that of the RBM on top.

        Parameters
        ----------
        v : ndarray of shape (n_rows, n_visible)
            NaN where a unit is missing.
        n_draws : int
        draw : Draw
            Of the hidden layers.
        rng : Generator
            Draws what is missing.

        Returns
        -------
        terms : ndarray of float64 of shape (n_rows, n_draws)
        """
        gaps = arrays.nonzero_rows(arrays.is_nan(v))
        drawn = conditionals.weighted_draws(self.rbm, self.base, v[gaps], rng, n_draws)
        terms = devices.float64(arrays.zeros((len(v), n_draws), v))
        for i, (states, log_weights) in enumerate(zip(*drawn, strict=True)):
            completed = arrays.copy(v)
            completed[gaps] = states
            terms[:, i] = self.net.log_ratio(self.net.up(completed, draw))
            terms[gaps, i] += log_weights + self.rbm.free_energy(states)
        return terms

    def first_means(self, v: Array, rng: Generator) -> Array:
        """Means of the lowest hidden layer, averaged over twenty draws from `p_1(v_m | v_o)` a row.

        Parameters
        ----------
        v : ndarray of shape (n_rows, n_visible)
            NaN where a unit is missing.
        rng : Generator
        """
        rows = arrays.repeat(v, _N_CHAINS).reshape(-1, v.shape[1])
        drawn = conditionals.draw(self.rbm, self.base, rows, rng, _N_STEPS)
        means = self.net.recognition[0].mean(drawn)
        return means.reshape(_N_CHAINS, len(v), -1).mean(axis=0)


def complete(net: BeliefNet, v: Array, rng: Generator, n_steps: int) -> tuple[Array, Array]:
    """Visible states where some of them are given, and means of the others.

    They are of a chain whose steps leave `p(v_m, h | v_o)` as it is: the recognition proposes
    hidden states, which Metropolis' rule accepts by the ratio of `p(v, h) / q(h | v)`, and given
    these what is free is drawn anew.

    Parameters
    ----------
    net : BeliefNet
        Of at least two hidden layers.
    v : ndarray of shape (n_rows, n_visible)
        NaN where a unit is free.
    rng : Generator
    n_steps : int

    Returns
    -------
    last, mean : ndarray of shape (n_rows, n_visible)
        The last states, and an average over the second half of the chain.
    """
    free, first = arrays.is_nan(v), n_steps // 2
    visible = arrays.where(free, samplers.independent(net.visible, len(v), rng), v)
    states = net.up(visible, drawn_with(rng))
    total = 0 * visible
    for step in range(n_steps):
        proposed = net.up(states[0], drawn_with(rng))
        log_ratio = net.log_ratio(proposed) - net.log_ratio(states)
        accepted = random.accept(log_ratio, rng)[:, None]
        pairs = zip(proposed[1:], states[1:], strict=True)
        hidden = [arrays.where(accepted, new, old) for new, old in pairs]
        mean = net.generation[0].mean(hidden[0])
        states = [arrays.where(free, net.visible.sample(mean, rng), v), *hidden]
        if step >= first:
            total += mean
    return states[0], arrays.where(free, total / (n_steps - first), v)


def means(net: BeliefNet, v: Array, rng: Generator, n_steps: int) -> Array:
    """`E[v | v_o]`: averages over 20 chains a row, since one alone would know of one mode.

    Parameters
    ----------
    net : BeliefNet
        Of at least two hidden layers.
    v : ndarray of shape (n_rows, n_visible)
        NaN where a unit is free.
    rng : Generator
    n_steps : int
        Of the chains, whose second half is averaged over; see `complete`.
    """
    many = arrays.repeat(v, _N_CHAINS).reshape(-1, v.shape[1])
    _, averages = complete(net, many, rng, n_steps)
    return averages.reshape(_N_CHAINS, *v.shape).mean(axis=0)


def mode(net: BeliefNet, v: Array, rng: Generator, n_steps: int) -> Array:
    """A mode of `p(v_m | v_o)`: where an ascent ends that starts at what is most probable by unit.

    Again and again v becomes the most probable state given the posterior mean of the layer above
    it: a step of the EM algorithm, which cannot lower `p(v)`. The posterior mean is that of a
    hundred draws of the recognition, weighted by `p(v, h) / q(h | v)`; it is the same for equal
    rows, so that the ascent ends.

    Parameters
    ----------
    net : BeliefNet
        Of at least two hidden layers.
    v : ndarray of shape (n_rows, n_visible)
        NaN where a unit is free.
    rng : Generator
    n_steps : int
        Of the chains that find where to start; see `means`.

    References
    ----------
    A. P. Dempster, N. M. Laird and D. B. Rubin, "Maximum likelihood from incomplete data via the EM
    algorithm", Journal of the Royal Statistical Society B 39(1), 1977.
    """
    free, seed = arrays.is_nan(v), int(rng.integers(2**63))
    start = means(net, v, rng, n_steps)
    best = arrays.where(free, net.visible.most_probable(start), v)
    for _ in range(_MOST_STEPS):
        draw = drawn_by_content(random.generator(seed))
        mean = net.generation[0].mean(_posterior_mean(net, best, draw))
        new = arrays.where(free, net.visible.most_probable(mean), v)
        if (new == best).all():
            break
        best = new
    return best


def _posterior_mean(net: BeliefNet, v: Array, draw: Draw) -> Array:
    """`E[h_1 | v]`, from draws of the recognition weighted by how probable they are."""
    states = net.up(v, draw)
    largest, mean = net.log_ratio(states), devices.float64(states[1])
    total = arrays.exp(0 * largest)
    for _ in range(_N_ASCENT_DRAWS - 1):
        states = net.up(v, draw)
        log_weight = net.log_ratio(states)
        before, largest = largest, arrays.maximum(largest, log_weight)
        old, new = arrays.exp(before - largest), arrays.exp(log_weight - largest)
        total = old * total + new
        mean = old[:, None] * mean + new[:, None] * devices.float64(states[1])
    return devices.like(mean / total[:, None], v)
