/* What writer and reader of rows share: columns, and how a value is guessed from those before it. Private to
 * rollup_encode.c, rollup_decode.c and their tests. */
#ifndef TM_STORAGE_ROLLUP_FORMAT_H
#define TM_STORAGE_ROLLUP_FORMAT_H

#include "storage/chunk/chunk_format.h"
#include "storage/rollup/rollup_chunk.h"

enum { ROLLUP_VERSION = 0x11, ROLLUP_ROSTER_VERSION = 0x21, ROLLUP_NO_EXPONENT = 0x1f };

/* In the order in which they are written: later ones are guessed from earlier ones. */
enum rollup_column { COLUMN_LAST, COLUMN_MIN, COLUMN_MAX, COLUMN_SUM, COLUMN_INCREASE, ROLLUP_COLUMNS };

/* What the integers of a column of doubles are. */
enum rollup_mode {
    MODE_BITS,           /* the doubles' own bits */
    MODE_DECIMAL,        /* decimals; then the doubles' distance from them in steps of the last place */
    MODE_DECIMAL_LAST,   /* decimals less those of `last` */
    MODE_DECIMAL_MIDDLE, /* decimals less count times the middle of min and max */
    MODE_NEAR_LAST,      /* distance from `last` in steps of the last place */
    MODE_NEAR_STEP,      /* distance from last less the last before, in steps of the last place */
    ROLLUP_MODES
};

static inline bool mode_is_decimal(enum rollup_mode mode)
{
    return mode >= MODE_DECIMAL && mode <= MODE_DECIMAL_MIDDLE;
}

/* Whether a column may be written so: what it is guessed from comes before it. */
static inline bool mode_fits(enum rollup_mode mode, enum rollup_column column)
{
    if (mode == MODE_DECIMAL_MIDDLE)
        return column > COLUMN_MAX;
    return mode <= MODE_DECIMAL || column > COLUMN_LAST;
}

static inline double *rollup_field(struct rollup *row, enum rollup_column column)
{
    double *const fields[ROLLUP_COLUMNS] = {&row->last, &row->min, &row->max, &row->sum, &row->increase};
    return fields[column];
}

static inline double rollup_value(const struct rollup *row, enum rollup_column column)
{
    const double fields[ROLLUP_COLUMNS] = {row->last, row->min, row->max, row->sum, row->increase};
    return fields[column];
}

/* The integer nearest to value x 10^exponent, 0 if that is far or no number. */
static inline uint64_t rollup_integer(double value, int32_t exponent)
{
    const double limit = 9007199254740992.0; /* 2^53 */
    double scaled = value * chunk_power_of_ten(exponent);
    if (!(scaled > -limit && scaled < limit))
        return 0;
    return (uint64_t)(int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

/* What the decimal of row i is guessed to be. */
static inline uint64_t rollup_guess(enum rollup_mode mode, const struct rollup *row, int32_t exponent)
{
    if (mode == MODE_DECIMAL_LAST)
        return rollup_integer(row->last, exponent);
    if (mode == MODE_DECIMAL_MIDDLE)
        return shift_signed(
            row->count * (rollup_integer(row->min, exponent) + rollup_integer(row->max, exponent)), 1);
    return 0;
}

/* The bits of the double that row i's value is measured from; 0 with MODE_BITS. */
static inline uint64_t rollup_origin(enum rollup_mode mode, const struct rollup *rows, size_t i)
{
    double near = 0;
    if (mode == MODE_NEAR_LAST)
        near = rows[i].last;
    else if (mode == MODE_NEAR_STEP)
        near = i > 0 ? rows[i].last - rows[i - 1].last : 0;
    return __builtin_isnan(near) ? 0 : bits_of_double(near);
}

#endif
