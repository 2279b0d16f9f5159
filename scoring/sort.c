#include "scoring/sort.h"

static void sift(double *values, size_t root, size_t count)
{
    double value = values[root];
    for (size_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && values[child + 1] > values[child])
            child++;
        if (values[child] <= value)
            break;
        values[root] = values[child];
        root = child;
    }
    values[root] = value;
}

void score_sort(double *values, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift(values, i, count);
    for (size_t last = count; last-- > 1;) {
        double top = values[0];
        values[0] = values[last];
        values[last] = top;
        sift(values, 0, last);
    }
}
