/* The loops for one type of real numbers; included by loops.h, once per type.
 *
 * Matrices are contiguous, row by row. Arguments are `void *`, so that both types share a table.
 */

#define WIDE (128 / (size)sizeof(REAL)) /* columns of a tile of a product */
#define LANES (64 / (size)sizeof(REAL)) /* partial sums: compilers keep the order of a single one */

/* exp(x) for x from -87 to 88 (float) or -708 to 709 (double): powers of two, and a Taylor series
 * for the rest, from -log(2) / 2 to log(2) / 2. */
INLINE REAL NAME(exponential)(REAL x) {
    const REAL rounding = (REAL)1.5 * ((BITS)1 << MANTISSA); /* adding it rounds to an integer */
    REAL shifted = x * (REAL)LOG2_E + rounding, power = shifted - rounding, scale;
    REAL rest = x - power * (REAL)LN2_HIGH - power * (REAL)LN2_LOW, sum = 0;
    for (int k = N_EXP_TERMS; k >= 0; k--) sum = (REAL)INVERSE_FACTORIALS[k] + sum * rest;
    BITS bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + BIAS) << MANTISSA;
    memcpy(&scale, &bits, sizeof bits);
    return sum * scale;
}

/* log(x) for positive normal numbers: their power of two, and the series of
 * log(m) = 2 artanh((m - 1) / (m + 1)) for m from sqrt(1/2) to sqrt(2). */
INLINE REAL NAME(logarithm)(REAL x) {
    const REAL integer = (REAL)((BITS)1 << MANTISSA), half = (REAL)0.70710678118654752;
    BITS bits, offset, power;
    REAL exponent, m, square, sum = 0;
    memcpy(&bits, &x, sizeof bits);
    memcpy(&offset, &half, sizeof bits);
    power = (bits - offset + ((BITS)BIAS << MANTISSA)) >> MANTISSA;
    bits -= (power - BIAS) << MANTISSA;
    memcpy(&m, &bits, sizeof bits);
    memcpy(&bits, &integer, sizeof bits);
    bits += power;
    memcpy(&exponent, &bits, sizeof bits);
    exponent -= integer + BIAS;
    m = (m - 1) / (m + 1);
    square = m * m;
    for (int k = N_LOG_TERMS - 1; k >= 0; k--) sum = (REAL)1 / (2 * k + 1) + sum * square;
    return exponent * (REAL)LN2_HIGH + (2 * m * sum + exponent * (REAL)LN2_LOW);
}

/* x between two limits; NaN stays NaN. */
INLINE REAL NAME(clip)(REAL x) {
    const REAL limit = (REAL)(LARGEST_EXPONENT - 1.5);
    x = x > limit ? limit : x;
    return x < -limit ? -limit : x;
}

/* exp(z) in place, for up to BLOCK numbers with room for LANES more: a few numbers take as long as a
 * full vector. */
INLINE void NAME(exponentials)(REAL *z, size n) {
    size padded = (n + LANES - 1) / LANES * LANES;
    for (size i = n; i < padded; i++) z[i] = 0;
    for (size start = 0; start < padded; start += LANES)
#pragma omp simd
        for (int lane = 0; lane < LANES; lane++)
            z[start + lane] = NAME(exponential)(NAME(clip)(z[start + lane]));
}

INLINE double NAME(sum)(const REAL *x, size n) {
    double sums[LANES] = {0}, sum = 0;
    size i = 0;
    for (; i + LANES <= n; i += LANES)
#pragma omp simd
        for (int lane = 0; lane < LANES; lane++) sums[lane] += (double)x[i + lane];
    FOLD(sums[lane] += sums[lane + half]);
    sum = sums[0];
    for (; i < n; i++) sum += (double)x[i];
    return sum;
}

INLINE double NAME(weighted_sum)(const double *weights, const REAL *x, size n) {
    double sums[LANES] = {0}, sum = 0;
    size i = 0;
    for (; i + LANES <= n; i += LANES)
#pragma omp simd
        for (int lane = 0; lane < LANES; lane++) sums[lane] += weights[i + lane] * (double)x[i + lane];
    FOLD(sums[lane] += sums[lane + half]);
    sum = sums[0];
    for (; i < n; i++) sum += weights[i] * (double)x[i];
    return sum;
}

