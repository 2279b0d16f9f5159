/* The n-th allocation fails, for every n, while exceptions and failed requests are sent, edited, flushed and
 * shown: each that was acknowledged counts once in its group, none that was refused. */
#include "tests/unit/storage/nomem.h"

#include "tests/unit/storage/eventing.h"

#if CAN_FAIL
enum { PATH = 600, SHELL = 3 * PATH };

static struct {
    unsigned batches;
    uint64_t exceptions; /* acknowledged */
    uint64_t requests;   /* failed ones, likewise */
    uint64_t seen;       /* counts of all groups in the last view */
} told;

/* ---- exceptions ---- */

/* An exception of a group that is there or not, of a release and with tags that are known or not. */
static enum tm_err add_exception(struct batch *batch, unsigned n)
{
    char fingerprint[24], release[24], pod[24];
    (void)snprintf(fingerprint, sizeof fingerprint, "f%u", n / 7);
    (void)snprintf(release, sizeof release, "1.%u", n % 11);
    (void)snprintf(pod, sizeof pod, "p%u", n % 5);
    struct exception e = {.time = DAY0 + n * HOUR_MS / 2,
                          .service = STR("cart"),
                          .type = STR("NPE"),
                          .release = str_of(release),
                          .fingerprint = str_of(fingerprint),
                          .message = str_of(pod),
                          .stack = STR("at a"),
                          .count = 3};
    assert_int_equal(labels_add(&e.tags, STR("pod"), str_of(pod)), TM_OK);
    return store_batch_exception(batch, &e);
}

static enum tm_err add_request(struct batch *batch, unsigned n)
{
    struct made_event made;
    make_event(&made, n, DAY0 + n);
    made.event.status = n % 2 ? 500 : 404;
    made.event.count = 2;
    return store_batch_http(batch, &made.event);
}

static enum tm_err send_both(struct fixture *f)
{
    unsigned n = told.batches++;
    struct batch *batch = store_batch_new(f->store);
    if (!batch)
        return TM_NOMEM;
    enum tm_err err = add_exception(batch, n);
    if (!err)
        err = add_request(batch, n);
    if (!err)
        return send_batch(f->store, batch, NULL);
    store_batch_drop(f->store, batch);
    return err;
}

/* Adds up all groups, once each. */
static enum tm_err view_all(struct fixture *f)
{
    time_ms_t now, last;
    struct str service;
    struct groups *groups = store_groups(f->store, &now);
    enum tm_err err = TM_OK;
    told.seen = 0;
    for (size_t i = 0; i < groups_count(groups) && !err; i++) {
        struct group_view view;
        uint64_t id = groups_at(groups, i, &last, &service);
        if (id == 0)
            continue;
        err = groups_view(groups, id, now, &view);
        for (size_t h = 0; h < view.hour_count && !err; h++)
            told.seen += view.hours[h].count;
    }
    return err;
}

static void expect_told(struct fixture *f, enum tm_err err)
{
    (void)err;
    assert_int_equal(view_all(f), TM_OK);
    assert_int_equal(told.seen, 3 * told.exceptions + 2 * told.requests);
    expect_sound(f);
}

static void note_sent(struct fixture *f, enum tm_err err)
{
    told.exceptions += !err;
    told.requests += !err;
    expect_told(f, err);
}

static void send_more(struct fixture *f)
{
    note_sent(f, send_both(f));
}

static enum tm_err flush_all(struct fixture *f)
{
    return store_flush(f->store);
}

static enum tm_err open_store(struct fixture *f)
{
    return fixture_try_open(f);
}

static void expect_opened(struct fixture *f, enum tm_err err)
{
    if (err) {
        assert_null(f->store);
        return;
    }
    expect_told(f, err);
    fixture_close(f);
}

static void an_exception_counts_wholly_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    memset(&told, 0, sizeof told);
    for (int i = 0; i < 60; i++)
        assert_true(fail_each(f, NULL, send_both, note_sent) >= 1);
    fixture_reopen(f);
    expect_told(f, TM_OK);
}

static void groups_survive_a_flush_and_a_start_without_memory(void **state)
{
    struct fixture *f = *state;
    memset(&told, 0, sizeof told);
    assert_true(fail_each(f, send_more, flush_all, expect_told) > 20);
    send_more(f);
    fixture_close(f);
    assert_true(fail_each(f, NULL, open_store, expect_opened) > 20);
    fixture_open(f);
    expect_told(f, TM_OK);
}

/* ---- half applied ---- */

