"""Bad input raises one clear sentence that names the mistake, before anything changes."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn.neural_network
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

import skrbm
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
from skrbm.learning.gradients import GRADIENTS
from skrbm.validation import rows

GOOD = np.array([[0.0, 1, 0], [1, 0, 1], [1, 1, 0]])
BAD_NAN, BAD_INF = GOOD.copy(), GOOD.copy()
BAD_NAN[1, 1] = np.nan
BAD_INF[1, 1] = np.inf
OF_MODEL = "components_", "intercept_hidden_", "intercept_visible_"
OF_TRAINING = "chains_", "h_samples_", "tempering_", "history_", "n_iter_", "log_partition_"
RATE = "must be 'auto' or a finite number >= 1e-30 and <= 1e30."


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "n_components == 0, must be an integer >= 1."),
        ({"n_components": 2.5}, "n_components == 2.5, must be an integer >= 1."),
        ({"batch_size": 0}, "batch_size == 0, must be an integer >= 1."),
        ({"n_iter": "many"}, "n_iter == 'many', must be 'auto' or an integer >= 0."),
        ({"n_iter": -1}, "n_iter == -1, must be 'auto' or an integer >= 0."),
        ({"n_steps": 0}, "n_steps == 0, must be an integer >= 1."),
        ({"n_chains": 0}, "n_chains == 0, must be an integer >= 1."),
        ({"learning_rate": -1.0}, f"learning_rate == -1.0, {RATE}"),
        ({"learning_rate": 1e-31}, f"learning_rate == 1e-31, {RATE}"),
        ({"learning_rate": np.nan}, f"learning_rate == nan, {RATE}"),
        ({"learning_rate": np.inf}, f"learning_rate == inf, {RATE}"),
        ({"learning_rate": "fast"}, f"learning_rate == 'fast', {RATE}"),
        (
            {"gradient": "pdc"},
            f"gradient == 'pdc', must be one of {', '.join(map(repr, GRADIENTS))}.",
        ),
        ({"early_stopping": 1}, "early_stopping == 1, must be True or False."),
        ({"warm_start": "no"}, "warm_start == 'no', must be True or False."),
        (
            {"validation_fraction": 1.0},
            "validation_fraction == 1.0, must be a finite number > 0 and < 1.",
        ),
        (
            {"validation_fraction": "auto"},
            "validation_fraction == 'auto', must be a finite number > 0 and < 1.",
        ),
        ({"n_iter_no_change": 0}, "n_iter_no_change == 0, must be an integer >= 1."),
        ({"tol": -1.0}, "tol == -1.0, must be a finite number >= 0."),
        ({"tol": 10**400}, "0, must be a finite number >= 0."),
        ({"learning_rate": 1e300}, f"learning_rate == 1e+300, {RATE}"),
        ({"learning_rate": 10**400}, f"0, {RATE}"),
        (
            {"n_chains": 10**10},
            "n_chains == 10000000000, must be an integer >= 1 and <= 2147483647.",
        ),
        ({"n_iter": np.array([1, 2])}, "n_iter == array([1, 2]), must be 'auto' or an integer >="),
        ({"warm_start": np.array([True, False])}, "warm_start == array([ True, False]), must be"),
        ({"verbose": -1}, "verbose == -1, must be an integer >= 0."),
        (
            {"random_state": "seed"},
            "random_state == 'seed', must be None, an int or a RandomState.",
        ),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_wrong_parameters(method, parameters, message):
    """Fails if a parameter is used before it is checked."""
    estimator = BernoulliRBM(**parameters)
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        getattr(estimator, method)(GOOD)
    assert not hasattr(estimator, "n_features_in_")


BAD_DATA = [
    (BAD_NAN, " contains NaN, must not"),
    (BAD_INF, "Input X contains infinity"),
    (GOOD[0], "Expected 2D array, got 1D array instead"),
    (np.array([["a", "b", "c"]]), "dtype='numeric' is not compatible with arrays of bytes/strings"),
    (GOOD[:0], "Found array with 0 sample(s)"),
    (GOOD[:, :0], "Found array with 0 feature(s)"),
    (GOOD + 1j, "Complex data not supported"),
    (GOOD.astype("M8[s]"), "is an array of datetime64[s], must be of real numbers."),
    (np.full((3, 3), 10**400, object), "has an integer that is too large for a float"),
    (np.where(GOOD == 1, np.inf, -np.inf), "Input X contains infinity"),
]


@pytest.mark.parametrize(("X", "message"), BAD_DATA, ids=[message for _, message in BAD_DATA])
def test_wrong_data_is_refused_by_every_method(X, message):
    """Fails if a method skips the checks, or a failed fit loses the previous one."""
    estimator = BernoulliRBM(2, n_iter=1, random_state=0).fit(GOOD)
    before = estimator.components_.copy()
    methods = ("fit", "partial_fit", "transform", "gibbs", "reconstruct", "free_energy")
    for method in (*methods, "score_samples", "score", "pseudo_log_likelihood"):
        with (
            pytest.raises(ValueError, match=re.escape(message.replace("X", "v")))
            if (method == "gibbs" and "Input X" in message)
            else pytest.raises(ValueError, match=re.escape(message))
        ):
            getattr(estimator, method)(X)
    np.testing.assert_array_equal(estimator.components_, before)
    assert estimator.n_features_in_ == 3
    estimator.transform(GOOD)


def test_wrong_number_of_columns():
    """Fails if another number of columns reaches a matrix product."""
    estimator = BernoulliRBM(2, n_iter=1, random_state=0).fit(GOOD)
    for method in (estimator.transform, estimator.partial_fit, estimator.gibbs, estimator.score):
        with pytest.raises(ValueError, match="X has 2 features, but BernoulliRBM is expecting 3"):
            method(GOOD[:, :2])
    with pytest.raises(
        ValueError, match="H has 3 columns, must have one for each of 2 hidden units"
    ):
        estimator.inverse_transform(GOOD)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        estimator.energy(GOOD, np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 1], "inconsistent numbers of samples"),
        ([[1], [1], [1]], "sample_weight has 2 dimensions, must have 1."),
        ([1, -1, 1], "sample_weight ranges from -1 to 1, must be >= 0 with a finite sum, and"),
        ([0, 0, 0], "sample_weight ranges from 0 to 0, must be >= 0 with a finite sum, and"),
        ([1e308] * 3, "sample_weight ranges from 1e+308 to 1e+308, must be >= 0 with a finite"),
        ([1, np.nan, 1], "Input sample_weight contains NaN"),
    ],
)
def test_wrong_weights(weights, message):
    """Fails if weights are checked only after the columns are stored."""
    estimator = BernoulliRBM(2, n_iter=1)
    for method in (estimator.fit, estimator.partial_fit):
        with pytest.raises(ValueError, match=re.escape(message)):
            method(GOOD, sample_weight=weights)
    assert not hasattr(estimator, "n_features_in_")
    estimator.fit(GOOD)
    with pytest.raises(ValueError, match=re.escape(message)):
        estimator.score(GOOD, sample_weight=weights)


def test_weights_of_any_size_and_ratio():
    """Fails if weights overflow in float32, or rows of negligible weight set a scale."""
    X = GOOD.astype(np.float32)
    for estimator in (BernoulliRBM, TabularRBM, GaussianBernoulliRBM):
        rbm = estimator(2, n_iter=2, alpha=0, random_state=0).fit(X)
        many = clone(rbm).fit(X, sample_weight=np.full(3, 1e300))
        one = clone(rbm).fit(X, sample_weight=[1e300, 1, 1])
        for fitted in (many, one):
            assert np.isfinite(fitted.components_).all()
            assert np.isfinite(fitted.transform(X)).all()
    np.testing.assert_allclose(many.variance_, rbm.variance_, rtol=1e-3)


def test_counts_of_every_integer_type():
    """Fails if a small integer type overflows, or True is accepted as a count."""
    few = {"n_components": np.int8(2), "batch_size": np.uint8(1), "n_chains": np.int8(3)}
    for parameters in ({**few, "n_iter": np.uint8(100)}, {"n_components": True, "n_chains": True}):
        estimator = GaussianBernoulliRBM(n_iter=2).set_params(**parameters).fit(GOOD)
        assert np.isfinite(estimator.components_).all()
    assert estimator.impute(BAD_NAN, n_draws=True).shape == (1, 3, 3)


def test_values_that_no_float_holds():
    """Fails if a condition or a hidden state overflows, with another error or silently."""
    estimator = BernoulliRBM(2, hidden="gaussian", n_iter=1, random_state=0).fit(GOOD)
    for given in ({0: 10**400}, {0: np.longdouble("1e4000")}, [np.longdouble("1e4000"), 0, 0]):
        with pytest.raises(ValueError, match="Input given contains infinity"):
            estimator.sample(given=given)
    message = re.escape("has a value of size 1e+300, must have none above 1e+30.")
    with pytest.raises(ValueError, match=f"h {message}"):
        estimator.energy(GOOD, np.full((3, 2), -1e300))
    with pytest.raises(ValueError, match=f"H {message}"):
        estimator.inverse_transform(np.full((3, 2), 1e300))


def test_methods_need_a_fit():
    """Fails if an unfitted estimator raises another error than scikit-learn's."""
    estimator = BernoulliRBM()
    one = ("transform", "gibbs", "reconstruct", "free_energy", "score_samples", "inverse_transform")
    for method in (*one, "score", "pseudo_log_likelihood"):
        with pytest.raises(NotFittedError, match="This BernoulliRBM instance is not fitted yet"):
            getattr(estimator, method)(GOOD)
    with pytest.raises(NotFittedError):
        estimator.sample()
    with pytest.raises(NotFittedError):
        estimator.energy(GOOD, GOOD)


