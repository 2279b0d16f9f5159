#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/manual/completion.h"
#include "server/manual/pages.h"
#include "server/manual/roff.h"

static char *text;
static size_t text_len;

static FILE *begin(void)
{
    FILE *out = open_memstream(&text, &text_len);
    assert_non_null(out);
    return out;
}

static void ends_as(FILE *out, const char *wanted)
{
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, wanted);
    free(text);
}

static void nothing_in_a_text_is_taken_as_a_request_or_an_escape(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a-b --c", "a\\-b \\-\\-c"},
        {".SH NAME", "\\&.SH NAME"},
        {"'quoted' and `", "\\(aqquoted\\(aq and \\(ga"},
        {"\\fB ^ ~", "\\efB \\(ha \\(ti"},
        {"run `a b`, then `c`", "run \\fBa b\\fR, then \\fBc\\fR"},
        {"``", "\\fB\\fR"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        FILE *out = begin();
        roff_text(cases[i][0], out);
        ends_as(out, cases[i][1]);
    }
}

static void paragraphs_are_divided_and_lines_with_a_blank_stay(void **state)
{
    (void)state;
    FILE *out = begin();
    roff_paragraphs("one\ntwo\n  x y\n  z\nthree\n  end", out);
    ends_as(out, "one\n.PP\ntwo\n.PP\n.EX\n  x y\n  z\n.EE\n.PP\nthree\n.PP\n.EX\n  end\n.EE\n");
    out = begin();
    roff_lines("a\n.b", out);
    ends_as(out, ".PP\n.EX\na\n\\&.b\n.EE\n");
}

static void words_to_type_are_bold_and_what_stands_for_others_is_italic(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"FILE", "\\fIFILE\\fR"},
        {"[FILE...]", "[\\fIFILE\\fR...]"},
        {"ns|s", "\\fBns\\fR|\\:\\fBs\\fR"},
        {"normal|FROM..TO", "\\fBnormal\\fR|\\:\\fIFROM\\fR..\\fITO\\fR"},
        {"correct ID", "\\fBcorrect\\fR \\fIID\\fR"},
        {"NAME=VALUE", "\\fINAME\\fR=\\fIVALUE\\fR"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        FILE *out = begin();
        roff_argument(cases[i][0], out);
        ends_as(out, cases[i][1]);
    }
}

static void an_option_is_a_term_with_its_text_and_default(void **state)
{
    (void)state;
    const struct option option = {
        .name = "log-file", .letter = 'l', .argument = "FILE", .fallback = "-", .text = "where it goes"};
    FILE *out = begin();
    roff_option(&option, out);
    ends_as(out, ".TP\n\\fB\\-l\\fR, \\fB\\-\\-log\\-file\\fR \\fIFILE\\fR\nwhere it goes (default \\-)\n");
}

static void values_are_completed_by_how_an_argument_is_written(void **state)
{
    (void)state;
    static const struct option options[] = {
        {.name = "switch", .text = "x"},
        {.name = "every", .argument = "[SECONDS]", .text = "x"},
        {.name = "unit", .argument = "ns|TAG|s", .text = "x"},
        {.name = "config", .letter = 'c', .argument = "FILE", .text = "x"},
        {.name = "dir", .argument = "DIR", .text = "x"},
        {.name = "name", .argument = "NAME", .text = "x"},
        {0},
    };
    FILE *out = begin();
    completion_options("a-b", options, out);
    assert_int_equal(fclose(out), 0);
    static const char *const wanted[] = {
        "        ' -') words='--switch --every --unit --config --dir --name ' ;;\n"
        "        ' --unit') words='ns s ' ;;\n"
        "        ' --config' | ' -c') kind=file ;;\n"
        "        ' --dir') kind=dir ;;\n"
        "        ' --name') kind=text ;;\n"
        "    esac\n",
        "_a_b_table()\n", "\n_a_b()\n", "\ncomplete -F _a_b a-b\n"};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        assert_non_null(strstr(text, wanted[i]));
    free(text);
}

static void every_command_has_a_page_with_examples(void **state)
{
    (void)state;
    for (const struct command *const *command = command_all(); *command; command++) {
        assert_non_null((*command)->details);
        assert_non_null((*command)->examples);
        FILE *out = begin();
        page_command(*command, out);
        assert_int_equal(fclose(out), 0);
        assert_non_null(strstr(text, "\n.SH EXAMPLES\n"));
        assert_non_null(strstr(text, "\n.SH SEE ALSO\n\\fBtidemark\\fR(1)"));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_in_a_text_is_taken_as_a_request_or_an_escape),
        cmocka_unit_test(paragraphs_are_divided_and_lines_with_a_blank_stay),
        cmocka_unit_test(words_to_type_are_bold_and_what_stands_for_others_is_italic),
        cmocka_unit_test(an_option_is_a_term_with_its_text_and_default),
        cmocka_unit_test(values_are_completed_by_how_an_argument_is_written),
        cmocka_unit_test(every_command_has_a_page_with_examples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
