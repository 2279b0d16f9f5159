/* A command's options: one table (storage/model/option.h) gives the parser, --help, the man page and the
 * completion. */
#ifndef TM_CLI_OPTIONS_H
#define TM_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "storage/model/option.h"

enum { OPTIONS_MAX = 40, OPTION_WORDS_MAX = 200 };

/* What an option's TIME is, as a paragraph of details. */
#define OPTIONS_TIME                                                                                         \
    "TIME is like 2026-11-23T04:00:00Z or 2026-11-23, unix seconds, now, or from now like -1h or -7d. "      \
    "Times "                                                                                                 \
    "are UTC."

/* The exit codes of a command that tells no others. */
#define OPTIONS_EXITS "0 ok\n1 failed\n2 wrong usage"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct args;

struct command {
    const char *name;
    const char *summary;          /* one line, lower case, no full stop */
    const char *operands;         /* "[FILE...]", NULL: none allowed */
    const char *details;          /* paragraphs for --help and the manual; NULL: none */
    const char *examples;         /* lines as they are typed; NULL: none */
    const char *exits;            /* lines "CODE what it means"; NULL: OPTIONS_EXITS */
    const struct option *options; /* ends with a NULL name; the global ones come on top, but for those whose
                                     names stand here already */
    /* Returns the exit code. */
    int (*run)(const struct args *args);
};

/* Parsed words. Views into argv; valid as long as that. */
struct args {
    const struct command *command;
    const char *value[OPTIONS_MAX]; /* by index: the command's options, then the global ones */
    bool given[OPTIONS_MAX];
    struct {
        size_t index;
        const char *value;
    } words[OPTION_WORDS_MAX]; /* every value in the order given, for options that may stand more than once */
    size_t word_count;
    char *const *operands;
    int operand_count;
    bool help;
    bool version;
};

/* The options every command has: --server, --key-file, --json, --help, --version. Ends with a NULL name. */
const struct option *options_global(void);

/* What `tidemark COMMAND --help` lists, by index: the command's own options, then the global ones whose names
 * it does not have itself. NULL past the end. */
const struct option *options_shown(const struct command *command, size_t index);

/* Reads argv[0..argc) (behind the command's name). Options may stand among operands (argv is reordered, so
 * that the operands are its end); "--" ends them. TM_INVALID with one sentence in why, naming the nearest
 * option. */
enum tm_err options_parse(const struct command *command, int argc, char **argv, struct args *out,
                          struct tm_why *why) TM_MUST_CHECK;

/* The option's value: given, else its default, else NULL. The name must be in the table. */
const char *options_text(const struct args *args, const char *name);
/* The n-th value (from 0) of an option that may stand more than once; NULL behind the last. */
const char *options_nth(const struct args *args, const char *name, size_t n);
/* True if the option was on the command line. */
bool options_given(const struct args *args, const char *name);
/* The value as a whole number within [min, max]; an option without value or default gives min. */
enum tm_err options_number(const struct args *args, const char *name, int64_t min, int64_t max, int64_t *out,
                           struct tm_why *why) TM_MUST_CHECK;
/* The value as a decimal within [min, max]; likewise. */
enum tm_err options_decimal(const struct args *args, const char *name, double min, double max, double *out,
                            struct tm_why *why) TM_MUST_CHECK;

/* Of count names, the one most like word; NULL if none is near (distance over a third of its length). name(i)
 * must be valid for i < count. */
const char *options_nearest(const char *word, const char *(*name)(const void *table, size_t i),
                            const void *table, size_t count);

/* Prints `tidemark NAME --help`. */
void options_help(const struct command *command, FILE *out);

#endif
