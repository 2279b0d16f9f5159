/* What the store costs: CPU per sample from lookup to acknowledgement, journal bytes, syncs, replay. One line
 * per figure: name, value, unit. Arguments: series, samples a batch, samples in all. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "storage/query.h"
#include "storage/store.h"

enum { LABEL_BYTES = 64 };

static double cpu_seconds(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static long resident_kib(void)
{
    long whole, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &whole, &resident) != 2)
        resident = 0;
    if (file)
        (void)fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct series_hash hash_of(uint64_t n)
{
    uint64_t x = (n + 1) * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 31)) * 0xbf58476d1ce4e5b9u;
    return (struct series_hash){x ^ (x >> 29), x * 0x94d049bb133111ebu};
}

static void ignore_wake(void *arg)
{
    (void)arg;
}

static void count_done(void *arg, enum tm_err err)
{
    uint64_t *done = arg;
    if (err) {
        (void)fprintf(stderr, "a batch failed: %s\n", tm_err_text(err));
        exit(1);
    }
    (*done)++;
}

static series_id intern(struct store *store, struct batch *batch, uint64_t n)
{
    char host[LABEL_BYTES], instance[LABEL_BYTES];
    struct labels labels = {0};
    struct tm_why why;
    series_id id = 0;
    (void)snprintf(host, sizeof host, "node-%05" PRIu64 ".eu-central.example.net", n / 20);
    (void)snprintf(instance, sizeof instance, "%" PRIu64, n % 20);
    if (labels_add(&labels, STR("__name__"), STR("node_cpu_seconds_total")) ||
        labels_add(&labels, STR("cpu"), str_of(instance)) || labels_add(&labels, STR("host"), str_of(host)) ||
        labels_add(&labels, STR("service"), STR("checkout")) ||
        store_series_intern(store, batch, hash_of(n), &labels, STR("checkout"), &id, &why))
        exit(1);
    return id;
}

struct load {
    uint64_t series;
    uint64_t batch;
    uint64_t samples;
    uint64_t *counters; /* what a realistic series shows: gauges with two decimals that wander */
};

static void add_sample(struct store *store, struct batch *batch, struct load *load, uint64_t n)
{
    uint64_t which = n % load->series;
    series_id id = store_series_find(store, hash_of(which));
    if (id == 0)
        id = intern(store, batch, which);
    uint64_t *value = &load->counters[which];
    *value = *value * 6364136223846793005u + 1442695040888963407u;
    int64_t mantissa = (int64_t)(*value >> 50); /* 14 bits: 0.00 to 163.83 */
    time_ms_t time = 1764000000000 + (time_ms_t)(n / load->series) * 10000;
    if (store_batch_sample(batch, id, time, number_of_decimal(mantissa, 2)))
        exit(1);
}

static void run_load(struct store *store, struct load *load)
{
    uint64_t done = 0, sent = 0;
    for (uint64_t n = 0; n < load->samples;) {
        struct batch *batch = store_batch_new(store);
        for (uint64_t i = 0; i < load->batch && n < load->samples; i++, n++)
            add_sample(store, batch, load, n);
        while (store_submit(store, &batch, NULL, count_done, &done) == TM_BUSY) {
            store_poll(store);
            usleep(100);
        }
        sent++;
        store_poll(store);
    }
    while (done < sent) {
        store_poll(store);
        usleep(100);
    }
}

static struct store *open_store(const char *dir)
{
    struct store *store;
    struct tm_why why;
    struct store_options options = {.dir = dir, .clock = clock_system(), .wake = ignore_wake};
    if (store_open(&options, &store, &why)) {
        (void)fprintf(stderr, "%s\n", why.text);
        exit(1);
    }
    return store;
}

static void report(struct store *store, const struct load *load, double wall, double cpu, double own)
{
    struct store_stats stats;
    store_stats(store, &stats);
    double samples = (double)load->samples;
    printf("cpu_per_sample %.1f ns (owner's thread %.1f)\n", cpu / samples * 1e9, own / samples * 1e9);
    printf("cpu_per_million_samples %.3f s\n", cpu / samples * 1e6);
    printf("rate %.2f million samples/s\n", samples / wall * 1e-6);
    printf("journal_bytes_per_sample %.2f B\n", (double)stats.journal_written_bytes / samples);
    printf("records %" PRIu64 "\nsyncs %" PRIu64 "\n", stats.journal_records, stats.journal_syncs);
    printf("resident %ld KiB\n", resident_kib());
    printf("sync_mean %.2f ms\n", (double)stats.journal_sync_ns / (double)stats.journal_syncs * 1e-6);
}

static void time_flush(struct store *store, const char *dir, const struct load *load)
{
    char command[128];
    struct store_stats stats;
    double wall = cpu_seconds(CLOCK_MONOTONIC);
    if (store_flush(store))
        exit(1);
    wall = cpu_seconds(CLOCK_MONOTONIC) - wall;
    store_stats(store, &stats);
    printf("flush %.3f s, cpu_per_sample %.1f ns, head %" PRIu64 " KiB\n", wall,
           (double)stats.flush_cpu_ns / (double)load->samples, stats.head_bytes >> 10);
    (void)snprintf(command, sizeof command, "du -sk %s/raw %s/index %s/journal", dir, dir, dir);
    (void)fflush(stdout);
    (void)!system(command);
}

int main(int argc, char **argv)
{
    struct load load = {argc > 1 ? strtoull(argv[1], NULL, 10) : 10000,
                        argc > 2 ? strtoull(argv[2], NULL, 10) : 5000,
                        argc > 3 ? strtoull(argv[3], NULL, 10) : 3600000, NULL};
    char dir[] = "./bench-store-XXXXXX";
    char command[128];
    if (load.series == 0 || load.batch == 0 || load.samples == 0 || !mkdtemp(dir))
        return 2;
    load.counters = calloc(load.series, sizeof *load.counters);
    for (uint64_t i = 0; load.counters && i < load.series; i++)
        load.counters[i] = i;
    struct store *store = open_store(dir);
    double wall = cpu_seconds(CLOCK_MONOTONIC), cpu = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
    double own = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
    run_load(store, &load);
    report(store, &load, cpu_seconds(CLOCK_MONOTONIC) - wall, cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu,
           cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - own);
    store_close(store);
    wall = cpu_seconds(CLOCK_MONOTONIC);
    store = open_store(dir);
    wall = cpu_seconds(CLOCK_MONOTONIC) - wall;
    printf("replay %.3f s (%.2f s per 10 million samples)\n", wall, wall / (double)load.samples * 1e7);
    printf("resident_after_replay %ld KiB\n", resident_kib());
    time_flush(store, dir, &load);
    store_close(store);
    wall = cpu_seconds(CLOCK_MONOTONIC);
    store = open_store(dir);
    printf("ready_after_flush %.3f s\n", cpu_seconds(CLOCK_MONOTONIC) - wall);
    printf("resident_after_flush %ld KiB\n", resident_kib());
    store_close(store);
    free(load.counters);
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) == 0 ? 0 : 1;
}
