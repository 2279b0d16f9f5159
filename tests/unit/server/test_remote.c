/* Prometheus remote write from its bytes to the store: what is taken, what is refused and why. */
#include "tests/unit/storage/fixture.h"

#include <math.h>
#include <snappy-c.h>

#include "server/ingest/ingest.h"
#include "server/ingest/metadata.h"
#include "storage/query.h"

static const char keys_yaml[] =
    "auth:\n"
    "  keys:\n"
    "    - {name: cart, secret: 0123456789abcdef-cart, scopes: [\"write:cart\"]}\n";

struct rig {
    struct fixture *f;
    struct config *config;
    struct counters counters;
    struct ingest *ingest;
    struct bytes body; /* protobuf */
    struct reply reply;
    int replies;
};

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    struct config_faults faults = {.count = 0};
    assert_non_null(rig);
    rig->f = fixture_new();
    rig->f->options.max_series = 3;
    rig->f->options.max_series_per_service = 100;
    fixture_open(rig->f);
    assert_int_equal(config_parse(str_of(keys_yaml), "test", &rig->config, &faults), TM_OK);
    rig->ingest = ingest_open(rig->f->store, rig->config, &rig->counters, &rig->f->clock.clock);
    assert_non_null(rig->ingest);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    fixture_close(rig->f);
    assert_int_equal(ingest_pending(rig->ingest), 0);
    ingest_close(rig->ingest);
    config_free(rig->config);
    bytes_fini(&rig->body);
    folder_remove(rig->f->dir);
    free(rig->f);
    free(rig);
    return 0;
}

/* ---- writing protobuf, by its specification ---- */

static void put_field(struct bytes *out, uint32_t field, struct str content)
{
    bytes_varint(out, field << 3 | 2);
    bytes_str(out, content);
}

static void put_label(struct bytes *series, const char *name, struct str value)
{
    struct bytes label = {0};
    put_field(&label, 1, str_of(name));
    put_field(&label, 2, value);
    put_field(series, 1, bytes_view(&label));
    bytes_fini(&label);
}

static void put_sample(struct bytes *series, time_ms_t time, double value)
{
    struct bytes sample = {0};
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bytes_varint(&sample, 1 << 3 | 1);
    bytes_u64(&sample, bits);
    bytes_varint(&sample, 2 << 3);
    bytes_varint(&sample, (uint64_t)time);
    put_field(series, 2, bytes_view(&sample));
    bytes_fini(&sample);
}

static void add_series(struct rig *rig, const char *name, const char *service, time_ms_t time, double value)
{
    struct bytes series = {0};
    if (name)
        put_label(&series, "__name__", str_of(name));
    put_label(&series, "job", str_of(service));
    put_sample(&series, time, value);
    put_field(&rig->body, 1, bytes_view(&series));
    bytes_fini(&series);
}

/* ---- sending ---- */

static void on_reply(void *arg, const struct reply *reply)
{
    struct rig *rig = arg;
    rig->reply = *reply;
    rig->replies++;
}

static void send_packed(struct rig *rig, struct str packed, struct access access)
{
    const struct timespec nap = {0, 200000};
    struct ingest_message message = {
        .path = INGEST_REMOTE, .text = packed, .access = access, .reply = on_reply, .arg = rig};
    rig->replies = 0;
    assert_true(ingest_message(rig->ingest, &message));
    for (int i = 0; i < 50000 && !rig->replies; i++) {
        store_poll(rig->f->store);
        nanosleep(&nap, NULL);
    }
    assert_int_equal(rig->replies, 1);
}

static void send_as(struct rig *rig, struct access access)
{
    struct str raw = bytes_view(&rig->body);
    size_t len = snappy_max_compressed_length(raw.len);
    char *packed = malloc(len);
    assert_non_null(packed);
    assert_int_equal(snappy_compress(raw.ptr, raw.len, packed, &len), SNAPPY_OK);
    send_packed(rig, (struct str){packed, len}, access);
    free(packed);
    bytes_clear(&rig->body);
}

static void send_body(struct rig *rig)
{
    send_as(rig, (struct access){.everything = true});
}

