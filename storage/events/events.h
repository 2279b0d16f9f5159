/* Raw HTTP events: searching them newest first, passing over all of them, and ranking by a column. They are
 * kept by day in DIR/events (storage/events/README.md); what is in memory is found too.
 *
 * Threads and errors as in storage/query.h: a reader is used by one thread at a time, nothing is held between
 * two steps nor while a callback runs. What was acknowledged before a call begins is in its result, once. */
#ifndef TM_STORAGE_EVENTS_H
#define TM_STORAGE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/http_event.h"
#include "storage/query.h"

/* What an event has, in columns. */
enum events_column {
    EVENTS_SERVICE,
    EVENTS_ENV,
    EVENTS_METHOD,
    EVENTS_URL,
    EVENTS_PAGE_GROUP,
    EVENTS_CACHE,
    EVENTS_AGENT,
    EVENTS_USER_AGENT,
    EVENTS_TAGS,
    EVENTS_STATUS,
    EVENTS_BYTES,
    EVENTS_DURATION,
    EVENTS_ORIGIN,
    EVENTS_EDGE,
    EVENTS_COUNT,
    EVENTS_COLUMNS
};
#define EVENTS_BIT(column) (1u << (column))

enum { EVENTS_LIMIT_MAX = 10000 };

/* Which events are meant. Zero but for the span: all in it. */
struct events_query {
    struct span span;
    bool is_one_service; /* of this one: */
    struct str service;
    int32_t status_from; /* status in [status_from, status_to): blocks without such a one are left out; */
    int32_t status_to;   /* 0: no bound */
    /* Whether an event is meant; NULL: all that are so far. The views last for the call. It looks at the
     * columns of needs only (EVENTS_BIT; time is always there): others may be absent then. 0: at all. */
    bool (*matches)(void *arg, const struct http_event *event);
    void *matches_arg;
    uint32_t needs;
};

/* Told of one event; the views last for the call. False ends it, without error. */
typedef bool events_fn(void *arg, const struct http_event *event);

/* ---- newest first ---- */

/* A place between two events, for paging: plain data. Newest first; of one time by a hash of the event. It
 * stays true whatever is flushed, sealed or removed meanwhile. */
struct events_cursor {
    time_ms_t time;
    uint64_t hash;
    uint64_t skip; /* so many of those with this time and hash were given */
};
#define EVENTS_NEWEST ((struct events_cursor){.time = INT64_MAX})

enum { EVENTS_CURSOR_BYTES = 64 };
/* The cursor as text for a URL, with its NUL. */
void events_cursor_text(const struct events_cursor *cursor, char out[EVENTS_CURSOR_BYTES]);

/* Reads that text. TM_INVALID: it is none; *out is untouched. */
enum tm_err events_cursor_parse(struct str text, struct events_cursor *out) TM_MUST_CHECK;

/* What of them is wanted: up to limit (1 to EVENTS_LIMIT_MAX) behind the cursor. *is_more: there are others
 * behind (NULL: do not look). */
struct events_page {
    struct events_cursor *cursor;
    size_t limit;
    bool *is_more;
    events_fn *each;
    void *arg;
};

/* Calls each for the events of a page, newest first, and moves its cursor behind the last one told. In memory
 * are the events of one page and one block. TM_INVALID: the limit. TM_LIMIT: the page takes over 64 MiB, ask
 * for fewer. Else errors as reader_walk_next; nothing was told then. */
enum tm_err events_search(struct reader *reader, const struct events_query *query,
                          const struct events_page *page, struct tm_why *why) TM_MUST_CHECK;

/* ---- all of them ---- */

/* Calls each for every event that is meant, once, in any order. On an error some may have been told. */
enum tm_err events_scan(struct reader *reader, const struct events_query *query, events_fn *each, void *arg,
                        struct tm_why *why) TM_MUST_CHECK;

/* ---- ranking ---- */

/* Counts by the values of a column. Owned by the caller; one thread at a time. */
struct events_ranking;

struct events_ranking_by {
    enum events_column column; /* a text, or EVENTS_STATUS; EVENTS_TAGS: the tag of this name */
    struct str tag;
};

struct events_rank {
    struct str key; /* empty: the events that have none */
    uint64_t count; /* at least */
    uint64_t error; /* it may be so much more; 0 but for spans whose events are gone */
};

/* Counts the events that are meant, each as often as its count says: exactly where the events are there. Of
 * days that retention took, the rankings kept of them are added (storage/tops): by hours, with errors that
 * are stated; texts over 512 bytes are cut there. A query with matches can't be asked of these: they are left
 * out, and the total tells. TM_LIMIT: over 4 million different keys. TM_INVALID: no such column. TM_BUSY:
 * days go all the time. Else errors as reader_walk_next. */
enum tm_err events_rank(struct reader *reader, const struct events_query *query,
                        const struct events_ranking_by *by, struct events_ranking **out,
                        struct tm_why *why) TM_MUST_CHECK;
/* NULL is allowed. */
void events_ranking_free(struct events_ranking *ranking);

struct events_ranking_total {
    uint64_t count;   /* of all events that are meant */
    uint64_t keys;    /* that are known */
    uint64_t error;   /* what a key that is not known may have; 0: all are known, exactly */
    struct span span; /* that was counted: an end among days that are gone lies on a whole hour */
    bool is_cut;      /* some days are gone of which this could not be asked */
};

/* What the ranking covers, and how exact it is. */
void events_ranking_total(const struct events_ranking *ranking, struct events_ranking_total *out);

/* The key at place (from 0) by count, most first, ties by key. TM_NOT_FOUND behind the last one. Views last
 * as long as the ranking. */
enum tm_err events_ranking_at(const struct events_ranking *ranking, size_t place,
                              struct events_rank *out) TM_MUST_CHECK;
/* The rank entry of a key; count 0, and the total's error, if it is not there. */
void events_ranking_find(const struct events_ranking *ranking, struct str key, struct events_rank *out);

#endif
