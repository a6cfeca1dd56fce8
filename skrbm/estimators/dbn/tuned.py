"""`TunedModel`: results of a stack that a perceptron has fine-tuned."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skrbm._kernels.devices import Array, Generator, to_host
from skrbm.estimators.common.base import Estimator
from skrbm.estimators.common.fitted import Fitted, domain_of, fitted_of
from skrbm.estimators.common.methods import check_seen
from skrbm.estimators.dbn import mlp as perceptron
from skrbm.estimators.dbn.deep_models import DEEP_MODELS, DeepModel
from skrbm.estimators.dbn.mlp import Tuning
from skrbm.estimators.dbn.network import DeepBeliefNetwork
from skrbm.estimators.dbn.pretraining import pretraining_of
from skrbm.estimators.dbn.targeted import Tuned
from skrbm.units import Bernoulli, Domain
from skrbm.validation.rows import Checked

_N_DRAWS, _N_STEPS = 20, 100  # draws of missing values for a prediction; length of their chains


def visible_states(lowest: Fitted, rows: Checked, rng: Generator | None = None) -> Any:
    """Visible states of rows, with draws of missing values."""
    if not rows.has_missing:
        return lowest.scaling.to_model(rows.values if lowest.coding is None else rows.values[:])
    return lowest.by_columns(lowest.completer("sample", _N_STEPS), rows.values, rng)


def goes_on(estimator: TunedModel) -> bool:
    """Whether fine-tuning consists of epochs; raise AttributeError if it does not."""
    if getattr(estimator.mlp, "solver", None) == "lbfgs":
        msg = "solver == 'lbfgs' of mlp is a batch solver, must be 'sgd' or 'adam' for partial_fit."
        raise AttributeError(msg)
    return True


class TunedModel(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
    """Attributes, features and averaged predictions of a fine-tuned stack."""

    dbn: Any
    mlp: Any
    _tuned: Tuned | None

    @property
    def dbn_(self) -> DeepModel:
        """The stack before fine-tuning."""
        check_is_fitted(self)
        assert self._tuned is not None
        return self._tuned.dbn

    @property
    def mlp_(self) -> Any:
        """The perceptron."""
        return self._tuning.mlp

    @property
    def _tuning(self) -> Tuning:
        check_is_fitted(self)
        assert self._tuned is not None
        return self._tuned.tuning

    @property
    def _fitted(self) -> Fitted:
        """The model of the stack before fine-tuning, with its columns."""
        return fitted_of(self.dbn_)

    def __sklearn_is_fitted__(self) -> bool:
        return self._tuned is not None

    @property
    def loss_curve_(self) -> list[float]:
        """Loss in every epoch of the fine-tuning."""
        return self.mlp_.loss_curve_

    @property
    def n_iter_(self) -> int:
        """Number of epochs of the fine-tuning, or of iterations of a batch solver."""
        return self.mlp_.n_iter_

    @property
    def validation_scores_(self) -> list[float]:
        """Score of the held-out rows after every epoch, with early stopping."""
        validation = self._tuning.validation
        if validation is None:
            msg = "validation scores need early_stopping=True."
            raise AttributeError(msg)
        return validation.scores

    @property
    def best_validation_score_(self) -> float:
        """The highest of `validation_scores_`, whose parameters were kept."""
        return max(self.validation_scores_)

    @property
    def _n_features_out(self) -> int:
        return len(self.mlp_.coefs_[-1])

    def transform(self, X: Any) -> Array:
        """Compute the activations of the top hidden layer of the fine-tuned perceptron.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            NaN is a missing value if the lowest layer allows it. The result is then an average over
            twenty draws of the missing values from the RBM of that layer.

        Returns
        -------
        H : ndarray of shape (n_samples, n_features_out)
        """
        H = self._averaged(partial(perceptron.top_features, self.mlp_), X)
        return H.astype(fitted_of(self.dbn_).dtype, copy=False)  # "lbfgs" tunes in float64

    def _averaged(self, predict: Callable[[Any], Array], X: Any) -> Array:
        """Predictions for rows, averaged over twenty draws of missing values."""
        rows = check_seen(self, to_host(X))
        lowest = pretraining_of(self.dbn_).lowest()
        if not rows.has_missing:
            return predict(visible_states(lowest, rows))
        rng = lowest.own_draws(rows.values)
        total: Any = 0
        for _ in range(_N_DRAWS):
            total = total + predict(visible_states(lowest, rows, rng))
        return total / _N_DRAWS

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = bool(self._domain.accept_sparse)
        tags.input_tags.allow_nan = self._domain.allow_nan
        if isinstance(stack := self._given_stack, DEEP_MODELS):
            tags.input_tags = stack.__sklearn_tags__().input_tags
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _domain(self) -> Domain:
        """Data that the stack, or its possibly invalid prototype, accepts."""
        given = self._given_stack
        return domain_of(given) if isinstance(given, DEEP_MODELS) else Bernoulli.domain

    @property
    def _given_stack(self) -> Any:
        given = self.dbn if self._tuned is None else self._tuned.dbn
        return DeepBeliefNetwork() if given is None else getattr(given, "estimator", given)
