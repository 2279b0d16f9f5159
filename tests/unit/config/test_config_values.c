/* What is read: defaults, and every form of value. */
#include "tests/unit/config/config_test.h"

#include "server/config/config_address.h"
#include "server/config/config_value.h"

#define DAY_MS INT64_C(86400000)

static void the_defaults_of_the_contract_hold(void **state)
{
    (void)state;
    struct config *c = NULL;
    assert_int_equal(config_default(&c), TM_OK);
    assert_string_equal(c->data_dir, "./data");
    assert_strings(&c->listen.http, (const char *const[]){"127.0.0.1:9700", NULL});
    assert_strings(&c->listen.ingest_rep,
                   (const char *const[]){"tcp://127.0.0.1:9701", "ipc://./data/run/ingest_rep", NULL});
    assert_strings(&c->listen.ingest_pull,
                   (const char *const[]){"tcp://127.0.0.1:9702", "ipc://./data/run/ingest_pull", NULL});
    assert_strings(&c->listen.publish, (const char *const[]){"tcp://127.0.0.1:9703", NULL});
    assert_int_equal(c->storage.flush_interval_ms, 1000);
    assert_int_equal(c->storage.max_disk_bytes, 0);
    assert_int_equal(c->storage.min_free_bytes, 1 << 30);
    assert_int_equal(c->storage.retention.raw_ms, 30 * DAY_MS);
    assert_int_equal(c->storage.retention.rollup_5m_ms, 180 * DAY_MS);
    assert_int_equal(c->storage.retention.rollup_1h_ms, 3 * 365 * DAY_MS);
    assert_int_equal(c->storage.retention.events_ms, 14 * DAY_MS);
    assert_int_equal(c->storage.retention.exceptions_ms, 400 * DAY_MS);
    assert_int_equal(c->storage.retention.findings_ms, 400 * DAY_MS);
    assert_int_equal(c->limits.max_series, 1000000);
    assert_int_equal(c->limits.max_series_per_service, 100000);
    assert_int_equal(c->limits.max_label_value_bytes, 1024);
    assert_int_equal(c->limits.max_message_bytes, 1 << 20);
    assert_int_equal(c->limits.max_decompressed_bytes, 16 << 20);
    assert_int_equal(c->limits.max_future_ms, 600000);
    assert_int_equal(c->limits.query_timeout_ms, 30000);
    assert_int_equal(c->limits.query_max_samples, 50000000);
    config_free(c);
}

static void the_other_defaults_of_the_contract_hold(void **state)
{
    (void)state;
    struct config *c = NULL;
    assert_int_equal(config_default(&c), TM_OK);
    assert_int_equal(c->auth.key_count, 0);
    assert_strings(&c->events.labels, (const char *const[]){"cache", "agent", NULL});
    assert_int_equal(c->events.url_groups_per_service, 200);
    assert_strings(&c->service_from, (const char *const[]){"service", "job", "app", NULL});
    assert_int_equal(c->service_count, 0);
    assert_int_equal(c->scoring.interval_ms, 60000);
    assert_int_equal(c->scoring.delay_ms, 15000);
    assert_int_equal(c->scoring.grace_ms, 600000);
    assert_int_equal(c->scoring.memory_bytes, 512 << 20);
    assert_int_equal(c->scoring.include.count, 0);
    assert_int_equal(c->scoring.exclude.count, 0);
    assert_string_equal(c->scoring.timezone, "UTC");
    assert_int_equal(c->scoring.incident_score, 60);
    assert_string_equal(c->reports.dir, "./data/reports");
    assert_string_equal(c->reports.timezone, "UTC");
    assert_string_equal(c->reports.at, "Mon 07:00");
    assert_strings(&c->reports.formats, (const char *const[]){"html", "md", "csv", "json", NULL});
    assert_string_equal(c->reports.language, "en");
    assert_int_equal(c->reports.deliver.count, 0);
    assert_string_equal(c->log.level, "info");
    assert_false(c->insecure);
    config_free(c);
}

