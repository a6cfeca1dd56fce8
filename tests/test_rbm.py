"""`BernoulliRBM` from the user's side."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skrbm import BernoulliRBM, TabularRBM
from skrbm.learning.gradients import GRADIENTS
from skrbm.model import RBM
from skrbm.units import Bernoulli

from laws import coupled_rbm, draw, enumerate_rbm, random_rbm

PARAMETERS = ("components_", "intercept_hidden_", "intercept_visible_")


@pytest.fixture(scope="module")
def digits():
    return (load_digits().data / 16).astype(np.float32)


@pytest.fixture(scope="module")
def binary(digits):
    return (digits > 0.5).astype(np.float32)


@pytest.fixture(scope="module")
def fitted(binary):
    return BernoulliRBM(8, n_iter=20, random_state=0).fit(binary)


def assert_same_parameters(first, second, rtol=0.0):
    for name in PARAMETERS:
        np.testing.assert_allclose(
            getattr(first, name), getattr(second, name), rtol=rtol, atol=rtol
        )


def fitted_model(n_visible=4, n_hidden=3, seed=0):
    """An estimator of a known model."""
    rbm = random_rbm(n_visible=n_visible, n_hidden=n_hidden, seed=seed)
    estimator = BernoulliRBM(n_hidden, n_iter=0, random_state=0).fit(np.zeros((2, n_visible)))
    estimator.components_ = rbm.weights.array.T
    estimator.intercept_visible_ = rbm.visible.bias
    estimator.intercept_hidden_ = rbm.hidden.bias
    return estimator, enumerate_rbm(rbm)


# Results of the methods


def test_methods_equal_the_formulas_of_the_model():
    """Fails if score_samples omits log Z, or a transform uses the wrong direction."""
    estimator, exact = fitted_model()
    given_v = exact.joint / exact.joint.sum(axis=1, keepdims=True)
    given_h = exact.joint / exact.joint.sum(axis=0, keepdims=True)
    np.testing.assert_allclose(estimator.transform(exact.v), given_v @ exact.h, rtol=1e-10)
    np.testing.assert_allclose(
        estimator.inverse_transform(exact.h), given_h.T @ exact.v, rtol=1e-10
    )
    np.testing.assert_allclose(estimator.score_samples(exact.v), exact.log_p_visible, rtol=1e-10)
    assert estimator.score(exact.v) == pytest.approx(exact.log_p_visible.mean())
    weights = np.arange(len(exact.v))
    expected = np.average(exact.log_p_visible, weights=weights)
    assert estimator.score(exact.v, sample_weight=weights) == pytest.approx(expected)
    h = np.tile(exact.h[3], (len(exact.v), 1))
    np.testing.assert_allclose(estimator.energy(exact.v, h), -exact.log_joint[:, 3], rtol=1e-10)
    np.testing.assert_allclose(
        estimator.reconstruct(exact.v),
        estimator.inverse_transform(estimator.transform(exact.v)),
        rtol=1e-12,
    )


def test_probabilities_sum_to_one_for_the_current_parameters():
    """Fails if log Z belongs to parameters that have been replaced or changed."""
    estimator, exact = fitted_model(n_visible=9, n_hidden=4)
    assert np.exp(estimator.score_samples(exact.v)).sum() == pytest.approx(1)
    estimator.components_ *= 3
    assert np.exp(estimator.score_samples(exact.v)).sum() == pytest.approx(1)


@pytest.mark.parametrize("name", PARAMETERS)
def test_setting_a_parameter_changes_all_results_and_log_z(name):
    """By enumeration. Fails if a result uses the parameters of fit, or their log Z.

    Results were computed before, so that all caches are filled.
    """
    estimator, exact = fitted_model(n_visible=5, n_hidden=3)
    before = estimator.log_partition_.value
    features = estimator.transform(exact.v)
    value = getattr(estimator, name)
    value = value + np.random.default_rng(1).normal(size=value.shape)
    setattr(estimator, name, value)
    np.testing.assert_array_equal(getattr(estimator, name), value)
    rbm = RBM(
        Bernoulli(estimator.intercept_visible_),
        Bernoulli(estimator.intercept_hidden_),
        estimator.components_.T,
    )
    now = enumerate_rbm(rbm)
    assert estimator.log_partition_.value == pytest.approx(now.log_partition, rel=1e-10)
    assert abs(estimator.log_partition_.value - before) > 1e-3
    np.testing.assert_allclose(estimator.score_samples(now.v), now.log_p_visible, rtol=1e-9)
    means = now.joint @ now.h / now.joint.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(estimator.transform(now.v), means, rtol=1e-9)
    if name != "intercept_visible_":
        assert (estimator.transform(now.v) != features).any()


def test_training_continues_from_parameters_of_any_layout(binary, tmp_path):
    """Fails if steps go into a copy, or memory-mapped parameters cannot be written."""
    binary = binary.astype(np.float64)  # with which another order of sums draws the same states
    plain = BernoulliRBM(8, random_state=0).partial_fit(binary)
    joblib.dump(plain, tmp_path / "rbm")
    mapped = joblib.load(tmp_path / "rbm", mmap_mode="r")
    strided = joblib.load(tmp_path / "rbm")
    strided.components_ = np.repeat(strided.components_, 2, axis=1)[:, ::2]
    plain.partial_fit(binary)
    assert_same_parameters(plain, mapped.partial_fit(binary))
    assert_same_parameters(plain, strided.partial_fit(binary), rtol=1e-9)


def test_samples_have_the_model_s_means():
    """Fails if sample returns its start. Six standard errors of independent chains."""
    estimator, exact = fitted_model()
    n = 20_000
    mean = np.exp(exact.log_p_visible) @ exact.v
    limit = 6 * np.sqrt(mean * (1 - mean) / n)
    v = estimator.sample(n, n_steps=100, random_state=0)
    assert (np.abs(v.mean(axis=0) - mean) < limit).all()
    v = estimator.gibbs(np.zeros((n, 4)), n_steps=100)
    assert (np.abs(v.mean(axis=0) - mean) < limit).all()


def test_gibbs_continues_and_is_reproducible(binary):
    """Fails if every call restarts its random numbers."""
    first, second = (BernoulliRBM(8, n_iter=1, random_state=3).fit(binary) for _ in range(2))
    sequences = [[rbm.gibbs(binary[:50]) for _ in range(3)] for rbm in (first, second)]
    np.testing.assert_array_equal(*sequences)
    assert (sequences[0][0] != sequences[0][1]).any(axis=1).mean() > 0.9
    np.testing.assert_array_equal(
        *(r.sample(5, n_steps=3, random_state=7) for r in (first, second))
    )


def test_reading_methods_do_not_change_chains_or_training(binary):
    """Fails if gibbs, sample or score_samples move the chains or the training's generator."""
    quiet = BernoulliRBM(4, n_iter=2, random_state=0).fit(binary)
    busy = clone(quiet).fit(binary)
    before = pickle.dumps((busy.chains_, busy.h_samples_))
    for method in (busy.transform, busy.score_samples, busy.gibbs, busy.pseudo_log_likelihood):
        method(binary[:20])
    busy.sample(3, n_steps=2)
    assert pickle.dumps((busy.chains_, busy.h_samples_)) == before
    assert_same_parameters(quiet.partial_fit(binary), busy.partial_fit(binary))


