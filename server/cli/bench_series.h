/* The series a load generator sends: realistic labels and values, the same for the same seed. Pure.
 *
 * One pod has 50 series: 20 http_requests_total counters (5 page groups x 4 status classes), 15
 * request_latency_ms (5 page groups x 3 quantiles), 8 cpu_usage_ratio (cores), 7 heap_bytes (pools). Pods are
 * dealt to 50 services, so 10,000 series are 50 services of 4 pods each. */
#ifndef TM_CLI_BENCH_SERIES_H
#define TM_CLI_BENCH_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"

enum { BENCH_SERIES_PER_POD = 50, BENCH_LINE_MAX_BYTES = 256 };

struct bench_series;

/* count series, of them this set holds [first, last). Values depend only on seed, series and step, not on how
 * the series are dealt to senders. TM_NOMEM. */
enum tm_err bench_series_open(uint64_t seed, size_t first, size_t last,
                              struct bench_series **out) TM_MUST_CHECK;
/* NULL is allowed. */
void bench_series_close(struct bench_series *set);

/* The next sample of series number index (within the set, from 0) as a line with its time in ms. Steps are
 * counted per series: each call moves that series on by one. Writes at most BENCH_LINE_MAX_BYTES at `at`;
 * returns the end. daily is bench_series_daily(time): the same for all series of a step. jitter_ms moves the
 * time by up to that much either way. */
char *bench_series_line(struct bench_series *set, size_t index, time_ms_t time, double daily,
                        int64_t jitter_ms, char *at);

/* The daily curve around 1.0, its peak in the evening (UTC). */
double bench_series_daily(time_ms_t time);

/* The service that a pod of this number belongs to; static, names come again and again. */
const char *bench_service_name(size_t pod);

/* The same for pages. */
const char *bench_page_name(size_t page);

#endif
