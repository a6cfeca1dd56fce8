"""What was recorded of every sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels.devices import Array
from skrbm.estimators.dbn.network import DeepBeliefNetwork
from skrbm.explain import ALL_SHOWN, SHOWN
from skrbm.plotting.canvas import axes_for, pyplot
from skrbm.validation.estimators import check_instance


class TrainingDisplay:
    """The figure that training watched, sweep by sweep, and what early stopping saw.

    Use `from_estimator` to make one.

    Parameters
    ----------
    histories : list of dict of str to ndarray
        The `history_` of an RBM, or those of all layers of a stack.
    names : list of str
        What each of them is of.
    figure : str
        Key of the figure that was watched.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes of shape (1,) or (2,)
        The watched figure, as a line, and where early stopping recorded it the `validation_score`,
        dashed; in a second axes, where it was recorded, the `free_energy_gap`.
    figure_ : matplotlib.figure.Figure

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skrbm import BernoulliRBM
    >>> from skrbm.plotting import TrainingDisplay
    >>> X = load_digits().data / 16
    >>> rbm = BernoulliRBM(n_components=8, n_iter=5, early_stopping=True, random_state=0).fit(X)
    >>> TrainingDisplay.from_estimator(rbm).axes_.shape
    (2,)
    """

    def __init__(
        self, histories: Sequence[dict[str, Array]], *, names: Sequence[str], figure: str
    ) -> None:
        self.histories = histories
        self.names = names
        self.figure = figure

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> Self:
        """Show how a fitted estimator was trained; of a stack, every layer.

        Parameters
        ----------
        estimator : BernoulliRBM, GaussianBernoulliRBM, RBMClassifier or DeepBeliefNetwork
        ax : matplotlib.axes.Axes or array of two, default=None
            Two where early stopping recorded a gap. By default a figure is made.

        Returns
        -------
        display : TrainingDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the estimator is none of these, or there are not as many axes as needed.
        """
        pyplot()
        check_instance("estimator", estimator, SHOWN, ALL_SHOWN)
        check_is_fitted(estimator)
        if isinstance(estimator, DeepBeliefNetwork):
            histories, trained = estimator.history_, estimator.rbms_
            names = [f"layer {i + 1}" for i in range(len(trained))]
            names += ["up-down"] * (len(histories) - len(trained))
        else:
            histories, trained, names = [estimator.history_], [estimator], ["training"]
        figure = trained[0]._training.figure
        return cls(histories, names=names, figure=figure).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the lines.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or array of two, default=None
            Two where early stopping recorded a gap. By default a figure is made.

        Returns
        -------
        self : TrainingDisplay
        """
        recorded = [np.isfinite(history["free_energy_gap"]).any() for history in self.histories]
        self.axes_, self.figure_ = axes_for(ax, 2 if any(recorded) else 1)
        for history, name, apart in zip(self.histories, self.names, recorded, strict=True):
            sweeps = history["iteration"]
            (line,) = self.axes_[0].plot(sweeps, history[self.figure], label=name)
            if apart:
                style = {"color": line.get_color(), "label": f"{name}, rows kept apart"}
                self.axes_[0].plot(sweeps, history["validation_score"], linestyle="--", **style)
                self.axes_[1].plot(sweeps, history["free_energy_gap"], **style)
        self.axes_[0].set_ylabel(f"{self.figure.replace('_', '-')}\nin nats a row")
        self.axes_[0].legend()
        if any(recorded):
            self.axes_[1].set_ylabel("free-energy gap\nin nats a row")
        self.axes_[-1].set_xlabel("sweep")
        return self
