#include "server/detect/detect_engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/detect/detect_private.h"
#include "storage/findings/findings.h"

/* A block of minutes that are learned, or closed, in one go; what of output is gathered before it is made
 * durable; how long a service without news counts as live. */
enum {
    LEARN_MINUTES = 360,
    CLOSE_MINUTES = 60,
    OUT_BYTES = 2 << 20,
    LIVE_MS = 10 * 60000,
    LATE_MINUTES = 1440
};

/* ---- life ---- */

static int64_t lag_of(int64_t grace_ms, int64_t step_ms)
{
    int64_t lag = (grace_ms + step_ms - 1) / step_ms;
    return lag < DETECT_GRACE_MINUTES ? lag : DETECT_GRACE_MINUTES;
}

struct detect_engine *detect_engine_new(const struct detect_options *options)
{
    struct detect_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return NULL;
    engine->options = *options;
    engine->dir = strdup(options->dir);
    (void)snprintf(engine->zone, sizeof engine->zone, "%s", options->zone ? options->zone : "");
    engine->columns = calloc((size_t)DETECT_COLUMNS * DETECT_SPAN_MINUTES, sizeof *engine->columns);
    engine->must_look = true;
    engine->lag = lag_of(options->grace_ms, options->step_ms);
    score_first_model_init(&engine->model, FIRST_OPERATIONS, FIRST_SEED);
    if (!engine->dir || !engine->columns || detect_restore(engine) != TM_OK) {
        detect_engine_free(engine);
        return NULL;
    }
    return engine;
}

void detect_engine_free(struct detect_engine *engine)
{
    if (!engine)
        return;
    for (size_t i = 0; i < engine->service_count; i++)
        detect_service_free(engine, engine->services[i]);
    detect_restored_free(engine);
    detect_excess_forget(engine);
    planned_free(engine->planned);
    detect_out_fini(&engine->out);
    detect_out_fini(&engine->quiet);
    free(engine->fed);
    bytes_fini(&engine->scratch);
    bytes_fini(&engine->body);
    free(engine->services);
    free(engine->service_places);
    free(engine->known);
    free(engine->columns);
    free(engine->sums);
    free(engine->heard);
    free(engine->dir);
    free(engine);
}

void detect_engine_set(struct detect_engine *engine, const struct detect_bounds *bounds)
{
    engine->options.delay_ms = bounds->delay_ms;
    engine->options.grace_ms = bounds->grace_ms;
    engine->options.memory_bytes = bounds->memory_bytes;
    engine->lag = lag_of(bounds->grace_ms, engine->options.step_ms);
}

void detect_engine_set_zone(struct detect_engine *engine, const char *zone)
{
    if (strcmp(engine->zone, zone) == 0)
        return;
    (void)snprintf(engine->zone, sizeof engine->zone, "%s", zone);
    engine->must_relearn = engine->must_look = true;
}

void detect_warn(const struct detect_engine *engine, const char *id, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (engine->options.log)
        engine->options.log(engine->options.log_arg, id, text);
}

const struct detect_out *detect_engine_out(const struct detect_engine *engine)
{
    return &engine->out;
}

void detect_engine_plan(struct detect_engine *engine, struct planned **planned)
{
    planned_free(engine->planned);
    engine->planned = *planned;
    *planned = NULL;
}

void detect_engine_look(struct detect_engine *engine)
{
    engine->must_look = true;
}

/* ---- news ---- */

static int64_t floor_minute(const struct detect_engine *engine, time_ms_t time)
{
    int64_t step = engine->options.step_ms;
    return time / step - (time % step < 0);
}

