#include "server/wake/wake.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct wake *wake = poll->data;
    uint64_t count;
    (void)status;
    (void)events;
    (void)!read(wake->fd, &count, sizeof count); /* first, so that what is sent from now on calls again */
    wake->call(wake->arg);
}

enum tm_err wake_open(struct wake *wake, uv_loop_t *loop, wake_fn *call, void *arg)
{
    *wake = (struct wake){.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), .call = call, .arg = arg};
    if (wake->fd < 0)
        return TM_IO;
    if (uv_poll_init(loop, &wake->poll, wake->fd) != 0) {
        (void)close(wake->fd);
        *wake = (struct wake){.fd = -1};
        return TM_IO;
    }
    wake->poll.data = wake;
    (void)uv_poll_start(&wake->poll, UV_READABLE, on_readable);
    return TM_OK;
}

void wake_send(struct wake *wake)
{
    const uint64_t one = 1;
    (void)!write(wake->fd, &one, sizeof one); /* fails only if it is full: then the loop will look */
}

static void on_closed(uv_handle_t *handle)
{
    struct wake *wake = handle->data;
    (void)close(wake->fd);
    wake->fd = -1;
    if (wake->closed)
        wake->closed(wake->arg);
}

bool wake_close(struct wake *wake, wake_fn *closed)
{
    if (uv_handle_get_type((uv_handle_t *)&wake->poll) != UV_POLL ||
        uv_is_closing((const uv_handle_t *)&wake->poll))
        return false;
    wake->closed = closed;
    uv_close((uv_handle_t *)&wake->poll, on_closed);
    return true;
}
