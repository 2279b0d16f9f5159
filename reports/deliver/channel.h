/* A way to a receiver: how a message for it is made, and how it is sent. One table entry each (channel.c);
 * the files in the reports' folder are there before any of them is asked. */
#ifndef TM_REPORTS_DELIVER_CHANNEL_H
#define TM_REPORTS_DELIVER_CHANNEL_H

#include <stdint.h>

#include "reports/deliver/settings.h"
#include "reports/deliver/summary.h"

enum channel_end {
    CHANNEL_SENT,
    CHANNEL_LATER, /* the receiver can't now: try again */
    CHANNEL_NEVER  /* it will not have this message */
};

struct sender;

/* What a message is made for. */
struct channel_letter {
    const struct deliver_settings *settings;
    const struct receiver *receiver;
    time_ms_t now;
};

struct channel {
    const char *scheme; /* "mailto:" */
    bool has_attachments;
    /* Appends the body as it goes over the wire. */
    void (*compose)(const struct summary *summary, const struct channel_letter *letter, struct bytes *out);
    /* Sends it, within the time of the settings. key: stays the same when it is sent again.
     * *retry_after_ms: what the receiver asks for, else 0. why: unless CHANNEL_SENT. */
    enum channel_end (*send)(struct sender *sender, const struct channel_letter *letter, const char *key,
                             struct str body, int64_t *retry_after_ms, struct tm_why *why);
};

/* By the address; NULL: there is none. Static. */
const struct channel *channel_of(const char *to);

enum { CHANNEL_SHOWN_BYTES = 200 };

/* `https://hooks.example.org`, `mailto:ops@example.org`: the receiver without what is secret of its address.
 * Writes and returns out. */
const char *channel_shown(const char *to, char out[CHANNEL_SHOWN_BYTES]);

/* ---- the messages; pure ---- */

/* Slack's form of a webhook: {"text","blocks"}. */
void compose_slack(const struct summary *summary, const struct channel_letter *letter, struct bytes *out);
/* A mail: header, then text and HTML as multipart/alternative, and behind them the report if it is attached.
 */
void compose_mail(const struct summary *summary, const struct channel_letter *letter, struct bytes *out);

/* ---- sending, by libcurl ---- */

/* One thread. TM_NOMEM. */
enum tm_err sender_open(struct sender **out) TM_MUST_CHECK;

/* Frees it, and libcurl's own. NULL is allowed. */
void sender_close(struct sender *sender);

/* By HTTP as a POST of JSON; key goes along as Idempotency-Key. As channel.send. */
enum channel_end send_webhook(struct sender *sender, const struct channel_letter *letter, const char *key,
                              struct str body, int64_t *retry_after_ms, struct tm_why *why);

/* By SMTP; the key is in the body already, as the Message-ID. As channel.send; *retry_after_ms is 0. */
enum channel_end send_mail(struct sender *sender, const struct channel_letter *letter, const char *key,
                           struct str body, int64_t *retry_after_ms, struct tm_why *why);

#endif
