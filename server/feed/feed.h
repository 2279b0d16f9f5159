/* The live feed: what the daemon tells as it happens, to the publish endpoints and to whoever follows
 * GET /api/v1/stream. Loop thread only. */
#ifndef TM_FEED_H
#define TM_FEED_H

#include <stddef.h>

#include "server/counters/counters.h"
#include "server/http/http.h"
#include "storage/model/str.h"

struct bytes;
struct feed;
struct finding;
struct uv_loop_s;

enum {
    FEED_CLIENTS_MAX = 64,
    FEED_BEHIND_MAX_BYTES = 1 << 20, /* that wait for one client; above, it is dropped */
    FEED_HEARTBEAT_MS = 15000,
    FEED_TOPICS_MAX = 32 /* that one client names */
};

struct feed_options {
    struct uv_loop_s *loop;
    struct counters *counters;
    /* Sends to the publish endpoints. NULL: there are none. */
    void (*publish)(void *arg, const char *topic, struct str json);
    void *publish_arg;
    int64_t heartbeat_ms; /* 0: FEED_HEARTBEAT_MS */
};

/* NULL without memory. */
struct feed *feed_open(const struct feed_options *options);

/* Tells all: a topic of visible ASCII without spaces (feed_topic), and JSON, whose bytes are copied. Who
 * can't take it any more is dropped and counted; it never waits. */
void feed_publish(struct feed *feed, const char *topic, struct str json);

/* Appends `kind.service` and a NUL, as a topic: bytes of the service outside [A-Za-z0-9_.~-] are
 * percent-encoded; `kind` alone for an empty service. out->failed without memory. */
void feed_topic(const char *kind, struct str service, struct bytes *out);

/* The same under that topic. */
void feed_publish_of(struct feed *feed, const char *kind, struct str service, struct str json);

/* The same of an anomaly, incident or verdict that is new or changed, as its item of the HTTP API; of others
 * nothing. */
void feed_publish_finding(struct feed *feed, const struct finding *finding);

/* Answers GET /api/v1/stream?topics=a,b.c: server-sent events, until the client goes, is dropped, or
 * feed_stop. A topic takes what bears it and what begins with it and a dot; none named: all. */
void feed_follow(struct feed *feed, struct http_exchange *exchange);

/* Clients that follow. */
size_t feed_clients(const struct feed *feed);

/* Ends all; new ones are refused. */
void feed_stop(struct feed *feed);

/* Frees, once the loop has closed its handles; the HTTP server must be closed. NULL is allowed. */
void feed_close(struct feed *feed);

#endif
