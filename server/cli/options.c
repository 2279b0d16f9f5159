#include "server/cli/options.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 32 };

static const struct option global_options[] = {
    {.name = "server",
     .argument = "URL",
     .text = "address of tidemarkd's HTTP listener (default http://127.0.0.1:9700, or TIDEMARK_SERVER)"},
    {.name = "key-file",
     .argument = "FILE",
     .text = "file with `NAME SECRET` on one line, readable by its owner only"},
    {.name = "json", .text = "print one JSON document on stdout"},
    {.name = "help", .text = "print this and exit"},
    {.name = "version", .text = "print the version and exit"},
    {0},
};

const struct option *options_global(void)
{
    return global_options;
}

static size_t count_options(const struct option *options)
{
    size_t count = 0;
    while (options && options[count].name)
        count++;
    return count;
}

/* By index: the command's own options, then the global ones. NULL past the end. */
static const struct option *option_at(const struct command *command, size_t index)
{
    size_t own_count = count_options(command->options);
    if (index < own_count)
        return &command->options[index];
    index -= own_count;
    return index < count_options(global_options) ? &global_options[index] : NULL;
}

static const char *name_at(const void *table, size_t i)
{
    const struct option *option = option_at(table, i);
    return option->name;
}

static size_t find_option(const struct command *command, const char *name, size_t len)
{
    size_t i = 0;
    for (const struct option *option; (option = option_at(command, i)); i++)
        if (strlen(option->name) == len && memcmp(option->name, name, len) == 0)
            return i;
    return i;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein distance; words over WORD_MAX are cut. */
static size_t distance(const char *a, const char *b)
{
    size_t a_len = smaller(strlen(a), WORD_MAX);
    size_t b_len = smaller(strlen(b), WORD_MAX);
    size_t row[WORD_MAX + 1];
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t change = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            row[j] = smaller(change, smaller(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_len];
}

const char *options_nearest(const char *word, const char *(*name)(const void *table, size_t i),
                            const void *table, size_t count)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(word, name(table, i));
        if (d < best_distance) {
            best_distance = d;
            best = name(table, i);
        }
    }
    return best && best_distance <= 1 + strlen(best) / 3 ? best : NULL;
}

static enum tm_err fail_unknown(const struct command *command, const char *word, struct tm_why *why)
{
    size_t count = find_option(command, "", 0);
    char name[WORD_MAX];
    size_t len = strcspn(word, "=");
    (void)snprintf(name, sizeof name, "%.*s", (int)smaller(len, WORD_MAX), word);
    word = name;
    const char *near = options_nearest(word, name_at, command, count);
    if (near)
        return tm_fail(why, TM_INVALID, "unknown option --%s; did you mean --%s?", word, near);
    return tm_fail(why, TM_INVALID, "unknown option --%s; `tidemark %s --help` lists them", word,
                   command->name);
}

static bool is_number(const char *word)
{
    return word && *word && strspn(word, "0123456789.") == strlen(word);
}

/* The word behind an option that takes an argument; NULL: there is none. */
static const char *take_argument(const struct option *option, int argc, char **argv, int *at)
{
    const char *next = *at + 1 < argc ? argv[*at + 1] : NULL;
    if (option->argument[0] == '[' && !is_number(next))
        return "";
    if (next)
        ++*at;
    return next;
}

static enum tm_err parse_option(const struct command *command, int argc, char **argv, int *at,
                                struct args *out, struct tm_why *why)
{
    const char *word = argv[*at] + 2;
    const char *equals = strchr(word, '=');
    size_t index = find_option(command, word, equals ? (size_t)(equals - word) : strlen(word));
    const struct option *option = option_at(command, index);
    if (!option)
        return fail_unknown(command, word, why);
    if (equals && !option->argument)
        return tm_fail(why, TM_INVALID, "--%s takes no value", option->name);
    assert(index < OPTIONS_MAX);
    out->given[index] = true;
    if (!option->argument)
        return TM_OK;
    out->value[index] = equals ? equals + 1 : take_argument(option, argc, argv, at);
    if (!out->value[index])
        return tm_fail(why, TM_INVALID, "--%s needs a value: --%s %s", option->name, option->name,
                       option->argument);
    if (out->word_count == OPTION_WORDS_MAX)
        return tm_fail(why, TM_INVALID, "there are over %d options; give fewer", OPTION_WORDS_MAX);
    out->words[out->word_count].index = index;
    out->words[out->word_count++].value = out->value[index];
    return TM_OK;
}

