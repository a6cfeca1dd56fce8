"""Restricted Boltzmann machines and deep belief networks as scikit-learn estimators."""

from skrbm.checkpoint import Checkpoint
from skrbm.dbn import DeepBeliefNetwork
from skrbm.fine_tuned import DBNClassifier, DBNRegressor
from skrbm.gaussian_rbm import GaussianBernoulliRBM
from skrbm.imputer import RBMImputer
from skrbm.outlier_detector import RBMOutlierDetector
from skrbm.rbm import BernoulliRBM
from skrbm.rbm_classifier import RBMClassifier

__all__ = [
    "BernoulliRBM",
    "Checkpoint",
    "DBNClassifier",
    "DBNRegressor",
    "DeepBeliefNetwork",
    "GaussianBernoulliRBM",
    "RBMClassifier",
    "RBMImputer",
    "RBMOutlierDetector",
]
__version__ = "0.1.0"
