/* Bytes into columns. Checksums were right when a format is judged here: what is wrong is a fault of ours or
 * forged, and gives TM_CORRUPT, never a read or write out of bounds. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "storage/events/events_format.h"
#include "storage/grow.h"

enum {
    WORD = 8,
    BITS = 8,
    VARINT_MAX = 10,
    STATUS_MAX = HTTP_EVENT_STATUS_MAX,
    VALUES_BYTES = EVENTS_BLOCK_MAX * WORD
};

#define DAY_MS INT64_C(86400000)

static void end_values(struct events_values *values)
{
    free(values->values);
    free(values->texts);
    free(values->arena);
}

void events_block_fini(struct events_block *block)
{
    end_values(&block->times);
    for (size_t c = 0; c < EVENTS_COLUMNS; c++)
        end_values(&block->columns[c]);
    bytes_fini(&block->scratch[0]);
    bytes_fini(&block->scratch[1]);
    free(block->predicted);
    ZSTD_freeDCtx(block->decompressor);
    *block = (struct events_block){.tags_at = 0};
}

/* ---- the head ---- */

static void take_head(struct cursor *c, struct events_block_head *out)
{
    uint64_t count = cursor_varint(c);
    out->first = cursor_zigzag(c);
    uint64_t length = cursor_varint(c), least = cursor_varint(c), most = cursor_varint(c);
    out->service = cursor_str(c);
    if (count < 1 || count > EVENTS_BLOCK_MAX || length >= (uint64_t)DAY_MS || least > most ||
        most > STATUS_MAX || out->first > INT64_MAX - DAY_MS) {
        c->bad = true;
        return;
    }
    out->count = (uint32_t)count;
    out->last = out->first + (time_ms_t)length;
    out->status_min = (int32_t)least;
    out->status_max = (int32_t)most;
}

/* Stands behind service in the head; *body is what follows the head. */
static enum tm_err open_head(const struct chunk_key *key, struct str block, struct cursor *c,
                             struct str *body, struct events_block_head *out)
{
    struct cursor in = cursor_of(block.ptr, block.len);
    uint8_t version = cursor_u8(&in);
    uint64_t sum = cursor_u64(&in);
    struct str head = cursor_take(&in, cursor_u32(&in));
    if (in.bad || version != EVENTS_VERSION ||
        XXH3_64bits_withSeed(head.ptr, head.len, events_seed(key)) != sum)
        return TM_CORRUPT;
    *c = cursor_of(head.ptr, head.len);
    *body = cursor_take(&in, cursor_left(&in));
    take_head(c, out);
    return c->bad ? TM_CORRUPT : TM_OK;
}

enum tm_err events_block_peek(const struct chunk_key *key, struct str block, struct events_block_head *out)
{
    struct cursor c;
    struct str body;
    return open_head(key, block, &c, &body, out);
}

/* ---- sections and numbers ---- */

/* The raw bytes of the next section, at most `most`; scratch may hold them. */
static enum tm_err take_section(struct events_block *block, struct cursor *c, size_t most,
                                struct bytes *scratch, struct str *out)
{
    uint64_t word = cursor_varint(c);
    uint64_t len = word >> 1;
    *out = (struct str){NULL, 0};
    if (c->bad || len > most)
        return TM_CORRUPT;
    if (!(word & 1)) {
        *out = cursor_take(c, (size_t)len);
        return c->bad ? TM_CORRUPT : TM_OK;
    }
    struct str packed = cursor_take(c, cursor_varint(c));
    if (c->bad)
        return TM_CORRUPT;
    bytes_clear(scratch);
    uint8_t *to = bytes_reserve(scratch, (size_t)len + WORD);
    if (!to)
        return TM_NOMEM;
    *out = (struct str){(const char *)to, (size_t)len};
    return ZSTD_decompressDCtx(block->decompressor, to, (size_t)len, packed.ptr, packed.len) == len
               ? TM_OK
               : TM_CORRUPT;
}

static void spread_interleaved(const uint8_t *from, unsigned width, size_t count, int64_t *out)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t level = 0;
        for (unsigned k = 0; k < width; k++)
            level |= (uint64_t)from[i * width + k] << (BITS * k);
        out[i] = (int64_t)level;
    }
}

