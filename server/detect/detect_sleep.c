/* Series that say nothing are not read: most of those that a store knows have long gone. Whether something of
 * them came since is asked of the store, which counts its news in turns. */
#include <stdlib.h>
#include <string.h>

#include "server/detect/detect_private.h"

/* Reads without a find, in minutes, before it is asked whether there is anything ahead; those behind which
 * what has no state sleeps. */
enum { QUIET_MINUTES = 10, SLEEP_MINUTES = 60 };

_Static_assert(DETECT_STATE_FROM <= UINT8_MAX, "samples of those asleep are a byte");

/* ---- quiet ---- */

/* Counts are nought for a day behind the last ones, so these minutes are not without anything. */
static int64_t behind_of(const struct detect_source *source)
{
    return source->kind == DETECT_COUNTS ? DETECT_ZERO_MINUTES : 0;
}

static void forget_quiet(struct detect_source *source)
{
    source->silent = source->next = DETECT_NEVER;
}

/* Is what is known of its silence still true? */
static bool is_still_quiet(const struct detect_engine *engine, struct detect_source *source)
{
    if (source->next != DETECT_NEVER && reader_has_news(engine->reader, source->series, source->turn))
        forget_quiet(source);
    return source->next != DETECT_NEVER;
}

bool detect_is_quiet(const struct detect_engine *engine, struct detect_source *source,
                     const struct detect_window *window)
{
    return source->next != DETECT_NEVER && window->to <= source->next &&
           window->from - behind_of(source) >= source->silent && is_still_quiet(engine, source);
}

void detect_note_read(struct detect_engine *engine, struct detect_source *source,
                      const struct detect_window *window, int64_t last)
{
    int64_t next;
    if (source->next != DETECT_NEVER && window->to <= source->silent)
        return; /* before its silence */
    if (last != DETECT_NEVER || source->silent == DETECT_NEVER || window->from < source->silent) {
        source->silent = last != DETECT_NEVER ? DETECT_NEVER : window->from;
        source->next = DETECT_NEVER;
        return;
    }
    if (window->from - source->silent < behind_of(source) + QUIET_MINUTES ||
        detect_values_first(engine->reader, source->series, source->kind, source->silent,
                            engine->options.step_ms, &next) != TM_OK)
        return;
    next = next == DETECT_NEVER ? INT64_MAX : next;
    if (next < window->to) {
        source->silent = next + 1; /* it was not read through: asked again when that is as long ago */
        return;
    }
    source->next = next;
    source->turn = engine->news_turn;
}

int64_t detect_next_of(const struct detect_engine *engine, struct detect_source *source, int64_t from)
{
    int64_t first;
    if (is_still_quiet(engine, source) && from >= source->silent && from <= source->next)
        return source->next;
    bool ok = detect_values_first(engine->reader, source->series, source->kind, from, engine->options.step_ms,
                                  &first) == TM_OK;
    return ok && first != DETECT_NEVER ? first : INT64_MAX;
}

/* ---- asleep ---- */

static struct detect_asleep *add_asleep(struct detect_service *service)
{
    bool ok = detect_make_room((void **)&service->asleep, service->asleep_count, &service->asleep_capacity,
                               sizeof *service->asleep);
    return ok ? &service->asleep[service->asleep_count++] : NULL;
}

bool detect_sleep_new(struct detect_engine *engine, struct detect_service *service, uint32_t series)
{
    struct detect_asleep *asleep = add_asleep(service);
    if (asleep)
        *asleep =
            (struct detect_asleep){.series = series, .turn = engine->news_turn, .is_dropped = {true, true}};
    return asleep != NULL;
}

/* Nothing is lost by it: it has no state, goes into no sum, and nothing lies ahead. */
static bool may_sleep(const struct detect_service *service, const struct detect_source *source)
{
    bool may = source->target_count > 0 && source->sum_count == 0 && source->next == INT64_MAX &&
               source->silent + behind_of(source) + SLEEP_MINUTES <= service->base;
    for (uint32_t t = 0; t < source->target_count && may; t++) {
        const struct detect_target *target = &service->targets[source->targets[t]];
        may = !target->state && target->at >= service->base;
    }
    return may;
}

static bool fall_asleep(struct detect_engine *engine, struct detect_service *service,
                        const struct detect_source *source)
{
    struct detect_asleep *asleep = add_asleep(service);
    if (!asleep)
        return false;
    *asleep = (struct detect_asleep){.series = source->series, .turn = source->turn};
    for (uint32_t t = 0; t < source->target_count; t++) {
        const struct detect_target *target = &service->targets[source->targets[t]];
        asleep->samples[t] = (uint8_t)(target->samples < UINT8_MAX ? target->samples : UINT8_MAX);
        asleep->is_dropped[t] = target->is_dropped;
        detect_free_target(engine, service, source->targets[t]);
    }
    return true;
}

void detect_sleep(struct detect_engine *engine, struct detect_service *service)
{
    size_t kept = 0;
    for (size_t i = 0; i < service->source_count; i++) {
        const struct detect_source *source = &service->sources[i];
        if (!may_sleep(service, source) || !fall_asleep(engine, service, source))
            service->sources[kept++] = *source;
    }
    service->source_count = kept;
    detect_compact(service);
}

/* ---- awake ---- */

/* It goes on where it was: what it said meanwhile, nothing, counts for nothing. */
static bool wake_one(struct detect_engine *engine, struct detect_service *service,
                     const struct detect_asleep *asleep, const struct labels *labels)
{
    bool was_ready = service->is_ready;
    if (!detect_add_source(engine, service, asleep->series, labels))
        return false;
    const struct detect_source *source = &service->sources[service->source_count - 1];
    for (uint32_t t = 0; t < source->target_count; t++) {
        struct detect_target *target = &service->targets[source->targets[t]];
        target->at = target->at > service->base ? target->at : service->base;
        target->samples = asleep->samples[t];
        target->is_dropped = asleep->is_dropped[t];
    }
    service->is_ready = was_ready;
    return true;
}

/* False: without memory; it sleeps on. */
static bool wake(struct detect_engine *engine, struct detect_service *service,
                 const struct detect_asleep *asleep)
{
    struct labels labels = {.count = 0};
    bytes_clear(&engine->body);
    reader_labels(engine->reader, asleep->series, &engine->body);
    if (bytes_error(&engine->body))
        return false;
    return labels_decode(bytes_view(&engine->body), &labels) != TM_OK || /* it left */
           wake_one(engine, service, asleep, &labels);
}

void detect_wake(struct detect_engine *engine, struct detect_service *service)
{
    size_t kept = 0;
    bool ok = true;
    if (service->woke_turn == engine->news_turn)
        return;
    for (size_t i = 0; i < service->asleep_count; i++) {
        const struct detect_asleep *asleep = &service->asleep[i];
        bool is_woken =
            reader_has_news(engine->reader, asleep->series, asleep->turn) && wake(engine, service, asleep);
        ok = ok && (is_woken || !reader_has_news(engine->reader, asleep->series, asleep->turn));
        if (!is_woken)
            service->asleep[kept++] = *asleep;
    }
    service->asleep_count = kept;
    if (ok)
        service->woke_turn = engine->news_turn;
}
