#include "server/ingest/ingest.h"

#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "server/ingest/groups_file.h"
#include "server/ingest/lines.h"
#include "server/ingest/remote.h"
#include "server/wire/header.h"

/* Between two writes of learned page groups. */
#define SAVE_NS INT64_C(10000000000)

enum { RETRY_BUSY_MS = 200, RETRY_TROUBLE_MS = 2000, RETRY_STOPPING_MS = 1000 };
/* Pushed messages that are held until they are durable. */
enum { HELD_MAX_BYTES = 32 << 20 };

struct ingest {
    struct store *store;
    const struct config *config;
    struct counters *counters;
    const struct clock *clock;
    struct event_cache *cache;
    char *data_dir; /* of the start: another one in a reload waits for the next */
    struct metadata metadata;
    uint64_t saved_version; /* of what was learned */
    int64_t saved_ns;
    struct bytes decoded; /* of the message being taken */
    size_t pending;
    time_ms_t last_ms;
    bool stopping;
    size_t held_bytes;
    struct job *again, *again_last; /* pushed messages whose write failed, oldest first */
};

/* One message between its receipt and its answer. */
struct job {
    struct ingest *ingest;
    ingest_reply_fn *reply_fn;
    void *arg;
    int64_t started_ns;
    uint64_t samples;
    uint64_t events[EVENT_KIND_COUNT];
    struct reply reply;
    /* INGEST_PULL: its sender has forgotten it, so it is kept until it is durable. */
    struct job *next;
    struct ingest_message message;
    char *held; /* message.text's bytes */
};

struct ingest *ingest_open(struct store *store, const struct config *config, struct counters *counters,
                           const struct clock *clock)
{
    struct ingest *ingest = calloc(1, sizeof *ingest);
    struct event_cache *cache = event_cache_new(config, store_hash_seed(store));
    char *data_dir = strdup(config->data_dir);
    if (!ingest || !cache || !data_dir) {
        free(ingest);
        free(data_dir);
        event_cache_free(cache);
        return NULL;
    }
    *ingest = (struct ingest){.store = store,
                              .config = config,
                              .counters = counters,
                              .clock = clock,
                              .cache = cache,
                              .data_dir = data_dir};
    return ingest;
}

void ingest_close(struct ingest *ingest)
{
    if (!ingest)
        return;
    bytes_fini(&ingest->decoded);
    metadata_fini(&ingest->metadata);
    event_cache_free(ingest->cache);
    free(ingest->data_dir);
    free(ingest);
}

void ingest_configure(struct ingest *ingest, const struct config *config)
{
    event_cache_configure(ingest->cache, config);
    ingest->config = config;
}

enum tm_err ingest_load_groups(struct ingest *ingest, struct tm_why *why)
{
    enum tm_err err = groups_file_load(ingest->data_dir, ingest->cache, why);
    ingest->saved_version = event_cache_version(ingest->cache);
    return err;
}

enum tm_err ingest_explain(struct ingest *ingest, struct str service, struct str url, struct bytes *out)
{
    return event_cache_explain(ingest->cache, service, url, out);
}

enum tm_err ingest_save_groups(struct ingest *ingest, bool lazily, struct tm_why *why)
{
    int64_t now_ns = clock_mono_ns(ingest->clock);
    if (lazily && now_ns - ingest->saved_ns < SAVE_NS)
        return TM_OK;
    uint64_t version = event_cache_version(ingest->cache);
    if (version == ingest->saved_version)
        return TM_OK;
    ingest->saved_ns = now_ns;
    enum tm_err err = groups_file_save(ingest->data_dir, ingest->cache, why);
    if (!err)
        ingest->saved_version = version;
    return err;
}

const struct metadata *ingest_metadata(const struct ingest *ingest)
{
    return &ingest->metadata;
}

size_t ingest_pending(const struct ingest *ingest)
{
    return ingest->pending;
}

