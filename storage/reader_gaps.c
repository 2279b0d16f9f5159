/* What a query can't see: partitions that were set aside as damaged. */
#include <stdio.h>

#include "storage/model/when.h"
#include "storage/reader_private.h"

static enum tm_err add_tier(struct reader *reader, enum partition_tier tier, struct span span,
                            struct reader_gaps *out, struct tm_why *why)
{
    struct partition_gap gaps[READER_GAPS_LISTED];
    size_t count;
    enum tm_err err =
        partitions_gaps(reader->contents->partitions, tier, span, gaps, READER_GAPS_LISTED, &count, why);
    if (err)
        return err;
    for (size_t i = 0; i < count && i < READER_GAPS_LISTED && out->listed < READER_GAPS_LISTED; i++) {
        enum { DAY_CHARS = 10 };
        char from[WHEN_TEXT_BYTES], to[WHEN_TEXT_BYTES];
        struct reader_gap *gap = &out->at[out->listed++];
        gap->span = gaps[i].span;
        (void)snprintf(
            gap->text, sizeof gap->text,
            "data from %.*s to %.*s (UTC) may be missing: the damaged partition %s/%s was set aside; "
            "run `tidemark verify`",
            DAY_CHARS, when_text(gap->span.from, from), DAY_CHARS, when_text(gap->span.to, to),
            partition_tier_name(tier), gaps[i].name);
    }
    out->count += count;
    return TM_OK;
}

/* Where what is read lies. */
static const struct {
    enum partition_tier tiers[PARTITION_TIERS];
    size_t count;
} places[] = {
    [READER_RAW] = {{PARTITION_RAW, PARTITION_COUNTS}, 2},
    [READER_5M] = {{PARTITION_RAW, PARTITION_5M}, 2},
    [READER_1H] = {{PARTITION_RAW, PARTITION_1H}, 2},
    [READER_COUNTS] = {{PARTITION_COUNTS}, 1},
    [READER_EVENTS] = {{PARTITION_EVENTS, PARTITION_TOPS}, 2},
    [READER_SERIES] = {{PARTITION_RAW, PARTITION_COUNTS, PARTITION_5M, PARTITION_1H}, 4},
};

enum tm_err reader_gaps(struct reader *reader, enum reader_tier what, struct span span,
                        struct reader_gaps *out, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    out->count = out->listed = 0;
    if (!reader->contents->partitions)
        return TM_OK;
    for (size_t i = 0; i < places[what].count && !err; i++)
        err = add_tier(reader, places[what].tiers[i], span, out, why);
    return err;
}
