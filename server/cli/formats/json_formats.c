/* The members of nginx' JSON logs and of Akamai's DataStream 2. */
#include "server/cli/formats/formats_private.h"

static enum tm_err take_status(struct str text, struct bytes *scratch, struct log_record *out,
                               const char **expected)
{
    (void)scratch;
    *expected = "a status from 100 to 599";
    return log_status(text, &out->status);
}

static enum tm_err take_bytes(struct str text, struct bytes *scratch, struct log_record *out,
                              const char **expected)
{
    (void)scratch;
    *expected = "a number of bytes";
    return log_integer(text, &out->bytes);
}

static enum tm_err take_method(struct str text, struct bytes *scratch, struct log_record *out,
                               const char **expected)
{
    (void)expected;
    out->method = log_keep(scratch, text);
    return TM_OK;
}

static enum tm_err take_host(struct str text, struct bytes *scratch, struct log_record *out,
                             const char **expected)
{
    (void)expected;
    out->host = log_keep(scratch, text);
    return TM_OK;
}

/* ---- nginx ---- */

static enum tm_err take_url(struct str text, struct bytes *scratch, struct log_record *out,
                            const char **expected)
{
    (void)expected;
    out->url = log_keep(scratch, text);
    return TM_OK;
}

/* Where no member of its own gave method and url. */
static enum tm_err take_request(struct str text, struct bytes *scratch, struct log_record *out,
                                const char **expected)
{
    struct log_record split = {.method = out->method};
    (void)expected;
    log_request_split(log_keep(scratch, text), &split);
    if (out->method.len == 0)
        out->method = split.method;
    if (out->url.len == 0)
        out->url = split.url;
    return TM_OK;
}

static enum tm_err take_user_agent(struct str text, struct bytes *scratch, struct log_record *out,
                                   const char **expected)
{
    (void)expected;
    out->user_agent = log_keep(scratch, text);
    return TM_OK;
}

static enum tm_err take_iso(struct str text, struct bytes *scratch, struct log_record *out,
                            const char **expected)
{
    (void)scratch;
    *expected = "a time such as 2026-11-23T04:15:00+01:00";
    return log_time_iso(text, &out->time);
}

static enum tm_err take_local(struct str text, struct bytes *scratch, struct log_record *out,
                              const char **expected)
{
    (void)scratch;
    *expected = "a time such as 27/Oct/2013:06:25:01 +0100";
    return log_time_clf(text, &out->time);
}

static enum tm_err take_unix(struct str text, struct bytes *scratch, struct log_record *out,
                             const char **expected)
{
    (void)scratch;
    *expected = "a unix time in seconds, with decimals, or in milliseconds";
    return log_time_unix(text, &out->time);
}

static enum tm_err take_any_time(struct str text, struct bytes *scratch, struct log_record *out,
                                 const char **expected)
{
    (void)scratch;
    *expected = "a time";
    if (!log_time_iso(text, &out->time) || !log_time_clf(text, &out->time))
        return TM_OK;
    return log_time_unix(text, &out->time);
}

static enum tm_err seconds_to_ms(struct str text, double *ms)
{
    double seconds;
    if (log_decimal(text, &seconds))
        return TM_INVALID;
    *ms = seconds * 1000;
    return TM_OK;
}

static enum tm_err take_duration(struct str text, struct bytes *scratch, struct log_record *out,
                                 const char **expected)
{
    (void)scratch;
    *expected = "seconds with decimals";
    return seconds_to_ms(text, &out->duration_ms);
}

/* "0.010, 0.120 : 0.005": one for each upstream that was tried; "-" for one that gave nothing. Their sum. */
static enum tm_err take_upstream(struct str text, struct bytes *scratch, struct log_record *out,
                                 const char **expected)
{
    double sum = 0;
    (void)scratch;
    *expected = "seconds with decimals, separated by commas or colons";
    for (size_t at = 0; at < text.len;) {
        size_t from = at;
        double ms = 0;
        while (at < text.len && !strchr(" ,:", text.ptr[at]))
            at++;
        struct str one = {text.ptr + from, at - from};
        if (one.len > 0 && !str_equal(one, STR("-")) && seconds_to_ms(one, &ms))
            return TM_INVALID;
        sum += ms;
        at += at == from;
    }
    out->origin_ms = sum;
    return TM_OK;
}

/* HIT, MISS, BYPASS, EXPIRED, STALE, UPDATING, REVALIDATED */
static enum tm_err take_cache(struct str text, struct bytes *scratch, struct log_record *out,
                              const char **expected)
{
    (void)expected;
    out->cache = log_keep(scratch, text);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t *byte = scratch->data + scratch->len - text.len + i;
        *byte = (uint8_t)(*byte >= 'A' && *byte <= 'Z' ? *byte | 0x20 : *byte);
    }
    return TM_OK;
}

#define KEY(literal) .key = {literal, sizeof(literal) - 1}

