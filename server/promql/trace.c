#include "server/promql/trace.h"

#include <inttypes.h>
#include <time.h>

#include "server/promql/engine.h"

enum { NS_PER_S = 1000000000, NS_PER_US = 1000, US_PER_S = 1000000, MS_PER_S = 1000 };

int64_t trace_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

struct trace_selector *trace_find(struct promql_trace *trace, const struct ast_node *selector,
                                  struct span span)
{
    if (!trace)
        return NULL;
    for (size_t i = 0; i < trace->count; i++) {
        struct trace_selector *entry = &trace->at[i];
        if (entry->text.start != selector->span.start)
            continue;
        entry->span.from = span.from < entry->span.from ? span.from : entry->span.from;
        entry->span.to = span.to > entry->span.to ? span.to : entry->span.to;
        return entry;
    }
    if (trace->count == trace->room)
        return NULL;
    trace->at[trace->count] = (struct trace_selector){.text = selector->span, .span = span};
    return &trace->at[trace->count++];
}

/* ---- as JSON ---- */

static void put_seconds(const char *name, int64_t ns, struct bytes *out)
{
    int64_t us = ns > 0 ? ns / NS_PER_US : 0;
    bytes_printf(out, "\"%s\":%" PRId64 ".%06d", name, us / US_PER_S, (int)(us % US_PER_S));
}

static void put_moment(const char *name, time_ms_t time, struct bytes *out)
{
    uint64_t ms = time < 0 ? 0 - (uint64_t)time : (uint64_t)time;
    bytes_printf(out, ",\"%s\":%s%" PRIu64 ".%03u", name, time < 0 ? "-" : "", ms / MS_PER_S,
                 (unsigned)(ms % MS_PER_S));
}

static void put_selector(const struct trace_selector *entry, struct bytes *out)
{
    bytes_printf(out, "{\"start\":%" PRIu32 ",\"end\":%" PRIu32, entry->text.start, entry->text.end);
    put_moment("from", entry->span.from, out);
    put_moment("to", entry->span.to, out);
    bytes_printf(out,
                 ",\"selected\":%" PRIu64 ",\"series\":%" PRIu64 ",\"samples\":%" PRIu64
                 ",\"tier\":\"%s\",\"rows\":%" PRIu64,
                 entry->selected, entry->series, entry->samples,
                 entry->bucket_ms == 0                ? "raw"
                 : entry->bucket_ms < 3600 * MS_PER_S ? "5m"
                                                      : "1h",
                 entry->rows);
    if (entry->bucket_ms != 0)
        put_moment("raw_from", entry->raw_ms, out);
    bytes_u8(out, ',');
    put_seconds("select", entry->select_ns, out);
    bytes_u8(out, ',');
    put_seconds("read", entry->read_ns, out);
    bytes_u8(out, '}');
}

static void put_trace(const struct promql_trace *trace, struct bytes *out)
{
    int64_t select_ns = 0, read_ns = 0;
    for (size_t i = 0; i < trace->count; i++) {
        select_ns += trace->at[i].select_ns;
        read_ns += trace->at[i].read_ns;
    }
    bytes_printf(out, ",\"timings\":{");
    put_seconds("queryPreparationTime", trace->parse_ns + select_ns, out);
    bytes_u8(out, ',');
    put_seconds("innerEvalTime", trace->run_ns - select_ns, out);
    bytes_u8(out, ',');
    put_seconds("evalTotalTime", trace->parse_ns + trace->run_ns, out);
    bytes_u8(out, ',');
    put_seconds("execTotalTime", trace->parse_ns + trace->run_ns + trace->print_ns, out);
    bytes_printf(out, "},\"stages\":{");
    put_seconds("parse", trace->parse_ns, out);
    bytes_u8(out, ',');
    put_seconds("select", select_ns, out);
    bytes_u8(out, ',');
    put_seconds("read", read_ns, out);
    bytes_u8(out, ',');
    put_seconds("evaluate", trace->run_ns - select_ns - read_ns, out);
    bytes_u8(out, ',');
    put_seconds("print", trace->print_ns, out);
    bytes_printf(out, "},\"selectors\":[");
    for (size_t i = 0; i < trace->count; i++) {
        if (i > 0)
            bytes_u8(out, ',');
        put_selector(&trace->at[i], out);
    }
    bytes_u8(out, ']');
}

void promql_stats_json(const struct promql_cost *cost, const struct promql_trace *trace, struct bytes *out)
{
    bytes_printf(out,
                 "{\"samples\":{\"totalQueryableSamples\":%" PRIu64 ",\"peakSamples\":%" PRIu64
                 "},\"series\":%" PRIu64,
                 cost->samples, cost->peak_samples, cost->series);
    if (trace)
        put_trace(trace, out);
    bytes_u8(out, '}');
}
