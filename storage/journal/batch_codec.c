#include "storage/journal/batch_codec.h"

#include <endian.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "storage/grow.h"
#include "storage/model/labels.h"

/* A value's tag: exponent above, length of the zigzag mantissa in bytes below. */
enum { TAG_LENGTH_BITS = 3, TAG_RAW = 0xff, RAW_BYTES = 8, MANTISSA_MAX_BYTES = 7 };
/* Where a series' service stands: none, the value of a label (its place from 1), or spelled out. */
enum { SERVICE_NONE = 0, SERVICE_SPELLED = LABELS_MAX + 1 };
/* What the byte behind the time of writing says. */
enum { HAS_PRODUCER = 1, HAS_CELLS = 2 };
enum { ID_MAX_BYTES = 5, LARGEST_INTEGER_BITS = 53 };

/* No clock of ours shows more; what reckons with it can't overflow. */
#define WRITTEN_MAX_MS (INT64_C(1) << 53)

/* ---- writing ---- */

static uint64_t service_code(const struct batch_definition *definition)
{
    struct labels labels;
    if (definition->service.len == 0)
        return SERVICE_NONE;
    if (labels_decode(definition->labels, &labels) == TM_OK) {
        for (size_t i = 0; i < labels.count; i++) {
            if (str_equal(labels.at[i].value, definition->service))
                return i + 1;
        }
    }
    return SERVICE_SPELLED;
}

static void put_definitions(const struct batch_content *content, struct bytes *out)
{
    bytes_varint(out, content->definition_count);
    uint32_t last = 0;
    for (size_t i = 0; i < content->definition_count; i++) {
        const struct batch_definition *definition = &content->definitions[i];
        bytes_zigzag(out, (int64_t)definition->series - (int64_t)last);
        last = definition->series;
        bytes_str(out, definition->labels);
        uint64_t code = service_code(definition);
        bytes_varint(out, code);
        if (code == SERVICE_SPELLED)
            bytes_str(out, definition->service);
    }
}

static void put_mark(const struct batch_content *content, struct bytes *out)
{
    bytes_zigzag(out, content->written_ms);
    bytes_u8(out, (content->is_marked ? HAS_PRODUCER : 0) | (content->cell_count > 0 ? HAS_CELLS : 0));
    if (!content->is_marked)
        return;
    bytes_str(out, content->mark.producer);
    bytes_varint(out, content->mark.epoch);
    bytes_varint(out, content->mark.seq);
    bytes_u64(out, content->mark.body_hash);
}

static void put_series(const struct batch_content *content, struct bytes *out)
{
    uint8_t *at = bytes_reserve(out, content->sample_count * ID_MAX_BYTES);
    if (!at)
        return;
    int64_t last = 0;
    for (size_t i = 0; i < content->sample_count; i++) {
        int64_t delta = (int64_t)content->samples[i].series - last;
        last = content->samples[i].series;
        uint64_t v = ((uint64_t)delta << 1) ^ (uint64_t)(delta >> 63);
        for (; v >= 0x80; v >>= 7)
            *at++ = (uint8_t)(v | 0x80);
        *at++ = (uint8_t)v;
    }
    out->len = (size_t)(at - out->data);
}

/* The differences from one time to the next, as runs: all equal or all regular is one run. Wrapping
 * arithmetic, so that any two times have a difference. */
static void put_times(const struct batch_content *content, struct bytes *out)
{
    uint64_t last = 0;
    for (size_t i = 0; i < content->sample_count;) {
        uint64_t delta = (uint64_t)content->samples[i].time - last;
        size_t run = 0;
        while (i < content->sample_count && (uint64_t)content->samples[i].time - last == delta) {
            last = (uint64_t)content->samples[i].time;
            run++;
            i++;
        }
        bytes_zigzag(out, (int64_t)delta);
        bytes_varint(out, run);
    }
}

/* A double that is a whole number needs no raw bytes, whoever made it. */
static struct number find_integer(struct number number)
{
    if (number.exponent >= 0)
        return number;
    const double limit = (double)(INT64_C(1) << LARGEST_INTEGER_BITS);
    if (number.value >= -limit && number.value <= limit) {
        int64_t whole = (int64_t)number.value;
        if ((double)whole == number.value && (whole != 0 || !signbit(number.value)))
            return (struct number){number.value, whole, 0};
    }
    return number;
}

static uint64_t raw_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Tags in one column, what they speak of in another. */
static void put_values(const struct batch_content *content, struct bytes *out)
{
    size_t count = content->sample_count;
    uint8_t *tag = bytes_reserve(out, count * (1 + RAW_BYTES) + RAW_BYTES);
    if (!tag)
        return;
    uint8_t *at = tag + count;
    for (size_t i = 0; i < count; i++) {
        struct number number = find_integer(content->samples[i].number);
        uint64_t bits;
        unsigned length = RAW_BYTES;
        if (number.exponent >= 0) {
            bits = ((uint64_t)number.mantissa << 1) ^ (uint64_t)(number.mantissa >> 63);
            length = bits == 0 ? 0 : (unsigned)(71 - __builtin_clzll(bits)) / 8;
            *tag++ = (uint8_t)((unsigned)number.exponent << TAG_LENGTH_BITS | length);
        } else {
            bits = raw_bits(number.value);
            *tag++ = TAG_RAW;
        }
        bits = htole64(bits);
        memcpy(at, &bits, sizeof bits);
        at += length;
    }
    out->len = (size_t)(at - out->data);
}

