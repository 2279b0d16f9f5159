#include "server/api/api.h"

#include <stdio.h>

enum { OK = 200, BAD_REQUEST = 400, ERROR = 500, UNAVAILABLE = 503 };

static const char plain[] = "text/plain; charset=utf-8";

void api_healthy(void *arg, struct http_exchange *exchange)
{
    (void)arg;
    http_respond(exchange, OK, plain, STR("tidemark is healthy.\n"));
}

void api_ready(void *arg, struct http_exchange *exchange)
{
    const struct api *api = arg;
    const char *trouble = store_trouble(api->store);
    char text[512];
    if (api->ready && !trouble) {
        http_respond(exchange, OK, plain, STR("tidemark is ready.\n"));
        return;
    }
    (void)snprintf(text, sizeof text, "tidemark is not ready: %s\n", trouble ? trouble : "it is starting");
    http_respond(exchange, UNAVAILABLE, plain, str_of(text));
}

/* With a warning of what waits for a restart. */
static void respond_reloaded(struct http_exchange *exchange, const char *warning)
{
    struct bytes body = {0};
    bytes_printf(&body, "{\"status\":\"success\",\"data\":null");
    if (warning[0]) {
        bytes_printf(&body, ",\"warnings\":[");
        bytes_json_string(&body, str_of(warning));
        bytes_u8(&body, ']');
    }
    bytes_printf(&body, "}\n");
    if (bytes_error(&body))
        http_respond_error(exchange, UNAVAILABLE, "unavailable",
                           "out of memory; the configuration was taken");
    else
        http_respond(exchange, OK, NULL, bytes_view(&body));
    bytes_fini(&body);
}

void api_reload(void *arg, struct http_exchange *exchange)
{
    struct api *api = arg;
    struct tm_why why = {""};
    if (api->reload(api->reload_arg, &why))
        http_respond_error(exchange, BAD_REQUEST, "bad_data", why.text);
    else
        respond_reloaded(exchange, why.text);
}

static void on_flushed(void *arg, enum tm_err err)
{
    struct http_exchange *exchange = arg;
    if (err)
        http_respond_error(exchange, err == TM_CLOSED ? UNAVAILABLE : ERROR, "internal", tm_err_text(err));
    else
        http_respond(exchange, OK, NULL, STR("{\"status\":\"success\",\"data\":null}\n"));
}

void api_flush(void *arg, struct http_exchange *exchange)
{
    struct api *api = arg;
    enum tm_err err = store_flush_begin(api->store, on_flushed, exchange);
    if (err)
        http_respond_error(exchange, err == TM_BUSY ? UNAVAILABLE : ERROR, "internal", tm_err_text(err));
}

void api_buildinfo(void *arg, struct http_exchange *exchange)
{
    (void)arg;
    /* Grafana reads the version to know which Prometheus features it may use: the query language is that
     * of 2.42. */
    http_respond(
        exchange, OK, NULL,
        STR("{\"status\":\"success\",\"data\":{\"version\":\"2.42.0\",\"revision\":\"\",\"branch\":\"\","
            "\"buildUser\":\"\",\"buildDate\":\"\",\"goVersion\":\"\",\"tidemark\":\"" TIDEMARK_VERSION
            "\"}}\n"));
}
