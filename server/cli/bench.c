/* `tidemark bench`: options to plan, threads, report. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/cli/bench_load.h"
#include "server/cli/command.h"

enum { SENDERS_MAX = 256, TIMEOUT_MS = 5000, STEP_MS = 10000, NAME_MAX_BYTES = 128 };

static const struct option bench_options[] = {
    {.name = "to",
     .argument = "URL",
     .fallback = "tcp://127.0.0.1:9701",
     .text = "ingest_rep listener, tcp://HOST:PORT or ipc://PATH"},
    {.name = "http", .text = "send to POST /write of --server instead of --to"},
    {.name = "dry", .text = "make the text, send nothing: the generator's own cost"},
    {.name = "workload",
     .argument = "steady|quick|highcard|burst",
     .fallback = "quick",
     .text = "steady: 10,000 series, 8,640 steps of 10 s (86.4 M samples); quick: 360 steps (3.6 M); "
             "highcard: 1,000,000 series, 3 steps; burst: 10 batches/s of 200 lines in an open loop, for "
             "--burst-seconds --burst-factor times as many lines, 10 s of calm before and after"},
    {.name = "events",
     .text = "HTTP status events instead of samples; their page groups follow from the URLs"},
    {.name = "urls", .argument = "N", .fallback = "1000", .text = "events: different URLs of each page"},
    {.name = "tally",
     .text = "tallies of payments instead of samples; the report has the sum of their amounts"},
    {.name = "series", .argument = "N", .text = "number of series, instead of the workload's"},
    {.name = "steps", .argument = "N", .text = "samples per series, instead of the workload's"},
    {.name = "batch", .argument = "LINES", .text = "lines per batch (default 5000; burst 200)"},
    {.name = "senders",
     .argument = "N",
     .fallback = "1",
     .text = "threads, each with its own connection, producer and share of the series"},
    {.name = "rate",
     .argument = "BATCHES",
     .text = "open loop: so many batches a second of all senders together, latency counted from the "
             "scheduled instant (default: closed loop, the next batch after the answer)"},
    {.name = "payload",
     .argument = "BYTES",
     .text = "every batch exactly this long, padded with a comment; needs --seconds or --steps"},
    {.name = "seconds",
     .argument = "S",
     .text = "stop after this time; without --steps the lines then bear the time of sending"},
    {.name = "burst-factor",
     .argument = "F",
     .fallback = "30",
     .text = "lines per batch during the burst, times this"},
    {.name = "burst-seconds",
     .argument = "S",
     .text = "length of the burst, from second 10 on (workload burst: 60)"},
    {.name = "jitter-ms",
     .argument = "MS",
     .fallback = "0",
     .text = "move each timestamp by up to this much"},
    {.name = "seed", .argument = "N", .fallback = "42", .text = "same seed, same lines"},
    {.name = "base-ms",
     .argument = "MS",
     .text = "time of the first step (default: so that the last step is now)"},
    {.name = "producer",
     .argument = "NAME",
     .text = "name of the senders, a number is put behind it (default bench-PID)"},
    {.name = "epoch",
     .argument = "N",
     .text = "of the senders (default: the time); the same run under the same one is sent again, not new"},
    {.name = "ledger",
     .argument = "FILE",
     .text = "append one line per acknowledged batch: producer, epoch, seq, lines, XXH3 of the lines"},
    {.name = "compress", .text = "send batches zstd-compressed"},
    {.name = "give-up",
     .argument = "SECONDS",
     .fallback = "60",
     .text = "stop a sender whose batch gets no answer for this long"},
    {0},
};

struct workload {
    const char *name;
    int64_t series;
    int64_t steps;
    int64_t batch;
    double rate;
    double burst_seconds;
};

static const struct workload workloads[] = {
    {.name = "quick", .series = 10000, .steps = 360, .batch = 5000},
    {.name = "steady", .series = 10000, .steps = 8640, .batch = 5000},
    {.name = "highcard", .series = 1000000, .steps = 3, .batch = 5000},
    {.name = "burst", .series = 10000, .steps = 0, .batch = 200, .rate = 10, .burst_seconds = 60},
};

static const struct workload *find_workload(const char *name)
{
    for (size_t i = 0; i < sizeof workloads / sizeof workloads[0]; i++)
        if (strcmp(workloads[i].name, name) == 0)
            return &workloads[i];
    return NULL;
}

static enum tm_err number_or(const struct args *args, const char *name, int64_t min, int64_t max,
                             int64_t fallback, int64_t *out, struct tm_why *why)
{
    enum tm_err err = options_number(args, name, min, max, out, why);
    if (!err && !options_given(args, name))
        *out = fallback;
    return err;
}

static enum tm_err decimal_or(const struct args *args, const char *name, double max, double fallback,
                              double *out, struct tm_why *why)
{
    enum tm_err err = options_decimal(args, name, 0, max, out, why);
    if (!err && !options_given(args, name))
        *out = fallback;
    return err;
}

/* Every number of the command line, in its bounds. */
static enum tm_err read_numbers(const struct args *args, const struct workload *workload,
                                struct bench_plan *plan, struct tm_why *why)
{
    int64_t series = 0;
    int64_t seed = 0;
    int64_t urls = 0;
    enum tm_err err = number_or(args, "series", 1, 10000000, workload->series, &series, why);
    if (!err)
        err = number_or(args, "batch", 1, 1000000, workload->batch, &plan->batch_lines, why);
    if (!err)
        err = decimal_or(args, "rate", 1e6, workload->rate, &plan->rate, why);
    if (!err)
        err = decimal_or(args, "burst-seconds", 86400, workload->burst_seconds, &plan->burst_seconds, why);
    if (!err)
        err = decimal_or(args, "seconds", 1e6, plan->burst_seconds > 0 ? plan->burst_seconds + 20 : 0,
                         &plan->seconds, why);
    if (!err)
        err = number_or(args, "steps", 1, INT32_MAX, plan->seconds > 0 ? 0 : workload->steps, &plan->steps,
                        why);
    if (!err)
        err = number_or(args, "payload", BENCH_LINE_MAX_BYTES, SENDER_BATCH_MAX_BYTES, 0,
                        &plan->payload_bytes, why);
    if (!err)
        err = options_number(args, "senders", 1, SENDERS_MAX, &plan->sender_count, why);
    if (!err)
        err = options_decimal(args, "burst-factor", 0, 1000, &plan->burst_factor, why);
    if (!err)
        err = options_number(args, "jitter-ms", 0, 3600000, &plan->jitter_ms, why);
    if (!err)
        err = options_number(args, "give-up", 0, 86400, &plan->give_up_ms, why);
    if (!err)
        err = options_number(args, "seed", 0, INT64_MAX, &seed, why);
    if (!err)
        err = options_number(args, "urls", 1, INT32_MAX, &urls, why);
    plan->give_up_ms *= 1000;
    plan->urls = (uint32_t)urls;
    plan->series_count = (size_t)series;
    plan->seed = (uint64_t)seed;
    return err;
}

