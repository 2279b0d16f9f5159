#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/http/http_deflate.h"
#include "server/http/http_inflate.h"
#include "server/http/http_internal.h"
#include "server/wire/reply.h"

struct str http_body(const struct http_exchange *exchange)
{
    return bytes_view(exchange->compressed ? &exchange->body : &exchange->received);
}

const char *http_query(const struct http_exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->connection, MHD_GET_ARGUMENT_KIND, name);
}

struct str http_path_part(const struct http_exchange *exchange)
{
    return exchange->part;
}

struct parameter_walk {
    http_parameter_fn *each;
    void *arg;
};

static enum MHD_Result walk_parameter(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    const struct parameter_walk *walk = arg;
    (void)kind;
    walk->each(walk->arg, name, value ? value : "");
    return MHD_YES;
}

void http_each_query(const struct http_exchange *exchange, http_parameter_fn *each, void *arg)
{
    struct parameter_walk walk = {each, arg};
    (void)MHD_get_connection_values(exchange->connection, MHD_GET_ARGUMENT_KIND, walk_parameter, &walk);
}

bool http_has_form(const struct http_exchange *exchange)
{
    static const char form[] = "application/x-www-form-urlencoded";
    const char *type =
        MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
    return type && strncasecmp(type, form, sizeof form - 1) == 0 && strchr("; ", type[sizeof form - 1]);
}

const struct access *http_access(const struct http_exchange *exchange)
{
    return &exchange->access;
}

static enum MHD_Result queue_answer(struct http_exchange *x)
{
    http_await_peer(x->peer, x->listener->server);
    return MHD_queue_response(x->connection, x->status, x->response);
}

void http_set_answer(struct http_exchange *x, unsigned status, struct MHD_Response *response)
{
    struct counters *counters = x->listener->server->options.counters;
    counters->value[COUNTER_HTTP_REQUESTS]++;
    counters->value[COUNTER_HTTP_ERRORS] += status >= 400;
    x->status = status;
    x->response = response;
    x->answered = true;
    http_wake(x);
}

static struct MHD_Response *make_response(const struct http_exchange *x, unsigned status,
                                          const char *content_type, struct str body)
{
    void *bytes = (void *)(uintptr_t)body.ptr;
    struct MHD_Response *response = MHD_create_response_from_buffer(body.len, bytes, MHD_RESPMEM_MUST_COPY);
    if (response)
        http_put_headers(x, response, status, content_type);
    return response;
}

void http_put_headers(const struct http_exchange *x, struct MHD_Response *response, unsigned status,
                      const char *content_type)
{
    if (status != MHD_HTTP_NO_CONTENT)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                      content_type ? content_type : "application/json");
    if (x->is_gzip) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    }
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (content_type && strncmp(content_type, "text/html", strlen("text/html")) == 0)
        (void)MHD_add_response_header(response, "Content-Security-Policy",
                                      "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
                                      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    if (status == MHD_HTTP_UNAUTHORIZED)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                                      "Bearer realm=\"tidemark\"");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        char methods[HTTP_METHODS_BYTES];
        http_list_methods(x->allowed, methods);
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, methods);
    }
    /* Whoever broke the rules, or whose body was not read, starts a new connection. */
    if (status == MHD_HTTP_BAD_REQUEST ? !x->dispatched : status == MHD_HTTP_CONTENT_TOO_LARGE || !x->route)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

bool http_takes_gzip(const struct http_exchange *exchange)
{
    return http_allows_gzip(
        MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT_ENCODING));
}

void http_set_gzip(struct http_exchange *exchange)
{
    exchange->is_gzip = true;
}

void http_respond(struct http_exchange *exchange, unsigned status, const char *content_type, struct str body)
{
    http_set_answer(exchange, status, make_response(exchange, status, content_type, body));
}

void http_respond_retry(struct http_exchange *exchange, unsigned status, struct str body,
                        unsigned retry_after_s)
{
    char seconds[16];
    struct MHD_Response *response = make_response(exchange, status, NULL, body);
    (void)snprintf(seconds, sizeof seconds, "%u", retry_after_s);
    if (response)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    http_set_answer(exchange, status, response);
}

/* Without memory the reason is left out. */
static struct str write_error(struct bytes *body, const char *type, const char *text)
{
    bytes_printf(body, "{\"status\":\"error\",\"errorType\":\"%s\",\"error\":", type);
    bytes_json_string(body, str_of(text));
    bytes_printf(body, "}\n");
    return bytes_error(body) ? STR("{\"status\":\"error\"}\n") : bytes_view(body);
}

