#include "storage/model/histogram.h"

#include <assert.h>

uint32_t histogram_bucket(int64_t value)
{
    if (value < HISTOGRAM_EXACT)
        return value < 0 ? 0 : (uint32_t)value;
    if (value >= HISTOGRAM_END)
        return HISTOGRAM_LAST;
    uint64_t v = (uint64_t)value;
    uint32_t octave = 63 - (uint32_t)__builtin_clzll(v);
    uint64_t part = ((v - (UINT64_C(1) << octave)) * HISTOGRAM_PARTS) >> octave;
    return HISTOGRAM_EXACT + (octave - HISTOGRAM_FIRST_OCTAVE) * HISTOGRAM_PARTS + (uint32_t)part;
}

int64_t histogram_lowest(uint32_t bucket)
{
    assert(bucket < HISTOGRAM_BUCKETS);
    if (bucket < HISTOGRAM_EXACT)
        return bucket;
    uint32_t octave = HISTOGRAM_FIRST_OCTAVE + (bucket - HISTOGRAM_EXACT) / HISTOGRAM_PARTS;
    uint64_t part = (bucket - HISTOGRAM_EXACT) % HISTOGRAM_PARTS;
    uint64_t base = UINT64_C(1) << octave;
    return (int64_t)(base + (part * base + HISTOGRAM_PARTS - 1) / HISTOGRAM_PARTS);
}

int64_t histogram_highest(uint32_t bucket)
{
    return bucket == HISTOGRAM_LAST ? INT64_MAX : histogram_lowest(bucket + 1) - 1;
}
