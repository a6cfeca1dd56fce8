"""Torch computes what numpy computes, and no model depends on it."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from skrbm import (
    BernoulliRBM,
    DeepBeliefNetwork,
    GaussianBernoulliRBM,
    RBMClassifier,
    _kernels,
    validation,
)
from skrbm.optimizers import CentredGradient

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
    RBMClassifier(20, n_iter=2, inputs="sample"),
    DeepBeliefNetwork((20, 10), rbm=BernoulliRBM(n_iter=1), fine_tune_iter=1),
]
each = pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)


def fitted(estimator, device, X=DIGITS, **parameters):
    """The estimator, fitted where it is told to compute."""
    estimator = type(estimator)(**estimator.get_params(deep=False))
    estimator.set_params(device=device, random_state=0, **parameters)
    if estimator.get_params().get("missing_values") == "allow":
        X = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
    return estimator.fit(X, LABELS[: len(X)])


def parameters(estimator):
    """All that was learnt, in one row."""
    rbms = getattr(estimator, "rbms_", [estimator])
    return np.concatenate([x.ravel() for rbm in rbms for x in rbm._model().parameters])


@each
def test_chains_are_the_same_with_either_engine(estimator):
    """Fails if torch draws for itself. In float64, where rounding decides no draw."""
    with_numpy, with_torch = fitted(estimator, None), fitted(estimator, "cpu")
    np.testing.assert_allclose(parameters(with_torch), parameters(with_numpy), rtol=0, atol=1e-9)


def test_answers_are_the_same_with_either_engine():
    """Fails if an answer is left on the device, or computed from other draws."""
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


def test_float32_stays_float32_and_one_seed_gives_one_result():
    """Fails if a product is widened, or something is drawn outside of the generator."""
    X = DIGITS.astype(np.float32)
    first, second = (fitted(BernoulliRBM(20, n_iter=2), "cpu", X) for _ in range(2))
    assert first.components_.dtype == first.transform(X).dtype == np.float32
    assert first.score_samples(X).dtype == np.float64
    np.testing.assert_array_equal(first.components_, second.components_)


@pytest.mark.parametrize("x_dtype", [np.float32, np.float64])
def test_bfloat16_rounds_factors_and_nothing_else(x_dtype):
    """Each factor errs by 2^-9 of itself, a product in bfloat16 by as much again; sums do not.

    Fails if factors are not rounded, or if sums are accumulated in bfloat16: over 4,096 terms that
    would be off by far more.
    """
    rng = np.random.default_rng(0)
    x, y = (rng.uniform(0.5, 1, size=shape).astype(np.float32) for shape in ((30, 4096), (4096, 7)))
    exact = x.astype(np.float64) @ y.astype(np.float64)
    got = _kernels.product(*(torch.from_numpy(a.astype(x_dtype)) for a in (x, y)), "bfloat16")
    error = np.abs(got.numpy() / exact - 1).max()
    assert str(got.dtype) == f"torch.{np.dtype(x_dtype).name}"
    assert 2**-13 < error < 2**-7


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_small_steps_are_made_in_place_and_not_lost(precision):
    """Fails if the weights themselves are rounded: a step of 1e-4 of them then does nothing."""
    weights = torch.ones(3, 2)
    v, h = torch.ones(1, 3), torch.full((1, 2), 1e-4)
    for _ in range(10):
        _kernels.addmm(weights, v, h, precision)
    np.testing.assert_allclose(weights.numpy(), 1.001, rtol=1e-5)


def test_bfloat16_learns_as_well():
    """Within 0.3 nat. Fails if chains are drawn from other means than the gradient has."""
    X = (DIGITS > 0.5).astype(np.float32)
    scores = [
        fitted(BernoulliRBM(16, n_iter=100), "cpu", X, precision=precision).score(X)
        for precision in ("float32", "bfloat16")
    ]
    assert scores[0] != scores[1]
    assert scores[1] > scores[0] - 0.3


@each
def test_models_know_nothing_of_where_they_were_fitted(estimator):
    """Fails if a tensor stays in a fitted model: it could not be loaded without torch."""
    assert b"torch" not in pickle.dumps(fitted(estimator, "cpu"))


def test_a_model_goes_on_without_torch(tmp_path):
    """In a process that cannot import torch, the device being set to numpy."""
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
        ({"device": "gpu"}, "device == 'gpu', must be None or a device that is here: 'cpu'"),
        ({"device": 0}, "device == 0, must be None or the name of a device"),
        ({"precision": "half"}, "precision == 'half', must be one of"),
        ({"precision": "bfloat16"}, "precision == 'bfloat16', must be 'float32' with numpy"),
        ({"device": "cpu", "precision": "tf32"}, "precision == 'tf32', must be 'float32' or"),
        (
            {"device": "cpu", "precision": "bfloat16"},
            "precision == 'bfloat16', must be 'float32' for a model of float64",
        ),
    ],
)
@pytest.mark.parametrize("kind", [BernoulliRBM, DeepBeliefNetwork])
def test_what_is_not_here_is_refused_before_any_work(kind, wrong, message, monkeypatch):
    """Fails if the fit begins all the same: the estimator would have changed."""
    monkeypatch.setattr("skrbm.device.DEFAULT_DEVICE", None)
    estimator = kind(**wrong)
    with pytest.raises(ValueError, match=message):
        estimator.fit(DIGITS)
    assert vars(estimator) == vars(kind(**wrong))


def test_layers_of_a_stack_compute_in_one_place():
    """Fails if layers on two devices are put together, which could not be multiplied."""
    dbn = DeepBeliefNetwork(rbm=BernoulliRBM(), visible_rbm=BernoulliRBM(device="cpu"))
    with pytest.raises(ValueError, match="device == 'cpu' of the lowest layer must be that of all"):
        dbn.fit(DIGITS)


def test_tensors_are_used_where_they_lie():
    """Fails if a tensor's memory is copied at the door, or changed."""
    X = torch.from_numpy(DIGITS.copy())
    rows = validation.check_rows(BernoulliRBM(), X, "X", validation.UNIT_INTERVAL)
    assert np.shares_memory(rows, X.numpy())
    rbm = fitted(BernoulliRBM(10, n_iter=1), "cpu", X)
    np.testing.assert_array_equal(X.numpy(), DIGITS)
    np.testing.assert_array_equal(parameters(rbm), parameters(fitted(rbm, "cpu", DIGITS)))
    assert type(rbm.transform(X)) is np.ndarray


def test_an_interrupted_sweep_leaves_no_tensors(monkeypatch):
    """Fails if chains stay on the device where an error ends a sweep: nothing could go on there."""
    rbm = fitted(BernoulliRBM(8, n_iter=1), "cpu")
    step, calls = CentredGradient.step, []

    def interrupted(*arguments):
        calls.append(None)
        if len(calls) == 2:
            raise KeyboardInterrupt
        step(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(CentredGradient, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            rbm.fit(DIGITS)
    assert b"torch" not in pickle.dumps(rbm)
    assert type(rbm.chains_) is np.ndarray
    assert rbm.set_params(device=None).resume(DIGITS).n_iter_ == 1
