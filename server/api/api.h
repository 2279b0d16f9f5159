/* What the daemon answers over HTTP: one handler a path, and the table of routes. Loop thread only. */
#ifndef TM_API_H
#define TM_API_H

#include "server/counters/counters.h"
#include "server/detect/detect.h"
#include "server/feed/feed.h"
#include "server/gate/gate.h"
#include "server/http/http.h"
#include "server/ingest/ingest.h"
#include "server/job/delivery.h"
#include "server/job/job.h"
#include "server/query/queries.h"
#include "storage/store.h"

enum { API_RATE_SECONDS = 10 };

/* Totals a second ago, two seconds ago, ... for the rates on the status page. */
struct api_rates {
    uint64_t samples[API_RATE_SECONDS], events[API_RATE_SECONDS], batches[API_RATE_SECONDS];
    size_t filled, next;
};

/* What the handlers look at. All borrowed from the daemon. */
struct api {
    struct store *store;
    struct queries *queries;
    struct feed *feed;
    struct jobs *jobs;
    const struct delivery *delivery; /* NULL: none */
    struct detect *detect;
    struct ingest *ingest;
    struct counters *counters;
    struct http_server *http;
    const struct config *config;
    const struct clock *clock;
    int64_t started_ns;
    struct gate_process **gates;
    size_t gate_count;
    bool ready;
    struct api_rates rates;
    struct api_deletion *deletions; /* under way */
    struct api_change *changes;     /* likewise (api_change.h) */
    uint32_t feedback_count;        /* since start */
    bool is_stopping;
    /* Reads the configuration again. TM_INVALID: refused, why says why. */
    enum tm_err (*reload)(void *arg, struct tm_why *why); /* done, but something waits: why says what */
    void *reload_arg;
};

/* The table of routes, to be given to http_open with a struct api as arg. */
const struct http_route *api_routes(size_t *count);

/* Once a second: remembers totals for the rates. */
void api_tick(struct api *api);

/* Appends the status document's `data` object, for the page and for the publish feed. */
void api_status_json(const struct api *api, struct bytes *out);

/* The daemon stops: answers the requests whose answer would come later. */
void api_stop(struct api *api);

/* Appends what /metrics serves. */
void api_metrics_text(const struct api *api, struct bytes *out);

/* The handlers. All have the one signature: arg is the struct api, and each answers exchange now or later,
 * with an error in the envelope of http_respond_error. Where a file is not named it is the one of the handler
 * above. */

/* POST /write, /api/v2/write (api_write.c): a batch of lines; 204 once all of it is durable. */
void api_write(void *arg, struct http_exchange *exchange);
/* POST /api/v1/write: Prometheus' remote write, decompressed already; 204 once all of it is durable. */
void api_remote_write(void *arg, struct http_exchange *exchange);
/* GET, POST /api/v1/metadata (api_prometheus.c): type, help and unit of the metrics that are known. */
void api_metadata(void *arg, struct http_exchange *exchange);
/* GET, POST /api/v1/rules: no groups, as there are no rules. */
void api_rules(void *arg, struct http_exchange *exchange);
/* GET, POST /api/v1/alerts: none, for the same reason. */
void api_alerts(void *arg, struct http_exchange *exchange);
/* GET, POST /api/v1/query_exemplars: none, as none are kept. */
void api_exemplars(void *arg, struct http_exchange *exchange);
/* GET /api/v1/status/tidemark (api_status.c): the document of api_status_json. */
void api_status(void *arg, struct http_exchange *exchange);
/* GET /metrics (api_metrics.c): the daemon's own figures as Prometheus' text. */
void api_metrics(void *arg, struct http_exchange *exchange);
/* GET /-/healthy (api_health.c): 200 as long as the loop turns. */
void api_healthy(void *arg, struct http_exchange *exchange);
/* GET /-/ready: 200, or 503 with the reason while it starts or can't write. */
void api_ready(void *arg, struct http_exchange *exchange);
/* POST, PUT /-/reload: reads the configuration again; 400 says what is wrong with it. */
void api_reload(void *arg, struct http_exchange *exchange);
/* POST /api/v1/admin/flush: answers when all that is in memory is in files. */
void api_flush(void *arg, struct http_exchange *exchange);
/* POST /api/v1/admin/delete (api_delete.c): deletes the series of match[] in a span; answers once that is
 * gone for all readers. */
void api_delete(void *arg, struct http_exchange *exchange);
/* GET /api/v1/exceptions (api_exceptions.c): a page of groups, newest last time first. */
void api_exceptions(void *arg, struct http_exchange *exchange);
/* GET /api/v1/exceptions/ID: one group, with its hours. */
void api_exception(void *arg, struct http_exchange *exchange);
/* POST /api/v1/exceptions/ID: resolves, reopens, merges or splits it; once durable, the group as it is. */
void api_exception_post(void *arg, struct http_exchange *exchange);
/* GET /api/v1/markers (api_markers.c): a page of those that reach into the span, newest first. */
void api_markers(void *arg, struct http_exchange *exchange);
/* POST /api/v1/markers: makes one; it is answered once durable. */
void api_markers_post(void *arg, struct http_exchange *exchange);
/* GET /api/v1/markers/ID: one marker. */
void api_marker(void *arg, struct http_exchange *exchange);
/* GET /api/v1/markers/ID/expected: what an announced event has to expect, from events like it; 404 for other
 * kinds. */
