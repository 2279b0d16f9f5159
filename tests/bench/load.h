/* A store filled with gauges of two decimals that wander: some thousand series, at one step. */
#ifndef TM_TESTS_BENCH_LOAD_H
#define TM_TESTS_BENCH_LOAD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "storage/store.h"

enum { LOAD_BATCH = 5000 };
/* A midnight. */
#define LOAD_START_MS INT64_C(1763942400000)

struct load {
    const char *dir;
    uint64_t samples;
    uint64_t series;
    int64_t step_ms;
    size_t head_bytes; /* 0: the default */
};

static inline double seconds(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static inline void fail(const char *what, const char *text)
{
    (void)fprintf(stderr, "%s: %s\n", what, text);
    exit(1);
}

static inline struct store *open_store(const struct load *load)
{
    struct tm_why why;
    struct store *store;
    struct store_options options = {.dir = load->dir, .clock = clock_system()};
    options.head_bytes = load->head_bytes;
    options.journal_max_bytes = load->head_bytes;
    if (store_open(&options, &store, &why) != TM_OK)
        fail("opening", why.text);
    return store;
}

static inline struct series_hash hash_of(uint64_t n)
{
    uint64_t x = (n + 1) * 0x9e3779b97f4a7c15u;
    return (struct series_hash){x ^ (x >> 29), x * 0x94d049bb133111ebu};
}

static inline series_id intern(struct store *store, struct batch *batch, uint64_t n)
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

static inline void count_done(void *arg, enum tm_err err)
{
    uint64_t *done = arg;
    if (err)
        fail("a batch", tm_err_text(err));
    ++*done;
}

/* Gauges with two decimals that wander. */
static inline void take_in(struct store *store, const struct load *load)
{
    uint64_t done = 0, sent = 0, random = 1;
    int32_t *level = calloc(load->series, sizeof *level);
    if (!level)
        fail("levels", "out of memory");
    for (uint64_t n = 0; n < load->samples;) {
        struct batch *batch = store_batch_new(store);
        for (uint64_t i = 0; batch && i < LOAD_BATCH && n < load->samples; i++, n++) {
            uint64_t which = n % load->series;
            series_id id = store_series_find(store, hash_of(which));
            id = id ? id : intern(store, batch, which);
            random = random * 6364136223846793005u + 1442695040888963407u;
            level[which] += (int32_t)(random >> 58) - 32;
            time_ms_t time = LOAD_START_MS + (time_ms_t)(n / load->series) * load->step_ms;
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

#endif
