/* The words that tidemarkd is called with. */
#ifndef TM_DAEMON_ARGUMENTS_H
#define TM_DAEMON_ARGUMENTS_H

#include "storage/model/option.h"

enum action { ACTION_RUN, ACTION_CHECK, ACTION_PRINT, ACTION_HELP, ACTION_VERSION, ACTION_COUNT };

struct arguments {
    enum action action;
    const char *config_path; /* a view into argv; NULL: all defaults */
};

/* All options; ends with a NULL name. Static. */
const struct option *arguments_options(void);

/* Reads argv[1..argc). Of several actions the last one counts. TM_INVALID with one sentence in why. */
enum tm_err arguments_parse(int argc, char **argv, struct arguments *out, struct tm_why *why) TM_MUST_CHECK;

/* Prints `tidemarkd --help`. */
void arguments_help(FILE *out);

#endif
