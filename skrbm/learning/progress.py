"""Progress of a fit: a tqdm bar on a terminal, otherwise some lines."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from skrbm.learning.train_state import Record

N_LINES = 20  # of a fit with verbose=1


@contextmanager
def progress(
    name: str, n_iter: int, figure: str, verbose: int, n_lines: int = N_LINES
) -> Iterator[Callable[[Record], None]]:
    """Report records: in a tqdm bar on a terminal if tqdm is installed, otherwise as lines.

    With verbose=1, there are at most n_lines lines, at equal intervals and for the last record.
    """
    name_of_figure = figure.replace("_log", "").replace("_", "-")  # as in scikit-learn's output

    def seen(record: Record) -> str:
        return f"{name_of_figure} = {record[figure]:.2f}"

    if not verbose:
        yield lambda record: None
    elif sys.stderr.isatty() and find_spec("tqdm"):
        from tqdm import tqdm

        with tqdm(total=n_iter, desc=name, unit="epoch") as bar:

            def advance(record: Record) -> None:
                bar.set_postfix_str(seen(record))
                bar.update()

            yield advance
    else:
        every = 1 if verbose > 1 else max(1, math.ceil(n_iter / n_lines))
        unwritten: list[Record] = []

        def write() -> None:
            record = unwritten[-1]
            line = f"[{name}] Iteration {record['iteration']:.0f}, {seen(record)}"
            print(line, f"time = {record['time']:.2f}s", sep=", ", flush=True)
            unwritten.clear()

        def add(record: Record) -> None:
            unwritten.append(record)
            if len(unwritten) == every:
                write()

        yield add
        if unwritten:
            write()
