#include "server/http/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/http/http_internal.h"
#include "server/log/log.h"

enum {
    CONNECTION_MEMORY_BYTES = 32 << 10,
    BACKLOG = 512,
    SWEEP_INTERVAL_MS = 1000,
    RUNS_MAX = 16,
    SPINS_MAX = 50
};

static void on_timer(uv_timer_t *timer);
static void on_again(uv_idle_t *again);

void http_run(struct http_listener *listener)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    if (!listener->daemon)
        return;
    enum MHD_Result waits = MHD_YES;
    listener->moved = true;
    for (int i = 0; i < RUNS_MAX && listener->moved && waits == MHD_YES && wait_ms == 0; i++) {
        listener->moved = false;
        (void)MHD_run(listener->daemon);
        waits = MHD_get_timeout(listener->daemon, &wait_ms);
        if (listener->moved)
            listener->spins = 0;
    }
    /* There is more to do at once: after a turn of the loop, so that the others have theirs; but a connection
     * that is for ever about to go on (a chunk extension that fills its buffer) waits longer each time. */
    bool at_once = waits == MHD_YES && wait_ms == 0;
    if (at_once && listener->spins == 0)
        (void)uv_idle_start(&listener->again, on_again);
    if (at_once)
        wait_ms = 1 + listener->spins;
    listener->spins += listener->spins < SPINS_MAX;
    if (waits == MHD_YES)
        (void)uv_timer_start(&listener->timer, on_timer, wait_ms, 0);
    else
        (void)uv_timer_stop(&listener->timer);
}

static void on_again(uv_idle_t *again)
{
    (void)uv_idle_stop(again);
    http_run(again->data);
}

static void on_timer(uv_timer_t *timer)
{
    http_run(timer->data);
}

void http_run_soon(struct http_listener *listener)
{
    (void)uv_idle_start(&listener->again, on_again);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct http_listener *listener = poll->data;
    (void)status;
    (void)events;
    listener->spins = 0;
    http_run(listener);
}

static void on_sweep(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    http_sweep(server);
    /* libmicrohttpd stops accepting at its limit and looks at that again only when it runs; when the last
     * peers have gone, nothing else would make it run. */
    for (size_t i = 0; i < server->listener_count; i++)
        http_run(&server->listeners[i]);
}

static void on_library_log(void *arg, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static void on_library_log(void *arg, const char *format, va_list args)
{
    struct http_server *server = arg;
    char text[256];
    (void)vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    log_write(server->options.log, LOG_LEVEL_DEBUG, "http.library", "%s", text);
}

/* Decodes in place, but leaves alone what holds an encoded NUL: decoded it would cut the path short, and
 * "/-/reload%00x" would pass a proxy's list of paths and still be "/-/reload" here. */
static size_t unescape(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg;
    (void)connection;
    return strstr(text, "%00") ? strlen(text) : MHD_http_unescape(text);
}

/* host:port or [v6]:port, numbers or "localhost", into its parts. */
static enum tm_err split_address(const char *address, char host[64], char port[8])
{
    const char *colon = strrchr(address, ':');
    if (!colon || strlen(colon + 1) >= 8 || colon - address >= 64)
        return TM_INVALID;
    size_t len = (size_t)(colon - address);
    if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
        address++;
        len -= 2;
    }
    memcpy(host, address, len);
    host[len] = '\0';
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return TM_OK;
}

static enum tm_err bind_socket(const char *address, int *out, struct tm_why *why)
{
    char host[64], port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *found = NULL;
    int one = 1;
    if (split_address(address, host, port) != TM_OK ||
        getaddrinfo(host[0] && strcmp(host, "*") != 0 ? host : NULL, port, &hints, &found) != 0)
        return tm_fail(why, TM_INVALID,
                       "listen.http: \"%s\" is no address of this machine; write it as host:port", address);
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool bound = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
                 bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
    int error = errno;
    freeaddrinfo(found);
    if (bound) {
        *out = fd;
        return TM_OK;
    }
    if (fd >= 0)
        (void)close(fd);
    return tm_fail(why, TM_IO, "listen.http: cannot listen on %s: %s; %s", address, strerror(error),
                   error == EADDRINUSE
                       ? "another program has this port: end it, or choose another port (0 for any)"
                       : "choose an address of this machine and a port you may use");
}

/* The address with the port that was bound. */
static void name_listener(struct http_listener *listener, int fd)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    char host[INET6_ADDRSTRLEN] = "?", port[8] = "?";
    if (getsockname(fd, (struct sockaddr *)&bound, &len) == 0)
        (void)getnameinfo((struct sockaddr *)&bound, len, host, sizeof host, port, sizeof port,
                          NI_NUMERICHOST | NI_NUMERICSERV);
    (void)snprintf(listener->address, sizeof listener->address, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host,
                   port);
}

