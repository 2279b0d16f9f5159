#include "storage/catalog/producers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/grow.h"

enum { INDEX_FIRST = 256 };

struct producer {
    char *name; /* NULL: the slot is free */
    uint32_t len;
    bool is_settled; /* epoch and so on are valid: one of its batches is durable */
    uint64_t epoch;
    uint64_t seq;
    uint64_t body_hash;
    time_ms_t used_ms;
    struct pending *pending; /* oldest first */
};

struct producers {
    struct producer *at;
    size_t slot_count;
    size_t slot_capacity;
    uint32_t *index; /* open addressing, slot + 1; power of two */
    size_t index_capacity;
    uint64_t count;
    uint64_t gaps;
    uint64_t seed;
    uint32_t first_free; /* no slot before it is free */
};

struct producers *producers_new(uint64_t seed)
{
    struct producers *producers = calloc(1, sizeof *producers);
    if (!producers)
        return NULL;
    producers->seed = seed;
    producers->index = calloc(INDEX_FIRST, sizeof *producers->index);
    producers->index_capacity = INDEX_FIRST;
    if (!producers->index) {
        free(producers);
        return NULL;
    }
    return producers;
}

void producers_free(struct producers *producers)
{
    if (!producers)
        return;
    for (size_t i = 0; i < producers->slot_count; i++)
        free(producers->at[i].name);
    free(producers->at);
    free(producers->index);
    free(producers);
}

/* ---- finding ---- */

static size_t find_place(const struct producers *producers, struct str name)
{
    size_t mask = producers->index_capacity - 1;
    size_t at = XXH3_64bits_withSeed(name.ptr, name.len, producers->seed) & mask;
    for (; producers->index[at] != 0; at = (at + 1) & mask) {
        const struct producer *producer = &producers->at[producers->index[at] - 1];
        if (str_equal((struct str){producer->name, producer->len}, name))
            break;
    }
    return at;
}

static struct producer *find_producer(const struct producers *producers, struct str name)
{
    uint32_t slot = producers->index[find_place(producers, name)];
    return slot ? &producers->at[slot - 1] : NULL;
}

static void fill_index(struct producers *producers)
{
    for (size_t i = 0; i < producers->slot_count; i++) {
        const struct producer *producer = &producers->at[i];
        assert(producers->at);
        if (producer->name)
            producers->index[find_place(producers, (struct str){producer->name, producer->len})] =
                (uint32_t)i + 1;
    }
}

static bool grow_index(struct producers *producers)
{
    if ((producers->count + 1) * 4 <= producers->index_capacity * 3)
        return true;
    uint32_t *index = calloc(producers->index_capacity * 2, sizeof *index);
    if (!index)
        return false;
    free(producers->index);
    producers->index = index;
    producers->index_capacity *= 2;
    fill_index(producers);
    return true;
}

static struct producer *take_slot(struct producers *producers)
{
    while (producers->first_free < producers->slot_count && producers->at[producers->first_free].name)
        producers->first_free++;
    if (producers->first_free == producers->slot_count) {
        struct producer *grown =
            grow_array(producers->at, &producers->slot_capacity, producers->slot_count + 1, sizeof *grown);
        if (!grown)
            return NULL;
        producers->at = grown;
        producers->slot_count++;
    }
    return &producers->at[producers->first_free];
}

static struct producer *make_producer(struct producers *producers, struct str name)
{
    struct producer *producer = find_producer(producers, name);
    if (producer)
        return producer;
    char *copy = malloc(name.len + 1);
    if (!copy)
        return NULL;
    if (name.len > 0)
        memcpy(copy, name.ptr, name.len);
    producer = grow_index(producers) ? take_slot(producers) : NULL;
    if (!producer) {
        free(copy);
        return NULL;
    }
    *producer = (struct producer){.name = copy, .len = (uint32_t)name.len};
    producers->index[find_place(producers, name)] = (uint32_t)(producer - producers->at) + 1;
    producers->count++;
    return producer;
}

