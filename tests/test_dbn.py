"""`DeepBeliefNetwork` as an estimator; the formulas of a net are in test_belief_net.py."""

import pickle
import re

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import minmax_scale
from sklearn.utils import get_tags

from skrbm import BernoulliRBM, DBNClassifier, DeepBeliefNetwork, GaussianBernoulliRBM
from skrbm.estimators.dbn import stack

QUICK = BernoulliRBM(n_iter=3)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return (X / 16).astype(np.float32), y


@pytest.fixture(scope="module")
def binary(digits):
    """In float64, in which rounding changes no draw, so that equal fits stay equal."""
    return (digits[0] > 0.5).astype(np.float64)


@pytest.fixture(scope="module")
def fitted(binary):
    return DeepBeliefNetwork((24, 12, 8), rbm=QUICK, random_state=0).fit(binary)


def test_each_layer_is_trained_on_the_one_below(binary):
    """Compared with a stack made by hand. Fails if a layer sees other rows, or is not greedy."""
    dbn = DeepBeliefNetwork((24, 12), rbm=QUICK, random_state=0).fit(binary)
    rows = binary
    for rbm in dbn.rbms_:
        alone = clone(rbm).fit(rows)
        np.testing.assert_array_equal(rbm.components_, alone.components_)
        rows = rbm.transform(rows)
    np.testing.assert_allclose(dbn.transform(binary), rows, atol=1e-6)


def test_partial_fit_updates_every_layer_in_turn(binary):
    """Compared with separate RBMs. Fails if upper layers see the lower ones before their update."""
    dbn = DeepBeliefNetwork((24, 12), rbm=QUICK, random_state=0)
    for rows in (binary[:300], binary[300:600]):
        dbn.partial_fit(rows)
    alone = [clone(rbm) for rbm in dbn.rbms_]
    for rows in (binary[:300], binary[300:600]):
        for rbm in alone:
            rows = rbm.partial_fit(rows).transform(rows)
    for rbm, by_hand in zip(dbn.rbms_, alone, strict=True):
        np.testing.assert_array_equal(rbm.components_, by_hand.components_)
    np.testing.assert_allclose(
        dbn.transform(binary[:9]), alone[1].transform(alone[0].transform(binary[:9])), atol=1e-6
    )


@pytest.mark.parametrize("early_stopping", [False, True])
def test_activations_larger_than_memory_are_computed_block_by_block(binary, early_stopping):
    """The same model without working memory, up to rounding. Fails if rows are lost or swapped."""
    rbm = BernoulliRBM(n_iter=2, early_stopping=early_stopping)
    dbn = DeepBeliefNetwork((24, 12, 8), rbm=rbm, random_state=0)
    held = dbn.fit(binary).transform(binary)
    with sklearn.config_context(working_memory=0):
        computed = clone(dbn).fit(binary).transform(binary)
    np.testing.assert_allclose(held, computed, atol=1e-6)


def test_one_layer_scores_like_its_rbm(digits):
    """In the units of the data. Fails if log Z or the volume is counted twice."""
    X = load_digits().data
    dbn = DeepBeliefNetwork(8, visible_rbm=GaussianBernoulliRBM(n_iter=3), random_state=0).fit(X)
    np.testing.assert_allclose(dbn.score_samples(X), dbn.rbms_[0].score_samples(X), rtol=1e-10)
    assert dbn.lower_bound(X).std_error.max() < 1e-12
    draws = dbn.sample(2000, n_steps=20, random_state=0)
    np.testing.assert_allclose(draws.mean(axis=0), X.mean(axis=0), atol=1.5)


