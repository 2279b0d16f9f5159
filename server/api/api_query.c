#include "server/api/api.h"

#include "server/query/diff.h"
#include "server/query/endpoints.h"

void api_query(void *arg, struct http_exchange *exchange)
{
    query_instant(((struct api *)arg)->queries, exchange);
}

void api_query_range(void *arg, struct http_exchange *exchange)
{
    query_range(((struct api *)arg)->queries, exchange);
}

void api_format_query(void *arg, struct http_exchange *exchange)
{
    (void)arg;
    query_format(exchange);
}

void api_series(void *arg, struct http_exchange *exchange)
{
    query_series(((struct api *)arg)->queries, exchange);
}

void api_labels(void *arg, struct http_exchange *exchange)
{
    query_labels(((struct api *)arg)->queries, exchange);
}

void api_label_values(void *arg, struct http_exchange *exchange)
{
    query_label_values(((struct api *)arg)->queries, exchange);
}

void api_tsdb(void *arg, struct http_exchange *exchange)
{
    query_tsdb(((struct api *)arg)->queries, exchange);
}

void api_export(void *arg, struct http_exchange *exchange)
{
    query_export(((struct api *)arg)->queries, exchange);
}

void api_counts(void *arg, struct http_exchange *exchange)
{
    query_counts(((struct api *)arg)->queries, exchange);
}

void api_events(void *arg, struct http_exchange *exchange)
{
    query_events(((struct api *)arg)->queries, exchange);
}

void api_top(void *arg, struct http_exchange *exchange)
{
    query_top(((struct api *)arg)->queries, exchange);
}

void api_diff(void *arg, struct http_exchange *exchange)
{
    struct api *api = arg;
    query_diff(api->queries, store_markers(api->store), exchange);
}