static bool is_forgotten(const struct producer *producer, time_ms_t now)
{
    return !producer->pending && now - producer->used_ms > PRODUCER_FORGET_MS;
}

void producers_forget(struct producers *producers, time_ms_t now)
{
    uint64_t before = producers->count;
    for (size_t i = 0; i < producers->slot_count; i++) {
        struct producer *producer = &producers->at[i];
        assert(producers->at);
        if (!producer->name || !is_forgotten(producer, now))
            continue;
        free(producer->name);
        *producer = (struct producer){0};
        producers->count--;
        producers->first_free = i < producers->first_free ? (uint32_t)i : producers->first_free;
    }
    if (producers->count == before)
        return;
    memset(producers->index, 0, producers->index_capacity * sizeof *producers->index);
    fill_index(producers);
}

/* ---- judging ---- */

/* Seqs up to the last one that is settled or under way; one in between that is neither waits for the later
 * one, which will make it a duplicate. */
static enum producer_state check_pending(const struct producer *producer, const struct producer_mark *mark)
{
    const struct pending *pending = producer->pending;
    bool any = producer->is_settled && producer->epoch == mark->epoch;
    uint64_t last = any ? producer->seq : 0;
    for (; pending; pending = pending->next) {
        if (pending->epoch != mark->epoch)
            continue;
        if (pending->seq == mark->seq)
            return pending->body_hash == mark->body_hash ? PRODUCER_DUPLICATE_PENDING : PRODUCER_SEQ_CONFLICT;
        if (pending->seq > mark->seq)
            return PRODUCER_DUPLICATE_PENDING;
        any = true;
        last = pending->seq;
    }
    return any && mark->seq != last + 1 ? PRODUCER_NEW_AFTER_GAP : PRODUCER_NEW;
}

static uint64_t newest_epoch(const struct producer *producer)
{
    uint64_t epoch = producer->is_settled ? producer->epoch : 0;
    for (const struct pending *pending = producer->pending; pending; pending = pending->next)
        epoch = pending->epoch > epoch ? pending->epoch : epoch;
    return epoch;
}

enum producer_state producers_check(struct producers *producers, const struct producer_mark *mark,
                                    time_ms_t now)
{
    struct producer *producer = find_producer(producers, mark->producer);
    if (!producer && producers->count >= PRODUCERS_MAX) {
        producers_forget(producers, now);
        return producers->count >= PRODUCERS_MAX ? PRODUCER_TABLE_FULL : PRODUCER_NEW;
    }
    if (!producer || is_forgotten(producer, now))
        return PRODUCER_NEW;
    if (mark->epoch < newest_epoch(producer))
        return PRODUCER_STALE_EPOCH;
    if (producer->is_settled && producer->epoch == mark->epoch && mark->seq <= producer->seq) {
        producer->used_ms = now;
        if (mark->seq == producer->seq && mark->body_hash != producer->body_hash)
            return PRODUCER_SEQ_CONFLICT;
        return PRODUCER_DUPLICATE;
    }
    return check_pending(producer, mark);
}

/* ---- under way ---- */

enum tm_err producers_begin(struct producers *producers, const struct producer_mark *mark,
                            struct pending *pending, time_ms_t now)
{
    struct producer *producer = make_producer(producers, mark->producer);
    if (!producer)
        return TM_NOMEM;
    if (is_forgotten(producer, now))
        producer->is_settled = false;
    producer->used_ms = now;
    *pending = (struct pending){.epoch = mark->epoch,
                                .seq = mark->seq,
                                .body_hash = mark->body_hash,
                                .producer = (uint32_t)(producer - producers->at),
                                .is_linked = true};
    struct pending **end = &producer->pending;
    while (*end)
        end = &(*end)->next;
    *end = pending;
    return TM_OK;
}

static void settle(struct producers *producers, struct producer *producer, uint64_t epoch, uint64_t seq,
                   uint64_t body_hash)
{
    bool follows = producer->is_settled && producer->epoch == epoch;
    if (follows && seq > producer->seq + 1)
        producers->gaps++;
    producer->is_settled = true;
    producer->epoch = epoch;
    producer->seq = seq;
    producer->body_hash = body_hash;
}

