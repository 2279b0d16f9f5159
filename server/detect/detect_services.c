/* Services, their series, and what is derived of them. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "server/detect/detect_private.h"

enum { GROW_FIRST = 8, SLOTS_FIRST = 64, ENVS_MAX = 1000, DERIVED_MAX = 20000 };

/* ---- services ---- */

bool detect_make_room(void **array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    size_t wanted = *capacity ? *capacity * 2 : GROW_FIRST;
    void *grown = realloc(*array, wanted * size);
    if (!grown)
        return false;
    *array = grown;
    *capacity = wanted;
    return true;
}

/* The slot of a name: its own, or the empty one where it would be. */
static size_t find_slot(const struct detect_engine *engine, struct str name)
{
    size_t mask = engine->service_slots - 1;
    size_t slot = XXH3_64bits(name.ptr, name.len) & mask;
    for (; engine->service_places[slot] != 0; slot = (slot + 1) & mask) {
        if (str_equal(str_of(engine->services[engine->service_places[slot] - 1]->name), name))
            break;
    }
    return slot;
}

/* Slots for one more, half of them free at least. */
static bool make_slots(struct detect_engine *engine)
{
    if ((engine->service_count + 1) * 2 <= engine->service_slots)
        return true;
    size_t wanted = engine->service_slots ? engine->service_slots * 2 : SLOTS_FIRST;
    uint32_t *places = calloc(wanted, sizeof *places);
    if (!places)
        return false;
    free(engine->service_places);
    engine->service_places = places;
    engine->service_slots = wanted;
    for (size_t i = 0; i < engine->service_count; i++)
        places[find_slot(engine, str_of(engine->services[i]->name))] = (uint32_t)i + 1;
    return true;
}

struct detect_service *detect_service_of(struct detect_engine *engine, struct str name)
{
    if (!make_slots(engine))
        return NULL;
    size_t slot = find_slot(engine, name);
    if (engine->service_places[slot] != 0)
        return engine->services[engine->service_places[slot] - 1];
    if (!detect_make_room((void **)&engine->services, engine->service_count, &engine->service_capacity,
                          sizeof(struct detect_service *)))
        return NULL;
    struct detect_service *service = calloc(1, sizeof *service);
    char *copy = strndup(name.ptr ? name.ptr : "", name.len);
    if (!service || !copy) {
        free(service);
        free(copy);
        return NULL;
    }
    service->name = copy;
    service->newest = service->closed = service->base = service->late_until = service->fed = DETECT_NEVER;
    service->late_from = INT64_MAX;
    service->news_at = engine->wall;
    service->place = (uint32_t)engine->service_count;
    engine->services[engine->service_count++] = service;
    engine->service_places[slot] = (uint32_t)engine->service_count;
    return service;
}

void detect_service_free(struct detect_engine *engine, struct detect_service *service)
{
    if (!service)
        return;
    for (size_t i = 0; i < service->target_count; i++)
        detect_empty_target(engine, &service->targets[i]);
    for (size_t i = 0; i < service->env_count; i++)
        free((void *)(uintptr_t)service->envs[i].ptr);
    detect_snapshots_free(service);
    free(service->envs);
    free(service->targets);
    free(service->sources);
    free(service->asleep);
    free(service->derived);
    free(service->derived_places);
    free(service->name);
    free(service);
}

/* ---- targets ---- */

/* The place of an env among the service's; the last one stands for all beyond the bound. */
static bool find_env(struct detect_service *service, struct str env, uint16_t *out)
{
    for (size_t i = 0; i < service->env_count; i++) {
        if (str_equal(service->envs[i], env) || i == ENVS_MAX - 1) {
            *out = (uint16_t)i;
            return true;
        }
    }
    if (!detect_make_room((void **)&service->envs, service->env_count, &service->env_capacity,
                          sizeof *service->envs))
        return false;
    char *copy = strndup(env.ptr ? env.ptr : "", env.len);
    if (!copy)
        return false;
    *out = (uint16_t)service->env_count;
    service->envs[service->env_count++] = (struct str){copy, env.len};
    return true;
}

/* The labels of a series' own target: its own, and which quantile of a histogram. */
static bool put_own_labels(const struct labels *series, enum detect_form form, bool is_histogram,
                           struct bytes *out)
{
    struct labels own = *series;
    struct str twice;
    bytes_clear(out);
    if (is_histogram &&
        (labels_add(&own, STR("quantile"), form == FORM_P95 ? STR("0.95") : STR("0.5")) != TM_OK ||
         labels_sort(&own, &twice) != TM_OK))
        return false;
    labels_encode(&own, out);
    return !bytes_error(out);
}

bool detect_name(struct detect_engine *engine, struct detect_target *target)
{
    struct labels labels = {.count = 0};
    struct bytes encoded = {0};
    if (target->labels)
        return true;
    reader_labels(engine->reader, target->series, &encoded);
    bool ok = !bytes_error(&encoded) && labels_decode(bytes_view(&encoded), &labels) == TM_OK;
    bool is_histogram = detect_kind_of(labels_get(&labels, STR(LABEL_NAME))) == DETECT_HISTOGRAM;
    ok = ok && put_own_labels(&labels, (enum detect_form)target->form, is_histogram, &engine->scratch);
    if (ok)
        target->labels = malloc(engine->scratch.len);
    if (target->labels) {
        memcpy(target->labels, engine->scratch.data, engine->scratch.len);
        target->labels_len = (uint32_t)engine->scratch.len;
    }
    bytes_fini(&encoded);
    return target->labels != NULL;
}