/* nginx' own variable names first, then usual ones. Of two for one thing the later one here wins. */
static const struct log_member nginx_members[] = {
    {KEY("timestamp"), .take = take_any_time},
    {KEY("time"), .take = take_any_time},
    {KEY("@timestamp"), .take = take_any_time},
    {KEY("time_local"), .take = take_local},
    {KEY("time_iso8601"), .take = take_iso},
    {KEY("msec"), .take = take_unix},
    {KEY("method"), .take = take_method},
    {KEY("request_method"), .take = take_method},
    {KEY("url"), .take = take_url},
    {KEY("uri"), .take = take_url},
    {KEY("request_uri"), .take = take_url},
    {KEY("request"), .take = take_request},
    {KEY("status"), .take = take_status},
    {KEY("bytes"), .take = take_bytes},
    {KEY("body_bytes_sent"), .take = take_bytes},
    {KEY("bytes_sent"), .take = take_bytes},
    {KEY("request_time"), .take = take_duration},
    {KEY("upstream_response_time"), .take = take_upstream},
    {KEY("upstream_cache_status"), .take = take_cache},
    {KEY("user_agent"), .take = take_user_agent},
    {KEY("http_user_agent"), .take = take_user_agent},
    {KEY("server_name"), .take = take_host},
    {KEY("http_host"), .take = take_host},
    {KEY("host"), .take = take_host},
};

enum tm_err log_parse_nginx_json(struct str line, const char *member, struct bytes *scratch,
                                 struct log_record *out, struct log_fault *fault)
{
    out->time = -1;
    return log_parse_json(line, nginx_members, sizeof nginx_members / sizeof nginx_members[0], member,
                          scratch, out, fault);
}

/* ---- DataStream 2 ---- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Texts are written with %XX for spaces and all that is no plain ASCII. */
static enum tm_err take_encoded_agent(struct str text, struct bytes *scratch, struct log_record *out,
                                      const char **expected)
{
    size_t from = scratch->len;
    (void)expected;
    for (size_t i = 0; i < text.len; i++) {
        int high = text.ptr[i] == '%' && i + 2 < text.len ? hex_value(text.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_value(text.ptr[i + 2]) : -1;
        bytes_u8(scratch, (uint8_t)(low >= 0 ? high * 16 + low : text.ptr[i]));
        i += low >= 0 ? 2 : 0;
    }
    out->user_agent = (struct str){(const char *)scratch->data + from, scratch->len - from};
    return TM_OK;
}

/* The path, which the log may give without its first slash. It stays percent-encoded, as in a URL. */
static enum tm_err take_path(struct str text, struct bytes *scratch, struct log_record *out,
                             const char **expected)
{
    size_t from = scratch->len;
    (void)expected;
    if (text.ptr[0] != '/')
        bytes_u8(scratch, '/');
    bytes_put(scratch, text.ptr, text.len);
    out->url = (struct str){(const char *)scratch->data + from, scratch->len - from};
    return TM_OK;
}

/* Stands right behind the path in the scratch, so the URL grows over it. */
static enum tm_err take_query(struct str text, struct bytes *scratch, struct log_record *out,
                              const char **expected)
{
    (void)expected;
    if (out->url.len == 0)
        return TM_OK;
    bytes_u8(scratch, '?');
    bytes_put(scratch, text.ptr, text.len);
    out->url.len += 1 + text.len;
    return TM_OK;
}

static enum tm_err take_ms(struct str text, double *out, const char **expected)
{
    *expected = "milliseconds";
    return log_decimal(text, out);
}

/* From the last byte of the request to the first of the answer. */
static enum tm_err take_turn_around(struct str text, struct bytes *scratch, struct log_record *out,
                                    const char **expected)
{
    (void)scratch;
    enum tm_err err = take_ms(text, &out->edge_ms, expected);
    if (!err)
        out->duration_ms = out->edge_ms;
    return err;
}

/* From the first byte of the answer to its last; comes after the former. */
static enum tm_err take_transfer(struct str text, struct bytes *scratch, struct log_record *out,
                                 const char **expected)
{
    double ms = 0;
    (void)scratch;
    enum tm_err err = take_ms(text, &ms, expected);
    if (!err)
        out->duration_ms = (out->duration_ms > 0 ? out->duration_ms : 0) + ms;
    return err;
}

static enum tm_err take_cache_status(struct str text, struct bytes *scratch, struct log_record *out,
                                     const char **expected)
{
    (void)scratch;
    *expected = "0 (forwarded) or 1 (from the edge's cache)";
    if (str_equal(text, STR("1")))
        out->cache = STR("hit");
    else if (str_equal(text, STR("0")))
        out->cache = STR("miss");
    else
        return TM_INVALID;
    return TM_OK;
}

static const struct log_member datastream2_members[] = {
    {KEY("reqTimeSec"), .take = take_unix},
    {KEY("reqMethod"), .take = take_method},
    {KEY("reqPath"), .take = take_path},
    {KEY("queryStr"), .take = take_query}, /* right behind reqPath */
    {KEY("reqHost"), .take = take_host},
    {KEY("statusCode"), .take = take_status},
    {KEY("totalBytes"), .take = take_bytes},
    {KEY("bytes"), .take = take_bytes},
    {KEY("UA"), .take = take_encoded_agent},
    {KEY("cacheStatus"), .take = take_cache_status},
    {KEY("turnAroundTimeMSec"), .take = take_turn_around},
    {KEY("transferTimeMSec"), .take = take_transfer},
};

enum tm_err log_parse_datastream2(struct str line, const char *member, struct bytes *scratch,
                                  struct log_record *out, struct log_fault *fault)
{
    out->time = -1;
    return log_parse_json(line, datastream2_members,
                          sizeof datastream2_members / sizeof datastream2_members[0], member, scratch, out,
                          fault);
}
