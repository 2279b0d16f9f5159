/* Services, their series, and what is derived of them. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "server/detect/detect_private.h"

enum {
    GROW_FIRST = 8,
    ENVS_MAX = 1000,
    DERIVED_MAX = 20000,
    SPARE_BYTES = 48 << 20, /* and looked at once for so many series: */
    SPARE_EVERY = 512
};

/* ---- services ---- */

/* Room for one more of size bytes; false without memory. */
static bool make_room(void **array, size_t count, size_t *capacity, size_t size)
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

static struct detect_service *find_service(const struct detect_engine *engine, struct str name)
{
    for (size_t i = 0; i < engine->service_count; i++) {
        if (str_equal(str_of(engine->services[i]->name), name))
            return engine->services[i];
    }
    return NULL;
}

struct detect_service *detect_service_of(struct detect_engine *engine, struct str name)
{
    struct detect_service *service = find_service(engine, name);
    if (service)
        return service;
    if (!make_room((void **)&engine->services, engine->service_count, &engine->service_capacity,
                   sizeof(struct detect_service *)))
        return NULL;
    service = calloc(1, sizeof *service);
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
    engine->services[engine->service_count++] = service;
    return service;
}

void detect_drop_target(struct detect_engine *engine, struct detect_target *target)
{
    if (target->state)
        engine->memory_used -= DETECT_STATE_BYTES;
    detect_tip_drop(engine, target);
    free(target->state);
    free(target->told);
    free(target->labels);
    *target = (struct detect_target){.is_used = false};
}

void detect_service_free(struct detect_engine *engine, struct detect_service *service)
{
    if (!service)
        return;
    for (size_t i = 0; i < service->target_count; i++)
        detect_drop_target(engine, &service->targets[i]);
    for (size_t i = 0; i < service->env_count; i++)
        free((void *)(uintptr_t)service->envs[i].ptr);
    detect_snapshots_free(service);
    free(service->envs);
    free(service->targets);
    free(service->sources);
    free(service->derived);
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
    if (!make_room((void **)&service->envs, service->env_count, &service->env_capacity,
                   sizeof *service->envs))
        return false;
    char *copy = strndup(env.ptr ? env.ptr : "", env.len);
    if (!copy)
        return false;
    *out = (uint16_t)service->env_count;
    service->envs[service->env_count++] = (struct str){copy, env.len};
    return true;
}

