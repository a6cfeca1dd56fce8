"""`Checkpoint`: a callback that saves an estimator during `fit`, to be resumed from the file."""

from __future__ import annotations

import os
from copy import copy
from pathlib import Path
from typing import Any

import joblib
from sklearn.base import BaseEstimator

from skrbm._earlier_versions import EarlierVersionError
from skrbm.validation.parameters import check_count


class Checkpoint:
    """Callback that saves the estimator to a file at a fixed interval of epochs.

    The file is complete at any time, even if the process is killed while saving: a new file is
    written first and then replaces the old one. `Checkpoint.load` returns the estimator as it was
    after that epoch. Its `resume` gives, bit for bit, the result of an uninterrupted fit, and
    continues to save.

    Parameters
    ----------
    path : str or path-like
        The file. `path` with ".part" appended is written first.
    every : int, default=1
        Number of epochs between two files.

    Notes
    -----
    Files are pickles: only load files that you trust. Other callbacks are not saved; restore them
    by `set_params(callbacks=...)` before `resume`.

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
        """Save the estimator, if the interval has passed."""
        if iteration % self.every:
            return
        estimator = copy(estimator)  # other callbacks may not be picklable
        estimator.callbacks = [self]
        part = self.path.with_name(self.path.name + ".part")
        with part.open("wb") as file:
            joblib.dump(estimator, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path)

    @staticmethod
    def load(path: Any) -> Any:
        """Load the estimator that a checkpoint saved.

        Parameters
        ----------
        path : str or path-like

        Returns
        -------
        estimator : estimator

        Raises
        ------
        ValueError
            If the file is damaged, or was not written by a checkpoint.
        FileNotFoundError
            If the file does not exist.
        ImportError
            If an earlier version of skrbm wrote it.
        """
        estimator, cause = None, None
        try:
            estimator = joblib.load(path)
        except (OSError, EarlierVersionError):
            raise
        except Exception as error:  # unpickling other files can raise anything
            cause = error
        if not (isinstance(estimator, BaseEstimator) and hasattr(estimator, "resume")):
            msg = f"path == {str(path)!r}, must be a file that a Checkpoint wrote."
            raise ValueError(msg) from cause
        return estimator
