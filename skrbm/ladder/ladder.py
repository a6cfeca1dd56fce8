"""A ladder of models whose chains exchange states, from independent units to a trained model."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq

from skrbm import annealing, samplers
from skrbm._kernels import arrays, devices, random
from skrbm._kernels.devices import Array, Generator, Place
from skrbm.annealing import AnnealingPath
from skrbm.ladder.rung import Rung, Settling, exchange, halfway, settle, swap_rate, systematic
from skrbm.likelihood import LogPartition, around, from_stretches
from skrbm.model import RBM

_OVERLAP = 0.4  # of the models on the path from independent units to the first model
_REFINED_BELOW = 0.3  # share of accepted exchanges
_N_COMPARED = 200  # chains from which an overlap is estimated
_N_BURN_IN, _N_STRETCHES, _STRETCH = 100, 10, 20  # steps and stretches that estimate log Z


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
            beta = _next_beta(ladder.newest, path, beta)
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
            self.rungs[k].measure(exchange(self.rungs, k, rng))
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
        return settle(self.rungs, rng)

    def append(self, model: RBM, rng: Generator) -> None:
        """Append a model; its chains start from weighted states of the newest one."""
        last = self.newest
        rows = systematic(self._log_weights(model, slice(None)), rng)
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
                short.append(halfway(rungs[-1].model, upper.model), rng)
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


def _next_beta(newest: Rung, path: AnnealingPath, beta: float) -> float:
    """The next inverse temperature of a path, whose model overlaps with the newest rung's."""
    coupling, before = path.rbm.hidden_input(newest.visible), newest.free_energy

    def excess(beta: float) -> float:
        model = path.at(beta)
        after = model.free_energy(newest.visible, model.scaled(coupling))
        return swap_rate(devices.to_host(before - after)) - _OVERLAP

    return 1.0 if excess(1.0) > 0 else float(brentq(excess, beta, 1.0, rtol=1e-2))
