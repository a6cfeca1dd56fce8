"""Restricted Boltzmann machines as scikit-learn estimators."""

from skrbm.dbn import DeepBeliefNetwork
from skrbm.gaussian_rbm import GaussianBernoulliRBM
from skrbm.rbm import BernoulliRBM

__all__ = ["BernoulliRBM", "DeepBeliefNetwork", "GaussianBernoulliRBM"]
__version__ = "0.1.0"
