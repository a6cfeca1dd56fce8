"""Restricted Boltzmann machines as scikit-learn estimators."""

from skrbm.rbm import BernoulliRBM, GaussianBernoulliRBM

__all__ = ["BernoulliRBM", "GaussianBernoulliRBM"]
__version__ = "0.1.0"
