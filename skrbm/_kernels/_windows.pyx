# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Products with local weights in compiled code."""

from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
cimport numpy as cnp

import numpy as np

cdef extern from "windows.h":
    ctypedef Py_ssize_t size
    ctypedef struct Places:
        const size *columns
        size n_places, n_window, n_units, n_columns
    int INPUT, BACK, PRODUCT, VECTORS, GROUP
    void multiply_float(int, const Places *, float *, float *, float *, size, float *) nogil
    void multiply_double(int, const Places *, double *, double *, double *, size, double *) nogil

cnp.import_array()


def input_of_places(cnp.ndarray v, cnp.ndarray w, cnp.ndarray columns, size n_columns):
    """`v W` for rows v, with weights w of shape (n_places, n_window, n_units)."""
    h = np.empty((v.shape[0], w.shape[0] * w.shape[2]), w.dtype)
    multiply(INPUT, np.ascontiguousarray(v), w, h, columns, n_columns)
    return h


def input_of_columns(cnp.ndarray h, cnp.ndarray w, cnp.ndarray columns, size n_columns):
    """`h W'` for rows h."""
    v = np.empty((h.shape[0], n_columns), w.dtype)
    multiply(BACK, v, w, np.ascontiguousarray(h), columns, n_columns)
    return v


def add_products(cnp.ndarray w, cnp.ndarray v, cnp.ndarray h, cnp.ndarray columns, size n_columns):
    """`W += v' h`, in place."""
    multiply(PRODUCT, np.ascontiguousarray(v), w, np.ascontiguousarray(h), columns, n_columns)


cdef int multiply(int what, cnp.ndarray v, cnp.ndarray w, cnp.ndarray h, cnp.ndarray columns,
                  size n_columns) except -1:
    cdef Places places
    places.columns = <const size *>cnp.PyArray_DATA(columns)
    places.n_places, places.n_window, places.n_units = w.shape[0], w.shape[1], w.shape[2]
    places.n_columns = n_columns
    shape = (v.shape[0], n_columns, h.shape[0], h.shape[1])
    if shape != (h.shape[0], v.shape[1], v.shape[0], places.n_places * places.n_units):
        raise ValueError(f"Rows of the shapes {(<object>v).shape} and {(<object>h).shape}.")
    cdef size n_rows = v.shape[0], n = (v.shape[1] + 1 + places.n_units + GROUP) * VECTORS * 64
    cdef void *scratch = PyMem_RawMalloc(n)
    if scratch is NULL:
        raise MemoryError
    cdef void *of_v = cnp.PyArray_DATA(v)
    cdef void *of_w = cnp.PyArray_DATA(w)
    cdef void *of_h = cnp.PyArray_DATA(h)
    cdef bint is_float = cnp.PyArray_TYPE(w) == cnp.NPY_FLOAT
    with nogil:
        if is_float:
            multiply_float(what, &places, <float *>of_v, <float *>of_w, <float *>of_h, n_rows,
                           <float *>scratch)
        else:
            multiply_double(what, &places, <double *>of_v, <double *>of_w, <double *>of_h, n_rows,
                            <double *>scratch)
    PyMem_RawFree(scratch)
    return 0
