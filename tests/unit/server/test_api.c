/* What the daemon says of itself: the status document and /metrics, over a real store. */
#include "tests/unit/storage/fixture.h"

#include <jansson.h>

#include "server/api/api.h"
#include "server/http/http_internal.h"

struct rig {
    struct fixture *f;
    struct config *config;
    struct counters counters;
    struct http_server http;
    struct api api;
};

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    rig->f = fixture_new();
    rig->f->options.max_series = 100;
    rig->f->options.max_series_per_service = 100;
    fixture_open(rig->f);
    assert_int_equal(config_default(&rig->config), TM_OK);
    rig->http.connection_count = 3;
    rig->api = (struct api){
        .store = rig->f->store,
        .ingest = ingest_open(rig->f->store, rig->config, &rig->counters, &rig->f->clock.clock),
        .counters = &rig->counters,
        .http = &rig->http,
        .config = rig->config,
        .clock = &rig->f->clock.clock,
        .started_ns = 1,
    };
    assert_non_null(rig->api.ingest);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    ingest_close(rig->api.ingest);
    fixture_close(rig->f);
    config_free(rig->config);
    folder_remove(rig->f->dir);
    free(rig->f);
    free(rig);
    return 0;
}

static json_t *status_of(const struct rig *rig)
{
    struct bytes text = {0};
    json_error_t error;
    api_status_json(&rig->api, &text);
    assert_int_equal(bytes_error(&text), TM_OK);
    json_t *root = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        fail_msg("%s in %.*s", error.text, STR_ARG(bytes_view(&text)));
    bytes_fini(&text);
    return root;
}

/* The member at a path like "ingest.pending". */
static json_t *member(json_t *root, const char *path)
{
    char name[64];
    for (const char *at = path; *at; at += *at == '.') {
        size_t len = strcspn(at, ".");
        (void)snprintf(name, sizeof name, "%.*s", (int)len, at);
        root = json_object_get(root, name);
        at += len;
    }
    if (!root)
        fail_msg("%s is missing", path);
    return root;
}

static void assert_number(json_t *root, const char *path, double expected)
{
    double value = json_number_value(member(root, path));
    if (value < expected - 1e-9 || value > expected + 1e-9)
        fail_msg("%s is %g, not %g", path, value, expected);
}

static void assert_text(json_t *root, const char *path, const char *expected)
{
    assert_string_equal(json_string_value(member(root, path)), expected);
}

static void the_status_document_has_every_field(void **state)
{
    static const char *const numbers[] = {
        "uptime_s",
        "ingest.lines_total",
        "ingest.lines_refused_total",
        "ingest.samples_total",
        "ingest.events_total",
        "ingest.batches_total",
        "ingest.duplicates_total",
        "ingest.busy_total",
        "ingest.samples_per_s",
        "ingest.events_per_s",
        "ingest.batches_per_s",
        "ingest.ack_p50_ms",
        "ingest.ack_p99_ms",
        "ingest.pending",
        "ingest.last_ms",
        "journal.bytes",
        "journal.pending_bytes",
        "journal.written_bytes",
        "journal.records",
        "journal.syncs",
        "journal.sync_mean_ms",
        "journal.errors",
        "journal.damaged_records",
        "journal.torn_tails",
        "disk.data_bytes",
        "disk.free_bytes",
        "disk.min_free_bytes",
        "series.count",
        "series.limit",
        "series.refused_total",
        "series.top_service_count",
        "producers.count",
        "producers.gaps_total",
        "memory.rss_bytes",
        "memory.gates_rss_bytes",
        "http.requests_total",
        "http.errors_total",
        "http.connections",
    };
    struct rig *rig = *state;
    json_t *status = status_of(rig);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (!json_is_number(member(status, numbers[i])))
            fail_msg("%s is no number", numbers[i]);
    }
    assert_text(status, "version", TIDEMARK_VERSION);
    assert_text(status, "state", "recovering");
    assert_true(json_is_null(member(status, "trouble")));
    assert_true(json_is_array(member(status, "gates")));
    assert_text(status, "series.top_service", "");
    json_decref(status);
}

static void the_status_document_follows_counters_and_store(void **state)
{
    struct rig *rig = *state;
    rig->api.ready = true;
    rig->counters.value[COUNTER_SAMPLES] = 7;
    rig->counters.value[COUNTER_EVENTS_TALLY] = 2;
    rig->counters.value[COUNTER_EVENTS_MARKER] = 1;
    rig->counters.value[COUNTER_BATCHES_HTTP] = 4;
    rig->counters.value[COUNTER_REFUSED_BUSY] = 5;
    rig->counters.value[COUNTER_REFUSED_READ_ONLY] = 6;
    rig->f->clock.mono_ns += INT64_C(90000000000);
    assert_int_equal(send_one(rig->f->store, "cpu", 1, 1), TM_OK);
    json_t *status = status_of(rig);
    assert_text(status, "state", "ready");
    assert_number(status, "uptime_s", 90);
    assert_number(status, "ingest.samples_total", 7);
    assert_number(status, "ingest.events_total", 3);
    assert_number(status, "ingest.batches_total", 4);
    assert_number(status, "ingest.busy_total", 11);
    assert_number(status, "series.count", 1);
    assert_number(status, "series.top_service_count", 1);
    assert_text(status, "series.top_service", "shop");
    assert_number(status, "http.connections", 3);
    assert_true(json_number_value(member(status, "journal.syncs")) >= 1);
    json_decref(status);
}

