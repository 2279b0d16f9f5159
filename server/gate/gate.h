/* The core's side of a gate: starts the process, hears its messages, starts it again with back-off when it
 * ends. Loop thread only. */
#ifndef TM_GATE_H
#define TM_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "server/gate/frame.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

struct gate_process;
struct uv_loop_s;

enum gate_event {
    GATE_EVENT_READY,  /* the endpoint is bound (again) */
    GATE_EVENT_FAILED, /* it cannot be bound; text says why. At the first start the gate is not tried again.
                        */
    GATE_EVENT_DIED,   /* the process ended; a new one is on its way */
    GATE_EVENT_CLOSED, /* after gate_close: ended and freed */
};

/* Where an answer goes. Stays valid when the gate dies: the answer is then dropped, and the asker asks again.
 */
struct gate_asker {
    struct gate_process *gate;
    uint64_t life; /* which process of this gate */
    uint32_t slot;
};

struct gate_callbacks {
    void *arg;
    void (*event)(void *arg, struct gate_process *gate, enum gate_event event, const char *text);
    /* A whole message, valid during the call. too_large: it was over the limit and is not there. Return false
     * to have it again later: reading stops until gate_resume (back-pressure), and the message is offered
     * once more. */
    bool (*message)(void *arg, struct gate_asker asker, struct str message, bool too_large);
};

struct gate_options {
    struct uv_loop_s *loop;
    enum gate_kind kind;
    const char *url; /* copied; tcp://..., ipc://... */
    uint64_t max_message_bytes;
    struct gate_callbacks callbacks;
};

/* Starts a gate. TM_NOMEM; TM_IO when no process can be made. */
enum tm_err gate_open(const struct gate_options *options, struct gate_process **out) TM_MUST_CHECK;

/* Stops reading for good: nothing more is taken in, answers still go out. */
void gate_stop_intake(struct gate_process *gate);

/* Ends the process; GATE_EVENT_CLOSED is the last that is heard. */
void gate_close(struct gate_process *gate);

/* Offers the message again that was not taken, and reads on. */
void gate_resume(struct gate_process *gate);

/* Answers. False if that process is gone or cannot take it; the bytes are copied. */
bool gate_reply(struct gate_asker asker, struct str reply);

/* PUB: sends to all subscribers. False if the gate is away or behind (over 1 MiB waits). */
bool gate_publish(struct gate_process *gate, struct str message);

/* For the status page; url is the gate's. */
struct gate_status {
    enum gate_kind kind;
    const char *url;
    pid_t pid; /* 0: not running */
    uint64_t restarts;
    uint64_t messages;
    bool ready;
    bool paused;
};

/* As the core knows it now. */
void gate_status(const struct gate_process *gate, struct gate_status *out);

#endif
