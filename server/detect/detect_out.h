/* What scoring wants to have stored: findings and samples of anomaly_score, gathered by the worker, then put
 * into one batch by the loop. Plain memory, any one thread. */
#ifndef TM_DETECT_OUT_H
#define TM_DETECT_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

struct finding;
struct store;
struct batch;

/* Zero-initialised is empty. What finds no memory is left out whole, and counted: what comes behind it goes
 * on. */
struct detect_out {
    struct bytes findings;
    struct bytes samples;
    size_t finding_count;
    size_t sample_count;
    size_t lost_count;
};

/* Frees it; it is empty then. */
void detect_out_fini(struct detect_out *out);
/* Forgets what is in it, keeps the memory. */
void detect_out_clear(struct detect_out *out);
/* Adds a finding (storage/findings/findings.h); its bytes are copied. */
void detect_out_finding(struct detect_out *out, const struct finding *finding);

/* Adds a sample of a series of these encoded labels, which service owns; bytes are copied. */
void detect_out_sample(struct detect_out *out, struct str labels, struct str service, time_ms_t time,
                       double value);

/* Calls each for every finding in it, in order; views valid during the call. */
void detect_out_each(const struct detect_out *out, void (*each)(void *arg, const struct finding *finding),
                     void *arg);

/* Puts all of it into a batch. The owner's thread of the store. TM_NOMEM, TM_INVALID; over a limit of series
 * a sample is left out, and *refused counts it. */
enum tm_err detect_out_batch(const struct detect_out *out, struct store *store, struct batch *batch,
                             size_t *refused) TM_MUST_CHECK;

#endif
