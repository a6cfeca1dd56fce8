"""`DBNClassifier` and `DBNRegressor` as replacements of scikit-learn's perceptrons."""

from copy import deepcopy

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit, log_softmax
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline

from skrbm import BernoulliRBM, DBNClassifier, DBNRegressor, DeepBeliefNetwork

STACK = DeepBeliefNetwork((16, 12), rbm=BernoulliRBM(n_iter=3))
SGD = {"solver": "sgd", "batch_size": 50}
QUICK = MLPClassifier(**SGD, learning_rate_init=0.5, max_iter=5)
SQUARES = MLPRegressor(**SGD, learning_rate_init=0.1, max_iter=5)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split((X / 16).astype(np.float32), y, random_state=0)


@pytest.fixture(scope="module")
def frozen(digits):
    return FrozenEstimator(clone(STACK).set_params(random_state=0).fit(digits[0]))


# Features and decisions


@pytest.mark.parametrize("estimator", [DBNClassifier(mlp=QUICK), DBNRegressor(mlp=SQUARES)])
def test_features_are_activations_of_the_fine_tuned_perceptron(digits, frozen, estimator):
    """Fails if they belong to the stack before fine-tuning, or to another layer."""
    X, X_test, y, _ = digits
    tuned = clone(estimator).set_params(dbn=frozen, random_state=0).fit(X, y)
    h = X_test
    for weights, bias in zip(tuned.mlp_.coefs_[:-1], tuned.mlp_.intercepts_[:-1], strict=True):
        h = expit(h @ weights + bias)
    features = tuned.transform(X_test)
    np.testing.assert_allclose(features, h, atol=1e-5)
    np.testing.assert_allclose(tuned.transform(sparse.csr_array(X_test)), h, atol=1e-5)
    assert np.abs(features - tuned.dbn_.transform(X_test)).max() > 0.01
    assert features.dtype == np.float32
    name = type(estimator).__name__.lower()
    assert list(tuned.get_feature_names_out()) == [f"{name}{i}" for i in range(12)]


def test_features_serve_another_classifier(digits, frozen):
    """Fails if a pipeline cannot use it as a step."""
    X, X_test, y, y_test = digits
    tuned = DBNClassifier(frozen, random_state=0)
    pipeline = make_pipeline(tuned, LogisticRegression(max_iter=1000)).fit(X, y)
    assert pipeline.score(X_test, y_test) > 0.85


def test_features_of_missing_values_are_averages(digits):
    """Over draws, between the features of two imputations. Fails if NaN reaches a layer."""
    X, X_test, y, _ = digits
    stack = clone(STACK).set_params(rbm__missing_values="allow")
    tuned = DBNClassifier(stack, mlp=QUICK, random_state=0).fit(X, y)
    gappy = X_test.copy()
    gappy[:, ::7] = np.nan
    features = tuned.transform(gappy)
    assert ((features > 0) & (features < 1)).all()
    apart = np.abs(features - tuned.transform(X_test)).mean()
    assert (
        0 < apart < np.abs(features - tuned.transform(np.nan_to_num(gappy, nan=0.5))).mean() + 0.1
    )


@pytest.mark.parametrize("names", [["b"], ["b", "a"], ["b", "a", "c"]])
def test_the_decision_function_orders_labels_as_probabilities_do(frozen, digits, names):
    """Fails if two labels have two columns, or the log-odds the other sign."""
    X, X_test, y, _ = digits
    classifier = DBNClassifier(frozen, mlp=QUICK, random_state=0)
    classifier.fit(X, np.array(names)[y % len(names)])
    decision, P = classifier.decision_function(X_test), classifier.predict_proba(X_test)
    if len(names) == 2:
        np.testing.assert_allclose(decision, np.log(P[:, 1] / P[:, 0]), rtol=1e-3, atol=1e-4)
        predicted = classifier.classes_[(decision > 0).astype(int)]
    else:
        np.testing.assert_allclose(decision, np.log(P), rtol=1e-3, atol=1e-4)
        predicted = classifier.classes_[decision.argmax(axis=1)]
    np.testing.assert_array_equal(predicted, classifier.predict(X_test))
    assert decision.dtype == np.float64


