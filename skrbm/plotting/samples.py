"""`SamplesDisplay`: states of Markov chains as images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from skrbm import samplers
from skrbm._kernels.arrays import to_dense
from skrbm._kernels.devices import Array, Generator, to_host
from skrbm.estimators.common.fitted import Fitted, domain_of, fitted_of
from skrbm.explain.units import ALL_GENERATIVE, GENERATIVE
from skrbm.plotting.canvas import axes_for, draw_mosaic, pyplot
from skrbm.validation.estimators import check_fitted
from skrbm.validation.parameters import check_count, check_image_shape, check_steps
from skrbm.validation.rows import check_visible


class SamplesDisplay:
    """Markov chains of a model as images: one row per chain, one column per number of steps.

    Use `from_estimator` to create one.

    Parameters
    ----------
    states : ndarray of shape (n_chains, n_looks, n_features)
        Visible states of every chain, as rows of data.
    n_steps : list of int
        Number of Gibbs steps before each column.
    image_shape : tuple of int
        Height and width of an image.
    limits : tuple of float
        Values drawn in white and in black.

    Attributes
    ----------
    image_ : matplotlib.image.AxesImage
        All images in a grid, separated by masked pixels.
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
        """Run chains of a fitted model and plot them.

        Parameters
        ----------
        estimator : BernoulliRBM, GaussianBernoulliRBM or DeepBeliefNetwork
            For a stack, the chains of the top RBM run; visible states are drawn from them.
        X : {array-like, CSR matrix} of shape (n_samples, n_features), default=None
            Its first rows are the start of the chains. By default they start as in
            `estimator.sample`: at persistent chains of the training, if the model has any.
        image_shape : tuple of int, default=None
            Height and width; by default the image is a square.
        n_chains : int, default=8
            Maximum number of chains; with X one per row.
        n_steps : sequence of int, default=(0, 1, 10, 100, 1000)
            Numbers of Gibbs steps after which the chains are shown, in ascending order.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws. By default they continue the random sequence of `gibbs` and `sample`.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; by default a new figure is made.

        Returns
        -------
        display : SamplesDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the features do not form an image, or an argument is invalid.
        """
        pyplot()
        check_fitted(estimator, GENERATIVE, ALL_GENERATIVE)
        shape = check_image_shape("image_shape", image_shape, estimator.n_features_in_)
        n_chains = check_count("n_chains", n_chains)
        looks = check_steps("n_steps", n_steps)
        fitted, domain = fitted_of(estimator), domain_of(estimator).with_missing(allowed=False)
        rows = None
        if X is not None:
            rows = to_dense(check_visible(estimator, to_host(X), "X", domain).values[:n_chains])
        rng = fitted.seeds.generator(random_state)
        states = _run_chains(fitted, rows, n_chains, looks, rng)
        limits = domain.low, domain.high
        if not domain.is_bounded:
            limits = float(states.min()), float(states.max())
        return cls(states, n_steps=looks, image_shape=shape, limits=limits).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the chains.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; by default a new figure is made.

        Returns
        -------
        self : SamplesDisplay
        """
        (self.ax_,), self.figure_ = axes_for(ax, 1)
        images = self.states.reshape(*self.states.shape[:2], *self.image_shape)
        self.image_ = draw_mosaic(self.ax_, images, "gray_r", *self.limits)
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


def _run_chains(
    fitted: Fitted, rows: Array | None, n_chains: int, looks: list[int], rng: Generator
) -> Array:
    """Run chains of an RBM, or of the top RBM of a stack, and record visible states.

    Chains that start at rows show the rows themselves before the first step.
    """
    net, scaling = fitted.net, fitted.scaling
    if rows is None:
        x = fitted.top_states(n_chains, 0, "gibbs", rng)
    else:
        x = net.up(scaling.to_model(rows), rng)[-1]
    seen: list[Array] = []
    for step, before in zip(looks, [0, *looks], strict=False):
        x = samplers.gibbs_visible(net.top, x, rng, step - before)
        seen.append(rows if rows is not None and step == 0 else scaling.draws(net.down(x, rng)[0]))
    return np.stack(seen, axis=1)
