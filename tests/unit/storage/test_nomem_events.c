/* The n-th allocation fails, for every n, while HTTP events are sent and flushed: what
 * was acknowledged is there once, what was refused is not, and the store goes on. */
#include "tests/unit/storage/nomem.h"

#include "tests/unit/storage/eventing.h"

#if CAN_FAIL
enum { EVENTS = 3 };

static struct {
    uint64_t seed;
    size_t events; /* acknowledged */
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

#endif

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, nomem_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
#if CAN_FAIL
        WITH_STORE(events_are_taken_wholly_or_not_at_all),
        WITH_STORE(events_survive_a_flush_without_memory),
#endif
        cmocka_unit_test(there_is_nothing_to_fail_under_a_sanitizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