INLINE REAL NAME(largest)(const REAL *x, size n) {
    REAL lanes[LANES], largest = x[0];
    size i = 0;
    for (int lane = 0; lane < LANES; lane++) lanes[lane] = x[0];
    for (; i + LANES <= n; i += LANES)
#pragma omp simd
        for (int lane = 0; lane < LANES; lane++)
            lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
    FOLD(lanes[lane] = lanes[lane] > lanes[lane + half] ? lanes[lane] : lanes[lane + half]);
    largest = lanes[0];
    for (; i < n; i++) largest = x[i] > largest ? x[i] : largest;
    return largest;
}

/* The product of 1 + x_i. */
INLINE double NAME(product)(const REAL *x, size n) {
    double products[LANES], product = 1;
    size i = 0;
    for (int lane = 0; lane < LANES; lane++) products[lane] = 1;
    for (; i + LANES <= n; i += LANES)
#pragma omp simd
        for (int lane = 0; lane < LANES; lane++) products[lane] *= 1 + (double)x[i + lane];
    FOLD(products[lane] *= products[lane + half]);
    product = products[0];
    for (; i < n; i++) product *= 1 + (double)x[i];
    return product;
}

/* sum_i log(1 + exp(z_i)) for z = x + y, and the means 1 / (1 + exp(-z_i)) if there is room for
 * them: one logarithm for a product of 512 numbers 1 + exp(-|z_i|). */
INLINE double NAME(sum_softplus)(const REAL *x, const REAL *y, REAL *mean, size n) {
    REAL small[BLOCK + LANES], positive[BLOCK];
    double total = 0;
    for (size start = 0; start < n; start += BLOCK) {
        size width = start + BLOCK < n ? BLOCK : n - start;
#pragma omp simd
        for (size i = 0; i < width; i++) {
            REAL z = x[start + i] + y[start + i], distance = ABSOLUTE(z);
            small[i] = -distance;
            positive[i] = (z + distance) / 2;
        }
        NAME(exponentials)(small, width);
        if (mean)
#pragma omp simd
            for (size i = 0; i < width; i++)
                mean[start + i] = (positive[i] > 0 ? (REAL)1 : small[i]) / (1 + small[i]);
        total += NAME(sum)(positive, width) + log(NAME(product)(small, width));
    }
    return total;
}

INLINE REAL NAME(dot)(const REAL *x, const REAL *y, size n) {
    REAL sums[LANES] = {0}, sum = 0;
    size i = 0;
    for (; i + LANES <= n; i += LANES)
#pragma omp simd
        for (int lane = 0; lane < LANES; lane++) sums[lane] += x[i + lane] * y[i + lane];
    FOLD(sums[lane] += sums[lane + half]);
    sum = sums[0];
    for (; i < n; i++) sum += x[i] * y[i];
    return sum;
}

/* A tile of `add_product`: at most ROWS x width sums, which a constant width keeps in registers. */
INLINE void NAME(add_tile)(const REAL *a, size row_step, size term_step, const REAL *b, size b_step,
                           REAL *c, size c_row_step, size c_column_step, size n_rows, size n_terms,
                           size n_columns, size width) {
    REAL sums[ROWS][WIDE];
    UNROLL for (size row = 0; row < ROWS; row++)
        for (size i = 0; i < WIDE; i++) sums[row][i] = 0;
    for (size term = 0; term < n_terms; term++, a += term_step, b += b_step)
        UNROLL for (size row = 0; row < n_rows; row++) {
            REAL factor = a[row * row_step];
#pragma omp simd
            for (size i = 0; i < width; i++) sums[row][i] += factor * b[i];
        }
    UNROLL for (size row = 0; row < n_rows; row++, c += c_row_step)
        if (n_columns == width && c_column_step == 1)
#pragma omp simd
            for (size i = 0; i < width; i++) c[i] += sums[row][i];
        else
            for (size i = 0; i < n_columns; i++) c[i * c_column_step] += sums[row][i];
}

