/* One pass over some minutes of a service: its series are read, sums made of them, all of it scored. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scoring/maths.h"
#include "scoring/rare_count.h"
#include "server/detect/detect_private.h"

enum { HEARD_MAX = 100000, COLUMN = DETECT_SPAN_MINUTES };

struct pass {
    struct detect_engine *engine;
    struct detect_service *service;
    const struct detect_window *window;
    bool tells;
    bool trusts_tips; /* nothing came late: what they hold still holds */
    bool is_full;     /* no memory for what was heard */
    size_t stride;    /* minutes of a sum */
};

static bool is_stopped(const struct detect_engine *engine)
{
    return engine->options.stop && engine->options.stop(engine->options.stop_arg);
}

/* ---- scoring ---- */

static bool was_told(const struct detect_target *target, int64_t minute)
{
    for (uint32_t i = 0; i < target->told_count; i++) {
        if (target->told[i].minute == minute)
            return true;
    }
    return false;
}

static void hear(struct pass *pass, uint32_t place, const struct detect_heard *heard)
{
    struct detect_engine *engine = pass->engine;
    const struct detect_target *target = &pass->service->targets[place];
    if (heard->result.score < DETECT_HEARD_SCORE && !was_told(target, heard->minute))
        return;
    if (engine->heard_count == engine->heard_capacity) {
        size_t wanted = engine->heard_capacity * 2 + 64;
        struct detect_heard *grown =
            wanted > HEARD_MAX ? NULL : realloc(engine->heard, wanted * sizeof *grown);
        if (!grown) {
            pass->is_full = true;
            return;
        }
        engine->heard = grown;
        engine->heard_capacity = wanted;
    }
    engine->heard[engine->heard_count++] = *heard;
}

/* Where the numbers of a target come from in this pass. */
struct numbers {
    const double *value; /* of a ratio: the part */
    const double *whole; /* NULL: no ratio */
    bool is_count;       /* of events, which may be rare */
    int64_t until;       /* from this minute on nothing is known yet */
};

/* What is scored of one minute; NaN: nothing. */
static double number_at(const struct numbers *numbers, const struct score_first *state, int64_t at)
{
    double value = numbers->value[at];
    if (!numbers->whole)
        return value;
    double whole = numbers->whole[at], part = isnan(value) ? 0 : value;
    if (!(whole > 0))
        return NAN;
    double mean = state && state->samples > 0 ? state->origin + state->mean : part / whole;
    mean = mean < 0 ? 0 : mean > 1 ? 1 : mean;
    return (part + DETECT_RATIO_VOLUME * mean) / (whole + DETECT_RATIO_VOLUME);
}

/* A block of a series with few samples is days long. While it has no past of its own, its blocks stand for
 * those of minutes, of which the general past is. */
static double most_of_sparse(const struct detect_heard *heard, double step_ms)
{
    const struct score_first_result *result = &heard->result;
    if (result->interval_ms <= 2 * step_ms || score_calibration_is_ready(&heard->before))
        return SCORE_PERIOD_MAX_H;
    return result->return_period_h * step_ms / result->interval_ms;
}

/* What the first line can't know: that a count which is nearly always 0 is not infinitely rare when it is 1,
 * and that fewer failures than usual are no news. */
static void bound(struct detect_heard *heard, const struct numbers *numbers, double mean, double step_ms)
{
    struct score_first_result *result = &heard->result;
    bool is_ratio = numbers->whole != NULL;
    heard->most_h = SCORE_PERIOD_MAX_H;
    if (numbers->is_count)
        heard->most_h = score_rare_count_hours(heard->samples, is_ratio ? mean * heard->whole : mean,
                                               is_ratio ? heard->part : heard->observed, step_ms);
    double sparse = most_of_sparse(heard, step_ms);
    heard->most_h = sparse < heard->most_h ? sparse : heard->most_h;
    if (is_ratio && heard->observed <= result->expected)
        heard->most_h = 0;
    if (result->return_period_h <= heard->most_h)
        return;
    result->return_period_h = heard->most_h;
    result->score = heard->most_h > 0 ? score_of_return_period(score_log10(heard->most_h)) : 0;
}

