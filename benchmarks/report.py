"""A page of five tables and two plots: `python -m benchmarks.report [FOLDER] [--run]`.

The page, `report.md`, is made of the records that `python -m benchmarks --out FOLDER` writes, and
names those that are missing. `--run` measures them first, in 20 minutes on two idle cores.
README.md quotes this page.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from benchmarks import curves, records

INK = "#30363d"
DATA = {
    "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST",
    "labelled-shifter": "labelled shifter",
    "bars-and-stripes-4": "bars and stripes",
}
EPOCHS = {
    "skrbm": "skrbm",
    "torch float32": "plain PyTorch",
    "scikit-learn float32": "scikit-learn",
}


@dataclass(frozen=True)
class Section:
    """A table or a plot of the record `name`."""

    name: str
    title: str
    text: str
    table: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    plot: Callable[[pd.DataFrame], plt.Figure] | None = None
    alternative: str = ""


def likelihoods(rows: pd.DataFrame) -> pd.DataFrame:
    """Held-out nats and seconds of both packages."""
    rows[["data", "package"]] = rows["what"].str.rsplit(", ", n=1, expand=True)
    rows["data"] = rows["data"].replace(DATA)
    columns = {}
    for value, shown in (("nats", "{:.1f}".format), ("seconds", _seconds)):
        for package, column in _means(rows, "data", "package", value).items():
            columns[f"{package}, {value}"] = column.map(shown)
    return pd.DataFrame(columns)


def features(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean accuracies and their standard errors, in percent."""
    groups = rows.assign(accuracy=100 * rows["accuracy"]).groupby(["features", "data"], sort=False)
    mean, error = (groups["accuracy"].agg(f).unstack() for f in ("mean", "sem"))
    return mean.map("{:.1f}".format) + " ± " + error.map("{:.1f}".format)


