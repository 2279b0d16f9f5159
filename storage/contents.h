/* Everything that replaying the journal gives: series, producers, samples and events. The store has one that
 * it goes on filling, a reader beside it has one of its own. Owner's thread. */
#ifndef TM_STORAGE_CONTENTS_H
#define TM_STORAGE_CONTENTS_H

#include <stdint.h>

#include "storage/batch_codec.h"
#include "storage/head.h"
#include "storage/journal_read.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/producers.h"
#include "storage/series.h"

struct contents {
    struct series_table *series;
    struct producers *producers;
    struct head head;
    uint64_t samples;
    uint64_t events;
    time_ms_t newest_ms;
    uint64_t replayed_records;
    uint64_t damaged_records;
    uint64_t torn_tails;
};

/* Limits of 0 are none. TM_NOMEM. */
enum tm_err contents_init(struct contents *contents, int64_t max_series,
                          int64_t max_series_per_service) TM_MUST_CHECK;
void contents_fini(struct contents *contents);

/* Makes a sample or an event visible and counts it. TM_NOMEM. */
enum tm_err contents_sample(struct contents *contents, uint32_t series, time_ms_t time,
                            double value) TM_MUST_CHECK;
enum tm_err contents_event(struct contents *contents, const struct batch_event *event,
                           const char *line) TM_MUST_CHECK;

/* Told of what replay found; may be NULL. Level, id and text as store_options.log. */
typedef void contents_log_fn(void *arg, int level, const char *id, const char *text);

/* Replays the journal in a folder into empty contents. Damage is logged and counted, and no error. end may be
 * NULL. Errors as journal_replay. */
enum tm_err contents_replay(struct contents *contents, int folder, contents_log_fn *log, void *log_arg,
                            struct journal_end *end, struct tm_why *why) TM_MUST_CHECK;

#endif
