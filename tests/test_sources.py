"""Data larger than memory: rows of files, and parts of data that are not copied."""

import pickle
import tracemalloc
import warnings

import numpy as np
import pytest
import sklearn
from sklearn.neural_network import MLPClassifier

from skrbm import (
    BernoulliRBM,
    Checkpoint,
    DBNClassifier,
    DeepBeliefNetwork,
    GaussianBernoulliRBM,
    RBMClassifier,
    RBMImputer,
    RBMOutlierDetector,
)
from skrbm._kernels import random
from skrbm.data import sources
from skrbm.data.sources import ChosenRows, DiskRows, access, on_disk, part
from skrbm.data.summary import summarize
from skrbm.estimators.common.fitted import fitted_of
from skrbm.estimators.rbm import settings
from skrbm.estimators.rbm.base import settings_of
from skrbm.learning import loop
from skrbm.validation.rows import TrainingRows

from laws import quick

SHORT = {"n_iter": 2, "random_state": 0, "batch_size": 7}


def small_buffer(monkeypatch, block_bytes, buffer_bytes):
    """Treat all files as large."""
    monkeypatch.setattr(sources, "BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(sources, "BUFFER_BYTES", buffer_bytes)


def in_file(folder, X):
    """The array, mapped from a file."""
    path = folder / "X.npy"
    np.save(path, X)
    return np.load(path, mmap_mode="r")


def bits(n_rows, n_columns, dtype="uint8"):
    return np.random.default_rng(0).integers(2, size=(n_rows, n_columns)).astype(dtype)


def labels(X):
    return np.arange(len(X)) % 3


def parameters(estimator):
    """All fitted numbers of an estimator that an epoch changes."""
    if isinstance(estimator, RBMOutlierDetector | RBMImputer):
        return parameters(estimator.rbm_)
    if isinstance(estimator, DBNClassifier):
        return [*parameters(estimator.dbn_), *estimator.mlp_.coefs_]
    if isinstance(estimator, DeepBeliefNetwork):
        net = fitted_of(estimator).net
        return [x.weights.array for x in (*net.recognition, *net.generation, net.top)]
    return list(fitted_of(estimator).rbm.parameters)


STACK = DeepBeliefNetwork((5, 4), rbm=BernoulliRBM(**SHORT), fine_tune_iter=1, random_state=0)
ESTIMATORS = {
    "binary": BernoulliRBM(5, **SHORT),
    "early stopping": BernoulliRBM(5, early_stopping=True, **SHORT),
    "real": GaussianBernoulliRBM(5, **SHORT),
    "missing": GaussianBernoulliRBM(5, missing_values="allow", early_stopping=True, **SHORT),
    "labels": RBMClassifier(5, early_stopping=True, **SHORT),
    "stack": STACK.set_params(rbm__early_stopping=True),
    "outliers": RBMOutlierDetector(BernoulliRBM(5, **SHORT), random_state=0),
    "imputer": RBMImputer(BernoulliRBM(5, **SHORT), random_state=0),
    "perceptron": DBNClassifier(
        DeepBeliefNetwork((5,), rbm=BernoulliRBM(**SHORT)),
        mlp=MLPClassifier(solver="sgd", max_iter=2),
        random_state=0,
    ),
}
TRAINED_BY_CALLS = [
    name for name in ESTIMATORS if name not in ("outliers", "imputer", "perceptron")
]


def rows_for(name, dtype, n_rows=200):
    X = bits(n_rows, 6, "float32" if name == "missing" else dtype)
    if name == "missing":
        X[::3, 1] = np.nan
    return X


def fitted(name, X, method="fit", **options):
    """A copy of the estimator, fitted to rows of which some have no weight."""
    estimator = pickle.loads(pickle.dumps(ESTIMATORS[name]))
    weights = np.where(np.arange(len(X)) % 5 == 0, 0.0, 1.0)
    if name == "labels" and method == "partial_fit":
        options["classes"] = [0, 1, 2]
    return getattr(estimator, method)(X, labels(X), sample_weight=weights, **options)


@pytest.mark.parametrize("dtype", ["float32", "uint8", "bool"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_file_gives_the_model_of_its_rows_in_the_same_order(name, dtype, tmp_path, monkeypatch):
    """Fails if a row is confused with another, in the buffer or if some have no weight.

    In memory the rows are visited here in the order of a file. Activations of a stack are computed
    on access: activations that fit into memory have another order.
    """
    X = rows_for(name, dtype)
    small_buffer(monkeypatch, 64, 512)
    with sklearn.config_context(working_memory=0):
        from_file = parameters(fitted(name, in_file(tmp_path, X)))

    def as_in_a_file(rows, rng):
        n_rows, X = rows.shape[0], rows
        while hasattr(X, "X"):
            X = X.X
        return DiskRows(X, np.arange(n_rows)).visits(rng)

    monkeypatch.setattr(loop, "shuffled", as_in_a_file)
    monkeypatch.setattr(settings, "on_disk", lambda X: True)
    with sklearn.config_context(working_memory=0):
        in_memory = parameters(fitted(name, X))
    for one, other in zip(from_file, in_memory, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", ["float32", "uint8", "bool"])
@pytest.mark.parametrize("name", TRAINED_BY_CALLS)
def test_a_file_is_read_in_its_order_by_partial_fit(name, dtype, tmp_path, monkeypatch):
    """Fails if blocks of a file are shuffled although rows are not."""
    X = rows_for(name, dtype)
    in_memory = parameters(fitted(name, X, "partial_fit"))
    small_buffer(monkeypatch, 64, 512)
    from_file = parameters(fitted(name, in_file(tmp_path, X), "partial_fit"))
    for one, other in zip(from_file, in_memory, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["early stopping", "labels", "stack"])
def test_a_small_file_is_treated_as_memory(name, tmp_path):
    """Fails if a file that fits into the buffer has another order."""
    X = rows_for(name, "uint8")
    pairs = zip(
        parameters(fitted(name, in_file(tmp_path, X))), parameters(fitted(name, X)), strict=True
    )
    for one, other in pairs:
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", ["float32", "uint8", "bool"])
def test_reading_methods_accept_files(dtype, tmp_path, monkeypatch):
    """Fails if features or scores of a file differ from results of its rows in memory."""
    X = rows_for("binary", dtype)
    rbm = fitted("binary", X)
    small_buffer(monkeypatch, 64, 512)
    X_file = in_file(tmp_path, X)
    for method in (rbm.transform, rbm.score_samples, rbm.free_energy):
        np.testing.assert_array_equal(method(X_file), method(X))


def test_rows_come_in_the_order_of_their_indices(monkeypatch):
    """Fails if the buffer confuses blocks, or a batch larger than the buffer is not read."""
    X = np.arange(3 * 101.0).reshape(101, 3)
    small_buffer(monkeypatch, 5 * 24, 20 * 24)
    rng = np.random.default_rng(0)
    chosen = rng.permutation(101)[:83]
    for rows, expected in (
        (DiskRows(X, np.arange(101)), X),
        (DiskRows(X, np.arange(101)).part(chosen), X[chosen]),
        (DiskRows(X, np.arange(101)).part(chosen).part(np.arange(1, 60)), X[chosen][1:60]),
        (DiskRows(X, np.arange(101)).clip(10, 200), X.clip(10, 200)),
        (ChosenRows(X, chosen).clip(10, 200), X[chosen].clip(10, 200)),
    ):
        assert rows.shape == expected.shape
        for size in (1, 3, 10, 50, 200):
            batch = rng.integers(len(expected), size=size)
            np.testing.assert_array_equal(rows[batch], expected[batch])
        np.testing.assert_array_equal(rows[2:40], expected[2:40])


@pytest.mark.parametrize(
    ("n_rows", "block", "held"), [(101, 5, 4), (100, 5, 4), (7, 1, 1), (3, 9, 2)]
)
def test_an_epoch_visits_every_row_and_reads_every_block_once(n_rows, block, held, monkeypatch):
    """Fails if a short last block is lost, or a mini-batch between two groups reads twice."""
    small_buffer(monkeypatch, 8 * block, 8 * block * held)
    read = blocks_read(monkeypatch)
    X = np.arange(float(n_rows))[:, None]
    rows = DiskRows(X, np.arange(n_rows))
    order = rows.visits(random.generator(0))
    visited = np.concatenate(
        [rows[batch][:, 0] for batch in np.array_split(order, -(-n_rows // 3))]
    )
    np.testing.assert_array_equal(visited, order)
    np.testing.assert_array_equal(np.sort(visited), np.arange(n_rows))
    np.testing.assert_array_equal(np.sort(read), np.arange(-(-n_rows // block)))


def blocks_read(monkeypatch):
    """A list that grows with every block that is read into a buffer."""
    read, method = [], DiskRows._read

    def read_and_note(self, i):
        read.append(i)
        method(self, i)

    monkeypatch.setattr(DiskRows, "_read", read_and_note)
    return read


def test_a_fit_reads_a_file_once_per_epoch(tmp_path, monkeypatch):
    """Fails if rows of a file are visited in any order, so that blocks are read again and again.

    At the end of an epoch a quarter of the blocks are held; the next one reads some of them again.
    """
    X = in_file(tmp_path, bits(400, 8))
    small_buffer(monkeypatch, 32, 32 * 25)
    read = blocks_read(monkeypatch)
    BernoulliRBM(2, **SHORT).fit(X)
    assert 175 <= len(read) <= 200


@pytest.mark.parametrize("held", [1, 2])
def test_all_orders_of_blocks_and_of_rows_in_a_group_are_equally_likely(held, monkeypatch):
    """Fails if blocks stay in their order, or rows within them. Six standard errors of a frequency.

    Four rows are in two blocks, in separate groups or in one: 8 or 24 orders.
    """
    small_buffer(monkeypatch, 16, 16 * held)
    rows, rng, n = DiskRows(np.zeros((4, 1)), np.arange(4)), random.generator(0), 4_000
    orders, counts = np.unique([rows.visits(rng) for _ in range(n)], axis=0, return_counts=True)
    possible = {1: 8, 2: 24}[held]
    assert len(orders) == possible
    assert abs(counts / n - 1 / possible).max() < 6 * (1 / possible / n) ** 0.5


def test_only_large_views_of_mapped_files_stay_in_the_file(tmp_path, monkeypatch):
    """Fails if a view of a mapped array is read as a whole, or another array counts as mapped."""
    X = bits(100, 4)
    file = in_file(tmp_path, X)
    assert access(file) is file  # which is small
    small_buffer(monkeypatch, 16, 64)
    for view in (file, np.asarray(file), file[10:].view(bool), file.reshape(50, 8)):
        rows = access(view)
        assert on_disk(rows) is rows
        np.testing.assert_array_equal(rows[:20], view[:20])
    for array in (X, X[10:], np.array(file), file[np.arange(50)]):
        assert access(array) is array
        assert on_disk(part(array, np.arange(5))) is None


def test_rows_to_train_on_are_in_the_order_of_the_file(tmp_path, monkeypatch):
    """Fails if early stopping turns a file into scattered rows."""
    X = in_file(tmp_path, bits(100, 4))
    small_buffer(monkeypatch, 16, 64)
    settings = settings_of(BernoulliRBM(early_stopping=True))
    rows = access(X)
    summary = summarize(rows, np.ones(100), np.float32, with_moments=False)
    train, validation = settings.split(TrainingRows(rows, np.arange(1.0, 101), summary), 0)
    assert (np.diff(train.values.rows) > 0).all()
    assert (np.diff(validation.rows) > 0).all()
    np.testing.assert_array_equal(np.sort([*train.values.rows, *validation.rows]), np.arange(100))
    np.testing.assert_array_equal(train.weights, 1 + train.values.rows)


WIDE = {"n_iter": 1, "random_state": 0, "batch_size": 500}
WIDE_ESTIMATORS = {
    "binary": BernoulliRBM(2, **WIDE),
    "early stopping": BernoulliRBM(2, early_stopping=True, **WIDE),
    "real": GaussianBernoulliRBM(2, early_stopping=True, **WIDE),
    "labels": RBMClassifier(2, early_stopping=True, **WIDE),
    "stack": DeepBeliefNetwork(
        (2, 2), rbm=BernoulliRBM(early_stopping=True, **WIDE), fine_tune_iter=1, random_state=0
    ),
    "outliers": RBMOutlierDetector(BernoulliRBM(2, **WIDE), random_state=0),
}


@pytest.fixture(scope="module")
def wide():
    return bits(60_000, 256)


@pytest.mark.parametrize("kind", ["bool", "uint8 in a file"])
@pytest.mark.parametrize(
    "name", quick(WIDE_ESTIMATORS, "binary", "early stopping", "real", "outliers")
)
def test_fit_never_holds_a_second_copy_of_the_data(name, kind, wide, tmp_path, monkeypatch):
    """Fails if a copy or a mask of the data, or a whole file, is in memory at any time.

    The largest allocations are blocks of 1,024 rows, in float64 an eighth of the data, and indices
    and weights of eight bytes per row.
    """
    dtype, *file = kind.split(" in a ")
    X = wide.astype(dtype)
    small_buffer(monkeypatch, 2**16, 2**20)
    if file:
        X = in_file(tmp_path, X)
    weights = np.where(np.arange(len(X)) % 5 == 0, 0.0, 1.0)
    estimator = pickle.loads(pickle.dumps(WIDE_ESTIMATORS[name]))
    assert peak(lambda: estimator.fit(X, labels(X), sample_weight=weights)) < 0.8 * wide.nbytes


@pytest.mark.parametrize("method", ["fit", "score_samples", "transform"])
def test_missing_values_need_no_mask_of_all_data(method, wide):
    """Fails if a mask of all values is made."""
    X = wide.astype("float32")
    X[::100, 0] = np.nan
    rbm = GaussianBernoulliRBM(2, missing_values="allow", **WIDE)
    if method != "fit":
        rbm.fit(X[:1000])
    assert peak(lambda: getattr(rbm, method)(X)) < 0.8 * wide.nbytes


def peak(work):
    """Largest number of bytes in use."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_values_of_a_file_outside_the_domain_are_clipped_on_access(wide, tmp_path, monkeypatch):
    """Fails if a clipped copy is made, or values beyond the limits reach the model."""
    small_buffer(monkeypatch, 2**16, 2**20)
    rbms, X = [], in_file(tmp_path, 3 * wide)

    def fit(X):
        rbms.append(BernoulliRBM(2, **WIDE).partial_fit(X))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert peak(lambda: fit(X)) < 0.8 * wide.nbytes
    fit(wide)
    for one, other in zip(*map(parameters, rbms), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_checkpoint_holds_no_data_and_resumes_with_the_file(wide, tmp_path, monkeypatch):
    """Fails if rows are written with the model, or a later epoch has another order."""
    small_buffer(monkeypatch, 2**16, 2**20)
    X = in_file(tmp_path, wide[:10_000])
    path = tmp_path / "checkpoint"

    def give_up(rbm, iteration):
        raise KeyboardInterrupt

    rbm = BernoulliRBM(2, early_stopping=True, batch_size=1000, n_iter=2, random_state=0)
    unbroken = parameters(rbm.fit(X))
    rbm.set_params(callbacks=[Checkpoint(path), give_up])
    with pytest.raises(KeyboardInterrupt):
        rbm.fit(X)
    assert path.stat().st_size < X.nbytes / 4
    resumed = Checkpoint.load(path).set_params(callbacks=None).resume(X)
    for one, other in zip(parameters(resumed), unbroken, strict=True):
        np.testing.assert_array_equal(one, other)
