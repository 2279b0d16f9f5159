/* Clients of the feed. A client's bytes are gathered in `waiting` and handed over whole when the one before
 * was taken. Nothing is handed over from within feed_publish or a call of the HTTP server's: a turn of the
 * loop later all that came meanwhile goes in one piece. */
#include "server/feed/feed.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "server/feed/feed_event.h"
#include "storage/model/bytes.h"

enum { OK = 200, BAD_REQUEST = 400, UNAVAILABLE = 503, RETRY_S = 10, HANDLES = 2, TOPICS_BYTES = 4096 };

struct client {
    struct feed *feed;
    struct client *next, *previous;
    struct http_exchange *exchange;
    char *topics;
    struct bytes waiting;
    bool is_idle; /* the last piece was taken */
};

struct feed {
    struct feed_options options;
    struct client clients; /* ring's head */
    size_t client_count;
    uint64_t last_id;
    uv_idle_t pump;
    uv_timer_t heartbeat;
    int handles;
    bool is_stopped;
};

/* ---- clients ---- */

static void free_client(struct client *client)
{
    client->next->previous = client->previous;
    client->previous->next = client->next;
    client->feed->client_count--;
    bytes_fini(&client->waiting);
    free(client->topics);
    free(client);
}

/* Nothing more is to be had of it; its exchange is still there. */
static void drop_client(struct client *client)
{
    client->feed->options.counters->value[COUNTER_FEED_DROPPED]++;
    http_stream_cut(client->exchange);
    free_client(client);
}

static void on_pump(uv_idle_t *idle)
{
    struct feed *feed = idle->data;
    struct client *next;
    (void)uv_idle_stop(idle);
    for (struct client *client = feed->clients.next; client != &feed->clients; client = next) {
        next = client->next;
        if (!client->is_idle || client->waiting.len == 0)
            continue;
        client->is_idle = false;
        http_stream_put(client->exchange, &client->waiting); /* which leaves it empty */
    }
}

static void start_pump(struct feed *feed)
{
    (void)uv_idle_start(&feed->pump, on_pump);
}

static void on_want(void *arg)
{
    struct client *client = arg;
    client->is_idle = true;
    if (client->waiting.len > 0)
        start_pump(client->feed);
}

static void on_gone(void *arg, bool is_over)
{
    struct client *client = arg;
    if (!is_over)
        http_stream_cut(client->exchange);
    free_client(client);
}

static bool is_behind(const struct client *client)
{
    return client->waiting.failed || client->waiting.len > FEED_BEHIND_MAX_BYTES;
}

/* ---- telling ---- */

void feed_publish(struct feed *feed, const char *topic, struct str json)
{
    struct str name = str_of(topic);
    struct client *next;
    struct bytes event = {0};
    if (feed->options.publish)
        feed->options.publish(feed->options.publish_arg, topic, json);
    feed->last_id++;
    for (struct client *client = feed->clients.next; client != &feed->clients; client = next) {
        next = client->next;
        if (!feed_takes(str_of(client->topics), name))
            continue;
        if (event.len == 0)
            feed_event(&event, feed->last_id, name, json);
        bytes_put(&client->waiting, event.data, event.len);
        client->waiting.failed = client->waiting.failed || event.failed;
        if (is_behind(client)) {
            drop_client(client);
            continue;
        }
        feed->options.counters->value[COUNTER_FEED_SENT]++;
        start_pump(feed);
    }
    bytes_fini(&event);
}

void feed_publish_of(struct feed *feed, const char *kind, struct str service, struct str json)
{
    struct bytes topic = {0};
    feed_topic(kind, service, &topic);
    if (!bytes_error(&topic))
        feed_publish(feed, (const char *)topic.data, json);
    bytes_fini(&topic);
}

