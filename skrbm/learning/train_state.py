"""The arrays, counters and generators that a training step changes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from skrbm._kernels import arrays
from skrbm._kernels.devices import Array, Generator, Place, to_host
from skrbm.deep.belief_net import BeliefNet
from skrbm.learning.trajectory import Trajectory
from skrbm.model import RBM
from skrbm.samplers import Chains, ParallelTempering
from skrbm.units import Layer

Record = dict[str, float]


@dataclass
class TrainState:
    """The training state of an RBM, which a step changes in place.

    Parameters
    ----------
    model : RBM
        The parameters.
    visible_offset : ndarray of shape (n_visible,)
    hidden_offset : ndarray of shape (n_hidden,)
        Moving averages of data means, for centring the gradient.
    rng : Generator
        Generator for all draws of steps.
    order : Generator
        Generator for the order of the rows and for monitoring. Since it is separate, chains do not
        depend on the number of rows, and a row of weight two has the effect of a duplicate.
    column_variance : ndarray of shape (n_visible,), optional
        Variances of the visible units in the data, if variances are learned.
    chains : Chains, optional
        Persistent chains of the model.
    tempering : ParallelTempering, optional
        Chains at all temperatures; `chains` are its chains at temperature one.
    trajectory : Trajectory, optional
        Ladder of earlier models, of which the newest one proposes states to the chains.
    base : Layer, optional
        Visible layer of independent units, at which a trajectory starts.
    proposal_mean : ndarray of shape (n_rows, n_hidden), optional
    proposal_weights : ndarray of shape (n_rows,), optional
        Mean hidden states of rows of the last mini-batch and their probabilities: the targets of
        jumps.
    jump_acceptance : float
        Moving average of the fraction of accepted jumps.
    jumps_due : float
        Number of jumps to try in the next update.
    next_chain : int
        The first chain that tries a jump.
    shrinkage_due : float
        Shrinkage of the weights by their prior that is not applied yet.
    weight_seen : float
        Total weight of the rows of all mini-batches so far.
    history : list of Record
        One record per epoch.
    """

    model: RBM
    visible_offset: Array
    hidden_offset: Array
    rng: Generator
    order: Generator
    column_variance: Array | None = None
    chains: Chains | None = None
    tempering: ParallelTempering | None = None
    trajectory: Trajectory | None = None
    base: Layer | None = None
    proposal_mean: Array | None = None
    proposal_weights: Array | None = None
    jump_acceptance: float = 1.0
    jumps_due: float = 0.0
    next_chain: int = 0
    shrinkage_due: float = 0.0
    weight_seen: float = 0.0
    history: list[Record] = field(default_factory=list)

    def __getstate__(self) -> dict[str, Any]:
        """The state in numpy's arrays, so that pickles can be read without a device."""
        tempering = replace(self.tempering) if self.tempering else None
        trajectory = self.trajectory.copy() if self.trajectory else None
        host = replace(self, tempering=tempering, trajectory=trajectory)
        host.move(to_host)
        host.model = self.model.map(to_host).with_precision("float32")
        return vars(host)

    def move(self, place: Place) -> None:
        """Move all arrays except the model's to another device."""
        self.visible_offset = place(self.visible_offset)
        self.hidden_offset = place(self.hidden_offset)
        if self.column_variance is not None:
            self.column_variance = place(self.column_variance)
        if self.tempering is not None:
            self.tempering.move(place)
            self.chains = self.tempering.cold
        elif self.chains is not None:
            self.chains = Chains(*map(place, self.chains))
        if self.proposal_mean is not None:
            self.proposal_mean = place(self.proposal_mean)
        if self.trajectory is not None:
            self.trajectory.move(place)
        if self.base is not None:
            self.base = self.base.map(place)

    @property
    def step_factor(self) -> float:
        """Factor on the step size, which a trajectory adapts."""
        return 1.0 if self.trajectory is None else self.trajectory.step_factor

    def join(self, others: list[TrainState]) -> None:
        """Append the persistent chains of other states with the same number of temperatures."""
        if self.tempering is not None:
            self.tempering = self.tempering.joined([x.tempering for x in others if x.tempering])
            self.chains = self.tempering.cold
        elif self.chains is not None:
            every = [self.chains, *(x.chains for x in others if x.chains is not None)]
            self.chains = Chains(*(arrays.concat(states) for states in zip(*every, strict=True)))


@dataclass
class NetState:
    """The training state of a belief net, which a step changes in place.

    Parameters
    ----------
    model : BeliefNet
        The parameters.
    top : TrainState
        State of the top RBM, with parameters `model.top`, and the generators for all layers.
    """

    model: BeliefNet
    top: TrainState

    @property
    def rng(self) -> Generator:
        """Generator for all draws of steps."""
        return self.top.rng

    @property
    def order(self) -> Generator:
        """Generator for the order of the rows, and for monitoring."""
        return self.top.order

    @property
    def history(self) -> list[Record]:
        """One record per epoch."""
        return self.top.history

    @property
    def step_factor(self) -> float:
        """Factor on the step size, which a trajectory of the top RBM adapts."""
        return self.top.step_factor

    @property
    def weight_seen(self) -> float:
        """Total weight of the rows of all mini-batches so far."""
        return self.top.weight_seen

    @weight_seen.setter
    def weight_seen(self, weight: float) -> None:
        self.top.weight_seen = weight

    def move(self, place: Place) -> None:
        """Move all arrays except the model's to another device."""
        self.top.move(place)
