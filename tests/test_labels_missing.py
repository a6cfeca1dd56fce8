"""Labels with missing data: predictions, draws, imputations and training."""

import numpy as np
import pytest
from scipy import sparse
from scipy.special import logsumexp
from sklearn.base import clone

from skrbm import RBMClassifier, conditionals
from skrbm._kernels import random
from skrbm.data.scaling import Unscaled
from skrbm.data.views import LabelledRows
from skrbm.labels import completed_unlabelled, label_logits_given, unlabelled
from skrbm.learning.completion import Completion
from skrbm.model import RBM
from skrbm.samplers import sample_independent
from skrbm.units import Bernoulli, Categorical, Joined

from laws import BERNOULLI, all_states, copies, holes_in

N_BINARY, N_LABELS = 4, 3
ROWS = np.array([[np.nan, 1, 0, np.nan], [np.nan] * 4, [1, 0, 0, 1], [0, np.nan, 1, 1]])


@pytest.fixture(params=["hidden", "missing", "chains"])
def way(request, monkeypatch):
    """By enumeration of the hidden units, or of missing values, or by chains."""
    if request.param == "chains":
        monkeypatch.setattr(conditionals, "_LOG2_STATES", -1)
    return request.param


def _rbm(way="hidden", seed=0):
    """A model of strong weights, with more hidden units if they must not be enumerated."""
    rng = np.random.default_rng(seed)
    n_hidden = 12 if way == "missing" else 3
    weights = rng.normal(size=(N_BINARY + N_LABELS, n_hidden)) * (12 / n_hidden) ** 0.5
    binary, label = np.split(rng.normal(size=N_BINARY + N_LABELS), [N_BINARY])
    visible = Joined((Bernoulli(binary), Categorical(label, (N_LABELS,))))
    return RBM(visible, Bernoulli(rng.normal(size=n_hidden)), weights)


def _log_joint(rbm):
    """All states of data, and `log p(x, y)` with one column per label, by brute force."""
    x, h = (all_states(BERNOULLI, n)[0] for n in (N_BINARY, rbm.hidden.n_units))
    columns = []
    for label in np.eye(N_LABELS):
        v = np.hstack([x, np.tile(label, (len(x), 1))])
        minus_energy = (
            (v @ rbm.visible.bias)[:, None] + h @ rbm.hidden.bias + v @ rbm.weights.array @ h.T
        )
        columns.append(logsumexp(minus_energy, axis=1))
    log_p = np.stack(columns, axis=1)
    return x, log_p - logsumexp(log_p)


def _agree(x, rows):
    return (np.isnan(rows)[:, None] | (x == rows[:, None])).all(axis=2)


def test_label_probabilities_are_sums_over_missing_values(way):
    """Fails if a missing value counts as zero, or the labels' biases are left out.

    For chains, six standard errors of the mean over equal rows.
    """
    rbm, n = _rbm(way), 50
    x, log_p = _log_joint(rbm)
    rows = np.repeat(ROWS, n, axis=0)
    logits = label_logits_given(rbm, rbm.visible, rows, random.generator(0))
    got = np.exp(logits - logsumexp(logits, axis=1, keepdims=True)).reshape(len(ROWS), n, -1)
    for of_row, agree in zip(got, _agree(x, ROWS), strict=True):
        expected = np.exp(log_p[agree]).sum(axis=0)
        error = 6 * of_row.std(axis=0) / np.sqrt(n) + 1e-9
        assert (np.abs(of_row.mean(axis=0) - expected / expected.sum()) < error).all()


@pytest.mark.parametrize("label", [None, 1])
def test_draws_and_means_depend_on_the_label(way, label):
    """Fails if labels are drawn unit by unit, or a given one has no effect. Six standard errors."""
    rbm = _rbm(way)
    x, log_p = _log_joint(rbm)
    n = 4_000
    v = unlabelled(rbm, np.repeat(ROWS, n, axis=0))
    if label is not None:
        v[:, N_BINARY:] = np.eye(N_LABELS)[label]
    drawn = conditionals.draw(rbm, rbm.visible, v, random.generator(0), 30)
    assert (drawn[:, N_BINARY:].sum(axis=1) == 1).all()
    means = conditionals.means(rbm, rbm.visible, v[::n], random.generator(0), 1_000).visible
    for i, (agree, rows) in enumerate(
        zip(_agree(x, ROWS), drawn.reshape(len(ROWS), n, -1), strict=True)
    ):
        share = np.exp(log_p) * agree[:, None]
        if label is not None:
            share[:, np.arange(N_LABELS) != label] = 0
        share /= share.sum()
        expected = np.concatenate([share.sum(axis=1) @ x, share.sum(axis=0)])
        error = 6 * np.sqrt(expected * (1 - expected) / n) + 1e-9
        assert (np.abs(rows.mean(axis=0) - expected) <= error).all()
        np.testing.assert_allclose(means[i], expected, atol=6 * 0.5 / np.sqrt(1_000))


def test_rows_are_completed_without_their_label():
    """Fails if the label affects missing values, or is not the row's own. Six standard errors."""
    rbm, n = _rbm(), 4_000
    x, log_p = _log_joint(rbm)
    v = np.hstack([np.repeat(ROWS, n, axis=0), np.tile(np.eye(N_LABELS)[1], (4 * n, 1))])
    got = completed_unlabelled(rbm, v, random.generator(0), 30)
    np.testing.assert_array_equal(got[:, N_BINARY:], v[:, N_BINARY:])
    for agree, rows in zip(_agree(x, ROWS), got.reshape(len(ROWS), n, -1), strict=True):
        share = np.exp(log_p).sum(axis=1) * agree
        expected = share @ x / share.sum()
        error = 6 * np.sqrt(expected * (1 - expected) / n) + 1e-9
        assert (np.abs(rows.mean(axis=0)[:N_BINARY] - expected) <= error).all()