static void an_empty_file_gives_the_defaults(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "\n", "# nothing\n", "---\n", "--- ~\n", "storage:\n  # raw: 1d\n", "\xEF\xBB\xBF"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct config *c = accept_config(texts[i]);
        assert_int_equal(c->storage.retention.raw_ms, 30 * DAY_MS);
        config_free(c);
    }
    struct config *c = NULL;
    struct config_faults faults = {.count = 0};
    assert_int_equal(config_parse((struct str){NULL, 0}, "f", &c, &faults), TM_OK);
    config_free(c);
}

static void durations_have_every_unit(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t ms;
    } cases[] = {{"0s", 0},
                 {"1ms", 1},
                 {"500ms", 500},
                 {"10s", 10000},
                 {"5m", 300000},
                 {"2h", 7200000},
                 {"30d", 30 * DAY_MS},
                 {"1w", 7 * DAY_MS},
                 {"3y", 1095 * DAY_MS},
                 {"007s", 7000},
                 {"99999999999999999999y", INT64_MAX}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ms = -1;
        struct tm_why why;
        assert_int_equal(value_duration(str_of(cases[i].text), &ms, &why), TM_OK);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void sizes_have_every_unit(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t bytes;
    } cases[] = {{"0", 0},
                 {"1000", 1000},
                 {"1024B", 1024},
                 {"10KiB", 10240},
                 {"64MiB", 64 << 20},
                 {"1GiB", 1 << 30},
                 {"2TiB", INT64_C(2) << 40},
                 {"3kB", 3000},
                 {"3KB", 3000},
                 {"4MB", 4000000},
                 {"5GB", INT64_C(5000000000)},
                 {"6TB", INT64_C(6000000000000)},
                 {"9223372036854775807", INT64_MAX},
                 {"9223372036854775808", INT64_MAX}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t bytes = -1;
        struct tm_why why;
        assert_int_equal(value_size(str_of(cases[i].text), &bytes, &why), TM_OK);
        assert_int_equal(bytes, cases[i].bytes);
    }
}

static void a_malformed_number_says_how_to_write_it(void **state)
{
    (void)state;
    static const char *const durations[] = {"", "5", "m", "5 m", "-5m", "1.5h", "1h30m", "5mm", "0x5m"};
    static const char *const sizes[] = {"", "B", "-1B", "1.5GiB", "5 GiB", "5G", "5GiBs", "0x10"};
    static const char *const integers[] = {"", "-", "1_000", "1e6", "0x10", "1.0", "--1", "1 "};
    int64_t value;
    struct tm_why why;
    for (size_t i = 0; i < COUNT(durations); i++) {
        assert_int_equal(value_duration(str_of(durations[i]), &value, &why), TM_INVALID);
        assert_non_null(strstr(why.text, "write a whole number and one unit of ms, s, m, h, d, w, y"));
    }
    for (size_t i = 0; i < COUNT(sizes); i++) {
        assert_int_equal(value_size(str_of(sizes[i]), &value, &why), TM_INVALID);
        assert_non_null(strstr(why.text, "write a whole number and one unit of B, KiB, MiB, GiB, TiB"));
    }
    for (size_t i = 0; i < COUNT(integers); i++) {
        assert_int_equal(value_integer(str_of(integers[i]), &value, &why), TM_INVALID);
        assert_non_null(strstr(why.text, "write digits only"));
    }
    assert_int_equal(value_size(STR("12gib"), &value, &why), TM_INVALID);
    assert_string_equal(why.text, "\"12gib\" has an unknown unit; write 12GiB");
}