static void trouble_is_told_in_the_status(void **state)
{
    struct rig *rig = *state;
    rig->api.ready = true;
    faulty_fail(&rig->f->faulty, CALL_PWRITE, 1, EIO);
    assert_int_equal(send_one(rig->f->store, "cpu", 1, 1), TM_READ_ONLY);
    json_t *status = status_of(rig);
    assert_text(status, "state", "read_only");
    assert_non_null(strstr(json_string_value(member(status, "trouble")), "journal"));
    assert_number(status, "journal.errors", 1);
    json_decref(status);
}

static void rates_are_means_over_the_last_seconds(void **state)
{
    struct rig *rig = *state;
    for (int second = 0; second < API_RATE_SECONDS + 5; second++) {
        api_tick(&rig->api);
        rig->counters.value[COUNTER_SAMPLES] += second < 5 ? 1000 : 50; /* the first ones are out of sight */
        rig->counters.value[COUNTER_EVENTS_HTTP] += 20;
        rig->counters.value[COUNTER_BATCHES_REP] += 3;
    }
    json_t *status = status_of(rig);
    assert_number(status, "ingest.samples_per_s", 50);
    assert_number(status, "ingest.events_per_s", 20);
    assert_number(status, "ingest.batches_per_s", 3);
    json_decref(status);
}

/* ---- /metrics ---- */

enum { NAMES_MAX = 256 };

struct names {
    struct str at[NAMES_MAX];
    size_t count;
};

static bool has(const struct names *names, struct str name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (str_equal(names->at[i], name))
            return true;
    }
    return false;
}

static void add_once(struct names *names, struct str name)
{
    if (has(names, name))
        fail_msg("%.*s is there twice", STR_ARG(name));
    assert_true(names->count < NAMES_MAX);
    names->at[names->count++] = name;
}

static struct str word_at(const char *at)
{
    return (struct str){at, strcspn(at, " \n")};
}

/* A histogram's samples bear its name and an ending. */
static bool is_declared(const struct names *types, struct str sample)
{
    static const char *const endings[] = {"", "_bucket", "_sum", "_count"};
    struct str name = {sample.ptr, 0};
    while (name.len < sample.len && sample.ptr[name.len] != '{')
        name.len++;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t len = strlen(endings[i]);
        if (name.len > len && memcmp(name.ptr + name.len - len, endings[i], len) == 0 &&
            has(types, (struct str){name.ptr, name.len - len}))
            return true;
    }
    return false;
}

static void each_metric_is_declared_once_and_told_once(void **state)
{
    struct rig *rig = *state;
    struct bytes text = {0};
    struct names helps = {.count = 0}, types = {.count = 0}, samples = {.count = 0};
    latency_record(&rig->counters.ack, 1000000);
    api_metrics_text(&rig->api, &text);
    bytes_u8(&text, 0);
    assert_int_equal(bytes_error(&text), TM_OK);
    for (const char *line = (const char *)text.data; *line; line = strchr(line, '\n') + 1) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            add_once(&helps, word_at(line + 7));
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            add_once(&types, word_at(line + 7));
            assert_true(has(&helps, word_at(line + 7)));
        } else {
            char *end;
            add_once(&samples, word_at(line));
            if (!is_declared(&types, word_at(line)))
                fail_msg("%.*s has no type", STR_ARG(word_at(line)));
            (void)strtod(line + word_at(line).len + 1, &end);
            assert_int_equal(*end, '\n');
        }
    }
    assert_int_equal(helps.count, types.count);
    assert_true(has(&samples, STR("tidemark_http_connections")) && has(&samples, STR("tidemark_series")) &&
                has(&samples, STR("tidemark_samples_total")) &&
                has(&samples, STR("tidemark_build_info{version=\"" TIDEMARK_VERSION "\"}")));
    bytes_fini(&text);
}

static void each_route_is_there_once_and_every_change_wants_a_key(void **state)
{
    size_t count;
    const struct http_route *routes = api_routes(&count);
    (void)state;
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++)
            assert_true(strcmp(routes[i].path, routes[j].path) != 0 ||
                        (routes[i].methods & routes[j].methods) == 0);
        if ((routes[i].methods & ~(unsigned)HTTP_GET) && routes[i].guard != HTTP_READ)
            assert_in_range(routes[i].guard, HTTP_WRITE, HTTP_ADMIN);
        assert_int_equal(strncmp(routes[i].path, "/api/v1/admin/", 14) == 0,
                         routes[i].guard == HTTP_ADMIN && routes[i].path[1] != '-');
    }
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(the_status_document_has_every_field),
        WITH_RIG(the_status_document_follows_counters_and_store),
        WITH_RIG(trouble_is_told_in_the_status),
        WITH_RIG(rates_are_means_over_the_last_seconds),
        WITH_RIG(each_metric_is_declared_once_and_told_once),
        cmocka_unit_test(each_route_is_there_once_and_every_change_wants_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
