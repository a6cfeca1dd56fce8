/* Products with local weights for one type of real numbers; included by windows.h, once per type.
 *
 * Rows are taken in blocks and transposed, so that a vector has one column of several rows. A tile
 * has up to UNITS hidden units of one place and VECTORS vectors of rows, which stay in registers.
 */

#define LANES (64 / (size)sizeof(REAL)) /* rows in a vector */

#ifdef HAS_VECTORS
typedef REAL NAME(vector) __attribute__((vector_size(64), aligned(sizeof(REAL)), may_alias));
typedef REAL NAME(quarter)
    __attribute__((vector_size(4 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));
#define SCALE_AND_ADD(sum, factor, x) (sum) += (factor) * (x)
#define MULTIPLY_AND_ADD(sum, x, y) (sum) += (x) * (y)
#else
typedef struct {
    REAL lanes[LANES];
} NAME(vector);
#define SCALE_AND_ADD(sum, factor, x) \
    for (int lane = 0; lane < LANES; lane++) (sum).lanes[lane] += (factor) * (x).lanes[lane]
#define MULTIPLY_AND_ADD(sum, x, y) \
    for (int lane = 0; lane < LANES; lane++) (sum).lanes[lane] += (x).lanes[lane] * (y).lanes[lane]
#endif
#define VECTOR NAME(vector)

/* The transposed matrix of up to four rows and four columns. */
INLINE void NAME(transpose_tile)(const REAL *from, size from_step, size n_rows, size n, REAL *to,
                                 size to_step) {
#ifdef HAS_VECTORS
    if (n_rows == 4 && n == 4) {
        NAME(quarter) rows[4], low[2], high[2];
        UNROLL for (int i = 0; i < 4; i++) rows[i] = *(const NAME(quarter) *)(from + i * from_step);
        UNROLL for (int i = 0; i < 2; i++) {
            low[i] = __builtin_shufflevector(rows[2 * i], rows[2 * i + 1], 0, 4, 1, 5);
            high[i] = __builtin_shufflevector(rows[2 * i], rows[2 * i + 1], 2, 6, 3, 7);
        }
        rows[0] = __builtin_shufflevector(low[0], low[1], 0, 1, 4, 5);
        rows[1] = __builtin_shufflevector(low[0], low[1], 2, 3, 6, 7);
        rows[2] = __builtin_shufflevector(high[0], high[1], 0, 1, 4, 5);
        rows[3] = __builtin_shufflevector(high[0], high[1], 2, 3, 6, 7);
        UNROLL for (int i = 0; i < 4; i++) *(NAME(quarter) *)(to + i * to_step) = rows[i];
        return;
    }
#endif
    for (size row = 0; row < n_rows; row++)
        for (size i = 0; i < n; i++) to[i * to_step + row] = from[row * from_step + i];
}

/* The transposed matrix of n_rows rows and n columns, in strips of 16 columns. */
KERNEL void NAME(transpose)(const REAL *from, size from_step, size n_rows, size n, REAL *to,
                            size to_step) {
    for (size first = 0; first < n; first += 16)
        for (size row = 0; row < n_rows; row += 4)
            for (size i = first; i < n && i < first + 16; i += 4)
                NAME(transpose_tile)(from + row * from_step + i, from_step,
                                     n_rows - row < 4 ? n_rows - row : 4, n - i < 4 ? n - i : 4,
                                     to + i * to_step + row, to_step);
}

/* The same; more columns of the result are zeros. */
static void NAME(to_columns)(const REAL *rows, size row_step, size n_rows, size n, REAL *columns,
                             size step) {
    NAME(transpose)(rows, row_step, n_rows, n, columns, step);
    for (size i = 0; i < n && n_rows < step; i++)
        memset(columns + i * step + n_rows, 0, (step - n_rows) * sizeof(REAL));
}

/* Input of n_units hidden units at a place: sums over its window. */
INLINE void NAME(input_tile)(const REAL *v, size step, const size *window, size n_window,
                             const REAL *w, size w_step, REAL *x, size n_units, size n) {
    VECTOR sums[UNITS][VECTORS];
    memset(sums, 0, sizeof sums);
    for (size k = 0; k < n_window; k++, w += w_step) {
        const VECTOR *column = (const VECTOR *)(v + window[k] * step);
        UNROLL for (size i = 0; i < n; i++)
            UNROLL for (size unit = 0; unit < n_units; unit++)
                SCALE_AND_ADD(sums[unit][i], w[unit], column[i]);
    }
    UNROLL for (size unit = 0; unit < n_units; unit++)
        UNROLL for (size i = 0; i < n; i++) ((VECTOR *)(x + unit * step))[i] = sums[unit][i];
}

/* Input of the columns of a window from n_units hidden units, added to them. */
INLINE void NAME(back_tile)(REAL *v, size step, const size *window, size n_window, const REAL *w,
                            size w_step, const REAL *h, size n_units, size n) {
    VECTOR units[UNITS][VECTORS];
    UNROLL for (size unit = 0; unit < n_units; unit++)
        UNROLL for (size i = 0; i < n; i++) units[unit][i] = ((const VECTOR *)(h + unit * step))[i];
    for (size k = 0; k < n_window; k++, w += w_step) {
        VECTOR *column = (VECTOR *)(v + window[k] * step);
        UNROLL for (size i = 0; i < n; i++) {
            VECTOR sum = column[i];
            UNROLL for (size unit = 0; unit < n_units; unit++)
                SCALE_AND_ADD(sum, w[unit], units[unit][i]);
            column[i] = sum;
        }
    }
}

/* `w_j += sum of the lanes of sums_j` for n_units units. */
INLINE void NAME(add_sums)(const VECTOR *sums, REAL *w, size n_units) {
#ifdef HAS_VECTORS
    if (n_units == UNITS) {
        NAME(quarter) part[UNITS], first, second;
        UNROLL for (size unit = 0; unit < UNITS; unit++) {
            const NAME(quarter) *quarters = (const NAME(quarter) *)(sums + unit);
            part[unit] = quarters[0] + quarters[1];
            UNROLL for (size i = 2; i < LANES / 4; i++) part[unit] += quarters[i];
        }
        first = __builtin_shufflevector(part[0], part[1], 0, 4, 1, 5) +
                __builtin_shufflevector(part[0], part[1], 2, 6, 3, 7);
        second = __builtin_shufflevector(part[2], part[3], 0, 4, 1, 5) +
                 __builtin_shufflevector(part[2], part[3], 2, 6, 3, 7);
        *(NAME(quarter) *)w += __builtin_shufflevector(first, second, 0, 1, 4, 5) +
                               __builtin_shufflevector(first, second, 2, 3, 6, 7);
        return;
    }
#endif
    for (size unit = 0; unit < n_units; unit++) {
        REAL lanes[LANES], sum = 0;
        memcpy(lanes, sums + unit, sizeof lanes);
        for (size lane = 0; lane < LANES; lane++) sum += lanes[lane];
        w[unit] += sum;
    }
}

/* Weights of n_units hidden units at a place: products with the columns of its window, added. */
INLINE void NAME(product_tile)(const REAL *v, size step, const size *window, size n_window, REAL *w,
                               size w_step, const REAL *h, size n_units, size n) {
    VECTOR units[UNITS][VECTORS];
    UNROLL for (size unit = 0; unit < n_units; unit++)
        UNROLL for (size i = 0; i < n; i++) units[unit][i] = ((const VECTOR *)(h + unit * step))[i];
    for (size k = 0; k < n_window; k++, w += w_step) {
        const VECTOR *column = (const VECTOR *)(v + window[k] * step);
        VECTOR sums[UNITS];
        memset(sums, 0, sizeof sums);
        UNROLL for (size i = 0; i < n; i++)
            UNROLL for (size unit = 0; unit < n_units; unit++)
                MULTIPLY_AND_ADD(sums[unit], column[i], units[unit][i]);
        NAME(add_sums)(sums, w, n_units);
    }
}

/* Call a tile function for all hidden units of a place, with constant sizes. */
#define TILES_OF(tile, v, w, h, n)                                                             \
    {                                                                                          \
        size unit = 0;                                                                         \
        for (; unit + UNITS <= p->n_units; unit += UNITS)                                      \
            tile(v, step, window, p->n_window, (w) + unit, p->n_units, (h) + unit * step, UNITS, n); \
        for (; unit < p->n_units; unit++)                                                      \
            tile(v, step, window, p->n_window, (w) + unit, p->n_units, (h) + unit * step, 1, n);     \
    }
#define TILES(tile, v, w, h)                            \
    if (step == LANES) TILES_OF(tile, v, w, h, 1)       \
    else if (step == 2 * LANES) TILES_OF(tile, v, w, h, 2) \
    else if (step == 4 * LANES) TILES_OF(tile, v, w, h, 4) \
    else TILES_OF(tile, v, w, h, VECTORS)

/* Places start to stop, for columns of `step` rows. */
KERNEL void NAME(places_input)(const Places *p, const REAL *v, const REAL *w, REAL *h, size step,
                               size start, size stop) {
    for (size place = start; place < stop; place++, h += p->n_units * step) {
        const size *window = p->columns + place * p->n_window;
        const REAL *weights = w + place * p->n_window * p->n_units;
        TILES(NAME(input_tile), v, weights, h)
    }
}

KERNEL void NAME(places_back)(const Places *p, REAL *v, const REAL *w, const REAL *h, size step,
                              size start, size stop) {
    for (size place = start; place < stop; place++, h += p->n_units * step) {
        const size *window = p->columns + place * p->n_window;
        const REAL *weights = w + place * p->n_window * p->n_units;
        TILES(NAME(back_tile), v, weights, h)
    }
}

KERNEL void NAME(places_product)(const Places *p, const REAL *v, REAL *w, const REAL *h, size step,
                                 size start, size stop) {
    for (size place = start; place < stop; place++, h += p->n_units * step) {
        const size *window = p->columns + place * p->n_window;
        REAL *weights = w + place * p->n_window * p->n_units;
        TILES(NAME(product_tile), v, weights, h)
    }
}

/* The number of rows of a block, and of its vectors. */
INLINE size NAME(block_rows)(size n_rows, size *step) {
    size most = (has_wide_vectors() ? VECTORS : 1) * LANES;
    size n_blocks = (n_rows + most - 1) / most, n = (n_rows + n_blocks - 1) / n_blocks;
    *step = n <= LANES ? LANES : n <= 2 * LANES ? 2 * LANES : n <= 4 * LANES ? 4 * LANES : most;
    return n;
}

/* One of three products of rows v of columns and rows h of hidden units with weights w: INPUT
 * computes h, BACK computes v, and PRODUCT changes w. `scratch` has room for
 * (n_columns + 1 + n_units + GROUP) * VECTORS * LANES numbers. */
static void NAME(multiply)(int what, const Places *p, REAL *v, REAL *w, REAL *h, size n_rows,
                           REAL *scratch) {
    size step, n_hidden = p->n_places * p->n_units;
    size n_group = p->n_units < GROUP ? GROUP / p->n_units : 1; /* places */
    if (n_rows == 0) return;
    size block = NAME(block_rows)(n_rows, &step);
    REAL *columns = scratch, *units = scratch + (p->n_columns + 1) * step;
    for (size row = 0; row < n_rows; row += block) {
        size n = row + block < n_rows ? block : n_rows - row;
        memset(columns + p->n_columns * step, 0, step * sizeof(REAL));
        if (what == BACK)
            memset(columns, 0, p->n_columns * step * sizeof(REAL));
        else
            NAME(to_columns)(v + row * p->n_columns, p->n_columns, n, p->n_columns, columns, step);
        for (size start = 0; start < p->n_places; start += n_group) {
            size stop = start + n_group < p->n_places ? start + n_group : p->n_places;
            size width = (stop - start) * p->n_units;
            REAL *here = h + row * n_hidden + start * p->n_units;
            if (what != INPUT) NAME(to_columns)(here, n_hidden, n, width, units, step);
            if (what == INPUT) {
                NAME(places_input)(p, columns, w, units, step, start, stop);
                NAME(transpose)(units, step, width, n, here, n_hidden);
            } else if (what == BACK)
                NAME(places_back)(p, columns, w, units, step, start, stop);
            else
                NAME(places_product)(p, columns, w, units, step, start, stop);
        }
        if (what == BACK)
            NAME(transpose)(columns, step, p->n_columns, n, v + row * p->n_columns, p->n_columns);
    }
}

#undef LANES
#undef VECTOR
#undef SCALE_AND_ADD
#undef MULTIPLY_AND_ADD
#undef TILES_OF
#undef TILES
#undef REAL
#undef NAME
