/* Which series there are: new ones become known, those that left are forgotten. */
#include <stdlib.h>
#include <string.h>

#include "server/detect/detect_private.h"

/* Memory that others need; looked at once for so many series. */
enum { SPARE_BYTES = 48 << 20, SPARE_EVERY = 512 };

/* Scoring stops to grow while there is still memory for others, who would fail without it. */
static bool has_memory(void)
{
    void *probe = malloc(SPARE_BYTES);
    free(probe);
    return probe != NULL;
}

/* Series numbers; the holder owns the memory. */
struct numbers {
    uint8_t *bits;
    size_t bytes;
};

struct discovery {
    struct detect_engine *engine;
    size_t added;
    struct numbers live;
    struct numbers heard; /* of the first look: said something within the last day of their service */
    bool has_heard;
    struct bytes labels;
    enum tm_err err;
};

static bool is_stopped(const struct detect_engine *engine)
{
    return engine->options.stop && engine->options.stop(engine->options.stop_arg);
}

/* ---- sets of numbers ---- */

static bool has_number(const uint8_t *bits, size_t bytes, uint32_t series)
{
    return series / 8 < bytes && (bits[series / 8] >> (series % 8) & 1);
}

/* Room for a number. False without memory. */
static bool make_bits(uint8_t **bits, size_t *bytes, uint32_t series)
{
    size_t need = series / 8 + 1;
    if (!*bits || need > *bytes) {
        size_t wanted = need + need / 2 + 64;
        uint8_t *grown = realloc(*bits, wanted);
        if (!grown)
            return false;
        memset(grown + *bytes, 0, wanted - *bytes);
        *bits = grown;
        *bytes = wanted;
    }
    return true;
}

/* False without memory. */
static bool add_number(uint8_t **bits, size_t *bytes, uint32_t series)
{
    if (!make_bits(bits, bytes, series))
        return false;
    (*bits)[series / 8] |= (uint8_t)(1U << (series % 8));
    return true;
}

/* ---- who was silent at the first look ---- */

/* A series and its service's place. */
struct owned {
    uint32_t service;
    uint32_t series;
};

struct owners {
    struct detect_engine *engine;
    struct owned *at;
    size_t count, capacity;
    bool is_full; /* without memory */
};

/* What it scored before is known, so that nothing of a silent series is still to be learned. */
static bool is_known(const struct detect_engine *engine, const struct detect_service *service)
{
    return service->closed != DETECT_NEVER && (!engine->options.incidents || service->fed != DETECT_NEVER);
}

static bool note_owner(void *arg, uint32_t series)
{
    struct owners *owners = arg;
    struct detect_engine *engine = owners->engine;
    struct detect_service *service = detect_service_of(engine, reader_owner(engine->reader, series));
    owners->is_full = !service || !detect_make_room((void **)&owners->at, owners->count, &owners->capacity,
                                                    sizeof *owners->at);
    if (owners->is_full)
        return false;
    if (is_known(engine, service))
        owners->at[owners->count++] = (struct owned){service->place, series};
    return !is_stopped(engine);
}

static int compare_owned(const void *a, const void *b)
{
    const struct owned *x = a, *y = b;
    if (x->service != y->service)
        return (x->service > y->service) - (x->service < y->service);
    return (x->series > y->series) - (x->series < y->series);
}

/* Those of one service that said something in the day before it was closed last, or later. */
static enum tm_err hear_service(struct discovery *discovery, const struct owned *owned, size_t count,
                                uint32_t *ids)
{
    struct detect_engine *engine = discovery->engine;
    const struct detect_service *service = engine->services[owned->service];
    const struct span span = {(service->base - DETECT_ZERO_MINUTES) * engine->options.step_ms, INT64_MAX};
    struct index_ids heard = {ids, count};
    struct tm_why why;
    for (size_t i = 0; i < count; i++)
        ids[i] = owned[i].series;
    enum tm_err err = reader_keep_in_span(engine->reader, span, &heard, &why);
    for (size_t i = 0; i < heard.count && !err; i++)
        err = add_number(&discovery->heard.bits, &discovery->heard.bytes, heard.ids[i]) ? TM_OK : TM_NOMEM;
    return err;
}