static void put_events(const struct batch_content *content, struct bytes *out)
{
    bytes_varint(out, content->event_count);
    for (size_t i = 0; i < content->event_count; i++)
        bytes_u8(out, content->events[i].kind);
    uint64_t last = 0;
    for (size_t i = 0; i < content->event_count; i++) {
        bytes_zigzag(out, (int64_t)((uint64_t)content->events[i].time - last));
        last = (uint64_t)content->events[i].time;
    }
    for (size_t i = 0; i < content->event_count; i++)
        bytes_varint(out, content->events[i].len);
    bytes_put(out, content->lines.ptr, content->lines.len);
}

void batch_encode(const struct batch_content *content, struct bytes *out)
{
    put_definitions(content, out);
    put_mark(content, out);
    bytes_varint(out, content->sample_count);
    put_series(content, out);
    put_times(content, out);
    put_values(content, out);
    if (content->cell_count > 0)
        batch_cells_encode(content->cells, content->cell_count, content->newest_cell_ms, out);
    put_events(content, out);
}

/* ---- reading ---- */

void batch_arrays_fini(struct batch_arrays *arrays)
{
    free(arrays->samples);
    free(arrays->cells.at);
    free(arrays->events);
    free(arrays->definitions);
    *arrays = (struct batch_arrays){0};
}

static struct str take_service(struct cursor *c, struct str encoded, uint64_t code)
{
    struct labels labels;
    if (code == SERVICE_NONE)
        return (struct str){NULL, 0};
    if (code == SERVICE_SPELLED)
        return cursor_str(c);
    if (labels_decode(encoded, &labels) == TM_OK && code <= labels.count)
        return labels.at[code - 1].value;
    c->bad = true;
    return (struct str){NULL, 0};
}

/* A count of things that take at least `each` bytes: more of them than bytes is a lie, found before memory is
 * asked for. */
static size_t take_count(struct cursor *c, size_t each)
{
    uint64_t count = cursor_varint(c);
    if (count > cursor_left(c) / each)
        c->bad = true;
    return c->bad ? 0 : (size_t)count;
}

static enum tm_err take_definitions(struct cursor *c, struct batch_arrays *arrays, struct batch_content *out)
{
    size_t count = take_count(c, 3);
    struct batch_definition *at =
        grow_array(arrays->definitions, &arrays->definition_capacity, count, sizeof *at);
    if (!at)
        return TM_NOMEM;
    arrays->definitions = at;
    int64_t last = 0;
    for (size_t i = 0; i < count && !c->bad; i++) {
        int64_t delta = cursor_zigzag(c);
        if (delta > UINT32_MAX || delta < -(int64_t)UINT32_MAX || last + delta < 0 ||
            last + delta > UINT32_MAX)
            return TM_CORRUPT;
        last += delta;
        at[i].series = (uint32_t)last;
        at[i].labels = cursor_str(c);
        struct labels labels;
        if (c->bad || labels_decode(at[i].labels, &labels) != TM_OK)
            return TM_CORRUPT;
        at[i].service = take_service(c, at[i].labels, cursor_varint(c));
    }
    out->definitions = at;
    out->definition_count = count;
    return c->bad ? TM_CORRUPT : TM_OK;
}

static void take_mark(struct cursor *c, struct batch_content *out, bool *has_cells)
{
    out->written_ms = cursor_zigzag(c);
    uint8_t has = cursor_u8(c);
    if (has > (HAS_PRODUCER | HAS_CELLS) || out->written_ms > WRITTEN_MAX_MS ||
        out->written_ms < -WRITTEN_MAX_MS)
        c->bad = true;
    out->is_marked = (has & HAS_PRODUCER) != 0;
    *has_cells = (has & HAS_CELLS) != 0;
    if (!out->is_marked)
        return;
    out->mark.producer = cursor_str(c);
    out->mark.epoch = cursor_varint(c);
    out->mark.seq = cursor_varint(c);
    out->mark.body_hash = cursor_u64(c);
}

static void take_series(struct cursor *c, struct sample *samples, size_t count)
{
    int64_t last = 0;
    for (size_t i = 0; i < count && !c->bad; i++) {
        uint64_t v;
        if (c->at < c->end && *c->at < 0x80) /* nearly always */
            v = *c->at++;
        else
            v = cursor_varint(c);
        if (v > (uint64_t)UINT32_MAX * 2) { /* before it is added: the sum must not overflow */
            c->bad = true;
            return;
        }
        last += (int64_t)((v >> 1) ^ (~(v & 1) + 1));
        if (last < 0 || last > UINT32_MAX)
            c->bad = true;
        samples[i].series = (uint32_t)last;
    }
}

