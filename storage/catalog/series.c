#include "storage/catalog/series.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#include "storage/grow.h"
#include "storage/catalog/series_private.h"

enum {
    TABLE_FIRST = 1 << 10,
    IDLE_MIN = 1024,     /* fewer idle ones are not worth a sweep */
    IDLE_SPARE = 1 << 16 /* idle numbers beyond this, and twice the limit, are refused until a sweep */
};

/* For "%.*s": no more of a name than fits a sentence. */
#define NAME_ARG(name) (int)((name).len > 100 ? 100 : (name).len), (name).ptr

struct series_table *series_new(int64_t max_series, int64_t max_series_per_service)
{
    struct series_table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    table->max_series = max_series;
    table->max_series_per_service = max_series_per_service;
    table->count = 1;
    atomic_init(&table->turn, 1);
    if (getrandom(&table->seed, sizeof table->seed, 0) != (ssize_t)sizeof table->seed)
        table->seed ^= (uintptr_t)table;
    table->services.seed = table->seed;
    table->label_sets.seed = table->seed;
    table->raw = calloc(TABLE_FIRST, sizeof *table->raw);
    table->raw_capacity = TABLE_FIRST;
    table->states = calloc(TABLE_FIRST, 1);
    table->state_capacity = TABLE_FIRST;
    if (!table->raw || !table->states) {
        series_free(table);
        return NULL;
    }
    return table;
}

void series_set_limits(struct series_table *table, int64_t max_series, int64_t max_series_per_service)
{
    table->max_series = max_series;
    table->max_series_per_service = max_series_per_service;
}

void series_free(struct series_table *table)
{
    if (!table)
        return;
    label_sets_fini(&table->label_sets);
    for (size_t i = 0; i < SERIES_CHUNKS && table->chunks[i]; i++)
        free(table->chunks[i]);
    for (size_t i = 0; i < SERIES_CHUNKS && table->order[i]; i++)
        free(table->order[i]);
    services_fini(&table->services);
    free(table->states);
    free(table->free_list);
    free(table->raw);
    id_table_fini(&table->by_labels);
    free(table);
}

uint64_t series_seed(const struct series_table *table)
{
    return table->seed;
}

/* ---- by raw hash ---- */

static uint32_t fold_hash(struct series_hash hash)
{
    return (uint32_t)(hash.low >> 32) ^ (uint32_t)hash.low;
}

static size_t find_raw(const struct raw_slot *raw, size_t capacity, uint64_t high, uint32_t fold)
{
    size_t mask = capacity - 1;
    size_t at = fold & mask;
    while (raw[at].id != 0 && (raw[at].high != high || raw[at].fold != fold))
        at = (at + 1) & mask;
    return at;
}

void series_expect(const struct series_table *table, struct series_hash hash)
{
    __builtin_prefetch(&table->raw[fold_hash(hash) & (table->raw_capacity - 1)]);
}

series_id series_find(const struct series_table *table, struct series_hash hash)
{
    size_t at = find_raw(table->raw, table->raw_capacity, hash.high, fold_hash(hash));
    series_id id = table->raw[at].id;
    return table->states[id] >= SERIES_FRESH ? id : 0;
}

bool series_rebuild_raw(struct series_table *table, size_t capacity)
{
    struct raw_slot *raw = calloc(capacity, sizeof *raw);
    if (!raw)
        return false;
    size_t used = 0;
    for (size_t i = 0; i < table->raw_capacity; i++) {
        struct raw_slot slot = table->raw[i];
        if (slot.id == 0 || table->states[slot.id] <= SERIES_GONE)
            continue;
        raw[find_raw(raw, capacity, slot.high, slot.fold)] = slot;
        used++;
    }
    free(table->raw);
    table->raw = raw;
    table->raw_capacity = capacity;
    table->raw_used = used;
    table->raw_is_stale = false;
    return true;
}

static size_t count_raw(const struct series_table *table)
{
    size_t count = 0;
    for (size_t i = 0; i < table->raw_capacity; i++)
        count += table->raw[i].id != 0 && table->states[table->raw[i].id] > SERIES_GONE;
    return count;
}

/* What left is thrown out first; a larger table is made for what stays. */
static bool make_raw_room(struct series_table *table, size_t most)
{
    size_t count = table->raw_is_stale ? count_raw(table) : table->raw_used;
    bool is_half = count * 2 > table->raw_capacity;
    return count <= most && series_rebuild_raw(table, table->raw_capacity * (is_half ? 2 : 1));
}

