#include "server/cli/bench_load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "server/cli/bench_events.h"

enum { NS_PER_US = 1000, NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

enum tm_err bench_load_init(struct bench_load *load, const struct bench_plan *plan, size_t number,
                            struct sender *sender)
{
    size_t senders = (size_t)plan->sender_count;
    size_t first = plan->series_count * number / senders;
    size_t last = plan->series_count * (number + 1) / senders;
    *load = (struct bench_load){
        .plan = plan, .sender = sender, .number = number, .first = first, .series_count = last - first};
    enum tm_err err = bench_series_open(plan->seed, first, last, &load->series);
    if (!err && !bytes_reserve(&load->text, SENDER_BATCH_MAX_BYTES))
        err = TM_NOMEM;
    return err;
}

void bench_load_fini(struct bench_load *load)
{
    bench_series_close(load->series);
    bytes_fini(&load->text);
}

static void begin_step(struct bench_load *load)
{
    const struct bench_plan *plan = load->plan;
    if (plan->wall_time) {
        /* Two steps of one series must not have the same time. */
        time_ms_t now_ms = clock_wall_ms(clock_system());
        load->time = now_ms > load->time ? now_ms : load->time + 1;
    } else {
        load->time = plan->base_ms + load->step * plan->step_ms;
    }
    load->daily = bench_series_daily(load->time);
}

/* Fills up to the exact size with a comment, which the daemon skips. */
static void pad(struct bench_load *load, size_t size)
{
    if (load->text.len + 2 > size)
        return;
    uint8_t *at = load->text.data + load->text.len;
    memset(at, '#', size - load->text.len);
    load->text.data[size - 1] = '\n';
    load->text.len = size;
}

static int64_t lines_wanted(const struct bench_plan *plan, double elapsed_s)
{
    if (plan->payload_bytes)
        return INT64_MAX;
    bool burst = plan->burst_seconds > 0 && elapsed_s >= plan->burst_start_s &&
                 elapsed_s < plan->burst_start_s + plan->burst_seconds;
    return burst ? (int64_t)((double)plan->batch_lines * plan->burst_factor) : plan->batch_lines;
}

static char *put_line(struct bench_load *load, char *at)
{
    const struct bench_plan *plan = load->plan;
    if (plan->kind == BENCH_SAMPLES)
        return bench_series_line(load->series, load->index, load->time, load->daily, plan->jitter_ms, at);
    const struct bench_event event = {.seed = plan->seed,
                                      .number = load->first + load->index,
                                      .step = load->step,
                                      .urls = plan->urls,
                                      .time = load->time};
    int64_t amount = 0;
    at = plan->kind == BENCH_EVENTS ? bench_event_line(&event, at) : bench_tally_line(&event, at, &amount);
    load->amount += amount;
    return at;
}

size_t bench_load_batch(struct bench_load *load, double elapsed_s)
{
    const struct bench_plan *plan = load->plan;
    int64_t wanted = lines_wanted(plan, elapsed_s);
    size_t size = plan->payload_bytes ? (size_t)plan->payload_bytes : SENDER_BATCH_MAX_BYTES;
    /* A line never takes more than BENCH_LINE_MAX_BYTES; tighter for a payload, whose rest is padding. */
    size_t reserve = BENCH_LINE_MAX_BYTES;
    char *start = (char *)load->text.data;
    char *at = start;
    load->amount = 0;
    int64_t lines = 0;
    while (lines < wanted && (size_t)(at - start) + reserve <= size && load->series_count) {
        if (load->index == 0) {
            if (plan->steps && load->step >= plan->steps)
                break;
            begin_step(load);
        }
        at = put_line(load, at);
        lines++;
        if (++load->index == load->series_count) {
            load->index = 0;
            load->step++;
        }
    }
    load->text.len = (size_t)(at - start);
    if (plan->payload_bytes && lines)
        pad(load, size);
    return (size_t)lines;
}

int64_t bench_load_due_ns(const struct bench_load *load, int64_t k)
{
    const struct bench_plan *plan = load->plan;
    if (plan->rate <= 0)
        return 0;
    double turn = (double)k * (double)plan->sender_count + (double)load->number;
    return (int64_t)(turn / plan->rate * NS_PER_S);
}

static int64_t elapsed_ns(const struct bench_load *load)
{
    return clock_mono_ns(clock_system()) - load->plan->start_ns;
}

static void wait_until(const struct bench_load *load, int64_t due_ns)
{
    int64_t left_ns = due_ns - elapsed_ns(load);
    if (left_ns <= 0)
        return;
    struct timespec span = {.tv_sec = left_ns / NS_PER_S, .tv_nsec = left_ns % NS_PER_S};
    while (nanosleep(&span, &span) != 0 && errno == EINTR)
        continue;
}

static int64_t thread_cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* The line stands in the ledger before the next batch is sent: whoever kills us finds every acknowledged
 * batch there. One write, so that senders' lines do not mix. */
static void write_ledger(struct bench_load *load, size_t lines)
{
    char text[512];
    struct str body = bytes_view(&load->text);
    if (load->plan->ledger_fd < 0)
        return;
    int len = snprintf(text, sizeof text, "%s %" PRIu64 " %" PRIu64 " %zu %016" PRIx64 "\n",
                       sender_producer(load->sender), sender_epoch(load->sender), sender_seq(load->sender),
                       lines, (uint64_t)XXH3_64bits(body.ptr, body.len));
    if (write(load->plan->ledger_fd, text, (size_t)len) != len && !load->why.text[0])
        (void)tm_fail(&load->why, TM_IO, "cannot write the ledger: %s", strerror(errno));
}

static enum sender_state deliver(struct bench_load *load)
{
    int64_t begin_ns = elapsed_ns(load);
    enum sender_state state = sender_send(load->sender, bytes_view(&load->text));
    while (state == SENDER_UNSETTLED &&
           elapsed_ns(load) - begin_ns < load->plan->give_up_ms * (int64_t)NS_PER_MS)
        state = sender_again(load->sender);
    return state;
}

/* False: this sender can't go on. */
static bool send_batch(struct bench_load *load, size_t lines, int64_t from_ns)
{
    struct bench_report *report = &load->report;
    enum sender_state state = deliver(load);
    if (state == SENDER_SETTLED) {
        int64_t took_ns = elapsed_ns(load) - from_ns;
        bench_latency_add(&report->latency, took_ns > 0 ? (uint64_t)took_ns / NS_PER_US : 0);
        report->batches++;
        report->samples += lines;
        report->bytes += load->text.len;
        report->amount += load->amount;
        write_ledger(load, lines);
        return true;
    }
    if (!load->why.text[0])
        (void)tm_fail(&load->why, TM_IO, "%s", sender_error(load->sender));
    if (state == SENDER_REFUSED)
        report->rejected += lines;
    else
        report->unacknowledged++;
    return state == SENDER_REFUSED;
}

static void finish(struct bench_load *load)
{
    struct bench_report *report = &load->report;
    if (!load->sender)
        return;
    struct sender_counts counts = sender_counts(load->sender);
    report->rejected += counts.rejected;
    report->duplicates = counts.duplicates;
    report->busy = counts.busy;
    report->retries = counts.tries - (uint64_t)load->batch_number;
}

void bench_load_run(struct bench_load *load)
{
    const struct bench_plan *plan = load->plan;
    bool going = true;
    while (going) {
        int64_t due_ns = bench_load_due_ns(load, load->batch_number);
        int64_t now_ns = plan->rate > 0 ? due_ns : elapsed_ns(load);
        double elapsed_s = (double)now_ns / NS_PER_S;
        if (plan->seconds > 0 && elapsed_s >= plan->seconds)
            break;
        int64_t cpu_ns = thread_cpu_ns();
        size_t lines = bench_load_batch(load, elapsed_s);
        load->report.generate_seconds += (double)(thread_cpu_ns() - cpu_ns) / NS_PER_S;
        if (!lines)
            break;
        load->batch_number++;
        if (plan->rate > 0)
            wait_until(load, due_ns);
        if (load->sender) {
            going = send_batch(load, lines, plan->rate > 0 ? due_ns : elapsed_ns(load));
        } else {
            load->report.batches++;
            load->report.samples += lines;
            load->report.bytes += load->text.len;
            load->report.amount += load->amount;
        }
    }
    finish(load);
}