def test_log_z_is_kept_until_the_next_fit(binary):
    """Fails if log Z is recomputed for every score, or kept from an earlier fit."""
    estimator = BernoulliRBM(4, n_iter=1, random_state=0).fit(binary)
    for refit in (estimator.partial_fit, estimator.fit):
        before = estimator.log_partition_
        assert estimator.log_partition_ is before
        assert refit(binary).log_partition_ != before


# Learning


def _data_from(seed, n=5000):
    exact = enumerate_rbm(coupled_rbm(seed=seed))
    p = np.exp(exact.log_p_visible)
    return exact.v[draw(p, n, np.random.default_rng(1))], -p @ exact.log_p_visible


@pytest.mark.parametrize("gradient", ["pcd", "cd", "exact"])
def test_likelihood_rises_and_ends_near_the_entropy(gradient):
    """Law 8. Fails if data and model phase are exchanged.

    On fresh rows, no model exceeds minus the entropy by more than chance. Maximum likelihood loses
    about n_parameters / (2 n_rows) = 0.003 nat, CD's bias a little more.
    """
    X, entropy = _data_from(2)
    scores = [
        BernoulliRBM(4, gradient=gradient, n_iter=n, random_state=0).fit(X).score(X)
        for n in (0, 1, 60)
    ]
    assert scores[0] < scores[1] < scores[2]
    assert scores[2] > -entropy - 0.05