void http_respond_error(struct http_exchange *exchange, unsigned status, const char *type, const char *text)
{
    struct bytes body = {0};
    http_respond(exchange, status, NULL, write_error(&body, type, text));
    bytes_fini(&body);
}

void http_respond_error_retry(struct http_exchange *exchange, unsigned status, const char *type,
                              const char *text, unsigned retry_after_s)
{
    struct bytes body = {0};
    http_respond_retry(exchange, status, write_error(&body, type, text), retry_after_s);
    bytes_fini(&body);
}

/* The request is whole: calls its handler; puts the connection to sleep if the answer comes later. */
static enum MHD_Result dispatch(struct http_exchange *x)
{
    size_t max = (size_t)x->listener->server->options.config->limits.max_decompressed_bytes;
    struct tm_why why;
    enum tm_err err = bytes_error(&x->received);
    if (!err && x->compressed && !x->overflow)
        err = http_inflate(bytes_view(&x->received), max, &x->body, &why);
    x->dispatched = true;
    x->peer->since_ms = 0;
    if (x->overflow)
        http_respond_error(x, MHD_HTTP_CONTENT_TOO_LARGE, "too_large",
                           "the body is over limits.max_message; send smaller batches");
    else if (err == TM_NOMEM)
        http_respond_error(x, MHD_HTTP_SERVICE_UNAVAILABLE, "unavailable", "out of memory; try again");
    else if (err)
        http_respond_error(x, err == TM_TOO_LARGE ? MHD_HTTP_CONTENT_TOO_LARGE : MHD_HTTP_BAD_REQUEST,
                           err == TM_TOO_LARGE ? "too_large" : "bad_data", why.text);
    else
        x->route->handler(x->listener->server->options.arg, x);
    if (x->answered)
        return x->response ? queue_answer(x) : MHD_NO;
    http_sleep(x);
    return MHD_YES;
}

/* False: so much over the bound that the rest is not waited for. */
static bool receive(struct http_exchange *x, const char *data, size_t size)
{
    size_t max = (size_t)x->listener->server->options.config->limits.max_message_bytes;
    if (x->received.len + size > max)
        x->overflow = true;
    if (x->overflow)
        x->discarded += size;
    else
        bytes_put(&x->received, data, size);
    return x->discarded / HTTP_OVERFLOW_PATIENCE <= max;
}

static struct http_connection *peer_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* NULL without memory, now or when the peer came. */
static struct http_exchange *begin(struct http_listener *listener, struct MHD_Connection *connection,
                                   const char *url)
{
    struct http_connection *peer = peer_of(connection);
    struct http_exchange *x = peer ? calloc(1, sizeof *x) : NULL;
    if (!x)
        return NULL;
    x->listener = listener;
    x->connection = connection;
    x->path = url;
    x->peer = peer;
    return x;
}

void *http_on_uri(void *listener, const char *uri, struct MHD_Connection *connection)
{
    struct http_connection *peer = peer_of(connection);
    (void)listener;
    if (peer)
        http_note_uri(&peer->line, uri);
    return NULL; /* the exchange begins with the handler's first call */
}

enum MHD_Result http_on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *data, size_t *size,
                                void **context)
{
    struct http_exchange *x = *context;
    ((struct http_listener *)arg)->moved = true;
    if (!x) {
        x = *context = begin(arg, connection, url);
        if (!x)
            return MHD_NO;
        if (http_admit(x, method, version))
            return MHD_YES;
        return x->response ? queue_answer(x) : MHD_NO;
    }
    if (*size) {
        bool patient = receive(x, data, *size);
        *size = 0;
        return patient ? MHD_YES : MHD_NO;
    }
    if (x->answered)
        return x->response ? queue_answer(x) : MHD_NO;
    return dispatch(x);
}

void http_on_completed(void *arg, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode code)
{
    struct http_exchange *x = *context;
    (void)arg;
    (void)connection;
    (void)code;
    if (!x)
        return;
    http_await_peer(x->peer, x->listener->server);
    if (x->response)
        MHD_destroy_response(x->response);
    bytes_fini(&x->received);
    bytes_fini(&x->body);
    http_stream_fini(x);
    free(x);
    *context = NULL;
}
