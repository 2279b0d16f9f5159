/* The options of a program as a table, from which come its parser, its --help, its man page and its
 * completion (server/manual). */
#ifndef TM_MODEL_OPTION_H
#define TM_MODEL_OPTION_H

#include <stddef.h>
#include <stdio.h>

#include "storage/model/err.h"

struct option {
    const char *name;     /* "batch": given as --batch */
    const char *argument; /* "LINES", or words to choose from: "ns|us|ms|s", of which one in capitals stands
                             for something else; FILE and DIR are paths. NULL: a switch. "[SECONDS]": an
                             argument only as --name=SECONDS or where the next word is a number */
    const char *fallback; /* value when not given; NULL: none */
    const char *text;     /* one sentence, without the default */
    char letter;          /* 'c': also given as -c; 0: not */
};

/* How wide what is printed for people may get, and where the texts of options begin. */
enum { OPTION_WIDTH = 80, OPTION_COLUMN = 26 };

/* Prints text, broken at blanks before it passes OPTION_WIDTH; further lines begin at column indent. Lines of
 * the text that begin with a blank are left as they are. column: how far the line is already. No line end. */
void option_print_text(const char *text, size_t column, size_t indent, FILE *out);

/* Prints the lines on one option: how it is written, its text, its default. */
void option_print(const struct option *option, FILE *out);

/* An option found among a program's words. */
struct option_word {
    size_t index; /* in the table */
    char *value;  /* a view into argv; NULL: a switch */
};

/* Reads argv[*at] as an option of the table (it ends with a NULL name), as --name, -letter, --name VALUE or
 * --name=VALUE, and moves *at to its last word. TM_INVALID: it is none, or has no value where it needs one or
 * one where it takes none; why says so and names program, whose --help lists them. */
enum tm_err option_read(const struct option *table, const char *program, int argc, char **argv, int *at,
                        struct option_word *out, struct tm_why *why) TM_MUST_CHECK;

#endif
