/* Access logs: what each format's fields become, what is refused where, and lines that the daemon takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "server/cli/formats/formats.h"
#include "server/wire/line.h"

static struct bytes scratch;
static struct bytes written;
static struct log_record record;
static struct log_fault fault;

static int forget(void **state)
{
    (void)state;
    bytes_fini(&scratch);
    bytes_fini(&written);
    return 0;
}

static enum tm_err parse(enum log_format format, const char *line)
{
    return log_line_parse(format, str_of(line), "team", &scratch, &record, &fault);
}

static const struct log_source shop = {.service = {"shop", 4}, .env = {"prod", 4}, .host_tag = true};

/* The line that a log's line becomes, as the daemon's parser reads it, too. */
static void expect(enum log_format format, const char *line, const char *becomes)
{
    if (parse(format, line) != TM_OK)
        print_error("column %zu: %s\n", fault.column, fault.why.text);
    assert_int_equal(parse(format, line), TM_OK);
    bytes_clear(&written);
    log_record_write(&record, &shop, &written);
    bytes_u8(&written, 0);
    assert_int_equal(bytes_error(&written), TM_OK);
    assert_string_equal((char *)written.data, becomes);
}

static void refuse(enum log_format format, const char *line, size_t column, const char *reason)
{
    assert_int_equal(parse(format, line), TM_INVALID);
    assert_string_equal(fault.why.text, reason);
    assert_int_equal(fault.column, column);
}

static void clf_becomes_an_http_event(void **state)
{
    (void)state;
    expect(
        LOG_CLF, "c0 - - [27/Oct/2013:06:25:01 +0100] \"GET /p/1?x=2 HTTP/1.1\" 404 512",
        "http,service=shop,env=prod,method=GET,status=404 url=\"/p/1?x=2\",bytes=512i 1382851501000000000\n");
    expect(LOG_CLF, "::1 - jan [x] doe [17/May/2015:10:05:03 +0000] \"HEAD / HTTP/1.0\" 304 -\r",
           "http,service=shop,env=prod,method=HEAD,status=304 url=\"/\" 1431857103000000000\n");
    expect(LOG_CLF,
           "c0 - - [17/May/2015:10:05:03 +0000] \"OPTIONS * HTTP/1.0\" 200 152 \"ref\" \"not looked at\"",
           "http,service=shop,env=prod,method=OPTIONS,status=200 url=\"*\",bytes=152i 1431857103000000000\n");
}

static void requests_that_are_none_are_events_all_the_same(void **state)
{
    (void)state;
    expect(LOG_CLF, "c0 - - [17/May/2015:10:05:03 +0000] \"-\" 408 0",
           "http,service=shop,env=prod,status=408 url=\"\",bytes=0i 1431857103000000000\n");
    expect(LOG_CLF, "c0 - - [17/May/2015:10:05:03 +0000] \"\\x16\\x03\\x01\" 400 0",
           "http,service=shop,env=prod,status=400 url=\"\x16\x03\x01\",bytes=0i 1431857103000000000\n");
    expect(
        LOG_CLF, "c0 - - [17/May/2015:10:05:03 +0000] \"GET /a b\\\"c HTTP/1.1\" 400 0",
        "http,service=shop,env=prod,method=GET,status=400 url=\"/a b\\\"c\",bytes=0i 1431857103000000000\n");
    expect(LOG_CLF, "c0 - - [17/May/2015:10:05:03 +0000] \"GET /old\" 200 1",
           "http,service=shop,env=prod,method=GET,status=200 url=\"/old\",bytes=1i 1431857103000000000\n");
}

static void combined_has_the_user_agent(void **state)
{
    (void)state;
    expect(LOG_COMBINED,
           "c0 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 7 \"http://a/\" \"Mozilla/5.0 "
           "(\\\"x\\\")\"",
           "http,service=shop,env=prod,method=GET,status=200 url=\"/\",bytes=7i,user_agent=\"Mozilla/5.0 "
           "(\\\"x\\\")\" 1431857103000000000\n");
    expect(LOG_COMBINED,
           "c0 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 7 \"-\" \"-\" 0.003 extra",
           "http,service=shop,env=prod,method=GET,status=200 url=\"/\",bytes=7i 1431857103000000000\n");
}

