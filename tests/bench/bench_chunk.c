/* What the chunk codec costs, on the four families of series of the store's bench: bytes a sample, encode and
 * decode in CPU nanoseconds a sample, for both efforts, several lengths, an exact and a jittered clock.
 * Arguments: every how many-th series is taken (20), rounds over each (2). */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "storage/chunk/chunk.h"
#include "storage/chunk/chunk_kernels.h"
#include "tests/bench/sources.h"

enum { JITTER_MS = 5, ALL = FAMILIES };

static const char *const family_names[FAMILIES] = {"counter", "latency", "cpu", "heap"};

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
    double encode_s = 1e9, decode_s = 1e9; /* the best round: others run on the same cores */
    for (int i = 0; i < rounds; i++) {
        double begin = cpu_seconds();
        encode_all(b, length, effort);
        double middle = cpu_seconds();
        decode_all(b, length);
        double end = cpu_seconds();
        encode_s = middle - begin < encode_s ? middle - begin : encode_s;
        decode_s = end - middle < decode_s ? end - middle : decode_s;
    }
    if (memcmp(b->times, b->times_back, sizeof b->times) ||
        memcmp(b->values, b->values_back, sizeof b->values))
        fail("what came back differs");
    int rows[2] = {family, ALL};
    for (int i = 0; i < 2; i++) {
        struct tally *t = &b->tallies[rows[i]];
        t->samples += STEPS;
        t->bytes += (double)b->out.len;
        t->encode_s += encode_s;
        t->decode_s += decode_s;
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
