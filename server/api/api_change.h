/* Changes by hand (markers, exception groups): a batch, answered once it is durable. And what lists have in
 * common. Loop thread. */
#ifndef TM_API_CHANGE_H
#define TM_API_CHANGE_H

#include <jansson.h>

#include "server/api/api.h"
#include "server/query/params.h"

enum { API_LIST_LIMIT = 100, API_LIST_LIMIT_MAX = 10000, API_LIST_BYTES = 4 << 20 };

/* Answers the exchange of a change of this id that is durable and visible. */
typedef void api_change_fn(struct api *api, struct http_exchange *exchange, uint64_t id);

/* Submits batch, which is taken over whatever becomes of it (NULL: out of memory), and answers. err: how
 * filling it went. */
void api_change_submit(struct api *api, struct http_exchange *exchange, struct batch *batch, enum tm_err err,
                       api_change_fn *answer, uint64_t id);

/* Answers those under way with 503; api_stop's part. */
void api_change_stop(struct api *api);

/* The body as a JSON object without a name twice; the caller's (json_decref). TM_INVALID with where it breaks
 * or what was expected. */
enum tm_err api_body_object(const struct http_exchange *exchange, json_t **out,
                            struct tm_why *why) TM_MUST_CHECK;

/* A time in JSON: text as in parameters, or unix seconds. name is the field's. TM_INVALID. */
enum tm_err api_body_time(const struct api *api, const char *name, const json_t *value, time_ms_t *out,
                          struct tm_why *why) TM_MUST_CHECK;

/* Answers 404: there is no such thing (a sentence). */
void api_not_found(struct http_exchange *exchange, const char *text);

/* Answers 403 where the caller may not write this service. True: they may. */
bool api_may_change(struct http_exchange *exchange, struct str service);

/* ---- lists: newest first by a time and an id ---- */

struct api_place {
    time_ms_t time;
    uint64_t id;
    bool is_begun;
};

/* limit= and cursor=. TM_INVALID. */
enum tm_err api_page_read(const struct params *params, size_t *limit, struct api_place *place,
                          struct tm_why *why) TM_MUST_CHECK;

/* Appends the end of a list: ],"next":... and the envelope's. next NULL: there is no more. */
void api_page_end(struct bytes *out, const struct api_place *next);

/* Answers with body, or 503 without memory; body is released. */
void api_respond_body(struct http_exchange *exchange, struct bytes *body);

/* Appends a time as text in quotes; null for INT64_MIN. */
void api_json_time(struct bytes *out, time_ms_t time);

#endif
