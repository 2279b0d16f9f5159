/* `tidemark push`: the command around push.h. */
#include "server/cli/push.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/cli/command.h"
#include "server/cli/ship/ship.h"
#include "server/cli/units.h"

#define DEFAULT_TO "tcp://127.0.0.1:9701"

enum { TIMEOUT_MS = 5000, TRIES = 3, FLUSH_MS = 10000, NS_PER_MS = 1000000, PROGRESS_MS = 200 };

static volatile sig_atomic_t stop_asked;

static void ask_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

static const struct option push_options[] = {
    {.name = "format",
     .argument = "line|prometheus|" ACCESS_LOG_FORMATS,
     .fallback = "line",
     .text = "what the input is: line protocol, Prometheus' text format (its samples become fields named "
             "value), or an access log"},
    ACCESS_LOG_OPTIONS,
    {.name = "to",
     .argument = "URL",
     .fallback = DEFAULT_TO,
     .text = "ingest_rep listener, tcp://HOST:PORT or ipc://PATH"},
    {.name = "http", .text = "send to POST /write of --server instead of --to"},
    {.name = "precision",
     .argument = "ns|us|ms|s",
     .fallback = "ns",
     .text = "unit of the timestamps of lines"},
    {.name = "producer",
     .argument = "NAME",
     .text = "stable name of this sender (default host name and process id); needed with --spool"},
    {.name = "spool", .argument = "DIR", .text = "folder that keeps batches while tidemarkd does not answer"},
    {.name = "batch",
     .argument = "LINES",
     .fallback = "5000",
     .text = "lines per batch; a batch is also cut where it would pass 1 MiB"},
    {.name = "compress", .text = "send batches zstd-compressed"},
    {.name = "follow",
     .text = "keep reading files that grow, over rotation, until SIGINT or SIGTERM; what is new is sent each "
             "second"},
    {.name = "state",
     .argument = "FILE",
     .text =
         "access logs with --follow: what is sent already, for the next start (default the first log's name "
         "and .tidemark)"},
    {.name = "give-up",
     .argument = "SECONDS",
     .fallback = "60",
     .text = "without an answer for this long, stop; with --follow and 0 never, as it is for access logs"},
    {.name = "quiet", .text = "no progress, no summary"},
    {0},
};

/* What push_command needs besides the pusher. */
struct job {
    struct push push;
    struct access_log log;
    struct sender_options options;
    const char *state_path;
    bool is_follow;
    bool is_ship; /* access logs are followed */
    struct sender *sender;
    struct push_source *sources;
    const char **names;
    size_t count;
    bool quiet;
    bool json;
    bool progress;
    int64_t start_ns;
    int64_t shown_ns;
};

/* One line on a terminal, rewritten in place. push is the first member of its job. */
static void show_progress(struct push *push)
{
    struct job *job = (struct job *)push;
    int64_t now_ns = clock_mono_ns(clock_system());
    if (!job->progress || now_ns - job->shown_ns < (int64_t)PROGRESS_MS * NS_PER_MS)
        return;
    job->shown_ns = now_ns;
    char lines[UNITS_TEXT_BYTES];
    char rate[UNITS_TEXT_BYTES];
    double seconds = (double)(now_ns - job->start_ns) / 1e9;
    fprintf(stderr, "\r\x1b[K%s lines, %.1f MB, %s lines/s", units_count((int64_t)push->line_count, lines),
            (double)push->byte_count / 1e6,
            units_rate(seconds > 0 ? (double)push->line_count / seconds : 0, rate));
    fflush(stderr);
}

/* At most the time after which the user wants to know. */
static int within_give_up(int64_t give_up_ms, int ms)
{
    return give_up_ms && give_up_ms < ms ? (int)give_up_ms : ms;
}

static enum tm_err read_format(const struct args *args, struct job *job, struct tm_why *why)
{
    const char *format = options_text(args, "format");
    bool is_log = access_log_is_format(format, &job->log.format);
    job->push.prometheus = strcmp(format, "prometheus") == 0;
    job->push.log = is_log ? &job->log : NULL;
    if (!is_log && !job->push.prometheus && strcmp(format, "line") != 0)
        return tm_fail(why, TM_INVALID,
                       "--format is one of line|prometheus|" ACCESS_LOG_FORMATS ", not \"%.100s\"", format);
    if (job->push.prometheus && options_given(args, "precision"))
        return tm_fail(why, TM_INVALID, "Prometheus' timestamps are always ms; leave out --precision");
    if (is_log && options_given(args, "precision"))
        return tm_fail(why, TM_INVALID, "a log's times have their own form; leave out --precision");
    return is_log ? access_log_settings(args, &job->log, why) : access_log_unused(args, format, why);
}

