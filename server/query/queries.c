#include "server/query/queries.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "server/http/http_deflate.h"
#include "server/log/log.h"
#include "server/wake/wake.h"
#include "server/wire/reply.h"
#include "storage/store.h"

/* The stack holds the evaluation of an expression of AST_DEPTH_MAX. */
enum { STACK_BYTES = 8 << 20, TICK_MS = 100, RETRY_AFTER_S = 1 };
enum {
    NOT_FOUND = 404,
    UNPROCESSABLE = 422,
    SERVER_ERROR = 500,
    OK = 200,
    BAD_REQUEST = 400,
    UNAVAILABLE = 503
};

enum query_place {
    QUERY_QUEUED,  /* in the queue */
    QUERY_WORKING, /* a worker's */
    QUERY_SENDING  /* its last piece is with the client */
};

enum query_end { QUERY_GOES_ON, QUERY_TIMED_OUT, QUERY_GONE, QUERY_SHUT_DOWN };

struct query {
    struct queries *queries;
    struct query *next, *previous; /* ring of all */
    struct query *next_due;        /* in the queue, or among those that a worker has finished with */
    const struct query_kind *kind;
    void *state;
    struct http_exchange *exchange; /* NULL: it is not there any more */
    query_done_fn *done;            /* of the daemon's own; NULL: a client's */
    void *done_arg;
    struct reader *reader;
    atomic_bool stop;
    enum query_place place;
    enum query_end end;
    bool is_begun; /* a piece has gone out */
    bool takes_gzip;
    int64_t started_ns;
    int64_t deadline_ns;
    uint64_t samples; /* counted so far */
    /* The worker's while WORKING. */
    struct bytes piece;
    struct http_deflate *deflate; /* NULL: the answer is not gzip */
    struct tm_why why;
    enum tm_err err;
    bool is_done;
};

struct row {
    struct query *first, **last;
};

struct queries {
    struct queries_options options;
    struct query all; /* ring's head */
    size_t count;
    bool is_stopped;
    struct wake finished_some;
    uv_timer_t tick;
    int handles;
    pthread_t workers[QUERY_WORKERS_MAX];
    size_t worker_count;
    /* Samples of answers that are held until they are sent, and how many may be. */
    atomic_uint_fast64_t held;
    atomic_uint_fast64_t held_max;
    /* Under the mutex. */
    pthread_mutex_t mutex;
    pthread_cond_t due_some;
    struct row due;
    struct row finished;
    bool is_closing;
};

static void row_add(struct row *row, struct query *query)
{
    query->next_due = NULL;
    *row->last = query;
    row->last = &query->next_due;
}

static void row_add_first(struct row *row, struct query *query)
{
    query->next_due = row->first;
    row->first = query;
    if (!query->next_due)
        row->last = &query->next_due;
}

static struct query *row_take(struct row *row)
{
    struct query *query = row->first;
    if (query)
        row->first = query->next_due;
    if (!row->first)
        row->last = &row->first;
    return query;
}

static bool row_remove(struct row *row, struct query *query)
{
    for (struct query **at = &row->first; *at; at = &(*at)->next_due) {
        if (*at != query)
            continue;
        *at = query->next_due;
        if (row->last == &query->next_due)
            row->last = at;
        return true;
    }
    return false;
}

/* ---- workers ---- */

static bool is_stopped(void *arg)
{
    return atomic_load_explicit(&((struct query *)arg)->stop, memory_order_relaxed);
}

static void make_piece(struct query *query)
{
    query->err = TM_OK;
    query->is_done = false;
    while (!query->err && !query->is_done && query->piece.len < QUERY_PIECE_BYTES) {
        if (is_stopped(query))
            query->err = tm_fail(&query->why, TM_CLOSED, "the query was stopped");
        else
            query->err =
                query->kind->step(query->state, query->reader, &query->piece, &query->is_done, &query->why);
        if (!query->err && bytes_error(&query->piece))
            query->err = tm_fail(&query->why, TM_NOMEM, "out of memory for the answer");
    }
}