INLINE void NAME(add_tiles)(const REAL *a, size row_step, size term_step, const REAL *b, size b_step,
                            REAL *c, size c_row_step, size c_column_step, size n_rows, size n_terms,
                            size n_columns, size width) {
    size row = 0;
    for (; row + ROWS <= n_rows; row += ROWS, a += ROWS * row_step, c += ROWS * c_row_step)
        NAME(add_tile)(a, row_step, term_step, b, b_step, c, c_row_step, c_column_step, ROWS, n_terms,
                       n_columns, width);
    for (; row + 2 <= n_rows; row += 2, a += 2 * row_step, c += 2 * c_row_step)
        NAME(add_tile)(a, row_step, term_step, b, b_step, c, c_row_step, c_column_step, 2, n_terms,
                       n_columns, width);
    if (row < n_rows)
        NAME(add_tile)(a, row_step, term_step, b, b_step, c, c_row_step, c_column_step, 1, n_terms,
                       n_columns, width);
}

/* n_terms rows of a block of B, filled up with zeros; contiguous numbers need no loop over terms. */
INLINE void NAME(copy_block)(const REAL *b, size term_step, size column_step, REAL *copy, size step,
                             size n_terms, size n_columns) {
    if (column_step == 1)
        for (size term = 0; term < n_terms; term++) {
            memcpy(copy + term * step, b + term * term_step, n_columns * sizeof(REAL));
            memset(copy + term * step + n_columns, 0, (step - n_columns) * sizeof(REAL));
        }
    else {
        memset(copy, 0, n_terms * step * sizeof(REAL));
        for (size i = 0; i < n_columns; i++)
            for (size term = 0; term < n_terms; term++)
                copy[term * step + i] = b[term * term_step + i * column_step];
    }
}

/* C += A B for matrices with any steps between rows and columns. Columns are taken in blocks of
 * WIDE; a narrower block of B, one whose columns are not contiguous, or one that many rows use, is
 * copied first. */
KERNEL void NAME(add_product)(const void *a_, size row_step, size term_step, const void *b_,
                              size b_term_step, size b_column_step, void *c_, size c_row_step,
                              size c_column_step, size n_rows, size n_terms, size n_columns) {
    enum { TERMS = 256, MANY_ROWS = 32 };
    REAL copy[TERMS * WIDE];
    for (size first = 0; first < n_columns; first += WIDE) {
        size width = first + WIDE < n_columns ? WIDE : n_columns - first;
        for (size start = 0; start < n_terms; start += TERMS) {
            size n = start + TERMS < n_terms ? TERMS : n_terms - start, step = b_term_step;
            const REAL *a = (const REAL *)a_ + start * term_step;
            const REAL *b = (const REAL *)b_ + start * b_term_step + first * b_column_step;
            REAL *c = (REAL *)c_ + first * c_column_step;
            if (width < WIDE || b_column_step != 1 || n_rows > MANY_ROWS) {
                step = width <= WIDE / 4 ? WIDE / 4 : width <= WIDE / 2 ? WIDE / 2 : WIDE;
                NAME(copy_block)(b, b_term_step, b_column_step, copy, step, n, width);
                b = copy;
            }
            if (width <= WIDE / 4)
                NAME(add_tiles)(a, row_step, term_step, b, step, c, c_row_step, c_column_step, n_rows, n,
                                width, WIDE / 4);
            else if (width <= WIDE / 2)
                NAME(add_tiles)(a, row_step, term_step, b, step, c, c_row_step, c_column_step, n_rows, n,
                                width, WIDE / 2);
            else
                NAME(add_tiles)(a, row_step, term_step, b, step, c, c_row_step, c_column_step, n_rows, n,
                                width, WIDE);
        }
    }
}

/* Input x to means: 1 / (1 + exp(-(bias + x))), in place. */
KERNEL void NAME(logistic)(void *x_, const void *bias_, size n_rows, size n_columns) {
    REAL odds[BLOCK + LANES];
    for (size row = 0; row < n_rows; row++)
        for (size start = 0; start < n_columns; start += BLOCK) {
            size width = start + BLOCK < n_columns ? BLOCK : n_columns - start;
            REAL *x = (REAL *)x_ + row * n_columns + start;
            const REAL *bias = (const REAL *)bias_ + start;
#pragma omp simd
            for (size i = 0; i < width; i++) odds[i] = -bias[i] - x[i];
            NAME(exponentials)(odds, width);
#pragma omp simd
            for (size i = 0; i < width; i++) x[i] = 1 / (1 + odds[i]);
        }
}

/* Zeros and ones with these means. */
KERNEL void NAME(draw)(const void *mean_, Draws draws, void *states_, size n) {
    const REAL *mean = mean_;
    REAL *states = states_;
#pragma omp simd
    for (size i = 0; i < n; i++)
        states[i] = (REAL)draws.bits[i] + (REAL)draws.shift < mean[i] * 65536 ? (REAL)1 : (REAL)0;
}

