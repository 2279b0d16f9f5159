/* Bytes as a state of the first line, of the profile that they name, and values pushed into it. What the
 * decoder takes is written as the same bytes, gives finite scores whatever follows, and leaves a state that
 * can be read again; what it refuses leaves the caller's alone, and is learned anew from the values. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scoring/first.h"

enum { PUSHES_MAX = 200, PUSH_BYTES = 16, PROFILE_AT = 6 };

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
    static const struct score_first none = {0};
    struct score_first_model model;
    struct score_first state = none;
    size_t at = size >= FIRST_BYTES ? FIRST_BYTES : 0;
    unsigned profile = size > PROFILE_AT ? data[PROFILE_AT] : 0;
    score_first_model_init(&model, profile % 2 ? FIRST_OPERATIONS : FIRST_NAB, FIRST_SEED);
    if (at > 0 && score_first_decode(&model, data, FIRST_BYTES, &state) == TM_OK) {
        score_first_encode(&model, &state, again);
        check(memcmp(again, data, FIRST_BYTES) == 0);
    } else {
        check(memcmp(&state, &none, sizeof state) == 0);
    }
    for (int i = 0; i < PUSHES_MAX && at + PUSH_BYTES <= size; i++, at += PUSH_BYTES)
        push(&model, &state, data + at);
    score_first_encode(&model, &state, again);
    check(score_first_decode(&model, again, FIRST_BYTES, &state) == TM_OK);
    return 0;
}
