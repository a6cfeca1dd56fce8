"""`TabularRBM`: an RBM of the rows of a table with columns of several kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels.devices import Array
from skrbm.data.coding import CodedRows, Coding
from skrbm.data.columns import MOST_CODES
from skrbm.data.scaling import Unscaled
from skrbm.data.summary import summarize
from skrbm.data.tables import Table
from skrbm.estimators.common import methods
from skrbm.estimators.common.fitted_table import FittedTable
from skrbm.estimators.rbm.density import DensityRBM, field_of
from skrbm.estimators.rbm.pictures import OF_STRUCTURE
from skrbm.estimators.rbm.settings import Settings, Start
from skrbm.learning.defaults import HIDDEN_BIAS, TABULAR, Defaults
from skrbm.units import Categorical, Layer, Ordinal
from skrbm.validation import parameters
from skrbm.validation.pictures import check_picture
from skrbm.validation.rows import TrainingRows, check_weights
from skrbm.validation.tables import (
    MOST_BINS,
    UNKNOWN,
    check_cells,
    check_complete,
    check_table,
    check_target,
    is_frame,
)

_METHODS = {"draw": "sample", "mean": "mean", "median": "median", "mode": "mode"}


@dataclass(eq=False, repr=False, kw_only=True)
class TabularRBM(DensityRBM):
    r"""Restricted Boltzmann machine of the rows of a table, with columns of several kinds.

    .. math::

        p(x) = p(v) \prod_i p(x_i | v_i), \qquad p(v, h) = e^{-E(v, h)} / Z, \qquad
        E(v, h) = -b^T v - c^T h - v^T W h, \qquad h_j \in \{0, 1\}.

    Each column is a visible unit with one state v_i per code of its values. A category has a code
    of its own [3]_. A number has one of up to `max_bins` intervals with about equally many rows, or
    a code of its own if it is the value of at least 5 % of the rows. Within its interval it has a
    density :math:`p(x_i | v_i)` that is constant in cells with few rows, and exponential beyond the
    observed numbers. So p(x) is a density in the units of the table: a probability for categories,
    integers and frequent values, and otherwise a density per unit of the column. The unit of dates
    and durations is a day.

    Categories have softmax units. Numbers and ordered categories have ordinal units: a weight is
    the change of the log-probability from one code to the next. So neighbouring codes have similar
    weights unless the rows show a difference, and few rows suffice.

    Missing cells are summed out of scores, and any columns can be predicted, completed or generated
    given any others.

    Parameters
    ----------
    n_components : int, default=256
        Number of hidden units.
    hidden_bias : float or "auto", default="auto"
        Initial biases of the hidden units: their log-odds of being on. "auto" is -2.
        At -4 only a few units are on at a time: features for a classifier
        become more selective, and likelihoods a little lower.
    learning_rate : float or "auto", default="auto"
        Step size of the first update of `fit`, and of every update of `partial_fit`. "auto" is
        `64 / n_components**0.75`, at most 2.
    batch_size : int, default=100
        Maximum number of rows per update.
    n_iter : int or "auto", default="auto"
        Number of epochs of `fit`. "auto" makes `300 * n_rows**(1 / 3)` updates, but between 2,000
        and 10,000, and at least 10 epochs.
    gradient : {"jump", "pcd", "pt", "ptt", "cd", "exact"}, default="jump"
        Estimate of the model's part of the gradient:

        - "cd": Gibbs chains that start at the mini-batch [1]_.
        - "pcd": persistent Gibbs chains [2]_.
        - "jump": persistent chains that also jump, by Metropolis' rule, to hidden states proposed
          by rows of the last mini-batch.
        - "pt": persistent chains that exchange states with chains at up to ten temperatures [4]_.
        - "ptt": persistent chains that move to states of earlier models, by Metropolis' rule [5]_.
          Averages of the model at up to 16 earlier times form a ladder from independent units,
          whose chains exchange states. It gives log Z during training, and preserves the
          probabilities of distant modes. Its steps are small: "jump" usually reaches a higher
          likelihood in the same time.
        - "exact": enumeration of the smaller binary layer, which may have at most 16 units.
    n_steps : int, default=1
        Number of Gibbs steps per update. "exact" ignores it.
    n_chains : int or "auto", default="auto"
        Number of persistent chains; for "pt", the total over all temperatures. "auto" is a fiftieth
        of the number of rows, but between 100 and 500. "cd" and "exact" ignore it.
    alpha : float or "auto", default="auto"
        Strength of the prior on weights. `fit` subtracts
        :math:`\frac{\alpha}{8 n} \sum_{ij} \log(1 + 4 w_{ij}^2)` from the mean log-likelihood
        of the rows, with n their total weight. Small weights shrink towards zero, large ones hardly
        at all. At 8 the prior is a Cauchy distribution of scale 0.5. "auto" is a quarter of the
        effective number of independent columns, :math:`d^2 / \sum_{ij} r_{ij}^2` with the
        correlations r of the d columns of codes, but at most :math:`\sum_i m_i (1 - m_i)` with
        their means m, since rare categories carry little information. It is multiplied by
        `(64 / n_components)**0.25`, and divided by :math:`q^2` if only a share q of the values is
        known. It is 0 for a total weight below 50, since so few rows are usually patterns to store.
        With 0 a model can memorise any small data set. `partial_fit` counts all rows seen so far.
    early_stopping : bool, default=False
        Whether to hold out a validation set and score it. The step size then decays to zero up to
        four times, after an eighth, a quarter, half and seven eighths of `n_iter`: decays shorter
        than 10 epochs or 500 updates are omitted, and a single decay spans all of `n_iter`. `fit`
        stops after a decay whose score is lower than the best one, by `tol` and by 1.5 standard
        errors, and keeps the parameters from the last decay that was not worse. Other epochs are
        scored for `history_`: ten or more in all, if that takes at most 5 % of the time; otherwise,
        500 of the rows are scored, and fewer columns. A warning is given if the model has memorised
        its rows: on average, one training row is then more probable than as many validation rows as
        there are training rows.
    validation_fraction : float, default=0.1
        Fraction of the rows to hold out as the validation set.
    n_iter_no_change : int, default=1
        Number of consecutive decays with a worse score after which early stopping ends `fit`.
    tol : float, default=1e-4
        Largest difference of scores that does not count, in nats per row.
    warm_start : bool, default=False
        Whether `fit` continues from the current model, with its chains and its history, for
        `n_iter` more epochs. The step size starts again at `learning_rate`.
    missing_values : {"allow", "refuse"}, default="allow"
        Whether cells may be missing in training and in scores: NaN, None, NA or NaT. Scores then
        sum over missing cells, and features average over them. The result is exact if the model
        has at most ten hidden units, or if the missing cells have at most 1,024 joint states.
        Otherwise block Gibbs chains, which keep the known cells fixed, estimate it. For scores
        these chains are annealed. In training each row has such a chain, which makes five steps per
        epoch, or 500 in all if there are more than 100 epochs.
    callbacks : callable or list of callables, default=None
        Called after every epoch with the estimator in its current state and the number of epochs
        trained. A callback that raises StopIteration ends the training; see `Checkpoint`.
    device : str, default=None
        None to compute with numpy, or a PyTorch device (extra "torch") such as "cpu", "cuda",
        "cuda:1" or "mps". "mps" does not support float64. Fitted attributes and results are always
        numpy arrays, and a model fitted on one device can be used on any other. X may be a tensor,
        which stays on its own device. The same seed gives the same result only on the same device.
    precision : {"float32", "bfloat16"}, default="float32"
        Precision of the factors in matrix products of float32 models on a device; "bfloat16" also
        rounds the products. Sums within a product and all parameters stay float32. Models of an
        array of float64 are float64, all others float32.
    verbose : int, default=0
        If above 0, report epochs: in a progress bar on a terminal if tqdm is installed (extra
        "progress"), otherwise as lines on standard output. 1 writes at most 20 lines per fit, 2 one
        line per epoch.
    random_state : int, RandomState instance or None, default=None
        Seed of all random numbers: weights, order of the rows, chains, samples. An int makes `fit`
        reproducible, and also the sequence of later calls of `gibbs` and `sample`.
    receptive_field : tuple of int, default=None
        Height and width of the window of a picture that a hidden unit sees. See `BernoulliRBM` for
        this parameter and the next four. A window has all codes of its pixels, which are columns of
        the table.
    image_shape : tuple of int, default=None
        Height and width of the pictures, and their number of channels if there are several.
    stride : int or tuple of int, default=1
        Distance of neighbouring windows in pixels, or vertical and horizontal distance.
    shared : bool, default=False
        Whether the hidden units of all windows share their weights: a convolutional RBM [6]_,
        which requires the same number of codes for all columns.
    pooling : int, default=1
        Height and width of a block of windows, of which at most one is on for each filter [6]_.
    column_types : dict, default=None
        Kinds of some columns by name: "number", "count", "category" or "ordinal". By default the
        type of a column decides: strings, booleans and unordered categories are categories, ordered
        categories are ordinal, and all others numbers, or counts if they are integers from 0 on.
    max_bins : int, default=32
        Largest number of intervals of a column of numbers, besides its frequent values. There are
        at most as many as the square root of the number of rows.
    handle_unknown : {"missing", "error"}, default="missing"
        Whether a category that was not seen by `fit` is a missing value or an error.
    learn_missing : list of names or "all", default=()
        Columns in which a missing cell is a value of its own, because absence means something. It
        is then learned, scored and generated like any other value.

    Attributes
    ----------
    column_types_ : dict
        The kind of each column, by name.
    classes_ : dict
        The values of each column as `predict_proba` orders them, by name: its categories, or the
        smallest and the largest number of each interval in an array of shape (n_intervals, 2).
    components_ : ndarray of shape (n_components, n_codes)
        Contribution of each hidden unit to the log-odds of each code, in the order of the columns.
    filters_ : ndarray of shape (n_filters, height, width, n_codes)
        Weights of the filters, with all codes of a pixel; only with `shared=True`.
    intercept_hidden_ : ndarray of shape (n_components,)
        Biases of the hidden units.
    intercept_visible_ : ndarray of shape (n_codes,)
        Log-probability of each code, up to a constant per column, if no hidden unit is on.
    chains_ : DataFrame or ndarray of shape (n_chains, n_features)
        The persistent chains, with the median number of each interval.
    h_samples_ : ndarray of shape (n_chains, n_components)
        Hidden states of the same chains.
    tempering_ : ParallelTempering
        The chains at all temperatures, with their inverse temperatures `betas` and `swap_rates`;
        only with "pt".
    trajectory_ : Trajectory
        The earlier models and their chains as a `skrbm.ladder.Ladder`, `ladder`, and the reasons to
        doubt them, `doubts`; only with "ptt".
    history_ : dict of str to ndarray of shape (`n_iter_`,)
        For every epoch:

        - `iteration`, its number;
        - `learning_rate`, at its end;
        - `pseudo_log_likelihood`, the mean over its last mini-batch in nats per row, estimated from
          one column per row. It is computed after the first and the last epoch, and after as many
          others as take at most 5 % of the time, some from only 20 or more rows of the mini-batch;
          other epochs repeat its latest value. With "ptt" it is `log_likelihood` instead, computed
          with log Z of the ladder;
        - `time`, in seconds.

        Two more are NaN without early stopping:

        - `validation_score`, the mean pseudo-log-likelihood of the validation set, estimated from
          up to ten columns per row, always the same columns; with "ptt", the mean log-likelihood.
          Epochs that are not scored repeat the latest value;
        - `free_energy_gap`, the mean free energy of the validation set minus the mean over training
          rows, which grows as the model overfits.
    best_validation_score_ : float
        The `validation_score` of the parameters that were kept; only with early stopping.
    n_iter_ : int
        Number of epochs trained; each call of `partial_fit` counts as one.
    log_partition_ : LogPartition
        log Z with its bounds and standard error: the latest result of `log_partition`, or computed
        on first access.
    n_features_in_ : int
        Number of columns seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if all are strings.

    See Also
    --------
    BernoulliRBM : For binary data.
    GaussianBernoulliRBM : For real numbers, whose distribution is a mixture of normal ones.

    References
    ----------
    .. [1] G. E. Hinton, "Training products of experts by minimizing contrastive divergence",
       Neural Computation 14(8), 2002.
    .. [2] T. Tieleman, "Training restricted Boltzmann machines using approximations to the
       likelihood gradient", ICML 2008.
    .. [3] R. Salakhutdinov, A. Mnih and G. Hinton, "Restricted Boltzmann machines for collaborative
       filtering", ICML 2007.
    .. [4] G. Desjardins et al., "Tempered Markov chain Monte Carlo for training of restricted
       Boltzmann machines", AISTATS 2010.
    .. [5] N. Bereux, A. Decelle, C. Furtlehner and B. Seoane, "Fast training and sampling of
       restricted Boltzmann machines", arXiv:2405.15376, 2024.
    .. [6] H. Lee, R. Grosse, R. Ranganath and A. Y. Ng, "Convolutional deep belief networks for
       scalable unsupervised learning of hierarchical representations", ICML 2009.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skrbm import TabularRBM
    >>> rng = np.random.default_rng(0)
    >>> city = rng.choice(["Oslo", "Rome"], size=400)
    >>> celsius = np.where(city == "Rome", 20, 5) + rng.normal(scale=3, size=400).round(1)
    >>> X = pd.DataFrame({"city": city, "celsius": celsius})
    >>> rbm = TabularRBM(n_components=8, random_state=0).fit(X)
    >>> rbm.predict(pd.DataFrame({"celsius": [3.0, 22.0]}), target="city")
    array(['Oslo', 'Rome'], dtype='<U4')
    >>> warm = rbm.sample(100, given={"celsius": (15, 25)}, random_state=0)
    >>> bool((warm["city"] == "Rome").mean() > 0.9)
    True
    """

    n_chains: int | Literal["auto"] = "auto"
    missing_values: str = "allow"
    column_types: Mapping[Any, str] | None = None
    max_bins: int = MOST_CODES
    handle_unknown: str = "missing"
    learn_missing: Any = ()

    _SHAPE: ClassVar[tuple[str, ...]] = (
        *OF_STRUCTURE,
        "column_types",
        "max_bins",
        "handle_unknown",
        "learn_missing",
    )
    _DATA = Categorical.domain

    # Training

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Find the codes of the columns, and fit the model from scratch.

        Parameters
        ----------
        X : DataFrame of pandas or polars, or array-like of shape (n_samples, n_features)
            Later calls of any method find the columns of a data frame by their names, in any order,
            and ignore others. Columns of an array are named x0, x1 and so on.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. A weight of two has the effect of a duplicate row.

        Returns
        -------
        self : TabularRBM

        Raises
        ------
        ValueError
            If a parameter or the data are invalid, or a column of text identifies the rows; the
            estimator is then unchanged.

        Warns
        -----
        ConvergenceWarning
            As `BernoulliRBM.fit` does.
        """
        return super().fit(X, y, sample_weight)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch over the rows in the given order; the first call starts the model.

        The step size stays at `learning_rate`, since the end of the stream is unknown. The rows of
        the first call set the codes of the columns, so there should be enough of them.

        Parameters
        ----------
        X : DataFrame of pandas or polars, or array-like of shape (n_samples, n_features)
            As for `fit`.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : TabularRBM
        """
        return super().partial_fit(X, y, sample_weight)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.check_count("max_bins", self.max_bins, minimum=2, maximum=MOST_BINS)
        parameters.check_choice("handle_unknown", self.handle_unknown, UNKNOWN)

    def _check_chains(self) -> None:
        if self.n_chains != "auto":
            parameters.check_count("n_chains", self.n_chains, alternative="auto")

    def _settings(self) -> Settings:
        return replace(super()._settings(), draws=False, field=None)  # it is checked here

    def _check_training_rows(
        self, X: Any, y: Any, sample_weight: Any, *, first: bool
    ) -> TrainingRows:
        """Rows of positive weight, as states."""
        X = check_table(self, X, "X")
        weights = check_weights(sample_weight, X)
        if first:
            rows = _coded(self, X, _coding(self, X, weights))
        else:
            fitted = self._model.fitted
            assert fitted.coding is not None
            allowed = self.missing_values == "allow"
            rows = check_cells(
                self, X, "X", fitted.coding, fitted.dtype, allow_missing=allowed
            ).values
        used = np.flatnonzero(weights)
        return _summarized(rows.part(used), weights[used], used)

    def _check_columns(self, X: Any, *, first: bool) -> None:
        if first:  # later, rows are checked with their columns, which may have another order
            super()._check_columns(X, first=True)

    def _layers(self, n_features: int) -> tuple[Layer, Layer]:
        hidden = self._binary_units(HIDDEN_BIAS, np.float64)
        return Ordinal(np.zeros(n_features), (2,) * n_features), hidden

    def _begin(self, rows: TrainingRows) -> Start:
        coding, dtype = rows.values.coding, rows.summary.dtype
        visible = coding.layer(rows.summary).map(lambda x: x.astype(dtype))
        hidden = self._binary_units(HIDDEN_BIAS, dtype)
        scaling, n_independent = Unscaled(dtype.name), rows.summary.n_independent_bits
        start = Start(scaling, visible, hidden, coding=coding, n_independent=n_independent)
        return self._localized(start, coding.owners)

    @property
    def _defaults(self) -> Defaults:
        return TABULAR

    # Fitted state

    @property
    def _table(self) -> FittedTable:
        """The fitted model, whose results are tables."""
        check_is_fitted(self)
        return FittedTable.of(self._fitted)

    @property
    def column_types_(self) -> dict[Any, str]:
        """The kind of each column, by name."""
        return dict(self._table.table.column_types)

    @property
    def classes_(self) -> dict[Any, Array]:
        """The values of each column as `predict_proba` orders them, by name."""
        table = self._table.table
        return {name: table.labels(name) for name in table.names}

    @property
    def components_(self) -> Array:
        """Contribution of each hidden unit to the log-odds of each code."""
        weights = self._model.fitted.rbm.weights.dense
        return (self._table.coding.code_states @ weights).T.astype(weights.dtype)

    @property
    def intercept_hidden_(self) -> Array:
        """Biases of the hidden units."""
        return self._model.fitted.rbm.hidden.bias

    @property
    def intercept_visible_(self) -> Array:
        """Log-probability of each code, up to a constant per column, if no hidden unit is on."""
        bias = self._model.fitted.rbm.visible.bias
        return (self._table.coding.code_states @ bias).astype(bias.dtype)

    @property
    def chains_(self) -> Any:
        """The persistent chains, with the median number of each interval."""
        return self._table.modes(super().chains_)

    # Results

    def inverse_transform(self, H: Any) -> Any:
        """Compute the expected cells given every row h of H, which may contain means.

        Parameters
        ----------
        H : array-like of shape (n_samples, n_components)

        Returns
        -------
        X : DataFrame or ndarray of shape (n_samples, n_features)
            Means of numbers, and most probable categories.
        """
        return super().inverse_transform(H)

    def reconstruct(self, X: Any, n_steps: int = 1) -> Any:
        """Compute the expected cells given `E[h | v]` for every row v of X.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Without missing cells.
        n_steps : int, default=1
            Number of up-down passes; each pass starts from the means of the previous one.

        Returns
        -------
        X_new : DataFrame or ndarray of shape (n_samples, n_features)
        """
        return super().reconstruct(X, n_steps)

    def gibbs(self, v: Any, n_steps: int = 1) -> Any:
        """Run a Gibbs chain from every row of v: h given v, then v given h, `n_steps` times.

        Parameters
        ----------
        v : DataFrame or array-like of shape (n_samples, n_features)
            Without missing cells.
        n_steps : int, default=1

        Returns
        -------
        v_new : DataFrame or ndarray of shape (n_samples, n_features)
        """
        return super().gibbs(v, n_steps)

    def sample(
        self,
        n_samples: int = 1,
        *,
        given: Any = None,
        n_steps: int = 200,
        method: str = "auto",
        random_state: Any = None,
    ) -> Any:
        """Draw rows from the model, each from an independent Markov chain.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows; with a table of `given` cells, number of draws per row.
        given : dict, Series or DataFrame, default=None
            Conditions that every row meets:

            - a dict or pandas Series from names of columns to a value, a list or set of values, or
              a range `(low, high)` that includes its ends, with None for no end;
            - a table whose known cells are kept, with its missing cells drawn row by row.

            Rows are drawn from the conditional distribution; none is rejected.
        n_steps : int, default=200
            Length of the chains. Longer chains depend less on their start.
        method : {"auto", "gibbs", "tempering", "trajectory"}, default="auto"
            Markov chain to run without conditions; see `BernoulliRBM.sample`.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws. By default they continue the random sequence of `gibbs` and `sample`.

        Returns
        -------
        X : DataFrame or ndarray of shape (n_samples, n_features)
            The columns have the order and types that they had in `fit`. Numbers are within the
            observed bounds, and integers in columns of integers.
        """
        return methods.sample(self, n_samples, given, n_steps, method, random_state)

    def impute(
        self,
        X: Any,
        *,
        method: str = "draw",
        n_steps: int = 100,
        n_draws: int | None = None,
        random_state: Any = None,
    ) -> Any:
        """Fill missing cells using `p(missing | known)` of their row.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
        method : {"draw", "mean", "median", "mode"}, default="draw"
            Cell to fill in: a draw from p(missing | known); the mean of a number, rounded in a
            column of integers, or the most probable category; the median of a number, whose
            expected absolute error is least, or the most probable category; or a cell of a mode of
            the row, found by an ascent from the most probable cells.
        n_steps : int, default=100
            Length of the chains. A draw is the last state; means and medians average the second
            half of 20 chains per row.
        n_draws : int, default=None
            With "draw", number of tables to return.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws. By default they continue the random sequence of `gibbs` and `sample`.

        Returns
        -------
        X_filled : DataFrame or ndarray of shape (n_samples, n_features), or list of n_draws of them
            Known cells are unchanged. The columns, their types and the index are the same as in X.
        """
        parameters.check_choice("method", method, _METHODS)
        if n_draws is not None:
            parameters.check_choice("method with n_draws", method, ("draw",))
        return methods.impute(self, X, _METHODS[method], n_steps, n_draws, random_state)

    def pseudo_log_likelihood(
        self, X: Any, n_flips: int | None = None, *, random_state: Any = None
    ) -> Array:
        """Compute `sum_i log p(x_i | all other x)` for every row x of X, in nats.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Without missing cells.
        n_flips : int, default=None
            Number of randomly drawn columns per row, from which the sum over the codes is estimated
            without bias. By default all columns are used, and the result is exact.
        random_state : int, RandomState instance or None, default=None
            Seed of the columns.

        Returns
        -------
        pseudo_log_likelihood : ndarray of float64 of shape (n_samples,)
        """
        of_codes = super().pseudo_log_likelihood(X, n_flips, random_state=random_state)
        rows = methods.check_seen(self, X, allow_nan=False).values
        return of_codes + rows.log_density.sum(axis=1)

    def cell_scores(self, X: Any, *, relative: bool = False) -> Array:
        """Compute `log p(x_i | all other known cells)` for every known cell, in nats.

        Scores of rows with missing cells are averages over ten draws of them.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
        relative : bool, default=False
            Whether to subtract `log p(x_i)` of its column alone. The ratio is comparable between
            columns of different units: the cell of a row with the lowest one is most likely to come
            from another row.

        Returns
        -------
        scores : ndarray of float64 of shape (n_samples, n_features)
            NaN for missing cells.
        """
        rows = methods.check_seen(self, X, allow_nan=True).values
        scores = self._table.cell_scores(rows)
        return scores - self._table.column_scores(rows) if relative else scores

    def predict_proba(self, X: Any, target: Any = None) -> Any:
        """Compute the probabilities of the values of a column, given the other cells of each row.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            A data frame may lack the target; its cells are ignored. Other cells may be missing.
        target : object or list, default=None
            Name of a column, or a list of names. The columns of a list are predicted separately,
            each from the columns outside the list. By default, the last column.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes), or dict of them by name
            The columns are in the order of `classes_`.
        """
        targets = check_target("target", target, self._table.table.names)
        found = self._probabilities(X, targets)
        return found if isinstance(target, list) else found[targets[0]]

    def predict(self, X: Any, target: Any = None) -> Any:
        """Predict a column: the mean of a number, or the most probable category.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            A data frame may lack the target; its cells are ignored. Other cells may be missing.
        target : object or list, default=None
            Name of a column, or a list of names. By default, the last column.

        Returns
        -------
        y : ndarray of shape (n_samples,), or dict of them by name
        """
        table = self._table.table
        targets = check_target("target", target, table.names)
        rows = self._rows_without(X, targets)
        of_codes = self._table.probabilities(rows, targets)
        found = {name: table.predicted(name, p) for name, p in zip(targets, of_codes, strict=True)}
        return found if isinstance(target, list) else found[targets[0]]

    def _probabilities(self, X: Any, targets: list[Any]) -> dict[Any, Array]:
        table = self._table.table
        of_codes = self._table.probabilities(self._rows_without(X, targets), targets)
        return {
            name: table.column(name).probabilities(p)
            for name, p in zip(targets, of_codes, strict=True)
        }

    def _rows_without(self, X: Any, targets: list[Any]) -> Any:
        fitted = self._table.fitted
        return check_cells(
            self, X, "X", self._table.coding, fitted.dtype, without=tuple(targets)
        ).values

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def find_coding(rbm: TabularRBM, X: Any) -> Coding:
    """Codes of the columns of a table, which is checked first."""
    X = check_table(rbm, X, "X")
    return _coding(rbm, X, np.ones(len(X)))


def coded_rows(rbm: TabularRBM, tables: Iterable[Any], coding: Coding) -> TrainingRows:
    """The rows of tables to train on; only their codes are kept."""
    parts = [_coded(rbm, X, coding) for X in tables]
    codes = np.concatenate([rows.codes for rows in parts])
    return _summarized(coding.of_codes(codes, parts[0].dtype), np.ones(len(codes)))


def _coding(rbm: TabularRBM, X: Any, weights: Array) -> Coding:
    field = field_of(rbm)
    if field is not None:
        check_picture(field, X.shape[1])
    table = Table.of(X, rbm.column_types, weights, int(rbm.max_bins), rbm.learn_missing)
    return Coding(table, rbm.handle_unknown)


def _coded(rbm: TabularRBM, X: Any, coding: Coding) -> CodedRows:
    """Rows of a table as states, in the dtype of a model of such a table."""
    is_double = not is_frame(X) and X.dtype == np.float64
    rows = coding.rows(X, np.dtype(np.float64 if is_double else np.float32))
    if rbm.missing_values == "refuse":
        check_complete(rows, "X")
    return rows


def _summarized(rows: CodedRows, weights: Array, used: Array | slice = slice(None)) -> TrainingRows:
    summary = summarize(rows, weights, rows.dtype, with_moments=False)
    return TrainingRows(rows, weights, summary, used)
