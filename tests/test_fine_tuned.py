"""`DBNClassifier` and `DBNRegressor`: stacks that become perceptrons."""

import pickle
import re
import warnings
from copy import copy

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import expit
from sklearn import get_config
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_info, threadpool_limits

from skrbm import BernoulliRBM, DBNClassifier, DBNRegressor, DeepBeliefNetwork, GaussianBernoulliRBM
from skrbm.learning.ridge import ridge

STACK = DeepBeliefNetwork((16, 12), rbm=BernoulliRBM(n_iter=3))
QUICK = MLPClassifier(solver="sgd", learning_rate_init=0.5, batch_size=100, max_iter=5)
STILL = clone(QUICK).set_params(learning_rate_init=1e-30, max_iter=1)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split((X / 16).astype(np.float32), y, random_state=0)


@pytest.fixture(scope="module")
def fitted(digits):
    X, _, y, _ = digits
    return DBNClassifier(STACK, mlp=QUICK, random_state=0).fit(X, y)


@pytest.mark.parametrize("fine_tune_iter", [0, 2])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_perceptron_starts_as_the_recognition(digits, fine_tune_iter, early_stopping):
    """With steps of length zero. Fails if a layer is missing, transposed, or already trained."""
    X, _, y, _ = digits
    dbn = clone(STACK).set_params(fine_tune_iter=fine_tune_iter)
    classifier = DBNClassifier(dbn, mlp=STILL, early_stopping=early_stopping, random_state=0)
    classifier.fit(X, y)
    coefs, intercepts = classifier.mlp_.coefs_, classifier.mlp_.intercepts_
    below = classifier.dbn_.recognition_[0]
    np.testing.assert_array_equal(coefs[0], below.weights.array)
    np.testing.assert_array_equal(intercepts[0], below.layer.bias)
    logits = classifier.dbn_.transform(X) @ coefs[2] + intercepts[2]
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(classifier.predict_proba(X), proba, atol=1e-5)
    np.testing.assert_allclose(classifier.predict_log_proba(X), np.log(proba), atol=1e-4)
    assert coefs[0].dtype == np.float32


def test_standardized_data_reach_the_perceptron():
    """Fails if Gaussian visible units are given values in the units of the data."""
    X, y = load_digits(return_X_y=True)
    dbn = DeepBeliefNetwork((16, 12), visible_rbm=GaussianBernoulliRBM(n_iter=2), rbm=STACK.rbm)
    plain = DBNClassifier(dbn, mlp=QUICK, random_state=0).fit(X, y)
    scaled = DBNClassifier(dbn, mlp=QUICK, random_state=0).fit(100 * X + 3, y)
    proba = plain.predict_proba(X)
    np.testing.assert_allclose(scaled.predict_proba(100 * X + 3), proba, atol=1e-4)
    plain = DBNClassifier(dbn, mlp=STILL, random_state=0).fit(X, y)
    proba = plain.predict_proba(X)
    logits = plain.dbn_.transform(X) @ plain.mlp_.coefs_[2] + plain.mlp_.intercepts_[2]
    np.testing.assert_allclose(
        np.log(proba[:, 1] / proba[:, 0]), logits[:, 1] - logits[:, 0], atol=1e-4
    )


@pytest.mark.slow
def test_fine_tuning_beats_a_perceptron_without_a_stack(digits):
    """With 30 labels, the mean of five draws. Fails if labels do not reach the lower layers.

    The difference is 4 points; a single draw has a standard deviation of 4.
    """
    X, X_test, y, y_test = digits
    stack = DeepBeliefNetwork((128, 64), rbm=BernoulliRBM(n_iter=50), random_state=0).fit(X)
    accuracies = []
    for draw in range(5):
        rows = np.random.default_rng(draw).permutation(len(y))[:30]
        tuned = DBNClassifier(FrozenEstimator(stack), random_state=draw)
        alone = MLPClassifier((128, 64), random_state=draw)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            accuracies.append(
                [e.fit(X[rows], y[rows]).score(X_test, y_test) for e in (tuned, alone)]
            )
    tuned, alone = np.mean(accuracies, axis=0)
    assert tuned > alone + 0.02
    assert tuned > 0.7


