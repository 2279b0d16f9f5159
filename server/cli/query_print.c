#include "server/cli/query_print.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "server/cli/series_text.h"
#include "server/cli/units.h"
#include "server/wire/reply.h"
#include "storage/model/when.h"

enum { MS_PER_S = 1000, VALUE_WIDTH = 16 };

struct sample {
    time_ms_t time;
    double value;
};

/* Of one series, for the line below it. */
struct summary {
    uint64_t count;
    double min;
    double max;
    double sum;
};

struct query_print {
    FILE *out;
    enum query_format format;
    bool colour;
    size_t limit;
    struct sample *newest; /* a ring of limit samples; NULL: no limit */
    struct bytes name;     /* of the open series, as the format shows it */
    struct bytes warnings; /* JSON strings with commas between */
    struct summary summary;
    uint64_t printed; /* samples of the open series */
    uint64_t series_count;
    uint64_t sample_count;
};

struct query_print *query_print_new(enum query_format format, size_t limit, bool colour, FILE *out)
{
    struct query_print *print = calloc(1, sizeof *print);
    if (!print)
        return NULL;
    print->out = out;
    print->format = format;
    print->colour = colour;
    print->limit = limit;
    if (limit && !(print->newest = calloc(limit, sizeof *print->newest))) {
        free(print);
        return NULL;
    }
    if (format == QUERY_JSON)
        fputs("{\"resultType\":\"matrix\",\"result\":[", out);
    if (format == QUERY_CSV)
        fputs("series,time,value\n", out);
    return print;
}

void query_print_free(struct query_print *print)
{
    if (!print)
        return;
    bytes_fini(&print->name);
    bytes_fini(&print->warnings);
    free(print->newest);
    free(print);
}

/* ---- one sample ---- */

void query_print_seconds(FILE *out, time_ms_t time)
{
    uint64_t ms = time < 0 ? -(uint64_t)time : (uint64_t)time;
    fprintf(out, "%s%" PRIu64, time < 0 ? "-" : "", ms / MS_PER_S);
    if (ms % MS_PER_S)
        fprintf(out, ".%03u", (unsigned)(ms % MS_PER_S));
}

/* "2026-11-23 04:00:00", with milliseconds where there are any. */
static void print_table_time(FILE *out, time_ms_t time)
{
    enum { DATE = 10, TO_SECONDS = 19 };
    char text[WHEN_TEXT_BYTES];
    (void)when_text(time, text);
    fprintf(out, "  %.*s %.*s", DATE, text, TO_SECONDS - DATE - 1, text + DATE + 1);
    if (time % MS_PER_S)
        fprintf(out, "%.4s", text + TO_SECONDS);
    else
        fputs("    ", out);
}

static void print_sample(struct query_print *print, const struct sample *sample)
{
    char value[VALUE_TEXT_BYTES];
    char time[WHEN_TEXT_BYTES];
    FILE *out = print->out;
    (void)value_text(sample->value, value);
    switch (print->format) {
    case QUERY_TABLE:
        print_table_time(out, sample->time);
        fprintf(out, " %*s\n", VALUE_WIDTH, value);
        break;
    case QUERY_CSV:
        (void)fwrite(print->name.data, 1, print->name.len, out);
        fprintf(out, ",%s,%s\n", when_text(sample->time, time), value);
        break;
    case QUERY_JSON:
        fputs(print->printed ? ",[" : "[", out);
        query_print_seconds(out, sample->time);
        fprintf(out, ",\"%s\"]", value);
        break;
    }
    print->printed++;
}

/* ---- one series ---- */

static void print_kept(struct query_print *print)
{
    uint64_t count = print->summary.count;
    uint64_t shown = count < print->limit ? count : print->limit;
    for (uint64_t i = count - shown; i < count; i++)
        print_sample(print, &print->newest[i % print->limit]);
}

static void print_summary(const struct query_print *print)
{
    char count[UNITS_TEXT_BYTES], more[UNITS_TEXT_BYTES];
    const struct summary *all = &print->summary;
    fprintf(print->out, "%s  %s sample%s", print->colour ? "\x1b[2m" : "",
            units_count((int64_t)all->count, count), all->count == 1 ? "" : "s");
    if (all->count > 1 && isfinite(all->sum))
        fprintf(print->out, ", min %.6g, mean %.6g, max %.6g", all->min, all->sum / (double)all->count,
                all->max);
    if (all->count > print->printed)
        fprintf(print->out, "; %s earlier not shown (--limit 0 shows all)",
                units_count((int64_t)(all->count - print->printed), more));
    fprintf(print->out, "%s\n", print->colour ? "\x1b[0m" : "");
}

