/* What scoring finds: anomalies, incidents, verdicts of deploys, the closings of minutes, and what people say
 * of incidents. Each is a JSON object (body) with what it is searched by beside it. Added by
 * store_batch_finding (storage/store.h), visible once durable. What is told again under the same kind and id
 * replaces what was.
 *
 * A closing is never removed, of verdicts the newest one of each service and env never; all else goes with
 * store_retention.findings_ms.
 *
 * Feedback: one of kind FINDING_FEEDBACK for each time that somebody says something of an incident, its body
 * {"id":"...","incident":"ID of it","feedback":"useful|noise|expected","note":"...","time":"..."}; time,
 * service and env are the incident's (its start), so that a search over the incident's span has them. Who
 * tells an incident anew need not know of it: the list is put into the item's field `feedback` where
 * incidents are shown. */
#ifndef TM_STORAGE_FINDINGS_H
#define TM_STORAGE_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

struct reader;

enum finding_kind {
    FINDING_ANOMALY,
    FINDING_INCIDENT,
    FINDING_VERDICT,
    FINDING_CLOSING,
    FINDING_FEEDBACK,
    FINDING_KIND_COUNT
};

enum { FINDING_BODY_MAX = 64 << 10, FINDING_NAME_MAX = 4 << 10 };
/* Longer than this lasts no anomaly and no feedback: a search looks no further back. The other kinds may
 * last. */
#define FINDING_SHORT_MS INT64_C(86400000)

struct finding {
    enum finding_kind kind;
    uint64_t id;        /* the kind's own name, never 0; told again it replaces what was (last wins) */
    time_ms_t time;     /* when it began */
    time_ms_t end;      /* 0: an incident still goes on, any other is a point; else not before time */
    double score;       /* 0..100; 0 where there is none */
    struct str service; /* at most FINDING_NAME_MAX bytes, as env */
    struct str env;
    struct str body; /* the item of the HTTP API as a JSON object; 2 to FINDING_BODY_MAX bytes */
};

/* Whether the bounds above hold. */
bool finding_is_valid(const struct finding *finding);

/* A place in a list: behind the finding of this time and id. */
struct findings_place {
    time_ms_t time;
    uint64_t id;
    bool is_begun; /* false: at the beginning */
};

/* Which are wanted: those that lie in span or reach into it (an incident with end 0 reaches into all that is
 * behind its time). */
struct findings_wanted {
    enum finding_kind kind;
    uint64_t id;        /* 0: all */
    struct str service; /* empty: all, as env */
    struct str env;
    struct span span;
    double min_score;
    struct findings_place behind; /* only those behind it */
    uint64_t *damaged; /* counts those that are damaged, which are left out then; NULL: they are an error */
};

/* false stops. Views are valid during the call. */
typedef bool findings_fn(void *arg, const struct finding *finding);

/* Calls each for the wanted ones, newest first by (time, id), each once: as of one moment, but for those
 * whose replacement is flushed meanwhile, which may be told as they are then (one that got another time
 * meanwhile may be missed or met twice). In bounded steps; nothing is held while each runs. With an id: at
 * most one call. Threads as storage/query.h. TM_CLOSED: stopped by the reader's limits; TM_CORRUPT, TM_IO,
 * TM_NOMEM: some may have been told.
 */
enum tm_err findings_search(struct reader *reader, const struct findings_wanted *wanted, findings_fn *each,
                            void *arg, struct tm_why *why) TM_MUST_CHECK;

#endif
