/* The one way in: a message (header and lines) from any endpoint becomes a batch, the batch becomes durable,
 * and then its sender is answered. Loop thread only. */
#ifndef TM_INGEST_H
#define TM_INGEST_H

#include "server/access/access.h"
#include "server/config/config.h"
#include "server/counters/counters.h"
#include "server/wire/line.h"
#include "server/wire/reply.h"
#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/store.h"

struct ingest;
struct metadata;

/* INGEST_REMOTE: the body of a Prometheus remote write request, over HTTP; all others bring lines. */
enum ingest_path { INGEST_REP, INGEST_PULL, INGEST_HTTP, INGEST_REMOTE };

/* Called once for each message that ingest_message took; reply is valid during the call. */
typedef void ingest_reply_fn(void *arg, const struct reply *reply);

struct ingest_message {
    enum ingest_path path;
    struct str text; /* valid during the call of ingest_message only */
    /* Who sends, where the transport knows (HTTP); a signed header comes first. */
    struct access access;
    enum precision precision; /* of timestamps, unless the header names one */
    ingest_reply_fn *reply;
    void *arg;
};

/* All are borrowed and must outlive the ingest, but config (see ingest_configure). NULL when out of memory.
 */
struct ingest *ingest_open(struct store *store, const struct config *config, struct counters *counters,
                           const struct clock *clock);

/* Frees it; nothing may wait for its answer any more (ingest_stop). NULL is allowed. */
void ingest_close(struct ingest *ingest);

/* From now on this configuration; the old one must still be there during the call. */
void ingest_configure(struct ingest *ingest, const struct config *config);

/* Takes over the page groups learned before the last stop (DATA_DIR/page_groups). Errors as groups_file_load:
 * they are learned anew then. */
enum tm_err ingest_load_groups(struct ingest *ingest, struct tm_why *why) TM_MUST_CHECK;

/* Keeps what was learned since, if something was: now, or with lazily at most every ten seconds. Errors as
 * groups_file_save. */
enum tm_err ingest_save_groups(struct ingest *ingest, bool lazily, struct tm_why *why) TM_MUST_CHECK;

/* Appends, for a person, which group of pages a URL of a service is in and why; learns nothing. TM_LIMIT: the
 * service is beyond those that have groups, all is _overflow there; TM_NOMEM. */
enum tm_err ingest_explain(struct ingest *ingest, struct str service, struct str url,
                           struct bytes *out) TM_MUST_CHECK;

/* Takes a message; reply is called when it is durable or refused, maybe before this returns. False only for
 * INGEST_PULL, where nobody can be told to wait: the store can't take it now, offer it again later. One that
 * was taken on that path and could not be written is kept and tried again by ingest_retry. */
bool ingest_message(struct ingest *ingest, const struct ingest_message *message);

/* Submits the INGEST_PULL messages again whose write failed, in their order. Whenever the store may have
 * recovered, before new messages are offered. */
void ingest_retry(struct ingest *ingest);

/* From now on every message is refused with "try again": the daemon is going down. What was taken before is
 * still answered, what waits for ingest_retry is refused. */
void ingest_stop(struct ingest *ingest);

/* Refuses a message that was too large to be received whole. */
void ingest_refuse_too_large(struct ingest *ingest, const struct ingest_message *message);

/* What senders said of their metrics, since the start. Valid until the next message. */
const struct metadata *ingest_metadata(const struct ingest *ingest);

/* Messages taken and not yet answered. */
size_t ingest_pending(const struct ingest *ingest);

/* Events counted under the page group _overflow, since start. */
uint64_t ingest_overflows(const struct ingest *ingest);

/* When the newest message was taken, wall clock; 0 if none. */
time_ms_t ingest_last_ms(const struct ingest *ingest);

#endif