@pytest.mark.parametrize(
    ("estimator", "attributes"),
    [
        (BernoulliRBM(), (*OF_MODEL, *OF_TRAINING)),
        (GaussianBernoulliRBM(), (*OF_MODEL, *OF_TRAINING, "variance_")),
        (TabularRBM(), (*OF_MODEL, *OF_TRAINING, "column_types_", "classes_")),
        (RBMClassifier(), (*OF_MODEL, "history_", "n_iter_", "classes_")),
        (DeepBeliefNetwork(), ("rbms_", "recognition_", "generation_", "history_")),
        (DBNClassifier(), ("dbn_", "mlp_", "loss_curve_")),
    ],
    ids=lambda x: "" if isinstance(x, tuple) else type(x).__name__,
)
def test_attributes_need_a_fit(estimator, attributes):
    """Fails if an attribute of an unfitted estimator exists, or raises another error."""
    for name in attributes:
        assert hasattr(type(estimator), name)
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            getattr(estimator, name)


@pytest.mark.parametrize(
    "estimator",
    [
        RBMImputer(BernoulliRBM(2, n_iter=2), add_indicator=True),
        RBMOutlierDetector(BernoulliRBM(2, n_iter=2)),
        DBNClassifier(DeepBeliefNetwork((2,), rbm=BernoulliRBM(n_iter=2))),
        DBNClassifier(DeepBeliefNetwork((2,), rbm=BernoulliRBM(n_iter=2, early_stopping=True))),
    ],
    ids=["imputer", "detector", "classifier", "classifier, early stopping"],
)
def test_fit_of_a_wrapper_reads_the_rows_once(estimator, monkeypatch):
    """Fails if a wrapper checks rows that its model checks too.

    Validation passes over all rows in `summarize`, or only in `find_bounds`. A part of the rows may
    be summarized again.
    """
    X = np.tile(GOOD, (10, 1))
    shapes = []

    def counted(function):
        def count(values, *arguments, **options):
            shapes.append(values.shape)
            return function(values, *arguments, **options)

        return count

    for name in ("summarize", "find_bounds"):
        monkeypatch.setattr(rows, name, counted(getattr(rows, name)))
    estimator.fit(X, np.arange(len(X)) % 2)
    assert shapes.count(X.shape) == 1


