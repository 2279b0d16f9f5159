#include "server/api/api.h"

static const struct http_route routes[] = {
    {"/write", HTTP_POST, HTTP_SIGNED_WRITE, api_write},
    {"/api/v2/write", HTTP_POST, HTTP_SIGNED_WRITE, api_write},
    {"/api/v1/write", HTTP_POST | HTTP_SNAPPY, HTTP_WRITE, api_remote_write},
    {"/api/v1/query", HTTP_GET | HTTP_POST, HTTP_READ, api_query},
    {"/api/v1/query_range", HTTP_GET | HTTP_POST, HTTP_READ, api_query_range},
    {"/api/v1/format_query", HTTP_GET | HTTP_POST, HTTP_READ, api_format_query},
    {"/api/v1/series", HTTP_GET | HTTP_POST, HTTP_READ, api_series},
    {"/api/v1/labels", HTTP_GET | HTTP_POST, HTTP_READ, api_labels},
    {"/api/v1/label/*/values", HTTP_GET, HTTP_READ, api_label_values},
    {"/api/v1/metadata", HTTP_GET | HTTP_POST, HTTP_READ, api_metadata},
    {"/api/v1/rules", HTTP_GET | HTTP_POST, HTTP_READ, api_rules},
    {"/api/v1/alerts", HTTP_GET | HTTP_POST, HTTP_READ, api_alerts},
    {"/api/v1/query_exemplars", HTTP_GET | HTTP_POST, HTTP_READ, api_exemplars},
    {"/api/v1/export", HTTP_GET | HTTP_POST, HTTP_READ, api_export},
    {"/api/v1/counts", HTTP_GET | HTTP_POST, HTTP_READ, api_counts},
    {"/api/v1/events", HTTP_GET | HTTP_POST, HTTP_READ, api_events},
    {"/api/v1/events/explain", HTTP_GET, HTTP_READ, api_explain},
    {"/api/v1/top", HTTP_GET | HTTP_POST, HTTP_READ, api_top},
    {"/api/v1/status/tsdb", HTTP_GET, HTTP_READ, api_tsdb},
    {"/api/v1/status/buildinfo", HTTP_GET | HTTP_POST, HTTP_READ, api_buildinfo},
    {"/api/v1/status/tidemark", HTTP_GET, HTTP_READ, api_status},
    {"/api/v1/exceptions", HTTP_GET, HTTP_READ, api_exceptions},
    {"/api/v1/exceptions/*", HTTP_GET, HTTP_READ, api_exception},
    {"/api/v1/exceptions/*", HTTP_POST, HTTP_WRITE, api_exception_post},
    {"/api/v1/markers", HTTP_GET, HTTP_READ, api_markers},
    {"/api/v1/markers", HTTP_POST, HTTP_WRITE, api_markers_post},
    {"/api/v1/markers/*", HTTP_GET, HTTP_READ, api_marker},
    {"/api/v1/markers/*", HTTP_PATCH, HTTP_WRITE, api_marker_patch},
    {"/api/v1/markers/*", HTTP_DELETE, HTTP_WRITE, api_marker_delete},
    {"/api/v1/verdicts", HTTP_GET, HTTP_READ, api_verdicts},
    {"/api/v1/stream", HTTP_GET, HTTP_READ, api_stream},
    {"/api/v1/admin/delete", HTTP_POST, HTTP_ADMIN, api_delete},
    {"/api/v1/admin/flush", HTTP_POST, HTTP_ADMIN, api_flush},
    {"/api/v1/admin/verify", HTTP_POST, HTTP_ADMIN, api_verify},
    {"/api/v1/admin/verify", HTTP_GET, HTTP_ADMIN, api_verify_status},
    {"/api/v1/admin/backup", HTTP_POST, HTTP_ADMIN, api_backup},
    {"/api/v1/admin/backup", HTTP_GET, HTTP_ADMIN, api_backup_status},
    {"/metrics", HTTP_GET, HTTP_READ, api_metrics},
    {"/-/healthy", HTTP_GET, HTTP_OPEN, api_healthy},
    {"/-/ready", HTTP_GET, HTTP_OPEN, api_ready},
    {"/-/reload", HTTP_POST | HTTP_PUT, HTTP_ADMIN, api_reload},
};

const struct http_route *api_routes(size_t *count)
{
    *count = sizeof routes / sizeof routes[0];
    return routes;
}
