/* Rankings of days whose events are gone. */

#include "storage/tops/tops_make.h"
#include "tests/unit/storage/eventing.h"

#define TODAY     ((struct span){DAY0, DAY0 + DAY_MS})
#define OLD_DAY   (DAY0 - 3 * DAY_MS)
#define OLD       ((struct span){OLD_DAY, OLD_DAY + DAY_MS})
#define OLD_LIMIT ((struct store_retention){.events_ms = DAY_MS, .raw_ms = 30 * DAY_MS})

static void fill(struct fixture *f, uint64_t from, size_t count, struct span span)
{
    struct ledger ledger = {0};
    send_events(f, from, count, span, &ledger);
    clear_ledger(&ledger);
}

static struct events_ranking *rank(struct fixture *f, const struct events_query *query,
                                   const struct events_ranking_by *by)
{
    struct events_ranking *ranking;
    struct reader *reader = reader_of_store(f->store);
    enum tm_err err = events_rank(reader, query, by, &ranking, &f->why);
    if (err)
        print_error("%s\n", f->why.text);
    assert_int_equal(err, TM_OK);
    reader_close(reader);
    return ranking;
}

static void drop_old(struct fixture *f)
{
    struct store_retention limits = OLD_LIMIT;
    store_set_retention(f->store, &limits);
    flush_settle(f->store);
}

/* Every key of the exact ranking lies in the bounds of the other one. */
static void expect_bounds(const struct events_ranking *exact, const struct events_ranking *other)
{
    struct events_ranking_total a, b;
    struct events_rank key, found;
    events_ranking_total(exact, &a);
    events_ranking_total(other, &b);
    assert_int_equal(a.error, 0);
    assert_int_equal(a.count, b.count);
    for (size_t i = 0; events_ranking_at(exact, i, &key) == TM_OK; i++) {
        events_ranking_find(other, key.key, &found);
        assert_true(found.count <= key.count && key.count <= found.count + found.error);
    }
    if (b.error == 0)
        assert_int_equal(a.keys, b.keys);
    for (size_t i = 0; events_ranking_at(other, i, &key) == TM_OK; i++) {
        events_ranking_find(exact, key.key, &found);
        assert_true(key.count <= found.count && found.count <= key.count + key.error);
    }
}

static const struct events_ranking_by bys[] = {
    {.column = EVENTS_URL},
    {.column = EVENTS_PAGE_GROUP},
    {.column = EVENTS_AGENT},
    {.column = EVENTS_METHOD},
    {.column = EVENTS_ENV},
    {.column = EVENTS_CACHE},
    {.column = EVENTS_USER_AGENT},
    {.column = EVENTS_STATUS},
    {.column = EVENTS_SERVICE},
    {.column = EVENTS_TAGS, .tag = {"cdn", 3}},
    {.column = EVENTS_TAGS, .tag = {"none", 4}},
};
enum { BYS = sizeof bys / sizeof bys[0] };

static const struct events_query queries[] = {
    {.span = {INT64_MIN, INT64_MAX}},
    {.span = {INT64_MIN, INT64_MAX}, .is_one_service = true, .service = {"shop", 4}},
    {.span = {INT64_MIN, INT64_MAX}, .status_from = 400, .status_to = 500},
    {.span = {INT64_MIN, INT64_MAX}, .status_from = 404, .status_to = 405, .is_one_service = true},
    {.span = {OLD_DAY + 5 * HOUR_MS, OLD_DAY + 7 * HOUR_MS}},
};
enum { QUERIES = sizeof queries / sizeof queries[0] };

static void a_day_that_went_is_ranked_still(void **state)
{
    struct fixture *f = *state;
    struct events_ranking *exact[QUERIES][BYS], *known;
    struct events_ranking_total total;
    fill(f, 1, 4000, OLD);
    flush_now(f);
    fill(f, 5000, 1000, OLD);
    fill(f, 7000, 500, TODAY);
    flush_now(f);
    for (size_t q = 0; q < QUERIES; q++) {
        for (size_t b = 0; b < BYS; b++)
            exact[q][b] = rank(f, &queries[q], &bys[b]);
    }
    drop_old(f);
    for (int round = 0; round < 2; round++, fixture_reopen(f)) {
        for (size_t q = 0; q < QUERIES; q++) {
            for (size_t b = 0; b < BYS; b++) {
                known = rank(f, &queries[q], &bys[b]);
                expect_bounds(exact[q][b], known);
                events_ranking_total(known, &total);
                assert_true(bys[b].column == EVENTS_URL || total.error == 0); /* few keys: nothing was cut */
                assert_false(total.is_cut);
                events_ranking_free(known);
            }
        }
    }
    for (size_t q = 0; q < QUERIES; q++) {
        for (size_t b = 0; b < BYS; b++)
            events_ranking_free(exact[q][b]);
    }
}