static void nginx_json_is_read_by_its_variables_names(void **state)
{
    (void)state;
    expect(
        LOG_NGINX_JSON,
        "{\"time_iso8601\":\"2026-11-23T04:15:00+01:00\",\"request_method\":\"POST\",\"request_uri\":\"/"
        "c?x=1\","
        "\"status\":\"502\",\"body_bytes_sent\":\"157\",\"request_time\":\"1.234\",\"upstream_response_"
        "time\":"
        "\"0.1, 1.1 : -\",\"upstream_cache_status\":\"MISS\",\"http_user_agent\":\"curl/8\",\"host\":\"a.b\","
        "\"remote_addr\":\"10.0.0.1\"}",
        "http,service=shop,env=prod,host=a.b,method=POST,status=502,cache=miss url=\"/c?x=1\",bytes=157i,"
        "duration_ms=1234,origin_ms=1200,user_agent=\"curl/8\" 1795403700000000000\n");
    expect(LOG_NGINX_JSON,
           "{\"msec\":1764000000.123,\"request\":\"GET /a HTTP/1.1\",\"status\":200,\"bytes_sent\":5,"
           "\"request_time\":0.0005,\"upstream_response_time\":\"-\"}",
           "http,service=shop,env=prod,method=GET,status=200 url=\"/a\",bytes=5i,duration_ms=0.500 "
           "1764000000123000000\n");
    expect(LOG_NGINX_JSON, "{\"time_local\":\"27/Oct/2013:06:25:01 +0100\",\"status\":204}",
           "http,service=shop,env=prod,status=204 url=\"\" 1382851501000000000\n");
    expect(LOG_NGINX_JSON, "{\"@timestamp\":\"2026-11-23 04:15:00.5Z\",\"status\":204,\"uri\":\"/\"}",
           "http,service=shop,env=prod,status=204 url=\"/\" 1795407300500000000\n");
}

static void datastream2_is_read_by_akamais_keys(void **state)
{
    (void)state;
    expect(LOG_DATASTREAM2,
           "{\"version\":1,\"cp\":\"123456\",\"reqId\":\"1239f220\",\"reqTimeSec\":\"1573840000.250\","
           "\"bytes\":\"4995\","
           "\"cliIP\":\"128.147.28.68\",\"statusCode\":\"206\",\"proto\":\"HTTPS\",\"reqHost\":\"test."
           "hostname.net\","
           "\"reqMethod\":\"GET\",\"reqPath\":\"/path1/path2/"
           "file.ext\",\"queryStr\":\"a=1%20\",\"reqPort\":\"443\","
           "\"UA\":\"Mozilla%2F5.0+%28Macintosh%29%20x\",\"turnAroundTimeMSec\":\"11\",\"transferTimeMSec\":"
           "\"125\","
           "\"cacheStatus\":\"1\"}",
           "http,service=shop,env=prod,host=test.hostname.net,method=GET,status=206,cache=hit "
           "url=\"/path1/path2/file.ext?a=1%20\",bytes=4995i,duration_ms=136,edge_ms=11,user_agent=\"Mozilla/"
           "5.0+"
           "(Macintosh) x\" 1573840000250000000\n");
    expect(LOG_DATASTREAM2,
           "{\"reqTimeSec\":1573840000,\"statusCode\":404,\"reqPath\":\"p/1\",\"queryStr\":\"-\","
           "\"totalBytes\":7,\"cacheStatus\":0}",
           "http,service=shop,env=prod,status=404,cache=miss url=\"/p/1\",bytes=7i 1573840000000000000\n");
}

