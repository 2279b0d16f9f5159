/* Counting by the values of a column: a table of keys by hash, put in order at the end. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/events/events_pass.h"
#include "storage/events/events_ranking.h"
#include "storage/grow.h"
#include "storage/reader_private.h"

enum { KEYS_MAX = 4 << 20, SLOTS_FIRST = 1024, ARENA_BYTES = 1 << 18, STATUS_TEXT = 8, TRIES = 5 };

struct events_arena {
    struct events_arena *next;
    char bytes[];
};

void events_ranking_free(struct events_ranking *ranking)
{
    if (!ranking)
        return;
    for (struct events_arena *arena = ranking->arenas, *next; arena; arena = next) {
        next = arena->next;
        free(arena);
    }
    free(ranking->ranks);
    free(ranking->slots);
    free(ranking);
}

static uint64_t hash_of(struct str key)
{
    return XXH3_64bits(key.len ? key.ptr : "", key.len);
}

/* Where the key is, or would be. */
static size_t slot_of(const struct events_ranking *ranking, struct str key)
{
    size_t mask = ranking->slot_count - 1;
    size_t at = hash_of(key) & mask;
    while (ranking->slots[at] && !str_equal(ranking->ranks[ranking->slots[at] - 1].key, key))
        at = (at + 1) & mask;
    return at;
}

static enum tm_err grow_slots(struct events_ranking *ranking)
{
    size_t count = ranking->slot_count ? ranking->slot_count * 2 : SLOTS_FIRST;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (!slots)
        return TM_NOMEM;
    free(ranking->slots);
    ranking->slots = slots;
    ranking->slot_count = count;
    for (size_t i = 0; i < ranking->count; i++)
        slots[slot_of(ranking, ranking->ranks[i].key)] = (uint32_t)i + 1;
    return TM_OK;
}

static const char *copy_key(struct events_ranking *ranking, struct str key)
{
    if (ranking->arena_left < key.len || !ranking->arenas) {
        size_t bytes = key.len > ARENA_BYTES ? key.len : ARENA_BYTES;
        struct events_arena *arena = malloc(sizeof *arena + bytes);
        if (!arena)
            return NULL;
        arena->next = ranking->arenas;
        ranking->arenas = arena;
        ranking->arena_left = bytes;
    }
    /* Filled from its end. */
    ranking->arena_left -= key.len;
    char *to = ranking->arenas->bytes + ranking->arena_left;
    if (key.len > 0)
        memcpy(to, key.ptr, key.len);
    return to;
}

enum tm_err events_ranking_add(struct events_ranking *ranking, struct str key, uint64_t count, uint64_t known)
{
    if (2 * (ranking->count + 1) > ranking->slot_count && grow_slots(ranking) != TM_OK)
        return TM_NOMEM;
    size_t slot = slot_of(ranking, key);
    if (ranking->slots[slot]) {
        ranking->ranks[ranking->slots[slot] - 1].count += count;
        ranking->ranks[ranking->slots[slot] - 1].error += known;
        return TM_OK;
    }
    if (ranking->count >= KEYS_MAX)
        return TM_LIMIT;
    struct events_rank *ranks =
        grow_array(ranking->ranks, &ranking->capacity, ranking->count + 1, sizeof *ranks);
    if (!ranks)
        return TM_NOMEM;
    ranking->ranks = ranks;
    const char *copy = copy_key(ranking, key);
    if (!copy)
        return TM_NOMEM;
    ranks[ranking->count++] = (struct events_rank){{copy, key.len}, count, known};
    ranking->slots[slot] = (uint32_t)ranking->count;
    return TM_OK;
}

static struct str key_of(const struct events_ranking *ranking, const struct http_event *event,
                         char status[STATUS_TEXT])
{
    const struct str texts[EVENTS_TAGS] = {
        [EVENTS_SERVICE] = event->service,       [EVENTS_ENV] = event->env,
        [EVENTS_METHOD] = event->method,         [EVENTS_URL] = event->url,
        [EVENTS_PAGE_GROUP] = event->page_group, [EVENTS_CACHE] = event->cache,
        [EVENTS_AGENT] = event->agent,           [EVENTS_USER_AGENT] = event->user_agent,
    };
    if (ranking->by.column < EVENTS_TAGS)
        return texts[ranking->by.column];
    if (ranking->by.column == EVENTS_TAGS)
        return event->tags ? labels_get(event->tags, ranking->by.tag) : (struct str){NULL, 0};
    for (int i = 2, rest = event->status; i >= 0; i--, rest /= 10)
        status[i] = (char)('0' + rest % 10);
    return (struct str){status, 3};
}

static bool count_event(void *arg, const struct http_event *event)
{
    struct events_ranking *ranking = arg;
    char status[STATUS_TEXT];
    ranking->err = events_ranking_add(ranking, key_of(ranking, event, status), event->count, 0);
    ranking->total.count += event->count;
    return ranking->err == TM_OK;
}

