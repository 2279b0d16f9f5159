/* What the tests of counts share, on top of the engine's. */
#ifndef TM_TESTS_STORAGE_COUNTING_H
#define TM_TESTS_STORAGE_COUNTING_H

#include "tests/unit/storage/engine.h"

static inline void add_to(struct store *store, struct batch *batch, const char *name, uint32_t cell,
                          time_ms_t time, int64_t value)
{
    series_id id;
    struct tm_why why;
    assert_int_equal(series_try(store, batch, name, "shop", &id, &why), TM_OK);
    assert_int_equal(store_batch_cell(batch, id, cell, time, value), TM_OK);
}

static inline void count_one(struct store *store, const char *name, uint32_t cell, time_ms_t time,
                             int64_t value)
{
    struct batch *batch = store_batch_new(store);
    add_to(store, batch, name, cell, time, value);
    assert_int_equal(send_batch(store, batch, NULL), TM_OK);
}

struct cell_list {
    struct reader_cell at[8192];
    size_t count;
};

/* All cells of a series in span, in order. */
static inline void cells_in(struct reader *reader, const char *name, struct span span, struct cell_list *out)
{
    struct search search = {.name = str_of(name)};
    struct reader_walk walk;
    const struct reader_cell *cells;
    struct tm_why why = {""};
    size_t count;
    enum tm_err err;
    out->count = 0;
    assert_int_equal(reader_series(reader, search_one, &search), TM_OK);
    if (search.found == 0)
        return;
    reader_walk_init(&walk, search.found, span);
    while ((err = reader_cells_next(reader, &walk, &cells, &count, &why)) == TM_OK) {
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++) {
            const struct reader_cell *last = out->count > 0 ? &out->at[out->count - 1] : NULL;
            assert_true(!last || cells[i].time > last->time ||
                        (cells[i].time == last->time && cells[i].cell > last->cell));
            assert_true(cells[i].value != 0 && cells[i].time % CELL_MS == 0);
            assert_true(out->count < sizeof out->at / sizeof out->at[0]);
            out->at[out->count++] = cells[i];
        }
    }
    if (err != TM_NOT_FOUND)
        print_error("%s\n", why.text);
    assert_int_equal(err, TM_NOT_FOUND);
}

static inline int64_t total_of(struct store *store, const char *name)
{
    static struct cell_list cells;
    struct reader *reader = reader_of_store(store);
    int64_t total = 0;
    cells_in(reader, name, EVERYTHING, &cells);
    for (size_t i = 0; i < cells.count; i++)
        total += cells.at[i].value;
    reader_close(reader);
    return total;
}

#endif