/* From z = -bias - x to states; equal to the draws of the formulas, for which exp(z) overflows. */
INLINE void NAME(binary_states)(REAL *z, const uint16_t *bits, float shift, size n) {
    REAL odds[BLOCK + LANES];
    memcpy(odds, z, n * sizeof(REAL));
    NAME(exponentials)(odds, n);
#pragma omp simd
    for (size i = 0; i < n; i++) {
        int is_on = (1 + odds[i]) * ((REAL)bits[i] + (REAL)shift) < 65536;
        z[i] = is_on & (z[i] < (REAL)LARGEST_EXPONENT) ? (REAL)1 : (REAL)0;
    }
}

/* States of binary units, given their input x in rows of n_columns: several short rows at once. */
KERNEL void NAME(draw_binary)(const Segment *segment, const void *x_, Draws draws, void *states_,
                              size n_rows, size n_columns) {
    size n = segment->stop - segment->start, width = n < BLOCK ? n : BLOCK;
    size n_at_once = width ? BLOCK / width : 1;
    REAL z[BLOCK];
    for (size first = 0; first < n_rows; first += n_at_once)
        for (size start = 0; start < n; start += BLOCK) {
            size n_now = first + n_at_once < n_rows ? n_at_once : n_rows - first;
            size n_own = start + BLOCK < n ? width : n - start;
            size place = first * n_columns + segment->start + start;
            const REAL *x = (const REAL *)x_ + place, *bias = (const REAL *)segment->bias + start;
            for (size row = 0; row < n_now; row++)
                for (size i = 0; i < n_own; i++) z[row * n_own + i] = -bias[i] - x[row * n_columns + i];
            NAME(binary_states)(z, draws.bits + first * n + start, draws.shift, n_now * n_own);
            for (size row = 0; row < n_now; row++)
                memcpy((REAL *)states_ + place + row * n_columns, z + row * n_own, n_own * sizeof(REAL));
        }
}

/* States of real units, given their input x in rows of n_columns and standard normal noise. */
KERNEL void NAME(draw_real)(const Segment *segment, const void *x_, const float *noise,
                            void *states_, size n_rows, size n_columns) {
    size n = segment->stop - segment->start;
    const REAL *bias = segment->bias, *precision = segment->precision;
    const REAL *x = (const REAL *)x_ + segment->start;
    REAL *states = (REAL *)states_ + segment->start;
    for (size row = 0; row < n_rows; row++, x += n_columns, states += n_columns, noise += n)
#pragma omp simd
        for (size i = 0; i < n; i++)
            states[i] = (REAL)noise[i] / ROOT(precision[i]) + (bias[i] + x[i]) / precision[i];
}

/* States of categorical units, by inversion at the numbers u, one per unit and row. */
KERNEL void NAME(draw_categories)(const Segment *segment, const void *x_, const float *u,
                                  void *states_, size n_rows, size n_columns) {
    const REAL *bias = segment->bias, *x = (const REAL *)x_ + segment->start;
    REAL *states = (REAL *)states_ + segment->start;
    for (size row = 0; row < n_rows; row++, x += n_columns, states += n_columns) {
        size first = 0;
        for (size unit = 0; unit < segment->n_units; unit++, u++) {
            size width = segment->widths[unit], chosen = 0;
            REAL largest = x[first] + bias[first], total = 0;
            for (size i = first + 1; i < first + width; i++)
                largest = x[i] + bias[i] > largest ? x[i] + bias[i] : largest;
#pragma omp simd
            for (size i = first; i < first + width; i++)
                states[i] = NAME(exponential)(NAME(clip)(x[i] + bias[i] - largest));
            for (size i = first; i < first + width; i++) states[i] = total += states[i];
            for (size i = first; i < first + width - 1; i++) chosen += states[i] <= *u * total;
            for (size i = 0; i < width; i++) states[first + i] = i == chosen;
            first += width;
        }
    }
}

