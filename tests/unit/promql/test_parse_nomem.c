/* The n-th allocation fails, for every n, while an expression is read and printed: TM_NOMEM with a sentence,
 * or the whole; nothing is kept. The allocator of this program is glibc's own behind a countdown; under a
 * sanitizer, which brings its own, there is nothing to fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/promql/parse.h"
#include "server/promql/print.h"
#include "tests/unit/nomem.h"

#if CAN_FAIL
static char said[4096]; /* the printed form, or the fault */

/* Reads and prints. TM_OK: what comes of it is in said. */
static enum tm_err read_and_print(const char *text)
{
    struct ast *ast;
    struct tm_why why = {{0}};
    struct bytes out = {0};
    enum tm_err err = promql_parse(str_of(text), &ast, &why);
    if (err) {
        assert_null(ast);
        assert_true(why.text[0] != '\0');
        memcpy(said, why.text, sizeof why.text);
        return err == TM_INVALID ? TM_OK : err;
    }
    ast_print(ast->root, &out);
    ast_print_lines(ast->root, &out);
    bytes_u8(&out, 0);
    err = bytes_error(&out);
    assert_true(out.len <= sizeof said);
    if (!err)
        memcpy(said, out.data, out.len);
    bytes_fini(&out);
    ast_free(ast);
    return err;
}

static void each_failed_allocation_is_told_and_nothing_is_kept(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "sum by (a, \"b.c\") (rate(foo{b=\"c\",d=~\"e.*|f\",g!~\"[h-i]+\"}[5m] offset -1h @ 2.5)) * on (a)"
        " group_right (d) label_join(bar, \"x\", `y`, 'z', \"\\u00e9\", \"5\", \"6\") + -topk(5, "
        "{\"q.r\"}[1h:5m])",
        "topk(5, label_replace(-(foo @ end()), \"a_rather_long_label\", \"$1\", \"instance\", \"a long value "
        "of "
        "a label, so that it is split\")) ^ Inf",
        "foo{a=\"unterminated",
        "foo{a=\"x\" unexpected}",
        "nope(foo)",
        "foo[1h5d]",
        "1e999",
        "foo{__name__=\"bar\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char expected[sizeof said];
        long n = 0;
        assert_int_equal(read_and_print(texts[i]), TM_OK); /* what libraries keep is there now */
        memcpy(expected, said, sizeof said);
        do {
            long before = live;
            failed = 0;
            countdown = n++;
            enum tm_err err = read_and_print(texts[i]);
            countdown = -1;
            assert_int_equal(live, before);
            if (err == TM_OK)
                assert_string_equal(said, expected);
            else
                assert_int_equal(err, TM_NOMEM);
        } while (failed > 0);
        assert_true(n > 2);
    }
}
#endif

int main(void)
{
#if CAN_FAIL
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_failed_allocation_is_told_and_nothing_is_kept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
#else
    return 0;
#endif
}
