/* Keys, names and their escapes; the kind of a line. */
#include "tests/unit/wire/wire_test.h"

#include <stdio.h>

static struct line_key key;
static struct bytes scratch;
static struct tm_why why;

static int forget_scratch(void **state)
{
    (void)state;
    bytes_fini(&scratch);
    return 0;
}

static void parse(const char *text)
{
    memset(&key, 0xa5, sizeof key);
    bytes_clear(&scratch);
    why.text[0] = '\0';
    enum tm_err err = line_key_parse(str_of(text), &scratch, &key, &why);
    if (err != TM_OK)
        print_error("%s\n", why.text);
    assert_int_equal(err, TM_OK);
}

static void refuse(const char *text, enum tm_err expected, const char *reason)
{
    bytes_clear(&scratch);
    assert_int_equal(line_key_parse(str_of(text), &scratch, &key, &why), expected);
    assert_string_equal(why.text, reason);
}

static void a_key_is_measurement_and_sorted_tags(void **state)
{
    (void)state;
    parse("http_requests_total,service=cart,pod=cart-1,Zone=a");
    assert_view(key.measurement, "http_requests_total");
    assert_int_equal(key.tags.count, 3);
    assert_view(key.tags.at[0].name, "Zone");
    assert_view(key.tags.at[0].value, "a");
    assert_view(key.tags.at[1].name, "pod");
    assert_view(key.tags.at[1].value, "cart-1");
    assert_view(key.tags.at[2].name, "service");
    assert_view(key.tags.at[2].value, "cart");
    assert_int_equal(scratch.len, 0);
}

static void a_key_may_have_no_tags(void **state)
{
    (void)state;
    parse("up");
    assert_view(key.measurement, "up");
    assert_int_equal(key.tags.count, 0);
}

static void escapes_are_resolved_where_influxdb_has_them(void **state)
{
    (void)state;
    parse("disk\\ io\\,x\\=y=z,a\\,b\\=c\\ d=e\\,f\\=g\\ h,q=\"x\"");
    assert_view(key.measurement, "disk io,x\\=y=z");
    assert_view(key.tags.at[0].name, "a,b=c d");
    assert_view(key.tags.at[0].value, "e,f=g h");
    assert_view(key.tags.at[1].value, "\"x\"");
    parse("m,path=C:\\dir\\\\x,end=a\\");
    assert_view(key.tags.at[0].value, "a\\");
    assert_view(key.tags.at[1].value, "C:\\dir\\\\x");
}

static void a_backslash_before_an_escape_is_itself(void **state)
{
    (void)state;
    parse("m,a=b\\\\,c\\=d");
    assert_int_equal(key.tags.count, 1);
    assert_view(key.tags.at[0].value, "b\\,c=d");
}

static void bad_keys_are_refused_with_their_column(void **state)
{
    (void)state;
    refuse("", TM_INVALID, "column 1: expected a measurement");
    refuse(",a=b", TM_INVALID, "column 1: expected a measurement before ','");
    refuse("m,", TM_INVALID, "column 3: expected '=' behind the tag's name");
    refuse("m,a", TM_INVALID, "column 4: expected '=' behind the tag's name");
    refuse("m,a,b=c", TM_INVALID, "column 4: expected '=' behind the tag's name");
    refuse("m,=b", TM_INVALID, "column 3: expected a tag's name before '='");
    refuse("m,a=", TM_INVALID, "column 5: a tag's value is empty; leave the tag out");
    refuse("m,a=,b=c", TM_INVALID, "column 5: a tag's value is empty; leave the tag out");
    refuse("m,a=b=c", TM_INVALID, "column 6: expected ',' behind the tag's value; write \\= for '=' in it");
    refuse("m,a=b c", TM_INVALID,
           "column 6: expected ',' behind the tag's value; write '\\ ' for a space in it");
    refuse("m n,a=b", TM_INVALID,
           "column 2: expected ',' behind the measurement; write '\\ ' for a space in it");
    refuse("m,b=1,a=2,b=3", TM_INVALID, "tag b stands twice");
}

static void tags_have_a_bound(void **state)
{
    (void)state;
    char text[1024] = "m";
    size_t len = 1;
    for (int i = 0; i < LABELS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, ",t%02d=%d", i, i);
    parse(text);
    assert_int_equal(key.tags.count, LABELS_MAX);
    assert_view(key.tags.at[63].value, "63");
    (void)snprintf(text + len, sizeof text - len, ",u=1");
    refuse(text, TM_LIMIT, "more than 64 tags");
}