/* States of ordinal units, by inversion at the numbers u, one per unit and row. */
KERNEL void NAME(draw_levels)(const Segment *segment, const void *x_, const float *u, void *states_,
                              size n_rows, size n_columns) {
    const REAL *bias = segment->bias, *x = (const REAL *)x_ + segment->start;
    REAL *states = (REAL *)states_ + segment->start;
    for (size row = 0; row < n_rows; row++, x += n_columns, states += n_columns) {
        size first = 0;
        for (size unit = 0; unit < segment->n_units; unit++, u++) {
            size width = segment->widths[unit], end = first + width, level = 0;
            REAL height = (REAL)sqrt(2.0 / (double)(width + 1)), largest = 0, logit = 0, above = 0;
            for (size i = first; i < end; i++) {
                states[i] = logit += height * (x[i] + bias[i]);
                largest = logit > largest ? logit : largest;
            }
#pragma omp simd
            for (size i = first; i < end; i++)
                states[i] = NAME(exponential)(NAME(clip)(states[i] - largest));
            for (size i = end; i > first; i--) states[i - 1] = above += states[i - 1];
            REAL limit = *u * (above + NAME(exponential)(NAME(clip)(-largest)));
            for (size i = first; i < end; i++) level += limit < states[i];
            for (size i = 0; i < width; i++) states[first + i] = i < level ? height : 0;
            first = end;
        }
    }
}

INLINE double NAME(ordinal_normalizer)(const REAL *x, const REAL *bias, size width) {
    REAL height = (REAL)sqrt(2.0 / (double)(width + 1)), largest = 0, logit = 0;
    for (size i = 0; i < width; i++) {
        logit += height * (x[i] + bias[i]);
        largest = logit > largest ? logit : largest;
    }
    double sum = NAME(exponential)(NAME(clip)(-largest));
    logit = 0;
    for (size i = 0; i < width; i++) {
        logit += height * (x[i] + bias[i]);
        sum += NAME(exponential)(NAME(clip)(logit - largest));
    }
    return log(sum) + largest;
}

INLINE double NAME(log_normalizer)(const Segment *segment, const REAL *x) {
    const REAL *bias = segment->bias, *precision = segment->precision;
    size n = segment->stop - segment->start, first = 0;
    double total = 0;
    if (segment->type == BERNOULLI) return NAME(sum_softplus)(x, bias, NULL, n);
    if (segment->type == GAUSSIAN) { /* up to a constant, which ratios do not have */
        for (size i = 0; i < n; i++) total += x[i] * (double)((bias[i] + x[i] / 2) / precision[i]);
        return total;
    }
    if (segment->type == ORDINAL) {
        for (size unit = 0; unit < segment->n_units; first += segment->widths[unit++])
            total += NAME(ordinal_normalizer)(x + first, bias + first, segment->widths[unit]);
        return total;
    }
    for (size unit = 0; unit < segment->n_units; first += segment->widths[unit++]) {
        REAL largest = x[first] + bias[first];
        double sum = 0;
        for (size i = first; i < first + segment->widths[unit]; i++)
            largest = x[i] + bias[i] > largest ? x[i] + bias[i] : largest;
        for (size i = first; i < first + segment->widths[unit]; i++)
            sum += NAME(exponential)(NAME(clip)(x[i] + bias[i] - largest));
        total += log(sum) + largest;
    }
    return total;
}

/* log p(h) up to a constant, for hidden states h and the input x that they give visible units. */
KERNEL void NAME(log_weights)(const Segment *segments, size n_segments, const void *x_,
                              const void *h_, const void *bias, double *log_weights, size n_rows,
                              size n_columns, size n_hidden) {
    const REAL *x = x_, *h = h_, *c = bias;
    for (size row = 0; row < n_rows; row++, x += n_columns, h += n_hidden) {
        double total = NAME(dot)(h, c, n_hidden);
        for (size i = 0; i < n_segments; i++)
            total += NAME(log_normalizer)(segments + i, x + segments[i].start);
        log_weights[row] = total;
    }
}

/* log sum_j weights_j exp(x_ij + offset_j) for every row i of x, which it changes. */
KERNEL void NAME(log_mixture)(void *x_, const void *offset_, const double *weights, double *result,
                              size n_rows, size n_columns) {
    REAL *x = x_, share[BLOCK + LANES];
    const REAL *offset = offset_;
    for (size row = 0; row < n_rows; row++, x += n_columns) {
        double sum = 0;
#pragma omp simd
        for (size i = 0; i < n_columns; i++) x[i] += offset[i];
        REAL largest = NAME(largest)(x, n_columns);
        for (size start = 0; start < n_columns; start += BLOCK) {
            size width = start + BLOCK < n_columns ? BLOCK : n_columns - start;
#pragma omp simd
            for (size i = 0; i < width; i++) share[i] = x[start + i] - largest;
            NAME(exponentials)(share, width);
            sum += NAME(weighted_sum)(weights + start, share, width);
        }
        result[row] = log(sum) + largest;
    }
}

