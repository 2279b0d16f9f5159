/* A change of a marker as bytes. */
#include "storage/markers/markers_table.h"

#include <xxhash.h>

/* No line of text begins with it: events of before, which were lines, are none of ours. */
enum { MAGIC = 1 };

void marker_change_encode(const struct marker_change *change, struct bytes *out)
{
    bytes_u8(out, MAGIC);
    bytes_u8(out, (uint8_t)change->op);
    bytes_u64(out, change->to.id);
    bytes_varint(out, change->fields);
    for (int i = 0; i < MARKER_TEXT_COUNT; i++) {
        if (change->fields & 1u << i)
            bytes_str(out, change->to.text[i]);
    }
    if (change->fields & MARKER_HAS_KIND)
        bytes_u8(out, (uint8_t)change->to.kind);
    if (change->fields & MARKER_HAS_TIME)
        bytes_zigzag(out, change->to.time);
    if (change->fields & MARKER_HAS_END)
        bytes_zigzag(out, change->to.end);
}

static bool has_sense(const struct marker_change *change)
{
    const struct marker *to = &change->to;
    if (to->id == 0 || to->kind < 0 || to->kind >= MARKER_KIND_COUNT)
        return false;
    if (change->op == MARKER_MADE)
        return change->fields == MARKER_HAS_ALL;
    return (change->op == MARKER_CHANGED && change->fields > 0 && change->fields <= MARKER_HAS_ALL) ||
           (change->op == MARKER_DELETED && change->fields == 0);
}

enum tm_err marker_change_decode(struct str bytes, struct marker_change *out)
{
    struct cursor in = cursor_of(bytes.ptr, bytes.len);
    *out = (struct marker_change){.to = {.end = MARKER_NO_END}};
    if (cursor_u8(&in) != MAGIC)
        return TM_CORRUPT;
    out->op = (enum marker_op)cursor_u8(&in);
    out->to.id = cursor_u64(&in);
    uint64_t fields = cursor_varint(&in);
    out->fields = fields <= MARKER_HAS_ALL ? (uint32_t)fields : UINT32_MAX;
    if (in.bad || out->fields == UINT32_MAX)
        return TM_CORRUPT;
    for (int i = 0; i < MARKER_TEXT_COUNT; i++) {
        if (out->fields & 1u << i)
            out->to.text[i] = cursor_str(&in);
    }
    if (out->fields & MARKER_HAS_KIND)
        out->to.kind = (enum marker_kind)cursor_u8(&in);
    if (out->fields & MARKER_HAS_TIME)
        out->to.time = cursor_zigzag(&in);
    if (out->fields & MARKER_HAS_END)
        out->to.end = cursor_zigzag(&in);
    return in.bad || cursor_left(&in) > 0 || !has_sense(out) ? TM_CORRUPT : TM_OK;
}

/* Every part with its length, so that no two markers run together. */
static uint64_t add_part(uint64_t hash, const void *data, size_t len)
{
    uint64_t pair[2] = {hash, len};
    uint64_t seed = XXH3_64bits(pair, sizeof pair);
    return XXH3_64bits_withSeed(len > 0 ? data : "", len, seed);
}

uint64_t marker_id(const struct marker *marker)
{
    uint64_t numbers[2] = {(uint64_t)marker->kind, (uint64_t)marker->time};
    uint64_t hash = add_part(1, numbers, sizeof numbers);
    for (int i = 0; i < MARKER_TEXT_COUNT; i++) {
        if (marker->kind != MARKER_DEPLOY || i <= MARKER_VERSION)
            hash = add_part(hash, marker->text[i].ptr, marker->text[i].len);
    }
    if (marker->kind != MARKER_DEPLOY)
        hash = add_part(hash, &marker->end, sizeof marker->end);
    return hash ? hash : 1;
}
