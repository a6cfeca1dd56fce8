"""`python -m benchmarks.tables [generate|fill|judge|answer|words|time ...]`, all if none is named.

Means over splits are printed, and every row is written to `--out` as CSV. Parameters of
`TabularRBM` are given as `--set n_components=64`.
"""

from __future__ import annotations

import argparse
import ast
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from benchmarks.tables.generate import generate
from benchmarks.tables.judge import judge
from benchmarks.tables.options import Options, Row

PARTS: dict[str, Callable[[Options], Iterator[Row]]] = {"generate": generate, "judge": judge}
KEYS = ("table", "share", "mechanism", "method")


def shown(rows: list[Row]) -> str:
    """Means over splits, in the order in which they were measured."""
    frame = pd.DataFrame(rows)
    keys = [key for key in KEYS if key in frame]
    means = frame.groupby(keys, sort=False).mean(numeric_only=True)
    return means.drop(columns="split").to_string(float_format="%.4g", na_rep="-")


def main() -> None:
    """Measure the parts, print their tables, and write all rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--tables", nargs="*", default=[])
    parser.add_argument("--methods", nargs="*", default=[])
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--quick", action="store_true", help="few rows, as a test of the program")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"no part of the name {', '.join(sorted(unknown))}")
    parameters = dict(item.split("=", 1) for item in arguments.set)
    options = Options(
        quick=arguments.quick,
        n_splits=1 if arguments.quick else arguments.splits,
        tables=tuple(arguments.tables),
        methods=tuple(arguments.methods),
        parameters={name: ast.literal_eval(value) for name, value in parameters.items()},
    )
    warnings.simplefilter("ignore")
    every: list[Row] = []
    for part in arguments.parts or PARTS:
        rows = []
        for row in PARTS[part](options):
            rows.append(row)
            every.append({"part": part} | row)
            if arguments.out:
                pd.DataFrame(every).to_csv(arguments.out, index=False)
        print(f"\n{part}\n{shown(rows)}", flush=True)


if __name__ == "__main__":
    main()
