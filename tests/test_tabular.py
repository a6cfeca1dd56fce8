"""`TabularRBM` by enumeration of small tables: scores, conditionals, predictions and draws."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp

from skrbm import TabularRBM, conditionals
from skrbm.data.columns import Numbers

from laws import total_variation

N = 400
N_DRAWS = 8000
MOST = 29  # largest observed count
TYPES = {"x0": "category", "x1": "ordinal", "x2": "category", "x3": "count"}


def _rows(kind):
    """Two clusters, as a frame or as an array of float64, whose model is float64."""
    rng = np.random.default_rng(0)
    z = rng.random(N) < 0.5
    codes = [
        np.where(z, rng.integers(0, 2, N), rng.integers(1, 3, N)),
        np.where(z, rng.integers(0, 2, N), 2),
        z ^ (rng.random(N) < 0.2),
        np.where(z, rng.integers(0, 25, N), rng.integers(10, MOST + 1, N)),
    ]
    codes[3][:2] = 0, MOST
    return _table(np.stack(codes, axis=1), kind)


def _table(codes, kind):
    if kind == "array":
        return codes.astype(float)
    levels = pd.CategoricalDtype(["low", "mid", "high"], ordered=True)
    return pd.DataFrame(
        {
            "x0": np.array(list("abc"))[codes[:, 0]],
            "x1": pd.Categorical.from_codes(codes[:, 1], dtype=levels),
            "x2": codes[:, 2] > 0,
            "x3": codes[:, 3],
        }
    )


# Exponential tails of counts beyond 400 have no weight in float64.
CODES = np.array(list(itertools.product(range(3), range(3), range(2), range(400))))
WITHIN = CODES[:, 3] <= MOST


class Enumerated:
    """A fitted model, all rows of its table, and their log-probabilities."""

    def __init__(self, kind):
        types = TYPES if kind == "array" else None
        self.kind, self.rows = kind, _rows(kind)
        self.rbm = TabularRBM(3, n_iter=40, max_bins=4, column_types=types, random_state=0)
        self.rbm.fit(self.rows)
        self.every = _table(CODES, kind)
        self.log_p = self.rbm.score_samples(self.every)
        self.p = np.exp(self.log_p)
        self.tolerance = 1e-9 if kind == "array" else 2e-5
        low, high = self.rbm.classes_["x3"].T
        self.interval = np.searchsorted(low, CODES[:, 3].clip(max=MOST), side="right") - 1
        inside = np.bincount(self.interval, self.p * WITHIN)
        share = (np.bincount(self.interval, self.p) / inside)[self.interval]
        self.p_drawn = self.p * share * WITHIN  # draws are within the observed bounds

    def with_holes(self, codes, columns):
        """Rows without some of their cells."""
        rows = _table(codes, self.kind)
        if self.kind == "array":
            rows[:, columns] = np.nan
            return rows
        return rows.mask(np.isin(np.arange(4), columns)[None].repeat(len(rows), 0))

    def drawn(self, X, given=()):
        """Index of each row among all rows."""
        columns = X.T
        if self.kind == "frame":
            columns = X["x0"].map({"a": 0, "b": 1, "c": 2}), X["x1"].cat.codes, X["x2"], X["x3"]
        codes = [np.asarray(x).astype(int) for x in columns]
        return np.stack(codes, axis=1) @ [2400, 800, 400, 1]


def _agrees(drawn, p):
    """Whether indices of rows have a distribution, up to 2.5 times the distance by chance."""
    assert (p[drawn] > 0).all()
    distance, floor = total_variation(drawn, p / p.sum())
    return distance < 2.5 * floor


@pytest.fixture(scope="module", params=["frame", "array"])
def exact(request):
    return Enumerated(request.param)


def test_scores_follow_from_the_attributes_and_sum_to_one(exact):
    """Fails if log Z, a density within an interval or the order of the codes is wrong."""
    assert exact.p.sum() == pytest.approx(1, abs=exact.tolerance)
    codes, sizes = [*CODES.T[:3], exact.interval], (3, 3, 2, exact.interval.max() + 1)
    hot = np.concatenate([np.eye(n)[x] for x, n in zip(codes, sizes, strict=True)], axis=1)
    rbm = exact.rbm
    x = hot @ rbm.components_.T + rbm.intercept_hidden_
    log_p = hot @ rbm.intercept_visible_ + np.logaddexp(0, x).sum(axis=1)
    of_codes = CODES[:, :3] @ [6, 2, 1] * sizes[3] + exact.interval
    _, first, found = np.unique(of_codes, return_index=True, return_inverse=True)
    expected = np.exp(log_p[first] - logsumexp(log_p[first]))
    np.testing.assert_allclose(np.bincount(found, exact.p), expected, atol=10 * exact.tolerance)
    assert rbm.score(exact.rows) > np.log(1 / (18 * 30))  # a uniform distribution


@pytest.mark.parametrize("columns", [[0], [3], [1, 2], [0, 1, 3], [0, 1, 2, 3]])
def test_missing_cells_are_summed_out(exact, columns):
    """Fails if a missing cell counts as a value, or its tail is forgotten."""
    some = CODES[WITHIN][::137]
    known = [i for i in range(4) if i not in columns]
    scores = exact.rbm.score_samples(exact.with_holes(some, columns))
    matches = (some[:, None, known] == CODES[None, :, known]).all(axis=2)
    np.testing.assert_allclose(scores, np.log(matches @ exact.p), atol=10 * exact.tolerance)


def test_cell_scores_are_ratios_of_scores(exact):
    """Fails if another cell is summed out, or the density within the code is forgotten."""
    some = CODES[WITHIN][::37]
    scores = exact.rbm.cell_scores(_table(some, exact.kind))
    log_p = exact.rbm.score_samples(_table(some, exact.kind))
    for i in range(4):
        without = exact.rbm.score_samples(exact.with_holes(some, [i]))
        np.testing.assert_allclose(scores[:, i], log_p - without, atol=10 * exact.tolerance)
    pseudo = exact.rbm.pseudo_log_likelihood(_table(some, exact.kind))
    np.testing.assert_allclose(scores.sum(axis=1), pseudo, atol=10 * exact.tolerance)


def test_free_energies_sum_over_hidden_states(exact):
    """Fails if energies lack the densities of cells given their codes."""
    some = _table(CODES[WITHIN][::211], exact.kind)
    h = np.array(list(itertools.product([0.0, 1.0], repeat=3)))
    energy = np.stack([exact.rbm.energy(some, np.tile(x, (len(some), 1))) for x in h], axis=1)
    free_energy = exact.rbm.free_energy(some)
    np.testing.assert_allclose(-logsumexp(-energy, axis=1), free_energy, atol=1e-5)


@pytest.mark.parametrize("missing", [[3], [0, 1]])
def test_cell_scores_of_incomplete_rows_are_averages_over_draws(exact, missing):
    """Within six standard errors of ten draws; NaN for missing cells."""
    some = CODES[WITHIN][::211]
    holes = exact.with_holes(some, missing)
    scores = exact.rbm.cell_scores(holes)
    assert (np.isnan(scores) == np.isin(np.arange(4), missing)).all()
    known = [i for i in range(4) if i not in missing]
    given = (some[:, None, known] == CODES[None, :, known]).all(axis=2) * exact.p
    for i in known:
        others = [j for j in range(4) if j != i]
        _, group = np.unique(CODES[:, others], axis=0, return_inverse=True)
        group = group.ravel()  # not flat in numpy 2.0
        inverse = np.bincount(group, exact.p)[group] / exact.p.clip(min=1e-100)
        weight = given / given.sum(axis=1, keepdims=True)
        mean = weight @ inverse
        deviation = np.sqrt((weight @ inverse**2 - mean**2).clip(0))
        error = 6 * deviation / mean / np.sqrt(10) + 10 * exact.tolerance
        assert (abs(np.expm1(-scores[:, i] - np.log(mean))) < error).all()


@pytest.mark.parametrize("missing", [[], [1], [0, 2, 3]])
def test_predictions_equal_enumeration(exact, missing):
    """Probabilities, most probable categories and means of numbers, given any other cells."""
    some = CODES[WITHIN][::101]
    X = exact.with_holes(some, missing)
    for i, name in enumerate(TYPES):
        known = [j for j in range(4) if j not in missing and j != i]
        p = (some[:, None, known] == CODES[None, :, known]).all(axis=2) * exact.p
        code = exact.interval if i == 3 else CODES[:, i]
        joint = np.stack([p[:, code == k].sum(axis=1) for k in range(code.max() + 1)], axis=1)
        joint /= joint.sum(axis=1, keepdims=True)
        found = exact.rbm.predict_proba(X, name)
        np.testing.assert_allclose(found, joint, atol=10 * exact.tolerance)
        values = exact.rbm.classes_[name]
        predicted = exact.rbm.predict(X, name)
        if i < 3:
            np.testing.assert_array_equal(predicted, values[found.argmax(axis=1)])
        else:
            q = p * exact.p_drawn / exact.p
            np.testing.assert_allclose(
                predicted, q @ CODES[:, 3] / q.sum(axis=1), atol=1e3 * exact.tolerance
            )


def test_columns_of_a_list_are_predicted_from_the_others(exact):
    """Fails if one target affects another, or a dict has another order."""
    some = CODES[WITHIN][::101]
    X = _table(some, exact.kind)
    both = exact.rbm.predict_proba(X, ["x3", "x0"])
    assert list(both) == ["x3", "x0"]
    for name in both:
        alone = exact.rbm.predict_proba(exact.with_holes(some, [0, 3]), name)
        np.testing.assert_allclose(both[name], alone, atol=exact.tolerance)
    np.testing.assert_array_equal(exact.rbm.predict_proba(X), exact.rbm.predict_proba(X, "x3"))
    if exact.kind == "frame":
        dropped = exact.rbm.predict_proba(X.drop(columns=["x3", "x0"]), ["x3", "x0"])
        np.testing.assert_array_equal(dropped["x3"], both["x3"])


CITY = {"frame": {0: "a", 1: "b", 2: "c"}, "array": {0: 0.0, 1: 1.0, 2: 2.0}}


def _conditions(kind):
    city = CITY[kind]
    level = ("low", "mid") if kind == "frame" else (0, 1)
    x0, x1, _, x3 = CODES.T
    yield {"x0": city[1]}, x0 == 1
    yield {"x3": 12}, x3 == 12
    yield {"x0": [city[0], city[2]]}, x0 != 1
    yield {"x3": {3, 12, 14, 28}}, np.isin(x3, [3, 12, 14, 28])
    yield {"x3": (11, 18)}, (x3 >= 11) & (x3 <= 18)
    yield {"x3": (None, 13)}, x3 <= 13
    yield {"x1": level}, x1 <= 1
    yield {"x0": city[2], "x3": (4, 17)}, (x0 == 2) & (x3 >= 4) & (x3 <= 17)
    yield {"x1": level, "x2": True if kind == "frame" else 1.0}, (x1 <= 1) & (CODES[:, 2] == 1)


@pytest.mark.parametrize("number", range(9))
def test_draws_given_conditions_have_the_conditional_distribution(exact, number):
    """Values, sets, ranges that cut intervals, and two conditions at once."""
    given, allowed = list(_conditions(exact.kind))[number]
    X = exact.rbm.sample(N_DRAWS, given=given, random_state=1)
    assert _agrees(exact.drawn(X), exact.p_drawn * allowed)


@pytest.mark.parametrize("number", [4, 6, 7])
def test_chains_given_conditions_have_the_conditional_distribution(exact, number, monkeypatch):
    """Without enumeration, and without a step to an excluded code."""
    monkeypatch.setattr(conditionals, "_LOG2_STATES", -1)
    given, allowed = list(_conditions(exact.kind))[number]
    X = exact.rbm.sample(N_DRAWS, given=given, n_steps=60, random_state=1)
    assert _agrees(exact.drawn(X), exact.p_drawn * allowed)


def test_draws_have_the_distribution_of_the_scores(exact):
    """Chains without conditions, and one Gibbs step from exact draws."""
    X = exact.rbm.sample(N_DRAWS, n_steps=100, random_state=0)
    assert _agrees(exact.drawn(X), exact.p_drawn)
    rng = np.random.default_rng(0)
    start = CODES[rng.choice(len(CODES), N_DRAWS, p=exact.p_drawn / exact.p_drawn.sum())]
    assert _agrees(exact.drawn(exact.rbm.gibbs(_table(start, exact.kind))), exact.p_drawn)


def test_rare_conditions_hold_in_every_row(exact):
    """Without rejection: only one row of a thousand would meet them."""
    x0, _, x2, x3 = CODES.T
    order = exact.p_drawn
    city, flag, value = min(
        itertools.product(range(3), range(2), range(MOST)),
        key=lambda c: abs(order[(x0 == c[0]) & (x2 == c[1]) & (x3 == c[2])].sum() - 1e-3),
    )
    allowed = (x0 == city) & (x2 == flag) & (x3 == value)
    assert 5e-4 < order[allowed].sum() < 2e-3
    given = {"x0": CITY[exact.kind][city], "x2": bool(flag), "x3": (value, value)}
    drawn = exact.drawn(exact.rbm.sample(200, given=given))
    assert allowed[drawn].all()
    assert _agrees(drawn, order * allowed)


@pytest.mark.parametrize("method", ["sample", "impute"])
def test_holes_of_each_row_are_drawn_given_its_known_cells(exact, method):
    """For any missing cells of the row."""
    some, n = CODES[[5, 1227, 4015]], 4000
    for i, columns in enumerate(([1, 3], [0], [1, 3])):
        row = exact.with_holes(some[[i]], columns)
        known = [j for j in range(4) if j not in columns]
        if method == "sample":
            X = exact.rbm.sample(n, given=row, random_state=0)
        else:
            many = pd.concat([row] * n) if exact.kind == "frame" else row.repeat(n, axis=0)
            X = exact.rbm.impute(many, random_state=0)
        p = exact.p_drawn * (CODES[:, known] == some[i, known]).all(axis=1)
        assert _agrees(exact.drawn(X), p)


def test_imputed_means_are_predictions(exact):
    """Means are rounded in columns of integers; categories are the most probable ones."""
    some = CODES[WITHIN][::101]
    for i, name in enumerate(TYPES):
        X = exact.with_holes(some, [i])
        filled = exact.rbm.impute(X, method="mean")
        column = filled[name].to_numpy() if exact.kind == "frame" else filled[:, i]
        predicted = exact.rbm.predict(X, name)
        if i == 3 and exact.kind == "frame":
            predicted = np.rint(predicted)
        np.testing.assert_array_equal(column, predicted)
        modes = exact.rbm.impute(X, method="mode")
        if i < 3:
            pd.testing.assert_frame_equal(pd.DataFrame(modes), pd.DataFrame(filled))


def _measured(factor=1.0, n=N):
    rng = np.random.default_rng(1)
    z = rng.random(n) < 0.5
    kind = np.where(z ^ (rng.random(n) < 0.1), "p", "q")
    return pd.DataFrame({"x": factor * rng.normal(np.where(z, 3, -3), 1), "kind": kind})


def test_densities_of_real_columns_integrate_to_one():
    """By cells of constant density, and by quadrature of both tails."""
    X = _measured()
    rbm = TabularRBM(4, n_iter=20, random_state=0).fit(X)
    cells = Numbers.of(X["x"].to_numpy()).cells
    total = 0.0
    z, weight = np.polynomial.laguerre.laggauss(20)

    def density(x, kind):
        return np.exp(rbm.score_samples(pd.DataFrame({"x": x, "kind": kind})))

    for kind in "pq":
        middle = (cells.edges[1:] + cells.edges[:-1]) / 2
        total += np.diff(cells.edges) @ density(middle, kind)
        for edge, sign, scale in zip(cells.edges[[0, -1]], (-1, 1), cells.scales, strict=True):
            x = edge + sign * scale * z
            total += scale * weight @ (np.exp(z) * density(x, kind))
    assert total == pytest.approx(1, abs=1e-5)


def test_units_shift_scores_by_the_log_of_their_factor():
    """By exactly this amount, and not at all if the cell is missing."""
    made = {"n_components": 4, "n_iter": 20, "random_state": 0}
    for X, other in (_measured(), _measured(2.54)), (_measured().round(1), _measured().round(1)):
        if X is not other and (X["x"] == other["x"]).all():
            other = other.assign(x=other["x"] * 2.54)
        rbm, scaled = TabularRBM(**made).fit(X), TabularRBM(**made).fit(other)
        shift = rbm.score_samples(X) - scaled.score_samples(other)
        np.testing.assert_allclose(shift, np.log(2.54), rtol=1e-9)
        holes = X.assign(x=np.nan)
        np.testing.assert_allclose(rbm.score_samples(holes), scaled.score_samples(holes))


def test_real_numbers_are_drawn_within_a_range_that_cuts_intervals():
    """Shares of a category, and means of the number, within six standard errors."""
    X = _measured()
    rbm = TabularRBM(4, n_iter=20, max_bins=4, random_state=0).fit(X)
    low, high = -0.73, 2.19
    x = np.linspace(low, high, 20_001)
    p = {k: np.exp(rbm.score_samples(pd.DataFrame({"x": x, "kind": k}))) for k in "pq"}
    share = p["p"].sum() / (p["p"] + p["q"]).sum()
    mean = x @ (p["p"] + p["q"]) / (p["p"] + p["q"]).sum()
    made = rbm.sample(N_DRAWS, given={"x": (low, high)}, random_state=0)
    assert made["x"].between(low, high).all()
    error = 6 * np.sqrt(share * (1 - share) / N_DRAWS)
    assert abs((made["kind"] == "p").mean() - share) < error
    assert abs(made["x"].mean() - mean) < 6 * made["x"].std() / np.sqrt(N_DRAWS)


def test_relative_cell_scores_subtract_scores_of_the_column_alone():
    """Fails if the shares of another column count, or the density within a code is left out."""
    X = pd.DataFrame({"animal": list("aabbbc") * 10, "weight": np.arange(60.0)})
    rbm = TabularRBM(2, n_iter=1, random_state=0).fit(X)
    of_columns = rbm.cell_scores(X) - rbm.cell_scores(X, relative=True)
    shares = X["animal"].map({"a": 21 / 63, "b": 31 / 63, "c": 11 / 63})
    np.testing.assert_allclose(of_columns[:, 0], np.log(shares), atol=1e-5)
    of_numbers = np.exp(of_columns[:, 1]).sum()
    assert 0.9 < of_numbers < 1  # the rest lies beyond the observed numbers
