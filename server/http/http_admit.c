/* What is looked at before a body is received. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/http/http_internal.h"

/* What the library says about the headers, and where it has them from. */
struct head_walk {
    struct http_head_facts facts;
    const char *at; /* where the next header's name must begin; NULL: it is not in its place */
};

static enum MHD_Result walk_header(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct head_walk *walk = arg;
    (void)kind;
    http_head_note(&walk->facts, name, value);
    bool in_place = walk->at == name && value;
    if (in_place) {
        const char *gap = name + strlen(name) + 1; /* behind the colon */
        in_place = gap + strspn(gap, " \t") == value;
    }
    walk->at = in_place ? value + strlen(value) + 2 : NULL;
    return MHD_YES;
}

void http_note_uri(struct http_line *line, const char *uri)
{
    line->uri = uri;
    line->uri_len = uri && http_head_line_is_plain("GET", uri) ? strlen(uri) : 0;
}

/* The library takes NULs within the line, and shows what stands before them. */
static bool is_plain_line(const struct http_line *line)
{
    return line->uri_len && http_head_line_is_plain(line->method, "/") &&
           line->method + strlen(line->method) + 1 == line->uri &&
           line->uri + line->uri_len + 1 == line->version;
}

/* Whether the bytes of the head say what the library says. From 0.9.77 on it refuses what is not plain itself
 * (http.c asks for it), and may lay heads out in another way. */
static bool is_plain(struct MHD_Connection *connection, const struct http_line *line,
                     const struct head_walk *walk)
{
    const char *left = line->version + strlen(line->version);
    struct http_head_facts facts = {0};
    if (strcmp(MHD_get_version(), "0.9.77") >= 0)
        return true;
    /* It drops a line without a name in silence: only the size of the whole shows it. */
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (!info || !walk->at || walk->at + 2 != line->method + info->header_size || !is_plain_line(line))
        return false;
    return http_head_read((struct str){left, (size_t)(walk->at + 2 - left)}, &facts) &&
           facts.headers == walk->facts.headers;
}

const char *http_find_ambiguity(struct MHD_Connection *connection, const struct http_line *line,
                                struct http_head_facts *facts)
{
    struct head_walk walk = {.at = line->version + strlen(line->version) + 2};
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, walk_header, &walk);
    *facts = walk.facts;
    if (!is_plain(connection, line, &walk))
        return "the request's head is malformed: one space stands between the words of its first line, lines "
               "end with CRLF, names have no spaces, nothing is folded, no control bytes";
    return http_head_ambiguity(facts, strcmp(line->version, MHD_HTTP_VERSION_1_1) == 0);
}

static const struct {
    const char *word;
    enum http_method method;
} methods[] = {{"GET", HTTP_GET}, {"HEAD", HTTP_GET},    {"POST", HTTP_POST},
               {"PUT", HTTP_PUT}, {"PATCH", HTTP_PATCH}, {"DELETE", HTTP_DELETE}};

static unsigned method_of(const char *word)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(word, methods[i].word) == 0)
            return methods[i].method;
    }
    return 0;
}

void http_list_methods(unsigned set, char text[HTTP_METHODS_BYTES])
{
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (set & methods[i].method)
            len += (size_t)snprintf(text + len, HTTP_METHODS_BYTES - len, "%s%s", len ? ", " : "",
                                    methods[i].word);
    }
}

/* *part: what a * in the pattern stands for. */
static bool takes_path(const char *pattern, const char *path, struct str *part)
{
    const char *star = strchr(pattern, '*');
    *part = STR("");
    if (!star)
        return strcmp(pattern, path) == 0;
    bool is_rest = star[1] == '*';
    size_t before = (size_t)(star - pattern), behind = strlen(star + 1 + is_rest), len = strlen(path);
    if (len <= before + behind || strncmp(pattern, path, before) != 0 ||
        strcmp(path + len - behind, star + 1 + is_rest) != 0)
        return false;
    *part = (struct str){path + before, len - before - behind};
    return is_rest || !memchr(part->ptr, '/', part->len);
}

/* The route of this path and method; *allowed: every method that the path knows. */
static const struct http_route *find_route(const struct http_server *server, const char *path,
                                           unsigned method, unsigned *allowed, struct str *part)
{
    *allowed = 0;
    for (size_t i = 0; i < server->options.route_count; i++) {
        const struct http_route *route = &server->options.routes[i];
        if (!takes_path(route->path, path, part))
            continue;
        *allowed |= route->methods;
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
static bool check_body(struct http_exchange *x, const struct http_head_facts *facts)
{
    const char *encoding =
        MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_ENCODING);
    uint64_t max = (uint64_t)x->listener->server->options.config->limits.max_message_bytes;
    if (facts->length > max * HTTP_OVERFLOW_PATIENCE) {
        x->overflow = true;
        http_respond_error(x, MHD_HTTP_CONTENT_TOO_LARGE, "too_large",
                           "the body is over limits.max_message; send smaller batches");
        return false;
    }
    x->compressed = encoding && strcasecmp(encoding, "gzip") == 0;
    bool is_known = !encoding || x->compressed || strcasecmp(encoding, "identity") == 0 ||
                    ((x->route->methods & HTTP_SNAPPY) && strcasecmp(encoding, "snappy") == 0);
    if (!is_known) {
        http_respond_error(x, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "bad_data",
                           "the only Content-Encoding here is gzip");
        return false;
    }
    return true;
}

bool http_admit(struct http_exchange *exchange, const char *method, const char *version)
{
    struct http_server *server = exchange->listener->server;
    struct http_head_facts facts;
    struct http_line line = exchange->peer->line;
    line.method = method;
    line.version = version;
    const char *ambiguity = http_find_ambiguity(exchange->connection, &line, &facts);
    unsigned known_method = method_of(method);
    if (ambiguity) {
        http_respond_error(exchange, MHD_HTTP_BAD_REQUEST, "bad_data", ambiguity);
        return false;
    }
    exchange->method = (enum http_method)known_method;
    exchange->access = access_of_header(
        server->options.config,
        MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION));
    exchange->route = find_route(server, exchange->path, known_method, &exchange->allowed, &exchange->part);
    if (!exchange->route) {
        if (exchange->allowed)
            http_respond_error(exchange, MHD_HTTP_METHOD_NOT_ALLOWED, "bad_data",
                               "this path does not know this method");
        else
            http_respond_error(exchange, MHD_HTTP_NOT_FOUND, "not_found", "there is nothing at this path");
        return false;
    }
    return may_enter(exchange) ? check_body(exchange, &facts) : deny(exchange);
}