static void end_series(struct query_print *print)
{
    if (!print->name.len)
        return;
    if (print->limit)
        print_kept(print);
    if (print->format == QUERY_JSON)
        fputs("]}", print->out);
    if (print->format == QUERY_TABLE)
        print_summary(print);
    bytes_clear(&print->name);
}

void query_print_quote(struct bytes *text)
{
    struct bytes quoted = {0};
    bytes_u8(&quoted, '"');
    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] == '"')
            bytes_u8(&quoted, '"');
        bytes_u8(&quoted, text->data[i]);
    }
    bytes_u8(&quoted, '"');
    quoted.failed = quoted.failed || text->failed;
    bytes_fini(text);
    *text = quoted;
}

static enum tm_err begin_series(void *arg, const struct labels *labels, struct tm_why *why)
{
    struct query_print *print = arg;
    FILE *out = print->out;
    end_series(print);
    if (print->format == QUERY_JSON)
        series_json(labels, &print->name);
    else
        series_text(labels, &print->name);
    if (print->format == QUERY_CSV)
        query_print_quote(&print->name);
    if (bytes_error(&print->name))
        return tm_fail(why, TM_NOMEM, "out of memory");
    const char *text = (const char *)print->name.data;
    int len = (int)print->name.len;
    if (print->format == QUERY_JSON)
        fprintf(out, "%s\n{\"metric\":%.*s,\"values\":[", print->series_count ? "," : "", len, text);
    if (print->format == QUERY_TABLE)
        fprintf(out, "%s%s%.*s%s\n", print->series_count ? "\n" : "", print->colour ? "\x1b[1m" : "", len,
                text, print->colour ? "\x1b[0m" : "");
    print->summary = (struct summary){.min = INFINITY, .max = -INFINITY};
    print->printed = 0;
    print->series_count++;
    return TM_OK;
}

static enum tm_err take_samples(void *arg, const time_ms_t *times, const double *values, size_t count,
                                struct tm_why *why)
{
    struct query_print *print = arg;
    struct summary *all = &print->summary;
    (void)why;
    for (size_t i = 0; i < count; i++) {
        const struct sample sample = {times[i], values[i]};
        if (print->limit)
            print->newest[all->count % print->limit] = sample;
        else
            print_sample(print, &sample);
        all->count++;
        all->sum += values[i];
        all->min = fmin(all->min, values[i]);
        all->max = fmax(all->max, values[i]);
    }
    print->sample_count += count;
    return TM_OK;
}

static void take_warning(void *arg, struct str text)
{
    struct query_print *print = arg;
    if (print->warnings.len)
        bytes_u8(&print->warnings, ',');
    bytes_json_string(&print->warnings, text);
}

struct source_sink query_print_sink(struct query_print *print)
{
    return (struct source_sink){
        .arg = print, .series = begin_series, .samples = take_samples, .warning = take_warning};
}

enum tm_err query_print_end(struct query_print *print, struct tm_why *why)
{
    char series[UNITS_TEXT_BYTES], samples[UNITS_TEXT_BYTES];
    end_series(print);
    if (print->format == QUERY_JSON && print->warnings.len)
        fprintf(print->out, "\n],\"warnings\":[%.*s]}\n", (int)print->warnings.len,
                (const char *)print->warnings.data);
    else if (print->format == QUERY_JSON)
        fputs("\n]}\n", print->out);
    if (print->format == QUERY_TABLE && print->series_count > 1)
        fprintf(print->out, "\n%s series, %s samples; times are UTC\n",
                units_count((int64_t)print->series_count, series),
                units_count((int64_t)print->sample_count, samples));
    return bytes_error(&print->name) || bytes_error(&print->warnings)
               ? tm_fail(why, TM_NOMEM, "out of memory")
               : TM_OK;
}

uint64_t query_print_series(const struct query_print *print)
{
    return print->series_count;
}

uint64_t query_print_samples(const struct query_print *print)
{
    return print->sample_count;
}