static size_t count_left(struct fixture *f)
{
    const struct events_query old = {.span = {INT64_MIN, DAY0}};
    struct ledger ledger;
    struct reader *reader = reader_of_store(f->store);
    scan_all(reader, &old, &ledger);
    size_t count = ledger.count;
    clear_ledger(&ledger);
    reader_close(reader);
    return count;
}

static uint64_t total_of(struct fixture *f, const struct events_query *query)
{
    struct events_ranking *ranking = rank(f, query, &bys[0]);
    struct events_ranking_total total;
    events_ranking_total(ranking, &total);
    events_ranking_free(ranking);
    return total.count;
}

static void events_that_come_after_are_added_once(void **state)
{
    struct fixture *f = *state;
    fill(f, 1, 1000, OLD);
    flush_now(f);
    uint64_t first = total_of(f, &queries[0]);
    drop_old(f);
    assert_int_equal(count_left(f), 0);
    struct store_retention limits = {.events_ms = 30 * DAY_MS, .raw_ms = 30 * DAY_MS};
    store_set_retention(f->store, &limits);
    fill(f, 3000, 700, OLD);
    struct events_ranking *exact = rank(f, &queries[0], &bys[1]);
    uint64_t both = total_of(f, &queries[0]); /* in memory */
    assert_true(both > first);
    flush_now(f);
    assert_int_equal(total_of(f, &queries[0]), both); /* in files */
    drop_old(f);
    assert_int_equal(count_left(f), 0);
    struct events_ranking *known = rank(f, &queries[0], &bys[1]);
    expect_bounds(exact, known); /* two windows of rankings */
    assert_int_equal(total_of(f, &queries[0]), both);
    fixture_reopen(f);
    assert_int_equal(total_of(f, &queries[0]), both);
    events_ranking_free(exact);
    events_ranking_free(known);
}

static void a_day_that_could_not_be_removed_counts_once(void **state)
{
    struct fixture *f = *state;
    static const atomic_bool go_on = false;
    fill(f, 1, 1000, OLD);
    flush_now(f);
    uint64_t total = total_of(f, &queries[0]);
    /* As if the daemon ended between the two. */
    const struct tops_making making = {
        .partitions = f->store->contents.partitions, .stop = &go_on, .day = (uint32_t)(OLD_DAY / DAY_MS)};
    flush_settle(f->store);
    assert_int_equal(tops_make(&making, &f->why), TM_OK);
    assert_int_equal(tops_make(&making, &f->why), TM_OK);
    assert_int_equal(total_of(f, &queries[0]), total);
    fill(f, 3000, 10, OLD);
    flush_now(f);
    total = total_of(f, &queries[0]);
    drop_old(f);
    assert_int_equal(count_left(f), 0);
    assert_int_equal(total_of(f, &queries[0]), total);
}

static void a_span_is_moved_to_whole_hours_where_only_rankings_are(void **state)
{
    struct fixture *f = *state;
    const time_ms_t minute = 60000;
    const struct events_query query = {.span = {OLD_DAY + 90 * minute, OLD_DAY + 200 * minute}};
    struct events_ranking_total total;
    fill(f, 1, 2000, OLD);
    flush_now(f);
    struct events_ranking *ranking = rank(f, &query, &bys[0]);
    events_ranking_total(ranking, &total);
    assert_true(total.span.from == query.span.from && total.span.to == query.span.to);
    events_ranking_free(ranking);
    drop_old(f);
    ranking = rank(f, &query, &bys[0]);
    events_ranking_total(ranking, &total);
    assert_int_equal(total.span.from, OLD_DAY + 60 * minute);
    assert_int_equal(total.span.to, OLD_DAY + 240 * minute);
    events_ranking_free(ranking);
}

static bool take_all(void *arg, const struct http_event *event)
{
    (void)arg, (void)event;
    return true;
}

