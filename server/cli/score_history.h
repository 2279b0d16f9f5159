/* The samples behind an alert, for the second line (scoring/shape.h) of `tidemark score --explain`. */
#ifndef TM_CLI_SCORE_HISTORY_H
#define TM_CLI_SCORE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "server/cli/precedent.h"
#include "storage/model/clock.h"

/* Four weeks of minutes and some. */
enum { SCORE_HISTORY_MAX = 50000 };

/* The last samples of a series, oldest first. Zero-initialised is empty. */
struct score_history {
    double *values, *scratch;
    time_ms_t *times;
    size_t count;
};

/* Empties it. */
void score_history_clear(struct score_history *history);
/* Frees what it holds. */
void score_history_fini(struct score_history *history);
/* Adds a sample; the oldest go, half of them at a time. False without memory. */
bool score_history_add(struct score_history *history, time_ms_t time, double value);
/* Compares the end with all before it. False: there is too little. */
bool score_history_find(struct score_history *history, struct precedent *out);

#endif
