/* Rows from a chunk. Every byte may be hostile: the checksum is no secret. */
#include <string.h>

#include "storage/chunk/chunk_read.h"
#include "storage/grow.h"
#include "storage/rollup/rollup_format.h"

#define COUNT_MAX (UINT64_C(1) << 53)

struct decoding {
    struct cursor in;
    struct chunk_column column;
    struct rollup *rows; /* room for count */
    size_t count;
    int32_t exponent; /* -1: no decimals */
    uint64_t x[ROLLUP_MAX_ROWS];
};

/* One column of integers into x. */
static bool take_column(struct decoding *d, uint64_t line)
{
    const struct chunk_kernels *kernels = chunk_kernels_best();
    struct chunk_column *c = &d->column;
    uint64_t block[CHUNK_BLOCK];
    column_open(c, (uint64_t)cursor_zigzag(&d->in), line, d->count, &d->in);
    for (size_t at = 0; at < d->count && !d->in.bad; at += CHUNK_BLOCK) {
        unsigned n = (unsigned)(d->count - at < CHUNK_BLOCK ? d->count - at : CHUNK_BLOCK);
        if (!column_next(c, kernels, n, block))
            return false;
        for (unsigned i = 0; i < n; i++) {
            uint64_t level = block[i] * c->factor;
            d->x[at + i] = c->order == ORDER_XOR ? c->origin ^ level : c->origin + line * (at + i) + level;
        }
    }
    return !d->in.bad;
}

static bool take_integers(struct decoding *d, const struct rollup_grid *grid)
{
    bool good = take_column(d, 1);
    for (size_t i = 0; i < d->count && good; i++) {
        d->rows[i].start = grid->from + (int64_t)(d->x[i] % ROLLUP_MAX_ROWS) * grid->bucket_ms;
        good = d->x[i] < ROLLUP_MAX_ROWS && (i == 0 || d->rows[i].start > d->rows[i - 1].start);
    }
    good = good && take_column(d, 0);
    for (size_t i = 0; i < d->count && good; i++) {
        d->rows[i].count = d->x[i];
        good = d->x[i] <= COUNT_MAX;
    }
    good = good && take_column(d, 0);
    for (size_t i = 0; i < d->count && good; i++) {
        good = d->x[i] < (uint64_t)grid->bucket_ms;
        d->rows[i].last_time = d->rows[i].start + (int64_t)(d->x[i] % (uint64_t)grid->bucket_ms);
    }
    return good;
}

static bool take_decimals(struct decoding *d, enum rollup_column column, enum rollup_mode mode)
{
    if (d->exponent < 0 || !take_column(d, 0))
        return false;
    for (size_t i = 0; i < d->count; i++) {
        uint64_t integer = d->x[i] + rollup_guess(mode, &d->rows[i], d->exponent);
        *rollup_field(&d->rows[i], column) = (double)(int64_t)integer / chunk_power_of_ten(d->exponent);
    }
    if (!take_column(d, 0))
        return false;
    for (size_t i = 0; i < d->count; i++) {
        double *value = rollup_field(&d->rows[i], column);
        *value = double_of_bits(bits_of_double(*value) + d->x[i]);
    }
    return true;
}

static bool take_bits(struct decoding *d, enum rollup_column column, enum rollup_mode mode)
{
    if (!take_column(d, 0))
        return false;
    for (size_t i = 0; i < d->count; i++)
        *rollup_field(&d->rows[i], column) = double_of_bits(d->x[i] + rollup_origin(mode, d->rows, i));
    return true;
}

static bool take_doubles(struct decoding *d, enum rollup_column column)
{
    unsigned byte = cursor_u8(&d->in);
    enum rollup_mode mode = (enum rollup_mode)byte;
    if (d->in.bad || byte >= ROLLUP_MODES || !mode_fits(mode, column))
        return false;
    return mode_is_decimal(mode) ? take_decimals(d, column, mode) : take_bits(d, column, mode);
}

/* Version and checksum; the cursor then stands behind them. */
static bool check_head(const struct chunk_key *key, struct str chunk, uint8_t version, struct cursor *in)
{
    *in = cursor_of(chunk.ptr, chunk.len);
    bool is_ours = cursor_u8(in) == version;
    uint32_t sum = cursor_u32(in);
    return !in->bad && is_ours && sum == chunk_checksum(key, (const uint8_t *)chunk.ptr, chunk.len);
}