static void numbers_print_as_they_read(void **state)
{
    (void)state;
    static const int64_t values[] = {0,
                                     1,
                                     999,
                                     1000,
                                     1024,
                                     60000,
                                     90000,
                                     3600000,
                                     86400000,
                                     31536000000,
                                     INT64_MAX,
                                     1 << 20,
                                     1536000,
                                     10240,
                                     INT64_C(1) << 40,
                                     INT64_C(400) * 86400000};
    for (size_t i = 0; i < COUNT(values); i++) {
        int64_t back = -1;
        assert_int_equal(value_duration(str_of(value_duration_text(values[i]).text), &back, NULL), TM_OK);
        assert_int_equal(back, values[i]);
        assert_int_equal(value_size(str_of(value_size_text(values[i]).text), &back, NULL), TM_OK);
        assert_int_equal(back, values[i]);
        assert_int_equal(value_integer(str_of(value_integer_text(values[i]).text), &back, NULL), TM_OK);
        assert_int_equal(back, values[i]);
    }
    assert_string_equal(value_duration_text(3 * 365 * DAY_MS).text, "3y");
    assert_string_equal(value_duration_text(14 * DAY_MS).text, "14d");
    assert_string_equal(value_size_text(16 << 20).text, "16MiB");
}

static void booleans_are_those_of_yaml_1_2(void **state)
{
    (void)state;
    static const char *const yes[] = {"insecure: true", "insecure: True", "insecure: TRUE"};
    static const char *const no[] = {"insecure: false", "insecure: False", "insecure: FALSE"};
    for (size_t i = 0; i < COUNT(yes); i++) {
        struct config *c = accept_config(yes[i]);
        assert_true(c->insecure);
        config_free(c);
        c = accept_config(no[i]);
        assert_false(c->insecure);
        config_free(c);
    }
}

static void flow_and_block_lists_read_the_same(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "service_from: [team, app]\n",
        "service_from:\n  - team\n  - app\n",
        "service_from:\n- 'team'\n- \"app\"\n",
        "{\"service_from\": [\"team\", \"app\"]}",
        "service_from:\r\n  - team\r\n  - app\r\n",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct config *c = accept_config(texts[i]);
        assert_strings(&c->service_from, (const char *const[]){"team", "app", NULL});
        config_free(c);
    }
}

static void an_empty_list_switches_a_listener_off(void **state)
{
    (void)state;
    struct config *c = accept_config("listen: {http: [], ingest_rep: []}");
    assert_int_equal(c->listen.http.count, 0);
    assert_int_equal(c->listen.ingest_rep.count, 0);
    assert_int_equal(c->listen.publish.count, 1);
    config_free(c);
}

static void all_and_none_are_words_for_the_empty_list(void **state)
{
    (void)state;
    struct config *c = accept_config("scoring: {include: all, exclude: none}");
    assert_int_equal(c->scoring.include.count, 0);
    assert_int_equal(c->scoring.exclude.count, 0);
    config_free(c);
}

static void data_dir_stands_in_for_its_placeholder(void **state)
{
    (void)state;
    struct config *c =
        accept_config("data_dir: /srv/tide\n"
                      "listen:\n"
                      "  ingest_pull: ['ipc://DATA_DIR/p', 'ipc:///run/DATA_DIR/q', ipc://DATA_DIRS]\n"
                      "reports: {dir: DATA_DIR/weekly}\n");
    assert_string_equal(c->listen.ingest_rep.at[1], "ipc:///srv/tide/run/ingest_rep");
    assert_strings(&c->listen.ingest_pull, (const char *const[]){"ipc:///srv/tide/p", "ipc:///run/DATA_DIR/q",
                                                                 "ipc://DATA_DIRS", NULL});
    assert_string_equal(c->reports.dir, "/srv/tide/weekly");
    config_free(c);
    c = accept_config("{data_dir: rel/ative, reports: {dir: ''}}");
    assert_string_equal(c->data_dir, "rel/ative");
    assert_string_equal(c->reports.dir, "rel/ative/reports");
    config_free(c);
}

