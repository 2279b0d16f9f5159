#include "server/client/transport.h"

#include <errno.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "storage/model/clock.h"

/* nanomsg's own resend of a request without an answer is 60 s unless set. */
enum { RESEND_MS = 5000, RECONNECT_MS = 50, RECONNECT_MAX_MS = 1000 };
enum { NS_PER_MS = 1000000, MS_PER_S = 1000 };

struct nanomsg {
    int socket;
    char url[];
};

static bool set_option(int sock, int level, int option, int value)
{
    return nn_setsockopt(sock, level, option, &value, sizeof value) == 0;
}

/* nn_recv is cut short by signals: goes on until the deadline. */
static int receive_until(int sock, int64_t deadline_ns, void **data)
{
    for (;;) {
        int64_t left_ms = (deadline_ns - clock_mono_ns(clock_system())) / NS_PER_MS;
        if (left_ms <= 0) {
            errno = ETIMEDOUT;
            return -1;
        }
        if (!set_option(sock, NN_SOL_SOCKET, NN_RCVTIMEO, (int)left_ms))
            return -1;
        int len = nn_recv(sock, data, NN_MSG, 0);
        if (len >= 0 || errno != EINTR)
            return len;
    }
}

static enum tm_err exchange(void *self, struct str message, int timeout_ms, struct bytes *reply,
                            struct tm_why *why)
{
    const struct nanomsg *nanomsg = self;
    int64_t deadline_ns = clock_mono_ns(clock_system()) + (int64_t)timeout_ms * NS_PER_MS;
    bytes_clear(reply);
    int sent;
    do {
        sent = nn_send(nanomsg->socket, message.ptr, message.len, 0);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return errno == ETIMEDOUT || errno == EAGAIN ? TM_BUSY
                                                     : tm_fail(why, TM_IO, "nn_send: %s", nn_strerror(errno));
    void *data = NULL;
    int len = receive_until(nanomsg->socket, deadline_ns, &data);
    if (len < 0)
        return errno == ETIMEDOUT || errno == EAGAIN ? TM_BUSY
                                                     : tm_fail(why, TM_IO, "nn_recv: %s", nn_strerror(errno));
    bytes_put(reply, data, (size_t)len);
    nn_freemsg(data);
    return bytes_error(reply);
}

static void pause_ms(void *self, int ms)
{
    (void)self;
    struct timespec span = {.tv_sec = ms / MS_PER_S, .tv_nsec = (long)(ms % MS_PER_S) * NS_PER_MS};
    (void)nanosleep(&span, NULL);
}

static void close_nanomsg(void *self)
{
    struct nanomsg *nanomsg = self;
    nn_close(nanomsg->socket);
    free(nanomsg);
}

enum tm_err transport_nanomsg(const char *url, struct transport *out, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    if (strncmp(url, "tcp://", 6) != 0 && strncmp(url, "ipc://", 6) != 0)
        return tm_fail(why, TM_INVALID, "cannot connect to %s: give tcp://HOST:PORT or ipc://PATH", url);
    size_t url_size = strlen(url) + 1;
    struct nanomsg *nanomsg = calloc(1, sizeof *nanomsg + url_size);
    if (!nanomsg)
        return tm_fail(why, TM_NOMEM, "out of memory");
    memcpy(nanomsg->url, url, url_size);
    nanomsg->socket = nn_socket(AF_SP, NN_REQ);
    if (nanomsg->socket < 0) {
        err = tm_fail(why, TM_LIMIT, "no nanomsg socket: %s; close clients that are not used",
                      nn_strerror(errno));
        goto out;
    }
    if (!set_option(nanomsg->socket, NN_REQ, NN_REQ_RESEND_IVL, RESEND_MS) ||
        !set_option(nanomsg->socket, NN_SOL_SOCKET, NN_SNDTIMEO, RESEND_MS) ||
        !set_option(nanomsg->socket, NN_SOL_SOCKET, NN_RECONNECT_IVL, RECONNECT_MS) ||
        !set_option(nanomsg->socket, NN_SOL_SOCKET, NN_RECONNECT_IVL_MAX, RECONNECT_MAX_MS) ||
        nn_connect(nanomsg->socket, url) < 0)
        err = tm_fail(why, TM_INVALID, "cannot connect to %s: %s; give tcp://HOST:PORT or ipc://PATH", url,
                      nn_strerror(errno));
out:
    if (err) {
        if (nanomsg->socket >= 0)
            nn_close(nanomsg->socket);
        free(nanomsg);
        return err;
    }
    *out = (struct transport){.self = nanomsg,
                              .address = nanomsg->url,
                              .exchange = exchange,
                              .pause = pause_ms,
                              .close = close_nanomsg};
    return TM_OK;
}
