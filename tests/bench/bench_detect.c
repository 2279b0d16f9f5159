/* What scoring costs: a service of many gauges with some hours of past (3 samples a minute), then some
 * minutes that close one after the other. Reading a minute alone is measured beside it, so that the rest is
 * what scoring costs.
 *
 * usage: bench_detect [SERIES [MINUTES OF PAST [GONE]]] (100,000, 130 and 0; a folder of its own below the
 * present one). GONE: so many series more, which had one sample before all others began.
 */
#include <sys/resource.h>

#include "server/detect/detect_engine.h"
#include "server/detect/detect_values.h"
#include "tests/bench/load.h"

/* After SLEEP minutes of silence those that are gone sleep. */
enum { MINUTE_MS = 60000, SAMPLE_MS = 20000, CLOSED = 5, SLEEP = 80 };

struct bench {
    struct store *store;
    struct detect_engine *engine;
    series_id *ids;
    uint64_t series;
    uint64_t random;
    uint64_t done;
    uint64_t sent;
};

static series_id name_one(struct bench *bench, struct batch *batch, uint64_t n)
{
    char pod[32];
    struct labels labels = {0};
    struct tm_why why = {""};
    series_id id;
    (void)snprintf(pod, sizeof pod, "pod-%06llu", (unsigned long long)n);
    if (labels_add(&labels, STR("__name__"), STR("load")) || labels_add(&labels, STR("pod"), str_of(pod)) ||
        labels_add(&labels, STR("service"), STR("shop")) ||
        store_series_intern(bench->store, batch, hash_of(n), &labels, STR("shop"), &id, &why))
        fail("a new series", why.text);
    return id;
}

static void name_series(struct bench *bench, struct batch *batch)
{
    for (uint64_t n = 0; n < bench->series; n++)
        bench->ids[n] = name_one(bench, batch, n);
}

static double level_of(struct bench *bench, uint64_t n)
{
    bench->random = bench->random * 6364136223846793005U + 1442695040888963407U;
    return (double)(n % 100) + (double)(bench->random >> 44) / 1000.0;
}

static void submit(struct bench *bench, struct batch *batch)
{
    bench->sent++;
    while (store_submit(bench->store, &batch, NULL, count_done, &bench->done) == TM_BUSY) {
        store_poll(bench->store);
        (void)usleep(1000);
    }
    for (; bench->done < bench->sent; (void)usleep(200))
        store_poll(bench->store);
}

static void send_gone(struct bench *bench, uint64_t gone)
{
    enum { A_BATCH = 20000 };
    for (uint64_t from = 0; from < gone; from += A_BATCH) {
        struct batch *batch = store_batch_new(bench->store);
        for (uint64_t n = from; batch && n < from + A_BATCH && n < gone; n++) {
            series_id id = name_one(bench, batch, bench->series + n);
            if (store_batch_sample(batch, id, LOAD_START_MS, number_of_double(1)))
                fail("a sample", "out of memory");
        }
        submit(bench, batch);
    }
}

/* All samples of a minute, a batch each time. */
static void send_minute(struct bench *bench, int64_t minute)
{
    for (int64_t at = 0; at < MINUTE_MS; at += SAMPLE_MS) {
        struct batch *batch = store_batch_new(bench->store);
        if (batch && !bench->ids[0])
            name_series(bench, batch);
        for (uint64_t n = 0; batch && n < bench->series; n++) {
            if (store_batch_sample(batch, bench->ids[n], LOAD_START_MS + minute * MINUTE_MS + at,
                                   number_of_double(level_of(bench, n))))
                fail("a sample", "out of memory");
        }
        submit(bench, batch);
    }
}

static void on_news(void *arg, struct str service, time_ms_t oldest, time_ms_t newest)
{
    if (detect_engine_news(((struct bench *)arg)->engine, service, oldest, newest))
        fail("news", "out of memory");
}