def test_rows_without_a_label_train_only_the_stack(digits):
    """Compared with a frozen stack of all rows. Fails if such rows form a class, or are omitted."""
    X, X_test, y, _ = digits
    partly = y.copy()
    partly[300:] = -1
    classifier = DBNClassifier(STACK, mlp=QUICK, unlabeled=-1, random_state=0).fit(X, partly)
    np.testing.assert_array_equal(classifier.classes_, np.arange(10))
    frozen = FrozenEstimator(classifier.dbn_)
    again = DBNClassifier(frozen, mlp=QUICK, random_state=0).fit(X[:300], y[:300])
    np.testing.assert_array_equal(again.predict_proba(X_test), classifier.predict_proba(X_test))
    whole = clone(STACK).set_params(random_state=classifier.dbn_.random_state).fit(X)
    np.testing.assert_array_equal(whole.transform(X_test), classifier.dbn_.transform(X_test))


def test_minus_one_is_a_class_unless_it_is_unlabeled():
    """Fails if a class vanishes because of its name, or rows without a label form one."""
    X = np.random.default_rng(0).random((6, 3))
    classifier = DBNClassifier(DeepBeliefNetwork(2, rbm=BernoulliRBM(n_iter=1)), random_state=0)
    y = np.array([-1, 0, 1, -1, 0, 1])
    np.testing.assert_array_equal(classifier.fit(X, y).classes_, [-1, 0, 1])
    for unlabeled, classes in ((-1, [0, 1]), (7, [-1, 0, 1]), (np.nan, [-1, 0, 1])):
        classifier.set_params(unlabeled=unlabeled)
        np.testing.assert_array_equal(classifier.fit(X, y).classes_, classes)
    classifier.set_params(unlabeled="?").fit(X, ["?", "a", "b", "?", "a", "b"])
    np.testing.assert_array_equal(classifier.classes_, ["a", "b"])
    with pytest.raises(ValueError, match=r"unlabeled == \[-1\], must be None or a label."):
        classifier.set_params(unlabeled=[-1]).fit(X, y)


@pytest.mark.parametrize(
    ("labels", "classes", "dtype"),
    [
        (pd.Series([0, 2, pd.NA, 0, 2], dtype="Int64"), [0, 2], int),
        (pd.Series([False, True, pd.NA, False, True], dtype="boolean"), [False, True], bool),
        (pd.Series(["b", "a", pd.NA, "b", "a"], dtype="string"), ["a", "b"], str),
        (pd.Series(["b", "a", None, "b", "a"], dtype="category"), ["a", "b"], str),
        (pd.Series([0.0, 2, np.nan, 0, 2]), [0, 2], float),
        ([0, 2, None, 0, 2], [0, 2], int),
        (["b", "a", None, "b", "a"], ["a", "b"], str),
        (np.array(["b", "a", np.nan, "b", "a"], object), ["a", "b"], str),
    ],
)
def test_missing_labels_are_unlabelled_in_every_type(labels, classes, dtype):
    """Fails if a missing label is a class, or turns integers into floats."""
    X = np.random.default_rng(0).random((5, 3))
    classifier = DBNClassifier(DeepBeliefNetwork(2, rbm=BernoulliRBM(n_iter=1)), random_state=0)
    classifier.fit(X, labels)
    np.testing.assert_array_equal(classifier.classes_, classes)
    assert classifier.classes_.dtype.type is np.dtype(dtype).type
    assert set(classifier.predict(X)) <= set(classes)
    known = np.arange(5) != 2
    stack = FrozenEstimator(classifier.dbn_)
    alone = DBNClassifier(stack, random_state=0).fit(X[known], np.array(labels, object)[known])
    np.testing.assert_array_equal(alone.predict_proba(X), classifier.predict_proba(X))
    with pytest.raises(ValueError, match="y has no label or target in any of 5 rows with weight"):
        classifier.fit(X, [None] * 5)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_rows_without_a_target_train_only_the_stack(digits, n_outputs):
    """Fails if such a row is refused, omitted, or has a target of zero."""
    X, X_test, y, _ = digits
    X, y = X[:200], np.stack([y[:200] / 9] * n_outputs, axis=1)
    mlp = MLPRegressor(solver="sgd", learning_rate_init=0.05, max_iter=2)
    partly = y.copy()
    partly[100:, -1] = np.nan
    regressor = DBNRegressor(STACK, mlp=mlp, random_state=0).fit(X, partly.squeeze())
    whole = clone(STACK).set_params(random_state=regressor.dbn_.random_state).fit(X)
    np.testing.assert_array_equal(whole.transform(X_test), regressor.dbn_.transform(X_test))
    stack = FrozenEstimator(regressor.dbn_)
    again = DBNRegressor(stack, mlp=mlp, random_state=0).fit(X[:100], y[:100].squeeze())
    np.testing.assert_array_equal(again.predict(X_test), regressor.predict(X_test))
    with pytest.raises(ValueError, match="y has no label or target in any of 200 rows"):
        regressor.fit(X, np.full(200, np.nan))


