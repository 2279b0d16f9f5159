/* Who sent what: per producer the epoch, the last settled seq and the hash of that batch, so that a resend
 * has no effect. At most PRODUCERS_MAX, forgotten PRODUCER_FORGET_MS after their last use. Owner's thread. */
#ifndef TM_STORAGE_PRODUCERS_H
#define TM_STORAGE_PRODUCERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/store.h"

enum { PRODUCERS_MAX = 100000 };
#define PRODUCER_FORGET_MS (INT64_C(30) * 24 * 3600 * 1000)

struct producers;

/* Someone who is told when a pending batch is settled. */
struct awaiter {
    struct awaiter *next;
    store_done_fn *done;
    void *arg;
};

/* A batch under way: held by the batch, linked into its producer from producers_begin to producers_end. */
struct pending {
    struct pending *next;
    uint64_t epoch;
    uint64_t seq;
    uint64_t body_hash;
    struct awaiter *awaiters; /* in order of arrival; taken over by the caller of producers_end */
    uint32_t producer;        /* its slot */
    bool is_linked;
};

/* An empty table; seed keys the hash of names. NULL when out of memory. */
struct producers *producers_new(uint64_t seed);

/* NULL is allowed. What is linked into it is its holders' own. */
void producers_free(struct producers *producers);

/* See store_producer_check. now decides who is forgotten. */
enum producer_state producers_check(struct producers *producers, const struct producer_mark *mark,
                                    time_ms_t now);

/* Links a batch that producers_check took. TM_NOMEM. */
enum tm_err producers_begin(struct producers *producers, const struct producer_mark *mark,
                            struct pending *pending, time_ms_t now) TM_MUST_CHECK;
/* Unlinks it; is_durable settles its seq. */
void producers_end(struct producers *producers, struct pending *pending, bool is_durable, time_ms_t now);

/* See store_producer_await. TM_NOT_FOUND, TM_NOMEM. */
enum tm_err producers_await(struct producers *producers, const struct producer_mark *mark,
                            store_done_fn *done, void *arg) TM_MUST_CHECK;

/* A durable batch read back. *is_new is false if it was settled before: then it must have no effect.
 * TM_NOMEM. */
enum tm_err producers_restore(struct producers *producers, const struct producer_mark *mark,
                              time_ms_t written_ms, bool *is_new) TM_MUST_CHECK;

/* Appends who has settled what (FORMAT.md). Without memory out fails (bytes_error). */
void producers_save(const struct producers *producers, struct bytes *out);

/* Fills an empty table from it. TM_CORRUPT, TM_NOMEM: part of it may be in. */
enum tm_err producers_load(struct producers *producers, struct cursor *in) TM_MUST_CHECK;

/* Forgets whoever was last used too long ago. */
void producers_forget(struct producers *producers, time_ms_t now);

/* How many are known, those with a batch under way included. */
uint64_t producers_count(const struct producers *producers);

/* How often a seq did not follow the last one, since the table was made. */
uint64_t producers_gap_count(const struct producers *producers);

#endif
