/* One HTTP request as it is kept: the raw event, and its compact bytes in journal and memory. */
#ifndef TM_MODEL_HTTP_EVENT_H
#define TM_MODEL_HTTP_EVENT_H

#include <stdint.h>

#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/labels.h"
#include "storage/model/str.h"

enum { HTTP_EVENT_STATUS_MAX = 999, HTTP_EVENT_BYTES_MAX = 1 << 18 };

/* Views only; a text that is absent is empty. */
struct http_event {
    time_ms_t time;
    struct str service;
    struct str env;
    struct str method;
    struct str url;
    struct str page_group;
    struct str cache;
    struct str agent; /* the class: crawler, mobile, desktop, bot, other */
    struct str user_agent;
    const struct labels *tags; /* the other tags of the line, sorted; NULL: none */
    int32_t status;            /* 0 to HTTP_EVENT_STATUS_MAX */
    int64_t bytes;             /* -1: absent, as are the next three */
    int64_t duration_us;
    int64_t origin_us;
    int64_t edge_us;
    uint64_t count; /* the event stands for that many; 1 or more */
};

/* Appends the event without its time. The same events give the same bytes. TM_INVALID: a number is out of its
 * bounds, or tags are not sorted, twice there or empty; TM_TOO_LARGE: over HTTP_EVENT_BYTES_MAX; TM_NOMEM. On
 * failure out is as before, but for out->failed. */
enum tm_err http_event_encode(const struct http_event *event, struct bytes *out) TM_MUST_CHECK;

/* Reads what http_event_encode wrote, all but the time; the views are into bytes. *tags is where the tags go
 * that out points to. TM_CORRUPT: these bytes are none that it writes. */
enum tm_err http_event_decode(struct str bytes, struct http_event *out, struct labels *tags) TM_MUST_CHECK;

/* The same, with the tags as bytes (labels_encode) that are not looked into; out->tags is NULL. TM_CORRUPT.
 */
enum tm_err http_event_views(struct str bytes, struct http_event *out, struct str *tags) TM_MUST_CHECK;

/* Whether its numbers are within their bounds. */
bool http_event_is_sound(const struct http_event *event);

#endif