uint64_t ingest_overflows(const struct ingest *ingest)
{
    return event_cache_overflows(ingest->cache);
}

time_ms_t ingest_last_ms(const struct ingest *ingest)
{
    return ingest->last_ms;
}

static void count_refusal(struct counters *counters, enum refusal refusal)
{
    static const enum counter by_refusal[REFUSAL_COUNT] = {
        [REFUSAL_BAD_SIGNATURE] = COUNTER_REFUSED_SIGNATURE,
        [REFUSAL_UNKNOWN_KEY] = COUNTER_REFUSED_KEY,
        [REFUSAL_FORBIDDEN] = COUNTER_REFUSED_FORBIDDEN,
        [REFUSAL_BAD_HEADER] = COUNTER_REFUSED_HEADER,
        [REFUSAL_BAD_ENCODING] = COUNTER_REFUSED_ENCODING,
        [REFUSAL_TOO_LARGE] = COUNTER_REFUSED_TOO_LARGE,
        [REFUSAL_STALE_EPOCH] = COUNTER_REFUSED_STALE_EPOCH,
        [REFUSAL_SEQ_CONFLICT] = COUNTER_REFUSED_SEQ_CONFLICT,
        [REFUSAL_BUSY] = COUNTER_REFUSED_BUSY,
        [REFUSAL_READ_ONLY] = COUNTER_REFUSED_READ_ONLY,
    };
    counters->value[by_refusal[refusal]]++;
}

/* Marks the reply refused; returns it to be told. */
static void refuse(struct job *job, enum refusal refusal, int64_t retry_after_ms, const char *message)
{
    job->reply.refusal = refusal;
    job->reply.retry_after_ms = retry_after_ms;
    (void)snprintf(job->reply.message.text, sizeof job->reply.message.text, "%s", message);
}

/* Why the store does not take a batch, in the reply's words. */
static void refuse_for_store(struct job *job, enum tm_err err)
{
    const char *trouble = store_trouble(job->ingest->store);
    if (err == TM_BUSY)
        refuse(job, REFUSAL_BUSY, RETRY_BUSY_MS,
               "more is waiting for the disk than the daemon may hold; try again");
    else if (err == TM_NOMEM)
        refuse(job, REFUSAL_BUSY, RETRY_TROUBLE_MS, "the daemon is out of memory; try again");
    else
        refuse(job, REFUSAL_READ_ONLY, RETRY_TROUBLE_MS,
               trouble ? trouble : "the store could not write the batch; try again");
}

static void count_outcome(const struct job *job)
{
    struct counters *c = job->ingest->counters;
    if (job->reply.refusal) {
        count_refusal(c, job->reply.refusal);
        return;
    }
    c->value[COUNTER_DUPLICATES] += job->reply.duplicate;
    c->value[COUNTER_LINES] += job->reply.accepted + job->reply.rejected;
    c->value[COUNTER_LINES_REFUSED] += job->reply.rejected;
    c->value[COUNTER_SAMPLES] += job->samples;
    c->value[COUNTER_EVENTS_HTTP] += job->events[EVENT_HTTP];
    c->value[COUNTER_EVENTS_EXCEPTION] += job->events[EVENT_EXCEPTION];
    c->value[COUNTER_EVENTS_TALLY] += job->events[EVENT_TALLY];
    c->value[COUNTER_EVENTS_MARKER] += job->events[EVENT_MARKER];
    latency_record(&c->ack, clock_mono_ns(job->ingest->clock) - job->started_ns);
}

static void drop_job(struct job *job)
{
    job->ingest->pending--;
    if (job->held)
        job->ingest->held_bytes -= job->message.text.len;
    free(job->held);
    free(job);
}

/* Answers and frees. */
static void finish(struct job *job)
{
    count_outcome(job);
    job->reply_fn(job->arg, &job->reply);
    drop_job(job);
}

