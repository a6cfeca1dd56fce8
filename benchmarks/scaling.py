"""How the cost of training grows: slopes on logarithmic scales, one where it is linear."""

from __future__ import annotations

import numpy as np

from benchmarks.speed import side_by_side
from skrbm import BernoulliRBM

SIZE = {"rows": 4_000, "columns": 600, "hidden units": 600, "steps": 2, "chains": 200}
# Where the decade of each quantity starts: where its products outweigh those that do not grow.
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
    """Seconds of a sweep over a decade of each quantity, the others staying as in SIZE."""
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