static void expect(const struct rig *rig, uint64_t accepted, uint64_t rejected, const char *why)
{
    assert_int_equal(rig->reply.refusal, REFUSAL_NONE);
    assert_int_equal(rig->reply.accepted, accepted);
    assert_int_equal(rig->reply.rejected, rejected);
    if (why)
        assert_non_null(strstr(rig->reply.errors[0].why.text, why));
}

static void expect_refused(const struct rig *rig, enum refusal refusal, const char *why)
{
    assert_int_equal(rig->reply.refusal, refusal);
    assert_non_null(strstr(rig->reply.message.text, why));
}

static uint64_t bits_at(struct rig *rig, const char *selector_text, time_ms_t time)
{
    struct selector selector;
    struct index_ids ids = {0};
    struct reader *reader = reader_of_store(rig->f->store);
    const time_ms_t *times;
    const double *values;
    size_t count;
    uint64_t bits;
    assert_int_equal(selector_parse(str_of(selector_text), &selector, &rig->f->why), TM_OK);
    assert_int_equal(reader_select(reader, &selector, &ids, &rig->f->why), TM_OK);
    assert_int_equal(ids.count, 1);
    assert_int_equal(
        reader_samples(reader, ids.ids[0], (struct span){time, time + 1}, &times, &values, &count), TM_OK);
    assert_int_equal(count, 1);
    memcpy(&bits, values, sizeof bits);
    index_ids_fini(&ids);
    selector_fini(&selector);
    reader_close(reader);
    return bits;
}

/* ---- tests ---- */

static void samples_are_durable_when_it_is_answered(void **state)
{
    struct rig *rig = *state;
    add_series(rig, "up", "cart", WALL_START, 1);
    add_series(rig, "up", "shop", WALL_START, 0.5);
    send_body(rig);
    expect(rig, 2, 0, NULL);
    fixture_reopen(rig->f);
    assert_int_equal(bits_at(rig, "up{job=\"shop\"}", WALL_START), UINT64_C(0x3fe0000000000000));
}

static void markers_of_staleness_nan_and_inf_are_kept_to_the_bit(void **state)
{
    struct rig *rig = *state;
    static const uint64_t bits[] = {UINT64_C(0x7ff0000000000002), UINT64_C(0x7ff8000000000001),
                                    UINT64_C(0x7ff0000000000000), UINT64_C(0xfff0000000000000),
                                    UINT64_C(0x8000000000000000)};
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        double value;
        memcpy(&value, &bits[i], sizeof value);
        add_series(rig, "odd", "cart", WALL_START + (time_ms_t)i, value);
    }
    send_body(rig);
    expect(rig, 5, 0, NULL);
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++)
        assert_int_equal(bits_at(rig, "odd", WALL_START + (time_ms_t)i), bits[i]);
}

static void a_series_by_line_and_by_remote_write_is_one(void **state)
{
    struct rig *rig = *state;
    struct ingest_message message = {.path = INGEST_REP,
                                     .access = {.everything = true},
                                     .precision = PRECISION_MS,
                                     .reply = on_reply,
                                     .arg = rig};
    char text[64];
    (void)snprintf(text, sizeof text, "up,job=cart value=3 %lld", (long long)WALL_START);
    message.text = str_of(text);
    const struct timespec nap = {0, 200000};
    assert_true(ingest_message(rig->ingest, &message));
    for (int i = 0; i < 50000 && !rig->replies; i++) {
        store_poll(rig->f->store);
        nanosleep(&nap, NULL);
    }
    add_series(rig, "up", "cart", WALL_START + 1, 4);
    send_body(rig);
    struct store_stats stats;
    store_stats(rig->f->store, &stats);
    assert_int_equal(stats.series, 1);
}

static void what_is_refused_is_told_by_the_series_number_and_the_rest_is_taken(void **state)
{
    struct rig *rig = *state;
    add_series(rig, "up", "cart", WALL_START, 1);
    add_series(rig, NULL, "cart", WALL_START, 1);
    add_series(rig, "no name", "cart", WALL_START, 1);
    add_series(rig, "tally_payment_total", "cart", WALL_START, 1);
    add_series(rig, "up", "cart", WALL_START + INT64_C(86400000), 1);
    send_body(rig);
    expect(rig, 1, 4, "no name (label __name__)");
    assert_int_equal(rig->reply.errors[0].line, 2);
    assert_non_null(strstr(rig->reply.errors[1].why.text, "can't be a metric's name"));
    assert_non_null(strstr(rig->reply.errors[2].why.text, "made by the daemon"));
    assert_non_null(strstr(rig->reply.errors[3].why.text, "in the future"));
    assert_int_equal(rig->reply.errors[3].line, 5);
}

