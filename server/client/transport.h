/* How a message gets to the daemon and its answer back: one small table, so that the transport library can be
 * exchanged, and tests can play the daemon without sockets. */
#ifndef TM_CLIENT_TRANSPORT_H
#define TM_CLIENT_TRANSPORT_H

#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

struct transport {
    void *self;
    const char *address; /* the other end, for messages; belongs to self; NULL: has none */
    /* Sends message and waits at most timeout_ms for the answer, which is written into reply (cleared first).
     * TM_BUSY: no answer in time. TM_IO with a reason in why. TM_NOMEM. */
    enum tm_err (*exchange)(void *self, struct str message, int timeout_ms, struct bytes *reply,
                            struct tm_why *why);
    /* Sleeps; cut short by a signal. */
    void (*pause)(void *self, int ms);
    /* Frees self. */
    void (*close)(void *self);
};

/* A nanomsg REQ socket towards url (tcp:// or ipc://). The library connects in the background and sends a
 * request again by itself after a lost connection. TM_INVALID: an address nanomsg does not understand.
 * TM_LIMIT: no more sockets. TM_NOMEM. */
enum tm_err transport_nanomsg(const char *url, struct transport *out, struct tm_why *why) TM_MUST_CHECK;

#endif
