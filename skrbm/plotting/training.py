"""`TrainingDisplay`: the figures recorded in every epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from skrbm._kernels.devices import Array
from skrbm.estimators.dbn.network import DeepBeliefNetwork
from skrbm.explain.units import ALL_SHOWN, SHOWN
from skrbm.plotting.canvas import axes_for, pyplot
from skrbm.validation.estimators import check_fitted


class TrainingDisplay:
    """The monitored figure in every epoch, and the figures of early stopping.

    Use `from_estimator` to create one.

    Parameters
    ----------
    histories : list of dict of str to ndarray
        The `history_` of an RBM, or of every layer of a stack.
    names : list of str
        Label of each history.
    figure : str
        Key of the monitored figure of the first history.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes of shape (1,) or (2,)
        The monitored figure as a line. With early stopping, the `validation_score` as a dashed
        line, and on a second axes the `free_energy_gap`.
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
        """Plot the training history of a fitted estimator; for a stack, of every layer.

        Parameters
        ----------
        estimator : BernoulliRBM, GaussianBernoulliRBM, RBMClassifier or DeepBeliefNetwork
        ax : matplotlib.axes.Axes or array of two, default=None
            Axes to draw on: two with early stopping. By default a new figure is made.

        Returns
        -------
        display : TrainingDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the estimator is of another type, or the number of axes is wrong.
        """
        pyplot()
        check_fitted(estimator, SHOWN, ALL_SHOWN)
        if isinstance(estimator, DeepBeliefNetwork):
            histories, trained = estimator.history_, estimator.rbms_
            names = [f"layer {i + 1}" for i in range(len(trained))]
            names += ["up-down"] * (len(histories) - len(trained))
        else:
            histories, trained, names = [estimator.history_], [estimator], ["training"]
        return cls(histories, names=names, figure=_figure_of(histories[0])).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the lines.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or array of two, default=None
            Axes to draw on: two with early stopping. By default a new figure is made.

        Returns
        -------
        self : TrainingDisplay
        """
        recorded = [np.isfinite(history["free_energy_gap"]).any() for history in self.histories]
        self.axes_, self.figure_ = axes_for(ax, 2 if any(recorded) else 1)
        for history, name, apart in zip(self.histories, self.names, recorded, strict=True):
            sweeps, figure = history["iteration"], _figure_of(history)
            label = name if figure == self.figure else f"{name}, {_title(figure)}"
            (line,) = self.axes_[0].plot(sweeps, history[figure], label=label)
            if apart:
                style = {"color": line.get_color(), "label": f"{name}, validation set"}
                self.axes_[0].plot(sweeps, history["validation_score"], linestyle="--", **style)
                self.axes_[1].plot(sweeps, history["free_energy_gap"], **style)
        self.axes_[0].set_ylabel(f"{_title(self.figure)}\nin nats per row")
        self.axes_[0].legend()
        if any(recorded):
            self.axes_[1].set_ylabel("free-energy gap\nin nats per row")
        self.axes_[-1].set_xlabel("epoch")
        return self


def _figure_of(history: dict[str, Array]) -> str:
    """Key of the monitored figure of a history."""
    return next(name for name in history if name.endswith("log_likelihood"))


def _title(figure: str) -> str:
    return figure.replace("_", "-")