def test_gaussian_layer_scores_in_the_units_of_the_data():
    """Fails if the bound forgets the change of units."""
    X = load_digits().data
    X = X[:, X.std(axis=0) > 0]  # a constant column keeps its units
    first = GaussianBernoulliRBM(n_iter=3, covariance_type="diag")
    dbn = DeepBeliefNetwork((8, 6), visible_rbm=first, rbm=QUICK, random_state=0)
    plain = clone(dbn).fit(X).score_samples(X)
    scaled = clone(dbn).fit(3 * X + 5)
    np.testing.assert_allclose(scaled.score_samples(3 * X + 5), plain - 61 * np.log(3), atol=1e-4)
    reconstruction = scaled.reconstruct(3 * X + 5)
    errors = [np.mean((Y - (3 * X + 5)) ** 2) for Y in (reconstruction, (3 * X + 5).mean(axis=0))]
    assert errors[0] < 0.9 * errors[1]


def test_up_down_raises_the_bound_on_held_out_digits(digits):
    """Fails if the fine-tuning of an estimator does not use its layers.

    The standard error of a bound is a few hundredths; up-down gains 0.9 nat.
    """
    train, held_out = train_test_split(digits[0], random_state=0)
    dbn = DeepBeliefNetwork((100, 50), rbm=BernoulliRBM(n_iter=20), random_state=0)
    greedy = clone(dbn).fit(train)
    tuned = clone(dbn).set_params(fine_tune_iter=30).fit(train)
    assert tuned.score(held_out) > greedy.score(held_out) + 0.3
    assert len(tuned.history_) == 3
    assert len(tuned.history_[2]["iteration"]) == 30
    assert (
        np.abs(tuned.recognition_[0].weights.array - tuned.generation_[0].weights.array.T).max()
        > 0.01
    )
    np.testing.assert_array_equal(tuned.rbms_[0].components_, greedy.rbms_[0].components_)


def test_partial_fit_continues_up_down(binary):
    """Fails if a tuned stack falls back to tied weights."""
    dbn = DeepBeliefNetwork((24, 12), rbm=QUICK, fine_tune_iter=2, random_state=0).fit(binary)
    before, lowest = dbn.generation_[0].weights.array.copy(), dbn.rbms_[0].components_.copy()
    dbn.partial_fit(binary[:500])
    assert len(dbn.history_[2]["iteration"]) == 3
    assert 0 < np.abs(dbn.generation_[0].weights.array - before).max() < 1
    np.testing.assert_array_equal(dbn.rbms_[0].components_, lowest)
    assert not np.array_equal(dbn.recognition_[0].weights.array, dbn.rbms_[0].components_.T)


def test_upper_layers_start_as_if_their_inputs_varied():
    """Their inputs are draws.

    Fails if the small variance of the means makes initial weights larger.
    """
    X = np.random.default_rng(0).uniform(0.4, 0.6, size=(200, 3))
    rbm = BernoulliRBM(n_iter=0)
    dbn = DeepBeliefNetwork((64, 64), rbm=rbm, random_state=0).fit(X)
    assert dbn.rbms_[1].components_.std() == pytest.approx(6 / np.sqrt(64 + 64), rel=0.1)


def test_upper_layers_make_as_many_updates_as_the_lowest():
    """Fails if the number of inputs, which are functions of the data, has an effect."""
    X = np.random.default_rng(0).random((100, 3))
    dbn = DeepBeliefNetwork((40, 2), random_state=0).fit(X)
    assert [rbm.n_iter_ for rbm in dbn.rbms_] == [2_000, 2_000]


def test_up_down_is_stable_if_all_columns_depend_on_one():
    """Real-valued clusters, many units and float32. Fails if the length of steps is not limited."""
    rng = np.random.default_rng(0)
    X = np.sign(rng.normal(size=(500, 1))) * 3 + 0.1 * rng.normal(size=(500, 20))
    dbn = DeepBeliefNetwork(
        (128, 32), visible_rbm=GaussianBernoulliRBM(n_iter=10), rbm=QUICK, random_state=0
    )
    X = X.astype(np.float32)
    greedy = clone(dbn).fit(X).score(X)
    assert clone(dbn).set_params(fine_tune_iter=5).fit(X).score(X) > greedy - 1


