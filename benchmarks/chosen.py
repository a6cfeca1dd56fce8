"""Running some of a module's measurements by name."""

from __future__ import annotations

import argparse
from collections.abc import Callable


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
