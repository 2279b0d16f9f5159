/* One sender of a load run: makes batches and sends them, until its work or its time is done. */
#ifndef TM_CLI_BENCH_LOAD_H
#define TM_CLI_BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "server/cli/bench_report.h"
#include "server/cli/bench_series.h"
#include "server/cli/sender.h"
#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"

enum bench_kind { BENCH_SAMPLES, BENCH_EVENTS, BENCH_TALLIES };

/* The plan of a run; the same for all senders. */
struct bench_plan {
    size_t series_count;
    int64_t steps; /* per series; 0: until seconds are over */
    int64_t batch_lines;
    int64_t payload_bytes; /* every batch exactly this long; 0: by lines */
    int64_t sender_count;
    double rate;          /* batches a second of all senders together; 0: closed loop */
    double seconds;       /* 0: until the steps are done */
    double burst_factor;  /* lines per batch times this ... */
    double burst_seconds; /* ... for so long ... */
    double burst_start_s; /* ... from here on */
    int64_t jitter_ms;
    int64_t give_up_ms;
    uint64_t seed;
    enum bench_kind kind;
    uint32_t urls;  /* of events: different ones of each page */
    bool wall_time; /* lines bear the time of sending; else base_ms + step x step_ms */
    time_ms_t base_ms;
    int64_t step_ms;
    int ledger_fd;    /* -1: none */
    int64_t start_ns; /* mono_ns of the run's beginning */
};

struct bench_load {
    const struct bench_plan *plan;
    struct sender *sender; /* the caller's; NULL: only make the text */
    size_t number;         /* of this sender, from 0 */
    struct bench_series *series;
    size_t first;        /* series of this sender: the first one's number ... */
    size_t series_count; /* ... and how many */
    int64_t amount;      /* of the batch in text: sum of its tallies */
    struct bytes text;
    size_t index; /* next series */
    int64_t step;
    int64_t batch_number;
    time_ms_t time;
    double daily;
    struct bench_report report;
    struct tm_why why; /* first failure */
};

/* Deals this sender its series. bench_load_fini frees. TM_NOMEM. */
enum tm_err bench_load_init(struct bench_load *load, const struct bench_plan *plan, size_t number,
                            struct sender *sender) TM_MUST_CHECK;

/* Frees series and text; the sender is the caller's. */
void bench_load_fini(struct bench_load *load);

/* Makes the next batch in load->text; returns its lines, 0 when the steps are done. elapsed_s: since the
 * beginning, for bursts. A batch ends early where one message would be full. */
size_t bench_load_batch(struct bench_load *load, double elapsed_s);

/* When batch k of this sender is due, in ns since the beginning; 0 in a closed loop. */
int64_t bench_load_due_ns(const struct bench_load *load, int64_t k);

/* Runs to the end. */
void bench_load_run(struct bench_load *load);

#endif
