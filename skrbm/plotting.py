"""Pictures of fitted models, in the manner of scikit-learn's displays.

A display holds plain arrays. Its `from_estimator` computes them and draws at once, `plot` draws
them again. All but `TrainingDisplay` draw on a single axes, `ax_`, of the figure `figure_`; that
one draws on one or two, `axes_`. Given axes to draw on, none makes a figure.

matplotlib, the extra "plot", is imported when something is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skrbm import samplers, validation
from skrbm._kernels import Array, Generator, dense, to_host
from skrbm.belief_net import BeliefNet
from skrbm.dbn import DeepBeliefNetwork
from skrbm.explain import ALL_SHOWN, SHOWN, describe, filters, strength
from skrbm.fitting import RBMEstimator

_ORDERS = ("importance", "index")
_GENERATIVE = RBMEstimator, DeepBeliefNetwork
_ALL_GENERATIVE = "a BernoulliRBM, GaussianBernoulliRBM or DeepBeliefNetwork"
_BORDER = "0.85"  # between images
_N_BINS = 40


class FiltersDisplay:
    """Weights of hidden units as images, on one scale that is symmetric around zero.

    Use `from_estimator` to make one.

    Parameters
    ----------
    filters : ndarray of shape (n_units, n_features)
        One row a unit, in the order in which they are shown, row by row.
    units : ndarray of int of shape (n_units,)
        Indices of these units in the estimator.
    image_shape : tuple of int
        Height and width of an image.

    Attributes
    ----------
    image_ : matplotlib.image.AxesImage
        All images side by side, with masked pixels between them.
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    See Also
    --------
    skrbm.explain.filters : The weights that are shown.
    skrbm.explain.describe : What the units do with rows of data.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skrbm import BernoulliRBM
    >>> from skrbm.plotting import FiltersDisplay
    >>> X = load_digits().data / 16
    >>> rbm = BernoulliRBM(n_components=16, n_iter=5, random_state=0).fit(X)
    >>> display = FiltersDisplay.from_estimator(rbm)
    >>> display.filters.shape
    (16, 64)
    """

    def __init__(self, filters: Array, *, units: Array, image_shape: tuple[int, int]) -> None:
        self.filters = filters
        self.units = units
        self.image_shape = image_shape

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any = None,
        *,
        image_shape: tuple[int, int] | None = None,
        n_units: int = 64,
        order: str = "importance",
        layer: int = 0,
        ax: Any = None,
    ) -> Self:
        """Show the filters of a fitted estimator.

        Parameters
        ----------
        estimator : BernoulliRBM, GaussianBernoulliRBM, RBMClassifier or DeepBeliefNetwork
        X : {array-like, CSR matrix} of shape (n_samples, n_features), default=None
            Rows that tell the importance of the units of a BernoulliRBM or GaussianBernoulliRBM;
            not used with `order="index"`.
        image_shape : tuple of int, default=None
            Height and width, by default those of a square.
        n_units : int, default=64
            Show at most so many units.
        order : {"importance", "index"}, default="importance"
            Show the most important units first, or those with the lowest index. With X a unit's
            importance is what the mean log-likelihood of the rows loses without it
            (`skrbm.explain.describe`). Without rows nobody can tell; it is then the length of the
            unit's weights, the most that it could do (`skrbm.explain.strength`).
        layer : int, default=0
            Index of the layer of a stack. A layer above the lowest one is seen through the weights
            that generate those below, as if these were linear (`skrbm.explain.filters`).
        ax : matplotlib.axes.Axes, default=None
            By default a figure is made.

        Returns
        -------
        display : FiltersDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the columns make no image, or an argument is not as described.
        """
        _pyplot()
        validation.check_choice("order", order, _ORDERS)
        n_units = validation.check_count("n_units", n_units)
        patterns = filters(estimator, layer)
        shape = validation.check_image_shape("image_shape", image_shape, patterns.shape[1])
        if order == "index":
            units = np.arange(len(patterns))
        elif X is None:
            units = np.argsort(-strength(estimator, layer), kind="stable")
        else:
            units = describe(estimator, X, n_rows=1).order
        shown = units[:n_units]
        return cls(patterns[shown], units=shown, image_shape=shape).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the filters.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            By default a figure is made.

        Returns
        -------
        self : FiltersDisplay
        """
        (self.ax_,), self.figure_ = _axes(ax, 1)
        limit = float(np.abs(self.filters).max()) or 1.0
        n_columns = math.ceil(math.sqrt(len(self.filters)))
        n_rows = math.ceil(len(self.filters) / n_columns)
        cells = np.full((n_rows * n_columns, *self.image_shape), np.nan)
        cells[: len(self.filters)] = self.filters.reshape(-1, *self.image_shape)
        mosaic = _mosaic(cells.reshape(n_rows, n_columns, *self.image_shape))
        self.image_ = _imshow(self.ax_, mosaic, "RdBu_r", -limit, limit)
        self.ax_.set(xticks=[], yticks=[])
        self.figure_.colorbar(self.image_, ax=self.ax_, label="weight")
        return self


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
        _pyplot()
        validation.check_instance("estimator", estimator, SHOWN, ALL_SHOWN)
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
        self.axes_, self.figure_ = _axes(ax, 2 if any(recorded) else 1)
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


