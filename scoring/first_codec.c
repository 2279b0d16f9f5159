#include <string.h>

#include "scoring/first_private.h"
#include "scoring/maths.h"

/* Layout, little-endian: "TMF1", version u16, profile u8, seed u64, then the fields of the table in its
 * order; floating numbers as their IEEE 754 bits. */
enum kind {
    KIND_U8,
    KIND_U16,
    KIND_U32,
    KIND_U64,
    KIND_TIME, /* i64 */
    KIND_FLOAT,
    KIND_DOUBLE, /* any size up to 10^31 */
    KIND_SIZE,   /* a double from 0 to 10^31 */
    KIND_COUNT
};

struct field {
    size_t offset;
    size_t count;
    enum kind kind;
};

#define FIELD(member, many, what)                                                                            \
    {                                                                                                        \
        .offset = offsetof(struct score_first, member), .count = (many), .kind = (what)                      \
    }
#define LARGEST 1e31

static const char magic[4] = {'T', 'M', 'F', '1'};
static const size_t width[KIND_COUNT] = {
    [KIND_U8] = 1,   [KIND_U16] = 2,   [KIND_U32] = 4,    [KIND_U64] = 8,
    [KIND_TIME] = 8, [KIND_FLOAT] = 4, [KIND_DOUBLE] = 8, [KIND_SIZE] = 8,
};
static const struct field fields[] = {
    FIELD(samples, 1, KIND_U64),
    FIELD(last_ms, 1, KIND_TIME),
    FIELD(origin, 1, KIND_DOUBLE),
    FIELD(last, 1, KIND_DOUBLE),
    FIELD(last_residual, 1, KIND_DOUBLE),
    FIELD(interval_ms, 1, KIND_SIZE),
    FIELD(mean, 1, KIND_DOUBLE),
    FIELD(deviation, 1, KIND_SIZE),
    FIELD(step, 1, KIND_SIZE),
    FIELD(error, 1, KIND_SIZE),
    FIELD(scales, FIRST_SCALES * 3, KIND_DOUBLE),
    FIELD(season, FIRST_SEASONS, KIND_FLOAT),
    FIELD(season_samples, FIRST_SEASONS, KIND_U8),
    FIELD(week.residual, FIRST_WEEK_SLOTS *FIRST_WEEKS, KIND_U16),
    FIELD(week.count, 1, KIND_U16),
    FIELD(week.slot, 1, KIND_U8),
    FIELD(week.mean, 1, KIND_DOUBLE),
    FIELD(week.daily_error, 1, KIND_SIZE),
    FIELD(week.weekly_error, 1, KIND_SIZE),
    FIELD(statistics, FIRST_STATISTICS *(SURPRISAL_BINS + 1), KIND_U16),
    FIELD(density.points, 1, KIND_U32),
    FIELD(density.counts, DENSITY_AXES *DENSITY_BINS, KIND_U16),
    FIELD(calibration.counts, CALIBRATION_BINS, KIND_U16),
    FIELD(calibration.blocks, 1, KIND_U16),
    FIELD(calibration.in_block, 1, KIND_U16),
    FIELD(calibration.highest, 1, KIND_FLOAT),
    FIELD(alerted_at, 1, KIND_U64),
    FIELD(fresh, 1, KIND_SIZE),
    FIELD(frequent, 1, KIND_SIZE),
    FIELD(run_began_ms, 1, KIND_TIME),
    FIELD(run_last, 1, KIND_U64),
};
enum { FIELD_COUNT = sizeof fields / sizeof *fields };

_Static_assert(sizeof(struct first_scale) == 3 * sizeof(double), "scales are written as one row of numbers");
_Static_assert(sizeof(struct score_surprisal) == 2 * (SURPRISAL_BINS + 1), "histograms likewise");
_Static_assert(sizeof(struct score_first) <= FIRST_MAX_BYTES, "a state has its bound");

static void put(uint8_t **at, uint64_t bits, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        *(*at)++ = (uint8_t)(bits >> (8 * i));
}

static uint64_t get(const uint8_t **at, size_t bytes)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < bytes; i++)
        bits |= (uint64_t) * (*at)++ << (8 * i);
    return bits;
}

