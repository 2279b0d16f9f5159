/* What passes between the core and a gate process on their socketpair: a fixed head, then len bytes. Both
 * ends are the same build on the same machine, so integers are in the machine's order. */
#ifndef TM_GATE_FRAME_H
#define TM_GATE_FRAME_H

#include <stdint.h>

enum frame_type {
    FRAME_READY = 1, /* gate: the endpoint is bound */
    FRAME_FAILED,    /* gate: it can't be; text says why; the gate ends */
    FRAME_MESSAGE,   /* gate: a whole message; slot names the asker (REP) */
    FRAME_TOO_LARGE, /* gate: a message over the limit was received; slot names the asker, no bytes */
    FRAME_REPLY,     /* core: the answer for slot */
    FRAME_PUBLISH    /* core: a message for the subscribers */
};

struct frame_head {
    uint32_t type;
    uint32_t slot;
    uint32_t len;
};

enum { FRAME_SLOTS = 4096 };

enum gate_kind { GATE_REP, GATE_PULL, GATE_PUB };

/* Runs a gate in this process, on descriptor 3, until the core closes it: argv is KIND URL MAX_MESSAGE_BYTES.
 * Returns the exit code. */
int gate_run(int argc, char **argv);

#endif
