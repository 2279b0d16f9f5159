/* Which series are scored, by scoring.include and scoring.exclude, which a running daemon may change. */
#include <stdlib.h>

#include "server/detect/detect_private.h"

static bool takes(const struct selector *selectors, size_t count, const struct labels *labels)
{
    for (size_t i = 0; i < count; i++) {
        bool all = true;
        for (size_t k = 0; k < selectors[i].count && all; k++) {
            bool one = false;
            all = matcher_takes_labels(selectors[i].matchers[k], labels, &one) == TM_OK && one;
        }
        if (all)
            return true;
    }
    return false;
}

bool detect_is_excluded(const struct detect_engine *engine, const struct labels *labels)
{
    return takes(engine->options.exclude, engine->options.exclude_count, labels);
}

bool detect_is_wanted(const struct detect_engine *engine, const struct labels *labels)
{
    const struct detect_options *o = &engine->options;
    return (o->include_count == 0 || takes(o->include, o->include_count, labels)) &&
           !detect_is_excluded(engine, labels);
}

/* ---- after a change ---- */

/* A series' own targets come and go with whether it is wanted. False without memory. */
static bool choose_own(struct detect_engine *engine, struct detect_service *service,
                       struct detect_source *source, struct bytes *encoded)
{
    struct labels labels = {.count = 0};
    bytes_clear(encoded);
    reader_labels(engine->reader, source->series, encoded);
    if (bytes_error(encoded))
        return false;
    if (labels_decode(bytes_view(encoded), &labels) != TM_OK)
        return true; /* it left */
    bool is_wanted = detect_is_wanted(engine, &labels);
    if (is_wanted && source->target_count == 0) {
        service->is_ready = false;
        return detect_add_own(engine, service, source, &labels);
    }
    for (; !is_wanted && source->target_count > 0; source->target_count--)
        detect_free_target(engine, service, source->targets[source->target_count - 1]);
    return true;
}

/* What is derived is summed up all the same: it is scored or not. */
static void choose_derived(struct detect_engine *engine, struct detect_service *service,
                           struct detect_target *target)
{
    struct labels labels = {.count = 0};
    if (labels_decode(detect_labels(target), &labels) != TM_OK)
        return;
    bool is_excluded = detect_is_excluded(engine, &labels);
    if (is_excluded == target->is_excluded)
        return;
    target->is_excluded = is_excluded;
    if (target->state)
        detect_drop_state(engine, target);
    target->samples = 0;
    target->is_dropped = target->is_left_out = false;
    target->at = target->first; /* from there on it is learned */
    service->is_ready = service->is_ready && is_excluded;
}

bool detect_choose_again(struct detect_engine *engine)
{
    struct bytes encoded = {0};
    bool ok = true;
    for (size_t i = 0; i < engine->service_count; i++) {
        struct detect_service *service = engine->services[i];
        for (size_t k = 0; k < service->source_count && ok; k++)
            ok = choose_own(engine, service, &service->sources[k], &encoded);
        for (size_t k = 0; k < service->derived_count; k++)
            choose_derived(engine, service, &service->targets[service->derived[k]]);
    }
    bytes_fini(&encoded);
    return ok;
}

void detect_engine_choose(struct detect_engine *engine, const struct detect_choice *choice)
{
    engine->options.include = choice->include;
    engine->options.include_count = choice->include_count;
    engine->options.exclude = choice->exclude;
    engine->options.exclude_count = choice->exclude_count;
    engine->must_choose = engine->must_look = true;
}