class SamplesDisplay:
    """Markov chains of a model as images: a chain a row, so many steps a column.

    Use `from_estimator` to make one.

    Parameters
    ----------
    states : ndarray of shape (n_chains, n_looks, n_features)
        Visible states of every chain, as rows of data.
    n_steps : list of int
        Gibbs steps made before each look.
    image_shape : tuple of int
        Height and width of an image.
    limits : tuple of float
        Values that are drawn white and black.

    Attributes
    ----------
    image_ : matplotlib.image.AxesImage
        All images side by side, with masked pixels between them.
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skrbm import BernoulliRBM
    >>> from skrbm.plotting import SamplesDisplay
    >>> X = load_digits().data / 16
    >>> rbm = BernoulliRBM(n_components=16, n_iter=5, random_state=0).fit(X)
    >>> SamplesDisplay.from_estimator(rbm, X, n_chains=4, n_steps=(0, 1, 10)).states.shape
    (4, 3, 64)
    """

    def __init__(
        self,
        states: Array,
        *,
        n_steps: Sequence[int],
        image_shape: tuple[int, int],
        limits: tuple[float, float],
    ) -> None:
        self.states = states
        self.n_steps = n_steps
        self.image_shape = image_shape
        self.limits = limits

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any = None,
        *,
        image_shape: tuple[int, int] | None = None,
        n_chains: int = 8,
        n_steps: Sequence[int] = (0, 1, 10, 100, 1000),
        random_state: Any = None,
        ax: Any = None,
    ) -> Self:
        """Run chains of a fitted model and show them.

        Parameters
        ----------
        estimator : BernoulliRBM, GaussianBernoulliRBM or DeepBeliefNetwork
            The chains of a stack are those of the RBM on top; what is shown is drawn downwards.
        X : {array-like, CSR matrix} of shape (n_samples, n_features), default=None
            The chains start at the first rows. By default they start as those of
            `estimator.sample` do, at persistent chains of the training where there are any.
        image_shape : tuple of int, default=None
            Height and width, by default those of a square.
        n_chains : int, default=8
            Show at most so many chains: with X one a row.
        n_steps : sequence of int, default=(0, 1, 10, 100, 1000)
            Gibbs steps from the start after which a chain is shown, in ascending order.
        random_state : int, RandomState instance or None, default=None
            By default the draws go on from those of `gibbs` and `sample` before.
        ax : matplotlib.axes.Axes, default=None
            By default a figure is made.

        Returns
        -------
        display : SamplesDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the columns make no image, or an argument is not as described.
        """
        _pyplot()
        validation.check_instance("estimator", estimator, _GENERATIVE, _ALL_GENERATIVE)
        check_is_fitted(estimator)
        shape = validation.check_image_shape("image_shape", image_shape, estimator.n_features_in_)
        n_chains = validation.check_count("n_chains", n_chains)
        looks = validation.check_steps("n_steps", n_steps)
        rows = None if X is None else dense(estimator._check_visible(to_host(X))[:n_chains])
        states = _run_chains(estimator, rows, n_chains, looks, estimator._rng(random_state))
        domain = estimator._domain
        limits = domain.low, domain.high
        if domain is validation.REAL_LINE:
            limits = float(states.min()), float(states.max())
        return cls(states, n_steps=looks, image_shape=shape, limits=limits).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the chains.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            By default a figure is made.

        Returns
        -------
        self : SamplesDisplay
        """
        (self.ax_,), self.figure_ = _axes(ax, 1)
        mosaic = _mosaic(self.states.reshape(*self.states.shape[:2], *self.image_shape))
        self.image_ = _imshow(self.ax_, mosaic, "gray_r", *self.limits)
        height, width = self.image_shape
        self.ax_.set(
            xticks=np.arange(len(self.n_steps)) * (width + 1) + (width - 1) / 2,
            xticklabels=self.n_steps,
            yticks=np.arange(len(self.states)) * (height + 1) + (height - 1) / 2,
            yticklabels=range(1, len(self.states) + 1),
            xlabel="Gibbs steps",
            ylabel="chain",
        )
        return self


class LikelihoodDisplay:
    """Log-likelihoods of rows trained on and of others, their means, and the error of log Z.

    Use `from_estimator` to make one.

    Parameters
    ----------
    train, test : ndarray of shape (n_samples,)
        Log-likelihoods of rows, in nats.
    margins : tuple of float
        How far all of them may lie too high and too low, in nats, since log Z may lie anywhere
        between its bounds: `upper - value` and `value - lower`.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Histograms as densities, vertical lines at the means, and around each a band, where log Z
        is not exact: the mean lies there, if log Z lies between its bounds.
    figure_ : matplotlib.figure.Figure

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skrbm import BernoulliRBM
    >>> from skrbm.plotting import LikelihoodDisplay
    >>> X = load_digits().data / 16
    >>> rbm = BernoulliRBM(n_components=8, n_iter=5, random_state=0).fit(X[:1000])
    >>> LikelihoodDisplay.from_estimator(rbm, X[:1000], X[1000:]).margins  # log Z is exact
    (0.0, 0.0)
    """

    def __init__(self, train: Array, test: Array, *, margins: tuple[float, float]) -> None:
        self.train = train
        self.test = test
        self.margins = margins

    @classmethod
    def from_estimator(cls, estimator: Any, X_train: Any, X_test: Any, *, ax: Any = None) -> Self:
        """Score rows with a fitted model and show how their log-likelihoods are distributed.

        Parameters
        ----------
        estimator : BernoulliRBM, GaussianBernoulliRBM or DeepBeliefNetwork
            What `score_samples` of a stack returns are lower bounds.
        X_train, X_test : {array-like, CSR matrix} of shape (n_samples, n_features)
            Rows that the model was trained on, and others.
        ax : matplotlib.axes.Axes, default=None
            By default a figure is made.

        Returns
        -------
        display : LikelihoodDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If an argument is not as described.
        """
        _pyplot()
        validation.check_instance("estimator", estimator, _GENERATIVE, _ALL_GENERATIVE)
        check_is_fitted(estimator)
        train, test = estimator.score_samples(X_train), estimator.score_samples(X_test)
        log_z = estimator.log_partition_
        margins = log_z.upper - log_z.value, log_z.value - log_z.lower
        return cls(train, test, margins=margins).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the histograms.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            By default a figure is made.

        Returns
        -------
        self : LikelihoodDisplay
        """
        (self.ax_,), self.figure_ = _axes(ax, 1)
        bins = np.histogram_bin_edges(np.concatenate([self.train, self.test]), _N_BINS)
        for values, name, color in ((self.train, "train", "C0"), (self.test, "test", "C1")):
            mean, (below, above) = values.mean(), self.margins
            self.ax_.hist(values, bins, density=True, alpha=0.5, color=color, label=name)
            self.ax_.axvline(mean, color=color, label=f"mean {mean:.2f}")
            if below + above > 0:
                low = max(mean - below, bins[0])  # no bound above leaves -inf
                self.ax_.axvspan(low, mean + above, alpha=0.3, color=color, linewidth=0)
        self.ax_.set(xlabel="log-likelihood in nats", ylabel="density")
        self.ax_.legend()
        return self


