/* The n-th allocation fails, for every n, while series, labels, samples, counts, rollups and events are read,
 * in the store's process and in another: an answer is whole, or an error. */
#include "tests/unit/storage/nomem.h"

#include "storage/counts/counting.h"
#include "tests/unit/storage/counting.h"
#include "tests/unit/storage/eventing.h"

#if CAN_FAIL
enum { SERIES = 6, DAYS = 2, POINTS = 4, MARKERS = 5, EVENTS = 40 };

/* What a step made of what it read: the same whenever it is whole. */
static struct {
    uint64_t got;
    uint64_t whole;
    bool is_known;
} told;

static struct reader *(*open_reader)(struct fixture *f);

static void note(uint64_t value)
{
    told.got = told.got * 31 + value + 1;
}

static void note_text(struct str text)
{
    note(XXH3_64bits(text.len ? text.ptr : "", text.len));
}

static void expect_whole(struct fixture *f, enum tm_err err)
{
    if (err)
        return;
    if (!told.is_known)
        told.whole = told.got;
    told.is_known = true;
    assert_int_equal(told.got, told.whole);
    if (f->store)
        expect_sound(f);
}

static void read_each(struct fixture *f, enum tm_err (*step)(struct fixture *f))
{
    told.is_known = false;
    assert_int_equal(step(f), TM_OK);
    expect_whole(f, TM_OK);
    assert_true(fail_each(f, NULL, step, expect_whole) >= 1);
    if (!f->store)
        return;
    fixture_reopen(f); /* nothing is open yet, nor indexed */
    assert_true(fail_each(f, NULL, step, expect_whole) >= 1);
}

/* ---- what is there: sealed days, an open one, late data, and all of it in memory too ---- */

static void send_day(struct fixture *f, int day, int series)
{
    char name[16];
    struct batch *batch = store_batch_new(f->store);
    for (int s = 0; s < series; s++) {
        (void)snprintf(name, sizeof name, "s%d", s);
        for (int i = 0; i < POINTS; i++)
            put(f->store, batch, name, DAY0 - day * DAY_MS + i * 1000 + s, s + i / 4.0);
    }
    for (uint32_t cell = 0; cell < 3; cell++)
        add_to(f->store, batch, cell ? "histogram" : "counter", cell, DAY0 - day * DAY_MS, cell + 1);
    assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
}

static void send_events_of(struct fixture *f, int day)
{
    struct ledger ledger = {0};
    send_events(f, (uint64_t)day * EVENTS + 1, EVENTS,
                (struct span){DAY0 - day * DAY_MS, DAY0 - day * DAY_MS + HOUR_MS}, &ledger);
    clear_ledger(&ledger);
    for (int i = 0; i < MARKERS; i++)
        assert_int_equal(send_event(f->store, EVENT_HTTP, DAY0 - day * DAY_MS + i, "line"), TM_OK);
}

static int readers_setup(void **state)
{
    int rc = nomem_setup(state);
    struct fixture *f = *state;
    is_reading = true;
    for (int day = DAYS; day >= 0; day--) {
        send_day(f, day, SERIES);
        send_events_of(f, day);
    }
    flush_now(f);
    flush_settle(f->store);
    send_day(f, 1, SERIES / 2);
    send_events_of(f, 1);
    flush_now(f);
    send_day(f, 0, SERIES + 3);
    send_events_of(f, 0);
    return rc;
}

static struct reader *open_here(struct fixture *f)
{
    return reader_of_store(f->store);
}

/* As another process does, once the store is closed. */
static struct reader *open_there(struct fixture *f)
{
    struct reader *reader = NULL;
    enum tm_err err = reader_open(f->dir, &reader, &f->why);
    assert_true(err == TM_OK || err == TM_NOMEM);
    return reader;
}

/* ---- steps ---- */

static enum tm_err with_reader(struct fixture *f,
                               enum tm_err (*work)(struct fixture *f, struct reader *reader))
{
    struct reader *reader = open_reader(f);
    told.got = 0;
    if (!reader)
        return TM_NOMEM;
    enum tm_err err = work(f, reader);
    reader_close(reader);
    return err;
}

/* By a regex and by time; sorted. */
static enum tm_err find_some(struct fixture *f, struct reader *reader, const char *text, struct span span,
                             struct index_ids *ids)
{
    struct selector selector;
    *ids = (struct index_ids){0};
    enum tm_err err = selector_parse(str_of(text), &selector, &f->why);
    if (err)
        return err;
    const struct reader_filter filter = {&selector, 1, span};
    err = reader_find(reader, &filter, ids, &f->why);
    selector_fini(&selector);
    return err ? err : reader_sort(reader, ids);
}

