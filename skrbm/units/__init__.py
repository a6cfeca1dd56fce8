"""Unit types: the layers of a model.

The states s of a layer have the density `exp(s.input - energy(s))`, up to a normaliser. Only
this package depends on the type of a unit. A new type takes one file here, with the abstract
methods of `Layer`, and one entry of `UNITS` in `tests/laws.py`.
"""

from skrbm.units.bernoulli import Bernoulli
from skrbm.units.categorical import Categorical
from skrbm.units.domain import REAL_LINE, Domain
from skrbm.units.gaussian import Gaussian
from skrbm.units.joined import Joined
from skrbm.units.known import Known
from skrbm.units.layer import Layer
from skrbm.units.ordinal import Ordinal
from skrbm.units.pooled import Pooled
from skrbm.units.rotated import Rotated, Rotation

__all__ = [
    "REAL_LINE",
    "Bernoulli",
    "Categorical",
    "Domain",
    "Gaussian",
    "Joined",
    "Known",
    "Layer",
    "Ordinal",
    "Pooled",
    "Rotated",
    "Rotation",
]
