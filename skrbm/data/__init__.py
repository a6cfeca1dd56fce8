"""Rows of data: where they are taken from, as what they are seen, and how they become states.

May import the mathematics (`units` to `diagnostics`).
"""
