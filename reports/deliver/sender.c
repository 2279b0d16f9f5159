/* Messages over the network, by libcurl: redirects are not followed, certificates are checked, answers are
 * bounded, and every message has its time. */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/deliver/channel.h"

enum {
    CONNECT_MS = 10000,
    ANSWER_MAX = 64 << 10,
    QUOTED_BYTES = 100,
    SECRET_BYTES = 1026,
    ADDRESS_BYTES = 400,
    HEADER_BYTES = 100
};

struct sender {
    CURL *curl;
    char detail[CURL_ERROR_SIZE];
    size_t answered; /* bytes */
    char quoted[QUOTED_BYTES];
    struct str rest; /* of a mail, not yet sent */
};

enum tm_err sender_open(struct sender **out)
{
    *out = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return TM_NOMEM;
    *out = calloc(1, sizeof **out);
    if (*out)
        (*out)->curl = curl_easy_init();
    if (*out && (*out)->curl)
        return TM_OK;
    free(*out);
    *out = NULL;
    curl_global_cleanup();
    return TM_NOMEM;
}

void sender_close(struct sender *sender)
{
    if (!sender)
        return;
    curl_easy_cleanup(sender->curl);
    free(sender);
    curl_global_cleanup();
}

/* ---- what both have ---- */

/* The beginning is kept for the log, in printable ASCII. */
static size_t take_answer(const void *answer, size_t size, size_t count, void *arg)
{
    struct sender *sender = arg;
    const char *data = answer;
    size_t len = size * count;
    for (size_t i = 0; i < len && sender->answered + i + 1 < QUOTED_BYTES; i++)
        sender->quoted[sender->answered + i] = data[i] >= ' ' && data[i] <= '~' ? data[i] : ' ';
    sender->answered += len;
    return sender->answered > ANSWER_MAX ? 0 : len;
}

static bool prepare(struct sender *sender, const char *url, const char *protocols, int64_t timeout_ms)
{
    CURL *curl = sender->curl;
    curl_easy_reset(curl);
    sender->answered = 0;
    sender->detail[0] = '\0';
    memset(sender->quoted, 0, sizeof sender->quoted);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols);
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                           (long)(timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS));
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "tidemark/" TIDEMARK_VERSION);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, sender->detail);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, sender);
    return curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK;
}

static const char *reason(const struct sender *sender, CURLcode code)
{
    return sender->detail[0] ? sender->detail : curl_easy_strerror(code);
}

/* ---- webhooks ---- */

static enum channel_end judge_status(const struct sender *sender, long status, struct tm_why *why)
{
    if (status >= 200 && status < 300)
        return CHANNEL_SENT;
    bool is_later = status >= 500 || status == 408 || status == 425 || status == 429;
    tm_why_write(why, "it answered %ld%s%s%s", status, sender->quoted[0] ? " " : "", sender->quoted,
                 status >= 300 && status < 400 ? " (redirects are not followed)" : "");
    return is_later ? CHANNEL_LATER : CHANNEL_NEVER;
}

static struct curl_slist *make_headers(const char *key)
{
    char line[HEADER_BYTES];
    (void)snprintf(line, sizeof line, "Idempotency-Key: %s", key);
    const char *const lines[] = {"Content-Type: application/json", "Expect:", line};
    struct curl_slist *all = NULL;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct curl_slist *longer = curl_slist_append(all, lines[i]);
        if (!longer) {
            curl_slist_free_all(all);
            return NULL;
        }
        all = longer;
    }
    return all;
}