/* The bits of the value at `from`, of a field's kind, in this machine's order of bytes. */
static uint64_t load(const uint8_t *from, size_t bytes)
{
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    switch (bytes) {
    case 1:
        memcpy(&u8, from, sizeof u8);
        return u8;
    case 2:
        memcpy(&u16, from, sizeof u16);
        return u16;
    case 4:
        memcpy(&u32, from, sizeof u32);
        return u32;
    default:
        memcpy(&u64, from, sizeof u64);
        return u64;
    }
}

static void store(uint8_t *to, uint64_t bits, size_t bytes)
{
    uint8_t u8 = (uint8_t)bits;
    uint16_t u16 = (uint16_t)bits;
    uint32_t u32 = (uint32_t)bits;
    switch (bytes) {
    case 1:
        memcpy(to, &u8, sizeof u8);
        break;
    case 2:
        memcpy(to, &u16, sizeof u16);
        break;
    case 4:
        memcpy(to, &u32, sizeof u32);
        break;
    default:
        memcpy(to, &bits, sizeof bits);
    }
}

void score_first_encode(const struct score_first_model *model, const struct score_first *state,
                        uint8_t out[FIRST_BYTES])
{
    uint8_t *at = out;
    memcpy(at, magic, sizeof magic);
    at += sizeof magic;
    put(&at, FIRST_VERSION, 2);
    put(&at, model->profile, 1);
    put(&at, model->axes.seed, 8);
    for (size_t f = 0; f < FIELD_COUNT; f++) {
        size_t bytes = width[fields[f].kind];
        const uint8_t *from = (const uint8_t *)state + fields[f].offset;
        for (size_t i = 0; i < fields[f].count; i++)
            put(&at, load(from + i * bytes, bytes), bytes);
    }
}

static bool is_number(const uint8_t *at, enum kind kind)
{
    double number = 0;
    float narrow;
    if (kind == KIND_FLOAT) {
        memcpy(&narrow, at, sizeof narrow);
        number = (double)narrow;
    } else if (kind == KIND_DOUBLE || kind == KIND_SIZE) {
        memcpy(&number, at, sizeof number);
    }
    return number <= LARGEST && number >= (kind == KIND_SIZE ? 0 : -LARGEST);
}

/* Sums that push keeps. */
static bool are_counts_sound(const struct score_first *state)
{
    for (int i = 0; i < FIRST_STATISTICS; i++)
        if (!score_surprisal_is_sound(&state->statistics[i]))
            return false;
    return score_week_is_sound(&state->week) && score_density_is_sound(&state->density) &&
           score_calibration_is_sound(&state->calibration);
}

static bool is_sound(const struct score_first *state)
{
    if (state->samples > 1ULL << 53 || state->alerted_at > state->samples || state->run_last > state->samples)
        return false;
    if (state->fresh > SURPRISAL_MAX || state->frequent > 1000)
        return false;
    for (int j = 0; j < FIRST_SCALES; j++)
        if (state->scales[j].step < 0)
            return false;
    return are_counts_sound(state);
}

enum tm_err score_first_decode(const struct score_first_model *model, const uint8_t *data, size_t len,
                               struct score_first *out)
{
    if (len != FIRST_BYTES || memcmp(data, magic, sizeof magic) != 0)
        return TM_CORRUPT;
    const uint8_t *at = data + sizeof magic;
    uint64_t version = get(&at, 2);
    uint64_t profile = get(&at, 1);
    if (version != FIRST_VERSION || profile != (uint64_t)model->profile || get(&at, 8) != model->axes.seed)
        return TM_INVALID;
    struct score_first state = {0};
    for (size_t f = 0; f < FIELD_COUNT; f++) {
        size_t bytes = width[fields[f].kind];
        uint8_t *to = (uint8_t *)&state + fields[f].offset;
        for (size_t i = 0; i < fields[f].count; i++, to += bytes) {
            store(to, get(&at, bytes), bytes);
            if (!is_number(to, fields[f].kind))
                return TM_CORRUPT;
        }
    }
    if (!is_sound(&state))
        return TM_CORRUPT;
    *out = state;
    return TM_OK;
}
