/* gzip of answers: what the client takes, and that it reads back, piece by piece. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/http/http_deflate.h"
#include "server/http/http_inflate.h"

static void gzip_is_sent_to_those_alone_who_take_it(void **state)
{
    (void)state;
    static const char *const yes[] = {
        "gzip",  "GZip", "deflate, gzip", "gzip;q=0.5", "gzip;q=1.0, *;q=0", "*", "br;q=1.0, gzip;q=0.8",
        " gzip "};
    static const char *const no[] = {"",      "identity", "gzip;q=0", "gzip; q=0.000", "*;q=0",
                                     "xgzip", "gzip2",    "br",       ",,;",           "*, gzip;q=0"};
    assert_false(http_allows_gzip(NULL));
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(http_allows_gzip(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_false(http_allows_gzip(no[i]));
}

static void put_numbers(struct bytes *out, int seed)
{
    for (int i = 0; i < 20000; i++)
        bytes_printf(out, "[%d,\"%d\"],", i, i * 7919 % (seed + 1000));
}

static void pieces_read_back_as_one(void **state)
{
    (void)state;
    struct http_deflate *deflate = http_deflate_new();
    struct bytes raw = {0}, packed = {0}, back = {0};
    struct tm_why why;
    assert_non_null(deflate);
    for (int i = 0; i < 4; i++) {
        struct bytes piece = {0};
        if (i != 2)
            put_numbers(&piece, i); /* an empty one is a piece too */
        bytes_put(&raw, piece.data, piece.len);
        assert_int_equal(http_deflate_piece(deflate, &piece, i == 3), TM_OK);
        bytes_put(&packed, piece.data, piece.len);
        bytes_fini(&piece);
    }
    http_deflate_free(deflate);
    assert_true(packed.len * 2 < raw.len);
    assert_int_equal(http_inflate(bytes_view(&packed), raw.len, &back, &why), TM_OK);
    assert_int_equal(back.len, raw.len);
    assert_memory_equal(back.data, raw.data, raw.len);
    bytes_fini(&raw);
    bytes_fini(&packed);
    bytes_fini(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_is_sent_to_those_alone_who_take_it),
        cmocka_unit_test(pieces_read_back_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
