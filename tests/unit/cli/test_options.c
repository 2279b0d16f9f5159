#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/cli/command.h"

static int run_nothing(const struct args *args)
{
    return args->operand_count;
}

static const struct option table[] = {
    {.name = "batch", .argument = "LINES", .fallback = "5000", .text = "lines per batch"},
    {.name = "rate", .argument = "N", .text = "batches a second"},
    {.name = "compress", .text = "make it small"},
    {.name = "watch", .argument = "[SECONDS]", .text = "redraw"},
    {0},
};
static const struct command command = {
    .name = "try",
    .summary = "try things",
    .operands = "[FILE...]",
    .details =
        "Tries a thing or two that take so many words to tell that no line of a terminal holds them all.\n"
        "  as=it stands",
    .examples = "tidemark try a\ntidemark try b",
    .exits = "0 tried\n3 tired",
    .options = table,
    .run = run_nothing};

static enum tm_err parse(struct args *args, struct tm_why *why, int argc, const char *const *words)
{
    static char *argv[16];
    for (int i = 0; i < argc; i++)
        argv[i] = (char *)(uintptr_t)words[i];
    return options_parse(&command, argc, argv, args, why);
}

#define PARSE(args, why, ...)                                                                                \
    parse(args, why, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)),                          \
          (const char *[]){__VA_ARGS__})

static void values_are_taken_with_space_or_equals_sign(void **state)
{
    (void)state;
    struct args args;
    struct tm_why why;
    assert_int_equal(PARSE(&args, &why, "--batch", "7", "--rate=2.5", "--compress"), TM_OK);
    int64_t batch;
    double rate;
    assert_int_equal(options_number(&args, "batch", 1, 10, &batch, &why), TM_OK);
    assert_int_equal(batch, 7);
    assert_int_equal(options_decimal(&args, "rate", 0, 10, &rate, &why), TM_OK);
    assert_true(rate == 2.5);
    assert_true(options_given(&args, "compress"));
    assert_false(options_given(&args, "watch"));
    assert_int_equal(args.operand_count, 0);
}

static void a_missing_option_has_its_default(void **state)
{
    (void)state;
    struct args args;
    struct tm_why why;
    int64_t batch;
    assert_int_equal(PARSE(&args, &why, "file"), TM_OK);
    assert_string_equal(options_text(&args, "batch"), "5000");
    assert_null(options_text(&args, "rate"));
    assert_int_equal(options_number(&args, "batch", 1, 1000000, &batch, &why), TM_OK);
    assert_int_equal(batch, 5000);
    assert_false(options_given(&args, "batch"));
}

static void operands_stand_anywhere_and_dashes_end_the_options(void **state)
{
    (void)state;
    struct args args;
    struct tm_why why;
    assert_int_equal(PARSE(&args, &why, "a", "--compress", "-", "--", "--batch"), TM_OK);
    assert_int_equal(args.operand_count, 3);
    assert_string_equal(args.operands[0], "a");
    assert_string_equal(args.operands[1], "-");
    assert_string_equal(args.operands[2], "--batch");
    assert_true(options_given(&args, "compress"));
}

static void an_optional_argument_is_taken_only_if_it_is_a_number(void **state)
{
    (void)state;
    struct args args;
    struct tm_why why;
    assert_int_equal(PARSE(&args, &why, "--watch", "5"), TM_OK);
    assert_string_equal(options_text(&args, "watch"), "5");
    assert_int_equal(PARSE(&args, &why, "--watch", "file"), TM_OK);
    assert_string_equal(options_text(&args, "watch"), "");
    assert_int_equal(args.operand_count, 1);
    assert_int_equal(PARSE(&args, &why, "--watch"), TM_OK);
    assert_true(options_given(&args, "watch"));
}

static void wrong_words_are_named_with_the_nearest_option(void **state)
{
    (void)state;
    struct args args;
    struct tm_why why;
    assert_int_equal(PARSE(&args, &why, "--bach", "7"), TM_INVALID);
    assert_string_equal(why.text, "unknown option --bach; did you mean --batch?");
    assert_int_equal(PARSE(&args, &why, "--severr=x"), TM_INVALID);
    assert_non_null(strstr(why.text, "did you mean --server?"));
    assert_int_equal(PARSE(&args, &why, "--zzzzzzzz"), TM_INVALID);
    assert_string_equal(why.text, "unknown option --zzzzzzzz; `tidemark try --help` lists them");
    assert_int_equal(PARSE(&args, &why, "-b"), TM_INVALID);
    assert_int_equal(PARSE(&args, &why, "--batch"), TM_INVALID);
    assert_string_equal(why.text, "--batch needs a value: --batch LINES");
    assert_int_equal(PARSE(&args, &why, "--compress=1"), TM_INVALID);
}

