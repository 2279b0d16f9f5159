/* One series: its samples, without markers, with rollups before them where these stand for samples. */
#include "server/promql/reading.h"

#include <assert.h>
#include <stdlib.h>

#include "server/promql/lanes.h"

void reading_fini(struct reading *reading)
{
    free(reading->times);
    free(reading->values);
    tier_fini(&reading->rows);
}

enum tm_err reading_no_memory(struct tm_why *why)
{
    return tm_fail(why, TM_NOMEM, "out of memory: ask for less time, fewer series or a longer step");
}

static bool has_markers(const struct samples *samples)
{
    size_t at = 0;
    for (; samples->count - at >= LANES_RUN; at += LANES_RUN) {
        if (!lanes_any_nan(samples->values + at))
            continue;
        for (size_t i = at; i < at + LANES_RUN; i++) {
            if (is_absent(samples->values[i]))
                return true;
        }
    }
    for (; at < samples->count; at++) {
        if (is_absent(samples->values[at]))
            return true;
    }
    return false;
}

/* Staleness markers end a series' lookback, but no window has them. */
static enum tm_err drop_markers(struct reading *reading, struct samples *samples, struct tm_why *why)
{
    if (reading->keeps_stale || !has_markers(samples))
        return TM_OK;
    if (samples->count > reading->capacity) {
        free(reading->times);
        free(reading->values);
        reading->times = malloc(samples->count * sizeof *reading->times);
        reading->values = malloc(samples->count * sizeof *reading->values);
        reading->capacity = reading->times && reading->values ? samples->count : 0;
        if (!reading->capacity)
            return reading_no_memory(why);
    }
    size_t count = 0;
    for (size_t i = 0; i < samples->count; i++) {
        if (is_absent(samples->values[i]))
            continue;
        reading->times[count] = samples->times[i];
        reading->values[count++] = samples->values[i];
    }
    *samples = (struct samples){reading->times, reading->values, count};
    return TM_OK;
}

void reading_want(struct reading *reading, const uint64_t *series, size_t count)
{
    reading->wanted = series;
    reading->wanted_count = count;
    reading->ahead_at = reading->ahead_count = 0;
}

/* Reads more of those that are wanted if none is left. */
static enum tm_err take_ahead(struct reading *reading, struct samples *samples, struct tm_why *why)
{
    const struct source *source = reading->source;
    enum tm_err err = TM_OK;
    if (reading->ahead_at == reading->ahead_count) {
        reading->ahead_at = reading->ahead_count = 0;
        err = source->rows(reading->self, reading->wanted, reading->wanted_count, reading->span,
                           reading->ahead, &reading->ahead_count, why);
    }
    if (!err)
        *samples = reading->ahead[reading->ahead_at++];
    return err;
}

/* The samples, and before them what rollups say. */
static enum tm_err read_both(struct reading *reading, uint64_t series, struct samples *samples,
                             struct tm_why *why)
{
    const struct source *source = reading->source;
    struct span span = reading->span;
    if (!reading->tier)
        return take_ahead(reading, samples, why);
    enum tm_err err = tier_read(reading->tier, source, reading->self, series, span, &reading->rows, why);
    reading->row_count += reading->rows.count;
    span.from = reading->tier->raw_ms;
    if (!err && span.from < span.to)
        err = source->samples(reading->self, series, span, samples, why);
    if (!err && reading->rows.count > 0 && tier_join(reading->tier, &reading->rows, samples))
        err = reading_no_memory(why);
    return err;
}

enum tm_err reading_next(struct reading *reading, struct samples *samples, struct tm_why *why)
{
    *samples = (struct samples){0};
    int64_t begun_ns = reading->is_timed ? trace_now_ns() : 0;
    assert(reading->wanted_count > 0);
    enum tm_err err = read_both(reading, reading->wanted[0], samples, why);
    reading->wanted++;
    reading->wanted_count--;
    if (reading->is_timed)
        reading->ns += trace_now_ns() - begun_ns;
    if (err || samples->count == 0)
        return err;
    reading->series++;
    reading->samples += samples->count;
    if (reading->samples_max && samples->count > reading->samples_max)
        return tm_fail(why, TM_LIMIT,
                       "query processing would load too many samples into memory in query execution");
    return drop_markers(reading, samples, why);
}

enum tm_err reading_compute(const struct reading *reading, const struct load *load,
                            const struct samples *samples, double *column, struct tm_why *why)
{
    enum tm_err err = load->compute(load->arg, samples, column, why);
    if (!err && reading->tier && load->plan && reading->rows.count > 0)
        tier_fill(reading->tier, &reading->rows, column);
    return err;
}

struct reading reading_begin(const struct eval *eval, const struct load *load, void *self)
{
    uint64_t max = eval->limits.max_samples;
    uint64_t held = eval->held < max ? eval->held : max;
    return (struct reading){.source = eval->source,
                            .self = self,
                            .span = load->span,
                            .keeps_stale = load->keeps_stale,
                            .is_timed = eval->query->trace != NULL,
                            .tier = load->tier,
                            .samples_max = max && held == max ? 1 : max - held};
}

void reading_count(struct eval *eval, const struct load *load, const struct reading *reading, size_t threads)
{
    struct trace_selector *entry = trace_find(eval->query->trace, load->selector, load->span);
    eval->cost.series += reading->series;
    eval->cost.samples += reading->samples;
    eval->cost.rows += reading->row_count;
    if (reading->row_count > 0)
        eval->cost.raw_ms = reading->tier->raw_ms;
    if (!entry)
        return;
    entry->rows += reading->row_count;
    if (reading->row_count > 0) {
        entry->bucket_ms = reading->tier->bucket_ms;
        entry->raw_ms = reading->tier->raw_ms;
    }
    entry->series += reading->series;
    entry->samples += reading->samples;
    entry->read_ns += reading->ns / (int64_t)threads;
}
