/* Cells as a chunk: head, then a column each of slots, numbers of cells and values; the checksum last. What
 * is read may be hostile: the checksum is no secret. */
#include "storage/counts/cell_chunk.h"

#include <string.h>

#include "storage/chunk/chunk_column.h"
#include "storage/chunk/chunk_read.h"

enum { CELL_VERSION = 0x31 };

/* ---- writing ---- */

static bool is_encodable(int64_t day, const struct cell *cells, size_t count)
{
    bool good = count > 0 && count <= CELL_CHUNK_MAX;
    for (size_t i = 0; i < count && good; i++) {
        good = cells[i].slot >= day && cells[i].slot < day + CELLS_A_DAY;
        good = good && (i == 0 || cells[i].slot > cells[i - 1].slot ||
                        (cells[i].slot == cells[i - 1].slot && cells[i].cell > cells[i - 1].cell));
    }
    return good;
}

/* Writes scratch->x[0..count). */
static void put_column(struct chunk_scratch *scratch, size_t count, uint64_t line, enum chunk_effort effort,
                       struct bytes *out)
{
    const struct column_spec spec = {.count = count, .line = line, .effort = effort};
    bytes_zigzag(out, (int64_t)scratch->x[0]);
    column_write(scratch, &spec, out);
}

static void put_columns(struct chunk_scratch *scratch, const struct cell *cells, size_t count,
                        enum chunk_effort effort, struct bytes *out)
{
    for (size_t i = 0; i < count; i++)
        scratch->x[i] = (uint64_t)(cells[i].slot - cells[0].slot);
    put_column(scratch, count, cells[0].cell == cells[count - 1].cell, effort, out);
    for (size_t i = 0; i < count; i++)
        scratch->x[i] = cells[i].cell;
    put_column(scratch, count, 0, effort, out);
    for (size_t i = 0; i < count; i++)
        scratch->x[i] = (uint64_t)cells[i].value;
    put_column(scratch, count, 0, effort, out);
}

enum tm_err cell_chunk_encode(struct chunk_scratch *scratch, const struct chunk_key *key, int64_t day,
                              const struct cell *cells, size_t count, enum chunk_effort effort,
                              struct bytes *out)
{
    if (!is_encodable(day, cells, count))
        return TM_INVALID;
    size_t start = out->len;
    bytes_u8(out, CELL_VERSION);
    bytes_u32(out, 0);
    bytes_varint(out, count);
    bytes_varint(out, (uint64_t)(cells[0].slot - day));
    bytes_varint(out, (uint64_t)(cells[count - 1].slot - cells[0].slot));
    bytes_u8(out, cells[0].cell == cells[count - 1].cell);
    put_columns(scratch, cells, count, effort, out);
    if (bytes_error(out)) {
        out->len = start;
        return TM_NOMEM;
    }
    uint32_t sum = htole32(chunk_checksum(key, out->data + start, out->len - start));
    memcpy(out->data + start + CHUNK_CHECKSUM_AT, &sum, sizeof sum);
    return TM_OK;
}

/* ---- reading ---- */

struct decoding {
    struct cursor in;
    struct cell_chunk_head head;
    uint64_t line; /* of the column of slots */
    struct cell *cells;
    struct chunk_column column;
};

static bool take_head(const struct chunk_key *key, int64_t day, struct str chunk, struct decoding *d)
{
    d->in = cursor_of(chunk.ptr, chunk.len);
    bool is_ours = cursor_u8(&d->in) == CELL_VERSION;
    uint32_t sum = cursor_u32(&d->in);
    if (d->in.bad || !is_ours || sum != chunk_checksum(key, (const uint8_t *)chunk.ptr, chunk.len))
        return false;
    uint64_t count = cursor_varint(&d->in), first = cursor_varint(&d->in), length = cursor_varint(&d->in);
    d->line = cursor_u8(&d->in);
    if (d->in.bad || count == 0 || count > CELL_CHUNK_MAX || first >= CELLS_A_DAY ||
        length >= CELLS_A_DAY - first || d->line > 1)
        return false;
    d->head =
        (struct cell_chunk_head){(uint32_t)count, day + (int64_t)first, day + (int64_t)(first + length)};
    return true;
}

/* Where the numbers of a column go. False: not there. */
typedef bool put_fn(struct decoding *d, size_t at, uint64_t x);

static bool put_slot(struct decoding *d, size_t at, uint64_t x)
{
    if (x > (uint64_t)(d->head.last - d->head.first))
        return false;
    d->cells[at] = (struct cell){.slot = d->head.first + (int64_t)x};
    return at == 0 ? x == 0 : d->cells[at].slot >= d->cells[at - 1].slot;
}

static bool put_cell(struct decoding *d, size_t at, uint64_t x)
{
    d->cells[at].cell = (uint32_t)x;
    return x <= UINT32_MAX && (at == 0 || d->cells[at].slot > d->cells[at - 1].slot ||
                               d->cells[at].cell > d->cells[at - 1].cell);
}

static bool put_value(struct decoding *d, size_t at, uint64_t x)
{
    d->cells[at].value = (int64_t)x;
    return true;
}

static bool take_column(struct decoding *d, uint64_t line, put_fn *put)
{
    const struct chunk_kernels *kernels = chunk_kernels_best();
    struct chunk_column *c = &d->column;
    uint64_t block[CHUNK_BLOCK];
    bool good = true;
    column_open(c, (uint64_t)cursor_zigzag(&d->in), line, d->head.count, &d->in);
    for (size_t at = 0; at < d->head.count && good && !d->in.bad; at += CHUNK_BLOCK) {
        unsigned n = (unsigned)(d->head.count - at < CHUNK_BLOCK ? d->head.count - at : CHUNK_BLOCK);
        good = column_next(c, kernels, n, block);
        for (unsigned i = 0; i < n && good; i++) {
            uint64_t level = block[i] * c->factor;
            good = put(d, at + i,
                       c->order == ORDER_XOR ? c->origin ^ level : c->origin + line * (at + i) + level);
        }
    }
    return good && !d->in.bad;
}

enum tm_err cell_chunk_peek(const struct chunk_key *key, int64_t day, struct str chunk,
                            struct cell_chunk_head *out)
{
    struct decoding d;
    if (!take_head(key, day, chunk, &d))
        return TM_CORRUPT;
    *out = d.head;
    return TM_OK;
}

enum tm_err cell_chunk_decode(const struct chunk_key *key, int64_t day, struct str chunk, struct cells *out)
{
    struct decoding d;
    if (!take_head(key, day, chunk, &d))
        return TM_CORRUPT;
    enum tm_err err = cells_reserve(out, d.head.count);
    if (err)
        return err;
    d.cells = out->at + out->count;
    bool good =
        take_column(&d, d.line, put_slot) && take_column(&d, 0, put_cell) && take_column(&d, 0, put_value);
    if (!good || cursor_left(&d.in) > 0 || d.cells[d.head.count - 1].slot != d.head.last)
        return TM_CORRUPT;
    out->count += d.head.count;
    return TM_OK;
}
