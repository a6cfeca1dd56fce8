"""Progress of a fit: a tqdm bar on a terminal, otherwise a line per epoch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from skrbm.learning.train_state import Record


@contextmanager
def progress(
    name: str, n_iter: int, figure: str, *, verbose: bool
) -> Iterator[Callable[[Record], None]]:
    """Report records: in a tqdm bar on a terminal if tqdm is installed, otherwise as lines."""
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

        def write(record: Record) -> None:
            line = f"[{name}] Iteration {record['iteration']:.0f}, {seen(record)}"
            print(line, f"time = {record['time']:.2f}s", sep=", ", flush=True)

        yield write