static void a_filter_is_told_that_days_are_left_out(void **state)
{
    struct fixture *f = *state;
    const struct events_query query = {.span = EVERYTHING, .matches = take_all};
    struct events_ranking_total total;
    fill(f, 1, 500, OLD);
    flush_now(f);
    drop_old(f);
    struct events_ranking *ranking = rank(f, &query, &bys[0]);
    events_ranking_total(ranking, &total);
    assert_true(total.is_cut && total.count == 0);
    events_ranking_free(ranking);
}

static void little_memory_costs_exactness_not_bounds(void **state)
{
    struct fixture *f = *state;
    static const atomic_bool go_on = false;
    fill(f, 1, 4000, OLD);
    flush_now(f);
    struct events_ranking *exact[BYS];
    for (size_t b = 0; b < BYS; b++)
        exact[b] = rank(f, &queries[0], &bys[b]);
    flush_settle(f->store);
    const struct tops_making making = {.partitions = f->store->contents.partitions,
                                       .stop = &go_on,
                                       .day = (uint32_t)(OLD_DAY / DAY_MS),
                                       .live_max = 1000};
    assert_int_equal(tops_make(&making, &f->why), TM_OK);
    drop_old(f);
    for (size_t b = 0; b < BYS; b++) {
        struct events_ranking *known = rank(f, &queries[0], &bys[b]);
        expect_bounds(exact[b], known);
        events_ranking_free(known);
        events_ranking_free(exact[b]);
    }
}

static void rankings_go_with_the_counts(void **state)
{
    struct fixture *f = *state;
    struct store_retention limits = {.events_ms = DAY_MS, .raw_ms = 2 * DAY_MS};
    fill(f, 1, 500, OLD);
    flush_now(f);
    drop_old(f);
    assert_true(total_of(f, &queries[0]) > 0);
    store_set_retention(f->store, &limits);
    flush_settle(f->store);
    assert_int_equal(total_of(f, &queries[0]), 0);
    fill(f, 1000, 500, OLD);
    flush_now(f);
    flush_settle(f->store);
    assert_int_equal(total_of(f, &queries[0]), 0); /* none are made that would go at once */
}

/* Flips a bit at every stride-th place of the rankings' file behind its first pages. */
static void damage_is_found_and_told(void **state)
{
    struct fixture *f = *state;
    char path[500], name[PARTITION_PERIOD_NAME_BYTES];
    struct events_ranking *ranking;
    struct reader_gaps gaps;
    fill(f, 1, 4000, OLD);
    flush_now(f);
    drop_old(f);
    fixture_close(f);
    assert_int_equal(partition_period_name(PARTITION_TOPS, (uint32_t)(OLD_DAY / DAY_MS), name), TM_OK);
    snprintf(path, sizeof path, "%s/tops/%s/data.mdb", f->dir, name);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    off_t size = lseek(fd, 0, SEEK_END);
    for (off_t at = 3 * 4096; at < size; at += 4096) {
        unsigned char byte;
        assert_int_equal(pread(fd, &byte, 1, at + 1000), 1);
        byte ^= 4;
        assert_int_equal(pwrite(fd, &byte, 1, at + 1000), 1);
    }
    close(fd);
    fixture_open(f);
    struct reader *reader = reader_of_store(f->store);
    assert_int_equal(events_rank(reader, &queries[0], &bys[0], &ranking, &f->why), TM_CORRUPT);
    flush_settle(f->store);
    pass_time(f, 60000);
    store_poll(f->store);
    flush_settle(f->store);
    assert_int_equal(events_rank(reader, &queries[0], &bys[0], &ranking, &f->why), TM_OK);
    events_ranking_free(ranking);
    assert_int_equal(reader_gaps(reader, READER_EVENTS, OLD, &gaps, &f->why), TM_OK);
    assert_int_equal(gaps.count, 1);
    reader_close(reader);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_day_that_went_is_ranked_still),
        CASE(events_that_come_after_are_added_once),
        CASE(a_day_that_could_not_be_removed_counts_once),
        CASE(a_span_is_moved_to_whole_hours_where_only_rankings_are),
        CASE(a_filter_is_told_that_days_are_left_out),
        CASE(little_memory_costs_exactness_not_bounds),
        CASE(rankings_go_with_the_counts),
        CASE(damage_is_found_and_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
