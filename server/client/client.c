#include "server/client/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_URL "tcp://127.0.0.1:9701"

int tide_abi(void)
{
    return TIDE_ABI;
}

const char *tide_version(void)
{
    return TIDEMARK_VERSION;
}

static enum tide_result result_of(enum tm_err err)
{
    switch (err) {
    case TM_OK:
        return TIDE_OK;
    case TM_NOMEM:
        return TIDE_NOMEM;
    case TM_INVALID:
        return TIDE_INVALID;
    default:
        return TIDE_IO;
    }
}

/* The options as this library knows them: fields the caller's header did not have are zero. */
static enum tm_err read_options(const struct tide_options *given, struct tide_options *out,
                                struct tm_why *why)
{
    *out = (struct tide_options){0};
    if (!given || given->struct_size < sizeof given->struct_size)
        return tm_fail(why, TM_INVALID, "set struct_size to sizeof(struct tide_options)");
    memcpy(out, given, given->struct_size < sizeof *out ? given->struct_size : sizeof *out);
    if (out->timeout_ms < 0 || out->max_tries < 0)
        return tm_fail(why, TM_INVALID, "timeout_ms and max_tries must not be negative");
    if (!out->key_name != !out->key_secret)
        return tm_fail(why, TM_INVALID, "key_name and key_secret come together");
    if (out->key_name && (!message_name_valid(str_of(out->key_name)) || !*out->key_secret))
        return tm_fail(why, TM_INVALID, "a key's name is 1 to %d of [A-Za-z0-9._:@/-], its secret not empty",
                       HEADER_KEY_MAX);
    if (out->producer && !message_name_valid(str_of(out->producer)))
        return tm_fail(why, TM_INVALID, "a producer's name is 1 to %d of [A-Za-z0-9._:@/-]",
                       HEADER_PRODUCER_MAX);
    if (out->spool_dir && !out->producer)
        return tm_fail(why, TM_INVALID, "a spool needs a producer name that stays the same over restarts");
    if (out->max_message_bytes && out->max_message_bytes <= 2 * MESSAGE_HEADER_MAX_BYTES)
        return tm_fail(why, TM_INVALID, "max_message_bytes must be over %d", 2 * MESSAGE_HEADER_MAX_BYTES);
    /* The spool and the wire hold lengths in 32 bits. */
    if (out->max_message_bytes > INT32_MAX)
        return tm_fail(why, TM_INVALID, "max_message_bytes must be at most %d", INT32_MAX);
    return TM_OK;
}

/* Host name and process id, as a valid name. */
static char *make_producer(void)
{
    char host[64] = "";
    char name[HEADER_PRODUCER_MAX];
    if (gethostname(host, sizeof host - 1) != 0 || !message_name_valid(str_of(host)))
        (void)snprintf(host, sizeof host, "host");
    (void)snprintf(name, sizeof name, "%s:%ld", host, (long)getpid());
    return strdup(name);
}

static enum tm_err copy_options(struct tide_client *client, const struct tide_options *options,
                                struct tm_why *why)
{
    if (options->precision && precision_parse(str_of(options->precision), &client->precision))
        return tm_fail(why, TM_INVALID, "precision is ns, us, ms or s, not \"%s\"", options->precision);
    client->producer = options->producer ? strdup(options->producer) : make_producer();
    client->key_name = options->key_name ? strdup(options->key_name) : NULL;
    client->key_secret = options->key_secret ? strdup(options->key_secret) : NULL;
    if (!client->producer || (options->key_name && (!client->key_name || !client->key_secret)))
        return tm_fail(why, TM_NOMEM, "out of memory");
    client->max_message_bytes =
        options->max_message_bytes ? options->max_message_bytes : CLIENT_MESSAGE_BYTES;
    client->timeout_ms = options->timeout_ms ? options->timeout_ms : CLIENT_TIMEOUT_MS;
    client->max_tries = options->max_tries ? options->max_tries : CLIENT_TRIES;
    client->compress = options->compress != 0;
    return TM_OK;
}

