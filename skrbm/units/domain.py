"""`Domain`: the values allowed in data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

COMPLETE = "impute missing values first, for example with skrbm.RBMImputer."


@dataclass(frozen=True)
class Domain:
    """Values allowed in the data of visible units.

    Parameters
    ----------
    units : str
        Name of the unit type.
    low, high : float
        The smallest and the largest value.
    remedy : str
        Advice to users whose data have values outside.
    accept_sparse : {"csr", False}
        Whether rows may be a sparse matrix.
    is_bounded : bool
        True if the units have the bounds low and high; False if only floating-point arithmetic
        requires them.
    tolerance : float
        Mean distance of new rows from the limits that needs no warning. Such rows are also new to
        the scaler before the model.
    allow_nan : bool
        Whether NaN in an array is a missing value.
    otherwise : Domain, optional
        Domain that replaces this one for an array with values outside.
    missing : str
        Advice to users whose data have missing values, if NaN is not allowed.
    """

    units: str
    low: float
    high: float
    remedy: str
    accept_sparse: Literal["csr", False] = False
    is_bounded: bool = True
    tolerance: float = 0.0
    allow_nan: bool = False
    otherwise: Domain | None = None
    missing: str = COMPLETE

    def with_missing(self, *, allowed: bool, advice: str = COMPLETE) -> Domain:
        """Return the same domain, with missing values allowed or forbidden, and advice on them."""
        return replace(self, allow_nan=allowed, missing=advice)


UNIT_INTERVAL = Domain(
    "Bernoulli",
    0.0,
    1.0,
    "Scale the data first, for example with sklearn.preprocessing.MinMaxScaler, or use "
    "skrbm.GaussianBernoulliRBM.",
    "csr",
    tolerance=0.1,
)
# Within these bounds, sums of squares are finite in float64, and differences in float32.
REAL_LINE = Domain("Gaussian", -1e38, 1e38, "Take logarithms of the data first.", is_bounded=False)
