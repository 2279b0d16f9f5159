#include "server/api/api.h"

#include <unistd.h>

#include "server/counters/process.h"
#include "server/wire/reply.h"

enum { OK = 200, UNAVAILABLE = 503 };

static uint64_t total_events(const struct counters *c)
{
    return c->value[COUNTER_EVENTS_HTTP] + c->value[COUNTER_EVENTS_EXCEPTION] +
           c->value[COUNTER_EVENTS_TALLY] + c->value[COUNTER_EVENTS_MARKER];
}

static uint64_t total_batches(const struct counters *c)
{
    return c->value[COUNTER_BATCHES_REP] + c->value[COUNTER_BATCHES_PULL] + c->value[COUNTER_BATCHES_HTTP];
}

void api_tick(struct api *api)
{
    struct api_rates *r = &api->rates;
    r->samples[r->next] = api->counters->value[COUNTER_SAMPLES];
    r->events[r->next] = total_events(api->counters);
    r->batches[r->next] = total_batches(api->counters);
    r->next = (r->next + 1) % API_RATE_SECONDS;
    r->filled += r->filled < API_RATE_SECONDS;
}

/* Mean a second over the last API_RATE_SECONDS. */
static double rate(const struct api_rates *r, const uint64_t *ring, uint64_t now)
{
    if (r->filled == 0)
        return 0;
    size_t oldest = r->filled < API_RATE_SECONDS ? 0 : r->next;
    return (double)(now - ring[oldest]) / (double)r->filled;
}

static void put_ingest(const struct api *api, struct bytes *out)
{
    const struct counters *c = api->counters;
    const struct api_rates *r = &api->rates;
    bytes_printf(
        out,
        "\"ingest\":{\"lines_total\":%llu,\"lines_refused_total\":%llu,\"samples_total\":%llu,"
        "\"events_total\":%llu,\"batches_total\":%llu,\"duplicates_total\":%llu,\"busy_total\":%llu,",
        (unsigned long long)c->value[COUNTER_LINES], (unsigned long long)c->value[COUNTER_LINES_REFUSED],
        (unsigned long long)c->value[COUNTER_SAMPLES], (unsigned long long)total_events(c),
        (unsigned long long)total_batches(c), (unsigned long long)c->value[COUNTER_DUPLICATES],
        (unsigned long long)(c->value[COUNTER_REFUSED_BUSY] + c->value[COUNTER_REFUSED_READ_ONLY]));
    bytes_printf(out,
                 "\"samples_per_s\":%.1f,\"events_per_s\":%.1f,\"batches_per_s\":%.1f,\"ack_p50_ms\":%.3f,"
                 "\"ack_p99_ms\":%.3f,\"pending\":%zu,\"last_ms\":%lld}",
                 rate(r, r->samples, c->value[COUNTER_SAMPLES]), rate(r, r->events, total_events(c)),
                 rate(r, r->batches, total_batches(c)), latency_quantile_ms(&c->ack, 0.5),
                 latency_quantile_ms(&c->ack, 0.99), ingest_pending(api->ingest),
                 (long long)ingest_last_ms(api->ingest));
}