/* On any failure all count as heard, and are read one by one. */
static void hear(struct discovery *discovery)
{
    struct owners owners = {.engine = discovery->engine};
    struct reader_roll roll = {0};
    bool ok = reader_series_new(discovery->engine->reader, &roll, note_owner, &owners);
    uint32_t *ids = malloc((owners.count + 1) * sizeof *ids);
    ok = ok && ids;
    if (ok && owners.count > 1)
        qsort(owners.at, owners.count, sizeof *owners.at, compare_owned);
    for (size_t from = 0, to; from < owners.count && ok; from = to) {
        for (to = from; to < owners.count && owners.at[to].service == owners.at[from].service;)
            to++;
        ok = !is_stopped(discovery->engine) &&
             hear_service(discovery, owners.at + from, to - from, ids) == TM_OK;
    }
    discovery->has_heard = ok;
    free(owners.at);
    free(ids);
}

static bool was_silent(struct discovery *discovery, const struct detect_service *service, uint32_t series,
                       const struct labels *labels)
{
    struct detect_engine *engine = discovery->engine;
    return discovery->has_heard && is_known(engine, service) &&
           !has_number(discovery->heard.bits, discovery->heard.bytes, series) &&
           !detect_is_derived_from(labels_get(labels, STR(LABEL_NAME))) && detect_is_wanted(engine, labels) &&
           !detect_was_kept_of(engine, labels);
}

/* ---- all of them ---- */

/* False without memory. */
static bool add_series(struct discovery *discovery, uint32_t series)
{
    struct detect_engine *engine = discovery->engine;
    struct labels labels = {.count = 0};
    bytes_clear(&discovery->labels);
    reader_labels(engine->reader, series, &discovery->labels);
    if (bytes_error(&discovery->labels))
        return false;
    if (labels_decode(bytes_view(&discovery->labels), &labels) != TM_OK ||
        detect_is_own(labels_get(&labels, STR(LABEL_NAME))))
        return true;
    struct detect_service *service = detect_service_of(engine, reader_owner(engine->reader, series));
    if (!service)
        return false;
    return was_silent(discovery, service, series, &labels)
               ? detect_sleep_new(engine, service, series)
               : detect_add_source(engine, service, series, &labels);
}

static bool look_at(void *arg, uint32_t series)
{
    struct discovery *discovery = arg;
    struct detect_engine *engine = discovery->engine;
    bool is_known_series = has_number(engine->known, engine->known_bytes, series);
    bool ok = !engine->roll.is_whole || add_number(&discovery->live.bits, &discovery->live.bytes, series);
    if (ok && !is_known_series)
        ok = (discovery->added++ % SPARE_EVERY != 0 || has_memory()) &&
             make_bits(&engine->known, &engine->known_bytes, series) && add_series(discovery, series) &&
             add_number(&engine->known, &engine->known_bytes, series);
    discovery->err = ok ? TM_OK : TM_NOMEM;
    return ok && !is_stopped(engine);
}

/* ---- those that left ---- */

static void forget_sources(struct detect_engine *engine, struct detect_service *service,
                           const struct numbers *live)
{
    size_t kept = 0;
    for (size_t i = 0; i < service->source_count; i++) {
        struct detect_source *source = &service->sources[i];
        if (has_number(live->bits, live->bytes, source->series)) {
            service->sources[kept++] = *source;
            continue;
        }
        for (uint32_t t = 0; t < source->target_count; t++)
            detect_free_target(engine, service, source->targets[t]);
    }
    service->source_count = kept;
}

/* Series that left take their own targets with them; places close up. */
static void forget_dead(struct detect_engine *engine, const struct numbers *live)
{
    for (size_t i = 0; i < engine->service_count; i++) {
        struct detect_service *service = engine->services[i];
        size_t kept = 0;
        forget_sources(engine, service, live);
        for (size_t k = 0; k < service->asleep_count; k++) {
            if (has_number(live->bits, live->bytes, service->asleep[k].series))
                service->asleep[kept++] = service->asleep[k];
        }
        service->asleep_count = kept;
        detect_compact(service);
    }
}

enum tm_err detect_discover(struct detect_engine *engine)
{
    struct discovery discovery = {.engine = engine};
    if (!engine->has_looked)
        hear(&discovery);
    bool went_through = reader_series_new(engine->reader, &engine->roll, look_at, &discovery);
    if (went_through && engine->roll.is_whole)
        forget_dead(engine, &discovery.live);
    free(discovery.live.bits);
    free(discovery.heard.bits);
    bytes_fini(&discovery.labels);
    return discovery.err;
}
