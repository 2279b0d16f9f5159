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
    enum tm_err (*reload)(void *arg, struct tm_why *why);
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

/* The handlers (api_write.c, api_prometheus.c, api_status.c, api_health.c, api_delete.c). */
void api_write(void *arg, struct http_exchange *exchange);
void api_remote_write(void *arg, struct http_exchange *exchange);
void api_metadata(void *arg, struct http_exchange *exchange);
void api_rules(void *arg, struct http_exchange *exchange);
void api_alerts(void *arg, struct http_exchange *exchange);
void api_exemplars(void *arg, struct http_exchange *exchange);
void api_status(void *arg, struct http_exchange *exchange);
void api_metrics(void *arg, struct http_exchange *exchange);
void api_healthy(void *arg, struct http_exchange *exchange);
void api_ready(void *arg, struct http_exchange *exchange);
void api_reload(void *arg, struct http_exchange *exchange);
void api_flush(void *arg, struct http_exchange *exchange);
void api_delete(void *arg, struct http_exchange *exchange);
void api_exceptions(void *arg, struct http_exchange *exchange);
void api_exception(void *arg, struct http_exchange *exchange);
void api_exception_post(void *arg, struct http_exchange *exchange);
void api_markers(void *arg, struct http_exchange *exchange);
void api_markers_post(void *arg, struct http_exchange *exchange);
void api_marker(void *arg, struct http_exchange *exchange);
void api_marker_expected(void *arg, struct http_exchange *exchange);
void api_marker_patch(void *arg, struct http_exchange *exchange);
void api_marker_delete(void *arg, struct http_exchange *exchange);
void api_verdicts(void *arg, struct http_exchange *exchange);
void api_verify(void *arg, struct http_exchange *exchange);
void api_verify_status(void *arg, struct http_exchange *exchange);
void api_backup(void *arg, struct http_exchange *exchange);
void api_backup_status(void *arg, struct http_exchange *exchange);
void api_report(void *arg, struct http_exchange *exchange);
void api_report_status(void *arg, struct http_exchange *exchange);
void api_report_file(void *arg, struct http_exchange *exchange);
void api_reports(void *arg, struct http_exchange *exchange);
void api_buildinfo(void *arg, struct http_exchange *exchange);
void api_query(void *arg, struct http_exchange *exchange);
void api_query_range(void *arg, struct http_exchange *exchange);
void api_format_query(void *arg, struct http_exchange *exchange);
void api_series(void *arg, struct http_exchange *exchange);
void api_labels(void *arg, struct http_exchange *exchange);
void api_label_values(void *arg, struct http_exchange *exchange);
void api_tsdb(void *arg, struct http_exchange *exchange);
void api_export(void *arg, struct http_exchange *exchange);
void api_counts(void *arg, struct http_exchange *exchange);
void api_events(void *arg, struct http_exchange *exchange);
void api_top(void *arg, struct http_exchange *exchange);
void api_diff(void *arg, struct http_exchange *exchange);
void api_explain(void *arg, struct http_exchange *exchange);
void api_anomalies(void *arg, struct http_exchange *exchange);
void api_anomaly(void *arg, struct http_exchange *exchange);
void api_incidents(void *arg, struct http_exchange *exchange);
void api_incident(void *arg, struct http_exchange *exchange);
void api_feedback(void *arg, struct http_exchange *exchange);
void api_stream(void *arg, struct http_exchange *exchange);

#endif
