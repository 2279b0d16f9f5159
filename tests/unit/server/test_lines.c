/* From lines to a batch: what is taken, what is refused and with which words. A real store stands behind it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "server/ingest/lines.h"

#define NOW INT64_C(1764000000000)

static time_ms_t fixed_wall_ms(void *self)
{
    (void)self;
    return NOW;
}

static int64_t fixed_mono_ns(void *self)
{
    (void)self;
    return 1;
}

static void no_wake(void *arg)
{
    (void)arg;
}

struct fixture {
    struct clock clock;
    struct config *config;
    struct store *store;
    struct event_cache *cache;
    struct lines lines;
    struct reply reply;
    char folder[64];
};

static void begin(struct fixture *f)
{
    store_batch_drop(f->store, f->lines.batch);
    lines_fini(&f->lines);
    reply_init(&f->reply);
    f->lines = (struct lines){.store = f->store,
                              .config = f->config,
                              .access = {.everything = true},
                              .writes_all = true,
                              .now = NOW,
                              .earlier = NOW,
                              .later = NOW,
                              .batch = store_batch_new(f->store),
                              .reply = &f->reply,
                              .cache = f->cache};
    event_cache_begin(f->cache);
}

static int open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct tm_why why;
    (void)snprintf(f->folder, sizeof f->folder, "/tmp/tm-lines-XXXXXX");
    f->clock = (struct clock){.wall_ms = fixed_wall_ms, .mono_ns = fixed_mono_ns};
    if (!mkdtemp(f->folder) || config_default(&f->config))
        return -1;
    struct store_options options = {.dir = f->folder,
                                    .clock = &f->clock,
                                    .wake = no_wake,
                                    .max_series = 10,
                                    .max_series_per_service = 3,
                                    .segment_bytes = 1 << 20};
    if (store_open(&options, &f->store, &why))
        return -1;
    f->cache = event_cache_new(f->config, store_hash_seed(f->store));
    if (!f->cache)
        return -1;
    begin(f);
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;
    char command[128];
    store_batch_drop(f->store, f->lines.batch);
    lines_fini(&f->lines);
    store_close(f->store);
    event_cache_free(f->cache);
    config_free(f->config);
    (void)snprintf(command, sizeof command, "rm -rf %s", f->folder);
    int code = system(command);
    free(f);
    return code;
}

static void take(struct fixture *f, const char *text)
{
    assert_int_equal(lines_take(&f->lines, str_of(text), PRECISION_MS, 1), TM_OK);
}

/* One line, refused with words that contain this. */
static void assert_refused(struct fixture *f, const char *line, const char *words)
{
    begin(f);
    take(f, line);
    assert_int_equal(f->reply.accepted, 0);
    assert_int_equal(f->reply.rejected, 1);
    if (!strstr(f->reply.errors[0].why.text, words))
        fail_msg("\"%s\" was refused with \"%s\", not with \"%s\"", line, f->reply.errors[0].why.text, words);
    assert_int_equal(store_batch_count(f->lines.batch), 0);
}

static void a_metric_line_becomes_a_sample_per_field(void **state)
{
    struct fixture *f = *state;
    take(f, "cpu,service=cart,pod=a1 value=0.93,throttled=3i,on=true 1764000000000\n");
    assert_int_equal(f->reply.accepted, 1);
    assert_int_equal(f->lines.samples, 3);
    assert_int_equal(store_batch_count(f->lines.batch), 3);
}

static void the_same_key_and_field_find_the_same_series_again(void **state)
{
    struct fixture *f = *state;
    struct store_stats stats;
    take(f, "cpu,service=cart value=1 1764000000000\ncpu,service=cart value=2 1764000001000\n"
            "cpu,service=cart,zone= value=2\n");
    store_stats(f->store, &stats);
    assert_int_equal(stats.series, 1);
    assert_int_equal(f->reply.accepted, 2);
}

static void tags_in_another_order_are_the_same_series(void **state)
{
    struct fixture *f = *state;
    struct store_stats stats;
    take(f, "cpu,service=cart,a=1 value=1 1764000000000\ncpu,a=1,service=cart value=2 1764000001000\n");
    store_stats(f->store, &stats);
    assert_int_equal(stats.series, 1);
    assert_int_equal(f->reply.accepted, 2);
}

static void every_kind_of_event_is_kept(void **state)
{
    struct fixture *f = *state;
    take(f, "http,service=shop,method=GET,status=404 url=\"/p/1\",bytes=512i 1764000000000\n"
            "exception,service=cart,type=NPE message=\"x\" 1764000000000\n"
            "tally,name=payment,service=pay amount=39000i 1764000000000\n"
            "marker,kind=event,service=shop class=\"sale\" 1764000000000\n"
            "deploy,service=cart version=\"1.8.3\" 1764000000000\n");
    assert_int_equal(f->reply.rejected, 0);
    assert_int_equal(f->lines.events[EVENT_HTTP], 1);
    assert_int_equal(f->lines.events[EVENT_EXCEPTION], 1);
    assert_int_equal(f->lines.events[EVENT_TALLY], 1);
    assert_int_equal(f->lines.events[EVENT_MARKER], 2);
    assert_int_equal(store_batch_count(f->lines.batch), 9);
}

static void without_its_mark_an_event_name_is_a_metric(void **state)
{
    struct fixture *f = *state;
    take(f, "http,service=shop value=1 1764000000000\ndeploy,service=shop value=1 1764000000000\n"
            "deploy,service=shop value=2,version=\"1.0\" 1764000000000\n");
    assert_int_equal(f->reply.accepted, 3);
    assert_int_equal(f->lines.samples, 2);
    assert_int_equal(f->lines.events[EVENT_MARKER], 1);
}