def test_decisions_differ_for_rows_whose_probabilities_are_one(frozen, digits):
    """Fails if they are logarithms of probabilities in float32."""
    X, X_test, y, _ = digits
    classifier = DBNClassifier(frozen, mlp=QUICK, random_state=0).fit(X, y > 4)
    classifier.mlp_.coefs_[-1] *= 30
    decision = classifier.decision_function(X_test)
    z = classifier.transform(X_test) @ classifier.mlp_.coefs_[-1] + classifier.mlp_.intercepts_[-1]
    np.testing.assert_allclose(decision, z[:, 0], rtol=1e-4, atol=1e-3)
    assert len(np.unique(classifier.predict_proba(X_test)[:, 1])) < len(np.unique(decision))


def test_decisions_of_many_labels_are_logarithms_of_the_softmax(frozen, digits):
    """Fails without the output layer's biases."""
    X, X_test, y, _ = digits
    classifier = DBNClassifier(frozen, mlp=QUICK, random_state=0).fit(X, y)
    z = classifier.transform(X_test) @ classifier.mlp_.coefs_[-1] + classifier.mlp_.intercepts_[-1]
    expected = log_softmax(z.astype(float), axis=1)
    np.testing.assert_allclose(classifier.decision_function(X_test), expected, atol=1e-5)


# Early stopping


class Watching(MLPClassifier):
    """A perceptron that records the rows of every call of fit."""

    seen = []

    def fit(self, X, y, sample_weight=None):
        self.seen.append(X)
        return super().fit(X, y, sample_weight)


def _rows(X):
    return {row.tobytes() for row in np.asarray(X, np.float32)}


def test_early_stopping_holds_out_rows_and_keeps_the_best_epoch(digits, frozen, monkeypatch):
    """Fails if held-out rows are used for training, or the last parameters are kept."""
    X, _, y, _ = digits
    Watching.seen.clear()
    mlp = Watching(**SGD, learning_rate_init=1.0, max_iter=60, n_iter_no_change=4)
    held_out, score = [], DBNClassifier._score
    monkeypatch.setattr(
        DBNClassifier,
        "_score",
        lambda self, tuning, v, targeted: (
            held_out.append((v, targeted.y)) or score(self, tuning, v, targeted)
        ),
    )
    classifier = DBNClassifier(frozen, mlp=mlp, early_stopping=True, random_state=0).fit(X, y)
    v, labels = held_out[0]
    assert all(np.array_equal(v, other) for other, _ in held_out)
    assert len(labels) == int(np.ceil(0.1 * len(y)))
    assert np.ptp(np.bincount(labels) / np.bincount(y)) < 0.03  # stratified
    assert not _rows(v) & _rows(np.concatenate(Watching.seen[2:]))  # the first make the layers
    scores = classifier.validation_scores_
    assert len(scores) == classifier.n_iter_ == len(classifier.loss_curve_) < 60
    assert classifier.best_validation_score_ == max(scores)
    assert (classifier.predict(v) == labels).mean() == pytest.approx(max(scores))
    best = np.maximum.accumulate(scores[:-1])
    better = [i + 1 for i in range(len(scores) - 1) if scores[i + 1] >= best[i] + mlp.tol]
    assert len(scores) - 1 - max([0, *better]) == 4


def test_early_stopping_of_a_regression_keeps_the_best_epoch(digits, frozen):
    """Fails if the last parameters are kept, or the scale of the targets has an effect."""
    X, _, y, _ = digits
    mlp = clone(SQUARES).set_params(learning_rate_init=0.3, max_iter=40, n_iter_no_change=3)
    tuned = DBNRegressor(frozen, mlp=mlp, early_stopping=True, random_state=0).fit(X, y)
    scores, predicted = tuned.validation_scores_, []
    again = clone(tuned).set_params(callbacks=lambda now, i: predicted.append(now.predict(X)))
    again.fit(X, y)
    assert len(scores) == tuned.n_iter_ == len(predicted)
    np.testing.assert_array_equal(tuned.predict(X), predicted[int(np.argmax(scores))])
    scaled = clone(tuned).fit(X, 1000 * y.astype(float) - 3)
    np.testing.assert_allclose(scaled.validation_scores_, scores, atol=1e-4)
    assert 0 < max(scores) < 1