def test_wrong_numbers_of_steps_and_samples():
    """Fails if gibbs or sample run with an invalid count."""
    estimator = BernoulliRBM(2, n_iter=1, random_state=0).fit(GOOD)
    with pytest.raises(ValueError, match="n_steps == 0, must be an integer >= 1"):
        estimator.gibbs(GOOD, n_steps=0)
    with pytest.raises(ValueError, match="n_samples == 0, must be an integer >= 1"):
        estimator.sample(0)


def test_exact_gradient_of_a_large_model():
    """Fails if 2^20 states are enumerated in every update without an error."""
    message = (
        "gradient == 'exact' enumerates the smaller binary layer, which has 20 units; at most 16"
    )
    estimator = BernoulliRBM(20, gradient="exact")
    with pytest.raises(ValueError, match=message):
        estimator.fit(np.zeros((2, 30)))
    assert not hasattr(estimator, "n_features_in_")


def test_parameters_that_shape_the_model_stay_during_a_stream():
    """Fails if set_params between calls of partial_fit is ignored."""
    estimator = BernoulliRBM(2, n_iter=2, random_state=0).partial_fit(GOOD)
    for change in ({"n_components": 3}, {"gradient": "cd"}, {"n_steps": 7}, {"n_chains": 7}):
        name, value = next(iter(change.items()))
        was = getattr(estimator, name)
        message = (
            f"{name} == {value!r}, must stay {was!r} to continue the training; fit with "
            "warm_start=False starts again."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            estimator.set_params(**change).partial_fit(GOOD)
        estimator.set_params(**{name: was})
    assert estimator.set_params(learning_rate=0.01).partial_fit(GOOD).n_iter_ == 2
    assert estimator.set_params(n_components=3).fit(GOOD).components_.shape == (3, 3)


def test_a_refused_fit_changes_nothing():
    """Fails if the columns of refused data are stored."""
    estimator = BernoulliRBM(2, n_iter=1, random_state=0).fit(GOOD)
    before = estimator.transform(GOOD)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="outside"):
            estimator.fit(3 * np.ones((2, 5)))
    np.testing.assert_array_equal(estimator.transform(GOOD), before)


