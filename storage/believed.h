/* The wall clock as far as it is believed. What is removed by age, and which producers are forgotten, hangs
 * on the date; a clock that jumps (a bad time server, a dead battery, a restored machine) must not cost data.
 *
 * The belief goes on with the monotonic clock. A wall clock within five minutes of it is right, and sets it.
 * One further off, ahead or back, is doubted until it has stood there for a day of running time, restarts not
 * counted: then it is believed. Until then nothing is removed that either of the two would keep. */
#ifndef TM_STORAGE_BELIEVED_H
#define TM_STORAGE_BELIEVED_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/model/clock.h"

#define BELIEVED_SLACK_MS INT64_C(300000)
#define BELIEVED_DOUBT_MS INT64_C(86400000)

/* What outlives a restart. Zero-initialised: nothing is known, the first wall clock is believed. */
struct believed {
    time_ms_t time_ms;
    int64_t ahead_ms;   /* the wall clock is ahead of time_ms by so much, while it is doubted; else 0 */
    int64_t doubted_ms; /* for how long it has stood there */
};

enum believed_change { BELIEVED_SAME, BELIEVED_DOUBTS, BELIEVED_AGREES, BELIEVED_GIVES_IN };

/* Takes note of both clocks; elapsed_ms: monotonic time since the last call, 0 at the first one. Tells
 * whether a doubt began, ended since the clock came back, or ended since it stood long enough. */
enum believed_change believed_tick(struct believed *believed, time_ms_t wall_ms, int64_t elapsed_ms);

/* After a restart, with what outlived it: up to an hour ahead is time in which nothing ran. A wall clock that
 * was ahead and stands further ahead now by no more than a week makes the same claim as before, since nobody
 * knows how long nothing ran. */
void believed_resume(struct believed *believed, time_ms_t wall_ms);

/* The earlier of the two: by this one things may be removed. */
time_ms_t believed_earlier_ms(const struct believed *believed);
/* The later of the two. */
time_ms_t believed_later_ms(const struct believed *believed);

#endif