static enum tm_err note_samples(struct fixture *f, struct reader *reader)
{
    struct index_ids ids;
    const time_ms_t *times;
    const double *values;
    size_t count;
    const struct span span = {DAY0 - 2 * DAY_MS, DAY0 + DAY_MS};
    enum tm_err err = find_some(f, reader, "{__name__=~\"s[0-3]|counter\",service!=\"\"}", span, &ids);
    note(ids.count);
    for (size_t i = 0; i < ids.count && !err; i++) {
        struct bytes labels = {0};
        reader_labels(reader, ids.ids[i], &labels);
        err = bytes_error(&labels);
        note_text(bytes_view(&labels));
        bytes_fini(&labels);
        if (!err)
            err = reader_samples(reader, ids.ids[i], EVERYTHING, &times, &values, &count);
        for (size_t k = 0; k < count && !err; k++)
            note((uint64_t)times[k] + (uint64_t)(values[k] * 4));
    }
    index_ids_fini(&ids);
    return err;
}

/* A counter is among them, and two days are. */
static enum tm_err note_rows(struct fixture *f, struct reader *reader)
{
    struct index_ids ids;
    struct reader_row rows[READER_ROWS_MAX];
    const struct span span = {DAY0 - DAY_MS, DAY0 + DAY_MS};
    enum tm_err err = find_some(f, reader, "{__name__=~\"s[0-3]|counter\",service!=\"\"}", span, &ids);
    note(ids.count);
    for (size_t at = 0, given = 0; at < ids.count && !err; at += given) {
        err = reader_rows(reader, ids.ids + at, ids.count - at, span, rows, &given);
        for (size_t i = 0; i < given && !err; i++) {
            note(rows[i].count);
            for (size_t k = 0; k < rows[i].count; k++)
                note((uint64_t)rows[i].times[k] + (uint64_t)(rows[i].values[k] * 4));
        }
    }
    index_ids_fini(&ids);
    return err;
}

static enum tm_err note_rollups(struct fixture *f, struct reader *reader)
{
    struct index_ids ids;
    enum tm_err err = find_some(f, reader, "{__name__=~\"s[01]\"}", EVERYTHING, &ids);
    for (size_t i = 0; i < ids.count && !err; i++) {
        struct reader_walk walk;
        const struct rollup *rows;
        size_t count;
        reader_walk_init(&walk, ids.ids[i], EVERYTHING);
        while (!(
            err = reader_rollup_next(reader, &walk, i % 2 ? READER_5M : READER_1H, &rows, &count, &f->why))) {
            for (size_t k = 0; k < count; k++)
                note((uint64_t)rows[k].start + rows[k].count + (uint64_t)rows[k].sum);
        }
        err = err == TM_NOT_FOUND ? TM_OK : err;
    }
    index_ids_fini(&ids);
    return err;
}

static enum tm_err note_list(enum tm_err err, struct index_list *list)
{
    for (size_t i = 0; i < list->count && !err; i++) {
        note_text(list->items[i].text);
        note(list->items[i].series);
    }
    index_list_fini(list);
    return err;
}

static enum tm_err note_lists(struct fixture *f, struct reader *reader)
{
    struct selector selector;
    struct index_list list = {0};
    enum tm_err err = selector_parse(STR("{__name__=~\"s[0-9]\"}"), &selector, &f->why);
    if (err)
        return err;
    const struct reader_listing how = {.filter = {&selector, 1, {DAY0, DAY0 + DAY_MS}}};
    err = note_list(reader_names(reader, &how, &list, &f->why), &list);
    if (!err)
        err = note_list(reader_values(reader, STR(LABEL_NAME), &how, &list, &f->why), &list);
    if (!err)
        err = note_list(reader_services(reader, &how, &list, &f->why), &list);
    if (!err)
        err = note_list(reader_pairs(reader, 4, &list, &f->why), &list);
    if (!err)
        err = note_list(reader_value_bytes(reader, 4, &list, &f->why), &list);
    selector_fini(&selector);
    return err;
}

static bool note_series(void *arg, uint32_t series, struct str labels)
{
    (void)arg, (void)series;
    note_text(labels);
    return true;
}