def test_up_down_handles_mini_batches_of_negligible_weight():
    """In float32. Fails if a share of the weights vanishes before it is divided by their sum."""
    X = np.eye(6, dtype=np.float32)[np.arange(60) % 6]
    weights = np.full(60, 1e-50)
    weights[:50] = 1e-60
    rbm = BernoulliRBM(n_iter=2, batch_size=5)
    dbn = DeepBeliefNetwork((5, 4), rbm=rbm, fine_tune_iter=3, random_state=0)
    assert np.isfinite(dbn.fit(X, sample_weight=weights).score(X))


def test_rows_far_from_all_others_have_a_score():
    """Fails with a warning if the key of a row does not fit into an integer."""
    X = np.random.default_rng(0).normal(size=(60, 6))
    first = GaussianBernoulliRBM(n_iter=2)
    dbn = DeepBeliefNetwork((5, 4), visible_rbm=first, rbm=QUICK, random_state=0)
    assert np.all(dbn.fit(X).score_samples(np.full((2, 6), 1e14)) < -1e20)


class Interrupted(Exception):
    """Stands in for Ctrl-C."""


def test_an_interrupted_up_down_keeps_its_progress(binary, monkeypatch):
    """Fails if layers of two fits are mixed, or the finished epochs are lost."""
    dbn = DeepBeliefNetwork((24, 12), rbm=QUICK, fine_tune_iter=5, random_state=0).fit(binary)
    run = stack.run

    def interrupted(records, observers):
        n_seen = []

        def observe(record):
            n_seen.append(record)
            if len(n_seen) == 3:
                raise Interrupted

        run(records, [observe, *observers])

    monkeypatch.setattr(stack, "run", interrupted)
    with pytest.raises(Interrupted):
        dbn.set_params(hidden_layer_sizes=(10, 5)).fit(binary)
    assert len(dbn.history_[2]["iteration"]) == 3
    assert dbn.transform(binary).shape[1] == 5
    assert not np.array_equal(dbn.recognition_[0].weights.array, dbn.rbms_[0].components_.T)
    assert np.isfinite(dbn.score(binary))


def test_early_stopping_scores_the_same_rows_in_every_epoch(binary):
    """The steps are too small to matter. Fails if the validation set is drawn again."""
    rbm = BernoulliRBM(n_iter=4, early_stopping=True, learning_rate=1e-12)
    dbn = DeepBeliefNetwork((8, 6, 5), rbm=rbm, random_state=0).fit(binary)
    assert np.ptp(dbn.history_[2]["validation_score"]) < 1e-6


def test_prototypes_apply_to_their_layers():
    """Fails if a parameter of an unfitted stack reaches another layer."""
    gaussian = GaussianBernoulliRBM(n_iter=1)
    stack = DeepBeliefNetwork((5, 4), rbm=gaussian, top_rbm=QUICK)
    assert not get_tags(stack).input_tags.sparse
    assert get_tags(DeepBeliefNetwork(5, rbm=gaussian, top_rbm=QUICK)).input_tags.sparse
    one_row = DeepBeliefNetwork((5, 4), rbm=BernoulliRBM(early_stopping=True))
    assert one_row.partial_fit(np.eye(6)[:1]).transform(np.eye(6)).shape == (6, 4)


REALS = np.random.default_rng(0).normal(size=(60, 5)) * [1, 5, 0.1, 20, 1] + [0, 3, 0.5, 9, 0]


