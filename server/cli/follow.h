/* The daemon's live feed, event by event. One thread. */
#ifndef TM_CLI_FOLLOW_H
#define TM_CLI_FOLLOW_H

#include "server/cli/talk.h"

/* Server-sent events that arrive in pieces. Zero-initialised. */
struct follow_parser {
    struct bytes line;
    struct bytes data; /* of the event under way */
};

/* Frees its buffers; an event that is not whole is lost. */
void follow_parser_fini(struct follow_parser *parser);

/* A whole event's data, as JSON. */
typedef void follow_fn(void *arg, const json_t *item);

/* Takes bytes of a stream; calls each for every event that they complete. What is no JSON, and what is over
 * 1 MiB, is passed over. TM_NOMEM. */
enum tm_err follow_parse(struct follow_parser *parser, struct str piece, follow_fn *each,
                         void *arg) TM_MUST_CHECK;

/* Follows the topic `kind`, or with --service kind.SERVICE, until the command is ended; asks again when the
 * stream breaks off. Returns the exit code where that can't be: the first try failed, or the daemon refuses.
 */
int follow(const struct args *args, const char *kind, follow_fn *each, void *arg);

#endif
