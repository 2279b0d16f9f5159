/* The body of a Prometheus remote write request (1.0): snappy around protobuf, read by their libraries within
 * a bound of memory. No type of theirs shows here. Any thread. */
#ifndef TM_REMOTE_WRITE_H
#define TM_REMOTE_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/labels.h"

struct remote_write;

/* Reads a body. The request is the caller's, to be freed. TM_INVALID: not snappy, not protobuf, or of remote
 * write 2.0; TM_TOO_LARGE: over max_bytes once decompressed, or its messages are so many and so small that
 * they would take far more memory than bytes; both with why. TM_NOMEM. */
enum tm_err remote_write_read(struct str body, size_t max_bytes, struct remote_write **out,
                              struct tm_why *why) TM_MUST_CHECK;
/* NULL is allowed. */
void remote_write_free(struct remote_write *request);

struct remote_series {
    size_t labels;
    size_t samples;
    size_t histograms; /* native ones, which are counted only */
};

/* How many series it has. */
size_t remote_write_count(const struct remote_write *request);
/* The i-th series, i below the count. */
struct remote_series remote_write_series(const struct remote_write *request, size_t i);
/* Its j-th label; any bytes, views into the request. */
struct label remote_write_label(const struct remote_write *request, size_t i, size_t j);
/* Its j-th sample. */
double remote_write_sample(const struct remote_write *request, size_t i, size_t j, time_ms_t *time);

/* What a metric is. */
struct remote_metadata {
    struct str name;
    uint32_t type; /* 0 unknown, 1 counter, 2 gauge, 3 histogram, 4 gaugehistogram, 5 summary, 6 info, 7
                      stateset */
    struct str help;
    struct str unit;
};

/* How many metrics it tells of. */
size_t remote_write_metadata_count(const struct remote_write *request);
/* The i-th; any bytes, views into the request. */
struct remote_metadata remote_write_metadata(const struct remote_write *request, size_t i);

#endif
