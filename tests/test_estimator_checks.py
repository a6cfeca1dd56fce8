"""Law 10: scikit-learn's own checks, with no expected failure."""

import inspect

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import (
    check_methods_sample_order_invariance,
    check_methods_subset_invariance,
    parametrize_with_checks,
)

from skrbm import (
    BernoulliRBM,
    DBNClassifier,
    DBNRegressor,
    DeepBeliefNetwork,
    DeepBoltzmannMachine,
    GaussianBernoulliRBM,
    RBMClassifier,
    RBMImputer,
    RBMOutlierDetector,
    TabularRBM,
    conditionals,
)
from skrbm.estimators.dbn import fine_tuning, tuned
from skrbm.images import LocalContrastNormalization, Pool

STACK = DeepBeliefNetwork((6, 4), rbm=BernoulliRBM(n_iter=20))


ESTIMATORS = [
    BernoulliRBM(n_iter=10),
    GaussianBernoulliRBM(n_iter=10),
    TabularRBM(8, n_iter=5),
    RBMOutlierDetector(GaussianBernoulliRBM(4, n_iter=30)),
    RBMOutlierDetector(GaussianBernoulliRBM(4, n_iter=30), novelty=False),
    RBMImputer(GaussianBernoulliRBM(4, n_iter=5), n_steps=10),
    DeepBeliefNetwork((4, 3), rbm=BernoulliRBM(n_iter=5)),
    DeepBoltzmannMachine((4, 3), rbm=GaussianBernoulliRBM(n_iter=5)),
    RBMClassifier(20, n_iter=30),
    DBNClassifier(STACK, mlp=MLPClassifier(solver="lbfgs", max_iter=30)),
    DBNRegressor(STACK, mlp=MLPRegressor(solver="lbfgs", max_iter=30)),
    LocalContrastNormalization(),
    Pool(),
]
VARIANTS = [
    Pool(3, kind="l2"),
    BernoulliRBM(3, gradient="exact", n_iter=2),
    BernoulliRBM(3, hidden="gaussian", n_iter=10),
    GaussianBernoulliRBM(3, variance="shared", gradient="exact", n_iter=2),
    TabularRBM(3, gradient="pt", learn_missing="all", n_iter=5),
    BernoulliRBM(3, gradient="ptt", n_iter=5),
    GaussianBernoulliRBM(3, gradient="ptt", n_iter=5),
    RBMImputer(TabularRBM(4, n_iter=5), n_steps=10),
    RBMOutlierDetector(TabularRBM(4, n_iter=2)),
    DeepBeliefNetwork((4, 3), rbm=BernoulliRBM(n_iter=5), visible_rbm=TabularRBM(8, n_iter=5)),
    BernoulliRBM(4, missing_values="allow", n_iter=5),
    GaussianBernoulliRBM(4, missing_values="allow", n_iter=5),
    DeepBeliefNetwork((4, 3), rbm=BernoulliRBM(n_iter=5, missing_values="allow")),
    DeepBeliefNetwork(
        (4, 3, 2),
        rbm=BernoulliRBM(n_iter=5),
        visible_rbm=GaussianBernoulliRBM(n_iter=5),
        output="all",
    ),
    DeepBoltzmannMachine((4, 3, 2), rbm=BernoulliRBM(n_iter=5, missing_values="allow")),
    DeepBoltzmannMachine((4, 3), rbm=TabularRBM(n_iter=5)),
    RBMClassifier(4, missing_values="allow", n_iter=30),
    RBMClassifier(20, generative_share=0, n_iter=30),
    DBNClassifier(STACK),
    DBNRegressor(STACK),
]

# The checks use normal data, for which Bernoulli units give a warning and a finite model.
pytestmark = pytest.mark.filterwarnings("ignore:X must be in .0, 1.:UserWarning")


# They do not run for gradient="cd" and up-down, whose chains start at the data: a row of weight two
# and two equal rows then agree in distribution, not draw by draw.
@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_checks(estimator, check):
    """Each check has its own assertion."""
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(VARIANTS)
def test_scikit_learn_checks_of_variants(estimator, check, monkeypatch):
    """Each check has its own assertion; fine-tuning is short if no scores are checked."""
    if not getattr(check, "func", check).__name__.endswith("_train"):
        monkeypatch.setattr(fine_tuning, "_N_UPDATES", 30)
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_type_checkers_see_the_attributes_that_scikit_learn_sets(estimator):
    """Fails if pyright or mypy report an unknown attribute in a user's program."""
    annotated = set().union(*map(inspect.get_annotations, type(estimator).__mro__))
    assert {"n_features_in_", "feature_names_in_"} <= annotated
    assert not hasattr(estimator, "n_features_in_")


class WithGaps(TransformerMixin, BaseEstimator):
    """Turn three columns into sixteen numbers in [0, 1], most of them missing in most rows."""

    def fit(self, X, y=None):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def transform(self, X):
        factors = np.arange(1, 17)
        columns = X[:, factors % 3] * factors % 1
        is_gap = (columns * 10_007 % 1 < 0.85) & (columns[:, :1] < 0.8)
        is_gap[:, 0] = False  # so no row equals another
        return np.where(is_gap, np.nan, columns)


ALLOWED = {"missing_values": "allow", "n_iter": 5}
REAL = GaussianBernoulliRBM(14, **ALLOWED)
CORRELATED = GaussianBernoulliRBM(14, covariance_type="full", **ALLOWED)
BINARY_STACK = DeepBeliefNetwork((14, 12), rbm=BernoulliRBM(**ALLOWED))
REAL_STACK = DeepBeliefNetwork((14, 12), rbm=BernoulliRBM(n_iter=5), visible_rbm=CORRELATED)
WITH_MISSING_VALUES = {
    "binary": BernoulliRBM(14, **ALLOWED),
    "enumerated": BernoulliRBM(4, **ALLOWED),
    "real": REAL,
    "correlated": CORRELATED,
    "table": TabularRBM(14, n_iter=5),
    "binary stack": BINARY_STACK,
    "real stack": REAL_STACK,
    "up-down": DeepBeliefNetwork((14, 12), rbm=BernoulliRBM(**ALLOWED), fine_tune_iter=2),
    "label": RBMClassifier(14, **ALLOWED),
    "classifier": DBNClassifier(BINARY_STACK, mlp=MLPClassifier(solver="lbfgs", max_iter=30)),
    "regressor": DBNRegressor(REAL_STACK, mlp=MLPRegressor(solver="lbfgs", max_iter=30)),
    "imputer": RBMImputer(REAL),
    "imputed modes": RBMImputer(CORRELATED, method="mode"),
    "imputed draws": RBMImputer(BernoulliRBM(14, n_iter=5), method="sample"),
    "detector": RBMOutlierDetector(REAL),
}


@pytest.mark.parametrize(
    "check", [check_methods_sample_order_invariance, check_methods_subset_invariance]
)
@pytest.mark.parametrize("estimator", WITH_MISSING_VALUES.values(), ids=WITH_MISSING_VALUES)
@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_results_with_missing_values_do_not_depend_on_other_rows(estimator, check, monkeypatch):
    """Fails if the rows of a call draw from one random stream."""
    monkeypatch.setattr(conditionals, "_N_TEMPERATURES", 20)
    monkeypatch.setattr(tuned, "_N_STEPS", 5)
    check(type(estimator).__name__, make_pipeline(WithGaps(), estimator))
