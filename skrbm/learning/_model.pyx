# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""An RBM for compiled code: its parameters, products, draws and jumps."""

from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from libc.math cimport exp
from libc.string cimport memcpy, memset
cimport numpy as cnp

import numpy as np

from skrbm.learning.gradients import REDRAWN_UNITS

cdef extern from "loops.h":
    const Kernels kernels_float, kernels_double
    int has_wide_vectors()
    void fill_raw(bitgen_t *, uint64_t *, size)
    float next_float(bitgen_t *)

cnp.import_array()

# Products of fewer multiplications are made by loops, others by the BLAS of numpy.
cdef size _SMALL_PRODUCT = 20_000_000 if has_wide_vectors() else 100_000
cdef size _LONG_PRODUCT = 1_000_000
cdef dict _TYPES = {
    "bernoulli": BERNOULLI, "gaussian": GAUSSIAN, "categorical": CATEGORICAL, "ordinal": ORDINAL,
}


cdef cnp.ndarray new_vector(size n, int dtype):
    """A vector of numbers that are not set."""
    cdef cnp.npy_intp[1] shape = [n]
    return cnp.PyArray_EMPTY(1, shape, dtype, 0)


cdef class Model:
    """The parameters of an RBM, which a step changes in place.

    Parameters
    ----------
    weights : ndarray of shape (n_visible, n_hidden)
    hidden_bias : ndarray of shape (n_hidden,)
    segments : list of tuples
        For the visible units of one type: its name, its parameters, and the widths of its units.
    """

    def __cinit__(self, cnp.ndarray weights, cnp.ndarray hidden_bias, list segments):
        self.arrays = weights, hidden_bias, segments
        self.weights, self.hidden_bias = data(weights), data(hidden_bias)
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
        return new_vector(n, self.dtype)

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

    cdef void add_product(self, const char *a, size a_row, size a_term, const char *b, size b_term,
                          size b_column, char *c, size c_row, size c_column, size n_rows,
                          size n_terms, size n_columns) noexcept:
        """`C += A B`, for matrices with any steps; other threads may run meanwhile if it is large."""
        cdef const Kernels *kernels = self.kernels
        if n_rows * n_terms * n_columns < _LONG_PRODUCT:
            kernels.add_product(a, a_row, a_term, b, b_term, b_column, c, c_row, c_column, n_rows,
                                n_terms, n_columns)
            return
        with nogil:
            kernels.add_product(a, a_row, a_term, b, b_term, b_column, c, c_row, c_column, n_rows,
                                n_terms, n_columns)

    cdef int input(self, const char *v, size n, const char *weights, char *x) except -1:
        """`x = v weights`, for n rows v of the visible layer."""
        if n * self.n_visible * self.n_hidden > _SMALL_PRODUCT:
            np.matmul(self.at(v, n, self.n_visible), self.at(weights, self.n_visible, self.n_hidden),
                      self.at(x, n, self.n_hidden))
            return 0
        memset(x, 0, n * self.n_hidden * self.n_bytes)
        self.add_product(v, self.n_visible, 1, weights, self.n_hidden, 1, x, self.n_hidden, 1, n,
                         self.n_visible, self.n_hidden)
        return 0

    cdef int inner_products(self, const char *x, size n, const char *y, size n_columns,
                            char *result) except -1:
        """`result = x y'`, for n rows x and n_columns rows y of the hidden layer."""
        if n * n_columns * self.n_hidden > _SMALL_PRODUCT:
            np.matmul(self.at(x, n, self.n_hidden), self.at(y, n_columns, self.n_hidden).T,
                      self.at(result, n, n_columns))
            return 0
        memset(result, 0, n * n_columns * self.n_bytes)
        if n < n_columns:  # the smaller factor is copied
            self.add_product(y, self.n_hidden, 1, x, 1, self.n_hidden, result, 1, n_columns,
                             n_columns, self.n_hidden, n)
        else:
            self.add_product(x, self.n_hidden, 1, y, 1, self.n_hidden, result, n_columns, 1, n,
                             self.n_hidden, n_columns)
        return 0

    cdef int add_outer(self, const char *v, const char *h, size n, char *to) except -1:
        """`to += v' h`, for n rows of both layers."""
        cdef cnp.ndarray product
        if n * self.n_visible * self.n_hidden > _SMALL_PRODUCT:
            product = np.matmul(self.at(v, n, self.n_visible).T, self.at(h, n, self.n_hidden))
            self.kernels.add(to, 1.0, data(product), self.n_visible * self.n_hidden)
            return 0
        self.add_product(v, 1, self.n_visible, h, self.n_hidden, 1, to, self.n_hidden, 1,
                         self.n_visible, n, self.n_hidden)
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
                self.kernels.draw_real(segment, x, <const float *>data(numbers), v, n, self.n_visible)
            else:
                numbers = self.uniform(n * segment.n_units, generator)
                draw = self.kernels.draw_categories if segment.type == CATEGORICAL else self.kernels.draw_levels
                draw(segment, x, <const float *>data(numbers), v, n, self.n_visible)
        return 0

    cdef cnp.ndarray normal(self, size n, bitgen_t *generator):
        """Normal draws, one more if n is odd."""
        cdef cnp.ndarray numbers = new_vector(n + n % 2, cnp.NPY_FLOAT)
        self.random_bits(generator, (n + 1) // 2)
        self.kernels.normal(<const uint32_t *>self.raw, <float *>data(numbers), (n + 1) // 2)
        return numbers

    cdef cnp.ndarray uniform(self, size n, bitgen_t *generator):
        cdef cnp.ndarray numbers = new_vector(n, cnp.NPY_FLOAT)
        cdef size i
        for i in range(n):
            (<float *>data(numbers))[i] = next_float(generator)
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
        cdef cnp.ndarray sums = new_vector(n, cnp.NPY_DOUBLE), ratios = new_vector(2 * n_jumps, cnp.NPY_DOUBLE)
        self.kernels.log_odds(data(mean), REDRAWN_UNITS / self.n_hidden, data(broadened),
                              data(log_odds), data(log_off), doubles(sums), n, self.n_hidden)
        cdef cnp.ndarray chosen = _choices(weights, sums, n_jumps, generator)
        cdef cnp.npy_intp *index = <cnp.npy_intp *>data(chosen)
        cdef char *proposed = data(states) + n_chains * row
        cdef Draws draws = self.draws(generator, n_jumps * self.n_hidden)
        memcpy(data(states), data(hidden), n_chains * row)
        for i in range(n_jumps):
            self.kernels.draw(data(broadened) + index[i] * row, draws, proposed + i * row, self.n_hidden)
            draws.bits += self.n_hidden
        self.inner_products(data(states), n_chains + n_jumps, self.weights, self.n_visible, data(x))
        cdef double *present = doubles(ratios)
        cdef double *of_proposed = present + n_jumps
        cdef char *jumping = data(x) + first * row_of_x
        cdef char *x_of_proposed = data(x) + n_chains * row_of_x
        self.log_ratios(data(states) + first * row, jumping, n_jumps, log_odds, log_off, weights, present)
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
        cdef cnp.ndarray density = self.empty(n, n_rows), of_mixture = new_vector(n, cnp.NPY_DOUBLE)
        self.inner_products(h, n, data(log_odds), n_rows, data(density))
        self.kernels.log_mixture(data(density), data(log_off), doubles(weights), doubles(of_mixture), n, n_rows)
        self.kernels.log_weights(self.segments, self.n_segments, x, h, self.hidden_bias, ratios, n, self.n_visible, self.n_hidden)
        for i in range(n):
            ratios[i] -= doubles(of_mixture)[i]
        return 0

    # Steps

    cdef cnp.ndarray precision(self):
        """Precision of each visible unit, 1 if its type has none."""
        cdef size i
        cdef Segment *segment
        for i in range(self.n_segments):
            segment = self.segments + i
            if segment.type == GAUSSIAN:
                memcpy(data(self.precisions) + segment.start * self.n_bytes, segment.precision,
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

    cdef int shrink(self, double share, double width, const char *m, const char *k) except -1:
        """Shrink small weights by a share, large ones by less; see `optimizer.Prior`."""
        cdef size i
        cdef char *precision = data(self.precision())
        cdef Segment *segment
        for i in range(self.n_segments):
            segment = self.segments + i
            self.kernels.shrink(
                self.weights + segment.start * self.n_hidden * self.n_bytes, share, width,
                precision + segment.start * self.n_bytes, m + segment.start * self.n_bytes, k, <void *>segment.bias, self.hidden_bias,
                segment.stop - segment.start, self.n_hidden,
            )
        return 0

    cdef cnp.ndarray slid(self, cnp.ndarray offset, const char *mean, double share):
        """The moving average of an offset, with this share of a mean."""
        cdef cnp.ndarray result = self.vector(offset.shape[0])
        self.kernels.slide(data(offset), mean, share, data(result), offset.shape[0])
        return result


cdef cnp.ndarray _choices(cnp.ndarray weights, cnp.ndarray sums, size n, bitgen_t *generator):
    """Draw n rows with these probabilities, in the order of their sums."""
    cdef cnp.ndarray order = sums.argsort(kind="stable")
    cdef cnp.npy_intp *index = <cnp.npy_intp *>data(order)
    cdef size n_rows = weights.shape[0], i, low, high, middle
    cdef cnp.ndarray cumulative = new_vector(n_rows, cnp.NPY_DOUBLE), rows = new_vector(n, cnp.NPY_INTP)
    cdef double total = 0, u
    for i in range(n_rows):
        total += doubles(weights)[index[i]]
        doubles(cumulative)[i] = total
    for i in range(n):
        u = total * generator.next_double(generator.state)
        low, high = 0, n_rows - 1
        while low < high:
            middle = (low + high) // 2
            if doubles(cumulative)[middle] <= u:
                low = middle + 1
            else:
                high = middle
        (<cnp.npy_intp *>data(rows))[i] = index[low]
    return rows
