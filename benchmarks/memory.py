"""Peak memory of `fit` beyond the data, as numpy reports it to tracemalloc."""

from __future__ import annotations

import tracemalloc

import numpy as np

from skrbm import BernoulliRBM


def peak() -> list[dict[str, object]]:
    """MiB beyond the data, and the size of six weight matrices and eight mini-batches."""
    table = []
    for n_rows, n_columns, n_components, dtype in (
        (10_000, 2_000, 2_000, "float32"),
        (50_000, 2_000, 500, "uint8"),
        (50_000, 2_000, 500, "bool"),
    ):
        X = np.zeros((n_rows, n_columns), dtype)
        X[::2, ::3] = 1
        rbm = BernoulliRBM(n_components, n_iter=1, random_state=0)
        tracemalloc.start()
        rbm.fit(X)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        allowed = 4 * n_columns * (6 * n_components + 8 * 100)
        table.append(
            {
                "benchmark": "peak memory of fit beyond the data",
                "what": f"{n_rows} x {n_columns} {dtype}, {n_components} hidden",
                "MiB": most / 2**20,
                "allowed MiB": allowed / 2**20,
                "data MiB": X.nbytes / 2**20,
            }
        )
    return table
