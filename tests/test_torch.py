"""torch computes the same results as numpy, and no model depends on it."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import test_kernels
import test_own_draws
import torch
from simulated import Elsewhere, simulated_device
from sklearn.datasets import load_digits

from skrbm import (
    BernoulliRBM,
    DBNClassifier,
    DeepBeliefNetwork,
    GaussianBernoulliRBM,
    RBMClassifier,
    RBMImputer,
    RBMOutlierDetector,
    TabularRBM,
    conditionals,
)
from skrbm._kernels import devices, products, random
from skrbm._kernels.devices import to_host
from skrbm.estimators.common.fitted import fitted_of
from skrbm.learning.optimizer import CentredOptimizer
from skrbm.units import Bernoulli, Rotation
from skrbm.validation.rows import check_rows

from laws import BERNOULLI, GAUSSIAN, quick, random_rbm

DIGITS = load_digits().data[:300] / 16
LABELS = load_digits().target[:300]

ESTIMATORS = [
    BernoulliRBM(20, n_iter=2),
    BernoulliRBM(20, n_iter=2, gradient="pcd", n_steps=2),
    BernoulliRBM(20, n_iter=2, gradient="pt"),
    BernoulliRBM(20, n_iter=2, gradient="cd", early_stopping=True),
    BernoulliRBM(8, n_iter=2, gradient="exact"),
    BernoulliRBM(20, n_iter=2, hidden="gaussian"),
    GaussianBernoulliRBM(20, n_iter=2),
    GaussianBernoulliRBM(20, n_iter=2, variance="shared", missing_values="allow"),
    TabularRBM(20, n_iter=2, early_stopping=True),
    RBMClassifier(20, n_iter=2, inputs="sample"),
    DeepBeliefNetwork((20, 10), rbm=BernoulliRBM(n_iter=1), fine_tune_iter=1),
    BernoulliRBM(18, n_iter=2, receptive_field=(6, 6), image_shape=(8, 8)),
    BernoulliRBM(20, n_iter=4, gradient="ptt", batch_size=30),
]
each = pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
few = pytest.mark.parametrize(
    "estimator", quick(ESTIMATORS, ESTIMATORS[0], ESTIMATORS[8], *ESTIMATORS[-2:]), ids=repr
)


def fitted(estimator, device, X=DIGITS, place=np.asarray, **parameters):
    """The estimator, fitted on its device to rows on a device."""
    estimator = type(estimator)(**estimator.get_params(deep=False))
    estimator.set_params(device=device, random_state=0, **parameters)
    if estimator.get_params().get("missing_values") == "allow":
        X = with_gaps(X)
    return estimator.fit(place(X), LABELS[: len(X)])


def tensors_of(state):
    """The tensors among the chains and figures of a training state."""
    values = vars(state).values()
    flat = [x for value in values for x in (value if isinstance(value, tuple) else [value])]
    return [x for x in flat if isinstance(x, torch.Tensor)]


def with_gaps(X):
    """The rows, a tenth of whose values are missing."""
    return np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.float32(np.nan), X)


def parameters(estimator):
    """All learned parameters, in one row."""
    rbms = getattr(estimator, "rbms_", [estimator])
    return np.concatenate([x.ravel() for rbm in rbms for x in fitted_of(rbm).rbm.parameters])


@each
def test_chains_are_the_same_with_either_engine(estimator):
    """Fails if torch uses its own generator.

    In float64, in which rounding decides no draw; normal draws have 24 bits.
    """
    with_numpy, with_torch = fitted(estimator, None), fitted(estimator, "cpu")
    np.testing.assert_allclose(parameters(with_torch), parameters(with_numpy), rtol=0, atol=1e-5)


def test_results_are_the_same_with_either_engine():
    """Fails if a result stays on the device, or is computed from other draws."""
    stored = pickle.dumps(fitted(BernoulliRBM(30, n_iter=1), None))
    answers = []
    for device in (None, "cpu"):
        rbm = pickle.loads(stored).set_params(device=device)
        h = rbm.transform(DIGITS)
        answers.append(
            [
                h,
                rbm.inverse_transform(h),
                rbm.reconstruct(DIGITS, n_steps=2),
                rbm.gibbs(DIGITS > 0.5, 3),
                rbm.sample(5, n_steps=20),
                rbm.sample(5, n_steps=20, method="tempering"),
                rbm.sample(5, n_steps=5, given={0: 0, 10: 1}),
                rbm.energy(DIGITS, h),
                rbm.free_energy(DIGITS),
                rbm.pseudo_log_likelihood(DIGITS[:20]),
                np.array(rbm.log_partition("bracket", n_temperatures=400).value),
                np.array(rbm.log_partition("tempering", n_chains=20).value),
            ]
        )
    for with_numpy, with_torch in zip(*answers, strict=True):
        assert type(with_torch) is np.ndarray
        assert with_torch.dtype == with_numpy.dtype
        np.testing.assert_allclose(
            with_torch.astype(float), with_numpy.astype(float), rtol=1e-8, atol=1e-8
        )


def test_a_trajectory_gives_the_same_results_with_either_engine():
    """Fails if a state of the ladder stays on the device, or has its own generator."""
    stored = pickle.dumps(fitted(ESTIMATORS[-1], "cpu"))
    answers = []
    for device in (None, "cpu"):
        rbm = pickle.loads(stored).set_params(device=device)
        v = rbm.sample(50, n_steps=5, method="trajectory")
        answers.append((v, rbm.log_partition("trajectory", n_chains=20).value))
        assert b"torch" not in pickle.dumps(rbm)
    (v, value), (other_v, other_value) = answers
    np.testing.assert_array_equal(other_v, v)
    assert other_value == pytest.approx(value, abs=1e-6)


def test_float32_stays_float32_and_one_seed_gives_one_result():
    """Fails if a product is widened, or a draw does not use the generator."""
    X = DIGITS.astype(np.float32)
    first, second = (fitted(BernoulliRBM(20, n_iter=2), "cpu", X) for _ in range(2))
    assert first.components_.dtype == first.transform(X).dtype == np.float32
    assert first.score_samples(X).dtype == np.float64
    np.testing.assert_array_equal(first.components_, second.components_)


@pytest.mark.parametrize("x_dtype", [np.float32, np.float64])
def test_bfloat16_rounds_factors_and_nothing_else(x_dtype):
    """Each factor has a relative error of 2^-9, and so has a product in bfloat16; sums are exact.

    Fails if factors are not rounded, or if sums are accumulated in bfloat16, which makes a far
    larger error over 4,096 terms.
    """
    rng = np.random.default_rng(0)
    x, y = (rng.uniform(0.5, 1, size=shape).astype(np.float32) for shape in ((30, 4096), (4096, 7)))
    exact = x.astype(np.float64) @ y.astype(np.float64)
    got = products.product(*(torch.from_numpy(a.astype(x_dtype)) for a in (x, y)), "bfloat16")
    error = np.abs(got.numpy() / exact - 1).max()
    assert str(got.dtype) == f"torch.{np.dtype(x_dtype).name}"
    assert 2**-13 < error < 2**-7


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_small_steps_are_made_in_place_and_not_lost(precision):
    """Fails if the weights themselves are rounded: a relative step of 1e-4 then has no effect."""
    weights = torch.ones(3, 2)
    v, h = torch.ones(1, 3), torch.full((1, 2), 1e-4)
    for _ in range(10):
        products.addmm(weights, v, h, precision)
    np.testing.assert_allclose(weights.numpy(), 1.001, rtol=1e-5)


@pytest.mark.slow
def test_bfloat16_learns_as_well():
    """Within 0.3 nat. Fails if chains are drawn from other means than the gradient uses."""
    X = (DIGITS > 0.5).astype(np.float32)
    scores = [
        fitted(BernoulliRBM(16, n_iter=100), "cpu", X, precision=precision).score(X)
        for precision in ("float32", "bfloat16")
    ]
    assert scores[0] != scores[1]
    assert scores[1] > scores[0] - 0.3


@each
def test_models_do_not_depend_on_the_device_of_their_fit(estimator):
    """Fails if a tensor stays in a fitted model: it could not be loaded without torch."""
    model = fitted(estimator, "cpu")
    assert b"torch" not in pickle.dumps(model)
    assert not tensors_of(fitted_of(model).top.training)


@pytest.mark.slow
def test_a_model_works_without_torch(tmp_path):
    """In a process that cannot import torch, with the device set to numpy."""
    path = tmp_path / "rbm.pickle"
    path.write_bytes(pickle.dumps(fitted(BernoulliRBM(4, n_iter=1), "cpu")))
    program = """