enum channel_end send_webhook(struct sender *sender, const struct channel_letter *letter, const char *key,
                              struct str body, int64_t *retry_after_ms, struct tm_why *why)
{
    long status = 0;
    curl_off_t after_s = 0;
    struct curl_slist *headers = make_headers(key);
    bool is_ready = prepare(sender, letter->receiver->to, "http,https", letter->settings->timeout_ms);
    CURLcode code = CURLE_OUT_OF_MEMORY;
    (void)curl_easy_setopt(sender->curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(sender->curl, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(sender->curl, CURLOPT_POSTFIELDS, body.ptr);
    (void)curl_easy_setopt(sender->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    if (headers && is_ready)
        code = curl_easy_perform(sender->curl);
    (void)curl_easy_getinfo(sender->curl, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(sender->curl, CURLINFO_RETRY_AFTER, &after_s);
    *retry_after_ms = (int64_t)after_s * 1000;
    curl_slist_free_all(headers);
    (void)curl_easy_setopt(sender->curl, CURLOPT_HTTPHEADER, NULL);
    /* The status is its word; what comes behind it need not be whole. */
    if (status >= 200)
        return judge_status(sender, status, why);
    tm_why_write(why, "%s", reason(sender, code));
    return code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ? CHANNEL_NEVER : CHANNEL_LATER;
}

/* ---- mail ---- */

static size_t give_mail(char *room, size_t size, size_t count, void *arg)
{
    struct sender *sender = arg;
    size_t len = size * count < sender->rest.len ? size * count : sender->rest.len;
    memcpy(room, sender->rest.ptr, len);
    sender->rest = (struct str){sender->rest.ptr + len, sender->rest.len - len};
    return len;
}

static bool is_loopback(const char *url)
{
    static const char *const hosts[] = {"127.", "localhost", "[::1]"};
    const char *host = strstr(url, "://");
    for (size_t i = 0; host && i < sizeof hosts / sizeof *hosts; i++)
        if (strncmp(host + 3, hosts[i], strlen(hosts[i])) == 0)
            return true;
    return false;
}

/* The password, without the line break at its end. */
static enum tm_err read_password(const char *path, char out[SECRET_BYTES], struct tm_why *why)
{
    size_t len = 0;
    ssize_t n = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    while (fd >= 0 && n > 0 && len + 1 < SECRET_BYTES) {
        n = read(fd, out + len, SECRET_BYTES - 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    if (fd < 0 || n < 0)
        tm_why_write(why, "reports.mail.password_file can't be read: %s", strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    while (len > 0 && (out[len - 1] == '\n' || out[len - 1] == '\r'))
        len--;
    out[len] = '\0';
    return fd < 0 || n < 0 ? TM_IO : TM_OK;
}

/* Who we are, and how far the line is closed: with a password never open beyond this machine. */
static enum tm_err set_access(struct sender *sender, const struct deliver_settings *settings,
                              struct tm_why *why)
{
    char password[SECRET_BYTES] = "";
    bool has_password = settings->mail_password_file[0] != '\0';
    long tls = is_loopback(settings->mail_server) ? CURLUSESSL_NONE
               : has_password                     ? CURLUSESSL_ALL
                                                  : CURLUSESSL_TRY;
    enum tm_err err = has_password ? read_password(settings->mail_password_file, password, why) : TM_OK;
    (void)curl_easy_setopt(sender->curl, CURLOPT_USE_SSL, tls);
    if (!err && settings->mail_user[0] &&
        (curl_easy_setopt(sender->curl, CURLOPT_USERNAME, settings->mail_user) != CURLE_OK ||
         curl_easy_setopt(sender->curl, CURLOPT_PASSWORD, password) != CURLE_OK))
        err = tm_fail(why, TM_NOMEM, "out of memory");
    explicit_bzero(password, sizeof password);
    return err;
}

static enum channel_end judge_reply(const struct sender *sender, CURLcode code, struct tm_why *why)
{
    long reply = 0;
    (void)curl_easy_getinfo(sender->curl, CURLINFO_RESPONSE_CODE, &reply);
    if (code == CURLE_OK)
        return CHANNEL_SENT;
    tm_why_write(why, "%s", reason(sender, code));
    return reply >= 500 && reply < 600 && code != CURLE_LOGIN_DENIED ? CHANNEL_NEVER : CHANNEL_LATER;
}

enum channel_end send_mail(struct sender *sender, const struct channel_letter *letter, const char *key,
                           struct str body, int64_t *retry_after_ms, struct tm_why *why)
{
    const struct deliver_settings *settings = letter->settings;
    char from[ADDRESS_BYTES], to[ADDRESS_BYTES];
    (void)key; /* it is the Message-ID */
    (void)snprintf(from, sizeof from, "<%s>", settings->mail_from);
    (void)snprintf(to, sizeof to, "<%s>", letter->receiver->to + strlen("mailto:"));
    struct curl_slist *receivers = curl_slist_append(NULL, to);
    CURLcode code = CURLE_OUT_OF_MEMORY;
    bool is_ready = prepare(sender, settings->mail_server, "smtp,smtps", settings->timeout_ms) && receivers;
    *retry_after_ms = 0;
    sender->rest = body;
    if (is_ready && set_access(sender, settings, why) != TM_OK) {
        curl_slist_free_all(receivers);
        return CHANNEL_LATER;
    }
    (void)curl_easy_setopt(sender->curl, CURLOPT_MAIL_FROM, from);
    (void)curl_easy_setopt(sender->curl, CURLOPT_MAIL_RCPT, receivers);
    (void)curl_easy_setopt(sender->curl, CURLOPT_UPLOAD, 1L);
    (void)curl_easy_setopt(sender->curl, CURLOPT_READFUNCTION, give_mail);
    (void)curl_easy_setopt(sender->curl, CURLOPT_READDATA, sender);
    if (is_ready)
        code = curl_easy_perform(sender->curl);
    enum channel_end end = judge_reply(sender, code, why);
    curl_slist_free_all(receivers);
    (void)curl_easy_setopt(sender->curl, CURLOPT_MAIL_RCPT, NULL);
    return end;
}