def test_sparse_data_with_repeated_entries_are_summed_in_a_copy():
    """Fails if the checks change a matrix of the caller."""
    parts = np.array([0.5, 0.5, 1.0]), np.array([1, 1, 0]), np.array([0, 2, 3])
    X = sparse.csr_array(parts, shape=(2, 3))
    for part in (X.data, X.indices, X.indptr):
        part.flags.writeable = False
    estimator = BernoulliRBM(2, n_iter=2, random_state=0).fit(X)
    assert X.nnz == 3
    np.testing.assert_allclose(estimator.transform(X), estimator.transform(X.toarray()))


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_data_outside_the_unit_interval_give_one_warning(container):
    """Fails if the range belongs to another column, or the remedy is missing."""
    X = GOOD * [1, 3, -2]
    message = r"column 1 \(from 0 to 3\) and 1 more lie outside; .*MinMaxScaler"
    with pytest.warns(UserWarning, match=message) as caught:
        BernoulliRBM(2, n_iter=1).fit(container(X))
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_the_warning_names_the_feature():
    """Fails if a column of a data frame is named by its number."""
    X = pd.DataFrame(GOOD * [1, 1, 2], columns=["a", "b", "c"])
    with pytest.warns(UserWarning, match=r"column 'c' \(from 0 to 2\) lies outside"):
        estimator = BernoulliRBM(2, n_iter=1).fit(X)
    for method in (estimator.transform, estimator.gibbs, estimator.score):
        with pytest.warns(UserWarning, match="column 'c'") as caught:
            method(X)
        assert [warning.filename for warning in caught] == [__file__]