import pickle, sys
class Absent:
    def find_spec(self, name, *rest):
        if name == "torch":
            raise ImportError(name)
sys.meta_path.insert(0, Absent())
rbm = pickle.load(open(sys.argv[1], "rb"))
try:
    rbm.sample()
except ImportError as error:
    print(error)
print(rbm.set_params(device=None).partial_fit(rbm.sample(10)).n_iter_)
"""
    run = [sys.executable, "-c", program, str(path)]
    output = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert "device == 'cpu' needs PyTorch" in output
    assert output.split()[-1] == "2"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"device": "gpu"}, "device == 'gpu', must be None or an available device: 'cpu'"),
        ({"device": 0}, "device == 0, must be None or the name of a device"),
        ({"precision": "half"}, "precision == 'half', must be one of"),
        ({"precision": "bfloat16"}, "precision == 'bfloat16', must be 'float32' with numpy"),
        ({"device": "cpu", "precision": "tf32"}, "precision == 'tf32', must be one of"),
        (
            {"device": "cpu", "precision": "bfloat16"},
            "precision == 'bfloat16', must be 'float32' for a model of float64",
        ),
    ],
)
@pytest.mark.parametrize("kind", [BernoulliRBM, DeepBeliefNetwork])
def test_missing_devices_are_refused_before_any_work(kind, wrong, message, monkeypatch):
    """Fails if the fit begins anyway: the estimator would have changed."""
    monkeypatch.setattr("skrbm.estimators.common.device.DEFAULT_DEVICE", None)
    estimator = kind(**wrong)
    with pytest.raises(ValueError, match=message):
        estimator.fit(DIGITS)
    assert vars(estimator) == vars(kind(**wrong))


def test_layers_of_a_stack_compute_in_one_place():
    """Fails if a stack combines layers on two devices, which could not be multiplied."""
    dbn = DeepBeliefNetwork(rbm=BernoulliRBM(), visible_rbm=BernoulliRBM(device="cpu"))
    with pytest.raises(ValueError, match="device == 'cpu' must be the same in all layers"):
        dbn.fit(DIGITS)


def test_tensors_are_used_in_place():
    """Fails if a tensor's memory is copied by the checks, or changed."""
    X = torch.from_numpy(DIGITS.copy())
    rows = check_rows(BernoulliRBM(), X, "X", Bernoulli.domain).values
    assert np.shares_memory(rows, X.numpy())
    rbm = fitted(BernoulliRBM(10, n_iter=1), "cpu", X)
    np.testing.assert_array_equal(X.numpy(), DIGITS)
    np.testing.assert_array_equal(parameters(rbm), parameters(fitted(rbm, "cpu", DIGITS)))
    assert type(rbm.transform(X)) is np.ndarray