def test_a_frozen_stack_is_copied_and_keeps_its_columns(digits):
    """Fails if columns may be reordered or missing, or the user's own stack is kept."""
    X, _, y, _ = digits
    names = [f"pixel {i}" for i in range(64)]
    frame = pd.DataFrame(X, columns=names)
    stack = clone(STACK).set_params(visible_rbm=GaussianBernoulliRBM(n_iter=2), random_state=0)
    stack.fit(frame)
    classifier = DBNClassifier(FrozenEstimator(stack), mlp=STILL, random_state=0)
    with pytest.raises(ValueError, match="feature names should match"):
        classifier.fit(frame[names[::-1]], y)
    other = clone(STACK).fit(X[:, 1:])
    with pytest.raises(ValueError, match="X has 64 features"):
        DBNClassifier(FrozenEstimator(other), mlp=STILL).fit(X, y)
    stack.set_params(hidden_layer_sizes=(3,))  # no longer the names of the layers' columns
    proba = classifier.fit(frame.astype(np.float64), y).predict_proba(frame)
    assert [coef.dtype for coef in classifier.mlp_.coefs_] == [np.float32] * 3
    stack.fit(100 * frame + 7)
    np.testing.assert_array_equal(classifier.predict_proba(frame), proba)


class Tired(MLPClassifier):
    """A perceptron that is interrupted while it is fitted to all rows."""

    def fit(self, X, y, sample_weight=None):
        if len(y) > 100:
            warnings.warn("Training interrupted by user.", stacklevel=1)
        return super().fit(X, y, sample_weight)


def test_an_interrupt_stops_fine_tuning(digits):
    """Fails if epochs continue because scikit-learn turns the interrupt into a warning."""
    X, _, y, _ = digits
    with pytest.raises(KeyboardInterrupt):
        DBNClassifier(STACK, mlp=Tired(max_iter=2)).fit(X, y)


