/* The n-th allocation fails, for every n, while rankings of a day are made and read: what is told lies in its
 * bounds, what could not be made or read is refused, and a day goes only with its rankings. */
#include "tests/unit/storage/nomem.h"

#include "storage/tops/tops_make.h"
#include "tests/unit/storage/eventing.h"

#if CAN_FAIL
#define OLD_DAY (DAY0 - 3 * DAY_MS)

static struct {
    uint64_t total; /* of all events */
    uint64_t found;
} told;

static void fill(struct fixture *f)
{
    struct ledger ledger = {0};
    send_events(f, 1, 40, (struct span){OLD_DAY, OLD_DAY + DAY_MS}, &ledger);
    clear_ledger(&ledger);
    flush_now(f);
    flush_settle(f->store);
}

static enum tm_err rank_tags(struct fixture *f)
{
    const struct events_query all = {.span = EVERYTHING};
    const struct events_ranking_by by = {.column = EVENTS_TAGS, .tag = STR("cdn")};
    struct events_ranking *ranking;
    struct events_ranking_total total;
    struct reader *reader = reader_of_store(f->store);
    if (!reader)
        return TM_NOMEM;
    enum tm_err err = events_rank(reader, &all, &by, &ranking, &f->why);
    if (!err) {
        struct events_rank rank;
        uint64_t sum = 0;
        events_ranking_total(ranking, &total);
        for (size_t i = 0; events_ranking_at(ranking, i, &rank) == TM_OK; i++)
            sum += rank.count;
        told.found = total.count;
        assert_int_equal(total.error, 0);
        assert_int_equal(sum, total.count);
        events_ranking_free(ranking);
    }
    reader_close(reader);
    return err;
}

static void expect_ranked(struct fixture *f, enum tm_err err)
{
    (void)f;
    if (!err)
        assert_int_equal(told.found, told.total);
}

static enum tm_err make_tops(struct fixture *f)
{
    static const atomic_bool go_on = false;
    const struct tops_making making = {
        .partitions = f->store->contents.partitions, .stop = &go_on, .day = (uint32_t)(OLD_DAY / DAY_MS)};
    return tops_make(&making, &f->why);
}

/* Gone again, so that each try begins anew. */
static void remove_tops(struct fixture *f)
{
    enum tm_err err =
        partition_drop(f->store->contents.partitions, PARTITION_TOPS, (uint32_t)(OLD_DAY / DAY_MS), &f->why);
    assert_true(err == TM_OK || err == TM_NOT_FOUND);
}

static void expect_counted_once(struct fixture *f, enum tm_err err)
{
    (void)err;
    assert_int_equal(rank_tags(f), TM_OK);
    assert_int_equal(told.found, told.total);
}

static void rankings_are_made_wholly_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    fill(f);
    assert_int_equal(rank_tags(f), TM_OK);
    told.total = told.found;
    assert_true(fail_each(f, remove_tops, make_tops, expect_counted_once) > 100);
}

static void a_ranking_is_whole_or_says_why_not(void **state)
{
    struct fixture *f = *state;
    fill(f);
    assert_int_equal(rank_tags(f), TM_OK);
    told.total = told.found;
    struct store_retention limits = {.events_ms = DAY_MS, .raw_ms = 30 * DAY_MS};
    store_set_retention(f->store, &limits);
    flush_settle(f->store);
    assert_true(fail_each(f, NULL, rank_tags, expect_ranked) > 5);
    fixture_reopen(f); /* nothing is open yet */
    assert_true(fail_each(f, NULL, rank_tags, expect_ranked) > 5);
}

/* Every 23rd allocation is enough. Whatever fails while the day goes, its events are told of or its rankings
 * are. */
static void a_day_goes_only_with_its_rankings(void **state)
{
    enum { STRIDE = 23, MOST = 3000 };
    struct fixture *f = *state;
    bool has_failed = true;
    long n = 0;
    for (row = 1; has_failed && n < MOST; n += STRIDE) {
        remove_tops(f);
        struct store_retention keep = {.events_ms = 30 * DAY_MS, .raw_ms = 30 * DAY_MS}, limits = keep;
        store_set_retention(f->store, &keep);
        fill(f);
        assert_int_equal(rank_tags(f), TM_OK);
        told.total = told.found;
        limits.events_ms = DAY_MS;
        store_set_retention(f->store, &limits);
        arm(n);
        flush_settle(f->store);
        has_failed = disarm();
        expect_counted_once(f, TM_OK);
        pass_time(f, 2 * 60000);
        flush_settle(f->store);
        expect_counted_once(f, TM_OK);
    }
    assert_true(n > 10 * STRIDE);
}

#endif

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, nomem_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
#if CAN_FAIL
        WITH_STORE(rankings_are_made_wholly_or_not_at_all),
        WITH_STORE(a_ranking_is_whole_or_says_why_not),
        WITH_STORE(a_day_goes_only_with_its_rankings),
#endif
        cmocka_unit_test(there_is_nothing_to_fail_under_a_sanitizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