/* A short answer is sent as it is. */
static void pack_piece(struct query *query)
{
    bool is_short = query->is_done && query->piece.len < HTTP_DEFLATE_MIN_BYTES;
    if (!query->deflate && !query->is_begun && query->takes_gzip && !is_short)
        query->deflate = http_deflate_new(); /* without memory it is not gzip */
    if (query->deflate && http_deflate_piece(query->deflate, &query->piece, query->is_done))
        query->err = tm_fail(&query->why, TM_NOMEM, "out of memory for the answer");
}

/* Ingest goes first: it has a share of each core ten times that of a query's thread. The threads that a
 * worker starts have its niceness. */
static void step_back(void)
{
    enum { NICENESS = 10 };
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS); /* if refused, they are equals */
}

static void *run_worker(void *arg)
{
    struct queries *queries = arg;
    step_back();
    pthread_mutex_lock(&queries->mutex);
    while (!queries->is_closing) {
        struct query *query = row_take(&queries->due);
        if (!query) {
            pthread_cond_wait(&queries->due_some, &queries->mutex);
            continue;
        }
        query->place = QUERY_WORKING;
        pthread_mutex_unlock(&queries->mutex);
        make_piece(query);
        if (!query->err)
            pack_piece(query);
        pthread_mutex_lock(&queries->mutex);
        row_add(&queries->finished, query);
        /* Without the mutex: the loop may take this core, and want it. */
        pthread_mutex_unlock(&queries->mutex);
        wake_send(&queries->finished_some);
        pthread_mutex_lock(&queries->mutex);
    }
    pthread_mutex_unlock(&queries->mutex);
    return NULL;
}

/* ---- the end of a query ---- */

static void count_query(const struct query *query)
{
    const struct queries *queries = query->queries;
    uint64_t *counters = queries->options.counters->value;
    counters[COUNTER_QUERIES]++;
    counters[COUNTER_QUERIES_TIMED_OUT] += query->end == QUERY_TIMED_OUT;
    counters[COUNTER_QUERIES_CANCELLED] += query->end == QUERY_GONE || query->end == QUERY_SHUT_DOWN;
    latency_record(&queries->options.counters->query,
                   clock_mono_ns(queries->options.clock) - query->started_ns);
}

static void drop_query(struct query *query)
{
    struct queries *queries = query->queries;
    if (!query->done)
        count_query(query);
    query->next->previous = query->previous;
    query->previous->next = query->next;
    queries->count--;
    query->kind->free(query->state);
    http_deflate_free(query->deflate);
    reader_close(query->reader);
    bytes_fini(&query->piece);
    free(query);
}

/* Tells of the end of a query of the daemon's own. */
static void end_own(struct query *query)
{
    enum tm_err err = query->end != QUERY_GOES_ON ? TM_CLOSED
                      : query->err                ? query->err
                      : !query->is_done           ? TM_TOO_LARGE
                                                  : TM_OK;
    query->done(query->done_arg, query->state, err, bytes_view(&query->piece));
    drop_query(query);
}

/* What Prometheus answers to this error. */
struct refusal_words {
    const char *type;
    const char *text;
    unsigned status;
    bool may_retry;
};

static struct refusal_words words_of(const struct query *query)
{
    static const struct refusal_words ends[] = {
        [QUERY_TIMED_OUT] =
            {"timeout", "the query took longer than limits.query_timeout: ask for fewer series or less time",
             UNAVAILABLE, false},
        [QUERY_GONE] = {"canceled", "the client has gone", UNAVAILABLE, false},
        [QUERY_SHUT_DOWN] = {"unavailable", "the daemon is shutting down", UNAVAILABLE, true},
    };
    if (query->end != QUERY_GOES_ON)
        return ends[query->end];
    switch (query->err) {
    case TM_INVALID:
        return (struct refusal_words){"bad_data", query->why.text, BAD_REQUEST, false};
    case TM_NOT_FOUND:
        return (struct refusal_words){"not_found", query->why.text, NOT_FOUND, false};
    case TM_LIMIT:
    case TM_TOO_LARGE:
        return (struct refusal_words){"execution", query->why.text, UNPROCESSABLE, false};
    case TM_NOMEM:
    case TM_BUSY:
        return (struct refusal_words){"unavailable", query->why.text, UNAVAILABLE, true};
    default:
        return (struct refusal_words){"internal", query->why.text, SERVER_ERROR, false};
    }
}

