"""`FittedTable`: a fitted model of a table, whose results are tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skrbm import conditionals
from skrbm._kernels import arrays, threads
from skrbm._kernels.devices import Array, Generator, to_host
from skrbm.data.coding import CodedRows, Coding
from skrbm.data.tables import Table
from skrbm.estimators.common.fitted import Fitted, FittedRBM
from skrbm.likelihood import conditional_log_likelihoods

_N_STEPS = 100  # length of the chains that average missing cells
_N_STEPS_DRAWN = 50  # of those that complete rows
_N_COMPLETIONS = 10  # per row with missing cells


@dataclass(frozen=True)
class FittedTable:
    """A fitted model of a table.

    Parameters
    ----------
    fitted : Fitted
        The model of the states.
    coding : Coding
        The states of the cells.
    """

    fitted: Fitted
    coding: Coding

    @classmethod
    def of(cls, fitted: Fitted) -> FittedTable:
        """The model of a table."""
        assert fitted.coding is not None
        return cls(fitted, fitted.coding)

    @property
    def table(self) -> Table:
        """The columns, and the codes of their values."""
        return self.coding.table

    # Tables of states and means

    def drawn(self, states: Array, rng: Generator) -> Any:
        """A table for rows of states, with numbers drawn within their codes."""
        return self.table.decode(self.coding.codes(states), rng)

    def modes(self, states: Array) -> Any:
        """A table for rows of states, with the median number of each code."""
        return self.table.modes(self.coding.codes(states))

    def expected(self, means: Array) -> Any:
        """A table of mean numbers and most probable categories."""
        return self.table.expected(self.coding.probabilities(means))

    # Samples

    def sample_given(self, given: Mapping[Any, Any], n: int, n_steps: int, rng: Generator) -> Any:
        """Draw rows from `p(row | given)`, for conditions on some columns."""
        log_share = np.zeros(len(self.coding.code_states))
        codes = np.full((n, len(self.table.names)), -1)
        for name, allowed in given.items():
            column = self.table.names.index(name) if name in self.table.names else -1
            share = self.table.log_share(name, allowed)
            log_share[self.coding.codes_of(column)] = share
            possible = np.flatnonzero(share > -np.inf)
            if len(possible) == 1:
                codes[:, column] = possible[0]
            elif self.fitted.lowest is not None:
                raise ValueError(
                    f"given[{name!r}] == {allowed!r}, must be a single value for a stack; only "
                    "a TabularRBM outside a stack accepts sets and ranges."
                )
        rows = self.coding.of_codes(codes, self.fitted.dtype)
        if self.fitted.lowest is not None:
            states = self.fitted.by_columns(self.fitted.completer("sample", n_steps), rows, rng)
            return self.table.decode(self.coding.codes(states), rng, allowed=given)
        model = replace(self.fitted, top=self._conditioned(self.coding.input(log_share)))
        states = model.by_columns(model.completer("sample", n_steps), rows, rng)
        return self.table.decode(self.coding.codes(states), rng, allowed=given)

    def _conditioned(self, input: Array) -> FittedRBM:
        """The model with an additional input of its visible units."""
        top = self.fitted.top
        n_absent = self.fitted.n_absent
        input = np.append(input, np.zeros(n_absent)).astype(self.fitted.dtype)
        rbm = replace(top.rbm, visible=top.rbm.visible.shift(input))
        return replace(top, rbm=rbm, base=top.base.shift(input))

    def impute(self, X: CodedRows, method: str, n_steps: int, rng: Generator) -> Any:
        """The table with all missing cells filled."""
        of_means = {"mean": self.table.expected, "median": self.table.medians}
        completer = self.fitted.completer("mean" if method in of_means else method, n_steps)
        own = self.fitted.own_draws(X, int(rng.integers(2**63)), copies_differ=method == "sample")
        states = self.fitted.by_columns(completer, X, own)
        if method in of_means:
            return of_means[method](self.coding.probabilities(states), like=X.table)
        codes = self.coding.codes(states)
        if method == "mode":
            return self.table.modes(codes, like=X.table)
        return self.table.decode(codes, rng, like=X.table)

    # Probabilities of cells

    def probabilities(self, X: CodedRows, targets: list[Any]) -> list[Array]:
        """Probabilities of the labels of some columns, given all others."""
        columns = [self.table.names.index(name) for name in targets]
        codes = X.codes.copy()
        codes[:, columns] = -1
        rows, first = replace(X, codes=codes), self.fitted.top.on(self.fitted.device)

        def work(v: Array, rng: Generator) -> Array:
            return conditionals.means(first.rbm, first.base, v, rng, _N_STEPS).visible

        means = self.fitted.by_columns(work, rows, self.fitted.own_draws(rows))
        of_codes = self.coding.probabilities(means)
        return [of_codes[:, self.coding.codes_of(i)] for i in columns]

    def cell_scores(self, X: CodedRows) -> Array:
        """`log p(cell | all other known cells of its row)`; NaN for missing cells.

        Cells are completed n times if some are missing. With the draws m,
        `1 / p(cell | others) = E[1 / p(cell | others, m)]` given all known cells.
        """
        rbm = self.fitted.top.on(self.fitted.device).rbm
        place, units = self.fitted.device.place, self.coding.units
        missing = X.codes < 0
        incomplete = missing.any(axis=1)
        scores = np.empty(missing.shape)

        def given_all(v: Array) -> Array:
            return to_host(conditional_log_likelihoods(rbm, place(v)))[:, units]

        if not incomplete.all():
            complete = X.part(np.flatnonzero(~incomplete))
            scores[~incomplete] = threads.by_rows(given_all, complete)
        if incomplete.any():
            rows = X.part(np.flatnonzero(incomplete))
            scores[incomplete] = self._averaged(given_all, rows)
        scores += X.log_density
        scores[X.is_missing] = np.nan
        return scores

    def column_scores(self, X: CodedRows) -> Array:
        """`log p(cell)` of every cell by independent columns, as at the start of the training."""
        of_codes = self.coding.probabilities(self.fitted.top.base.mean(0.0))
        first = np.cumsum(self.table.n_codes) - self.table.n_codes
        index = np.clip(first + X.codes, 0, len(of_codes) - 1)
        return np.log(of_codes[index]) + X.log_density

    def _averaged(self, given_all: Any, rows: CodedRows) -> Array:
        complete = self.fitted.completer("sample", _N_STEPS_DRAWN)
        many = rows.part(np.tile(np.arange(len(rows)), _N_COMPLETIONS))
        own = self.fitted.own_draws(many, copies_differ=True)
        states = self.fitted.by_columns(complete, many, own)
        terms = threads.by_rows(given_all, states).reshape(_N_COMPLETIONS, len(rows), -1)
        log_mean = arrays.row_log_sum_exp(np.moveaxis(-terms, 0, -1)) - np.log(_N_COMPLETIONS)
        return -log_mean
