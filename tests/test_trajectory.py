"""Training along a ladder of earlier models: chains are in all modes, and log Z is estimated."""

import itertools
import pickle

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skrbm import (
    BernoulliRBM,
    DeepBeliefNetwork,
    GaussianBernoulliRBM,
    RBMClassifier,
    RBMImputer,
    TabularRBM,
)
from skrbm._kernels import random
from skrbm._kernels.devices import to_host
from skrbm.estimators.common.fitted import fitted_of
from skrbm.estimators.rbm.base import learner_of
from skrbm.ladder import Rung
from skrbm.learning import trajectory
from skrbm.learning.trajectory import Trajectory
from skrbm.samplers import chains_from_visible

from laws import BERNOULLI, GAUSSIAN, copies, coupled_rbm, holes_in, random_rbm


def bars(n):
    """All bars and stripes of n times n pixels."""
    half = np.array(list(itertools.product([0.0, 1.0], repeat=n)))
    rows = np.repeat(half[:, :, None], n, axis=2), np.repeat(half[:, None], n, axis=1)
    return np.vstack([x.reshape(-1, n * n) for x in rows])


BARS, ENTROPY = np.tile(bars(3), (5, 1)), 2.59930
WIDE = np.tile(bars(4), (5, 1))
LONG = {"gradient": "ptt", "alpha": 0, "batch_size": 80, "n_iter": 2500, "random_state": 0}
SHORT = {"gradient": "ptt", "n_iter": 20, "random_state": 0}


def known_log_partition(estimator):
    """Log Z of the present model, by the ladder of its training."""
    own = estimator.trajectory_.copy()
    own.move(to_host)
    return own.ladder.log_partition_of(fitted_of(estimator).rbm).value


def parameters(estimator):
    return np.concatenate([x.ravel() for x in fitted_of(estimator).rbm.parameters])


@pytest.fixture(scope="module")
def trained():
    """A model of bars and stripes, and errors of log Z while it was trained."""
    errors = []

    def see(rbm, iteration):
        if iteration % 100 == 0:
            errors.append(known_log_partition(rbm) - rbm.log_partition("exact").value)

    rbm = BernoulliRBM(12, n_chains=400, callbacks=see, **LONG).fit(BARS)
    return rbm.set_params(callbacks=None), np.array(errors)


@pytest.fixture(scope="module")
def small():
    """A model after a few updates."""
    return BernoulliRBM(4, **SHORT).fit(copies(200))


# Learning


def test_likelihood_ends_near_the_entropy(trained):
    """Law 8. Fails if chains lose modes, or the size of steps stays small."""
    rbm, _ = trained
    assert -ENTROPY - 0.1 < rbm.score(BARS) < -ENTROPY
    assert rbm.trajectory_.step_factor > 0.5
    assert rbm.trajectory_.n_checkpoints > 0
    assert len(rbm.trajectory_.ladder.rungs) <= trajectory.N_MODELS


def test_log_z_is_known_during_training(trained):
    """Of 2,000 states. Fails if a ratio is lost with a model, or states are not weighted."""
    _, errors = trained
    assert len(errors) == 25
    assert np.sqrt((errors**2).mean()) < 0.05
    assert np.abs(errors).max() < 0.2


def test_the_monitored_figure_is_the_log_likelihood(trained):
    """Of the last mini-batch. Fails if its log Z is of another model."""
    rbm, errors = trained
    n = 64  # at least, of equally frequent rows
    history = rbm.history_["log_likelihood"]
    assert len(history) == 2500
    spread = rbm.score_samples(BARS).std() / np.sqrt(n)
    assert history[-1] == pytest.approx(rbm.score(BARS), abs=6 * spread + 0.05)
    assert history[0] < history[-1] - 1


def test_log_partition_by_the_trajectory_is_exact_within_its_error(trained):
    """Fails if the ladder of the training changes, or another model's log Z is returned."""
    rbm, _ = trained
    before = pickle.dumps(rbm.trajectory_)
    result = rbm.log_partition("trajectory", n_chains=500)
    assert result.method == "trajectory"
    assert result.lower <= result.value <= result.upper
    assert result.value == pytest.approx(rbm.log_partition("exact").value, abs=0.05)
    assert rbm.log_partition("trajectory", n_chains=500).value == result.value
    assert pickle.dumps(rbm.trajectory_) == before


