/* FAULTS case 26 over bytes: which heads are plain, and which of the plain ones two readers could still read
 * as two requests. A head is written here as it is sent; leave() does to it what libmicrohttpd 0.9.75 does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/http/http_head.h"

#define FIRST   "POST /write HTTP/1.1\r\n"
#define HOST    "Host: x\r\n"
#define LENGTH  "Content-Length: 14\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define END     "\r\n"

/* The library ends a line at a CR, a LF or both, and puts NULs over them and over the first colon of a
 * header. What is left begins behind the version word; a copy of just that size, so that ASan sees a byte too
 * far. */
static char *leave(struct str sent, size_t *len)
{
    size_t from = strcspn(sent.ptr, "\r\n");
    *len = sent.len - from;
    char *left = malloc(*len ? *len : 1);
    assert_non_null(left);
    memcpy(left, sent.ptr + from, *len);
    bool in_name = false;
    for (size_t i = 0; i < *len; i++) {
        bool ends = left[i] == '\r' || left[i] == '\n';
        if (ends || (in_name && left[i] == ':')) {
            left[i] = '\0';
            in_name = ends;
        }
    }
    return left;
}

static bool read_head(struct str sent, struct http_head_facts *facts)
{
    size_t len;
    char *left = leave(sent, &len);
    memset(facts, 0, sizeof *facts);
    bool plain = http_head_read((struct str){left, len}, facts);
    free(left);
    return plain;
}

static void assert_mangled(struct str sent)
{
    struct http_head_facts facts;
    if (read_head(sent, &facts))
        fail_msg("taken as plain: %.*s", STR_ARG(sent));
}

static struct http_head_facts assert_plain(struct str sent)
{
    struct http_head_facts facts;
    if (!read_head(sent, &facts))
        fail_msg("not taken as plain: %.*s", STR_ARG(sent));
    return facts;
}

/* Plain, but refused with these words. */
static void assert_ambiguous(struct str sent, const char *words)
{
    struct http_head_facts facts = assert_plain(sent);
    const char *why = http_head_ambiguity(&facts, true);
    assert_non_null(why);
    assert_string_equal(why, words);
}

#define MANGLED(name, text)                                                                                  \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        (void)state;                                                                                         \
        assert_mangled(STR(text));                                                                           \
    }
#define AMBIGUOUS(name, text, words)                                                                         \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        (void)state;                                                                                         \
        assert_ambiguous(STR(text), (words));                                                                \
    }

static const char once[] = "Content-Length stands more than once";
static const char both[] = "Content-Length and Transfer-Encoding exclude each other";
static const char number[] = "Content-Length is no number";
static const char only_chunked[] = "the only Transfer-Encoding here is chunked, once";

AMBIGUOUS(two_lengths_are_refused, FIRST HOST LENGTH LENGTH END, once)
AMBIGUOUS(two_lengths_that_differ_are_refused, FIRST HOST LENGTH "Content-Length: 0\r\n" END, once)
AMBIGUOUS(a_list_of_lengths_is_refused, FIRST HOST "Content-Length: 14, 14\r\n" END, number)
AMBIGUOUS(length_and_chunked_are_refused, FIRST HOST LENGTH CHUNKED END, both)
AMBIGUOUS(chunked_and_length_are_refused, FIRST HOST CHUNKED LENGTH END, both)
AMBIGUOUS(chunked_twice_is_refused, FIRST HOST CHUNKED CHUNKED END, only_chunked)
AMBIGUOUS(chunked_and_identity_are_refused, FIRST HOST CHUNKED "Transfer-Encoding: identity\r\n" END,
          only_chunked)
AMBIGUOUS(xchunked_is_refused, FIRST HOST "Transfer-Encoding: xchunked\r\n" END, only_chunked)
AMBIGUOUS(chunked_in_a_list_is_refused, FIRST HOST "Transfer-Encoding: chunked, identity\r\n" END,
          only_chunked)
AMBIGUOUS(identity_is_refused, FIRST HOST "Transfer-Encoding: identity\r\n" END, only_chunked)
AMBIGUOUS(chunked_with_a_blank_behind_is_refused, FIRST HOST "Transfer-Encoding: chunked \r\n" END,
          only_chunked)