def test_the_default_perceptrons_stop_early(digits):
    """Fails if a default needs a prototype, or the regressor also makes its trial."""
    X, X_test, y, y_test = digits
    classifier = DBNClassifier(STACK, early_stopping=True, random_state=0).fit(X, y)
    assert classifier.score(X_test, y_test) > 0.8
    regressor = DBNRegressor(STACK, early_stopping=True, random_state=0).fit(X[:300], y[:300])
    assert len(regressor.validation_scores_) == regressor.n_iter_ > 0
    plain = DBNClassifier(STACK, mlp=QUICK, random_state=0).fit(X, y)
    for name in ("validation_scores_", "best_validation_score_"):
        assert not hasattr(plain, name)
    assert plain.n_iter_ == 5


# Streams


def _tuned(kind, frozen, **parameters):
    mlp = {DBNClassifier: QUICK, DBNRegressor: SQUARES}[kind]
    return kind(frozen, mlp=clone(mlp).set_params(**parameters), random_state=0)


def _classes(kind):
    return {"classes": range(10)} if kind is DBNClassifier else {}


@pytest.mark.parametrize("kind", [DBNClassifier, DBNRegressor])
def test_two_calls_of_one_mini_batch_are_one_call_of_two(digits, frozen, kind):
    """Fails if the momentum restarts in every call, or the step size changes."""
    X, X_test, y, _ = digits
    y = y / 9 if kind is DBNRegressor else y
    one, two = (_tuned(kind, frozen, shuffle=False) for _ in range(2))
    for tuned in (one, two):
        tuned.partial_fit(X[:50], y[:50], **_classes(kind))
    one.partial_fit(X[50:150], y[50:150])
    two.partial_fit(X[50:100], y[50:100]).partial_fit(X[100:150], y[100:150])
    np.testing.assert_allclose(two.predict(X_test), one.predict(X_test), atol=1e-5)
    np.testing.assert_allclose(two.transform(X_test), one.transform(X_test), atol=1e-5)
    assert one.n_iter_ == len(one.loss_curve_) == 2
    assert two.n_iter_ == len(two.loss_curve_) == 3


@pytest.mark.parametrize("kind", [DBNClassifier, DBNRegressor])
@pytest.mark.parametrize("is_frozen", [True, False])
def test_the_first_call_is_a_fit_of_one_epoch(digits, frozen, kind, is_frozen):
    """Fails if the stack differs from the stack of fit, or the epoch has another start."""
    X, X_test, y, _ = digits
    tuned = _tuned(kind, frozen if is_frozen else STACK, max_iter=1)
    fitted = clone(tuned).fit(X, y)
    tuned.partial_fit(X, y, **_classes(kind))
    np.testing.assert_array_equal(tuned.dbn_.transform(X_test), fitted.dbn_.transform(X_test))
    np.testing.assert_allclose(tuned.transform(X_test), fitted.transform(X_test), atol=1e-6)
    np.testing.assert_allclose(tuned.predict(X_test), fitted.predict(X_test), atol=1e-4)


