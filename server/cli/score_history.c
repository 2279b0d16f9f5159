#include "server/cli/score_history.h"

#include <stdlib.h>
#include <string.h>

#include "scoring/shape.h"

enum { ROOM = 2 * SCORE_HISTORY_MAX };

void score_history_clear(struct score_history *history)
{
    history->count = 0;
}

void score_history_fini(struct score_history *history)
{
    free(history->values);
    free(history->scratch);
    free(history->times);
    *history = (struct score_history){.count = 0};
}

static bool has_room(struct score_history *history)
{
    if (!history->values)
        history->values = calloc(ROOM, sizeof *history->values);
    if (!history->scratch)
        history->scratch = calloc(SCORE_HISTORY_MAX, sizeof *history->scratch);
    if (!history->times)
        history->times = calloc(ROOM, sizeof *history->times);
    return history->values && history->scratch && history->times;
}

bool score_history_add(struct score_history *history, time_ms_t time, double value)
{
    if (!has_room(history))
        return false;
    if (history->count == ROOM) {
        const size_t gone = ROOM - SCORE_HISTORY_MAX;
        history->count = SCORE_HISTORY_MAX;
        memmove(history->values, history->values + gone, SCORE_HISTORY_MAX * sizeof *history->values);
        memmove(history->times, history->times + gone, SCORE_HISTORY_MAX * sizeof *history->times);
    }
    history->values[history->count] = value;
    history->times[history->count++] = time;
    return true;
}

bool score_history_find(struct score_history *history, struct precedent *out)
{
    struct score_shape shape;
    size_t count = history->count < SCORE_HISTORY_MAX ? history->count : SCORE_HISTORY_MAX;
    size_t from = history->count - count;
    if (!history->values || !score_shape_of(history->values + from, count, history->scratch, &shape))
        return false;
    const time_ms_t *times = history->times;
    const size_t last = history->count - 1;
    *out = (struct precedent){
        .surprisal = shape.surprisal,
        .distance = shape.distance,
        .nearest = times[from + shape.nearest],
        .stretch_ms = times[last] - times[last - shape.length], /* its first value ends a step, too */
        .past_ms = times[last] - times[from],
    };
    return true;
}
