/* Wakes a loop from another thread. libuv's own way has the loop wait, with its core, for the thread that
 * woke it: one with less priority is put aside in the middle of waking, by the loop that it woke, and does
 * not come back soon. Here whoever wakes writes into a descriptor, and nobody waits for anybody. */
#ifndef TM_WAKE_H
#define TM_WAKE_H

#include <stdbool.h>
#include <uv.h>

#include "storage/model/err.h"

/* Called on the loop's thread, once for any number of wake_send before it. */
typedef void wake_fn(void *arg);

struct wake {
    uv_poll_t poll;
    int fd; /* -1: not open */
    wake_fn *call;
    void *arg;
    wake_fn *closed;
};

/* Loop thread. wake must stay in its place until it is closed. TM_IO: no descriptor; it is closed then. */
enum tm_err wake_open(struct wake *wake, uv_loop_t *loop, wake_fn *call, void *arg) TM_MUST_CHECK;

/* Any thread, from wake_open until wake_close. */
void wake_send(struct wake *wake);

/* Loop thread; nobody may send any more. closed (or NULL) is called with arg, by the loop, once wake is no
 * longer used. What was never opened, but is zero or failed to open, is left alone: false. */
bool wake_close(struct wake *wake, wake_fn *closed);

#endif
