/* What the chunk codec costs, on the four families of series of the store's bench: bytes a sample, encode and
 * decode in CPU nanoseconds a sample, for both efforts, several lengths, an exact and a jittered clock.
 * Arguments: every how many-th series is taken (20), rounds over each (2). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "storage/chunk/chunk.h"
#include "storage/chunk/chunk_kernels.h"

enum {
    STEPS = 8640,
    STEP_MS = 10000,
    JITTER_MS = 5,
    SERIES = 10000,
    COUNTERS = 4000,
    LATENCIES = 3000,
    CPUS = 1600,
    FAMILIES = 4,
    ALL = FAMILIES
};

static const char *const family_names[FAMILIES] = {"counter", "latency", "cpu", "heap"};
static const double divisors[FAMILIES] = {1, 100, 1000, 1};

struct source {
    uint64_t seed;
    int family;
    int variant;
    double size;
    double growth;
    double state;
    int64_t value;
    int reset_step;
};

static uint64_t draw(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static double draw_unit(uint64_t *seed)
{
    return (double)(draw(seed) >> 11) * 0x1p-53;
}

static double draw_normal(uint64_t *seed)
{
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += draw_unit(seed);
    return (sum - 2) * 1.7320508;
}

static int64_t draw_poisson(uint64_t *seed, double mean)
{
    if (mean >= 6) {
        double v = mean + draw_normal(seed) * sqrt(mean) + 0.5;
        return v < 0 ? 0 : (int64_t)v;
    }
    double left = exp(-mean);
    int64_t n = 0;
    for (double p = draw_unit(seed); p > left && n < 60; n++)
        p *= draw_unit(seed);
    return n;
}

/* Daily curve with its peak in the evening. */
static double season(int step)
{
    double day = (double)(step % STEPS) / STEPS;
    return 1 + 0.6 * sin(2 * M_PI * (day - 14.0 / 24)) + 0.15 * sin(4 * M_PI * day);
}

static void source_init(struct source *s, int number)
{
    static const double shares[4] = {0.90, 0.06, 0.035, 0.005};
    static const double quantiles[3] = {1.0, 3.1, 6.5};
    *s = (struct source){.seed = 42u ^ (0xA5A5A5A5u * (uint64_t)(number + 1)), .reset_step = -1};
    uint64_t pod = (uint64_t)number / 20;
    if (draw(&pod) % 3 == 0)
        s->reset_step = (int)(draw(&pod) % STEPS);
    if (number < COUNTERS) {
        uint64_t group = (uint64_t)number / 4;
        s->size = 0.05 * pow(600, draw_unit(&group)) * shares[number % 4];
        s->value = (int64_t)(s->size * 86400 * 3 * draw_unit(&s->seed));
    } else if (number < COUNTERS + LATENCIES) {
        s->family = 1;
        s->size = (8 + 120 * draw_unit(&s->seed)) * quantiles[number % 3];
    } else if (number < COUNTERS + LATENCIES + CPUS) {
        s->family = 2;
        s->size = 0.1 + 0.5 * draw_unit(&s->seed);
    } else {
        s->family = 3;
        s->variant = (number - COUNTERS - LATENCIES - CPUS) % 7;
        s->size = (16 + 500 * draw_unit(&s->seed)) * 1048576;
        s->growth = s->size * (0.01 + 0.05 * draw_unit(&s->seed));
        s->value = (int64_t)(s->size * 0.3) & ~7;
    }
}

static void step_heap(struct source *s, double daily)
{
    if (s->variant >= 3) {
        if (draw_unit(&s->seed) < 0.01)
            s->value += 65536;
        return;
    }
    s->value += (int64_t)(s->growth * daily * (0.5 + draw_unit(&s->seed))) & ~7;
    if (s->value > (int64_t)s->size)
        s->value = (int64_t)(s->size * (0.25 + 0.05 * draw_unit(&s->seed))) & ~7;
}

static int64_t source_next(struct source *s, int step)
{
    double daily = season(step);
    bool is_reset = step == s->reset_step;
    if (s->family == 0) {
        s->value = (is_reset ? 0 : s->value) + draw_poisson(&s->seed, s->size * daily * 10);
    } else if (s->family == 1) {
        s->state = 0.8 * s->state + 0.06 * draw_normal(&s->seed);
        s->value = (int64_t)(s->size * (0.8 + 0.2 * daily + s->state) * 100 + 0.5);
        s->value = s->value < 10 ? 10 : s->value;
    } else if (s->family == 2) {
        s->state = 0.9 * s->state + 0.02 * draw_normal(&s->seed);
        s->value = (int64_t)((s->size * daily * 0.7 + s->state) * 1000 + 0.5);
        s->value = s->value < 1 ? 1 : s->value > 1000 ? 1000 : s->value;
    } else {
        step_heap(s, daily);
        s->value = is_reset ? (int64_t)(s->size * 0.1) & ~7 : s->value;
    }
    return s->value;
}