static enum tm_err decode_rows(const struct chunk_key *key, const struct rollup_grid *grid, struct str chunk,
                               bool with_values, struct rollup_rows *out)
{
    struct decoding d;
    if (!check_head(key, chunk, ROLLUP_VERSION, &d.in))
        return TM_CORRUPT;
    uint64_t count = cursor_varint(&d.in);
    unsigned exponent = cursor_u8(&d.in);
    if (d.in.bad || count == 0 || count > ROLLUP_MAX_ROWS ||
        (exponent > CHUNK_MAX_EXPONENT && exponent != ROLLUP_NO_EXPONENT))
        return TM_CORRUPT;
    struct rollup *rows = grow_array(out->rows, &out->capacity, out->count + (size_t)count, sizeof *rows);
    if (!rows)
        return TM_NOMEM;
    out->rows = rows;
    d.rows = rows + out->count;
    d.count = (size_t)count;
    d.exponent = exponent == ROLLUP_NO_EXPONENT ? -1 : (int32_t)exponent;
    bool good = take_integers(&d, grid);
    for (int column = 0; column < ROLLUP_COLUMNS && good && with_values; column++)
        good = take_doubles(&d, (enum rollup_column)column);
    if (!good || (with_values && cursor_left(&d.in) > 0))
        return TM_CORRUPT;
    out->count += d.count;
    return TM_OK;
}

enum tm_err rollup_decode(const struct chunk_key *key, const struct rollup_grid *grid, struct str chunk,
                          struct rollup_rows *out)
{
    return decode_rows(key, grid, chunk, true, out);
}

enum tm_err rollup_decode_times(const struct chunk_key *key, const struct rollup_grid *grid, struct str chunk,
                                struct rollup_rows *out)
{
    return decode_rows(key, grid, chunk, false, out);
}

/* ---- rosters ---- */

void rollup_roster_encode(const struct chunk_key *key, const struct rollup_roster *roster, struct bytes *out)
{
    size_t start = out->len;
    uint32_t day = 0;
    bytes_u8(out, ROLLUP_ROSTER_VERSION);
    bytes_u32(out, 0);
    bytes_varint(out, roster->count);
    for (size_t i = 0; i < roster->count; i++) {
        bytes_varint(out, roster->days[i].day - day);
        bytes_varint(out, roster->days[i].tag);
        day = roster->days[i].day;
    }
    if (out->failed)
        return;
    uint32_t sum = htole32(chunk_checksum(key, out->data + start, out->len - start));
    memcpy(out->data + start + CHUNK_CHECKSUM_AT, &sum, sizeof sum);
}

enum tm_err rollup_roster_decode(const struct chunk_key *key, struct str bytes, struct rollup_roster *out)
{
    struct cursor in;
    uint64_t day = 0;
    *out = (struct rollup_roster){.count = 0};
    if (!check_head(key, bytes, ROLLUP_ROSTER_VERSION, &in))
        return TM_CORRUPT;
    uint64_t count = cursor_varint(&in);
    if (in.bad || count == 0 || count > ROLLUP_MAX_DAYS)
        return TM_CORRUPT;
    for (size_t i = 0; i < count; i++) {
        uint64_t more = cursor_varint(&in);
        if (more > UINT32_MAX - day || (more == 0 && i > 0))
            return TM_CORRUPT;
        day += more;
        out->days[i].day = (uint32_t)day;
        out->days[i].tag = cursor_varint(&in);
    }
    out->count = (size_t)count;
    return in.bad || cursor_left(&in) > 0 ? TM_CORRUPT : TM_OK;
}

uint64_t rollup_roster_tag(const struct rollup_roster *roster, uint32_t day)
{
    for (size_t i = 0; i < roster->count; i++) {
        if (roster->days[i].day == day)
            return roster->days[i].tag;
    }
    return 0;
}

bool rollup_roster_add(struct rollup_roster *roster, uint32_t day, uint64_t tag)
{
    size_t at = 0;
    while (at < roster->count && roster->days[at].day < day)
        at++;
    if (at == roster->count || roster->days[at].day != day) {
        if (roster->count == ROLLUP_MAX_DAYS)
            return false;
        memmove(roster->days + at + 1, roster->days + at, (roster->count - at) * sizeof roster->days[0]);
        roster->count++;
        roster->days[at].day = day;
        roster->days[at].tag = 0;
    }
    if (tag > roster->days[at].tag)
        roster->days[at].tag = tag;
    return true;
}
