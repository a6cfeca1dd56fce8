"""`RBMOutlierDetector`: outliers are the rows of lowest probability."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import OutlierMixin, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels.devices import Array, to_host
from skrbm.estimators.common.base import Estimator
from skrbm.estimators.common.fitted import fitted_of
from skrbm.estimators.common.methods import check_seen, only_if
from skrbm.estimators.rbm.base import check_part, check_within, fit_rows
from skrbm.estimators.rbm.cross_fitting import (
    Fold,
    Scores,
    check_folds,
    cross_fitted,
    folds_of,
    scores_of,
)
from skrbm.estimators.rbm.density import DensityRBM
from skrbm.estimators.rbm.gaussian import density_prototype
from skrbm.estimators.rbm.trimming import untrimmed
from skrbm.validation.estimators import check_kind
from skrbm.validation.parameters import check_flag, check_number, check_seeds, first_random_state
from skrbm.validation.rows import check_columns

# A fit makes up to six models; with more units, thresholds and rankings are the same.
_N_COMPONENTS = 16
_ROUNDING = 1_000.0  # units in the last place
_TRIMMED = 2.0  # times contamination, since some rows look like outliers and are none
_MOST_TRIMMED = 0.5
_FENCE = 1.5  # interquartile ranges
_ENOUGH = 1_000  # a tenth of so many rows has a standard error of a hundredth


def _is_novelty_detection(detector: RBMOutlierDetector) -> bool:
    if not detector.novelty:
        msg = "novelty == False, must be True for new rows; use fit_predict for the rows of fit."
        raise AttributeError(msg)
    return True


def _is_outlier_detection(detector: RBMOutlierDetector) -> bool:
    if detector.novelty:
        msg = "novelty == True, must be False for fit_predict to judge rows that the model learns."
        raise AttributeError(msg)
    return True


@dataclass(eq=False, repr=False)
class RBMOutlierDetector(OutlierMixin, Estimator):
    r"""Detect rows to which a restricted Boltzmann machine assigns a low probability.

    A row is an outlier if :math:`-F(v) = \log p(v) + \log Z` is below a threshold. Log Z is the
    same for all rows, and is not needed.

    The rows of `fit` may contain outliers. If these resemble each other, a hidden unit would learn
    them. So the model learns only some of the rows, as in trimmed likelihood estimation [1]_: not
    those with the lowest likelihoods under models that have no hidden units. Their share is twice
    `contamination`, since some are not outliers, and at most a half. The first of these models has
    independent columns. The second is fitted to the rows left by the first, and ranks all rows
    again, with correlations if the model has them.

    A model assigns higher probabilities to the rows that it learns than to new rows. So the
    threshold is set by cross-fitting: on the scores of rows by models that were not fitted to them
    [2]_.

    Parameters
    ----------
    rbm : GaussianBernoulliRBM, BernoulliRBM or TabularRBM, default=None
        Prototype of the model; `TabularRBM` takes data frames. By default
        `GaussianBernoulliRBM(16, covariance_type="full")`, for real-valued columns in any units;
        "diag" for more than 256 columns.
    contamination : float or "auto", default=0.1
        Fraction of rows that count as outliers, above 0 and at most 0.5; it holds for new rows from
        the distribution of the rows in `fit`. For "auto", outliers are scores below Tukey's lower
        fence, the first quartile less 1.5 interquartile ranges [3]_. Of normally distributed
        scores, 0.35 % are below it. The model then learns four fifths of the rows, as for 0.1.
    novelty : bool, default=True
        Whether to judge new rows, with `predict`, `decision_function` and `score_samples`, or rows
        that the model learns, with `fit_predict`.
    cv : "auto", int, cross-validation splitter or iterable, default="auto"
        Splits for the threshold. Each fits one more model, to the first part of a split, and scores
        the second. An int is a number of folds, in random order. "auto" makes five folds; if
        `novelty=True`, it uses only as many of them as score 1,000 rows, which is one fold of 5,000
        rows or more. An iterable yields pairs of indices of rows. If copies of a row are not
        independent observations, they should not be in both parts. A single row sets the threshold
        by its own score.
    random_state : int, RandomState instance or None, default=None
        Seed of the models and of random folds. If None, the `random_state` of the prototype is
        used.

    Attributes
    ----------
    rbm_ : RBM
        The fitted model; its `score_samples` returns log-likelihoods.
    offset_ : float
        The threshold, in nats: `decision_function(X) == score_samples(X) - offset_`.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    See Also
    --------
    sklearn.neighbors.LocalOutlierFactor : Detects outliers by distances to neighbours.
    sklearn.ensemble.IsolationForest : Detects outliers by random trees.

    References
    ----------
    .. [1] Neykov, N. M. and Mueller, C. H. (2003). Breakdown point and computation of trimmed
       likelihood estimators in generalized linear models. Developments in Robust Statistics,
       277-286.
    .. [2] Hennhoefer, O. and Preisach, C. (2024). Leave-one-out-, bootstrap- and cross-conformal
       anomaly detectors. arXiv:2402.16388.
    .. [3] Tukey, J. W. (1977). Exploratory data analysis. Addison-Wesley.

    Examples
    --------
    >>> import numpy as np
    >>> from skrbm import GaussianBernoulliRBM, RBMOutlierDetector
    >>> X = np.random.default_rng(0).normal(size=(300, 2)) * [1, 10]
    >>> rbm = GaussianBernoulliRBM(4, n_iter=50)
    >>> detector = RBMOutlierDetector(rbm, contamination=0.01, random_state=0).fit(X)
    >>> detector.predict([[0, 0], [5, 0], [0, 50]])
    array([ 1, -1, -1])
    """

    rbm: Any = None
    _: KW_ONLY
    contamination: float | Literal["auto"] = 0.1
    novelty: bool = True
    cv: Any = "auto"
    random_state: Any = None

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the model and the threshold.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            Data that the model accepts.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : RBMOutlierDetector

        Raises
        ------
        ValueError
            If a parameter or the data are invalid; the estimator is then unchanged.
        """
        self._fit(X, sample_weight)
        return self

    @only_if(_is_outlier_detection)
    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> Array:
        """Fit, and return -1 for rows that are outliers among these rows, and 1 for all others.

        Available if `novelty=False`. Every row is judged by a model that was not fitted to it.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            Data that the model accepts.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        is_inlier : ndarray of int of shape (n_samples,)
        """
        used, scores = self._fit(X, sample_weight)
        all_scores = self._score_samples(X)
        all_scores[used] = scores
        return self._labels(all_scores)

    def _fit(self, X: Any, sample_weight: Any) -> tuple[Array | slice, Array]:
        """Fit, and return the indices of rows with weight, and their scores for the threshold."""
        self._check_parameters()
        X = to_host(X)
        seed, folds_seed, fits_seed = check_seeds(first_random_state(self, self.rbm), 3)
        rbm = (
            density_prototype(X, n_components=_N_COMPONENTS)
            if self.rbm is None
            else clone(self.rbm)
        )
        rbm.set_params(random_state=seed % 2**32)
        rows = check_within(rbm, X, sample_weight)
        n_given = X.shape[0] if hasattr(X, "shape") else len(np.asarray(X))
        n_enough = _ENOUGH if self.novelty else n_given
        folds = folds_of(self.cv, rows, n_given, n_enough, folds_seed)
        share = _trimmed_share(self.contamination)
        core = untrimmed(rbm, rows, share)
        cores = [untrimmed(rbm, rows.part(train), share) for train, _ in folds]
        for part in (core, *cores):
            check_part(rbm, int(part.sum()), rows.values.shape[1])
        fit_rows(rbm, rows.where(core))
        of_rbm = Scores(scores_of(rbm, rows), rows.weights)
        seeds = check_seeds(fits_seed % 2**32, len(folds))
        new = cross_fitted(rbm, rows, of_rbm.values, core, folds, cores, seeds)
        offset, scores = _threshold(of_rbm, folds, new, self.contamination)
        check_columns(self, X, reset=True)
        self.rbm_ = rbm
        # A row at the threshold is an inlier, even if its score is rounded differently later.
        eps = float(np.finfo(rows.summary.dtype).eps)
        self.offset_ = offset - _ROUNDING * eps * (1 + abs(offset))
        return rows.used, scores

    @only_if(_is_novelty_detection)
    def score_samples(self, X: Any) -> Array:
        """Compute `-F(v) = log p(v) + log Z` for every row v of X, in nats; low for outliers.

        Available if `novelty=True`.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of float64 of shape (n_samples,)
        """
        return self._score_samples(X)

    @only_if(_is_novelty_detection)
    def decision_function(self, X: Any) -> Array:
        """Compute `score_samples(X) - offset_`, in nats: negative for outliers.

        Available if `novelty=True`.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of float64 of shape (n_samples,)
        """
        return self._score_samples(X) - self.offset_

    @only_if(_is_novelty_detection)
    def predict(self, X: Any) -> Array:
        """Return -1 for outliers and 1 for all other rows. Use `fit_predict` for the rows of `fit`.

        Available if `novelty=True`.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)

        Returns
        -------
        is_inlier : ndarray of int of shape (n_samples,)
        """
        return self._labels(self._score_samples(X))

    def _score_samples(self, X: Any) -> Array:
        check_is_fitted(self)
        rows = check_seen(self, X, model=self.rbm_)
        return -fitted_of(self.rbm_).free_energy(rows)

    def _labels(self, scores: Array) -> Array:
        return np.where(scores - self.offset_ < 0, -1, 1)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        model = density_prototype(None) if self.rbm is None else self.rbm
        of_model = model.__sklearn_tags__() if isinstance(model, DensityRBM) else tags
        tags.input_tags = of_model.input_tags
        return tags

    def _written_prototypes(self) -> dict[str, str]:
        return {"rbm": repr(density_prototype(None, n_components=_N_COMPONENTS))}

    def _check_parameters(self) -> None:
        """Refuse parameters that are invalid for any data."""
        check_kind("rbm", self.rbm, DensityRBM, "an RBM of skrbm")
        check_number("contamination", self.contamination, "> 0 and <= 0.5", "auto")
        check_flag("novelty", self.novelty)
        check_folds("cv", self.cv)