static void what_lies_before_1970_is_refused_and_its_first_moment_is_not(void **state)
{
    struct rig *rig = *state;
    struct config_faults faults = {.count = 0};
    struct config *lasting;
    assert_int_equal(config_parse(STR("storage: {retention: {raw: 100y}}\n"), "test", &lasting, &faults),
                     TM_OK);
    ingest_close(rig->ingest);
    config_free(rig->config);
    rig->config = lasting;
    rig->ingest = ingest_open(rig->f->store, rig->config, &rig->counters, &rig->f->clock.clock);
    assert_non_null(rig->ingest);
    add_series(rig, "up", "cart", -1, 1);
    add_series(rig, "up", "cart", 0, 2);
    send_body(rig);
    expect(rig, 1, 1, "before 1970-01-01");
}

static void labels_twice_and_bytes_that_are_no_text_are_refused(void **state)
{
    struct rig *rig = *state;
    struct bytes series = {0};
    put_label(&series, "__name__", STR("up"));
    put_label(&series, "job", STR("a"));
    put_label(&series, "job", STR("b"));
    put_sample(&series, WALL_START, 1);
    put_field(&rig->body, 1, bytes_view(&series));
    bytes_clear(&series);
    put_label(&series, "__name__", STR("up"));
    put_label(&series, "job", STR("a\0b"));
    put_sample(&series, WALL_START, 1);
    put_field(&rig->body, 1, bytes_view(&series));
    bytes_fini(&series);
    send_body(rig);
    expect(rig, 0, 2, "label job stands twice");
    assert_non_null(strstr(rig->reply.errors[1].why.text, "no UTF-8"));
}

static void a_series_over_the_limit_is_refused(void **state)
{
    struct rig *rig = *state;
    add_series(rig, "a", "cart", WALL_START, 1);
    add_series(rig, "b", "cart", WALL_START, 1);
    add_series(rig, "c", "cart", WALL_START, 1);
    add_series(rig, "d", "cart", WALL_START, 1);
    send_body(rig);
    expect(rig, 3, 1, "series");
}

static void a_key_writes_its_own_services_only(void **state)
{
    struct rig *rig = *state;
    add_series(rig, "up", "cart", WALL_START, 1);
    add_series(rig, "up", "shop", WALL_START, 1);
    send_as(rig, (struct access){.key = &rig->config->auth.keys[0]});
    expect(rig, 1, 1, "may not write service \"shop\"");
    add_series(rig, "up", "shop", WALL_START, 1);
    send_body(rig);
    expect(rig, 1, 0, NULL);
    add_series(rig, "up", "shop", WALL_START, 1); /* known by now */
    send_as(rig, (struct access){.key = &rig->config->auth.keys[0]});
    expect(rig, 0, 1, "may not write service \"shop\"");
}

static void native_histograms_are_refused(void **state)
{
    struct rig *rig = *state;
    struct bytes series = {0};
    put_label(&series, "__name__", STR("up"));
    put_field(&series, 4, STR("h"));
    put_field(&rig->body, 1, bytes_view(&series));
    bytes_fini(&series);
    send_body(rig);
    expect(rig, 0, 1, "native histograms");
}

static void a_body_that_cannot_be_read_is_refused_whole(void **state)
{
    struct rig *rig = *state;
    const struct access everything = {.everything = true};
    send_packed(rig, STR(""), everything);
    expect_refused(rig, REFUSAL_BAD_ENCODING, "not snappy");
    send_packed(rig, STR("\x05\xf0zzzz"), everything);
    expect_refused(rig, REFUSAL_BAD_ENCODING, "snappy");
    bytes_put(&rig->body, "\x0a\xff\x01", 3);
    send_body(rig);
    expect_refused(rig, REFUSAL_BAD_ENCODING, "no WriteRequest");
    put_field(&rig->body, 4, STR("symbol"));
    send_body(rig);
    expect_refused(rig, REFUSAL_BAD_ENCODING, "remote write 2.0");
    send_packed(rig, STR("\xff\xff\xff\xff\x0fz"), everything);
    expect_refused(rig, REFUSAL_TOO_LARGE, "limits.max_decompressed");
}