static void spread_planes(const uint8_t *from, unsigned width, size_t count, int64_t *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = from[i];
    for (unsigned k = 1; k < width; k++) {
        for (size_t i = 0; i < count; i++)
            out[i] = (int64_t)((uint64_t)out[i] | (uint64_t)from[k * count + i] << (BITS * k));
    }
}

static enum tm_err take_alone(struct events_block *block, struct cursor *c, uint8_t mode, size_t count,
                              int64_t *out)
{
    int64_t least = cursor_zigzag(c);
    if (mode == EVENTS_CONSTANT) {
        for (size_t i = 0; i < count; i++)
            out[i] = least;
        return c->bad ? TM_CORRUPT : TM_OK;
    }
    uint64_t factor = cursor_varint(c);
    unsigned width = cursor_u8(c);
    struct str raw;
    if (c->bad || width < 1 || width > WORD || (mode != EVENTS_INTERLEAVED && mode != EVENTS_PLANES))
        return TM_CORRUPT;
    enum tm_err err = take_section(block, c, count * width, &block->scratch[1], &raw);
    if (err || raw.len != count * width)
        return err ? err : TM_CORRUPT;
    if (mode == EVENTS_INTERLEAVED)
        spread_interleaved((const uint8_t *)raw.ptr, width, count, out);
    else
        spread_planes((const uint8_t *)raw.ptr, width, count, out);
    for (size_t i = 0; i < count; i++)
        out[i] = (int64_t)((uint64_t)out[i] * factor + (uint64_t)least);
    return TM_OK;
}

/* ---- what another column foretells ---- */

static int64_t *room_for(int64_t **values)
{
    if (!*values)
        *values = malloc(VALUES_BYTES);
    return *values;
}

static bool is_set(struct str bits, size_t i)
{
    return (unsigned)(uint8_t)bits.ptr[i / BITS] >> i % BITS & 1u;
}

static size_t count_bits(struct str bits, size_t count)
{
    size_t set = 0;
    for (size_t i = 0; i < count; i++)
        set += is_set(bits, i);
    return set;
}

static enum tm_err take_predicted(struct events_block *block, struct cursor *c, enum events_column column,
                                  int64_t *out)
{
    const struct events_values *parent = &block->columns[events_parent(column)];
    size_t count = block->head.count;
    struct str bits;
    if (events_parent(column) == EVENTS_SERVICE || !parent->is_read)
        return TM_CORRUPT;
    enum tm_err err = take_section(block, c, (count + BITS - 1) / BITS, &block->scratch[0], &bits);
    if (err || bits.len != (count + BITS - 1) / BITS)
        return err ? err : TM_CORRUPT;
    size_t missed = count - count_bits(bits, count);
    uint8_t mode = cursor_u8(c);
    int64_t *last =
        grow_array(block->predicted, &block->predicted_capacity, parent->text_count + missed, sizeof *last);
    if (!last)
        return TM_NOMEM;
    block->predicted = last;
    memset(last, 0, parent->text_count * sizeof *last);
    int64_t *next = last + parent->text_count;
    err = missed > 0 ? take_alone(block, c, mode, missed, next) : TM_CORRUPT;
    for (size_t i = 0; i < count && !err; i++) {
        int64_t *slot = &last[parent->values[i]];
        if (!is_set(bits, i))
            *slot = *next++;
        out[i] = *slot;
    }
    return err;
}

static enum tm_err take_numbers(struct events_block *block, struct str stored, enum events_column column,
                                int64_t **values)
{
    struct cursor c = cursor_of(stored.ptr, stored.len);
    int64_t *out = room_for(values);
    if (!out)
        return TM_NOMEM;
    uint8_t mode = cursor_u8(&c);
    enum tm_err err = mode == EVENTS_PREDICTED ? take_predicted(block, &c, column, out)
                                               : take_alone(block, &c, mode, block->head.count, out);
    return err || cursor_left(&c) == 0 ? err : TM_CORRUPT;
}

/* ---- texts ---- */