/* What would be there after a kill now. */
static uint64_t seen_after_kill(struct fixture *f)
{
    char line[SHELL], copy[PATH];
    struct fixture *other = calloc(1, sizeof *other);
    assert_non_null(other);
    *other = *f;
    other->store = NULL;
    faulty_init(&other->faulty);
    (void)snprintf(copy, sizeof copy, "%.500s.killed", f->dir);
    (void)snprintf(line, sizeof line, "rm -rf '%s' && cp -r '%s' '%s'", copy, f->dir, copy);
    assert_int_equal(system(line), 0);
    other->options.dir = copy;
    fixture_open(other);
    assert_int_equal(view_all(other), TM_OK);
    fixture_close(other);
    free(other);
    (void)snprintf(line, sizeof line, "rm -rf '%s'", copy);
    assert_int_equal(system(line), 0);
    return told.seen;
}

/* A batch that is durable meets a poll in which the n-th allocation fails, and then a flush. False: none
 * failed. */
static bool flush_half_applied(struct fixture *f, long n)
{
    struct answer answer = {0, TM_OK};
    flush_now(f);
    assert_int_equal(send_one(f->store, "s", DAY0 + n, 1), TM_OK); /* there is something to flush */
    struct batch *batch = store_batch_new(f->store);
    assert_int_equal(add_exception(batch, 7 * told.batches++), TM_OK); /* of a new group */
    assert_int_equal(store_submit(f->store, &batch, NULL, answer_done, &answer), TM_OK);
    while (stats_of(f->store).journal_records < 2 * told.batches)
        (void)nanosleep(&(struct timespec){0, 100000}, NULL);
    arm(n);
    store_poll(f->store);
    bool has_failed = disarm();
    enum tm_err err = store_flush(f->store);
    assert_true(err == TM_OK || err == TM_BUSY || err == TM_NOMEM);
    told.exceptions++;
    assert_int_equal(seen_after_kill(f), 3 * told.exceptions);
    if (answer.calls == 0)
        recover(f);
    wait_answer(f->store, &answer);
    assert_int_equal(answer.err, TM_OK);
    expect_told(f, TM_OK);
    return has_failed;
}

static void an_exception_that_is_half_applied_is_not_flushed(void **state)
{
    struct fixture *f = *state;
    memset(&told, 0, sizeof told);
    long n = 0;
    while (flush_half_applied(f, n))
        n++;
    assert_true(n >= 10);
    fixture_reopen(f);
    expect_told(f, TM_OK);
}

/* ---- edits and views ---- */

static uint64_t id_at(struct fixture *f, size_t i)
{
    time_ms_t now, last;
    struct str service;
    return groups_at(store_groups(f->store, &now), i, &last, &service);
}

static enum tm_err merge_or_split(struct fixture *f)
{
    struct batch *batch = store_batch_new(f->store);
    unsigned n = told.batches++;
    if (!batch)
        return TM_NOMEM;
    uint64_t first = id_at(f, 0), second = id_at(f, 1);
    enum group_edit edit = n % 2 ? GROUP_SPLIT : GROUP_MERGE;
    enum tm_err err = store_batch_group_edit(batch, DAY0, second ? second : first, edit, first);
    if (!err)
        return send_batch(f->store, batch, NULL);
    store_batch_drop(f->store, batch);
    return err;
}

static void expect_seen(struct fixture *f, enum tm_err err)
{
    assert_true(err || told.seen == 3 * told.exceptions + 2 * told.requests);
    expect_sound(f);
}

static void a_view_is_whole_or_an_error(void **state)
{
    struct fixture *f = *state;
    memset(&told, 0, sizeof told);
    for (int i = 0; i < 30; i++)
        send_more(f);
    assert_true(fail_each(f, NULL, merge_or_split, expect_told) >= 1);
    for (size_t i = 1; i < 4; i++) {
        struct batch *batch = store_batch_new(f->store);
        assert_int_equal(store_batch_group_edit(batch, DAY0, id_at(f, i), GROUP_MERGE, id_at(f, 0)), TM_OK);
        assert_int_equal(send_batch(f->store, batch, NULL), TM_OK);
    }
    assert_true(fail_each(f, NULL, view_all, expect_seen) > 5);
    expect_told(f, TM_OK);
}
#endif

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, nomem_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
#if CAN_FAIL
        WITH_STORE(an_exception_counts_wholly_or_not_at_all),
        WITH_STORE(groups_survive_a_flush_and_a_start_without_memory),
        WITH_STORE(an_exception_that_is_half_applied_is_not_flushed),
        WITH_STORE(a_view_is_whole_or_an_error),
#endif
        cmocka_unit_test(there_is_nothing_to_fail_under_a_sanitizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
