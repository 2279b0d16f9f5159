/* --print-config: everything is there, and reads back to the same values. */
#include "tests/unit/config/config_test.h"

#include "server/config/config_field.h"
#include "server/config/config_table.h"

/* A setting's value differs: its path, else NULL. */
static const char *find_difference(const struct config *a, const struct config *b)
{
    struct setting_table table = setting_all();
    for (size_t i = 0; i < table.count; i++)
        if (!field_equal(&table.at[i], a, b))
            return table.at[i].path;
    return NULL;
}

static void assert_round_trip(const struct config *config)
{
    char *printed = print_config(config);
    struct config *back = accept_config(printed);
    const char *difference = find_difference(config, back);
    assert_string_equal(difference ? difference : "", "");
    char *again = print_config(back);
    assert_string_equal(again, printed);
    config_free(back);
    free(printed);
    free(again);
}

static void the_defaults_read_back(void **state)
{
    (void)state;
    struct config *config = NULL;
    assert_int_equal(config_default(&config), TM_OK);
    assert_round_trip(config);
    config_free(config);
}

static void every_changed_value_reads_back(void **state)
{
    (void)state;
    struct config *config = accept_config(
        "data_dir: /srv/tide mark\ninsecure: true\n"
        "listen: {http: ['[::]:80', '0.0.0.0:0'], ingest_rep: [ipc://DATA_DIR/a],\n"
        "         ingest_pull: [], publish: ['tcp://*:9999']}\n"
        "storage: {flush_interval: 1500ms, max_disk: 10GB, min_free: 1023,\n"
        "          retention: {raw: 2w, rollup_5m: 36h, rollup_1h: 2y, events: 5400s, exceptions: 61m, "
        "findings: 1d}}\n"
        "limits: {max_series: 5, max_series_per_service: 6, max_label_value: 17B, max_message: 2KiB,\n"
        "         max_decompressed: 3000, max_future: 0s, query_timeout: 101ms, query_max_samples: 7}\n"
        "events: {labels: [a], url_groups_per_service: 8}\n"
        "service_from: ['true', 'null', n]\n"
        "scoring: {interval: 10s, delay: 0s, grace: 1ms, memory: 1GiB, include: ['a{b=\"c, d\"}', "
        "'{a=~\"#x\"}'],\n"
        "          exclude: ['{a=\"it''s\"}', '{b=\"- x\"}', 'x:y', '{c=\"~: 123\"}'], timezone: Asia/Seoul, "
        "incident_score: "
        "100}\n"
        "reports: {dir: '2026-01-01', timezone: Etc/GMT+5, at: Sun 23:59, formats: [csv, json], language: "
        "ko,\n"
        "          deliver: ['mailto:ops@example.org', 'https://example.org/a?b=[c]'], deliver_timeout: 2s,\n"
        "          url: 'https://tide.example.org/x', mail: {server: 'smtps://[::1]:465', from: "
        "t@example.org,\n"
        "          user: 'a b'}}\n"
        "log: {level: debug}\n");
    assert_round_trip(config);
    config_free(config);
}

static void services_read_back(void **state)
{
    (void)state;
    struct config *config =
        accept_config("services:\n"
                      "  - name: 'a: b'\n"
                      "    owner: \"\\\"x\\\" 'y' \xC3\xA9\"\n"
                      "    deliver: [mailto:a@example.org]\n"
                      "    page_groups: [{name: p, match: '^/p/\\d+ {1,2}#'}, {name: p, match: \"'\"}]\n"
                      "  - {name: plain, page_groups: []}\n"
                      "reports: {mail: {from: t@example.org}}\n");
    assert_round_trip(config);
    config_free(config);
}

static void a_key_keeps_its_secret_file(void **state)
{
    (void)state;
    char text[200];
    char *path = make_file("a secret of some length\n", 0600);
    (void)snprintf(text, sizeof text,
                   "auth: {keys: [{name: a, secret_file: %s, scopes: ['write:my shop', read]}]}", path);
    struct config *config = accept_config(text);
    assert_round_trip(config);
    char *printed = print_config(config);
    assert_non_null(strstr(printed, path));
    assert_null(strstr(printed, "a secret of some length"));
    free(printed);
    config_free(config);
    drop_file(path);
}