static void put_store(const struct api *api, const struct store_stats *s, struct bytes *out)
{
    uint64_t top_count = 0;
    struct str top = store_top_service(api->store, &top_count);
    double sync_ms = s->journal_syncs ? (double)s->journal_sync_ns / (double)s->journal_syncs / 1e6 : 0;
    bytes_printf(
        out,
        ",\"journal\":{\"bytes\":%llu,\"pending_bytes\":%llu,\"written_bytes\":%llu,\"records\":%llu,"
        "\"syncs\":%llu,\"sync_mean_ms\":%.3f,\"errors\":%llu,\"damaged_records\":%llu,\"torn_tails\":%llu}",
        (unsigned long long)s->journal_bytes, (unsigned long long)s->pending_bytes,
        (unsigned long long)s->journal_written_bytes, (unsigned long long)s->journal_records,
        (unsigned long long)s->journal_syncs, sync_ms, (unsigned long long)s->journal_errors,
        (unsigned long long)s->damaged_records, (unsigned long long)s->torn_tails);
    bytes_printf(out, ",\"disk\":{\"data_bytes\":%llu,\"free_bytes\":%llu,\"min_free_bytes\":%lld}",
                 (unsigned long long)s->data_bytes, (unsigned long long)s->disk_free_bytes,
                 (long long)api->config->storage.min_free_bytes);
    bytes_printf(out,
                 ",\"store\":{\"head_bytes\":%llu,\"flushes\":%llu,\"flush_failures\":%llu,"
                 "\"flushed_samples\":%llu,\"flush_cpu_s\":%.3f,\"partitions\":%llu,\"partition_bytes\":%llu,"
                 "\"quarantined\":%llu,\"sealed_days\":%llu,\"expired_days\":%llu,\"crowded_days\":%llu,"
                 "\"rollup_bytes\":%llu,\"rolled_days\":%llu,\"expired_rollups\":%llu}",
                 (unsigned long long)s->head_bytes, (unsigned long long)s->flushes,
                 (unsigned long long)s->flush_failures, (unsigned long long)s->flushed_samples,
                 (double)s->flush_cpu_ns / 1e9, (unsigned long long)s->partitions,
                 (unsigned long long)s->partition_bytes, (unsigned long long)s->quarantined,
                 (unsigned long long)s->sealed_days, (unsigned long long)s->expired_days,
                 (unsigned long long)s->crowded_days, (unsigned long long)s->rollup_bytes,
                 (unsigned long long)s->rolled_days, (unsigned long long)s->expired_rollups);
    bytes_printf(out,
                 ",\"series\":{\"count\":%llu,\"limit\":%lld,\"refused_total\":%llu,"
                 "\"folded_total\":%llu,\"page_group_overflows_total\":%llu,\"top_service\":",
                 (unsigned long long)s->series, (long long)api->config->limits.max_series,
                 (unsigned long long)s->series_refused, (unsigned long long)s->series_folded,
                 (unsigned long long)ingest_overflows(api->ingest));
    bytes_json_string(out, top);
    bytes_printf(out, ",\"top_service_count\":%llu}", (unsigned long long)top_count);
    bytes_printf(out, ",\"producers\":{\"count\":%llu,\"gaps_total\":%llu}", (unsigned long long)s->producers,
                 (unsigned long long)s->producer_gaps);
}

static void put_gates(const struct api *api, struct bytes *out)
{
    static const char *const kinds[] = {[GATE_REP] = "rep", [GATE_PULL] = "pull", [GATE_PUB] = "pub"};
    uint64_t resident = 0;
    bytes_printf(out, ",\"gates\":[");
    for (size_t i = 0; i < api->gate_count; i++) {
        struct gate_status g;
        gate_status(api->gates[i], &g);
        resident += g.pid ? process_resident_bytes(g.pid) : 0;
        bytes_printf(out, "%s{\"endpoint\":", i ? "," : "");
        bytes_json_string(out, str_of(g.url));
        bytes_printf(
            out, ",\"kind\":\"%s\",\"pid\":%d,\"restarts\":%llu,\"state\":\"%s\",\"messages_total\":%llu}",
            kinds[g.kind], g.pid, (unsigned long long)g.restarts,
            g.paused ? "paused" : (g.ready ? "open" : "restarting"), (unsigned long long)g.messages);
    }
    bytes_printf(out, "],\"memory\":{\"rss_bytes\":%llu,\"gates_rss_bytes\":%llu}",
                 (unsigned long long)process_resident_bytes(getpid()), (unsigned long long)resident);
}

static void put_queries(const struct api *api, const struct store_stats *s, struct bytes *out)
{
    const struct counters *c = api->counters;
    bytes_printf(out,
                 ",\"queries\":{\"open\":%zu,\"total\":%llu,\"samples_total\":%llu,\"failed_total\":%llu,"
                 "\"cancelled_total\":%llu,\"timed_out_total\":%llu,\"busy_total\":%llu,\"p50_ms\":%.3f,"
                 "\"p99_ms\":%.3f,\"oldest_reader_ms\":%lld}",
                 api->queries ? queries_count(api->queries) : 0,
                 (unsigned long long)c->value[COUNTER_QUERIES],
                 (unsigned long long)c->value[COUNTER_QUERY_SAMPLES],
                 (unsigned long long)c->value[COUNTER_QUERIES_FAILED],
                 (unsigned long long)c->value[COUNTER_QUERIES_CANCELLED],
                 (unsigned long long)c->value[COUNTER_QUERIES_TIMED_OUT],
                 (unsigned long long)c->value[COUNTER_QUERIES_BUSY], latency_quantile_ms(&c->query, 0.5),
                 latency_quantile_ms(&c->query, 0.99), (long long)s->oldest_reader_ms);
}