/* Steps until nothing is left; what is found is not stored. Returns processor seconds. */
static double run(struct bench *bench, bool looks)
{
    double cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
    store_news(bench->store, on_news, bench);
    if (looks)
        detect_engine_look(bench->engine);
    for (enum detect_step step = DETECT_MORE; step != DETECT_IDLE;) {
        struct reader *reader = reader_of_store(bench->store);
        step = detect_engine_step(bench->engine, reader, LOAD_START_MS + INT64_C(100) * 86400000);
        reader_close(reader);
    }
    return seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
}

static double read_alone(struct bench *bench, int64_t from, int64_t to)
{
    static double columns[DETECT_COLUMNS * DETECT_SPAN_MINUTES];
    int64_t begin = LOAD_START_MS / MINUTE_MS, last;
    struct detect_window window = {begin + from, begin + to, begin + to, MINUTE_MS};
    struct reader *reader = reader_of_store(bench->store);
    double cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
    for (uint64_t n = 0; n < bench->series; n++) {
        struct detect_seen seen = {0};
        if (detect_values_read(reader, bench->ids[n], DETECT_GAUGE, &window, &seen, columns, &last))
            fail("reading", "an error");
    }
    cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    reader_close(reader);
    return cpu;
}

int main(int count, char **args)
{
    char made[] = "./bench-detect-XXXXXX", states[64];
    struct bench bench = {.series = count > 1 ? strtoull(args[1], NULL, 10) : 100000, .random = 1};
    int64_t past = count > 2 ? atoll(args[2]) : 130;
    uint64_t gone = count > 3 ? strtoull(args[3], NULL, 10) : 0;
    const struct load load = {.dir = mkdtemp(made), .series = bench.series};
    bench.ids = calloc(bench.series, sizeof *bench.ids);
    if (!load.dir || !bench.ids || !bench.series)
        fail("arguments", "bench_detect [SERIES [MINUTES]]");
    bench.store = open_store(&load);
    (void)snprintf(states, sizeof states, "%s/scoring", load.dir);
    const struct detect_options options = {.dir = states,
                                           .step_ms = MINUTE_MS,
                                           .delay_ms = 15000,
                                           .grace_ms = 600000,
                                           .history_ms = INT64_C(30) * 86400000,
                                           .memory_bytes = (size_t)500 << 20};
    bench.engine = detect_engine_new(&options);
    struct rusage before, after;
    int64_t minute = 0;
    send_gone(&bench, gone);
    for (; minute < past; minute++)
        send_minute(&bench, minute);
    (void)getrusage(RUSAGE_SELF, &before);
    printf("learn_cpu %.3f s\n", run(&bench, true));
    (void)getrusage(RUSAGE_SELF, &after);
    for (int64_t end = minute + (gone > 0 ? SLEEP : 0); minute < end; minute++) {
        send_minute(&bench, minute);
        (void)run(&bench, false);
    }
    double all = 0, reading = 0;
    for (int i = 0; i < CLOSED; i++, minute++) {
        send_minute(&bench, minute);
        all += run(&bench, false) / CLOSED;
        reading += read_alone(&bench, minute - 1, minute) / CLOSED;
    }
    struct detect_figures figures;
    detect_engine_figures(bench.engine, &figures);
    printf("scored %llu series\nminute_cpu %.3f s\nread_minute_cpu %.3f s\nread_window_cpu %.3f s\n",
           (unsigned long long)figures.scored, all, reading, read_alone(&bench, minute - 11, minute));
    printf("scoring_share %.2f %% of a core over reading the minute\n", 100 * (all - reading) / 60);
    printf("asleep %llu series\ntables %.1f MiB\n", (unsigned long long)figures.asleep,
           (double)figures.tables_bytes / 1048576);
    printf("state_bytes %.0f a series\nrss_grown %.0f MiB\n",
           (double)figures.memory_bytes / (double)(figures.scored ? figures.scored : 1),
           (double)(after.ru_maxrss - before.ru_maxrss) / 1024);
    detect_engine_free(bench.engine);
    store_close(bench.store);
    return figures.scored == bench.series && figures.asleep == gone ? 0 : 1;
}
