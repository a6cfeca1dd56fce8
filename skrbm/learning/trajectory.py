"""Training along a ladder of the training's own past models, whose chains know every mode."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from skrbm._kernels import arrays, devices
from skrbm._kernels.devices import Array, Generator, Place
from skrbm.annealing import AnnealingPath, anneal, mean_weight
from skrbm.ladder import Ladder, Settling
from skrbm.model import RBM
from skrbm.samplers import Chains, chains_from_visible, gibbs_visible, sample_independent
from skrbm.units import Layer

N_MODELS = 16
_STATES_A_CHAIN, _FEWEST_STATES = 5, 100  # of each model, per chain of the training
_UPDATES_A_LOOK = 5  # between comparisons with the newest model
_WINDOW = 200  # updates over which parameters are averaged; a tenth of all at first
_FREEZE_BELOW, _REJECT_BELOW = 0.3, 0.1  # shares of accepted exchanges with the newest model
_SMALLEST_FACTOR, _STALLED, _FIRST_FACTOR = 1e-6, 1e-3, 0.02  # of the step size
_FASTER, _SLOWER, _MUCH_SLOWER, _OVERLAP = 1.04, 0.98, 0.9, 0.2
_SMOOTHING = 0.3  # of the overlap on which the step size depends
_MOST_REJECTIONS = 10  # in a row
_N_COPIES, _COPY_STEPS, _LARGEST_DRIFT = 100, 50, 4.0  # standard errors
_LARGEST_LOG_MASS = 5.0  # nats above certainty
_N_ANNEALED, _N_BETAS, _N_ERRORS, _SMALL_DIFFERENCE = 100, 1000, 3.0, 0.5  # nats


@dataclass
class Trajectory:
    """The ladder of a model in training, from independent units to a recent average of the model.

    Parameters
    ----------
    ladder : Ladder
        Averages of the model at earlier times, and their chains.
    average : RBM
        Moving average of the model's parameters. Its path is smooth, since the noise of the
        updates averages out: so few models connect it with independent units.
    n_models : int
        Largest number of models in the ladder with weights of their own.
    n_updates : int
    step_factor : float
        Factor on the step size, adapted so that the model overlaps with the newest one.
    total_factor : float
        Sum of this factor over all updates.
    overlap : float
        Expected share of accepted exchanges between the model and the newest one.
    work_due : float
        Products of a state with the weights that the ladder may still make.
    n_rejected : int
        Number of rejected models in a row.
    n_checkpoints : int
        Number of models that were frozen.
    settling : Settling, optional
        The start of the newest model's chains.
    doubts : dict of str to str
        Reasons why the ladder may be wrong, by kind.
    """

    ladder: Ladder
    average: RBM
    n_models: int = N_MODELS
    n_updates: int = 0
    step_factor: float = _FIRST_FACTOR
    total_factor: float = 0.0
    overlap: float = 1.0
    work_due: float = 0.0
    n_rejected: int = 0
    n_checkpoints: int = 0
    settling: Settling | None = None
    doubts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def start(cls, rbm: RBM, base: Layer, n_chains: int, rng: Generator) -> Trajectory:
        """Build a ladder from independent units to a new model."""
        path = AnnealingPath(rbm.map(arrays.copy), base)
        n_states = max(_FEWEST_STATES, _STATES_A_CHAIN * n_chains)
        return cls(Ladder.start(path, n_states, rng), rbm.map(arrays.copy))

    def copy(self) -> Trajectory:
        """A copy that can step or move without a change of this one; arrays are shared."""
        return replace(self, ladder=self.ladder.copy(), doubts=dict(self.doubts))

    def move(self, place: Place) -> None:
        """Move all arrays to another device."""
        self.ladder.move(place)
        self.average = self.average.map(place)

    def follow(self, rbm: RBM, chains: Chains, n_rows: int, rng: Generator) -> Chains:
        """Follow an update of the model, and return its chains after exchanges.

        Parameters
        ----------
        rbm : RBM
            The model; its parameters are reset if its average was rejected.
        chains : Chains
        n_rows : int
            Number of rows of a mini-batch, from which the cost of an update is computed.
        rng : Generator
        """
        n_chains = len(chains.visible)
        self.n_updates += 1
        self.total_factor += self.step_factor
        self.work_due += 2 * n_rows + 3 * n_chains
        if self.n_updates % _UPDATES_A_LOOK == 0:
            self._slide(rbm)
            if self.ladder.overlap(self.average) < _FREEZE_BELOW and not self._freeze(rng):
                self._reset(rbm)
                visible = self.ladder.newest.visible
                rows = np.resize(np.arange(len(visible)), n_chains)
                return chains_from_visible(rbm, visible[rows], rng)
            self._adapt(rbm)
        sweep = 3 * len(self.ladder.newest.visible) * len(self.ladder.rungs)
        if self.work_due >= sweep:
            self.work_due -= sweep
            self.ladder.step(rng)
        visible, x = self.ladder.renew(rbm, chains.visible, rng)
        mean = rbm.hidden.mean(x)
        return Chains(visible, mean, rbm.hidden.sample(mean, rng))

    def check_mass(self, layer: Layer, v: Array, log_likelihoods: Array) -> None:
        """Doubt log Z if different discrete states have a total probability above one."""
        if not layer.is_finite:
            return
        _, first = np.unique(devices.to_host(v), axis=0, return_index=True)
        log_mass = arrays.log_sum_exp(devices.to_host(log_likelihoods)[first])
        if log_mass > _LARGEST_LOG_MASS + _N_ERRORS * self.ladder.std_error:
            self.doubts["mass"] = f"rows of a mini-batch have a probability of exp({log_mass:.0f})"

    def check_progress(self) -> None:
        """Doubt a model whose training has stalled."""
        mean = self.total_factor / max(1, self.n_updates)
        if self.n_updates and mean < _STALLED:
            self.doubts["progress"] = f"its chains reduced the step size to {mean:.0e} of the plan"

    def check_modes(self, rbm: RBM, rng: Generator) -> None:
        """Doubt log Z if chains annealed from independent units find more."""
        path = AnnealingPath(rbm, self.ladder.rungs[0].model.visible)
        v = sample_independent(path.base, _N_ANNEALED, rng)
        found = mean_weight(anneal(path, v, np.linspace(0.0, 1.0, _N_BETAS), rng)[0].sum(axis=1))
        least = path.log_partition_at_zero + found.value - _N_ERRORS * found.std_error
        known = self.ladder.log_partition_of(rbm).value
        self.doubts.pop("modes", None)
        if least > known + _N_ERRORS * self.ladder.std_error + _SMALL_DIFFERENCE:
            self.doubts["modes"] = (
                f"log Z is at least {least:.1f} by annealing, {known:.1f} by the trajectory, whose "
                "chains miss some modes"
            )

    def _slide(self, rbm: RBM) -> None:
        """Move the average towards the model."""
        share = _UPDATES_A_LOOK / min(_WINDOW, max(_UPDATES_A_LOOK, self.n_updates / 10))
        for mean, now in zip(self.average.parameters, rbm.parameters, strict=True):
            mean += share * (now - mean)

    def _freeze(self, rng: Generator) -> bool:
        """Append the average to the ladder; return whether its chains settled."""
        n_states = len(self.ladder.newest.visible)
        is_close = self.ladder.overlap(self.average) >= _REJECT_BELOW
        if is_close:
            self.settling = self.ladder.add(self.average.map(arrays.copy), rng)
            self.work_due -= 6 * n_states * self.settling.n_steps
            is_close = self.settling.is_close and self.settling.is_settled
            if not is_close:
                self.ladder.drop_newest()
        if is_close:
            self.n_rejected = 0
            self.n_checkpoints += 1
            self.doubts.pop("lag", None)
            self._check_drift(rng)
            self.ladder.thin(self.n_models)
        return is_close

    def _reset(self, rbm: RBM) -> None:
        """Take the steps since the newest model back, and make smaller ones."""
        self.n_rejected += 1
        self.step_factor = max(_SMALLEST_FACTOR, self.step_factor / 2)
        if self.n_rejected >= _MOST_REJECTIONS:
            self.doubts["lag"] = (
                f"the chains of {self.n_rejected} models in a row did not settle, although the "
                f"step size was reduced by a factor of {self.step_factor:.0e}"
            )
        newest = self.ladder.newest.model
        for model in (rbm, self.average):
            for now, frozen in zip(model.parameters, newest.parameters, strict=True):
                now[...] = frozen

    def _adapt(self, rbm: RBM) -> None:
        """Adapt the step size to the overlap of the model with the newest one."""
        self.overlap += _SMOOTHING * (self.ladder.overlap(rbm) - self.overlap)
        if self.overlap < _OVERLAP:
            factor = _MUCH_SLOWER
        else:
            factor = _FASTER if self.work_due >= 0 else _SLOWER
        self.step_factor = min(1.0, max(_SMALLEST_FACTOR, self.step_factor * factor))

    def _check_drift(self, rng: Generator) -> None:
        """Doubt the newest chains if the free energy of copies drifts in Gibbs steps."""
        newest = self.ladder.newest
        start = newest.visible[:_N_COPIES]
        moved = gibbs_visible(newest.model, start, rng, _COPY_STEPS)
        before, after = (devices.to_host(newest.model.free_energy(v)) for v in (start, moved))
        error = math.sqrt((before.var() + after.var()) / len(before))
        drift = float(after.mean() - before.mean())
        if abs(drift) > _LARGEST_DRIFT * error:
            self.doubts["drift"] = (
                f"the mean free energy of states changed by {drift:.1f} nats, "
                f"{abs(drift) / error:.0f} standard errors, in {_COPY_STEPS} Gibbs steps"
            )
