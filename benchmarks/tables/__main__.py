"""`python -m benchmarks.tables [PART ...]` measures all parts, or the named ones.

Means over splits are printed, and every row is written to `--out` as CSV; `--show FILE ...` only
prints such files together. Parameters of `TabularRBM` are given as `--set n_components=64`.
SKRBM_PEERS names the folder of an environment for the peers, which is created if it does not exist.
"""

from __future__ import annotations

import argparse
import ast
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from benchmarks.tables import answer, fill
from benchmarks.tables.conditions import conditions
from benchmarks.tables.generate import generate
from benchmarks.tables.judge import judge
from benchmarks.tables.options import Options, Row
from benchmarks.tables.times import times
from benchmarks.tables.words import of_words

PARTS: dict[str, Callable[[Options], Iterator[Row]]] = {
    "generate": generate,
    "fill": fill.fill,
    "judge": judge,
    "answer": answer.answer,
    "conditions": conditions,
    "words": of_words,
    "time": times,
}
FINISHED = {"fill": fill.finished, "answer": answer.finished}
KEYS = ("table", "share", "mechanism", "method")


def shown(part: str, frame: pd.DataFrame) -> str:
    """Means over splits, in the order in which they were measured."""
    frame = frame.dropna(axis=1, how="all").drop(columns="part", errors="ignore")
    if part in FINISHED:
        frame = FINISHED[part](frame)
    keys = [key for key in KEYS if key in frame]
    means = frame.groupby(keys, sort=False).mean(numeric_only=True).dropna(axis=1, how="all")
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
    parser.add_argument("--show", nargs="+", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"no part of the name {', '.join(sorted(unknown))}")
    if arguments.show:
        every = pd.concat([pd.read_csv(file) for file in arguments.show])
        for part, frame in every.groupby("part", sort=False):
            print(f"\n{part}\n{shown(part, frame)}")
        return
    parameters = dict(item.split("=", 1) for item in arguments.set)
    options = Options(
        quick=arguments.quick,
        n_splits=1 if arguments.quick else arguments.splits,
        tables=tuple(arguments.tables),
        methods=tuple(arguments.methods),
        parameters={name: ast.literal_eval(value) for name, value in parameters.items()},
    )
    warnings.simplefilter("ignore")
    measure(arguments.parts or list(PARTS), options, arguments.out)


def measure(parts: list[str], options: Options, out: Path | None) -> None:
    """Print the table of each part when it is done, and write every row at once."""
    every: list[Row] = []
    for part in parts:
        rows = []
        for row in PARTS[part](options):
            rows.append(row)
            every.append({"part": part} | row)
            if out:
                pd.DataFrame(every).to_csv(out, index=False)
        if rows:
            print(f"\n{part}\n{shown(part, pd.DataFrame(rows))}", flush=True)


if __name__ == "__main__":
    main()
