/* How long the store takes to be ready after kill -9, with many acknowledged samples that only the journal
 * has. A child takes them in and is killed; then the store is opened, and has to know all of them.
 *
 * usage: bench_ready [FOLDER [SAMPLES [SERIES]]] (10,000,000 samples of 10,000 series; FOLDER must be empty)
 */
#include <signal.h>
#include <sys/wait.h>

#include "tests/bench/load.h"

int main(int count, char **args)
{
    char made[] = "./bench-ready-XXXXXX";
    struct load load = {.dir = count > 1 ? args[1] : mkdtemp(made),
                        .samples = count > 2 ? strtoull(args[2], NULL, 10) : 10000000,
                        .series = count > 3 ? strtoull(args[3], NULL, 10) : 10000,
                        .step_ms = 10000,
                        .head_bytes = (size_t)4 << 30}; /* nothing is flushed */
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
    _exit(stats.series == load.series && stats.samples == load.samples ? 0 : 1);
}
