"""`Distributed`: an RBM or a deep belief network that is fitted on a Dask cluster."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import MetaEstimatorMixin, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels.devices import Array
from skrbm.annealing import AnnealingBudget
from skrbm.distributed import cluster
from skrbm.distributed.fit import SYNC, Fit
from skrbm.estimators.common.base import Estimator
from skrbm.estimators.common.device import Device
from skrbm.estimators.dbn.network import DeepBeliefNetwork, new_layers
from skrbm.estimators.rbm.base import learner_of, settings_of
from skrbm.estimators.rbm.density import DensityRBM
from skrbm.estimators.rbm.gaussian import GaussianBernoulliRBM
from skrbm.estimators.rbm.tabular import TabularRBM
from skrbm.likelihood import LogPartition
from skrbm.validation.estimators import check_instance
from skrbm.validation.parameters import check_choice, check_on_cluster

_FITTED = DensityRBM, DeepBeliefNetwork
_KINDS = "a BernoulliRBM, GaussianBernoulliRBM, TabularRBM or DeepBeliefNetwork"


class Distributed(MetaEstimatorMixin, TransformerMixin, Estimator):
    r"""Fit an RBM, or a deep belief network layer by layer, on the workers of a Dask cluster.

    Each worker keeps its partition of the rows, and persistent chains in proportion to its share of
    the rows, `n_chains` in all. A mini-batch of `batch_size` rows consists of rows of every worker.
    With `sync="update"` the step of each update is the sum

    .. math::

        \Delta W = \sum_w \frac{n_w}{n} \left( \langle v\, E[h | v] \rangle_{\text{data}, w}
        - \langle v\, E[h | v] \rangle_{\text{chains}, w} \right)

    over the workers w, which have :math:`n_w` of the n rows of the mini-batch. Everything else that
    a step needs is summed in the same way, so the step equals the step of one machine with the
    whole mini-batch and all chains. With `sync="epoch"` each worker trains independently, on its
    part of every mini-batch, and parameters are averaged after each epoch.

    Sums and averages are computed by a tree on the cluster. The client receives the parameters once
    per epoch, and no rows except those that set the codes of a table. If a worker is lost, the
    epoch is repeated: another worker, or the restarted one, recomputes the lost blocks and starts
    new chains, which first come near the current model. The chains of the other workers continue.

    A worker also keeps the chains that fill the missing values of its rows.

    For a table, the client finds the codes of the columns from a random sample of 100,000 rows, or
    from all rows if there are fewer. Every worker adds the rows that the sample lacks: the rows
    with the smallest and the largest number of each column, and the first row of each new category,
    up to 1,000 per column. Further categories are unknown, see `handle_unknown` of `TabularRBM`.
    The sample depends on the seed, but not on the blocks or the number of workers. If it has all
    rows, the codes equal the codes of a fit on one machine.

    Parameters
    ----------
    estimator : BernoulliRBM, GaussianBernoulliRBM, TabularRBM or DeepBeliefNetwork
        The estimator to fit, without early stopping, up-down and `gradient="ptt"`, and in a stack
        without missing values.
    sync : {"epoch", "update"}, default="epoch"
        When workers exchange their results. Each worker sends the parameters once per epoch, or
        twice per update.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator. Its attributes that end in an underscore are also attributes of this
        one.

    See Also
    --------
    BernoulliRBM : The same model on one machine.

    Notes
    -----
    The cluster is the one of the current client, `distributed.Client`. There is one partition per
    worker when `fit` begins, or per block if there are fewer blocks. For equal partitions, use
    blocks of equal size, and more of them than workers. Blocks that a worker holds after `persist`
    stay there. An epoch has at most as many mini-batches as the smallest partition has rows.
    Callbacks run on the client.

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
    >>> bool(rbm.estimator_.score([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 1]]) > -1.7)
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
            Rows that the estimator can be fitted to; blocks may be CSR matrices. The categories of
            a data frame need not be known to Dask.
        y : None
            Ignored.

        Returns
        -------
        self : Distributed

        Raises
        ------
        ValueError
            If a parameter or the data are invalid, or there is no client. The estimator is then
            unchanged.
        RuntimeError
            If workers were lost in each of five attempts at the same epoch.
        """
        check_choice("sync", self.sync, SYNC)
        check_instance("estimator", self.estimator, _FITTED, _KINDS)
        X = cluster.check_collection("X", X)
        estimator = clone(self.estimator)
        _check_supported(estimator)
        is_stack = isinstance(estimator, DeepBeliefNetwork)
        workers = cluster.Cluster.of(X)
        try:
            fit = Fit(workers, self.sync)
            (fit.stack if is_stack else fit.rbm)(estimator, cluster.header(X))
        finally:
            workers.close()
        self.estimator_ = estimator
        return self

    def transform(self, X: Any) -> Any:
        """`E[h | v]` of every row v of X; lazily, block by block, if X is a Dask collection.

        Parameters
        ----------
        X : {dask array, dask data frame, array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        H : {dask.array.Array, ndarray} of shape (n_samples, n_features_out)
        """
        check_is_fitted(self)
        if not cluster.is_collection(X):
            return self.estimator_.transform(X)
        one = cluster.header(X, n_rows=1)
        if isinstance(self._layers[0], TabularRBM):  # whose columns may not take numbers
            one = self.estimator_.inverse_transform(np.zeros((1, self._top.n_components)))
        of_one = self.estimator_.transform(one)
        return cluster.blockwise(self.estimator_, "transform", X, of_one)

    def score_samples(self, X: Any) -> Any:
        """Log-likelihood of every row of X in nats; lazily if X is a Dask collection.

        If `log_partition_` is not known yet, it is computed at once, on the cluster.

        Parameters
        ----------
        X : {dask array, dask data frame, array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_likelihood : {dask.array.Array, ndarray} of float64 of shape (n_samples,)
        """
        check_is_fitted(self)
        if not cluster.is_collection(X):
            return self.estimator_.score_samples(X)
        if learner_of(self._top).known_log_partition() is None:
            self.log_partition()
        return cluster.blockwise(self.estimator_, "score_samples", X, np.empty(1))

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples(X)`, in nats per row.

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
        """Log Z in nats, for a stack of its uppermost RBM; from now on scores use it.

        Chains of annealing are spread over the workers: a hundred per task, and at least one task
        per direction. The result equals the fitted estimator's own `log_partition`.

        Parameters
        ----------
        method : {"auto", "exact", "ais", "bracket", "tempering", "trajectory"}, default="auto"
            See `BernoulliRBM.log_partition`.
        n_chains : int, default=100
        n_temperatures : int, default=8_000
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        log_partition : LogPartition
        """
        check_is_fitted(self)
        budget = AnnealingBudget(n_chains, n_temperatures, spread=cluster.spread)
        top = self._top
        return learner_of(top).log_partition(Device.of(top), method, budget, random_state)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Names of the columns of `transform`.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Only checked, as in scikit-learn.

        Returns
        -------
        names : ndarray of str
        """
        check_is_fitted(self)
        return self.estimator_.get_feature_names_out(input_features)

    def __getattr__(self, name: str) -> Any:
        if name.endswith("_") and not name.startswith("_"):
            check_is_fitted(self)
            return getattr(self.estimator_, name)
        msg = f"{type(self).__name__!r} object has no attribute {name!r}"
        raise AttributeError(msg)

    @property
    def _layers(self) -> list[DensityRBM]:
        return getattr(self.estimator_, "rbms_", [self.estimator_])

    @property
    def _top(self) -> DensityRBM:
        return self._layers[-1]


def _check_supported(estimator: Any) -> None:
    """Refuse parameters that no data allow, or that need all rows in one place."""
    rbms = [estimator]
    if isinstance(estimator, DeepBeliefNetwork):
        rbms = new_layers(estimator)
        check_on_cluster("fine_tune_iter", estimator.fine_tune_iter, 0)
        check_on_cluster("missing_values of the lowest layer", rbms[0].missing_values, "refuse")
    for rbm in rbms:
        settings_of(rbm)
        check_on_cluster("early_stopping", rbm.early_stopping, allowed=False)
        if rbm.gradient == "ptt":
            check_on_cluster("gradient", "ptt", "jump")
        if isinstance(rbm, GaussianBernoulliRBM) and rbm.covariance_type == "full":
            check_on_cluster("covariance_type", "full", "diag")
