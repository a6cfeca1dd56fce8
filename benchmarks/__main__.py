"""All comparisons: `python -m benchmarks [NAME ...] [--out FILE.json]`.

"everyday" is the name of several comparisons.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_info

from benchmarks import curves, everyday, memory, parts, scaling, speed
from skrbm.learning import compiled

BENCHMARKS = {
    "fits": everyday.fits,
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
PACKAGES = ("skrbm", "numpy", "scipy", "scikit-learn", "torch")


def machine() -> dict[str, object]:
    """Describe the processor, the versions and what multiplies matrices."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = {line.split(":")[1].strip() for line in lines if line.startswith("model name")}
    installed = {d.name for d in importlib.metadata.distributions()}
    return {
        "processor": ", ".join(names),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "compiled update": compiled.is_available(),
        "versions": {p: importlib.metadata.version(p) for p in PACKAGES if p in installed},
        "blas": [
            f"{x['internal_api']} {x['version']}, {x['num_threads']} threads"
            for x in threadpool_info()
        ],
    }


def chosen(names: list[str]) -> list[str]:
    """The comparisons of these names, all of them if there are none."""
    return [part for name in names or BENCHMARKS for part in GROUPS.get(name, (name,))]


def main() -> None:
    """Print a table of the chosen benchmarks and write them as JSON, with the machine."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--out", type=Path, default=Path("benchmarks.json"))
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(NAMES)
    if unknown:
        parser.error(f"no benchmark of the name {', '.join(sorted(unknown))}")
    about = machine()
    print(json.dumps(about, indent=1))
    results: list[dict[str, object]] = []
    for name in chosen(arguments.names):
        rows = BENCHMARKS[name]()
        results += rows
        print(pd.DataFrame(rows).to_string(index=False, float_format="%.4g"), flush=True)
        arguments.out.write_text(json.dumps({"machine": about, "rows": results}, indent=1))


if __name__ == "__main__":
    main()