def test_callbacks_see_a_classifier_that_predicts_and_may_stop_it(digits):
    """Fails if they are called within epochs, omit the stack's epochs, or cannot end the tuning."""
    X, _, y, _ = digits
    seen = []

    def watch(classifier, n_sweeps):
        seen.append((n_sweeps, hasattr(classifier, "mlp_")))
        if n_sweeps == 8:
            seen.append(classifier.predict_proba(X[:20]))
            raise StopIteration

    classifier = DBNClassifier(STACK, mlp=QUICK, callbacks=watch, random_state=0).fit(X, y)
    assert seen[:8] == [(i, i > 6) for i in range(1, 9)]  # three of each of two layers
    np.testing.assert_array_equal(classifier.predict_proba(X[:20]), seen[8])
    assert classifier.mlp_.n_iter_ == len(classifier.loss_curve_) == 2
    assert classifier.mlp_.max_iter == 5
    unwatched = DBNClassifier(STACK, mlp=QUICK, random_state=0).fit(X, y)
    watched = clone(unwatched).set_params(callbacks=[lambda *arguments: None]).fit(X, y)
    np.testing.assert_array_equal(watched.predict_proba(X), unwatched.predict_proba(X))
    with pytest.raises(ValueError, match="callbacks == 3, must be None, a callable or a list"):
        DBNClassifier(callbacks=3).fit(X, y)


def test_refuses_to_resume_finished_fits_and_other_data(digits):
    """Fails if a finished fit is trained again, or other data are trained on."""
    X, _, y, _ = digits
    frame = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    kept = {}

    def keep(classifier, n_sweeps):
        kept[n_sweeps] = pickle.dumps(copy(classifier).set_params(callbacks=None))

    classifier = DBNClassifier(STACK, mlp=QUICK, callbacks=keep, random_state=0).fit(frame, y)
    with pytest.raises(ValueError, match="DBNClassifier has no fit to resume"):
        classifier.resume(frame, y)
    for n_sweeps in (2, 8):
        with pytest.raises(ValueError, match="must be the 1347 of the fit to resume"):
            pickle.loads(kept[n_sweeps]).resume(frame[1:], y[1:])
    with pytest.raises(ValueError, match="feature names should match"):
        pickle.loads(kept[8]).resume(frame[frame.columns[::-1]], y)
    resumed = pickle.loads(kept[8]).resume(frame, y)
    np.testing.assert_array_equal(resumed.predict_proba(frame), classifier.predict_proba(frame))


@pytest.mark.parametrize("labels", [(-1, 1), ("no", "yes"), (False, True), (0.0, 1.0)])
def test_two_labels_of_any_type_are_two_classes(digits, labels):
    """Fails if a label is not used only as a class."""
    X, X_test, y, y_test = digits
    of = np.array(labels)
    classifier = DBNClassifier(STACK, mlp=QUICK, random_state=0).fit(X, of[(y > 4).astype(int)])
    np.testing.assert_array_equal(classifier.classes_, of)
    assert classifier.score(X_test, of[(y_test > 4).astype(int)]) > 0.7


class Recording(MLPClassifier):
    """A perceptron that records the step size and generator of every call of fit."""

    calls = []

    def fit(self, X, y, sample_weight=None):
        self.calls.append((self.learning_rate_init, self.random_state.get_state()[2]))
        return super().fit(X, y, sample_weight)


def test_steps_fall_to_zero(digits):
    """Fails if epochs have the same step size or order of rows, or a parameter stays changed."""
    X, _, y, _ = digits
    Recording.calls.clear()
    mlp = Recording(solver="sgd", learning_rate_init=0.5, batch_size=100, max_iter=20)
    classifier = DBNClassifier(STACK, mlp=mlp, random_state=0).fit(X, y)
    rates, positions = zip(*Recording.calls[2:], strict=True)  # the first ones make the layers
    np.testing.assert_allclose(rates, 0.5 * (1 - np.arange(20) / 20))
    assert len(set(positions)) > 10
    assert len(classifier.loss_curve_) == 20
    assert classifier.mlp_.max_iter == classifier.mlp_.n_iter_ == 20
    assert classifier.mlp_.learning_rate_init == 0.5
    assert mlp.hidden_layer_sizes == (100,)


class Surveying(MLPClassifier):
    """A perceptron that records the threads of matrix products in every call of fit."""

    calls = []

    def fit(self, X, y, sample_weight=None):
        self.calls.append(_n_threads())
        return super().fit(X, y, sample_weight)


