#include "server/counters/counters.h"

#include <string.h>

struct declaration {
    const char *name;
    const char *labels;
    const char *help; /* NULL: the same family as the line above */
};

static const struct declaration declarations[COUNTER_COUNT] = {
    [COUNTER_LINES] = {"tidemark_lines_total", "", "Lines received in batches that were taken."},
    [COUNTER_LINES_REFUSED] = {"tidemark_lines_refused_total", "",
                               "Lines refused, with a reason in the reply."},
    [COUNTER_SAMPLES] = {"tidemark_samples_total", "", "Samples made durable."},
    [COUNTER_EVENTS_HTTP] = {"tidemark_events_total", "{kind=\"http\"}",
                             "Events made durable, by kind of line."},
    [COUNTER_EVENTS_EXCEPTION] = {"tidemark_events_total", "{kind=\"exception\"}", NULL},
    [COUNTER_EVENTS_TALLY] = {"tidemark_events_total", "{kind=\"tally\"}", NULL},
    [COUNTER_EVENTS_MARKER] = {"tidemark_events_total", "{kind=\"marker\"}", NULL},
    [COUNTER_BATCHES_REP] = {"tidemark_batches_total", "{path=\"rep\"}", "Batches received, by path."},
    [COUNTER_BATCHES_PULL] = {"tidemark_batches_total", "{path=\"pull\"}", NULL},
    [COUNTER_BATCHES_HTTP] = {"tidemark_batches_total", "{path=\"http\"}", NULL},
    [COUNTER_INGEST_BYTES] = {"tidemark_ingest_bytes_total", "", "Bytes of messages received, as sent."},
    [COUNTER_DUPLICATES] = {"tidemark_duplicates_total", "",
                            "Batches that were settled before and had no effect."},
    [COUNTER_REFUSED_SIGNATURE] = {"tidemark_refused_total", "{error=\"bad_signature\"}",
                                   "Whole messages refused, by reason."},
    [COUNTER_REFUSED_KEY] = {"tidemark_refused_total", "{error=\"unknown_key\"}", NULL},
    [COUNTER_REFUSED_FORBIDDEN] = {"tidemark_refused_total", "{error=\"forbidden\"}", NULL},
    [COUNTER_REFUSED_HEADER] = {"tidemark_refused_total", "{error=\"bad_header\"}", NULL},
    [COUNTER_REFUSED_ENCODING] = {"tidemark_refused_total", "{error=\"bad_encoding\"}", NULL},
    [COUNTER_REFUSED_TOO_LARGE] = {"tidemark_refused_total", "{error=\"too_large\"}", NULL},
    [COUNTER_REFUSED_STALE_EPOCH] = {"tidemark_refused_total", "{error=\"stale_epoch\"}", NULL},
    [COUNTER_REFUSED_SEQ_CONFLICT] = {"tidemark_refused_total", "{error=\"seq_conflict\"}", NULL},
    [COUNTER_REFUSED_BUSY] = {"tidemark_refused_total", "{error=\"busy\"}", NULL},
    [COUNTER_REFUSED_READ_ONLY] = {"tidemark_refused_total", "{error=\"read_only\"}", NULL},
    [COUNTER_PULL_PAUSES] = {"tidemark_pull_pauses_total", "",
                             "Times a pull endpoint was not read, so that senders block."},
    [COUNTER_REPLIES_LOST] = {"tidemark_replies_lost_total", "",
                              "Answers whose gate was gone; senders ask again."},
    [COUNTER_GATE_RESTARTS] = {"tidemark_gate_restarts_total", "",
                               "Gate processes started again after they ended."},
    [COUNTER_HTTP_REQUESTS] = {"tidemark_http_requests_total", "", "HTTP requests answered."},
    [COUNTER_HTTP_ERRORS] = {"tidemark_http_errors_total", "",
                             "HTTP requests answered with status 400 or above."},
    [COUNTER_HTTP_UNAUTHORISED] = {"tidemark_http_unauthorised_total", "",
                                   "HTTP requests without a valid key or scope."},
    [COUNTER_HTTP_CUT] = {"tidemark_http_cut_total", "",
                          "HTTP connections cut: no whole request within its time."},
    [COUNTER_QUERIES] = {"tidemark_queries_total", "",
                         "Read requests that were worked on, whatever their end."},
    [COUNTER_QUERY_SAMPLES] = {"tidemark_query_samples_total", "", "Samples read for them."},
    [COUNTER_QUERIES_FAILED] = {"tidemark_queries_failed_total", "", "Queries that ended with an error."},
    [COUNTER_QUERIES_CANCELLED] = {"tidemark_queries_cancelled_total", "",
                                   "Queries ended because the client had gone, or at shutdown."},
    [COUNTER_QUERIES_TIMED_OUT] = {"tidemark_queries_timed_out_total", "",
                                   "Queries ended by limits.query_timeout."},
    [COUNTER_QUERIES_BUSY] = {"tidemark_queries_busy_total", "",
                              "Read requests refused because too many were under way."},
    [COUNTER_PUBLISHED] = {"tidemark_published_total", "", "Messages handed to publish endpoints."},
    [COUNTER_PUBLISH_DROPPED] = {"tidemark_publish_dropped_total", "",
                                 "Messages not published: the gate was away or behind."},
    [COUNTER_FEED_SENT] = {"tidemark_stream_events_total", "",
                           "Events of the live feed handed to clients of /api/v1/stream."},
    [COUNTER_FEED_DROPPED] = {"tidemark_stream_clients_dropped_total", "",
                              "Clients of /api/v1/stream dropped because they were too far behind."},
    [COUNTER_REPORTS_SENT] = {"tidemark_report_deliveries_total", "{result=\"sent\"}",
                              "Messages on reports to their receivers, by how an attempt ended."},
    [COUNTER_REPORTS_RETRIED] = {"tidemark_report_deliveries_total", "{result=\"retry\"}", NULL},
    [COUNTER_REPORTS_REFUSED] = {"tidemark_report_deliveries_total", "{result=\"failed\"}", NULL},
    [COUNTER_RELOADS] = {"tidemark_config_reloads_total", "", "Configurations taken by reload."},
    [COUNTER_RELOADS_REFUSED] = {"tidemark_config_reloads_refused_total", "", "Reloads refused for faults."},
};