/* The last line of a stream that breaks off; the client sees a broken answer besides. */
static void put_last_line(struct query *query, const struct refusal_words *words)
{
    bytes_clear(&query->piece);
    bytes_printf(&query->piece, "\n{\"status\":\"error\",\"errorType\":\"%s\",\"error\":", words->type);
    bytes_json_string(&query->piece, str_of(words->text));
    bytes_printf(&query->piece, "}\n");
}

static void fail_query(struct query *query)
{
    struct http_exchange *exchange = query->exchange;
    if (query->done) {
        end_own(query);
        return;
    }
    struct refusal_words words = words_of(query);
    query->queries->options.counters->value[COUNTER_QUERIES_FAILED] += query->end == QUERY_GOES_ON;
    if (exchange && !query->is_begun && words.may_retry) {
        http_respond_error_retry(exchange, words.status, words.type, words.text, RETRY_AFTER_S);
    } else if (exchange && !query->is_begun) {
        http_respond_error(exchange, words.status, words.type, words.text);
    } else if (exchange) {
        put_last_line(query, &words);
        if (query->deflate && http_deflate_piece(query->deflate, &query->piece, true))
            bytes_fini(&query->piece);
        if (!bytes_error(&query->piece))
            http_stream_put(exchange, &query->piece);
        http_stream_end(exchange, false);
    }
    drop_query(query);
}

/* ---- pieces ---- */

static void enqueue(struct query *query)
{
    struct queries *queries = query->queries;
    query->place = QUERY_QUEUED;
    pthread_mutex_lock(&queries->mutex);
    /* What has begun is ended first, lest all time out halfway; but a stream may last as long as it likes. */
    if (query->is_begun && !query->kind->is_stream)
        row_add_first(&queries->due, query);
    else
        row_add(&queries->due, query);
    pthread_mutex_unlock(&queries->mutex);
    pthread_cond_signal(&queries->due_some);
}

static void renew_deadline(struct query *query)
{
    query->deadline_ns = clock_mono_ns(query->queries->options.clock) +
                         query->queries->options.config->limits.query_timeout_ms * INT64_C(1000000);
}

static void send_piece(struct query *query)
{
    struct http_exchange *exchange = query->exchange;
    bool is_done = query->is_done;
    query->place = QUERY_SENDING;
    if (query->kind->is_stream)
        renew_deadline(query);
    if (query->deflate)
        http_set_gzip(exchange);
    if (is_done && !query->is_begun) {
        http_respond(exchange, OK, query->kind->content_type, bytes_view(&query->piece));
        drop_query(query);
        return;
    }
    if (!query->is_begun)
        http_stream_begin(exchange, OK, query->kind->content_type, &query->piece);
    else
        http_stream_put(exchange, &query->piece);
    query->is_begun = true;
    if (is_done) {
        http_stream_end(exchange, true);
        drop_query(query);
    }
}

static void take_finished(struct query *query)
{
    uint64_t samples = reader_samples_read(query->reader);
    query->queries->options.counters->value[COUNTER_QUERY_SAMPLES] += samples - query->samples;
    query->samples = samples;
    if (query->done)
        end_own(query);
    else if (query->end != QUERY_GOES_ON || query->err || !query->exchange)
        fail_query(query);
    else
        send_piece(query);
}

static void on_finished(void *arg)
{
    struct queries *queries = arg;
    for (;;) {
        pthread_mutex_lock(&queries->mutex);
        struct query *query = row_take(&queries->finished);
        pthread_mutex_unlock(&queries->mutex);
        if (!query)
            return;
        take_finished(query);
    }
}

