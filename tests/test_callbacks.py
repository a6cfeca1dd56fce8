"""Callbacks: when they are called, how they stop a fit, and fits that resume."""

import os
import pickle
import re
import signal
import subprocess
import sys
import time
import types

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skrbm import (
    BernoulliRBM,
    Checkpoint,
    DBNClassifier,
    DBNRegressor,
    DeepBeliefNetwork,
    GaussianBernoulliRBM,
    RBMClassifier,
    TabularRBM,
)
from skrbm.estimators.common import device
from skrbm.estimators.common.fitted import fitted_of
from skrbm.estimators.rbm.base import learner_of
from skrbm.estimators.rbm.learner import Learner
from skrbm.learning.loop import Loop

X = (load_digits().data[:300] / 16).astype(np.float32)
Y = load_digits().target[:300]
HOLES = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)


def _cases():
    """Estimators with all kinds of training state, and their data."""
    small = {"n_components": 8, "n_iter": 6, "random_state": 0}
    stopping = {"early_stopping": True, "n_iter_no_change": 3, "tol": 100.0, "n_iter": 12}
    yield "jump", BernoulliRBM(**small), (X,)
    yield "pt", BernoulliRBM(**small, gradient="pt"), (X,)
    yield "trajectory", BernoulliRBM(**small | stopping, batch_size=20, gradient="ptt"), (X,)
    yield "seedless", BernoulliRBM(**small | {"random_state": None} | stopping), (X,)
    yield "stopping", BernoulliRBM(**small | stopping), (X,)
    noise = np.random.default_rng(0).random((40, 8)) < 0.5
    decays = BernoulliRBM(64, batch_size=1, n_iter=60, early_stopping=True, tol=0, random_state=0)
    yield "decays", decays, (noise,)
    yield "holes", BernoulliRBM(**small | stopping, missing_values="allow"), (HOLES,)
    yield "gaussian", GaussianBernoulliRBM(**small), (X,)
    yield "table", TabularRBM(**small | stopping), (HOLES,)
    yield "classifier", RBMClassifier(**small | stopping, inputs="sample"), (X, Y)
    yield "gaps and labels", RBMClassifier(**small, missing_values="allow"), (HOLES, Y)

    layer = BernoulliRBM(n_iter=3, callbacks=None)
    stopping_layer = clone(layer).set_params(**stopping, batch_size=50)
    sizes = {"hidden_layer_sizes": (8, 8, 4), "random_state": 0}
    yield "stack", DeepBeliefNetwork(**sizes, rbm=layer), (X,)
    yield "stopping stack", DeepBeliefNetwork(**sizes, rbm=stopping_layer), (X,)
    yield "up-down", DeepBeliefNetwork((8, 4), rbm=layer, fine_tune_iter=3, random_state=0), (X,)
    holes = clone(stopping_layer).set_params(missing_values="allow", n_iter=4)
    tuned = DeepBeliefNetwork(**sizes, rbm=holes, fine_tune_iter=3)
    yield "stack with holes", tuned, (HOLES,)

    dbn = DeepBeliefNetwork((8, 4), rbm=layer, fine_tune_iter=2, random_state=0)
    sgd = MLPClassifier(solver="sgd", learning_rate_init=0.5, batch_size=50, max_iter=4)
    partly = np.where(np.arange(300) < 200, Y, -1)
    tuned = DBNClassifier(dbn, mlp=sgd, unlabeled=-1, inputs="sample", random_state=0)
    yield "tuned", tuned, (X, partly, np.arange(300) % 3)
    adam = MLPRegressor(batch_size=50, max_iter=4)
    yield "tuned by moments", DBNRegressor(dbn, mlp=adam, random_state=None), (X, Y / 9)
    hasty = clone(sgd).set_params(n_iter_no_change=1, validation_fraction=0.3)
    stopping = DBNClassifier(dbn, mlp=hasty, early_stopping=True, random_state=0)
    yield "stopping tuning", stopping, (X, Y)
    gappy = clone(dbn).set_params(rbm=clone(layer).set_params(missing_values="allow"))
    yield "tuned on gaps", DBNClassifier(gappy, mlp=sgd, random_state=0), (HOLES, Y)
    gappy_stopping = clone(stopping).set_params(dbn=gappy, inputs="sample")
    yield "stopping tuning on gaps", gappy_stopping, (HOLES, Y)
    squares = DBNRegressor(dbn, early_stopping=True, random_state=0)
    yield "stopping tuning to targets", squares, (X, Y / 9)
    frozen = FrozenEstimator(clone(dbn).fit(X))
    yield "frozen", DBNClassifier(frozen, mlp=sgd, random_state=0), (X, Y)