static void services_and_page_groups_are_read_in_order(void **state)
{
    (void)state;
    struct config *c = accept_config("services:\n"
                                     "  - name: shop\n"
                                     "    owner: team-shop\n"
                                     "    page_groups:\n"
                                     "      - {name: product, match: '^/p/\\d+'}\n"
                                     "      - name: rest\n"
                                     "        match: .\n"
                                     "  - name: pay\n");
    assert_int_equal(c->service_count, 2);
    const struct config_service *shop = &c->services[0];
    assert_string_equal(shop->name, "shop");
    assert_string_equal(shop->owner, "team-shop");
    assert_int_equal(shop->page_group_count, 2);
    assert_string_equal(shop->page_groups[0].name, "product");
    assert_string_equal(shop->page_groups[0].match, "^/p/\\d+");
    assert_string_equal(shop->page_groups[1].name, "rest");
    assert_string_equal(c->services[1].name, "pay");
    assert_string_equal(c->services[1].owner, "");
    assert_int_equal(c->services[1].page_group_count, 0);
    config_free(c);
}

static void keys_open_listeners_to_other_machines(void **state)
{
    (void)state;
    struct config *c = accept_config("listen: {http: ['0.0.0.0:9700']}\n"
                                     "auth:\n"
                                     "  keys:\n"
                                     "    - name: agent-1\n"
                                     "      secret: 0123456789abcdef\n"
                                     "      scopes: ['write:*', write:shop, read, admin]\n");
    assert_int_equal(c->auth.key_count, 1);
    assert_string_equal(c->auth.keys[0].name, "agent-1");
    assert_string_equal(c->auth.keys[0].secret, "0123456789abcdef");
    assert_null(c->auth.keys[0].secret_file);
    assert_strings(&c->auth.keys[0].scopes,
                   (const char *const[]){"write:*", "write:shop", "read", "admin", NULL});
    config_free(c);
    c = accept_config("insecure: true\nlisten: {http: ['0.0.0.0:9700']}\n");
    assert_int_equal(c->auth.key_count, 0);
    config_free(c);
}

static void a_secret_file_is_read_without_its_line_end(void **state)
{
    (void)state;
    static const char *const contents[] = {"a secret of some length", "a secret of some length\n",
                                           "a secret of some length\r\n"};
    for (size_t i = 0; i < COUNT(contents); i++) {
        char text[200];
        char *path = make_file(contents[i], 0600);
        (void)snprintf(text, sizeof text, "auth: {keys: [{name: a, secret_file: %s, scopes: [read]}]}", path);
        struct config *c = accept_config(text);
        assert_string_equal(c->auth.keys[0].secret, "a secret of some length");
        assert_string_equal(c->auth.keys[0].secret_file, path);
        config_free(c);
        drop_file(path);
    }
}

static void a_relative_secret_file_starts_at_the_folder_of_the_file(void **state)
{
    (void)state;
    struct config *config = NULL;
    struct config_faults faults = {.count = 0};
    char text[200];
    char *path = make_file("a secret of some length", 0640);
    (void)snprintf(text, sizeof text, "auth: {keys: [{name: a, secret_file: %s, scopes: [read]}]}",
                   strrchr(path, '/') + 1);
    assert_int_equal(config_parse(str_of(text), "/tmp/x.yaml", &config, &faults), TM_OK);
    assert_string_equal(config->auth.keys[0].secret, "a secret of some length");
    config_free(config);
    assert_int_equal(config_parse(str_of(text), "/usr/x.yaml", &config, &faults), TM_INVALID);
    drop_file(path);
}

static void zones_of_the_machine_are_known(void **state)
{
    (void)state;
    struct config *c =
        accept_config("scoring: {timezone: Asia/Seoul}\nreports: {timezone: Etc/GMT+5, at: Sun 23:59}");
    assert_string_equal(c->scoring.timezone, "Asia/Seoul");
    assert_string_equal(c->reports.timezone, "Etc/GMT+5");
    assert_string_equal(c->reports.at, "Sun 23:59");
    config_free(c);
}

