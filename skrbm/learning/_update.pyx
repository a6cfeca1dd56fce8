# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The training step of an RBM, compiled: the formulas of `gradients` and `optimizer` in few passes.

Draws are made in the order of the formulas, so that one seed gives one fit with either.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.math cimport sqrt
from libc.string cimport memcpy, memset
cimport numpy as cnp

from skrbm.learning._model cimport (
    GAUSSIAN, Model, Segment, VarianceStep, bitgen_t, data, doubles, new_vector, size,
)

import numpy as np

from skrbm.learning.gradients import ContrastiveDivergence, JumpingContrastiveDivergence
from skrbm.learning.gradients import N_COMPONENTS, PersistentContrastiveDivergence
from skrbm.learning.gradients import TrajectoryContrastiveDivergence
from skrbm.learning.label_gradient import LabelGradient
from skrbm.learning.optimizer import PRIOR_WIDTH, SMALLEST_SHRINKAGE
from skrbm.learning.step_statistics import N_PROBES, SHARE_OF_DATA, SMALLEST_DIVERGENCE
from skrbm.learning.variance import CHANGES, LARGEST_SHARE
from skrbm.samplers import Chains

cnp.import_array()


cdef cnp.ndarray _normalized(weights):
    """Weights in float64 whose sum is one."""
    cdef cnp.ndarray shares = np.array(weights, np.float64)
    cdef size i, n = shares.shape[0]
    cdef double total = 0
    for i in range(n):
        total += doubles(shares)[i]
    for i in range(n):
        doubles(shares)[i] /= total
    return shares


cdef class Phases:
    """Both phases of a gradient: visible states, mean hidden states and signed shares of rows.

    Rows of the data are first, rows of the model last. Rows of the model with equal shares need no
    sorting.
    """

    cdef cnp.ndarray v, h, shares
    cdef size n_data, n_rows, n_model
    cdef bint are_equal

    def __cinit__(self, cnp.ndarray v, cnp.ndarray h, cnp.ndarray shares, size n_data,
                  size n_model=0, bint are_equal=False):
        self.v, self.h, self.shares = v, h, shares
        self.n_data, self.n_model, self.n_rows = n_data, n_model, v.shape[0]
        self.are_equal = are_equal

    cdef char *row(self, cnp.ndarray x, size row):
        return data(x) + row * cnp.PyArray_STRIDE(x, 0)

    cdef model_probes(self):
        """Index of the rows of the model with the largest weights."""
        if self.are_equal:
            first = self.n_rows - self.n_model
            return slice(first, first + N_PROBES)
        rows = np.minimum(self.shares, 0).argsort(kind="stable")[:N_PROBES]
        return rows[self.shares[rows] < 0]


cdef enum:
    CONTRASTIVE
    PERSISTENT
    JUMPING
    TRAJECTORY
    FORMULAS

cdef dict _KINDS = {
    ContrastiveDivergence: CONTRASTIVE,
    PersistentContrastiveDivergence: PERSISTENT,
    JumpingContrastiveDivergence: JUMPING,
    TrajectoryContrastiveDivergence: TRAJECTORY,
}


