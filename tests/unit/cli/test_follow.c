/* Server-sent events, in whatever pieces they come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/cli/follow.h"

static void write_item(void *arg, const json_t *item)
{
    char *text = json_dumps(item, JSON_COMPACT);
    bytes_printf(arg, "%s;", text);
    free(text);
}

/* What a stream gives when it comes in pieces of so many bytes. */
static void expect(const char *stream, size_t piece, const char *wanted)
{
    struct follow_parser parser = {0};
    struct bytes out = {0};
    size_t len = strlen(stream);
    for (size_t at = 0; at < len; at += piece) {
        size_t left = len - at;
        const struct str some = {stream + at, left < piece ? left : piece};
        assert_int_equal(follow_parse(&parser, some, write_item, &out), TM_OK);
    }
    bytes_u8(&out, '\0');
    assert_string_equal((char *)out.data, wanted);
    follow_parser_fini(&parser);
    bytes_fini(&out);
}

static void events_are_read_whatever_the_pieces(void **state)
{
    static const char stream[] =
        ": tidemark\nretry: 3000\n\nevent: incident\nid: 4\ndata: {\"a\":1}\n\n:\n\n"
        "event: x\r\ndata: {\"b\":\r\ndata: [2]}\r\n\r\ndata:{\"c\":3}\n\ndata: {\"cut\":4}";
    (void)state;
    for (size_t piece = 1; piece < sizeof stream; piece++)
        expect(stream, piece, "{\"a\":1};{\"b\":[2]};{\"c\":3};");
}

static void what_is_no_json_is_passed_over(void **state)
{
    (void)state;
    expect("data: {\"a\":\n\ndata: x\n\ndata:\n\ndata: {\"b\":1}\n\n", 7, "{\"b\":1};");
}

static void an_event_without_end_is_bounded(void **state)
{
    (void)state;
    struct follow_parser parser = {0};
    struct bytes out = {0};
    static char filler[64 << 10];
    memset(filler, 'x', sizeof filler);
    assert_int_equal(follow_parse(&parser, STR("data: \""), write_item, &out), TM_OK);
    for (int i = 0; i < 64; i++)
        assert_int_equal(follow_parse(&parser, (struct str){filler, sizeof filler}, write_item, &out), TM_OK);
    assert_true(parser.line.len < 2 << 20);
    assert_int_equal(follow_parse(&parser, STR("\"\n\ndata: {\"b\":1}\n\n"), write_item, &out), TM_OK);
    bytes_u8(&out, '\0');
    assert_string_equal((char *)out.data, "{\"b\":1};");
    for (int i = 0; i < 64; i++) {
        assert_int_equal(follow_parse(&parser, STR("data: "), write_item, &out), TM_OK);
        assert_int_equal(follow_parse(&parser, (struct str){filler, sizeof filler}, write_item, &out), TM_OK);
        assert_int_equal(follow_parse(&parser, STR("\n"), write_item, &out), TM_OK);
    }
    assert_true(parser.data.len < 2 << 20);
    follow_parser_fini(&parser);
    bytes_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_read_whatever_the_pieces),
        cmocka_unit_test(what_is_no_json_is_passed_over),
        cmocka_unit_test(an_event_without_end_is_bounded),
    };
    return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
