"""Displays draw the numbers that they store, and store the numbers of the model."""

import subprocess
import sys
from copy import deepcopy
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import sklearn.neural_network
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from skrbm import BernoulliRBM, DeepBeliefNetwork, GaussianBernoulliRBM, RBMClassifier, TabularRBM
from skrbm.estimators.rbm.base import learner_of
from skrbm.explain import describe, filters, strength
from skrbm.plotting import (
    FiltersDisplay,
    LikelihoodDisplay,
    SamplesDisplay,
    TableDisplay,
    TrainingDisplay,
)

DISPLAYS = {
    FiltersDisplay: (),
    TrainingDisplay: (),
    SamplesDisplay: (),
    LikelihoodDisplay: (np.zeros((3, 64)), np.zeros((3, 64))),
    TableDisplay: (np.zeros((3, 64)),),
}
WITHOUT_TABLES = [x for x in DISPLAYS if x is not TableDisplay]


@pytest.fixture(autouse=True)
def drawn():
    """Draw every figure, so that warnings of matplotlib fail the test; leave none open."""
    plt.close("all")
    yield
    for number in plt.get_fignums():
        plt.figure(number).canvas.draw()
    plt.close("all")


@pytest.fixture(scope="module")
def digits():
    return load_digits().data[:300] / 16


@pytest.fixture(scope="module")
def rbm(digits):
    return BernoulliRBM(10, n_iter=4, early_stopping=True, random_state=0).fit(digits)


@pytest.fixture(scope="module")
def gaussian(digits):
    return GaussianBernoulliRBM(5, n_iter=2, random_state=0).fit(digits)


@pytest.fixture(scope="module")
def classifier(digits):
    return RBMClassifier(5, n_iter=2, random_state=0).fit(digits, np.arange(300) % 3)


@pytest.fixture(scope="module")
def dbn(digits):
    return DeepBeliefNetwork(
        (6, 4), rbm=BernoulliRBM(n_iter=2), fine_tune_iter=3, random_state=0
    ).fit(digits)


def cell(display, row, column):
    """One of the images in the grid, as it is drawn."""
    height, width = display.image_shape
    top, left = row * (height + 1), column * (width + 1)
    return display.image_.get_array()[top : top + height, left : left + width]


# Filters


