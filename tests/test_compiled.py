"""The compiled update equals the formulas: in all states, and in parameters up to rounding."""

import math
from itertools import product

import numpy as np
import pytest
from scipy import sparse

from skrbm import BernoulliRBM
from skrbm._kernels import random
from skrbm.learning import compiled
from skrbm.learning.gradients import GRADIENTS
from skrbm.learning.label_gradient import LabelGradient
from skrbm.learning.optimizer import CentredOptimizer, Pace, rbm_update
from skrbm.learning.variance import VarianceGradient
from skrbm.model import RBM
from skrbm.units import Bernoulli

from laws import BERNOULLI, GAUSSIAN, UNIT_IDS, UNITS, WITH_LABELS, WITH_PRECISION, training_state

pytest.importorskip("skrbm.learning._update", reason="no compiler was found")

N_UPDATES = 6
# Visible and hidden units, rows and chains: less than a vector of the processor, more with a
# remainder, more than a block of columns, more than a block of terms, and products for the BLAS.
SIZES = [(3, 2, 4, 3), (9, 37, 11, 10), (70, 150, 60, 50), (600, 9, 8, 8), (9, 600, 8, 8)]
SIZES += [(300, 280, 150, 120)]  # and more rows than those that propose states
DTYPES = ["float32", "float64"]
PACE = Pace(0.1, 0.5, penalty=0.07, variance_floor=0.1)


def some_rbm(unit, dtype, n_visible=9, n_hidden=21, scale=0.5):
    rng = np.random.default_rng(n_hidden)
    visible, hidden = unit.make(n_visible, rng, dtype), BERNOULLI.make(n_hidden, rng, dtype)
    shape = visible.n_columns, n_hidden
    return RBM(visible, hidden, rng.normal(scale=scale, size=shape).astype(dtype))


def trained(update_of, gradient, optimizer, rbm, *, n_rows=11, n_chains=10, to_rows=np.asarray):
    """The state after some updates of a copy of a model, from rows drawn from the model."""
    rng = np.random.default_rng(0)
    rbm = rbm.map(np.copy)
    floor = None if optimizer.variance is None else np.full(rbm.visible.n_columns, 1e-3)
    # A seed with which no number in float32 is drawn within its rounding from a threshold.
    state = training_state(rbm, rbm.visible.mean(0.0), rng=5, column_variance=floor)
    gradient.start(state, rbm.visible.map(np.copy), n_chains)
    update, of_data = update_of(gradient, optimizer), random.generator(1)
    for _ in range(N_UPDATES):
        h = rng.integers(2, size=(n_rows, rbm.hidden.n_units)).astype(rbm.reference.dtype)
        v = rbm.visible.draw(some_input(rbm, h), of_data)
        update(state, to_rows(v), rng.uniform(0.5, 2.0, size=n_rows), PACE)
    return state


def some_input(rbm, h):
    """Input that depends on the row, but not on the parameters, which training changes."""
    shape = h.shape[1], rbm.visible.n_columns
    return (h @ np.random.default_rng(2).normal(scale=0.3, size=shape)).astype(h.dtype)


def assert_equal_states(one, other):
    """Zeros and ones are equal, real numbers to rounding: normal draws have 24 bits."""
    dtype = one.model.reference.dtype
    tolerance = 3e-4 if dtype == np.float32 else 1e-5
    values = [
        [*state.model.parameters, state.visible_offset, state.hidden_offset, *(state.chains or ())]
        for state in (one, other)
    ]
    for expected, x in zip(*values, strict=True):
        assert x.dtype == dtype
        np.testing.assert_allclose(x, expected, rtol=tolerance, atol=tolerance)
    if one.chains is not None:
        np.testing.assert_array_equal(other.chains.hidden, one.chains.hidden)
    for name in ("jumps_due", "next_chain", "jump_acceptance"):
        assert getattr(other, name) == getattr(one, name), name
    if one.trajectory is not None:
        ladders = [state.trajectory.ladder for state in (one, other)]
        assert one.trajectory.n_updates == other.trajectory.n_updates == N_UPDATES
        np.testing.assert_allclose(*(x.newest.visible for x in ladders), rtol=0, atol=tolerance)
        assert ladders[1].log_partition == pytest.approx(ladders[0].log_partition, rel=1e-4)
    assert other.shrinkage_due == pytest.approx(one.shrinkage_due, rel=1e-4)
    for name in ("proposal_mean", "proposal_weights"):
        if getattr(one, name) is not None:
            np.testing.assert_allclose(getattr(other, name), getattr(one, name), atol=tolerance)
    assert other.rng.random() == one.rng.random()