def _trimmed_share(contamination: float | str) -> float:
    """Share of the rows that the model does not learn; "auto" counts as a tenth of outliers."""
    return min(_MOST_TRIMMED, _TRIMMED * (0.1 if isinstance(contamination, str) else contamination))


def _threshold(
    of_rbm: Scores, folds: list[Fold], new: list[Array], contamination: float | str
) -> tuple[float, Array]:
    """The threshold, and scores of all rows on which it is set.

    `new` has the scores of the held-out rows of each fold.
    """
    if not folds:
        return _lower_end(of_rbm, contamination), of_rbm.values
    rows = np.concatenate([test for _, test in folds])
    scores = Scores(np.concatenate(new), of_rbm.weights[rows])
    offset = _lower_end(scores, contamination)
    n_scores = np.bincount(rows, minlength=len(of_rbm.values))
    sums = np.bincount(rows, scores.values, minlength=len(of_rbm.values))
    return offset, np.where(n_scores > 0, sums / np.maximum(n_scores, 1), of_rbm.values)


def _lower_end(scores: Scores, contamination: float | str) -> float:
    """The score below which rows are outliers; for "auto" Tukey's lower fence."""
    if not isinstance(contamination, str):
        return scores.quantile(float(contamination))
    lower, upper = scores.quantile(0.25), scores.quantile(0.75)
    return lower - _FENCE * (upper - lower)