def test_weight_two_is_the_row_given_twice():
    """Exact for the exact gradient: one mini-batch, no draws. Fails if weights are ignored."""
    X, _ = _data_from(0, n=40)
    weights = np.random.default_rng(0).integers(0, 4, size=40)
    made = {"gradient": "exact", "batch_size": 1000, "n_iter": 50, "random_state": 0}
    weighted = BernoulliRBM(3, **made).fit(X, sample_weight=weights)
    repeated = BernoulliRBM(3, **made).fit(np.repeat(X, weights, axis=0))
    assert_same_parameters(weighted, repeated, rtol=1e-10)
    weighted.partial_fit(X, sample_weight=weights)
    repeated.partial_fit(np.repeat(X, weights, axis=0))
    assert_same_parameters(weighted, repeated, rtol=1e-10)


def test_weights_count_across_mini_batches():
    """Law 6. Fails if every mini-batch counts the same, regardless of its weight.

    One row of 1,000 is a one and weighs as much as all others: its probability is a half.
    """
    X = np.zeros((1000, 1))
    X[0] = 1
    weights = np.where(X[:, 0] == 1, 999, 1)
    estimator = BernoulliRBM(1, n_iter=200, gradient="exact", random_state=0)
    p = np.exp(estimator.fit(X, sample_weight=weights).score_samples([[1.0]]))
    assert p == pytest.approx(0.5, abs=0.05)


def test_rows_of_weight_zero_are_ignored():
    """Fails if they are in mini-batches, or cause a warning: they lie outside [0, 1]."""
    X, _ = _data_from(0, n=60)
    weights = np.repeat([0.0, 1.5, 0.0], 20)
    made = {"batch_size": 10, "n_iter": 3, "random_state": 0}
    weighted = BernoulliRBM(3, **made).fit(np.where(weights[:, None], X, 5), sample_weight=weights)
    removed = BernoulliRBM(3, **made).fit(X[20:40], sample_weight=weights[20:40])
    assert_same_parameters(weighted, removed)


def test_mini_batches_of_any_size_do_not_shift_the_fixed_point():
    """Law 6. At the model that drew the rows, the mean step of calls of 1, 2 and 3 rows is zero.

    Fails if the data's sum is divided by a fixed batch size. A row's term has a standard deviation
    of at most 1 in every parameter; the mean over all calls has to vanish within six of its own.
    """
    exact = enumerate_rbm(random_rbm(scale=0.5))
    rng = np.random.default_rng(0)
    n_calls, rate = 1000, 1e-6
    sizes = np.resize([1, 2, 3], n_calls)
    X = exact.v[draw(np.exp(exact.log_p_visible), sizes.sum(), rng)]
    estimator = BernoulliRBM(3, learning_rate=rate, batch_size=10, gradient="exact", n_iter=0)
    estimator.set_params(random_state=0).fit(X)
    rbm = random_rbm(scale=0.5)
    start = rbm.weights.array.T, rbm.hidden.bias, rbm.visible.bias
    for name, array in zip(PARAMETERS, start, strict=True):
        setattr(estimator, name, array.copy())
    for rows in np.split(X, np.cumsum(sizes)[:-1]):
        estimator.partial_fit(rows)
    for name, array in zip(PARAMETERS, start, strict=True):
        mean_step = np.abs(getattr(estimator, name) - array).max() / (n_calls * rate)
        assert mean_step < 6 * np.sqrt((1 / sizes).sum()) / n_calls


