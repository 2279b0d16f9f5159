/* What a data folder comes to once its days are over: opens it under a clock that is HOURS ahead, flushes,
 * seals and merges, and prints what that cost. One JSON line.
 *
 * usage: bench_settle DIR HOURS */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "storage/store_private.h"

#define HOUR_MS INT64_C(3600000)

/* Both clocks go ahead together: a wall clock that jumps alone is not believed. */
static time_ms_t wall_ahead(void *self)
{
    return clock_wall_ms(clock_system()) + *(const int64_t *)self;
}

static int64_t mono_ahead(void *self)
{
    return clock_mono_ns(clock_system()) + *(const int64_t *)self * 1000000;
}

static uint64_t written_bytes(void)
{
    char line[128];
    uint64_t bytes = 0;
    FILE *io = fopen("/proc/self/io", "r");
    while (io && fgets(line, sizeof line, io)) {
        if (strncmp(line, "write_bytes:", 12) == 0)
            bytes = strtoull(line + 12, NULL, 10);
    }
    if (io)
        (void)fclose(io);
    return bytes;
}

static void tell(void *arg, int level, const char *id, const char *text)
{
    (void)arg;
    (void)level;
    (void)fprintf(stderr, "bench_settle: %s: %s\n", id, text);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    int64_t ahead_ms = 0;
    const struct clock clock = {&ahead_ms, wall_ahead, mono_ahead};
    struct store_options options = {.dir = argv[1], .clock = &clock, .log = tell};
    struct store *store;
    struct tm_why why;
    if (store_open(&options, &store, &why) != TM_OK) {
        (void)fprintf(stderr, "bench_settle: %s\n", why.text);
        return 1;
    }
    ahead_ms = strtoll(argv[2], NULL, 10) * HOUR_MS;
    store_poll(store);
    if (store_flush(store) != TM_OK)
        return 1;
    flush_settle(store);
    struct store_stats stats;
    struct rusage usage;
    store_stats(store, &stats);
    store_close(store);
    (void)getrusage(RUSAGE_SELF, &usage);
    printf("{\"cpu_s\":%.3f,\"written\":%" PRIu64 ",\"sealed_days\":%" PRIu64 ",\"partition_bytes\":%" PRIu64
           "}\n",
           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6,
           written_bytes(), stats.sealed_days, stats.partition_bytes);
    return 0;
}
