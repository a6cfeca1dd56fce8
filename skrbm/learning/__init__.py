"""Training: gradients, steps, schedules, the loop over epochs, and early stopping.

May import the mathematics (`units` to `diagnostics`, `labels`), `data`, `validation` and `deep`.
Nothing here is an estimator.
"""
