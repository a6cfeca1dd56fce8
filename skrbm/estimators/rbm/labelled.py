"""`LabelledRBM`: training of an RBM whose visible units include a class label."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_consistent_length

from skrbm._kernels import arrays
from skrbm._kernels.devices import Array, Generator
from skrbm.data.scaling import Scaling, Unscaled
from skrbm.data.summary import with_one_hot
from skrbm.data.views import LabelledRows
from skrbm.estimators.rbm.base import BaseRBM
from skrbm.estimators.rbm.settings import Settings, Start
from skrbm.labels import completed_unlabelled, label_layer, log_label_probability
from skrbm.learning.defaults import HIDDEN_BIAS, Defaults, labelled
from skrbm.learning.gradients import Gradient
from skrbm.learning.label_gradient import LabelGradient
from skrbm.learning.loop import RowFigure
from skrbm.learning.watching import Price, label_price
from skrbm.model import RBM
from skrbm.units import Bernoulli, Categorical, Joined, Layer
from skrbm.validation.labels import (
    check_class_weight,
    check_labels,
    encode_labels,
    with_class_weight,
)
from skrbm.validation.parameters import INPUTS, check_choice, check_number
from skrbm.validation.rows import TrainingRows, check_training_rows, check_weights

_REMEDY = "Scale the data first, for example with sklearn.preprocessing.MinMaxScaler."
_N_STEPS = 20  # length of the chains that complete rows before they are scored


def learns_data(rbm: LabelledRBM) -> bool:
    """Whether the objective contains `log p(x)`; raise AttributeError if it does not."""
    if not rbm.share_learned > 0:
        msg = "generative_share == 0 learns only P(y | x), must be > 0 for log p(x)."
        raise AttributeError(msg)
    return True


@dataclass(eq=False, repr=False, kw_only=True)
class LabelledRBM(BaseRBM):
    """Parameters and training of an RBM of data and a class label, and its parts."""

    generative_share: float = 0.01
    inputs: str = "mean"
    class_weight: Any = None

    _SHAPE = ("generative_share", "inputs")
    _FIGURE: ClassVar[str] = "label_log_likelihood"
    _DATA = replace(Bernoulli.domain, remedy=_REMEDY)

    @property
    def classes_(self) -> Array:
        """The labels."""
        classes = self._model.fitted.classes
        assert classes is not None
        return classes

    @property
    def components_(self) -> Array:
        """Weights between hidden units and the columns of the data."""
        return self._model.fitted.rbm.weights.rows(self._data_columns).T

    @property
    def label_components_(self) -> Array:
        """Weights between hidden units and labels."""
        return self._model.fitted.rbm.weights.rows(self._label_columns).T

    @property
    def intercept_hidden_(self) -> Array:
        """Biases of the hidden units."""
        return self._model.fitted.rbm.hidden.bias

    @property
    def intercept_visible_(self) -> Array:
        """Biases of the columns of the data."""
        return self._model.fitted.rbm.visible.bias[self._data_columns]

    @property
    def intercept_label_(self) -> Array:
        """Biases of the labels."""
        return self._model.fitted.rbm.visible.bias[self._label_columns]

    @property
    def share_learned(self) -> float:
        """The `generative_share` of the fitted model, or of the next fit."""
        shape = vars(self) if self._learner is None else self._learner.shape
        return float(shape["generative_share"])

    @property
    def _data_columns(self) -> slice:
        return slice(-self._model.fitted.n_label_columns)

    @property
    def _label_columns(self) -> slice:
        return slice(-self._model.fitted.n_label_columns, None)

    @property
    def _defaults(self) -> Defaults:
        return labelled(float(self.generative_share))

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("generative_share", self.generative_share, ">= 0 and <= 1")
        check_choice("inputs", self.inputs, INPUTS)
        check_class_weight("class_weight", self.class_weight)

    def _settings(self) -> Settings:
        return replace(super()._settings(), draws=self.inputs == "sample")

    def _check_training_rows(
        self, X: Any, y: Any, sample_weight: Any, *, first: bool
    ) -> TrainingRows:
        """Rows of positive weight with labels; y is a pair of the labels and all classes."""
        given, classes = y
        if self.class_weight is not None:
            labels = check_labels(self, "y", given)
            weights = check_weights(sample_weight, labels)
            sample_weight = with_class_weight(self.class_weight, labels, weights)
        rows = check_training_rows(self, X, sample_weight, self._domain, first=first)
        labels = check_labels(self, "y", given)
        check_consistent_length(X, labels)
        labels = labels[rows.used]
        if classes is None:
            classes = np.unique(labels) if first else self.classes_
        index = encode_labels("y", labels, classes)
        counts = np.bincount(index, rows.weights, len(classes))
        labelled_rows = LabelledRows(rows.values, index, classes)
        return TrainingRows(labelled_rows, rows.weights, with_one_hot(rows.summary, counts))

    def _layers(self, n_features: int) -> tuple[Layer, Layer]:
        hidden = Bernoulli(self._hidden_biases(HIDDEN_BIAS, np.float64))
        return Bernoulli(np.zeros(n_features)), hidden

    def _begin(self, rows: TrainingRows) -> Start:
        summary, dtype, classes = rows.summary, rows.summary.dtype, rows.values.classes
        n = len(classes)
        data = Bernoulli.from_totals(summary.total[:-n], summary.weight[:-n])
        label = Categorical.from_totals(summary.total[-n:], summary.weight[-1], (n,))
        visible = Joined((data, label)).map(lambda x: x.astype(dtype))
        hidden = Bernoulli(self._hidden_biases(HIDDEN_BIAS, dtype))
        scaling, n_independent = Unscaled(dtype.name), summary.n_independent_bits
        return Start(scaling, visible, hidden, classes=classes, n_independent=n_independent)

    @property
    def _gradient(self) -> Gradient:
        return LabelGradient(joint=super()._gradient, share=float(self.generative_share))

    def _row_figure(self, scaling: Scaling, n_flips: int) -> RowFigure:
        def figure(rbm: RBM, v: Array, rng: Generator) -> Array:
            if arrays.is_nan(v).any():
                v = completed_unlabelled(rbm, v, rng, _N_STEPS)
            return log_label_probability(rbm, v)

        return figure

    def _price(self, rbm: RBM, n_flips: int) -> Price:
        return label_price(rbm, label_layer(rbm.visible).n_columns)