static void put_last(struct ingest *ingest, struct job *job)
{
    job->next = NULL;
    if (ingest->again)
        ingest->again_last->next = job;
    else
        ingest->again = job;
    ingest->again_last = job;
}

static void on_durable(void *arg, enum tm_err err)
{
    struct job *job = arg;
    if (err && err != TM_TOO_LARGE && job->held && !job->ingest->stopping) {
        put_last(job->ingest, job);
        return;
    }
    if (err)
        refuse_for_store(job, err);
    finish(job);
}

void ingest_stop(struct ingest *ingest)
{
    ingest->stopping = true;
    while (ingest->again) {
        struct job *job = ingest->again;
        ingest->again = job->next;
        refuse_for_store(job, TM_READ_ONLY);
        finish(job);
    }
}

/* A batch that stands behind this one, with the same seq, is durable: then this one is a duplicate. */
static void on_twin_durable(void *arg, enum tm_err err)
{
    struct job *job = arg;
    if (err)
        refuse_for_store(job, err);
    else
        job->reply.duplicate = true;
    finish(job);
}

/* Finds out who sends and whether they may. True: go on with *access. */
static bool authorise(struct job *job, const struct header *header, struct access *access)
{
    const struct config *config = job->ingest->config;
    if (header->key.len && config->auth.key_count) {
        *access = (struct access){.key = access_find(config, header->key)};
        if (!access->key)
            refuse(job, REFUSAL_UNKNOWN_KEY, -1, "no key of this name is configured under auth.keys");
        else if (!header_verify(header, str_of(access->key->secret)))
            refuse(job, REFUSAL_BAD_SIGNATURE, -1,
                   "the signature does not fit this key's secret; it is HMAC-SHA256 over the header line up "
                   "to and "
                   "without \" sig=\", a newline, and the rest as sent");
    } else if (!access->everything && !access->key) {
        refuse(job, REFUSAL_FORBIDDEN, -1,
               "this daemon has keys configured and takes signed messages only (key=NAME sig=HEX in the "
               "header)");
    }
    if (!job->reply.refusal && !access_allows(access, SCOPE_WRITE))
        refuse(job, REFUSAL_FORBIDDEN, -1, "this key has no write scope");
    return !job->reply.refusal;
}

/* De-duplication. True: the batch is new, go on. False: answered, or will be (*taken_over). */
static bool check_producer(struct job *job, const struct producer_mark *mark, bool *taken_over)
{
    struct store *store = job->ingest->store;
    switch (store_producer_check(store, mark)) {
    case PRODUCER_NEW:
    case PRODUCER_NEW_AFTER_GAP:
        return true;
    case PRODUCER_DUPLICATE:
        job->reply.duplicate = true;
        break;
    case PRODUCER_DUPLICATE_PENDING:
        *taken_over = store_producer_await(store, mark, on_twin_durable, job) == TM_OK;
        if (!*taken_over)
            refuse_for_store(job, TM_NOMEM);
        break;
    case PRODUCER_STALE_EPOCH:
        refuse(job, REFUSAL_STALE_EPOCH, -1,
               "a later epoch of this producer is known; use an epoch that only grows, such as the start "
               "time in ms");
        break;
    case PRODUCER_SEQ_CONFLICT:
        refuse(job, REFUSAL_SEQ_CONFLICT, -1,
               "this seq was settled with other bytes; two senders share one producer name, or a seq was "
               "reused");
        break;
    case PRODUCER_TABLE_FULL:
        refuse(job, REFUSAL_BUSY, RETRY_TROUBLE_MS,
               "100,000 producers are known and none was silent for 30 days; use stable producer names");
        break;
    }
    return false;
}

/* A body that can't be read as a whole is refused. */
static enum tm_err refuse_body(struct job *job, enum tm_err err, const struct tm_why *why)
{
    refuse(job, err == TM_INVALID ? REFUSAL_BAD_ENCODING : REFUSAL_TOO_LARGE, -1, why->text);
    finish(job);
    return TM_OK;
}

