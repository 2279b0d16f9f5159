/* A growable byte buffer to encode into, and a bounds-checked cursor to decode from. Integers are little
 * endian; varints are LEB128, signed ones zigzag. */
#ifndef TM_MODEL_BYTES_H
#define TM_MODEL_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/err.h"
#include "storage/model/str.h"

/* Writing. A failed allocation sets `failed` and makes later writes no-ops, so that an encoder checks once,
 * at its end, with bytes_error(). Zero-initialised is empty. Owner: whoever holds the struct. */
struct bytes {
    uint8_t *data;
    size_t len;
    size_t capacity;
    bool failed;
};

/* Releases the memory; the buffer is empty and usable afterwards. */
void bytes_fini(struct bytes *b);
/* Forgets the content, keeps the memory, clears `failed`. */
void bytes_clear(struct bytes *b);
/* Makes room for more bytes behind the end and returns where they go, NULL on failed allocation. The caller
 * writes there and adds to len. Valid until the next call on b. */
uint8_t *bytes_reserve(struct bytes *b, size_t more);
/* Appends len bytes as they are; data may be NULL if there are none. */
void bytes_put(struct bytes *b, const void *data, size_t len);
/* One byte. */
void bytes_u8(struct bytes *b, uint8_t v);
/* Four bytes, little endian. */
void bytes_u32(struct bytes *b, uint32_t v);
/* Eight bytes, little endian. */
void bytes_u64(struct bytes *b, uint64_t v);
/* One to ten bytes of seven bits each, the lowest first. */
void bytes_varint(struct bytes *b, uint64_t v);
/* A varint in which small negative numbers are short too. */
void bytes_zigzag(struct bytes *b, int64_t v);
/* A varint length, then the bytes. */
void bytes_str(struct bytes *b, struct str s);
/* printf onto the end, without the NUL. */
void bytes_printf(struct bytes *b, const char *format, ...) TM_PRINTF(2, 3);

/* TM_OK, or TM_NOMEM if any write since the last clear failed. */
static inline enum tm_err bytes_error(const struct bytes *b)
{
    return b->failed ? TM_NOMEM : TM_OK;
}

static inline struct str bytes_view(const struct bytes *b)
{
    return (struct str){(const char *)b->data, b->len};
}

/* Reading. Past the end or on a malformed varint `bad` is set, the cursor stays, and zero or an empty view is
 * returned: a decoder checks `bad` once, before it trusts what it read. Does not own the bytes. */
struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

static inline struct cursor cursor_of(const void *data, size_t len)
{
    const uint8_t *at = data;
    return (struct cursor){at, len ? at + len : at, false};
}

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* One byte. Here as below: 0, and bad, if it is not whole; nothing is read then. */
uint8_t cursor_u8(struct cursor *c);
/* What bytes_u32 wrote. */
uint32_t cursor_u32(struct cursor *c);
/* What bytes_u64 wrote. */
uint64_t cursor_u64(struct cursor *c);
/* cursor_varint of any length. */
uint64_t cursor_varint_long(struct cursor *c);
/* What bytes_varint wrote; bad, too, if it does not fit in 64 bits. */
static inline uint64_t cursor_varint(struct cursor *c)
{
    return !c->bad && c->at < c->end && *c->at < 0x80 ? *c->at++ : cursor_varint_long(c);
}
/* What bytes_zigzag wrote; bad as cursor_varint. */
int64_t cursor_zigzag(struct cursor *c);
/* The next len bytes, in place; valid as long as what the cursor was made of. */
struct str cursor_take(struct cursor *c, size_t len);
/* What bytes_str wrote, in place. */
struct str cursor_str(struct cursor *c);

#endif
