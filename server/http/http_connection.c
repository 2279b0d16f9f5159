/* Connections and their deadline. libmicrohttpd's time-out counts from the last byte, so that a peer with a
 * byte a second keeps its place for ever; ours counts from when the peer was first waited for. */
#include <stdlib.h>
#include <sys/socket.h>

#include "server/http/http_internal.h"

static int64_t now_ms(const struct http_server *server)
{
    /* never 0, which means "not waiting" */
    return (int64_t)uv_now(server->options.loop) + 1;
}

void http_await_peer(struct http_connection *peer, struct http_server *server)
{
    peer->since_ms = now_ms(server);
}

static void forget(struct http_connection *peer)
{
    peer->next->previous = peer->previous;
    peer->previous->next = peer->next;
    peer->server->connection_count--;
    free(peer);
}

void http_on_connection(void *arg, struct MHD_Connection *connection, void **context,
                        enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = ((struct http_listener *)arg)->server;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*context)
            forget(*context);
        *context = NULL;
        return;
    }
    struct http_connection *peer = calloc(1, sizeof *peer);
    if (!peer)
        return; /* its requests are not taken, and libmicrohttpd's own time-out ends it */
    peer->server = server;
    peer->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    peer->next = server->connections.next;
    peer->previous = &server->connections;
    peer->next->previous = peer->previous->next = peer;
    server->connection_count++;
    http_await_peer(peer, server);
    *context = peer;
}

void http_sweep(struct http_server *server)
{
    int64_t now = now_ms(server);
    for (struct http_connection *peer = server->connections.next; peer != &server->connections;
         peer = peer->next) {
        if (!peer->since_ms || now - peer->since_ms < HTTP_PATIENCE_MS)
            continue;
        /* libmicrohttpd sees the end of the stream and closes it in its own way. */
        (void)shutdown(peer->fd, SHUT_RDWR);
        peer->since_ms = 0;
        server->options.counters->value[COUNTER_HTTP_CUT]++;
    }
}