/* Texts share their beginnings with the one before. */
static enum tm_err unfold(struct events_values *v, struct str lengths, struct str letters, size_t total)
{
    struct cursor in = cursor_of(lengths.ptr, lengths.len);
    struct cursor from = cursor_of(letters.ptr, letters.len);
    struct str before = {v->arena, 0};
    size_t used = 0;
    for (size_t i = 0; i < v->text_count; i++) {
        uint64_t shared = cursor_varint(&in), more = cursor_varint(&in);
        if (in.bad || shared > before.len || more > cursor_left(&from) || shared + more > total - used)
            return TM_CORRUPT;
        char *to = v->arena + used;
        memcpy(to, before.ptr, (size_t)shared);
        struct str rest = cursor_take(&from, (size_t)more);
        if (rest.len > 0)
            memcpy(to + shared, rest.ptr, rest.len);
        before = (struct str){to, (size_t)(shared + more)};
        v->texts[i] = before;
        used += before.len;
    }
    return used == total && cursor_left(&in) == 0 && cursor_left(&from) == 0 ? TM_OK : TM_CORRUPT;
}

static enum tm_err take_dictionary(struct events_block *block, struct events_values *v)
{
    struct cursor c = cursor_of(v->dictionary_stored.ptr, v->dictionary_stored.len);
    uint64_t count = cursor_varint(&c), total = cursor_varint(&c);
    struct str lengths, letters;
    if (c.bad || count < 1 || count > block->head.count || total > EVENTS_BLOCK_TEXT_MAX)
        return TM_CORRUPT;
    struct str *texts = grow_array(v->texts, &v->text_capacity, (size_t)count, sizeof *texts);
    v->texts = texts ? texts : v->texts;
    char *arena = grow_array(v->arena, &v->arena_capacity, (size_t)total + 1, 1);
    v->arena = arena ? arena : v->arena;
    if (!texts || !arena)
        return TM_NOMEM;
    v->text_count = (size_t)count;
    enum tm_err err = take_section(block, &c, v->text_count * 2 * VARINT_MAX, &block->scratch[0], &lengths);
    if (!err)
        err = take_section(block, &c, (size_t)total, &block->scratch[1], &letters);
    if (!err && cursor_left(&c) > 0)
        err = TM_CORRUPT;
    return err ? err : unfold(v, lengths, letters, (size_t)total);
}

/* ---- columns ---- */

/* The places of a text column, within the dictionary. */
static enum tm_err check_places(const struct events_values *v, size_t count)
{
    uint64_t most = 0;
    for (size_t i = 0; i < count; i++)
        most = (uint64_t)v->values[i] > most ? (uint64_t)v->values[i] : most;
    return most < v->text_count ? TM_OK : TM_CORRUPT;
}

static bool is_number_sound(enum events_column column, int64_t value)
{
    if (column == EVENTS_STATUS)
        return value >= 0 && value <= STATUS_MAX;
    return column == EVENTS_COUNT ? value != 0 : value >= -1;
}

static enum tm_err check_numbers(const struct events_block *block, enum events_column column)
{
    const int64_t *values = block->columns[column].values;
    bool is_sound = true;
    for (size_t i = 0; i < block->head.count; i++)
        is_sound = is_sound && is_number_sound(column, values[i]);
    return is_sound ? TM_OK : TM_CORRUPT;
}

static enum tm_err read_column(struct events_block *block, enum events_column column)
{
    struct events_values *v = &block->columns[column];
    enum tm_err err = TM_OK;
    if (events_is_text(column))
        err = take_dictionary(block, v);
    if (!err)
        err = take_numbers(block, v->stored, column, &v->values);
    if (!err)
        err = events_is_text(column) ? check_places(v, block->head.count) : check_numbers(block, column);
    v->is_read = !err;
    return err;
}

enum tm_err events_block_read(struct events_block *block, uint32_t columns)
{
    enum tm_err err = TM_OK;
    for (int c = EVENTS_ENV; c < EVENTS_COLUMNS; c++) {
        if (columns >> c & 1u)
            columns |= EVENTS_BIT(events_parent((enum events_column)c));
    }
    /* Parents are URL and user agent: the former stands before its children, the latter does not. */
    if (columns & EVENTS_BIT(EVENTS_USER_AGENT) && !block->columns[EVENTS_USER_AGENT].is_read)
        err = read_column(block, EVENTS_USER_AGENT);
    if (!err && columns & EVENTS_BIT(EVENTS_URL) && !block->columns[EVENTS_URL].is_read)
        err = read_column(block, EVENTS_URL);
    for (int c = EVENTS_ENV; c < EVENTS_COLUMNS && !err; c++) {
        if (columns >> c & 1u && !block->columns[c].is_read)
            err = read_column(block, (enum events_column)c);
    }
    return err;
}