static void a_file_is_loaded(void **state)
{
    (void)state;
    struct config *config = NULL;
    struct config_faults faults = {.count = 0};
    char *path = make_file("log: {level: debug}\n", 0644);
    assert_int_equal(config_load(path, &config, &faults), TM_OK);
    assert_string_equal(config->log.level, "debug");
    config_free(config);
    drop_file(path);
    config_free(NULL);
}

static void local_addresses_are_known(void **state)
{
    (void)state;
    static const char *const local[] = {"127.0.0.1:9700",   "127.255.3.4:0", "localhost:80",
                                        "LocalHost:80",     "[::1]:9700",    "tcp://127.0.0.1:1",
                                        "tcp://[::1]:9701", "ipc:///run/x",  "ipc://DATA_DIR/run/x"};
    static const char *const open[] = {"0.0.0.0:9700",
                                       "[::]:9700",
                                       ":9700",
                                       "tcp://*:9701",
                                       "0:9700",
                                       "*:9700",
                                       "127.0.0.1.evil:80",
                                       "128.0.0.1:80",
                                       "[::ffff:127.0.0.1]:80",
                                       "tcp://0.0.0.0:1",
                                       "shop.example:80",
                                       "127.0.0.1",
                                       "",
                                       "http://127.0.0.1:1",
                                       "localhost.example:80",
                                       "[::1:80",
                                       "10.0.0.1:80",
                                       "1270.0.0.1:80"};
    for (size_t i = 0; i < COUNT(local); i++)
        assert_true(config_address_is_local(local[i]));
    for (size_t i = 0; i < COUNT(open); i++)
        assert_false(config_address_is_local(open[i]));
}

static void well_formed_addresses_pass(void **state)
{
    (void)state;
    static const char *const http[] = {"127.0.0.1:9700", "0.0.0.0:0", "[::]:65535", "localhost:80",
                                       "db-1.example:80"};
    static const char *const nanomsg[] = {"tcp://127.0.0.1:0", "tcp://*:9701", "tcp://[::1]:1", "ipc://x",
                                          "ipc:///run/tide/x"};
    struct tm_why why;
    for (size_t i = 0; i < COUNT(http); i++)
        assert_int_equal(address_check_http(http[i], &why), TM_OK);
    for (size_t i = 0; i < COUNT(nanomsg); i++)
        assert_int_equal(address_check_nanomsg(nanomsg[i], &why), TM_OK);
    assert_true(address_equal("127.0.0.1:1", "tcp://127.0.0.1:1"));
    assert_true(address_equal("ipc://a", "ipc://a"));
    assert_false(address_equal("127.0.0.1:0", "tcp://127.0.0.1:0"));
    assert_false(address_equal("127.0.0.1:1", "127.0.0.1:2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_of_the_contract_hold),
        cmocka_unit_test(the_other_defaults_of_the_contract_hold),
        cmocka_unit_test(an_empty_file_gives_the_defaults),
        cmocka_unit_test(durations_have_every_unit),
        cmocka_unit_test(sizes_have_every_unit),
        cmocka_unit_test(a_malformed_number_says_how_to_write_it),
        cmocka_unit_test(numbers_print_as_they_read),
        cmocka_unit_test(booleans_are_those_of_yaml_1_2),
        cmocka_unit_test(flow_and_block_lists_read_the_same),
        cmocka_unit_test(an_empty_list_switches_a_listener_off),
        cmocka_unit_test(all_and_none_are_words_for_the_empty_list),
        cmocka_unit_test(data_dir_stands_in_for_its_placeholder),
        cmocka_unit_test(services_and_page_groups_are_read_in_order),
        cmocka_unit_test(keys_open_listeners_to_other_machines),
        cmocka_unit_test(a_secret_file_is_read_without_its_line_end),
        cmocka_unit_test(a_relative_secret_file_starts_at_the_folder_of_the_file),
        cmocka_unit_test(zones_of_the_machine_are_known),
        cmocka_unit_test(a_file_is_loaded),
        cmocka_unit_test(local_addresses_are_known),
        cmocka_unit_test(well_formed_addresses_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