enum tm_err detect_engine_news(struct detect_engine *engine, struct str name, time_ms_t oldest,
                               time_ms_t newest)
{
    struct detect_service *service = detect_service_of(engine, name);
    if (!service)
        return TM_NOMEM;
    if (service->newest == DETECT_NEVER || newest > service->newest)
        service->newest = newest;
    service->news_at = engine->wall;
    engine->newest = newest > engine->newest ? newest : engine->newest;
    int64_t minute = floor_minute(engine, oldest);
    if (service->closed == DETECT_NEVER || minute >= service->closed)
        return TM_OK;
    service->late_until = service->closed + LATE_MINUTES;
    if (minute < service->late_from)
        service->late_from = minute;
    service->is_dirty = service->is_dirty || minute >= service->base;
    return TM_OK;
}

/* ---- which minutes close ---- */

/* Minutes before this one may be closed. */
static int64_t closable(const struct detect_engine *engine, const struct detect_service *service)
{
    const struct detect_options *o = &engine->options;
    int64_t until = floor_minute(engine, service->newest - o->delay_ms);
    int64_t live_ms = o->grace_ms > LIVE_MS ? o->grace_ms : LIVE_MS;
    if (engine->wall - service->newest > live_ms || service->newest - engine->wall > live_ms)
        return until;
    int64_t by_clock = floor_minute(engine, engine->wall - o->delay_ms);
    int64_t last = floor_minute(engine, service->newest + live_ms);
    by_clock = by_clock < last ? by_clock : last;
    return by_clock > until ? by_clock : until;
}

static bool found_closing(void *arg, const struct finding *finding)
{
    struct detect_engine *engine = arg;
    struct detect_service *service = detect_service_of(engine, finding->service);
    if (!service)
        return false;
    service->closed = finding->end / engine->options.step_ms;
    service->base = service->closed - engine->lag;
    service->must_recall = service->is_dirty = true;
    if (service->fed == DETECT_NEVER)
        service->fed = detect_fed_of(engine, finding->service);
    return true;
}

/* Where scoring stood, of all services. */
static enum tm_err load_closings(struct detect_engine *engine, struct tm_why *why)
{
    const struct findings_wanted wanted = {.kind = FINDING_CLOSING, .span = READER_ALWAYS};
    return findings_search(engine->reader, &wanted, found_closing, engine, why);
}

/* The newest event of a service that was there before this process. */
static void find_newest(struct detect_engine *engine, struct detect_service *service)
{
    int64_t from = service->closed != DETECT_NEVER ? service->closed - engine->lag : INT64_MIN;
    for (size_t i = 0; i < service->source_count; i++) {
        const struct detect_source *source = &service->sources[i];
        struct span span = {from == INT64_MIN ? 0 : from * engine->options.step_ms, INT64_MAX};
        time_ms_t newest;
        if (service->newest != DETECT_NEVER && span.from < service->newest)
            span.from = service->newest;
        if (detect_values_newest(engine->reader, source->series, source->kind, span, &newest) == TM_OK &&
            newest > service->newest)
            service->newest = newest;
    }
}

static int64_t first_of(const struct detect_engine *engine, const struct detect_service *service)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < service->target_count; i++) {
        if (service->targets[i].is_used && service->targets[i].first < first)
            first = service->targets[i].first;
    }
    return first == INT64_MAX ? first : first + engine->lag;
}

/* Where a service that has no closing begins: new ones at their first minute, old data is learned only. */
static bool place_service(struct detect_engine *engine, struct detect_service *service)
{
    if (service->newest == DETECT_NEVER)
        find_newest(engine, service);
    if (service->closed != DETECT_NEVER)
        return service->newest != DETECT_NEVER;
    int64_t first = first_of(engine, service);
    if (first == INT64_MAX || service->newest == DETECT_NEVER)
        return false;
    service->closed = service->is_old ? closable(engine, service) : first;
    service->base = service->closed - engine->lag;
    return true;
}

/* ---- learning ---- */

/* The first minute that something is behind; base: nothing. */
static int64_t find_behind(const struct detect_service *service)
{
    int64_t behind = service->base;
    for (size_t i = 0; i < service->target_count; i++) {
        const struct detect_target *target = &service->targets[i];
        if (target->is_used && !target->is_excluded && target->at < behind)
            behind = target->at;
    }
    return behind;
}