STACK = DeepBeliefNetwork((4, 3), rbm=BernoulliRBM(n_iter=2), random_state=0)
CASES = list(_cases())
SEEDED = [case for case in CASES if case[1].random_state is not None]


def _parameters(estimator):
    if hasattr(estimator, "mlp_"):
        mlp = estimator.mlp_
        return joblib.hash((_parameters(estimator.dbn_), mlp.coefs_, mlp.intercepts_, mlp.n_iter_))
    if isinstance(estimator, DeepBeliefNetwork):
        layers = [fitted_of(rbm).rbm.parameters for rbm in estimator.rbms_]
        directed = [*estimator.recognition_, *estimator.generation_]
        return joblib.hash((layers, [(x.layer.bias, x.weights.array) for x in directed]))
    return joblib.hash(fitted_of(estimator).rbm.parameters)


def _has_a_fit_to_resume(estimator):
    if isinstance(estimator, DBNClassifier):
        return estimator._fit_state is not None
    return learner_of(estimator).fit is not None


def _histories(estimator):
    """All figures that do not depend on the machine."""
    if hasattr(estimator, "mlp_"):
        return [*_histories(estimator.dbn_), {"loss": estimator.loss_curve_}]
    histories = estimator.history_
    if not isinstance(histories, list):
        histories = [histories]
    return [{name: x for name, x in h.items() if name != "time"} for h in histories]