static enum tm_err check_together(const struct args *args, struct job *job, struct tm_why *why)
{
    if (options_given(args, "spool") && !options_given(args, "producer"))
        return tm_fail(why, TM_INVALID, "--spool needs --producer NAME, the same one on each run");
    if (options_given(args, "http") && options_given(args, "to"))
        return tm_fail(why, TM_INVALID, "--http sends to --server; leave out --to");
    bool is_ship = job->push.log && job->is_follow;
    job->is_ship = is_ship;
    if (is_ship && options_given(args, "spool"))
        return tm_fail(why, TM_INVALID, "a log that is followed keeps what is not sent; leave out --spool");
    if (is_ship && !args->operand_count)
        return tm_fail(why, TM_INVALID, "--follow needs names of files");
    if (options_given(args, "state") && !is_ship)
        return tm_fail(why, TM_INVALID, "--state is for access logs with --follow");
    return TM_OK;
}

static enum tm_err read_settings(const struct args *args, struct job *job, struct tm_why *why)
{
    int64_t batch_lines;
    int64_t give_up_s;
    job->is_follow = options_given(args, "follow");
    enum tm_err err = options_number(args, "batch", 1, 1000000, &batch_lines, why);
    if (!err)
        err = options_number(args, "give-up", 0, 86400, &give_up_s, why);
    if (!err)
        err = read_format(args, job, why);
    if (!err)
        err = check_together(args, job, why);
    if (err)
        return err;
    /* The log keeps what is not sent, so there is no need to give up. */
    if (job->is_ship && !options_given(args, "give-up"))
        give_up_s = 0;
    job->push.batch_lines = (size_t)batch_lines;
    job->push.give_up_ms = give_up_s * 1000;
    job->quiet = options_given(args, "quiet");
    job->json = options_given(args, "json");
    job->progress = !job->quiet && isatty(STDERR_FILENO);
    job->state_path = options_text(args, "state");
    job->options = (struct sender_options){
        .url = options_given(args, "http") ? NULL : options_text(args, "to"),
        .server = command_server(args),
        .producer = options_text(args, "producer"),
        .spool_dir = options_text(args, "spool"),
        .precision = job->push.prometheus ? "ms" : options_text(args, "precision"),
        .compress = options_given(args, "compress"),
        .timeout_ms = within_give_up(job->push.give_up_ms, TIMEOUT_MS),
        .max_tries = TRIES,
    };
    return TM_OK;
}

static enum tm_err make_sources(const struct args *args, struct job *job, struct tm_why *why)
{
    job->count = args->operand_count ? (size_t)args->operand_count : 1;
    job->sources = calloc(job->count, sizeof *job->sources);
    job->names = calloc(job->count + 1, sizeof *job->names);
    if (!job->sources || !job->names)
        return tm_fail(why, TM_NOMEM, "out of memory");
    for (size_t i = 0; i < job->count; i++) {
        const char *name = args->operand_count ? args->operands[i] : "-";
        bool is_stdin = strcmp(name, "-") == 0;
        if (is_stdin && options_given(args, "follow"))
            return tm_fail(why, TM_INVALID,
                           "--follow needs names of files; standard input is read to its end anyway");
        job->names[i] = is_stdin ? "stdin" : name;
        job->sources[i] = (struct push_source){.file = (uint32_t)i, .fd = is_stdin ? STDIN_FILENO : -1};
    }
    job->names[job->count] =
        "the batch before the restart"; /* where the files' lines are not known any more */
    job->push.file_names = job->names;
    return TM_OK;
}

static enum tm_err push_files(struct job *job)
{
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < job->count && !err; i++) {
        struct push_source *source = &job->sources[i];
        bool end = false;
        if (source->fd < 0)
            source->fd = open(job->names[i], O_RDONLY | O_CLOEXEC);
        if (source->fd < 0)
            return tm_fail(&job->push.why, TM_IO, "cannot read %s: %s", job->names[i], strerror(errno));
        while (!err && !end)
            err = push_read(&job->push, source, &end);
        if (source->fd != STDIN_FILENO)
            close(source->fd);
        source->fd = -1;
    }
    return err;
}

static enum tm_err follow_logs(struct job *job)
{
    struct ship_options options = {.names = job->names,
                                   .name_count = job->count,
                                   .state_path = job->state_path,
                                   .batch_lines = job->push.batch_lines,
                                   .log = &job->log,
                                   .sender = job->options};
    options.sender.max_tries = 1; /* so that a signal is soon heard */
    return ship_logs(&job->push, &options);
}

static enum tm_err follow_files(struct job *job)
{
    struct sigaction action = {.sa_handler = ask_stop};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    job->push.stop = &stop_asked;
    return job->is_ship ? follow_logs(job) : push_follow(&job->push, job->sources, job->count);
}

static void print_text(const struct job *job, uint64_t accepted, uint64_t waiting)
{
    const struct push *push = &job->push;
    printf("pushed %" PRIu64 " lines: %" PRIu64 " accepted, %" PRIu64 " refused", push->line_count, accepted,
           push->refused_count);
    if (push->duplicate_count)
        printf(", %" PRIu64 " of them known already", push->duplicate_count);
    if (push->lost_count)
        printf(", %" PRIu64 " not acknowledged", push->lost_count);
    if (waiting > push->lost_count)
        printf(", %" PRIu64 " kept in the spool", waiting - push->lost_count);
    putchar('\n');
}

