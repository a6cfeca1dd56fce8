"""Parts of the time of a fit: updates, mini-batches, watching, start and checks, the rest."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from unittest import mock

import numpy as np
from sklearn.datasets import load_digits, load_iris

from benchmarks.datasets import mnist
from benchmarks.speed import Row
from skrbm import BernoulliRBM, GaussianBernoulliRBM
from skrbm.estimators.rbm import learner
from skrbm.learning.loop import Loop

PARTS = "updates", "mini-batches", "watching", "start and checks"


@dataclass
class Stopwatch:
    """Seconds of the parts of a fit; every measured call costs some 0.2 microseconds."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    begun: float = field(default_factory=perf_counter)

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, whose seconds count for a part."""
        seconds = self.seconds

        def measured(*arguments: Any) -> Any:
            begin = perf_counter()
            result = function(*arguments)
            seconds[part] += perf_counter() - begin
            return result

        return measured

    def timed_items(self, part: str, items: Callable[..., Iterator[Any]]) -> Callable[..., Any]:
        """The same for a generator: the seconds in which it makes its items."""

        def measured(*arguments: Any) -> Iterator[Any]:
            following = self.timed(part, items(*arguments).__next__)
            while True:
                try:
                    item = following()
                except StopIteration:
                    return
                yield item

        return measured

    def started(self, epochs: Callable[..., Iterator[Any]]) -> Callable[..., Any]:
        """The epochs of a loop; all time before them belongs to its start."""

        def measured(*arguments: Any) -> Iterator[Any]:
            self.seconds["start and checks"] += perf_counter() - self.begun
            return epochs(*arguments)

        return measured

    def of_fit(self, fit: Callable[[], object]) -> tuple[float, dict[str, float]]:
        """Seconds of a fit, and of each of its parts."""

        def update_of(*arguments: Any) -> Callable[..., Any]:
            return self.timed("updates", plain_update_of(*arguments))

        plain_update_of = learner.update_of
        changed = {
            "epochs": self.started(Loop.epochs),
            "mini_batches": self.timed_items("mini-batches", Loop.mini_batches),
            "watched": self.timed("watching", Loop.watched),
        }
        with ExitStack() as stack:
            stack.enter_context(mock.patch.object(learner, "update_of", update_of))
            for name, method in changed.items():
                stack.enter_context(mock.patch.object(Loop, name, method))
            self.begun = perf_counter()
            fit()
            total = perf_counter() - self.begun
        return total, self.seconds


def _row(title: str, fit: Callable[[], object], repeats: int) -> Row:
    """Seconds of a fit, and its parts in percent: medians."""
    measured = [Stopwatch().of_fit(fit) for _ in range(repeats)]
    shares = {
        part: statistics.median(100 * seconds[part] / total for total, seconds in measured)
        for part in PARTS
    }
    total = statistics.median(total for total, _ in measured)
    percent = {f"{part}, %": share for part, share in shares.items()}
    rest = 100 - sum(shares.values())
    return {"benchmark": f"parts of a fit, {title}", "seconds": total, **percent, "rest, %": rest}


def parts_of_fits(repeats: int = 3) -> list[Row]:
    """Percentages of the parts of default fits at three sizes."""
    iris, digits = load_iris().data, (load_digits().data / 16).astype(np.float32)
    images = mnist()[0][:10_000].astype(np.float32)
    fits = {
        "iris, 4 x 16": lambda: GaussianBernoulliRBM(16, random_state=0).fit(iris),
        "digits, 64 x 256": lambda: BernoulliRBM(random_state=0).fit(digits),
        "MNIST, 784 x 500": lambda: BernoulliRBM(500, random_state=0).fit(images),
    }
    return [_row(title, fit, repeats) for title, fit in fits.items()]
