"""The best unit, against a loop over all thresholds, and the preferred input of known units."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skrbm import BernoulliRBM, DeepBeliefNetwork, GaussianBernoulliRBM
from skrbm.explain import BestUnit, best_unit, preferred_input
from skrbm.images import Pool

IDENTITY = FunctionTransformer()


def random_data(n_rows=60, n_columns=4, seed=0):
    """Rows with ties, and labels that depend on column 2."""
    rng = np.random.default_rng(seed)
    X = rng.integers(8, size=(n_rows, n_columns)).astype(float)
    y = np.where(X[:, 2] + rng.normal(size=n_rows) > 3.5, "a", "b")
    return X, y


# The best unit


def accuracies(values, y, classes):
    """The accuracy of every threshold and sign, by a loop."""
    places = np.unique(values)
    for t in (-np.inf, *(places[1:] + places[:-1]) / 2):
        for sign in (1, -1):
            yield (np.where(sign * (values - t) > 0, classes[1], classes[0]) == y).mean()


@pytest.mark.parametrize("seed", range(5))
def test_no_other_threshold_is_better_on_the_chosen_half(seed):
    """Fails if a threshold splits ties, a sign is left out, or a column is."""
    X, y = random_data(seed=seed)
    best = best_unit(IDENTITY, X, y, random_state=seed)
    A, B, y_a, y_b = train_test_split(X, y, test_size=0.5, stratify=y, random_state=seed)
    every = [max(accuracies(column, y_a, ("a", "b"))) for column in A.T]
    assert best.chosen_accuracy == max(every) == every[best.unit]
    for rows, labels, accuracy in (
        (A, y_a, best.chosen_accuracy),
        (B, y_b, best.accuracy),
    ):
        above = best.sign * (rows[:, best.unit] - best.threshold) > 0
        assert (np.where(above, "b", "a") == labels).mean() == accuracy
    assert best.unit == 2
    assert best.sign == -1


def test_accuracy_is_measured_on_rows_without_influence_on_the_choice():
    """Fails if the tested half takes part in the choice: random labels then look predictable."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 200)), np.arange(40) % 2
    found = [best_unit(IDENTITY, X, y, random_state=seed) for seed in range(50)]
    # 50 times 20 test rows with a standard deviation of 0.5, here not independent: hence the 0.1.
    assert np.mean([best.accuracy for best in found]) == pytest.approx(0.5, abs=0.1)
    assert np.mean([best.chosen_accuracy for best in found]) > 0.75


def test_classes_keep_their_shares_in_both_halves():
    """Fails if a split is not stratified: a rare class may then be absent from a half."""
    X = np.ones((40, 1))
    y = np.arange(40) < 4
    best = best_unit(IDENTITY, X, y, random_state=0)
    assert (best.chosen_accuracy, best.accuracy) == (0.9, 0.9)
    assert best.threshold == -np.inf


def test_the_most_activating_rows_come_first():
    """Fails if the sign is ignored, or ties change their order."""
    X = np.array([[3, 1, 0, 1, 9, 9, 8, 7]]).T
    y = [0, 0, 0, 0, 1, 1, 1, 1]
    best = best_unit(IDENTITY, X, y, n_rows=3, random_state=0)
    assert best.most_activating.tolist() == [4, 5, 6]
    best = best_unit(IDENTITY, -X, y, n_rows=3, random_state=0)
    assert best.most_activating.tolist() == [4, 5, 6]
    assert (best.accuracy, best.sign) == (1, -1)


def test_any_transformer_has_a_best_unit():
    """Fails if features are taken from one type of estimator only."""
    X = load_digits().data[:200] / 16
    y = load_digits().target[:200] == 0
    transformers = [
        PCA(5),
        BernoulliRBM(10, n_iter=5, random_state=0),
        DeepBeliefNetwork((10, 5), rbm=BernoulliRBM(n_iter=5), random_state=0),
        make_pipeline(Pool(2), StandardScaler(), GaussianBernoulliRBM(6, n_iter=5)),
    ]
    for transformer in transformers:
        best = best_unit(transformer.fit(X), X, y, random_state=0)
        assert best.accuracy > 0.85
        assert len(best.most_activating) == 5
    maker = FunctionTransformer(sparse.csr_array)
    assert best_unit(maker, X, y, random_state=0).accuracy > 0.7


@pytest.mark.parametrize(
    ("y", "arguments", "message"),
    [
        ([0, 1, 2, 0], {}, "number of classes in y == 3, must be 2."),
        ([0, 0, 0, 0], {}, "number of classes in y == 1, must be 2."),
        ([0, 1, 0], {}, "inconsistent numbers of samples"),
        ([0, 1, 0, 1], {"n_rows": 5}, "n_rows == 5, must be an integer >= 1 and <= 4."),
        ([0, 1, 0, 1], {"random_state": "x"}, "random_state == 'x', must be None, an int"),
    ],
)
def test_refuses_invalid_arguments(y, arguments, message):
    """Fails if a wrong argument leads to a late or unclear error."""
    with pytest.raises(ValueError, match=message):
        best_unit(IDENTITY, np.eye(4), y, **{"n_rows": 1} | arguments)


