/* What the second line (scoring/shape.h) says of a moment, in words: of an alert of `score --explain`, and of
 * an anomaly of the daemon. */
#ifndef TM_CLI_PRECEDENT_H
#define TM_CLI_PRECEDENT_H

#include <stdint.h>

#include "storage/model/clock.h"

/* When the course was most like what it is, and how unlike it is all the same. */
struct precedent {
    double surprisal;   /* log10(1/p) */
    double distance;    /* in mean steps */
    time_ms_t nearest;  /* the last value of the most similar stretch */
    int64_t stretch_ms; /* length of what is compared */
    int64_t past_ms;    /* of what it is compared with */
};

enum { PRECEDENT_BYTES = 240 };

/* A sentence without capital and full stop. */
void precedent_text(const struct precedent *precedent, char out[PRECEDENT_BYTES]);

#endif