def test_stream_of_calls_equals_one_call(binary):
    """Fails if partial_fit restarts its chains, offsets or generator in every call."""
    start = BernoulliRBM(8, batch_size=50, random_state=0).partial_fit(binary[:150])
    one, stream = (pickle.loads(pickle.dumps(start)) for _ in range(2))
    one.partial_fit(binary[150:750])
    for rows in range(150, 750, 150):
        stream.partial_fit(binary[rows : rows + 150])
    assert_same_parameters(one, stream)
    np.testing.assert_array_equal(one.chains_, stream.chains_)
    assert (one.n_iter_, stream.n_iter_) == (2, 5)


@pytest.mark.parametrize("copy", [lambda e: pickle.loads(pickle.dumps(e)), "joblib"])
def test_a_copy_continues_bit_for_bit(binary, tmp_path, copy):
    """Fails if a copy loses chains, offsets or a generator."""
    estimator = BernoulliRBM(8, n_iter=3, random_state=0).partial_fit(binary)
    estimator.gibbs(binary[:5])
    if copy == "joblib":
        joblib.dump(estimator, tmp_path / "rbm")
        other = joblib.load(tmp_path / "rbm")
    else:
        other = copy(estimator)
    assert_same_parameters(estimator.partial_fit(binary), other.partial_fit(binary))
    np.testing.assert_array_equal(estimator.gibbs(binary), other.gibbs(binary))
    assert estimator.score(binary) == other.score(binary)
    assert_same_parameters(clone(estimator).fit(binary), clone(other).fit(binary))


# Data of every kind


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csr_matrix, sparse.csc_array])
def test_sparse_rows_are_the_same_rows(binary, container):
    """Fails if sparse rows use another formula."""
    binary = binary.astype(np.float64)  # with which another order of sums draws the same states
    X = container(binary)
    dense, other = (BernoulliRBM(8, n_iter=3, random_state=0).fit(rows) for rows in (binary, X))
    assert_same_parameters(dense, other, rtol=1e-9)
    for name in (
        "transform",
        "free_energy",
        "score_samples",
        "reconstruct",
        "pseudo_log_likelihood",
    ):
        np.testing.assert_allclose(
            getattr(dense, name)(binary[:100]), getattr(dense, name)(X[:100]), rtol=1e-4, atol=1e-6
        )
    np.testing.assert_allclose(
        dense.energy(X[:9], dense.transform(X[:9])),
        dense.energy(binary[:9], dense.transform(binary[:9])),
        rtol=1e-5,
    )
    assert dense.gibbs(X[:9]).shape == (9, 64)


@pytest.mark.parametrize(
    ("given", "computed"),
    [
        (np.float32, np.float32),
        (np.float64, np.float64),
        (bool, np.float32),
        (np.uint8, np.float32),
        (np.float16, np.float32),
        (np.int64, np.float64),
    ],
)
def test_precision_follows_the_data(binary, given, computed):
    """Fails if float32 data is computed in float64, or the other way round."""
    X = binary[:200].astype(given)
    estimator = BernoulliRBM(4, n_iter=1, random_state=0).fit(X)
    arrays = [getattr(estimator, name) for name in PARAMETERS]
    arrays += [estimator.chains_, estimator.transform(X), estimator.reconstruct(X)]
    assert {array.dtype for array in arrays} == {np.dtype(computed)}
    assert estimator.score_samples(X).dtype == np.float64


