#include "server/api/api.h"

#include "server/wire/header.h"

enum {
    NO_CONTENT = 204,
    BAD_REQUEST = 400,
    UNAUTHORISED = 401,
    FORBIDDEN = 403,
    TOO_LARGE = 413,
    TOO_MANY_REQUESTS = 429,
    UNAVAILABLE = 503
};

static unsigned status_of(enum refusal refusal)
{
    static const unsigned by_refusal[REFUSAL_COUNT] = {
        [REFUSAL_BAD_SIGNATURE] = UNAUTHORISED, [REFUSAL_UNKNOWN_KEY] = UNAUTHORISED,
        [REFUSAL_FORBIDDEN] = FORBIDDEN,        [REFUSAL_BAD_HEADER] = BAD_REQUEST,
        [REFUSAL_BAD_ENCODING] = BAD_REQUEST,   [REFUSAL_TOO_LARGE] = TOO_LARGE,
        [REFUSAL_STALE_EPOCH] = BAD_REQUEST,    [REFUSAL_SEQ_CONFLICT] = BAD_REQUEST,
        [REFUSAL_BUSY] = TOO_MANY_REQUESTS,     [REFUSAL_READ_ONLY] = UNAVAILABLE,
    };
    return by_refusal[refusal];
}

/* Neither a key nor a signature was shown: the caller may be somebody, once they say who. */
static bool is_nobody(const struct http_exchange *exchange)
{
    struct header header;
    struct tm_why why;
    const struct access *access = http_access(exchange);
    return !access->everything && !access->key && header_parse(http_body(exchange), &header, &why) == TM_OK &&
           header.key.len == 0;
}

static void on_reply(void *arg, const struct reply *reply)
{
    struct http_exchange *exchange = arg;
    if (!reply->refusal && reply->rejected == 0) {
        http_respond(exchange, NO_CONTENT, NULL, STR(""));
        return;
    }
    struct bytes body = {0};
    reply_encode(reply, &body);
    unsigned status = reply->refusal ? status_of(reply->refusal) : BAD_REQUEST;
    if (reply->refusal == REFUSAL_FORBIDDEN && is_nobody(exchange))
        status = UNAUTHORISED;
    if (bytes_error(&body))
        http_respond_error(exchange, UNAVAILABLE, "unavailable", "out of memory; try again");
    else if (reply->refusal && reply->retry_after_ms >= 0)
        http_respond_retry(exchange, status, bytes_view(&body),
                           (unsigned)((reply->retry_after_ms + 999) / 1000));
    else
        http_respond(exchange, status, NULL, bytes_view(&body));
    bytes_fini(&body);
}

void api_write(void *arg, struct http_exchange *exchange)
{
    struct api *api = arg;
    const char *precision = http_query(exchange, "precision");
    struct ingest_message message = {
        .path = INGEST_HTTP,
        .text = http_body(exchange),
        .access = *http_access(exchange),
        .precision = PRECISION_NS,
        .reply = on_reply,
        .arg = exchange,
    };
    if (precision && precision_parse(str_of(precision), &message.precision)) {
        http_respond_error(exchange, BAD_REQUEST, "bad_data", "precision is one of ns, us, ms, s");
        return;
    }
    (void)ingest_message(api->ingest, &message);
}

/* ---- Prometheus remote write ---- */

/* Prometheus sends again what is answered 5xx, and nothing else. */
static unsigned remote_status_of(enum refusal refusal)
{
    return refusal == REFUSAL_BUSY ? UNAVAILABLE : status_of(refusal);
}

static const char *error_type_of(unsigned status)
{
    if (status == FORBIDDEN || status == UNAUTHORISED)
        return status == FORBIDDEN ? "forbidden" : "unauthorized";
    return status == UNAVAILABLE ? "unavailable" : "bad_data";
}

static void on_remote_reply(void *arg, const struct reply *reply)
{
    struct http_exchange *exchange = arg;
    if (reply->refusal) {
        unsigned status = remote_status_of(reply->refusal);
        if (reply->retry_after_ms >= 0)
            http_respond_error_retry(exchange, status, error_type_of(status), reply->message.text,
                                     (unsigned)((reply->retry_after_ms + 999) / 1000));
        else
            http_respond_error(exchange, status, error_type_of(status), reply->message.text);
        return;
    }
    if (reply->rejected == 0) {
        http_respond(exchange, NO_CONTENT, NULL, STR(""));
        return;
    }
    struct tm_why why;
    const struct reply_error *first = &reply->errors[0];
    (void)tm_fail(&why, TM_INVALID,
                  "series %u of the request: %.300s (refused in all: %llu; samples stored: %llu)",
                  first->line, first->why.text, (unsigned long long)reply->rejected,
                  (unsigned long long)reply->accepted);
    http_respond_error(exchange, BAD_REQUEST, "bad_data", why.text);
}

void api_remote_write(void *arg, struct http_exchange *exchange)
{
    struct api *api = arg;
    struct ingest_message message = {
        .path = INGEST_REMOTE,
        .text = http_body(exchange),
        .access = *http_access(exchange),
        .reply = on_remote_reply,
        .arg = exchange,
    };
    (void)ingest_message(api->ingest, &message);
}
