/* What is looked at before a body is received. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/http/http_internal.h"

struct head_facts {
    unsigned content_length, transfer_encoding, host;
    bool chunked, bad_length;
};

static bool all_digits(const char *text)
{
    return *text && text[strspn(text, "0123456789")] == '\0';
}

static enum MHD_Result note_header(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct head_facts *facts = arg;
    (void)kind;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        facts->content_length++;
        facts->bad_length |= !value || !all_digits(value);
    } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        facts->transfer_encoding++;
        facts->chunked = value && strcasecmp(value, "chunked") == 0;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
        facts->host++;
    }
    return MHD_YES;
}

/* Two readers of one request must not see two requests: NULL, or what is wrong. */
static const char *find_ambiguity(struct http_exchange *x, const char *version)
{
    struct head_facts facts = {0};
    if (!http_head_is_plain(x->connection, version))
        return "the request's head is malformed: lines end with CRLF, names have no spaces, nothing is "
               "folded";
    (void)MHD_get_connection_values(x->connection, MHD_HEADER_KIND, note_header, &facts);
    if (facts.content_length > 1)
        return "Content-Length stands more than once";
    if (facts.content_length && facts.transfer_encoding)
        return "Content-Length and Transfer-Encoding exclude each other";
    if (facts.bad_length)
        return "Content-Length is no number";
    if (facts.transfer_encoding > 1 || (facts.transfer_encoding && !facts.chunked))
        return "the only Transfer-Encoding here is chunked, once";
    if (facts.host > 1)
        return "Host stands more than once";
    if (facts.host == 0 && strcmp(version, MHD_HTTP_VERSION_1_1) == 0)
        return "Host is missing";
    return NULL;
}

static unsigned method_of(const char *word)
{
    static const struct {
        const char *word;
        enum http_method method;
    } methods[] = {{"GET", HTTP_GET}, {"HEAD", HTTP_GET},    {"POST", HTTP_POST},
                   {"PUT", HTTP_PUT}, {"PATCH", HTTP_PATCH}, {"DELETE", HTTP_DELETE}};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(word, methods[i].word) == 0)
            return methods[i].method;
    }
    return 0;
}

static const struct http_route *find_route(const struct http_server *server, const char *path,
                                           unsigned method, bool *path_known)
{
    for (size_t i = 0; i < server->options.route_count; i++) {
        const struct http_route *route = &server->options.routes[i];
        if (strcmp(route->path, path) != 0)
            continue;
        *path_known = true;
        if (route->methods & method)
            return route;
    }
    return NULL;
}

static bool may_enter(const struct http_exchange *x)
{
    switch (x->route->guard) {
    case HTTP_OPEN:
        return true;
    case HTTP_SIGNED_WRITE:
        return !MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION) ||
               access_allows(&x->access, SCOPE_WRITE);
    case HTTP_WRITE:
        return access_allows(&x->access, SCOPE_WRITE);
    case HTTP_READ:
        return access_allows(&x->access, SCOPE_READ);
    case HTTP_ADMIN:
        return access_allows(&x->access, SCOPE_ADMIN);
    }
    return false;
}

static bool deny(struct http_exchange *x)
{
    x->listener->server->options.counters->value[COUNTER_HTTP_UNAUTHORISED]++;
    if (x->access.key)
        http_respond_error(x, MHD_HTTP_FORBIDDEN, "forbidden",
                           "this key lacks the scope that this path needs");
    else
        http_respond_error(
            x, MHD_HTTP_UNAUTHORIZED, "unauthorized",
            "a key is needed: send \"Authorization: Bearer SECRET\", or basic auth with name and secret");
    return false;
}

/* The announced body, if one is, against the bound; the encoding against what is known. */
static bool check_body(struct http_exchange *x)
{
    const char *length =
        MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    const char *encoding =
        MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_ENCODING);
    int64_t max = x->listener->server->options.config->limits.max_message_bytes;
    if (length && (strlen(length) > 18 || strtoll(length, NULL, 10) > max * HTTP_OVERFLOW_PATIENCE)) {
        x->overflow = true;
        http_respond_error(x, MHD_HTTP_CONTENT_TOO_LARGE, "too_large",
                           "the body is over limits.max_message; send smaller batches");
        return false;
    }
    x->compressed = encoding && strcasecmp(encoding, "gzip") == 0;
    if (encoding && !x->compressed && strcasecmp(encoding, "identity") != 0) {
        http_respond_error(x, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "bad_data",
                           "the only Content-Encoding here is gzip");
        return false;
    }
    return true;
}

bool http_admit(struct http_exchange *exchange, const char *method, const char *version)
{
    struct http_server *server = exchange->listener->server;
    const char *ambiguity = find_ambiguity(exchange, version);
    unsigned known_method = method_of(method);
    bool path_known = false;
    if (ambiguity) {
        http_respond_error(exchange, MHD_HTTP_BAD_REQUEST, "bad_data", ambiguity);
        return false;
    }
    exchange->method = (enum http_method)known_method;
    exchange->access = access_of_header(
        server->options.config,
        MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION));
    exchange->route = find_route(server, exchange->path, known_method, &path_known);
    if (!exchange->route) {
        if (path_known)
            http_respond_error(exchange, MHD_HTTP_METHOD_NOT_ALLOWED, "bad_data",
                               "this path does not know this method");
        else
            http_respond_error(exchange, MHD_HTTP_NOT_FOUND, "not_found", "there is nothing at this path");
        return false;
    }
    return may_enter(exchange) ? check_body(exchange) : deny(exchange);
}
