"""`Checkpoint`: a callback that writes an estimator to a file, from which its fit goes on."""

from __future__ import annotations

import os
from copy import copy
from pathlib import Path
from typing import Any

import joblib
from sklearn.base import BaseEstimator

from skrbm.validation.parameters import check_count


class Checkpoint:
    """Callback that writes the estimator to a file after every so many sweeps.

    A file is complete at any time, also where the process is killed while it writes: the new one is
    written beside the old one and then takes its place. `Checkpoint.load` returns the estimator as
    it was after that sweep; its `resume` goes on to the result that the fit would have had, bit by
    bit, and goes on writing.

    Parameters
    ----------
    path : str or path-like
        The file; `path` with ".part" appended is written first.
    every : int, default=1
        Sweeps from one file to the next.

    Notes
    -----
    Files are pickles: load those alone that you trust. Other callbacks are not in the file;
    `set_params(callbacks=...)` gives them back before `resume`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from skrbm import BernoulliRBM, Checkpoint
    >>> X = np.array([[0, 0, 1], [1, 0, 0]] * 50)
    >>> def give_up(rbm, iteration):
    ...     if iteration == 3:
    ...         raise KeyboardInterrupt
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "rbm.checkpoint"
    ...     rbm = BernoulliRBM(2, n_iter=5, callbacks=[Checkpoint(path), give_up], random_state=0)
    ...     try:
    ...         rbm = rbm.fit(X)
    ...     except KeyboardInterrupt:
    ...         rbm = Checkpoint.load(path).resume(X)
    >>> unbroken = BernoulliRBM(2, n_iter=5, random_state=0).fit(X)
    >>> bool((rbm.components_ == unbroken.components_).all())
    True
    """

    def __init__(self, path: Any, every: int = 1) -> None:
        self.path = Path(path)
        self.every = check_count("every", every)

    def __call__(self, estimator: Any, iteration: int) -> None:
        """Write the estimator, where it is time to."""
        if iteration % self.every:
            return
        estimator = copy(estimator)  # others may not be for pickling
        estimator.callbacks = [self]
        part = self.path.with_name(self.path.name + ".part")
        with part.open("wb") as file:
            joblib.dump(estimator, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path)

    @staticmethod
    def load(path: Any) -> Any:
        """The estimator that a checkpoint wrote.

        Parameters
        ----------
        path : str or path-like

        Returns
        -------
        estimator : estimator

        Raises
        ------
        ValueError
            If the file is damaged, or not one of a checkpoint.
        FileNotFoundError
            If there is none.
        """
        estimator, cause = None, None
        try:
            estimator = joblib.load(path)
        except OSError:
            raise
        except Exception as error:  # whatever unpickling something else comes to
            cause = error
        if not (isinstance(estimator, BaseEstimator) and hasattr(estimator, "resume")):
            msg = f"path == {str(path)!r}, must be a file that a Checkpoint wrote."
            raise ValueError(msg) from cause
        return estimator