def test_both_precisions_follow_the_same_chains(binary):
    """Fails if float64 models draw other numbers.

    Rounding in 18 updates stays below 1e-5, and decides one of 130,000 draws in a few fits of a
    hundred; after many more updates it would.
    """
    single, double = (
        BernoulliRBM(8, n_iter=1, random_state=0).fit(binary.astype(dtype))
        for dtype in (np.float32, np.float64)
    )
    np.testing.assert_array_equal(single.chains_, double.chains_)
    np.testing.assert_array_equal(single.h_samples_, double.h_samples_)
    for name in PARAMETERS:
        np.testing.assert_allclose(getattr(single, name), getattr(double, name), rtol=0, atol=1e-5)


def test_float32_likelihood_is_accurate(fitted, binary):
    """Fails if likelihoods are summed in float32. Rounding of 72 terms of size 10: below 1e-4."""
    double = clone(fitted).set_params(n_iter=0).fit(binary.astype(np.float64))
    for name in PARAMETERS:
        setattr(double, name, getattr(fitted, name).astype(np.float64))
    np.testing.assert_allclose(
        fitted.score_samples(binary), double.score_samples(binary), rtol=0, atol=1e-4
    )


def test_feature_names_are_kept(binary):
    """Fails if set_output or feature names are not wired."""
    X = pd.DataFrame(binary[:50], columns=[f"pixel{i}" for i in range(64)])
    estimator = BernoulliRBM(3, n_iter=1, random_state=0).fit(X)
    assert list(estimator.feature_names_in_) == list(X.columns)
    names = ["bernoullirbm0", "bernoullirbm1", "bernoullirbm2"]
    assert list(estimator.get_feature_names_out()) == names
    assert list(estimator.set_output(transform="pandas").transform(X).columns) == names


def test_history_converts_to_a_data_frame(binary):
    """Fails if a figure is missing in some epoch, or partial_fit is not recorded."""
    estimator = BernoulliRBM(4, n_iter=5, random_state=0).fit(binary).partial_fit(binary)
    frame = pd.DataFrame(estimator.history_)
    assert list(frame["iteration"]) == [1, 2, 3, 4, 5, 6]
    assert estimator.n_iter_ == 6
    assert (frame["learning_rate"].diff()[1:5] < 0).all()
    assert frame["learning_rate"][5] == 2.0  # 16 / 4^0.75 = 5.7, and at most 2
    assert frame["pseudo_log_likelihood"][4] > frame["pseudo_log_likelihood"][0]


def test_verbose_reports_every_epoch(binary, capsys):
    """Fails if a line is missing, or a silent fit prints."""
    BernoulliRBM(2, n_iter=3, verbose=1, random_state=0).fit(binary)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        f"[BernoulliRBM] Iteration {i}" for i in (1, 2, 3)
    ]
    BernoulliRBM(2, n_iter=3, random_state=0).fit(binary)
    assert capsys.readouterr() == ("", "")


def test_pipeline_and_grid_search(digits):
    """Fails if a parameter does not reach the estimator through clone and set_params."""
    y = load_digits().target
    pipeline = make_pipeline(
        BernoulliRBM(n_iter=20, random_state=0), LogisticRegression(max_iter=500)
    )
    grid = GridSearchCV(pipeline, {"bernoullirbm__n_components": [2, 40]}, cv=2)
    grid.fit(digits[:600], y[:600])
    assert grid.best_params_ == {"bernoullirbm__n_components": 40}
    assert grid.best_estimator_[0].components_.shape == (40, 64)


# Extremes


