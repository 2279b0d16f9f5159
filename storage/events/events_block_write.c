/* Rows into columns, columns into bytes. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "storage/events/events_format.h"

enum { SLOTS = 2 * EVENTS_BLOCK_MAX, ZSTD_LEVEL = 3, TAKE_TEXT_BYTES = 3 << 20, WORD = 8 };

/* The different texts of a column, found by hash. */
struct dictionary {
    struct str texts[EVENTS_BLOCK_MAX];
    uint32_t slots[SLOTS]; /* place + 1; 0: free */
    uint32_t order[EVENTS_BLOCK_MAX];
    uint32_t rank[EVENTS_BLOCK_MAX];
    size_t count;
};

struct events_encoder {
    int64_t values[EVENTS_COLUMNS][EVENTS_BLOCK_MAX];
    int64_t times[EVENTS_BLOCK_MAX];
    int64_t last[EVENTS_BLOCK_MAX]; /* by value of the parent */
    int64_t missed[EVENTS_BLOCK_MAX];
    struct dictionary dictionaries[EVENTS_TEXT_COLUMNS];
    ZSTD_CCtx *compressor;
    struct bytes body;
    struct bytes head;
    struct bytes trial[2];
    struct bytes packed;
    struct bytes lengths;
    struct bytes letters;
    const struct events_row *rows;
    size_t count;
    int32_t status_min;
    int32_t status_max;
    uint64_t column_bytes[EVENTS_COLUMNS];
};

struct events_encoder *events_encoder_new(void)
{
    struct events_encoder *encoder = calloc(1, sizeof *encoder);
    if (encoder)
        encoder->compressor = ZSTD_createCCtx();
    if (encoder && !encoder->compressor) {
        free(encoder);
        return NULL;
    }
    return encoder;
}

void events_encoder_free(struct events_encoder *encoder)
{
    if (!encoder)
        return;
    ZSTD_freeCCtx(encoder->compressor);
    bytes_fini(&encoder->body);
    bytes_fini(&encoder->head);
    bytes_fini(&encoder->trial[0]);
    bytes_fini(&encoder->trial[1]);
    bytes_fini(&encoder->packed);
    bytes_fini(&encoder->lengths);
    bytes_fini(&encoder->letters);
    free(encoder);
}

/* ---- sections: bytes, compressed if that helps ---- */

static void put_section(struct events_encoder *e, const void *data, size_t len, struct bytes *out)
{
    size_t bound = ZSTD_compressBound(len);
    uint8_t *to;
    bytes_clear(&e->packed);
    to = bytes_reserve(&e->packed, bound);
    size_t packed = to ? ZSTD_compressCCtx(e->compressor, to, bound, data, len, ZSTD_LEVEL) : 0;
    if (!to || ZSTD_isError(packed)) {
        out->failed = true;
        return;
    }
    bool is_packed = packed < len;
    bytes_varint(out, (uint64_t)len << 1 | is_packed);
    if (is_packed) {
        bytes_varint(out, packed);
        bytes_put(out, to, packed);
    } else {
        bytes_put(out, data, len);
    }
}

/* ---- numbers ---- */