def _n_threads():
    return max((x["num_threads"] for x in threadpool_info() if x["user_api"] == "blas"), default=1)


@pytest.mark.parametrize("size", [16, 4_000])
def test_small_perceptrons_use_one_thread_and_restore_settings(digits, size):
    """Fails if a callback sees other threads or settings, or products of large layers use one."""
    X, _, y, _ = digits
    Surveying.calls.clear()
    stack = DeepBeliefNetwork((size,), rbm=BernoulliRBM(n_iter=0))
    mlp = Surveying(solver="sgd", batch_size=50, max_iter=2)
    with threadpool_limits(2, user_api="blas"):
        n_threads, seen = _n_threads(), []
        settings = get_config(), n_threads
        see = [lambda *_: seen.append((get_config(), _n_threads()))]
        DBNClassifier(stack, mlp=mlp, callbacks=see, random_state=0).fit(X[:50], y[:50])
    assert seen == [settings] * 2
    assert Surveying.calls[2:] == [1 if size == 16 else n_threads] * 2


def test_a_batch_solver_starts_from_the_stack(digits):
    """Fails if lbfgs has another start: few of its iterations already classify."""
    X, X_test, y, y_test = digits
    mlp = MLPClassifier(solver="lbfgs", max_iter=30)
    classifier = DBNClassifier(STACK, mlp=mlp, random_state=0).fit(X, y)
    assert classifier.mlp_.solver == "lbfgs"
    assert classifier.score(X_test, y_test) > 0.8


def test_regression_predicts(digits):
    """The number shown by a digit, and a second target. Fails if targets are treated as classes."""
    X, X_test, y, y_test = digits
    mlp = MLPRegressor(solver="sgd", learning_rate_init=0.1, max_iter=300)
    one = DBNRegressor(STACK, mlp=mlp, random_state=0).fit(X, y / 9)
    assert one.score(X_test, y_test / 9) > 0.4
    two = DBNRegressor(STACK, mlp=mlp, random_state=0).fit(X, np.stack([y / 9, 1 - y / 9], axis=1))
    predicted = two.predict(X_test)
    assert two.score(X_test, np.stack([y_test / 9, 1 - y_test / 9], axis=1)) > 0.4
    assert predicted.shape == (len(y_test), 2)


@pytest.mark.parametrize("mlp", [None, MLPRegressor(solver="lbfgs", max_iter=20)])
def test_predictions_follow_the_units_of_the_targets(digits, mlp):
    """To rounding. Fails if fine-tuning depends on the scale, the sign or the mean of a target."""
    X, X_test, y, y_test = digits
    X, y = X[:300].astype(np.float64), y[:300].astype(np.float64)
    regressor = DBNRegressor(STACK, mlp=mlp, random_state=0)
    plain = clone(regressor).fit(X, y)
    scaled = clone(regressor).fit(X, 1e6 - 3e4 * y)
    predicted = plain.predict(X_test)
    np.testing.assert_allclose((1e6 - scaled.predict(X_test)) / 3e4, predicted, atol=1e-5)
    assert np.isclose(scaled.score(X_test, 1e6 - 3e4 * y_test), plain.score(X_test, y_test))
    assert np.isclose(scaled.target_scale_, 3e4 * plain.target_scale_)
    both = np.stack([y, np.full(300, 7.0)], axis=1)
    two = clone(regressor).fit(X, both)
    np.testing.assert_allclose(two.target_mean_, [y.mean(), 7])
    np.testing.assert_allclose(two.predict(X_test)[:, 1], 7, atol=0.01)
    np.testing.assert_allclose(clone(regressor).fit(X, both[:, 1]).predict(X_test), 7, atol=1e-6)