static void a_secret_in_the_file_is_hidden_in_a_comment(void **state)
{
    (void)state;
    struct config *config =
        accept_config("auth: {keys: [{name: ci, secret: hush-hush-hush-hush, scopes: [read, 'write:*']}]}");
    char *printed = print_config(config);
    assert_null(strstr(printed, "hush"));
    assert_non_null(strstr(printed, "\n  keys: []\n"
                                    "    # - name: ci\n"
                                    "    #   secret: (hidden)\n"
                                    "    #   scopes: [read, write:*]\n"));
    struct config *back = accept_config(printed);
    assert_int_equal(back->auth.key_count, 0);
    assert_string_equal(find_difference(config, back), "auth.keys");
    config_free(back);
    free(printed);
    config_free(config);
}

static void each_setting_has_text_bounds_default_and_reload_rule(void **state)
{
    (void)state;
    struct config *config = NULL;
    assert_int_equal(config_default(&config), TM_OK);
    char *printed = print_config(config);
    assert_non_null(strstr(printed, "\ndata_dir: ./data\n"));
    assert_non_null(
        strstr(printed, "  # With less free disk than this nothing is taken in until there is room again.\n"
                        "  # size, 0 to 1024TiB; default 1GiB; reload\n"
                        "  min_free: 1GiB\n"));
    assert_non_null(strstr(printed, "  # Length of one label value.\n"
                                    "  # size, 16B to 64KiB; default 1024B; reload\n"
                                    "  max_label_value: 1024B\n"));
    assert_non_null(strstr(printed, "    # Samples summed up over an hour.\n"
                                    "    # duration, 1h to 100y; default 3y; reload\n"
                                    "    rollup_1h: 3y\n"));
    assert_non_null(strstr(printed,
                           "  # list of host:port, at most 16 items; default [127.0.0.1:9700]; restart\n"
                           "  http: [127.0.0.1:9700]\n"));
    assert_non_null(strstr(printed, "  # one of error, warning, info, debug; default info; reload\n"
                                    "  level: info\n"));
    assert_non_null(strstr(printed, "  # integer, 1 to 100; default 60; reload\n"
                                    "  incident_score: 60\n"));
    free(printed);
    config_free(config);
}

static void no_comment_is_wider_than_a_screen(void **state)
{
    (void)state;
    struct config *config = NULL;
    assert_int_equal(config_default(&config), TM_OK);
    char *printed = print_config(config);
    for (char *line = strtok(printed, "\n"); line; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 110);
    free(printed);
    config_free(config);
}

/* What the code relies on, of one table and those inside it. */
static void assert_table_is_sound(struct setting_table table)
{
    assert_in_range(table.count, 1, SETTINGS_MAX);
    for (size_t i = 0; i < table.count; i++) {
        const struct setting *setting = &table.at[i];
        assert_non_null(setting->text);
        assert_true(setting->text[strlen(setting->text) - 1] == '.');
        assert_true(setting->min <= setting->max);
        bool is_text = setting->type == SETTING_STRING || setting->type == SETTING_STRINGS;
        bool is_word = setting->type == SETTING_WORD || setting->type == SETTING_WORDS;
        assert_true(is_text == (setting->kind != NULL));
        assert_true(is_word == (setting->words != NULL));
        assert_true((setting->type == SETTING_RECORDS) == (setting->records != NULL));
        for (size_t other = 0; other < i; other++)
            assert_string_not_equal(setting->path, table.at[other].path);
        if (setting->records)
            assert_table_is_sound(setting->records->fields);
    }
}

static void the_table_is_sound(void **state)
{
    (void)state;
    struct setting_table table = setting_all();
    assert_table_is_sound(table);
    for (size_t i = 0; i < table.count; i++) {
        const struct setting *setting = &table.at[i];
        const char *dot = strrchr(setting->path, '.');
        assert_non_null(setting->default_text);
        assert_int_equal(setting_index(setting->path), i);
        if (dot)
            assert_non_null(setting_group_text((struct str){setting->path, (size_t)(dot - setting->path)}));
    }
}

