"""A label among the visible units: its laws, its gradient, and the classifier."""

import itertools
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import logsumexp
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skrbm import RBMClassifier, samplers
from skrbm._kernels import random
from skrbm.data.views import LabelledRows
from skrbm.estimators.common.fitted import fitted_of
from skrbm.estimators.rbm.base import settings_of
from skrbm.labels import label_logits, log_label_probability
from skrbm.learning.gradients import ExactGradient
from skrbm.learning.label_gradient import LabelGradient
from skrbm.model import RBM
from skrbm.samplers import HiddenMixture
from skrbm.units import Bernoulli, Categorical, Joined

from laws import UNIT_IDS, UNITS, all_states, quick, total_variation, training_state

N_BINARY, N_LABELS = 3, 3


def _layer(seed=0):
    bias = np.random.default_rng(seed).normal(size=N_BINARY + N_LABELS)
    binary, label = np.split(bias, [N_BINARY])
    return Joined((Bernoulli(binary), Categorical(label, (N_LABELS,))))


def _states():
    """All joint states, label by label."""
    binary = np.array(list(itertools.product([0.0, 1.0], repeat=N_BINARY)))
    return np.array([[*x, *label] for label in np.eye(N_LABELS) for x in binary])


def _labelled_rbm(hidden=UNITS[0], scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    n_hidden = min(3, hidden.most_units)
    n_columns = hidden.n_columns(n_hidden)
    weights = rng.normal(scale=scale, size=(N_BINARY + N_LABELS, n_columns))
    return RBM(_layer(seed), hidden.make(n_hidden, rng, "float64"), weights)


def _log_joint(rbm, hidden=UNITS[0]):
    """`log p(v) + log Z` of all states, the hidden ones summed out by brute force."""
    v = _states()
    h, log_weight = all_states(hidden, rbm.hidden)
    minus_energy = (
        (v @ rbm.visible.bias)[:, None]
        + hidden.log_density(rbm.hidden, h)
        + v @ rbm.weights.array @ h.T
    )
    return v, logsumexp(minus_energy + log_weight, axis=1)


@pytest.mark.parametrize("jumps", [False, True])
def test_chains_visit_states_as_often_as_they_are_probable(jumps):
    """Fails if a label is drawn from logistic means. Twice the distance expected by chance."""
    rbm = _labelled_rbm()
    rng = random.generator(0)
    v = samplers.sample_independent(rbm.visible, 40_000, rng)
    if jumps:
        proposal = HiddenMixture(np.full((1, 3), 0.5), np.ones(1))
        v = samplers.jumping_gibbs(rbm, v, proposal, rng, 30)
    else:
        v = samplers.gibbs_visible(rbm, v, rng, 30)
    states, log_joint = _log_joint(rbm)
    index = {tuple(state): i for i, state in enumerate(states)}
    seen = np.array([index[tuple(row)] for row in v])
    distance, floor = total_variation(seen, np.exp(log_joint - logsumexp(log_joint)))
    assert distance < 2 * floor


@pytest.mark.parametrize("hidden", UNITS, ids=UNIT_IDS)
def test_label_probabilities_equal_enumeration(hidden):
    """Fails if the label's biases are left out, or a row's own label counts."""
    rbm = _labelled_rbm(hidden)
    v, log_joint = _log_joint(rbm, hidden)
    of_labels = log_joint.reshape(N_LABELS, -1).T
    logits = label_logits(rbm, v[: 2**N_BINARY, :N_BINARY])
    np.testing.assert_allclose(np.diff(logits), np.diff(of_labels), rtol=1e-9, atol=1e-9)
    expected = of_labels - logsumexp(of_labels, axis=1, keepdims=True)
    got = log_label_probability(rbm, v)
    np.testing.assert_allclose(got, expected.T.ravel(), rtol=1e-9, atol=1e-9)


def _objective(rbm, rows, weights, share, hidden):
    """Weighted mean of `log p(y | x) + share log p(x)`, by enumeration."""
    v, log_joint = _log_joint(rbm, hidden)
    by_label = log_joint.reshape(N_LABELS, -1)
    of_x = np.tile(logsumexp(by_label, axis=0), N_LABELS)
    index = {tuple(state): i for i, state in enumerate(v)}
    seen = [index[tuple(row)] for row in rows]
    value = log_joint - of_x + share * (of_x - logsumexp(log_joint))
    return weights @ value[seen] / weights.sum()


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize(
    ("hidden", "share"),  # without a layer of finitely many states p(x) has no exact gradient
    [(UNITS[0], 0.0), (UNITS[0], 0.3), (UNITS[0], 1.0), (UNITS[1], 0.0)],
)
def test_gradient_is_the_derivative_of_the_objective(hidden, share, is_sparse):
    """Fails if the label's mean and the hidden mean are multiplied, or the share is misplaced.

    Central differences, error of order step^2.
    """
    rng = np.random.default_rng(3)
    rbm = _labelled_rbm(hidden)
    rows, weights = _states()[rng.integers(24, size=7)], rng.uniform(0.5, 2, size=7)
    gradient = LabelGradient(joint=ExactGradient(), share=share)
    v = sparse.csr_array(rows) if is_sparse else rows
    phases = gradient.phases(training_state(rbm), v, weights)
    got = [
        sum(part.visible.T @ (part.weights[:, None] * part.hidden) for part in phases.parts),
        *np.split(sum(part.visible.T @ part.weights for part in phases.parts), [N_BINARY]),
        sum(part.weights @ part.hidden for part in phases.parts),
    ]
    step = 1e-5
    for slope, array in zip(
        got, (rbm.weights.array, *rbm.visible.parameters, rbm.hidden.bias), strict=True
    ):
        for i in np.ndindex(array.shape):
            value = array[i]
            sides = []
            for side in (step, -step):
                array[i] = value + side
                sides.append(_objective(rbm, rows, weights, share, hidden))
            array[i] = value
            assert slope[i] == pytest.approx((sides[0] - sides[1]) / (2 * step), abs=1e-8)


def test_inputs_are_drawn_or_used_unchanged():
    """Fails if grey values are drawn by default, or never: labels depend on their difference."""
    X = np.tile([[0.4], [0.6]], (200, 1))
    y = X[:, 0] > 0.5
    mean, sample = (
        RBMClassifier(10, inputs=inputs, n_iter=100, random_state=0)
        .fit(X, y)
        .predict_log_proba(X)[np.arange(400), y.astype(int)]
        .mean()
        for inputs in ("mean", "sample")
    )
    assert mean > -0.3
    assert sample < -0.5  # a draw distinguishes the labels with a probability of only 0.6


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split((X / 16).astype(np.float32), y, stratify=y, random_state=0)


@pytest.mark.parametrize("inputs", quick(["mean", "sample"], "mean"))
@pytest.mark.parametrize("share", quick([0.0, 0.01, 0.1], 0.1))
def test_digits_are_classified_better_than_by_logistic_regression(digits, share, inputs):
    """Fails if the hidden units do nothing."""
    X, X_test, y, y_test = digits
    classifier = RBMClassifier(
        100, generative_share=share, inputs=inputs, n_iter=40, random_state=0
    ).fit(X, y)
    linear = LogisticRegression(max_iter=1000).fit(X, y)
    assert classifier.score(X_test, y_test) > linear.score(X_test, y_test)
    mean = classifier.predict_log_proba(X_test)[np.arange(len(y_test)), y_test].mean()
    assert mean > linear.predict_log_proba(X_test)[np.arange(len(y_test)), y_test].mean()


def test_classes_of_rare_words_are_learned():
    """Fails if rare columns count as much as others in the prior: classes are then guessed."""
    rng = np.random.default_rng(0)
    y = rng.integers(4, size=1600)
    is_own = np.arange(200) % 4 == y[:, None]
    X = rng.random(is_own.shape) < np.where(is_own, 0.1, 0.01)
    classifier = RBMClassifier(8, generative_share=1.0, n_iter=300, random_state=0)
    classifier.fit(X[:600], y[:600])
    assert classifier.score(X[600:], y[600:]) > 0.8


@pytest.mark.slow
def test_a_generative_share_makes_chains_resemble_the_data(digits):
    """Fails if the share is not passed on: chains then do not resemble the data."""
    X, _, y, _ = digits
    means = []
    for share in (0.0, 1.0):
        classifier = RBMClassifier(64, generative_share=share, n_iter=20, random_state=0)
        rbm = fitted_of(classifier.fit(X, y)).rbm
        v = samplers.sample_independent(rbm.visible, 500, random.generator(0))
        v = samplers.gibbs_visible(rbm, v, random.generator(1), 200)
        means.append(np.abs(v[:, :64].mean(axis=0) - X.mean(axis=0)).mean())
    assert means[1] < 0.5 * means[0]


def test_probabilities_follow_from_the_parameters(digits):
    """Fails if attributes are transposed, mixed up, or of another model."""
    X, X_test, y, _ = digits
    names = np.array(["digit " + str(label) for label in range(10)])
    classifier = RBMClassifier(20, n_iter=2, random_state=0).fit(X, names[y])
    x = X_test[:5].astype(np.float64)
    hidden_input = (x @ classifier.components_.T + classifier.intercept_hidden_)[
        :, None
    ] + classifier.label_components_.T
    log_p = classifier.intercept_label_ + np.logaddexp(0, hidden_input).sum(axis=-1)
    log_p -= logsumexp(log_p, axis=1, keepdims=True)
    np.testing.assert_allclose(classifier.predict_log_proba(X_test[:5]), log_p, atol=1e-4)
    np.testing.assert_allclose(classifier.predict_proba(X_test[:5]), np.exp(log_p), atol=1e-4)
    np.testing.assert_array_equal(classifier.predict(X_test[:5]), names[log_p.argmax(axis=1)])
    assert classifier.components_.shape == (20, 64)
    assert classifier.intercept_visible_.shape == (64,)
    assert classifier.components_.dtype == np.float32


def test_sparse_rows_are_the_same_rows(digits):
    """Fails if a sparse mini-batch loses its labels. Only the order of sums differs; no draws."""
    X, X_test, y, _ = digits
    X = (X > 0.5).astype(np.float32)
    fits = [
        RBMClassifier(20, generative_share=0.0, n_iter=1, random_state=0).fit(rows, y)
        for rows in (X, sparse.csr_array(X))
    ]
    expected, got = (fit.predict_proba(X_test) for fit in fits)
    np.testing.assert_allclose(got, expected, atol=1e-3)
    np.testing.assert_allclose(fits[0].predict_proba(sparse.csr_array(X_test)), expected, atol=1e-5)


def test_partial_fit_needs_all_labels_at_first_and_then_continues(digits):
    """Fails if a call restarts the training, or labels change their order."""
    X, X_test, y, y_test = digits
    classifier = RBMClassifier(50, random_state=0)
    with pytest.raises(ValueError, match="classes is None, must be all labels"):
        classifier.partial_fit(X[:100], y[:100])
    assert not hasattr(classifier, "classes_")
    order = np.argsort(y, kind="stable")  # the first rows are all zeros
    classifier.partial_fit(X[order[:50]], y[order[:50]], classes=range(10))
    for _ in range(20):
        classifier.partial_fit(X, y)
    assert classifier.n_iter_ == 21
    assert classifier.score(X_test, y_test) > 0.9
    with pytest.raises(ValueError, match=r"classes == .* must stay"):
        classifier.partial_fit(X, y, classes=range(9))
    with pytest.raises(ValueError, match="y has the label .*11.*, must have one of"):
        classifier.partial_fit(X, y + 2)
    assert classifier.n_iter_ == 21


def test_two_calls_of_one_batch_are_one_call_of_two(digits):
    """Fails if chains or moving averages restart."""
    X, X_test, y, _ = digits
    kinds = {"classes": range(10)}
    one, two = (RBMClassifier(20, random_state=0) for _ in range(2))
    one.partial_fit(X[:100], y[:100], **kinds).partial_fit(X[100:300], y[100:300])
    two.partial_fit(X[:100], y[:100], **kinds).partial_fit(X[100:200], y[100:200])
    two.partial_fit(X[200:300], y[200:300])
    np.testing.assert_array_equal(one.predict_proba(X_test), two.predict_proba(X_test))


def test_early_stopping_keeps_the_best_label_probability(digits):
    """Fails if another score than the label's decides, or the last parameters are kept."""
    X, _, y, _ = digits
    classifier = RBMClassifier(100, early_stopping=True, n_iter=100, tol=0.0, random_state=0).fit(
        X, y
    )
    scores = classifier.history_["validation_score"]
    settings = settings_of(classifier)
    rows = LabelledRows(X, y, classifier.classes_)
    _, apart = settings.split_indices(rows, settings.validation_seed)
    log_p = classifier.predict_log_proba(X[apart])[np.arange(len(apart)), y[apart]]
    assert log_p.mean() == pytest.approx(classifier.best_validation_score_)
    assert classifier.best_validation_score_ in scores


def test_rows_of_no_weight_have_no_label(digits):
    """Fails if a label of only such rows becomes a class."""
    X, _, y, _ = digits
    weights = (y < 5).astype(float)
    given = RBMClassifier(10, n_iter=2, random_state=0).fit(X, y, sample_weight=weights)
    alone = RBMClassifier(10, n_iter=2, random_state=0).fit(X[y < 5], y[y < 5])
    np.testing.assert_array_equal(given.classes_, np.arange(5))
    np.testing.assert_array_equal(given.predict_proba(X), alone.predict_proba(X))


def test_a_pickled_classifier_continues_unchanged(digits):
    """Fails if the state of the training is lost."""
    X, X_test, y, _ = digits
    classifier = RBMClassifier(10, n_iter=2, warm_start=True, random_state=0).fit(X, y)
    copy = pickle.loads(pickle.dumps(classifier))
    classifier.fit(X, y)
    copy.fit(X, y)
    assert copy.n_iter_ == 4
    np.testing.assert_array_equal(copy.predict_proba(X_test), classifier.predict_proba(X_test))


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        (
            {"generative_share": 1.5},
            "generative_share == 1.5, must be a finite number >= 0 and <= 1.",
        ),
        ({"generative_share": "all"}, "generative_share == 'all', must be"),
        ({"inputs": "draws"}, "inputs == 'draws', must be one of 'mean', 'sample'."),
        ({"n_components": 40, "gradient": "exact"}, "gradient == 'exact' enumerates"),
    ],
)
def test_wrong_parameters_are_refused_before_any_work(digits, parameters, sentence):
    """Fails if a bad parameter trains, or leaves something behind."""
    X, _, y, _ = digits
    classifier = RBMClassifier(**parameters)
    with pytest.raises(ValueError, match=sentence):
        classifier.fit(X, y)
    assert [name for name in vars(classifier) if name.endswith("_")] == []