/* A comment: proxies and clients see that the line lives, and a peer that has gone is found out. */
static void on_heartbeat(uv_timer_t *timer)
{
    struct feed *feed = timer->data;
    for (struct client *client = feed->clients.next; client != &feed->clients; client = client->next) {
        if (client->is_idle && client->waiting.len == 0)
            bytes_put(&client->waiting, ":\n\n", 3);
    }
    if (feed->client_count > 0)
        start_pump(feed);
}

/* ---- following ---- */

static struct client *new_client(struct feed *feed, struct http_exchange *exchange, const char *topics)
{
    struct client *client = calloc(1, sizeof *client);
    if (!client)
        return NULL;
    client->topics = strdup(topics);
    if (!client->topics) {
        free(client);
        return NULL;
    }
    client->feed = feed;
    client->exchange = exchange;
    client->previous = feed->clients.previous;
    client->next = &feed->clients;
    client->previous->next = client->next->previous = client;
    feed->client_count++;
    return client;
}

static void refuse(struct http_exchange *exchange, const char *text)
{
    http_respond_error_retry(exchange, UNAVAILABLE, "unavailable", text, RETRY_S);
}

void feed_follow(struct feed *feed, struct http_exchange *exchange)
{
    const char *topics = http_query(exchange, "topics");
    struct bytes piece = {0};
    topics = topics ? topics : "";
    if (strlen(topics) > TOPICS_BYTES || !feed_topics_are_valid(str_of(topics), FEED_TOPICS_MAX)) {
        http_respond_error(
            exchange, BAD_REQUEST, "bad_data",
            "invalid parameter \"topics\": anomaly, incident, verdict or status, each also with a "
            "service, at most 32 with commas between them, like incident,anomaly.cart,verdict");
        return;
    }
    if (feed->is_stopped || feed->client_count >= FEED_CLIENTS_MAX) {
        refuse(exchange, feed->is_stopped ? "the daemon stops" : "too many clients follow the feed");
        return;
    }
    bytes_printf(&piece, ": tidemark\nretry: 3000\n\n");
    struct client *client = piece.failed ? NULL : new_client(feed, exchange, topics);
    if (!client) {
        bytes_fini(&piece);
        refuse(exchange, "out of memory; try again");
        return;
    }
    http_await_answer(exchange, &(struct http_source){client, on_want, on_gone});
    http_stream_begin(exchange, OK, "text/event-stream; charset=utf-8", &piece);
}

size_t feed_clients(const struct feed *feed)
{
    return feed->client_count;
}

/* ---- life ---- */

static void on_closed(uv_handle_t *handle)
{
    struct feed *feed = handle->data;
    if (--feed->handles == 0)
        free(feed);
}

struct feed *feed_open(const struct feed_options *options)
{
    struct feed *feed = calloc(1, sizeof *feed);
    if (!feed)
        return NULL;
    feed->options = *options;
    feed->clients.next = feed->clients.previous = &feed->clients;
    (void)uv_idle_init(options->loop, &feed->pump);
    (void)uv_timer_init(options->loop, &feed->heartbeat);
    feed->pump.data = feed->heartbeat.data = feed;
    feed->handles = HANDLES;
    uint64_t beat = options->heartbeat_ms > 0 ? (uint64_t)options->heartbeat_ms : FEED_HEARTBEAT_MS;
    (void)uv_timer_start(&feed->heartbeat, on_heartbeat, beat, beat);
    return feed;
}

void feed_stop(struct feed *feed)
{
    struct client *next;
    feed->is_stopped = true;
    for (struct client *client = feed->clients.next; client != &feed->clients; client = next) {
        next = client->next;
        if (client->is_idle && client->waiting.len > 0)
            http_stream_put(client->exchange, &client->waiting);
        if (client->is_idle)
            http_stream_end(client->exchange, true);
        else
            http_stream_cut(client->exchange);
        free_client(client);
    }
}

void feed_close(struct feed *feed)
{
    if (!feed)
        return;
    feed_stop(feed);
    uv_close((uv_handle_t *)&feed->pump, on_closed);
    uv_close((uv_handle_t *)&feed->heartbeat, on_closed);
}