/* At most three eighths of the descriptors: the store, the gates, what wakes the loop and what is to come
 * need theirs. */
static unsigned connections_max(const struct http_server *server)
{
    size_t listeners = server->options.config->listen.http.count;
    size_t max = HTTP_CONNECTIONS_MAX;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur / 8 * 3 < max)
        max = (size_t)files.rlim_cur / 8 * 3;
    return max > listeners ? (unsigned)(max / listeners) : 1;
}

static struct MHD_Daemon *start_library(struct http_listener *listener, int fd)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
                            http_on_request, listener,                                                     //
                            MHD_OPTION_LISTEN_SOCKET, fd,                                                  //
                            MHD_OPTION_EXTERNAL_LOGGER, on_library_log, listener->server,                  //
                            MHD_OPTION_CONNECTION_LIMIT, connections_max(listener->server),                //
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE_S,                          //
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,           //
                            MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, //
                            MHD_OPTION_URI_LOG_CALLBACK, http_on_uri, listener,                            //
                            MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, listener,                      //
                            MHD_OPTION_NOTIFY_CONNECTION, http_on_connection, listener, MHD_OPTION_END);
}

static enum tm_err open_listener(struct http_server *server, const char *address, struct tm_why *why)
{
    struct http_listener *listener = &server->listeners[server->listener_count];
    int fd = -1;
    enum tm_err err = bind_socket(address, &fd, why);
    if (err)
        return err;
    listener->server = server;
    name_listener(listener, fd);
    listener->daemon = start_library(listener, fd);
    if (!listener->daemon) {
        (void)close(fd);
        return tm_fail(why, TM_NOMEM,
                       "listen.http: cannot start the HTTP server on %s: out of memory or descriptors",
                       address);
    }
    server->listener_count++;
    int epoll = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    (void)uv_timer_init(server->options.loop, &listener->timer);
    (void)uv_idle_init(server->options.loop, &listener->again);
    (void)uv_poll_init(server->options.loop, &listener->poll, epoll);
    listener->timer.data = listener->poll.data = listener->again.data = listener;
    server->handles += 3;
    (void)uv_poll_start(&listener->poll, UV_READABLE, on_poll);
    return TM_OK;
}

enum tm_err http_open(const struct http_options *options, struct http_server **out, struct tm_why *why)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (!server)
        return tm_fail(why, TM_NOMEM, "out of memory at start");
    server->options = *options;
    server->connections.next = server->connections.previous = &server->connections;
    (void)uv_timer_init(options->loop, &server->sweep);
    server->sweep.data = server;
    server->handles = 1;
    (void)uv_timer_start(&server->sweep, on_sweep, SWEEP_INTERVAL_MS, SWEEP_INTERVAL_MS);
    enum tm_err err = TM_OK;
    const struct config_strings *addresses = &options->config->listen.http;
    for (size_t i = 0; !err && i < addresses->count; i++) {
        if (i == HTTP_LISTENERS_MAX)
            err = tm_fail(why, TM_LIMIT, "listen.http: at most %d addresses", HTTP_LISTENERS_MAX);
        else
            err = open_listener(server, addresses->at[i], why);
    }
    if (err) {
        http_close(server);
        return err;
    }
    *out = server;
    return TM_OK;
}

void http_configure(struct http_server *server, const struct config *config)
{
    server->options.config = config;
}

const char *http_address(const struct http_server *server, size_t i)
{
    return i < server->listener_count ? server->listeners[i].address : NULL;
}

size_t http_connections(const struct http_server *server)
{
    return server->connection_count;
}

void http_stop_listening(struct http_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++) {
        int fd = MHD_quiesce_daemon(server->listeners[i].daemon);
        if (fd >= 0)
            (void)close(fd);
    }
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct http_server *server = ((struct http_listener *)handle->data)->server;
    if (--server->handles == 0)
        free(server);
}

static void on_sweep_closed(uv_handle_t *handle)
{
    struct http_server *server = handle->data;
    if (--server->handles == 0)
        free(server);
}

void http_close(struct http_server *server)
{
    if (!server)
        return;
    for (size_t i = 0; i < server->listener_count; i++) {
        struct http_listener *listener = &server->listeners[i];
        (void)uv_poll_stop(&listener->poll);
        MHD_stop_daemon(listener->daemon);
        listener->daemon = NULL;
        uv_close((uv_handle_t *)&listener->poll, on_listener_closed);
        uv_close((uv_handle_t *)&listener->timer, on_listener_closed);
        uv_close((uv_handle_t *)&listener->again, on_listener_closed);
    }
    uv_close((uv_handle_t *)&server->sweep, on_sweep_closed);
}