@pytest.mark.parametrize(
    ("y", "classes", "sentence"),
    [
        (["a", None, "b"], ["a", "b"], r"y\[1\] == None is a missing label, must be a label: only"),
        ([0.0, 1, np.nan], [0, 1], r"y\[2\] == .*nan.* is a missing label"),
        (pd.Series([0, pd.NA, 1], dtype="Int64"), [0, 1], r"y\[1\] == <NA> is a missing label"),
        (
            np.array(["a", 1, "b"], object),
            ["a"],
            "y has labels that cannot be sorted, must have labels of one",
        ),
        ([1e300, 0, 1], [0, 1], "Unknown label type: continuous"),
        (["a", "b", "a"], ["a", None, "b"], r"classes\[1\] == None is a missing label"),
        (["a", "b", "a"], [], "classes is empty, must be all labels that will occur"),
        (["a", "b", "a"], [0.0, 1.0], "y has the label 'a', must have one of"),
    ],
)
def test_odd_labels_are_refused(y, classes, sentence):
    """Fails if labels that cannot be compared raise numpy's error, or give a warning."""
    classifier = RBMClassifier(2)
    with pytest.raises(ValueError, match=sentence):
        classifier.partial_fit(np.eye(3), y, classes=classes)
    assert [name for name in vars(classifier) if name.endswith("_")] == []


def test_many_classes_give_no_warning():
    """Fails if the list of different classes is checked like labels of rows."""
    classifier = RBMClassifier(2).partial_fit(np.eye(3), [0, 1, 2], classes=range(40))
    assert len(classifier.classes_) == 40