def test_real_values_get_gaussian_units_and_the_parameters_of_the_prototype():
    """Fails if data outside [0, 1] are clipped or cause a warning, or a parameter is lost."""
    rbm = BernoulliRBM(n_iter=3, n_chains=7, learning_rate=0.2, missing_values="allow")
    dbn = DeepBeliefNetwork((8, 6), rbm=rbm, random_state=0)
    X = REALS.copy()
    X[0, 1] = np.nan
    named = GaussianBernoulliRBM(
        n_iter=3, n_chains=7, learning_rate=0.2, missing_values="allow", covariance_type="diag"
    )
    for method in ("fit", "partial_fit"):
        chosen, given = (
            getattr(clone(dbn).set_params(visible_rbm=v), method)(X) for v in ("auto", named)
        )
        assert repr(chosen.rbms_) == repr(given.rbms_)
        np.testing.assert_array_equal(chosen.transform(X), given.transform(X))
        assert not get_tags(chosen).input_tags.sparse
    assert isinstance(chosen.partial_fit(X).fit(X > 0).rbms_[0], BernoulliRBM)
    classifier = DBNClassifier(dbn, random_state=0).fit(X, np.arange(60) % 2)
    assert isinstance(classifier.dbn_.rbms_[0], GaussianBernoulliRBM)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_errors_lie_within_the_unit_interval(dtype):
    """As from minmax_scale. Fails if they cause a warning, or choose Gaussian units."""
    X = (REALS.mean(axis=0) < REALS).astype(dtype)
    rounded = X * np.nextafter(dtype(1), dtype(2)) - np.finfo(dtype).eps * (X == 0)
    assert rounded.max() > 1
    assert rounded.min() < 0
    for estimator in (QUICK, DeepBeliefNetwork((8, 6), rbm=QUICK)):
        fits = [clone(estimator).set_params(random_state=0).fit(rows) for rows in (X, rounded)]
        np.testing.assert_array_equal(*(fit.transform(X) for fit in fits))
        np.testing.assert_array_equal(fits[0].transform(X), fits[0].transform(rounded))
    scaled = minmax_scale(REALS + 1e6).astype(dtype)
    assert isinstance(DeepBeliefNetwork(2, rbm=QUICK).fit(scaled).rbms_[0], BernoulliRBM)


def test_first_rows_choose_the_lowest_layer():
    """Fails if a layer in training is replaced, or later rows cause no warning."""
    dbn = DeepBeliefNetwork((8, 6), rbm=QUICK, random_state=0).partial_fit(REALS > 0)
    with pytest.warns(UserWarning, match="X must be in"):
        dbn.partial_fit(REALS)
    assert isinstance(dbn.rbms_[0], BernoulliRBM)
    dbn = clone(dbn).partial_fit(REALS)
    assert isinstance(dbn.partial_fit(REALS > 0).rbms_[0], GaussianBernoulliRBM)


@pytest.mark.parametrize(
    ("parameters", "rows"),
    [
        ({}, sparse.csr_array(np.round(abs(REALS)))),
        ({"visible_rbm": None}, REALS),
        ({"hidden_layer_sizes": 4, "rbm": BernoulliRBM(hidden="gaussian", n_iter=3)}, REALS),
    ],
)
def test_sparse_rows_and_real_features_keep_binary_visible_units(parameters, rows):
    """Fails if sparse rows or a single Gaussian layer are refused, or change the lowest layer."""
    dbn = DeepBeliefNetwork((8, 6), rbm=QUICK, random_state=0).set_params(**parameters)
    with pytest.warns(UserWarning, match="X must be in .*MinMaxScaler"):
        dbn.fit(rows)
    assert isinstance(dbn.rbms_[0], BernoulliRBM)


def test_a_name_has_no_parameters():
    """Fails with an AttributeError about a string."""
    with pytest.raises(
        ValueError, match="visible_rbm='auto'. has no parameter visible_rbm__n_iter"
    ):
        DBNClassifier(DeepBeliefNetwork()).set_params(dbn__visible_rbm__n_iter=2)
    dbn = DeepBeliefNetwork().set_params(visible_rbm=clone(QUICK), visible_rbm__n_iter=2)
    assert dbn.visible_rbm.n_iter == 2
    with pytest.raises(ValueError, match="visible_rbm == 'x', must be 'auto', None or an RBM of"):
        DeepBeliefNetwork(visible_rbm="x").fit(REALS)


def test_all_layers_are_the_means_one_after_the_other(fitted, binary):
    """Fails if columns are missing or misplaced, or the way down uses the wrong ones."""
    every = clone(fitted).set_params(output="all").fit(binary)
    H = every.transform(binary)
    assert H.shape[1] == len(every.get_feature_names_out()) == 24 + 12 + 8
    np.testing.assert_allclose(H[:, :24], every.rbms_[0].transform(binary), atol=1e-6)
    np.testing.assert_allclose(H[:, 36:], fitted.transform(binary), atol=1e-6)
    down = fitted.inverse_transform(fitted.transform(binary))
    np.testing.assert_allclose(every.inverse_transform(H), down, atol=1e-6)
    np.testing.assert_allclose(fitted.reconstruct(binary), down, atol=1e-6)


