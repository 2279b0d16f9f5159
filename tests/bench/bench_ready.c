/* How long the store takes to be ready after kill -9, with many acknowledged samples that only the journal
 * has. A child takes them in and is killed; then the store is opened and all of them are counted.
 *
 * usage: bench_ready [FOLDER [SAMPLES [SERIES]]] (10,000,000 samples of 10,000 series; FOLDER must be empty)
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "storage/store.h"

enum { BATCH = 5000, STEP_MS = 10000 };
#define START_MS INT64_C(1764000000000)

struct load {
    const char *dir;
    uint64_t samples;
    uint64_t series;
};

static double seconds(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void fail(const char *what, const char *text)
{
    (void)fprintf(stderr, "bench_ready: %s: %s\n", what, text);
    exit(1);
}

static struct store *open_store(const struct load *load)
{
    struct tm_why why;
    struct store *store;
    struct store_options options = {.dir = load->dir, .clock = clock_system()};
    options.head_bytes = (size_t)4 << 30; /* nothing is flushed */
    options.journal_max_bytes = (uint64_t)4 << 30;
    if (store_open(&options, &store, &why) != TM_OK)
        fail("opening", why.text);
    return store;
}

static struct series_hash hash_of(uint64_t n)
{
    uint64_t x = (n + 1) * 0x9e3779b97f4a7c15u;
    return (struct series_hash){x ^ (x >> 29), x * 0x94d049bb133111ebu};
}

static series_id intern(struct store *store, struct batch *batch, uint64_t n)
{
    char host[32];
    struct labels labels = {0};
    struct tm_why why = {""};
    series_id id = 0;
    (void)snprintf(host, sizeof host, "node-%05llu", (unsigned long long)n);
    if (labels_add(&labels, STR("__name__"), STR("cpu_seconds_total")) ||
        labels_add(&labels, STR("host"), str_of(host)) ||
        store_series_intern(store, batch, hash_of(n), &labels, STR("shop"), &id, &why))
        fail("a new series", why.text);
    return id;
}

static void count_done(void *arg, enum tm_err err)
{
    uint64_t *done = arg;
    if (err)
        fail("a batch", tm_err_text(err));
    ++*done;
}

/* Gauges with two decimals that wander. */
static void take_in(struct store *store, const struct load *load)
{
    uint64_t done = 0, sent = 0, random = 1;
    int32_t *level = calloc(load->series, sizeof *level);
    if (!level)
        fail("levels", "out of memory");
    for (uint64_t n = 0; n < load->samples;) {
        struct batch *batch = store_batch_new(store);
        for (uint64_t i = 0; batch && i < BATCH && n < load->samples; i++, n++) {
            uint64_t which = n % load->series;
            series_id id = store_series_find(store, hash_of(which));
            id = id ? id : intern(store, batch, which);
            random = random * 6364136223846793005u + 1442695040888963407u;
            level[which] += (int32_t)(random >> 58) - 32;
            time_ms_t time = START_MS + (time_ms_t)(n / load->series) * STEP_MS;
            if (store_batch_sample(batch, id, time, number_of_decimal(level[which], 2)))
                fail("a sample", "out of memory");
        }
        while (store_submit(store, &batch, NULL, count_done, &done) == TM_BUSY)
            store_poll(store);
        sent++;
        store_poll(store);
    }
    while (done < sent) {
        store_poll(store);
        (void)usleep(100);
    }
    free(level);
}

int main(int count, char **args)
{
    char made[] = "./bench-ready-XXXXXX";
    struct load load = {count > 1 ? args[1] : mkdtemp(made),
                        count > 2 ? strtoull(args[2], NULL, 10) : 10000000,
                        count > 3 ? strtoull(args[3], NULL, 10) : 10000};
    if (!load.dir || !load.samples || !load.series)
        fail("arguments", "bench_ready [FOLDER [SAMPLES [SERIES]]]");
    pid_t child = fork();
    if (child == 0) {
        take_in(open_store(&load), &load);
        (void)raise(SIGKILL);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status))
        fail("the child", "it was not killed");
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    struct store *store = open_store(&load);
    wall = seconds(CLOCK_MONOTONIC) - wall;
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    struct store_stats stats;
    store_stats(store, &stats);
    printf("ready_after_kill %.3f s\nready_after_kill_cpu %.3f s\n", wall, cpu);
    (void)fflush(stdout);
    _exit(stats.series == load.series ? 0 : 1);
}
