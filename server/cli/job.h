/* Long work of the daemon, asked for and waited for; its progress as one line on a terminal. */
#ifndef TM_CLI_JOB_H
#define TM_CLI_JOB_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/cli/command.h"

struct job_line {
    const char *name;
    int64_t begun_ns;
    bool is_shown; /* stderr is a terminal */
    bool is_drawn;
};

/* Nothing is drawn yet, and never if stderr is no terminal. name must live as long. */
void job_line_begin(struct job_line *line, const char *name);
/* Draws the line anew; arg: the struct job_line. */
void job_line_show(void *arg, const char *place, uint64_t done_bytes, uint64_t all_bytes);
/* Takes the line away. */
void job_line_end(struct job_line *line);

/* Asks the daemon by POST path?query and waits until it is done, also behind one that is under way; draws its
 * progress meanwhile. *out: the `data` that it left, a new reference. TM_INVALID: the request was refused. */
enum tm_err job_ask(const struct args *args, const char *path, const char *query, const char *name,
                    json_t **out, struct tm_why *why) TM_MUST_CHECK;

#endif