static void want_piece(void *arg)
{
    struct query *query = arg;
    bytes_clear(&query->piece);
    if (query->kind->is_stream)
        renew_deadline(query);
    enqueue(query);
}

/* ---- ending before the time ---- */

static void stop_query(struct query *query, enum query_end end)
{
    struct queries *queries = query->queries;
    if (query->end == QUERY_GOES_ON)
        query->end = end;
    atomic_store(&query->stop, true);
    pthread_mutex_lock(&queries->mutex);
    bool was_due = row_remove(&queries->due, query);
    bool is_sending = query->place == QUERY_SENDING;
    pthread_mutex_unlock(&queries->mutex);
    if (is_sending && query->exchange)
        http_stream_cut(query->exchange);
    if (is_sending)
        drop_query(query);
    else if (was_due)
        fail_query(query);
    /* else a worker has it, or had: it ends when that is taken */
}

static void on_gone(void *arg, bool is_over)
{
    struct query *query = arg;
    if (is_over)
        query->exchange = NULL;
    stop_query(query, QUERY_GONE);
}

static void on_tick(uv_timer_t *timer)
{
    struct queries *queries = timer->data;
    int64_t now = clock_mono_ns(queries->options.clock);
    struct query *next;
    for (struct query *query = queries->all.next; query != &queries->all; query = next) {
        next = query->next;
        if (now >= query->deadline_ns && query->end == QUERY_GOES_ON)
            stop_query(query, QUERY_TIMED_OUT);
    }
}

/* ---- taking one ---- */

static struct query *new_query(struct queries *queries, struct http_exchange *exchange,
                               const struct query_kind *kind, void *state)
{
    struct query *query = calloc(1, sizeof *query);
    if (query)
        query->reader = reader_of_store(queries->options.store);
    if (!query || !query->reader) {
        free(query);
        return NULL;
    }
    query->queries = queries;
    query->kind = kind;
    query->state = state;
    query->exchange = exchange;
    query->takes_gzip = exchange && http_takes_gzip(exchange);
    query->started_ns = clock_mono_ns(queries->options.clock);
    atomic_init(&query->stop, false);
    renew_deadline(query);
    const struct reader_limits limits = {
        .max_samples = exchange ? (uint64_t)queries->options.config->limits.query_max_samples : 0,
        .stop = is_stopped,
        .stop_arg = query,
    };
    reader_limit(query->reader, &limits);
    query->previous = queries->all.previous;
    query->next = &queries->all;
    query->previous->next = query->next->previous = query;
    queries->count++;
    return query;
}

void queries_submit(struct queries *queries, struct http_exchange *exchange, const struct query_kind *kind,
                    void *state)
{
    queries_submit_within(queries, exchange, kind, state, INT64_MAX);
}

void queries_submit_within(struct queries *queries, struct http_exchange *exchange,
                           const struct query_kind *kind, void *state, int64_t timeout_ms)
{
    bool has_room = !queries->is_stopped && queries->count < QUERY_OPEN_MAX;
    struct query *query = has_room ? new_query(queries, exchange, kind, state) : NULL;
    if (!query) {
        kind->free(state);
        queries->options.counters->value[COUNTER_QUERIES_BUSY]++;
        http_respond_error_retry(exchange, UNAVAILABLE, "unavailable",
                                 has_room ? "out of memory; try again"
                                          : "too many queries are under way; try again",
                                 RETRY_AFTER_S);
        return;
    }
    if (timeout_ms < queries->options.config->limits.query_timeout_ms)
        query->deadline_ns = query->started_ns + timeout_ms * INT64_C(1000000);
    http_await_answer(exchange, &(struct http_source){query, want_piece, on_gone});
    enqueue(query);
}

enum tm_err queries_run(struct queries *queries, const struct query_kind *kind, void *state,
                        query_done_fn *done, void *arg)
{
    bool has_room = !queries->is_stopped && queries->count < QUERY_OPEN_MAX;
    struct query *query = has_room ? new_query(queries, NULL, kind, state) : NULL;
    if (!query) {
        kind->free(state);
        return queries->is_stopped ? TM_CLOSED : has_room ? TM_NOMEM : TM_BUSY;
    }
    query->done = done;
    query->done_arg = arg;
    query->deadline_ns = INT64_MAX;
    enqueue(query);
    return TM_OK;
}

