"""All comparisons: `python -m benchmarks [NAME ...] [--out FOLDER]`.

"everyday" is the name of several comparisons. With `--out`, each writes a record to the folder:
a JSON file with its rows, the machine, the versions and the date.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd

from benchmarks import curves, everyday, evidence, memory, parts, records, scaling, speed

BENCHMARKS = {
    "fits": everyday.fits,
    "default_fits": everyday.default_fits,
    "updates": everyday.updates,
    "search": everyday.search,
    "predictions": everyday.predictions,
    "parts": parts.parts_of_fits,
    "training": speed.training,
    "gaussian": speed.gaussian,
    "small": speed.small,
    "transform": speed.transform,
    "gibbs": speed.gibbs,
    "tempering": speed.tempering,
    "log_partition": speed.log_partition,
    "sparse": speed.sparse_rows,
    "import": speed.importing,
    "memory": memory.peak,
    "scaling": scaling.slopes,
    "likelihoods": curves.likelihoods,
    "curves": curves.likelihood_against_seconds,
    "features": evidence.features,
    "gaps": evidence.gaps,
    "densities": evidence.densities,
}
GROUPS = {
    "everyday": (
        "fits",
        "updates",
        "training",
        "gaussian",
        "tempering",
        "search",
        "predictions",
        "parts",
        "import",
    )
}
NAMES = (*BENCHMARKS, *GROUPS)


def chosen(names: list[str]) -> list[str]:
    """The comparisons of these names, all of them if there are none."""
    return [part for name in names or BENCHMARKS for part in GROUPS.get(name, (name,))]


def main() -> None:
    """Print a table of the chosen benchmarks, and write a record of each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--out", type=Path, metavar="FOLDER")
    parser.add_argument("--note", default="", help="what a reader of the records should know")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(NAMES)
    if unknown:
        parser.error(f"no benchmark of the name {', '.join(sorted(unknown))}")
    for name in chosen(arguments.names):
        about = records.machine()
        print(f"{name}: {json.dumps(about)}")
        rows = BENCHMARKS[name]()
        print(pd.DataFrame(rows).to_string(index=False, float_format="%.4g"), flush=True)
        if arguments.out:
            records.write(arguments.out, name, about, rows, arguments.note)


if __name__ == "__main__":
    main()
