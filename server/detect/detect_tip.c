/* Tips: states with the minutes that may still change, kept as what differs from the state itself. Ten
 * minutes touch a third of a state's bytes, so that a tip costs about 1 KB, and unpacking it a tenth of
 * scoring them again. */
#include <stdlib.h>
#include <string.h>

#include "server/detect/detect_private.h"

enum {
    WORDS = sizeof(struct score_first) / sizeof(uint16_t),
    PER_LINE = sizeof(uint64_t) / sizeof(uint16_t),
    GRAIN = 32 /* rooms are multiples of so many words, so that they seldom change */
};

/* Words of a state that differ: their places, and what they are in the tip. */
struct detect_tip {
    uint16_t count, capacity;
    struct {
        uint16_t place, word;
    } at[];
};

_Static_assert(sizeof(struct score_first) % sizeof(uint64_t) == 0, "states are whole lines");
_Static_assert(WORDS <= UINT16_MAX, "a place is 16 bits");

static size_t bytes_of(size_t capacity)
{
    return sizeof(struct detect_tip) + capacity * sizeof((struct detect_tip *)NULL)->at[0];
}

/* Tips are a convenience: states come first. */
static bool has_room(const struct detect_engine *engine, size_t more)
{
    return engine->memory_used + engine->tips_used + more <= engine->options.memory_bytes;
}

void detect_tip_drop(struct detect_engine *engine, struct detect_target *target)
{
    if (target->tip)
        engine->tips_used -= bytes_of(target->tip->capacity);
    free(target->tip);
    target->tip = NULL;
    target->tip_at = DETECT_NEVER;
}

/* Places at which the two differ; returns how many. */
static uint16_t compare(const struct score_first *state, const struct score_first *tip,
                        uint16_t places[WORDS])
{
    const char *a = (const char *)state, *b = (const char *)tip;
    uint16_t count = 0;
    for (size_t line = 0; line < WORDS; line += PER_LINE) {
        uint64_t x, y;
        memcpy(&x, a + line * sizeof(uint16_t), sizeof x);
        memcpy(&y, b + line * sizeof(uint16_t), sizeof y);
        if (x == y)
            continue;
        for (size_t place = line; place < line + PER_LINE; place++) {
            size_t at = place * sizeof(uint16_t);
            places[count] = (uint16_t)place;
            count = (uint16_t)(count + (memcmp(a + at, b + at, sizeof(uint16_t)) != 0));
        }
    }
    return count;
}

/* Room for so many words; false: there is none, and no tip either. */
static bool make_room(struct detect_engine *engine, struct detect_target *target, size_t count)
{
    size_t wanted = (count + GRAIN - 1) / GRAIN * GRAIN;
    if (target->tip && target->tip->capacity >= count && target->tip->capacity <= wanted + GRAIN)
        return true;
    detect_tip_drop(engine, target);
    if (!has_room(engine, bytes_of(wanted)))
        return false;
    target->tip = malloc(bytes_of(wanted));
    if (!target->tip)
        return false;
    target->tip->capacity = (uint16_t)wanted;
    engine->tips_used += bytes_of(wanted);
    return true;
}

void detect_tip_pack(struct detect_engine *engine, struct detect_target *target,
                     const struct score_first *tip, int64_t at)
{
    uint16_t places[WORDS + PER_LINE];
    uint16_t count = compare(target->state, tip, places);
    target->tip_at = DETECT_NEVER;
    if (!make_room(engine, target, count))
        return;
    target->tip_at = at;
    target->tip->count = count;
    for (uint16_t i = 0; i < count; i++) {
        target->tip->at[i].place = places[i];
        memcpy(&target->tip->at[i].word, (const char *)tip + places[i] * sizeof(uint16_t), sizeof(uint16_t));
    }
}

void detect_tip_unpack(const struct detect_target *target, struct score_first *out)
{
    *out = *target->state;
    for (uint16_t i = 0; i < target->tip->count; i++)
        memcpy((char *)out + target->tip->at[i].place * sizeof(uint16_t), &target->tip->at[i].word,
               sizeof(uint16_t));
}