class _Keep:
    """Keeps the content that a file would have after each epoch."""

    def __init__(self):
        self.kept = {}

    def __call__(self, estimator, iteration):
        self.kept[iteration] = pickle.dumps(estimator)

    def __deepcopy__(self, memory):
        return self

    def __getstate__(self):
        return {"kept": {}}  # or every file would contain all previous ones


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_a_resumed_fit_equals_an_uninterrupted_fit(case):
    """Fails if chains, generators, moving averages, the schedule or the best score restart."""
    _, estimator, data = case
    keep = _Keep()
    unbroken = clone(estimator).set_params(callbacks=keep).fit(*data)
    n_epochs = len(keep.kept)
    assert list(keep.kept) == list(range(1, n_epochs + 1))
    for after in {2, n_epochs // 2, n_epochs - 1, n_epochs}:
        resumed = pickle.loads(keep.kept[after]).set_params(callbacks=None).resume(*data)
        assert _parameters(resumed) == _parameters(unbroken)
        for got, expected in zip(_histories(resumed), _histories(unbroken), strict=True):
            for name, values in expected.items():
                np.testing.assert_array_equal(got[name], values)


@pytest.mark.parametrize("case", SEEDED, ids=[case[0] for case in SEEDED])
def test_a_fit_resumes_exactly_after_an_exception_in_a_callback(case):
    """Fails if the epoch before the exception is trained again, or its changes are lost."""
    _, estimator, data = case
    keep = _Keep()
    unbroken = clone(estimator).set_params(callbacks=keep).fit(*data)
    for after in {1, len(keep.kept) // 2, len(keep.kept) - 1}:

        def give_up(_, iteration, after=after):
            if iteration == after:
                raise KeyboardInterrupt

        stopped = clone(estimator).set_params(callbacks=give_up)
        with pytest.raises(KeyboardInterrupt):
            stopped.fit(*data)
        assert _parameters(stopped.resume(*data)) == _parameters(unbroken)


@pytest.mark.parametrize(
    "name", ["jump", "trajectory", "stopping", "gaussian", "classifier", "stack"]
)
def test_a_fit_interrupted_within_an_epoch_trains_all_its_epochs(name, monkeypatch):
    """Fails if an interrupted epoch is counted, or is recorded twice."""
    estimator, data = next(case[1:] for case in CASES if case[0] == name)
    unbroken = clone(estimator).fit(*data)
    mini_batches = Loop.mini_batches

    def interrupted(loop, state, epoch):
        for i, batch in enumerate(mini_batches(loop, state, epoch)):
            if i == 1 and epoch == 2:
                raise KeyboardInterrupt  # in the middle of an epoch, after an update
            yield batch

    stopped = clone(estimator)
    with monkeypatch.context() as patched:
        patched.setattr(Loop, "mini_batches", interrupted)
        with pytest.raises(KeyboardInterrupt):
            stopped.fit(*data)
    assert _parameters(stopped.resume(*data)) != _parameters(unbroken)  # as documented
    for got, expected in zip(_histories(stopped), _histories(unbroken), strict=True):
        np.testing.assert_array_equal(got["iteration"], expected["iteration"])


@pytest.mark.parametrize(("method", "before"), [("begin_fit", True), ("finish", False)])
def test_a_stack_interrupted_between_two_layers_resumes(method, before, monkeypatch):
    """Fails if a new or a finished layer is treated as one in training."""
    unbroken, calls, original = clone(STACK).fit(X), [], getattr(Learner, method)

    def interrupted(*args, **kwargs):
        calls.append(args)
        if before and len(calls) == 2:
            raise KeyboardInterrupt
        result = original(*args, **kwargs)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return result

    stopped = clone(STACK)
    with monkeypatch.context() as patched:
        patched.setattr(Learner, method, interrupted)
        with pytest.raises(KeyboardInterrupt):
            stopped.fit(X)
    assert _parameters(stopped.resume(X)) == _parameters(unbroken)


def test_refuses_to_resume_finished_fits_and_other_data():
    """Fails if a finished fit is trained again, or other data are trained on."""
    keep = _Keep()
    rbm = BernoulliRBM(4, n_iter=3, callbacks=keep, random_state=0).fit(X)
    before = _parameters(rbm)
    with pytest.raises(ValueError, match="BernoulliRBM has no fit to resume"):
        rbm.resume(X)
    assert _parameters(rbm) == before
    with pytest.raises(ValueError, match="X has 299 rows to train on, must be the 300"):
        pickle.loads(keep.kept[1]).resume(X[1:])
    with pytest.raises(ValueError, match="no fit to resume"):
        pickle.loads(keep.kept[1]).partial_fit(X).resume(X)


def test_callbacks_see_the_estimator_after_every_epoch():
    """Fails if a callback is called before the epoch, or with an estimator that cannot be used."""
    seen = []

    def see(rbm, iteration):
        seen.append((iteration, rbm.n_iter_, rbm.pseudo_log_likelihood(X).mean()))

    rbm = BernoulliRBM(8, n_iter=4, callbacks=see, random_state=0).fit(X)
    assert [s[:2] for s in seen] == [(i, i) for i in range(1, 5)]
    assert seen[-1][2] == pytest.approx(rbm.pseudo_log_likelihood(X).mean())
    unwatched = BernoulliRBM(8, n_iter=4, random_state=0).fit(X)
    assert _parameters(rbm) == _parameters(unwatched)


def test_stop_iteration_ends_a_fit_and_all_callbacks_are_called():
    """Fails if the rest of the callbacks are left out, or the estimator is left unfinished."""
    called = []

    def stop(rbm, iteration):
        if iteration == 2:
            raise StopIteration

    rbm = BernoulliRBM(4, n_iter=9, callbacks=[stop, lambda *args: called.append(args[1])])
    rbm.fit(X)
    assert rbm.n_iter_ == 2
    assert called == [1, 2]
    with pytest.raises(ValueError, match="no fit to resume"):
        rbm.resume(X)
    with pytest.raises(ValueError, match="callbacks == 3, must be None, a callable or a list"):
        BernoulliRBM(callbacks=3).fit(X)


# One process imports the package and forks one fit per path, so that a kill costs no import.
_FITS = """
import os
import sys
import joblib
from sklearn.base import clone
from skrbm import Checkpoint
estimator, data = joblib.load(sys.argv[1])

def report(estimator, iteration):
    print("epoch", flush=True)

joblib.dump(clone(estimator).fit(*data), sys.argv[2])
for path in sys.argv[3:]:
    if not (fit := os.fork()):
        clone(estimator).set_params(callbacks=[Checkpoint(path), report]).fit(*data)
        os._exit(0)
    print(fit, flush=True)
    input()
    os.waitpid(fit, 0)
    print("over", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_kills", "where", "estimator", "data"),
    [
        (10, "device", BernoulliRBM(64, n_iter=50, random_state=0), (X,)),
        (
            3,
            "dbn__device",
            DBNClassifier(
                DeepBeliefNetwork((32, 16), rbm=BernoulliRBM(n_iter=15)),
                mlp=MLPClassifier(solver="sgd", batch_size=20, max_iter=20),
                random_state=0,
            ),
            (X, Y),
        ),
    ],
    ids=["rbm", "tuned"],
)
def test_a_killed_fit_resumes_from_its_file(n_kills, where, estimator, data, tmp_path):
    """Fails if a kill leaves a file that cannot be read, or that gives another result."""
    rng = np.random.default_rng(0)
    estimator = clone(estimator).set_params(**{where: device.DEFAULT_DEVICE})
    start, end, n_resumed = tmp_path / "start", tmp_path / "end", 0
    joblib.dump((estimator, data), start)
    paths = [tmp_path / f"{i}.checkpoint" for i in range(n_kills)]
    command = [sys.executable, "-c", _FITS, start, end, *paths]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    with subprocess.Popen(command, **pipes) as fits:
        for path in paths:
            fit = int(next(fits.stdout))
            for _ in range(rng.integers(1, 40)):
                next(fits.stdout)
            time.sleep(rng.uniform(0, 0.01))  # about as long as an epoch and its file take
            os.kill(fit, signal.SIGKILL)
            fits.stdin.write("\n")
            while not next(fits.stdout).endswith("over\n"):
                pass
            resumed = Checkpoint.load(path)
            if _has_a_fit_to_resume(resumed):
                n_resumed += 1
                resumed.resume(*data)
            assert _parameters(resumed) == _parameters(joblib.load(end))
    assert n_resumed > 0


@pytest.fixture
def saved(tmp_path):
    """The path of a checkpoint."""
    path = tmp_path / "rbm.checkpoint"
    BernoulliRBM(4, n_iter=2, callbacks=Checkpoint(path, every=2), random_state=0).fit(X)
    return path


def test_files_that_are_not_checkpoints_are_refused(saved, tmp_path):
    """Fails if a truncated or foreign file raises something else, or passes."""
    whole = saved.read_bytes()
    assert Checkpoint.load(saved).n_iter_ == 2
    assert list(tmp_path.iterdir()) == [saved]
    foreign = [whole[:n] for n in range(0, len(whole), max(1, len(whole) // 50))]
    foreign += [b"not a pickle", pickle.dumps({"a": 1}), pickle.dumps(LogisticRegression())]
    for content in foreign:
        saved.write_bytes(content)
        with pytest.raises(ValueError, match="must be an undamaged file that a Checkpoint"):
            Checkpoint.load(saved)
    with pytest.raises(FileNotFoundError):
        Checkpoint.load(tmp_path / "none")
    with pytest.raises(ValueError, match="every == 0, must be an integer >= 1"):
        Checkpoint(saved, every=0)


def test_a_flipped_bit_is_detected(saved):
    """Fails if a fit resumes from other numbers than it stopped with."""
    whole = saved.read_bytes()
    for bit in np.random.default_rng(0).choice(8 * len(whole), 1000, replace=False).tolist():
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        saved.write_bytes(flipped)
        with pytest.raises(ValueError, match="must be an undamaged file"):
            Checkpoint.load(saved)


def test_a_checkpoint_holds_its_path_as_text(saved):
    """Fails if a Path is pickled, which other versions of Python and other systems cannot load."""
    assert b"pathlib" not in saved.read_bytes()
    assert Checkpoint.load(saved).callbacks[0].path == str(saved)


def test_the_cause_is_named_if_an_undamaged_checkpoint_cannot_be_loaded(tmp_path, monkeypatch):
    """Fails if the message blames the file instead of a missing package."""
    gone = types.ModuleType("gone")
    monkeypatch.setitem(sys.modules, "gone", gone)
    exec("class Schedule:\n    pass", vars(gone))
    rbm = BernoulliRBM(4, n_iter=1, callbacks=Checkpoint(tmp_path / "file"), random_state=0)
    rbm.tag = gone.Schedule()
    rbm.fit(X)
    monkeypatch.delitem(sys.modules, "gone")
    cause = "undamaged checkpoint that cannot be loaded here: ModuleNotFoundError: .*'gone'"
    with pytest.raises(ValueError, match=cause):
        Checkpoint.load(tmp_path / "file")


WITH_CALLBACKS = [BernoulliRBM(4, n_iter=2), STACK, DBNClassifier(STACK), RBMClassifier(4)]


@pytest.mark.parametrize("estimator", WITH_CALLBACKS, ids=lambda x: type(x).__name__)
def test_a_path_that_cannot_be_written_is_refused_before_training(estimator, tmp_path):
    """Fails if an epoch is trained in vain, by `fit` or by `resume` on another machine."""
    (tmp_path / "file").write_bytes(b"")
    keep = _Keep()
    for path in (tmp_path / "none" / "x", tmp_path, tmp_path / "file" / "x"):
        sentence = f"path of the Checkpoint == {re.escape(repr(str(path)))}, must be a file in a"
        with pytest.raises(ValueError, match=sentence):
            clone(estimator).set_params(callbacks=[keep, Checkpoint(path)]).fit(X, Y)
    assert not keep.kept
    estimator = clone(estimator).set_params(callbacks=keep).fit(X, Y)
    for path in (tmp_path / "none" / "x", tmp_path):
        unfinished = pickle.loads(keep.kept[1]).set_params(callbacks=Checkpoint(path))
        with pytest.raises(ValueError, match="path of the Checkpoint"):
            unfinished.resume(X, Y)


def test_a_relative_path_is_in_the_current_folder(tmp_path, monkeypatch):
    """The negative control. Fails if a path without a folder is refused."""
    monkeypatch.chdir(tmp_path)
    BernoulliRBM(4, n_iter=1, callbacks=Checkpoint("file")).fit(X)
    assert Checkpoint.load("file").n_iter_ == 1


def test_links_are_not_followed(tmp_path):
    """Fails if a checkpoint overwrites a file of others that a link of its name points to."""
    path, other = tmp_path / "rbm.checkpoint", tmp_path / "other"
    other.write_bytes(b"kept")
    (tmp_path / "rbm.checkpoint.part").symlink_to(other)
    path.symlink_to(other)
    BernoulliRBM(4, n_iter=1, callbacks=Checkpoint(path)).fit(X)
    assert other.read_bytes() == b"kept"
    assert not path.is_symlink()
    assert Checkpoint.load(path).n_iter_ == 1
