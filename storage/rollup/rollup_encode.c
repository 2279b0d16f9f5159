/* A chunk from rows: head, three columns of integers, five of doubles; the checksum last. */
#include <string.h>

#include "storage/chunk/chunk_column.h"
#include "storage/chunk/chunk_decimal.h"
#include "storage/rollup/rollup_format.h"

/* A column of this size or less can't be bettered. */
enum { SMALL_BYTES = 8 };

struct encoding {
    struct chunk_scratch *scratch;
    const struct rollup *rows;
    size_t count;
    int32_t exponent; /* -1: no decimals */
    enum chunk_effort effort;
    struct bytes *out;
};

static bool is_encodable(const struct rollup_grid *grid, const struct rollup *rows, size_t count)
{
    bool good = count > 0 && count <= ROLLUP_MAX_ROWS;
    for (size_t i = 0; i < count && good; i++) {
        int64_t at = rows[i].start - grid->from;
        good = at >= 0 && at % grid->bucket_ms == 0 && at / grid->bucket_ms < ROLLUP_MAX_ROWS;
        good =
            good && rows[i].last_time >= rows[i].start && rows[i].last_time - rows[i].start < grid->bucket_ms;
        good = good && (i == 0 || rows[i].start > rows[i - 1].start);
    }
    return good;
}

/* Writes scratch->x[0..count). */
static void put_column(const struct encoding *e, uint64_t line, bool may_xor)
{
    struct column_spec spec = {.count = e->count, .line = line, .may_xor = may_xor, .effort = e->effort};
    bytes_zigzag(e->out, (int64_t)e->scratch->x[0]);
    column_write(e->scratch, &spec, e->out);
}

static void put_integers(const struct encoding *e, const struct rollup_grid *grid)
{
    for (size_t i = 0; i < e->count; i++)
        e->scratch->x[i] = (uint64_t)((e->rows[i].start - grid->from) / grid->bucket_ms);
    put_column(e, 1, false);
    for (size_t i = 0; i < e->count; i++)
        e->scratch->x[i] = e->rows[i].count;
    put_column(e, 0, false);
    for (size_t i = 0; i < e->count; i++)
        e->scratch->x[i] = (uint64_t)(e->rows[i].last_time - e->rows[i].start);
    put_column(e, 0, false);
}

static void put_decimals(const struct encoding *e, enum rollup_column column, enum rollup_mode mode)
{
    uint64_t *x = e->scratch->x;
    for (size_t i = 0; i < e->count; i++)
        x[i] = rollup_integer(rollup_value(&e->rows[i], column), e->exponent) -
               rollup_guess(mode, &e->rows[i], e->exponent);
    put_column(e, 0, false);
    for (size_t i = 0; i < e->count; i++) {
        double value = rollup_value(&e->rows[i], column);
        double decimal =
            (double)(int64_t)rollup_integer(value, e->exponent) / chunk_power_of_ten(e->exponent);
        x[i] = bits_of_double(value) - bits_of_double(decimal);
    }
    put_column(e, 0, false);
}

static void put_bits(const struct encoding *e, enum rollup_column column, enum rollup_mode mode)
{
    for (size_t i = 0; i < e->count; i++)
        e->scratch->x[i] =
            bits_of_double(rollup_value(&e->rows[i], column)) - rollup_origin(mode, e->rows, i);
    put_column(e, 0, mode == MODE_BITS);
}

static void put_mode(const struct encoding *e, enum rollup_column column, enum rollup_mode mode)
{
    bytes_u8(e->out, (uint8_t)mode);
    if (mode_is_decimal(mode))
        put_decimals(e, column, mode);
    else
        put_bits(e, column, mode);
}

/* Writes a column in each way that fits, and keeps the shortest. */
static void put_doubles(const struct encoding *e, enum rollup_column column)
{
    struct bytes *out = e->out;
    size_t start = out->len, best = SIZE_MAX;
    for (int m = ROLLUP_MODES - 1; m >= 0 && best > SMALL_BYTES; m--) {
        enum rollup_mode mode = (enum rollup_mode)m;
        if (!mode_fits(mode, column) || (mode_is_decimal(mode) && e->exponent < 0))
            continue;
        size_t from = out->len;
        put_mode(e, column, mode);
        if (out->failed)
            return;
        size_t len = out->len - from;
        if (len < best)
            memmove(out->data + start, out->data + from, len);
        best = len < best ? len : best;
        out->len = start + best;
    }
}

/* The most decimals that last, min and max need. */
static int32_t find_exponent(struct chunk_scratch *scratch, const struct rollup *rows, size_t count)
{
    double values[ROLLUP_MAX_ROWS];
    int32_t most = -1;
    for (int column = COLUMN_LAST; column <= COLUMN_MAX; column++) {
        for (size_t i = 0; i < count; i++)
            values[i] = rollup_value(&rows[i], (enum rollup_column)column);
        struct decimal_fit fit = decimal_fit_column(values, count, most, scratch->x);
        most = fit.exponent > most ? fit.exponent : most;
    }
    return most;
}

enum tm_err rollup_encode(struct chunk_scratch *scratch, const struct chunk_key *key,
                          const struct rollup_grid *grid, const struct rollup *rows, size_t count,
                          enum chunk_effort effort, struct bytes *out)
{
    if (!is_encodable(grid, rows, count))
        return TM_INVALID;
    size_t start = out->len;
    struct encoding e = {scratch, rows, count, find_exponent(scratch, rows, count), effort, out};
    bytes_u8(out, ROLLUP_VERSION);
    bytes_u32(out, 0);
    bytes_varint(out, count);
    bytes_u8(out, e.exponent < 0 ? ROLLUP_NO_EXPONENT : (uint8_t)e.exponent);
    put_integers(&e, grid);
    for (int column = 0; column < ROLLUP_COLUMNS && !out->failed; column++)
        put_doubles(&e, (enum rollup_column)column);
    if (bytes_error(out)) {
        out->len = start;
        return TM_NOMEM;
    }
    uint32_t sum = htole32(chunk_checksum(key, out->data + start, out->len - start));
    memcpy(out->data + start + CHUNK_CHECKSUM_AT, &sum, sizeof sum);
    return TM_OK;
}