def test_scores_do_not_change_from_call_to_call_or_with_other_rows(fitted, binary):
    """Fails if scoring continues a random sequence, or draws depend on the position of a row."""
    scores = fitted.score_samples(binary)
    np.testing.assert_array_equal(scores, fitted.score_samples(binary))
    order = np.random.default_rng(0).permutation(len(binary))
    np.testing.assert_allclose(
        fitted.score_samples(binary[order[:99]]), scores[order[:99]], atol=1e-3
    )
    other = fitted.lower_bound(binary, random_state=1)
    assert not np.array_equal(other.value, scores)
    bound = fitted.lower_bound(binary)
    error = np.hypot(bound.std_error, other.std_error)
    assert abs(np.mean((other.value - bound.value) / error)) < 0.5


def test_sparse_rows_are_the_same_rows(binary):
    """Fails if the lowest layer loses stored zeros, or the bound counts entries as rows."""
    dbn = DeepBeliefNetwork((12, 8), rbm=QUICK, random_state=0)
    dense, of_sparse = clone(dbn).fit(binary), clone(dbn).fit(sparse.csr_array(binary))
    rows = sparse.csr_array(binary)
    np.testing.assert_allclose(of_sparse.transform(rows), dense.transform(binary), atol=1e-6)
    np.testing.assert_allclose(dense.score_samples(rows), dense.score_samples(binary), atol=1e-6)
    np.testing.assert_allclose(dense.reconstruct(rows), dense.reconstruct(binary), atol=1e-5)


def test_a_row_of_weight_two_is_the_row_given_twice(binary):
    """Fails if weights do not reach every layer."""
    rows, weights = binary[:50], np.ones(50)
    weights[:10] = 2
    dbn = DeepBeliefNetwork((12, 8), rbm=BernoulliRBM(n_iter=5, batch_size=100), random_state=0)
    weighted = clone(dbn).fit(rows, sample_weight=weights)
    twice = clone(dbn).fit(np.concatenate([rows, rows[:10]]))
    np.testing.assert_allclose(weighted.transform(rows), twice.transform(rows), atol=1e-6)


