"""Nets of directed layers beneath a restricted Boltzmann machine.

May import the mathematics (`units` to `diagnostics`).
"""
