/* Queries over HTTP: a bounded number of them, worked on by a few threads of their own, so that none stalls
 * ingest. A query makes its answer piece by piece; between two pieces it holds a position, but no thread, no
 * lock and no transaction, so that a slow client costs memory for one piece.
 *
 * Threads: everything here is the loop thread's; what a query_kind does runs on a worker, one at a time. */
#ifndef TM_QUERIES_H
#define TM_QUERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/config/config.h"
#include "server/counters/counters.h"
#include "server/http/http.h"
#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/query.h"

struct queries;
struct store;
struct log;
struct uv_loop_s;

enum {
    QUERY_PIECE_BYTES = 256 << 10, /* of an answer, about, before it goes out */
    QUERY_WORKERS_MAX = 4,
    QUERY_OPEN_MAX = 64 /* waiting, working or being sent; above: busy */
};

/* What one sort of query does. */
struct query_kind {
    const char *content_type; /* NULL: application/json */
    bool is_stream; /* its time starts again with each piece that the client takes; else it has one for all */
    /* Appends a bounded part of the answer to out, by the reader; *is_done with the last. Worker thread.
     * Before the first piece has gone out an error becomes the answer; later it ends it, with a line that
     * tells. */
    enum tm_err (*step)(void *state, struct reader *reader, struct bytes *out, bool *is_done,
                        struct tm_why *why);
    void (*free)(void *state); /* any thread */
};

struct queries_options {
    struct uv_loop_s *loop;
    struct store *store; /* must be closed after queries_close */
    struct log *log;
    struct counters *counters;
    const struct clock *clock;
    const struct config *config;
};

/* Starts the workers. NULL without memory or threads. */
struct queries *queries_open(const struct queries_options *options);

/* From now on this configuration's limits, borrowed until the next one; queries under way keep the number of
 * samples they may read. Loop thread. */
void queries_configure(struct queries *queries, const struct config *config);

/* Takes a request over, and state, which kind->free frees whatever happens. Answers 503 with Retry-After if
 * there are too many. */
void queries_submit(struct queries *queries, struct http_exchange *exchange, const struct query_kind *kind,
                    void *state);

/* The same with a time of its own, if that is shorter than limits.query_timeout. */
void queries_submit_within(struct queries *queries, struct http_exchange *exchange,
                           const struct query_kind *kind, void *state, int64_t timeout_ms);

/* Told of the end of a query of the daemon's own, on the loop thread, before state is freed: its whole
 * answer, or an error (TM_CLOSED: the daemon is shutting down). */
typedef void query_done_fn(void *arg, void *state, enum tm_err err, struct str answer);

/* A query of the daemon's own, beside those of clients: no time limit, no bound on samples; its answer must
 * fit into a piece, else it is TM_TOO_LARGE. done is called once if this returned TM_OK; else state is freed
 * already: TM_BUSY, TM_CLOSED, TM_NOMEM. */
enum tm_err queries_run(struct queries *queries, const struct query_kind *kind, void *state,
                        query_done_fn *done, void *arg) TM_MUST_CHECK;

/* Ends all that are open, as soon as their steps end; new ones are refused. */
void queries_stop(struct queries *queries);

/* Counts samples of an evaluated answer that is held until its client has taken it. Clients that take nothing
 * hold answers all the time that a query has: together at most twice limits.query_max_samples. TM_BUSY: no
 * room, and nothing is counted. Any thread. */
enum tm_err queries_hold(struct queries *queries, uint64_t samples, struct tm_why *why) TM_MUST_CHECK;

/* The same number again, once it is freed. Any thread. */
void queries_release(struct queries *queries, uint64_t samples);

/* Waiting, working or being sent. */
size_t queries_count(const struct queries *queries);

/* Ends the workers; queries_count must be 0. The rest is freed once the loop has closed its handles. NULL is
 * allowed. */
void queries_close(struct queries *queries);

/* What is configured at present; valid until the loop goes on. */
const struct config *queries_config(const struct queries *queries);

/* Now, by the clock it was given; for parameters that are relative to it. */
time_ms_t queries_now_ms(const struct queries *queries);

#endif