@pytest.mark.slow
def test_grid_search_over_layers_and_their_parameters(digits):
    """In parallel, through a pipeline. Fails if a nested parameter does not reach its layer."""
    X, y = digits
    dbn = DeepBeliefNetwork(rbm=BernoulliRBM(n_iter=20), random_state=0)
    pipeline = Pipeline([("dbn", dbn), ("classifier", LogisticRegression(max_iter=500, tol=1e-2))])
    grid = {"dbn__hidden_layer_sizes": [(8,), (32, 24)], "dbn__rbm__learning_rate": [1e-6, 0.3]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(X[:400], y[:400])
    best = search.best_params_
    assert best == {"dbn__hidden_layer_sizes": (32, 24), "dbn__rbm__learning_rate": 0.3}
    assert [rbm.learning_rate for rbm in search.best_estimator_["dbn"].rbms_] == [0.3, 0.3]
    assert search.best_score_ > 0.5


def test_training_continues_after_pickling(binary):
    """Fails if chains, seeds or the tie between layers are lost."""
    dbn = DeepBeliefNetwork((12, 8), rbm=QUICK, fine_tune_iter=1, random_state=0).fit(binary)
    loaded = pickle.loads(pickle.dumps(dbn))
    for _ in range(2):
        np.testing.assert_array_equal(loaded.score_samples(binary), dbn.score_samples(binary))
        np.testing.assert_array_equal(loaded.gibbs(binary[:99]), dbn.gibbs(binary[:99]))
        loaded.partial_fit(binary[:200])
        dbn.partial_fit(binary[:200])


def test_samples_look_like_the_data(digits):
    """Means and correlations of pixels. Fails if a layer is skipped on the way down.

    Independent pixels have correlations near 0; pixels of digits reach 0.9.
    """
    X = (digits[0] > 0.5).astype(np.float32)
    dbn = DeepBeliefNetwork((64, 32), rbm=BernoulliRBM(n_iter=30), random_state=0).fit(X)
    v = dbn.sample(4000, n_steps=50, random_state=0)
    assert v.dtype == bool
    varies = (X.mean(axis=0) > 0.1) & (X.mean(axis=0) < 0.9)
    np.testing.assert_allclose(v.mean(axis=0)[varies], X.mean(axis=0)[varies], atol=0.12)
    correlations = [np.corrcoef(Y.T[varies].astype(float)).ravel() for Y in (v, X)]
    assert np.corrcoef(*correlations)[0, 1] > 0.9


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"hidden_layer_sizes": ()}, "hidden_layer_sizes == (), must be an integer"),
        ({"hidden_layer_sizes": np.array(0)}, "hidden_layer_sizes == array(0), must be"),
        ({"hidden_layer_sizes": (4, 0)}, "hidden_layer_sizes == (4, 0), must be"),
        ({"hidden_layer_sizes": (4, 2.5)}, "hidden_layer_sizes == (4, 2.5), must be"),
        (
            {"rbm": LogisticRegression()},
            "rbm == LogisticRegression(), must be None or an RBM of skrbm.",
        ),
        ({"rbm": BernoulliRBM(n_iter=-1)}, "n_iter == -1, must be"),
        ({"rbm": GaussianBernoulliRBM()}, "must have binary visible units"),
        ({"rbm": BernoulliRBM(hidden="gaussian")}, "layer 1 of 2 is BernoulliRBM("),
        ({"rbm": BernoulliRBM(gradient="exact")}, "gradient == 'exact' enumerates"),
        ({"output": "both"}, "output == 'both', must be one of 'top', 'all'."),
        ({"fine_tune_iter": 1.5}, "fine_tune_iter == 1.5, must be an integer >= 0."),
        (
            {"fine_tune_rate": 0},
            "fine_tune_rate == 0, must be 'auto' or a finite number >= 1e-30 and <= 1e30.",
        ),
    ],
)
def test_wrong_parameters_are_refused_before_any_work(fitted, binary, parameters, sentence):
    """Fails if the message does not name the mistake, or the fitted stack is lost."""
    dbn = pickle.loads(pickle.dumps(fitted)).set_params(hidden_layer_sizes=(24, 30))
    before = dbn.transform(binary[:3])
    with pytest.raises(ValueError, match=re.escape(sentence)):
        dbn.set_params(**parameters).fit(binary)
    np.testing.assert_array_equal(dbn.set_params(output="top").transform(binary[:3]), before)


def test_the_top_layer_may_have_gaussian_hidden_units(binary):
    """Real-valued features from a linear layer on top. Fails if the top prototype is not used."""
    top = BernoulliRBM(hidden="gaussian", n_iter=3)
    dbn = DeepBeliefNetwork((24, 3), rbm=QUICK, top_rbm=top, random_state=0).fit(binary)
    code = dbn.transform(binary)
    assert code.min() < -0.5
    below = dbn.rbms_[0].transform(binary)
    np.testing.assert_allclose(
        code, below @ dbn.rbms_[1].components_.T + dbn.rbms_[1].intercept_hidden_, atol=1e-5
    )


def test_progress_names_the_layer(binary, capsys):
    """Fails if the report does not name the layer in training."""
    DeepBeliefNetwork((4, 3), rbm=QUICK, verbose=1, fine_tune_iter=1).fit(binary[:100])
    lines = capsys.readouterr().out.splitlines()
    titles = [line.split("]")[0][1:] for line in lines]
    name = "DeepBeliefNetwork, "
    assert titles == [name + "layer 1"] * 3 + [name + "layer 2"] * 3 + [name + "up-down"]
