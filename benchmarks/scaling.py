"""Growth of the cost of training: slopes on logarithmic scales, 1 for linear growth."""

from __future__ import annotations

import numpy as np

from benchmarks.speed import side_by_side
from skrbm import BernoulliRBM

SIZE = {"rows": 4_000, "columns": 600, "hidden units": 600, "steps": 2, "chains": 200}
# Start of the decade of each quantity: its products then outweigh the constant ones.
START = SIZE | {"steps": 20, "chains": 1_000}
FACTORS = (1, 3, 10)


def _fit(size: dict[str, int]) -> None:
    X = np.zeros((size["rows"], size["columns"]), bool)
    X[::2, ::2] = True
    BernoulliRBM(
        size["hidden units"],
        gradient="pcd",
        n_steps=size["steps"],
        n_chains=size["chains"],
        batch_size=200,
        n_iter=1,
        random_state=0,
    ).fit(X)


def slopes() -> list[dict[str, object]]:
    """Seconds of an epoch over a decade of each quantity, with the others as in SIZE."""
    rows = []
    for name, start in START.items():
        sizes = {str(start * f): SIZE | {name: start * f} for f in FACTORS}
        seconds = side_by_side({k: lambda s=s: _fit(s) for k, s in sizes.items()}, repeats=3)
        x, y = (np.log([float(v) for v in values]) for values in (seconds, seconds.values()))
        rows.append(
            {
                "benchmark": "cost against " + name,
                "what": ", ".join(f"{k}: {s:.2f} s" for k, s in seconds.items()),
                "slope": float(np.polyfit(x, y, 1)[0]),
            }
        )
    return rows
