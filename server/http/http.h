/* HTTP for the daemon: libmicrohttpd inside the libuv loop, behind an interface of our own. A request is
 * received whole (within bounds), then its handler is called; the handler answers at once, or later from the
 * loop thread. Loop thread only. */
#ifndef TM_HTTP_H
#define TM_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "server/access/access.h"
#include "server/config/config.h"
#include "server/counters/counters.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

struct http_server;
struct http_exchange;
struct uv_loop_s;
struct log;

enum http_method { HTTP_GET = 1, HTTP_POST = 2, HTTP_PUT = 4, HTTP_PATCH = 8, HTTP_DELETE = 16 };

enum http_guard {
    HTTP_OPEN,         /* anybody: health checks */
    HTTP_READ,         /* read scope */
    HTTP_WRITE,        /* write scope of some service; the handler looks closer */
    HTTP_SIGNED_WRITE, /* like HTTP_WRITE, but a caller without a key is let in: the body may carry a
                          signature */
    HTTP_ADMIN,
};

/* Called with the whole request. arg is the server's. The exchange must be answered exactly once, by
 * http_respond. */
typedef void http_handler_fn(void *arg, struct http_exchange *exchange);

struct http_route {
    const char *path;
    unsigned methods; /* of enum http_method; HEAD goes where GET does */
    enum http_guard guard;
    http_handler_fn *handler;
};

struct http_options {
    struct uv_loop_s *loop;
    struct log *log;
    const struct config *config;
    struct counters *counters;
    const struct http_route *routes; /* borrowed */
    size_t route_count;
    void *arg;
};

/* Listens on every address of config->listen.http. TM_IO, TM_INVALID, TM_NOMEM; why names the address. */
enum tm_err http_open(const struct http_options *options, struct http_server **out,
                      struct tm_why *why) TM_MUST_CHECK;

/* Stops listening; requests under way are still answered. */
void http_stop_listening(struct http_server *server);

/* Closes all connections and frees. No exchange may wait for its answer any more. NULL is allowed. */
void http_close(struct http_server *server);

void http_configure(struct http_server *server, const struct config *config);

/* The i-th listener as host:port with the port that was bound, NULL past the last. */
const char *http_address(const struct http_server *server, size_t i);

/* Connections that are open. */
size_t http_connections(const struct http_server *server);

/* ---- one exchange ---- */

/* The body, decompressed; valid until answered. */
struct str http_body(const struct http_exchange *exchange);
/* A parameter of the query string, NULL if absent. Valid until answered. */
const char *http_query(const struct http_exchange *exchange, const char *name);
const struct access *http_access(const struct http_exchange *exchange);

/* Answers. The body is copied. content_type NULL: application/json. */
void http_respond(struct http_exchange *exchange, unsigned status, const char *content_type, struct str body);
/* The same with Retry-After, in seconds. */
void http_respond_retry(struct http_exchange *exchange, unsigned status, struct str body,
                        unsigned retry_after_s);
/* {"status":"error","errorType":type,"error":text} */
void http_respond_error(struct http_exchange *exchange, unsigned status, const char *type, const char *text);

#endif
