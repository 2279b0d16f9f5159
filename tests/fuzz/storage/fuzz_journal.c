/* Segment bytes -> reading. Never a crash, never a record whose checksum fails, numbers only grow, and what
 * was written intact in front is always found. */
#include <stdlib.h>
#include <string.h>

#include "storage/journal/journal_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { SEGMENT = 1, INTACT_BODY_BYTES = 24, INTACT_BYTES = RECORD_HEADER_BYTES + INTACT_BODY_BYTES };

static void require(bool good)
{
    if (!good)
        abort();
}

/* Every record given is one that record_check takes at its place, and its body can be opened or is refused.
 */
static size_t walk(const uint8_t *data, size_t len)
{
    struct segment_reader reader;
    struct record record, again;
    struct segment_hole hole;
    struct bytes scratch = {0};
    uint64_t last = 0;
    size_t records = 0;
    segment_reader_init(&reader, data, len, SEGMENT);
    for (;;) {
        size_t at = reader.at;
        enum segment_step step = segment_next(&reader, &record, &hole);
        require(reader.at <= len);
        if (step == SEGMENT_HOLE) {
            require(hole.len > 0 && hole.offset == at && reader.at == at + hole.len);
            continue;
        }
        if (step != SEGMENT_RECORD)
            break;
        uint64_t cost = 0;
        struct str body;
        require(record_check(data + at, len - at, SEGMENT, &again, &cost) && again.lsn == record.lsn);
        require(record.lsn > last && reader.at > at);
        last = record.lsn;
        records++;
        if (record.raw_len <= 1 << 20)
            (void)!record_body(&record, &scratch, &body);
    }
    bytes_fini(&scratch);
    return records;
}

/* The same bytes behind an intact record, and between two. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    (void)walk(data, len);
    size_t padded = (len + 7) / 8 * 8;
    size_t whole = SEGMENT_HEADER_BYTES + INTACT_BYTES + padded + INTACT_BYTES;
    uint8_t *segment = calloc(1, whole);
    if (!segment)
        return 0;
    struct record record = {.lsn = 1, .kind = RECORD_BATCH, .raw_len = INTACT_BODY_BYTES};
    record.body.len = INTACT_BODY_BYTES;
    uint8_t *first = segment + SEGMENT_HEADER_BYTES;
    uint8_t *second = first + INTACT_BYTES + padded;
    record_seal(first, SEGMENT, &record);
    record.lsn = UINT64_MAX;
    record_seal(second, SEGMENT, &record);
    if (len > 0)
        memcpy(first + INTACT_BYTES, data, len);
    require(walk(segment, whole - INTACT_BYTES) >= 1);
    require(walk(segment, whole) >= 2);
    free(segment);
    return 0;
}
