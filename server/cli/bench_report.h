/* What a load run measured. */
#ifndef TM_CLI_BENCH_REPORT_H
#define TM_CLI_BENCH_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Latencies in buckets 1/32 of a power of two wide (at most 3 % off): fixed memory however long the run. */
enum { BENCH_BUCKET_BITS = 5, BENCH_BUCKETS = (64 - BENCH_BUCKET_BITS) << BENCH_BUCKET_BITS };

struct bench_latency {
    uint64_t buckets[BENCH_BUCKETS];
    uint64_t count;
    uint64_t max_us;
};

/* Counts one, in microseconds. */
void bench_latency_add(struct bench_latency *latency, uint64_t us);
/* Adds what another one counted. */
void bench_latency_merge(struct bench_latency *into, const struct bench_latency *from);
/* The latency that a share (0..1) of all does not pass, in ms; 0 if there are none. At most max. */
double bench_latency_ms(const struct bench_latency *latency, double share);

struct bench_report {
    uint64_t samples;        /* in acknowledged batches */
    uint64_t batches;        /* acknowledged */
    uint64_t bytes;          /* of lines, before compression */
    uint64_t rejected;       /* lines the daemon refused */
    uint64_t duplicates;     /* batches answered as known already */
    uint64_t unacknowledged; /* batches given up */
    uint64_t retries;        /* messages beyond the first of each batch */
    uint64_t busy;           /* answers that asked to wait */
    int64_t amount;          /* of acknowledged tallies: what they add to tally_payment_amount_sum */
    double seconds;
    double cpu_seconds;      /* own user and system time */
    double generate_seconds; /* of it, making the text */
    struct bench_latency latency;
};

/* Prints it, as lines for a person or as a JSON object. */
void bench_report_print(const struct bench_report *report, bool json, FILE *out);

#endif
