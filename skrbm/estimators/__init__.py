"""The estimators: parameters, docstrings and checks around fitted models.

May import everything above: the mathematics, `data`, `validation`, `deep` and `learning`.
"""