/* Gathers the operands at the front of argv as they are met. */
static enum tm_err parse_words(const struct command *command, int argc, char **argv, struct args *out,
                               struct tm_why *why)
{
    bool options_end = false;
    for (int i = 0; i < argc; i++) {
        char *word = argv[i];
        if (options_end || word[0] != '-' || !word[1]) {
            argv[out->operand_count++] = word;
            continue;
        }
        if (word[1] != '-')
            return tm_fail(why, TM_INVALID, "unknown option %s; options are written --name", word);
        if (!word[2]) {
            options_end = true;
            continue;
        }
        enum tm_err err = parse_option(command, argc, argv, &i, out, why);
        if (err)
            return err;
    }
    return TM_OK;
}

enum tm_err options_parse(const struct command *command, int argc, char **argv, struct args *out,
                          struct tm_why *why)
{
    *out = (struct args){.command = command, .operands = argv};
    enum tm_err err = parse_words(command, argc, argv, out, why);
    if (err)
        return err;
    out->help = options_given(out, "help");
    out->version = options_given(out, "version") && !options_text(out, "version");
    if (out->operand_count && !command->operands && !out->help)
        return tm_fail(why, TM_INVALID, "`tidemark %s` takes no operand, got \"%s\"", command->name, argv[0]);
    return TM_OK;
}

const char *options_text(const struct args *args, const char *name)
{
    size_t index = find_option(args->command, name, strlen(name));
    const struct option *option = option_at(args->command, index);
    assert(option);
    return args->value[index] ? args->value[index] : option->fallback;
}

const char *options_nth(const struct args *args, const char *name, size_t n)
{
    size_t index = find_option(args->command, name, strlen(name));
    assert(option_at(args->command, index));
    for (size_t i = 0; i < args->word_count; i++)
        if (args->words[i].index == index && n-- == 0)
            return args->words[i].value;
    return NULL;
}

bool options_given(const struct args *args, const char *name)
{
    size_t index = find_option(args->command, name, strlen(name));
    assert(option_at(args->command, index));
    return args->given[index];
}

enum tm_err options_number(const struct args *args, const char *name, int64_t min, int64_t max, int64_t *out,
                           struct tm_why *why)
{
    const char *text = options_text(args, name);
    char *end = NULL;
    *out = min;
    if (!text || !*text)
        return TM_OK;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (*end || errno || value < min || value > max)
        return tm_fail(why, TM_INVALID, "--%s is a whole number from %lld to %lld, not \"%s\"", name,
                       (long long)min, (long long)max, text);
    *out = value;
    return TM_OK;
}

enum tm_err options_decimal(const struct args *args, const char *name, double min, double max, double *out,
                            struct tm_why *why)
{
    const char *text = options_text(args, name);
    char *end = NULL;
    *out = min;
    if (!text || !*text)
        return TM_OK;
    double value = strtod(text, &end);
    if (*end || !(value >= min && value <= max))
        return tm_fail(why, TM_INVALID, "--%s is a number from %g to %g, not \"%s\"", name, min, max, text);
    *out = value;
    return TM_OK;
}

const struct option *options_shown(const struct command *command, size_t index)
{
    const struct option *option;
    for (size_t i = 0; (option = option_at(command, i)); i++)
        if (find_option(command, option->name, strlen(option->name)) == i && index-- == 0)
            return option;
    return NULL;
}

static void print_examples(const char *examples, FILE *out)
{
    fputs("\nexamples:\n", out);
    while (*examples) {
        size_t len = strcspn(examples, "\n");
        fprintf(out, "  %.*s\n", (int)len, examples);
        examples += len + (examples[len] == '\n');
    }
}

/* The lines of a command's exit codes as one sentence. */
static void print_exits(const char *exits, FILE *out)
{
    char text[512] = "exit codes: ";
    size_t len = strlen(text);
    for (; *exits && len + 2 < sizeof text - 1; exits++) {
        text[len++] = *exits == '\n' ? ',' : *exits;
        if (*exits == '\n')
            text[len++] = ' ';
    }
    text[len] = '\0';
    fputc('\n', out);
    option_print_text(text, 0, 0, out);
    fputc('\n', out);
}

void options_help(const struct command *command, FILE *out)
{
    const struct option *option;
    size_t own_count = count_options(command->options);
    char usage[256];
    (void)snprintf(usage, sizeof usage, "usage: tidemark %s [options]%s%s", command->name,
                   command->operands ? " " : "", command->operands ? command->operands : "");
    option_print_text(usage, 0, strlen("usage: "), out);
    fputs("\n\n", out);
    option_print_text(command->summary, 0, 0, out);
    fputc('\n', out);
    if (command->details) {
        fputc('\n', out);
        option_print_text(command->details, 0, 0, out);
        fputc('\n', out);
    }
    fputs("\noptions:\n", out);
    for (size_t i = 0; (option = options_shown(command, i)); i++) {
        if (i == own_count && i > 0)
            fputc('\n', out); /* those of every command stand apart */
        option_print(option, out);
    }
    if (command->examples)
        print_examples(command->examples, out);
    print_exits(command->exits ? command->exits : OPTIONS_EXITS, out);
}
