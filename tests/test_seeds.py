"""Seeds: seeds of prototypes count, and reading a model does not change its pickle."""

import inspect
import pickle
from copy import deepcopy

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier

from skrbm import (
    BernoulliRBM,
    DBNClassifier,
    DBNRegressor,
    DeepBeliefNetwork,
    GaussianBernoulliRBM,
    RBMClassifier,
    RBMImputer,
    RBMOutlierDetector,
    TabularRBM,
)

from laws import copies

X = copies(10).astype(float)
Y = np.arange(len(X)) % 2
SHORT = {"n_components": 2, "n_iter": 2}
MLP = MLPClassifier(max_iter=1, batch_size=10)


def stack(**parameters):
    return DeepBeliefNetwork((2, 2), rbm=BernoulliRBM(**SHORT), **parameters)


def seeded(seed):
    """Estimators with a seed only in a prototype."""
    bits = BernoulliRBM(**SHORT, random_state=seed)
    return {
        "imputer": RBMImputer(bits, method="sample"),
        "detector": RBMOutlierDetector(bits),
        "stack, rbm": DeepBeliefNetwork((2, 2), rbm=bits),
        "stack, top": stack(top_rbm=bits),
        "stack, lowest": stack(visible_rbm=bits),
        "classifier, stack": DBNClassifier(stack(random_state=seed), mlp=MLP),
        "classifier, rbm": DBNClassifier(DeepBeliefNetwork((2,), rbm=bits), mlp=MLP),
        "classifier, mlp": DBNClassifier(stack(), mlp=clone(MLP).set_params(random_state=seed)),
        "regressor, stack": DBNRegressor(stack(random_state=seed)),
    }


def output(estimator):
    fitted = clone(estimator).fit(X, Y)
    for method in ("predict_proba", "score_samples", "transform", "predict"):
        if hasattr(fitted, method):
            return getattr(fitted, method)(np.where(X == 1, 1, 0))
    raise AssertionError


@pytest.mark.parametrize("name", seeded(0))
def test_a_seed_in_a_prototype_counts(name):
    """Fails if a prototype's seed is replaced at random, or has no effect."""
    np.testing.assert_array_equal(output(seeded(7)[name]), output(seeded(7)[name]))
    own = seeded(7)[name].set_params(random_state=1)
    np.testing.assert_array_equal(output(own), output(seeded(8)[name].set_params(random_state=1)))
    if name not in (
        "imputer",
        "regressor, stack",
    ):  # which are equal on rows without missing values
        assert (output(seeded(7)[name]) != output(seeded(8)[name])).any()


def test_an_imputer_draws_by_the_seed_of_its_prototype():
    """Fails if the seed does not reach the draws of transform."""
    with_nan = np.where(np.arange(X.size).reshape(X.shape) % 3 == 0, np.nan, X)
    one, same = (seeded(7)["imputer"].fit_transform(with_nan) for _ in range(2))
    np.testing.assert_array_equal(one, same)
    assert (one != seeded(8)["imputer"].fit_transform(with_nan)).any()


REALS = load_iris().data
FITTED = {
    "bits": (BernoulliRBM(**SHORT, random_state=0), X),
    "reals": (GaussianBernoulliRBM(**SHORT, covariance_type="full", random_state=0), REALS),
    "diagonal": (GaussianBernoulliRBM(**SHORT, covariance_type="diag", random_state=0), REALS),
    "table": (TabularRBM(**SHORT, random_state=0), REALS),
    "labels": (RBMClassifier(**SHORT, random_state=0), X),
    "stack": (stack(random_state=0, fine_tune_iter=1), X),
    "classifier": (DBNClassifier(stack(), mlp=MLP, random_state=0), X),
    "imputer": (RBMImputer(BernoulliRBM(**SHORT), method="sample", random_state=0), X),
    "detector": (RBMOutlierDetector(BernoulliRBM(**SHORT), random_state=0), X),
}
READING = {
    "sample": (),
    "gibbs": ("X",),
    "impute": ("holes",),
    "reconstruct": ("X",),
    "transform": ("X",),
    "score_samples": ("X",),
    "free_energy": ("X",),
    "pseudo_log_likelihood": ("X", 1),
    "predict": ("X",),
    "predict_proba": ("X",),
    "decision_function": ("X",),
    "lower_bound": ("X",),
}


@pytest.mark.parametrize("name", FITTED)
def test_reading_changes_no_hash(name):
    """Fails if a method changes the pickle, by a position or a computed value."""
    estimator, rows = clone(FITTED[name][0]), FITTED[name][1]
    estimator.fit(rows, np.arange(len(rows)) % 2)
    if hasattr(estimator, "log_partition"):
        estimator.log_partition()  # an explicit step, whose result is stored
    before, holes = joblib.hash(estimator), rows.copy()
    holes[0, 0] = np.nan
    for method, names in READING.items():
        if hasattr(estimator, method):
            getattr(estimator, method)(*({"X": rows, "holes": holes}.get(n, n) for n in names))
            assert joblib.hash(estimator) == before, method
    for attribute in dir(estimator):
        if attribute.endswith("_") and not attribute.startswith("_"):
            getattr(estimator, attribute, None)
            assert joblib.hash(estimator) == before, attribute


@pytest.mark.parametrize("name", ["bits", "reals", "table", "labels", "stack"])
def test_samples_continue_and_a_pickle_restarts(name):
    """Fails if successive calls are equal, or a copy continues at another place of the sequence."""
    estimator, rows = clone(FITTED[name][0]), FITTED[name][1]
    estimator.fit(rows, np.arange(len(rows)) % 2)

    def draw(model):
        return np.asarray(model.sample(50, n_steps=2)[0 if name == "labels" else slice(None)])

    first, second = draw(estimator), draw(estimator)
    assert (first != second).any()
    loaded, copied = pickle.loads(pickle.dumps(estimator)), deepcopy(estimator)
    np.testing.assert_array_equal(draw(loaded), first)
    np.testing.assert_array_equal(draw(loaded), second)
    np.testing.assert_array_equal(draw(copied), draw(estimator))


ALL = [
    BernoulliRBM(),
    GaussianBernoulliRBM(),
    TabularRBM(),
    RBMClassifier(),
    DeepBeliefNetwork(),
    DBNClassifier(),
    DBNRegressor(),
]


@pytest.mark.parametrize("estimator", ALL, ids=lambda x: type(x).__name__)
def test_every_fitted_property_needs_a_fit(estimator):
    """Fails if a property of an unfitted estimator raises anything else."""
    names = [
        name
        for name, value in inspect.getmembers(type(estimator))
        if isinstance(value, property) and name.endswith("_") and name[0] != "_"
    ]
    assert names
    for name in names:
        with pytest.raises(NotFittedError):
            getattr(estimator, name)


def test_fitted_attributes_of_a_distributed_estimator_need_a_fit():
    """Fails if the error is that the attribute does not exist."""
    spread = pytest.importorskip("skrbm.distributed").Distributed(BernoulliRBM())
    for name in ("chains_", "components_", "n_features_in_", "estimator_"):
        assert not hasattr(spread, name)
        with pytest.raises(NotFittedError):
            getattr(spread, name)