static uint64_t divisor_of(uint64_t a, uint64_t b)
{
    while (b > 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

struct frame {
    int64_t least;
    uint64_t factor;
    unsigned width; /* 0: all are least */
};

static struct frame frame_of(const int64_t *values, size_t count)
{
    struct frame frame = {.least = values[0]};
    uint64_t most = 0;
    for (size_t i = 1; i < count; i++)
        frame.least = values[i] < frame.least ? values[i] : frame.least;
    for (size_t i = 0; i < count; i++) {
        uint64_t above = (uint64_t)values[i] - (uint64_t)frame.least;
        most = above > most ? above : most;
        if (frame.factor != 1)
            frame.factor = divisor_of(above, frame.factor);
    }
    for (uint64_t left = frame.factor ? most / frame.factor : 0; left > 0; left >>= 8)
        frame.width++;
    return frame;
}

static void put_frame(struct events_encoder *e, const int64_t *values, size_t count,
                      const struct frame *frame, enum events_mode mode, struct bytes *out)
{
    bytes_u8(out, (uint8_t)mode);
    bytes_zigzag(out, frame->least);
    if (mode == EVENTS_CONSTANT)
        return;
    bytes_varint(out, frame->factor);
    bytes_u8(out, (uint8_t)frame->width);
    size_t len = count * frame->width;
    bytes_clear(&e->letters);
    uint8_t *to = bytes_reserve(&e->letters, len + WORD);
    if (!to) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t level = ((uint64_t)values[i] - (uint64_t)frame->least) / frame->factor;
        if (mode == EVENTS_INTERLEAVED) {
            uint64_t word = htole64(level);
            memcpy(to + i * frame->width, &word, WORD);
        } else {
            for (unsigned k = 0; k < frame->width; k++)
                to[k * count + i] = (uint8_t)(level >> (8 * k));
        }
    }
    put_section(e, to, len, out);
}

/* The shorter of the ways that stand alone. */
static void put_alone(struct events_encoder *e, const int64_t *values, size_t count, struct bytes *scratch,
                      struct bytes *out)
{
    struct frame frame = frame_of(values, count);
    if (frame.width == 0) {
        put_frame(e, values, count, &frame, EVENTS_CONSTANT, out);
        return;
    }
    size_t before = out->len;
    put_frame(e, values, count, &frame, EVENTS_INTERLEAVED, out);
    if (frame.width == 1)
        return;
    bytes_clear(scratch);
    put_frame(e, values, count, &frame, EVENTS_PLANES, scratch);
    if (scratch->failed)
        out->failed = true;
    if (out->failed || scratch->len >= out->len - before)
        return;
    out->len = before;
    bytes_put(out, scratch->data, scratch->len);
}

static void put_predicted(struct events_encoder *e, enum events_column column, struct bytes *out)
{
    const int64_t *values = e->values[column], *parents = e->values[events_parent(column)];
    uint8_t hits[EVENTS_BLOCK_MAX / 8] = {0};
    size_t missed = 0;
    for (size_t i = 0; i < e->dictionaries[events_parent(column)].count; i++)
        e->last[i] = INT64_MIN;
    for (size_t i = 0; i < e->count; i++) {
        if (e->last[parents[i]] == values[i])
            hits[i / 8] = (uint8_t)(hits[i / 8] | 1u << i % 8);
        else
            e->missed[missed++] = values[i];
        e->last[parents[i]] = values[i];
    }
    bytes_u8(out, EVENTS_PREDICTED);
    put_section(e, hits, (e->count + 7) / 8, out);
    put_alone(e, e->missed, missed, &e->trial[0], out); /* the first row always misses */
}

static void put_numbers(struct events_encoder *e, enum events_column column)
{
    bytes_clear(&e->trial[1]);
    size_t before = e->body.len;
    put_alone(e, e->values[column], e->count, &e->trial[0], &e->body);
    if (events_parent(column) == EVENTS_SERVICE || e->body.failed || e->body.data[before] == EVENTS_CONSTANT)
        return;
    put_predicted(e, column, &e->trial[1]);
    if (e->trial[1].failed || e->trial[0].failed)
        e->body.failed = true;
    if (e->body.failed || e->trial[1].len >= e->body.len - before)
        return;
    e->body.len = before;
    bytes_put(&e->body, e->trial[1].data, e->trial[1].len);
}

/* ---- texts ---- */

static int64_t place_of(struct dictionary *d, struct str text)
{
    size_t at = XXH3_64bits(text.len ? text.ptr : "", text.len) % SLOTS;
    for (; d->slots[at]; at = (at + 1) % SLOTS) {
        if (str_equal(d->texts[d->slots[at] - 1], text))
            return d->slots[at] - 1;
    }
    d->texts[d->count++] = text;
    d->slots[at] = (uint32_t)d->count;
    return (int64_t)d->count - 1;
}

static int compare_texts(const void *a, const void *b, void *arg)
{
    const struct dictionary *d = arg;
    return str_compare(d->texts[*(const uint32_t *)a], d->texts[*(const uint32_t *)b]);
}

/* Texts in order; the column's places follow. */
static void sort_texts(struct dictionary *d, int64_t *values, size_t count)
{
    for (uint32_t i = 0; i < d->count; i++)
        d->order[i] = i;
    qsort_r(d->order, d->count, sizeof d->order[0], compare_texts, d);
    for (uint32_t i = 0; i < d->count; i++)
        d->rank[d->order[i]] = i;
    for (size_t i = 0; i < count; i++)
        values[i] = d->rank[values[i]];
}

static size_t shared_bytes(struct str a, struct str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len, same = 0;
    while (same < shorter && a.ptr[same] == b.ptr[same])
        same++;
    return same;
}

static void put_dictionary(struct events_encoder *e, const struct dictionary *d)
{
    struct str before = {NULL, 0};
    uint64_t total = 0;
    bytes_clear(&e->lengths);
    bytes_clear(&e->letters);
    for (size_t i = 0; i < d->count; i++) {
        struct str text = d->texts[d->order[i]];
        size_t shared = shared_bytes(before, text);
        bytes_varint(&e->lengths, shared);
        bytes_varint(&e->lengths, text.len - shared);
        if (text.len > shared)
            bytes_put(&e->letters, text.ptr + shared, text.len - shared);
        total += text.len;
        before = text;
    }
    if (e->lengths.failed || e->letters.failed)
        e->body.failed = true;
    bytes_varint(&e->body, d->count);
    bytes_varint(&e->body, total);
    put_section(e, e->lengths.data, e->lengths.len, &e->body);
    put_section(e, e->letters.data, e->letters.len, &e->body);
}

/* ---- a block ---- */

static void take_row(struct events_encoder *e, size_t row, const struct http_event *event, struct str tags)
{
    const struct str texts[EVENTS_TEXT_COLUMNS] = {
        [EVENTS_ENV] = event->env,
        [EVENTS_METHOD] = event->method,
        [EVENTS_URL] = event->url,
        [EVENTS_PAGE_GROUP] = event->page_group,
        [EVENTS_CACHE] = event->cache,
        [EVENTS_AGENT] = event->agent,
        [EVENTS_USER_AGENT] = event->user_agent,
        [EVENTS_TAGS] = tags,
    };
    for (size_t c = EVENTS_ENV; c < EVENTS_TEXT_COLUMNS; c++)
        e->values[c][row] = place_of(&e->dictionaries[c], texts[c]);
    e->values[EVENTS_STATUS][row] = event->status;
    e->values[EVENTS_BYTES][row] = event->bytes;
    e->values[EVENTS_DURATION][row] = event->duration_us;
    e->values[EVENTS_ORIGIN][row] = event->origin_us;
    e->values[EVENTS_EDGE][row] = event->edge_us;
    e->values[EVENTS_COUNT][row] = (int64_t)event->count;
    e->times[row] = row == 0 ? 0 : e->rows[row].time - e->rows[row - 1].time;
    e->status_min = row == 0 || event->status < e->status_min ? event->status : e->status_min;
    e->status_max = row == 0 || event->status > e->status_max ? event->status : e->status_max;
}

static enum tm_err take_rows(struct events_encoder *e, struct str *service)
{
    struct http_event event;
    struct str tags;
    for (size_t c = 0; c < EVENTS_TEXT_COLUMNS; c++) {
        e->dictionaries[c].count = 0;
        memset(e->dictionaries[c].slots, 0, sizeof e->dictionaries[c].slots);
    }
    for (size_t i = 0; i < e->count; i++) {
        if (http_event_views(e->rows[i].bytes, &event, &tags) != TM_OK)
            return TM_CORRUPT;
        take_row(e, i, &event, tags);
        *service = event.service;
    }
    return TM_OK;
}

static void put_columns(struct events_encoder *e, struct str service)
{
    bytes_clear(&e->body);
    bytes_clear(&e->head);
    bytes_varint(&e->head, e->count);
    bytes_zigzag(&e->head, e->rows[0].time);
    bytes_varint(&e->head, (uint64_t)(e->rows[e->count - 1].time - e->rows[0].time));
    bytes_varint(&e->head, (uint64_t)e->status_min);
    bytes_varint(&e->head, (uint64_t)e->status_max);
    bytes_str(&e->head, service);
    put_alone(e, e->times, e->count, &e->trial[0], &e->body);
    bytes_varint(&e->head, e->body.len);
    for (size_t c = EVENTS_ENV; c < EVENTS_TEXT_COLUMNS; c++)
        sort_texts(&e->dictionaries[c], e->values[c], e->count);
    for (size_t c = EVENTS_ENV; c < EVENTS_COLUMNS; c++) {
        size_t before = e->body.len;
        if (c < EVENTS_TEXT_COLUMNS)
            put_dictionary(e, &e->dictionaries[c]);
        bytes_varint(&e->head, e->body.len - before);
        size_t between = e->body.len;
        put_numbers(e, (enum events_column)c);
        bytes_varint(&e->head, e->body.len - between);
        e->column_bytes[c] += e->body.len - before;
    }
}

static void put_block(struct events_encoder *e, const struct chunk_key *key, struct bytes *out)
{
    uint64_t seed = events_seed(key);
    bytes_u64(&e->head, XXH3_64bits_withSeed(e->body.data, e->body.len, seed));
    bytes_u8(out, EVENTS_VERSION);
    bytes_u64(out, XXH3_64bits_withSeed(e->head.data, e->head.len, seed));
    bytes_u32(out, (uint32_t)e->head.len);
    bytes_put(out, e->head.data, e->head.len);
    bytes_put(out, e->body.data, e->body.len);
}

static size_t block_bytes(const struct events_encoder *e)
{
    return EVENTS_PREFIX_BYTES + e->head.len + EVENTS_SUM_BYTES + e->body.len;
}

enum tm_err events_block_encode(struct events_encoder *encoder, const struct chunk_key *key,
                                const struct events_row *rows, size_t count, size_t *taken, struct bytes *out,
                                struct events_block_head *head)
{
    struct events_encoder *e = encoder;
    struct str service = {NULL, 0};
    size_t texts = 0, before = out->len;
    e->rows = rows;
    for (e->count = 0; e->count < count && e->count < EVENTS_BLOCK_MAX && texts <= TAKE_TEXT_BYTES;
         e->count++)
        texts += rows[e->count].bytes.len;
    for (;; e->count /= 2) {
        if (e->count == 0)
            return TM_TOO_LARGE;
        enum tm_err err = take_rows(e, &service);
        if (!err)
            put_columns(e, service);
        if (err || e->body.failed || e->head.failed)
            return err ? err : TM_NOMEM;
        if (block_bytes(e) <= EVENTS_BLOCK_BYTES_MAX)
            break;
    }
    put_block(e, key, out);
    if (bytes_error(out)) {
        out->len = before;
        return TM_NOMEM;
    }
    *taken = e->count;
    *head = (struct events_block_head){(uint32_t)e->count, rows[0].time,  rows[e->count - 1].time,
                                       e->status_min,      e->status_max, service};
    return TM_OK;
}