static int print_json(const struct job *job, uint64_t accepted, uint64_t waiting)
{
    const struct push *push = &job->push;
    struct bytes out = {0};
    bytes_printf(&out,
                 "{\"lines\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"accepted\":%" PRIu64 ",\"refused\":%" PRIu64
                 ",\"duplicate\":%" PRIu64 ",\"unacknowledged\":%" PRIu64 ",\"spooled\":%" PRIu64
                 ",\"errors\":",
                 push->line_count, push->byte_count, accepted, push->refused_count, push->duplicate_count,
                 push->lost_count, waiting - push->lost_count);
    push_json_refusals(push, &out);
    bytes_printf(&out, "}\n");
    bool ok = !bytes_error(&out) && fwrite(out.data, 1, out.len, stdout) == out.len;
    bytes_fini(&out);
    return ok ? 0 : -1;
}

/* Says what became of the lines; the exit code. */
static int report(struct job *job, enum tm_err err)
{
    const struct push *push = &job->push;
    if (job->progress && job->shown_ns)
        fputs("\r\x1b[K", stderr);
    uint64_t waiting = push_unacknowledged(push);
    uint64_t settled = push->line_count > waiting ? push->line_count - waiting : 0;
    uint64_t accepted = settled > push->refused_count ? settled - push->refused_count : 0;
    if (!job->json && !job->is_ship) /* it told them while it ran */
        push_print_refusals(push, PUSH_REFUSALS_MAX, push->refused_count);
    if (err)
        fprintf(stderr, "tidemark: %s\n", push->why.text);
    else if (waiting)
        fprintf(stderr, "tidemark: %s\n", sender_error(push->sender));
    if (job->json) {
        if (print_json(job, accepted, waiting) != 0)
            return EXIT_FAILED;
    } else if (!job->quiet) {
        print_text(job, accepted, waiting);
    }
    return err || waiting || push->refused_count ? EXIT_FAILED : EXIT_OK;
}

static int run_job(struct job *job)
{
    job->start_ns = clock_mono_ns(clock_system());
    job->push.on_sent = show_progress;
    enum tm_err err = job->is_follow ? follow_files(job) : push_files(job);
    if (!job->sender)
        return report(job, err);
    if (err != TM_CLOSED) {
        enum tm_err sent = push_send(&job->push);
        err = err ? err : sent;
    }
    if (sender_spooled(job->sender))
        (void)sender_flush(job->sender, within_give_up(job->push.give_up_ms, FLUSH_MS));
    return report(job, err);
}

static void close_job(struct job *job)
{
    sender_close(job->sender);
    for (size_t i = 0; job->sources && i < job->count; i++)
        bytes_fini(&job->sources[i].rest);
    push_fini(&job->push);
    access_log_fini(&job->log);
    free(job->sources);
    free(job->names);
    free(job);
}

static int run_push(const struct args *args)
{
    struct tm_why why = {0};
    struct key key = {0};
    int code = EXIT_USAGE;
    struct job *job = calloc(1, sizeof *job);
    if (!job || read_settings(args, job, &why) || make_sources(args, job, &why))
        goto out;
    code = EXIT_FAILED;
    if (command_key(args, &key, &why))
        goto out;
    job->options.key_name = *key.name ? key.name : NULL;
    job->options.key_secret = *key.name ? key.secret : NULL;
    /* A shipper of logs opens its own: the batches' numbers are in its state. */
    enum tm_err err = job->is_ship ? TM_OK : sender_open(&job->options, &job->sender, &why);
    if (err) {
        code = err == TM_INVALID ? EXIT_USAGE : EXIT_FAILED;
        goto out;
    }
    job->push.sender = job->sender;
    code = run_job(job);
out:
    explicit_bzero(&key, sizeof key);
    if (why.text[0])
        (void)command_fail(code, &why);
    if (!job)
        return EXIT_FAILED;
    close_job(job);
    return code;
}

const struct command push_command = {
    .name = "push",
    .summary = "send line protocol, Prometheus text or access logs, and wait until they are durable",
    .operands = "[FILE...]",
    .details = "Reads files, or standard input when none is named or for `-`. A batch is acknowledged "
               "only when it is on tidemarkd's disk; one without an answer is sent again under the same "
               "number, so that it counts once. Refused lines are named with file and line; the others "
               "of the batch are taken.\n"
               "Access logs (--format) with --follow: each line is sent as one event, once, also over "
               "rotation (rename or copytruncate), kill -9 and restart; --state is what that takes.",
    .examples = "echo 'cpu,service=cart value=0.93' | tidemark push\n"
                "tidemark push metrics.lp --precision ms\n"
                "tidemark push --follow access.log --format combined --service shop",
    .exits = "0 every line was taken and is durable\n1 a line was refused or not acknowledged\n2 wrong usage",
    .options = push_options,
    .run = run_push,
};
