"""Declarations of the compiled model, and of what is in `kernels.h`."""

from libc.stdint cimport uint16_t, uint32_t, uint64_t
cimport numpy as cnp

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
        void (*add_product)(const void *, size, size, const void *, size, size, void *, size, size,
                            size, size, size) noexcept nogil
        void (*logistic)(void *, const void *, size, size) noexcept nogil
        void (*draw)(const void *, Draws, void *, size) noexcept nogil
        void (*draw_binary)(const Segment *, const void *, Draws, void *, size, size) noexcept nogil
        void (*draw_real)(const Segment *, const void *, const float *, void *, size, size) noexcept nogil
        void (*draw_categories)(const Segment *, const void *, const float *, void *, size, size) noexcept nogil
        void (*draw_levels)(const Segment *, const void *, const float *, void *, size, size) noexcept nogil
        void (*log_weights)(const Segment *, size, const void *, const void *, const void *,
                            double *, size, size, size) noexcept nogil
        void (*log_mixture)(void *, const void *, const double *, double *, size, size) noexcept nogil
        void (*log_odds)(const void *, double, void *, void *, void *, double *, size, size) noexcept nogil
        void (*label_phases)(const void *, const void *, const void *, const void *, const void *,
                             size, const void *, void *, double *, void *, void *, void *, void *,
                             size, size, size) noexcept nogil
        void (*phase_sums)(const void *, const void *, const void *, double, const void *,
                           const void *, const void *, void *, void *, void *, size, size, size,
                           size, int) noexcept nogil
        void (*add)(void *, double, const void *, size) noexcept nogil
        void (*shrink)(void *, double, double, const void *, const void *, const void *, void *,
                       void *, size, size) noexcept nogil
        void (*fill)(void *, double, const double *, size) noexcept nogil
        double (*variance_of_change)(const void *, const void *, const void *, const void *, const void *,
                         const void *, double *, size, size, size) noexcept nogil
        void (*normal)(const uint32_t *, float *, size) noexcept nogil
        void (*slide)(const void *, const void *, double, void *, size) noexcept nogil
        void (*step_variances)(const Segment *, void *, const void *, void *, const void *,
                              const void *, const void *, const void *, const double *, double *,
                              VarianceStep, size) noexcept nogil
    int BERNOULLI, GAUSSIAN, CATEGORICAL, ORDINAL


cdef inline char *data(cnp.ndarray x):
    return cnp.PyArray_BYTES(x)


cdef inline double *doubles(cnp.ndarray x):
    return <double *>cnp.PyArray_DATA(x)


cdef cnp.ndarray new_vector(size n, int dtype)


cdef class Model:
    cdef object arrays
    cdef char *weights
    cdef char *hidden_bias
    cdef cnp.ndarray precisions
    cdef const Kernels *kernels
    cdef int dtype
    cdef size n_bytes, n_segments, n_visible, n_hidden, n_raw
    cdef Segment *segments
    cdef uint64_t *raw

    cdef cnp.ndarray empty(self, size n_rows, size n_columns)
    cdef cnp.ndarray vector(self, size n)
    cdef cnp.ndarray checked(self, x, size n_columns)
    cdef cnp.ndarray at(self, const char *x, size n_rows, size n_columns)
    cdef void add_product(self, const char *a, size a_row, size a_term, const char *b, size b_term, size b_column, char *c, size c_row, size c_column, size n_rows, size n_terms, size n_columns) noexcept
    cdef int input(self, const char *v, size n, const char *weights, char *x) except -1
    cdef int inner_products(self, const char *x, size n, const char *y, size n_columns, char *result) except -1
    cdef int add_outer(self, const char *v, const char *h, size n, char *to) except -1
    cdef int hidden_mean(self, const char *v, size n, char *mean) except -1
    cdef int random_bits(self, bitgen_t *generator, size n) except -1
    cdef Draws draws(self, bitgen_t *generator, size n) except *
    cdef int draw_hidden(self, const char *mean, size n, bitgen_t *generator, char *h) except -1
    cdef int draw_visible(self, const char *x, size n, bitgen_t *generator, char *v) except -1
    cdef cnp.ndarray normal(self, size n, bitgen_t *generator)
    cdef cnp.ndarray uniform(self, size n, bitgen_t *generator)
    cdef cnp.ndarray jump(self, cnp.ndarray hidden, cnp.ndarray mean, cnp.ndarray weights, size first, size n_jumps, bitgen_t *generator, size *n_accepted)
    cdef int log_ratios(self, const char *h, const char *x, size n, cnp.ndarray log_odds, cnp.ndarray log_off, cnp.ndarray weights, double *ratios) except -1
    cdef cnp.ndarray precision(self)
    cdef int shrink(self, double share, double width, const char *m, const char *k) except -1
    cdef int add_to_biases(self, const char *of_visible, const char *of_hidden, double factor) except -1
    cdef cnp.ndarray slid(self, cnp.ndarray offset, const char *mean, double share)
