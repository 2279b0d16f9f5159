#include "server/cli/sender.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "server/cli/http.h"
#include "server/client/client.h"

/* The HTTP way borrows the client library's identity (producer, epoch, seq), so that a batch sent again after
 * a lost answer counts once; its nanomsg socket is then never used. */
struct sender {
    struct tide_client *client;
    struct http *http; /* NULL: nanomsg */
    struct http_answer answer;
    struct bytes packed;
    struct bytes wire; /* message of the batch under way */
    uint64_t seq;
    int64_t wait_ms; /* asked for by the last answer, 0: none */
    struct reply reply;
    struct sender_counts counts; /* of HTTP */
    struct tm_why why;
};

static enum tm_err unused_exchange(void *self, struct str message, int timeout_ms, struct bytes *reply,
                                   struct tm_why *why)
{
    (void)self, (void)message, (void)timeout_ms, (void)reply;
    return tm_fail(why, TM_CLOSED, "this client sends over HTTP");
}

static void pause_ms(void *self, int ms)
{
    enum { MS_PER_S = 1000, NS_PER_MS = 1000000 };
    (void)self;
    struct timespec span = {.tv_sec = ms / MS_PER_S, .tv_nsec = (long)(ms % MS_PER_S) * NS_PER_MS};
    (void)nanosleep(&span, NULL);
}

static void unused_close(void *self)
{
    (void)self;
}

static enum tm_err open_client(const struct sender_options *options, struct sender *sender,
                               struct tm_why *why)
{
    struct tide_options client = {
        .struct_size = sizeof client,
        .url = options->url,
        .producer = options->producer,
        .spool_dir = options->spool_dir,
        .key_name = options->key_name,
        .key_secret = options->key_secret,
        .timeout_ms = options->timeout_ms,
        .max_tries = options->max_tries,
        .compress = options->compress,
        .precision = options->precision,
    };
    struct transport none = {.exchange = unused_exchange, .pause = pause_ms, .close = unused_close};
    enum tide_result result = options->url
                                  ? client_open_url(&client, &sender->client, why)
                                  : client_open(&client, &none, clock_system(), &sender->client, why);
    return result == TIDE_OK        ? TM_OK
           : result == TIDE_INVALID ? TM_INVALID
           : result == TIDE_NOMEM   ? TM_NOMEM
                                    : TM_IO;
}

enum tm_err sender_open(const struct sender_options *options, struct sender **out, struct tm_why *why)
{
    *out = NULL;
    if (!options->url && options->spool_dir)
        return tm_fail(why, TM_INVALID, "a spool works over nanomsg only; leave out --http");
    struct sender *sender = calloc(1, sizeof *sender);
    if (!sender)
        return tm_fail(why, TM_NOMEM, "out of memory");
    reply_init(&sender->reply);
    enum tm_err err = open_client(options, sender, why);
    if (!err && options->epoch)
        sender->client->epoch = options->epoch;
    if (!err && options->seq)
        sender->client->next_seq = options->seq;
    if (!err && !options->url)
        err = http_open(options->server, options->key_secret ? options->key_secret : "", &sender->http, why);
    if (err) {
        sender_close(sender);
        return err;
    }
    *out = sender;
    return TM_OK;
}

void sender_close(struct sender *sender)
{
    if (!sender)
        return;
    tide_close(sender->client);
    http_close(sender->http);
    bytes_fini(&sender->answer.body);
    bytes_fini(&sender->packed);
    bytes_fini(&sender->wire);
    free(sender);
}

/* ---- nanomsg ---- */

static enum sender_state push_client(struct sender *sender)
{
    enum tide_result result = tide_push(sender->client);
    if (tide_error(sender->client)[0])
        (void)tm_fail(&sender->why, TM_IO, "%s", tide_error(sender->client));
    switch (result) {
    case TIDE_OK:
        sender->reply = sender->client->reply;
        return SENDER_SETTLED;
    case TIDE_SPOOLED:
        return SENDER_SPOOLED;
    case TIDE_REJECTED:
        return SENDER_REFUSED;
    case TIDE_FULL:
        return SENDER_UNSETTLED;
    default:
        return SENDER_FAILED;
    }
}

/* ---- HTTP ---- */

static enum sender_state settle_http(struct sender *sender, uint64_t line_count)
{
    if (sender->reply.refusal == REFUSAL_NONE) {
        sender->counts.accepted += line_count;
        sender->counts.rejected += sender->reply.rejected;
        sender->counts.duplicates += sender->reply.duplicate;
        return SENDER_SETTLED;
    }
    (void)tm_fail(&sender->why, TM_FORBIDDEN, "%s: %s", refusal_word(sender->reply.refusal),
                  sender->reply.message.text);
    if (sender->reply.retry_after_ms < 0)
        return SENDER_REFUSED;
    sender->counts.busy++;
    sender->wait_ms = sender->reply.retry_after_ms;
    return SENDER_UNSETTLED;
}

