#include "storage/model/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BYTES_FIRST_CAPACITY = 256, VARINT_MAX_BYTES = 10 };

void bytes_fini(struct bytes *b)
{
    free(b->data);
    *b = (struct bytes){0};
}

void bytes_clear(struct bytes *b)
{
    b->len = 0;
    b->failed = false;
}

uint8_t *bytes_reserve(struct bytes *b, size_t more)
{
    if (b->failed)
        return NULL;
    if (b->capacity - b->len >= more && b->data)
        return b->data + b->len;
    size_t capacity = b->capacity ? b->capacity : BYTES_FIRST_CAPACITY;
    while (capacity - b->len < more) {
        if (capacity > SIZE_MAX / 2)
            goto failed;
        capacity *= 2;
    }
    uint8_t *data = realloc(b->data, capacity);
    if (!data)
        goto failed;
    b->data = data;
    b->capacity = capacity;
    return data + b->len;
failed:
    b->failed = true;
    return NULL;
}

void bytes_put(struct bytes *b, const void *data, size_t len)
{
    uint8_t *at = bytes_reserve(b, len);
    if (!at || !len)
        return;
    memcpy(at, data, len);
    b->len += len;
}

static void put_little_endian(struct bytes *b, uint64_t v, size_t len)
{
    uint8_t *at = bytes_reserve(b, len);
    if (!at)
        return;
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)(v >> (8 * i));
    b->len += len;
}

void bytes_u8(struct bytes *b, uint8_t v)
{
    put_little_endian(b, v, 1);
}

void bytes_u32(struct bytes *b, uint32_t v)
{
    put_little_endian(b, v, 4);
}

void bytes_u64(struct bytes *b, uint64_t v)
{
    put_little_endian(b, v, 8);
}

void bytes_varint(struct bytes *b, uint64_t v)
{
    uint8_t *at = bytes_reserve(b, VARINT_MAX_BYTES);
    if (!at)
        return;
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        at[n++] = (uint8_t)(v | 0x80);
    at[n++] = (uint8_t)v;
    b->len += n;
}

void bytes_zigzag(struct bytes *b, int64_t v)
{
    bytes_varint(b, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

void bytes_str(struct bytes *b, struct str s)
{
    bytes_varint(b, s.len);
    bytes_put(b, s.ptr, s.len);
}

void bytes_printf(struct bytes *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (need < 0) {
        b->failed = true;
        return;
    }
    uint8_t *at = bytes_reserve(b, (size_t)need + 1);
    if (!at)
        return;
    va_start(args, format);
    (void)vsnprintf((char *)at, (size_t)need + 1, format, args);
    va_end(args);
    b->len += (size_t)need;
}

struct str cursor_take(struct cursor *c, size_t len)
{
    if (c->bad || cursor_left(c) < len) {
        c->bad = true;
        return (struct str){NULL, 0};
    }
    struct str taken = {(const char *)c->at, len};
    c->at += len;
    return taken;
}

static uint64_t take_little_endian(struct cursor *c, size_t len)
{
    struct str taken = cursor_take(c, len);
    uint64_t v = 0;
    for (size_t i = 0; i < taken.len; i++)
        v |= (uint64_t)(uint8_t)taken.ptr[i] << (8 * i);
    return v;
}

uint8_t cursor_u8(struct cursor *c)
{
    return (uint8_t)take_little_endian(c, 1);
}

uint32_t cursor_u32(struct cursor *c)
{
    return (uint32_t)take_little_endian(c, 4);
}

uint64_t cursor_u64(struct cursor *c)
{
    return take_little_endian(c, 8);
}

uint64_t cursor_varint_long(struct cursor *c)
{
    uint64_t v = 0;
    const uint8_t *at = c->at;
    for (unsigned shift = 0; !c->bad && at < c->end && shift < 64; shift += 7) {
        uint8_t byte = *at++;
        if (shift == 63 && byte > 1)
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            c->at = at;
            return v;
        }
    }
    c->bad = true;
    return 0;
}

int64_t cursor_zigzag(struct cursor *c)
{
    uint64_t v = cursor_varint(c);
    return (int64_t)((v >> 1) ^ (~(v & 1) + 1));
}

struct str cursor_str(struct cursor *c)
{
    uint64_t len = cursor_varint(c);
    if (len > cursor_left(c))
        c->bad = true;
    return cursor_take(c, c->bad ? 0 : (size_t)len);
}