static const double latency_first_ns = 50e3;

void latency_record(struct latency *latency, int64_t ns)
{
    double bound = latency_first_ns;
    size_t i = 0;
    for (; i < LATENCY_BUCKETS && (double)ns > bound; i++)
        bound *= 2;
    latency->bucket[i]++;
    latency->count++;
    latency->sum_ns += ns > 0 ? (uint64_t)ns : 0;
}

double latency_quantile_ms(const struct latency *latency, double share)
{
    double rank = share * (double)latency->count, bound = latency_first_ns;
    uint64_t seen = 0;
    if (latency->count == 0)
        return 0;
    for (size_t i = 0; i < LATENCY_BUCKETS; i++, bound *= 2) {
        uint64_t here = latency->bucket[i];
        if (here && (double)(seen + here) >= rank) {
            double low = i == 0 ? 0 : bound / 2;
            return (low + (bound - low) * (rank - (double)seen) / (double)here) / 1e6;
        }
        seen += here;
    }
    return bound / 1e6;
}

void counters_write_one(struct bytes *out, const char *name, const char *type, const char *help,
                        const char *labels, double value)
{
    if (help)
        bytes_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
    bytes_printf(out, "%s%s %.17g\n", name, labels, value);
}

static void write_latency(const struct latency *latency, const char *name, const char *help,
                          struct bytes *out)
{
    double bound = latency_first_ns;
    uint64_t seen = 0;
    bytes_printf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
    for (size_t i = 0; i < LATENCY_BUCKETS; i++, bound *= 2) {
        seen += latency->bucket[i];
        bytes_printf(out, "%s_bucket{le=\"%.9g\"} %llu\n", name, bound / 1e9, (unsigned long long)seen);
    }
    bytes_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.9g\n%s_count %llu\n", name,
                 (unsigned long long)latency->count, name, (double)latency->sum_ns / 1e9, name,
                 (unsigned long long)latency->count);
}

void counters_write(const struct counters *counters, struct bytes *out)
{
    for (size_t i = 0; i < COUNTER_COUNT; i++) {
        const struct declaration *d = &declarations[i];
        if (d->help)
            bytes_printf(out, "# HELP %s %s\n# TYPE %s counter\n", d->name, d->help, d->name);
        bytes_printf(out, "%s%s %llu\n", d->name, d->labels, (unsigned long long)counters->value[i]);
    }
    write_latency(&counters->ack, "tidemark_ack_duration_seconds", "Receipt of a message to its answer.",
                  out);
    write_latency(&counters->query, "tidemark_query_duration_seconds",
                  "Receipt of a read request to the end of its answer.", out);
}