@pytest.mark.parametrize("kind", [DBNClassifier, DBNRegressor])
def test_a_call_after_fit_continues_at_the_initial_step_size(digits, frozen, kind):
    """Fails if the step size stays at the end of fit, nearly zero."""
    X, X_test, y, _ = digits
    tuned = _tuned(kind, frozen).fit(X, y)
    by_hand = deepcopy(tuned.mlp_).set_params(max_iter=1)
    z = y
    if kind is DBNRegressor:
        z = (y - tuned.target_mean_) / tuned.target_scale_ - (X @ tuned.linear_coef_)[:, 0]
    with pytest.warns(match="Maximum iterations"):
        by_hand.fit(X, z)
    tuned.partial_fit(X, y)
    for ours, theirs in zip(tuned.mlp_.coefs_, by_hand.coefs_, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert tuned.n_iter_ == 6
    again = tuned.fit(X, y)  # starts again
    np.testing.assert_array_equal(
        again.predict(X_test), _tuned(kind, frozen).fit(X, y).predict(X_test)
    )


def test_a_stream_of_labels_learns_and_keeps_its_classes(digits, frozen):
    """Fails if a call without some class, or with a row without a label, is refused or resets."""
    X, X_test, y, y_test = digits
    classifier = DBNClassifier(frozen, unlabeled=-1, random_state=0)
    with pytest.raises(ValueError, match="classes is None, must be all labels"):
        classifier.partial_fit(X, y)
    assert not hasattr(classifier, "classes_")
    order = np.argsort(y[:100], kind="stable")  # the first rows are all zeros
    classifier.partial_fit(X[order[:5]], y[order[:5]], classes=range(10))
    partly = np.where(np.arange(len(y)) % 3, y, -1)
    for _ in range(15):
        for rows in np.array_split(np.arange(len(y)), 5):
            classifier.partial_fit(X[rows], partly[rows])
    assert classifier.score(X_test, y_test) > 0.85
    np.testing.assert_array_equal(classifier.classes_, np.arange(10))
    with pytest.raises(ValueError, match=r"classes == .* must stay"):
        classifier.partial_fit(X, y, classes=range(9))
    with pytest.raises(ValueError, match="y has the label 10, must have one of"):
        classifier.partial_fit(X, y + 2)
    with pytest.raises(ValueError, match="y has no label or target in any of 3 rows with weight"):
        classifier.partial_fit(X[:3], [None] * 3)
    with pytest.raises(ValueError, match="X has 63 features"):
        classifier.partial_fit(X[:, 1:], y)
    assert classifier.n_iter_ == 76


def test_a_stream_of_targets_keeps_the_scale_of_the_first_rows(digits, frozen):
    """Fails if the scale of a later call replaces it, or its targets are not scaled."""
    X, X_test, y, y_test = digits
    y, y_test = 100.0 * y, 100.0 * y_test
    regressor = DBNRegressor(frozen, random_state=0).partial_fit(X[:600], y[:600])
    mean = regressor.target_mean_
    assert mean == pytest.approx(y[:600].mean())
    first = regressor.score(X_test, y_test)
    for _ in range(30):
        regressor.partial_fit(X[600:], y[600:])
    assert regressor.target_mean_ == mean
    assert regressor.score(X_test, y_test) > first
    with pytest.raises(ValueError, match="y has 2 targets per row, must stay 1; fit starts again"):
        regressor.partial_fit(X, np.stack([y, y], axis=1))


def test_partial_fit_accepts_missing_values_and_callbacks(digits):
    """Fails if NaN reaches the perceptron, or an epoch is not counted."""
    X, _, y, _ = digits
    gappy = X.copy()
    gappy[::2, ::5] = np.nan
    seen = []
    stack = clone(STACK).set_params(rbm__missing_values="allow")
    classifier = DBNClassifier(stack, callbacks=lambda now, n: seen.append(n), random_state=0)
    classifier.partial_fit(gappy, y, classes=range(10)).partial_fit(gappy[:100], y[:100])
    assert seen == list(range(1, 9))  # three of each of two layers, and two calls
    assert np.isfinite(classifier.predict_proba(gappy)).all()


def test_a_batch_solver_has_no_stream():
    """Fails if every call runs the solver to its end."""
    classifier = DBNClassifier(mlp=MLPClassifier(solver="lbfgs"))
    assert not hasattr(classifier, "partial_fit")
    assert hasattr(DBNClassifier(), "partial_fit")


# Reports


def test_a_verbose_fit_reports_layers_and_fine_tuning(digits, capsys):
    """Fails if one of them is not reported, or a silent fit prints."""
    X, _, y, _ = digits
    tuned = DBNClassifier(STACK, mlp=QUICK, verbose=1, random_state=0).fit(X[:200], y[:200])
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("[DeepBeliefNetwork, layer ") for line in lines) == 6
    last = [line for line in lines if line.startswith("[DBNClassifier, fine-tuning] ")][-1]
    assert f"Iteration 5, loss = {tuned.loss_curve_[-1]:.2f}, time = " in last
    tuned.partial_fit(X[:200], y[:200])
    assert "[DBNClassifier, fine-tuning] Iteration 6" in capsys.readouterr().out
    tuned.set_params(verbose=0).fit(X[:200], y[:200])
    assert capsys.readouterr().out == ""