/* The first minute from `from` on in which a series that is behind has something. */
static int64_t find_next_data(const struct detect_engine *engine, const struct detect_service *service,
                              int64_t from, int64_t until)
{
    for (size_t i = 0; i < service->source_count && until > from; i++) {
        int64_t first = detect_next_of(engine, &service->sources[i], from);
        until = first < until ? first : until;
    }
    return until;
}

static void skip_to(struct detect_service *service, int64_t minute)
{
    for (size_t i = 0; i < service->target_count; i++) {
        if (service->targets[i].at < minute)
            service->targets[i].at = minute;
    }
}

static bool has_states(const struct detect_service *service)
{
    for (size_t i = 0; i < service->target_count; i++) {
        if (service->targets[i].state)
            return true;
    }
    return false;
}

/* Learns a block of what is stored. False: there is nothing left to learn. */
static bool learn_some(struct detect_engine *engine, struct detect_service *service)
{
    int64_t from = find_behind(service);
    if (from >= service->base) {
        detect_admit(engine, service, CLOSE_MINUTES + engine->lag);
        service->is_ready = find_behind(service) >= service->base;
        return !service->is_ready;
    }
    int64_t to = from + LEARN_MINUTES < service->base ? from + LEARN_MINUTES : service->base;
    const struct detect_window window = {from, to, to, engine->options.step_ms};
    bool feeds = engine->options.incidents && has_states(service) && to > service->fed;
    if (!detect_pass(engine, service, &window, feeds))
        return false;
    if (feeds) {
        service->fed = service->fed > from ? service->fed : from;
        detect_tell_learned(engine, service, to);
    }
    skip_to(service, to); /* also those that could not be read */
    if (!engine->any_value && to < service->base)
        skip_to(service, find_next_data(engine, service, to, service->base));
    return true;
}

/* ---- closing ---- */

/* After a day of silence the clock of a service goes on with its next data. */
static void skip_silence(const struct detect_engine *engine, struct detect_service *service, int64_t until)
{
    if (service->empty < DETECT_ZERO_MINUTES || until - service->closed <= CLOSE_MINUTES)
        return;
    int64_t next = find_next_data(engine, service, service->closed, until);
    if (next <= service->closed)
        return;
    service->closed = next;
    service->base = next - engine->lag > service->base ? next - engine->lag : service->base;
    skip_to(service, service->base);
    service->empty = 0;
}

static bool close_some(struct detect_engine *engine, struct detect_service *service, int64_t until)
{
    skip_silence(engine, service, until);
    int64_t first = service->closed;
    int64_t end = first + CLOSE_MINUTES < until ? first + CLOSE_MINUTES : until;
    end = end > first ? end : first; /* late data alone: the same minutes again */
    int64_t settled = end - engine->lag > service->base ? end - engine->lag : service->base;
    const struct detect_window window = {service->base, end, settled, engine->options.step_ms};
    if (!detect_pass(engine, service, &window, true))
        return false; /* it ends, or there is no memory: later */
    service->is_dirty = false;
    if (service->fed < service->base)
        service->fed = service->base;
    service->empty = engine->any_value ? 0 : service->empty + (end - first);
    service->closed = end;
    detect_tell(engine, service, first, end);
    service->base = settled;
    skip_to(service, settled);
    engine->figures.minutes += (uint64_t)(end - first);
    detect_admit(engine, service, CLOSE_MINUTES + engine->lag);
    detect_sleep(engine, service);
    return true;
}

/* Works on one service; true: there was something to do. */
static bool work_on(struct detect_engine *engine, struct detect_service *service)
{
    detect_wake(engine, service);
    if (!place_service(engine, service))
        return false;
    if (!service->is_ready && learn_some(engine, service))
        return true;
    if (!service->is_ready)
        return false; /* no memory */
    if (service->must_recall)
        detect_recall(engine, service);
    service->must_recall = false;
    if (service->is_old) { /* what was there is learned: say so, once */
        service->is_old = false;
        detect_tell_closing(engine, service);
    }
    int64_t until = closable(engine, service);
    if (until <= service->closed && !service->is_dirty)
        return false;
    return close_some(engine, service, until);
}

