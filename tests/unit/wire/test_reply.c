/* Replies: their exact bytes, and back. */
#include "tests/unit/wire/wire_test.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>
#include "server/wire/reply.h"

static struct reply reply;
static struct reply decoded;
static struct bytes out;

static int forget_buffer(void **state)
{
    (void)state;
    bytes_fini(&out);
    return 0;
}

static void assert_encoded(const char *expected)
{
    bytes_clear(&out);
    reply_encode(&reply, &out);
    assert_int_equal(bytes_error(&out), TM_OK);
    assert_view(bytes_view(&out), expected);
}

static enum tm_err decode(const char *json)
{
    memset(&decoded, 0xa5, sizeof decoded);
    return reply_decode(str_of(json), &decoded);
}

static struct tm_why because(const char *text)
{
    struct tm_why why;
    (void)snprintf(why.text, sizeof why.text, "%s", text);
    return why;
}

static void a_fresh_reply_has_nothing_in_it(void **state)
{
    (void)state;
    memset(&reply, 0xa5, sizeof reply);
    reply_init(&reply);
    assert_encoded(
        "{\"ok\":true,\"accepted\":0,\"rejected\":0,\"duplicate\":false,\"seq\":null,\"errors\":[]}\n");
}

static void an_accepted_batch_has_the_documented_form(void **state)
{
    (void)state;
    reply_init(&reply);
    reply.accepted = 499;
    reply.has_seq = true;
    reply.seq = 42;
    struct tm_why why = because("column 3: \"x\"");
    reply_reject(&reply, 17, &why);
    assert_encoded("{\"ok\":true,\"accepted\":499,\"rejected\":1,\"duplicate\":false,\"seq\":42,"
                   "\"errors\":[{\"line\":17,\"reason\":\"column 3: \\\"x\\\"\"}]}\n");
    reply_reject(&reply, 18, &why);
    reply.duplicate = true;
    assert_encoded("{\"ok\":true,\"accepted\":499,\"rejected\":2,\"duplicate\":true,\"seq\":42,"
                   "\"errors\":[{\"line\":17,\"reason\":\"column 3: \\\"x\\\"\"},"
                   "{\"line\":18,\"reason\":\"column 3: \\\"x\\\"\"}]}\n");
}

static void a_refusal_has_the_documented_form(void **state)
{
    (void)state;
    reply_init(&reply);
    reply.refusal = REFUSAL_BUSY;
    reply.message = because("the journal is 5 s behind");
    reply.retry_after_ms = 250;
    assert_encoded("{\"ok\":false,\"error\":\"busy\",\"message\":\"the journal is 5 s behind\","
                   "\"retry_after_ms\":250}\n");
    reply.retry_after_ms = 0;
    assert_encoded("{\"ok\":false,\"error\":\"busy\",\"message\":\"the journal is 5 s behind\","
                   "\"retry_after_ms\":0}\n");
    reply.retry_after_ms = -1;
    reply.refusal = REFUSAL_SEQ_CONFLICT;
    assert_encoded("{\"ok\":false,\"error\":\"seq_conflict\",\"message\":\"the journal is 5 s behind\"}\n");
}

static void only_the_first_errors_are_kept_and_all_are_counted(void **state)
{
    (void)state;
    reply_init(&reply);
    struct tm_why why = because("no");
    for (uint32_t i = 1; i <= 1000; i++)
        reply_reject(&reply, i, &why);
    assert_int_equal(reply.rejected, 1000);
    assert_int_equal(reply.error_count, REPLY_ERRORS_MAX);
    assert_int_equal(reply.errors[19].line, 20);
}

static void every_refusal_has_its_word(void **state)
{
    (void)state;
    static const char *const words[REFUSAL_COUNT] = {
        NULL,        "bad_signature", "unknown_key",  "forbidden", "bad_header", "bad_encoding",
        "too_large", "stale_epoch",   "seq_conflict", "busy",      "read_only"};
    assert_null(refusal_word(REFUSAL_NONE));
    assert_null(refusal_word(REFUSAL_COUNT));
    for (enum refusal r = 1; r < REFUSAL_COUNT; r++) {
        assert_string_equal(refusal_word(r), words[r]);
        reply_init(&reply);
        reply.refusal = r;
        reply.message = because("m");
        bytes_clear(&out);
        reply_encode(&reply, &out);
        assert_int_equal(reply_decode(bytes_view(&out), &decoded), TM_OK);
        assert_int_equal(decoded.refusal, r);
    }
}

