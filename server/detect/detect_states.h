/* States of series as the bytes of a file, one part of all (storage/FORMAT.md: `scoring/`). Pure; any thread.
 */
#ifndef TM_DETECT_STATES_H
#define TM_DETECT_STATES_H

#include <stdint.h>

#include "scoring/first.h"
#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

/* One state of it. */
struct detect_kept {
    uint64_t hash; /* of form and labels */
    int64_t at;    /* the minute up to which it is final */
    struct str labels;
    const struct score_first *state;
};

/* A file is: begin, then each state, then end. Without memory out->failed is set. Begins in an empty out. */
void detect_states_begin(int64_t step_ms, struct bytes *out);

/* Appends a state; kept is read only during the call. */
void detect_states_put(const struct score_first_model *model, const struct detect_kept *kept,
                       struct bytes *out);

/* Appends the checksum of all that is in out. */
void detect_states_end(struct bytes *out);

/* Calls each for every state of a file, views valid during the call, until one says an error, which it
 * returns. TM_CORRUPT: no such file, or damaged; nothing or some were given. TM_INVALID: of another version
 * of the states or another scoring.interval; nothing was given. */
enum tm_err detect_states_take(const struct score_first_model *model, int64_t step_ms, struct str file,
                               enum tm_err (*each)(void *arg, const struct detect_kept *kept),
                               void *arg) TM_MUST_CHECK;

#endif