/* A series that can't be remembered under one more hash (a sender may permute its tags without end) is found
 * by its labels each time: slower, still right. */
static void remember_raw(struct series_table *table, const struct series_hash *hash, series_id id)
{
    size_t most = (size_t)(table->live + table->idle) * 4 + TABLE_FIRST;
    if ((table->raw_used + 1) * 4 > table->raw_capacity * 3 && !make_raw_room(table, most))
        return;
    uint32_t fold = fold_hash(*hash);
    size_t at = find_raw(table->raw, table->raw_capacity, hash->high, fold);
    table->raw_used += table->raw[at].id == 0;
    table->raw[at] = (struct raw_slot){hash->high, fold, id};
}

/* ---- by labels ---- */

uint32_t series_hash_labels(const struct series_table *table, struct str labels)
{
    return (uint32_t)XXH3_64bits_withSeed(labels.ptr, labels.len, table->seed);
}

static series_id find_id(const struct series_table *table, struct str labels, uint32_t hash)
{
    size_t at = 0;
    series_id id;
    while ((id = id_table_next(&table->by_labels, hash, &at)) != 0) {
        if (label_sets_equal(&table->label_sets, series_entry_at(table, id)->labels, labels))
            break;
    }
    return id;
}

/* ---- numbers ---- */

bool series_make_room(struct series_table *table, uint32_t count)
{
    size_t before = table->state_capacity;
    uint8_t *states = grow_array(table->states, &table->state_capacity, (size_t)count + 1, 1);
    if (!states)
        return false;
    table->states = states;
    memset(states + before, SERIES_FREE, table->state_capacity - before);
    /* Room in the order now, so that becoming durable can't fail. */
    uint32_t **order = &table->order[(count - table->gone) / SERIES_CHUNK];
    if (!*order)
        *order = calloc(SERIES_CHUNK, sizeof **order);
    if (!*order)
        return false;
    uint32_t *free_list =
        grow_array(table->free_list, &table->free_capacity, (size_t)count + 1, sizeof *free_list);
    if (!free_list)
        return false;
    table->free_list = free_list;
    struct series_entry **chunk = &table->chunks[count / SERIES_CHUNK];
    if (!*chunk)
        *chunk = calloc(SERIES_CHUNK, sizeof **chunk);
    return *chunk != NULL;
}

static enum tm_err make_number(struct series_table *table, series_id *out)
{
    if (table->free_count > 0) {
        *out = table->free_list[--table->free_count];
        return TM_OK;
    }
    if (table->count == (uint32_t)SERIES_CHUNK * SERIES_CHUNKS)
        return TM_LIMIT;
    if (!series_make_room(table, table->count))
        return TM_NOMEM;
    *out = table->count++;
    return TM_OK;
}

/* Under the number *out, or one of the table's choice if that is 0. */
static enum tm_err make_series(struct series_table *table, struct str labels, uint32_t hash,
                               struct str service, series_id *out)
{
    if (!id_table_reserve(&table->by_labels, table->by_labels.used + 1))
        return TM_NOMEM;
    uint32_t slot;
    enum tm_err err = services_intern(&table->services, service, &slot);
    if (err)
        return err;
    uint32_t set;
    err = label_sets_add(&table->label_sets, labels, &set);
    if (err)
        return err;
    err = *out ? TM_OK : make_number(table, out);
    if (err) {
        label_sets_give(&table->label_sets, set);
        return err;
    }
    *series_entry_at(table, *out) = (struct series_entry){.labels = set, .service = slot};
    services_at(&table->services, slot)->references++;
    table->states[*out] = SERIES_IDLE;
    table->idle++;
    id_table_add(&table->by_labels, hash, *out);
    return TM_OK;
}

/* ---- limits ---- */

static enum tm_err check_limits(struct series_table *table, struct str service, uint32_t spare,
                                struct tm_why *why)
{
    uint64_t known = table->live + table->idle;
    if (table->max_series > 0 && table->live >= (uint64_t)table->max_series + spare) {
        uint64_t top;
        struct str worst = series_top_service(table, &top);
        table->refused++;
        return tm_fail(why, TM_LIMIT,
                       "limits.max_series of %" PRId64 " is reached; service '%.*s' has the most, %" PRIu64,
                       table->max_series, NAME_ARG(worst), top);
    }
    if (table->max_series > 0 && known >= 2 * (uint64_t)table->max_series + IDLE_SPARE) {
        table->refused++;
        return tm_fail(why, TM_LIMIT, "too many new series in batches that failed: try again in a second");
    }
    uint32_t slot;
    if (table->max_series_per_service <= 0)
        return TM_OK;
    enum tm_err err = services_intern(&table->services, service, &slot);
    if (err)
        return tm_fail(why, err, "no room for another service: %s", tm_err_text(err));
    uint32_t live = services_at(&table->services, slot)->live;
    if (live < (uint64_t)table->max_series_per_service + spare)
        return TM_OK;
    table->refused++;
    return tm_fail(why, TM_LIMIT,
                   "limits.max_series_per_service of %" PRId64
                   " is reached by service '%.*s', which has %" PRIu32,
                   table->max_series_per_service, NAME_ARG(service), live);
}