# The preferred input


@pytest.fixture(scope="module")
def real_rows():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 4)) * [1, 2, 0.5, 1] + rng.choice([0, 3], size=(200, 1))


def test_the_preferred_input_of_an_rbm_is_the_pattern_of_its_weights(real_rows):
    """Fails if the gradient is not in units of the data, or the mean is not the centre."""
    rbm = GaussianBernoulliRBM(3, n_iter=20, covariance_type="diag", random_state=0).fit(real_rows)
    centre = real_rows.mean(axis=0)
    for unit in range(3):
        x = preferred_input(rbm, unit, real_rows)
        start = real_rows[rbm.transform(real_rows)[:, unit].argmax()]
        assert np.linalg.norm(x - centre) == pytest.approx(np.linalg.norm(start - centre))
        weights = rbm.components_[unit] / rbm.variance_
        cosine = (x - centre) @ weights / np.linalg.norm(x - centre) / np.linalg.norm(weights)
        assert cosine == pytest.approx(1, abs=1e-3)


def test_no_point_of_the_sphere_excites_a_unit_of_a_stack_more():
    """Fails if the ascent stops early, or leaves the sphere."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2)) + 2 * rng.choice([-1, 1], size=(200, 1))
    stack = DeepBeliefNetwork((6, 3), rbm=BernoulliRBM(n_iter=20), random_state=0).fit(X)
    angles = np.linspace(0, 2 * np.pi, 1000)
    for unit in range(3):
        x = preferred_input(stack, unit, X)
        circle = np.linalg.norm(x - X.mean(axis=0)) * np.stack([np.cos(angles), np.sin(angles)], 1)
        largest = stack.transform(X.mean(axis=0) + circle)[:, unit].max()
        assert stack.transform(x[None])[0, unit] >= largest - 1e-4


def test_saturated_units_ascend_too():
    """Fails if the ascent is of means, which have no gradient if they are rounded to one."""
    X = np.eye(6, dtype=np.float32)
    rbm = BernoulliRBM(1, n_iter=0, random_state=0).fit(X)
    rbm.components_ = np.array([[40, 30, -30, 50, -40, 20]], np.float32)
    assert rbm.transform(X).max() == 1
    for estimator in (rbm, make_pipeline(IDENTITY, rbm)):
        x = preferred_input(estimator, 0, X, bounds=(0, 1))
        np.testing.assert_array_equal(x, [1, 1, 0, 1, 0, 1])


def test_within_bounds_a_linear_unit_prefers_a_corner():
    """Fails if bounds are ignored, or the ascent stops at the sphere."""
    X = (np.random.default_rng(0).random((100, 6)) < 0.5).astype(float)
    rbm = BernoulliRBM(2, n_iter=20, random_state=0).fit(X)
    for unit in range(2):
        corner = rbm.components_[unit] > 0
        np.testing.assert_array_equal(preferred_input(rbm, unit, X, bounds=(0, 1)), corner)
        opposite = BestUnit(unit, 0.5, -1, 1.0, 1.0, np.arange(5))
        np.testing.assert_array_equal(preferred_input(rbm, opposite, X, bounds=(0, 1)), ~corner)


def test_the_ascent_passes_through_a_pipeline():
    """Fails if a transformer needs weights of its own."""
    X = load_digits().data[:300]
    pipeline = make_pipeline(Pool(2, kind="l2"), PCA(3)).fit(X)
    x = preferred_input(pipeline, 0, X)
    assert pipeline.transform(x[None])[0, 0] > pipeline.transform(X)[:, 0].max()


def test_equal_rows_are_their_own_preferred_input():
    """Fails if a sphere of radius zero is divided by."""
    X = np.full((3, 4), 0.3)
    np.testing.assert_array_equal(preferred_input(IDENTITY, 1, X), X[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"unit": 4}, "unit == 4, must be an integer >= 0 and <= 3."),
        ({"unit": -1}, "unit == -1, must be an integer >= 0 and <= 3."),
        ({"bounds": (1, 0)}, r"bounds == \(1, 0\), must be None or a smallest and a larger"),
        ({"bounds": 1}, "bounds == 1, must be None or a smallest and a larger number."),
        ({"max_iter": 0}, "max_iter == 0, must be an integer >= 1."),
    ],
)
def test_refuses_invalid_arguments_of_an_ascent(arguments, message):
    """Fails if a negative unit counts from the last one, or a limit is ignored."""
    with pytest.raises(ValueError, match=message):
        preferred_input(IDENTITY, **{"unit": 0, "X": np.eye(4)} | arguments)