static void numbers_out_of_bounds_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"0", "11", "x", "3x", "99999999999999999999", "-1"};
    struct args args;
    struct tm_why why;
    int64_t number;
    double decimal;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(PARSE(&args, &why, "--batch", wrong[i], "--rate", wrong[i]), TM_OK);
        assert_int_equal(options_number(&args, "batch", 1, 10, &number, &why), TM_INVALID);
        assert_int_equal(options_decimal(&args, "rate", 1, 10, &decimal, &why), TM_INVALID);
    }
    assert_int_equal(PARSE(&args, &why, "--rate", "nan"), TM_OK);
    assert_int_equal(options_decimal(&args, "rate", 0, 10, &decimal, &why), TM_INVALID);
}

static void help_names_every_option_with_its_default(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    options_help(&command, out);
    fclose(out);
    static const char *const wanted[] = {"usage: tidemark try [options] [FILE...]",
                                         "--batch LINES",
                                         "(default 5000)",
                                         "--compress",
                                         "--server URL",
                                         "--key-file FILE",
                                         "--json",
                                         "--help",
                                         "\n  as=it stands\n",
                                         "examples:\n  tidemark try a\n  tidemark try b\n",
                                         "exit codes: 0 tried, 3 tired\n"};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        assert_non_null(strstr(text, wanted[i]));
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        assert_true(length <= OPTION_WIDTH);
        assert_true(length == 0 || line[length - 1] != ' ');
        line += length + (line[length] == '\n');
    }
    free(text);
}

static int run(const char *const *words, int argc)
{
    static const struct command *const commands[] = {&command, NULL};
    char *argv[8];
    for (int i = 0; i < argc; i++)
        argv[i] = (char *)(uintptr_t)words[i];
    return command_main(commands, argc, argv);
}

static void exit_codes_tell_usage_from_failure(void **state)
{
    (void)state;
    assert_int_equal(run((const char *[]){"tidemark"}, 1), EXIT_USAGE);
    assert_int_equal(run((const char *[]){"tidemark", "tri"}, 2), EXIT_USAGE);
    assert_int_equal(run((const char *[]){"tidemark", "try", "--nonsense"}, 3), EXIT_USAGE);
    assert_int_equal(run((const char *[]){"tidemark", "--help"}, 2), EXIT_OK);
    assert_int_equal(run((const char *[]){"tidemark", "--version"}, 2), EXIT_OK);
    assert_int_equal(run((const char *[]){"tidemark", "try", "--help", "x"}, 4), EXIT_OK);
    assert_int_equal(run((const char *[]){"tidemark", "try", "x"}, 3), 1);
}

static void a_key_file_is_read_only_if_it_is_private(void **state)
{
    (void)state;
    char path[] = "/tmp/tidemark-key-XXXXXX";
    int fd = mkstemp(path);
    struct args args;
    struct tm_why why;
    struct key key;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "ci s3cret\n", 10), 10);
    assert_int_equal(PARSE(&args, &why, "--key-file", path), TM_OK);
    assert_int_equal(command_key(&args, &key, &why), TM_OK);
    assert_string_equal(key.name, "ci");
    assert_string_equal(key.secret, "s3cret");
    assert_int_equal(fchmod(fd, 0640), 0);
    assert_int_equal(command_key(&args, &key, &why), TM_FORBIDDEN);
    assert_non_null(strstr(why.text, "chmod 600"));
    assert_string_equal(key.name, "");
    assert_int_equal(fchmod(fd, 0600), 0);
    assert_int_equal(ftruncate(fd, 2), 0);
    assert_int_equal(command_key(&args, &key, &why), TM_INVALID);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(command_key(&args, &key, &why), TM_IO);
    close(fd);
    assert_int_equal(PARSE(&args, &why, "x"), TM_OK);
    assert_int_equal(command_key(&args, &key, &why), TM_OK);
    assert_string_equal(key.name, "");
}

static void the_server_comes_from_option_environment_or_default(void **state)
{
    (void)state;
    struct args args;
    struct tm_why why;
    unsetenv("TIDEMARK_SERVER");
    assert_int_equal(PARSE(&args, &why, "x"), TM_OK);
    assert_string_equal(command_server(&args), "http://127.0.0.1:9700");
    setenv("TIDEMARK_SERVER", "http://127.0.0.1:1", 1);
    assert_string_equal(command_server(&args), "http://127.0.0.1:1");
    assert_int_equal(PARSE(&args, &why, "--server", "http://127.0.0.1:2"), TM_OK);
    assert_string_equal(command_server(&args), "http://127.0.0.1:2");
    unsetenv("TIDEMARK_SERVER");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_taken_with_space_or_equals_sign),
        cmocka_unit_test(a_missing_option_has_its_default),
        cmocka_unit_test(operands_stand_anywhere_and_dashes_end_the_options),
        cmocka_unit_test(an_optional_argument_is_taken_only_if_it_is_a_number),
        cmocka_unit_test(wrong_words_are_named_with_the_nearest_option),
        cmocka_unit_test(numbers_out_of_bounds_are_refused),
        cmocka_unit_test(help_names_every_option_with_its_default),
        cmocka_unit_test(exit_codes_tell_usage_from_failure),
        cmocka_unit_test(a_key_file_is_read_only_if_it_is_private),
        cmocka_unit_test(the_server_comes_from_option_environment_or_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
