/* One HTTP connection to tidemarkd, by libcurl. One user thread at a time. */
#ifndef TM_CLI_HTTP_H
#define TM_CLI_HTTP_H

#include <stdbool.h>

#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

struct http;

/* An answer: any HTTP status. */
struct http_answer {
    long status;
    long retry_after_s; /* -1: none */
    struct bytes body;
};

/* server: "http://HOST:PORT", copied. secret: sent as bearer key, may be empty. No connection is made yet. */
enum tm_err http_open(const char *server, const char *secret, struct http **out,
                      struct tm_why *why) TM_MUST_CHECK;
/* NULL is allowed. */
void http_close(struct http *http);

/* path begins with '/'. TM_OK for whatever status; the caller's answer->body is cleared first and stays the
 * caller's. TM_IO: no answer, why says "could not reach tidemarkd at ...". TM_TOO_LARGE: over 64 MiB. */
enum tm_err http_get(struct http *http, const char *path, int timeout_ms, struct http_answer *answer,
                     struct tm_why *why) TM_MUST_CHECK;

/* The same with this body, which is sent as it is. */
enum tm_err http_post(struct http *http, const char *path, struct str body, int timeout_ms,
                      struct http_answer *answer, struct tm_why *why) TM_MUST_CHECK;

/* Called while an answer is waited for, about once a second. */
typedef void http_watch_fn(void *arg);

/* As http_post of an empty body, for work that takes its time: without a bound on it. watch may be NULL; it
 * may use other connections. */
enum tm_err http_post_long(struct http *http, const char *path, http_watch_fn *watch, void *arg,
                           struct http_answer *answer, struct tm_why *why) TM_MUST_CHECK;

/* As http_post of a form (application/x-www-form-urlencoded); the answer may come packed. */
enum tm_err http_post_form(struct http *http, const char *path, struct str form, int timeout_ms,
                           struct http_answer *answer, struct tm_why *why) TM_MUST_CHECK;

/* As http_post with another method: "PATCH", "DELETE". */
enum tm_err http_send(struct http *http, const char *method, const char *path, struct str body,
                      int timeout_ms, struct http_answer *answer, struct tm_why *why) TM_MUST_CHECK;

/* Takes a piece of a body; false ends the transfer. */
typedef bool http_piece_fn(void *arg, struct str piece);

/* As http_get without a bound on size or time (but 60 s without a byte end it): the body of an answer with
 * status 200 goes to each, piece by piece, that of any other into answer->body. TM_OK too if each ended it.
 */
enum tm_err http_stream(struct http *http, const char *path, http_piece_fn *each, void *arg,
                        struct http_answer *answer, struct tm_why *why) TM_MUST_CHECK;

/* Appends text as it stands in a query string. */
void http_escape(struct str text, struct bytes *out);

/* What an answer that is no success says, as a sentence: the `error` of its envelope, else its status. */
void http_error_text(const struct http_answer *answer, struct tm_why *out);

#endif
