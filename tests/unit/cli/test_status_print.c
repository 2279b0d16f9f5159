#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/cli/status_print.h"

static char *print(const char *json, bool colour)
{
    char *text = NULL;
    size_t len = 0;
    json_t *data = json_loads(json, 0, NULL);
    assert_non_null(data);
    FILE *out = open_memstream(&text, &len);
    status_print(data, colour, out);
    fclose(out);
    json_decref(data);
    return text;
}

static const char full[] =
    "{\"version\":\"0.1.0\",\"uptime_s\":12000,\"state\":\"ready\",\"trouble\":null,"
    "\"ingest\":{\"lines_total\":1000000,\"lines_refused_total\":3,\"samples_total\":1500000,\"events_"
    "total\":20,"
    "\"batches_total\":200,\"duplicates_total\":1,\"busy_total\":0,\"samples_per_s\":120500.5,\"events_per_"
    "s\":2,"
    "\"batches_per_s\":24.5,\"ack_p50_ms\":1.9,\"ack_p99_ms\":13.2},"
    "\"journal\":{\"bytes\":67108864,\"segments\":2,\"pending_bytes\":4096,\"sync_p99_ms\":12.5,\"written_"
    "bytes\":1e9,"
    "\"damaged_records\":0},"
    "\"disk\":{\"data_bytes\":5368709120,\"free_bytes\":107374182400,\"min_free_bytes\":1073741824},"
    "\"memory\":{\"rss_bytes\":157286400,\"gates_rss_bytes\":8388608},"
    "\"series\":{\"count\":10000,\"limit\":1000000,\"top_service\":\"cart\",\"top_service_count\":900,"
    "\"refused_total\":0},"
    "\"gates\":[{\"endpoint\":\"tcp://"
    "127.0.0.1:9701\",\"kind\":\"rep\",\"pid\":7,\"restarts\":2,\"state\":\"running\","
    "\"messages_total\":200}],"
    "\"producers\":{\"count\":4,\"gaps_total\":0},\"http\":{\"requests_total\":55,\"errors_total\":0},"
    "\"offenders\":[{\"what\":\"series refused\",\"who\":\"search\",\"count\":12}]}";

static void a_whole_document_is_one_aligned_screen(void **state)
{
    (void)state;
    char *text = print(full, false);
    assert_string_equal(
        text, "tidemarkd 0.1.0  ready  up 3 h 20 min\n"
              "ingest     121 k samples/s, 2 events/s, 24.5 batches/s, ack p50 1.90 ms, p99 13.2 ms\n"
              "in all     1,000,000 lines, 1,500,000 samples, 20 events, 200 batches\n"
              "not taken  3 lines refused, 1 duplicates, 0 told to wait\n"
              "journal    64.0 MiB, in 2 segments, 4.00 KiB pending, sync p99 12.5 ms, 954 MiB written\n"
              "disk       5.00 GiB data, 100 GiB free, read-only below 1.00 GiB\n"
              "memory     core 150 MiB, gates 8.00 MiB\n"
              "series     10,000, of at most 1,000,000\n"
              "           most of them: cart, 900\n"
              "producers  4, 0 gaps\n"
              "http       55 requests, 0 errors\n"
              "gates      tcp://127.0.0.1:9701  rep  running  200 messages  2 restarts\n"
              "offenders  search: series refused, 12 times\n");
    free(text);
}

static void missing_and_odd_fields_leave_out_their_part(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "{}", "{\"ingest\":5,\"gates\":{},\"offenders\":\"x\",\"disk\":[]}",
        "{\"version\":7,\"state\":null,\"uptime_s\":\"x\",\"ingest\":{\"lines_total\":\"many\"}}",
        "{\"gates\":[1,{},{\"endpoint\":5}],\"offenders\":[null,{\"what\":\"x\"}],\"series\":{\"top_"
        "service\":\"a\"}}"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        char *text = print(odd[i], false);
        assert_string_equal(text, "tidemarkd\n");
        free(text);
    }
    char *text = print("{\"state\":\"read_only\",\"disk\":{\"free_bytes\":1024}}", false);
    assert_string_equal(text, "tidemarkd  read_only\ndisk       1.00 KiB free\n");
    free(text);
}

static void trouble_is_shown_and_coloured_only_when_asked(void **state)
{
    (void)state;
    static const char json[] =
        "{\"state\":\"read_only\",\"trouble\":\"disk full\",\"http\":{\"errors_total\":3}}";
    char *text = print(json, false);
    assert_null(strchr(text, '\x1b'));
    assert_non_null(strstr(text, "trouble    disk full\n"));
    free(text);
    text = print(json, true);
    assert_non_null(strstr(text, "\x1b[31mread_only\x1b[0m"));
    assert_non_null(strstr(text, "\x1b[31mdisk full\x1b[0m"));
    assert_non_null(strstr(text, "\x1b[33m3 errors\x1b[0m"));
    free(text);
}

static void names_cannot_steer_the_terminal(void **state)
{
    (void)state;
    char *text = print("{\"offenders\":[{\"what\":\"x\",\"who\":\"a\\u001b[2J\\n\",\"count\":1}]}", false);
    assert_string_equal(text, "tidemarkd\noffenders  a?[2J?: x, 1 times\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_document_is_one_aligned_screen),
        cmocka_unit_test(missing_and_odd_fields_leave_out_their_part),
        cmocka_unit_test(trouble_is_shown_and_coloured_only_when_asked),
        cmocka_unit_test(names_cannot_steer_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