/* The means (1 - share) mean + share / 2, their log-odds, sum_j log(1 - mean_j) and sum_j mean_j;
 * products of 32 numbers need one logarithm. */
KERNEL void NAME(log_odds)(const void *mean_, double share, void *broadened_, void *log_odds_,
                           void *log_off_, double *sums, size n_rows, size n_columns) {
    const REAL *mean = mean_, keep = (REAL)(1 - share), add = (REAL)(share / 2);
    REAL *broadened = broadened_, *log_odds = log_odds_, *log_off = log_off_;
    for (size row = 0; row < n_rows; row++) {
        double total = 0;
#pragma omp simd
        for (size i = 0; i < n_columns; i++) {
            REAL on = keep * mean[i] + add, off = 1 - on;
            broadened[i] = on;
            log_odds[i] = NAME(logarithm)(on / off);
        }
        for (size start = 0; start < n_columns; start += 32) {
            size width = start + 32 < n_columns ? 32 : n_columns - start;
            REAL minus_on[32];
            for (size i = 0; i < width; i++) minus_on[i] = -broadened[start + i];
            total += log(NAME(product)(minus_on, width));
        }
        log_off[row] = (REAL)total;
        sums[row] = NAME(sum)(broadened, n_columns);
        mean += n_columns, broadened += n_columns, log_odds += n_columns;
    }
}

/* The phases of log p(y | x), for the hidden input x of the data and their one-hot labels.
 *
 * Means of hidden units given x and y, and given x; p(y | x); and for every label the covariance of
 * its unit and the hidden units given x, weighted by `shares` of the rows. `scratch` has room for
 * n_labels x n_hidden numbers, `probability` for n_labels. */
KERNEL void NAME(label_phases)(const void *x_, const void *bias, const void *weights,
                               const void *label_bias, const void *labels_, size label_step,
                               const void *shares_, void *scratch, double *probability,
                               void *posterior_, void *given_, void *free_, void *covariance_,
                               size n_rows, size n_labels, size n_hidden) {
    const REAL *x = x_, *labels = labels_, *shares = shares_;
    REAL *posterior = posterior_, *given = given_, *expected = free_, *mean = scratch;
    memset(covariance_, 0, n_labels * n_hidden * sizeof(REAL));
    for (size row = 0; row < n_rows; row++) {
        for (size i = 0; i < n_hidden; i++) given[i] = x[i] + ((const REAL *)bias)[i];
        for (size y = 0; y < n_labels; y++)
            probability[y] = ((const REAL *)label_bias)[y] +
                             NAME(sum_softplus)(given, (const REAL *)weights + y * n_hidden,
                                                mean + y * n_hidden, n_hidden);
        double largest = probability[0], total = 0;
        for (size y = 1; y < n_labels; y++)
            largest = probability[y] > largest ? probability[y] : largest;
        for (size y = 0; y < n_labels; y++)
            total += probability[y] = exp(probability[y] - largest);
        memset(given, 0, n_hidden * sizeof(REAL));
        memset(expected, 0, n_hidden * sizeof(REAL));
        for (size y = 0; y < n_labels; y++) {
            const REAL *of_label = mean + y * n_hidden, label = labels[y];
            REAL p = (REAL)(probability[y] / total);
            posterior[y] = p;
#pragma omp simd
            for (size i = 0; i < n_hidden; i++) {
                given[i] += label * of_label[i];
                expected[i] += p * of_label[i];
            }
        }
        for (size y = 0; y < n_labels; y++) {
            const REAL *of_label = mean + y * n_hidden, mass = shares[row] * posterior[y];
            REAL *covariance = (REAL *)covariance_ + y * n_hidden;
#pragma omp simd
            for (size i = 0; i < n_hidden; i++) covariance[i] += mass * (of_label[i] - expected[i]);
        }
        x += n_hidden, given += n_hidden, expected += n_hidden;
        posterior += n_labels, labels += label_step;
    }
}

