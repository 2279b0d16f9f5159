/* Bytes as a state of the first line, and values pushed into it. What the decoder takes is written as the
 * same bytes, gives finite scores whatever follows, and leaves a state that can be read again. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scoring/first.h"

enum { PUSHES_MAX = 200, PUSH_BYTES = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void push(const struct score_first_model *model, struct score_first *state, const uint8_t *data)
{
    struct score_first_result r;
    time_ms_t time;
    double value;
    memcpy(&time, data, sizeof time);
    memcpy(&value, data + sizeof time, sizeof value);
    score_first_push(model, state, time, (int32_t)(time % 86400), value, &r);
    check(r.score >= 0 && r.score <= 100 && r.raw >= 0 && r.raw <= SURPRISAL_MAX);
    check(isfinite(r.return_period_h) && isfinite(r.expected) && isfinite(r.spread) && isfinite(r.effect));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[FIRST_BYTES];
    struct score_first_model model;
    struct score_first state = {0};
    size_t at = 0;
    score_first_model_init(&model, size % 2 ? FIRST_NAB : FIRST_OPERATIONS, FIRST_SEED);
    if (size && data[0] == 'T' && size >= FIRST_BYTES) {
        if (score_first_decode(&model, data, FIRST_BYTES, &state))
            return 0;
        score_first_encode(&model, &state, again);
        check(memcmp(again, data, FIRST_BYTES) == 0);
        at = FIRST_BYTES;
    }
    for (int i = 0; i < PUSHES_MAX && at + PUSH_BYTES <= size; i++, at += PUSH_BYTES)
        push(&model, &state, data + at);
    score_first_encode(&model, &state, again);
    check(score_first_decode(&model, again, FIRST_BYTES, &state) == TM_OK);
    return 0;
}