def test_chains_of_training_ignore_the_label():
    """Fails if they depend on it, or labels are lost. Six standard errors of independent draws."""
    rbm, n = _rbm(), 2_000
    x, log_p = _log_joint(rbm)
    row, label = np.array([[np.nan, 1.0, 0.0, np.nan]]), 1
    rows = LabelledRows(np.repeat(row, n, axis=0), np.full(n, label), np.arange(N_LABELS))
    rng = random.generator(0)

    def states(n_chains):
        return sample_independent(rbm.visible, n_chains, rng)

    completion = Completion.start(rows, rbm, states, Unscaled("float64"), N_LABELS)
    for _ in range(10):
        v = completion.fill(rows[:], slice(None), rng)
    assert (v[:, N_BINARY:] == np.eye(N_LABELS)[label]).all()
    share = np.exp(log_p).sum(axis=1) * _agree(x, row)[0]
    expected = share @ x / share.sum()
    error = 6 * np.sqrt(expected * (1 - expected) / n) + 1e-9
    assert (np.abs(v[:, :N_BINARY].mean(axis=0) - expected) <= error).all()


@pytest.fixture(scope="module")
def told():
    """Labels "a" and "b" for three copies of a bit, rows with missing values, and a classifier."""
    X = copies(500)
    y = np.where(X[:, 0] == 1, "b", "a")
    holes = holes_in(X, 0.4)
    classifier = RBMClassifier(
        6, generative_share=1.0, missing_values="allow", n_iter=100, random_state=0
    )
    return holes, y, classifier.fit(holes, y)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_labels_are_learned_and_predicted_despite_missing_values(told, share):
    """Fails if a missing value is learned as a zero, or training infers it from the label.

    With one known copy the label is certain; without any its probability is one half, in a model of
    the data.
    """
    holes, y, classifier = told
    if share < 1:
        classifier = clone(classifier).set_params(generative_share=share, n_iter=50).fit(holes, y)
    proba = classifier.predict_proba(holes)[:, 1]
    known = ~np.isnan(holes[:, :3]).all(axis=1)
    np.testing.assert_allclose(proba[known], (y == "b")[known], atol=0.2)
    if share == 1:
        np.testing.assert_allclose(proba[~known], 0.5, atol=0.15)
    np.testing.assert_array_equal(classifier.predict(holes)[known], y[known])
    assert classifier.score(holes[known], y[known]) == 1
    log_proba = classifier.predict_log_proba(holes)[:, 1]
    np.testing.assert_allclose(np.exp(log_proba), proba, rtol=1e-9)


def test_rows_are_drawn_for_a_label_and_filled_in(told):
    """Fails if given values or labels change, or do not affect the others."""
    _, _, classifier = told
    v, y = classifier.sample(500, label="b", random_state=0)
    assert v.dtype == bool
    assert (y == "b").all()
    assert (v.mean(axis=0)[:3] > 0.9).all()
    v, y = classifier.sample(500, random_state=0)
    assert (v[:, 0] == (y == "b")).mean() > 0.9
    assert 0.4 < (y == "b").mean() < 0.6
    v, y = classifier.sample(500, given={1: 0}, random_state=0)
    assert not v[:, 1].any()
    assert (y == "a").mean() > 0.9
    rows = np.array([[1, np.nan, np.nan, np.nan], [0, np.nan, np.nan, np.nan]])
    for method in ("sample", "mean", "mode"):
        filled = classifier.impute(rows, method=method, random_state=0)
        np.testing.assert_allclose(filled[:, :3], [[1, 1, 1], [0, 0, 0]], atol=0.1)
    with pytest.raises(ValueError, match="label has the label 'c', must have one of"):
        classifier.sample(label="c")


def test_nan_is_refused_unless_it_is_allowed(told):
    """Fails if NaN is accepted, or allowing it changes the training."""
    holes, y, _ = told
    X = copies(500)
    refusing = RBMClassifier(4, n_iter=2, random_state=0)
    with pytest.raises(ValueError, match="X contains NaN, must not"):
        refusing.fit(holes, y)
    assert not hasattr(refusing, "classes_")
    refusing.fit(X, y)
    for method in (refusing.predict, refusing.predict_proba, refusing.predict_log_proba):
        with pytest.raises(ValueError, match="X contains NaN, must not"):
            method(holes)
    allowing = clone(refusing).set_params(missing_values="allow").fit(X, y)
    np.testing.assert_array_equal(allowing.predict_proba(X), refusing.predict_proba(X))
    allowing.fit(sparse.csr_array(X), y)
    with pytest.raises(ValueError, match="X has no value in column 1"):
        allowing.fit(np.where(np.arange(4) == 1, np.nan, X), y)
    with pytest.raises(ValueError, match="missing_values == 'yes', must be one of"):
        allowing.set_params(missing_values="yes").fit(X, y)


def test_early_stopping_and_partial_fit_accept_missing_values(told):
    """Fails if a score is NaN, so that no epoch is the best one, or partial_fit refuses NaN."""
    holes, y, fitted = told
    classifier = clone(fitted).set_params(early_stopping=True, n_iter=10).fit(holes, y)
    assert np.isfinite(classifier.history_["validation_score"]).all()
    assert np.isfinite(classifier.history_["label_log_likelihood"]).all()
    stream = clone(fitted).set_params(learning_rate=0.5)
    for _ in range(40):
        stream.partial_fit(holes, y, classes=["a", "b"])
    known = ~np.isnan(holes[:, :3]).all(axis=1)
    assert stream.score(holes[known], y[known]) > 0.95
