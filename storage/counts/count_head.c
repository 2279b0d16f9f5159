#include "storage/counts/count_head.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "storage/grow.h"

enum { PLACES_FIRST = 64, LOG_MIN = 64, LOG_SHARE = 4, CELLS_FIRST = 4, MALLOC_BYTES = 16 };

/* Cells of one series: [0, sorted) in order and each once; behind them a log of late ones as they came, which
 * is merged in before it is long. */
struct count_series {
    struct cell *cells;
    uint32_t series;
    uint32_t count;
    uint32_t sorted;
    uint32_t capacity;
};

void count_head_fini(struct count_head *head)
{
    for (size_t i = 0; i < head->count; i++)
        free(head->series[i].cells);
    free(head->series);
    free(head->places);
    free(head->days);
    *head = (struct count_head){0};
}

/* ---- series ---- */

static size_t place_of(const struct count_head *head, uint32_t series)
{
    uint32_t mixed = series * UINT32_C(0x9e3779b1);
    return (mixed ^ mixed >> 15) & (head->place_count - 1);
}

static struct count_series *find_series(const struct count_head *head, uint32_t series)
{
    if (head->place_count == 0)
        return NULL;
    size_t at = place_of(head, series);
    while (head->places[at] != 0) {
        struct count_series *found = &head->series[head->places[at] - 1];
        if (found->series == series)
            return found;
        at = (at + 1) & (head->place_count - 1);
    }
    return NULL;
}

static void enter_place(struct count_head *head, uint32_t index)
{
    size_t at = place_of(head, head->series[index].series);
    while (head->places[at] != 0)
        at = (at + 1) & (head->place_count - 1);
    head->places[at] = index + 1;
}

static enum tm_err grow_places(struct count_head *head)
{
    size_t count = head->place_count ? head->place_count * 2 : PLACES_FIRST;
    uint32_t *places = calloc(count, sizeof *places);
    if (!places)
        return TM_NOMEM;
    head->bytes += (count - head->place_count) * sizeof *places;
    free(head->places);
    head->places = places;
    head->place_count = count;
    for (size_t i = 0; i < head->count; i++)
        enter_place(head, (uint32_t)i);
    return TM_OK;
}

static struct count_series *make_series(struct count_head *head, uint32_t series)
{
    size_t before = head->capacity;
    if (head->count * 2 >= head->place_count && grow_places(head) != TM_OK)
        return NULL;
    struct count_series *all = grow_array(head->series, &head->capacity, head->count + 1, sizeof *all);
    if (!all)
        return NULL;
    head->bytes += (head->capacity - before) * sizeof *all;
    head->series = all;
    all[head->count] = (struct count_series){.series = series};
    enter_place(head, (uint32_t)head->count);
    return &all[head->count++];
}

/* ---- days ---- */

static int64_t day_of(int64_t slot)
{
    return slot / CELLS_A_DAY - (slot % CELLS_A_DAY < 0);
}

static enum tm_err enter_day(struct count_head *head, int64_t day)
{
    size_t at = head->day_count;
    while (at > 0 && head->days[at - 1] > day)
        at--;
    if (at == 0 || head->days[at - 1] != day) {
        int64_t *days = grow_array(head->days, &head->day_capacity, head->day_count + 1, sizeof *days);
        if (!days)
            return TM_NOMEM;
        head->days = days;
        memmove(days + at + 1, days + at, (head->day_count - at) * sizeof *days);
        days[at] = day;
        head->day_count++;
    }
    head->last_day = day;
    return TM_OK;
}

/* ---- cells ---- */

