/* What the tests of flush, partitions and catalog share, on top of the fixture. */
#ifndef TM_TESTS_STORAGE_ENGINE_H
#define TM_TESTS_STORAGE_ENGINE_H

#include <sys/wait.h>

#include "tests/unit/storage/fixture.h"

#define DAY_MS  INT64_C(86400000)
#define HOUR_MS INT64_C(3600000)
#define DAY0    (WALL_START / DAY_MS * DAY_MS) /* the first moment of the fixture's day */

static inline enum tm_err send_event(struct store *store, enum event_kind kind, time_ms_t time,
                                     const char *line)
{
    struct batch *batch = store_batch_new(store);
    assert_non_null(batch);
    assert_int_equal(store_batch_event(batch, kind, time, str_of(line)), TM_OK);
    return send_batch(store, batch, NULL);
}

static inline void flush_now(struct fixture *f)
{
    assert_int_equal(store_flush(f->store), TM_OK);
}

static inline bool join_event(void *arg, enum event_kind kind, time_ms_t time, struct str line)
{
    struct bytes *out = arg;
    (void)kind, (void)time;
    bytes_put(out, line.ptr, line.len);
    bytes_put(out, " ", 1);
    return true;
}

/* The lines of all events of a kind, one behind the other. The caller frees. */
static inline char *events_in(struct reader *reader, enum event_kind kind)
{
    struct bytes all = {0};
    struct tm_why why;
    assert_int_equal(reader_events(reader, kind, EVERYTHING, join_event, &all, &why), TM_OK);
    bytes_put(&all, "", 1);
    assert_int_equal(bytes_error(&all), TM_OK);
    return (char *)all.data;
}

static inline void expect_events(struct store *store, enum event_kind kind, const char *expected)
{
    struct reader *reader = reader_of_store(store);
    char *got = events_in(reader, kind);
    assert_string_equal(got, expected);
    free(got);
    reader_close(reader);
}

/* The value at time of a series, -1 if there is none. */
static inline double value_at(struct store *store, const char *name, time_ms_t time)
{
    const time_ms_t *times;
    const double *values;
    double found = -1;
    struct reader *reader = reader_of_store(store);
    size_t count = read_in(reader, name, &times, &values);
    for (size_t i = 0; i < count; i++) {
        if (times[i] == time)
            found = values[i];
    }
    reader_close(reader);
    return found;
}

static inline void pass_time(struct fixture *f, int64_t ms)
{
    still_pass(&f->clock, ms * 1000000);
}

#endif
