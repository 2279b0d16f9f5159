/* Why a URL is in its group of pages. */
#include "server/api/api.h"
#include "server/wire/reply.h"
#include "storage/model/bytes.h"

static void answer_explanation(struct http_exchange *exchange, struct str service, struct str url,
                               struct str text)
{
    enum { OK = 200, UNAVAILABLE = 503 };
    struct bytes out = {0};
    bytes_printf(&out, "{\"status\":\"success\",\"data\":{\"service\":");
    bytes_json_string(&out, service);
    bytes_printf(&out, ",\"url\":");
    bytes_json_string(&out, url);
    bytes_printf(&out, ",\"text\":");
    bytes_json_string(&out, text);
    bytes_printf(&out, "}}\n");
    if (bytes_error(&out))
        http_respond_error(exchange, UNAVAILABLE, "unavailable", "out of memory; try again");
    else
        http_respond(exchange, OK, NULL, bytes_view(&out));
    bytes_fini(&out);
}

void api_explain(void *arg, struct http_exchange *exchange)
{
    enum { BAD_REQUEST = 400, UNAVAILABLE = 503 };
    const struct api *api = arg;
    const char *service = http_query(exchange, "service");
    const char *url = http_query(exchange, "url");
    struct bytes text = {0};
    if (!url || !*url) {
        http_respond_error(exchange, BAD_REQUEST, "bad_data",
                           "invalid parameter \"url\": say which one is to be explained");
        return;
    }
    enum tm_err err = ingest_explain(api->ingest, str_of(service ? service : ""), str_of(url), &text);
    if (err == TM_LIMIT)
        bytes_printf(
            &text, "group _overflow: there are more services than have groups of their own; name this one in "
                   "the configuration\n");
    if (err && (err != TM_LIMIT || bytes_error(&text)))
        http_respond_error(exchange, UNAVAILABLE, "unavailable", "out of memory; try again");
    else
        answer_explanation(exchange, str_of(service ? service : ""), str_of(url), bytes_view(&text));
    bytes_fini(&text);
}