void producers_end(struct producers *producers, struct pending *pending, bool is_durable, time_ms_t now)
{
    if (!pending->is_linked)
        return;
    struct producer *producer = &producers->at[pending->producer];
    struct pending **at = &producer->pending;
    while (*at != pending) {
        assert(*at);
        at = &(*at)->next;
    }
    *at = pending->next;
    pending->is_linked = false;
    if (is_durable) {
        settle(producers, producer, pending->epoch, pending->seq, pending->body_hash);
        producer->used_ms = now;
    } else if (!producer->is_settled && !producer->pending) {
        producer->used_ms = INT64_MIN / 2; /* forgotten: it never had a durable batch */
    }
}

enum tm_err producers_await(struct producers *producers, const struct producer_mark *mark,
                            store_done_fn *done, void *arg)
{
    const struct producer *producer = find_producer(producers, mark->producer);
    struct pending *pending = producer ? producer->pending : NULL;
    while (pending && (pending->epoch != mark->epoch || pending->seq < mark->seq))
        pending = pending->next;
    if (!pending)
        return TM_NOT_FOUND;
    struct awaiter *awaiter = malloc(sizeof *awaiter);
    if (!awaiter)
        return TM_NOMEM;
    *awaiter = (struct awaiter){NULL, done, arg};
    struct awaiter **end = &pending->awaiters;
    while (*end)
        end = &(*end)->next;
    *end = awaiter;
    return TM_OK;
}

enum tm_err producers_restore(struct producers *producers, const struct producer_mark *mark,
                              time_ms_t written_ms, bool *is_new)
{
    struct producer *producer = make_producer(producers, mark->producer);
    if (!producer)
        return TM_NOMEM;
    *is_new = !producer->is_settled || is_forgotten(producer, written_ms) || mark->epoch > producer->epoch ||
              (mark->epoch == producer->epoch && mark->seq > producer->seq);
    if (*is_new) {
        if (is_forgotten(producer, written_ms))
            producer->is_settled = false;
        settle(producers, producer, mark->epoch, mark->seq, mark->body_hash);
        producer->used_ms = written_ms;
    }
    return TM_OK;
}

/* ---- at a flush ---- */

void producers_save(const struct producers *producers, struct bytes *out)
{
    uint64_t settled = 0;
    for (size_t i = 0; i < producers->slot_count; i++)
        settled += producers->at[i].name && producers->at[i].is_settled;
    bytes_varint(out, settled);
    for (size_t i = 0; i < producers->slot_count; i++) {
        const struct producer *producer = &producers->at[i];
        if (!producer->name || !producer->is_settled)
            continue;
        bytes_str(out, (struct str){producer->name, producer->len});
        bytes_varint(out, producer->epoch);
        bytes_varint(out, producer->seq);
        bytes_u64(out, producer->body_hash);
        bytes_zigzag(out, producer->used_ms);
    }
}

enum tm_err producers_load(struct producers *producers, struct cursor *in)
{
    uint64_t count = cursor_varint(in);
    if (count > PRODUCERS_MAX)
        return TM_CORRUPT;
    for (uint64_t i = 0; i < count; i++) {
        struct producer_mark mark;
        bool is_new;
        mark.producer = cursor_str(in);
        mark.epoch = cursor_varint(in);
        mark.seq = cursor_varint(in);
        mark.body_hash = cursor_u64(in);
        time_ms_t used_ms = cursor_zigzag(in);
        if (in->bad)
            return TM_CORRUPT;
        enum tm_err err = producers_restore(producers, &mark, used_ms, &is_new);
        if (err)
            return err;
    }
    return cursor_left(in) > 0 ? TM_CORRUPT : TM_OK;
}

uint64_t producers_count(const struct producers *producers)
{
    return producers->count;
}

uint64_t producers_gap_count(const struct producers *producers)
{
    return producers->gaps;
}