/* The first of the sorted ones that is not before this one. */
static uint32_t find_cell(const struct count_series *series, const struct cell *wanted)
{
    uint32_t low = 0, high = series->sorted;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (cells_compare(&series->cells[middle], wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The log, sorted, each once. */
static void settle_log(struct count_head *head, struct count_series *series)
{
    struct cell *log = series->cells + series->sorted;
    uint32_t count = series->count - series->sorted, kept = 0;
    assert(log);
    qsort(log, count, sizeof *log, cells_compare);
    for (uint32_t i = 0; i < count; i++) {
        if (kept > 0 && cells_compare(&log[kept - 1], &log[i]) == 0)
            head->saturated += cell_add(&log[kept - 1].value, log[i].value);
        else
            log[kept++] = log[i];
    }
    series->count = series->sorted + kept;
}

/* Merges the log in, from behind. The log has none that the sorted ones have: those were added there. */
static enum tm_err merge_log(struct count_head *head, struct count_series *series)
{
    settle_log(head, series);
    uint32_t left = series->sorted, count = series->count - series->sorted;
    struct cell *log = malloc((count + 1) * sizeof *log);
    if (!log)
        return TM_NOMEM;
    memcpy(log, series->cells + left, count * sizeof *log);
    for (uint32_t to = series->count; count > 0;) {
        bool takes_log = left == 0 || cells_compare(&series->cells[left - 1], &log[count - 1]) < 0;
        series->cells[--to] = takes_log ? log[--count] : series->cells[--left];
    }
    free(log);
    series->sorted = series->count;
    return TM_OK;
}

static enum tm_err make_room(struct count_head *head, struct count_series *series)
{
    uint32_t log = series->count - series->sorted;
    if (log >= LOG_MIN && log >= series->sorted / LOG_SHARE && merge_log(head, series) != TM_OK)
        return TM_NOMEM;
    if (series->count < series->capacity)
        return TM_OK;
    if (series->capacity > UINT32_MAX / 2)
        return TM_NOMEM;
    uint32_t capacity = series->capacity + series->capacity / 2 + CELLS_FIRST;
    struct cell *cells = realloc(series->cells, capacity * sizeof *cells);
    if (!cells)
        return TM_NOMEM;
    head->bytes += (capacity - series->capacity) * sizeof *cells + (series->cells ? 0 : MALLOC_BYTES);
    series->cells = cells;
    series->capacity = capacity;
    return TM_OK;
}

/* The entry of the same cell that an add goes to; NULL: a new one is to be made. */
static struct cell *find_same(const struct count_series *series, const struct cell *cell)
{
    if (!series->cells || series->count == 0)
        return NULL;
    struct cell *last = &series->cells[series->count - 1];
    if (cells_compare(last, cell) == 0)
        return last;
    uint32_t at = find_cell(series, cell);
    bool is_same = at < series->sorted && cells_compare(&series->cells[at], cell) == 0;
    return is_same ? &series->cells[at] : NULL;
}

static enum tm_err add_cell(struct count_head *head, struct count_series *series, const struct cell *cell)
{
    struct cell *same = find_same(series, cell);
    if (same) {
        head->saturated += cell_add(&same->value, cell->value);
        return TM_OK;
    }
    enum tm_err err = make_room(head, series);
    if (err)
        return err;
    bool is_next = series->count == series->sorted &&
                   (series->sorted == 0 || cells_compare(&series->cells[series->sorted - 1], cell) < 0);
    series->cells[series->count++] = *cell;
    series->sorted += is_next;
    head->cells++;
    return TM_OK;
}

enum tm_err count_head_add(struct count_head *head, const struct count_add *add)
{
    int64_t day = day_of(add->slot);
    struct count_series *series = find_series(head, add->series);
    if ((head->day_count == 0 || head->last_day != day) && enter_day(head, day) != TM_OK)
        return TM_NOMEM;
    if (!series)
        series = make_series(head, add->series);
    if (!series)
        return TM_NOMEM;
    const struct cell cell = {add->slot, add->cell, add->age, add->value};
    return add_cell(head, series, &cell);
}

/* ---- reading ---- */

enum tm_err count_head_collect(const struct count_head *head, uint32_t number, int64_t from, int64_t to,
                               struct cells *out)
{
    const struct count_series *series = find_series(head, number);
    if (!series || !series->cells)
        return TM_OK;
    const struct cell first = {.slot = from};
    uint32_t at = find_cell(series, &first);
    for (; at < series->count; at++) {
        const struct cell *cell = &series->cells[at];
        if (at < series->sorted && cell->slot >= to) {
            at = series->sorted - 1; /* the log follows */
            continue;
        }
        if (cell->slot < from || cell->slot >= to)
            continue;
        if (cells_reserve(out, 1) != TM_OK)
            return TM_NOMEM;
        out->at[out->count++] = *cell;
    }
    return TM_OK;
}

bool count_head_first(const struct count_head *head, uint32_t number, int64_t from, int64_t to, int64_t *out)
{
    const struct count_series *series = find_series(head, number);
    if (!series)
        return false;
    const struct cell wanted = {.slot = from};
    uint32_t at = find_cell(series, &wanted);
    *out = at < series->sorted && series->cells[at].slot < to ? series->cells[at].slot : to;
    for (at = series->sorted; at < series->count; at++) {
        int64_t slot = series->cells[at].slot;
        if (slot >= from && slot < *out)
            *out = slot;
    }
    return *out < to;
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

enum tm_err count_head_list(const struct count_head *head, uint32_t **out, size_t *count)
{
    *out = calloc(head->count + 1, sizeof **out);
    *count = 0;
    if (!*out)
        return TM_NOMEM;
    for (; *count < head->count; (*count)++)
        (*out)[*count] = head->series[*count].series;
    if (*count > 1)
        qsort(*out, *count, sizeof **out, compare_numbers);
    return TM_OK;
}
