"""Deep belief nets: directed layers below a restricted Boltzmann machine.

This package imports only the mathematics, from `units` to `diagnostics`.
"""
