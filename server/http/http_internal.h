/* Shared by the files of this folder only. */
#ifndef TM_HTTP_INTERNAL_H
#define TM_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <uv.h>

#include "server/http/http.h"
#include "server/http/http_head.h"
#include "storage/model/bytes.h"

enum { HTTP_LISTENERS_MAX = 8, HTTP_CONNECTIONS_MAX = 1000, HTTP_IDLE_S = 30, HTTP_PATIENCE_MS = 60000 };

/* A body over the bound is read and dropped up to so many times the bound, so that the peer, which sends
 * before it reads, gets its answer rather than a broken connection. */
enum { HTTP_OVERFLOW_PATIENCE = 8 };

/* One listening address: libmicrohttpd's daemon, its epoll descriptor watched by our loop. */
struct http_listener {
    struct http_server *server;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer; /* libmicrohttpd's next time-out */
    uv_idle_t again;  /* runs the library once more, after everybody else had a turn */
    bool moved;       /* a request came further in the turn under way */
    unsigned spins;   /* turns in a row in which no request came further */
    char address[80];
};

/* The request line in libmicrohttpd's memory. */
struct http_line {
    const char *method, *version; /* as it gives them to the handler */
    const char *uri;              /* where it stood, NULL if nobody noted it (http_on_uri) ... */
    size_t uri_len;               /* ... and up to its first NUL, before it was taken apart; 0: not plain */
};

/* One TCP connection, for the deadline that libmicrohttpd lacks: its own is reset by every byte. */
struct http_connection {
    struct http_server *server;
    struct http_connection *next, *previous;
    int fd;
    int64_t since_ms;      /* when it began to wait for its peer; 0: it waits for us */
    struct http_line line; /* of the request that is coming in; its URI is known before the rest */
};

struct http_server {
    struct http_options options;
    struct http_listener listeners[HTTP_LISTENERS_MAX];
    size_t listener_count;
    struct http_connection connections; /* ring's head */
    size_t connection_count;
    uv_timer_t sweep;
    int handles; /* open libuv handles; freed when they are gone */
};

/* Watches a sleeping connection: the library does not. Frees itself. */
struct http_watch {
    uv_poll_t poll;
    struct http_exchange *exchange;
};

struct http_exchange {
    struct http_listener *listener;
    struct MHD_Connection *connection;
    struct http_connection *peer;
    const struct http_route *route;
    const char *path;
    struct str part; /* of path: what the route's * stands for */
    enum http_method method;
    unsigned allowed; /* of enum http_method: what the path knows */
    struct access access;
    struct bytes received; /* the body as sent */
    struct bytes body;     /* decompressed */
    size_t discarded;      /* bytes over the bound */
    bool is_gzip;          /* the answer */
    bool compressed, overflow, dispatched, suspended, answered;
    unsigned status;
    struct MHD_Response *response;
    /* An answer that comes late, or in pieces (http_stream.c). */
    struct http_source source;
    struct http_watch *watch; /* while the connection sleeps */
    struct bytes piece;
    size_t piece_at; /* so much of it was taken */
    bool has_source, streams, ended, is_whole;
};

/* Looks at a request's head before its body: smuggling holes (FAULTS 4), size, route, credentials. Answers
 * and returns false if it may not go on. */
bool http_admit(struct http_exchange *exchange, const char *method, const char *version);

/* Where the library found this URI, as it came. */
void http_note_uri(struct http_line *line, const char *uri);

/* Two readers of one request must not see two requests: NULL, or what is wrong with the head (http_head.h),
 * as static text. facts: what it says of the headers. */
const char *http_find_ambiguity(struct MHD_Connection *connection, const struct http_line *line,
                                struct http_head_facts *facts);

enum { HTTP_METHODS_BYTES = 48 };

/* The methods of a set of enum http_method as the Allow header lists them; "" if there is none. */
void http_list_methods(unsigned set, char text[HTTP_METHODS_BYTES]);

/* libmicrohttpd's callbacks (http_exchange.c), all in the loop thread. The first call of a request makes
 * *exchange and looks at its head, those with data take the body, the last one runs the route. */
enum MHD_Result http_on_request(void *listener, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *data, size_t *size,
                                void **exchange);

/* Notes the request line as it came, before it is parsed. NULL: there is no exchange yet. */
void *http_on_uri(void *listener, const char *uri, struct MHD_Connection *connection);

/* The request has ended, well or not: frees *exchange, and waits for the peer again. */
void http_on_completed(void *listener, struct MHD_Connection *connection, void **exchange,
                       enum MHD_RequestTerminationCode code);

/* A connection came or went (http_connection.c): its struct http_connection is made, or freed, in *peer.
 * Without memory there is none, and its requests are not taken. */
void http_on_connection(void *listener, struct MHD_Connection *connection, void **peer,
                        enum MHD_ConnectionNotificationCode code);
/* The peer is being waited for from now on (again). */
void http_await_peer(struct http_connection *peer, struct http_server *server);
/* Cuts who has been waited for longer than HTTP_PATIENCE_MS. */
void http_sweep(struct http_server *server);

/* Puts the connection to sleep until there is an answer; watches whether its peer goes (http_stream.c). */
void http_sleep(struct http_exchange *x);

/* Lets it go on; awake already: nothing. */
void http_wake(struct http_exchange *x);
/* The exchange ends: tells the source. */
void http_stream_fini(struct http_exchange *x);

/* An answer's headers, the same for all. */
void http_put_headers(const struct http_exchange *x, struct MHD_Response *response, unsigned status,
                      const char *content_type);
/* Keeps the answer for when libmicrohttpd asks, and wakes it where it was put to sleep. */
void http_set_answer(struct http_exchange *x, unsigned status, struct MHD_Response *response);

/* Lets libmicrohttpd do what is due, and sets its next time-out (http.c). */
void http_run(struct http_listener *listener);
/* The same, once the caller is done: it may stand deep inside a row of answers. */
void http_run_soon(struct http_listener *listener);

#endif
