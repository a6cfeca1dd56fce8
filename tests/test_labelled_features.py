"""`RBMClassifier` as a transformer and as a density, and its decision function: by enumeration."""

import itertools

import numpy as np
import pytest
from scipy import sparse
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.datasets import load_digits, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skrbm import RBMClassifier

N_FEATURES, N_HIDDEN, N_CLASSES = 4, 3, 3


def _states(n):
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))


@pytest.fixture(scope="module")
def joint():
    """A classifier that has learned the joint distribution of a few columns and a label."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 2, (200, N_FEATURES)).astype(float), rng.integers(0, N_CLASSES, 200)
    X[:, 0] = y == 1
    parameters = {"generative_share": 1.0, "missing_values": "allow", "alpha": 0, "n_iter": 500}
    return RBMClassifier(N_HIDDEN, **parameters, random_state=0).fit(X, y)


def _log_joint(classifier):
    """`log p(x, y, h)` of all states, from the attributes alone."""
    x, h, y = _states(N_FEATURES), _states(N_HIDDEN), np.eye(N_CLASSES)
    to_hidden = h @ classifier.components_
    minus_energy = (
        (x @ classifier.intercept_visible_)[:, None, None]
        + classifier.intercept_label_[:, None]
        + h @ classifier.intercept_hidden_
        + (x @ to_hidden.T)[:, None]
        + y @ classifier.label_components_.T @ h.T
    )
    return x, h, minus_energy - logsumexp(minus_energy)


def _rows_with_gaps():
    return np.array(list(itertools.product([0.0, 1.0, np.nan], repeat=N_FEATURES)))


def _log_of_known(log_joint, x, row):
    """`log p(x_o, y, h)` for the known values of a row."""
    agree = ((x == row) | np.isnan(row)).all(axis=1)
    return logsumexp(log_joint[agree], axis=0)


def test_hidden_means_equal_enumeration(joint):
    """Fails if the label is fixed, or its weights or a missing value are left out."""
    x, h, log_joint = _log_joint(joint)
    rows = _rows_with_gaps()
    expected = []
    for row in rows:
        log_p = logsumexp(_log_of_known(log_joint, x, row), axis=0)
        expected.append(np.exp(log_p - logsumexp(log_p)) @ h)
    np.testing.assert_allclose(joint.transform(rows), expected, atol=1e-5)
    of_complete, complete = joint.transform(x), ~np.isnan(rows).any(axis=1)
    np.testing.assert_allclose(of_complete, np.array(expected)[complete], atol=1e-5)
    np.testing.assert_allclose(of_complete, joint.transform(sparse.csr_array(x)), atol=1e-6)
    assert of_complete.shape == (2**N_FEATURES, N_HIDDEN)
    assert list(joint.get_feature_names_out()) == [f"rbmclassifier{i}" for i in range(N_HIDDEN)]


def test_log_likelihoods_equal_enumeration(joint):
    """Fails if log Z lacks the label, or the label or a missing value is not summed out."""
    x, _, log_joint = _log_joint(joint)
    rows = _rows_with_gaps()
    expected = [logsumexp(_log_of_known(log_joint, x, row)) for row in rows]
    np.testing.assert_allclose(joint.score_samples(rows), expected, atol=1e-5)
    assert np.exp(joint.score_samples(x)).sum() == pytest.approx(1, abs=1e-5)
    assert joint.log_partition_.method == "exact"


def test_scores_with_an_estimated_log_partition_are_within_its_bounds(joint):
    """Fails if annealing ignores the label, or its result is not used."""
    exact = joint.log_partition_.value
    found = joint.log_partition("bracket", n_temperatures=200, random_state=0)
    assert found.lower - 0.1 < exact < found.upper + 0.1
    x = _states(N_FEATURES)
    total = logsumexp(joint.score_samples(x))
    assert total == pytest.approx(exact - found.value, abs=1e-5)
    joint.log_partition("exact")


def test_a_discriminative_model_has_no_likelihood():
    """Fails if a model that has not learned p(x) scores rows."""
    X, y = _states(3), np.arange(8) % 2
    classifier = RBMClassifier(2, generative_share=0, n_iter=2, random_state=0)
    assert not hasattr(classifier, "score_samples")
    classifier.fit(X, y)
    with pytest.raises(AttributeError, match="no attribute 'score_samples'") as refused:
        classifier.score_samples(X)
    assert "generative_share == 0 learns only P(y | x)" in str(refused.value.__cause__)
    classifier.set_params(generative_share=1.0)  # not the share of the fitted model
    assert not hasattr(classifier, "score_samples")
    assert hasattr(classifier.fit(X, y), "score_samples")


@pytest.mark.parametrize("names", [["b"], ["b", "a"], ["b", "a", "c"]])
def test_the_decision_function_orders_labels_as_probabilities_do(names):
    """Fails if two labels have two columns, or the log-odds the other sign."""
    X = np.random.default_rng(0).random((60, 4))
    y = np.array(names)[np.arange(60) % len(names)]
    classifier = RBMClassifier(5, n_iter=5, random_state=0).fit(X, y)
    decision, log_P = classifier.decision_function(X), classifier.predict_log_proba(X)
    if len(names) == 2:
        np.testing.assert_allclose(decision, log_P[:, 1] - log_P[:, 0])
        predicted = classifier.classes_[(decision > 0).astype(int)]
    else:
        np.testing.assert_array_equal(decision, log_P)
        predicted = classifier.classes_[decision.argmax(axis=1)]
    np.testing.assert_array_equal(predicted, classifier.predict(X))


def test_features_contain_the_label_but_do_not_need_it():
    """Fails if a pipeline cannot use it, or features are no better than chance."""
    X, y = load_digits(return_X_y=True)
    X = X[:600] / 16
    pipeline = make_pipeline(
        RBMClassifier(50, n_iter=20, random_state=0), LogisticRegression(max_iter=1000)
    )
    assert pipeline.fit(X[:400], y[:400]).score(X[400:600], y[400:600]) > 0.85
    features = pipeline[0].transform(X.astype(np.float32))
    assert pipeline[0].fit(X.astype(np.float32), y[:600]).transform(X).dtype == np.float32
    assert features.shape == (600, 50)


def _wine():
    X, y = load_wine(return_X_y=True)
    X = (X - X.min(axis=0)) / (X.max(axis=0) - X.min(axis=0))
    keep = (y != 2) | (np.arange(len(y)) % 4 == 0)
    return X[keep], np.array(["a", "b", "c"])[y[keep]]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_class_weights_multiply_the_weights_of_rows(method):
    """Fails if class weights are ignored, not multiplied, or belong to other labels."""
    X, y = _wine()
    weights, of_class = np.random.default_rng(0).integers(0, 3, len(y)), {"a": 1, "b": 0.5, "c": 3}
    more = {"classes": ["a", "b", "c"]} if method == "partial_fit" else {}
    plain = RBMClassifier(5, n_iter=5, random_state=0)
    weighted = clone(plain).set_params(class_weight=of_class)
    getattr(weighted, method)(X, y, sample_weight=weights, **more)
    by_hand = weights * np.array([of_class[label] for label in y])
    getattr(plain, method)(X, y, sample_weight=by_hand, **more)
    np.testing.assert_array_equal(weighted.predict_proba(X), plain.predict_proba(X))


def test_balanced_classes_have_the_same_total_weight():
    """Fails if balanced weights count rows instead of their weights."""
    X, y = _wine()
    weights = np.random.default_rng(0).integers(0, 3, len(y))
    balanced = RBMClassifier(5, n_iter=5, class_weight="balanced", random_state=0)
    given = clone(balanced).fit(X, y, sample_weight=weights)
    totals = {label: weights[y == label].sum() for label in "abc"}
    of_class = {label: weights.sum() / (3 * total) for label, total in totals.items()}
    by_hand = clone(balanced).set_params(class_weight=of_class).fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(given.predict_proba(X), by_hand.predict_proba(X))
    priors = given.intercept_label_
    assert np.ptp(priors) < np.ptp(
        clone(balanced).set_params(class_weight=None).fit(X, y).intercept_label_
    )


@pytest.mark.parametrize(
    ("class_weight", "sentence"),
    [
        ("even", "class_weight == 'even', must be None, 'balanced', or a dict from labels"),
        (3.0, "class_weight == 3.0, must be None"),
        ({"a": -1}, "class_weight == .*-1.*, must be None"),
        ({"a": np.nan}, "class_weight == .*nan.*, must be None"),
        ({"a": 0, "b": 0, "c": 0}, "class_weight == .*, must be above 0 for the label of some row"),
        ({"a": 1, "z": 1}, "The classes, .'b', 'c'., are not in class_weight"),
    ],
)
def test_odd_class_weights_are_refused(class_weight, sentence):
    """Fails if training starts, or the message names something else."""
    X, y = _wine()
    classifier = RBMClassifier(2, class_weight=class_weight)
    with pytest.raises(ValueError, match=sentence):
        classifier.fit(X, y)
    assert not hasattr(classifier, "classes_")


def test_balanced_weights_of_a_stream_are_refused():
    """Fails if the first rows of a stream, or the rows of each call, are balanced."""
    X, y = _wine()
    classifier = RBMClassifier(2, class_weight="balanced")
    with pytest.raises(ValueError, match="class_weight == 'balanced', must be None or a dict for"):
        classifier.partial_fit(X, y, classes=["a", "b", "c"])