@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize(
    "X",
    [
        np.ones((1, 1)),
        np.zeros((3, 4)),
        np.ones((3, 4)),
        np.array([[0.0, 1, 0.5]]),
        np.tile([[0.0, 1, 0], [1, 1, 0]], (60, 1)),
    ],
    ids=["one row and column", "all zero", "all one", "grey row", "constant columns"],
)
def test_extreme_data_give_finite_models(X, gradient):
    """Law 9. Fails if the biases start at the log-odds without smoothing."""
    for n_iter in (0, 1, 30):
        estimator = BernoulliRBM(1, n_iter=n_iter, gradient=gradient, random_state=0).fit(X)
        assert np.isfinite(estimator.score_samples(X)).all()
        assert np.isfinite(estimator.pseudo_log_likelihood(X)).all()
        assert np.isfinite(estimator.sample(2, n_steps=2)).all()


def test_weights_times_a_hundred_stay_finite(fitted, binary):
    """Law 9. Fails if log Z or a free energy overflows."""
    wild = clone(fitted).fit(binary)
    wild.components_ = 100 * wild.components_
    wild.intercept_visible_ = 100 * wild.intercept_visible_
    assert np.isfinite(wild.score_samples(binary)).all()
    assert wild.score_samples(binary).max() <= 1e-3
    assert np.isfinite(wild.transform(binary)).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("gradient", ["jump", "pcd", "pt"])
def test_training_does_not_diverge(binary, gradient):
    """Law 9. Fails if a large step, extreme weights or single rows make a parameter infinite."""
    X = binary.copy()
    X[:, 5] = 1
    estimator = BernoulliRBM(16, learning_rate=10.0, n_iter=30, gradient=gradient, random_state=0)
    estimator.fit(X)
    assert estimator.score(X) > -30  # independent pixels have -29
    estimator.components_ *= 100
    estimator.set_params(batch_size=1).partial_fit(X[:50])
    assert np.isfinite(estimator.score_samples(X)).all()
    if gradient == "jump":  # other chains stay in a few of the 16 modes at such a rate
        few = BernoulliRBM(16, n_iter=2000, gradient=gradient, random_state=0).fit(X[:16])
        assert few.score(X[:16]) > -6  # no model exceeds -2.8


@pytest.mark.parametrize("gradient", ["jump", "pcd", "pt"])
@pytest.mark.parametrize("n_chains", [1, 2, 23])
def test_any_number_of_chains(binary, gradient, n_chains):
    """Fails if one or two temperatures, or fewer chains, cause an endless loop or an error."""
    estimator = BernoulliRBM(4, n_chains=n_chains, gradient=gradient, n_iter=15, random_state=0)
    estimator.fit(binary)
    assert estimator.score(binary) > -29  # the likelihood of independent pixels
    assert estimator.sample(3, n_steps=5).shape == (3, 64)


def test_warns_when_hidden_units_saturate(binary):
    """Fails if a model whose hidden units never change gives no warning."""
    with pytest.warns(ConvergenceWarning, match="use a smaller learning_rate than 100"):
        BernoulliRBM(16, learning_rate=100.0, n_iter=100, random_state=0).fit(binary)


def test_gradients_without_chains_have_no_chains_attribute(binary):
    """Fails if a fit without persistent chains has the attribute."""
    estimator = BernoulliRBM(2, n_iter=1, gradient="cd", random_state=0).fit(binary)
    assert not hasattr(estimator, "chains_")
    assert not hasattr(BernoulliRBM(), "chains_")
    with pytest.raises(NotFittedError):
        _ = BernoulliRBM().log_partition_