@pytest.mark.parametrize("name", ["rbm", "gaussian", "classifier", "dbn"])
def test_filters_are_drawn_as_they_are_stored(name, request):
    """Fails if an image is transposed, in another place, or has a separate scale."""
    estimator = request.getfixturevalue(name)
    display = FiltersDisplay.from_estimator(estimator, n_units=5)
    np.testing.assert_array_equal(display.filters, filters(estimator)[display.units])
    assert len(display.units) == 5
    for k, pattern in enumerate(display.filters):
        np.testing.assert_array_equal(cell(display, k // 3, k % 3), pattern.reshape(8, 8))
    image = display.image_.get_array()
    assert image.shape == (17, 26)
    assert image.count() == 5 * 64  # nothing is drawn between images, or in empty places
    limit = np.abs(display.filters).max()
    assert display.image_.get_clim() == (-limit, limit)


def test_filters_of_a_higher_layer(dbn):
    """Fails if the layer is not passed on, to the filters or to their order."""
    display = FiltersDisplay.from_estimator(dbn, layer=1)
    np.testing.assert_array_equal(display.filters, filters(dbn, 1)[display.units])
    assert (np.diff(strength(dbn, 1)[display.units]) <= 0).all()


def test_filters_have_the_requested_order(rbm, digits):
    """Fails if the units have another order, or the reverse."""
    by_index = FiltersDisplay.from_estimator(rbm, order="index", n_units=4)
    np.testing.assert_array_equal(by_index.units, range(4))
    by_strength = FiltersDisplay.from_estimator(rbm)
    assert (np.diff(strength(rbm)[by_strength.units]) < 0).all()
    by_importance = FiltersDisplay.from_estimator(rbm, digits)
    importance = describe(rbm, digits).importance
    assert (np.diff(importance[by_importance.units]) < 0).all()
    assert by_importance.units.tolist() != by_strength.units.tolist()


def test_filters_may_be_oblong_and_zero():
    """Fails if height and width are exchanged, or a scale from zero to zero is drawn."""
    rbm = BernoulliRBM(3, n_iter=0, random_state=0).fit(np.eye(6))
    rbm.components_ = 0 * rbm.components_
    display = FiltersDisplay.from_estimator(rbm, image_shape=(2, 3))
    assert display.image_.get_array().shape == (5, 7)
    assert display.image_.get_clim() == (-1, 1)


@pytest.mark.parametrize("shape", [(8, 8), (8, 4, 2)])
def test_local_filters_are_windows(digits, shape):
    """Fails if a window shows weights of other pixels, or channels are taken for columns."""
    n_across = shape[1] - 1
    rbm = BernoulliRBM(2 * 6 * n_across, receptive_field=(3, 2), image_shape=shape, n_iter=1)
    display = FiltersDisplay.from_estimator(rbm.fit(digits), order="index", n_units=36)
    whole = rbm.components_.reshape(-1, *shape, *[1] * (3 - len(shape)))
    mosaic = display.image_.get_array()
    height, width = 3, 2 * whole.shape[3]
    for unit, filter_ in enumerate(display.filters):
        row, column = divmod(unit // 2, n_across)
        window = whole[unit, row : row + 3, column : column + 2]
        np.testing.assert_array_equal(filter_, window.ravel())
        top, left = (i * (n + 1) for i, n in zip(divmod(unit, 6), (height, width), strict=True))
        channels = [window[:, :, i] for i in range(window.shape[2])]
        shown = mosaic[top : top + height, left : left + width]
        np.testing.assert_allclose(shown, np.hstack(channels), rtol=1e-6)
    assert FiltersDisplay.from_estimator(rbm, image_shape=(8, 8)).filters.shape[1] == 64


def bars_of(display):
    """Ends of the bars of each unit, from its centre line, as shares of the longest bar."""
    ends = [[bar.get_x() + bar.get_width() for bar in bars] for bars in display.bars_]
    starts = [[bar.get_x() for bar in bars] for bars in display.bars_]
    assert (np.array(starts) == np.arange(len(starts))[:, None]).all()
    lengths = np.array(ends) - starts
    return lengths / np.abs(lengths).max()


@pytest.mark.parametrize("kind", [BernoulliRBM, GaussianBernoulliRBM])
def test_filters_of_tables_are_named_bars(kind):
    """Fails if tables are refused, or a bar belongs to another column or unit."""
    X = pd.DataFrame(
        np.random.default_rng(0).random((50, 4)) * [1, 0.5, 0.1, 1], columns=list("abcd")
    )
    rbm = kind(5, n_iter=2, random_state=0).fit(X)
    display = FiltersDisplay.from_estimator(rbm, n_units=3)
    weights = filters(rbm)[display.units] / np.sqrt(getattr(rbm, "variance_", 1.0))
    np.testing.assert_allclose(bars_of(display), weights / np.abs(weights).max(), atol=1e-6)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == list("abcd")
    shown = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert shown == [str(unit) for unit in display.units]
    assert FiltersDisplay.from_estimator(rbm, image_shape=(2, 2)).image_ is not None


def test_bars_are_of_the_columns_with_the_largest_weights():
    """Fails if many columns make an illegible picture, or lose their order."""
    rbm = BernoulliRBM(30, n_iter=0, random_state=0).fit(np.eye(50))
    display = FiltersDisplay.from_estimator(rbm)
    assert len(display.units) == 12
    largest = np.abs(display.filters).max(axis=0)
    np.testing.assert_array_equal(display.columns_, np.sort(np.argsort(-largest)[:20]))
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == [f"x{i}" for i in display.columns_]


def test_named_pixels_are_images():
    """Fails if a frame of pixels becomes bars."""
    X = pd.DataFrame(load_digits().data[:50] / 16).add_prefix("pixel")
    rbm = BernoulliRBM(3, n_iter=1, random_state=0).fit(X)
    assert FiltersDisplay.from_estimator(rbm).image_shape == (8, 8)


SHAPES = [(2, 2), (3,), (6, 1, 1), 6, (-2, -3), (2.0, 3.0)]


@pytest.mark.parametrize(
    ("display", "shape"),
    [
        *((x, shape) for x in (FiltersDisplay, SamplesDisplay) for shape in SHAPES),
        (SamplesDisplay, None),
    ],
)
def test_columns_that_make_no_image_are_refused(display, shape):
    """Fails if columns are cut off, or the error comes from numpy."""
    rbm = BernoulliRBM(3, n_iter=0, random_state=0).fit(np.eye(6))
    with pytest.raises(ValueError, match="image_shape == .*, must be the height and width of an"):
        display.from_estimator(rbm, image_shape=shape)
    assert plt.get_fignums() == []


# Training


def test_training_is_drawn_as_it_was_recorded(rbm):
    """Fails if a line shows another figure, or has another axis."""
    display = TrainingDisplay.from_estimator(rbm)
    history = rbm.history_
    lines = [line for ax in display.axes_ for line in ax.lines]
    names = ["pseudo_log_likelihood", "validation_score", "free_energy_gap"]
    assert [len(ax.lines) for ax in display.axes_] == [2, 1]
    for line, name in zip(lines, names, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), history["iteration"])
        np.testing.assert_array_equal(line.get_ydata(), history[name])


def test_training_of_a_stack_has_one_line_per_layer(dbn):
    """Fails if the fine-tuning is missing, or there are axes for a gap that was not recorded."""
    display = TrainingDisplay.from_estimator(dbn)
    (ax,) = display.axes_
    assert [line.get_label() for line in ax.lines] == ["layer 1", "layer 2", "up-down"]
    for line, history in zip(ax.lines, dbn.history_, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), history["pseudo_log_likelihood"])


def test_training_of_a_stack_has_the_figure_of_each_layer(digits):
    """Fails if the figure of the first layer is read from all histories."""
    layers = {gradient: BernoulliRBM(gradient=gradient, n_iter=2) for gradient in ("jump", "ptt")}
    dbn = DeepBeliefNetwork((4, 3), rbm=layers["jump"], top_rbm=layers["ptt"], random_state=0)
    (ax,) = TrainingDisplay.from_estimator(dbn.fit(digits)).axes_
    assert [line.get_label() for line in ax.lines] == ["layer 1", "layer 2, log-likelihood"]
    of_top = dbn.history_[1]["log_likelihood"]
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), of_top)


