"""Law 10: scikit-learn's own checks, with no expected failure."""

import inspect

import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

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

STACK = DeepBeliefNetwork((6, 4), rbm=BernoulliRBM(n_iter=20))


ESTIMATORS = [
    BernoulliRBM(n_iter=10),
    GaussianBernoulliRBM(n_iter=10),
    RBMOutlierDetector(GaussianBernoulliRBM(4, n_iter=30)),
    RBMOutlierDetector(GaussianBernoulliRBM(4, n_iter=30), novelty=False),
    RBMImputer(GaussianBernoulliRBM(4, n_iter=5), n_steps=10),
    DeepBeliefNetwork((4, 3), rbm=BernoulliRBM(n_iter=5)),
    RBMClassifier(20, n_iter=30),
    DBNClassifier(STACK, mlp=MLPClassifier(solver="lbfgs", max_iter=30)),
    DBNRegressor(STACK, mlp=MLPRegressor(solver="lbfgs", max_iter=30)),
]
VARIANTS = [
    BernoulliRBM(3, gradient="exact", n_iter=2),
    BernoulliRBM(3, hidden="gaussian", n_iter=10),
    GaussianBernoulliRBM(3, variance="shared", gradient="exact", n_iter=2),
    BernoulliRBM(4, missing_values="allow", n_iter=5),
    GaussianBernoulliRBM(4, missing_values="allow", n_iter=5),
    DeepBeliefNetwork((4, 3), rbm=BernoulliRBM(n_iter=5, missing_values="allow")),
    DeepBeliefNetwork(
        (4, 3, 2),
        rbm=BernoulliRBM(n_iter=5),
        visible_rbm=GaussianBernoulliRBM(n_iter=5),
        output="all",
    ),
    RBMClassifier(4, missing_values="allow", n_iter=30),
    RBMClassifier(20, generative_share=0, n_iter=30),
]

# The checks feed normal data, which Bernoulli units answer with a warning and a finite model.
pytestmark = pytest.mark.filterwarnings("ignore:X must be in .0, 1.:UserWarning")


# They do not run over gradient="cd" and up-down, whose chains start at the data: there a row of
# weight two and a row given twice are the same in distribution, not draw by draw.
@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_checks(estimator, check):
    """Each check has its own assertion."""
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(VARIANTS)
def test_scikit_learn_checks_of_variants(estimator, check):
    """Each check has its own assertion."""
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_type_checkers_see_the_attributes_that_scikit_learn_sets(estimator):
    """Fails if pyright or mypy report an unknown attribute in a user's program."""
    annotated = set().union(*map(inspect.get_annotations, type(estimator).__mro__))
    assert {"n_features_in_", "feature_names_in_"} <= annotated
    assert not hasattr(estimator, "n_features_in_")