/* What an HTTP answer says about the batch. */
static enum sender_state judge_http(struct sender *sender)
{
    enum { OK_NO_CONTENT = 204, TOO_MANY = 429, SERVER_ERROR = 500, MS_PER_S = 1000 };
    const struct http_answer *answer = &sender->answer;
    reply_init(&sender->reply);
    if (answer->status == OK_NO_CONTENT || answer->status == 200)
        return settle_http(sender, 0);
    if (!reply_decode(bytes_view(&answer->body), &sender->reply))
        return settle_http(sender, sender->reply.accepted);
    reply_init(&sender->reply);
    struct str text = bytes_view(&answer->body);
    (void)tm_fail(&sender->why, TM_IO, "HTTP status %ld: %.*s", answer->status,
                  text.len < 200 ? (int)text.len : 200, text.ptr ? text.ptr : "");
    if (answer->status != TOO_MANY && answer->status < SERVER_ERROR)
        return SENDER_REFUSED;
    sender->counts.busy += answer->status == TOO_MANY;
    sender->wait_ms = answer->retry_after_s > 0 ? answer->retry_after_s * MS_PER_S : MS_PER_S;
    return SENDER_UNSETTLED;
}

static enum sender_state post_batch(struct sender *sender)
{
    enum sender_state state = SENDER_UNSETTLED;
    const struct tide_client *client = sender->client;
    for (int i = 0; i < client->max_tries && state == SENDER_UNSETTLED; i++) {
        if (sender->wait_ms > 0)
            pause_ms(NULL, sender->wait_ms < client->timeout_ms ? (int)sender->wait_ms : client->timeout_ms);
        sender->wait_ms = 0;
        sender->counts.tries++;
        enum tm_err err = http_post(sender->http, "/write", bytes_view(&sender->wire), client->timeout_ms,
                                    &sender->answer, &sender->why);
        if (err == TM_NOMEM)
            return SENDER_FAILED;
        if (err)
            sender->wait_ms = 200;
        else
            state = judge_http(sender);
    }
    return state;
}

static enum sender_state send_http(struct sender *sender, struct str lines)
{
    struct tide_client *client = sender->client;
    struct message message = {.producer = str_of(client->producer),
                              .epoch = client->epoch,
                              .seq = client->next_seq++,
                              .precision = client->precision};
    sender->seq = message.seq;
    /* The bearer key names the sender, so there is nothing to sign. */
    if (message_pack(&message, lines, client->compress, &sender->packed) ||
        message_write(&message, NULL, NULL, &sender->wire)) {
        (void)tm_fail(&sender->why, TM_NOMEM, "out of memory");
        return SENDER_FAILED;
    }
    return post_batch(sender);
}

/* ---- both ---- */

/* The daemon counts the #tm1 line; the caller does not know of it. */
static enum sender_state renumber(struct sender *sender, enum sender_state state)
{
    if (state == SENDER_SETTLED)
        for (size_t i = 0; i < sender->reply.error_count; i++)
            sender->reply.errors[i].line -= sender->reply.errors[i].line > 1;
    return state;
}

enum sender_state sender_send(struct sender *sender, struct str lines)
{
    if (sender->http)
        return renumber(sender, send_http(sender, lines));
    enum tide_result added = tide_add(sender->client, lines.ptr, lines.len);
    if (added != TIDE_OK) {
        (void)tm_fail(&sender->why, TM_IO, "%s", tide_error(sender->client));
        return SENDER_FAILED;
    }
    return renumber(sender, push_client(sender));
}

enum sender_state sender_again(struct sender *sender)
{
    return renumber(sender, sender->http ? post_batch(sender) : push_client(sender));
}

bool sender_flush(struct sender *sender, int timeout_ms)
{
    enum tide_result result = tide_flush(sender->client, timeout_ms);
    if (result != TIDE_OK)
        (void)tm_fail(&sender->why, TM_IO, "%s", tide_error(sender->client));
    return result == TIDE_OK;
}

const struct reply *sender_reply(const struct sender *sender)
{
    return &sender->reply;
}

const char *sender_error(const struct sender *sender)
{
    return sender->why.text;
}

uint64_t sender_epoch(const struct sender *sender)
{
    return sender->client->epoch;
}

uint64_t sender_seq(const struct sender *sender)
{
    return sender->http ? sender->seq : sender->client->last_seq;
}

const char *sender_producer(const struct sender *sender)
{
    return sender->client->producer;
}

size_t sender_spooled(const struct sender *sender)
{
    return tide_spooled(sender->client);
}

struct sender_counts sender_counts(const struct sender *sender)
{
    if (sender->http)
        return sender->counts;
    const struct client_totals *totals = client_totals(sender->client);
    return (struct sender_counts){.tries = totals->tries,
                                  .busy = totals->busy,
                                  .accepted = totals->accepted,
                                  .rejected = totals->rejected,
                                  .duplicates = totals->duplicates};
}