def assert_equal_updates(gradient, optimizer, rbm, **sizes):
    assert_equal_states(
        trained(rbm_update, gradient, optimizer, rbm, **sizes),
        trained(compiled.update_of, gradient, optimizer, rbm, **sizes),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("unit", UNITS, ids=UNIT_IDS)
@pytest.mark.parametrize(("gradient", "n_steps"), list(product(GRADIENTS, (1, 2))))
def test_updates_equal_the_formulas(gradient, n_steps, unit, dtype):
    """Fails if draws have another order, or a term of a step is missing."""
    if gradient == "exact" and n_steps > 1:
        pytest.skip("the exact gradient has no steps")
    rbm = some_rbm(unit, dtype, n_hidden=7 if gradient == "exact" else 21)
    assert_equal_updates(GRADIENTS[gradient](n_steps), CentredOptimizer(), rbm)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("unit", UNITS, ids=UNIT_IDS)
def test_updates_equal_the_formulas_in_all_sizes(unit, dtype, sizes):
    """Fails if loops omit the last columns, or the products of large models differ."""
    n_visible, n_hidden, n_rows, n_chains = sizes
    rbm = some_rbm(unit, dtype, n_visible, n_hidden, scale=1 / math.sqrt(n_hidden))
    limit = 0.1 if "gaussian" in unit.name else math.inf  # long steps would diverge
    optimizer = CentredOptimizer(largest_step=limit)
    assert_equal_updates(GRADIENTS["jump"](), optimizer, rbm, n_rows=n_rows, n_chains=n_chains)


@pytest.mark.parametrize("n_chains", [10, 1])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gradient", ["jump", "cd", "exact"])
@pytest.mark.parametrize("unit", UNITS, ids=UNIT_IDS)
def test_limited_steps_equal_the_formulas(unit, gradient, dtype, n_chains):
    """Fails if the divergence of a step counts other rows, or rows with other weights.

    The energy of a single chain has no variance; then only the rows of the data limit a step.
    """
    rbm, optimizer = some_rbm(unit, dtype, n_hidden=7), CentredOptimizer(largest_step=1e-4)
    assert_equal_updates(GRADIENTS[gradient](), optimizer, rbm, n_chains=n_chains)


@pytest.mark.parametrize("largest_step", [math.inf, 0.01])
@pytest.mark.parametrize("is_shared", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("unit", WITH_PRECISION, ids=lambda unit: unit.name)
def test_steps_of_variances_equal_the_formulas(unit, dtype, is_shared, largest_step):
    """Fails if the weights are not scaled with the variances, or the hidden biases not moved."""
    variance = VarianceGradient(1.0, shared=is_shared)
    optimizer = CentredOptimizer(largest_step=largest_step, variance=variance)
    for gradient in ("pcd", "cd", "exact"):
        assert_equal_updates(GRADIENTS[gradient](), optimizer, some_rbm(unit, dtype, n_hidden=7))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("joint", GRADIENTS)
def test_updates_with_labels_equal_the_formulas(joint, share, dtype):
    """Fails if the covariances of labels and hidden units are left out."""
    gradient = LabelGradient(joint=GRADIENTS[joint](), share=share)
    rbm = some_rbm(one_label(3), dtype, n_hidden=7)
    assert_equal_updates(gradient, CentredOptimizer(), rbm)


# With larger weights, rounding in float32 decides the states of units.
@pytest.mark.parametrize(
    ("dtype", "scale"), [("float32", 30.0), ("float64", 30.0), ("float64", 3e3)]
)
@pytest.mark.parametrize("unit", UNITS, ids=UNIT_IDS)
def test_updates_equal_the_formulas_for_extreme_inputs(unit, dtype, scale):
    """Fails if an exponential overflows: in float32 above 88, in float64 above 709."""
    optimizer = CentredOptimizer(largest_step=5.0)
    rbm = some_rbm(unit, dtype, scale=scale)
    assert_equal_updates(GRADIENTS["jump"](), optimizer, rbm)
    state = trained(compiled.update_of, GRADIENTS["jump"](), optimizer, rbm)
    assert all(np.isfinite(x).all() for x in (*state.model.parameters, *state.chains))


@pytest.mark.parametrize("to_rows", [np.asfortranarray, sparse.csr_array, lambda v: v[::-1][::-1]])
def test_rows_of_any_layout_make_equal_updates(to_rows):
    """Fails if rows are read as if they were contiguous."""
    rbm = some_rbm(BERNOULLI, "float32")
    states = [
        trained(compiled.update_of, GRADIENTS["jump"](), CentredOptimizer(), rbm, to_rows=layout)
        for layout in (np.asarray, to_rows)
    ]
    assert_equal_states(*states)


@pytest.mark.parametrize("hidden", [GAUSSIAN, WITH_LABELS], ids=lambda unit: unit.name)
def test_other_hidden_units_use_the_formulas(hidden):
    """Fails if compiled code treats other hidden units as binary."""
    rbm = some_rbm(BERNOULLI, "float64", n_hidden=hidden.n_columns(6), scale=0.1)
    rbm = RBM(rbm.visible, hidden.make(6, np.random.default_rng(0), "float64"), rbm.weights)
    assert_equal_updates(GRADIENTS["cd"](), CentredOptimizer(), rbm)


def test_parameters_of_two_dtypes_use_the_formulas():
    """Fails if compiled code reads float64 biases as float32, beyond the end of an array."""
    rbm = some_rbm(BERNOULLI, "float32")
    mixed = RBM(rbm.visible, rbm.hidden.map(lambda x: x.astype("float64")), rbm.weights)
    optimizer, gradient = CentredOptimizer(), GRADIENTS["cd"]()
    states = [trained(f, gradient, optimizer, mixed) for f in (rbm_update, compiled.update_of)]
    for one, other in zip(*(state.model.parameters for state in states), strict=True):
        np.testing.assert_array_equal(one, other)


def test_rows_of_the_wrong_width_are_refused():
    """Fails if compiled loops read beyond the end of a row."""
    rbm = some_rbm(BERNOULLI, "float32")
    with pytest.raises(ValueError, match="Rows have 5 columns instead of 9"):
        trained(
            compiled.update_of,
            GRADIENTS["cd"](),
            CentredOptimizer(),
            rbm,
            to_rows=lambda v: v[:, :5],
        )


def test_updates_do_not_change_earlier_chains():
    """Fails if steps overwrite states that were read from an estimator."""
    rbm, gradient = some_rbm(BERNOULLI, "float64"), GRADIENTS["pcd"](3)
    state = trained(compiled.update_of, gradient, CentredOptimizer(), rbm)
    earlier, copies = state.chains, [x.copy() for x in state.chains]
    update = compiled.update_of(gradient, CentredOptimizer())
    update(state, np.zeros((4, 9)), np.ones(4), PACE)
    assert not np.array_equal(state.chains.hidden, earlier.hidden)
    for x, copy in zip(earlier, copies, strict=True):
        np.testing.assert_array_equal(x, copy)


def test_a_fit_is_the_same_without_the_extension():
    """Fails if the order of draws depends on the implementation."""
    X = np.random.default_rng(0).integers(2, size=(60, 8))
    fits = [BernoulliRBM(5, n_iter=20, batch_size=20, random_state=0).fit(X)]
    with compiled.formulas_only():
        assert not compiled.is_available()
        fits.append(BernoulliRBM(5, n_iter=20, batch_size=20, random_state=0).fit(X))
    one, other = (fit.components_ for fit in fits)
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_updates_are_compiled_again_after_an_error():
    """Fails if all fits after an error use the formulas."""
    with pytest.raises(KeyError), compiled.formulas_only():
        raise KeyError
    assert compiled.is_available()


def one_label(n_classes):
    """Binary units and one label, as a unit type."""
    from types import SimpleNamespace

    from skrbm.units import Categorical, Joined

    def make(n_units, rng, dtype):
        x, y = (rng.normal(size=n).astype(dtype) for n in (n_units, n_classes))
        return Joined((Bernoulli(x), Categorical(y, (n_classes,))))

    return SimpleNamespace(make=make)