def test_an_interrupted_epoch_leaves_no_tensors(monkeypatch):
    """Fails if chains stay on the device after an error: the training could not continue."""
    rbm = fitted(BernoulliRBM(8, n_iter=1), "cpu")
    step, calls = CentredOptimizer.step, []

    def interrupted(*arguments):
        calls.append(None)
        if len(calls) == 2:
            raise KeyboardInterrupt
        step(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(CentredOptimizer, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            rbm.fit(DIGITS)
    assert b"torch" not in pickle.dumps(rbm)
    assert not tensors_of(fitted_of(rbm).top.training)
    assert rbm.set_params(device=None).resume(DIGITS).n_iter_ == 1


# A device other than the processor, which is simulated


SINGLE = DIGITS[:100].astype(np.float32)
ANSWERS = (
    "transform",
    "free_energy",
    "score_samples",
    "pseudo_log_likelihood",
    "reconstruct",
    "predict_proba",
)


@pytest.fixture(params=quick(["float64", "no float64"], "float64"))
def device(request):
    """The name of a device like NVIDIA's, or like Apple's, which lacks float64."""
    with simulated_device(has_float64=request.param == "float64") as name:
        yield name


def there(X):
    """The rows on the device."""
    return torch.from_numpy(np.array(X)).to("meta")


@few
def test_tensors_of_device_and_host_are_never_mixed(estimator, device):
    """A fit does not depend on the place of the rows. Fails if arrays of both are combined."""
    rows_there = fitted(estimator, device, SINGLE, there)
    rows_here = fitted(estimator, device, SINGLE)
    learnt = parameters(rows_there)
    assert type(learnt) is np.ndarray
    assert np.isfinite(learnt).all()
    np.testing.assert_array_equal(learnt, parameters(rows_here))


@few
def test_results_on_a_device_equal_numpy(estimator, device):
    """Fails if a result differs on the device, or stays there."""
    model = fitted(estimator, None, SINGLE)
    X = SINGLE[:30].copy()
    if model.get_params().get("missing_values") == "allow":
        X[:, 0] = np.nan
    for name in ANSWERS:
        takes_gaps = name in ("transform", "score_samples")
        if not hasattr(model, name) or (np.isnan(X).any() and not takes_gaps):
            continue
        expected = getattr(model.set_params(device=None), name)(X)
        got = getattr(model.set_params(device=device), name)(there(X))
        assert type(got) is np.ndarray
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_a_trajectory_on_a_device_follows_the_model(device):
    """Log Z within its errors, and means of 500 draws within five standard errors.

    Fails if some models of the ladder stay on the host.
    """
    model = fitted(ESTIMATORS[-1], device, SINGLE, n_components=8)
    result = model.log_partition("trajectory", n_chains=30)
    exact = model.set_params(device=None).log_partition("exact").value
    assert abs(result.value - exact) < 6 * result.std_error < 1
    means = []
    for place in (None, device):
        v = model.set_params(device=place).sample(500, n_steps=10, method="trajectory")
        assert type(v) is np.ndarray
        means.append(v.mean(axis=0))
    assert np.abs(means[0] - means[1]).max() < 5 * np.sqrt(2 * 0.25 / 500)


@pytest.mark.parametrize("estimator", quick(ESTIMATORS[0:7:6], ESTIMATORS[0]), ids=repr)
def test_draws_on_a_device_follow_the_model(estimator, device):
    """Means of 2,000 draws equal numpy's, within five standard errors of both.

    Fails if a device has no separate generator, or the generator restarts.
    """
    model = fitted(estimator, None, SINGLE, n_iter=1)
    gaps = np.where(np.arange(64) % 2 == 0, np.float32(np.nan), SINGLE[:1])
    means, errors = [], []
    for where, place in ((None, np.asarray), (device, there)):
        model.set_params(device=where)
        draws = [
            model.sample(2000, n_steps=20, random_state=0),
            model.sample(2000, n_steps=5, method="tempering", random_state=0),
            model.gibbs(place(np.repeat(SINGLE[:1], 2000, axis=0)), 2),
            model.impute(place(gaps), n_draws=2000, n_steps=20, random_state=0)[:, 0],
        ]
        means.append([x.mean(axis=0, dtype=float) for x in draws])
        errors.append([x.std(axis=0, dtype=float) / 2000**0.5 for x in draws])
    difference = np.abs(np.subtract(*means))
    limit = 5 * np.hypot(*errors) + 5 / 2000  # a column that is nearly always the same
    assert (difference < limit).all()


def test_draws_on_a_device_have_their_distribution(device):
    """Fails if a mean is off by six standard errors, or equal rows have other draws."""
    test_kernels.test_draws_by_content(there)
    test_own_draws.test_draws_of_rows_are_independent(there)
    for draw in test_own_draws.DRAWS.values():
        test_own_draws.test_draws_of_a_row_do_not_depend_on_other_rows(draw, 5, there)
    n, rng = 20_000, random.generator(0)
    mean = np.tile(np.float32([0.1, 0.7, 0.2]), (n, 1))
    logit = np.log(mean / (1 - mean))
    drawn = [
        random.bernoulli(there(mean), rng),
        random.bernoulli_logistic(there(logit) / 2, there(logit) / 2, rng),
        random.one_hot_choices(there(mean), rng),
        random.uniform(mean.shape, rng, there(mean)) < there(mean),
        random.normal(mean.shape, 0.5, there(mean), rng) + there(mean),
    ]
    for x in drawn:
        assert x.device.type == device
        error = np.abs(devices.to_host(x).mean(axis=0, dtype=float) - mean[0])
        assert (error < 6 * 0.5 / n**0.5).all()
    assert devices.to_host(drawn[-1]).std() == pytest.approx(np.hypot(0.5, mean[0].std()), rel=0.02)


def test_rows_on_a_device_stay_there(device):
    """Fails if a whole tensor is copied to the host although only some of its rows are needed."""
    X = (np.random.default_rng(0).random((20_000, 10)) < 0.3).astype(np.uint8)
    for make in (BernoulliRBM, GaussianBernoulliRBM):
        rbm = make(4, n_iter=1, batch_size=500, device=device, random_state=0).fit(there(X))
        rbm.transform(there(X))
        assert 0 < Elsewhere.largest_copy < X.size


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((0, 3)), np.zeros((2, 3, 4)), np.full((2, 3), np.nan), np.full((2, 3), np.inf), 0j],
    ids=["empty", "cube", "nan", "infinite", "complex"],
)
def test_tensors_are_refused_with_the_messages_for_arrays(wrong, device):
    """Fails if a tensor on a device bypasses a check."""
    wrong = np.ones((2, 3)) * wrong if np.iscomplexobj(wrong) else wrong.astype(np.float32)
    rbm, messages = BernoulliRBM(2, n_iter=1, device=device), []
    for place in (np.asarray, there):
        with pytest.raises(ValueError, match=r".") as error:
            rbm.fit(place(wrong))
        messages.append(str(error.value))
    assert messages[0] == messages[1]
    assert vars(rbm) == vars(BernoulliRBM(2, n_iter=1, device=device))


