/* First byte, its low bit: 0, the rest is an event's bytes: what is taken, encoded again, is the same. 1: the
 * rest is a block's head and body, sealed with fitting checksums -> read: never a crash, and what is taken
 * obeys the bounds of events. */
#include <stdlib.h>
#include <string.h>

#include "storage/events/events_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct chunk_key key = {5, 20000 * INT64_C(86400000)};

static void require(bool good)
{
    if (!good)
        abort();
}

static void fuzz_event(const uint8_t *data, size_t len)
{
    struct http_event event;
    struct labels tags;
    struct bytes again = {0};
    struct str bytes = {(const char *)data, len};
    if (http_event_decode(bytes, &event, &tags) != TM_OK)
        return;
    require(http_event_is_sound(&event));
    require(http_event_encode(&event, &again) == TM_OK);
    /* A varint may be longer than it needs be: then the second time tells. */
    struct bytes twice = {0};
    require(http_event_decode(bytes_view(&again), &event, &tags) == TM_OK);
    require(http_event_encode(&event, &twice) == TM_OK);
    require(str_equal(bytes_view(&again), bytes_view(&twice)));
    bytes_fini(&again);
    bytes_fini(&twice);
}

/* A copy whose memory ends where it does. The first two bytes say how long the head is. */
static uint8_t *seal(const uint8_t *data, size_t len, size_t *out_len)
{
    struct bytes head = {0}, out = {0};
    uint64_t seed = events_seed(&key);
    size_t head_len = len < 2 ? 0 : (size_t)data[0] | (size_t)data[1] << 8;
    data += len < 2 ? len : 2;
    len -= len < 2 ? len : 2;
    head_len = head_len < len ? head_len : len;
    bytes_put(&head, data, head_len);
    bytes_u64(&head, XXH3_64bits_withSeed(data + head_len, len - head_len, seed));
    bytes_u8(&out, EVENTS_VERSION);
    bytes_u64(&out, XXH3_64bits_withSeed(head.data, head.len, seed));
    bytes_u32(&out, (uint32_t)head.len);
    bytes_put(&out, head.data, head.len);
    bytes_put(&out, data + head_len, len - head_len);
    require(!head.failed && !out.failed);
    uint8_t *copy = malloc(out.len);
    require(copy != NULL);
    memcpy(copy, out.data, out.len);
    *out_len = out.len;
    bytes_fini(&head);
    bytes_fini(&out);
    return copy;
}

static void fuzz_block(const uint8_t *data, size_t len)
{
    struct events_block block = {.tags_at = 0};
    uint8_t *copy = seal(data, len, &len);
    enum tm_err err = events_block_open(&block, &key, (struct str){(const char *)copy, len});
    if (!err)
        err = events_block_read(&block, UINT32_MAX);
    require(err == TM_OK || err == TM_CORRUPT);
    for (size_t i = 0; i < block.head.count && !err; i++) {
        struct http_event event = {.count = 0};
        events_block_event(&block, i, UINT32_MAX, &event);
        require(http_event_is_sound(&event));
        require(event.time >= block.head.first && event.time <= block.head.last);
    }
    events_block_fini(&block);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1)
        return 0;
    if (data[0] & 1)
        fuzz_block(data + 1, len - 1);
    else
        fuzz_event(data + 1, len - 1);
    return 0;
}