static enum tm_err read_plan(const struct args *args, struct bench_plan *plan, struct tm_why *why)
{
    const struct workload *workload = find_workload(options_text(args, "workload"));
    if (!workload)
        return tm_fail(why, TM_INVALID, "--workload is steady, quick, highcard or burst, not \"%s\"",
                       options_text(args, "workload"));
    *plan = (struct bench_plan){.step_ms = STEP_MS, .ledger_fd = -1, .burst_start_s = 10};
    enum tm_err err = read_numbers(args, workload, plan, why);
    if (err)
        return err;
    if (options_given(args, "http") && options_given(args, "to"))
        return tm_fail(why, TM_INVALID, "--http sends to --server; leave out --to");
    if (plan->payload_bytes && plan->seconds <= 0 && !options_given(args, "steps"))
        return tm_fail(why, TM_INVALID, "--payload needs --seconds or --steps");
    if (plan->sender_count > (int64_t)plan->series_count)
        return tm_fail(why, TM_INVALID, "more senders than series");
    if (options_given(args, "events") && options_given(args, "tally"))
        return tm_fail(why, TM_INVALID, "--events or --tally, not both");
    plan->kind = options_given(args, "events")  ? BENCH_EVENTS
                 : options_given(args, "tally") ? BENCH_TALLIES
                                                : BENCH_SAMPLES;
    plan->wall_time = !plan->steps && !options_given(args, "base-ms");
    time_ms_t now_ms = clock_wall_ms(clock_system());
    time_ms_t base_ms = (now_ms / STEP_MS - plan->steps) * STEP_MS;
    return number_or(args, "base-ms", 0, INT64_C(4102444800000), base_ms, &plan->base_ms, why);
}

static enum tm_err open_ledger(const struct args *args, struct bench_plan *plan, struct tm_why *why)
{
    const char *path = options_text(args, "ledger");
    if (!path)
        return TM_OK;
    plan->ledger_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    return plan->ledger_fd < 0 ? tm_fail(why, TM_IO, "cannot write %s: %s", path, strerror(errno)) : TM_OK;
}

static enum tm_err open_sender(const struct args *args, const struct key *key, size_t number,
                               struct sender **out, struct tm_why *why)
{
    char producer[NAME_MAX_BYTES];
    const char *name = options_text(args, "producer");
    int len = name ? snprintf(producer, sizeof producer, "%s-%zu", name, number)
                   : snprintf(producer, sizeof producer, "bench-%ld-%zu", (long)getpid(), number);
    if (len >= (int)sizeof producer)
        return tm_fail(why, TM_INVALID, "--producer is too long");
    int64_t epoch = 0;
    enum tm_err err = number_or(args, "epoch", 1, INT64_MAX, 0, &epoch, why);
    if (err)
        return err;
    struct sender_options options = {
        .url = options_given(args, "http") ? NULL : options_text(args, "to"),
        .server = command_server(args),
        .key_name = *key->name ? key->name : NULL,
        .key_secret = *key->name ? key->secret : NULL,
        .producer = producer,
        .epoch = (uint64_t)epoch,
        .precision = "ms",
        .compress = options_given(args, "compress"),
        .timeout_ms = TIMEOUT_MS,
        .max_tries = 1,
    };
    return sender_open(&options, out, why);
}