static int compare_ranks(const void *a, const void *b)
{
    const struct events_rank *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return str_compare(x->key, y->key);
}

/* In order, and found by key again; what is not known of a key is its error. */
static enum tm_err finish(struct events_ranking *ranking)
{
    ranking->total.keys = ranking->count;
    for (size_t i = 0; i < ranking->count; i++)
        ranking->ranks[i].error = ranking->total.error - ranking->ranks[i].error;
    if (ranking->count > 1)
        qsort(ranking->ranks, ranking->count, sizeof *ranking->ranks, compare_ranks);
    if (ranking->slot_count == 0)
        return grow_slots(ranking);
    memset(ranking->slots, 0, ranking->slot_count * sizeof *ranking->slots);
    for (size_t i = 0; i < ranking->count; i++)
        ranking->slots[slot_of(ranking, ranking->ranks[i].key)] = (uint32_t)i + 1;
    return TM_OK;
}

static struct events_ranking *new_ranking(const struct events_ranking_by *by, struct span span)
{
    struct events_ranking *ranking = calloc(1, sizeof *ranking);
    if (ranking) {
        ranking->by = *by;
        ranking->total.span = span;
    }
    return ranking;
}

static enum tm_err rank_events(struct reader *reader, const struct events_query *query,
                               struct events_ranking *ranking, struct tm_why *why)
{
    const struct events_sink sink = {
        .arg = ranking,
        .columns = EVENTS_BIT(ranking->by.column) | EVENTS_BIT(EVENTS_COUNT),
        .event = count_event,
    };
    enum tm_err err = events_pass(reader, query, &sink, why);
    return err ? err : ranking->err;
}

static uint64_t flushed_lsn(struct reader *reader)
{
    contents_lock_shared(reader->contents);
    uint64_t lsn = reader->contents->mark.flushed_lsn;
    contents_unlock(reader->contents);
    return lsn;
}

/* What is in files and heads, and the rankings of days that are gone. TM_BUSY: a day of events went, or its
 * rankings came, meanwhile. */
static enum tm_err rank_once(struct reader *reader, const struct events_query *query,
                             struct events_ranking *ranking, struct tm_why *why)
{
    struct partitions *set = reader->contents->partitions;
    struct events_query wide = *query;
    struct tops_plan before = {0}, after = {0};
    const uint64_t until = flushed_lsn(reader);
    bool can_add = query->matches == NULL;
    enum tm_err err = tops_plan_make(set, reader->contents, until, query->span, &before, why);
    if (!err && can_add)
        tops_plan_widen(&before, &wide.span);
    if (!err)
        err = rank_events(reader, &wide, ranking, why);
    if (!err && can_add)
        err = events_rank_tops(reader, &wide, &before, ranking, why);
    if (!err)
        err = tops_plan_make(set, reader->contents, flushed_lsn(reader), query->span, &after, why);
    if (!err && !tops_plan_equal(&before, &after))
        err = tm_fail(why, TM_BUSY, "days of events went meanwhile: ask again");
    ranking->total.span = wide.span;
    ranking->total.is_cut = before.has_tops && !can_add;
    tops_plan_fini(&before);
    tops_plan_fini(&after);
    return err;
}

enum tm_err events_rank(struct reader *reader, const struct events_query *query,
                        const struct events_ranking_by *by, struct events_ranking **out, struct tm_why *why)
{
    struct events_ranking *ranking = NULL;
    enum tm_err err = TM_BUSY;
    *out = NULL;
    if (by->column > EVENTS_STATUS)
        return tm_fail(why, TM_INVALID, "only texts, tags and the status can be ranked");
    for (int i = 0; i < TRIES && err == TM_BUSY; i++) {
        events_ranking_free(ranking);
        ranking = new_ranking(by, query->span);
        err = ranking ? rank_once(reader, query, ranking, why) : TM_NOMEM;
        if (err == TM_LIMIT)
            err = tm_fail(why, TM_LIMIT, "over %d different values: ask for less time or one service",
                          KEYS_MAX);
    }
    if ((!err && finish(ranking) != TM_OK) || err == TM_NOMEM)
        err = tm_fail(why, TM_NOMEM, "out of memory for a ranking");
    if (err)
        events_ranking_free(ranking);
    else
        *out = ranking;
    return err;
}

void events_ranking_total(const struct events_ranking *ranking, struct events_ranking_total *out)
{
    *out = ranking->total;
}

enum tm_err events_ranking_at(const struct events_ranking *ranking, size_t place, struct events_rank *out)
{
    if (place >= ranking->count)
        return TM_NOT_FOUND;
    *out = ranking->ranks[place];
    return TM_OK;
}

void events_ranking_find(const struct events_ranking *ranking, struct str key, struct events_rank *out)
{
    size_t slot = slot_of(ranking, key);
    *out = ranking->slots[slot] ? ranking->ranks[ranking->slots[slot] - 1]
                                : (struct events_rank){key, 0, ranking->total.error};
}