/* ---- life ---- */

static void part_closed(void *arg)
{
    struct queries *queries = arg;
    if (--queries->handles > 0)
        return;
    pthread_cond_destroy(&queries->due_some);
    pthread_mutex_destroy(&queries->mutex);
    free(queries);
}

static void on_tick_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

static bool start_workers(struct queries *queries)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t wanted = processors > 2 && processors < QUERY_WORKERS_MAX ? (size_t)processors : 2;
    if (processors >= QUERY_WORKERS_MAX)
        wanted = QUERY_WORKERS_MAX;
    pthread_attr_t small;
    sigset_t all, before;
    pthread_attr_init(&small);
    (void)pthread_attr_setstacksize(&small, STACK_BYTES);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before); /* signals are the loop's */
    while (queries->worker_count < wanted &&
           pthread_create(&queries->workers[queries->worker_count], &small, run_worker, queries) == 0)
        queries->worker_count++;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&small);
    return queries->worker_count > 0;
}

struct queries *queries_open(const struct queries_options *options)
{
    struct queries *queries = calloc(1, sizeof *queries);
    if (!queries)
        return NULL;
    queries->options = *options;
    queries_configure(queries, options->config);
    queries->all.next = queries->all.previous = &queries->all;
    queries->due.last = &queries->due.first;
    queries->finished.last = &queries->finished.first;
    pthread_mutex_init(&queries->mutex, NULL);
    pthread_cond_init(&queries->due_some, NULL);
    (void)uv_timer_init(options->loop, &queries->tick);
    queries->tick.data = queries;
    queries->handles = 1;
    (void)uv_timer_start(&queries->tick, on_tick, TICK_MS, TICK_MS);
    enum tm_err err = wake_open(&queries->finished_some, options->loop, on_finished, queries);
    queries->handles += !err;
    if (!err && start_workers(queries))
        return queries;
    queries_close(queries);
    return NULL;
}

void queries_configure(struct queries *queries, const struct config *config)
{
    queries->options.config = config;
    atomic_store(&queries->held_max, (uint64_t)config->limits.query_max_samples * 2);
}

enum tm_err queries_hold(struct queries *queries, uint64_t samples, struct tm_why *why)
{
    uint64_t before = atomic_fetch_add(&queries->held, samples);
    uint64_t most = atomic_load(&queries->held_max);
    if (before + samples <= most || before == 0)
        return TM_OK;
    atomic_fetch_sub(&queries->held, samples);
    return tm_fail(
        why, TM_BUSY,
        "answers that their clients have not taken yet fill the room that queries have; try again");
}

void queries_release(struct queries *queries, uint64_t samples)
{
    atomic_fetch_sub(&queries->held, samples);
}

void queries_stop(struct queries *queries)
{
    struct query *next;
    queries->is_stopped = true;
    for (struct query *query = queries->all.next; query != &queries->all; query = next) {
        next = query->next;
        stop_query(query, QUERY_SHUT_DOWN);
    }
}

size_t queries_count(const struct queries *queries)
{
    return queries->count;
}

void queries_close(struct queries *queries)
{
    if (!queries)
        return;
    assert(queries->count == 0);
    pthread_mutex_lock(&queries->mutex);
    queries->is_closing = true;
    pthread_cond_broadcast(&queries->due_some);
    pthread_mutex_unlock(&queries->mutex);
    for (size_t i = 0; i < queries->worker_count; i++)
        pthread_join(queries->workers[i], NULL);
    (void)wake_close(&queries->finished_some, part_closed);
    uv_close((uv_handle_t *)&queries->tick, on_tick_closed);
}

time_ms_t queries_now_ms(const struct queries *queries)
{
    return clock_wall_ms(queries->options.clock);
}

const struct config *queries_config(const struct queries *queries)
{
    return queries->options.config;
}