def _run_chains(
    estimator: Any, rows: Array | None, n_chains: int, looks: list[int], rng: Generator
) -> Array:
    """Chains of an RBM, or of the one on top of a stack, seen after so many steps.

    Those that start at rows are these themselves before the first step.
    """
    if isinstance(estimator, DeepBeliefNetwork):
        net, top = estimator._net(), estimator.rbms_[-1]
    else:
        net, top = BeliefNet.stack([estimator._model()]), estimator
    coordinates = estimator._coordinates
    if rows is None:
        x = top._sample_states(n_chains, 0, "gibbs", rng)
    else:
        x = net.up(coordinates.to_model(rows), lambda layer, s: layer.sample(s, rng))[-1]
    seen: list[Array] = []
    for step, before in zip(looks, [0, *looks], strict=False):
        x = samplers.gibbs_visible(net.top, x, rng, step - before)
        unmoved = rows if step == 0 else None
        seen.append(coordinates.draws(net.down(x, rng)[0]) if unmoved is None else unmoved)
    return np.stack(seen, axis=1)


def _mosaic(images: Array) -> Array:
    """Images of shape (n_rows, n_columns, height, width) as one, with a line of NaN between two."""
    gap = [(0, 0), (0, 0), (0, 1), (0, 1)]
    cells = np.pad(images.astype(np.float64), gap, constant_values=np.nan)
    n_rows, n_columns, height, width = cells.shape
    return cells.transpose(0, 2, 1, 3).reshape(n_rows * height, n_columns * width)[:-1, :-1]


def _imshow(ax: Any, mosaic: Array, cmap: str, low: float, high: float) -> Any:
    ax.set_facecolor(_BORDER)
    return ax.imshow(mosaic, cmap=cmap, vmin=low, vmax=high, interpolation="nearest")


def _axes(ax: Any, n: int) -> tuple[Array, Any]:
    """As many axes as are needed and their figure: those given, or new ones."""
    if ax is None:
        figure, axes = _pyplot().subplots(n, sharex=True, squeeze=False, layout="constrained")
        return axes[:, 0], figure
    axes = np.atleast_1d(ax).ravel()
    if len(axes) != n:
        msg = f"ax has {len(axes)} axes, must have {n}."
        raise ValueError(msg)
    return axes, axes[0].figure


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        msg = "skrbm.plotting needs matplotlib, which skrbm's extra has: pip install 'skrbm[plot]'."
        raise ImportError(msg) from error
    return plt
