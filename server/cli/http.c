#include "server/cli/http.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MAX_BYTES = 64 << 20, CONNECT_TIMEOUT_MS = 5000, URL_MAX_BYTES = 8192, STALLED_S = 60 };

struct http {
    CURL *curl;
    struct curl_slist *headers;
    struct curl_slist *form_headers; /* likewise, of a form */
    char *server;
};

/* Where the body of an answer goes. */
struct receiver {
    CURL *curl;
    struct bytes *body;
    http_piece_fn *each; /* NULL: all into body */
    void *arg;
    bool is_ended;        /* by each */
    http_watch_fn *watch; /* NULL: none */
    bool is_form;
};

static size_t take_body(char *data, size_t size, size_t count, void *to)
{
    enum { OK = 200 };
    struct receiver *receiver = to;
    struct bytes *body = receiver->body;
    size_t len = size * count;
    long status = 0;
    if (receiver->each)
        (void)curl_easy_getinfo(receiver->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == OK) {
        receiver->is_ended = !receiver->each(receiver->arg, (struct str){data, len});
        return receiver->is_ended ? 0 : len;
    }
    if (len > ANSWER_MAX_BYTES - body->len)
        return 0;
    bytes_put(body, data, len);
    return body->failed ? 0 : len;
}

static int watch_transfer(void *to, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
    const struct receiver *receiver = to;
    (void)down_all, (void)down, (void)up_all, (void)up;
    receiver->watch(receiver->arg);
    return 0;
}

static bool add_header(struct curl_slist **headers, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*headers, line);
    if (longer)
        *headers = longer;
    return longer != NULL;
}

/* No "Expect: 100-continue": it costs a round trip on each large batch. */
static bool add_headers(struct curl_slist **headers, const char *type, const char *secret)
{
    char line[512];
    (void)snprintf(line, sizeof line, "Authorization: Bearer %s", secret);
    bool is_there = add_header(headers, "Expect:") && (!*secret || add_header(headers, line));
    explicit_bzero(line, sizeof line);
    return is_there && add_header(headers, type);
}

enum tm_err http_open(const char *server, const char *secret, struct http **out, struct tm_why *why)
{
    *out = NULL;
    if (strncmp(server, "http://", 7) != 0 && strncmp(server, "https://", 8) != 0)
        return tm_fail(why, TM_INVALID,
                       "the server's address must begin with http:// or https://, got \"%s\"", server);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return tm_fail(why, TM_NOMEM, "out of memory");
    struct http *http = calloc(1, sizeof *http);
    if (!http)
        return tm_fail(why, TM_NOMEM, "out of memory");
    http->curl = curl_easy_init();
    http->server = strdup(server);
    if (!http->curl || !http->server ||
        !add_headers(&http->headers, "Content-Type: text/plain; charset=utf-8", secret) ||
        !add_headers(&http->form_headers, "Content-Type: application/x-www-form-urlencoded", secret)) {
        http_close(http);
        return tm_fail(why, TM_NOMEM, "out of memory");
    }
    size_t len = strlen(http->server);
    while (len && http->server[len - 1] == '/')
        http->server[--len] = '\0';
    *out = http;
    return TM_OK;
}

void http_close(struct http *http)
{
    if (!http)
        return;
    curl_slist_free_all(http->headers);
    curl_slist_free_all(http->form_headers);
    if (http->curl)
        curl_easy_cleanup(http->curl);
    free(http->server);
    free(http);
}

/* Why there was no connection, as short as it can be said. */
static const char *reason(const struct http *http, CURLcode code, const char *detail)
{
    long system_errno = 0;
    if (code == CURLE_COULDNT_CONNECT &&
        curl_easy_getinfo(http->curl, CURLINFO_OS_ERRNO, &system_errno) == CURLE_OK && system_errno != 0)
        return strerror((int)system_errno);
    return *detail ? detail : curl_easy_strerror(code);
}

static enum tm_err explain(const struct http *http, CURLcode code, const char *detail, struct tm_why *why)
{
    if (code == CURLE_OUT_OF_MEMORY)
        return tm_fail(why, TM_NOMEM, "out of memory");
    if (code == CURLE_WRITE_ERROR)
        return tm_fail(why, TM_TOO_LARGE, "the answer of %s is over %d MiB; ask for less", http->server,
                       ANSWER_MAX_BYTES >> 20);
    return tm_fail(why, TM_IO,
                   "could not reach tidemarkd at %s: %s; is it running? start it with `tidemarkd`, or name "
                   "another address with --server",
                   http->server, reason(http, code, detail));
}