static void score_minute(struct pass *pass, uint32_t place, struct score_first *state,
                         const struct numbers *numbers, int64_t minute, double value)
{
    struct detect_engine *engine = pass->engine;
    const struct detect_options *options = &engine->options;
    time_ms_t time = minute * options->step_ms;
    int64_t at = minute - pass->window->from;
    struct detect_heard heard;
    double mean = state->origin + state->mean;
    /* of a count that is 0 in a share q of minutes the mean absolute deviation is 2 q means at least */
    heard.sparse = numbers->is_count && state->deviation >= mean;
    heard.before = state->calibration;
    heard.samples = state->samples;
    score_first_push(&engine->model, state, time, options->offset_s ? options->offset_s(time) : 0, value,
                     &heard.result);
    engine->figures.scores += pass->tells;
    if (!pass->tells || heard.samples < DETECT_STATE_FROM)
        return;
    heard.minute = minute;
    heard.target = place;
    heard.observed = value;
    heard.part = numbers->whole && !isnan(numbers->value[at]) ? numbers->value[at] : 0;
    heard.whole = numbers->whole ? numbers->whole[at] : 0;
    bound(&heard, numbers, mean, (double)options->step_ms);
    hear(pass, place, &heard);
}

/* Scores minutes up to `to` on a state, or counts them without one. Returns the minute it came to. */
static int64_t run_minutes(struct pass *pass, uint32_t place, struct score_first *state,
                           const struct numbers *numbers, int64_t minute, int64_t to)
{
    struct detect_target *target = &pass->service->targets[place];
    for (; minute < to; minute++) {
        double value = number_at(numbers, state, minute - pass->window->from);
        if (isnan(value))
            continue;
        pass->engine->any_value = true;
        if (minute > target->valued)
            target->valued = (uint32_t)minute;
        if (state)
            score_minute(pass, place, state, numbers, minute, value);
        else
            target->samples += target->samples < UINT32_MAX;
    }
    return minute;
}

/* Until when the minutes that may still change are known. */
static int64_t tip_end(const struct pass *pass, const struct numbers *numbers)
{
    return numbers->until < pass->window->to ? numbers->until : pass->window->to;
}

/* Does what is kept of a target hold still? */
static bool has_tip(const struct pass *pass, const struct detect_target *target,
                    const struct numbers *numbers)
{
    return target->tip && pass->trusts_tips && target->tip_at >= pass->window->settled &&
           target->tip_at <= tip_end(pass, numbers);
}

/* The minutes that may still change: on a copy, which is kept for the next ones if there is room. */
static void run_tip(struct pass *pass, uint32_t place, const struct numbers *numbers, struct score_first *tip,
                    int64_t minute)
{
    struct detect_target *target = &pass->service->targets[place];
    minute = run_minutes(pass, place, tip, numbers, minute, tip_end(pass, numbers));
    if (minute == pass->window->to)
        detect_tip_pack(pass->engine, target, tip, minute);
}

static void run_target(struct pass *pass, uint32_t place, const struct numbers *numbers)
{
    struct detect_target *target = &pass->service->targets[place];
    const struct detect_window *window = pass->window;
    struct score_first tip;
    int64_t minute = target->at > window->from ? target->at : window->from, tip_at = DETECT_NEVER;
    if (target->state && has_tip(pass, target, numbers)) {
        tip_at = target->tip_at;
        detect_tip_unpack(target, &tip);
    }
    target->tip_at = DETECT_NEVER; /* the state moves on */
    if (minute < window->settled)
        target->at = run_minutes(pass, place, target->state, numbers, minute, window->settled);
    if (!target->state || window->settled >= window->to)
        return;
    if (tip_at == DETECT_NEVER) {
        tip = *target->state;
        tip_at = window->settled > target->at ? window->settled : target->at;
    }
    run_tip(pass, place, numbers, &tip, tip_at);
}

/* ---- reading ---- */

static bool is_behind(const struct pass *pass, uint32_t place)
{
    const struct detect_target *target = &pass->service->targets[place];
    return target->is_used && target->at < pass->window->to && !target->is_excluded;
}

static bool derived_is_behind(const struct pass *pass)
{
    for (size_t i = 0; i < pass->service->derived_count; i++) {
        if (is_behind(pass, pass->service->derived[i]))
            return true;
    }
    return false;
}

static double *sum_of(const struct pass *pass, uint32_t place)
{
    return pass->engine->sums + (size_t)place * pass->stride;
}

static void add_up(const struct pass *pass, const struct detect_source *source, int64_t last)
{
    const double *column = pass->engine->columns;
    int64_t count = pass->window->to - pass->window->from;
    for (uint32_t s = 0; s < source->sum_count; s++) {
        double *sum = sum_of(pass, pass->service->targets[source->sums[s]].sum_place);
        for (int64_t i = 0; i < count; i++) {
            if (!isnan(column[i]))
                sum[i] = isnan(sum[i]) ? column[i] : sum[i] + column[i];
        }
    }
    if (source->sum_count > 1 && last > pass->engine->http_last)
        pass->engine->http_last = last;
}

