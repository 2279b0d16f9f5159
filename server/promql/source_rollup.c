/* Rollups of the store's reader for a source. */
#include "server/promql/source_rollup.h"

enum tm_err source_reader_raw_from(void *self, time_ms_t *out, struct tm_why *why)
{
    return reader_raw_from(self, out, why);
}

enum tm_err source_reader_rollups(void *self, uint64_t series, int64_t bucket_ms, struct span span,
                                  source_rows_fn *each, void *arg, struct tm_why *why)
{
    const struct rollup *rows;
    size_t count;
    struct reader_walk walk;
    enum reader_tier tier = bucket_ms == reader_bucket_ms(READER_5M) ? READER_5M : READER_1H;
    if (series > UINT32_MAX)
        return TM_OK; /* a view of a histogram: counts have no rollups */
    reader_walk_init(&walk, (uint32_t)series, span);
    enum tm_err err;
    while ((err = reader_rollup_next(self, &walk, tier, &rows, &count, why)) == TM_OK) {
        err = each(arg, rows, count);
        if (err)
            return err;
    }
    return err == TM_NOT_FOUND ? TM_OK : err;
}
