/* The events a load generator sends: HTTP status events of a fleet of shops, and tallies of payments. The
 * same for the same seed, place and step. Pure. */
#ifndef TM_CLI_BENCH_EVENTS_H
#define TM_CLI_BENCH_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "storage/model/clock.h"

enum { BENCH_URLS_DEFAULT = 1000 };

/* What a line follows from. */
struct bench_event {
    uint64_t seed;
    size_t number; /* of the source, as series are counted: 50 of them are one pod */
    int64_t step;
    uint32_t urls;  /* different ones of each page; 1 or more */
    time_ms_t time; /* in ms */
};

/* An HTTP event as a line without a page group: the URL tells it. Writes at most BENCH_LINE_MAX_BYTES at
 * `at`; returns the end. */
char *bench_event_line(const struct bench_event *event, char *at);

/* A payment as a line; *amount is what it adds to tally_payment_amount_sum. Else as bench_event_line. */
char *bench_tally_line(const struct bench_event *event, char *at, int64_t *amount);

#endif