def test_hidden_units_of_small_tables_vary_from_the_start(digits):
    """Fails if the weights do not depend on the variances of the columns, or always do.

    The mean square of the inputs comes from three columns of 256 weights.
    """
    table = np.random.default_rng(0).uniform(0.1, 0.9, size=(500, 4)) * [1, 1, 1, 0.1]
    rbm = BernoulliRBM(n_iter=0, random_state=0).fit(table)
    inputs = table @ rbm.components_.T
    relative_error = np.sqrt(2 / (3 * 256))
    assert inputs.var(axis=0).mean() == pytest.approx(0.7**2, rel=5 * relative_error)
    of_narrow = BernoulliRBM(n_iter=0, random_state=0).fit(0.5 + table / 1000)
    assert of_narrow.components_.std() == pytest.approx(2.5 / np.sqrt(4 / 4), rel=0.1)
    of_digits = BernoulliRBM(n_iter=0, random_state=0).fit(digits)
    assert of_digits.components_.std() == pytest.approx(6 / np.sqrt(64 + 256), rel=0.05)
    of_constants = BernoulliRBM(n_iter=0, random_state=0).fit(np.full((50, 4), 0.3))
    assert of_constants.components_.std() == pytest.approx(6 / np.sqrt(4 + 256), rel=0.2)


def test_hidden_biases_start_at_the_given_value(digits):
    """Fails if the parameter is not used: the mean activity at the start is its logistic."""
    for bias, share in (("auto", 1 / (1 + np.exp(2))), (-4.0, 1 / (1 + np.exp(4)))):
        rbm = BernoulliRBM(200, hidden_bias=bias, n_iter=0, random_state=0).fit(digits)
        at_mean = rbm.transform(digits.mean(axis=0, keepdims=True)).mean()
        assert at_mean == pytest.approx(share, rel=0.1)
    with pytest.raises(
        ValueError, match="hidden_bias == inf, must be 'auto' or a finite number >= -80"
    ):
        BernoulliRBM(hidden_bias=np.inf).fit(digits)


def test_noise_is_not_learned():
    """Fails without the prior: 64 hidden units then lose more than three nats on new rows.

    Independent columns are the best model. Their own score has an error of 0.05 nat.
    """
    rng = np.random.default_rng(0)
    train, new = (rng.random((n, 30)) < 0.3 for n in (100, 1000))
    scores = {}
    for n_iter in (0, "auto"):
        rbm = BernoulliRBM(64, n_iter=n_iter, random_state=0).fit(train)
        scores[n_iter] = rbm.score(new)
    assert scores["auto"] > scores[0] - 0.5


def test_topics_of_rare_words_are_learned():
    """Fails if rare columns count as much as others in the prior: no unit then detects a topic."""
    rng = np.random.default_rng(0)
    is_own = np.arange(200) % 4 == rng.integers(4, size=(2000, 1))
    rows = rng.random(is_own.shape) < np.where(is_own, 0.1, 0.01)
    scores = {}
    for alpha in ("auto", 0):
        rbm = BernoulliRBM(8, n_iter=200, alpha=alpha, random_state=0).fit(rows[:1000])
        scores[alpha] = rbm.score(rows[1000:])
    assert scores["auto"] > scores[0]  # the prior helps by half a nat


def test_classes_of_rare_categories_are_learned():
    """Fails if rare categories count as much as others in the prior: columns are independent then.

    Four classes; each of six columns has one of ten categories of the class, of forty, in 85 %.
    """
    rng = np.random.default_rng(0)
    y = rng.integers(4, size=(1600, 1))
    y = np.where(rng.random((1600, 6)) < 0.8, y, rng.integers(4, size=(1600, 6)))
    X = (10 * y + rng.integers(10, size=y.shape)).astype(str).astype(object)
    scores = {}
    for n_iter in (0, 300):
        scores[n_iter] = TabularRBM(8, n_iter=n_iter, random_state=0).fit(X[:600]).score(X[600:])
    assert scores[300] > scores[0] + 0.5


def test_a_few_patterns_are_stored():
    """Fails if the prior also counts for fewer than 50 rows: no unit is then on."""
    patterns = np.random.default_rng(0).integers(2, size=(16, 30))
    rbm = BernoulliRBM(64, random_state=0).fit(patterns)
    assert rbm.score(patterns) > -5  # the best model has -2.8, independent columns -20