static bool note_line(void *arg, enum event_kind kind, time_ms_t time, struct str line)
{
    (void)arg, (void)kind;
    note((uint64_t)time);
    note_text(line);
    return true;
}

static enum tm_err note_events(struct fixture *f, struct reader *reader)
{
    struct reader_gaps gaps;
    enum tm_err err = reader_series(reader, note_series, NULL);
    if (!err)
        err = reader_events(reader, EVENT_HTTP, EVERYTHING, note_line, NULL, &f->why);
    if (!err)
        err = reader_gaps(reader, READER_RAW, EVERYTHING, &gaps, &f->why);
    if (!err)
        note(gaps.count);
    return err;
}

static bool note_request(void *arg, const struct http_event *event)
{
    (void)arg;
    note((uint64_t)event->time);
    note_text(event->url);
    return true;
}

static enum tm_err note_search(struct fixture *f, struct reader *reader)
{
    const struct events_query some = {.span = EVERYTHING, .status_from = 200, .status_to = 500};
    struct events_cursor cursor = EVENTS_NEWEST;
    bool is_more = true;
    enum tm_err err = TM_OK;
    while (is_more && !err) {
        struct events_page page = {&cursor, 33, &is_more, note_request, NULL};
        err = events_search(reader, &some, &page, &f->why);
    }
    return err;
}

static enum tm_err note_ranking(struct fixture *f, struct reader *reader)
{
    const struct events_query all = {.span = EVERYTHING};
    const struct events_ranking_by by = {.column = EVENTS_URL};
    struct events_ranking *ranking;
    struct events_rank rank;
    enum tm_err err = events_rank(reader, &all, &by, &ranking, &f->why);
    for (size_t i = 0; !err && events_ranking_at(ranking, i, &rank) == TM_OK; i++) {
        note_text(rank.key);
        note(rank.count);
    }
    events_ranking_free(err ? NULL : ranking);
    return err;
}

static enum tm_err note_counts(struct fixture *f, struct reader *reader)
{
    const struct counting_request request = {
        .by = {STR(LABEL_NAME), STR("service")}, .by_count = 2, .span = EVERYTHING};
    struct counting *counting = NULL;
    struct bytes out = {0};
    bool is_done = false;
    enum tm_err err = counting_new(&request, &counting, &f->why);
    if (err)
        return err;
    while (!is_done && !err)
        err = counting_step(counting, reader, &is_done, &f->why);
    while (!err)
        err = counting_next(counting, &out, &f->why);
    if (err == TM_NOT_FOUND)
        note_text(bytes_view(&out));
    bytes_fini(&out);
    counting_free(counting);
    return err == TM_NOT_FOUND ? TM_OK : err;
}

static enum tm_err read_samples(struct fixture *f)
{
    return with_reader(f, note_samples);
}

static enum tm_err read_rows(struct fixture *f)
{
    return with_reader(f, note_rows);
}

static enum tm_err read_rollups(struct fixture *f)
{
    return with_reader(f, note_rollups);
}

static enum tm_err read_lists(struct fixture *f)
{
    return with_reader(f, note_lists);
}

static enum tm_err read_events(struct fixture *f)
{
    return with_reader(f, note_events);
}

static enum tm_err read_search(struct fixture *f)
{
    return with_reader(f, note_search);
}

static enum tm_err read_ranking(struct fixture *f)
{
    return with_reader(f, note_ranking);
}

static enum tm_err read_counts(struct fixture *f)
{
    return with_reader(f, note_counts);
}

static enum tm_err (*const steps[])(struct fixture *) = {
    read_samples, read_rows, read_rollups, read_lists, read_events, read_search, read_ranking, read_counts,
};
enum { STEPS = sizeof steps / sizeof steps[0] };

static void the_daemon_reads_whole_or_with_an_error(void **state)
{
    struct fixture *f = *state;
    open_reader = open_here;
    for (size_t i = 0; i < STEPS; i++)
        read_each(f, steps[i]);
}

static void another_process_reads_whole_or_with_an_error(void **state)
{
    struct fixture *f = *state;
    open_reader = open_there;
    fixture_close(f);
    for (size_t i = 0; i < STEPS; i++)
        read_each(f, steps[i]);
    fixture_open(f);
    expect_sound(f);
}
#endif

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, readers_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
#if CAN_FAIL
        WITH_STORE(the_daemon_reads_whole_or_with_an_error),
        WITH_STORE(another_process_reads_whole_or_with_an_error),
#endif
        cmocka_unit_test(there_is_nothing_to_fail_under_a_sanitizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
