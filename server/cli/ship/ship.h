/* `tidemark push --follow` of access logs: every line is one event, once, over rotation, kill -9 and restart.
 */
#ifndef TM_CLI_SHIP_H
#define TM_CLI_SHIP_H

#include "server/cli/access_log.h"
#include "server/cli/push.h"

struct ship_options {
    const char *const *names; /* of the logs; the push's file names too */
    size_t name_count;
    const char *state_path; /* NULL: beside the first log */
    size_t batch_lines;
    struct access_log *log;
    struct sender_options sender; /* producer NULL: one made for the state; epoch and seq are the state's */
};

/* Follows the logs until *push->stop. push has its settings (batch_lines aside, and no sender) and gets the
 * sums; it is left without a sender. TM_CLOSED: a batch could not be delivered, the state has it;
 * TM_FORBIDDEN: the daemon refuses it; TM_IO, TM_CORRUPT, TM_BUSY, TM_INVALID, TM_LIMIT, TM_NOMEM. push->why
 * says why. */
enum tm_err ship_logs(struct push *push, const struct ship_options *options) TM_MUST_CHECK;

#endif