/* ---- steps ---- */

static bool look(struct detect_engine *engine)
{
    bool is_first = !engine->has_looked;
    struct tm_why why = {""};
    enum tm_err err = is_first ? load_closings(engine, &why) : TM_OK;
    if (err)
        detect_warn(engine, "detect.closings", "what was scored before is not known: %s", why.text);
    if (engine->must_choose && !detect_choose_again(engine))
        return false;
    engine->must_choose = false;
    if (engine->must_relearn)
        detect_relearn(engine);
    engine->must_relearn = false;
    if (detect_discover(engine) != TM_OK)
        return false;
    engine->must_look = false;
    engine->has_looked = true;
    for (size_t i = 0; is_first && !engine->began && i < engine->service_count; i++)
        engine->services[i]->is_old = engine->services[i]->closed == DETECT_NEVER;
    if (is_first)
        detect_restored_free(engine);
    return true;
}

/* What was there before scoring is learned, and that is durable. */
static void mark_began(struct detect_engine *engine)
{
    struct tm_why why = {""};
    for (size_t i = 0; i < engine->service_count && !engine->began; i++) {
        if (engine->services[i]->is_old)
            return;
    }
    if (detect_mark_began(engine, &why) != TM_OK)
        detect_warn(engine, "detect.files", "%s", why.text);
}

enum detect_step detect_engine_step(struct detect_engine *engine, struct reader *reader, time_ms_t wall)
{
    bool more = false;
    engine->reader = reader;
    engine->wall = wall;
    engine->news_turn = reader_turn(reader);
    detect_out_clear(&engine->out);
    if (engine->must_look && !look(engine))
        return DETECT_IDLE; /* no memory, or it ends */
    mark_began(engine);
    for (size_t i = 0; i < engine->service_count; i++) {
        struct detect_service *service = engine->services[engine->turn % engine->service_count];
        bool worked = work_on(engine, service);
        more = more || worked;
        engine->turn++;
        if (engine->out.findings.len + engine->out.samples.len > OUT_BYTES)
            break;
        if (worked && !service->is_ready)
            break; /* learning may take long: what is closed goes out first */
    }
    engine->reader = NULL;
    if (engine->out.lost_count > 0)
        detect_warn(engine, "detect.no_memory", "out of memory: %zu scores and findings are not stored",
                    engine->out.lost_count);
    if (engine->out.finding_count + engine->out.sample_count > 0)
        return DETECT_OUT;
    return more ? DETECT_MORE : DETECT_IDLE;
}

/* ---- figures ---- */

static void count_service(const struct detect_engine *engine, const struct detect_service *service,
                          struct detect_figures *out)
{
    int64_t behind = service->closed == DETECT_NEVER ? 0 : closable(engine, service) - service->closed;
    out->services_behind += !service->is_ready;
    out->asleep += service->asleep_count;
    if (service->newest != DETECT_NEVER && behind * engine->options.step_ms > out->lag_ms)
        out->lag_ms = behind * engine->options.step_ms;
    for (size_t i = 0; i < service->target_count; i++) {
        const struct detect_target *target = &service->targets[i];
        out->scored += target->state != NULL;
        out->left_out += target->is_used && target->is_left_out;
        out->learning += target->is_used && !target->state && !target->is_left_out && !target->is_excluded;
    }
}

void detect_engine_figures(const struct detect_engine *engine, struct detect_figures *out)
{
    *out = engine->figures;
    out->services = engine->service_count;
    out->memory_bytes = engine->memory_used;
    out->tables_bytes = detect_tables_bytes(engine);
    for (size_t i = 0; i < engine->service_count; i++)
        count_service(engine, engine->services[i], out);
    out->learned =
        engine->service_count ? 1 - (double)out->services_behind / (double)engine->service_count : 1;
}
