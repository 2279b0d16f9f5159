/* States on disk: DIR/NN, each a part of all series, kept in turn. storage/FORMAT.md has every byte. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "server/detect/detect_disk.h"
#include "server/detect/detect_private.h"
#include "server/detect/detect_states.h"
#include "server/detect/incidents.h"

enum { MAGIC_BYTES = 8, SUM_BYTES = 8 };

struct restored_state {
    uint64_t hash;
    int64_t at;
    struct score_first *state; /* owned; NULL: it was claimed */
};

struct detect_restored {
    struct restored_state *at; /* by hash once all are read */
    size_t count, capacity;
};

static unsigned shard_of(uint64_t hash)
{
    return (unsigned)(hash >> 56) % DETECT_SHARDS;
}

const char *detect_shard_name(unsigned shard, char name[DETECT_NAME_BYTES])
{
    (void)snprintf(name, DETECT_NAME_BYTES, "%02x", shard);
    return name;
}

/* ---- keeping ---- */

static void put_shard(const struct detect_engine *engine, unsigned shard, struct bytes *out)
{
    detect_states_begin(engine->options.step_ms, out);
    for (size_t i = 0; i < engine->service_count; i++) {
        const struct detect_service *service = engine->services[i];
        for (size_t k = 0; k < service->target_count; k++) {
            const struct detect_target *target = &service->targets[k];
            if (!target->state || shard_of(target->hash) != shard)
                continue;
            const struct detect_kept kept = {target->hash, target->at, detect_labels(target), target->state};
            detect_states_put(&engine->model, &kept, out);
        }
    }
    detect_states_end(out);
}

/* ---- incidents ---- */

static const char incidents_magic[] = "tmincid1";

/* How far a service's incidents had been told. */
struct detect_fed {
    uint64_t service; /* hash of its name */
    int64_t minute;
};

static uint64_t name_hash(struct str name)
{
    return XXH3_64bits(name.ptr, name.len);
}

/* They may be newer than states of series, never older: so what is missing of them is in what is learned. */
static enum tm_err keep_incidents(const struct detect_engine *engine, struct tm_why *why)
{
    struct bytes out = {0};
    if (!engine->options.incidents)
        return TM_OK;
    bytes_put(&out, incidents_magic, MAGIC_BYTES);
    bytes_u32(&out, (uint32_t)engine->options.step_ms);
    bytes_varint(&out, engine->service_count);
    for (size_t i = 0; i < engine->service_count; i++) {
        bytes_u64(&out, name_hash(str_of(engine->services[i]->name)));
        bytes_zigzag(&out, engine->services[i]->fed);
    }
    detect_incidents_encode(engine->options.incidents, &out);
    bytes_u64(&out, out.failed ? 0 : XXH3_64bits(out.data, out.len));
    enum tm_err err = bytes_error(&out)
                          ? tm_fail(why, TM_NOMEM, "out of memory for states of incidents")
                          : detect_disk_replace(engine->dir, "incidents", bytes_view(&out), why);
    bytes_fini(&out);
    return err;
}

static enum tm_err take_fed(struct detect_engine *engine, struct cursor *c)
{
    uint64_t count = cursor_varint(c);
    if (c->bad || count > cursor_left(c))
        return TM_CORRUPT;
    engine->fed = calloc(count + 1, sizeof *engine->fed);
    if (!engine->fed)
        return TM_NOMEM;
    for (uint64_t i = 0; i < count; i++) {
        engine->fed[i].service = cursor_u64(c);
        engine->fed[i].minute = cursor_zigzag(c);
    }
    engine->fed_count = c->bad ? 0 : count;
    return c->bad ? TM_CORRUPT : TM_OK;
}

static enum tm_err take_incidents(struct detect_engine *engine, const struct bytes *file)
{
    if (file->len < MAGIC_BYTES + SUM_BYTES)
        return TM_CORRUPT;
    struct cursor c = cursor_of(file->data, file->len - SUM_BYTES);
    struct cursor end = cursor_of(file->data + file->len - SUM_BYTES, SUM_BYTES);
    struct str head = cursor_take(&c, MAGIC_BYTES);
    if (memcmp(head.ptr, incidents_magic, MAGIC_BYTES) != 0 ||
        cursor_u64(&end) != XXH3_64bits(file->data, file->len - SUM_BYTES))
        return TM_CORRUPT;
    if (cursor_u32(&c) != (uint32_t)engine->options.step_ms)
        return TM_INVALID;
    enum tm_err err = take_fed(engine, &c);
    if (!err)
        err = detect_incidents_decode(engine->options.incidents, cursor_take(&c, cursor_left(&c)));
    if (err)
        engine->fed_count = 0;
    return err;
}

int64_t detect_fed_of(const struct detect_engine *engine, struct str service)
{
    uint64_t hash = name_hash(service);
    for (size_t i = 0; i < engine->fed_count; i++) {
        if (engine->fed[i].service == hash)
            return engine->fed[i].minute;
    }
    return DETECT_NEVER;
}

/* ---- one part ---- */

