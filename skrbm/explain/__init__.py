"""Analysis of hidden units: typical rows, importance, weights as patterns, and best units."""

from skrbm.explain.selectivity import BestUnit, best_unit, preferred_input
from skrbm.explain.units import UnitReport, describe, filters, strength

__all__ = [
    "BestUnit",
    "UnitReport",
    "best_unit",
    "describe",
    "filters",
    "preferred_input",
    "strength",
]