def test_regression_starts_from_the_best_output_layer(digits):
    """With steps of length zero. Fails if the output layer is random, or transposed."""
    X, X_test, y, y_test = digits
    Y, Y_test = np.stack([y, -2 * y], axis=1), np.stack([y_test, -2 * y_test], axis=1)
    still = MLPRegressor(solver="sgd", learning_rate_init=1e-30, max_iter=1)
    weights = np.random.default_rng(0).uniform(0.5, 2, len(y))
    regressor = DBNRegressor(STACK, mlp=still, random_state=0).fit(X, Y, sample_weight=weights)
    H, H_test = (np.hstack([regressor.dbn_.transform(rows), rows]) for rows in (X, X_test))
    coefficients, intercepts = ridge(H.astype(float), Y.astype(float), weights)
    expected = H_test @ coefficients + intercepts
    np.testing.assert_allclose(regressor.predict(X_test), expected, atol=0.01)
    assert regressor.score(X_test, Y_test) > 0.5


def test_regression_ends_with_the_best_output_layer(digits):
    """Fails if the output layer comes from the last epoch, whose steps overfit noise."""
    X, X_test, y, _ = digits
    regressor = DBNRegressor(STACK, random_state=0).fit(X[:200], y[:200])
    mlp = regressor.mlp_
    states = [X, X_test]
    for weights, bias in zip(mlp.coefs_[:-1], mlp.intercepts_[:-1], strict=True):
        states = [expit(v @ weights + bias) for v in states]
    z = (y[:200] - y[:200].mean()) / y[:200].std()
    inputs = np.hstack([states[0][:200], X[:200]]).astype(float)
    coefficients, intercepts = ridge(inputs, z[:, None], np.ones(200))
    n_units = states[1].shape[1]
    expected = states[1] @ coefficients[:n_units] + intercepts
    np.testing.assert_allclose(mlp.predict(X_test), expected[:, 0], atol=1e-3)
    np.testing.assert_allclose(regressor.linear_coef_, coefficients[n_units:], atol=1e-3)
    expected += X_test @ coefficients[n_units:]
    predicted = regressor.target_mean_ + regressor.target_scale_ * expected[:, 0]
    np.testing.assert_allclose(regressor.predict(X_test), predicted, atol=1e-2)


@pytest.mark.parametrize("mlp", [None, MLPRegressor(solver="lbfgs", max_iter=20)])
def test_regression_extends_a_linear_function(mlp):
    """Fails without a linear term, or if fine-tuning fits a target that contains it twice."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    X_test, slopes = 3 * rng.normal(size=(100, 3)), np.array([[3.0, 1], [-2, 0], [1, 5]])
    dbn = DeepBeliefNetwork(8, rbm=BernoulliRBM(n_iter=5))
    regressor = DBNRegressor(dbn, mlp=mlp, random_state=0).fit(X, X @ slopes)
    assert regressor.score(X_test, X_test @ slopes) > 0.99
    assert regressor.linear_coef_.shape == (3, 2)


def test_many_columns_have_no_linear_term():
    """Fails if the ridge regression of thousands of pixels makes a fit slow."""
    X = np.random.default_rng(0).random((20, 257))
    dbn = DeepBeliefNetwork(2, rbm=BernoulliRBM(n_iter=1))
    regressor = DBNRegressor(dbn, random_state=0).fit(X, X[:, 0])
    np.testing.assert_array_equal(regressor.linear_coef_, np.zeros((257, 1)))
    of_fewer = DBNRegressor(dbn, random_state=0).fit(X[:, 1:], X[:, 0])
    assert of_fewer.linear_coef_.any()


def test_held_out_rows_choose_the_number_of_epochs():
    """Fails if noise is fine-tuned as long as a real target, or a resumed fit chooses again."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    regressor = DBNRegressor(DeepBeliefNetwork(16, rbm=BernoulliRBM(n_iter=5)), random_state=0)
    kept = []
    keep = [lambda now, n_epochs: kept.append(pickle.dumps(copy(now).set_params(callbacks=None)))]
    y = np.tanh(4 * X[:, 0])
    tuned = clone(regressor).set_params(callbacks=keep).fit(X, y)
    of_noise = clone(regressor).fit(X, rng.normal(size=300))
    assert of_noise.mlp_.n_iter_ < 32 <= tuned.mlp_.n_iter_
    assert len(kept) == 5 + tuned.mlp_.n_iter_
    resumed = pickle.loads(kept[10]).resume(X, y)
    np.testing.assert_array_equal(resumed.predict(X), tuned.predict(X))


