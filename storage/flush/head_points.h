/* Full arrays of open samples, in huge pages where the kernel has them: samples of a batch lie all over this
 * memory, and finding each one's page cost a tenth of taking it. Private to storage/flush/head*.c.
 *
 * The first ones come from malloc, so that few series cost little memory. All go together, with the head.
 * Threads: those of the head. */
#ifndef TM_STORAGE_HEAD_POINTS_H
#define TM_STORAGE_HEAD_POINTS_H

#include <stddef.h>
#include <stdint.h>

#include "storage/model/clock.h"

struct point {
    time_ms_t time;
    double value;
};

/* Zero-initialised is empty. */
struct head_points {
    struct points_region *newest; /* of 2 MiB */
    size_t used;                  /* arrays of it */
    size_t small;                 /* arrays that malloc was asked for */
};

/* An array of CHUNK_BLOCK points: one of the pool's own, or NULL if it is to come from malloc (there are few
 * yet, or there is no memory). */
struct point *head_points_take(struct head_points *pool);

/* Gives all arrays of the pool's own back. */
void head_points_fini(struct head_points *pool);

#endif
