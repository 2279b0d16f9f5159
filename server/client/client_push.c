/* The calls that take and push batches. */
#include "server/client/client.h"

enum { NS_PER_MS = 1000000 };

static size_t batch_limit(const struct tide_client *client)
{
    return client->max_message_bytes - MESSAGE_HEADER_MAX_BYTES;
}

static enum tide_result fail(struct tide_client *client, enum tide_result result, const char *text)
{
    (void)tm_fail(&client->why, TM_INVALID, "%s", text);
    return result;
}

enum tide_result tide_add(struct tide_client *client, const char *lines, size_t len)
{
    if (!client || (!lines && len))
        return TIDE_INVALID;
    while (len && lines[len - 1] == '\n')
        len--;
    if (!len)
        return TIDE_OK;
    struct bytes *batch = &client->batch;
    size_t limit = batch_limit(client);
    if (len >= limit || batch->len > limit - len - 1) {
        (void)tm_fail(&client->why, TM_TOO_LARGE, "a batch is at most %zu bytes: push, then add again%s",
                      limit, len >= limit ? " in smaller pieces" : "");
        return TIDE_TOO_LARGE;
    }
    if (!bytes_reserve(batch, len + 1)) {
        batch->failed = false; /* what is in it stays */
        return fail(client, TIDE_NOMEM, "out of memory");
    }
    bytes_put(batch, lines, len);
    bytes_u8(batch, '\n');
    return TIDE_OK;
}

/* Gives the open batch its number; from now on its bytes stay as they are. */
static void seal_batch(struct tide_client *client)
{
    struct bytes spare = client->sealed;
    client->sealed = client->batch;
    client->sealed_seq = client->next_seq++;
    client->batch = spare;
    bytes_clear(&client->batch);
}

static void drop_sealed(struct tide_client *client)
{
    bytes_clear(&client->sealed);
    client->sealed_seq = 0;
}

/* The sealed batch goes to disk, or stays where it is. The reason why it could not be sent is kept. */
static enum tide_result spool_sealed(struct tide_client *client, const struct message *message)
{
    struct tm_why why = client->why;
    if (!client->spool)
        return TIDE_FULL;
    enum tm_err err = spool_put(client->spool, message, &why);
    if (!err) {
        drop_sealed(client);
        return TIDE_SPOOLED;
    }
    client->why = why;
    return err == TM_NOMEM ? TIDE_NOMEM : err == TM_IO ? TIDE_IO : TIDE_FULL;
}

static enum tide_result push_sealed(struct tide_client *client, enum tm_err drained)
{
    struct message message = {.producer = str_of(client->producer),
                              .epoch = client->epoch,
                              .seq = client->sealed_seq,
                              .precision = client->precision};
    client->last_seq = client->sealed_seq;
    enum tm_err err = message_pack(&message, bytes_view(&client->sealed), client->compress, &client->packed);
    if (err)
        return fail(client, TIDE_NOMEM, "out of memory");
    /* Behind a spool that still holds older batches it has to wait. */
    err = drained ? drained : client_send(client, &message, client->max_tries, INT64_MAX);
    if (err == TM_NOMEM)
        return TIDE_NOMEM;
    if (err == TM_FORBIDDEN || !err) {
        drop_sealed(client);
        return err ? TIDE_REJECTED : TIDE_OK;
    }
    return spool_sealed(client, &message);
}

/* What befell older batches is worth a sentence, even if this push went well. */
static void note_aside(struct tide_client *client, size_t aside_count)
{
    if (aside_count)
        (void)tm_fail(
            &client->why, TM_CORRUPT,
            "%zu spooled batches were damaged or refused and lie in the spool as .bad or .refused; the "
            "last one: %.200s",
            aside_count, client->aside_why.text);
}

enum tide_result tide_push(struct tide_client *client)
{
    if (!client)
        return TIDE_INVALID;
    client->why.text[0] = '\0';
    if (!client->batch.len && !client->sealed_seq)
        return TIDE_OK;
    size_t aside_count = 0;
    enum tm_err drained = TM_OK;
    if (tide_spooled(client))
        drained = client_drain(client, INT64_MAX, &aside_count);
    enum tide_result result = TIDE_OK;
    bool was_sealed = client->sealed_seq != 0;
    if (was_sealed)
        result = push_sealed(client, drained);
    if (client->sealed_seq || !client->batch.len || (was_sealed && result == TIDE_REJECTED))
        goto out;
    if (result == TIDE_SPOOLED)
        drained = TM_BUSY;
    seal_batch(client);
    result = push_sealed(client, drained);
out:
    note_aside(client, aside_count);
    return result;
}

/* How many bytes of lines, up to and with a line end, fit into the open batch; 0: not even one line. */
static size_t fitting(const char *lines, size_t len, size_t room)
{
    if (len < room)
        return len;
    const char *end = room ? memrchr(lines, '\n', room) : NULL;
    return end ? (size_t)(end - lines) + 1 : 0;
}

enum tide_result tide_push_lines(struct tide_client *client, const char *lines, size_t len)
{
    if (!client || (!lines && len))
        return TIDE_INVALID;
    enum tide_result worst = TIDE_OK;
    size_t offset = 0;
    while (offset < len || tide_batched(client)) {
        size_t room = batch_limit(client) - client->batch.len;
        size_t take = fitting(lines + offset, len - offset, room);
        enum tide_result result = take ? tide_add(client, lines + offset, take) : TIDE_OK;
        if (!take && offset < len && !client->batch.len) {
            (void)tm_fail(&client->why, TM_TOO_LARGE, "the line at byte %zu is over %zu bytes", offset,
                          batch_limit(client));
            return TIDE_TOO_LARGE;
        }
        offset += take;
        if (!result)
            result = tide_push(client);
        if (result == TIDE_SPOOLED)
            worst = result;
        else if (result)
            return result;
    }
    return worst;
}

enum tide_result tide_flush(struct tide_client *client, int timeout_ms)
{
    if (!client || timeout_ms < 0)
        return TIDE_INVALID;
    client->why.text[0] = '\0';
    if (!tide_spooled(client))
        return TIDE_OK;
    size_t aside_count = 0;
    int64_t deadline_ns = clock_mono_ns(client->clock) + (int64_t)timeout_ms * NS_PER_MS;
    enum tm_err err = client_drain(client, deadline_ns, &aside_count);
    note_aside(client, aside_count);
    return !err ? TIDE_OK : err == TM_NOMEM ? TIDE_NOMEM : err == TM_IO ? TIDE_IO : TIDE_SPOOLED;
}
