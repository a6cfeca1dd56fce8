"""A ladder of models whose chains exchange states, from independent units to a trained model."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from skrbm import annealing, samplers
from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array, Generator, Place
from skrbm.annealing import AnnealingPath
from skrbm.diagnostics import integrated_autocorrelation_time
from skrbm.likelihood import LogPartition, around, from_stretches
from skrbm.model import RBM

_OVERLAP = 0.4  # of the models on the path from independent units to the first model
_FEWEST_STEPS, _MOST_STEPS = 20, 320  # in which the chains of a new model settle
_TIMES = 5.0  # autocorrelation times for which they have to run
_LARGEST_DISAGREEMENT = 2.0  # between works in the two directions
_SMALLEST_ACCEPTANCE = 0.1  # of exchanges with a new model
_REFINED_BELOW = 0.3  # share of accepted exchanges
_SLIDING_FACTOR = 0.02  # of the moving averages over exchanges
_N_POWER_STEPS = 3  # from which the leading principal axis of states is found
_N_COMPARED = 200  # chains from which an overlap is estimated
_N_BURN_IN, _N_STRETCHES, _STRETCH = 100, 10, 20  # steps and stretches that estimate log Z


@dataclass
class Rung:
    """A model of a ladder, its chains, and its exchanges with the model below.

    Parameters
    ----------
    model : RBM
    visible : ndarray of shape (n_chains, n_visible)
        States of the chains.
    input : ndarray of shape (n_chains, n_hidden)
        Hidden input of these states.
    is_new : ndarray of bool of shape (n_chains,)
        Whether a state was drawn from the first model after it last was in the newest one.
    log_ratio : float
        Log Z of this model minus log Z of the model below, in nats.
    variance : float
        Squared standard error of this ratio.
    swap_rate : float
        Moving average of the share of accepted exchanges with the model below.
    n_exchanges : int
        Number of measured exchanges.
    """

    model: RBM
    visible: Array
    input: Array
    is_new: Array
    log_ratio: float = 0.0
    variance: float = 0.0
    swap_rate: float = 1.0
    n_exchanges: int = 0

    @classmethod
    def of(cls, model: RBM, visible: Array) -> Rung:
        """A rung whose chains have these states."""
        return cls(model, visible, model.hidden_input(visible), np.zeros(len(visible), bool))

    @property
    def shares_weights(self) -> bool:
        """Whether the model is on the path from independent units to the first model."""
        return self.model.beta is not None and bool(np.all(self.model.beta < 1))

    @property
    def free_energy(self) -> Array:
        """Free energies of the states."""
        return self.model.free_energy(self.visible, self.input)

    def step(self, rng: Generator) -> None:
        """Make a Gibbs step of every chain."""
        hidden = self.model.hidden.draw(self.input, rng)
        self.visible = self.model.sample_visible(hidden, rng)
        self.input = self.model.hidden_input(self.visible)

    def taken(self, rows: Array) -> Rung:
        """The same model with the chains of these rows."""
        states = self.visible[rows], self.input[rows], self.is_new[rows]
        return replace(self, visible=states[0], input=states[1], is_new=states[2])

    def measure(self, works: Works) -> None:
        """Update the moving averages by an exchange."""
        ratio, error = annealing.bennett(works.forward, works.reverse)
        share = max(_SLIDING_FACTOR, 1 / (self.n_exchanges + 1))
        self.swap_rate += share * (works.swap_rate - self.swap_rate)
        self.n_exchanges += 1
        if math.isfinite(error):
            self.log_ratio += share * (ratio - self.log_ratio)
            self.variance += share * (error**2 - self.variance)


class Works(NamedTuple):
    """Log-ratios of the unnormalised probabilities of two neighbours, before an exchange.

    `forward` are `log p_upper(v) - log p_lower(v)` at states of the lower model, `reverse` the
    opposite at states of the upper one.
    """

    forward: Array
    reverse: Array
    swap_rate: float


class Settling(NamedTuple):
    """The outcome of the start of a model's chains.

    Parameters
    ----------
    n_steps : int
    swap_rate : float
        Share of accepted exchanges with the model below, over the second half of the steps.
    time : float
        Largest autocorrelation time of a work and of the states' leading principal component.
    disagreement : float
        See `annealing.disagreement`.
    """

    n_steps: int
    swap_rate: float
    time: float
    disagreement: float

    @property
    def is_settled(self) -> bool:
        """Whether the chains have renewed, and fit the chains of the model below."""
        has_renewed = self.n_steps >= _TIMES * self.time
        return has_renewed and self.disagreement <= _LARGEST_DISAGREEMENT

    @property
    def is_close(self) -> bool:
        """Whether enough states are exchanged with the model below."""
        return self.swap_rate >= _SMALLEST_ACCEPTANCE


@dataclass
class Ladder:
    """Models, from independent units to the newest one, whose chains exchange their states.

    In every step each chain makes a Gibbs step. Then neighbours k and l exchange states with the
    probability `min(1, exp(F_k(v_k) + F_l(v_l) - F_k(v_l) - F_l(v_k)))`; even and odd pairs
    alternate. The first model is made of independent units, so its states are new in every step.
    The chains of all models have the right distribution, with the right probabilities of modes
    between which no Gibbs chain moves.

    Parameters
    ----------
    rungs : list of Rung
        The models in order.
    log_partition_at_zero : float
        Log Z of the first model.
    n_steps : int
        Number of steps made.
    n_arrivals : int
        Number of states that reached the newest model from the first one.

    References
    ----------
    N. Bereux, A. Decelle, C. Furtlehner and B. Seoane, "Fast training and sampling of restricted
    Boltzmann machines", arXiv:2405.15376, 2024.
    """

    rungs: list[Rung]
    log_partition_at_zero: float
    n_steps: int = 0
    n_arrivals: int = 0

    @classmethod
    def start(cls, path: AnnealingPath, n_chains: int, rng: Generator) -> Ladder:
        """Build a ladder along a path from independent units to a model, n_chains per model.

        The parameters of the model are not copied.
        """
        v = samplers.sample_independent(path.base, n_chains, rng)
        ladder, beta = cls([Rung.of(path.at(0.0), v)], path.log_partition_at_zero), 0.0
        while beta < 1.0:
            beta = ladder._next_beta(path, beta)
            ladder.add(path.at(beta), rng)
        return ladder

    @property
    def newest(self) -> Rung:
        """The newest model."""
        return self.rungs[-1]

    @property
    def log_partition(self) -> float:
        """Log Z of the newest model, in nats."""
        return self.log_partition_at_zero + sum(rung.log_ratio for rung in self.rungs)

    @property
    def std_error(self) -> float:
        """Standard error of log Z of the newest model."""
        return math.sqrt(sum(rung.variance for rung in self.rungs))

    @property
    def swap_rates(self) -> Array:
        """Moving average of the share of accepted exchanges, for each pair of neighbours."""
        return np.array([rung.swap_rate for rung in self.rungs[1:]])

    def move(self, place: Place) -> None:
        """Move models and states to another device."""
        for rung in self.rungs:
            rung.model = rung.model.map(place)
            rung.visible, rung.input = place(rung.visible), place(rung.input)

    def step(self, rng: Generator) -> None:
        """Make a Gibbs step of every chain, then exchange states between neighbours."""
        for rung in self.rungs:
            rung.step(rng)
        self.rungs[0].is_new = np.ones_like(self.rungs[0].is_new)
        for k in range(1 + self.n_steps % 2, len(self.rungs), 2):
            self.rungs[k].measure(self._exchange(k, rng))
        self.n_steps += 1
        self.n_arrivals += int(self.newest.is_new.sum())
        self.newest.is_new = np.zeros_like(self.newest.is_new)

    def run(self, n_steps: int, rng: Generator) -> Array:
        """Make n_steps steps and return the visible states of the newest model."""
        for _ in range(n_steps):
            self.step(rng)
        return self.newest.visible

    def add(self, model: RBM, rng: Generator) -> Settling:
        """Append a model; its chains start from weighted states of the newest one, and settle.

        The states are drawn by systematic resampling. Then both models make steps and exchange
        states, for five autocorrelation times at least, until their works in the two directions
        agree.
        """
        self.append(model, rng)
        return self._settle(rng)

    def append(self, model: RBM, rng: Generator) -> None:
        """Append a model; its chains start from weighted states of the newest one."""
        last = self.newest
        rows = _systematic(self._log_weights(model, slice(None)), rng)
        self.rungs.append(replace(Rung.of(model, last.visible[rows]), is_new=last.is_new[rows]))

    def drop_newest(self) -> None:
        """Remove the newest model."""
        del self.rungs[-1]

    def thin(self, n_models: int) -> None:
        """Keep at most n_models with weights of their own; those that are missed least go.

        Models on the path to the first model share its weights and take no memory.
        """
        while True:
            own = [k for k, rung in enumerate(self.rungs) if not rung.shares_weights]
            inner = [k for k in own if 0 < k < len(self.rungs) - 1]
            if not inner or len(own) <= n_models:
                return
            self._remove(max(inner, key=lambda k: self._rate_without(k)))

    def refined(self, rng: Generator) -> Ladder:
        """Return this ladder with models halfway between neighbours that exchange few states.

        It takes more memory, but more states per second reach the newest model.
        """
        ladder = self.copy()
        rungs = ladder.rungs[:1]
        for upper in ladder.rungs[1:]:
            if upper.swap_rate < _REFINED_BELOW and not rungs[-1].shares_weights:
                short = Ladder(rungs[-1:], 0.0)
                short.append(_halfway(rungs[-1].model, upper.model), rng)
                rungs.append(short.newest)
                upper.n_exchanges = 0
            rungs.append(upper)
        return replace(ladder, rungs=rungs)

    def copy(self) -> Ladder:
        """A copy that can step or move without a change of this one; arrays are shared."""
        return replace(self, rungs=[replace(rung) for rung in self.rungs])

    def resampled(self, n_chains: int, rng: Generator) -> Ladder:
        """The same models with chains that start from randomly drawn states of each."""
        n = len(self.newest.visible)
        return replace(
            self, rungs=[rung.taken(rng.integers(n, size=n_chains)) for rung in self.rungs]
        )

    def overlap(self, model: RBM) -> float:
        """Expected share of accepted exchanges between the newest model and this one."""
        return swap_rate(self._log_weights(model, slice(_N_COMPARED)))

    def log_partition_of(self, model: RBM) -> LogPartition:
        """Log Z of a model that overlaps with the newest one, from the chains as they are."""
        ratio = annealing.mean_weight(self._log_weights(model, slice(None)))
        std_error = math.hypot(self.std_error, ratio.std_error)
        return around(ratio.value, std_error, ratio.effective_sample_size, "trajectory").shifted(
            self.log_partition
        )

    def renew(self, model: RBM, v: Array, rng: Generator) -> tuple[Array, Array]:
        """Move chains of a model to states of the newest one, by Metropolis' rule.

        Returns
        -------
        visible : ndarray of shape (n_chains, n_visible)
        input : ndarray of shape (n_chains, n_hidden)
            Hidden input of these states.
        """
        newest, n = self.newest, len(v)
        rows = np.resize(rng.permutation(len(newest.visible)), n)
        both = arrays.concat([v, newest.visible[rows]])
        own = arrays.concat([newest.model.hidden_input(v), newest.input[rows]])
        x = model.hidden_input(both)
        log_weight = newest.model.free_energy(both, own) - model.free_energy(both, x)
        accepted = random.accept(log_weight[n:] - log_weight[:n], rng)[:, None]
        return arrays.where(accepted, both[n:], v), arrays.where(accepted, x[n:], x[:n])

    def _log_weights(self, model: RBM, rows: slice) -> Array:
        newest = self.newest
        v, x = newest.visible[rows], newest.input[rows]
        return devices.to_host(newest.model.free_energy(v, x) - model.free_energy(v))

    def _next_beta(self, path: AnnealingPath, beta: float) -> float:
        """The next inverse temperature of a path, whose model overlaps with the newest one."""
        newest = self.newest
        coupling, before = path.rbm.hidden_input(newest.visible), newest.free_energy

        def excess(beta: float) -> float:
            model = path.at(beta)
            after = model.free_energy(newest.visible, model.scaled(coupling))
            return swap_rate(devices.to_host(before - after)) - _OVERLAP

        return 1.0 if excess(1.0) > 0 else float(brentq(excess, beta, 1.0, rtol=1e-2))

    def _settle(self, rng: Generator) -> Settling:
        """Run the two newest models until the chains of the newest one have settled."""
        seen: list[Works] = []
        places: list[Array] = []
        axis = _principal_axis(devices.to_host(self.newest.visible))
        n_steps = _FEWEST_STEPS
        while True:
            while len(seen) < n_steps:
                for rung in self.rungs[-2:]:
                    rung.step(rng)
                seen.append(self._exchange(len(self.rungs) - 1, rng))
                places.append(devices.to_host(self.newest.visible) @ axis)
            half = seen[n_steps // 2 :]
            time = max(_time([x.reverse for x in half]), _time(places[n_steps // 2 :]))
            rate = statistics.fmean(x.swap_rate for x in half)
            disagreement = annealing.disagreement(half[-1].forward, half[-1].reverse)
            settling = Settling(n_steps, rate, time, disagreement)
            if settling.is_settled or not settling.is_close or n_steps >= _MOST_STEPS:
                break
            n_steps *= 2
        forward, reverse = (np.concatenate(x) for x in list(zip(*half, strict=True))[:2])
        newest = self.newest
        newest.log_ratio, error = annealing.bennett(forward, reverse)
        newest.variance = error**2 * max(1.0, min(time, len(half)))
        newest.swap_rate, newest.n_exchanges = rate, len(half)
        return settling

    def _exchange(self, k: int, rng: Generator) -> Works:
        """Exchange states of model k with the model below, in place, and return their works."""
        upper = self.rungs[k]
        lower = self.rungs[k - 1].taken(rng.permutation(len(upper.visible)))
        x_lower = upper.model.hidden_input(lower.visible)
        x_upper = lower.model.hidden_input(upper.visible)
        forward = lower.free_energy - upper.model.free_energy(lower.visible, x_lower)
        reverse = upper.free_energy - lower.model.free_energy(upper.visible, x_upper)
        accepted = random.accept(forward + reverse, rng)
        mask, here = accepted[:, None], devices.to_host(accepted)
        v, w = lower.visible, upper.visible
        self.rungs[k - 1] = replace(
            lower,
            visible=arrays.where(mask, w, v),
            input=arrays.where(mask, x_upper, lower.input),
            is_new=np.where(here, upper.is_new, lower.is_new),
        )
        upper.visible = arrays.where(mask, v, w)
        upper.input = arrays.where(mask, x_lower, upper.input)
        upper.is_new = np.where(here, lower.is_new, upper.is_new)
        rate = float(here.mean())
        return Works(devices.to_host(forward), devices.to_host(reverse), rate)

    def _rate_without(self, k: int) -> float:
        """Share of exchanges that the neighbours of model k would accept without it."""
        lower, upper = self.rungs[k - 1], self.rungs[k + 1]
        forward = lower.free_energy - upper.model.free_energy(lower.visible)
        reverse = upper.free_energy - lower.model.free_energy(upper.visible)
        return float(np.exp((devices.to_host(forward + reverse)).clip(max=0)).mean())

    def _remove(self, k: int) -> None:
        """Remove model k; its ratio is added to the ratio of the next one."""
        rate, removed, upper = self._rate_without(k), self.rungs[k], self.rungs[k + 1]
        upper.log_ratio += removed.log_ratio
        upper.variance += removed.variance
        upper.swap_rate, upper.n_exchanges = rate, min(upper.n_exchanges, removed.n_exchanges)
        del self.rungs[k]


def trajectory_log_partition(ladder: Ladder, model: RBM, rng: Generator) -> LogPartition:
    """Estimate log Z of a model close to the newest one, by the sum of Bennett's ratios.

    The chains of the ladder continue in place; the model is appended. The standard error is
    computed from ten segments of the run.
    """
    ladder.add(model, rng)
    ladder.run(_N_BURN_IN, rng)
    estimates, variances = [], []
    for _ in range(_N_STRETCHES):
        for rung in ladder.rungs:
            rung.n_exchanges = 0
        ladder.run(_STRETCH, rng)
        estimates.append(ladder.log_partition)
        variances.append(sum(rung.variance for rung in ladder.rungs) / (_STRETCH // 2))
    n_chains = len(ladder.newest.visible)
    return from_stretches(estimates, variances, n_chains, "trajectory")


def swap_rate(log_weight: Array) -> float:
    """Expected share of accepted exchanges between two models, from states of one of them.

    Parameters
    ----------
    log_weight : ndarray of shape (n,)
        Log-ratios of the unnormalised probabilities, of the other model and of this one.

    Notes
    -----
    States x of the other model are states y of this one with weights w. So the expected value of
    `min(1, w(y) / w(x))` is `sum_xy min(w(x), w(y)) / (n sum_x w(x))`.
    """
    weight = np.sort(np.exp(log_weight - log_weight.max()))
    n = len(weight)
    return float((weight * (2 * (n - np.arange(n)) - 1)).sum() / (n * weight.sum()))


def _halfway(one: RBM, other: RBM) -> RBM:
    """The model with the mean parameters of two models."""
    model = one.map(arrays.copy)
    for x, y in zip(model.parameters, other.parameters, strict=True):
        x += 0.5 * (y - x)
    return model


def _systematic(log_weight: Array, rng: Generator) -> Array:
    """As many row indices as there are weights, drawn in proportion by systematic resampling."""
    cumulative = np.cumsum(np.exp(log_weight - log_weight.max()))
    n = len(log_weight)
    at = (np.arange(n) + rng.random()) * (cumulative[-1] / n)
    return np.searchsorted(cumulative[:-1], at, side="right")


def _principal_axis(v: Array) -> Array:
    """The leading principal axis of states, by a few power iterations."""
    centred = v - v.mean(axis=0)
    axis = centred[np.argmax((centred**2).sum(axis=1))]
    for _ in range(_N_POWER_STEPS):
        axis = centred.T @ (centred @ axis)
        axis = axis / max(float(np.linalg.norm(axis)), 1e-30)
    return axis


def _time(series: list[Array]) -> float:
    """Autocorrelation time of a quantity that was recorded in every chain; 0 if it is constant."""
    x = np.array(series, np.float64)
    return integrated_autocorrelation_time(x, mean=float(x.mean())) if x.std() > 0 else 0.0
