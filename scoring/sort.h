/* Sorting in place without allocation, which qsort does not promise. Pure; any thread. */
#ifndef TM_SCORING_SORT_H
#define TM_SCORING_SORT_H

#include <stddef.h>

/* Ascending; no NaN among the values. O(n log n), no recursion. */
void score_sort(double *values, size_t count);

#endif
