/* Raw HTTP events: what was acknowledged is found, once, in order, whatever happened in between. */
#include "tests/unit/storage/eventing.h"

#define TODAY ((struct span){DAY0, DAY0 + DAY_MS})

static void events_are_found_in_memory_in_files_and_after_a_restart(void **state)
{
    struct fixture *f = *state;
    struct ledger ledger = {0};
    send_events(f, 1, 500, TODAY, &ledger);
    expect_ledger(f->store, &ledger);
    flush_now(f);
    expect_ledger(f->store, &ledger);
    send_events(f, 1000, 300, TODAY, &ledger);
    expect_ledger(f->store, &ledger);
    fixture_reopen(f);
    expect_ledger(f->store, &ledger);
    flush_now(f);
    fixture_reopen(f);
    expect_ledger(f->store, &ledger);
    clear_ledger(&ledger);
}

static void equal_events_are_kept_as_often_as_they_came(void **state)
{
    struct fixture *f = *state;
    struct ledger ledger = {0};
    for (int i = 0; i < 5; i++) {
        struct batch *batch = store_batch_new(f->store);
        for (int k = 0; k < 40; k++) {
            struct made_event made;
            make_event(&made, 7, DAY0 + k % 2);
            assert_int_equal(store_batch_http(batch, &made.event), TM_OK);
            (void)note_told(&ledger, &made.event);
        }
        assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
        if (i % 2)
            flush_now(f);
    }
    expect_ledger(f->store, &ledger);
    clear_ledger(&ledger);
}

static void late_events_of_many_days_are_found_and_sealed_days_too(void **state)
{
    struct fixture *f = *state;
    struct ledger ledger = {0};
    const struct span days = {DAY0 - 5 * DAY_MS, DAY0 + DAY_MS};
    for (uint64_t round = 0; round < 4; round++) {
        send_events(f, 1 + 1000 * round, 400, days, &ledger);
        flush_now(f);
        pass_time(f, 3 * HOUR_MS);
        flush_settle(f->store);
        expect_ledger(f->store, &ledger);
    }
    fixture_reopen(f);
    expect_ledger(f->store, &ledger);
    clear_ledger(&ledger);
}

static bool is_missing(void *arg, const struct http_event *event)
{
    (void)arg;
    return event->status == 404;
}

static bool is_missing_shop_url(void *arg, const struct http_event *event)
{
    return is_missing(arg, event) && event->url.len > 0;
}

/* What a query is to find, judged event by event. */
static void expect_query(struct reader *reader, const struct events_query *query)
{
    struct ledger slow = {0}, fast, paged;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct made_event made;
        uint64_t state = seed;
        make_event(&made, seed, DAY0 - DAY_MS + (time_ms_t)roll(&state, 2 * (uint64_t)DAY_MS));
        const struct http_event *event = &made.event;
        if (event->time >= query->span.from && event->time < query->span.to &&
            (!query->is_one_service || str_equal(event->service, query->service)) &&
            (query->status_to == 0 ||
             (event->status >= query->status_from && event->status < query->status_to)) &&
            (!query->matches || query->matches(query->matches_arg, event)))
            (void)note_told(&slow, event);
    }
    sort_ledger(&slow);
    scan_all(reader, query, &fast);
    expect_same(&fast, &slow);
    search_all(reader, query, 10, &paged);
    expect_same(&paged, &slow);
    clear_ledger(&slow);
    clear_ledger(&fast);
    clear_ledger(&paged);
}

static void queries_find_what_they_mean(void **state)
{
    struct fixture *f = *state;
    struct ledger ledger = {0};
    const struct span days = {DAY0 - DAY_MS, DAY0 + DAY_MS};
    send_events(f, 1, 1000, days, &ledger);
    flush_now(f);
    send_events(f, 1001, 1000, days, &ledger);
    flush_now(f);
    send_events(f, 2001, 1000, days, &ledger);
    clear_ledger(&ledger);
    const struct events_query queries[] = {
        {.span = EVERYTHING},
        {.span = {DAY0 - HOUR_MS, DAY0 + HOUR_MS}},
        {.span = EVERYTHING, .is_one_service = true, .service = STR("shop")},
        {.span = EVERYTHING, .is_one_service = true},
        {.span = EVERYTHING, .is_one_service = true, .service = STR("none")},
        {.span = EVERYTHING, .status_from = 400, .status_to = 500},
        {.span = EVERYTHING, .matches = is_missing},
        {.span = EVERYTHING, .matches = is_missing, .needs = EVENTS_BIT(EVENTS_STATUS)},
        {.span = TODAY,
         .matches = is_missing_shop_url,
         .needs = EVENTS_BIT(EVENTS_STATUS) | EVENTS_BIT(EVENTS_URL)},
    };
    struct reader *reader = reader_of_store(f->store);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
        expect_query(reader, &queries[i]);
    reader_close(reader);
}