static size_t find_free_target(const struct detect_service *service)
{
    for (size_t i = service->target_count; i > 0 && i + 64 > service->target_count; i--) {
        if (!service->targets[i - 1].is_used)
            return i - 1;
    }
    return service->target_count;
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

/* A new target that begins at a minute, of the labels in engine->scratch; of a series' own they are not kept
 * before it has a state. False without memory. */
static bool add_target(struct detect_engine *engine, struct detect_service *service, enum detect_form form,
                       uint32_t series, struct str env_name, int64_t at, uint32_t *out)
{
    uint16_t env;
    char *copy = NULL;
    if (!find_env(service, env_name, &env))
        return false;
    size_t place = find_free_target(service);
    if (place == service->target_count && !make_room((void **)&service->targets, service->target_count,
                                                     &service->target_capacity, sizeof *service->targets))
        return false;
    if (series == 0 && !(copy = malloc(engine->scratch.len)))
        return false;
    if (copy)
        memcpy(copy, engine->scratch.data, engine->scratch.len);
    service->targets[place] =
        (struct detect_target){.labels = copy,
                               .labels_len = copy ? (uint32_t)engine->scratch.len : 0,
                               .series = series,
                               .form = (uint8_t)form,
                               .is_used = true,
                               .env = env,
                               .at = at,
                               .first = at,
                               .hash = XXH3_64bits_withSeed(engine->scratch.data, engine->scratch.len, form)};
    service->target_count += place == service->target_count;
    *out = (uint32_t)place;
    detect_claim(engine, service, &service->targets[place]);
    return true;
}

/* ---- derived ---- */

struct derived {
    struct str metric;
    struct str env, service, page_group, type;
    char class[4]; /* "5xx", or empty */
    enum detect_form form;
    uint32_t part, whole;
};

static bool derived_labels(const struct derived *derived, struct labels *out)
{
    struct str twice;
    *out = (struct labels){.count = 0};
    bool ok = labels_add(out, STR(LABEL_NAME), derived->metric) == TM_OK &&
              labels_add(out, STR("class"), str_of(derived->class)) == TM_OK &&
              labels_add(out, STR("env"), derived->env) == TM_OK &&
              labels_add(out, STR("page_group"), derived->page_group) == TM_OK &&
              labels_add(out, STR("service"), derived->service) == TM_OK;
    return ok && labels_sort(out, &twice) == TM_OK;
}

/* The target of something derived, made if new. False without memory, or when there are too many. */
static bool find_derived(struct detect_engine *engine, struct detect_service *service,
                         const struct derived *derived, int64_t first, uint32_t *out)
{
    struct labels labels;
    if (!derived_labels(derived, &labels))
        return false;
    bytes_clear(&engine->scratch);
    labels_encode(&labels, &engine->scratch);
    if (bytes_error(&engine->scratch))
        return false;
    uint64_t hash = XXH3_64bits_withSeed(engine->scratch.data, engine->scratch.len, derived->form);
    for (size_t i = 0; i < service->derived_count; i++) {
        struct detect_target *target = &service->targets[service->derived[i]];
        if (target->hash != hash || !str_equal(detect_labels(target), bytes_view(&engine->scratch)))
            continue;
        if (!target->state && target->samples == 0 && first < target->at)
            target->at = first;
        target->first = first < target->first ? first : target->first;
        *out = service->derived[i];
        return true;
    }
    if (service->derived_count >= DERIVED_MAX ||
        !make_room((void **)&service->derived, service->derived_count, &service->derived_capacity,
                   sizeof *service->derived) ||
        !add_target(engine, service, derived->form, 0, derived->env, first, out))
        return false;
    service->targets[*out].part = derived->part;
    service->targets[*out].whole = derived->whole;
    service->targets[*out].is_excluded = detect_is_excluded(engine, &labels);
    service->derived[service->derived_count++] = *out;
    return true;
}

/* Requests, of a class, and errors per request, of a service or of a group of its pages. */
static bool derive_requests(struct detect_engine *engine, struct detect_service *service,
                            struct detect_source *source, struct derived base, struct str status,
                            int64_t first)
{
    uint32_t whole, part, ratio;
    char of_source = status.len > 0 ? status.ptr[0] : '0';
    base.metric = STR("http_events_total");
    base.form = FORM_SUM;
    if (!find_derived(engine, service, &base, first, &whole))
        return false;
    source->sums[source->sum_count++] = whole;
    for (int digit = '1'; digit <= '5'; digit++) {
        char class = (char)digit;
        bool is_error = class >= '4';
        struct derived of_class = base;
        if (class != of_source && !is_error)
            continue;
        of_class.form = FORM_PART;
        of_class.whole = whole;
        memcpy(of_class.class, (char[]){class, 'x', 'x', 0}, 4);
        if (!find_derived(engine, service, &of_class, first, &part))
            return false;
        if (class == of_source)
            source->sums[source->sum_count++] = part;
        of_class.metric = STR("http_error_ratio");
        of_class.form = FORM_RATIO;
        of_class.part = part;
        if (is_error && !find_derived(engine, service, &of_class, first, &ratio))
            return false;
    }
    return true;
}

static bool derive(struct detect_engine *engine, struct detect_service *service, struct detect_source *source,
                   const struct labels *labels, int64_t first)
{
    struct str metric = labels_get(labels, STR(LABEL_NAME));
    struct str page_group = labels_get(labels, STR("page_group"));
    struct derived base = {.service = str_of(service->name), .env = labels_get(labels, STR("env"))};
    bool ok = true;
    if (str_equal(metric, STR("exception_events_total"))) {
        base.metric = metric;
        base.form = FORM_SUM;
        ok = find_derived(engine, service, &base, first, &source->sums[0]);
        source->sum_count = ok;
    } else if (str_equal(metric, STR("http_events_total"))) {
        struct str status = labels_get(labels, STR("status"));
        ok = derive_requests(engine, service, source, base, status, first);
        base.page_group = page_group;
        if (ok && page_group.len > 0)
            ok = derive_requests(engine, service, source, base, status, first);
    }
    return ok;
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
        if (!add_target(engine, service, form, source->series, labels_get(labels, STR("env")), first,
                        &source->targets[i]))
            return false;
        source->target_count++;
    }
    return true;
}

/* Scoring stops to grow while there is still memory for others, who would fail without it. */
static bool has_memory(void)
{
    void *probe = malloc(SPARE_BYTES);
    free(probe);
    return probe != NULL;
}

struct discovery {
    struct detect_engine *engine;
    size_t added;
    uint8_t *live; /* a bit a series number */
    enum tm_err err;
};