static void put_scoring(const struct api *api, struct bytes *out)
{
    struct detect_figures f;
    if (!api->detect)
        return;
    detect_figures(api->detect, &f);
    bytes_printf(out,
                 ",\"scoring\":{\"services\":%llu,\"services_behind\":%llu,\"scored\":%llu,\"learning\":%llu,"
                 "\"silent\":%llu,\"left_out\":%llu,\"memory_bytes\":%llu,\"tables_bytes\":%llu,\"minutes_"
                 "total\":%llu,\"scores_total\":%llu,"
                 "\"anomalies_total\":%llu,\"rescored_total\":%llu,\"learned_percent\":%.0f,\"lag_s\":%lld}",
                 (unsigned long long)f.services, (unsigned long long)f.services_behind,
                 (unsigned long long)f.scored, (unsigned long long)f.learning, (unsigned long long)f.asleep,
                 (unsigned long long)f.left_out, (unsigned long long)f.memory_bytes,
                 (unsigned long long)f.tables_bytes, (unsigned long long)f.minutes,
                 (unsigned long long)f.scores, (unsigned long long)f.anomalies,
                 (unsigned long long)f.rescored, 100 * f.learned, (long long)(f.lag_ms / 1000));
}

static void put_reports(const struct api *api, struct bytes *out)
{
    const struct counters *c = api->counters;
    if (!api->delivery)
        return;
    bytes_printf(out,
                 ",\"reports\":{\"sent_total\":%llu,\"retries_total\":%llu,\"failed_total\":%llu,"
                 "\"waiting\":%zu,\"trouble\":",
                 (unsigned long long)c->value[COUNTER_REPORTS_SENT],
                 (unsigned long long)c->value[COUNTER_REPORTS_RETRIED],
                 (unsigned long long)c->value[COUNTER_REPORTS_REFUSED], api->delivery->waiting);
    if (api->delivery->trouble.text[0])
        bytes_json_string(out, str_of(api->delivery->trouble.text));
    else
        bytes_printf(out, "null");
    bytes_u8(out, '}');
}

void api_status_json(const struct api *api, struct bytes *out)
{
    struct store_stats s;
    store_stats(api->store, &s);
    const char *trouble = store_trouble(api->store);
    double uptime_s = (double)(clock_mono_ns(api->clock) - api->started_ns) / 1e9;
    bytes_printf(out, "{\"version\":\"" TIDEMARK_VERSION "\",\"uptime_s\":%.0f,\"state\":\"%s\",\"trouble\":",
                 uptime_s, trouble ? "read_only" : (api->ready ? "ready" : "recovering"));
    if (trouble)
        bytes_json_string(out, str_of(trouble));
    else
        bytes_printf(out, "null");
    bytes_printf(out, ",");
    put_ingest(api, out);
    put_store(api, &s, out);
    put_gates(api, out);
    put_queries(api, &s, out);
    put_scoring(api, out);
    put_reports(api, out);
    bytes_printf(out, ",\"http\":{\"requests_total\":%llu,\"errors_total\":%llu,\"connections\":%zu}}",
                 (unsigned long long)api->counters->value[COUNTER_HTTP_REQUESTS],
                 (unsigned long long)api->counters->value[COUNTER_HTTP_ERRORS], http_connections(api->http));
}

void api_status(void *arg, struct http_exchange *exchange)
{
    struct bytes body = {0};
    bytes_printf(&body, "{\"status\":\"success\",\"data\":");
    api_status_json(arg, &body);
    bytes_printf(&body, "}\n");
    if (bytes_error(&body))
        http_respond_error(exchange, UNAVAILABLE, "unavailable", "out of memory; try again");
    else
        http_respond(exchange, OK, NULL, bytes_view(&body));
    bytes_fini(&body);
}