static enum tm_err start_epoch(struct tide_client *client, const struct tide_options *options,
                               struct tm_why *why)
{
    time_ms_t now_ms = clock_wall_ms(client->clock);
    client->epoch = now_ms > 0 ? (uint64_t)now_ms : 1;
    if (!options->spool_dir)
        return TM_OK;
    size_t max_bytes = options->spool_max_bytes ? options->spool_max_bytes : CLIENT_SPOOL_BYTES;
    enum tm_err err = spool_open(options->spool_dir, max_bytes, &client->spool, why);
    if (err)
        return err;
    return spool_take_epoch(client->spool, client->epoch, &client->epoch, why);
}

static void free_client(struct tide_client *client)
{
    if (client->transport.close)
        client->transport.close(client->transport.self);
    spool_close(client->spool);
    bytes_fini(&client->batch);
    bytes_fini(&client->sealed);
    bytes_fini(&client->packed);
    bytes_fini(&client->wire);
    bytes_fini(&client->answer_text);
    bytes_fini(&client->spooled_file);
    free(client->producer);
    free(client->key_name);
    free(client->key_secret);
    free(client);
}

enum tide_result client_open(const struct tide_options *given, struct transport *transport,
                             const struct clock *clock, struct tide_client **out, struct tm_why *why)
{
    *out = NULL;
    struct tide_options options;
    struct tide_client *client = NULL;
    enum tm_err err = read_options(given, &options, why);
    if (err)
        goto out;
    client = calloc(1, sizeof *client);
    if (!client) {
        err = tm_fail(why, TM_NOMEM, "out of memory");
        goto out;
    }
    client->clock = clock;
    client->next_seq = 1;
    reply_init(&client->reply);
    err = copy_options(client, &options, why);
    if (!err)
        err = start_epoch(client, &options, why);
out:
    if (err) {
        if (client)
            free_client(client);
        transport->close(transport->self);
        return result_of(err);
    }
    client->transport = *transport;
    *out = client;
    return TIDE_OK;
}

enum tide_result client_open_url(const struct tide_options *given, struct tide_client **out,
                                 struct tm_why *why)
{
    *out = NULL;
    struct tide_options options;
    struct transport transport;
    enum tm_err err = read_options(given, &options, why);
    if (!err)
        err = transport_nanomsg(options.url ? options.url : DEFAULT_URL, &transport, why);
    if (err)
        return result_of(err);
    return client_open(given, &transport, clock_system(), out, why);
}

enum tide_result tide_open(const struct tide_options *options, struct tide_client **out)
{
    return out ? client_open_url(options, out, NULL) : TIDE_INVALID;
}

/* What is not acknowledged goes to disk, in its order; without a spool it is lost, as documented. */
static void spool_rest(struct tide_client *client)
{
    struct message message = {
        .producer = str_of(client->producer), .epoch = client->epoch, .precision = client->precision};
    if (!client->spool)
        return;
    if (client->sealed_seq) {
        message.seq = client->sealed_seq;
        if (message_pack(&message, bytes_view(&client->sealed), client->compress, &client->packed) ||
            spool_put(client->spool, &message, &client->why))
            return;
    }
    if (!client->batch.len)
        return;
    message.seq = client->next_seq;
    if (!message_pack(&message, bytes_view(&client->batch), client->compress, &client->packed) &&
        spool_put(client->spool, &message, &client->why))
        return;
}

void tide_close(struct tide_client *client)
{
    if (!client)
        return;
    spool_rest(client);
    free_client(client);
}

size_t tide_batched(const struct tide_client *client)
{
    return client ? client->batch.len + client->sealed.len : 0;
}

size_t tide_spooled(const struct tide_client *client)
{
    return client && client->spool ? spool_count(client->spool) : 0;
}

const struct tide_answer *tide_answer(const struct tide_client *client)
{
    return client ? &client->answer : NULL;
}

const char *tide_error(const struct tide_client *client)
{
    return client ? client->why.text : "no client";
}