/* Of the labels in engine->scratch. */
uint64_t detect_hash(const struct detect_engine *engine, enum detect_form form)
{
    return XXH3_64bits_withSeed(engine->scratch.data, engine->scratch.len, form);
}

/* A new target that begins at a minute, of the labels in engine->scratch; of a series' own they are not kept
 * before it has a state. False without memory. */
bool detect_add_target(struct detect_engine *engine, struct detect_service *service, enum detect_form form,
                       uint32_t series, struct str env_name, int64_t at, uint32_t *out)
{
    uint16_t env;
    char *copy = NULL;
    if (!find_env(service, env_name, &env))
        return false;
    if (series == 0 && !(copy = malloc(engine->scratch.len)))
        return false;
    if (!detect_take_place(service, out)) {
        free(copy);
        return false;
    }
    if (copy)
        memcpy(copy, engine->scratch.data, engine->scratch.len);
    service->targets[*out] = (struct detect_target){.labels = copy,
                                                    .labels_len = copy ? (uint32_t)engine->scratch.len : 0,
                                                    .series = series,
                                                    .form = (uint8_t)form,
                                                    .is_used = true,
                                                    .env = env,
                                                    .at = at,
                                                    .first = at,
                                                    .hash = detect_hash(engine, form)};
    detect_claim(engine, service, &service->targets[*out]);
    return true;
}

/* ---- series ---- */

static bool add_own_targets(struct detect_engine *engine, struct detect_service *service,
                            struct detect_source *source, const struct labels *labels, int64_t first)
{
    bool is_histogram = source->kind == DETECT_HISTOGRAM;
    for (int i = 0; i < (is_histogram ? DETECT_COLUMNS : 1); i++) {
        enum detect_form form = i ? FORM_P95 : FORM_VALUE;
        if (!put_own_labels(labels, form, is_histogram, &engine->scratch))
            return !engine->scratch.failed; /* else it bears that label itself, or too many: not scored */
        if (!detect_add_target(engine, service, form, source->series, labels_get(labels, STR("env")), first,
                               &source->targets[i]))
            return false;
        source->target_count++;
    }
    return true;
}

/* About the newest time of a service; of one that was closed before this process, how far that was. */
static time_ms_t newest_of(const struct detect_engine *engine, const struct detect_service *service)
{
    if (service->newest != DETECT_NEVER)
        return service->newest;
    return service->closed != DETECT_NEVER ? service->closed * engine->options.step_ms : engine->wall;
}

/* The first minute in which there may be something of a series. False without memory. */
static bool find_first(struct detect_engine *engine, const struct detect_service *service, uint32_t series,
                       enum detect_kind kind, int64_t *out)
{
    int64_t newest = newest_of(engine, service);
    int64_t from = (newest - engine->options.history_ms) / engine->options.step_ms;
    enum tm_err err =
        detect_values_first(engine->reader, series, kind, from > 0 ? from : 0, engine->options.step_ms, out);
    if (err == TM_NOMEM)
        return false;
    if (err || *out == DETECT_NEVER)
        *out = service->base != DETECT_NEVER ? service->base : newest / engine->options.step_ms;
    *out -= engine->lag; /* what is older may still come */
    return true;
}

bool detect_add_own(struct detect_engine *engine, struct detect_service *service,
                    struct detect_source *source, const struct labels *labels)
{
    int64_t first;
    return find_first(engine, service, source->series, source->kind, &first) &&
           add_own_targets(engine, service, source, labels, first);
}

bool detect_was_kept_of(struct detect_engine *engine, const struct labels *labels)
{
    bool is_histogram = detect_kind_of(labels_get(labels, STR(LABEL_NAME))) == DETECT_HISTOGRAM;
    for (int i = 0; i < (is_histogram ? DETECT_COLUMNS : 1); i++) {
        enum detect_form form = i ? FORM_P95 : FORM_VALUE;
        if (put_own_labels(labels, form, is_histogram, &engine->scratch) &&
            detect_was_kept(engine, detect_hash(engine, form)))
            return true;
    }
    return false;
}

bool detect_add_source(struct detect_engine *engine, struct detect_service *service, uint32_t series,
                       const struct labels *labels)
{
    enum detect_kind kind = detect_kind_of(labels_get(labels, STR(LABEL_NAME)));
    int64_t first;
    if (!detect_make_room((void **)&service->sources, service->source_count, &service->source_capacity,
                          sizeof *service->sources) ||
        !find_first(engine, service, series, kind, &first))
        return false;
    struct detect_source *source = &service->sources[service->source_count];
    *source = (struct detect_source){.series = series,
                                     .kind = kind,
                                     .seen = {.seen = DETECT_NEVER, .seen_at = DETECT_NEVER},
                                     .metric = detect_metric_hash(labels_get(labels, STR(LABEL_NAME))),
                                     .silent = DETECT_NEVER,
                                     .next = DETECT_NEVER};
    bool ok = detect_derive(engine, service, source, labels, first) &&
              (!detect_is_wanted(engine, labels) || add_own_targets(engine, service, source, labels, first));
    for (uint32_t t = 0; t < source->target_count && !ok; t++)
        detect_free_target(engine, service, source->targets[t]);
    service->source_count += ok;
    service->is_ready = service->is_ready && !ok;
    return ok;
}