void api_marker_expected(void *arg, struct http_exchange *exchange);
/* PATCH /api/v1/markers/ID: changes the named fields; the marker as it is then, once durable. */
void api_marker_patch(void *arg, struct http_exchange *exchange);
/* DELETE /api/v1/markers/ID: removes it; answers once that is durable. */
void api_marker_delete(void *arg, struct http_exchange *exchange);
/* GET /api/v1/verdicts (api_verdicts.c): whether deploys are bad, made anew of the counts by a worker. */
void api_verdicts(void *arg, struct http_exchange *exchange);
/* POST /api/v1/admin/verify (api_admin.c): checks all files, in a job of its own process, whose end is the
 * answer; with wait=no its start is, as for the next two. */
void api_verify(void *arg, struct http_exchange *exchange);
/* GET /api/v1/admin/verify: how the last one stands or ended. */
void api_verify_status(void *arg, struct http_exchange *exchange);
/* POST /api/v1/admin/backup?to=: makes a backup in that place. */
void api_backup(void *arg, struct http_exchange *exchange);
/* GET /api/v1/admin/backup: how the last one stands or ended. */
void api_backup_status(void *arg, struct http_exchange *exchange);
/* POST /api/v1/admin/report: runs tidemark-report. */
void api_report(void *arg, struct http_exchange *exchange);
/* GET /api/v1/admin/report: how the last one stands or ended. */
void api_report_status(void *arg, struct http_exchange *exchange);
/* GET /reports/... (api_reports.c): a file of a report that was made; of /reports/ the index. Nothing else of
 * the disk. */
void api_report_file(void *arg, struct http_exchange *exchange);
/* GET /api/v1/reports: a page of the reports that were made, newest week first. */
void api_reports(void *arg, struct http_exchange *exchange);
/* GET, POST /api/v1/status/buildinfo (api_health.c): the Prometheus whose query language is spoken, and our
 * version. */
void api_buildinfo(void *arg, struct http_exchange *exchange);
/* GET, POST /api/v1/query (api_query.c): PromQL at one time. This and the next ten hand over to server/query.
 */
void api_query(void *arg, struct http_exchange *exchange);
/* GET, POST /api/v1/query_range: PromQL over a range. */
void api_query_range(void *arg, struct http_exchange *exchange);
/* GET, POST /api/v1/format_query: an expression in its printed form. */
void api_format_query(void *arg, struct http_exchange *exchange);
/* GET, POST /api/v1/series: the label sets that match. */
void api_series(void *arg, struct http_exchange *exchange);
/* GET, POST /api/v1/labels: label names. */
void api_labels(void *arg, struct http_exchange *exchange);
/* GET /api/v1/label/NAME/values: the values of one. */
void api_label_values(void *arg, struct http_exchange *exchange);
/* GET /api/v1/status/tsdb: what makes the index large. */
void api_tsdb(void *arg, struct http_exchange *exchange);
/* GET, POST /api/v1/export: samples as lines of JSON, as a stream. */
void api_export(void *arg, struct http_exchange *exchange);
/* GET, POST /api/v1/counts: exact integer sums. */
void api_counts(void *arg, struct http_exchange *exchange);
/* GET, POST /api/v1/events: raw HTTP events, newest first. */
void api_events(void *arg, struct http_exchange *exchange);
/* GET, POST /api/v1/top: the values of a column that most events have. */
void api_top(void *arg, struct http_exchange *exchange);
/* GET, POST /api/v1/diff: what changed between two windows, most telling series first; with the markers of
 * now. */
void api_diff(void *arg, struct http_exchange *exchange);
/* GET /api/v1/events/explain (api_explain.c): for a person, which page group a URL of a service is in and
 * why. */
void api_explain(void *arg, struct http_exchange *exchange);
/* GET /api/v1/anomalies (api_findings.c): a page of anomalies, newest first; read by server/query. */
void api_anomalies(void *arg, struct http_exchange *exchange);
/* GET /api/v1/anomalies/ID: one of them. */
void api_anomaly(void *arg, struct http_exchange *exchange);
/* GET /api/v1/incidents: a page of incidents, newest first. */
void api_incidents(void *arg, struct http_exchange *exchange);
/* GET /api/v1/incidents/ID: one of them. */
void api_incident(void *arg, struct http_exchange *exchange);
/* POST /api/v1/incidents/ID/feedback: what somebody says of it; the incident as it is then, once durable. */
void api_feedback(void *arg, struct http_exchange *exchange);
/* GET /api/v1/stream (api_stream.c): server-sent events, until the client goes; see server/feed. */
void api_stream(void *arg, struct http_exchange *exchange);

#endif