def test_training_of_a_classifier_is_the_likelihood_of_its_labels(classifier):
    """Fails if the name of the figure is not read from the history."""
    (ax,) = TrainingDisplay.from_estimator(classifier).axes_
    np.testing.assert_array_equal(
        ax.lines[0].get_ydata(), classifier.history_["label_log_likelihood"]
    )
    assert ax.get_ylabel() == "label-log-likelihood\nin nats per row"


def test_one_axes_is_not_enough_for_two(rbm):
    """Fails if the gap is dropped, or drawn over the scores."""
    with pytest.raises(ValueError, match="ax has 1 axes, must have 2."):
        TrainingDisplay.from_estimator(rbm, ax=plt.subplot())


# Samples


@pytest.mark.parametrize("name", ["rbm", "gaussian", "dbn"])
def test_chains_from_rows_equal_gibbs(name, digits, request):
    """Fails if a chain skips a step, has another start, or is not in the units of the data."""
    estimator = request.getfixturevalue(name)
    copy = deepcopy(estimator)
    display = SamplesDisplay.from_estimator(estimator, digits, n_chains=4, n_steps=(3,))
    np.testing.assert_array_equal(display.states[:, 0], copy.gibbs(digits[:4], 3))
    if name != "dbn":  # whose chain continues in the top RBM
        display = SamplesDisplay.from_estimator(estimator, digits, n_chains=4, n_steps=(0, 1, 3))
        np.testing.assert_array_equal(display.states[:, 0], digits[:4])
        one = copy.gibbs(digits[:4], 1)
        np.testing.assert_allclose(display.states[:, 1], one, rtol=1e-12)
        np.testing.assert_allclose(display.states[:, 2], copy.gibbs(one, 2), rtol=1e-9)


