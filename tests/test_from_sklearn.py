"""A fitted BernoulliRBM of scikit-learn continues as an estimator of this package."""

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn.neural_network
from sklearn.exceptions import NotFittedError

from skrbm import BernoulliRBM, GaussianBernoulliRBM

from laws import BERNOULLI, all_states, copies

X = copies(50)


def theirs(dtype="float64", **parameters):
    parameters = {"n_iter": 50, "random_state": 0} | parameters
    return sklearn.neural_network.BernoulliRBM(3, **parameters).fit(X.astype(dtype))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_model_is_the_same(dtype):
    """Fails if weights are transposed, a bias belongs to another layer, or the dtype changes."""
    given = theirs(dtype)
    before = joblib.hash(given)
    own = BernoulliRBM.from_sklearn(given)
    for name in ("components_", "intercept_hidden_", "intercept_visible_"):
        np.testing.assert_array_equal(getattr(own, name), getattr(given, name))
        assert getattr(own, name).dtype == dtype
        assert not np.shares_memory(getattr(own, name), getattr(given, name))
    rows = X.astype(dtype)
    np.testing.assert_allclose(own.transform(rows), given.transform(rows), rtol=1e-5)
    own.partial_fit(rows)
    assert joblib.hash(given) == before
    assert own.get_params() | given.get_params() == own.get_params()
    assert own.n_features_in_ == 4
    assert own.n_iter_ == 1


def test_scores_are_normalised():
    """Fails if log Z belongs to another model. The probabilities of all rows sum to one."""
    own = BernoulliRBM.from_sklearn(theirs())
    v, _ = all_states(BERNOULLI, 4)
    assert np.exp(own.score_samples(v)).sum() == pytest.approx(1, abs=1e-9)
    exact = own.log_partition("exact").value
    bounds = own.log_partition("bracket", random_state=0)
    assert abs(bounds.value - exact) <= 6 * bounds.std_error + 1e-6


def test_samples_are_of_the_model():
    """Fails if chains use another model. Six standard errors of each frequency."""
    own, n = BernoulliRBM.from_sklearn(theirs()), 20_000
    v, _ = all_states(BERNOULLI, 4)
    p = np.exp(own.score_samples(v))
    drawn = own.sample(n, n_steps=100, random_state=0)
    share = np.bincount(drawn @ [8, 4, 2, 1], minlength=16) / n
    share = share[(v @ [8, 4, 2, 1]).astype(int)]
    assert (np.abs(share - p) <= 6 * np.sqrt(p / n) + 1e-4).all()


def test_chains_start_from_the_chains_of_scikit_learn():
    """Fails if chains start from independent units.

    Each hidden state is one here, and p(v = 1 | h = 1) is 1 up to rounding.
    """
    given = theirs()
    given.h_samples_ = np.ones_like(given.h_samples_)
    given.components_ = np.full_like(given.components_, 20)
    given.intercept_visible_ = np.full_like(given.intercept_visible_, -30)
    given.intercept_hidden_ = np.full_like(given.intercept_hidden_, -40)
    own = BernoulliRBM.from_sklearn(given, n_chains=500)
    assert (own.chains_ == 1).all()
    given.h_samples_ = np.zeros_like(given.h_samples_)
    assert (BernoulliRBM.from_sklearn(given, n_chains=500).chains_ == 0).all()


@pytest.mark.parametrize("gradient", ["jump", "pcd", "pt", "cd", "exact"])
def test_training_continues(gradient):
    """Fails if the first updates undo the training, or a fit restarts."""
    own = BernoulliRBM.from_sklearn(theirs(), gradient=gradient)
    start = own.score(X)
    own.partial_fit(X)
    assert own.score(X) > start - 0.05
    own.set_params(warm_start=True).fit(X)
    assert own.score(X) > start
    assert own.n_iter_ == 51


def test_names_and_parameters_are_kept():
    """Fails if columns lose their names, or a given parameter is replaced."""
    frame = pd.DataFrame(X, columns=list("abcd"))
    given = sklearn.neural_network.BernoulliRBM(2, batch_size=7, n_iter=3, verbose=0).fit(frame)
    own = BernoulliRBM.from_sklearn(given, verbose=1, n_chains=20)
    assert list(own.feature_names_in_) == list("abcd")
    assert (own.batch_size, own.verbose, own.n_chains, own.n_iter) == (7, 1, 20, 3)
    assert own.chains_.shape == (20, 4)
    own.transform(frame)


def test_only_fitted_models_of_scikit_learn_are_accepted():
    """Fails if another estimator, or one without weights, causes an obscure error."""
    for rbm in (
        BernoulliRBM(2),
        GaussianBernoulliRBM(2),
        None,
        sklearn.neural_network.BernoulliRBM,
    ):
        with pytest.raises(ValueError, match="rbm == .*, must be a BernoulliRBM of scikit-learn."):
            BernoulliRBM.from_sklearn(rbm)
    with pytest.raises(NotFittedError):
        BernoulliRBM.from_sklearn(sklearn.neural_network.BernoulliRBM())
    for shape in ({"n_components": 4}, {"hidden": "gaussian"}):
        with pytest.raises(ValueError, match="== .*, must be .* here."):
            BernoulliRBM.from_sklearn(theirs(), **shape)