static enum tm_err read_times(struct events_block *block)
{
    const struct events_block_head *head = &block->head;
    enum tm_err err = take_numbers(block, block->times.stored, EVENTS_SERVICE, &block->times.values);
    int64_t *times = block->times.values;
    int64_t at = head->first;
    for (size_t i = 0; i < head->count && !err; i++) {
        if (times[i] < 0 || times[i] > head->last - at)
            err = TM_CORRUPT;
        else
            times[i] = at += times[i];
    }
    return !err && at != head->last ? TM_CORRUPT : err;
}

enum tm_err events_block_open(struct events_block *block, const struct chunk_key *key, struct str bytes)
{
    struct cursor c;
    struct str body;
    if (!block->decompressor)
        block->decompressor = ZSTD_createDCtx();
    if (!block->decompressor)
        return TM_NOMEM;
    enum tm_err err = open_head(key, bytes, &c, &body, &block->head);
    if (err)
        return err;
    struct cursor in = cursor_of(body.ptr, body.len);
    block->tags_at = -1;
    block->times.stored = cursor_take(&in, cursor_varint(&c));
    block->columns[EVENTS_SERVICE].is_read = false;
    for (size_t i = EVENTS_ENV; i < EVENTS_COLUMNS; i++) {
        struct events_values *v = &block->columns[i];
        v->is_read = false;
        v->dictionary_stored = cursor_take(&in, cursor_varint(&c));
        v->stored = cursor_take(&in, cursor_varint(&c));
    }
    uint64_t sum = cursor_u64(&c);
    if (c.bad || in.bad || cursor_left(&c) > 0 || cursor_left(&in) > 0 ||
        XXH3_64bits_withSeed(body.ptr, body.len, events_seed(key)) != sum)
        return TM_CORRUPT;
    return read_times(block);
}

/* ---- rows ---- */

size_t events_block_find(const struct events_block *block, time_ms_t time)
{
    size_t low = 0, high = block->head.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (block->times.values[middle] < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void set_tags(struct events_block *block, size_t row, struct http_event *event)
{
    const struct events_values *v = &block->columns[EVENTS_TAGS];
    if (block->tags_at != v->values[row]) {
        if (labels_decode(v->texts[v->values[row]], &block->tags) != TM_OK)
            block->tags.count = 0; /* ingest wrote none such */
        block->tags_at = v->values[row];
    }
    event->tags = &block->tags;
}

void events_block_event(struct events_block *block, size_t row, uint32_t columns, struct http_event *event)
{
    const struct events_values *at = block->columns;
    struct str *const texts[EVENTS_TAGS] = {
        [EVENTS_ENV] = &event->env,
        [EVENTS_METHOD] = &event->method,
        [EVENTS_URL] = &event->url,
        [EVENTS_PAGE_GROUP] = &event->page_group,
        [EVENTS_CACHE] = &event->cache,
        [EVENTS_AGENT] = &event->agent,
        [EVENTS_USER_AGENT] = &event->user_agent,
    };
    event->time = block->times.values[row];
    event->service = block->head.service;
    for (size_t c = EVENTS_ENV; c < EVENTS_TAGS; c++) {
        if (columns >> c & 1u)
            *texts[c] = at[c].texts[at[c].values[row]];
    }
    if (columns & EVENTS_BIT(EVENTS_TAGS))
        set_tags(block, row, event);
    if (columns & EVENTS_BIT(EVENTS_STATUS))
        event->status = (int32_t)at[EVENTS_STATUS].values[row];
    if (columns & EVENTS_BIT(EVENTS_BYTES))
        event->bytes = at[EVENTS_BYTES].values[row];
    if (columns & EVENTS_BIT(EVENTS_DURATION))
        event->duration_us = at[EVENTS_DURATION].values[row];
    if (columns & EVENTS_BIT(EVENTS_ORIGIN))
        event->origin_us = at[EVENTS_ORIGIN].values[row];
    if (columns & EVENTS_BIT(EVENTS_EDGE))
        event->edge_us = at[EVENTS_EDGE].values[row];
    if (columns & EVENTS_BIT(EVENTS_COUNT))
        event->count = (uint64_t)at[EVENTS_COUNT].values[row];
}
