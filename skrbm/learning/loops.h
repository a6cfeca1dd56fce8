/* Loops of a compiled update, for float and for double, and draws.
 *
 * Loops are written so that compilers vectorise them. With GCC on x86-64, each exists for several
 * instruction sets, and the processor's is chosen when the module is loaded.
 */
#ifndef SKRBM_LOOPS_H
#define SKRBM_LOOPS_H

#include <math.h>
#include <string.h>

#include "kernels.h"
#include "vectors.h"

#define ROWS 6 /* of a tile of a product */
/* From LANES partial results to one, in the first of them. */
#define FOLD(combine)                                   \
    for (int half = LANES / 2; half > 0; half /= 2)     \
        for (int lane = 0; lane < half; lane++) combine
#define BLOCK 512 /* numbers that are kept on the stack */

INLINE void fill_raw(bitgen_t *generator, uint64_t *raw, size n) {
    for (size i = 0; i < n; i++) raw[i] = generator->next_raw(generator->state);
}

INLINE float next_float(bitgen_t *generator) {
    return (float)(generator->next_uint32(generator->state) >> 8) * 0x1p-24f;
}

static const double INVERSE_FACTORIALS[] = {
    1.0,           1.0,            1.0 / 2,        1.0 / 6,         1.0 / 24,
    1.0 / 120,     1.0 / 720,      1.0 / 5040,     1.0 / 40320,     1.0 / 362880,
    1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800,
};

#define REAL float
#define BITS uint32_t
#define NAME(name) name##_float
#define MANTISSA 23
#define BIAS 127
#define LOG2_E 1.44269504f
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194440e-4f
#define LARGEST_EXPONENT 88.7228f
#define ROOT sqrtf
#define ABSOLUTE fabsf
#define N_EXP_TERMS 7
#define N_LOG_TERMS 5
#include "loops_of_real.h"

#define REAL double
#define BITS uint64_t
#define NAME(name) name##_double
#define MANTISSA 52
#define BIAS 1023
#define LOG2_E 1.4426950408889634
#define LN2_HIGH 0.693147180369123816490
#define LN2_LOW 1.90821492927058770002e-10
#define LARGEST_EXPONENT 709.78
#define ROOT sqrt
#define ABSOLUTE fabs
#define N_EXP_TERMS 13
#define N_LOG_TERMS 10
#include "loops_of_real.h"

/* Standard normal draws by the transform of Box and Muller, from pairs of 32 random bits. */
KERNEL void normal(const uint32_t *bits, float *draws, size n_pairs) {
    const float turn = 6.28318531f;
#pragma omp simd
    for (size i = 0; i < n_pairs; i++) {
        float u = ((float)bits[i] + 0.5f) * 0x1p-32f;
        float radius = sqrtf(-2.0f * logarithm_float(u));
        float angle = (float)bits[n_pairs + i] * 0x1p-32f;
        int quadrant = (int)(4.0f * angle + 0.5f);
        float x = (angle - 0.25f * (float)quadrant) * turn, xx = x * x;
        float cosine = 1.0f + xx * (-1.0f / 2 + xx * (1.0f / 24 + xx * (-1.0f / 720 +
                       xx * (1.0f / 40320 - xx * (1.0f / 3628800)))));
        float sine = x * (1.0f + xx * (-1.0f / 6 + xx * (1.0f / 120 + xx * (-1.0f / 5040 +
                     xx * (1.0f / 362880)))));
        float first = quadrant & 1 ? sine : cosine, second = quadrant & 1 ? cosine : sine;
        first = (quadrant + 1) & 2 ? -first : first;
        second = quadrant & 2 ? -second : second;
        draws[i] = radius * first;
        draws[n_pairs + i] = radius * second;
    }
}

#define TABLE_OF(real)                                                                          \
    {                                                                                           \
        sizeof(real), add_product_##real, logistic_##real, draw_##real, draw_binary_##real,     \
            draw_real_##real, draw_categories_##real, draw_levels_##real, log_weights_##real,       \
            log_mixture_##real,                                                                 \
            log_odds_##real, label_phases_##real, phase_sums_##real, add_##real, shrink_##real,  \
            fill_##real,                                                                        \
            variance_of_change_##real, normal, slide_##real, step_variances_##real              \
    }
static const Kernels kernels_float = TABLE_OF(float), kernels_double = TABLE_OF(double);

#endif
