"""Restricted Boltzmann machines as scikit-learn estimators."""

from skrbm.rbm import BernoulliRBM

__all__ = ["BernoulliRBM"]
__version__ = "0.1.0"