static void memory_is_bounded_by_the_size_of_the_body(void **state)
{
    struct rig *rig = *state;
    for (int i = 0; i < 100000; i++)
        put_field(&rig->body, 1, STR(""));
    send_body(rig);
    expect_refused(rig, REFUSAL_TOO_LARGE, "too many empty messages");
}

static void a_request_with_nothing_to_store_is_taken(void **state)
{
    struct rig *rig = *state;
    put_field(&rig->body, 7, STR("of a later version"));
    send_body(rig);
    expect(rig, 0, 0, NULL);
}

static void add_metadata(struct rig *rig, const char *name, uint32_t type, const char *help)
{
    struct bytes data = {0};
    bytes_varint(&data, 1 << 3);
    bytes_varint(&data, type);
    put_field(&data, 2, str_of(name));
    put_field(&data, 4, str_of(help));
    put_field(&rig->body, 3, bytes_view(&data));
    bytes_fini(&data);
}

static void what_a_metric_is_is_remembered_the_last_word_of_each(void **state)
{
    struct rig *rig = *state;
    const struct metadata *known = ingest_metadata(rig->ingest);
    add_metadata(rig, "up", 2, "is it?");
    add_metadata(rig, "requests_total", 1, "all");
    add_metadata(rig, "no name", 1, "x");
    add_metadata(rig, "broken", 1, "\xff");
    add_metadata(rig, "up", 2, "it is");
    send_body(rig);
    expect(rig, 0, 0, NULL);
    assert_int_equal(known->count, 2);
    assert_true(str_equal(known->at[0].name, STR("requests_total")));
    assert_string_equal(metadata_type(known->at[0].type), "counter");
    assert_true(str_equal(known->at[1].help, STR("it is")));
    assert_string_equal(metadata_type(known->at[1].type), "gauge");
    assert_string_equal(metadata_type(99), "unknown");
}

static void what_is_remembered_of_metrics_is_bounded(void **state)
{
    (void)state;
    struct metadata metadata = {.count = 0};
    char name[32];
    char *help = calloc(1, METADATA_TEXT_MAX + 2);
    memset(help, 'h', METADATA_TEXT_MAX + 1);
    for (int i = 0; i < METADATA_MAX + 10; i++) {
        (void)snprintf(name, sizeof name, "m%d", i * 7919 % (METADATA_MAX + 10));
        metadata_put(&metadata, &(struct metric_metadata){str_of(name), 1, str_of(help), STR("s")});
    }
    assert_int_equal(metadata.count, METADATA_MAX);
    assert_int_equal(metadata.at[0].help.len, 0);
    for (size_t i = 1; i < metadata.count; i++)
        assert_true(str_compare(metadata.at[i - 1].name, metadata.at[i].name) < 0);
    metadata_fini(&metadata);
    free(help);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(samples_are_durable_when_it_is_answered),
        CASE(markers_of_staleness_nan_and_inf_are_kept_to_the_bit),
        CASE(a_series_by_line_and_by_remote_write_is_one),
        CASE(what_is_refused_is_told_by_the_series_number_and_the_rest_is_taken),
        CASE(what_lies_before_1970_is_refused_and_its_first_moment_is_not),
        CASE(labels_twice_and_bytes_that_are_no_text_are_refused),
        CASE(a_series_over_the_limit_is_refused),
        CASE(a_key_writes_its_own_services_only),
        CASE(native_histograms_are_refused),
        CASE(a_body_that_cannot_be_read_is_refused_whole),
        CASE(memory_is_bounded_by_the_size_of_the_body),
        CASE(a_request_with_nothing_to_store_is_taken),
        CASE(what_a_metric_is_is_remembered_the_last_word_of_each),
        cmocka_unit_test(what_is_remembered_of_metrics_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
