/* What keeps a gate process small and replaceable: its limits, its rights, and a watch over its own
 * descriptors and memory. Used inside the gate process only. */
#ifndef TM_GATE_GUARD_H
#define TM_GATE_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/* Ends with its parent; no new privileges, no core file; bounds on memory and descriptors. */
void gate_guard_confine(void);

/* Where started as root: becomes nobody. After the socket is bound, since an ipc path lies in a private
 * folder. */
void gate_guard_drop_rights(void);

struct gate_guard {
    int64_t checked_ms;
    int64_t starved_since_ms; /* 0: not starved */
    uint64_t fd_limit;
};

/* Before the first check, in the gate's process. */
void gate_guard_init(struct gate_guard *guard);

/* Checks a few times a second, cheaply. False when the gate had better end and be started afresh: its
 * descriptors are used up (nanomsg then spins on accept and never drops an idle peer), or its memory has
 * grown past its bound (peers that announce a message and never send it). Good peers reconnect and ask again
 * by themselves. */
bool gate_guard_ok(struct gate_guard *guard);

#endif
