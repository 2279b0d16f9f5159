/* gzip bodies: whole or refused, and bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "server/http/http_inflate.h"

enum { ROOM = 64 << 10 };

static uint8_t packed[ROOM];

/* text as one gzip stream in packed; its length. */
static size_t pack(struct str text)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)text.ptr, .avail_in = (unsigned)text.len};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_out = packed;
    z.avail_out = ROOM;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(deflateEnd(&z), Z_OK);
    return z.total_out;
}

static enum tm_err unpack(size_t len, size_t max, struct bytes *out, struct tm_why *why)
{
    why->text[0] = '\0';
    bytes_clear(out);
    return http_inflate((struct str){(const char *)packed, len}, max, out, why);
}

static void assert_invalid(size_t len, const char *words)
{
    struct bytes out = {0};
    struct tm_why why;
    assert_int_equal(unpack(len, 1000, &out, &why), TM_INVALID);
    assert_string_equal(why.text, words);
    bytes_fini(&out);
}

static const char broken[] = "the body is not one whole gzip stream";
static const char followed[] = "bytes follow the gzip stream";

static void a_whole_stream_comes_out_as_it_went_in(void **state)
{
    (void)state;
    struct str text = STR("cpu value=1\ncpu value=2\n");
    struct bytes out = {0};
    struct tm_why why;
    assert_int_equal(unpack(pack(text), 1000, &out, &why), TM_OK);
    assert_true(str_equal(bytes_view(&out), text));
    assert_int_equal(unpack(pack(STR("")), 1000, &out, &why), TM_OK);
    assert_int_equal(out.len, 0);
    bytes_fini(&out);
}

static void one_over_the_bound_is_too_large_and_one_at_it_is_not(void **state)
{
    (void)state;
    struct bytes out = {0};
    struct tm_why why;
    size_t len = pack(STR("0123456789"));
    assert_int_equal(unpack(len, 10, &out, &why), TM_OK);
    assert_int_equal(unpack(len, 9, &out, &why), TM_TOO_LARGE);
    assert_string_equal(why.text, "the body is over limits.max_decompressed once decompressed");
    bytes_fini(&out);
}

static void a_bomb_is_given_up_within_a_step_of_the_bound(void **state)
{
    (void)state;
    char *zeros = calloc(1, 16 << 20);
    struct bytes out = {0};
    struct tm_why why;
    assert_non_null(zeros);
    size_t len = pack((struct str){zeros, 16 << 20});
    assert_int_equal(unpack(len, 1 << 20, &out, &why), TM_TOO_LARGE);
    assert_true(out.len <= (1 << 20) + HTTP_INFLATE_STEP_BYTES);
    bytes_fini(&out);
    free(zeros);
}

static void a_stream_that_is_cut_anywhere_is_refused(void **state)
{
    (void)state;
    size_t len = pack(STR("cpu value=1\n"));
    for (size_t cut = 0; cut < len; cut++)
        assert_invalid(cut, broken);
}

static void what_is_no_gzip_is_refused(void **state)
{
    (void)state;
    memcpy(packed, "cpu value=1\n", 12);
    assert_invalid(12, broken);
    size_t len = pack(STR("cpu value=1\n"));
    packed[len - 6] ^= 1; /* its checksum */
    assert_invalid(len, broken);
    len = pack(STR("cpu value=1\n"));
    packed[len - 1] ^= 1; /* its length */
    assert_invalid(len, broken);
}

static void what_follows_the_stream_is_refused(void **state)
{
    (void)state;
    size_t len = pack(STR("cpu value=1\n"));
    packed[len] = 'x';
    assert_invalid(len + 1, followed);
    memcpy(packed + len, packed, len); /* a second stream */
    assert_invalid(2 * len, followed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_stream_comes_out_as_it_went_in),
        cmocka_unit_test(one_over_the_bound_is_too_large_and_one_at_it_is_not),
        cmocka_unit_test(a_bomb_is_given_up_within_a_step_of_the_bound),
        cmocka_unit_test(a_stream_that_is_cut_anywhere_is_refused),
        cmocka_unit_test(what_is_no_gzip_is_refused),
        cmocka_unit_test(what_follows_the_stream_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