cdef class Update:
    """The training step of an RBM.

    Phases that are not compiled, or a step that is not, are left to the formulas.

    Parameters
    ----------
    gradient : Gradient
    optimizer : CentredOptimizer
    bind : callable
        From an RBM to its `Model`, or None if it is not compiled.
    """

    cdef object gradient, joint, optimizer, bind, rbm
    cdef double sliding_factor, largest_step, variance_rate, generative_share
    cdef bint is_labelled, is_limited, learns_variance, is_shared
    cdef int kind
    cdef size n_steps
    cdef Model model

    def __init__(self, gradient, optimizer, bind):
        self.gradient, self.joint, self.optimizer, self.bind = gradient, gradient, optimizer, bind
        self.is_labelled, self.generative_share = type(gradient) is LabelGradient, 1.0
        if self.is_labelled:
            self.joint, self.generative_share = gradient.joint, gradient.share
        self.kind = _KINDS.get(type(self.joint), FORMULAS)
        self.n_steps = self.joint.n_steps
        self.sliding_factor, self.largest_step = optimizer.sliding_factor, optimizer.largest_step
        self.is_limited = self.largest_step < np.inf
        self.learns_variance = optimizer.variance is not None
        if self.learns_variance:
            self.variance_rate, self.is_shared = optimizer.variance.rate, optimizer.variance.shared

    def __call__(self, state, v, weights, pace):
        """Change the training state in place by one mini-batch with row weights."""
        if state.model is not self.rbm:
            self.rbm, self.model = state.model, self.bind(state.model)
            if self.is_shared and self.model is not None and self.model.n_segments > 1:
                self.model = None  # the common variance is a mean over units of all types
        if self.model is None or self.kind == FORMULAS or not cnp.PyArray_Check(v):
            self._step_from(state, self.gradient.phases(state, v, weights), pace)
            return
        v = self.model.checked(v, self.model.n_visible)
        self._step(state, self._phases(state, v, _normalized(weights)), pace)

    cdef int _step_from(self, state, phases, pace) except -1:
        """Step from phases that the formulas made."""
        if self.model is None or len(phases.parts) > 1 or phases.of_means:
            self.optimizer.step(state, phases, pace)
            return 0
        v, h, shares = phases.parts[0]
        v, h = self.model.checked(v, self.model.n_visible), self.model.checked(h, self.model.n_hidden)
        shares = self.model.checked(shares, len(shares))
        return self._step(state, Phases(v, h, shares, phases.n_data), pace)

    cdef Phases _phases(self, state, v, cnp.ndarray weights):
        """Both phases of a mini-batch; persistent chains move."""
        cdef Model model = self.model
        cdef size n = len(v), n_fixed = n, n_model = 0
        cdef bint is_persistent = self.kind != CONTRASTIVE
        cdef bitgen_t *generator = <bitgen_t *>PyCapsule_GetPointer(
            state.rng.bit_generator.capsule, "BitGenerator"
        )
        if self.kind == TRAJECTORY and self.generative_share > 0:
            self.joint.follow(state, n)
        if self.is_labelled:
            n_fixed = 2 * (n + model.n_visible - model.segments[model.n_segments - 1].start)
        if self.generative_share > 0:
            n_model = len(state.chains[0]) if is_persistent else n
        cdef Phases phases = self._data_phase(v, weights, n_fixed, n_model)
        cdef char *model_v = phases.row(phases.v, n_fixed)
        cdef char *model_h = phases.row(phases.h, n_fixed)
        cdef char *model_shares = data(phases.shares) + n_fixed * model.n_bytes
        if self.is_labelled:
            self._fill_labels(phases, n_fixed)
        elif not is_persistent:
            model.hidden_mean(data(phases.v), n, data(phases.h))
        if n_model == 0:
            return phases
        if is_persistent:
            model.kernels.fill(model_shares, -self.generative_share / n_model, NULL, n_model)
            self._draw_persistent(state, model_v, n_model, generator)
            if self.is_labelled:
                model.hidden_mean(model_v, n_model, model_h)
            else:
                model.hidden_mean(data(phases.v), n + n_model, data(phases.h))
            self._keep_chains(state, phases, weights, generator)
        else:
            model.kernels.fill(model_shares, -self.generative_share, doubles(weights), n)
            self._draw_contrastive(phases, model_v, model_h, generator)
        return phases

    cdef Phases _data_phase(self, cnp.ndarray v, cnp.ndarray weights, size n_fixed, size n_model):
        """Room for all rows, with the visible states and the shares of the data."""
        cdef Model model = self.model
        cdef size n = v.shape[0], n_rows = n_fixed + n_model
        cdef cnp.ndarray states = model.empty(n_rows, model.n_visible)
        cdef cnp.ndarray means = model.empty(n_rows, model.n_hidden), shares = model.vector(n_rows)
        memcpy(data(states), data(v), n * model.n_visible * model.n_bytes)
        model.kernels.fill(data(shares), 1.0, doubles(weights), n)
        are_equal = self.kind != CONTRASTIVE and not self.is_labelled
        return Phases(states, means, shares, n, n_model, are_equal)

    cdef int _fill_labels(self, Phases phases, size n_fixed) except -1:
        """Set the rows of `LabelGradient`: label given, label expected, and covariances."""
        cdef Model model = self.model
        cdef Segment *label = model.segments + model.n_segments - 1
        cdef size n = phases.n_data, n_labels = label.stop - label.start
        cdef cnp.ndarray posterior = model.empty(n, n_labels), p = new_vector(n_labels, cnp.NPY_DOUBLE)
        cdef cnp.ndarray by_label = model.empty(n_labels, model.n_hidden)
        cdef char *expected = phases.row(phases.h, n)
        cdef char *free_shares = data(phases.shares) + n * model.n_bytes
        x, labels = slice(label.start), slice(label.start, None)
        phases.shares[n:2 * n] = (self.generative_share - 1) * phases.shares[:n]
        phases.shares[2 * n:n_fixed].reshape(2, n_labels)[...] = [[1], [-1]]
        phases.v[n:2 * n, x], phases.v[n:2 * n, labels] = phases.v[:n, x], 0
        model.input(phases.row(phases.v, n), n, model.weights, expected)
        model.kernels.label_phases(
            expected, model.hidden_bias, model.weights + label.start * model.n_hidden * model.n_bytes,
            label.bias, data(phases.v) + label.start * model.n_bytes, model.n_visible, free_shares,
            data(by_label), doubles(p), data(posterior), data(phases.h), expected,
            phases.row(phases.h, 2 * n), n, n_labels, model.n_hidden,
        )
        phases.v[n:2 * n, labels] = posterior
        one_hot = phases.v[2 * n:n_fixed].reshape(2, n_labels, model.n_visible)
        one_hot[..., x], one_hot[..., labels] = 0, np.eye(n_labels)
        phases.h[2 * n + n_labels:n_fixed] = 0
        return 0

    cdef int _draw_contrastive(self, Phases phases, char *v, char *mean, bitgen_t *generator) except -1:
        """Set the rows of the model to the ends of chains that start from the data."""
        cdef Model model = self.model
        cdef size n = phases.n_data
        cdef cnp.ndarray h = model.empty(n, model.n_hidden), x = model.empty(n, model.n_visible)
        model.draw_hidden(data(phases.h), n, generator, data(h))
        for _ in range(self.n_steps):
            self._gibbs(data(h), n, data(x), v, mean, generator)
        return 0

    cdef int _gibbs(self, char *h, size n, char *x, char *v, char *mean, bitgen_t *generator) except -1:
        """A step of block Gibbs chains from hidden states h, in place."""
        cdef Model model = self.model
        model.inner_products(h, n, model.weights, model.n_visible, x)
        model.draw_visible(x, n, generator, v)
        model.hidden_mean(v, n, mean)
        model.draw_hidden(mean, n, generator, h)
        return 0

    cdef int _draw_persistent(self, state, char *v, size n, bitgen_t *generator) except -1:
        """Set visible states v to the next ones of the persistent chains."""
        cdef Model model = self.model
        cdef cnp.ndarray h = model.checked(state.chains[2], model.n_hidden), mean
        cdef cnp.ndarray x = model.empty(n, model.n_visible)
        cdef size n_accepted = 0
        if self.n_steps > 1:
            h, mean = h.copy(), model.empty(n, model.n_hidden)
        for _ in range(self.n_steps - 1):
            self._gibbs(data(h), n, data(x), v, data(mean), generator)
        jumping = self.joint.next_jumps(state, n) if self.kind == JUMPING else None
        if jumping is None:
            model.inner_products(data(h), n, model.weights, model.n_visible, data(x))
        else:
            mean = model.checked(state.proposal_mean, model.n_hidden)
            x = model.jump(h, mean, _normalized(state.proposal_weights), jumping.start,
                           jumping.stop - jumping.start, generator, &n_accepted)
            self.joint.count_jumps(state, jumping, n, n_accepted)
        model.draw_visible(data(x), n, generator, v)
        return 0

    cdef int _keep_chains(self, state, Phases phases, cnp.ndarray weights, bitgen_t *generator) except -1:
        """Draw hidden states of the persistent chains, and keep where the next ones jump to."""
        cdef size n = phases.n_model, first = phases.n_rows - n
        cdef cnp.ndarray h = self.model.empty(n, self.model.n_hidden)
        self.model.draw_hidden(phases.row(phases.h, first), n, generator, data(h))
        state.chains = Chains(phases.v[first:], phases.h[first:], h)
        if self.kind == JUMPING:
            first = min(phases.n_data, N_COMPONENTS)
            state.proposal_mean = phases.h[:first]
            state.proposal_weights = _normalized(weights[:first])
        return 0

    cdef int _step(self, state, Phases phases, pace) except -1:
        """Move the parameters and offsets, as `CentredOptimizer.step` does."""
        cdef Model model = self.model
        cdef double rate = pace[0], variance_share = pace[1], penalty = pace[2]
        cdef size n = phases.n_rows, n_visible = model.n_visible, n_hidden = model.n_hidden
        cdef cnp.ndarray v = model.empty(n, n_visible), x = model.empty(n, n_hidden)
        cdef cnp.ndarray sums = model.vector(4 * n_visible + 2 * n_hidden)
        cdef cnp.ndarray m = model.checked(state.visible_offset, n_visible), growth
        cdef cnp.ndarray k = model.checked(state.hidden_offset, n_hidden)
        cdef bint has_formed_growth = self.is_limited or self.learns_variance
        cdef char *of_visible = data(sums)
        cdef char *of_hidden = of_visible + n_visible * model.n_bytes
        cdef char *data_v = of_hidden + n_hidden * model.n_bytes
        cdef char *data_h = data_v + n_visible * model.n_bytes
        model.kernels.phase_sums(
            data(phases.v), data(phases.h), data(phases.shares), 1.0 if has_formed_growth else rate,
            data(m), data(k), data(model.precision()), data(v), data(x), of_visible, n,
            phases.n_data, n_visible, n_hidden, self.learns_variance,
        )
        if has_formed_growth:
            growth = model.empty(n_visible, n_hidden)
            memset(data(growth), 0, n_visible * n_hidden * model.n_bytes)
            model.add_outer(data(v), data(x), n, data(growth))
            rate = self._limited(rate, phases, growth, of_visible, of_hidden)
            model.kernels.add(model.weights, rate, data(growth), n_visible * n_hidden)
        else:
            model.add_outer(data(v), data(x), n, model.weights)
        model.add_to_biases(of_visible, of_hidden, rate if has_formed_growth else 1.0)
        state.shrinkage_due += rate * penalty
        if state.shrinkage_due >= SMALLEST_SHRINKAGE:
            model.shrink(min(1.0, state.shrinkage_due), PRIOR_WIDTH, data(m), data(k))
            state.shrinkage_due = 0.0
        if self.learns_variance and state.column_variance is not None:
            self._step_variances(pace[3] * state.column_variance, growth, m, k,
                                 data_h + n_hidden * model.n_bytes, rate, variance_share)
        state.visible_offset = model.slid(m, data_v, self.sliding_factor)
        state.hidden_offset = model.slid(k, data_h, self.sliding_factor)
        return 0

    cdef double _limited(self, double rate, Phases phases, cnp.ndarray growth, char *of_visible,
                         char *of_hidden) except -1:
        """The rate, or a smaller one if the step would be too long."""
        if not self.is_limited:
            return rate
        probes = phases.model_probes(), slice(min(N_PROBES, phases.n_data))
        of_model, of_data = [
            self._variance_of_change(phases, rows, growth, of_visible, of_hidden) for rows in probes
        ]
        divergence = max(of_model, SHARE_OF_DATA * of_data) / 2 + SMALLEST_DIVERGENCE
        return min(rate, sqrt(self.largest_step / divergence))

    cdef double _variance_of_change(self, Phases phases, rows, cnp.ndarray growth, char *of_visible,
                                    char *of_hidden) except -1:
        """Variance of the change of the energy of some rows by a growth of the parameters."""
        cdef Model model = self.model
        cdef cnp.ndarray v = phases.v[rows], h = phases.h[rows], shares = phases.shares[rows]
        cdef size n = v.shape[0]
        cdef cnp.ndarray input = model.empty(n, model.n_hidden), changes = new_vector(n, cnp.NPY_DOUBLE)
        model.input(data(v), n, data(growth), data(input))
        return model.kernels.variance_of_change(
            data(v), data(h), data(input), data(shares), of_visible, of_hidden,
            doubles(changes), n, model.n_visible, model.n_hidden,
        )

    cdef int _step_variances(self, smallest, cnp.ndarray growth, cnp.ndarray m, cnp.ndarray k,
                             char *moments, double rate, double variance_share) except -1:
        """Move the variances of real units as `VarianceGradient` does."""
        cdef Model model = self.model
        cdef size i
        cdef cnp.ndarray floor = np.ascontiguousarray(smallest, np.float64)
        cdef cnp.ndarray excess = new_vector(model.n_visible, cnp.NPY_DOUBLE)
        cdef VarianceStep how = VarianceStep(
            min(self.variance_rate * rate, LARGEST_SHARE), CHANGES[0], CHANGES[1], variance_share,
            self.is_shared,
        )
        for i in range(model.n_segments):
            if model.segments[i].type == GAUSSIAN:
                model.kernels.step_variances(
                    model.segments + i, model.weights, data(growth), model.hidden_bias,
                    data(m), data(k), moments,
                    moments + model.n_visible * model.n_bytes, doubles(floor), doubles(excess),
                    how, model.n_hidden,
                )
        return 0