/* Everything that is the same for GET and POST, and the transfer itself. */
static enum tm_err transfer(struct http *http, const char *path, int timeout_ms, struct receiver *receiver,
                            struct http_answer *answer, struct tm_why *why)
{
    char url[URL_MAX_BYTES];
    char detail[CURL_ERROR_SIZE] = "";
    CURL *curl = http->curl;
    if (snprintf(url, sizeof url, "%s%s", http->server, path) >= (int)sizeof url)
        return tm_fail(why, TM_TOO_LARGE, "the request's address is over %d bytes", URL_MAX_BYTES);
    bytes_clear(&answer->body);
    receiver->curl = curl;
    receiver->body = &answer->body;
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, receiver->is_form ? http->form_headers : http->headers);
    (void)curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, receiver->is_form ? "gzip" : NULL);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, receiver->each ? (long)STALLED_S : 0L);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "tidemark/" TIDEMARK_VERSION);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, receiver);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, receiver->watch ? 0L : 1L);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, receiver->watch ? watch_transfer : NULL);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, receiver);
    CURLcode code = curl_easy_perform(curl);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
    if (code != CURLE_OK && !receiver->is_ended)
        return explain(http, code, detail, why);
    curl_off_t retry_after_s = 0;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    (void)curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after_s);
    answer->retry_after_s = retry_after_s > 0 ? (long)retry_after_s : -1;
    return TM_OK;
}

enum tm_err http_get(struct http *http, const char *path, int timeout_ms, struct http_answer *answer,
                     struct tm_why *why)
{
    struct receiver receiver = {0};
    (void)curl_easy_setopt(http->curl, CURLOPT_HTTPGET, 1L);
    return transfer(http, path, timeout_ms, &receiver, answer, why);
}

static enum tm_err post(struct http *http, const char *path, struct str body, int timeout_ms,
                        struct receiver *receiver, struct http_answer *answer, struct tm_why *why)
{
    (void)curl_easy_setopt(http->curl, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, body.ptr ? body.ptr : "");
    (void)curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    return transfer(http, path, timeout_ms, receiver, answer, why);
}

enum tm_err http_post(struct http *http, const char *path, struct str body, int timeout_ms,
                      struct http_answer *answer, struct tm_why *why)
{
    struct receiver receiver = {0};
    return post(http, path, body, timeout_ms, &receiver, answer, why);
}

enum tm_err http_post_long(struct http *http, const char *path, http_watch_fn *watch, void *arg,
                           struct http_answer *answer, struct tm_why *why)
{
    struct receiver receiver = {.watch = watch, .arg = arg};
    (void)curl_easy_setopt(http->curl, CURLOPT_TCP_KEEPALIVE, 1L); /* a host that is gone is noticed */
    return post(http, path, STR(""), 0, &receiver, answer, why);
}

enum tm_err http_post_form(struct http *http, const char *path, struct str form, int timeout_ms,
                           struct http_answer *answer, struct tm_why *why)
{
    struct receiver receiver = {.is_form = true};
    return post(http, path, form, timeout_ms, &receiver, answer, why);
}

enum tm_err http_send(struct http *http, const char *method, const char *path, struct str body,
                      int timeout_ms, struct http_answer *answer, struct tm_why *why)
{
    (void)curl_easy_setopt(http->curl, CURLOPT_CUSTOMREQUEST, method);
    enum tm_err err = http_post(http, path, body, timeout_ms, answer, why);
    (void)curl_easy_setopt(http->curl, CURLOPT_CUSTOMREQUEST, NULL);
    return err;
}

enum tm_err http_stream(struct http *http, const char *path, http_piece_fn *each, void *arg,
                        struct http_answer *answer, struct tm_why *why)
{
    struct receiver receiver = {.each = each, .arg = arg};
    (void)curl_easy_setopt(http->curl, CURLOPT_HTTPGET, 1L);
    return transfer(http, path, 0, &receiver, answer, why);
}

void http_escape(struct str text, struct bytes *out)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c && strchr("-._~", c));
        if (is_plain)
            bytes_u8(out, c);
        else
            bytes_printf(out, "%%%02X", c);
    }
}

enum { UNAUTHORISED = 401 };

void http_error_text(const struct http_answer *answer, struct tm_why *out)
{
    json_t *root = json_loadb((const char *)answer->body.data, answer->body.len, 0, NULL);
    const char *error = json_string_value(json_object_get(root, "error"));
    if (error && answer->status == UNAUTHORISED)
        (void)tm_fail(
            out, TM_IO,
            "tidemarkd does not know you: name your key with --key-file FILE, which holds `NAME SECRET` "
            "on one line");
    else if (error)
        (void)tm_fail(out, TM_IO, "%s", error);
    else
        (void)tm_fail(
            out, TM_IO,
            "the answer has HTTP status %ld; is this the address of tidemarkd's HTTP listener, and of "
            "a version that knows this command?",
            answer->status);
    json_decref(root);
}
