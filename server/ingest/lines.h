/* From lines to a batch: names series, checks every rule of the contract, counts what is refused and why. */
#ifndef TM_INGEST_LINES_H
#define TM_INGEST_LINES_H

#include "server/access/access.h"
#include "server/config/config.h"
#include "server/ingest/event_cache.h"
#include "server/wire/line.h"
#include "server/wire/reply.h"
#include "storage/store.h"

enum { LINES_QUEUE = 16 };

/* A line of one number whose series is about to be looked up. */
struct queued_line {
    struct series_hash hash;
    struct number value;
    time_ms_t time;
    struct str raw;
    uint32_t number;
};

/* What the lines of one message are taken with, and what became of them. */
struct lines {
    struct store *store;
    const struct config *config;
    struct access access;
    bool writes_all; /* access_writes_all(access), asked once a message and not once a line */
    time_ms_t now;
    time_ms_t earlier; /* store_time */
    time_ms_t later;
    struct batch *batch;
    struct reply *reply;
    enum precision precision;  /* of the message, for fields that hold a time */
    struct event_cache *cache; /* event_cache_begin was called for this batch */
    struct bytes scratch;      /* of the key being parsed; owned, lines_fini */
    struct bytes metric;       /* name of the metric being made; owned */
    struct bytes texts;        /* fields of the line, unescaped; owned */
    struct line_key key;       /* of the line being parsed */
    struct queued_line queue[LINES_QUEUE];
    size_t queued;
    uint64_t samples;
    uint64_t events[EVENT_KIND_COUNT];
};

/* Adds every good line of text to lines->batch and rejects the others into lines->reply. first_number is the
 * number of the first line. TM_NOMEM: the batch is incomplete, drop it. */
enum tm_err lines_take(struct lines *lines, struct str text, enum precision precision,
                       uint32_t first_number) TM_MUST_CHECK;

/* Frees what it owns; batch, reply and cache are the caller's. */
void lines_fini(struct lines *lines);

#endif