static bool knows(const struct detect_engine *engine, uint32_t series)
{
    return series / 8 < engine->known_bytes && (engine->known[series / 8] >> (series % 8) & 1);
}

/* Room for a series' number in both sets. */
static bool make_bits(struct discovery *discovery, uint32_t series)
{
    struct detect_engine *engine = discovery->engine;
    size_t need = series / 8 + 1;
    if (need <= engine->known_bytes)
        return true;
    size_t wanted = need + need / 2 + 64;
    uint8_t *known = realloc(engine->known, wanted);
    if (known)
        engine->known = known;
    uint8_t *live = realloc(discovery->live, wanted);
    if (live)
        discovery->live = live;
    if (!known || !live)
        return false;
    memset(known + engine->known_bytes, 0, wanted - engine->known_bytes);
    memset(live + engine->known_bytes, 0, wanted - engine->known_bytes);
    engine->known_bytes = wanted;
    return true;
}

/* The first minute in which there may be something of a series. False without memory. */
static bool find_first(struct detect_engine *engine, const struct detect_service *service, uint32_t series,
                       enum detect_kind kind, int64_t *out)
{
    int64_t newest = service->newest != DETECT_NEVER ? service->newest : engine->wall;
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

static bool add_source(struct detect_engine *engine, uint32_t series, const struct labels *labels)
{
    struct detect_service *service = detect_service_of(engine, reader_owner(engine->reader, series));
    enum detect_kind kind = detect_kind_of(labels_get(labels, STR(LABEL_NAME)));
    int64_t first;
    if (!service ||
        !make_room((void **)&service->sources, service->source_count, &service->source_capacity,
                   sizeof *service->sources) ||
        !find_first(engine, service, series, kind, &first))
        return false;
    struct detect_source *source = &service->sources[service->source_count];
    *source = (struct detect_source){.series = series,
                                     .kind = kind,
                                     .seen = {.seen = DETECT_NEVER, .seen_at = DETECT_NEVER},
                                     .metric = detect_metric_hash(labels_get(labels, STR(LABEL_NAME)))};
    if (!derive(engine, service, source, labels, first))
        return false;
    if (detect_is_wanted(engine, labels) && !add_own_targets(engine, service, source, labels, first))
        return false;
    service->source_count++;
    service->is_ready = false;
    return true;
}

static bool look_at(void *arg, uint32_t series, struct str encoded)
{
    struct discovery *discovery = arg;
    struct detect_engine *engine = discovery->engine;
    struct labels labels = {.count = 0};
    if (!make_bits(discovery, series)) {
        discovery->err = TM_NOMEM;
        return false;
    }
    discovery->live[series / 8] |= (uint8_t)(1U << (series % 8));
    if (knows(engine, series))
        return true;
    if (discovery->added++ % SPARE_EVERY == 0 && !has_memory()) {
        discovery->err = TM_NOMEM;
        return false;
    }
    if (labels_decode(encoded, &labels) == TM_OK && !detect_is_own(labels_get(&labels, STR(LABEL_NAME))) &&
        !add_source(engine, series, &labels)) {
        discovery->err = TM_NOMEM;
        return false;
    }
    engine->known[series / 8] |= (uint8_t)(1U << (series % 8));
    return !engine->options.stop || !engine->options.stop(engine->options.stop_arg);
}

/* Series that left take their own targets with them; places close up. */
static void forget_dead(struct detect_engine *engine, const uint8_t *live)
{
    for (size_t i = 0; i < engine->service_count; i++) {
        struct detect_service *service = engine->services[i];
        size_t kept = 0;
        for (size_t k = 0; k < service->source_count; k++) {
            struct detect_source *source = &service->sources[k];
            if (live[source->series / 8] >> (source->series % 8) & 1) {
                service->sources[kept++] = *source;
                continue;
            }
            for (uint32_t t = 0; t < source->target_count; t++)
                detect_drop_target(engine, &service->targets[source->targets[t]]);
        }
        service->source_count = kept;
    }
}

enum tm_err detect_discover(struct detect_engine *engine)
{
    struct discovery discovery = {.engine = engine, .live = calloc(1, engine->known_bytes + 1)};
    if (!discovery.live)
        return TM_NOMEM;
    enum tm_err err = reader_series(engine->reader, look_at, &discovery);
    err = discovery.err ? discovery.err : err;
    bool stopped = engine->options.stop && engine->options.stop(engine->options.stop_arg);
    if (!err && !stopped)
        forget_dead(engine, discovery.live);
    free(discovery.live);
    return err;
}
