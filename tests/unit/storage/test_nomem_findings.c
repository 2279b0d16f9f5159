/* The n-th allocation fails, for every n, while findings are told, flushed, searched and forgotten: each that
 * was acknowledged is there as it was told last; a search tells all of them or says that it could not. */
#include "tests/unit/storage/nomem.h"

#include "storage/findings/findings.h"

#if CAN_FAIL
enum { IDS = 40 };

static struct {
    unsigned count;             /* told so far */
    unsigned versions[IDS + 1]; /* acknowledged last */
    unsigned tried;             /* the id of the last try, and its version: it may be there or not */
    unsigned tried_version;
    size_t seen;
    bool is_wrong;
} told;

static enum tm_err tell(struct fixture *f)
{
    unsigned id = 1 + told.count % IDS, version = ++told.count;
    char body[400];
    struct batch *batch = store_batch_new(f->store);
    told.tried = id;
    told.tried_version = version;
    if (!batch)
        return TM_NOMEM;
    (void)snprintf(body, sizeof body, "{\"v\":%u,\"x\":\"%0300u\"}", version, version);
    const struct finding finding = {.kind = FINDING_ANOMALY,
                                    .id = id,
                                    .time = DAY0 + version % 7 * 1000,
                                    .service = STR("shop"),
                                    .body = str_of(body)};
    enum tm_err err = store_batch_finding(batch, &finding);
    if (!err)
        return send_batch(f->store, batch, NULL);
    store_batch_drop(f->store, batch);
    return err;
}

static bool look_one(void *arg, const struct finding *finding)
{
    unsigned version = 0;
    (void)arg;
    told.is_wrong = told.is_wrong || finding->id > IDS ||
                    sscanf(finding->body.ptr, "{\"v\":%u", &version) != 1 ||
                    version != told.versions[finding->id] || finding->time != DAY0 + version % 7 * 1000;
    told.seen++;
    return true;
}

static enum tm_err search(struct fixture *f)
{
    const struct findings_wanted wanted = {.kind = FINDING_ANOMALY, .span = READER_ALWAYS};
    struct reader *reader = reader_of_store(f->store);
    told.seen = 0;
    told.is_wrong = false;
    enum tm_err err = reader ? findings_search(reader, &wanted, look_one, NULL, &f->why) : TM_NOMEM;
    reader_close(reader);
    return err;
}

static size_t known(void)
{
    size_t count = 0;
    for (unsigned id = 1; id <= IDS; id++)
        count += told.versions[id] > 0;
    return count;
}

static void expect_told(struct fixture *f, enum tm_err err)
{
    (void)err;
    assert_int_equal(search(f), TM_OK);
    assert_false(told.is_wrong);
    assert_int_equal(told.seen, known());
    expect_sound(f);
}

static void note_told(struct fixture *f, enum tm_err err)
{
    if (!err)
        told.versions[told.tried] = told.tried_version;
    expect_told(f, err);
}

static void tell_more(struct fixture *f)
{
    for (int i = 0; i < 3; i++)
        note_told(f, tell(f));
}

static enum tm_err flush_all(struct fixture *f)
{
    return store_flush(f->store);
}

static void expect_whole_or_error(struct fixture *f, enum tm_err err)
{
    assert_false(told.is_wrong);
    assert_true(err || told.seen == known());
    expect_sound(f);
}

static void a_finding_is_told_wholly_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    memset(&told, 0, sizeof told);
    for (int i = 0; i < 10; i++)
        assert_true(fail_each(f, NULL, tell, note_told) >= 1);
    fixture_reopen(f);
    expect_told(f, TM_OK);
}

static void a_flush_without_memory_is_done_again(void **state)
{
    struct fixture *f = *state;
    memset(&told, 0, sizeof told);
    assert_true(fail_each(f, tell_more, flush_all, expect_told) > 5);
    fixture_reopen(f);
    expect_told(f, TM_OK);
}

static void a_search_is_whole_or_an_error(void **state)
{
    struct fixture *f = *state;
    memset(&told, 0, sizeof told);
    for (int i = 0; i < 20; i++)
        tell_more(f);
    flush_now(f);
    tell_more(f);
    assert_true(fail_each(f, NULL, search, expect_whole_or_error) > 5);
    expect_told(f, TM_OK);
}
#endif

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, nomem_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
#if CAN_FAIL
        WITH_STORE(a_finding_is_told_wholly_or_not_at_all),
        WITH_STORE(a_flush_without_memory_is_done_again),
        WITH_STORE(a_search_is_whole_or_an_error),
#endif
        cmocka_unit_test(there_is_nothing_to_fail_under_a_sanitizer),
    };
    return cmocka_run_group_tests_name("findings without memory", tests, NULL, NULL);
}