def test_samples_by_the_trajectory_have_the_right_modes(trained):
    """Six standard errors of every mean and product. Fails if states are not weighted."""
    rbm, _ = trained
    n, v = 4000, np.array(list(itertools.product([0.0, 1.0], repeat=9)))
    p = np.exp(rbm.score_samples(v))
    before = pickle.dumps(rbm.trajectory_)
    drawn = rbm.sample(n, n_steps=50, method="trajectory", random_state=0)
    assert pickle.dumps(rbm.trajectory_) == before
    assert drawn.shape == (n, 9)
    for f in (lambda x: x, lambda x: x[:, :-1] * x[:, 1:]):
        mean = p @ f(v)
        assert (np.abs(f(drawn).mean(axis=0) - mean) < 6 * np.sqrt(mean * (1 - mean) / n)).all()


def test_samples_of_any_number(small):
    """Fails if there may only be as many samples as chains."""
    for n in (1, 3, 2000):
        assert small.sample(n, n_steps=2, method="trajectory").shape == (n, 4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_log_z_of_real_columns_is_known(seed):
    """Two clusters. Fails if the logarithm of the columns' scale is left out."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(400, 3)) + 4 * rng.integers(2, size=(400, 1)) * [1, -1, 2]
    rbm = GaussianBernoulliRBM(4, gradient="ptt", n_iter=300, batch_size=100, random_state=seed)
    rbm.fit(X)
    exact = rbm.score(X)
    assert rbm.log_partition("trajectory").value == pytest.approx(
        rbm.log_partition("exact").value, abs=0.15
    )
    history = rbm.history_["log_likelihood"][-1]
    assert history == pytest.approx(exact, abs=6 * rbm.score_samples(X).std() / 8 + 0.15)


def test_a_computed_log_partition_replaces_the_estimate_during_a_fit():
    """Fails if scores in a callback ignore the value that was asked for."""
    seen = []

    def see(rbm, iteration):
        estimate = rbm.log_partition_
        value = rbm.log_partition("exact")
        seen.append((estimate.method, rbm.log_partition_ == value))

    BernoulliRBM(4, callbacks=see, **SHORT).fit(copies(200))
    assert seen == [("trajectory", True)] * 20


# Faults


def _never(self, rbm):
    """The adaptation of the step size, switched off."""
    self.step_factor = 1.0


def _fit_with_doubt():
    with pytest.warns(ConvergenceWarning, match="The trajectory cannot be trusted") as caught:
        rbm = BernoulliRBM(12, **LONG | {"n_iter": 300}).fit(WIDE)
    (message,) = {str(w.message) for w in caught if "trajectory" in str(w.message)}
    error = known_log_partition(rbm) - rbm.log_partition("exact").value
    assert error < -3
    return message


def test_stuck_chains_are_reported(monkeypatch):
    """Fails if the newest states are compared with each other only."""
    monkeypatch.setattr(Rung, "step", lambda self, rng: None)
    monkeypatch.setattr(Trajectory, "_adapt", _never)
    message = _fit_with_doubt()
    assert "the mean free energy of states changed by -" in message
    assert "rows of a mini-batch have a probability of exp(" in message
    assert "whose chains miss some modes" in message


def test_a_ladder_that_is_left_behind_is_reported(monkeypatch):
    """Steps are too large for the ladder. Fails if log Z of an old model is trusted."""
    monkeypatch.setattr(trajectory, "_UPDATES_A_LOOK", 10**9)
    original = Trajectory.follow

    def follow(self, *args):
        self.step_factor = 1.0
        return original(self, *args)

    monkeypatch.setattr(Trajectory, "follow", follow)
    message = _fit_with_doubt()
    assert "rows of a mini-batch have a probability of exp(" in message


@pytest.mark.parametrize("gain", [10, 30])
def test_a_mode_that_no_earlier_model_has_is_reported(gain):
    """It is narrow: a flip costs ten nats. Fails if the end of a fit is not checked."""
    board = np.indices((4, 4)).sum(axis=0).ravel() % 2

    def add_mode(rbm, iteration):
        if iteration < 300:
            return
        excess = float(rbm.free_energy(board[None])[0]) + rbm.log_partition("exact").value
        weights, biases = rbm.components_.copy(), rbm.intercept_hidden_.copy()
        weights[0] = 10 * (2.0 * board - 1)
        biases[0] = -80 + excess + gain
        rbm.components_[...], rbm.intercept_hidden_[...] = weights, biases

    made = LONG | {"n_iter": 300}
    with pytest.warns(ConvergenceWarning, match="whose chains miss some modes"):
        BernoulliRBM(12, callbacks=add_mode, **made).fit(WIDE)


def test_models_that_never_settle_are_reported(monkeypatch):
    """The step size is then as small as possible. Fails if rejections are not counted in a row."""
    monkeypatch.setattr("skrbm.ladder.rung._SMALLEST_ACCEPTANCE", 2.0)
    steps = []

    def see(rbm, iteration):
        steps.append(rbm.history_["learning_rate"][-1])

    made = LONG | {"n_iter": 400, "callbacks": see}
    monkeypatch.setattr(trajectory, "_FREEZE_BELOW", 2.0)
    with pytest.warns(ConvergenceWarning, match="models in a row did not settle, although"):
        BernoulliRBM(12, **made).fit(BARS)
    assert steps[-1] < 1e-6


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(5))
def test_large_steps_are_slowed_down_and_cause_no_doubt(seed):
    """Fails if the step size is not adapted: then log Z is wrong by up to 30 nats."""
    made = LONG | {"random_state": seed, "learning_rate": 10.0, "n_iter": 1500}
    rbm = BernoulliRBM(12, **made).fit(WIDE)
    assert abs(known_log_partition(rbm) - rbm.log_partition("exact").value) < 0.6


def test_rows_of_impossible_mass_are_doubted_once(small):
    """Fails if equal rows are counted twice, or real columns are checked."""
    own = small.trajectory_.copy()
    v, layer = np.repeat([[0.0, 0.0], [1.0, 1.0]], 30, axis=0), fitted_of(small).rbm.visible
    own.check_mass(layer, v, np.full(60, 4.0))
    assert not own.doubts
    own.check_mass(random_rbm((GAUSSIAN, BERNOULLI)).visible, v, np.full(60, 30.0))
    assert not own.doubts
    own.check_mass(layer, v, np.full(60, 30.0))
    assert own.doubts == {"mass": "rows of a mini-batch have a probability of exp(31)"}
    assert not small.trajectory_.doubts


# Following


def test_checkpoints_are_moving_averages():
    """Fails if a checkpoint is the model itself, which has the noise of single updates."""
    rbm = coupled_rbm(scale=1.0)
    rng = random.generator(0)
    own = Trajectory.start(rbm, rbm.visible.neutral(), 40, rng)
    own.n_updates = 10_000
    chains = chains_from_visible(rbm, np.zeros((40, 6)), rng)
    noise = np.random.default_rng(0)
    start, seen = rbm.visible.bias.copy(), []
    for _ in range(2000):
        rbm.visible.bias[...] = start + 0.3 * noise.normal(size=6)
        chains = own.follow(rbm, chains, 10, rng)
        seen.append(own.average.visible.bias - start)
    # A mean over the last 40 looks has 1/80 of the variance.
    assert np.std(seen[500:]) < 0.3 * 3 / np.sqrt(80)
    assert own.average.visible.bias is not rbm.visible.bias


def test_a_rejected_model_takes_its_steps_back():
    """Fails if only the average is reset, or chains keep states of the rejected model."""
    rbm = coupled_rbm(scale=1.0)
    rng = random.generator(0)
    own = Trajectory.start(rbm, rbm.visible.neutral(), 40, rng)
    before, factor = [x.copy() for x in rbm.parameters], own.step_factor
    chains = chains_from_visible(rbm, np.ones((30, 6)), rng)
    for i in range(trajectory._UPDATES_A_LOOK):
        rbm.visible.bias[...] = 60.0 + i
        chains = own.follow(rbm, chains, 10, rng)
    for now, then in zip(rbm.parameters, before, strict=True):
        np.testing.assert_array_equal(now, then)
    assert own.step_factor == factor / 2
    assert own.n_rejected == 1
    assert chains.visible.shape == (30, 6)
    assert chains.visible.mean() < 0.95  # with biases of 60, all units are on


def test_the_ladder_costs_as_much_as_the_updates():
    """In products of a state with the weights. Fails if the ladder steps in every update."""
    rbm = coupled_rbm(scale=0.1)
    rng = random.generator(0)
    own = Trajectory.start(rbm, rbm.visible, 20, rng)
    before, n_models = own.ladder.n_steps, len(own.ladder.rungs)
    chains = chains_from_visible(rbm, np.zeros((20, 6)), rng)
    for _ in range(200):
        chains = own.follow(rbm, chains, 30, rng)
    cost = 3 * len(own.ladder.newest.visible) * n_models
    assert own.ladder.n_steps - before == 200 * (2 * 30 + 3 * 20) // cost > 2


# Estimators


def test_equal_seeds_give_equal_fits_and_copies(small):
    """Fails if a part of the ladder is not in a pickle."""
    again, loaded = clone(small).fit(copies(200)), pickle.loads(pickle.dumps(small))
    for other in (again, loaded):
        np.testing.assert_array_equal(parameters(other), parameters(small))
        draws = [
            x.sample(5, n_steps=9, method="trajectory", random_state=1) for x in (small, other)
        ]
        np.testing.assert_array_equal(*draws)
        values = [x.log_partition("trajectory", random_state=1) for x in (small, other)]
        assert values[0] == values[1]
    one = pickle.loads(pickle.dumps(small))
    for _ in range(12):
        one.partial_fit(copies(200))
        loaded.partial_fit(copies(200))
    np.testing.assert_array_equal(parameters(one), parameters(loaded))


def test_models_mapped_from_a_file_train(small, tmp_path):
    """Fails if the average is changed in place."""
    joblib.dump(small, tmp_path / "rbm")
    mapped = joblib.load(tmp_path / "rbm", mmap_mode="r")
    plain = joblib.load(tmp_path / "rbm")
    mapped.sample(3, n_steps=3, method="trajectory")
    for _ in range(12):
        mapped.partial_fit(copies(200))
        plain.partial_fit(copies(200))
    np.testing.assert_array_equal(parameters(mapped), parameters(plain))


def test_training_does_not_change_a_stored_ladder(small):
    """Fails if a pickle or a copy shares arrays that change in place."""
    rbm = pickle.loads(pickle.dumps(small))
    stored = rbm.trajectory_.copy()
    before = pickle.dumps(stored.ladder)
    for _ in range(12):
        rbm.partial_fit(copies(200))
    assert pickle.dumps(stored.ladder) == before
    assert rbm.trajectory_.n_updates > stored.n_updates


def test_a_forgotten_trajectory(small):
    """Fails if models that were dropped are used, or training does not start a new ladder."""
    rbm = pickle.loads(pickle.dumps(small))
    n = len(rbm.trajectory_.ladder.rungs)
    value = rbm.trajectory_.ladder.log_partition
    assert n > 2
    with pytest.raises(ValueError, match=r"n_models == 1: keep 0 models, or at least 2\."):
        rbm.forget_trajectory(1)
    with pytest.raises(ValueError, match="n_models == -1, must be"):
        rbm.forget_trajectory(-1)
    assert len(rbm.forget_trajectory(n + 5).trajectory_.ladder.rungs) == n
    assert rbm.forget_trajectory(2) is rbm
    assert sum(not x.shares_weights for x in rbm.trajectory_.ladder.rungs) <= 2
    assert rbm.trajectory_.ladder.log_partition == pytest.approx(value)
    before = len(pickle.dumps(rbm))
    rbm.forget_trajectory()
    assert len(pickle.dumps(rbm)) < before
    assert not hasattr(rbm, "trajectory_")
    needs = "method='trajectory' needs the earlier models of a training with gradient='ptt'"
    for ask in (rbm.sample, rbm.log_partition):
        with pytest.raises(ValueError, match=needs):
            ask(method="trajectory")
    rbm.forget_trajectory().partial_fit(copies(200))
    assert len(rbm.trajectory_.ladder.rungs) >= 2


def test_a_model_without_trajectory_refuses_its_methods():
    """Fails if a method fails within, or the estimator names a wrong gradient."""
    rbm = BernoulliRBM(2, n_iter=1, random_state=0).fit(copies(20))
    for ask in (rbm.sample, rbm.log_partition):
        with pytest.raises(ValueError, match="needs the earlier models of a training"):
            ask(method="trajectory")
    assert not hasattr(rbm, "trajectory_")
    with pytest.raises(AttributeError, match="gradient='jump' keeps no earlier models"):
        _ = rbm.trajectory_
    assert rbm.forget_trajectory() is rbm


X = copies(200)
HOLES = holes_in(X)
FITS = {
    "float32": (BernoulliRBM(4, **SHORT), X.astype(np.float32)),
    "sparse": (BernoulliRBM(4, **SHORT), sparse.csr_array(X)),
    "real hidden": (BernoulliRBM(4, hidden="gaussian", **SHORT), X),
    "missing": (BernoulliRBM(4, missing_values="allow", **SHORT), HOLES),
    "stopping": (BernoulliRBM(4, early_stopping=True, **SHORT), X),
    "stopping with gaps": (
        BernoulliRBM(4, early_stopping=True, missing_values="allow", **SHORT),
        HOLES,
    ),
    "real": (GaussianBernoulliRBM(4, **SHORT), X + 0.3 * holes_in(X, 0.0)[::-1]),
    "table": (TabularRBM(4, **SHORT), HOLES),
    "one row": (BernoulliRBM(4, **SHORT), X[:1]),
    "one chain": (BernoulliRBM(4, n_chains=1, **SHORT), X),
    "no epochs": (BernoulliRBM(4, **SHORT | {"n_iter": 0}), X),
    "no epochs, stopping": (BernoulliRBM(4, early_stopping=True, **SHORT | {"n_iter": 0}), X),
}


@pytest.mark.parametrize("name", FITS)
def test_fits_of_all_kinds_of_rows(name):
    """Fails if a kind of row has no log-likelihood in training."""
    estimator, rows = FITS[name]
    rbm = clone(estimator).fit(rows)
    figures = rbm.history_["log_likelihood"]
    assert len(figures) == estimator.n_iter
    assert np.isfinite(figures).all()
    assert np.isfinite(rbm.score(rows))
    if estimator.early_stopping:
        assert np.isfinite(rbm.best_validation_score_)
    if estimator.n_iter:
        ladder = rbm.trajectory_.ladder
        assert ladder.newest.visible.dtype == rbm.components_.dtype
        assert np.isfinite(rbm.log_partition("trajectory", n_chains=20).value)
        assert len(rbm.sample(3, n_steps=3, method="trajectory")) == 3
    rbm.partial_fit(rows)
    assert np.isfinite(parameters(rbm)).all()


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_classifiers_follow_the_trajectory_if_they_learn_the_joint_distribution(share):
    """Fails if a discriminative classifier pays for a ladder, or another one has none."""
    y = X[:, 0].astype(int)
    classifier = RBMClassifier(4, generative_share=share, **SHORT | {"n_iter": 50})
    trained = learner_of(classifier.fit(X[:, 1:], y)).training
    assert (trained.trajectory is None) == (share == 0)
    assert np.isfinite(classifier.predict_proba(X[:, 1:])).all()


def test_stacks_and_imputers_use_the_trajectory():
    """Fails if a layer has no ladder, or up-down keeps the ladder of its top layer."""
    layer = BernoulliRBM(gradient="ptt", n_iter=5)
    stack = DeepBeliefNetwork((4, 3), rbm=layer, random_state=0).fit(X)
    assert all(rbm.trajectory_.n_updates > 0 for rbm in stack.rbms_)
    tuned = DeepBeliefNetwork((4, 3), rbm=layer, fine_tune_iter=2, random_state=0).fit(X)
    assert np.isfinite(tuned.history_[-1]["pseudo_log_likelihood"]).all()
    filled = RBMImputer(BernoulliRBM(4, **SHORT), random_state=0).fit_transform(HOLES)
    assert np.isfinite(filled).all()


def test_early_stopping_scores_the_log_likelihood():
    """Fails if rows are scored by another figure. Its log Z is an estimate from few states."""
    rbm = BernoulliRBM(4, early_stopping=True, n_chains=400, **SHORT | {"n_iter": 100}).fit(X)
    assert rbm.best_validation_score_ == pytest.approx(rbm.score(X), abs=0.35)
    assert rbm.score(X) > -2.5


def test_a_fit_in_pieces_equals_one_call():
    """Fails if partial_fit starts a new ladder, or the sequence of draws depends on calls."""
    whole, pieces = (BernoulliRBM(4, batch_size=20, **SHORT) for _ in range(2))
    for _ in range(6):
        whole.partial_fit(X)
    pieces.partial_fit(X)
    stored = pickle.dumps(pieces)
    pieces = pickle.loads(stored)
    for _ in range(5):
        pieces = pickle.loads(pickle.dumps(pieces.partial_fit(X)))
    np.testing.assert_array_equal(parameters(whole), parameters(pieces))
    assert whole.trajectory_.n_updates == pieces.trajectory_.n_updates == 60