def test_frames_and_sparse_rows(digits, fitted):
    """Fails if names do not reach the stack, or sparse rows give other results."""
    X, X_test, y, _ = digits
    names = [f"pixel {i}" for i in range(64)]
    frame = DBNClassifier(STACK, mlp=QUICK, random_state=0).fit(pd.DataFrame(X, columns=names), y)
    for part in (frame, frame.dbn_, frame.dbn_.rbms_[0]):
        assert list(part.feature_names_in_) == names
    of_frame = frame.predict_proba(pd.DataFrame(X_test, columns=names))
    np.testing.assert_array_equal(of_frame, fitted.predict_proba(X_test))
    rows = sparse.csr_array(X_test)
    np.testing.assert_allclose(fitted.predict_proba(rows), fitted.predict_proba(X_test), atol=1e-5)


@pytest.mark.slow
def test_grid_search_and_pickling(digits, fitted):
    """Fails if nested parameters of stack and perceptron cannot be searched, or state is lost."""
    X, X_test, y, _ = digits
    grid = {"dbn__hidden_layer_sizes": [(4,), (16, 12)], "mlp__learning_rate_init": [1e-6, 0.5]}
    search = GridSearchCV(DBNClassifier(STACK, mlp=QUICK, random_state=0), grid, cv=2, n_jobs=2)
    best = search.fit(X[:600], y[:600]).best_params_
    assert best["mlp__learning_rate_init"] == 0.5
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.predict(X_test), fitted.predict(X_test))


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        (
            {"dbn": BernoulliRBM()},
            "dbn == BernoulliRBM(), must be None or a DeepBeliefNetwork or a DeepBoltzmannMachine.",
        ),
        ({"mlp": LogisticRegression()}, "must be None or a MLPClassifier of scikit-learn."),
        ({"dbn": DeepBeliefNetwork(top_rbm=BernoulliRBM(hidden="gaussian"))}, "must have binary"),
        ({"dbn": DeepBeliefNetwork((0,))}, "hidden_layer_sizes == (0,), must be"),
        ({"dbn": DeepBeliefNetwork(5, rbm=LogisticRegression())}, "rbm == LogisticRegression()"),
        ({"dbn": DeepBeliefNetwork(5, rbm=BernoulliRBM(hidden="x"))}, "hidden == 'x', must be"),
        ({"dbn": FrozenEstimator(None)}, "dbn == FrozenEstimator(estimator=None), must be"),
        (
            {"dbn": DeepBeliefNetwork(5, visible_rbm=BernoulliRBM(hidden="gaussian"))},
            "must have binary hidden units",
        ),
        ({"mlp": MLPClassifier(solver="x")}, "The 'solver' parameter of MLPClassifier"),
        ({"mlp": MLPClassifier(learning_rate_init=-1)}, "The 'learning_rate_init' parameter"),
        ({"mlp": MLPClassifier(max_iter=0)}, "max_iter of mlp == 0, must be an integer >= 1."),
        (
            {"mlp": MLPClassifier(early_stopping=True)},
            "early_stopping of mlp == True, must be False: DBNClassifier(early_stopping=True) ",
        ),
        (
            {"mlp": MLPClassifier(validation_fraction=1.0), "early_stopping": True},
            "The 'validation_fraction' parameter",
        ),
        (
            {"mlp": MLPClassifier(validation_fraction=0.0), "early_stopping": True},
            "validation_fraction of mlp == 0.0, must be a finite number > 0 and < 1.",
        ),
        (
            {"mlp": MLPClassifier(validation_fraction=0.999), "early_stopping": True},
            "must leave one of each of the 10 classes to train on.",
        ),
        (
            {"mlp": MLPClassifier(solver="lbfgs"), "early_stopping": True},
            "early_stopping == True, must be False if solver == 'lbfgs' of mlp",
        ),
        ({"early_stopping": 1}, "early_stopping == 1, must be True or False."),
        ({"verbose": -1}, "verbose == -1, must be an integer >= 0."),
        ({"random_state": "a"}, "random_state == 'a', must be"),
    ],
)
def test_wrong_parameters_are_refused_before_any_work(fitted, digits, parameters, sentence):
    """Fails if the message does not name the mistake, or the fitted classifier is lost."""
    X, _, y, _ = digits
    classifier = pickle.loads(pickle.dumps(fitted))
    with pytest.raises(ValueError, match=re.escape(sentence)):
        classifier.set_params(**parameters).fit(X, y)
    np.testing.assert_array_equal(classifier.predict(X), fitted.predict(X))