static int count_text(const char *in, const char *part)
{
    int count = 0;
    while ((in = strstr(in, part))) {
        count++;
        in++;
    }
    return count;
}

static void settings_of_one_group_stand_side_by_side(void **state)
{
    (void)state;
    struct config *config = NULL;
    assert_int_equal(config_default(&config), TM_OK);
    char *printed = print_config(config);
    static const char *const groups[] = {"\nlisten:\n",  "\nstorage:\n", "\n  retention:\n",
                                         "\nlimits:\n",  "\nauth:\n",    "\nevents:\n",
                                         "\nscoring:\n", "\nreports:\n", "\nlog:\n"};
    for (size_t i = 0; i < COUNT(groups); i++)
        assert_int_equal(count_text(printed, groups[i]), 1);
    free(printed);
    config_free(config);
}

/* ---- reload ---- */

static void assert_reload(const char *from, const char *to, const char *expected)
{
    struct config *old_config = accept_config(from);
    struct config *new_config = accept_config(to);
    struct config_fixed fixed[CONFIG_FIXED_MAX];
    size_t count = config_list_fixed(old_config, new_config, fixed);
    assert_int_equal(count > 0, expected != NULL);
    if (expected) {
        assert_string_equal(fixed[0].path, expected);
        assert_true(strlen(fixed[0].why) > 10);
    }
    config_free(old_config);
    config_free(new_config);
}

static void what_a_daemon_is_built_on_needs_a_restart(void **state)
{
    (void)state;
    assert_reload("", "data_dir: x", "data_dir");
    assert_reload("", "listen: {http: []}", "listen.http");
    assert_reload("", "listen: {publish: [tcp://127.0.0.1:1]}", "listen.publish");
    assert_reload("listen: {http: ['127.0.0.1:1', '127.0.0.1:2']}",
                  "listen: {http: ['127.0.0.1:2', '127.0.0.1:1']}", "listen.http");
    assert_reload("", "limits: {max_message: 2MiB}", "limits.max_message");
    assert_reload("", "events: {labels: [cache]}", "events.labels");
    assert_reload("", "service_from: [app]", "service_from");
    assert_reload("", "scoring: {interval: 2m}", "scoring.interval");
}

static void the_rest_is_taken_over_by_a_reload(void **state)
{
    (void)state;
    assert_reload("", "", NULL);
    assert_reload("", "data_dir: ./data\nlisten: {http: ['127.0.0.1:9700']}", NULL);
    assert_reload("", "storage: {max_disk: 1GiB, retention: {raw: 1d}}", NULL);
    assert_reload("", "storage: {min_free: 0}\ninsecure: true", NULL);
    assert_reload("", "limits: {max_future: 5s, query_timeout: 1s}", NULL);
    assert_reload("", "limits: {max_series: 5, max_series_per_service: 5}", NULL);
    assert_reload("", "scoring: {memory: 1GiB, timezone: Asia/Seoul}", NULL);
    assert_reload("", "scoring: {include: [a], exclude: [b]}", NULL);
    assert_reload("", "auth: {keys: [{name: a, secret: 0123456789abcdef, scopes: [read]}]}", NULL);
    assert_reload("services: [{name: a}]", "services: [{name: a, page_groups: [{name: b, match: c}]}]", NULL);
    assert_reload(
        "",
        "scoring: {delay: 5s, grace: 1m, incident_score: 70}\nreports: {at: Tue 08:00}\nlog: {level: debug}",
        NULL);
}

