"""Measurements of `TabularRBM`, and of its peers on the same rows."""
