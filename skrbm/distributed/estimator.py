"""`Distributed`: an RBM or a deep belief network that is fitted on a Dask cluster."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels.devices import Array
from skrbm.annealing import Effort
from skrbm.distributed import worker as shares
from skrbm.distributed.cluster import (
    Crew,
    blockwise,
    check_collection,
    header,
    is_collection,
    spread,
)
from skrbm.distributed.worker import Moments, Outcome, Part, joined, set_state, state_of
from skrbm.estimators.dbn.layer_inputs import UnfinishedStack
from skrbm.estimators.dbn.network import DeepBeliefNetwork
from skrbm.estimators.rbm.fitting import RBMEstimator
from skrbm.estimators.rbm.trained import Hook, asked_to_stop
from skrbm.learning.loop import progress
from skrbm.likelihood import LogPartition
from skrbm.validation.estimators import check_instance
from skrbm.validation.parameters import check_choice, check_on_cluster
from skrbm.validation.rows import UNIT_INTERVAL, check_columns, levels_to_the_caller

State = tuple[Array, ...]
_FITTED = RBMEstimator, DeepBeliefNetwork
_KINDS = "a BernoulliRBM, GaussianBernoulliRBM or DeepBeliefNetwork"


class Distributed(MetaEstimatorMixin, TransformerMixin, BaseEstimator):
    r"""Fit an RBM, or a deep belief network layer by layer, on the workers of a Dask cluster.

    Every worker keeps its blocks of the rows, and persistent chains of its own, in number as many
    of `n_chains` as its share of the rows. A mini-batch of `batch_size` rows is a part of each
    worker's rows. With `sync="update"` the step of every update is the sum

    .. math::

        \Delta W = \sum_w \frac{n_w}{n} \left( \langle v\, E[h | v] \rangle_{\text{data}, w}
        - \langle v\, E[h | v] \rangle_{\text{chains}, w} \right)

    over the workers w, of which each has :math:`n_w` of the n rows of the mini-batch, and the same
    for all else that a step looks at: that is the step of one machine with the whole mini-batch and
    all chains. With `sync="epoch"` workers train by themselves, each on its part of every
    mini-batch, and parameters are averaged after a sweep.

    Sums and averages run as a tree on the cluster. No block travels to the client, which sees the
    parameters once a sweep. When a worker is lost, the sweep is made again; another worker, or the
    restarted one, computes the lost blocks anew and starts chains that first come near the model
    as it is. The chains of other workers go on.

    Parameters
    ----------
    estimator : BernoulliRBM, GaussianBernoulliRBM or DeepBeliefNetwork
        What to fit, without early stopping, missing values and up-down.
    sync : {"epoch", "update"}, default="epoch"
        When workers exchange what they have learnt: "update" sends twice the parameters a worker
        and update, "epoch" a worker and sweep.

    Attributes
    ----------
    estimator_ : estimator
        The fitted one, an ordinary estimator. Its attributes that end in an underscore are also
        attributes of this one.

    See Also
    --------
    BernoulliRBM : What is fitted, on one machine.

    Notes
    -----
    The cluster is that of the current client, `distributed.Client`. There are as many shares as
    workers when `fit` begins, or blocks; for equal shares blocks should be of equal size, and more
    than workers. Blocks that are on a worker, after `persist`, stay there. A sweep has no more
    mini-batches than the smallest share has rows. Callbacks run on the client.

    References
    ----------
    .. [1] J. Dean et al., "Large scale distributed deep networks", NIPS 2012.
    .. [2] R. McDonald, K. Hall and G. Mann, "Distributed training strategies for the structured
       perceptron", NAACL 2010.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from skrbm import BernoulliRBM
    >>> from skrbm.distributed import Distributed
    >>> X = da.tile(da.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 1]]), (50, 1))
    >>> X = X.rechunk((50, 3))
    >>> with Client(processes=False, n_workers=2, threads_per_worker=1, dashboard_address=":0"):
    ...     rbm = Distributed(BernoulliRBM(4, n_iter=200, random_state=0)).fit(X)
    ...     H = rbm.transform(X)  # not computed yet
    ...     H.compute().shape
    (200, 4)
    >>> bool(rbm.estimator_.score(X.compute(scheduler="synchronous")) > -1.7)
    True
    """

    def __init__(self, estimator: Any, *, sync: str = "epoch") -> None:
        self.estimator = estimator
        self.sync = sync

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit a clone of the estimator to the rows of X, from a fresh start.

        Parameters
        ----------
        X : dask.array.Array or dask.dataframe.DataFrame of shape (n_samples, n_features)
            As the estimator takes them; blocks may be CSR matrices.
        y : None
            Ignored.

        Returns
        -------
        self : Distributed

        Raises
        ------
        ValueError
            If a parameter or the data are not as described, or there is no client; this estimator
            is then unchanged.
        RuntimeError
            If workers were lost in each of five attempts at the same sweep.
        """
        check_choice("sync", self.sync, tuple(_ROUNDS))
        check_instance("estimator", self.estimator, _FITTED, _KINDS)
        X = check_collection("X", X)
        estimator = clone(self.estimator)
        estimator._check_parameters()
        _check_supported(estimator)
        is_stack = isinstance(estimator, DeepBeliefNetwork)
        crew = Crew.of(X)
        try:
            fit = Fit(crew, self.sync)
            (fit.stack if is_stack else fit.rbm)(estimator, header(X))
        finally:
            crew.close()
        self.estimator_ = estimator
        return self

    def transform(self, X: Any) -> Any:
        """`E[h | v]` of every row v of X: of a Dask collection block by block, when computed.

        Parameters
        ----------
        X : {dask array, dask data frame, array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        H : {dask.array.Array, ndarray} of shape (n_samples, n_features_out)
        """
        check_is_fitted(self)
        if not is_collection(X):
            return self.estimator_.transform(X)
        of_one = self.estimator_.transform(header(X, n_rows=1))
        return blockwise(self.estimator_, "transform", X, of_one)

    def score_samples(self, X: Any) -> Any:
        """Log-likelihood of every row of X in nats: of a Dask collection block by block.

        log Z is that of `log_partition_`, or else computed now, on the cluster.

        Parameters
        ----------
        X : {dask array, dask data frame, array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_likelihood : {dask.array.Array, ndarray} of float64 of shape (n_samples,)
        """
        check_is_fitted(self)
        if not is_collection(X):
            return self.estimator_.score_samples(X)
        top = self._top
        if top._parameters_hash() not in top._log_partitions:
            self.log_partition()
        return blockwise(self.estimator_, "score_samples", X, np.empty(1))

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples(X)`, in nats a row.

        Parameters
        ----------
        X : {dask array, dask data frame, array-like, CSR matrix} of shape (n_samples, n_features)
        y : None
            Ignored.

        Returns
        -------
        log_likelihood : float
        """
        return float(self.score_samples(X).mean())

    def log_partition(
        self,
        method: str = "auto",
        *,
        n_chains: int = 100,
        n_temperatures: int = 8_000,
        random_state: Any = None,
    ) -> LogPartition:
        """Log Z in nats, of the uppermost RBM of a stack; from now on scores use it.

        Chains of annealing are spread over the workers, a hundred a task, or at least one task a
        direction. The result is that of the fitted estimator's own `log_partition`.

        Parameters
        ----------
        method : {"auto", "exact", "ais", "bracket", "tempering"}, default="auto"
            Which of them anneal is said at `BernoulliRBM.log_partition`.
        n_chains : int, default=100
        n_temperatures : int, default=8_000
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        log_partition : LogPartition
        """
        check_is_fitted(self)
        effort = Effort(n_chains, n_temperatures, spread=spread)
        return self._top._log_partition(method, effort, random_state)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Names of the columns of `transform`.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Not used but for scikit-learn's checks.

        Returns
        -------
        names : ndarray of str
        """
        check_is_fitted(self)
        return self.estimator_.get_feature_names_out(input_features)

    def __getattr__(self, name: str) -> Any:
        if name.endswith("_") and not name.startswith("_") and "estimator_" in vars(self):
            return getattr(self.estimator_, name)
        msg = f"{type(self).__name__!r} object has no attribute {name!r}"
        raise AttributeError(msg)

    @property
    def _top(self) -> RBMEstimator:
        return getattr(self.estimator_, "rbms_", [self.estimator_])[-1]


@dataclass
class Fit:
    """A fit on its way.

    Parameters
    ----------
    crew : Crew
    sync : {"epoch", "update"}
    """

    crew: Crew
    sync: str

    def rbm(self, estimator: RBMEstimator, columns: Any) -> None:
        """Fit an RBM."""
        parts = self.crew.everywhere(shares.load, _light(estimator))
        moments = _seen(parts)
        estimator._check_sizes(moments.n_rows, columns.shape[1], split=False)
        check_columns(estimator, columns, reset=True)
        estimator._start(*_representatives(moments, estimator))
        self._train(estimator, parts, type(estimator).__name__)

    def stack(self, dbn: DeepBeliefNetwork, columns: Any) -> None:
        """Fit the layers of a deep belief network one by one."""
        parts = self.crew.everywhere(shares.load, _light(dbn))
        moments = _seen(parts)
        rows, weights = _representatives(moments, dbn)
        rbms, _, _ = dbn._check_fit(rows, None, split=False)
        check_columns(rbms[0], columns, reset=True)
        rng = dbn._seed_layers(rbms)
        dbn._unfinished = UnfinishedStack(rbms, rng, moments.n_rows, 0)
        for i, rbm in enumerate(rbms):
            if i > 0:
                below = [_light(rbm) for rbm in rbms[:i]]
                seed = int(rng.integers(2**32))
                parts = self.crew.everywhere(shares.ascend, _light(dbn), below, seed)
                rows, weights = joined(parts).representatives(binary=True)
            dbn._start_layer(rbms, i, rows, weights)
            title = dbn._title(f"layer {i + 1}")
            self._train(rbm, parts, title, lambda: asked_to_stop(dbn, dbn.callbacks, dbn._n_sweeps))
            dbn._unfinished.n_done += 1
        dbn._keep(rbms, columns, rng)
        del dbn._unfinished

    def _train(
        self, estimator: RBMEstimator, parts: list[Moments], title: str, hook: Hook | None = None
    ) -> None:
        """Train an RBM that is started, by rounds on all workers."""
        sizes = tuple(part.n_rows for part in parts)
        n_batches = min(math.ceil(sum(sizes) / estimator.batch_size), *sizes)
        n_iter = estimator._planned_sweeps(sum(sizes))
        training, rbm = estimator._training, estimator._model()
        seed = int(training.rng.integers(2**32))
        self.crew.everywhere(
            shares.prepare, _light(estimator), Part(sizes, 0, n_iter, n_batches, seed)
        )
        schedule = estimator._plan(n_iter, n_batches, first=0, rising=True).schedule
        verbose = estimator.verbose > 0
        with progress(title, n_iter, training.figure, verbose=verbose) as report:
            for n_done in range(n_iter):
                begin = perf_counter()
                state = state_of(rbm, training.optimizer)
                outcome = _ROUNDS[self.sync](self.crew, state, n_done, n_batches)
                set_state(rbm, training.optimizer, outcome.state)
                rate = schedule((n_done + 1 - 1 / n_batches) / n_iter)
                report(training.keep_record(rate, outcome.figure, perf_counter() - begin))
                stop = asked_to_stop(estimator, estimator.callbacks, estimator.n_iter_)
                if (hook is not None and hook()) or stop:
                    break
        self._take_chains(estimator)
        estimator._warn_of_saturation(rbm)

    def _take_chains(self, estimator: RBMEstimator) -> None:
        """Give the estimator the chains of all workers."""
        crew, n_done = self.crew, estimator.n_iter_
        gradients = crew.attempt(
            lambda: [crew.submit(i, shares.gradient_of, n_done) for i in range(len(crew.workers))]
        )
        first, *others = [x for x in gradients if x is not None] or [estimator._training.gradient]
        estimator._training.gradient = first.joined(others)


def _epoch_round(crew: Crew, state: State, n_done: int, n_batches: int) -> Outcome:
    """A sweep of every worker by itself, and the average of what they come to."""

    def submit() -> list[Any]:
        shared = crew.share_out(state)
        ends = [crew.submit(i, shares.sweep, shared, n_done) for i in range(len(crew.workers))]
        return [crew.summed(ends)]

    return crew.attempt(submit)[0]


def _update_round(crew: Crew, state: State, n_done: int, n_batches: int) -> Outcome:
    """A sweep of steps that all workers make together."""

    def submit() -> list[Any]:
        shared, token = crew.share_out(state), crew.n_attempts
        everyone = range(len(crew.workers))
        first = [crew.submit(i, shares.first_statistics, shared, n_done, token) for i in everyone]
        sums = crew.summed(first)
        for n_made in range(1, n_batches):
            parts = [crew.submit(i, shares.next_statistics, sums, token, n_made) for i in everyone]
            sums = crew.summed(parts)
        ends = [crew.submit(i, shares.last_step, sums, token, n_batches) for i in everyone]
        return [crew.summed(ends)]

    return crew.attempt(submit)[0]


_ROUNDS: dict[str, Callable[[Crew, State, int, int], Outcome]] = {
    "epoch": _epoch_round,
    "update": _update_round,
}


def _light(estimator: Any) -> Any:
    """The estimator without what is for the client alone."""
    estimator = copy(estimator)
    estimator.callbacks = None
    estimator.__dict__.pop("_unfinished", None)
    return estimator


def _check_supported(estimator: Any) -> None:
    """Refuse what needs all rows at once."""
    if isinstance(estimator, DeepBeliefNetwork):
        check_on_cluster("fine_tune_iter", estimator.fine_tune_iter, 0)
        for prototype in estimator._prototypes():
            _check_supported(prototype)
        return
    check_on_cluster("early_stopping", estimator.early_stopping, allowed=False)
    check_on_cluster("missing_values", estimator.missing_values, "refuse")


def _seen(parts: list[Moments]) -> Moments:
    """The moments of all rows, after the warnings that workers gave of theirs."""
    moments = joined(parts)
    for message in moments.messages[:1]:
        warnings.warn(message, UserWarning, stacklevel=levels_to_the_caller())
    return moments


def _representatives(moments: Moments, estimator: Any) -> tuple[Array, Array]:
    return moments.representatives(binary=estimator._domain is UNIT_INTERVAL)