struct tally {
    double samples;
    double bytes;
    double encode_s;
    double decode_s;
};

struct bench {
    struct chunk_scratch scratch;
    time_ms_t times[STEPS], times_back[STEPS];
    double values[STEPS], values_back[STEPS];
    uint8_t families[SERIES];
    struct tally tallies[FAMILIES + 1];
    struct bytes out;
    size_t ends[STEPS];
};

static double cpu_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void fail(const char *what)
{
    (void)fprintf(stderr, "%s\n", what);
    exit(1);
}

static void encode_all(struct bench *b, size_t length, enum chunk_effort effort)
{
    struct chunk_key key = {1, b->times[0]};
    bytes_clear(&b->out);
    for (size_t from = 0, i = 0; from < STEPS; from += length, i++) {
        size_t n = STEPS - from < length ? STEPS - from : length;
        struct chunk_columns columns = {b->times + from, b->values + from, n, NUMBER_NOT_DECIMAL};
        if (chunk_encode(&b->scratch, &key, &columns, effort, &b->out))
            fail("encoding failed");
        b->ends[i] = b->out.len;
    }
}

static void decode_all(struct bench *b, size_t length)
{
    struct chunk_key key = {1, b->times[0]};
    size_t start = 0, n;
    for (size_t from = 0, i = 0; from < STEPS; from += length, i++) {
        struct str chunk = {(const char *)b->out.data + start, b->ends[i] - start};
        if (chunk_decode(&key, chunk, b->times_back + from, b->values_back + from, STEPS - from, &n))
            fail("decoding failed");
        start = b->ends[i];
    }
}

static void measure(struct bench *b, int family, size_t length, enum chunk_effort effort, int rounds)
{
    double begin = cpu_seconds();
    for (int i = 0; i < rounds; i++)
        encode_all(b, length, effort);
    double middle = cpu_seconds();
    for (int i = 0; i < rounds; i++)
        decode_all(b, length);
    double end = cpu_seconds();
    if (memcmp(b->times, b->times_back, sizeof b->times) ||
        memcmp(b->values, b->values_back, sizeof b->values))
        fail("what came back differs");
    int rows[2] = {family, ALL};
    for (int i = 0; i < 2; i++) {
        struct tally *t = &b->tallies[rows[i]];
        t->samples += STEPS;
        t->bytes += (double)b->out.len;
        t->encode_s += (middle - begin) / rounds;
        t->decode_s += (end - middle) / rounds;
    }
}

static void run(struct bench *b, size_t length, bool is_jittered, enum chunk_effort effort, int every,
                int rounds)
{
    memset(b->tallies, 0, sizeof b->tallies);
    for (int number = 0; number < SERIES; number += every) {
        /* a step of its own per family, so that every variant is met */
        struct source source;
        source_init(&source, number + number / every % every);
        uint64_t seed = (uint64_t)number;
        for (int i = 0; i < STEPS; i++) {
            int64_t off = is_jittered ? (int64_t)(draw(&seed) % (2 * JITTER_MS + 1)) - JITTER_MS : 0;
            b->times[i] = 1704067200000 + (int64_t)i * STEP_MS + off;
            b->values[i] = (double)source_next(&source, i) / divisors[source.family];
        }
        measure(b, source.family, length, effort, rounds);
    }
    printf("%-6s %-8s %6zu", effort == CHUNK_FAST ? "fast" : "dense", is_jittered ? "jitter" : "exact",
           length);
    for (int i = 0; i <= ALL; i++)
        printf(" %8.4f", b->tallies[i].bytes / b->tallies[i].samples);
    printf(" %8.2f", b->tallies[ALL].encode_s / b->tallies[ALL].samples * 1e9);
    for (int i = 0; i <= ALL; i++)
        printf(" %7.2f", b->tallies[i].decode_s / b->tallies[i].samples * 1e9);
    printf("\n");
}

int main(int argc, char **argv)
{
    static const size_t lengths[] = {120, 360, 720, 2000, 8640};
    int every = argc > 1 ? atoi(argv[1]) : 20;
    int rounds = argc > 2 ? atoi(argv[2]) : 2;
    struct bench *b = calloc(1, sizeof *b);
    if (!b || every < 1 || rounds < 1)
        fail("usage: bench_chunk [every [rounds]]");
    printf("# bytes a sample per family and in all; CPU ns a sample to encode, to decode (families, all)\n");
    printf("%-6s %-8s %6s", "effort", "clock", "length");
    for (int i = 0; i <= ALL; i++)
        printf(" %8s", i < ALL ? family_names[i] : "all");
    printf(" %8s %7s\n", "enc", "dec...");
    for (unsigned effort = CHUNK_FAST; effort <= CHUNK_DENSE; effort++)
        for (unsigned jitter = 0; jitter < 2; jitter++)
            for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
                run(b, lengths[i], jitter == 1, (enum chunk_effort)effort, every, rounds);
    bytes_fini(&b->out);
    free(b);
    return 0;
}
