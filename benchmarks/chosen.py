"""Running some of a module's measurements by name."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any


def run_chosen(description: str, measurements: dict[str, Callable[[], None]]) -> None:
    """Run the measurements named on the command line, or all, each under its description."""
    parser = argparse.ArgumentParser(description=description)
    known = ", ".join(measurements)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {known}")
    names = parser.parse_args().names or list(measurements)
    unknown = set(names) - set(measurements)
    if unknown:
        parser.error(f"no measurement of the name {', '.join(sorted(unknown))}; there are {known}")
    for name in names:
        print(f"{name}: {measurements[name].__doc__.splitlines()[0]}", flush=True)
        measurements[name]()


def run_parts(
    parts: dict[str, Callable[[int], Iterator[dict[str, Any]]]], about: str | None
) -> None:
    """Print the rows of all parts, or of the parts named on the command line."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("parts", nargs="*", choices=[[], *parts], metavar="PART")
    parser.add_argument("--n-iter", type=int, default=0, help="epochs, instead of the part's own")
    arguments = parser.parse_args()
    for name in arguments.parts or parts:
        print(f"\n{name}", flush=True)
        for row in parts[name](arguments.n_iter):
            shown = (f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
            print("  " + ", ".join(shown), flush=True)
