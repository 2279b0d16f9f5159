#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "storage/model/option.h"

enum { CONFIG, CHECK };

static const struct option table[] = {
    [CONFIG] = {.name = "config", .letter = 'c', .argument = "FILE", .fallback = "none", .text = "read it"},
    [CHECK] = {.name = "check", .text = "look at it"},
    {0},
};

static enum tm_err read_words(const char *first, const char *second, int *at, struct option_word *out,
                              struct tm_why *why)
{
    static char words[2][32];
    char *argv[] = {words[0], words[1]};
    (void)snprintf(words[0], sizeof words[0], "%s", first);
    (void)snprintf(words[1], sizeof words[1], "%s", second ? second : "");
    *at = 0;
    return option_read(table, "try", second ? 2 : 1, argv, at, out, why);
}

static void an_option_is_read_as_letter_name_and_with_equals_sign(void **state)
{
    (void)state;
    static const char *const ways[][2] = {
        {"-c", "x.yaml"}, {"--config", "x.yaml"}, {"--config=x.yaml", NULL}};
    struct option_word word;
    struct tm_why why;
    int at;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        assert_int_equal(read_words(ways[i][0], ways[i][1], &at, &word, &why), TM_OK);
        assert_int_equal(word.index, CONFIG);
        assert_string_equal(word.value, "x.yaml");
        assert_int_equal(at, ways[i][1] != NULL);
    }
    assert_int_equal(read_words("--check", "x", &at, &word, &why), TM_OK);
    assert_int_equal(word.index, CHECK);
    assert_null(word.value);
    assert_int_equal(at, 0);
}

static void what_is_wrong_is_said_with_the_program_that_helps(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"--chek", "unknown option --chek; `try --help` lists them"},
        {"-x", "unknown option -x; `try --help` lists them"},
        {"-", "unknown option -; `try --help` lists them"},
        {"--", "unknown option --; `try --help` lists them"},
        {"--confi", "unknown option --confi; `try --help` lists them"},
        {"--configs", "unknown option --configs; `try --help` lists them"},
        {"word", "unknown word \"word\"; `try --help` lists the options"},
        {"", "unknown word \"\"; `try --help` lists the options"},
        {"--config", "--config needs a value: --config FILE; `try --help` says which"},
        {"--check=1", "--check takes no value"},
    };
    struct option_word word;
    struct tm_why why;
    int at;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(read_words(wrong[i][0], NULL, &at, &word, &why), TM_INVALID);
        assert_string_equal(why.text, wrong[i][1]);
    }
}

static char *printed(const struct option *option, const char *text)
{
    char *out = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&out, &len);
    assert_non_null(file);
    if (option)
        option_print(option, file);
    else
        option_print_text(text, 0, 2, file);
    assert_int_equal(fclose(file), 0);
    return out;
}

static void lines_break_at_blanks_and_those_that_begin_with_one_stay(void **state)
{
    (void)state;
    char text[200];
    memset(text, 'a', sizeof text);
    for (size_t i = 9; i < sizeof text; i += 10)
        text[i] = ' ';
    (void)snprintf(text + 120, sizeof text - 120, "end\n  stays   as it is\nlast");
    char *out = printed(NULL, text);
    const char *second = strchr(out, '\n');
    assert_int_equal(second - out, 79); /* eight words of nine with the blanks between them */
    assert_memory_equal(second + 1, "  aaaaaaaaa ", 12);
    assert_non_null(strstr(out, " end\n    stays   as it is\n  last"));
    free(out);
}

static void an_option_is_printed_with_letter_argument_and_default(void **state)
{
    (void)state;
    char *out = printed(&table[CONFIG], NULL);
    assert_string_equal(out, "  -c, --config FILE       read it (default none)\n");
    free(out);
    const struct option wide = {.name = "compare", .argument = "previous|week|FROM..TO", .text = "what with"};
    out = printed(&wide, NULL);
    assert_string_equal(out, "  --compare previous|week|FROM..TO\n                          what with\n");
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_option_is_read_as_letter_name_and_with_equals_sign),
        cmocka_unit_test(what_is_wrong_is_said_with_the_program_that_helps),
        cmocka_unit_test(lines_break_at_blanks_and_those_that_begin_with_one_stay),
        cmocka_unit_test(an_option_is_printed_with_letter_argument_and_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