/* Adds what a message brings to its batch. Errors as lines_take and remote_take. */
static enum tm_err take_text(struct lines *lines, const struct ingest_message *message,
                             const struct header *header, struct str text, struct metadata *metadata,
                             struct tm_why *why)
{
    if (message->path == INGEST_REMOTE)
        return remote_take(lines, text, metadata, why);
    return lines_take(lines, text, header->has_precision ? header->precision : message->precision,
                      header->present ? 2 : 1);
}

/* Parses the lines into a batch and submits it. TM_OK: on_durable will be called. */
static enum tm_err submit(struct job *job, const struct ingest_message *message, const struct header *header,
                          const struct access *access, struct str text, const struct producer_mark *mark)
{
    struct ingest *ingest = job->ingest;
    struct lines lines = {
        .store = ingest->store,
        .config = ingest->config,
        .access = *access,
        .writes_all = access_writes_all(access),
        .now = clock_wall_ms(ingest->clock),
        .batch = store_batch_new(ingest->store),
        .reply = &job->reply,
        .cache = ingest->cache,
    };
    struct tm_why why;
    event_cache_begin(ingest->cache);
    store_time(ingest->store, &lines.earlier, &lines.later);
    enum tm_err err = lines.batch ? TM_OK : TM_NOMEM;
    if (!err)
        err = take_text(&lines, message, header, text, &ingest->metadata, &why);
    lines_fini(&lines);
    job->samples = lines.samples;
    memcpy(job->events, lines.events, sizeof job->events);
    ingest->last_ms = lines.now;
    if (err == TM_INVALID || err == TM_TOO_LARGE) {
        store_batch_drop(ingest->store, lines.batch);
        return refuse_body(job, err, &why);
    }
    if (!err && !mark && store_batch_count(lines.batch) == 0) {
        store_batch_drop(ingest->store, lines.batch); /* nothing to keep and nothing to settle */
        finish(job);
        return TM_OK;
    }
    if (!err)
        err = store_submit(ingest->store, &lines.batch, mark, on_durable, job);
    if (err)
        store_batch_drop(ingest->store, lines.batch);
    return err;
}

/* Takes the message up to its submission. TM_OK: the job is answered or will be. Any error: it stays the
 * caller's. */
static enum tm_err take(struct job *job, const struct ingest_message *message)
{
    struct ingest *ingest = job->ingest;
    struct header header = {.rest = message->text};
    struct access access = message->access;
    struct tm_why why;
    struct str text;
    bool taken_over = false;
    if (ingest->stopping) {
        refuse(job, REFUSAL_BUSY, RETRY_STOPPING_MS, "the daemon is stopping; try again");
        finish(job);
        return TM_OK;
    }
    if (message->path != INGEST_REMOTE && header_parse(message->text, &header, &why)) {
        refuse(job, REFUSAL_BAD_HEADER, -1, why.text);
        finish(job);
        return TM_OK;
    }
    bool settles = header.has_producer && message->path != INGEST_PULL;
    job->reply.has_seq = settles;
    job->reply.seq = header.seq;
    struct producer_mark mark = {header.producer, header.epoch, header.seq, 0};
    if (settles)
        mark.body_hash = XXH3_64bits(header.rest.ptr, header.rest.len);
    if (!authorise(job, &header, &access) || (settles && !check_producer(job, &mark, &taken_over))) {
        if (!taken_over)
            finish(job);
        return TM_OK;
    }
    enum tm_err err = header_decode_body(&header, (size_t)ingest->config->limits.max_decompressed_bytes,
                                         &ingest->decoded, &text, &why);
    if (err == TM_INVALID || err == TM_TOO_LARGE)
        return refuse_body(job, err, &why);
    return err ? err : submit(job, message, &header, &access, text, settles ? &mark : NULL);
}

