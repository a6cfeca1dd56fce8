/* The types of compiled code: segments of a layer, draws, and a table of loops per type of reals. */
#ifndef SKRBM_KERNELS_H
#define SKRBM_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "numpy/random/bitgen.h"

typedef ptrdiff_t size;

/* Unit types of a visible layer. */
enum { BERNOULLI, GAUSSIAN, CATEGORICAL, ORDINAL };

/* Columns start to stop of the visible layer, units of one type. */
typedef struct {
    int type;
    size start, stop;
    const void *bias, *precision; /* the precision of Gaussian units */
    const size *widths;           /* the number of columns of each unit */
    size n_units;
} Segment;

/* Uniform draws from [0, 65536), as numpy formulas make them: 16 bits each, and 8 common bits. */
typedef struct {
    const uint16_t *bits;
    float shift;
} Draws;

/* How variances change: the step size, the limits of the factor of a variance, the share of the
 * unexplained variance that counts, and whether all units have one variance. */
typedef struct {
    double rate, smallest, largest, share;
    int is_shared;
} VarianceStep;

/* The loops for one type of real numbers. */
typedef struct {
    size n_bytes;
    void (*add_product)(const void *, size, size, const void *, size, size, void *, size, size, size,
                        size, size);
    void (*logistic)(void *, const void *, size, size);
    void (*draw)(const void *, Draws, void *, size);
    void (*draw_binary)(const Segment *, const void *, Draws, void *, size, size);
    void (*draw_real)(const Segment *, const void *, const float *, void *, size, size);
    void (*draw_categories)(const Segment *, const void *, const float *, void *, size, size);
    void (*draw_levels)(const Segment *, const void *, const float *, void *, size, size);
    void (*log_weights)(const Segment *, size, const void *, const void *, const void *, double *,
                        size, size, size);
    void (*log_mixture)(void *, const void *, const double *, double *, size, size);
    void (*log_odds)(const void *, double, void *, void *, void *, double *, size, size);
    void (*label_phases)(const void *, const void *, const void *, const void *, const void *, size,
                         const void *, void *, double *, void *, void *, void *, void *, size, size,
                         size);
    void (*phase_sums)(const void *, const void *, const void *, double, const void *, const void *,
                       const void *, void *, void *, void *, size, size, size, size, int);
    void (*add)(void *, double, const void *, size);
    void (*shrink)(void *, double, double, const void *, const void *, const void *, void *, void *,
                   size, size);
    void (*fill)(void *, double, const double *, size);
    double (*variance_of_change)(const void *, const void *, const void *, const void *, const void *,
                     const void *, double *, size, size, size);
    void (*normal)(const uint32_t *, float *, size);
    void (*slide)(const void *, const void *, double, void *, size);
    void (*step_variances)(const Segment *, void *, const void *, void *, const void *, const void *,
                          const void *, const void *, const double *, double *, VarianceStep, size);
} Kernels;

#endif
