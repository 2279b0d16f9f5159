/* Room for states: who has one while scoring.memory lasts, and who gives it back. */
#include <stdlib.h>

#include "server/detect/detect_private.h"

/* What has said nothing for so long gives its state to others who wait; looked for so often at most. */
#define SILENT_MS INT64_C(86400000)
#define SWEEP_MS  INT64_C(3600000)

static bool is_raw(const struct detect_target *target)
{
    return target->form == FORM_VALUE || target->form == FORM_P95;
}

/* A tenth of the room is for what is derived. */
static bool has_room(const struct detect_engine *engine, const struct detect_target *target)
{
    size_t most = engine->options.memory_bytes;
    if (is_raw(target))
        most -= most / 10;
    return engine->memory_used + DETECT_STATE_BYTES <= most;
}

/* ---- tips ---- */

/* Tips are a convenience: states come first. */
static void drop_tips(struct detect_engine *engine)
{
    for (size_t i = 0; i < engine->service_count; i++) {
        for (size_t k = 0; k < engine->services[i]->target_count; k++)
            detect_tip_drop(engine, &engine->services[i]->targets[k]);
    }
}

/* ---- who is silent ---- */

void detect_drop_state(struct detect_engine *engine, struct detect_target *target)
{
    engine->memory_used -= DETECT_STATE_BYTES;
    detect_tip_drop(engine, target);
    free(target->state);
    target->state = NULL;
    target->samples = 0;
    target->is_dropped = true;
}

/* Takes the states of what is silent, by the time of its service, and of services of which nothing came. */
static size_t drop_silent(struct detect_engine *engine)
{
    size_t dropped = 0;
    for (size_t i = 0; i < engine->service_count; i++) {
        struct detect_service *service = engine->services[i];
        bool is_gone = engine->wall - service->news_at > SILENT_MS;
        for (size_t k = 0; k < service->target_count; k++) {
            struct detect_target *target = &service->targets[k];
            if (!target->state || target->at < service->base || /* still learning */
                (!is_gone && service->newest - target->state->last_ms <= SILENT_MS))
                continue;
            detect_drop_state(engine, target);
            dropped++;
        }
    }
    return dropped;
}

/* Makes room at the cost of what is silent. False: there is none to be had now. */
static bool sweep(struct detect_engine *engine)
{
    if (engine->swept_wall != 0 && engine->wall - engine->swept_wall < SWEEP_MS &&
        engine->newest - engine->swept_newest < SWEEP_MS)
        return false;
    engine->swept_wall = engine->wall;
    engine->swept_newest = engine->newest;
    return drop_silent(engine) > 0;
}

/* ---- who gets one ---- */

static void admit(struct detect_engine *engine, struct detect_service *service, struct detect_target *target,
                  int64_t from)
{
    target->is_left_out = !has_room(engine, target);
    if (target->is_left_out)
        return;
    if (engine->memory_used + engine->tips_used + DETECT_STATE_BYTES > engine->options.memory_bytes)
        drop_tips(engine);
    target->state = detect_name(engine, target) ? calloc(1, sizeof *target->state) : NULL;
    target->is_left_out = !target->state;
    if (!target->state)
        return;
    engine->memory_used += DETECT_STATE_BYTES;
    target->at = target->first > from ? target->first : from;
    service->is_ready = false;
}

/* The first minute that there may be something to learn from. */
static int64_t history_of(const struct detect_engine *engine, const struct detect_service *service)
{
    int64_t from = service->base - engine->options.history_ms / engine->options.step_ms;
    return from > 0 ? from : 0;
}

static bool is_due(const struct detect_target *target, int64_t ahead)
{
    return target->is_used && !target->state && !target->is_excluded &&
           target->samples + ahead >= DETECT_STATE_FROM && !(target->is_dropped && target->samples == 0);
}

/* Returns how many had to be left out. */
static size_t admit_all(struct detect_engine *engine, struct detect_service *service, int64_t ahead)
{
    int64_t from = history_of(engine, service);
    size_t left_out = 0;
    for (int raw = 0; raw < 2; raw++) {
        for (size_t i = 0; i < service->target_count; i++) {
            struct detect_target *target = &service->targets[i];
            if (is_raw(target) != (raw == 1) || !is_due(target, ahead))
                continue;
            admit(engine, service, target, from);
            left_out += target->is_left_out;
        }
    }
    return left_out;
}

void detect_admit(struct detect_engine *engine, struct detect_service *service, int64_t ahead)
{
    if (admit_all(engine, service, ahead) > 0 && sweep(engine))
        (void)admit_all(engine, service, ahead);
}