static struct job *open_job(struct ingest *ingest, const struct ingest_message *message)
{
    struct job *job = malloc(sizeof *job);
    if (!job)
        return NULL;
    job->ingest = ingest;
    job->reply_fn = message->reply;
    job->arg = message->arg;
    job->started_ns = clock_mono_ns(ingest->clock);
    job->samples = 0;
    memset(job->events, 0, sizeof job->events);
    reply_init(&job->reply);
    job->held = NULL;
    ingest->pending++;
    return job;
}

/* Keeps a pushed message with its job. False without memory. */
static bool hold(struct job *job, const struct ingest_message *message)
{
    size_t len = message->text.len;
    job->held = malloc(len + 1);
    if (!job->held)
        return false;
    memcpy(job->held, message->text.ptr, len);
    job->message = *message;
    job->message.text = (struct str){job->held, len};
    job->ingest->held_bytes += len;
    return true;
}

static bool may_push(const struct ingest *ingest, size_t len)
{
    bool room = ingest->held_bytes == 0 || ingest->held_bytes + len <= HELD_MAX_BYTES;
    return room && !ingest->again && !store_trouble(ingest->store);
}

void ingest_retry(struct ingest *ingest)
{
    while (ingest->again && !store_trouble(ingest->store)) {
        struct job *job = ingest->again;
        struct job *rest = job->next;
        job->samples = 0;
        memset(job->events, 0, sizeof job->events);
        reply_init(&job->reply);
        if (take(job, &job->message))
            return; /* it stays the first */
        ingest->again = rest;
    }
}

/* Without memory for a job: the answer is made on the stack. */
static void refuse_without_job(struct ingest *ingest, const struct ingest_message *message)
{
    struct job job = {.ingest = ingest, .reply_fn = message->reply, .arg = message->arg};
    reply_init(&job.reply);
    refuse_for_store(&job, TM_NOMEM);
    count_refusal(ingest->counters, job.reply.refusal);
    message->reply(message->arg, &job.reply);
}

bool ingest_message(struct ingest *ingest, const struct ingest_message *message)
{
    static const enum counter by_path[] = {[INGEST_REP] = COUNTER_BATCHES_REP,
                                           [INGEST_PULL] = COUNTER_BATCHES_PULL,
                                           [INGEST_HTTP] = COUNTER_BATCHES_HTTP,
                                           [INGEST_REMOTE] = COUNTER_BATCHES_HTTP};
    if (message->path == INGEST_PULL && !may_push(ingest, message->text.len))
        return false;
    struct job *job = open_job(ingest, message);
    if (!job && message->path != INGEST_PULL)
        refuse_without_job(ingest, message);
    if (!job)
        return message->path != INGEST_PULL;
    if (message->path == INGEST_PULL && !hold(job, message)) {
        drop_job(job);
        return false;
    }
    enum tm_err err = message->text.len > (size_t)ingest->config->limits.max_message_bytes
                          ? TM_TOO_LARGE
                          : take(job, message);
    if (err && err != TM_TOO_LARGE && message->path == INGEST_PULL) {
        drop_job(job);
        return false;
    }
    ingest->counters->value[by_path[message->path]]++;
    ingest->counters->value[COUNTER_INGEST_BYTES] += message->text.len;
    if (err == TM_TOO_LARGE)
        refuse(job, REFUSAL_TOO_LARGE, -1, "the message is over limits.max_message; send smaller batches");
    else if (err)
        refuse_for_store(job, err);
    if (err)
        finish(job);
    return true;
}

void ingest_refuse_too_large(struct ingest *ingest, const struct ingest_message *message)
{
    struct job *job = open_job(ingest, message);
    if (!job) {
        refuse_without_job(ingest, message);
        return;
    }
    refuse(job, REFUSAL_TOO_LARGE, -1, "the message is over limits.max_message; send smaller batches");
    finish(job);
}
