/* What raw HTTP events cost on disk and to search. Standard input: an access log (common log format). It goes
 * into a store of its own as the events of one service, COPIES times, 37 s apart, flushed at once or
 * every so many events. Prints one JSON line: bytes on disk for each event, events scanned with a filter for
 * each second of one core.
 *
 * usage: zcat LOG.gz | bench_events COPIES [EVENTS_A_FLUSH [squeeze]]
 * squeeze: the whole log's requests within its first day, in their order. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "storage/events/events.h"
#include "storage/store_private.h"

enum { LINE_BYTES = 8192, BATCH = 2000, COPY_MS = 37000, DAY_MS = 86400000 };

struct logged {
    time_ms_t time;
    char *method;
    char *url;
    char *group;
    int status;
    int64_t bytes;
};

static struct logged *all;
static size_t count, capacity;
static int64_t now_ms;

static time_ms_t wall(void *self)
{
    return *(const int64_t *)self;
}

static int64_t mono(void *self)
{
    return *(const int64_t *)self * 1000000;
}

static void ignore_wake(void *arg)
{
    (void)arg;
}

static void note_done(void *arg, enum tm_err err)
{
    *(int *)arg = err ? -1 : 1;
}

static void require(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "bench_events: %s failed\n", what);
    exit(1);
}

/* Numbers as {n}, no query string: about what page groups do. */
static char *group_of(const char *url)
{
    char *group = strdup(url), *to = group;
    require(group != NULL, "memory");
    for (const char *at = group; *at && *at != '?';) {
        if (*at < '0' || *at > '9') {
            *to++ = *at++;
            continue;
        }
        while (*at >= '0' && *at <= '9')
            at++;
        *to++ = '#';
    }
    *to = '\0';
    return group;
}

static void take_line(char *line)
{
    static char method[LINE_BYTES], url[LINE_BYTES], when[64], bytes[32];
    struct tm parts = {0};
    struct logged *to;
    int status;
    if (sscanf(line, "%*s %*s %*s [%63[^]]] \"%s %s %*[^\"]\" %d %31s", when, method, url, &status, bytes) !=
            5 ||
        !strptime(when, "%d/%b/%Y:%H:%M:%S", &parts))
        return;
    if (count == capacity) {
        capacity = capacity * 2 + 1024;
        all = realloc(all, capacity * sizeof *all);
        require(all != NULL, "memory");
    }
    to = &all[count++];
    *to = (struct logged){
        (time_ms_t)timegm(&parts) * 1000, strdup(method), strdup(url), group_of(url), status, atoll(bytes)};
}

static void squeeze(void)
{
    time_ms_t first = all[0].time, last = first;
    for (size_t i = 0; i < count; i++) {
        first = all[i].time < first ? all[i].time : first;
        last = all[i].time > last ? all[i].time : last;
    }
    time_ms_t day = first - first % DAY_MS;
    for (size_t i = 0; i < count; i++)
        all[i].time = day + (all[i].time - first) * (DAY_MS - 1000) / (last - first + 1);
}

static void send_copies(struct store *store, int copies, size_t flush_every)
{
    size_t sent = 0;
    for (size_t i = 0; i < count;) {
        struct batch *batch = store_batch_new(store);
        int done = 0;
        require(batch != NULL, "memory");
        for (int n = 0; n < BATCH && i < count; i++) {
            for (int copy = 0; copy < copies; copy++, n++, sent++) {
                const struct logged *from = &all[i];
                const struct http_event event = {.time = from->time + copy * COPY_MS,
                                                 .service = STR("shop"),
                                                 .method = str_of(from->method),
                                                 .url = str_of(from->url),
                                                 .page_group = str_of(from->group),
                                                 .agent = STR("desktop"),
                                                 .status = from->status,
                                                 .bytes = from->bytes,
                                                 .duration_us = -1,
                                                 .origin_us = -1,
                                                 .edge_us = -1,
                                                 .count = 1};
                require(store_batch_http(batch, &event) == TM_OK, "batch");
            }
        }
        require(store_submit(store, &batch, NULL, note_done, &done) == TM_OK, "submit");
        while (done == 0) {
            store_poll(store);
            (void)nanosleep(&(struct timespec){0, 50000}, NULL);
        }
        require(done > 0, "journal");
        if (flush_every > 0 && sent >= flush_every) {
            require(store_flush(store) == TM_OK, "flush");
            sent = 0;
        }
    }
    require(store_flush(store) == TM_OK, "flush");
}

static bool is_missing_image(void *arg, const struct http_event *event)
{
    (void)arg;
    return event->status == 404 && memmem(event->url.ptr, event->url.len, "image", 5);
}

static bool count_found(void *arg, const struct http_event *event)
{
    (void)event;
    ++*(uint64_t *)arg;
    return true;
}

static double cpu_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double scan_s(struct store *store, uint32_t needs, uint64_t *found)
{
    const struct events_query query = {
        .span = {INT64_MIN, INT64_MAX}, .matches = is_missing_image, .needs = needs};
    struct reader *reader = reader_of_store(store);
    struct tm_why why;
    require(reader != NULL, "reader");
    double before = cpu_s();
    *found = 0;
    require(events_scan(reader, &query, count_found, found, &why) == TM_OK, "scan");
    double took = cpu_s() - before;
    reader_close(reader);
    return took;
}

int main(int argc, char **argv)
{
    static char line[LINE_BYTES];
    char dir[] = "/tmp/tidemark-bench-XXXXXX", command[64];
    int copies = argc > 1 ? atoi(argv[1]) : 1;
    size_t flush_every = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    while (fgets(line, sizeof line, stdin))
        take_line(line);
    require(count > 0 && copies > 0 && mkdtemp(dir), "reading the log");
    if (argc > 3)
        squeeze();
    now_ms = all[count - 1].time;
    const struct clock clock = {&now_ms, wall, mono};
    const struct store_options options = {
        .dir = dir, .clock = &clock, .wake = ignore_wake, .head_bytes = (size_t)1 << 31};
    struct store *store;
    struct store_stats stats;
    struct tm_why why;
    uint64_t found;
    require(store_open(&options, &store, &why) == TM_OK, "opening the store");
    send_copies(store, copies, flush_every);
    now_ms += INT64_C(48) * 3600000;
    flush_settle(store);
    store_stats(store, &stats);
    double events = (double)count * copies;
    double some_s = scan_s(store, EVENTS_BIT(EVENTS_STATUS) | EVENTS_BIT(EVENTS_URL), &found);
    double all_s = scan_s(store, 0, &found);
    printf("{\"events\":%.0f,\"bytes\":%" PRIu64 ",\"bytes_an_event\":%.2f,\"flush_cpu_us_an_event\":%.2f,"
           "\"scan_events_a_core_s\":%.0f,\"scan_all_columns_events_a_core_s\":%.0f,\"found\":%" PRIu64 "}\n",
           events, stats.event_bytes, (double)stats.event_bytes / events,
           (double)stats.flush_cpu_ns / 1000 / events, events / some_s, events / all_s, found);
    store_close(store);
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}
