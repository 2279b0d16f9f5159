/* What partitions cost: appending windows, bytes written to the disk, sealing, opening, lookups by key,
 * checking, rewriting, dropping with what a reader of another day sees meanwhile. Prints one line `name value
 * unit` each.
 *
 * usage: bench_partition [FOLDER [SERIES [WINDOWS [CHUNK_BYTES]]]]
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "storage/partition/partition.h"

enum { DAY = 20779, GETS = 200000, MAX_CHUNK = 4000 };
#define DAY_START ((time_ms_t)DAY * 86400000)

struct bench {
    struct partitions *set;
    uint32_t series;
    uint32_t windows;
    size_t chunk_bytes;
    char noise[2 * MAX_CHUNK];
};

static double now_s(void)
{
    return (double)clock_mono_ns(clock_system()) / 1e9;
}

static double cpu_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double written_bytes(void)
{
    char line[128];
    double bytes = 0;
    FILE *f = fopen("/proc/self/io", "re");
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "write_bytes: ", 13) == 0)
            bytes = strtod(line + 13, NULL);
    }
    if (f)
        (void)fclose(f);
    return bytes;
}

static void must(enum tm_err err, const struct tm_why *why)
{
    if (!err)
        return;
    (void)fprintf(stderr, "bench_partition: %s\n", why->text);
    exit(1);
}

static struct str chunk_of(const struct bench *b, uint32_t series, uint32_t window)
{
    size_t at = (series * 31U + window * 7U) % MAX_CHUNK;
    return (struct str){b->noise + at, b->chunk_bytes};
}

static void write_window(const struct bench *b, uint32_t day, uint32_t window)
{
    struct tm_why why;
    struct partition_writer *w;
    time_ms_t start = (time_ms_t)day * 86400000 + window * 60000LL;
    must(partition_writer_open(b->set, PARTITION_RAW, day, &w, &why), &why);
    struct partition_extent extent = {start, start + 7190000, 720};
    for (uint32_t i = 0; i < b->series; i++)
        must(partition_writer_put(w, i, 0, chunk_of(b, i, window), &extent, &why), &why);
    must(partition_writer_commit(&w, window, &why), &why);
}

static void write_windows(const struct bench *b, uint32_t day, uint32_t count)
{
    for (uint32_t w = 0; w < count; w++)
        write_window(b, day, w);
}

static void append(const struct bench *b)
{
    double chunks = (double)b->series * b->windows, longest = 0;
    double start = now_s(), cpu = cpu_s(), bytes = written_bytes();
    for (uint32_t w = 0; w < b->windows; w++) {
        double begin = now_s();
        write_window(b, DAY, w);
        if (now_s() - begin > longest)
            longest = now_s() - begin;
    }
    printf("append %.0f chunks/s\n", chunks / (now_s() - start));
    printf("append_cpu %.2f us/chunk\n", (cpu_s() - cpu) * 1e6 / chunks);
    printf("append_longest_window %.1f ms\n", longest * 1e3);
    printf("append_written %.1f bytes/chunk (of %zu)\n", (written_bytes() - bytes) / chunks, b->chunk_bytes);
}

static void get_random(const struct bench *b, const char *name)
{
    struct tm_why why;
    struct partition_step step;
    struct str value;
    uint64_t random = 88172645463325252U;
    struct partition_id id = {.tier = PARTITION_RAW, .period = DAY};
    double start = now_s();
    for (int i = 0; i < GETS; i++) {
        if (i % 100 == 0)
            must(partition_step_begin(b->set, id, &step, &why), &why);
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        struct partition_key key = {(uint32_t)(random % b->windows) + 1, (uint32_t)(random >> 32) % b->series,
                                    0};
        must(partition_get(&step, &key, &value, &why), &why);
        if (i % 100 == 99)
            partition_step_end(&step);
    }
    printf("%s %.2f us\n", name, (now_s() - start) * 1e6 / GETS);
}

static void read_series(const struct bench *b, const char *name)
{
    enum { TIMES = 2000 };
    struct tm_why why;
    double start = now_s();
    struct partition_id id = {.tier = PARTITION_RAW, .period = DAY};
    for (uint32_t i = 0; i < TIMES; i++) {
        struct partition_step step;
        struct partition_cursor cursor;
        struct partition_item item;
        must(partition_step_begin(b->set, id, &step, &why), &why);
        partition_cursor_init(&cursor, i * 7919U % b->series, (struct span){0, INT64_MAX});
        while (partition_cursor_next(&step, &cursor, &item, &why) == TM_OK)
            ;
        partition_step_end(&step);
    }
    printf("%s %.2f us\n", name, (now_s() - start) * 1e6 / TIMES);
}

static enum tm_err keep_all(void *arg, struct partition_rewrite *rewrite, struct tm_why *why)
{
    const struct bench *b = arg;
    struct partition_extent extent = {DAY_START, DAY_START + 86390000, 8640};
    enum tm_err err = TM_OK;
    for (uint32_t i = 0; !err && i < b->series * b->windows; i++)
        err = partition_rewrite_put(rewrite, i / b->windows, i % b->windows, chunk_of(b, i, 1), &extent, why);
    return err;
}

static void check(const char *dir)
{
    struct tm_why why;
    struct partition_check_options options = {0};
    struct partition_check_result result;
    char path[512];
    (void)snprintf(path, sizeof path, "%s/raw/2026-11-22", dir);
    double start = now_s();
    must(partition_check(path, (struct partition_id){.tier = PARTITION_RAW, .period = DAY}, &options, &result,
                         &why),
         &why);
    printf("check %.0f MB/s\n", (double)result.bytes / 1e6 / (now_s() - start));
}

static void timed(const char *name, enum tm_err err, const struct tm_why *why, double start)
{
    must(err, why);
    printf("%s %.1f ms\n", name, (now_s() - start) * 1e3);
}

/* ---- dropping ---- */

