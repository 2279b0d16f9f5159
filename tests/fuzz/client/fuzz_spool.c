/* Spooled batches: a file that decodes encodes to the same bytes; a batch that is encoded decodes to itself;
 * and any changed byte is noticed. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "server/client/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_file(struct str file)
{
    struct message message;
    struct bytes again = {0};
    if (spool_decode(file, &message) != TM_OK)
        return;
    spool_encode(&message, &again);
    assert(str_equal(bytes_view(&again), file));
    bytes_fini(&again);
}

/* The input as a batch: number, place of the damage, body. */
static void check_batch(const uint8_t *data, size_t size)
{
    enum { HEAD = 24 };
    struct cursor head = cursor_of(data, HEAD);
    struct message message = {
        .producer = STR("cart-agent"), .epoch = cursor_u64(&head), .seq = cursor_u64(&head)};
    message.precision = (enum precision)(cursor_u8(&head) % (PRECISION_S + 1));
    message.encoding = (enum encoding)(cursor_u8(&head) % (ENCODING_ZSTD + 1));
    uint8_t flip = (uint8_t)(cursor_u8(&head) | 1);
    message.body = (struct str){(const char *)data + HEAD, size - HEAD};
    struct message again;
    struct bytes file = {0};
    spool_encode(&message, &file);
    assert(spool_decode(bytes_view(&file), &again) == TM_OK);
    assert(again.epoch == message.epoch && again.seq == message.seq && again.precision == message.precision &&
           again.encoding == message.encoding && str_equal(again.body, message.body));
    file.data[cursor_u32(&head) % file.len] ^= flip;
    assert(spool_decode(bytes_view(&file), &again) == TM_CORRUPT);
    bytes_fini(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_file((struct str){(const char *)data, size});
    if (size >= 24)
        check_batch(data, size);
    return 0;
}
