"""Estimators that are one restricted Boltzmann machine, or use one."""