static void take_times(struct cursor *c, struct sample *samples, size_t count)
{
    uint64_t last = 0;
    for (size_t i = 0; i < count && !c->bad;) {
        uint64_t delta = (uint64_t)cursor_zigzag(c);
        uint64_t run = cursor_varint(c);
        if (run == 0 || run > count - i)
            c->bad = true;
        for (; run > 0 && !c->bad; run--) {
            last += delta;
            samples[i++].time = (time_ms_t)last;
        }
    }
}

/* False if the tag or the mantissa breaks the rules of struct number. */
static bool take_number(unsigned tag, uint64_t bits, struct number *out)
{
    if (tag == TAG_RAW) {
        double value;
        memcpy(&value, &bits, sizeof value);
        *out = number_of_double(value);
        return true;
    }
    int32_t exponent = (int32_t)(tag >> TAG_LENGTH_BITS);
    int64_t mantissa = (int64_t)((bits >> 1) ^ (~(bits & 1) + 1));
    const int64_t limit = INT64_C(1) << LARGEST_INTEGER_BITS;
    if (exponent > NUMBER_MAX_EXPONENT || mantissa > limit || mantissa < -limit)
        return false;
    *out = number_of_decimal(mantissa, exponent);
    return true;
}

static void take_values(struct cursor *c, struct sample *samples, size_t count)
{
    struct str tags = cursor_take(c, count);
    for (size_t i = 0; i < count && !c->bad; i++) {
        unsigned tag = (uint8_t)tags.ptr[i];
        unsigned length = tag == TAG_RAW ? RAW_BYTES : tag & ((1u << TAG_LENGTH_BITS) - 1);
        uint64_t bits = 0;
        if (cursor_left(c) >= sizeof bits) {
            memcpy(&bits, c->at, sizeof bits);
            bits = le64toh(bits);
            if (length < sizeof bits)
                bits &= (UINT64_C(1) << (8 * length)) - 1;
            c->at += length;
        } else {
            struct str bytes = cursor_take(c, length);
            for (size_t k = 0; k < bytes.len; k++)
                bits |= (uint64_t)(uint8_t)bytes.ptr[k] << (8 * k);
        }
        if (!take_number(tag, bits, &samples[i].number))
            c->bad = true;
    }
}

static enum tm_err take_events(struct cursor *c, struct batch_arrays *arrays, struct batch_content *out)
{
    size_t count = take_count(c, 3);
    struct batch_event *at = grow_array(arrays->events, &arrays->event_capacity, count, sizeof *at);
    if (!at)
        return TM_NOMEM;
    arrays->events = at;
    for (size_t i = 0; i < count; i++) {
        at[i].kind = cursor_u8(c);
        if (at[i].kind >= EVENT_KIND_COUNT)
            c->bad = true;
    }
    uint64_t last = 0;
    for (size_t i = 0; i < count && !c->bad; i++) {
        last += (uint64_t)cursor_zigzag(c);
        at[i].time = (time_ms_t)last;
    }
    uint64_t bytes = 0;
    for (size_t i = 0; i < count && !c->bad; i++) {
        uint64_t len = cursor_varint(c);
        if (len > cursor_left(c))
            c->bad = true;
        at[i].len = (uint32_t)len;
        bytes += len;
    }
    if (c->bad || bytes != cursor_left(c))
        return TM_CORRUPT;
    out->lines = cursor_take(c, (size_t)bytes);
    out->events = at;
    out->event_count = count;
    return TM_OK;
}

enum tm_err batch_decode(struct str body, struct batch_arrays *arrays, struct batch_content *out)
{
    struct cursor c = cursor_of(body.ptr, body.len);
    *out = (struct batch_content){0};
    enum tm_err err = take_definitions(&c, arrays, out);
    if (err)
        return err;
    bool has_cells;
    take_mark(&c, out, &has_cells);
    size_t count = take_count(&c, 2);
    struct sample *samples = grow_array(arrays->samples, &arrays->sample_capacity, count, sizeof *samples);
    if (!samples)
        return TM_NOMEM;
    arrays->samples = samples;
    take_series(&c, samples, count);
    take_times(&c, samples, count);
    take_values(&c, samples, count);
    if (c.bad)
        return TM_CORRUPT;
    out->samples = samples;
    out->sample_count = count;
    if (has_cells)
        err = batch_cells_decode(&c, &arrays->cells);
    if (err)
        return err;
    out->cells = has_cells ? arrays->cells.at : NULL;
    out->cell_count = has_cells ? arrays->cells.count : 0;
    out->newest_cell_ms = out->cell_count > 0 ? arrays->cells.newest_ms : 0;
    return take_events(&c, arrays, out);
}

enum tm_err batch_decode_definitions(struct str body, struct batch_arrays *arrays, struct batch_content *out)
{
    struct cursor c = cursor_of(body.ptr, body.len);
    *out = (struct batch_content){0};
    return take_definitions(&c, arrays, out);
}