static void run_source(struct pass *pass, struct detect_source *source, bool sums)
{
    struct detect_engine *engine = pass->engine;
    const struct detect_window *window = pass->window;
    bool wanted = sums && source->sum_count > 0;
    int64_t last;
    for (uint32_t t = 0; t < source->target_count; t++)
        wanted = wanted || is_behind(pass, source->targets[t]);
    if (!wanted || detect_is_quiet(engine, source, window))
        return;
    if (detect_values_read(engine->reader, source->series, source->kind, window, &source->seen,
                           engine->columns, &last) != TM_OK) {
        engine->figures.read_errors++;
        source->seen.seen_at = DETECT_NEVER;
        return;
    }
    detect_note_read(engine, source, window, last);
    struct numbers numbers = {.until = window->to, .is_count = source->kind == DETECT_COUNTS};
    /* the newest count may be half of it, if data comes late */
    if (source->kind == DETECT_COUNTS && pass->service->late_until > window->to && last != DETECT_NEVER)
        numbers.until = last;
    for (uint32_t t = 0; t < source->target_count; t++) {
        numbers.value = engine->columns + (size_t)t * COLUMN;
        run_target(pass, source->targets[t], &numbers);
    }
    if (sums)
        add_up(pass, source, last);
}

/* A part is 0 wherever the whole is known. */
static void complete_part(const struct pass *pass, double *part, const double *whole)
{
    for (int64_t i = 0; i < pass->window->to - pass->window->from; i++) {
        if (isnan(part[i]) && !isnan(whole[i]))
            part[i] = 0;
    }
}

static void run_derived(struct pass *pass)
{
    struct detect_service *service = pass->service;
    bool is_late = service->late_until > pass->window->to;
    for (size_t i = 0; i < service->derived_count; i++) {
        struct detect_target *target = &service->targets[service->derived[i]];
        struct numbers numbers = {.until = pass->window->to, .is_count = true};
        if (target->form == FORM_RATIO) {
            uint32_t whole = service->targets[target->part].whole;
            numbers.value = sum_of(pass, service->targets[target->part].sum_place);
            numbers.whole = sum_of(pass, service->targets[whole].sum_place);
        } else {
            double *sum = sum_of(pass, target->sum_place);
            numbers.value = sum;
            if (target->form == FORM_PART)
                complete_part(pass, sum, sum_of(pass, service->targets[target->whole].sum_place));
        }
        if (is_late && pass->engine->http_last != DETECT_NEVER)
            numbers.until = pass->engine->http_last;
        if (!target->is_excluded)
            run_target(pass, service->derived[i], &numbers);
    }
}

static bool clear_sums(struct pass *pass)
{
    struct detect_engine *engine = pass->engine;
    size_t need = pass->service->derived_count * pass->stride;
    if (need > engine->sums_capacity) {
        double *grown = realloc(engine->sums, need * sizeof *grown);
        if (!grown)
            return false;
        engine->sums = grown;
        engine->sums_capacity = need;
    }
    for (size_t i = 0; i < pass->service->derived_count; i++) {
        pass->service->targets[pass->service->derived[i]].sum_place = (uint32_t)i;
        for (size_t k = 0; k < pass->stride; k++)
            engine->sums[i * pass->stride + k] = NAN;
    }
    return true;
}

bool detect_pass(struct detect_engine *engine, struct detect_service *service,
                 const struct detect_window *window, bool tells)
{
    struct pass pass = {.engine = engine,
                        .service = service,
                        .window = window,
                        .tells = tells,
                        .stride = (size_t)(window->to - window->from),
                        .trusts_tips = !service->is_dirty && service->late_until <= window->from};
    bool sums = derived_is_behind(&pass);
    engine->heard_count = 0;
    engine->http_last = DETECT_NEVER;
    engine->any_value = false;
    if (sums && !clear_sums(&pass))
        return false;
    for (size_t i = 0; i < service->source_count; i++) {
        if (is_stopped(engine))
            return false;
        run_source(&pass, &service->sources[i], sums);
    }
    if (sums)
        run_derived(&pass);
    if (pass.is_full)
        detect_warn(engine, "detect.crowded",
                    "more than %d scores of service %s stood out at once: the others are not told", HEARD_MAX,
                    service->name);
    return true;
}
