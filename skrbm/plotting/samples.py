"""States of chains, as images, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skrbm import samplers
from skrbm._kernels.arrays import to_dense
from skrbm._kernels.devices import Array, Generator, to_host
from skrbm.deep.belief_net import BeliefNet
from skrbm.estimators.dbn.network import DeepBeliefNetwork
from skrbm.explain import ALL_GENERATIVE, GENERATIVE
from skrbm.plotting.canvas import axes_for, draw_mosaic, mosaic_of, pyplot
from skrbm.validation.estimators import check_instance
from skrbm.validation.parameters import check_count, check_image_shape, check_steps
from skrbm.validation.rows import REAL_LINE


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
        pyplot()
        check_instance("estimator", estimator, GENERATIVE, ALL_GENERATIVE)
        check_is_fitted(estimator)
        shape = check_image_shape("image_shape", image_shape, estimator.n_features_in_)
        n_chains = check_count("n_chains", n_chains)
        looks = check_steps("n_steps", n_steps)
        rows = None if X is None else to_dense(estimator._check_visible(to_host(X))[:n_chains])
        states = _run_chains(estimator, rows, n_chains, looks, estimator._rng(random_state))
        domain = estimator._domain
        limits = domain.low, domain.high
        if domain is REAL_LINE:
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
        (self.ax_,), self.figure_ = axes_for(ax, 1)
        mosaic = mosaic_of(self.states.reshape(*self.states.shape[:2], *self.image_shape))
        self.image_ = draw_mosaic(self.ax_, mosaic, "gray_r", *self.limits)
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