@pytest.mark.parametrize("name", ["rbm", "gaussian", "dbn"])
def test_chains_without_rows_equal_sample(name, request):
    """Fails if chains start from noise instead of the chains of the training."""
    estimator = request.getfixturevalue(name)
    display = SamplesDisplay.from_estimator(estimator, n_steps=[5], random_state=0)
    samples = estimator.sample(8, n_steps=5, method="gibbs", random_state=0)
    np.testing.assert_array_equal(display.states[:, 0], samples)


def test_a_seed_fixes_the_chains_and_does_not_change_the_estimator(rbm, digits):
    """Fails if a display with a seed draws from the estimator's own generator."""
    copy = deepcopy(rbm)
    first, second = (SamplesDisplay.from_estimator(rbm, random_state=0) for _ in range(2))
    np.testing.assert_array_equal(first.states, second.states)
    np.testing.assert_array_equal(rbm.gibbs(digits), copy.gibbs(digits))


def test_chains_are_rows_and_steps_are_columns(gaussian, rbm, digits):
    """Fails if the two are exchanged, a label is at another column, or white is another grey."""
    display = SamplesDisplay.from_estimator(gaussian, digits, n_chains=3, n_steps=(0, 2))
    for chain in range(3):
        for look in range(2):
            expected = display.states[chain, look].reshape(8, 8)
            np.testing.assert_array_equal(cell(display, chain, look), expected)
    assert display.image_.get_clim() == (display.states.min(), display.states.max())
    ax = display.ax_
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "2"]
    assert ax.get_xticks().tolist() == [3.5, 12.5]
    black = SamplesDisplay.from_estimator(rbm, np.ones((2, 64)), n_steps=(0,))
    assert black.image_.get_clim() == (0, 1)
    assert black.states.shape == (2, 1, 64)


@pytest.mark.parametrize("steps", [(), (1, 0), (-1,), (0.5,), 3, "10"])
def test_invalid_numbers_of_steps_are_refused(rbm, steps):
    """Fails if a chain should run backwards."""
    with pytest.raises(ValueError, match="n_steps == .*, must be integers >= 0 in ascending order"):
        SamplesDisplay.from_estimator(rbm, n_steps=steps)


# Likelihoods


def test_likelihoods_are_drawn_as_they_are_scored(rbm, digits):
    """Fails if a histogram shows other rows, or both have different bins."""
    train, test = digits[:200], digits[200:]
    display = LikelihoodDisplay.from_estimator(rbm, train, test)
    np.testing.assert_array_equal(display.train, rbm.score_samples(train))
    np.testing.assert_array_equal(display.test, rbm.score_samples(test))
    scores = np.concatenate([display.train, display.test])
    bars = np.array([[bar.get_x(), bar.get_height()] for bar in display.ax_.patches])
    assert len(bars) == 80  # and no band: log Z is exact
    for part, values in ((bars[:40], display.train), (bars[40:], display.test)):
        density, edges = np.histogram(values, 40, (scores.min(), scores.max()), density=True)
        np.testing.assert_allclose(part, np.column_stack([edges[:-1], density]), rtol=1e-9)
    assert [line.get_xdata()[0] for line in display.ax_.lines] == pytest.approx(
        [rbm.score(train), rbm.score(test)]
    )


