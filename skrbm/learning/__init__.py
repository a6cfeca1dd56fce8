"""Training: gradients, steps, schedules, the loop over epochs, and early stopping.

It imports the mathematics (`units` to `diagnostics`, `labels`), `data`, `validation` and `deep`.
It contains no estimator.
"""
