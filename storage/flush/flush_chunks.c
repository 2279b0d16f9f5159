/* From rows of samples to chunks that fill LMDB's pages. A value of up to LEAF_MOST bytes lies in a leaf page
 * beside others; a longer one takes whole pages of its own, half a page of them for nothing on average. So
 * chunks are cut by their bytes: two of the longest fill a page, and a rewrite, which writes the pages in
 * order, cuts the next chunk to what is left of the present one. */
#include <stdlib.h>

#include "storage/flush/flush.h"

enum {
    PAGE_ROOM = 4096 - 16, /* behind the page's head */
    NODE_BYTES = 8 + PARTITION_KEY_BYTES + 2,
    LEAF_MOST = 2018,   /* LMDB's longest value inside a leaf, for keys of 12 bytes */
    LEAF_LEAST = 500,   /* less room than this is left empty: each chunk costs about 40 bytes */
    OVERFLOW_BYTES = 8, /* what a leaf holds of a value that has pages of its own */
    TRIES = 4,
    FULL_PERCENT = 95, /* of the room: good enough */
    FEW_SAMPLES = 256  /* so few are never cut */
};

/* How many bytes the next chunk may take. */
static size_t find_room(const struct flush_put *put)
{
    if (!put->fill || put->fill->left < LEAF_LEAST + NODE_BYTES)
        return LEAF_MOST;
    size_t room = put->fill->left - NODE_BYTES;
    return room < LEAF_MOST ? room : LEAF_MOST;
}

/* Where the page stands once a value of so many bytes is in it. */
static void note_value(struct flush_fill *fill, size_t bytes)
{
    size_t inside = bytes <= LEAF_MOST ? bytes : OVERFLOW_BYTES;
    size_t node = (NODE_BYTES + inside + 1) & ~(size_t)1;
    size_t room = fill->left < node ? PAGE_ROOM : fill->left;
    fill->left = room - node;
}

static enum tm_err encode(struct flush_work *work, const struct flush_put *put, uint32_t part, size_t from,
                          size_t count)
{
    struct partition_key at = {put->window, put->series, part};
    struct chunk_key key = days_chunk_key(put->id, &at);
    struct chunk_columns columns = {work->columns.times + from, work->columns.values + from, count,
                                    put->exponent};
    bytes_clear(&work->chunk);
    return chunk_encode(work->scratch, &key, &columns, put->effort, &work->chunk);
}

/* How many samples would take `room` bytes, when count of them took `bytes`; a little less when shrinking, so
 * that one more try is enough. */
static size_t scale_count(size_t count, size_t bytes, size_t room)
{
    double fit = (double)count * (double)room / (double)bytes * 0.985;
    size_t most = fit > CHUNK_MAX_SAMPLES ? CHUNK_MAX_SAMPLES : (size_t)fit;
    return most < FEW_SAMPLES ? FEW_SAMPLES : most;
}

/* Finds a count whose chunk fits into room and fills it well, and leaves that chunk in work->chunk. *count is
 * the first guess, at most `left`. */
static enum tm_err fit_chunk(struct flush_work *work, const struct flush_put *put, uint32_t part, size_t from,
                             size_t left, size_t *count)
{
    size_t room = find_room(put), most = left < put->most ? left : put->most;
    for (int i = 1;; i++) {
        enum tm_err err = encode(work, put, part, from, *count);
        size_t bytes = work->chunk.len;
        bool is_over = bytes > room;
        bool is_full = bytes * 100 >= room * FULL_PERCENT || *count == most;
        if (err || i >= TRIES || (is_over ? *count <= FEW_SAMPLES : is_full || !put->fill))
            return err;
        size_t next = scale_count(*count, bytes, room);
        next = next < most ? next : most;
        if (next == *count)
            return TM_OK;
        *count = next;
    }
}

enum tm_err flush_put_columns(struct flush_work *work, const struct flush_put *put, size_t from, size_t to,
                              struct tm_why *why)
{
    if (!work->scratch)
        work->scratch = malloc(sizeof *work->scratch);
    if (!work->scratch)
        return tm_fail(why, TM_NOMEM, "out of memory for a chunk");
    size_t guess = put->most;
    for (uint32_t part = 0; from < to; part++) {
        size_t left = to - from, count = guess < left ? guess : left;
        enum tm_err err = fit_chunk(work, put, part, from, left, &count);
        if (err)
            return tm_fail(why, err, "encoding a chunk: %s", tm_err_text(err));
        const time_ms_t *times = work->columns.times + from;
        struct partition_extent extent = {times[0], times[count - 1], count};
        err = put->put(put->arg, put->series, part, bytes_view(&work->chunk), &extent, why);
        if (err)
            return err;
        if (put->fill) {
            note_value(put->fill, work->chunk.len);
            guess = scale_count(count, work->chunk.len, find_room(put));
        }
        from += count;
        work->figures->chunks++;
        work->figures->samples += count;
    }
    return TM_OK;
}