/* The hidden units of one row of `phase_sums`: computes the factors x, adds to both sums, and returns
 * x k. */
INLINE REAL NAME(add_row)(const REAL *restrict h, const REAL *restrict k, REAL weight,
                          REAL of_hidden, REAL of_data, REAL *restrict x, REAL *restrict hidden,
                          REAL *restrict data_h, size n) {
#pragma omp simd
    for (size i = 0; i < n; i++) {
        REAL factor = weight * (h[i] - k[i]);
        x[i] = factor;
        hidden[i] += of_hidden * factor;
        data_h[i] += of_data * h[i];
    }
    return NAME(dot)(x, k, n);
}

/* Sums over the rows of both phases.
 *
 * Row r has the factors x_r = rate shares_r (h_r - k) and scaled_r = scale (v_r - m) of the growth
 * of the weights, and adds to the growth of the biases. Rows of the data add to the means of the
 * data; all rows add to the moments of v - m, if variances are learned. */
KERNEL void NAME(phase_sums)(const void *v_, const void *h_, const void *shares_, double rate,
                             const void *m_, const void *k_, const void *scale_, void *scaled_,
                             void *x_, void *sums_, size n_rows, size n_data, size n_visible,
                             size n_hidden, int with_moments) {
    const REAL *v = v_, *h = h_, *shares = shares_, *m = m_, *k = k_, *scale = scale_;
    REAL *scaled = scaled_, *x = x_, *visible = sums_, *hidden = visible + n_visible,
         *data_v = hidden + n_hidden, *data_h = data_v + n_visible, *first = data_h + n_hidden,
         *second = first + n_visible;
    memset(sums_, 0, ((with_moments ? 4 : 2) * n_visible + 2 * n_hidden) * sizeof(REAL));
    for (size row = 0; row < n_rows; row++) {
        REAL share = shares[row], of_data = row < n_data ? share : 0, weight = (REAL)rate * share;
#pragma omp simd
        for (size i = 0; i < n_visible; i++) scaled[i] = scale[i] * (v[i] - m[i]);
        REAL of_hidden = 1 - NAME(dot)(scaled, m, n_visible);
        REAL of_visible = weight - NAME(add_row)(h, k, weight, of_hidden, of_data, x, hidden, data_h, n_hidden);
#pragma omp simd
        for (size i = 0; i < n_visible; i++) {
            visible[i] += of_visible * scaled[i];
            data_v[i] += of_data * v[i];
        }
        if (with_moments)
#pragma omp simd
            for (size i = 0; i < n_visible; i++) {
                REAL deviation = v[i] - m[i];
                first[i] += share * deviation;
                second[i] += share * deviation * deviation;
            }
        v += n_visible, scaled += n_visible, h += n_hidden, x += n_hidden;
    }
}

/* y = factor x, or the factor if there is no x */
KERNEL void NAME(fill)(void *y_, double factor, const double *x, size n) {
    REAL *y = y_;
    for (size i = 0; i < n; i++) y[i] = (REAL)(x ? factor * x[i] : factor);
}

/* y += factor x */
KERNEL void NAME(add)(void *y_, double factor, const void *x_, size n) {
    REAL *y = y_;
    const REAL *x = x_;
#pragma omp simd
    for (size i = 0; i < n; i++) y[i] += (REAL)factor * x[i];
}

/* Shrink each weight w by the share of w / (1 + w^2 / (width^2 precision)), at constant input of
 * both layers at their offsets m and k. */
KERNEL void NAME(shrink)(void *weights_, double share_, double width, const void *precision_,
                        const void *m_, const void *k_, void *visible_, void *hidden_,
                        size n_visible, size n_hidden) {
    REAL *w = weights_, *visible = visible_, *hidden = hidden_, share = (REAL)share_;
    const REAL *m = m_, *k = k_, *precision = precision_;
    REAL changes[BLOCK];
    for (size i = 0; i < n_visible; i++, w += n_hidden) {
        REAL scale = (REAL)(1 / (width * width)) / precision[i], of_visible = 0;
        for (size start = 0; start < n_hidden; start += BLOCK) {
            size n = start + BLOCK < n_hidden ? BLOCK : n_hidden - start;
            REAL *x = w + start;
#pragma omp simd
            for (size j = 0; j < n; j++) changes[j] = share * x[j] / (1 + scale * x[j] * x[j]);
#pragma omp simd
            for (size j = 0; j < n; j++) {
                x[j] -= changes[j];
                hidden[start + j] += m[i] * changes[j];
            }
            of_visible += (REAL)NAME(dot)(changes, k + start, n);
        }
        visible[i] += of_visible;
    }
}