static void strings_are_escaped_and_made_utf8(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *json;
    } cases[] = {
        {STR(""), "\"\""},
        {STR("plain"), "\"plain\""},
        {STR("\"\\/"), "\"\\\"\\\\/\""},
        {STR("\n\r\t\b\0\x1f\x7f"), "\"\\n\\r\\t\\u0008\\u0000\\u001f\x7f\""},
        {STR("caf\xc3\xa9 \xf0\x9f\x98\x80"), "\"caf\xc3\xa9 \xf0\x9f\x98\x80\""},
        {STR("a\xff\xc3"), "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
        {STR("\xe2\x82x"), "\"\xef\xbf\xbd\xef\xbf\xbdx\""},
        {STR("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bytes_clear(&out);
        bytes_json_string(&out, cases[i].text);
        assert_view(bytes_view(&out), cases[i].json);
    }
}

static void what_is_encoded_is_decoded(void **state)
{
    (void)state;
    reply_init(&reply);
    reply.accepted = 5;
    reply.has_seq = true;
    reply.seq = INT64_MAX;
    reply.duplicate = true;
    struct tm_why why = because("a \"b\" \xe2\x82\xac");
    for (uint32_t i = 0; i < REPLY_ERRORS_MAX; i++)
        reply_reject(&reply, UINT32_MAX - i, &why);
    bytes_clear(&out);
    reply_encode(&reply, &out);
    memset(&decoded, 0xa5, sizeof decoded);
    assert_int_equal(reply_decode(bytes_view(&out), &decoded), TM_OK);
    assert_int_equal(decoded.refusal, REFUSAL_NONE);
    assert_int_equal(decoded.accepted, 5);
    assert_int_equal(decoded.rejected, REPLY_ERRORS_MAX);
    assert_true(decoded.duplicate);
    assert_true(decoded.has_seq);
    assert_int_equal(decoded.seq, INT64_MAX);
    assert_int_equal(decoded.retry_after_ms, -1);
    assert_int_equal(decoded.error_count, REPLY_ERRORS_MAX);
    assert_int_equal(decoded.errors[19].line, UINT32_MAX - 19);
    assert_string_equal(decoded.errors[19].why.text, why.text);
}

static void unknown_members_are_skipped(void **state)
{
    (void)state;
    assert_int_equal(decode("{\"new\":[1,{}],\"ok\":true,\"accepted\":1,\"rejected\":0,\"duplicate\":false,"
                            "\"seq\":null,\"errors\":[]}"),
                     TM_OK);
    assert_int_equal(decoded.accepted, 1);
    assert_false(decoded.has_seq);
    assert_int_equal(
        decode("{\"ok\":false,\"error\":\"busy\",\"message\":\"m\",\"retry_after_ms\":9,\"x\":1}"), TM_OK);
    assert_int_equal(decoded.retry_after_ms, 9);
    assert_string_equal(decoded.message.text, "m");
}

static void what_is_no_reply_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "x",
        "{",
        "[]",
        "1",
        "{}",
        "{\"ok\":1}",
        "{\"ok\":true}",
        "{\"ok\":true,\"accepted\":-1,\"rejected\":0,\"duplicate\":false,\"seq\":1,\"errors\":[]}",
        "{\"ok\":true,\"accepted\":1.5,\"rejected\":0,\"duplicate\":false,\"seq\":1,\"errors\":[]}",
        "{\"ok\":true,\"accepted\":1,\"rejected\":0,\"duplicate\":0,\"seq\":1,\"errors\":[]}",
        "{\"ok\":true,\"accepted\":1,\"rejected\":0,\"duplicate\":false,\"errors\":[]}",
        "{\"ok\":true,\"accepted\":1,\"rejected\":0,\"duplicate\":false,\"seq\":\"1\",\"errors\":[]}",
        "{\"ok\":true,\"accepted\":1,\"rejected\":0,\"duplicate\":false,\"seq\":1}",
        "{\"ok\":true,\"accepted\":1,\"rejected\":0,\"duplicate\":false,\"seq\":1,\"errors\":[1]}",
        "{\"ok\":true,\"accepted\":1,\"rejected\":0,\"duplicate\":false,\"seq\":1,\"errors\":[{\"line\":1}]}",
        "{\"ok\":true,\"accepted\":1,\"rejected\":0,\"duplicate\":false,\"seq\":1,"
        "\"errors\":[{\"line\":4294967296,\"reason\":\"\"}]}",
        "{\"ok\":false}",
        "{\"ok\":false,\"error\":\"nope\",\"message\":\"m\"}",
        "{\"ok\":false,\"error\":\"busy\"}",
        "{\"ok\":false,\"error\":\"busy\",\"message\":\"m\",\"retry_after_ms\":-5}",
        "{\"ok\":false,\"error\":\"busy\",\"message\":\"m\"} trailing",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(decode(texts[i]), TM_INVALID);
    assert_int_equal(reply_decode((struct str){NULL, 0}, &decoded), TM_INVALID);
}

static void long_reasons_are_cut_between_characters(void **state)
{
    (void)state;
    char json[1024] = "{\"ok\":false,\"error\":\"busy\",\"message\":\"x";
    for (int i = 0; i < 200; i++)
        strcat(json, "\xc3\xa9");
    strcat(json, "\"}");
    assert_int_equal(decode(json), TM_OK);
    /* One byte and 191 pairs fill the 383 that there are. */
    assert_int_equal(strlen(decoded.message.text), 383);
    json[strlen("{\"ok\":false,\"error\":\"busy\",\"message\":\"")] = '\xc3';
    memmove(json + 40, json + 39, strlen(json + 39) + 1);
    json[39] = '\xa9';
    assert_int_equal(decode(json), TM_OK);
    assert_int_equal(strlen(decoded.message.text), 382);
}

/* ---- the n-th allocation of the JSON reader fails ---- */

static int allocations_left;

static void *allocate(size_t size)
{
    if (allocations_left == 0)
        return NULL;
    allocations_left--;
    return malloc(size);
}

static void any_failed_allocation_is_told(void **state)
{
    (void)state;
    static const char json[] = "{\"ok\":true,\"accepted\":1,\"rejected\":1,\"duplicate\":false,\"seq\":1,"
                               "\"errors\":[{\"line\":1,\"reason\":\"r\"}]}";
    json_set_alloc_funcs(allocate, free);
    bool succeeded = false;
    for (int n = 0; n < 200 && !succeeded; n++) {
        allocations_left = n;
        enum tm_err err = decode(json);
        succeeded = err == TM_OK;
        /* jansson calls some of them a syntax error: either way nothing is taken for a reply. */
        assert_true(succeeded || err == TM_NOMEM || err == TM_INVALID);
    }
    json_set_alloc_funcs(malloc, free);
    assert_true(succeeded);
    assert_int_equal(decoded.errors[0].line, 1);
}

static void a_failed_buffer_is_told(void **state)
{
    (void)state;
    struct bytes failed = {.failed = true};
    reply_init(&reply);
    reply_encode(&reply, &failed);
    assert_int_equal(bytes_error(&failed), TM_NOMEM);
    assert_int_equal(failed.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_reply_has_nothing_in_it),
        cmocka_unit_test(an_accepted_batch_has_the_documented_form),
        cmocka_unit_test(a_refusal_has_the_documented_form),
        cmocka_unit_test(only_the_first_errors_are_kept_and_all_are_counted),
        cmocka_unit_test(every_refusal_has_its_word),
        cmocka_unit_test(strings_are_escaped_and_made_utf8),
        cmocka_unit_test(what_is_encoded_is_decoded),
        cmocka_unit_test(unknown_members_are_skipped),
        cmocka_unit_test(what_is_no_reply_is_refused),
        cmocka_unit_test(long_reasons_are_cut_between_characters),
        cmocka_unit_test(any_failed_allocation_is_told),
        cmocka_unit_test(a_failed_buffer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, forget_buffer);
}
