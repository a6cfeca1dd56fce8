"""Records of benchmarks: a JSON file each, with the command, the date, the machine and versions."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from datetime import date
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

from skrbm.learning import compiled

Row = dict[str, Any]
FOLDER = Path(__file__).parent / "records"
PACKAGES = ("skrbm", "numpy", "scipy", "scikit-learn", "torch")


def machine() -> dict[str, Any]:
    """Describe the processor, its load, the versions and the matrix products."""
    installed = {d.name for d in importlib.metadata.distributions()}
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "compiled update": compiled.is_available(),
        "versions": {p: importlib.metadata.version(p) for p in PACKAGES if p in installed},
        "blas": [
            f"{x['internal_api']} {x['version']}, {x['num_threads']} threads"
            for x in threadpool_info()
        ],
    }


def _processor() -> str:
    """Name of the processor: of Linux on x86 in /proc/cpuinfo, of other systems from Python."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    names = {line.split(":")[1].strip() for line in lines if line.startswith("model name")}
    return ", ".join(sorted(names)) or platform.processor() or platform.machine()


def write(folder: Path, name: str, about: dict[str, Any], rows: list[Row], note: str = "") -> None:
    """Write the rows of a benchmark, the machine as it was before, and a note for the report."""
    record = {
        "name": name,
        "command": f"python -m benchmarks {name}",
        "date": date.today().isoformat(),
        "note": note,
        "machine": about,
        "rows": rows,
    }
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=1) + "\n"
    (folder / f"{name}.json").write_text(text, encoding="utf-8")


def read(folder: Path, name: str) -> dict[str, Any] | None:
    """The record of a benchmark, None if the folder has none."""
    file = folder / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
