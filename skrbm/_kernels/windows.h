/* Products with local weights, for float and for double. */
#ifndef SKRBM_WINDOWS_H
#define SKRBM_WINDOWS_H

#include <stddef.h>
#include <string.h>

#include "vectors.h"

typedef ptrdiff_t size;

/* The windows of all places: `columns` has n_window elements per place, each the index of a column,
 * or n_columns for an element that has none. */
typedef struct {
    const size *columns;
    size n_places, n_window, n_units, n_columns;
} Places;

/* Products: h = v W, v = h W', W += v' h. */
enum { INPUT, BACK, PRODUCT };

#define UNITS 4   /* hidden units of a tile */
#define VECTORS 7 /* of rows in a tile, at most */
#define GROUP 16  /* hidden columns whose rows are moved at once, or one place */

#if defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 12)
#define HAS_VECTORS
#endif

#define REAL float
#define NAME(name) name##_float
#include "windows_of_real.h"

#define REAL double
#define NAME(name) name##_double
#include "windows_of_real.h"

#endif
