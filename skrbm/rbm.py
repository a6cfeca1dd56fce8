"""`BernoulliRBM`: parameters, documentation and checks; the work is done by the layers below."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_consistent_length, check_random_state, gen_batches
from sklearn.utils.validation import check_is_fitted

from skrbm import _kernels, likelihood, samplers, validation
from skrbm._kernels import Array, Generator
from skrbm.gradients import GRADIENTS
from skrbm.likelihood import LogPartition
from skrbm.model import RBM
from skrbm.optimizers import CentredGradient, constant, linear_decay
from skrbm.training import RECORDS, Plan, Training, dense_rows, progress, typed_rows
from skrbm.units import Bernoulli

_BLOCK_ROWS = 1024  # rows that a method works on together, however many it is given
_EXACT_UNITS = 16  # the largest layer that gradient="exact" enumerates at every update
_WEIGHT_SCALE = 2.0  # standard deviation of the initial weights, times sqrt(number of units)


class BernoulliRBM(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""Restricted Boltzmann machine with binary visible and binary hidden units.

    .. math::

        p(v, h) = e^{-E(v, h)} / Z, \qquad E(v, h) = -b^T v - c^T h - v^T W h,
        \qquad v_i, h_j \in \{0, 1\}.

    The parameters maximise the likelihood of the data, :math:`\log p(v) = -F(v) - \log Z` with the
    free energy :math:`F(v) = -\log \sum_h e^{-E(v, h)}`, by stochastic gradient ascent. The
    gradient is centred, the visible biases start at the log-odds of the data, and the step size
    decays linearly to zero over a `fit`. Values between 0 and 1 are taken as probabilities.

    Parameters
    ----------
    n_components : int, default=256
        Number of hidden units.
    learning_rate : float, default=0.1
        Step size of the first update of `fit`, and of all updates of `partial_fit`.
    batch_size : int, default=100
        Largest number of rows an update.
    n_iter : int, default=10
        Number of sweeps of `fit` over the rows.
    gradient : {"pcd", "cd", "exact"}, default="pcd"
        Estimate of the model's part of the gradient: from persistent chains [2]_, from chains that
        start at the mini-batch [1]_, or by enumeration of the smaller layer, which may have at
        most 16 units.
    n_steps : int, default=1
        Gibbs steps an update; not used by "exact".
    n_chains : int, default=100
        Number of persistent chains; used by "pcd" alone.
    verbose : int, default=0
        Above 0, report every sweep: in a progress bar on a terminal, if tqdm is installed (extra
        "progress"), or else in a line on the standard output.
    random_state : int, RandomState instance or None, default=None
        Seed of all that is drawn: weights, order of the rows, chains, samples. An int makes a fit,
        and the sequence of later calls of `gibbs` and `sample`, reproducible.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Weights, the transpose of W, float32 or float64 as the data were; integers of more than 16
        bits make float64, other integers and booleans float32.
    intercept_hidden_ : ndarray of shape (n_components,)
        Biases c of the hidden units.
    intercept_visible_ : ndarray of shape (n_features,)
        Biases b of the visible units.
    chains_ : ndarray of shape (n_chains, n_features)
        Visible states of the persistent chains; with "pcd" alone.
    h_samples_ : ndarray of shape (n_chains, n_components)
        Hidden states of the persistent chains; with "pcd" alone.
    history_ : dict of str to ndarray of shape (n_iter_,)
        For every sweep `iteration`, `learning_rate` at its end, `pseudo_log_likelihood` (mean
        nats a row of its last mini-batch, estimated from one column a row) and `time` in seconds.
    n_iter_ : int
        Number of sweeps trained, a call of `partial_fit` being one.
    log_partition_ : LogPartition
        log Z, computed when first needed: exact where that takes about a second, otherwise by
        annealed importance sampling with its standard error.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where all are strings.

    See Also
    --------
    sklearn.neural_network.BernoulliRBM : The estimator whose parameters and attributes these are.

    References
    ----------
    .. [1] G. E. Hinton, "Training products of experts by minimizing contrastive divergence",
       Neural Computation 14(8), 2002.
    .. [2] T. Tieleman, "Training restricted Boltzmann machines using approximations to the
       likelihood gradient", ICML 2008.
    .. [3] J. Melchior, A. Fischer and L. Wiskott, "How to center deep Boltzmann machines",
       Journal of Machine Learning Research 17(99), 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from skrbm import BernoulliRBM
    >>> X = np.array([[0, 0, 1, 1], [1, 1, 0, 0]] * 50)
    >>> rbm = BernoulliRBM(n_components=2, n_iter=1000, random_state=0).fit(X)
    >>> rbm.transform(X).shape
    (100, 2)
    >>> print(f"{rbm.score(X):.1f}")  # log(1/2) is the best that two rows allow
    -0.7
    """

    def __init__(
        self,
        n_components: int = 256,
        *,
        learning_rate: float = 0.1,
        batch_size: int = 100,
        n_iter: int = 10,
        gradient: str = "pcd",
        n_steps: int = 1,
        n_chains: int = 100,
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.n_iter = n_iter
        self.gradient = gradient
        self.n_steps = n_steps
        self.n_chains = n_chains
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the model, from a fresh start, by `n_iter` sweeps over the rows in random order.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            Data in [0, 1]. Values outside draw a warning, and count as 0 or 1.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. A weight of two is the row given twice.

        Returns
        -------
        self : BernoulliRBM

        Raises
        ------
        ValueError
            If a parameter or the data are not as described; the estimator is then unchanged.
        """
        X, weights = self._check_fit(X, sample_weight, first=True)
        self._start(X, weights)
        schedule = linear_decay(self.learning_rate)
        return self._train(X, weights, Plan(self.n_iter, self.batch_size, schedule, shuffle=True))

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Go on training by one sweep over the rows in their order, or start with it.

        The rows make mini-batches of `batch_size`. The step size stays at `learning_rate`, since
        the end of the stream is not known. Chains, moving averages and the random generator go on
        from call to call. The visible biases start from the rows of the first call.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            Data in [0, 1].
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : BernoulliRBM
        """
        first = not hasattr(self, "components_")
        X, weights = self._check_fit(X, sample_weight, first=first)
        if first:
            self._start(X, weights)
        schedule = constant(self.learning_rate)
        return self._train(X, weights, Plan(1, self.batch_size, schedule, shuffle=False))

    def transform(self, X: Any) -> Array:
        """`P(h_j = 1 | v)` for every row v of X.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        H : ndarray of shape (n_samples, n_components)
        """
        X = self._check_visible(X)
        return self._by_blocks(self._model().hidden_from_visible, X)

    def inverse_transform(self, H: Any) -> Array:
        """`P(v_i = 1 | h)` for every row h of H, which may hold probabilities.

        Parameters
        ----------
        H : array-like of shape (n_samples, n_components)

        Returns
        -------
        V : ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        H = validation.check_hidden(self, H)
        return self._by_blocks(self._model().visible_from_hidden, H)

    def reconstruct(self, X: Any) -> Array:
        """`P(v_i = 1 | h = E[h | v])` for every row v of X: up and down once, without noise.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        V : ndarray of shape (n_samples, n_features)
        """
        X = self._check_visible(X)
        rbm = self._model()
        return self._by_blocks(lambda v: rbm.visible_from_hidden(rbm.hidden_from_visible(v)), X)

    def gibbs(self, v: Any, n_steps: int = 1) -> Array:
        """Run a Gibbs chain from every row of v: h given v, then v given h, `n_steps` times.

        Successive calls draw on, and differ; a fixed `random_state` fixes their sequence.

        Parameters
        ----------
        v : {array-like, CSR matrix} of shape (n_samples, n_features)
        n_steps : int, default=1

        Returns
        -------
        v_new : ndarray of bool of shape (n_samples, n_features)
        """
        n_steps = validation.check_count("n_steps", n_steps)
        v = self._check_visible(v, name="v")
        rbm, rng = self._model(), self._sampling_rng
        return self._by_blocks(lambda rows: samplers.gibbs_visible(rbm, rows, rng, n_steps) > 0, v)

    def sample(self, n_samples: int = 1, *, n_steps: int = 1000, random_state: Any = None) -> Array:
        """Draw rows from the model, each by a Gibbs chain of its own.

        The chains start at persistent chains of the training, or where there are none at
        independent draws from the visible biases before training.

        Parameters
        ----------
        n_samples : int, default=1
        n_steps : int, default=1000
            Length of the chains. What they still share with their start is lost with more steps.
        random_state : int, RandomState instance or None, default=None
            By default the draws go on from those of `gibbs` and `sample` before.

        Returns
        -------
        v : ndarray of bool of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        n_samples = validation.check_count("n_samples", n_samples)
        n_steps = validation.check_count("n_steps", n_steps)
        rng = self._sampling_rng
        if random_state is not None:
            rng = _kernels.generator(validation.check_seed(random_state))
        if hasattr(self, "chains_"):
            start = self.chains_[rng.integers(len(self.chains_), size=n_samples)]
        else:
            start = samplers.independent(self._base, n_samples, rng)
        return samplers.gibbs_visible(self._model(), start, rng, n_steps) > 0

    def energy(self, v: Any, h: Any) -> Array:
        """`E(v, h)` of every pair of rows, in nats.

        Parameters
        ----------
        v : {array-like, CSR matrix} of shape (n_samples, n_features)
        h : array-like of shape (n_samples, n_components)

        Returns
        -------
        energy : ndarray of float64 of shape (n_samples,)
        """
        v = self._check_visible(v, name="v")
        h = validation.check_hidden(self, h, name="h")
        check_consistent_length(v, h)
        return self._model().energy(typed_rows(v, slice(None), h.dtype), h)

    def free_energy(self, X: Any) -> Array:
        """`F(v) = -log sum_h exp(-E(v, h))` of every row v of X, in nats.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        free_energy : ndarray of float64 of shape (n_samples,)
        """
        X = self._check_visible(X)
        return self._by_blocks(self._model().free_energy, X)

    def score_samples(self, X: Any) -> Array:
        """`log p(v) = -F(v) - log Z` of every row v of X, in nats, with `log_partition_`.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_likelihood : ndarray of float64 of shape (n_samples,)
        """
        return -self.free_energy(X) - self.log_partition_.value

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Mean of `score_samples(X)`, in nats a row.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        log_likelihood : float
        """
        log_likelihood = self.score_samples(X)
        weights = validation.check_weights(sample_weight, log_likelihood)
        return float(np.average(log_likelihood, weights=weights))

    def pseudo_log_likelihood(self, X: Any) -> Array:
        """`sum_i log p(v_i | all other v)` of every row v of X, in nats, exactly.

        It needs no log Z, but costs n_features times what `score_samples` does once that is known.
        Values between 0 and 1 are compared with their complement.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        pseudo_log_likelihood : ndarray of float64 of shape (n_samples,)
        """
        X = self._check_visible(X)
        rbm = self._model()
        dtype = self.components_.dtype
        return self._by_blocks(
            lambda v: likelihood.pseudo_log_likelihood(rbm, dense_rows(v, slice(None), dtype)), X
        )

    @property
    def chains_(self) -> Array:
        """Visible states of the persistent chains."""
        return self._fitted_training().gradient.chains.visible

    @property
    def h_samples_(self) -> Array:
        """Hidden states of the persistent chains."""
        return self._fitted_training().gradient.chains.hidden

    @property
    def history_(self) -> dict[str, Array]:
        """One array a figure, with one element a sweep."""
        history = self._fitted_training().history
        return {name: np.array([record[name] for record in history]) for name in RECORDS}

    @property
    def n_iter_(self) -> int:
        """Number of sweeps trained."""
        return len(self._fitted_training().history)

    @property
    def log_partition_(self) -> LogPartition:
        """Log Z of the fitted model, computed once."""
        check_is_fitted(self)
        if self._log_partition is None:
            rng = _kernels.generator(self._likelihood_seed)
            self._log_partition = likelihood.log_partition(self._model(), self._base, rng)
        return self._log_partition

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _check_fit(self, X: Any, sample_weight: Any, *, first: bool) -> tuple[Any, Array]:
        for name in ("n_components", "batch_size", "n_steps", "n_chains"):
            validation.check_count(name, getattr(self, name))
        validation.check_count("n_iter", self.n_iter, minimum=0)
        validation.check_count("verbose", self.verbose, minimum=0)
        validation.check_rate("learning_rate", self.learning_rate)
        validation.check_choice("gradient", self.gradient, GRADIENTS)
        check_random_state(self.random_state)
        X, weights = validation.check_training(self, X, sample_weight, first=first)
        n_enumerated = min(X.shape[1], self.n_components)
        if self.gradient == "exact" and n_enumerated > _EXACT_UNITS:
            msg = (
                f"gradient == 'exact' enumerates the smaller layer, which has {n_enumerated} units; "
                f"at most {_EXACT_UNITS} are allowed."
            )
            raise ValueError(msg)
        return X, weights

    def _check_visible(self, X: Any, name: str = "X") -> Any:
        check_is_fitted(self)
        return validation.check_visible(self, X, name)

    def _fitted_training(self) -> Training:
        check_is_fitted(self)
        return self._training

    def _start(self, X: Any, weights: Array) -> None:
        """A new model, and the state of its training, from the first rows."""
        training, order, likelihood_seed, sampling = validation.check_seed(self.random_state).spawn(
            4
        )
        rng = _kernels.generator(training)
        dtype = validation.model_dtype(X.dtype)
        total = _column_totals(X, weights)
        base = Bernoulli.from_totals(total, weights.sum()).astype(dtype)
        hidden = Bernoulli(np.zeros(self.n_components, dtype))
        scale = _WEIGHT_SCALE / math.sqrt(base.n_units + hidden.n_units)
        initial = _kernels.normal((base.n_units, hidden.n_units), scale, dtype, rng)
        rbm = RBM.couple(base, hidden, initial)
        self.components_ = rbm.weights.T
        self.intercept_hidden_ = rbm.hidden.bias
        self.intercept_visible_ = rbm.visible.bias
        self._base = base
        self._likelihood_seed = likelihood_seed
        self._sampling_rng = _kernels.generator(sampling)
        self._training = Training(
            gradient=GRADIENTS[self.gradient](rbm, self.n_steps, self.n_chains, rng),
            optimizer=CentredGradient(base.mean(0.0), hidden.mean(0.0)),
            rng=rng,
            order=_kernels.generator(order),
        )

    def _train(self, X: Any, weights: Array, plan: Plan) -> Self:
        self._log_partition = None
        weights = weights.astype(self.components_.dtype)
        sweeps = self._training.run(self._model(), X, weights, plan, _pseudo_log_likelihood)
        with progress(type(self).__name__, plan.n_iter, verbose=self.verbose > 0) as report:
            for record in sweeps:
                report(record)
        return self

    def _model(self) -> RBM:
        return RBM(
            Bernoulli(self.intercept_visible_),
            Bernoulli(self.intercept_hidden_),
            self.components_.T,
        )

    def _by_blocks(self, function: Callable[[Any], Array], X: Any) -> Array:
        """The function of the rows of X, in the model's dtype, a block of rows at a time."""
        dtype = self.components_.dtype
        blocks = gen_batches(X.shape[0], _BLOCK_ROWS)
        return np.concatenate([function(typed_rows(X, rows, dtype)) for rows in blocks])


def _column_totals(X: Any, weights: Array) -> Array:
    blocks = gen_batches(len(weights), _BLOCK_ROWS)
    return sum(weights[rows] @ dense_rows(X, rows, weights.dtype) for rows in blocks)


def _pseudo_log_likelihood(rbm: RBM, v: Array, rng: Generator) -> float:
    """The figure to watch: an unbiased estimate that costs one product."""
    return float(likelihood.pseudo_log_likelihood(rbm, v, n_flips=1, rng=rng).mean())
