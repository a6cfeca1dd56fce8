"""Trimming: rows that are most probable by models too simple to learn outliers."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone

from skrbm._kernels.devices import Array
from skrbm.estimators.rbm.base import settings_of, start_layer
from skrbm.estimators.rbm.cross_fitting import Scores, scores_of
from skrbm.estimators.rbm.density import DensityRBM
from skrbm.validation.rows import TrainingRows

_ALWAYS_OFF = -80.0


def untrimmed(rbm: DensityRBM, rows: TrainingRows, share: float) -> Array:
    """Choose the rows to train on: all except the rows that look most like outliers.

    An RBM may use a hidden unit for outliers that resemble each other. So the rows are ranked by
    models without hidden units: first by independent columns, then by the untrained visible units
    of the RBM, with correlations if it has them, fitted to the rows that are left. Removing rows of
    low likelihood and fitting the model again never decreases the likelihood of the rows left [1]_,
    [2]_.

    Parameters
    ----------
    rbm : DensityRBM
        A prototype.
    rows : TrainingRows
    share : float
        Share of the weight to trim.

    Returns
    -------
    left : ndarray of bool of shape (n_rows,)

    References
    ----------
    .. [1] Rousseeuw, P. J. and Van Driessen, K. (1999). A fast algorithm for the minimum covariance
       determinant estimator. Technometrics, 41(3), 212-223.
    .. [2] Neykov, N. M. and Mueller, C. H. (2003). Breakdown point and computation of trimmed
       likelihood estimators in generalized linear models. Developments in Robust Statistics,
       277-286.
    """
    correlated = clone(rbm).set_params(
        n_components=1,
        receptive_field=None,
        shared=False,
        pooling=1,
        hidden_bias=_ALWAYS_OFF,
        random_state=0,
    )
    independent = clone(correlated)
    if "covariance_type" in independent.get_params():
        independent.set_params(covariance_type="diag")
    left = np.ones(len(rows.weights), bool)
    for model in (independent, correlated):
        start_layer(model, settings_of(model), rows.where(left))
        scores = Scores(scores_of(model, rows), rows.weights)
        left = scores.values >= scores.quantile(share)
    return left