enum tm_err detect_engine_keep(struct detect_engine *engine, struct tm_why *why)
{
    char name[DETECT_NAME_BYTES];
    struct bytes out = {0};
    enum tm_err early = keep_incidents(engine, why);
    if (early)
        return early;
    unsigned shard = engine->shard;
    engine->shard = (shard + 1) % DETECT_SHARDS;
    put_shard(engine, shard, &out);
    enum tm_err err = bytes_error(&out) ? tm_fail(why, TM_NOMEM, "out of memory for states of scored series")
                                        : detect_disk_replace(engine->dir, detect_shard_name(shard, name),
                                                              bytes_view(&out), why);
    bytes_fini(&out);
    return err;
}

/* ---- restoring ---- */

static enum tm_err take_state(void *arg, const struct detect_kept *kept)
{
    struct detect_restored *restored = arg;
    if (restored->count == restored->capacity) {
        size_t wanted = restored->capacity * 2 + 64;
        struct restored_state *grown = realloc(restored->at, wanted * sizeof *grown);
        if (!grown)
            return TM_NOMEM;
        restored->at = grown;
        restored->capacity = wanted;
    }
    struct restored_state one = {kept->hash, kept->at, malloc(sizeof *one.state)};
    if (!one.state)
        return TM_NOMEM;
    *one.state = *kept->state;
    restored->at[restored->count++] = one;
    return TM_OK;
}

/* The states of one file; all of them or none. */
static enum tm_err take_shard(struct detect_engine *engine, const struct bytes *file)
{
    struct detect_restored *restored = engine->restored;
    size_t before = restored->count;
    enum tm_err err =
        detect_states_take(&engine->model, engine->options.step_ms, bytes_view(file), take_state, restored);
    while (err && restored->count > before)
        free(restored->at[--restored->count].state);
    return err;
}

static int compare_restored(const void *a, const void *b)
{
    const struct restored_state *x = a, *y = b;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

enum tm_err detect_restore(struct detect_engine *engine)
{
    struct bytes file = {0};
    char name[DETECT_NAME_BYTES];
    enum tm_err err = TM_OK;
    engine->restored = calloc(1, sizeof *engine->restored);
    if (!engine->restored)
        return TM_NOMEM;
    engine->began = detect_disk_read(engine->dir, "began", &file) == TM_OK;
    detect_check_zone(engine);
    for (unsigned shard = 0; shard < DETECT_SHARDS && err != TM_NOMEM; shard++) {
        err = detect_disk_read(engine->dir, detect_shard_name(shard, name), &file);
        if (err == TM_NOT_FOUND)
            continue;
        if (!err)
            err = take_shard(engine, &file);
        if (!err)
            continue;
        engine->figures.lost_states++;
        detect_warn(engine, "detect.state_lost",
                    "%.200s/%s can't be used (%s): its series learn anew from what is stored", engine->dir,
                    name, err == TM_INVALID ? "of another version or scoring.interval" : tm_err_text(err));
    }
    if (engine->options.incidents && detect_disk_read(engine->dir, "incidents", &file) == TM_OK &&
        take_incidents(engine, &file) != TM_OK) {
        engine->figures.lost_states++;
        detect_warn(engine, "detect.state_lost",
                    "%.200s/incidents can't be used: what is usual learns anew from what is stored",
                    engine->dir);
    }
    bytes_fini(&file);
    if (engine->restored->count > 0)
        qsort(engine->restored->at, engine->restored->count, sizeof *engine->restored->at, compare_restored);
    return err == TM_NOMEM ? err : TM_OK;
}

bool detect_was_kept(const struct detect_engine *engine, uint64_t hash)
{
    const struct detect_restored *restored = engine->restored;
    const struct restored_state wanted = {.hash = hash};
    if (!restored || restored->count == 0)
        return false;
    const struct restored_state *found =
        bsearch(&wanted, restored->at, restored->count, sizeof wanted, compare_restored);
    return found && found->state;
}

void detect_claim(struct detect_engine *engine, const struct detect_service *service,
                  struct detect_target *target)
{
    struct detect_restored *restored = engine->restored;
    const struct restored_state wanted = {.hash = target->hash};
    if (!restored || restored->count == 0)
        return;
    struct restored_state *found =
        bsearch(&wanted, restored->at, restored->count, sizeof wanted, compare_restored);
    /* ahead of what was told: it is of another moment than the store, as in a backup */
    bool is_ahead = found && service->closed != DETECT_NEVER && found->at > service->closed;
    if (!found || !found->state || is_ahead || !detect_name(engine, target) ||
        engine->memory_used + DETECT_STATE_BYTES > engine->options.memory_bytes)
        return;
    target->state = found->state;
    target->at = found->at;
    found->state = NULL;
    engine->memory_used += DETECT_STATE_BYTES;
}

void detect_restored_free(struct detect_engine *engine)
{
    struct detect_restored *restored = engine->restored;
    if (!restored)
        return;
    for (size_t i = 0; i < restored->count; i++)
        free(restored->at[i].state);
    free(restored->at);
    free(restored);
    engine->restored = NULL;
}

enum tm_err detect_mark_began(struct detect_engine *engine, struct tm_why *why)
{
    if (engine->began)
        return TM_OK;
    enum tm_err err = detect_disk_replace(engine->dir, "began", STR("scoring began\n"), why);
    engine->began = !err;
    return err;
}
