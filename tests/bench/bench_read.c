/* What reading one series over 24 hours costs, among 10,000 series at 15 s: the folder is filled and flushed
 * first, and read from another process's side, warm. Run bench_settle between two readings for the day once
 * it is sealed.
 *
 * usage: bench_read fill FOLDER | bench_read read FOLDER */
#include "storage/query.h"
#include "tests/bench/load.h"

enum { SERIES = 10000, STEP_MS = 15000, A_DAY = 86400000 / STEP_MS, READS = 2000 };

static void fill(const char *dir)
{
    struct load load = {
        .dir = dir, .samples = (uint64_t)SERIES * A_DAY, .series = SERIES, .step_ms = STEP_MS};
    struct store *store = open_store(&load);
    take_in(store, &load);
    if (store_flush(store) != TM_OK)
        fail("flushing", "failed");
    store_close(store);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void read_all(const char *dir)
{
    struct reader *reader;
    struct tm_why why;
    static double us[READS];
    if (reader_open(dir, &reader, &why) != TM_OK)
        fail("opening", why.text);
    for (uint32_t i = 0; i < 2 * READS; i++) { /* the first half warms up */
        const time_ms_t *times;
        const double *values;
        size_t count;
        uint32_t series = 1 + i * 7919U % SERIES;
        double start = seconds(CLOCK_MONOTONIC);
        if (reader_samples(reader, series, (struct span){LOAD_START_MS, LOAD_START_MS + 86400000}, &times,
                           &values, &count) != TM_OK)
            fail("reading", "failed");
        us[i % READS] = (seconds(CLOCK_MONOTONIC) - start) * 1e6;
        if (count != A_DAY)
            fail("reading", "samples are missing");
    }
    qsort(us, READS, sizeof us[0], compare);
    printf("read_24h_median %.0f us\nread_24h_p99 %.0f us\n", us[READS / 2], us[READS * 99 / 100]);
    reader_close(reader);
}

int main(int count, char **args)
{
    if (count != 3 || (strcmp(args[1], "fill") != 0 && strcmp(args[1], "read") != 0))
        fail("usage", "bench_read fill|read FOLDER");
    if (args[1][0] == 'f')
        fill(args[2]);
    else
        read_all(args[2]);
    return 0;
}
