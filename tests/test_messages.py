"""Messages give only advice that works: each is a sentence that a user can act on."""

import re

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from skrbm import (
    BernoulliRBM,
    DBNClassifier,
    DBNRegressor,
    DeepBeliefNetwork,
    GaussianBernoulliRBM,
    RBMClassifier,
    RBMImputer,
    RBMOutlierDetector,
)
from skrbm.explain import describe

X = np.array([[0.0, 1, 0], [1, 0, 1], [1, 1, 0], [0, 1, 1]] * 3)
Y = np.arange(12) % 2
WITH_NAN = np.where(np.arange(36).reshape(12, 3) == 4, np.nan, X)
SPARSE = sparse.csr_array(WITH_NAN)
SHORT = {"n_iter": 1, "random_state": 0}
STACK = DeepBeliefNetwork((2, 2), rbm=BernoulliRBM(n_iter=1), random_state=0)

ALLOW = "NaN in an array is a missing value for {}(missing_values='allow')"
LOWEST = ALLOW + " as the lowest layer, see visible_rbm."
BITS, REALS = ALLOW.format("BernoulliRBM") + ".", ALLOW.format("GaussianBernoulliRBM") + "."
COMPLETE = "impute missing values first, for example with skrbm.RBMImputer."
IN_MATRIX = "NaN in an array is a missing value, but not in a sparse matrix."
SCORES = ("transform", "score_samples", "score")
CASES = [
    (BernoulliRBM(2, **SHORT), ("fit", "partial_fit", *SCORES), WITH_NAN, BITS),
    (GaussianBernoulliRBM(2, **SHORT), ("fit", *SCORES), WITH_NAN, REALS),
    (
        RBMClassifier(2, **SHORT),
        ("fit", "predict", "predict_proba"),
        WITH_NAN,
        ALLOW.format("RBMClassifier") + ".",
    ),
    (STACK, ("fit", "partial_fit", *SCORES), WITH_NAN, LOWEST.format("BernoulliRBM")),
    (
        clone(STACK).set_params(visible_rbm=GaussianBernoulliRBM(n_iter=1)),
        ("fit", *SCORES),
        WITH_NAN,
        LOWEST.format("GaussianBernoulliRBM"),
    ),
    (
        DBNClassifier(STACK, random_state=0),
        ("fit", "predict", "predict_proba"),
        WITH_NAN,
        LOWEST.format("BernoulliRBM"),
    ),
    (
        DBNRegressor(STACK, random_state=0),
        ("fit", "predict"),
        WITH_NAN,
        LOWEST.format("BernoulliRBM"),
    ),
    (
        RBMOutlierDetector(BernoulliRBM(2, **SHORT), random_state=0),
        ("fit", "predict", "score_samples", "decision_function"),
        WITH_NAN,
        BITS,
    ),
    (RBMOutlierDetector(random_state=0), ("fit",), WITH_NAN, REALS),
    (
        BernoulliRBM(2, missing_values="allow", **SHORT),
        ("fit", *SCORES, "impute"),
        SPARSE,
        IN_MATRIX,
    ),
    (RBMClassifier(2, missing_values="allow", **SHORT), ("fit", "predict"), SPARSE, IN_MATRIX),
    (
        RBMImputer(BernoulliRBM(2, **SHORT), random_state=0),
        ("fit", "transform"),
        SPARSE,
        IN_MATRIX,
    ),
    (
        BernoulliRBM(2, missing_values="allow", **SHORT),
        ("gibbs", "reconstruct", "free_energy", "pseudo_log_likelihood"),
        WITH_NAN,
        COMPLETE,
    ),
    (BernoulliRBM(2, **SHORT), ("gibbs", "reconstruct"), WITH_NAN, COMPLETE),
    (STACK, ("gibbs", "reconstruct"), WITH_NAN, COMPLETE),
]


@pytest.mark.parametrize(
    ("estimator", "method", "data", "advice"),
    [(case[0], method, *case[2:]) for case in CASES for method in case[1]],
    ids=lambda x: x if isinstance(x, str) and x.isidentifier() else type(x).__name__,
)
def test_nan_is_refused_with_advice_that_can_be_followed(estimator, method, data, advice):
    """Fails if a message names a parameter or a method that the estimator lacks."""
    fitted = clone(estimator)
    if method not in ("fit", "partial_fit"):
        fitted.fit(X, Y)
    arguments = (data, Y) if method in ("fit", "score") else (data,)
    with pytest.raises(ValueError, match=rf"^[Xv] contains NaN, must not: {re.escape(advice)}$"):
        getattr(fitted, method)(*arguments)


def test_the_analysis_of_units_needs_complete_rows():
    """Fails if it advises a parameter that it ignores."""
    rbm = BernoulliRBM(2, missing_values="allow", **SHORT).fit(WITH_NAN)
    with pytest.raises(ValueError, match=re.escape(COMPLETE)):
        describe(rbm, WITH_NAN)


def test_strings_lead_to_the_model_of_tables():
    """Fails if a table of categories ends in a message about floats only."""
    for X in ([["a", "b"], ["b", "a"]], np.array([["a", 1], ["b", 0]], object)):
        with pytest.raises(ValueError, match=r"[^.]\. skrbm\.TabularRBM models data frames"):
            BernoulliRBM(**SHORT).fit(X)


def test_the_advice_works():
    """Fails if the advice of a message is refused."""
    bits, reals = (
        rbm.set_params(n_components=2, missing_values="allow", **SHORT)
        for rbm in (BernoulliRBM(), GaussianBernoulliRBM())
    )
    RBMOutlierDetector(reals).fit(WITH_NAN).predict(WITH_NAN)
    DeepBeliefNetwork((2, 2), rbm=BernoulliRBM(n_iter=1), visible_rbm=bits).fit(WITH_NAN)
    RBMClassifier(2, missing_values="allow", **SHORT).fit(WITH_NAN, Y).predict(WITH_NAN)
    BernoulliRBM(2, **SHORT).fit(X).gibbs(RBMImputer(bits).fit_transform(WITH_NAN).round())


def test_a_classifier_is_not_advised_to_be_another_model():
    """Fails if the advice is a model without classes."""
    with pytest.warns(UserWarning, match="MinMaxScaler.$"):
        RBMClassifier(2, **SHORT).fit(3 * X, Y)


def test_a_warm_start_is_not_advised_to_fit():
    """Fails if the advice is to call fit, as the user did."""
    rbm = BernoulliRBM(2, warm_start=True, **SHORT).fit(X)
    message = "must stay 2 to continue the training; fit with warm_start=False starts again."
    with pytest.raises(ValueError, match=message):
        rbm.set_params(n_components=3).fit(X)
