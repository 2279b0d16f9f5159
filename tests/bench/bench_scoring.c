/* Scores many series for tests/bench/scoring: `bench_scoring nab|operations SEED`, from standard input a line
 * `F NAME` for each series and its samples as `SECONDS,VALUE`. Prints the name and one line for each sample
 * worth a look: index, score, alert, raw score, effect, families. On stderr: samples and CPU time, reading
 * and printing left out. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "scoring/first.h"

/* What is less than these cannot matter at any threshold that is tried. */
#define LEAST_RAW   0.3
#define LEAST_SCORE 20

struct run {
    struct score_first_model model;
    struct score_first state;
    int64_t samples;
    int64_t cpu_ns;
};

static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void print_sample(uint64_t index, const struct score_first_result *r)
{
    printf("%llu %.1f %d %.3f %.1f", (unsigned long long)index, r->score, r->alert, r->raw, r->z);
    for (int f = 0; f < FIRST_FAMILY_COUNT; f++)
        printf(" %.3f", r->family[f]);
    putchar('\n');
}

/* The samples of one block of input, scored together, so that the clock is read seldom. */
static void score_block(struct run *run, const time_ms_t *times, const double *values, int count)
{
    static struct score_first_result results[4096];
    uint64_t first = run->state.samples;
    int64_t start = cpu_ns();
    for (int i = 0; i < count; i++)
        score_first_push(&run->model, &run->state, times[i], 0, values[i], &results[i]);
    run->cpu_ns += cpu_ns() - start;
    run->samples += count;
    for (int i = 0; i < count; i++)
        if (results[i].raw >= LEAST_RAW || results[i].score >= LEAST_SCORE || results[i].alert)
            print_sample(first + (uint64_t)i, &results[i]);
}

static void score_all(struct run *run)
{
    static time_ms_t times[4096];
    static double values[4096];
    char line[512];
    int count = 0;
    while (fgets(line, sizeof line, stdin)) {
        char *end;
        if (line[0] == 'F' || count == 4096) {
            score_block(run, times, values, count);
            count = 0;
        }
        if (line[0] == 'F') {
            fputs(line, stdout);
            memset(&run->state, 0, sizeof run->state);
            continue;
        }
        times[count] = (time_ms_t)(strtod(line, &end) * 1000);
        values[count++] = strtod(end + 1, NULL);
    }
    score_block(run, times, values, count);
}

int main(int argc, char **argv)
{
    static struct run run;
    if (argc != 3) {
        fputs("usage: bench_scoring nab|operations SEED\n", stderr);
        return 2;
    }
    enum first_profile profile = strcmp(argv[1], "nab") == 0 ? FIRST_NAB : FIRST_OPERATIONS;
    score_first_model_init(&run.model, profile, strtoull(argv[2], NULL, 10));
    score_all(&run);
    double us = run.samples ? (double)run.cpu_ns / 1000 / (double)run.samples : 0;
    fprintf(stderr, "%lld %.3f\n", (long long)run.samples, us);
    return 0;
}