def test_huge_data_count_as_the_nearest_values_inside():
    """Fails if a value far outside gives NaN as inf - inf, or has more effect than 0 or 1."""
    X = np.array([[1e30, -1e30, 0], [3, 2, 1]], dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        estimator = BernoulliRBM(2, n_iter=2, random_state=0).fit(X)
        features = estimator.transform(X)
    inside = X.clip(0, 1)
    expected = BernoulliRBM(2, n_iter=2, random_state=0).fit(inside)
    assert np.isfinite(estimator.components_).all()
    np.testing.assert_array_equal(estimator.components_, expected.components_)
    np.testing.assert_array_equal(features, expected.transform(inside))


@pytest.mark.parametrize("kind", [BernoulliRBM, GaussianBernoulliRBM, TabularRBM, RBMClassifier])
def test_docstrings_name_every_gradient(kind):
    """Fails if a gradient is added without its description."""
    names = ", ".join(f'"{name}"' for name in GRADIENTS)
    assert f"gradient : {{{names}}}" in kind.__doc__


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_digits])
def test_new_rows_of_a_scaler_need_no_warning(load):
    """Fails if every fold of a cross-validation warns of its extremes; warnings are errors here.

    A warning is an error here.
    """
    X, y = load(return_X_y=True)
    X, y = X[::3], y[::3]
    pipeline = make_pipeline(
        MinMaxScaler(), BernoulliRBM(2, n_iter=1, random_state=0), LogisticRegression(max_iter=300)
    )
    new = MinMaxScaler().fit(X[::2]).transform(X[1::2])
    assert new.max() > 1.05
    assert np.isfinite(cross_val_score(pipeline, X, y)).all()


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_new_rows_are_clipped_silently_up_to_a_mean_distance(container):
    """Fails if the limit applies to the largest value or to a column, or also to the first fit."""
    rbm = BernoulliRBM(2, n_iter=1, random_state=0).fit(container(GOOD))
    X = np.tile(GOOD, (10, 1))
    inside = rbm.transform(container(X))
    X[0, np.argmax(X[0])] += 0.1 * X.size - 1e-6  # far, but alone
    np.testing.assert_array_equal(rbm.transform(container(X)), inside)
    rbm.partial_fit(container(X))
    with pytest.warns(UserWarning, match="X must be in"):
        BernoulliRBM(2, n_iter=1).fit(container(X))
    with pytest.warns(UserWarning, match="X must be in"):
        BernoulliRBM(2).partial_fit(container(X))
    X[0, np.argmax(X[0])] += 2e-6
    for method in (rbm.transform, rbm.score_samples, rbm.partial_fit):
        with pytest.warns(UserWarning, match="X must be in"):
            method(container(X))


NESTED = [
    (RBMImputer(), "rbm__n_components"),
    (RBMOutlierDetector(), "rbm__n_components"),
    (DeepBeliefNetwork(), "rbm__n_iter"),
    (DeepBeliefNetwork(), "top_rbm__n_iter"),
    (DeepBeliefNetwork(), "visible_rbm__n_iter"),
    (DBNClassifier(), "dbn__rbm__n_iter"),
    (DBNClassifier(), "mlp__max_iter"),
    (DBNRegressor(), "dbn__rbm__n_iter"),
    (DBNRegressor(), "mlp__max_iter"),
]


@pytest.mark.parametrize(("estimator", "name"), NESTED)
def test_a_search_over_a_prototype_of_none_names_the_remedy(estimator, name):
    """Fails with an AttributeError of None, or if the search fails with the advice too."""
    step, X, y = type(estimator).__name__.lower(), np.tile(GOOD, (2, 1)), np.arange(6) % 2
    grid = {f"{step}__{name}": [3]}
    search = GridSearchCV(make_pipeline(estimator), grid, scoring=lambda *_: 0, cv=2)
    for call in (lambda: estimator.set_params(**{name: 3}), lambda: search.fit(X, y)):
        with pytest.raises(ValueError, match=f"has no parameter {name}: write") as refused:
            call()
    code = re.split(": write |, or ", str(refused.value))[1].rstrip(".")
    advised = eval(code, {**vars(skrbm), **vars(sklearn.neural_network)})
    assert advised.set_params(**{name: 3}).get_params()[name] == 3
    assert clone(advised).get_params()[name] == 3


@pytest.mark.parametrize(("estimator", "name"), [NESTED[0], NESTED[2], NESTED[5]])
def test_the_advised_prototype_is_the_default(estimator, name):
    """Fails if the advice is another model."""
    X, y = np.random.default_rng(0).random((12, 3)), np.arange(12) % 2
    if isinstance(estimator, RBMImputer):
        X[::3, 1] = np.nan
    with pytest.raises(ValueError, match="write") as refused:
        estimator.set_params(**{name: 3})
    advised = eval(str(refused.value).split(": write ")[1].rstrip("."), vars(skrbm).copy())
    method = "predict_proba" if hasattr(estimator, "predict_proba") else "transform"
    default, same = (
        getattr(clone(model).set_params(random_state=0).fit(X, y), method)(X)
        for model in (estimator, advised)
    )
    np.testing.assert_array_equal(same, default)


def test_nested_parameters_need_an_estimator():
    """Fails if the message advises an estimator, or comes from Python."""
    with pytest.raises(
        ValueError, match="^DBNClassifier.inputs='mean'. has no parameter inputs__x.$"
    ):
        DBNClassifier().set_params(inputs__x=1)
