/* The loops for one type of real numbers; included by kernels.h, once per type.
 *
 * Matrices are contiguous, row by row. Arguments are `void *`, so that both types share a table.
 */

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

INLINE double NAME(sum)(const REAL *x, size n) {
    double sums[LANES] = {0}, sum = 0;
    size i = 0;
    for (; i + LANES <= n; i += LANES)
#pragma omp simd
        for (int lane = 0; lane < LANES; lane++) sums[lane] += (double)x[i + lane];
    for (int lane = 0; lane < LANES; lane++) sum += sums[lane];
    for (; i < n; i++) sum += (double)x[i];
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
    for (int lane = 0; lane < LANES; lane++) largest = lanes[lane] > largest ? lanes[lane] : largest;
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
    for (int lane = 0; lane < LANES; lane++) product *= products[lane];
    for (; i < n; i++) product *= 1 + (double)x[i];
    return product;
}

/* sum_i log(1 + exp(z_i)) for z = x + y, and the means 1 / (1 + exp(-z_i)) if there is room for
 * them: one logarithm for a product of 512 numbers 1 + exp(-|z_i|). */
INLINE double NAME(sum_softplus)(const REAL *x, const REAL *y, REAL *mean, size n) {
    enum { BLOCK = 512 };
    REAL small[BLOCK], positive[BLOCK];
    double total = 0;
    for (size start = 0; start < n; start += BLOCK) {
        size width = start + BLOCK < n ? BLOCK : n - start;
#pragma omp simd
        for (size i = 0; i < width; i++) {
            REAL z = x[start + i] + y[start + i], distance = ABSOLUTE(z);
            small[i] = NAME(exponential)(NAME(clip)(-distance));
            positive[i] = (z + distance) / 2;
        }
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
    for (int lane = 0; lane < LANES; lane++) sum += sums[lane];
    for (; i < n; i++) sum += x[i] * y[i];
    return sum;
}

/* Columns of `add_product`; a constant width keeps the sums in registers. */
INLINE void NAME(add_columns)(const REAL *a, size row_step, size term_step, const REAL *b, REAL *c,
                              size n_rows, size n_terms, size n_columns, size width) {
    for (size row = 0; row < n_rows; row++) {
        REAL sum[64];
        memcpy(sum, c + row * n_columns, width * sizeof(REAL));
        for (size term = 0; term < n_terms; term++) {
            REAL factor = a[row * row_step + term * term_step];
            const REAL *from = b + term * n_columns;
#pragma omp simd
            for (size i = 0; i < width; i++) sum[i] += factor * from[i];
        }
        memcpy(c + row * n_columns, sum, width * sizeof(REAL));
    }
}

/* C += A B, where A[row, term] is a[row * row_step + term * term_step]. */
KERNEL void NAME(add_product)(const void *a, size row_step, size term_step, const void *b, void *c,
                              size n_rows, size n_terms, size n_columns) {
    enum { WIDE = 256 / sizeof(REAL), NARROW = 64 / sizeof(REAL) };
    const REAL *from = b;
    REAL *to = c;
    size left = n_columns;
    for (; left >= WIDE; left -= WIDE, from += WIDE, to += WIDE)
        NAME(add_columns)(a, row_step, term_step, from, to, n_rows, n_terms, n_columns, WIDE);
    for (; left >= NARROW; left -= NARROW, from += NARROW, to += NARROW)
        NAME(add_columns)(a, row_step, term_step, from, to, n_rows, n_terms, n_columns, NARROW);
    if (left)
        NAME(add_columns)(a, row_step, term_step, from, to, n_rows, n_terms, n_columns, left);
}

/* C = A B' for A of n_rows x n_terms, B of n_columns x n_terms. */
KERNEL void NAME(dot_rows)(const void *a_, const void *b_, void *c_, size n_rows, size n_columns,
                           size n_terms) {
    const REAL *a = a_, *b = b_;
    REAL *c = c_;
    for (size row = 0; row < n_rows; row++, a += n_terms, c += n_columns) {
        size column = 0;
        for (; column + 4 <= n_columns; column += 4) { /* one pass over a for four sums */
            const REAL *x = b + column * n_terms, *y = x + n_terms, *z = y + n_terms,
                       *w = z + n_terms;
            REAL p[LANES] = {0}, q[LANES] = {0}, r[LANES] = {0}, s[LANES] = {0};
            REAL sums[4] = {0};
            size i = 0;
            for (; i + LANES <= n_terms; i += LANES)
#pragma omp simd
                for (int lane = 0; lane < LANES; lane++) {
                    REAL factor = a[i + lane];
                    p[lane] += factor * x[i + lane];
                    q[lane] += factor * y[i + lane];
                    r[lane] += factor * z[i + lane];
                    s[lane] += factor * w[i + lane];
                }
            for (int lane = 0; lane < LANES; lane++) {
                sums[0] += p[lane], sums[1] += q[lane];
                sums[2] += r[lane], sums[3] += s[lane];
            }
            for (; i < n_terms; i++) {
                sums[0] += a[i] * x[i], sums[1] += a[i] * y[i];
                sums[2] += a[i] * z[i], sums[3] += a[i] * w[i];
            }
            memcpy(c + column, sums, sizeof sums);
        }
        for (; column < n_columns; column++) c[column] = NAME(dot)(a, b + column * n_terms, n_terms);
    }
}

/* Input x to means: 1 / (1 + exp(-(bias + x))), in place. */
KERNEL void NAME(logistic)(void *x_, const void *bias_, size n_rows, size n_columns) {
    REAL *x = x_;
    const REAL *bias = bias_;
    for (size row = 0; row < n_rows; row++, x += n_columns)
#pragma omp simd
        for (size i = 0; i < n_columns; i++)
            x[i] = 1 / (1 + NAME(exponential)(NAME(clip)(-bias[i] - x[i])));
}

/* Zeros and ones with these means. */
KERNEL void NAME(draw)(const void *mean_, Draws draws, void *states_, size n) {
    const REAL *mean = mean_;
    REAL *states = states_;
#pragma omp simd
    for (size i = 0; i < n; i++)
        states[i] = (REAL)draws.bits[i] + (REAL)draws.shift < mean[i] * 65536 ? (REAL)1 : (REAL)0;
}

/* States of binary units, given their input x in rows of n_columns. */
KERNEL void NAME(draw_binary)(const Segment *segment, const void *x_, Draws draws, void *states_,
                              size n_rows, size n_columns) {
    size n = segment->stop - segment->start;
    const REAL *bias = segment->bias, *x = (const REAL *)x_ + segment->start;
    REAL *states = (REAL *)states_ + segment->start;
    for (size row = 0; row < n_rows; row++, x += n_columns, states += n_columns, draws.bits += n)
#pragma omp simd
        for (size i = 0; i < n; i++) {
            REAL z = -bias[i] - x[i], odds = 1 + NAME(exponential)(NAME(clip)(z));
            int is_on = odds * ((REAL)draws.bits[i] + (REAL)draws.shift) < 65536;
            states[i] = is_on & (z < (REAL)LARGEST_EXPONENT) ? (REAL)1 : (REAL)0;
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

INLINE double NAME(log_normalizer)(const Segment *segment, const REAL *x) {
    const REAL *bias = segment->bias, *precision = segment->precision;
    size n = segment->stop - segment->start, first = 0;
    double total = 0;
    if (segment->type == BERNOULLI) return NAME(sum_softplus)(x, bias, NULL, n);
    if (segment->type == GAUSSIAN) { /* up to a constant, which ratios do not have */
        for (size i = 0; i < n; i++) total += x[i] * (double)((bias[i] + x[i] / 2) / precision[i]);
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
    REAL *x = x_;
    const REAL *offset = offset_;
    for (size row = 0; row < n_rows; row++, x += n_columns) {
        REAL largest;
        double sums[LANES] = {0}, sum = 0;
        size i = 0;
#pragma omp simd
        for (size j = 0; j < n_columns; j++) x[j] += offset[j];
        largest = NAME(largest)(x, n_columns);
#pragma omp simd
        for (size j = 0; j < n_columns; j++) x[j] = NAME(exponential)(NAME(clip)(x[j] - largest));
        for (; i + LANES <= n_columns; i += LANES)
#pragma omp simd
            for (int lane = 0; lane < LANES; lane++) sums[lane] += weights[i + lane] * (double)x[i + lane];
        for (int lane = 0; lane < LANES; lane++) sum += sums[lane];
        for (; i < n_columns; i++) sum += weights[i] * (double)x[i];
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

/* The hidden side of a row of `phase_sums`: its factors x of the weights, and what it adds to sums;
 * returns x k. */
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

/* x + share (y - x), where tiny numbers become 0: subnormal numbers are slow. */
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
 * `growth` is that of the weights at rate one, and `scratch` has room for an excess per unit. */
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