static void a_bad_line_is_refused_with_its_number_and_the_others_are_taken(void **state)
{
    struct fixture *f = *state;
    take(f, "cpu value=1 1764000000000\n\n# comment\ncpu value=\ncpu value=2 1764000001000\n");
    assert_int_equal(f->reply.accepted, 2);
    assert_int_equal(f->reply.rejected, 1);
    assert_int_equal(f->reply.errors[0].line, 4);
}

static void what_the_contract_refuses_is_refused_with_a_reason(void **state)
{
    static const struct {
        const char *line, *words;
    } cases[] = {
        {"cpu value=NaN 1764000000000", "column"},
        {"cpu value=\"word\" 1764000000000", "is a string"},
        {"cpu,2x=1 value=1 1764000000000", "\"2x\" can't be a tag's name"},
        {"cpu,__name__=x value=1 1764000000000", "can't be a tag's name"},
        {"c-pu value=1 1764000000000", "\"c-pu\" can't be a metric's name"},
        {"cpu a-b=1 1764000000000", "\"cpu_a-b\" can't be a metric's name"},
        {"http,service=a,status=99 url=\"/\" 1764000000000", "status"},
        {"http,service=a,status=600 url=\"/\" 1764000000000", "status"},
        {"http_events_total value=1 1764000000000", "made by the daemon"},
        {"http events_total=1 1764000000000", "made by the daemon"},
        {"tidemark_x value=1 1764000000000", "made by the daemon"},
        {"tally_payment_total value=1 1764000000000", "made by the daemon"},
        {"anomaly_score value=1 1764000000000", "made by the daemon"},
        {"cpu value=1 1764000600001", "future"},
        {"cpu value=1 1761407999999", "retention"},
        {"marker,kind=party note=\"x\" 1764000000000", "kind"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(*state, cases[i].line, cases[i].words);
}

static void a_future_marker_is_taken(void **state)
{
    struct fixture *f = *state;
    take(f, "marker,kind=event,service=shop class=\"sale\" 1764999999999\n");
    assert_int_equal(f->reply.accepted, 1);
}

static void a_line_with_one_bad_field_is_refused_whole(void **state)
{
    assert_refused(*state, "cpu,service=cart value=1,other=\"x\" 1764000000000", "is a string");
    assert_refused(*state, "cpu,service=cart value=1,o-ther=1 1764000000000", "can't be a metric's name");
}

static void a_label_value_over_the_limit_is_refused(void **state)
{
    struct fixture *f = *state;
    char line[2000];
    f->config->limits.max_label_value_bytes = 16;
    (void)snprintf(line, sizeof line, "cpu,pod=%017d value=1 1764000000000", 1);
    assert_refused(f, line, "limits.max_label_value");
    (void)snprintf(line, sizeof line, "cpu,pod=%016d value=1 1764000000000", 1);
    begin(f);
    take(f, line);
    assert_int_equal(f->reply.accepted, 1);
}

static void a_series_over_a_limit_is_refused_and_known_ones_still_taken(void **state)
{
    struct fixture *f = *state;
    take(f, "a,service=s value=1 1764000000000\nb,service=s value=1 1764000000000\nc,service=s value=1 "
            "1764000000000\n"
            "d,service=s value=1 1764000000000\na,service=s value=2 1764000001000\nd,service=t value=1 "
            "1764000000000\n");
    assert_int_equal(f->reply.accepted, 5);
    assert_int_equal(f->reply.rejected, 1);
    assert_int_equal(f->reply.errors[0].line, 4);
    assert_non_null(strstr(f->reply.errors[0].why.text, "series"));
    assert_non_null(strstr(f->reply.errors[0].why.text, "s"));
}

static void a_key_writes_its_services_only_known_series_or_not(void **state)
{
    struct fixture *f = *state;
    char *scopes[] = {(char *)(uintptr_t) "write:cart"};
    struct config_key key = {.name = (char *)(uintptr_t) "k", .scopes = {scopes, 1}};
    take(f, "cpu,service=shop value=1 1764000000000\n"); /* the series is known from somebody else */
    begin(f);
    f->lines.access = (struct access){.key = &key};
    f->lines.writes_all = false;
    take(f, "cpu,service=shop value=2 1764000001000\ncpu,service=cart value=2 1764000001000\n"
            "cpu,job=shop value=2 1764000001000\ndeploy,service=shop version=\"1\" 1764000001000\n");
    assert_int_equal(f->reply.accepted, 1);
    assert_int_equal(f->reply.rejected, 3);
    assert_non_null(strstr(f->reply.errors[0].why.text, "may not write service \"shop\""));
}

static void a_missing_timestamp_is_the_time_of_receipt(void **state)
{
    struct fixture *f = *state;
    f->config->limits.max_future_ms = 0;
    f->config->storage.retention.raw_ms = 1;
    take(f, "cpu value=1\n");
    assert_int_equal(f->reply.accepted, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_metric_line_becomes_a_sample_per_field),
        TEST(the_same_key_and_field_find_the_same_series_again),
        TEST(tags_in_another_order_are_the_same_series),
        TEST(every_kind_of_event_is_kept),
        TEST(without_its_mark_an_event_name_is_a_metric),
        TEST(a_bad_line_is_refused_with_its_number_and_the_others_are_taken),
        TEST(what_the_contract_refuses_is_refused_with_a_reason),
        TEST(a_future_marker_is_taken),
        TEST(a_line_with_one_bad_field_is_refused_whole),
        TEST(a_label_value_over_the_limit_is_refused),
        TEST(a_series_over_a_limit_is_refused_and_known_ones_still_taken),
        TEST(a_key_writes_its_services_only_known_series_or_not),
        TEST(a_missing_timestamp_is_the_time_of_receipt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