def test_inputs_are_drawn_or_used_unchanged():
    """Fails if grey values are drawn by default, or never: the label is in their difference."""
    X = np.tile([[0.4], [0.6]], (200, 1))
    y = (X[:, 0] > 0.5).astype(int)
    dbn = DeepBeliefNetwork((8,), rbm=BernoulliRBM(n_iter=2))
    mean, sample = (
        DBNClassifier(dbn, inputs=inputs, random_state=0)
        .fit(X, y)
        .predict_log_proba(X)[np.arange(400), y]
        .mean()
        for inputs in ("mean", "sample")
    )
    assert mean > -0.3
    assert sample < -0.5  # a draw distinguishes the labels with a probability of only 0.6
    with pytest.raises(ValueError, match="inputs == 'grey', must be one of 'mean', 'sample'"):
        DBNClassifier(dbn, inputs="grey").fit(X, y)


def test_one_label_has_one_column():
    """Fails if the result has the perceptron's two columns."""
    dbn = DeepBeliefNetwork((2,), rbm=BernoulliRBM(n_iter=1))
    classifier = DBNClassifier(dbn, mlp=clone(STILL).set_params(batch_size=2), random_state=0)
    X = np.eye(4)
    classifier.fit(X, np.full(4, "a"))
    np.testing.assert_array_equal(classifier.predict_proba(X), np.ones((4, 1)))
    np.testing.assert_array_equal(classifier.predict_log_proba(X), np.zeros((4, 1)))


def test_probabilities_of_separated_classes_have_finite_logarithms(digits):
    """Fails if a probability underflows to 0, as it did in float32."""
    X, _, y, _ = digits
    classifier = DBNClassifier(STACK, mlp=STILL, random_state=0).fit(X, y)
    classifier.mlp_.coefs_[-1] *= 1e5
    proba = classifier.predict_proba(X)
    assert proba.min() > 0
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(classifier.predict_log_proba(X), np.log(proba))


def test_dates_are_refused_as_targets():
    """Fails if dates reach the perceptron."""
    dbn = DeepBeliefNetwork((2,), rbm=BernoulliRBM(n_iter=1))
    with pytest.raises(ValueError, match="y is an array of datetime64.*, must be of real numbers"):
        DBNRegressor(dbn).fit(np.eye(4), np.ones(4, "M8[s]"))


def test_logarithms_of_impossible_classes_are_finite():
    """Fails if a probability of zero has an infinite logarithm, or causes a warning."""
    dbn = DeepBeliefNetwork((2,), rbm=BernoulliRBM(n_iter=1))
    mlp = clone(STILL).set_params(batch_size=2)
    classifier = DBNClassifier(dbn, mlp=mlp, random_state=0).fit(np.eye(4), [0, 1, 0, 1])
    classifier.mlp_.intercepts_[-1][...] = 1e5
    assert np.isfinite(classifier.predict_log_proba(np.eye(4))).all()
