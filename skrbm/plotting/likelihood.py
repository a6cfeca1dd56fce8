"""`LikelihoodDisplay`: log-likelihoods of rows, and the bounds of log Z."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from skrbm._kernels.devices import Array
from skrbm.explain.units import ALL_GENERATIVE, GENERATIVE
from skrbm.plotting.canvas import axes_for, pyplot
from skrbm.validation.estimators import check_fitted

_N_BINS = 40


class LikelihoodDisplay:
    """Log-likelihoods of training and test rows, their means, and the error of log Z.

    Use `from_estimator` to create one.

    Parameters
    ----------
    train, test : ndarray of shape (n_samples,)
        Log-likelihoods of rows, in nats.
    margins : tuple of float
        Largest errors of all log-likelihoods upwards and downwards, in nats, from the bounds of log
        Z: `upper - value` and `value - lower`.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Histograms as densities, and vertical lines at the means. If log Z is not exact, a band
        around each line shows the range of the mean for log Z between its bounds.
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
        """Score rows with a fitted model and plot the distributions of log-likelihoods.

        Parameters
        ----------
        estimator : BernoulliRBM, GaussianBernoulliRBM or DeepBeliefNetwork
            For a stack, `score_samples` returns lower bounds.
        X_train, X_test : {array-like, CSR matrix} of shape (n_samples, n_features)
            Rows used in training, and other rows.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; by default a new figure is made.

        Returns
        -------
        display : LikelihoodDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If an argument is invalid.
        """
        pyplot()
        check_fitted(estimator, GENERATIVE, ALL_GENERATIVE)
        train, test = estimator.score_samples(X_train), estimator.score_samples(X_test)
        log_z = estimator.log_partition_
        margins = log_z.upper - log_z.value, log_z.value - log_z.lower
        return cls(train, test, margins=margins).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the histograms.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; by default a new figure is made.

        Returns
        -------
        self : LikelihoodDisplay
        """
        (self.ax_,), self.figure_ = axes_for(ax, 1)
        bins = np.histogram_bin_edges(np.concatenate([self.train, self.test]), _N_BINS)
        for values, name, color in ((self.train, "train", "C0"), (self.test, "test", "C1")):
            mean, (below, above) = values.mean(), self.margins
            self.ax_.hist(values, bins, density=True, alpha=0.5, color=color, label=name)
            self.ax_.axvline(mean, color=color, label=f"mean {mean:.2f}")
            if below + above > 0:
                low = max(mean - below, bins[0])  # -inf if log Z has no upper bound
                self.ax_.axvspan(low, mean + above, alpha=0.3, color=color, linewidth=0)
        self.ax_.set(xlabel="log-likelihood in nats", ylabel="density")
        self.ax_.legend()
        return self
