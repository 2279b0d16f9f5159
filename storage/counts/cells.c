#include "storage/counts/cells.h"

#include <stdlib.h>

#include "storage/grow.h"

void cells_fini(struct cells *cells)
{
    free(cells->at);
    *cells = (struct cells){0};
}

enum tm_err cells_reserve(struct cells *cells, size_t more)
{
    struct cell *at = grow_array(cells->at, &cells->capacity, cells->count + more, sizeof *at);
    if (!at)
        return TM_NOMEM;
    cells->at = at;
    return TM_OK;
}

int cells_compare(const void *a, const void *b)
{
    const struct cell *x = a, *y = b;
    if (x->slot != y->slot)
        return x->slot < y->slot ? -1 : 1;
    if (x->cell != y->cell)
        return x->cell < y->cell ? -1 : 1;
    return x->age < y->age ? -1 : x->age > y->age;
}

static bool is_sorted(const struct cells *cells)
{
    for (size_t i = 1; i < cells->count; i++) {
        if (cells_compare(&cells->at[i - 1], &cells->at[i]) > 0)
            return false;
    }
    return true;
}

void cells_settle(struct cells *cells)
{
    size_t kept = 0;
    if (!is_sorted(cells))
        qsort(cells->at, cells->count, sizeof *cells->at, cells_compare);
    for (size_t i = 0; i < cells->count;) {
        struct cell sum = cells->at[i++];
        for (; i < cells->count && cells->at[i].slot == sum.slot && cells->at[i].cell == sum.cell; i++)
            cells->saturated += cell_add(&sum.value, cells->at[i].value);
        sum.age = 0;
        if (sum.value != 0)
            cells->at[kept++] = sum;
    }
    cells->count = kept;
}

size_t cells_find(const struct cells *cells, int64_t slot)
{
    size_t low = 0, high = cells->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cells->at[middle].slot < slot)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