/* Weighted variance of the change of minus the energy of rows (v, h) by a growth of the
 * parameters; `input` is v times the growth of the weights. */
KERNEL double NAME(variance_of_change)(const void *v_, const void *h_, const void *input_, const void *shares_,
                           const void *visible, const void *hidden_, double *changes, size n_rows,
                           size n_visible, size n_hidden) {
    const REAL *v = v_, *h = h_, *input = input_, *shares = shares_, *hidden = hidden_;
    double total = 0, mean = 0, variance = 0;
    for (size row = 0; row < n_rows; row++, v += n_visible, h += n_hidden, input += n_hidden) {
        changes[row] = NAME(dot)(v, visible, n_visible) + NAME(dot)(input, h, n_hidden) +
                       NAME(dot)(hidden, h, n_hidden);
        total += shares[row];
        mean += shares[row] * changes[row];
    }
    mean /= total;
    for (size row = 0; row < n_rows; row++)
        variance += shares[row] / total * (changes[row] - mean) * (changes[row] - mean);
    return variance;
}

/* x + share (y - x); tiny results become 0, since subnormal numbers are slow. */
KERNEL void NAME(slide)(const void *x_, const void *y_, double share, void *result_, size n) {
    const REAL *x = x_, *y = y_;
    REAL *result = result_;
#pragma omp simd
    for (size i = 0; i < n; i++) {
        REAL z = x[i] + (REAL)share * (y[i] - x[i]);
        result[i] = (z < 0 ? -z : z) > (REAL)1e-20 ? z : (REAL)0;
    }
}

/* A step of the variances of real units, with what depends on their units; see `variance.py`.
 * `growth` is the step of the weights at rate one; `scratch` has room for one number per unit. */
KERNEL void NAME(step_variances)(const Segment *segment, void *weights_, const void *growth_,
                                void *hidden_bias_, const void *m_, const void *k_,
                                const void *first_, const void *second_, const double *floor,
                                double *scratch, VarianceStep how, size n_hidden) {
    size start = segment->start, n = segment->stop - start;
    REAL *bias = (REAL *)segment->bias, *precision = (REAL *)segment->precision;
    REAL *weights = (REAL *)weights_ + start * n_hidden, *hidden_bias = hidden_bias_;
    const REAL *growth = (const REAL *)growth_ + start * n_hidden, *m = (const REAL *)m_ + start;
    const REAL *first = (const REAL *)first_ + start, *second = (const REAL *)second_ + start;
    double total = 0;
    for (size i = 0; i < n; i++) {
        const REAL *w = weights + i * n_hidden;
        double mean = (bias[i] + NAME(dot)(w, k_, n_hidden)) / precision[i] - m[i];
        double explained = NAME(dot)(w, growth + i * n_hidden, n_hidden);
        scratch[i] = precision[i] * (second[i] - 2 * mean * first[i]) - 2 * explained / precision[i];
        total += scratch[i];
    }
    for (size i = 0; i < n; i++) {
        REAL *w = weights + i * n_hidden;
        double excess = how.share * (1 + (how.is_shared ? total / n : scratch[i])) - 1;
        double change = 1 + how.rate * excess, largest = 1 / floor[start + i] / precision[i];
        change = change < how.smallest ? how.smallest : change > how.largest ? how.largest : change;
        REAL factor = (REAL)(1 / change < largest ? 1 / change : largest);
        REAL moved = m[i] * (1 - factor);
#pragma omp simd
        for (size j = 0; j < n_hidden; j++) {
            hidden_bias[j] += moved * w[j];
            w[j] *= factor;
        }
        bias[i] *= factor;
        precision[i] *= factor;
    }
}

#undef LANES
#undef WIDE
#undef REAL
#undef BITS
#undef NAME
#undef MANTISSA
#undef BIAS
#undef LOG2_E
#undef LN2_HIGH
#undef LN2_LOW
#undef LARGEST_EXPONENT
#undef ROOT
#undef ABSOLUTE
#undef N_EXP_TERMS
#undef N_LOG_TERMS
