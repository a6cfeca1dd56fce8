"""Estimators that are, or contain, one restricted Boltzmann machine."""