def test_values_outside_give_a_warning_and_are_clipped(device):
    """Fails if rows on a device are not clipped: the model would not be finite."""
    X = 2 * SINGLE
    with pytest.warns(UserWarning, match=r"column 2 \(from 0 to 2\)"):
        there_clipped = fitted(ESTIMATORS[0], device, X, there)
    clipped = fitted(ESTIMATORS[0], device, X.clip(0, 1))
    np.testing.assert_array_equal(parameters(there_clipped), parameters(clipped))


@pytest.mark.parametrize("rotation", [None, Rotation(np.array([[1, 0.5], [-0.5, 1]], "f4"))])
@pytest.mark.parametrize("log2_states", [10, -1], ids=["exact", "chains"])
def test_real_units_given_others_equal_numpy(device, rotation, log2_states, monkeypatch):
    """Fails if means in float64, maybe from the host, are combined with the device's variances.

    Chains draw other numbers there: their results are only finite.
    """
    monkeypatch.setattr(conditionals, "_LOG2_STATES", log2_states)
    rbm = random_rbm((GAUSSIAN, BERNOULLI), n_visible=2, dtype="float32")
    rbm = rbm if rotation is None else rbm.rotated(rotation)
    rows = np.array([[np.nan, 0.3], [1.0, 2.0], [np.nan, np.nan]], np.float32)
    answers = []
    for place in (to_host, there):
        model, v = rbm.map(place), place(rows)
        arguments = model, model.visible, v, random.generator(0)
        drawn = to_host(conditionals.draw(*arguments, 5))
        np.testing.assert_array_equal(drawn[~np.isnan(rows)], rows[~np.isnan(rows)])
        assert np.isfinite(drawn).all()
        found = [conditionals.log_marginal(*arguments), *conditionals.means(*arguments, 200)]
        answers.append([to_host(x) for x in found])
    for here, on_device in zip(*answers, strict=True):
        assert np.isfinite(on_device).all()
        if log2_states > 0:
            np.testing.assert_allclose(on_device, here, rtol=1e-4, atol=1e-5)


