/* The rules of each kind of event line. */
#include "tests/unit/wire/wire_test.h"

static struct line_key key;
static struct bytes scratch;
static struct tm_why why;

static int forget_scratch(void **state)
{
    (void)state;
    bytes_fini(&scratch);
    return 0;
}

static enum tm_err check(const char *text)
{
    wire_read(text);
    bytes_clear(&scratch);
    assert_int_equal(line_key_parse(line.key, &scratch, &key, &why), TM_OK);
    why.text[0] = '\0';
    return line_event_check(line_kind(&key, &line), &key, &line, &why);
}

static void take(const char *text)
{
    enum tm_err err = check(text);
    if (err != TM_OK)
        print_error("%s: %s\n", text, why.text);
    assert_int_equal(err, TM_OK);
}

static void refuse(const char *text, const char *reason)
{
    assert_int_equal(check(text), TM_INVALID);
    assert_string_equal(why.text, reason);
}

static void http_events_of_the_documented_form_are_taken(void **state)
{
    (void)state;
    take("http,service=shop,method=GET,status=404,env=prod,page_group=product,cache=hit "
         "url=\"/p/1\",bytes=512i,duration_ms=45.2,origin_ms=1,edge_ms=0i,user_agent=\"curl\",count=7i 1");
    take("http,status=100 url=\"/\"");
    take("http,status=599 extra=1");
    take("http,status=200 bytes=0i,count=1u,duration_ms=0");
}

static void http_status_is_100_to_599(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "http,status=99 v=1", "http,status=600 v=1",  "http,status=2xx v=1",   "http,status=0404 v=1",
        "http,status=40 v=1", "http,status=-200 v=1", "http,status=200.0 v=1", "http,status=\\ 200 v=1",
    };
    static const char *const shown[] = {"99", "600", "2xx", "0404", "40", "-200", "200.0", "\\ 200"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(check(texts[i]), TM_INVALID);
        assert_non_null(strstr(why.text, "tag status must be an integer from 100 to 599, not "));
        if (shown[i][0] != '\\')
            assert_string_equal(why.text + strlen("tag status must be an integer from 100 to 599, not "),
                                shown[i]);
    }
}

static void http_fields_have_their_types(void **state)
{
    (void)state;
    refuse("http,status=200 url=5", "column 17: field url must be a string in double quotes");
    refuse("http,status=200 a=1,user_agent=t",
           "column 21: field user_agent must be a string in double quotes");
    refuse("http,status=200 bytes=1.5",
           "column 17: field bytes must be an integer of 0 or more, written with i");
    refuse("http,status=200 bytes=512",
           "column 17: field bytes must be an integer of 0 or more, written with i");
    refuse("http,status=200 bytes=-1i",
           "column 17: field bytes must be an integer of 0 or more, written with i");
    refuse("http,status=200 bytes=9223372036854775808u",
           "column 17: field bytes must be an integer of 0 or more, written with i");
    refuse("http,status=200 count=0i",
           "column 17: field count must be an integer of 1 or more, written with i");
    refuse("http,status=200 count=2",
           "column 17: field count must be an integer of 1 or more, written with i");
    refuse("http,status=200 duration_ms=-0.5", "column 17: field duration_ms must be a number of 0 or more");
    refuse("http,status=200 origin_ms=\"5\"", "column 17: field origin_ms must be a number of 0 or more");
    refuse("http,status=200 edge_ms=true", "column 17: field edge_ms must be a number of 0 or more");
}

static void exceptions_have_text_and_a_count(void **state)
{
    (void)state;
    take("exception,service=cart,type=NullPointerException,env=prod,release=1.8.3 "
         "message=\"no item\",stack=\"at a\nat b\",fingerprint=\"f\",count=2i 1");
    take("exception,type=E value=1");
    refuse("exception,type=E message=1", "column 18: field message must be a string in double quotes");
    refuse("exception,type=E stack=f", "column 18: field stack must be a string in double quotes");
    refuse("exception,type=E fingerprint=1i",
           "column 18: field fingerprint must be a string in double quotes");
    refuse("exception,type=E message=\"\",count=-1i",
           "column 29: field count must be an integer of 1 or more, written with i");
}

static void tallies_have_integers_only(void **state)
{
    (void)state;
    take("tally,name=payment,service=pay,method=card amount=39000i,items=2i 1");
    take("tally,name=payment amount=-39000i");
    static const char *const bad[] = {"1", "1.0", "1u", "\"1\"", "true"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[64] = "tally,name=payment a=1i,amount=";
        strcat(text, bad[i]);
        refuse(text, "column 25: a tally's fields must be integers, written with i");
    }
}

static void markers_are_of_the_known_kinds(void **state)
{
    (void)state;
    take("marker,kind=event,service=shop class=\"black-friday\",end=1764000000000000000i,note=\"n\" 1");
    take("marker,kind=rollback,service=cart version=\"1.8.2\"");
    take("marker,kind=config note=\"\"");
    take("marker,kind=maintenance end=5i");
    take("marker,kind=incident v=1");
    take("marker,kind=deploy,service=cart version=\"1.8.3\",by=\"ci\"");
    refuse("marker,kind=party v=1", "tag kind must be deploy, rollback, config, event, maintenance or "
                                    "incident, not party");
    refuse("marker,kind=event end=5",
           "column 19: field end must be a timestamp in the message's precision, written with i");
    refuse("marker,kind=event class=1", "column 19: field class must be a string in double quotes");
    refuse("marker,kind=event note=1", "column 19: field note must be a string in double quotes");
    refuse("marker,kind=rollback version=1.8", "column 22: field version must be a string in double quotes");
}

static void deploys_name_their_version(void **state)
{
    (void)state;
    take("deploy,service=cart,env=prod version=\"1.8.3\",by=\"ci\" 1");
    take("deploy,service=cart,kind=deploy version=\"1\"");
    refuse("marker,kind=deploy by=\"ci\"",
           "a deploy needs the field version: a string in double quotes that is not empty");
    refuse("marker,kind=deploy version=\"\"",
           "column 20: field version must be a string in double quotes that is not empty");
    refuse("deploy,service=cart version=1.8",
           "column 21: field version must be a string in double quotes that is not empty");
    refuse("deploy,service=cart version=\"1\",by=1", "column 33: field by must be a string in double quotes");
    refuse("deploy,kind=rollback version=\"1\"",
           "a deploy line's kind is deploy, not rollback; use marker,kind=rollback");
}

static void metrics_have_no_rules_here(void **state)
{
    (void)state;
    take("cpu,status=zz url=5,count=-1i,s=\"x\"");
}

static void why_may_be_null(void **state)
{
    (void)state;
    (void)check("http,status=1 v=1");
    assert_int_equal(line_event_check(EVENT_HTTP, &key, &line, NULL), TM_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_events_of_the_documented_form_are_taken),
        cmocka_unit_test(http_status_is_100_to_599),
        cmocka_unit_test(http_fields_have_their_types),
        cmocka_unit_test(exceptions_have_text_and_a_count),
        cmocka_unit_test(tallies_have_integers_only),
        cmocka_unit_test(markers_are_of_the_known_kinds),
        cmocka_unit_test(deploys_name_their_version),
        cmocka_unit_test(metrics_have_no_rules_here),
        cmocka_unit_test(why_may_be_null),
    };
    return cmocka_run_group_tests(tests, NULL, forget_scratch);
}