static void a_failed_allocation_is_told(void **state)
{
    (void)state;
    struct bytes failed = {.failed = true};
    assert_int_equal(line_key_parse(STR("m,a=b\\ c"), &failed, &key, &why), TM_NOMEM);
    assert_int_equal(line_key_parse(STR("m,a=b"), &failed, &key, &why), TM_OK);
    line_unescape_string(STR("abc"), &failed);
    assert_int_equal(failed.len, 0);
    assert_int_equal(bytes_error(&failed), TM_NOMEM);
}

static void scratch_is_appended_to(void **state)
{
    (void)state;
    bytes_clear(&scratch);
    bytes_put(&scratch, "kept", 4);
    assert_int_equal(line_key_parse(STR("m,a=b\\ c"), &scratch, &key, &why), TM_OK);
    assert_memory_equal(scratch.data, "keptb c", 7);
    assert_int_equal(scratch.len, 7);
}

static void strings_and_names_are_unescaped_by_their_own_rules(void **state)
{
    (void)state;
    bytes_clear(&scratch);
    line_unescape_string(STR("say \\\"hi\\\" C:\\\\x \\n \\,\\"), &scratch);
    assert_view(bytes_view(&scratch), "say \"hi\" C:\\x \\n \\,\\");
    bytes_clear(&scratch);
    line_unescape_name(STR("a\\,b\\=c\\ d\\\"e\\\\"), &scratch);
    assert_view(bytes_view(&scratch), "a,b=c d\\\"e\\\\");
    bytes_clear(&scratch);
    line_unescape_name(STR(""), &scratch);
    assert_int_equal(scratch.len, 0);
}

static void fields_are_found_by_their_plain_name(void **state)
{
    (void)state;
    wire_read("m a=1,b\\ c=2,b\\\\q=3,bytes=4i,count_x=5");
    assert_ptr_equal(line_find_field(&line, STR("a")), &line.field[0]);
    assert_ptr_equal(line_find_field(&line, STR("b c")), &line.field[1]);
    assert_ptr_equal(line_find_field(&line, STR("b\\\\q")), &line.field[2]);
    assert_ptr_equal(line_find_field(&line, STR("bytes")), &line.field[3]);
    assert_null(line_find_field(&line, STR("b\\ c")));
    assert_null(line_find_field(&line, STR("count")));
    assert_null(line_find_field(&line, STR("")));
    assert_null(line_find_field(&line, STR("b ")));
    assert_null(line_find_field(&line, STR("b cd")));
}

static enum event_kind kind_of(const char *text)
{
    wire_read(text);
    bytes_clear(&scratch);
    assert_int_equal(line_key_parse(line.key, &scratch, &key, &why), TM_OK);
    return line_kind(&key, &line);
}

static void a_line_is_an_event_only_with_its_mark(void **state)
{
    (void)state;
    assert_int_equal(kind_of("http,service=a,status=404 url=\"/\""), EVENT_HTTP);
    assert_int_equal(kind_of("http,service=a status=404"), EVENT_METRIC);
    assert_int_equal(kind_of("https,service=a,status=404 v=1"), EVENT_METRIC);
    assert_int_equal(kind_of("exception,type=E message=\"x\""), EVENT_EXCEPTION);
    assert_int_equal(kind_of("exception,kind=E value=1"), EVENT_METRIC);
    assert_int_equal(kind_of("tally,name=payment amount=1i"), EVENT_TALLY);
    assert_int_equal(kind_of("tally name=1"), EVENT_METRIC);
    assert_int_equal(kind_of("marker,kind=event class=\"x\""), EVENT_MARKER);
    assert_int_equal(kind_of("marker,name=x value=1"), EVENT_METRIC);
    assert_int_equal(kind_of("deploy,service=cart version=\"1.8.3\""), EVENT_MARKER);
    assert_int_equal(kind_of("deploy,service=cart,version=1.8.3 value=1"), EVENT_METRIC);
    assert_int_equal(kind_of("http_requests,status=2xx value=1"), EVENT_METRIC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_measurement_and_sorted_tags),
        cmocka_unit_test(a_key_may_have_no_tags),
        cmocka_unit_test(escapes_are_resolved_where_influxdb_has_them),
        cmocka_unit_test(a_backslash_before_an_escape_is_itself),
        cmocka_unit_test(bad_keys_are_refused_with_their_column),
        cmocka_unit_test(tags_have_a_bound),
        cmocka_unit_test(a_failed_allocation_is_told),
        cmocka_unit_test(scratch_is_appended_to),
        cmocka_unit_test(strings_and_names_are_unescaped_by_their_own_rules),
        cmocka_unit_test(fields_are_found_by_their_plain_name),
        cmocka_unit_test(a_line_is_an_event_only_with_its_mark),
    };
    return cmocka_run_group_tests(tests, NULL, forget_scratch);
}
