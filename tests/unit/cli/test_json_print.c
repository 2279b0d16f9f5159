/* Documents as --json prints them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/cli/json_print.h"

/* What is printed of the document that text says. */
static void check(const char *text, bool is_indented, const char *wanted)
{
    char *printed = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&printed, &len);
    json_t *data = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(out);
    assert_non_null(data);
    assert_int_equal(json_print(data, is_indented, out), 0);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(printed, wanted);
    json_t *again = json_loads(printed, JSON_DECODE_ANY, NULL);
    assert_non_null(again);
    json_decref(again);
    json_decref(data);
    free(printed);
}

static void numbers_are_as_short_as_they_can_be(void **state)
{
    (void)state;
    check("[38.98,0.1,1e-7,-2.5,85.799999999999997,1.0,0.30000000000000004]", false,
          "[38.98,0.1,1e-07,-2.5,85.8,1,0.30000000000000004]");
    check("[9223372036854775807,-9223372036854775808,1e300,5e-324]", false,
          "[9223372036854775807,-9223372036854775808,1e+300,5e-324]");
}

static void order_and_words_stay(void **state)
{
    (void)state;
    check("{\"b\":null,\"a\":[true,false],\"\\u00e9\\n\":\"\\\"x\\\\\\u0001\"}", false,
          "{\"b\":null,\"a\":[true,false],\"\xC3\xA9\\n\":\"\\\"x\\\\\\u0001\"}");
}

static void levels_are_indented_and_what_is_empty_stays_closed(void **state)
{
    (void)state;
    check("{\"a\":[1,{\"b\":2}],\"c\":{},\"d\":[]}", true,
          "{\n  \"a\": [\n    1,\n    {\n      \"b\": 2\n    }\n  ],\n  \"c\": {},\n  \"d\": []\n}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_as_short_as_they_can_be),
        cmocka_unit_test(order_and_words_stay),
        cmocka_unit_test(levels_are_indented_and_what_is_empty_stays_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