AMBIGUOUS(no_host_is_refused, FIRST LENGTH END, "Host is missing")
AMBIGUOUS(two_hosts_are_refused, FIRST HOST "hOST: y\r\n" END, "Host stands more than once")
AMBIGUOUS(a_negative_length_is_refused, FIRST HOST "Content-Length: -1\r\n" END, number)
AMBIGUOUS(a_length_with_a_sign_is_refused, FIRST HOST "Content-Length: +14\r\n" END, number)
AMBIGUOUS(a_length_in_hex_is_refused, FIRST HOST "Content-Length: 0xe\r\n" END, number)
AMBIGUOUS(an_empty_length_is_refused, FIRST HOST "Content-Length: \r\n" END, number)
AMBIGUOUS(a_length_with_a_blank_behind_is_refused, FIRST HOST "Content-Length: 14 \r\n" END, number)

MANGLED(a_vertical_tab_is_refused, FIRST HOST "Transfer-Encoding: \x0b"
                                              "chunked\r\n" END)
MANGLED(a_folded_encoding_is_refused, FIRST HOST "Transfer-Encoding:\r\n chunked\r\n" END)
MANGLED(a_folded_line_is_refused, FIRST HOST "X-A: b\r\n c\r\n" LENGTH END)
MANGLED(a_folded_line_with_a_colon_is_refused, FIRST HOST "X-A: b\r\n c: d\r\n" LENGTH END)
MANGLED(a_folded_last_line_is_refused, FIRST HOST LENGTH "X-A: b\r\n\tc\r\n" END)
MANGLED(a_folded_first_line_is_refused, FIRST " " HOST LENGTH END)
MANGLED(a_space_before_the_colon_is_refused, FIRST HOST "Content-Length : 0\r\n" LENGTH END)
MANGLED(a_tab_before_the_colon_is_refused, FIRST HOST "Transfer-Encoding\t: chunked\r\n" LENGTH END)
MANGLED(a_line_without_a_colon_is_refused, FIRST HOST "Transfer-Encoding\r\n" LENGTH END)
MANGLED(a_line_without_a_name_is_refused, FIRST HOST ": chunked\r\n" LENGTH END)
MANGLED(a_name_that_is_no_token_is_refused, FIRST HOST "X(A): b\r\n" END)
MANGLED(a_name_over_ascii_is_refused, FIRST HOST "X\xc3\xa4: b\r\n" END)
MANGLED(bare_line_feeds_are_refused, "POST /write HTTP/1.1\nHost: x\nContent-Length: 14\n\n")
MANGLED(one_bare_line_feed_is_refused, FIRST HOST "X-A: b\n" LENGTH END)
MANGLED(a_bare_line_feed_at_the_end_is_refused, FIRST HOST LENGTH "\n")
MANGLED(a_bare_line_feed_behind_the_request_line_is_refused, "POST /write HTTP/1.1\n" HOST LENGTH END)
MANGLED(a_bare_carriage_return_is_refused, FIRST HOST "X-A: b\rTransfer-Encoding: chunked\r\n" LENGTH END)
MANGLED(two_carriage_returns_are_refused, FIRST HOST "X-A: b\r\r\n" LENGTH END)
MANGLED(a_nul_in_a_value_is_refused, FIRST HOST "X-A: a\0b\r\n" LENGTH END)
MANGLED(a_nul_at_the_end_of_a_value_is_refused, FIRST HOST "X-A: a\0\r\n" LENGTH END)
MANGLED(a_nul_in_a_name_is_refused, FIRST HOST "X\0A: a\r\n" LENGTH END)
MANGLED(a_nul_before_the_empty_line_is_refused, FIRST HOST LENGTH "\0\r\n")
MANGLED(a_delete_in_a_value_is_refused, FIRST HOST "X-A: a\x7f\r\n" END)
MANGLED(bytes_behind_the_empty_line_are_refused, FIRST HOST END "X")

static void a_plain_head_is_read(void **state)
{
    (void)state;
    struct http_head_facts facts =
        assert_plain(STR(FIRST HOST "X-A:\t b c\t:\"\xc3\xa4\"\r\nX-Empty:\r\n" LENGTH END));
    assert_int_equal(facts.headers, 4);
    assert_int_equal(facts.hosts, 1);
    assert_int_equal(facts.content_lengths, 1);
    assert_int_equal(facts.length, 14);
    assert_int_equal(facts.transfer_encodings, 0);
    assert_false(facts.chunked || facts.bad_length);
    assert_null(http_head_ambiguity(&facts, true));
}

static void chunked_is_read_in_any_case_of_letters(void **state)
{
    (void)state;
    struct http_head_facts facts = assert_plain(STR(FIRST HOST "transfer-ENCODING: ChunKed\r\n" END));
    assert_true(facts.chunked);
    assert_null(http_head_ambiguity(&facts, true));
}