struct neighbour {
    const struct bench *bench;
    atomic_bool is_over;
    double longest_s;
};

/* Reads a series of the next day over and over. */
static void *read_neighbour(void *arg)
{
    struct neighbour *n = arg;
    struct partition_id id = {.tier = PARTITION_RAW, .period = DAY + 1};
    while (!atomic_load(&n->is_over)) {
        struct tm_why why;
        struct partition_step step;
        struct partition_cursor cursor;
        struct partition_item item;
        double start = now_s();
        must(partition_step_begin(n->bench->set, id, &step, &why), &why);
        partition_cursor_init(&cursor, 7, (struct span){0, INT64_MAX});
        while (partition_cursor_next(&step, &cursor, &item, &why) == TM_OK)
            ;
        partition_step_end(&step);
        if (now_s() - start > n->longest_s)
            n->longest_s = now_s() - start;
    }
    return NULL;
}

/* So that all of the day is mapped and cached, the worst case. */
static void touch_all(const struct bench *b)
{
    struct tm_why why;
    struct partition_step step;
    struct partition_scan scan = {0};
    struct partition_item item;
    uint64_t bytes = 0;
    must(partition_step_begin(b->set, (struct partition_id){.tier = PARTITION_RAW, .period = DAY}, &step,
                              &why),
         &why);
    while (partition_scan_next(&step, &scan, &item, &why) == TM_OK)
        bytes += item.value.len;
    partition_step_end(&step);
    printf("dropped %.0f MB\n", (double)bytes / 1e6);
}

static void drop(const struct bench *b)
{
    struct tm_why why;
    struct neighbour neighbour = {.bench = b};
    pthread_t reader;
    double longest = 0, begin = now_s();
    write_windows(b, DAY + 1, 1);
    touch_all(b);
    if (pthread_create(&reader, NULL, read_neighbour, &neighbour) != 0)
        exit(1);
    begin = now_s();
    must(partition_drop(b->set, PARTITION_RAW, DAY, &why), &why);
    printf("drop %.1f ms\n", (now_s() - begin) * 1e3);
    begin = now_s();
    for (bool is_more = true; is_more;) {
        double start = now_s();
        is_more = partitions_sweep(b->set);
        if (now_s() - start > longest)
            longest = now_s() - start;
    }
    printf("sweep %.1f ms\nsweep_longest_step %.1f ms\n", (now_s() - begin) * 1e3, longest * 1e3);
    atomic_store(&neighbour.is_over, true);
    pthread_join(reader, NULL);
    printf("neighbour_longest_read %.1f ms\n", neighbour.longest_s * 1e3);
}

static void run(struct bench *b, struct partitions_options *options)
{
    struct tm_why why;
    struct stat st;
    char path[512];
    append(b);
    (void)snprintf(path, sizeof path, "%s/raw/2026-11-22/data.mdb", options->dir);
    if (stat(path, &st) == 0)
        printf("file %.1f bytes/chunk\n", (double)st.st_size / b->series / b->windows);
    get_random(b, "get_open");
    double start = now_s();
    timed("seal", partition_seal(b->set, PARTITION_RAW, DAY, &why), &why, start);
    get_random(b, "get_sealed");
    read_series(b, "series_sealed");
    partitions_close(b->set);
    check(options->dir);
    must(partitions_open(options, &b->set, &why), &why);
    start = now_s();
    timed("rewrite", partition_rewrite(b->set, PARTITION_RAW, DAY, keep_all, b, &why), &why, start);
    read_series(b, "series_rewritten");
    drop(b);
}

int main(int count, char **args)
{
    static struct bench bench;
    struct tm_why why;
    char made[] = "/tmp/tm-bench-XXXXXX";
    struct partitions_options options = {.dir = count > 1 ? args[1] : mkdtemp(made), .clock = clock_system()};
    bench.series = count > 2 ? (uint32_t)strtoul(args[2], NULL, 10) : 10000;
    bench.windows = count > 3 ? (uint32_t)strtoul(args[3], NULL, 10) : 12;
    bench.chunk_bytes = count > 4 ? strtoul(args[4], NULL, 10) : 700;
    if (!options.dir || !bench.series || !bench.windows || bench.chunk_bytes > MAX_CHUNK) {
        (void)fprintf(stderr, "usage: bench_partition [FOLDER [SERIES [WINDOWS [CHUNK_BYTES]]]]\n");
        return 2;
    }
    uint64_t random = 1;
    for (size_t i = 0; i < sizeof bench.noise; i++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        bench.noise[i] = (char)(random >> 56);
    }
    must(partitions_open(&options, &bench.set, &why), &why);
    run(&bench, &options);
    partitions_close(bench.set);
    return 0;
}