def test_the_band_spans_the_means_between_the_bounds_of_log_z(rbm, digits):
    """Fails if the two bounds are exchanged: a larger log Z makes likelihoods smaller."""
    estimator = deepcopy(rbm)
    exact = estimator.log_partition_
    log_z = replace(exact, lower=exact.value - 0.2, upper=exact.value + 0.5)
    learner = learner_of(estimator)
    learner.log_partitions = dict.fromkeys(learner.log_partitions, log_z)
    display = LikelihoodDisplay.from_estimator(estimator, digits[:200], digits[200:])
    bands = display.ax_.patches[40:41] + display.ax_.patches[81:]
    assert len(display.ax_.patches) == 82
    for band, rows in zip(bands, (digits[:200], digits[200:]), strict=True):
        free_energy = estimator.free_energy(rows).mean()
        ends = band.get_x(), band.get_x() + band.get_width()
        assert ends == pytest.approx((-free_energy - log_z.upper, -free_energy - log_z.lower))
        assert ends[0] < ends[1]


def test_a_missing_bound_leaves_the_band_open():
    """Fails if an infinite bound makes the axes infinite."""
    scores = np.array([-3.0, -2.0, -1.0])
    display = LikelihoodDisplay(scores, scores - 1, margins=(np.inf, 0.5)).plot()
    band = display.ax_.patches[40]
    assert (band.get_x(), band.get_width()) == (-4, 2.5)


def test_a_stack_has_the_margins_of_its_top(dbn, digits):
    """Fails if a stack cannot be scored."""
    display = LikelihoodDisplay.from_estimator(dbn, digits[:20], digits[20:40])
    np.testing.assert_array_equal(display.test, dbn.score_samples(digits[20:40]))
    assert display.margins == (0, 0)


# Tables


def table(n=400, seed=0, **changed):
    rng = np.random.default_rng(seed)
    columns = {
        "letter": rng.choice(list("abcdefghijkl"), n),
        "number": rng.normal(size=n),
        "count": rng.integers(5, size=n),
        "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(900, size=n), unit="D"),
        "flag": rng.random(n) < 0.3,
    }
    return pd.DataFrame(columns | changed)


def test_similarities_are_of_cells_and_of_pairs_of_cells():
    """Fails if a pair is compared by its columns only, or shares are not of all rows."""
    real = pd.DataFrame({"a": list("xxyy"), "b": list("uuvv"), "c": list("pppq")})
    other = pd.DataFrame({"a": list("xxyy") * 2, "b": list("uvuv") * 2, "c": list("pqrr") * 2})
    display = TableDisplay.from_frames(real, other)
    np.testing.assert_allclose(display.similarity.diagonal(), [1, 1, 0.75 - 0.25], rtol=1e-12)
    assert display.similarity[0, 1] == display.similarity[1, 0] == 0.5
    same = TableDisplay.from_frames(real, real)
    np.testing.assert_array_equal(same.similarity, np.ones((3, 3)))
    assert display.bins[2].tolist() == ["p", "q", "unseen"]


def test_similarity_of_one_distribution_matches_its_expectation():
    """Fails if the expectation forgets the number of rows of one of the tables."""
    rng = np.random.default_rng(0)
    real, other = (rng.choice(list("abcd"), (n, 12)) for n in (2_000, 500))
    display = TableDisplay.from_frames(real, other)
    pairs = np.tril_indices(12, -1)
    difference = (display.similarity - display.by_chance)[pairs]
    assert abs(difference.mean()) < 6 * difference.std() / np.sqrt(difference.size)
    assert display.by_chance[pairs].max() < 0.95
    few = TableDisplay.from_frames(real[:1], other[:1])  # of two values, equal every other time
    np.testing.assert_array_equal(few.by_chance, (few.similarity + 1) / 2)