enum tm_err series_intern(struct series_table *table, const struct series_hash *hash, struct str labels,
                          struct str service, uint32_t spare, series_id *out, struct tm_why *why)
{
    *out = 0;
    if (labels.len > SERIES_LABELS_MAX_BYTES || service.len > SERIES_LABELS_MAX_BYTES)
        return tm_fail(why, TM_TOO_LARGE, "the labels of one series take %zu bytes; at most %d are kept",
                       labels.len, SERIES_LABELS_MAX_BYTES);
    uint32_t key = series_hash_labels(table, labels);
    series_id id = find_id(table, labels, key);
    if (id == 0 || table->states[id] == SERIES_IDLE) {
        struct str owner = id ? series_owner(table, id) : service;
        enum tm_err err = check_limits(table, owner, spare, why);
        if (err)
            return err;
    }
    if (id == 0) {
        enum tm_err err = make_series(table, labels, key, service, &id);
        if (err)
            return tm_fail(why, err, "no room for a new series: %s", tm_err_text(err));
    }
    if (table->states[id] == SERIES_LEAVING)
        table->states[id] = SERIES_DURABLE;
    if (hash)
        remember_raw(table, hash, id);
    *out = id;
    return TM_OK;
}

/* ---- life ---- */

enum series_state series_state(const struct series_table *table, series_id id)
{
    return id < table->count ? (enum series_state)table->states[id] : SERIES_FREE;
}

static void count_live(struct series_table *table, series_id id, bool is_live)
{
    struct service *service = services_at(&table->services, series_entry_at(table, id)->service);
    table->live += is_live ? 1 : (uint64_t)-1;
    table->idle += is_live ? (uint64_t)-1 : 1;
    service->live += is_live ? 1 : (uint32_t)-1;
    uint32_t slot = series_entry_at(table, id)->service;
    if (is_live && service->live > services_at(&table->services, table->top_service)->live)
        table->top_service = slot;
    else if (!is_live && slot == table->top_service)
        table->top_is_stale = true;
}

void series_use(struct series_table *table, series_id id)
{
    assert(series_state(table, id) != SERIES_FREE);
    if (table->states[id] == SERIES_IDLE) {
        table->states[id] = SERIES_FRESH;
        count_live(table, id, true);
    }
    series_entry_at(table, id)->users++;
}

void series_release(struct series_table *table, series_id id)
{
    struct series_entry *entry = series_entry_at(table, id);
    assert(entry->users > 0);
    entry->users--;
    if (entry->users == 0 && table->states[id] == SERIES_FRESH) {
        table->states[id] = SERIES_IDLE;
        count_live(table, id, false);
    }
}

static void make_durable(struct series_table *table, series_id id)
{
    table->states[id] = SERIES_DURABLE;
    table->order[table->order_count / SERIES_CHUNK][table->order_count % SERIES_CHUNK] = id;
    table->order_count++;
}

void series_settle(struct series_table *table, series_id id)
{
    if (table->states[id] == SERIES_FRESH)
        make_durable(table, id);
    series_release(table, id);
}

static void settle_at_once(struct series_table *table, series_id id)
{
    if (table->states[id] == SERIES_DURABLE)
        return;
    series_use(table, id);
    series_settle(table, id);
}

enum tm_err series_restore(struct series_table *table, struct str labels, struct str service, series_id *out)
{
    uint32_t hash = series_hash_labels(table, labels);
    series_id id = find_id(table, labels, hash);
    enum tm_err err = id ? TM_OK : make_series(table, labels, hash, service, &id);
    if (err)
        return err;
    settle_at_once(table, id);
    *out = id;
    return TM_OK;
}

void series_expect_labels(const struct series_table *table, struct str labels)
{
    id_table_expect(&table->by_labels, series_hash_labels(table, labels));
}

bool series_reserve(struct series_table *table, size_t count)
{
    return id_table_reserve(&table->by_labels, count);
}

