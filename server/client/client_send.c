/* One message to the daemon: tries, answers, waiting. */
#include "server/client/client.h"

enum { NS_PER_MS = 1000000 };

static int time_left_ms(const struct tide_client *client, int64_t deadline_ns, int at_most_ms)
{
    if (deadline_ns == INT64_MAX)
        return at_most_ms;
    int64_t left_ms = (deadline_ns - clock_mono_ns(client->clock)) / NS_PER_MS;
    if (left_ms < 0)
        left_ms = 0;
    return left_ms < at_most_ms ? (int)left_ms : at_most_ms;
}

/* An answer to another message, left over from an earlier try: not ours. Refusals may lack a seq. */
static bool is_stale(const struct reply *reply, const struct message *message)
{
    if (!reply->has_seq)
        return reply->refusal == REFUSAL_NONE;
    return reply->seq != message->seq;
}

static enum tm_err try_once(struct tide_client *client, const struct message *message, int timeout_ms,
                            struct reply *reply)
{
    client->totals.tries++;
    enum tm_err err = client->transport.exchange(client->transport.self, bytes_view(&client->wire),
                                                 timeout_ms, &client->answer_text, &client->why);
    if (err == TM_BUSY)
        return tm_fail(&client->why, TM_BUSY,
                       "no answer within %d ms from %.200s; is tidemarkd running and reachable?", timeout_ms,
                       client->transport.address ? client->transport.address : "the daemon");
    if (err)
        return err == TM_NOMEM ? tm_fail(&client->why, err, "out of memory") : TM_BUSY;
    err = reply_decode(bytes_view(&client->answer_text), reply);
    if (err == TM_NOMEM)
        return tm_fail(&client->why, err, "out of memory");
    if (err)
        return tm_fail(&client->why, TM_BUSY,
                       "the answer is not tidemark's; is the address that of a "
                       "tidemarkd ingest_rep listener?");
    if (is_stale(reply, message))
        return tm_fail(&client->why, TM_BUSY, "the answer belongs to another batch");
    return TM_OK;
}

static void take_answer(struct tide_client *client, const struct message *message)
{
    const struct reply *reply = &client->reply;
    client->answer = (struct tide_answer){
        .accepted = reply->accepted, .rejected = reply->rejected, .duplicate = reply->duplicate};
    if (reply->error_count) {
        uint32_t line = reply->errors[0].line;
        /* The daemon counts the header line that this library has put in front. */
        client->answer.first_error_line = line > 1 ? line - 1 : line;
        memcpy(client->answer.first_error, reply->errors[0].why.text, sizeof client->answer.first_error);
    }
    if (message->epoch != client->epoch)
        return;
    client->totals.accepted += reply->accepted;
    client->totals.rejected += reply->rejected;
    client->totals.duplicates += reply->duplicate;
}

/* TM_OK settled, TM_FORBIDDEN refused for good, TM_BUSY: try again, not before client->not_before_ns. */
static enum tm_err judge_reply(struct tide_client *client, const struct message *message)
{
    const struct reply *reply = &client->reply;
    if (reply->refusal == REFUSAL_NONE) {
        take_answer(client, message);
        return TM_OK;
    }
    if (reply->retry_after_ms >= 0) {
        int64_t wait_ms =
            reply->retry_after_ms < client->timeout_ms ? reply->retry_after_ms : client->timeout_ms;
        client->not_before_ns = clock_mono_ns(client->clock) + wait_ms * NS_PER_MS;
        client->totals.busy++;
        return tm_fail(&client->why, TM_BUSY, "%s: %s (try again in %lld ms)", refusal_word(reply->refusal),
                       reply->message.text, (long long)reply->retry_after_ms);
    }
    client->totals.refused += message->epoch == client->epoch;
    return tm_fail(&client->why, TM_FORBIDDEN, "%s: %s", refusal_word(reply->refusal), reply->message.text);
}

/* What the daemon asked for last time, counted from then, and never longer than the deadline allows. */
static void wait_as_asked(struct tide_client *client, int64_t deadline_ns)
{
    int64_t left_ns = client->not_before_ns - clock_mono_ns(client->clock);
    if (left_ns <= 0)
        return;
    int wait_ms = time_left_ms(client, deadline_ns, (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS));
    if (wait_ms > 0)
        client->transport.pause(client->transport.self, wait_ms);
}

enum tm_err client_send(struct tide_client *client, const struct message *message, int max_tries,
                        int64_t deadline_ns)
{
    enum tm_err err = message_write(message, client->key_name, client->key_secret, &client->wire);
    if (err)
        return tm_fail(&client->why, err, "out of memory");
    err = TM_BUSY;
    for (int i = 0; i < max_tries; i++) {
        wait_as_asked(client, deadline_ns);
        int timeout_ms = time_left_ms(client, deadline_ns, client->timeout_ms);
        if (timeout_ms <= 0)
            return client->why.text[0] ? TM_BUSY : tm_fail(&client->why, TM_BUSY, "out of time");
        err = try_once(client, message, timeout_ms, &client->reply);
        if (!err)
            err = judge_reply(client, message);
        if (!err)
            client->why.text[0] = '\0'; /* that an earlier try failed is no longer of interest */
        if (err != TM_BUSY)
            return err;
    }
    return err;
}

enum tm_err client_drain(struct tide_client *client, int64_t deadline_ns, size_t *aside_count)
{
    struct message message;
    size_t damaged_before = spool_damaged_count(client->spool);
    enum tm_err err = TM_OK;
    /* Bounded: every turn but the last takes one batch out of the spool. */
    while (!err && !(err = spool_oldest(client->spool, &client->spooled_file, &message, &client->why))) {
        bool in_time = deadline_ns != INT64_MAX;
        err = client_send(client, &message, in_time ? client->max_tries : 1, deadline_ns);
        if (!err) {
            spool_remove_oldest(client->spool);
        } else if (err == TM_FORBIDDEN) {
            spool_refuse_oldest(client->spool);
            ++*aside_count;
            client->aside_why = client->why;
            err = TM_OK;
        }
    }
    size_t damaged_count = spool_damaged_count(client->spool) - damaged_before;
    *aside_count += damaged_count;
    if (damaged_count)
        (void)tm_fail(&client->aside_why, TM_CORRUPT, "wrong checksum");
    return err == TM_NOT_FOUND ? TM_OK : err;
}
