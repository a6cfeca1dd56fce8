"""Restricted Boltzmann machines and deep belief networks as scikit-learn estimators."""

from skrbm._show_versions import show_versions
from skrbm.estimators.common.checkpoint import Checkpoint
from skrbm.estimators.dbn.boltzmann_machine import DeepBoltzmannMachine
from skrbm.estimators.dbn.classifier import DBNClassifier
from skrbm.estimators.dbn.network import DeepBeliefNetwork
from skrbm.estimators.dbn.regressor import DBNRegressor
from skrbm.estimators.rbm.bernoulli import BernoulliRBM
from skrbm.estimators.rbm.classifier import RBMClassifier
from skrbm.estimators.rbm.gaussian import GaussianBernoulliRBM
from skrbm.estimators.rbm.imputer import RBMImputer
from skrbm.estimators.rbm.outlier_detector import RBMOutlierDetector
from skrbm.estimators.rbm.tabular import TabularRBM

__all__ = [
    "BernoulliRBM",
    "Checkpoint",
    "DBNClassifier",
    "DBNRegressor",
    "DeepBeliefNetwork",
    "DeepBoltzmannMachine",
    "GaussianBernoulliRBM",
    "RBMClassifier",
    "RBMImputer",
    "RBMOutlierDetector",
    "TabularRBM",
    "show_versions",
]
__version__ = "0.2.0"