static void *run_thread(void *arg)
{
    bench_load_run(arg);
    return NULL;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void add_report(struct bench_report *sum, const struct bench_report *one)
{
    sum->samples += one->samples;
    sum->batches += one->batches;
    sum->bytes += one->bytes;
    sum->rejected += one->rejected;
    sum->duplicates += one->duplicates;
    sum->unacknowledged += one->unacknowledged;
    sum->retries += one->retries;
    sum->busy += one->busy;
    sum->amount += one->amount;
    sum->generate_seconds += one->generate_seconds;
    bench_latency_merge(&sum->latency, &one->latency);
}

/* Runs all loads at the same time and sums up. False: a thread could not be started. */
static bool run_loads(struct bench_plan *plan, struct bench_load *loads, struct bench_report *sum)
{
    pthread_t threads[SENDERS_MAX];
    size_t started = 0;
    double cpu_before = cpu_seconds();
    plan->start_ns = clock_mono_ns(clock_system());
    while (started < (size_t)plan->sender_count &&
           pthread_create(&threads[started], NULL, run_thread, &loads[started]) == 0)
        started++;
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
        add_report(sum, &loads[i].report);
    }
    sum->seconds = (double)(clock_mono_ns(clock_system()) - plan->start_ns) / 1e9;
    sum->cpu_seconds = cpu_seconds() - cpu_before;
    return started == (size_t)plan->sender_count;
}

static enum tm_err open_loads(const struct args *args, const struct bench_plan *plan,
                              struct bench_load *loads, struct tm_why *why)
{
    struct key key;
    enum tm_err err = command_key(args, &key, why);
    for (size_t i = 0; i < (size_t)plan->sender_count && !err; i++) {
        struct sender *sender = NULL;
        if (!options_given(args, "dry"))
            err = open_sender(args, &key, i, &sender, why);
        if (err)
            break;
        err = bench_load_init(&loads[i], plan, i, sender);
        if (err)
            (void)tm_fail(why, err, "out of memory");
    }
    explicit_bzero(&key, sizeof key);
    return err;
}

static int report_run(const struct args *args, const struct bench_plan *plan, const struct bench_load *loads,
                      const struct bench_report *sum)
{
    bench_report_print(sum, options_given(args, "json"), stdout);
    for (size_t i = 0; i < (size_t)plan->sender_count; i++) {
        if (!loads[i].why.text[0])
            continue;
        fprintf(stderr, "tidemark: sender %zu: %s\n", i, loads[i].why.text);
        break;
    }
    return sum->rejected || sum->unacknowledged ? EXIT_FAILED : EXIT_OK;
}

static int run_bench(const struct args *args)
{
    struct tm_why why = {0};
    struct bench_plan plan;
    enum tm_err err = read_plan(args, &plan, &why);
    if (err)
        return command_fail(EXIT_USAGE, &why);
    int code = EXIT_FAILED;
    struct bench_load *loads = calloc((size_t)plan.sender_count, sizeof *loads);
    struct bench_report *sum = calloc(1, sizeof *sum);
    if (!loads || !sum)
        err = tm_fail(&why, TM_NOMEM, "out of memory");
    if (!err)
        err = open_ledger(args, &plan, &why);
    if (!err)
        err = open_loads(args, &plan, loads, &why);
    if (!err && !run_loads(&plan, loads, sum))
        err = tm_fail(&why, TM_LIMIT, "cannot start a thread: %s", strerror(errno));
    code = err ? command_fail(err == TM_INVALID ? EXIT_USAGE : EXIT_FAILED, &why)
               : report_run(args, &plan, loads, sum);
    for (size_t i = 0; loads && i < (size_t)plan.sender_count; i++) {
        sender_close(loads[i].sender);
        bench_load_fini(&loads[i]);
    }
    if (plan.ledger_fd >= 0)
        close(plan.ledger_fd);
    free(loads);
    free(sum);
    return code;
}

const struct command bench_command = {
    .name = "bench",
    .summary = "send generated load and measure acknowledgements",
    .details = "Values look like a fleet's: request counters with a daily curve, latencies, CPU use and "
               "heap sizes of 50 services. They depend only on the seed, the series and the step.",
    .examples = "tidemark bench\n"
                "tidemark bench --workload burst --json\n"
                "tidemark bench --series 1000 --rate 20 --senders 4",
    .exits = "0 every line was taken and is durable\n1 a line was refused or a batch not acknowledged\n2 "
             "wrong usage",
    .options = bench_options,
    .run = run_bench,
};
