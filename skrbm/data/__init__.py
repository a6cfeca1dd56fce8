"""Rows of data: their sources, views and summaries, and their scaling to visible states.

It imports only the mathematics (`units` to `diagnostics`).
"""
