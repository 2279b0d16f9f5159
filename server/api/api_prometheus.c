/* What Grafana asks of a Prometheus beside its data: types and helps of metrics, and lists that are empty as
 * long as there are no rules. */
#include <inttypes.h>
#include <stdlib.h>

#include "server/api/api.h"
#include "server/ingest/metadata.h"
#include "server/query/params.h"
#include "server/wire/reply.h"

enum { BAD_REQUEST = 400, OK = 200, UNAVAILABLE = 503, COUNTER = 1, GAUGE, HISTOGRAM };

/* Series that the daemon makes, but its own figures and tallies, whose names hang on the lines. */
static const struct {
    const char *name;
    uint32_t type;
    const char *help;
} made[] = {
    {"anomaly_score", GAUGE, "How unusual a series is, 0 to 100"},
    {"exception_events_total", COUNTER, "Exceptions, by type and fingerprint"},
    {"http_event_bytes_total", COUNTER, "Bytes of HTTP answers, by page group"},
    {"http_event_duration_seconds", HISTOGRAM, "Time of HTTP requests as their client saw it"},
    {"http_event_edge_seconds", HISTOGRAM, "Time of HTTP requests at the edge"},
    {"http_event_origin_seconds", HISTOGRAM, "Time of HTTP requests at the origin"},
    {"http_events_total", COUNTER, "HTTP requests, by page group and status"},
};
enum { MADE_COUNT = sizeof made / sizeof made[0] };

/* Names come in their order from both lists. */
struct merge {
    const struct metadata *sent;
    size_t made_next, sent_next;
};

static struct metric_metadata made_at(size_t i)
{
    return (struct metric_metadata){str_of(made[i].name), made[i].type, str_of(made[i].help), STR("")};
}

/* The next one; a name that both have is ours. False at the end. */
static bool next_metadata(struct merge *m, struct metric_metadata *out)
{
    bool has_made = m->made_next < MADE_COUNT, has_sent = m->sent_next < m->sent->count;
    if (!has_made && !has_sent)
        return false;
    int order = !has_made   ? 1
                : !has_sent ? -1
                            : str_compare(str_of(made[m->made_next].name), m->sent->at[m->sent_next].name);
    *out = order <= 0 ? made_at(m->made_next) : m->sent->at[m->sent_next];
    m->made_next += order <= 0;
    m->sent_next += order >= 0;
    return true;
}

static void put_metadata(struct bytes *out, const struct metric_metadata *one)
{
    bytes_json_string(out, one->name);
    bytes_printf(out, ":[{\"type\":\"%s\",\"help\":", metadata_type(one->type));
    bytes_json_string(out, one->help);
    bytes_printf(out, ",\"unit\":");
    bytes_json_string(out, one->unit);
    bytes_printf(out, "}]");
}

static void respond_and_free(struct http_exchange *exchange, struct bytes *body)
{
    if (bytes_error(body))
        http_respond_error(exchange, UNAVAILABLE, "unavailable", "out of memory; try again");
    else
        http_respond(exchange, OK, NULL, bytes_view(body));
    bytes_fini(body);
}

/* Prometheus takes limit=0 as none at all, and a negative one as no limit. */
static bool read_limit(const char *text, int64_t *out)
{
    char *end = NULL;
    *out = -1;
    if (!text || !*text)
        return true;
    *out = strtoll(text, &end, 10);
    return end && *end == '\0';
}

void api_metadata(void *arg, struct http_exchange *exchange)
{
    const struct api *api = arg;
    const char *metric = http_query(exchange, "metric");
    struct bytes body = {0};
    struct metric_metadata one;
    int64_t limit, told = 0;
    if (!read_limit(http_query(exchange, "limit"), &limit)) {
        http_respond_error(exchange, BAD_REQUEST, "bad_data", "limit must be a number");
        return;
    }
    struct merge merge = {ingest_metadata(api->ingest), 0, 0};
    bytes_printf(&body, "{\"status\":\"success\",\"data\":{");
    while ((limit < 0 || told < limit) && next_metadata(&merge, &one)) {
        if (metric && *metric && !str_equal(one.name, str_of(metric)))
            continue;
        if (told++ > 0)
            bytes_u8(&body, ',');
        put_metadata(&body, &one);
    }
    bytes_printf(&body, "}}\n");
    respond_and_free(exchange, &body);
}

void api_rules(void *arg, struct http_exchange *exchange)
{
    (void)arg;
    http_respond(exchange, OK, NULL, STR("{\"status\":\"success\",\"data\":{\"groups\":[]}}\n"));
}

void api_alerts(void *arg, struct http_exchange *exchange)
{
    (void)arg;
    http_respond(exchange, OK, NULL, STR("{\"status\":\"success\",\"data\":{\"alerts\":[]}}\n"));
}

void api_exemplars(void *arg, struct http_exchange *exchange)
{
    (void)arg;
    http_respond(exchange, OK, NULL, STR("{\"status\":\"success\",\"data\":[]}\n"));
}