def test_columns_are_drawn_as_they_are_stored():
    """Fails if shares belong to other rows or bins, or both tables are exchanged."""
    real, other = table(), table(200, 1, count=np.zeros(200, int))
    display = TableDisplay.from_frames(real, other)
    assert [ax.get_title() for ax in display.axes_[:-1]] == list(real)
    for name, bins, shares, drawn in zip(
        display.names, display.bins, display.shares, display.bars_, strict=True
    ):
        if name in ("number", "count"):
            for rows, share, stairs in zip((real, other), shares, drawn, strict=True):
                np.testing.assert_allclose(share, np.histogram(rows[name], bins)[0] / len(rows))
                np.testing.assert_array_equal(stairs.get_data().values, share)
        elif name != "day":
            for share, bars in zip(shares, drawn, strict=True):
                np.testing.assert_allclose([x.get_width() / 100 for x in bars], share)
            np.testing.assert_allclose(shares.sum(axis=1), 1)
            for label, share in zip(bins, shares[0], strict=True):
                expected = (real[name].astype(str) == label).mean()
                assert label == "others" or share == pytest.approx(expected)
    assert display.shares[2][1].tolist() == [1, 0, 0, 0, 0]
    np.testing.assert_array_equal(display.bins[2], np.arange(6) - 0.5)
    assert display.bins[3].dtype.kind == "M"
    assert len(display.bins[0]) == 8
    shown = np.where(np.tri(5), display.similarity, display.by_chance)
    np.testing.assert_array_equal(display.image_.get_array(), shown)


def test_missing_cells_are_a_value_if_they_are_generated():
    """Fails if a model that generates too many missing cells looks perfect."""
    holes = table().astype({"flag": object})
    holes.loc[::2, ["number", "flag"]] = None
    assert TableDisplay.from_frames(holes, table(800)).similarity[1, 1] > 0.85
    display = TableDisplay.from_frames(table(), holes)
    assert (display.similarity.diagonal()[[1, 4]] <= 0.5).all()
    assert display.bins[4].tolist() == ["False", "True", "missing"]
    np.testing.assert_allclose(display.shares[4][:, 2], [0, 0.5])


def test_the_columns_that_differ_most_are_shown():
    """Fails if a column that differs is omitted, or columns lose their order."""
    rng = np.random.default_rng(0)
    real, other = (rng.integers(3, size=(300, 15)) for _ in range(2))
    other[:, [2, 14]] = 0
    display = TableDisplay.from_frames(real, other)
    assert {"x2", "x14"} < set(display.names)
    assert display.names == [f"x{i}" for i in range(15) if f"x{i}" in display.names]
    assert display.similarity.shape == (12, 12)
    chosen = TableDisplay.from_frames(real, other, columns=["x14", "x3"])
    assert chosen.names == ["x14", "x3"]
    assert chosen.similarity[0, 0] < 0.5 < chosen.similarity[1, 1]
    pair = display.similarity[-1, display.names.index("x3")]
    assert chosen.similarity[0, 1] == pytest.approx(pair)


def test_generated_rows_equal_sample():
    """Fails if the seed or the number of rows is lost."""
    X = table()
    rbm = TabularRBM(4, n_iter=2, random_state=0).fit(X)
    options = {"n_steps": 5, "random_state": 0}
    first = TableDisplay.from_estimator(rbm, X, n_samples=100, **options)
    second = TableDisplay.from_frames(X, rbm.sample(100, **options))
    np.testing.assert_array_equal(first.similarity, second.similarity)
    every = TableDisplay.from_estimator(rbm, X, **options)
    np.testing.assert_array_equal(every.shares[0][1] * len(X) % 1, 0)


def test_tables_use_given_axes():
    """Fails if a figure leaks, or there is no axes for the pairs."""
    _, axes = plt.subplots(3)
    display = TableDisplay.from_frames(table(), table(), columns=["letter", "day"], ax=axes)
    assert plt.get_fignums() == [1]
    assert display.axes_.tolist() == axes.tolist()
    assert display.plot().figure_ is plt.figure(2)
    with pytest.raises(ValueError, match="ax has 2 axes, must have 3."):
        display.plot(axes[:2])


