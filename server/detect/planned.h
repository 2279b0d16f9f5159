/* Planned events and maintenance: what of a minute is no news. A sale brings visitors, so their number raises
 * no anomaly while it lasts; an error, an exception or a failed payment inside it does. Maintenance mutes all
 * of what it covers. Only findings are muted: scores are made and kept as ever.
 *
 * The list is a copy of the markers, made on the thread that owns them; then it belongs to one thread at a
 * time, and needs nothing but itself. */
#ifndef TM_DETECT_PLANNED_H
#define TM_DETECT_PLANNED_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/markers/markers.h"
#include "storage/model/labels.h"

/* Minutes before and behind an event that belong to it: people come early, and leave. A marker without an end
 * lasts PLANNED_POINT_MS, so that one that was forgotten does not mute for good. */
#define PLANNED_BEFORE_MS (INT64_C(15) * 60000)
#define PLANNED_BEHIND_MS (INT64_C(30) * 60000)
#define PLANNED_POINT_MS  (INT64_C(60) * 60000)

/* What an anomaly is of. */
enum planned_what {
    PLANNED_RISE,    /* of traffic: more requests, bytes, sales; or about as many as expected */
    PLANNED_FALL,    /* of traffic, to less than half of what is expected */
    PLANNED_TROUBLE, /* all else: errors, failures, ratios, latencies, levels */
    PLANNED_WHAT_COUNT
};

struct planned;

/* The markers of kinds event and maintenance, copied; owner's thread of the store. markers may be NULL. NULL
 * when out of memory. */
struct planned *planned_new(const struct markers *markers);
/* NULL is allowed. */
void planned_free(struct planned *planned);

/* Is a finding of this minute (its start; 60 s) no news for this service and env? A marker without service or
 * env is of all. Rises of traffic
 * are muted in an event and in the minutes before and behind it, falls in the latter only: who sells nothing
 * during a sale wants to know. In maintenance everything is. planned may be NULL: nothing is. */
bool planned_mutes(const struct planned *planned, struct str service, struct str env, time_ms_t minute,
                   enum planned_what what);

/* What an anomaly is of, by its metric and labels (sorted or not) and by what was seen instead of what. What
 * counts something (its name ends in _total, _sum, _count or _bytes, or speaks of requests, visits and the
 * like) is traffic, unless name or label values speak of failure or of a status 5xx. Counts of 4xx are
 * traffic: they grow with it; their ratio is not. is_ratio: a share of something, never traffic. */
enum planned_what planned_what_of(struct str metric, const struct labels *labels, bool is_ratio,
                                  double observed, double expected);

#endif
