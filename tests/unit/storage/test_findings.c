/* Findings: each once, as told last, wherever it stands. */
#include "tests/unit/storage/engine.h"

#include "storage/findings/findings.h"

static struct finding finding_of(enum finding_kind kind, uint64_t id, time_ms_t time, const char *service)
{
    return (struct finding){.kind = kind,
                            .id = id,
                            .time = time,
                            .score = 50,
                            .service = str_of(service),
                            .body = STR("{\"n\":1}")};
}

static void tell(struct store *store, const struct finding *finding)
{
    struct batch *batch = store_batch_new(store);
    assert_non_null(batch);
    assert_int_equal(store_batch_finding(batch, finding), TM_OK);
    assert_int_equal(send_batch(store, batch, NULL), TM_OK);
}

static void tell_plain(struct store *store, enum finding_kind kind, uint64_t id, time_ms_t offset_ms)
{
    const struct finding finding = finding_of(kind, id, DAY0 + offset_ms, "shop");
    tell(store, &finding);
}

static struct findings_wanted all_of(enum finding_kind kind)
{
    return (struct findings_wanted){.kind = kind, .span = READER_ALWAYS};
}

static bool write_one(void *arg, const struct finding *finding)
{
    struct bytes *out = arg;
    bytes_printf(out, "%llu@%lld:%.*s ", (unsigned long long)finding->id, (long long)(finding->time - DAY0),
                 STR_ARG(finding->body));
    return true;
}

static void expect_in(struct reader *reader, const struct findings_wanted *wanted, const char *expected)
{
    struct bytes out = {0};
    struct tm_why why;
    assert_non_null(reader);
    assert_int_equal(findings_search(reader, wanted, write_one, &out, &why), TM_OK);
    bytes_put(&out, "", 1);
    assert_int_equal(bytes_error(&out), TM_OK);
    assert_string_equal((char *)out.data, expected);
    bytes_fini(&out);
}

/* In the store itself, and as another process sees it. */
static void expect(const struct fixture *f, const struct findings_wanted *wanted, const char *expected)
{
    struct tm_why why;
    struct reader *own = reader_of_store(f->store), *other;
    expect_in(own, wanted, expected);
    reader_close(own);
    assert_int_equal(reader_open(f->dir, &other, &why), TM_OK);
    expect_in(other, wanted, expected);
    reader_close(other);
}

static void a_finding_told_again_replaces_what_was(void **state)
{
    struct fixture *f = *state;
    const struct findings_wanted anomalies = all_of(FINDING_ANOMALY), incidents = all_of(FINDING_INCIDENT);
    tell_plain(f->store, FINDING_ANOMALY, 7, 1000);
    tell_plain(f->store, FINDING_ANOMALY, 8, 2000);
    tell_plain(f->store, FINDING_INCIDENT, 7, 3000);
    for (int i = 0; i < 3; i++) {
        struct finding again = finding_of(FINDING_ANOMALY, 7, DAY0 + 4000 + i, "shop");
        char body[32], expected[128];
        (void)snprintf(body, sizeof body, "{\"n\":%d}", i + 2);
        again.body = str_of(body);
        tell(f->store, &again);
        (void)snprintf(expected, sizeof expected, "7@%d:{\"n\":%d} 8@2000:{\"n\":1} ", 4000 + i, i + 2);
        expect(f, &anomalies, expected);
        flush_now(f);
        expect(f, &anomalies, expected);
        expect(f, &incidents, "7@3000:{\"n\":1} ");
    }
}

static void findings_outlive_flushes_and_restarts(void **state)
{
    struct fixture *f = *state;
    const struct findings_wanted wanted = all_of(FINDING_CLOSING);
    tell_plain(f->store, FINDING_CLOSING, 1, 1000);
    fixture_reopen(f);
    expect(f, &wanted, "1@1000:{\"n\":1} ");
    tell_plain(f->store, FINDING_CLOSING, 2, 500);
    flush_now(f);
    fixture_reopen(f);
    tell_plain(f->store, FINDING_CLOSING, 1, 2000);
    expect(f, &wanted, "1@2000:{\"n\":1} 2@500:{\"n\":1} ");
    fixture_reopen(f);
    expect(f, &wanted, "1@2000:{\"n\":1} 2@500:{\"n\":1} ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_finding_told_again_replaces_what_was, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(findings_outlive_flushes_and_restarts, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests_name("findings", tests, NULL, NULL);
}