static void only_version_1_1_wants_a_host(void **state)
{
    (void)state;
    struct http_head_facts facts = assert_plain(STR("GET / HTTP/1.0\r\n" END));
    assert_int_equal(facts.headers, 0);
    assert_null(http_head_ambiguity(&facts, false));
    assert_string_equal(http_head_ambiguity(&facts, true), "Host is missing");
}

static void a_length_over_64_bits_counts_as_the_most(void **state)
{
    (void)state;
    static const char *const huge[] = {"1000000000000000000", "18446744073709551630",
                                       "9999999999999999999999"};
    for (size_t i = 0; i < sizeof huge / sizeof huge[0]; i++) {
        struct http_head_facts facts = {0};
        http_head_note(&facts, "content-length", huge[i]);
        assert_int_equal(facts.length, HTTP_HEAD_LENGTH_MAX);
        assert_false(facts.bad_length);
    }
    struct http_head_facts facts = {0};
    http_head_note(&facts, "content-length", "0000000000000000000000999999999999999999");
    assert_int_equal(facts.length, 999999999999999999);
}

static void a_head_that_is_cut_anywhere_is_not_plain(void **state)
{
    (void)state;
    struct str whole = STR(FIRST HOST "X-A: b\r\n" LENGTH END);
    for (size_t len = sizeof FIRST - 1 - 2; len < whole.len; len++)
        assert_mangled((struct str){whole.ptr, len});
    assert_plain(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_head_is_read),
        cmocka_unit_test(chunked_is_read_in_any_case_of_letters),
        cmocka_unit_test(only_version_1_1_wants_a_host),
        cmocka_unit_test(a_length_over_64_bits_counts_as_the_most),
        cmocka_unit_test(a_head_that_is_cut_anywhere_is_not_plain),
        cmocka_unit_test(two_lengths_are_refused),
        cmocka_unit_test(two_lengths_that_differ_are_refused),
        cmocka_unit_test(a_list_of_lengths_is_refused),
        cmocka_unit_test(length_and_chunked_are_refused),
        cmocka_unit_test(chunked_and_length_are_refused),
        cmocka_unit_test(chunked_twice_is_refused),
        cmocka_unit_test(chunked_and_identity_are_refused),
        cmocka_unit_test(xchunked_is_refused),
        cmocka_unit_test(chunked_in_a_list_is_refused),
        cmocka_unit_test(identity_is_refused),
        cmocka_unit_test(chunked_with_a_blank_behind_is_refused),
        cmocka_unit_test(no_host_is_refused),
        cmocka_unit_test(two_hosts_are_refused),
        cmocka_unit_test(a_negative_length_is_refused),
        cmocka_unit_test(a_length_with_a_sign_is_refused),
        cmocka_unit_test(a_length_in_hex_is_refused),
        cmocka_unit_test(an_empty_length_is_refused),
        cmocka_unit_test(a_length_with_a_blank_behind_is_refused),
        cmocka_unit_test(a_vertical_tab_is_refused),
        cmocka_unit_test(a_folded_encoding_is_refused),
        cmocka_unit_test(a_folded_line_is_refused),
        cmocka_unit_test(a_folded_line_with_a_colon_is_refused),
        cmocka_unit_test(a_folded_last_line_is_refused),
        cmocka_unit_test(a_folded_first_line_is_refused),
        cmocka_unit_test(a_space_before_the_colon_is_refused),
        cmocka_unit_test(a_tab_before_the_colon_is_refused),
        cmocka_unit_test(a_line_without_a_colon_is_refused),
        cmocka_unit_test(a_line_without_a_name_is_refused),
        cmocka_unit_test(a_name_that_is_no_token_is_refused),
        cmocka_unit_test(a_name_over_ascii_is_refused),
        cmocka_unit_test(bare_line_feeds_are_refused),
        cmocka_unit_test(one_bare_line_feed_is_refused),
        cmocka_unit_test(a_bare_line_feed_at_the_end_is_refused),
        cmocka_unit_test(a_bare_line_feed_behind_the_request_line_is_refused),
        cmocka_unit_test(a_bare_carriage_return_is_refused),
        cmocka_unit_test(two_carriage_returns_are_refused),
        cmocka_unit_test(a_nul_in_a_value_is_refused),
        cmocka_unit_test(a_nul_at_the_end_of_a_value_is_refused),
        cmocka_unit_test(a_nul_in_a_name_is_refused),
        cmocka_unit_test(a_nul_before_the_empty_line_is_refused),
        cmocka_unit_test(a_delete_in_a_value_is_refused),
        cmocka_unit_test(bytes_behind_the_empty_line_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
