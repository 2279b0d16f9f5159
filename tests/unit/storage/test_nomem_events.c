/* The n-th allocation fails, for every n, while HTTP events and markers are sent, flushed and searched: what
 * was acknowledged is there once, what was refused is not, and the store goes on. */
#include "tests/unit/storage/nomem.h"

#include "storage/markers/markers.h"
#include "tests/unit/storage/eventing.h"

#if CAN_FAIL
enum { EVENTS = 3 };

static struct {
    uint64_t seed;
    size_t events;  /* acknowledged */
    size_t markers; /* likewise */
    size_t found;
} told;

/* ---- HTTP events ---- */

static enum tm_err send_three(struct fixture *f)
{
    struct batch *batch = store_batch_new(f->store);
    enum tm_err err = TM_OK;
    if (!batch)
        return TM_NOMEM;
    for (int i = 0; i < EVENTS && !err; i++) {
        struct made_event made;
        told.seed++;
        make_event(&made, told.seed, DAY0 + (time_ms_t)told.seed);
        err = store_batch_http(batch, &made.event);
    }
    if (!err)
        return send_batch(f->store, batch, NULL);
    store_batch_drop(f->store, batch);
    return err;
}

static bool count_event(void *arg, const struct http_event *event)
{
    (void)arg, (void)event;
    told.found++;
    return true;
}

static enum tm_err search_events(struct fixture *f)
{
    const struct events_query all = {.span = EVERYTHING};
    struct events_cursor cursor = EVENTS_NEWEST;
    bool is_more = false;
    struct events_page page = {&cursor, 5000, &is_more, count_event, NULL};
    struct reader *reader = reader_of_store(f->store);
    told.found = 0;
    if (!reader)
        return TM_NOMEM;
    enum tm_err err = events_search(reader, &all, &page, &f->why);
    reader_close(reader);
    return err;
}

static void expect_events_told(struct fixture *f, enum tm_err err)
{
    (void)err;
    assert_int_equal(search_events(f), TM_OK);
    assert_int_equal(told.found, told.events);
    expect_sound(f);
}

static void note_sent(struct fixture *f, enum tm_err err)
{
    told.events += err ? 0 : EVENTS;
    expect_events_told(f, err);
}

static void send_more(struct fixture *f)
{
    note_sent(f, send_three(f));
}

static enum tm_err flush_all(struct fixture *f)
{
    return store_flush(f->store);
}

static void events_are_taken_wholly_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    told.events = 0;
    assert_true(fail_each(f, NULL, send_three, note_sent) >= 3);
    fixture_reopen(f);
    expect_events_told(f, TM_OK);
}

static void events_survive_a_flush_without_memory(void **state)
{
    struct fixture *f = *state;
    told.events = 0;
    assert_true(fail_each(f, send_more, flush_all, expect_events_told) > 20);
    fixture_reopen(f);
    expect_events_told(f, TM_OK);
}

static void expect_search(struct fixture *f, enum tm_err err)
{
    (void)f;
    assert_true(told.found <= told.events);
    assert_true(err || told.found == told.events);
}

static void a_search_finds_all_or_says_why_not(void **state)
{
    struct fixture *f = *state;
    told.events = 0;
    send_more(f);
    flush_now(f);
    send_more(f);
    assert_true(fail_each(f, NULL, search_events, expect_search) > 5);
    fixture_reopen(f); /* nothing is open yet */
    assert_true(fail_each(f, NULL, search_events, expect_search) > 5);
}

/* ---- days ---- */

/* One more window of a day that is over and quiet. */
static void prepare_day(struct fixture *f)
{
    send_more(f);
    flush_now(f);
    pass_time(f, 30 * HOUR_MS);
}

/* Every fifth is enough: the days of samples and counts, kept in the same job, have tests of their own. */
static void a_day_is_merged_or_stays_as_it_is(void **state)
{
    enum { STRIDE = 5, MOST = 1500 };
    struct fixture *f = *state;
    bool has_failed = true;
    long n = 0;
    told.events = 0;
    row = 1;
    for (; has_failed && n < MOST; n += STRIDE) {
        prepare_day(f);
        arm(n);
        flush_settle(f->store);
        has_failed = disarm();
        expect_events_told(f, TM_OK);
    }
    assert_true(n > 20 * STRIDE);
    fixture_reopen(f);
    expect_events_told(f, TM_OK);
}

/* ---- markers ---- */

static enum tm_err tell_marker(struct fixture *f)
{
    told.seed++;
    const struct marker marker = {
        .kind = MARKER_DEPLOY,
        .time = DAY0 + (time_ms_t)told.seed,
        .end = MARKER_NO_END,
        .text = {[MARKER_SERVICE] = STR("shop"), [MARKER_VERSION] = STR("1.2")},
    };
    struct batch *batch = store_batch_new(f->store);
    if (!batch)
        return TM_NOMEM;
    enum tm_err err = store_batch_marker(batch, &marker, NULL);
    if (!err)
        return send_batch(f->store, batch, NULL);
    store_batch_drop(f->store, batch);
    return err;
}

static void expect_markers(struct fixture *f, enum tm_err err)
{
    (void)err;
    assert_int_equal(markers_count(store_markers(f->store)), told.markers);
    expect_sound(f);
}

static void note_marker(struct fixture *f, enum tm_err err)
{
    told.markers += err == TM_OK;
    expect_markers(f, err);
}

static void tell_more(struct fixture *f)
{
    note_marker(f, tell_marker(f));
}

static enum tm_err open_store(struct fixture *f)
{
    return fixture_try_open(f);
}

static void expect_opened(struct fixture *f, enum tm_err err)
{
    if (err)
        return;
    expect_markers(f, err);
    fixture_close(f);
}

static void a_marker_is_taken_wholly_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    told.markers = 0;
    for (int i = 0; i < 20; i++) /* the table grows now and then */
        (void)fail_each(f, NULL, tell_marker, note_marker);
    assert_true(told.markers >= 20);
    assert_true(fail_each(f, tell_more, flush_all, expect_markers) >= 1);
    tell_more(f);
    fixture_close(f);
    assert_true(fail_each(f, NULL, open_store, expect_opened) > 20);
    fixture_open(f);
    expect_markers(f, TM_OK);
}
#endif

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, nomem_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
#if CAN_FAIL
        WITH_STORE(events_are_taken_wholly_or_not_at_all),
        WITH_STORE(events_survive_a_flush_without_memory),
        WITH_STORE(a_search_finds_all_or_says_why_not),
        WITH_STORE(a_day_is_merged_or_stays_as_it_is),
        WITH_STORE(a_marker_is_taken_wholly_or_not_at_all),
#endif
        cmocka_unit_test(there_is_nothing_to_fail_under_a_sanitizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
