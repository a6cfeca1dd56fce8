"""A fit of a file in a tenth of its memory: `python -m benchmarks.larger_than_memory`.

2 GB of bytes stand for 20 GB. The file has rows of ten kinds, one kind after the other, which is
the worst order for mini-batches. A separate process fits it, with at most 200 MiB of private
memory: the system refuses more (RLIMIT_DATA). Private memory is RssAnon of /proc/PID/status.
RssFile is the mapped part of the file and of the libraries' code. A system keeps it until the
memory is needed; here the process returns it every few milliseconds.
"""

from __future__ import annotations

import argparse
import json
import mmap
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Thread

import matplotlib.pyplot as plt
import numpy as np

N_ROWS, N_COLUMNS, N_KINDS = 2_560_000, 784, 10
N_COMPONENTS, BATCH_SIZE = 20, 1_000  # few enough for an exact log Z
LIMIT = 200  # MiB of private memory beyond the memory reserved by the libraries
PICTURE = Path(__file__).parent / "larger_than_memory.png"
FIELDS = ("VmRSS", "RssAnon", "RssFile")


def kinds() -> np.ndarray:
    """Probabilities of ones in rows of each kind."""
    return np.random.default_rng(0).choice([0.05, 0.9], p=[0.8, 0.2], size=(N_KINDS, N_COLUMNS))


def draw(kind: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of a kind."""
    return (rng.random((n, N_COLUMNS), dtype=np.float32) < kind).astype(np.uint8)


def write(path: Path) -> None:
    """Write the file piece by piece."""
    if shutil.disk_usage(path.parent).free < 2 * N_ROWS * N_COLUMNS:
        sys.exit(f"{path.parent} has too little space.")
    rng, n = np.random.default_rng(1), 10_000
    with path.open("wb") as file:
        for kind in kinds():
            for start in range(0, N_ROWS // N_KINDS, n):
                draw(kind, min(n, N_ROWS // N_KINDS - start), rng).tofile(file)


def fit(path: Path, *, in_memory: bool) -> None:
    """Fit the file, or make as many updates on a sample of it, and print the result."""
    from skrbm import BernoulliRBM

    X = np.memmap(path, np.uint8, "r", shape=(N_ROWS, N_COLUMNS))
    rbm = BernoulliRBM(N_COMPONENTS, batch_size=BATCH_SIZE, n_iter=1, random_state=0)
    if in_memory:
        n_sweeps = 20
        X = np.ascontiguousarray(X[::n_sweeps])
        rbm.set_params(n_iter=n_sweeps)
    else:
        allowed = int(2**20 * (memory()["VmData"] + LIMIT))
        resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))
        Thread(target=give_back, args=(X.base,), daemon=True).start()
    begin = time.perf_counter()
    rbm.fit(X)
    seconds = time.perf_counter() - begin
    rng = np.random.default_rng(2)
    test = np.concatenate([draw(kind, 200, rng) for kind in kinds()])
    of_kinds = rbm.score_samples(test).reshape(N_KINDS, -1).mean(axis=1)
    report = {"seconds": seconds, "nats": of_kinds.mean(), "worst kind": of_kinds.min()}
    print(json.dumps({name: float(value) for name, value in report.items()}))


def give_back(mapped: mmap.mmap) -> None:
    """Repeatedly drop the mapped pages of a file, as the system does if memory is short."""
    while True:
        time.sleep(0.002)
        mapped.madvise(mmap.MADV_DONTNEED)


def memory(process: int | str = "self") -> dict[str, float]:
    """MiB of memory of a process, by the names of /proc/PID/status."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    numbers = (line.removesuffix(" kB").split(":") for line in lines if line.endswith(" kB"))
    return {name: int(number) / 1024 for name, number in numbers}


def bound() -> float:
    """The most nats per row that any model can have."""
    p = kinds()
    return float(-np.log(N_KINDS) + (p * np.log(p) + (1 - p) * np.log(1 - p)).sum(axis=1).mean())


def watch(command: list[str]) -> tuple[np.ndarray, dict[str, float]]:
    """Seconds and MiB of memory of a process until its end, and its output."""
    begin, seen = time.perf_counter(), []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            now = memory(process.pid)
            if now:  # and it is not about to end
                seen.append([time.perf_counter() - begin, *(now[field] for field in FIELDS)])
            time.sleep(0.05)
        output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        sys.exit(f"{command} failed")
    return np.array(seen), json.loads(output)


def plot(seen: np.ndarray) -> None:
    """Draw memory against time, with the size of the data."""
    seconds, total, private, cached = seen.T
    size = N_ROWS * N_COLUMNS / 2**20
    _, ax = plt.subplots(figsize=(7, 4), layout="constrained")
    ax.axhline(size, color="black", linestyle=":", label=f"the data, {size:.0f} MiB")
    ax.plot(seconds, total, color="tab:grey", label="resident (VmRSS)")
    ax.plot(seconds, cached, color="tab:orange", label="of it from files (RssFile)")
    ax.plot(seconds, private, color="tab:blue", label="of it private (RssAnon)")
    ax.set(xlabel="seconds", ylabel="MiB", ylim=(0, None), title="fit of a memory-mapped file")
    ax.legend(loc="center")
    plt.savefig(PICTURE, dpi=100)


def main() -> None:
    """Write the file, fit it in separate processes, and delete it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", type=Path, help="a file that is there, in this process")
    parser.add_argument("--in-memory", action="store_true", help="a twentieth of it, in memory")
    arguments = parser.parse_args()
    if arguments.fit:
        fit(arguments.fit, in_memory=arguments.in_memory)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows"
        write(path)
        command = [sys.executable, "-m", "benchmarks.larger_than_memory", "--fit", str(path)]
        seen, report = watch(command)
        _, of_sample = watch([*command, "--in-memory"])
    plot(seen)
    most = dict(zip(FIELDS, seen[:, 1:].max(axis=0).round().tolist(), strict=True))
    print(f"data {N_ROWS * N_COLUMNS / 2**20:.0f} MiB; most MiB", most)
    print("the file:", report, "a twentieth, in memory:", of_sample, "bound:", bound())


if __name__ == "__main__":
    main()