static void rankings_count_exactly(void **state)
{
    struct fixture *f = *state;
    struct ledger ledger = {0};
    struct tm_why why;
    uint64_t by_status[600] = {0}, total = 0;
    send_events(f, 1, 1500, TODAY, &ledger);
    flush_now(f);
    send_events(f, 1501, 500, TODAY, &ledger);
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct made_event made;
        make_event(&made, seed, DAY0);
        by_status[made.event.status] += made.event.count;
        total += made.event.count;
    }
    const struct events_query all = {.span = EVERYTHING};
    const struct events_ranking_by by = {.column = EVENTS_STATUS};
    struct reader *reader = reader_of_store(f->store);
    struct events_ranking *ranking;
    struct events_ranking_total sums;
    assert_int_equal(events_rank(reader, &all, &by, &ranking, &why), TM_OK);
    events_ranking_total(ranking, &sums);
    assert_int_equal(sums.count, total);
    assert_int_equal(sums.keys, 6);
    uint64_t before = UINT64_MAX;
    for (size_t i = 0; i < sums.keys; i++) {
        struct events_rank rank, found;
        assert_int_equal(events_ranking_at(ranking, i, &rank), TM_OK);
        assert_true(rank.count <= before);
        before = rank.count;
        assert_int_equal(rank.key.len, 3);
        char status[4] = {rank.key.ptr[0], rank.key.ptr[1], rank.key.ptr[2], 0};
        assert_int_equal(rank.count, by_status[strtoul(status, NULL, 10)]);
        events_ranking_find(ranking, rank.key, &found);
        assert_int_equal(found.count, rank.count);
    }
    struct events_rank none;
    assert_int_equal(events_ranking_at(ranking, 6, &none), TM_NOT_FOUND);
    events_ranking_find(ranking, STR("418"), &none);
    assert_int_equal(none.count, 0);
    events_ranking_free(ranking);
    reader_close(reader);
    clear_ledger(&ledger);
}

static void old_days_go_by_age_and_for_room(void **state)
{
    struct fixture *f = *state;
    struct ledger old = {0}, kept = {0};
    send_events(f, 1, 100, (struct span){DAY0 - 3 * DAY_MS, DAY0 - 2 * DAY_MS}, &old);
    send_events(f, 200, 100, TODAY, &kept);
    flush_now(f);
    struct store_retention limits = {.events_ms = DAY_MS};
    store_set_retention(f->store, &limits);
    flush_settle(f->store);
    expect_ledger(f->store, &kept);
    send_events(f, 400, 100, (struct span){DAY0 - DAY_MS, DAY0}, &old);
    flush_now(f);
    limits = (struct store_retention){.max_disk_bytes = 1};
    store_set_retention(f->store, &limits);
    flush_settle(f->store);
    expect_ledger(f->store, &kept);
    clear_ledger(&old);
    clear_ledger(&kept);
}

static void an_event_out_of_bounds_is_refused(void **state)
{
    struct fixture *f = *state;
    struct batch *batch = store_batch_new(f->store);
    struct made_event made;
    make_event(&made, 1, DAY0);
    made.event.bytes = -2;
    assert_int_equal(store_batch_http(batch, &made.event), TM_INVALID);
    make_event(&made, 1, DAY0);
    made.event.count = 0;
    assert_int_equal(store_batch_http(batch, &made.event), TM_INVALID);
    make_event(&made, 1, DAY0);
    made.event.status = 1000;
    assert_int_equal(store_batch_http(batch, &made.event), TM_INVALID);
    make_event(&made, 1, DAY0);
    made.tags.count = 0;
    assert_int_equal(labels_add(&made.tags, STR("b"), STR("1")), TM_OK);
    assert_int_equal(labels_add(&made.tags, STR("a"), STR("1")), TM_OK);
    assert_int_equal(store_batch_http(batch, &made.event), TM_INVALID);
    static char large[HTTP_EVENT_BYTES_MAX];
    memset(large, 'x', sizeof large);
    make_event(&made, 1, DAY0);
    made.event.url = (struct str){large, sizeof large};
    assert_int_equal(store_batch_http(batch, &made.event), TM_TOO_LARGE);
    assert_int_equal(store_batch_count(batch), 0);
    store_batch_drop(f->store, batch);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(events_are_found_in_memory_in_files_and_after_a_restart),
        CASE(equal_events_are_kept_as_often_as_they_came),
        CASE(late_events_of_many_days_are_found_and_sealed_days_too),
        CASE(queries_find_what_they_mean),
        CASE(rankings_count_exactly),
        CASE(old_days_go_by_age_and_for_room),
        CASE(an_event_out_of_bounds_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