@pytest.mark.parametrize(
    ("generated", "columns", "message"),
    [
        (table()[["letter", "flag"]], None, "generated has no column 'number', must have all"),
        (np.zeros((3, 2)), None, "generated has 2 columns, must have 5 as real."),
        (table()[:0], None, "generated has no rows, must have at least one."),
        (table(), ["size"], "columns has 'size', must be the name of a column"),
    ],
)
def test_tables_that_cannot_be_compared_are_refused(generated, columns, message):
    """Fails if the message names another table, or comes after a figure."""
    with pytest.raises(ValueError, match=message):
        TableDisplay.from_frames(table(), generated, columns=columns)
    assert plt.get_fignums() == []


# All displays


@pytest.mark.parametrize("display", WITHOUT_TABLES)
def test_figures_are_made_only_if_no_axes_are_given(display, rbm, gaussian):
    """Fails if a figure leaks, is not given, or a display cannot be drawn again."""
    estimator = gaussian if display is TrainingDisplay else rbm
    _, ax = plt.subplots()
    given = display.from_estimator(estimator, *DISPLAYS[display], ax=ax)
    assert plt.get_fignums() == [1]
    assert (given.axes_[0] if display is TrainingDisplay else given.ax_) is ax
    assert given.figure_ is ax.figure
    made = display.from_estimator(estimator, *DISPLAYS[display])
    assert plt.get_fignums() == [1, 2]
    assert made.figure_ is plt.figure(2)
    assert made.plot() is made
    assert plt.get_fignums() == [1, 2, 3]
    assert made.figure_ is plt.figure(3)


@pytest.mark.parametrize("display", DISPLAYS)
def test_estimators_that_cannot_be_shown_are_refused(display):
    """Fails if another estimator, or one that is not fitted, leads to an AttributeError."""
    rows = DISPLAYS[display]
    with pytest.raises(ValueError, match=r"estimator == BernoulliRBM\(\), must be a BernoulliRBM,"):
        display.from_estimator(sklearn.neural_network.BernoulliRBM(), *rows)
    with pytest.raises(NotFittedError):
        display.from_estimator(BernoulliRBM(), *rows)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("display", [SamplesDisplay, LikelihoodDisplay])
def test_estimators_without_likelihoods_are_refused(display, classifier):
    """Fails if a classifier leads to an AttributeError."""
    with pytest.raises(ValueError, match="must be a BernoulliRBM, GaussianBernoulliRBM or Deep"):
        display.from_estimator(classifier, *DISPLAYS[display])


@pytest.mark.parametrize(
    ("display", "argument", "message"),
    [
        (FiltersDisplay, {"order": "size"}, "order == 'size', must be one of 'importance', 'index"),
        (FiltersDisplay, {"n_units": 0}, "n_units == 0, must be an integer >= 1."),
        (FiltersDisplay, {"layer": 1}, "layer == 1, must be an integer >= 0 and <= 0."),
        (SamplesDisplay, {"n_chains": 0}, "n_chains == 0, must be an integer >= 1."),
        (SamplesDisplay, {"random_state": "x"}, "random_state == 'x', must be None, an int"),
    ],
)
def test_wrong_arguments_are_refused(rbm, display, argument, message):
    """Fails if a wrong argument leads to a late or unclear error."""
    with pytest.raises(ValueError, match=message):
        display.from_estimator(rbm, **argument)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("display", DISPLAYS)
def test_without_matplotlib_one_sentence_names_the_package(display, monkeypatch):
    """Fails if the message is Python's own, or comes after the work."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"needs matplotlib, .* pip install matplotlib\.$"):
        display.from_estimator(None, *DISPLAYS[display])  # None would be refused later


def test_matplotlib_is_not_imported_before_it_is_used():
    """Fails if the package cannot be imported without its extra."""
    code = "import sys, skrbm.plotting; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