static void faults_say_where_and_why(void **state)
{
    (void)state;
    refuse(LOG_CLF, "", 1, "the line is empty");
    refuse(LOG_CLF, "c0 - - [31/Feb/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1", 8,
           "no time in brackets such as [27/Oct/2013:06:25:01 +0100]; is the format the right one?");
    refuse(LOG_CLF, "c0 - - [17/May/2015:10:05:03 +0000] GET", 37, "expected the request in double quotes");
    refuse(LOG_CLF, "c0 - - [17/May/2015:10:05:03 +0000] \"GET /", 37,
           "the double quotes of the request are never closed");
    refuse(LOG_CLF, "c0 - - [17/May/2015:10:05:03 +0000] \"GET /\" 600 1", 45,
           "expected a status from 100 to 599");
    refuse(LOG_CLF, "c0 - - [17/May/2015:10:05:03 +0000] \"GET /\" 200 x", 49,
           "expected a number of bytes, or -");
    refuse(LOG_COMBINED, "c0 - - [17/May/2015:10:05:03 +0000] \"GET /\" 200 1", 50,
           "expected the referer in double quotes");
    refuse(LOG_NGINX_JSON, "[1]", 1, "the line is JSON, but no object");
    refuse(LOG_NGINX_JSON, "{\"status\":200}", 1, "the object has no time");
    refuse(LOG_NGINX_JSON, "{\"msec\":1764000000.123}", 1, "the object has no status");
    refuse(LOG_NGINX_JSON, "{\"msec\":\"x\",\"status\":200}", 2,
           "msec must be a unix time in seconds, with decimals, or in milliseconds, not x");
    refuse(LOG_DATASTREAM2, "{\"reqTimeSec\":1,\"statusCode\":{}}", 17,
           "statusCode must be a string or a number");
    assert_int_equal(parse(LOG_DATASTREAM2, "{\"a\":\"\\x22\"}"), TM_INVALID);
    assert_true(strncmp(fault.why.text, "no JSON object: invalid escape", 30) == 0);
}

static void every_zone_is_known(void **state)
{
    (void)state;
    for (int minutes = -15 * 60 - 59; minutes <= 15 * 60 + 59; minutes++) {
        char line[128];
        int away = abs(minutes);
        (void)snprintf(line, sizeof line, "c - - [17/May/2015:10:05:03 %c%02d%02d] \"GET /\" 200 1",
                       minutes < 0 ? '-' : '+', away / 60, away % 60);
        assert_int_equal(parse(LOG_CLF, line), TM_OK);
        assert_int_equal(record.time, INT64_C(1431857103000) - minutes * INT64_C(60000));
    }
}

static void every_day_of_the_calendar_is_right(void **state)
{
    (void)state;
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t days = 0;
    for (int year = 1970; year <= 2261; year++) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        for (int month = 0; month < 12; month++) {
            for (int day = 1; day <= lengths[month] + (leap && month == 1); day++, days++) {
                char line[128];
                (void)snprintf(line, sizeof line, "c - - [%02d/%s/%d:00:00:00 +0000] \"GET /\" 200 1", day,
                               months[month], year);
                assert_int_equal(parse(LOG_CLF, line), TM_OK);
                assert_int_equal(record.time, days * 86400000);
            }
        }
    }
    assert_int_equal(parse(LOG_CLF, "c - - [01/Jan/2262:00:00:00 +0000] \"GET /\" 200 1"), TM_INVALID);
    assert_int_equal(parse(LOG_CLF, "c - - [01/Jan/1970:00:00:00 +0100] \"GET /\" 200 1"), TM_INVALID);
}

static void hostile_bytes_become_a_line_the_daemon_takes(void **state)
{
    (void)state;
    static struct line line;
    struct line_reader reader;
    struct line_key key;
    struct tm_why why;
    const struct log_source source = {.service = {"a,b= c\\", 7}, .env = {"\xff\n\x01", 3}};
    expect(LOG_CLF, "c0 - - [17/May/2015:10:05:03 +0000] \"GET /\\n\\\"\\\\ \\xff\\x00x HTTP/1.1\" 200 7",
           "http,service=shop,env=prod,method=GET,status=200 url=\"/\n\\\"\\\\ "
           "\xef\xbf\xbd\xef\xbf\xbdx\",bytes=7i "
           "1431857103000000000\n");
    bytes_clear(&written);
    log_record_write(&record, &source, &written);
    line_reader_init(&reader, bytes_view(&written), PRECISION_NS, 1);
    assert_int_equal(line_next(&reader, &line), LINE_OK);
    struct bytes room = {0};
    assert_int_equal(line_key_parse(line.key, &room, &key, &why), TM_OK);
    assert_true(str_equal(labels_get(&key.tags, STR("service")), STR("a,b= c/")));
    assert_true(str_equal(labels_get(&key.tags, STR("env")), STR("\xef\xbf\xbd__")));
    assert_int_equal(line_event_check(EVENT_HTTP, &key, &line, &why), TM_OK);
    assert_int_equal(line.time, record.time);
    assert_int_equal(line_next(&reader, &line), LINE_END);
    bytes_fini(&room);
}