def test_float64_is_refused_if_the_device_lacks_it():
    """Fails if a fit begins that cannot end, or a model without support gives a result."""
    model = fitted(ESTIMATORS[0], None)
    with simulated_device(has_float64=False) as device:
        for ask in (BernoulliRBM(device=device).fit, model.set_params(device=device).transform):
            with pytest.raises(ValueError, match="lacks float64: data must be float32"):
                ask(DIGITS)


def test_an_interrupted_epoch_keeps_its_progress(monkeypatch, device):
    """Fails if parameters are older than the chains, unlike with numpy."""
    learnt = []
    step, calls = CentredOptimizer.step, []

    def interrupted(*arguments):
        calls.append(None)
        if len(calls) % 3 == 0:
            raise KeyboardInterrupt
        step(*arguments)

    monkeypatch.setattr(CentredOptimizer, "step", interrupted)
    for where in (None, device):
        rbm = BernoulliRBM(8, n_iter=1, batch_size=10, gradient="exact", random_state=0)
        rbm.set_params(n_components=4, device=where)
        with pytest.raises(KeyboardInterrupt):
            rbm.fit(SINGLE > 0.5)
        learnt.append(parameters(rbm))
    np.testing.assert_allclose(*learnt, rtol=0, atol=1e-5)


def test_tensors_that_are_no_arrays():
    """Fails if a sparse tensor raises an error of torch, or bfloat16 an error of numpy."""
    rbm = BernoulliRBM(2, n_iter=1, random_state=0)
    for ask in (rbm.fit, RBMImputer().fit, DBNClassifier().fit, RBMOutlierDetector().fit):
        with pytest.raises(ValueError, match="X is a tensor of torch.sparse_coo, must be dense"):
            ask(torch.eye(3).to_sparse(), [0, 1, 1])
    X = torch.from_numpy(SINGLE).bfloat16()
    learnt = parameters(rbm.fit(X))
    np.testing.assert_array_equal(learnt, parameters(rbm.fit(X.float())))
