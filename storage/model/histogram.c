#include "storage/model/histogram.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

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

/* ---- names ---- */

static const struct str bases[HISTOGRAM_BASES] = {
    {"http_event_duration_seconds", 27},
    {"http_event_origin_seconds", 25},
    {"http_event_edge_seconds", 23},
};

static const struct str view_names[HISTOGRAM_BASES][HISTOGRAM_COUNT + 1] = {
    {[HISTOGRAM_BUCKET] = {"http_event_duration_seconds_bucket", 34},
     [HISTOGRAM_SUM] = {"http_event_duration_seconds_sum", 31},
     [HISTOGRAM_COUNT] = {"http_event_duration_seconds_count", 33}},
    {[HISTOGRAM_BUCKET] = {"http_event_origin_seconds_bucket", 32},
     [HISTOGRAM_SUM] = {"http_event_origin_seconds_sum", 29},
     [HISTOGRAM_COUNT] = {"http_event_origin_seconds_count", 31}},
    {[HISTOGRAM_BUCKET] = {"http_event_edge_seconds_bucket", 30},
     [HISTOGRAM_SUM] = {"http_event_edge_seconds_sum", 27},
     [HISTOGRAM_COUNT] = {"http_event_edge_seconds_count", 29}},
};

static const struct str suffixes[] = {
    [HISTOGRAM_BUCKET] = {"_bucket", 7},
    [HISTOGRAM_SUM] = {"_sum", 4},
    [HISTOGRAM_COUNT] = {"_count", 6},
};

bool histogram_is_base(struct str name)
{
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        if (str_equal(name, bases[i]))
            return true;
    }
    return false;
}

struct str histogram_suffix(enum histogram_view view)
{
    assert(view >= HISTOGRAM_BUCKET && view <= HISTOGRAM_COUNT);
    return suffixes[view];
}

struct str histogram_base(size_t place)
{
    assert(place < HISTOGRAM_BASES);
    return bases[place];
}

struct str histogram_view_name(size_t place, enum histogram_view view)
{
    assert(place < HISTOGRAM_BASES && view >= HISTOGRAM_BUCKET && view <= HISTOGRAM_COUNT);
    return view_names[place][view];
}

enum histogram_view histogram_view_of(struct str name, struct str *base)
{
    for (int view = HISTOGRAM_BUCKET; view <= HISTOGRAM_COUNT; view++) {
        struct str end = suffixes[view];
        if (name.len <= end.len)
            continue;
        *base = (struct str){name.ptr, name.len - end.len};
        if (str_equal((struct str){name.ptr + base->len, end.len}, end) && histogram_is_base(*base))
            return (enum histogram_view)view;
    }
    return HISTOGRAM_NONE;
}

const char *histogram_le(uint32_t bucket, char text[HISTOGRAM_LE_BYTES])
{
    enum { US_PER_S = 1000000 };
    if (bucket >= HISTOGRAM_LAST) {
        (void)snprintf(text, HISTOGRAM_LE_BYTES, "+Inf");
        return text;
    }
    int64_t us = histogram_highest(bucket);
    int len = snprintf(text, HISTOGRAM_LE_BYTES, "%" PRId64 ".%06" PRId64, us / US_PER_S, us % US_PER_S);
    while (text[len - 1] == '0')
        text[--len] = '\0';
    if (text[len - 1] == '.')
        text[len - 1] = '\0';
    return text;
}
