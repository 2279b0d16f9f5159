/* What counts cost: cells through a store of its own on disk, as ingest makes them: plain counts and
 * histograms of some series, 10 s after 10 s. Prints adds and cells per second of processor time, from the
 * batch to the answer, and bytes per cell in the day's partition, open and sealed. Arguments: series (400),
 * minutes (120). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "storage/store_private.h"

#define DAY0    (INT64_C(20423) * 86400000)
#define HOUR_MS INT64_C(3600000)
enum { ADDS = 20, BUCKETS = 12, HISTOGRAM_EACH = 4 };

static int64_t now_ms = DAY0;

static time_ms_t wall(void *self)
{
    return *(const int64_t *)self;
}

static int64_t mono(void *self)
{
    return *(const int64_t *)self * 1000000;
}

static void require(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "bench_counts: %s failed\n", what);
    exit(1);
}

static void note_done(void *arg, enum tm_err err)
{
    *(int *)arg = err ? -1 : 1;
}

static void send(struct store *store, struct batch *batch)
{
    int done = 0;
    require(store_submit(store, &batch, NULL, note_done, &done) == TM_OK, "submitting");
    while (done == 0) {
        const struct timespec nap = {0, 100000};
        (void)nanosleep(&nap, NULL);
        store_poll(store);
    }
    require(done == 1, "a batch");
}

static series_id intern(struct store *store, struct batch *batch, int number)
{
    char name[32];
    struct labels labels = {0};
    struct series_hash hash = {(uint64_t)number + 1, (uint64_t)number * 0x9e3779b97f4a7c15u};
    struct tm_why why;
    series_id id = store_series_find(store, hash);
    if (id)
        return id;
    (void)snprintf(name, sizeof name, "count_%d", number);
    require(labels_add(&labels, STR(LABEL_NAME), str_of(name)) == TM_OK, "a label");
    require(store_series_intern(store, batch, hash, &labels, STR("shop"), &id, &why) == TM_OK, "a series");
    return id;
}

static uint32_t draw(uint64_t *random, uint32_t below)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*random >> 33) % below;
}

/* A few events of a series; a histogram's buckets lie about its middle. Returns how many adds. */
static uint64_t add_series(struct store *store, struct batch *batch, int number, uint64_t *random)
{
    series_id id = intern(store, batch, number);
    bool is_histogram = number % HISTOGRAM_EACH == 0;
    uint32_t count = 1 + draw(random, ADDS);
    for (uint32_t i = 0; i < count; i++) {
        time_ms_t time = now_ms + draw(random, CELL_MS);
        uint32_t cell = 80 + draw(random, BUCKETS / 2) + draw(random, BUCKETS / 2);
        require(store_batch_cell(batch, id, CELL_SUM, time, is_histogram ? 1000 + draw(random, 90000) : 1) ==
                    TM_OK,
                "an add");
        require(!is_histogram || store_batch_cell(batch, id, cell, time, 1) == TM_OK, "an add");
    }
    return is_histogram ? 2 * (uint64_t)count : count;
}

static void tell(struct store *store, const char *what)
{
    struct store_stats stats;
    store_stats(store, &stats);
    (void)printf("%s: %" PRIu64 " cells, %.2f bytes a cell on disk, flush thread %.2f s\n", what, stats.cells,
                 (double)stats.count_bytes / (double)stats.cells, (double)stats.flush_cpu_ns / 1e9);
}

int main(int argc, char **argv)
{
    int series = argc > 1 ? atoi(argv[1]) : 400, minutes = argc > 2 ? atoi(argv[2]) : 120;
    char dir[] = "/tmp/bench_counts.XXXXXX";
    struct clock still = {&now_ms, wall, mono};
    struct store_options options = {.dir = mkdtemp(dir), .clock = &still, .head_bytes = 1 << 30};
    struct store *store;
    struct tm_why why;
    uint64_t random = 1, adds = 0;
    require(options.dir && store_open(&options, &store, &why) == TM_OK, "opening");
    clock_t begun = clock();
    for (int step = 0; step < minutes * 6; step++, now_ms += CELL_MS) {
        struct batch *batch = store_batch_new(store);
        for (int i = 0; i < series; i++)
            adds += add_series(store, batch, i, &random);
        send(store, batch);
    }
    double cpu_s = (double)(clock() - begun) / CLOCKS_PER_SEC;
    struct store_stats stats;
    store_stats(store, &stats);
    (void)printf("%" PRIu64 " adds, %" PRIu64 " cells: %.2f M adds/s, %.2f M cells/s of processor time; "
                 "%.1f bytes a cell in the journal, %.1f in memory\n",
                 adds, stats.cells, (double)adds / cpu_s / 1e6, (double)stats.cells / cpu_s / 1e6,
                 (double)stats.journal_written_bytes / (double)stats.cells,
                 (double)stats.head_bytes / (double)stats.cells);
    require(store_flush(store) == TM_OK, "flushing");
    flush_settle(store);
    tell(store, "flushed");
    now_ms = DAY0 + 30 * HOUR_MS;
    flush_settle(store);
    tell(store, "sealed");
    store_close(store);
    char command[64];
    (void)snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command) == 0 ? 0 : 1;
}
