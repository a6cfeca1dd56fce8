"""`Checkpoint`: a callback that saves an estimator during `fit`, to be resumed from the file."""

from __future__ import annotations

import hashlib
import os
import pickle
from copy import copy
from pathlib import Path
from typing import Any

from skrbm._earlier_versions import EarlierVersionError
from skrbm.validation.parameters import CheckedCallback, check_count, require

_HASH, _HASH_SIZE = "sha256", 32  # bytes at the end of a file


class Checkpoint(CheckedCallback):
    """Callback that saves the estimator to a file at a fixed interval of epochs.

    The file is complete at any time, even if the process is killed while saving: a new file is
    written first and then replaces the old one. `Checkpoint.load` returns the estimator as it was
    after that epoch. Its `resume` gives, bit for bit, the result of an uninterrupted fit, and
    continues to save.

    Parameters
    ----------
    path : str or path-like
        The file, in a folder that exists. `path` with ".part" appended is written first.
    every : int, default=1
        Number of epochs between saves.

    Notes
    -----
    A file is a pickle and its SHA-256 hash. Loading a pickle can run any code, and the hash only
    protects against accidents: only load files that you trust. Other callbacks are not saved;
    restore them by `set_params(callbacks=...)` before `resume`.

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
        self.path = os.fsdecode(path)  # other versions and systems cannot unpickle a Path
        self.every = check_count("every", every)

    def check(self) -> None:
        """Refuse a path that cannot be written."""
        folder = os.path.dirname(self.path) or "."
        writable = os.path.isdir(folder) and os.access(folder, os.W_OK)
        allowed = "a file in a folder that exists and can be written"
        valid = writable and not os.path.isdir(self.path)
        require(valid, "path of the Checkpoint", self.path, allowed)

    def __call__(self, estimator: Any, iteration: int) -> None:
        """Save the estimator, if the interval has passed."""
        if iteration % self.every:
            return
        estimator = copy(estimator)  # other callbacks may not be picklable
        estimator.callbacks = [self]
        part = Path(f"{self.path}.part")
        part.unlink(missing_ok=True)
        with part.open("x+b") as file:  # a new file: links are not followed
            pickle.dump(estimator, file, protocol=5)
            file.seek(0)
            file.write(hashlib.file_digest(file, _HASH).digest())
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path)

    @staticmethod
    def load(path: Any) -> Any:
        """Load the estimator that a checkpoint saved.

        Loading a file can run any code in it: only load files that you trust.

        Parameters
        ----------
        path : str or path-like

        Returns
        -------
        estimator : estimator

        Raises
        ------
        ValueError
            If the file is damaged, or was not written by a checkpoint, or if it cannot be loaded
            with the installed packages; the message then has the cause.
        FileNotFoundError
            If the file does not exist.
        ImportError
            If an earlier version of skrbm wrote it.
        """
        content = memoryview(Path(path).read_bytes())
        pickled, checksum = content[:-_HASH_SIZE], content[-_HASH_SIZE:]
        valid = hashlib.new(_HASH, pickled).digest() == checksum
        require(
            valid, "path", str(path), "an undamaged file that a Checkpoint of this version wrote"
        )
        try:
            return pickle.loads(pickled)
        except EarlierVersionError:
            raise
        except Exception as error:  # unpickling can raise anything
            msg = (
                f"path == {str(path)!r} is an undamaged checkpoint that cannot be loaded here: "
                f"{type(error).__name__}: {error}"
            )
            raise ValueError(msg) from error
