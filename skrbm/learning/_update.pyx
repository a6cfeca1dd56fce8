# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The training step of an RBM, compiled: the formulas of `gradients` and `optimizer` in few passes.

Draws are made in the order of the formulas, so that one seed gives one fit with either.
"""

from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.math cimport exp, sqrt
from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
cimport numpy as cnp

import numpy as np

from skrbm.learning.gradients import ContrastiveDivergence, JumpingContrastiveDivergence
from skrbm.learning.gradients import PersistentContrastiveDivergence
from skrbm.learning.label_gradient import LabelGradient
from skrbm.learning.gradients import REDRAWN_UNITS
from skrbm.learning.step_statistics import N_PROBES, SHARE_OF_DATA, SMALLEST_DIVERGENCE
from skrbm.learning.variance import CHANGES, LARGEST_SHARE
from skrbm.samplers import Chains

cdef extern from "kernels.h":
    ctypedef struct bitgen_t:
        double (*next_double)(void *state)
        void *state
    ctypedef Py_ssize_t size
    ctypedef struct Segment:
        int type
        size start, stop, n_units
        const void *bias
        const void *precision
        const size *widths
    ctypedef struct Draws:
        const uint16_t *bits
        float shift
    ctypedef struct VarianceStep:
        double rate, smallest, largest, share
        int is_shared
    ctypedef struct Kernels:
        size n_bytes
        void (*add_product)(const void *, size, size, const void *, void *, size, size, size)
        void (*dot_rows)(const void *, const void *, void *, size, size, size)
        void (*logistic)(void *, const void *, size, size)
        void (*draw)(const void *, Draws, void *, size)
        void (*draw_binary)(const Segment *, const void *, Draws, void *, size, size)
        void (*draw_real)(const Segment *, const void *, const float *, void *, size, size)
        void (*draw_categories)(const Segment *, const void *, const float *, void *, size, size)
        void (*log_weights)(const Segment *, size, const void *, const void *, const void *,
                            double *, size, size, size)
        void (*log_mixture)(void *, const void *, const double *, double *, size, size)
        void (*log_odds)(const void *, double, void *, void *, void *, double *, size, size)
        void (*label_phases)(const void *, const void *, const void *, const void *, const void *,
                             size, const void *, void *, double *, void *, void *, void *, void *,
                             size, size, size)
        void (*phase_sums)(const void *, const void *, const void *, double, const void *,
                           const void *, const void *, void *, void *, void *, size, size, size,
                           size, int)
        void (*add)(void *, double, const void *, size)
        void (*fill)(void *, double, const double *, size)
        double (*variance_of_change)(const void *, const void *, const void *, const void *, const void *,
                         const void *, double *, size, size, size)
        void (*slide)(const void *, const void *, double, void *, size)
        void (*step_variances)(const Segment *, void *, const void *, void *, const void *,
                              const void *, const void *, const void *, const double *, double *,
                              VarianceStep, size)
    const Kernels kernels_float, kernels_double
    int BERNOULLI, GAUSSIAN, CATEGORICAL
    void fill_raw(bitgen_t *, uint64_t *, size)
    float next_float(bitgen_t *)
    void normal_draws(const uint32_t *, float *, size)

cnp.import_array()

# Products of fewer multiplications are made by loops, others by the BLAS of numpy.
cdef size _SMALL_PRODUCT = 20_000
cdef size _FEW_TERMS = 32
cdef dict _TYPES = {"bernoulli": BERNOULLI, "gaussian": GAUSSIAN, "categorical": CATEGORICAL}


cdef inline char *_data(cnp.ndarray x):
    return cnp.PyArray_BYTES(x)


cdef inline double *_doubles(cnp.ndarray x):
    return <double *>cnp.PyArray_DATA(x)


cdef class Model:
    """The parameters of an RBM, which a step changes in place.

    Parameters
    ----------
    weights : ndarray of shape (n_visible, n_hidden)
    hidden_bias : ndarray of shape (n_hidden,)
    segments : list of tuples
        For the visible units of one type: its name, its parameters, and the widths of its units.
    """

    cdef object arrays
    cdef char *weights
    cdef char *hidden_bias
    cdef cnp.ndarray precisions
    cdef const Kernels *kernels
    cdef int dtype
    cdef size n_bytes, n_segments, n_visible, n_hidden, n_raw
    cdef Segment *segments
    cdef uint64_t *raw

    def __cinit__(self, cnp.ndarray weights, cnp.ndarray hidden_bias, list segments):
        self.arrays = weights, hidden_bias, segments
        self.weights, self.hidden_bias = _data(weights), _data(hidden_bias)
        self.dtype = cnp.PyArray_TYPE(weights)
        self.kernels = &kernels_float if self.dtype == cnp.NPY_FLOAT else &kernels_double
        self.n_bytes = self.kernels.n_bytes
        self.n_visible, self.n_hidden = weights.shape[0], weights.shape[1]
        self.precisions = np.ones(self.n_visible, weights.dtype)
        self.n_segments = len(segments)
        self.segments = <Segment *>PyMem_Malloc(self.n_segments * sizeof(Segment))
        if self.segments is NULL:
            raise MemoryError
        cdef size start = 0, i
        for i, (name, parameters, widths) in enumerate(segments):
            bias, precision = parameters[0], parameters[len(parameters) - 1]
            self.segments[i].type = _TYPES[name]
            self.segments[i].start = start
            self.segments[i].stop = start = start + len(bias)
            self.segments[i].bias = cnp.PyArray_DATA(bias)
            self.segments[i].precision = cnp.PyArray_DATA(precision)
            self.segments[i].widths = <const size *>cnp.PyArray_DATA(widths)
            self.segments[i].n_units = len(widths)

    def __dealloc__(self):
        PyMem_Free(self.segments)
        PyMem_Free(self.raw)

    cdef cnp.ndarray empty(self, size n_rows, size n_columns):
        cdef cnp.npy_intp[2] shape = [n_rows, n_columns]
        return cnp.PyArray_EMPTY(2, shape, self.dtype, 0)

    cdef cnp.ndarray vector(self, size n):
        cdef cnp.npy_intp[1] shape = [n]
        return cnp.PyArray_EMPTY(1, shape, self.dtype, 0)

    cdef cnp.ndarray checked(self, x, size n_columns):
        """Rows of numbers for compiled loops, which check nothing."""
        cdef cnp.ndarray rows = x
        if cnp.PyArray_TYPE(rows) != self.dtype or not cnp.PyArray_IS_C_CONTIGUOUS(rows):
            rows = np.ascontiguousarray(rows, self.precisions.dtype)
        if rows.shape[rows.ndim - 1] != n_columns:
            raise ValueError(f"Rows have {rows.shape[rows.ndim - 1]} columns instead of {n_columns}.")
        return rows

    cdef cnp.ndarray at(self, const char *x, size n_rows, size n_columns):
        """The array at an address."""
        cdef cnp.npy_intp[2] shape = [n_rows, n_columns]
        return cnp.PyArray_SimpleNewFromData(2, shape, self.dtype, <void *>x)

    # Products

    cdef int input(self, const char *v, size n, const char *weights, char *x) except -1:
        """`x = v weights`, for n rows v of the visible layer."""
        if n * self.n_visible * self.n_hidden > _SMALL_PRODUCT:
            np.matmul(self.at(v, n, self.n_visible), self.at(weights, self.n_visible, self.n_hidden),
                      self.at(x, n, self.n_hidden))
            return 0
        memset(x, 0, n * self.n_hidden * self.n_bytes)
        self.kernels.add_product(v, self.n_visible, 1, weights, x, n, self.n_visible, self.n_hidden)
        return 0

    cdef int inner_products(self, const char *x, size n, const char *y, size n_columns,
                            char *result) except -1:
        """`result = x y'`, for n rows x and n_columns rows y of the hidden layer."""
        if n * n_columns * self.n_hidden > _SMALL_PRODUCT:
            np.matmul(self.at(x, n, self.n_hidden), self.at(y, n_columns, self.n_hidden).T,
                      self.at(result, n, n_columns))
            return 0
        self.kernels.dot_rows(x, y, result, n, n_columns, self.n_hidden)
        return 0

    cdef int add_outer(self, const char *v, const char *h, size n, char *to) except -1:
        """`to += v' h`, for n rows of both layers."""
        cdef cnp.ndarray product
        if n > _FEW_TERMS and n * self.n_visible * self.n_hidden > _SMALL_PRODUCT:
            product = np.matmul(self.at(v, n, self.n_visible).T, self.at(h, n, self.n_hidden))
            self.kernels.add(to, 1.0, _data(product), self.n_visible * self.n_hidden)
            return 0
        self.kernels.add_product(v, 1, self.n_visible, h, to, self.n_visible, n, self.n_hidden)
        return 0

    cdef int hidden_mean(self, const char *v, size n, char *mean) except -1:
        """`mean = E[h | v]`."""
        self.input(v, n, self.weights, mean)
        self.kernels.logistic(mean, self.hidden_bias, n, self.n_hidden)
        return 0

    # Draws

    cdef int random_bits(self, bitgen_t *generator, size n) except -1:
        """Fill the buffer with n times 64 random bits."""
        if n > self.n_raw:
            self.raw = <uint64_t *>PyMem_Realloc(self.raw, n * sizeof(uint64_t))
            self.n_raw = 0 if self.raw is NULL else n
            if self.raw is NULL:
                raise MemoryError
        fill_raw(generator, self.raw, n)
        return 0

    cdef Draws draws(self, bitgen_t *generator, size n) except *:
        """Numbers for n binary draws, in the buffer."""
        cdef Draws draws
        self.random_bits(generator, n // 4 + 2)
        draws.bits = <const uint16_t *>self.raw
        draws.shift = <float>(self.raw[n // 4 + 1] % 256) / 256
        return draws

    cdef int draw_hidden(self, const char *mean, size n, bitgen_t *generator, char *h) except -1:
        """Hidden states with these means."""
        n *= self.n_hidden
        self.kernels.draw(mean, self.draws(generator, n), h, n)
        return 0

    cdef int draw_visible(self, const char *x, size n, bitgen_t *generator, char *v) except -1:
        """Visible states given their input x, layer by layer."""
        cdef size i
        cdef Segment *segment
        cdef Draws draws
        cdef cnp.ndarray numbers
        for i in range(self.n_segments):
            segment = self.segments + i
            if segment.type == BERNOULLI:
                draws = self.draws(generator, n * (segment.stop - segment.start))
                self.kernels.draw_binary(segment, x, draws, v, n, self.n_visible)
            elif segment.type == GAUSSIAN:
                numbers = self.normal(n * (segment.stop - segment.start), generator)
                self.kernels.draw_real(segment, x, <const float *>_data(numbers), v, n, self.n_visible)
            else:
                numbers = self.uniform(n * segment.n_units, generator)
                self.kernels.draw_categories(segment, x, <const float *>_data(numbers), v, n, self.n_visible)
        return 0

    cdef cnp.ndarray normal(self, size n, bitgen_t *generator):
        """Normal draws, one more if n is odd."""
        cdef cnp.ndarray numbers = np.empty(n + n % 2, np.float32)
        self.random_bits(generator, (n + 1) // 2)
        normal_draws(<const uint32_t *>self.raw, <float *>_data(numbers), (n + 1) // 2)
        return numbers

    cdef cnp.ndarray uniform(self, size n, bitgen_t *generator):
        cdef cnp.ndarray numbers = np.empty(n, np.float32)
        cdef size i
        for i in range(n):
            (<float *>_data(numbers))[i] = next_float(generator)
        return numbers

    # Jumps

    cdef cnp.ndarray jump(self, cnp.ndarray hidden, cnp.ndarray mean, cnp.ndarray weights,
                          size first, size n_jumps, bitgen_t *generator, size *n_accepted):
        """As `samplers.jump`: input of the visible units after jumps of some chains."""
        cdef size n = mean.shape[0], n_chains = hidden.shape[0], i
        cdef size row = self.n_hidden * self.n_bytes, row_of_x = self.n_visible * self.n_bytes
        cdef cnp.ndarray states = self.empty(n_chains + n_jumps, self.n_hidden)
        cdef cnp.ndarray x = self.empty(n_chains + n_jumps, self.n_visible)
        cdef cnp.ndarray broadened = self.empty(n, self.n_hidden)
        cdef cnp.ndarray log_odds = self.empty(n, self.n_hidden), log_off = self.vector(n)
        cdef cnp.ndarray sums = np.empty(n), ratios = np.empty(2 * n_jumps)
        self.kernels.log_odds(_data(mean), REDRAWN_UNITS / self.n_hidden, _data(broadened),
                              _data(log_odds), _data(log_off), _doubles(sums), n, self.n_hidden)
        cdef cnp.ndarray chosen = _choices(weights, sums, n_jumps, generator)
        cdef cnp.npy_intp *index = <cnp.npy_intp *>_data(chosen)
        cdef char *proposed = _data(states) + n_chains * row
        cdef Draws draws = self.draws(generator, n_jumps * self.n_hidden)
        memcpy(_data(states), _data(hidden), n_chains * row)
        for i in range(n_jumps):
            self.kernels.draw(_data(broadened) + index[i] * row, draws, proposed + i * row, self.n_hidden)
            draws.bits += self.n_hidden
        self.inner_products(_data(states), n_chains + n_jumps, self.weights, self.n_visible, _data(x))
        cdef double *present = _doubles(ratios)
        cdef double *of_proposed = present + n_jumps
        cdef char *jumping = _data(x) + first * row_of_x
        cdef char *x_of_proposed = _data(x) + n_chains * row_of_x
        self.log_ratios(_data(states) + first * row, jumping, n_jumps, log_odds, log_off, weights, present)
        self.log_ratios(proposed, x_of_proposed, n_jumps, log_odds, log_off, weights, of_proposed)
        n_accepted[0] = 0
        for i in range(n_jumps):
            if next_float(generator) < exp(min(0.0, of_proposed[i] - present[i])):
                n_accepted[0] += 1
                memcpy(jumping + i * row_of_x, x_of_proposed + i * row_of_x, row_of_x)
        return x

    cdef int log_ratios(self, const char *h, const char *x, size n, cnp.ndarray log_odds,
                        cnp.ndarray log_off, cnp.ndarray weights, double *ratios) except -1:
        """`log p(h) - log q(h)` of hidden states h with input x, up to a constant."""
        cdef size n_rows = log_odds.shape[0], i
        cdef cnp.ndarray density = self.empty(n, n_rows), of_mixture = np.empty(n)
        self.inner_products(h, n, _data(log_odds), n_rows, _data(density))
        self.kernels.log_mixture(_data(density), _data(log_off), _doubles(weights), _doubles(of_mixture), n, n_rows)
        self.kernels.log_weights(self.segments, self.n_segments, x, h, self.hidden_bias, ratios, n, self.n_visible, self.n_hidden)
        for i in range(n):
            ratios[i] -= _doubles(of_mixture)[i]
        return 0

    # Steps

    cdef cnp.ndarray precision(self):
        """Precision of each visible unit, 1 if its type has none."""
        cdef size i
        cdef Segment *segment
        for i in range(self.n_segments):
            segment = self.segments + i
            if segment.type == GAUSSIAN:
                memcpy(_data(self.precisions) + segment.start * self.n_bytes, segment.precision,
                       (segment.stop - segment.start) * self.n_bytes)
        return self.precisions

    cdef int add_to_biases(self, const char *of_visible, const char *of_hidden, double factor) except -1:
        """Add a growth of all biases times a factor, in place."""
        cdef size i
        cdef Segment *segment
        self.kernels.add(self.hidden_bias, factor, of_hidden, self.n_hidden)
        for i in range(self.n_segments):
            segment = self.segments + i
            self.kernels.add(<void *>segment.bias, factor, of_visible + segment.start * self.n_bytes,
                             segment.stop - segment.start)
        return 0

    cdef cnp.ndarray slid(self, cnp.ndarray offset, const char *mean, double share):
        """The moving average of an offset, with this share of a mean."""
        cdef cnp.ndarray result = self.vector(offset.shape[0])
        self.kernels.slide(_data(offset), mean, share, _data(result), offset.shape[0])
        return result


cdef cnp.ndarray _choices(cnp.ndarray weights, cnp.ndarray sums, size n, bitgen_t *generator):
    """Draw n rows with these probabilities, in the order of their sums."""
    cdef cnp.ndarray order = sums.argsort(kind="stable")
    cdef cnp.npy_intp *index = <cnp.npy_intp *>_data(order)
    cdef size n_rows = weights.shape[0], i, low, high, middle
    cdef cnp.ndarray cumulative = np.empty(n_rows), rows = np.empty(n, np.intp)
    cdef double total = 0, u
    for i in range(n_rows):
        total += _doubles(weights)[index[i]]
        _doubles(cumulative)[i] = total
    for i in range(n):
        u = total * generator.next_double(generator.state)
        low, high = 0, n_rows - 1
        while low < high:
            middle = (low + high) // 2
            if _doubles(cumulative)[middle] <= u:
                low = middle + 1
            else:
                high = middle
        (<cnp.npy_intp *>_data(rows))[i] = index[low]
    return rows


cdef cnp.ndarray _normalized(weights):
    """Weights in float64 whose sum is one."""
    cdef cnp.ndarray shares = np.array(weights, np.float64)
    cdef size i, n = shares.shape[0]
    cdef double total = 0
    for i in range(n):
        total += _doubles(shares)[i]
    for i in range(n):
        _doubles(shares)[i] /= total
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
        return _data(x) + row * cnp.PyArray_STRIDE(x, 0)

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
    FORMULAS

cdef dict _KINDS = {
    ContrastiveDivergence: CONTRASTIVE,
    PersistentContrastiveDivergence: PERSISTENT,
    JumpingContrastiveDivergence: JUMPING,
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
        self._step(state, self._phases(state, v, _normalized(weights)), pace[0], pace[1])

    cdef int _step_from(self, state, phases, pace) except -1:
        """Step from phases that the formulas made."""
        if self.model is None or len(phases.parts) > 1 or phases.of_means:
            self.optimizer.step(state, phases, pace)
            return 0
        v, h, shares = phases.parts[0]
        v, h = self.model.checked(v, self.model.n_visible), self.model.checked(h, self.model.n_hidden)
        shares = self.model.checked(shares, len(shares))
        return self._step(state, Phases(v, h, shares, phases.n_data), pace[0], pace[1])

    cdef Phases _phases(self, state, v, cnp.ndarray weights):
        """Both phases of a mini-batch; persistent chains move."""
        cdef Model model = self.model
        cdef cnp.ndarray states
        cdef size n = len(v), n_fixed = n, n_model = 0
        cdef bint is_persistent = self.kind != CONTRASTIVE
        cdef bitgen_t *generator = <bitgen_t *>PyCapsule_GetPointer(
            state.rng.bit_generator.capsule, "BitGenerator"
        )
        if self.is_labelled:
            n_fixed = 2 * (n + model.n_visible - model.segments[model.n_segments - 1].start)
        if self.generative_share > 0:
            n_model = len(state.chains[0]) if is_persistent else n
        cdef Phases phases = Phases(
            model.empty(n_fixed + n_model, model.n_visible),
            model.empty(n_fixed + n_model, model.n_hidden),
            model.vector(n_fixed + n_model), n, n_model, is_persistent and not self.is_labelled
        )
        memcpy(_data(phases.v), _data(v), n * model.n_visible * model.n_bytes)
        model.kernels.fill(_data(phases.shares), 1.0, _doubles(weights), n)
        cdef char *model_v = phases.row(phases.v, n_fixed)
        cdef char *model_h = phases.row(phases.h, n_fixed)
        cdef char *model_shares = _data(phases.shares) + n_fixed * model.n_bytes
        if self.is_labelled:
            self._fill_labels(phases, n_fixed)
        elif not is_persistent:
            model.hidden_mean(_data(phases.v), n, _data(phases.h))
        if n_model == 0:
            return phases
        if is_persistent:
            model.kernels.fill(model_shares, -self.generative_share / n_model, NULL, n_model)
            self._draw_persistent(state, model_v, n_model, generator)
            if self.is_labelled:
                model.hidden_mean(model_v, n_model, model_h)
            else:
                model.hidden_mean(_data(phases.v), n + n_model, _data(phases.h))
            self._keep_chains(state, phases, weights, generator)
        else:
            model.kernels.fill(model_shares, -self.generative_share, _doubles(weights), n)
            self._draw_contrastive(phases, model_v, model_h, generator)
        return phases

    cdef int _fill_labels(self, Phases phases, size n_fixed) except -1:
        """Set the rows of `LabelGradient`: label given, label expected, and covariances."""
        cdef Model model = self.model
        cdef Segment *label = model.segments + model.n_segments - 1
        cdef size n = phases.n_data, n_labels = label.stop - label.start
        cdef cnp.ndarray posterior = model.empty(n, n_labels), p = np.empty(n_labels)
        cdef cnp.ndarray by_label = model.empty(n_labels, model.n_hidden)
        cdef char *expected = phases.row(phases.h, n)
        cdef char *free_shares = _data(phases.shares) + n * model.n_bytes
        x, labels = slice(label.start), slice(label.start, None)
        phases.shares[n:2 * n] = (self.generative_share - 1) * phases.shares[:n]
        phases.shares[2 * n:n_fixed].reshape(2, n_labels)[...] = [[1], [-1]]
        phases.v[n:2 * n, x], phases.v[n:2 * n, labels] = phases.v[:n, x], 0
        model.input(phases.row(phases.v, n), n, model.weights, expected)
        model.kernels.label_phases(
            expected, model.hidden_bias, model.weights + label.start * model.n_hidden * model.n_bytes,
            label.bias, _data(phases.v) + label.start * model.n_bytes, model.n_visible, free_shares,
            _data(by_label), _doubles(p), _data(posterior), _data(phases.h), expected,
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
        model.draw_hidden(_data(phases.h), n, generator, _data(h))
        for _ in range(self.n_steps):
            self._gibbs(_data(h), n, _data(x), v, mean, generator)
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
            self._gibbs(_data(h), n, _data(x), v, _data(mean), generator)
        jumping = self.joint.next_jumps(state, n) if self.kind == JUMPING else None
        if jumping is None:
            model.inner_products(_data(h), n, model.weights, model.n_visible, _data(x))
        else:
            mean = model.checked(state.proposal_mean, model.n_hidden)
            x = model.jump(h, mean, state.proposal_weights, jumping.start,
                           jumping.stop - jumping.start, generator, &n_accepted)
            self.joint.count_jumps(state, jumping, n, n_accepted)
        model.draw_visible(_data(x), n, generator, v)
        return 0

    cdef int _keep_chains(self, state, Phases phases, cnp.ndarray weights, bitgen_t *generator) except -1:
        """Draw hidden states of the persistent chains, and keep where the next ones jump to."""
        cdef size n = phases.n_model, first = phases.n_rows - n
        cdef cnp.ndarray h = self.model.empty(n, self.model.n_hidden)
        self.model.draw_hidden(phases.row(phases.h, first), n, generator, _data(h))
        state.chains = Chains(phases.v[first:], phases.h[first:], h)
        if self.kind == JUMPING:
            state.proposal_mean, state.proposal_weights = phases.h[:phases.n_data], weights
        return 0

    cdef int _step(self, state, Phases phases, double rate, double variance_share) except -1:
        """Move the parameters and offsets, as `CentredOptimizer.step` does."""
        cdef Model model = self.model
        cdef size n = phases.n_rows, n_visible = model.n_visible, n_hidden = model.n_hidden
        cdef cnp.ndarray v = model.empty(n, n_visible), x = model.empty(n, n_hidden)
        cdef cnp.ndarray sums = model.vector(4 * n_visible + 2 * n_hidden)
        cdef cnp.ndarray m = model.checked(state.visible_offset, n_visible), growth
        cdef cnp.ndarray k = model.checked(state.hidden_offset, n_hidden)
        cdef bint has_formed_growth = self.is_limited or self.learns_variance
        cdef char *of_visible = _data(sums)
        cdef char *of_hidden = of_visible + n_visible * model.n_bytes
        cdef char *data_v = of_hidden + n_hidden * model.n_bytes
        cdef char *data_h = data_v + n_visible * model.n_bytes
        model.kernels.phase_sums(
            _data(phases.v), _data(phases.h), _data(phases.shares), 1.0 if has_formed_growth else rate,
            _data(m), _data(k), _data(model.precision()), _data(v), _data(x), of_visible, n,
            phases.n_data, n_visible, n_hidden, self.learns_variance,
        )
        if has_formed_growth:
            growth = model.empty(n_visible, n_hidden)
            memset(_data(growth), 0, n_visible * n_hidden * model.n_bytes)
            model.add_outer(_data(v), _data(x), n, _data(growth))
            rate = self._limited(rate, phases, growth, of_visible, of_hidden)
            model.kernels.add(model.weights, rate, _data(growth), n_visible * n_hidden)
        else:
            model.add_outer(_data(v), _data(x), n, model.weights)
        model.add_to_biases(of_visible, of_hidden, rate if has_formed_growth else 1.0)
        if self.learns_variance and state.variance_floor is not None:
            self._step_variances(state, growth, m, k, data_h + n_hidden * model.n_bytes, rate,
                                 variance_share)
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
        cdef cnp.ndarray input = model.empty(n, model.n_hidden), changes = np.empty(n)
        model.input(_data(v), n, _data(growth), _data(input))
        return model.kernels.variance_of_change(
            _data(v), _data(h), _data(input), _data(shares), of_visible, of_hidden,
            _doubles(changes), n, model.n_visible, model.n_hidden,
        )

    cdef int _step_variances(self, state, cnp.ndarray growth, cnp.ndarray m, cnp.ndarray k,
                             char *moments, double rate, double variance_share) except -1:
        """Move the variances of real units as `VarianceGradient` does."""
        cdef Model model = self.model
        cdef size i
        cdef cnp.ndarray floor = np.ascontiguousarray(state.variance_floor, np.float64)
        cdef cnp.ndarray excess = np.empty(model.n_visible)
        cdef VarianceStep how = VarianceStep(
            min(self.variance_rate * rate, LARGEST_SHARE), CHANGES[0], CHANGES[1], variance_share,
            self.is_shared,
        )
        for i in range(model.n_segments):
            if model.segments[i].type == GAUSSIAN:
                model.kernels.step_variances(
                    model.segments + i, model.weights, _data(growth), model.hidden_bias,
                    _data(m), _data(k), moments,
                    moments + model.n_visible * model.n_bytes, _doubles(floor), _doubles(excess),
                    how, model.n_hidden,
                )
        return 0
