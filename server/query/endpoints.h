/* The read requests, one function a path. Each reads its parameters and either refuses or submits a query.
 * Loop thread. */
#ifndef TM_QUERY_ENDPOINTS_H
#define TM_QUERY_ENDPOINTS_H

#include "server/http/http.h"
#include "server/query/queries.h"

/* GET, POST /api/v1/query: PromQL at one time, as Prometheus 2.42. */
void query_instant(struct queries *queries, struct http_exchange *exchange);
/* GET, POST /api/v1/query_range: PromQL over a range, as Prometheus 2.42. */
void query_range(struct queries *queries, struct http_exchange *exchange);
/* GET, POST /api/v1/format_query: an expression in its printed form; answered at once. */
void query_format(struct http_exchange *exchange);
/* GET, POST /api/v1/series: as Prometheus 2.42. */
void query_series(struct queries *queries, struct http_exchange *exchange);
/* GET, POST /api/v1/labels: label names, as Prometheus 2.42. */
void query_labels(struct queries *queries, struct http_exchange *exchange);
/* GET /api/v1/label/NAME/values, as Prometheus 2.42. The name is the path's part; a wrong one is refused. */
void query_label_values(struct queries *queries, struct http_exchange *exchange);
/* GET /api/v1/status/tsdb: as Prometheus 2.42, and seriesCountByService. */
void query_tsdb(struct queries *queries, struct http_exchange *exchange);
/* GET, POST /api/v1/export: samples as lines of JSON. */
void query_export(struct queries *queries, struct http_exchange *exchange);
/* GET, POST /api/v1/counts: exact integers. */
void query_counts(struct queries *queries, struct http_exchange *exchange);
/* GET, POST /api/v1/events: raw HTTP events, newest first. */
void query_events(struct queries *queries, struct http_exchange *exchange);
/* GET, POST /api/v1/top: the values of a column that most events have. */
void query_top(struct queries *queries, struct http_exchange *exchange);
/* GET /api/v1/anomalies: a page of what scoring found, newest first. */
void query_anomalies(struct queries *queries, struct http_exchange *exchange);
/* GET /api/v1/anomalies/ID: one of them, and when its series' course was most like that; 404 if there is
 * none. */
void query_anomaly(struct queries *queries, struct http_exchange *exchange);
/* GET /api/v1/incidents: a page of incidents, newest first, each with what was said of it. */
void query_incidents(struct queries *queries, struct http_exchange *exchange);
/* GET /api/v1/incidents/ID: one of them; 404 if there is none. */
void query_incident(struct queries *queries, struct http_exchange *exchange);

#endif
