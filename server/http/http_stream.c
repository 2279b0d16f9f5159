/* Answers that come late, or piece by piece. A connection that waits for us sleeps: the library does not look
 * at it then, so its peer is watched here, and the watch is gone before it wakes. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/http/http_internal.h"

enum { BLOCK_BYTES = 16 << 10 };

/* ---- watching the peer ---- */

static void free_watch(uv_handle_t *handle)
{
    free(handle->data);
}

static void end_watch(struct http_exchange *x)
{
    struct http_watch *watch = x->watch;
    if (!watch)
        return;
    x->watch = NULL;
    watch->exchange = NULL;
    (void)uv_poll_stop(&watch->poll);
    uv_close((uv_handle_t *)&watch->poll, free_watch);
}

static void on_gone(uv_poll_t *poll, int status, int events)
{
    struct http_watch *watch = poll->data;
    struct http_exchange *x = watch->exchange;
    if (!x || (status == 0 && !(events & UV_DISCONNECT)))
        return;
    end_watch(x);
    x->source.gone(x->source.arg, false);
}

/* Without memory nobody is watched: the deadline of what is waited for ends it. */
static void begin_watch(struct http_exchange *x)
{
    struct http_watch *watch = x->has_source ? calloc(1, sizeof *watch) : NULL;
    if (!watch)
        return;
    if (uv_poll_init(x->listener->server->options.loop, &watch->poll, x->peer->fd) != 0) {
        free(watch);
        return;
    }
    watch->poll.data = watch;
    watch->exchange = x;
    x->watch = watch;
    if (uv_poll_start(&watch->poll, UV_DISCONNECT, on_gone) != 0)
        end_watch(x);
}

void http_sleep(struct http_exchange *x)
{
    x->suspended = true;
    x->peer->since_ms = 0;
    begin_watch(x);
    MHD_suspend_connection(x->connection);
}

void http_wake(struct http_exchange *x)
{
    if (!x->suspended)
        return;
    end_watch(x);
    x->suspended = false;
    MHD_resume_connection(x->connection);
    http_run_soon(x->listener);
}

void http_await_answer(struct http_exchange *exchange, const struct http_source *source)
{
    exchange->source = *source;
    exchange->has_source = true;
}

/* ---- the stream ---- */

/* The library asks for bytes, and never before the last ones are in the socket. */
static ssize_t give_bytes(void *arg, uint64_t position, char *to, size_t room)
{
    struct http_exchange *x = arg;
    size_t left = x->piece.len - x->piece_at, count = left < room ? left : room;
    (void)position;
    x->listener->moved = true;
    if (count > 0) {
        memcpy(to, x->piece.data + x->piece_at, count);
        x->piece_at += count;
        return (ssize_t)count;
    }
    if (x->ended)
        return x->is_whole ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
    http_sleep(x);
    bytes_fini(&x->piece);
    x->piece_at = 0;
    x->source.want(x->source.arg);
    return 0;
}

static void take_piece(struct http_exchange *x, struct bytes *piece)
{
    bytes_fini(&x->piece);
    x->piece = *piece;
    x->piece_at = 0;
    *piece = (struct bytes){0};
}

void http_stream_begin(struct http_exchange *exchange, unsigned status, const char *content_type,
                       struct bytes *piece)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, give_bytes, exchange, NULL);
    take_piece(exchange, piece);
    exchange->streams = true;
    if (response)
        http_put_headers(exchange, response, status, content_type);
    http_set_answer(exchange, status, response);
}

void http_stream_put(struct http_exchange *exchange, struct bytes *piece)
{
    take_piece(exchange, piece);
    http_await_peer(exchange->peer, exchange->listener->server);
    http_wake(exchange);
}

void http_stream_end(struct http_exchange *exchange, bool is_whole)
{
    exchange->ended = true;
    exchange->is_whole = is_whole;
    exchange->has_source = false;
    http_await_peer(exchange->peer, exchange->listener->server);
    http_wake(exchange);
}

void http_stream_cut(struct http_exchange *exchange)
{
    /* Bytes may be waiting for a peer that takes none: the library would wait with them. */
    (void)shutdown(exchange->peer->fd, SHUT_RDWR);
    http_stream_end(exchange, false);
    http_run_soon(exchange->listener);
}

void http_stream_fini(struct http_exchange *x)
{
    end_watch(x);
    bytes_fini(&x->piece);
    if (x->has_source && (x->streams || !x->answered))
        x->source.gone(x->source.arg, true);
}