enum tm_err series_restore_at(struct series_table *table, struct str labels, struct str service, series_id id)
{
    uint32_t hash = series_hash_labels(table, labels);
    if (id == 0 || id >= (uint32_t)SERIES_CHUNK * SERIES_CHUNKS || table->free_count > 0 ||
        series_state(table, id) != SERIES_FREE || find_id(table, labels, hash) != 0)
        return TM_CORRUPT;
    while (table->count <= id) { /* a number below that nobody restores belonged to a batch that failed */
        if (!series_make_room(table, table->count))
            return TM_NOMEM;
        table->count++;
    }
    enum tm_err err = make_series(table, labels, hash, service, &id);
    if (err)
        return err;
    settle_at_once(table, id);
    return TM_OK;
}

static bool is_known(const void *arg, uint32_t id)
{
    return ((const struct series_table *)arg)->states[id] != SERIES_FREE;
}

void series_sweep(struct series_table *table)
{
    if (table->idle < IDLE_MIN || table->idle < table->live / 4)
        return;
    for (series_id id = 1; id < table->count; id++) {
        if (table->states[id] != SERIES_IDLE)
            continue;
        struct series_entry *entry = series_entry_at(table, id);
        services_at(&table->services, entry->service)->references--;
        label_sets_give(&table->label_sets, entry->labels);
        *entry = (struct series_entry){0};
        table->states[id] = SERIES_FREE;
        table->free_list[table->free_count++] = id;
    }
    table->idle = 0;
    /* Without memory for new tables the old ones would speak of freed series: empty them in place, each
     * series is then found by its labels, or made, anew. */
    if (!series_rebuild_raw(table, table->raw_capacity)) {
        memset(table->raw, 0, table->raw_capacity * sizeof *table->raw);
        table->raw_used = 0;
    }
    id_table_sweep(&table->by_labels, is_known, table);
    services_sweep(&table->services);
    label_sets_sweep(&table->label_sets);
}

/* ---- reading ---- */

series_id series_last(const struct series_table *table)
{
    return table->count - 1;
}

void series_labels(const struct series_table *table, series_id id, struct bytes *out)
{
    label_sets_read(&table->label_sets, series_entry_at(table, id)->labels, out);
}

struct str series_owner(const struct series_table *table, series_id id)
{
    const struct service *service = services_at(&table->services, series_entry_at(table, id)->service);
    return (struct str){service->name, service->len};
}

void series_note(struct series_table *table, series_id id, time_ms_t time)
{
    struct series_entry *entry = series_entry_at(table, id);
    struct service *service = services_at(&table->services, entry->service);
    atomic_store_explicit(&entry->noted, atomic_load_explicit(&table->turn, memory_order_relaxed),
                          memory_order_relaxed);
    if (!service->has_news || time < service->oldest_ms)
        service->oldest_ms = time;
    if (!service->has_news || time > service->newest_ms)
        service->newest_ms = time;
    service->has_news = true;
}

void series_news(struct series_table *table, store_news_fn *each, void *arg)
{
    atomic_fetch_add(&table->turn, 1);
    for (uint32_t slot = 0; slot < table->services.count; slot++) {
        struct service *service = services_at(&table->services, slot);
        if (!service->has_news || !service->name)
            continue;
        service->has_news = false;
        each(arg, (struct str){service->name, service->len}, service->oldest_ms, service->newest_ms);
    }
}

uint32_t series_turn(const struct series_table *table)
{
    return atomic_load(&table->turn);
}

uint32_t series_noted(const struct series_table *table, series_id id)
{
    return atomic_load_explicit(&series_entry_at(table, id)->noted, memory_order_relaxed);
}

size_t series_durable_count(const struct series_table *table)
{
    return table->order_count;
}

series_id series_durable_at(const struct series_table *table, size_t n)
{
    return table->order[n / SERIES_CHUNK][n % SERIES_CHUNK];
}

uint64_t series_live_count(const struct series_table *table)
{
    return table->live;
}

uint64_t series_refused_count(const struct series_table *table)
{
    return table->refused;
}

struct str series_top_service(struct series_table *table, uint64_t *count)
{
    *count = 0;
    if (table->live == 0)
        return (struct str){NULL, 0};
    for (uint32_t slot = 0; table->top_is_stale && slot < table->services.count; slot++) {
        if (services_at(&table->services, slot)->live >
            services_at(&table->services, table->top_service)->live)
            table->top_service = slot;
    }
    table->top_is_stale = false;
    const struct service *service = services_at(&table->services, table->top_service);
    *count = service->live;
    return (struct str){service->name, service->len};
}
