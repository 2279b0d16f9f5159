/* What rollups cost: a week of samples, every 10 s, of some of the series of the store's bench, through a
 * store of their own under a clock of their own, until week and month are rewritten. Prints bytes on disk for
 * each raw sample, by tier, and the flush thread's CPU. Arguments: every how many-th series is taken (200).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/store_private.h"
#include "tests/bench/sources.h"

#define DAY_MS  INT64_C(86400000)
#define MONDAY  (20423 * DAY_MS) /* 2025-12-01: a week and a month begin */
#define HOUR_MS INT64_C(3600000)
enum { DAYS = 7, BATCH_STEPS = 360, TIER_ENTRIES = 64 };

static int64_t now_ms = MONDAY;

static time_ms_t wall(void *self)
{
    return *(const int64_t *)self;
}

static int64_t mono(void *self)
{
    return *(const int64_t *)self * 1000000;
}

static void ignore_wake(void *arg)
{
    (void)arg;
}

static void tell(void *arg, int level, const char *id, const char *text)
{
    (void)arg, (void)level;
    (void)fprintf(stderr, "%s: %s\n", id, text);
}

static void note_done(void *arg, enum tm_err err)
{
    *(int *)arg = err ? -1 : 1;
}

static void require(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "bench_rollup: %s failed\n", what);
    exit(1);
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
    (void)snprintf(name, sizeof name, "series_%d", number);
    require(labels_add(&labels, STR("__name__"), str_of(name)) == TM_OK &&
                store_series_intern(store, batch, hash, &labels, STR("bench"), &id, &why) == TM_OK,
            "naming a series");
    return id;
}

static uint64_t send_hour(struct store *store, struct source *sources, int count, int every, int from)
{
    static const int32_t exponents[FAMILIES] = {0, 2, 3, 0};
    int done = 0;
    uint64_t samples = 0;
    struct batch *batch = store_batch_new(store);
    require(batch != NULL, "making a batch");
    for (int s = 0; s < count; s++) {
        series_id id = intern(store, batch, s * every);
        for (int i = from; i < from + BATCH_STEPS; i++, samples++) {
            struct number value =
                number_of_decimal(source_next(&sources[s], i % STEPS), exponents[sources[s].family]);
            require(store_batch_sample(batch, id, MONDAY + (int64_t)i * STEP_MS, value) == TM_OK, "a sample");
        }
    }
    require(store_submit(store, &batch, NULL, note_done, &done) == TM_OK, "submitting");
    while (done == 0)
        store_poll(store);
    require(done > 0, "writing");
    return samples;
}

static uint64_t tier_bytes(struct store *store, enum partition_tier tier)
{
    struct partition_entry entries[TIER_ENTRIES];
    size_t count;
    uint64_t bytes = 0;
    partitions_list(store->contents.partitions, tier, (struct span){INT64_MIN, INT64_MAX}, entries,
                    TIER_ENTRIES, &count);
    for (size_t i = 0; i < count && i < TIER_ENTRIES; i++)
        bytes += entries[i].bytes;
    return bytes;
}

static uint64_t flush_ns(const struct store *store)
{
    struct store_stats stats;
    store_stats(store, &stats);
    return stats.flush_cpu_ns;
}

int main(int argc, char **argv)
{
    static const char *const names[PARTITION_TIERS] = {"raw", "5m", "1h"};
    char dir[] = "/tmp/bench-rollup-XXXXXX", command[64];
    int every = argc > 1 ? atoi(argv[1]) : 200;
    require(every > 0 && mkdtemp(dir), "making a folder");
    int count = SERIES / every;
    struct source *sources = calloc((size_t)count, sizeof *sources);
    require(sources != NULL, "memory");
    for (int s = 0; s < count; s++)
        source_init(&sources[s], s * every);
    const struct clock clock = {&now_ms, wall, mono};
    struct store_options options = {.dir = dir, .clock = &clock, .wake = ignore_wake, .log = tell};
    struct store *store;
    struct tm_why why = {""};
    require(store_open(&options, &store, &why) == TM_OK, "opening a store");
    uint64_t samples = 0;
    for (int from = 0; from < DAYS * STEPS; from += BATCH_STEPS) {
        now_ms += HOUR_MS;
        samples += send_hour(store, sources, count, every, from);
        if (from % STEPS == 0)
            require(store_flush(store) == TM_OK, "flushing");
    }
    require(store_flush(store) == TM_OK, "flushing");
    uint64_t before = flush_ns(store);
    for (int hour = 0; hour < 40 * 24; hour += 12) {
        now_ms += 12 * HOUR_MS;
        flush_settle(store);
    }
    printf("series %d\nsamples %" PRIu64 "\n", count, samples);
    for (int tier = 0; tier < PARTITION_TIERS; tier++)
        printf("%s_bytes_per_sample %.3f B\n", names[tier],
               (double)tier_bytes(store, (enum partition_tier)tier) / (double)samples);
    printf("seal_and_roll_cpu_per_sample %.1f ns\n", (double)(flush_ns(store) - before) / (double)samples);
    store_close(store);
    free(sources);
    (void)snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command) == 0 ? 0 : 1;
}