static void lines_of_a_mebibyte_are_read_and_cut(void **state)
{
    (void)state;
    char *big = malloc(LOG_LINE_MAX + 2);
    assert_non_null(big);
    const char *head = "c0 - - [17/May/2015:10:05:03 +0000] \"GET /";
    memset(big, 'x', LOG_LINE_MAX + 1);
    memcpy(big, head, strlen(head));
    memcpy(big + LOG_LINE_MAX - 16, " HTTP/1.1\" 200 ", 15);
    memcpy(big + LOG_LINE_MAX - 1, "5", 2);
    assert_int_equal(parse(LOG_CLF, big), TM_OK);
    assert_true(record.url.len > 1000000);
    bytes_clear(&written);
    log_record_write(&record, &shop, &written);
    assert_true(written.len < LOG_URL_MAX + 200);
    memcpy(big + LOG_LINE_MAX - 1, "55", 3);
    assert_int_equal(parse(LOG_CLF, big), TM_TOO_LARGE);
    free(big);
}

/* What stands in for a byte takes none of the room. */
static void escapes_do_not_cut_a_tag(void **state)
{
    struct bytes want = {0};
    (void)state;
    bytes_printf(&want, ",a=");
    for (int i = 0; i < LOG_TAG_MAX; i++)
        bytes_printf(&want, "\\=");
    char value[LOG_TAG_MAX + 1];
    memset(value, '=', sizeof value);
    bytes_clear(&written);
    log_tag_write("a", (struct str){value, sizeof value}, &written);
    assert_true(str_equal(bytes_view(&written), bytes_view(&want)));
    bytes_fini(&want);
}

static void a_member_that_is_asked_for_is_kept(void **state)
{
    (void)state;
    assert_int_equal(parse(LOG_NGINX_JSON, "{\"msec\":1,\"status\":200,\"team\":\"cart\"}"), TM_OK);
    assert_true(str_equal(record.member, STR("cart")));
    assert_int_equal(parse(LOG_NGINX_JSON, "{\"msec\":1,\"status\":200,\"team\":7}"), TM_OK);
    assert_true(str_equal(record.member, STR("7")));
    assert_int_equal(parse(LOG_NGINX_JSON, "{\"msec\":1,\"status\":200,\"team\":[1]}"), TM_OK);
    assert_int_equal(record.member.len, 0);
    assert_int_equal(parse(LOG_CLF, "c0 - - [27/Oct/2013:06:25:01 +0100] \"GET / HTTP/1.1\" 200 1"), TM_OK);
    assert_int_equal(record.member.len, 0);
}

static void names_go_both_ways(void **state)
{
    (void)state;
    for (int i = 0; i < LOG_FORMAT_COUNT; i++) {
        enum log_format format = LOG_FORMAT_COUNT;
        assert_int_equal(log_format_parse(log_format_name((enum log_format)i), &format), TM_OK);
        assert_int_equal(format, i);
    }
    enum log_format format;
    assert_int_equal(log_format_parse(STR("CLF"), &format), TM_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clf_becomes_an_http_event),
        cmocka_unit_test(requests_that_are_none_are_events_all_the_same),
        cmocka_unit_test(combined_has_the_user_agent),
        cmocka_unit_test(nginx_json_is_read_by_its_variables_names),
        cmocka_unit_test(datastream2_is_read_by_akamais_keys),
        cmocka_unit_test(faults_say_where_and_why),
        cmocka_unit_test(every_zone_is_known),
        cmocka_unit_test(every_day_of_the_calendar_is_right),
        cmocka_unit_test(hostile_bytes_become_a_line_the_daemon_takes),
        cmocka_unit_test(lines_of_a_mebibyte_are_read_and_cut),
        cmocka_unit_test(escapes_do_not_cut_a_tag),
        cmocka_unit_test(a_member_that_is_asked_for_is_kept),
        cmocka_unit_test(names_go_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