def gaps(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean absolute errors over splits, and over all tables."""
    table = _means(rows, "method", "table", "MAE")
    return table.assign(mean=table.mean(axis=1)).map("{:.3f}".format)


def densities(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean log-densities over splits."""
    names = {"default": "GaussianBernoulliRBM", "full normal": "one normal density"}
    names["full mixture"] = "mixture of normal densities"
    rows["estimator"] = rows["estimator"].replace(names)
    return _means(rows, "estimator", "data", "held_out").map("{:.1f}".format)


def default_fits(rows: pd.DataFrame) -> pd.DataFrame:
    """Seconds per estimator and table."""
    return _means(rows, "estimator", "data", "seconds").map(_seconds)


def _seconds(s: float) -> str:
    """Two digits, but all of whole seconds."""
    return "-" if np.isnan(s) else f"{s:.0f}" if s >= 9.95 else f"{s:#.2g}"


def _means(rows: pd.DataFrame, index: str, columns: str, values: str) -> pd.DataFrame:
    return rows.groupby([index, columns], sort=False)[values].mean().unstack()


def likelihood_against_seconds(rows: pd.DataFrame) -> plt.Figure:
    """A line for each package."""
    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    curves.draw(axes, rows.to_dict("records"))
    return figure


def epochs(rows: pd.DataFrame) -> plt.Figure:
    """Bars of seconds per epoch by the rows of a mini-batch."""
    rows = rows[rows["what"].isin(EPOCHS)]
    sizes = list(rows["benchmark"].unique())
    figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    for k, (what, name) in enumerate(EPOCHS.items()):
        seconds = rows[rows["what"] == what].set_index("benchmark")["seconds"].reindex(sizes)
        places = np.arange(len(sizes)) + 0.27 * (k - 1)
        bars = axes.bar(places, seconds, 0.25, color=curves.COLORS[name], label=name)
        axes.bar_label(bars, fmt="%.2g", padding=2, color=INK)
    axes.set_xticks(range(len(sizes)), [size.split("batch ")[1] for size in sizes])
    axes.set(xlabel="rows per mini-batch", ylabel="seconds per epoch")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


SECTIONS = (
    Section(
        "likelihoods",
        "Log-likelihood",
        "Binary data, 16 hidden units, other parameters by default. Held-out nats per row, with "
        "an exact log Z, and seconds of the fit: one seed. No model exceeds -6.64 nats for the "
        "labelled shifter, and -3.38 for bars and stripes.",
        table=likelihoods,
    ),
    Section(
        "curves",
        "Log-likelihood against seconds",
        "Thresholded MNIST, 20 hidden units, an exact log Z. Each point is a separate fit with the "
        "defaults, except for its number of epochs.",
        plot=likelihood_against_seconds,
        alternative="Log-likelihood of new images against seconds of training, for three packages",
    ),
    Section(
        "features",
        "Features for a classifier",
        "Accuracy in percent of a logistic regression on scikit-learn's digits: ten splits, mean "
        "and standard error. Nudged images may be shifted by one pixel.",
        table=features,
    ),
    Section(
        "gaps",
        "Missing values",
        "Mean absolute error of imputed cells, with columns scaled to [0, 1] and a fifth of the "
        "cells missing at random: three splits.",
        table=gaps,
    ),
    Section(
        "densities",
        "Densities of few columns",
        "Held-out log-densities in nats per row, of columns with standard deviation 1: three "
        "splits. The number of components of a mixture is chosen on training rows.",
        table=densities,
    ),
    Section(
        "default_fits",
        "Seconds of default fits",
        "Medians of three. scikit-learn's only RBM is `BernoulliRBM`, which makes ten epochs.",
        table=default_fits,
    ),
    Section(
        "training",
        "Seconds per epoch",
        "The same persistent contrastive divergence in float32 over 20,000 rows of MNIST, with 500 "
        "hidden units: medians of five.",
        plot=epochs,
        alternative="Bars of seconds per epoch of three packages, for three sizes of mini-batches",
    ),
)


def markdown(table: pd.DataFrame) -> str:
    """The table with its index as first column."""
    lines = [["", *table.columns], ["---", *["---:"] * table.shape[1]]]
    lines += [[name, *cells] for name, *cells in table.itertuples()]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _machine(record: dict) -> str:
    """Processor and versions of a record."""
    about = record["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    processor = f"{about['processor']}, {about['cores']} cores"
    return f"Measured on {processor}, Python {about['python']}, {versions}."


def _section(section: Section, record: dict | None, folder: Path) -> str:
    parts = [f"## {section.title}", section.text]
    if record is None:
        return "\n\n".join([*parts, f"Not measured: `python -m benchmarks {section.name}`."])
    rows = pd.DataFrame(record["rows"])
    if section.table:
        parts.append(markdown(section.table(rows)))
    if section.plot:
        section.plot(rows).savefig(folder / f"{section.name}.png", dpi=200)
        parts.append(f"![{section.alternative}]({section.name}.png)")
    load = f"load {record['machine']['load']} before the start"
    parts.append(f"`{record['command']}`, {record['date']}, {load}. {record['note']}".strip())
    return "\n\n".join(parts)


def page(folder: Path) -> str:
    """The page of the records in a folder; plots are written to the folder."""
    found = [records.read(folder, section.name) for section in SECTIONS]
    introduction = (
        "`python -m benchmarks.report --run` measures and writes this page. Seconds vary by a "
        "third between runs, and more if the machine has other work: compare only seconds in the "
        "same table or plot."
    )
    machines = dict.fromkeys(_machine(record) for record in found if record)
    sections = [_section(s, record, folder) for s, record in zip(SECTIONS, found, strict=True)]
    return "\n\n".join(["# Benchmarks", introduction, *machines, *sections]) + "\n"


def main() -> None:
    """Measure if asked to, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=records.FOLDER)
    parser.add_argument("--run", action="store_true", help="measure everything first")
    arguments = parser.parse_args()
    if arguments.run:
        names = [section.name for section in SECTIONS]
        command = [sys.executable, "-m", "benchmarks", *names, "--out", str(arguments.folder)]
        subprocess.run(command, check=True)
    (arguments.folder / "report.md").write_text(page(arguments.folder))


if __name__ == "__main__":
    main()
