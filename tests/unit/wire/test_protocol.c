/* PROTOCOL.md keeps what it says: each fenced block in it is read here. Run from the top folder. */
#include "tests/unit/wire/wire_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/wire/header.h"
#include "server/wire/reply.h"

static char document[1 << 16];
static struct line_key key;
static struct bytes scratch;
static struct tm_why why;

static int read_document(void **state)
{
    (void)state;
    FILE *file = fopen("server/wire/PROTOCOL.md", "r");
    if (!file) {
        print_error("server/wire/PROTOCOL.md can't be read: run the tests from the top folder\n");
        return -1;
    }
    size_t len = fread(document, 1, sizeof document - 1, file);
    document[len] = '\0';
    (void)fclose(file);
    return len > 0 && len < sizeof document - 1 ? 0 : -1;
}

static int forget_scratch(void **state)
{
    (void)state;
    bytes_fini(&scratch);
    return 0;
}

/* The content of the next block of this kind behind *at, which moves behind it. Empty: no more. */
static struct str next_block(const char **at, const char *kind)
{
    char fence[32];
    (void)snprintf(fence, sizeof fence, "\n```%s\n", kind);
    const char *open = strstr(*at, fence);
    if (!open)
        return (struct str){NULL, 0};
    const char *content = open + strlen(fence);
    const char *close = strstr(content, "\n```\n");
    assert_non_null(close);
    *at = close + 1;
    return (struct str){content, (size_t)(close + 1 - content)};
}

static struct str only_block(const char *kind)
{
    const char *at = document;
    struct str block = next_block(&at, kind);
    assert_true(block.len > 0);
    return block;
}

/* What the daemon would say of the line that was just read. */
static enum tm_err check_line(void)
{
    bytes_clear(&scratch);
    enum tm_err err = line_key_parse(line.key, &scratch, &key, &why);
    return err ? err : line_event_check(line_kind(&key, &line), &key, &line, &why);
}

static void every_line_of_the_document_is_taken(void **state)
{
    (void)state;
    const char *at = document;
    unsigned kinds[EVENT_KIND_COUNT] = {0};
    for (;;) {
        struct str block = next_block(&at, "lines");
        if (block.len == 0)
            break;
        line_reader_init(&reader, block, PRECISION_NS, 1);
        enum line_step step;
        while ((step = line_next(&reader, &line)) != LINE_END) {
            if (step == LINE_BAD || check_line() != TM_OK)
                print_error("line %u: %s%s\n", reader.number, reader.why.text, why.text);
            assert_int_equal(step, LINE_OK);
            assert_int_equal(check_line(), TM_OK);
            kinds[line_kind(&key, &line)]++;
        }
    }
    assert_int_equal(kinds[EVENT_METRIC], 2);
    assert_int_equal(kinds[EVENT_HTTP], 1);
    assert_int_equal(kinds[EVENT_EXCEPTION], 1);
    assert_int_equal(kinds[EVENT_TALLY], 2);
    assert_int_equal(kinds[EVENT_MARKER], 3);
}

static void every_refused_line_is_refused_for_its_reason(void **state)
{
    (void)state;
    struct str block = only_block("refused");
    unsigned refused = 0;
    line_reader_init(&reader, block, PRECISION_NS, 1);
    enum line_step step;
    while ((step = line_next(&reader, &line)) != LINE_END) {
        const char *reason = reader.why.text;
        if (step == LINE_OK) {
            assert_int_equal(check_line(), TM_INVALID);
            reason = why.text;
        }
        /* The reader stands at the comment with the reason. */
        assert_memory_equal(reader.at, "# ", 2);
        const char *end = strchr(reader.at, '\n');
        assert_int_equal(end - reader.at - 2, strlen(reason));
        assert_memory_equal(reader.at + 2, reason, strlen(reason));
        refused++;
    }
    assert_int_equal(refused, 12);
}

static struct str without_feed(struct str block)
{
    return (struct str){block.ptr, block.len - 1};
}

static void the_signed_example_is_signed_right(void **state)
{
    (void)state;
    struct str secret = without_feed(only_block("secret"));
    struct str unsigned_bytes = only_block("unsigned");
    struct header header;
    assert_int_equal(header_parse(only_block("signed"), &header, &why), TM_OK);
    assert_true(header_verify(&header, secret));
    assert_view(header.producer, "cart-7");
    assert_int_equal(header.epoch, INT64_C(1764000000000));
    assert_int_equal(header.seq, 1);
    assert_int_equal(header.precision, PRECISION_MS);
    /* What is signed is the unsigned block, byte for byte. */
    assert_int_equal(unsigned_bytes.len, header.signed_part.len + 1 + header.rest.len);
    assert_memory_equal(unsigned_bytes.ptr, header.signed_part.ptr, header.signed_part.len);
    assert_int_equal(unsigned_bytes.ptr[header.signed_part.len], '\n');
    assert_memory_equal(unsigned_bytes.ptr + header.signed_part.len + 1, header.rest.ptr, header.rest.len);
    /* The signature stands in the text too. */
    char quoted[SIGNATURE_HEX + 3];
    (void)snprintf(quoted, sizeof quoted, "`%.*s`", STR_ARG(header.signature));
    assert_non_null(strstr(document, quoted));
}

static void every_reply_is_one_that_the_daemon_writes(void **state)
{
    (void)state;
    const char *at = document;
    unsigned replies = 0;
    for (;;) {
        struct str block = next_block(&at, "json");
        if (block.len == 0)
            break;
        for (const char *text = block.ptr; text < block.ptr + block.len; replies++) {
            static struct reply reply;
            struct str json = {text, (size_t)(strchr(text, '\n') + 1 - text)};
            struct bytes out = {0};
            assert_int_equal(reply_decode(json, &reply), TM_OK);
            reply_encode(&reply, &out);
            assert_int_equal(out.len, json.len);
            assert_memory_equal(out.data, json.ptr, json.len);
            bytes_fini(&out);
            text += json.len;
        }
    }
    assert_int_equal(replies, 5);
}

static void every_refusal_is_explained(void **state)
{
    (void)state;
    const char *replies = strstr(document, "\n## Replies\n");
    assert_non_null(replies);
    for (enum refusal r = REFUSAL_NONE + 1; r < REFUSAL_COUNT; r++) {
        char word[32];
        (void)snprintf(word, sizeof word, "`%s`", refusal_word(r));
        assert_non_null(strstr(replies, word));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_of_the_document_is_taken),
        cmocka_unit_test(every_refused_line_is_refused_for_its_reason),
        cmocka_unit_test(the_signed_example_is_signed_right),
        cmocka_unit_test(every_reply_is_one_that_the_daemon_writes),
        cmocka_unit_test(every_refusal_is_explained),
    };
    return cmocka_run_group_tests(tests, read_document, forget_scratch);
}
