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
struct bytes;
struct log;

enum http_method { HTTP_GET = 1, HTTP_POST = 2, HTTP_PUT = 4, HTTP_PATCH = 8, HTTP_DELETE = 16 };

enum { HTTP_SNAPPY = 256 };

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
    const char *path; /* one part may be *, which takes any text without a slash (http_path_part),
                         or **, which takes slashes too */
    unsigned methods; /* of enum http_method; HEAD goes where GET does. With HTTP_SNAPPY the handler decodes
                         that Content-Encoding itself */
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

/* From now on this configuration's limits and keys, borrowed; it must live until the next one or http_close.
 * The listeners stay. */
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
/* What the request's credentials allow; valid until answered. */
const struct access *http_access(const struct http_exchange *exchange);
/* What stands in the path where its route has *; "" if it has none. Valid until answered. */
struct str http_path_part(const struct http_exchange *exchange);
/* Is told one parameter, decoded; the value is "" if it has none. Valid during the call. */
typedef void http_parameter_fn(void *arg, const char *name, const char *value);
/* Calls each for every parameter of the query string, in its order. */
void http_each_query(const struct http_exchange *exchange, http_parameter_fn *each, void *arg);
/* Is the body a form (application/x-www-form-urlencoded)? */
bool http_has_form(const struct http_exchange *exchange);

/* Answers. The body is copied. content_type NULL: application/json. A page (text/html) may run nothing and
 * load nothing. */
void http_respond(struct http_exchange *exchange, unsigned status, const char *content_type, struct str body);
/* The same with Retry-After, in seconds. */
void http_respond_retry(struct http_exchange *exchange, unsigned status, struct str body,
                        unsigned retry_after_s);
/* {"status":"error","errorType":type,"error":text}. */
void http_respond_error(struct http_exchange *exchange, unsigned status, const char *type, const char *text);
/* The same with Retry-After, in seconds. */
void http_respond_error_retry(struct http_exchange *exchange, unsigned status, const char *type,
                              const char *text, unsigned retry_after_s);

/* May the answer be gzip, as the client says? */
bool http_takes_gzip(const struct http_exchange *exchange);
/* What is answered from now on is gzip already. */
void http_set_gzip(struct http_exchange *exchange);

/* ---- answers that come late, or in pieces ---- */

/* Who answers. Both are called on the loop thread, never from within a call of the answerer's own. */
struct http_source {
    void *arg;
    /* The last piece was taken: the next one may come (http_stream_put), or the end. */
    void (*want)(void *arg);
    /* The peer has gone. Before the answer begins: it is due all the same, soon. While the stream waits for a
     * piece: end it. Else the exchange is not there any more. *is_over tells the last. */
    void (*gone)(void *arg, bool is_over);
};

/* To be called by the handler that does not answer at once: the peer is watched from then on. */
void http_await_answer(struct http_exchange *exchange, const struct http_source *source);

/* Begins an answer of unknown length, with its first piece. Pieces are taken over: *piece is empty then. */
void http_stream_begin(struct http_exchange *exchange, unsigned status, const char *content_type,
                       struct bytes *piece);
/* The next piece; only after `want`. */
void http_stream_put(struct http_exchange *exchange, struct bytes *piece);
/* The end, behind what was put; nothing is called any more, and the exchange is not to be used. Not is_whole:
 * the peer sees that the answer is cut short. */
void http_stream_end(struct http_exchange *exchange, bool is_whole);
/* The end at once: what the peer has not taken yet is lost. */
void http_stream_cut(struct http_exchange *exchange);

#endif