/* What a daemon can't take over stays as it runs, in the configuration that is true of it too. */
static void a_reload_keeps_what_waits_for_a_restart(void **state)
{
    (void)state;
    struct config_fixed fixed[CONFIG_FIXED_MAX];
    struct config *running =
        accept_config("data_dir: a\nlisten: {http: ['127.0.0.1:1', '127.0.0.1:2']}\nscoring: {interval: 1m}");
    struct config *next = accept_config(
        "data_dir: b\nlisten: {http: []}\nscoring: {interval: 2m, delay: 5s}\nlimits: {max_message: 2MiB}");
    assert_int_equal(config_list_fixed(running, next, fixed), 6);
    static const char *const paths[] = {"data_dir",           "listen.http",        "listen.ingest_rep",
                                        "listen.ingest_pull", "limits.max_message", "scoring.interval"};
    for (size_t i = 0; i < COUNT(paths); i++)
        assert_string_equal(fixed[i].path, paths[i]);
    config_keep_fixed(running, next);
    assert_int_equal(config_list_fixed(running, next, fixed), 6);
    assert_string_equal(next->data_dir, "a");
    assert_string_equal(next->reports.dir, "a/reports");
    assert_int_equal(next->listen.http.count, 2);
    assert_string_equal(next->listen.http.at[1], "127.0.0.1:2");
    assert_int_equal(next->scoring.interval_ms, 60000);
    assert_int_equal(next->limits.max_message_bytes, 1 << 20);
    assert_int_equal(next->scoring.delay_ms, 5000);
    assert_string_equal(running->data_dir, "b");
    config_free(running);
    config_free(next);
}

static void a_reload_opens_no_listener_to_everybody(void **state)
{
    (void)state;
    struct tm_why why = {""};
    static const char keys[] = "auth: {keys: [{name: a, secret: 0123456789abcdef, scopes: [read]}]}\n";
    char text[256];
    (void)snprintf(text, sizeof text, "%slisten: {publish: ['tcp://0.0.0.0:9703']}", keys);
    struct config *open = accept_config(text), *closed = accept_config(keys);
    struct config *bare = accept_config(""), *insecure = accept_config("insecure: true");
    assert_int_equal(config_check_reload(open, closed, &why), TM_OK);
    assert_int_equal(config_check_reload(closed, bare, &why), TM_OK);
    assert_int_equal(config_check_reload(open, insecure, &why), TM_OK);
    assert_int_equal(config_check_reload(open, bare, &why), TM_INVALID);
    assert_non_null(strstr(why.text, "listen.publish \"tcp://0.0.0.0:9703\""));
    config_free(open);
    config_free(closed);
    config_free(bare);
    config_free(insecure);
}

static void a_changed_key_or_service_is_seen(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "auth: {keys: []}",
        "auth: {keys: [{name: a, secret: 0123456789abcdef, scopes: [read]}]}",
        "auth: {keys: [{name: a, secret: 0123456789abcdeX, scopes: [read]}]}",
        "auth: {keys: [{name: b, secret: 0123456789abcdef, scopes: [read]}]}",
        "auth: {keys: [{name: a, secret: 0123456789abcdef, scopes: [admin]}]}",
        "services: [{name: a}]",
        "services: [{name: a, owner: b}]",
        "services: [{name: a, page_groups: [{name: p, match: x}]}]",
        "services: [{name: a, page_groups: [{name: p, match: y}]}]",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct config *a = accept_config(texts[i]);
        for (size_t j = 0; j < COUNT(texts); j++) {
            struct config *b = accept_config(texts[j]);
            assert_true((find_difference(a, b) == NULL) == (i == j));
            config_free(b);
        }
        config_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_read_back),
        cmocka_unit_test(every_changed_value_reads_back),
        cmocka_unit_test(services_read_back),
        cmocka_unit_test(a_key_keeps_its_secret_file),
        cmocka_unit_test(a_secret_in_the_file_is_hidden_in_a_comment),
        cmocka_unit_test(each_setting_has_text_bounds_default_and_reload_rule),
        cmocka_unit_test(no_comment_is_wider_than_a_screen),
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(settings_of_one_group_stand_side_by_side),
        cmocka_unit_test(what_a_daemon_is_built_on_needs_a_restart),
        cmocka_unit_test(a_reload_keeps_what_waits_for_a_restart),
        cmocka_unit_test(a_reload_opens_no_listener_to_everybody),
        cmocka_unit_test(the_rest_is_taken_over_by_a_reload),
        cmocka_unit_test(a_changed_key_or_service_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
