/* Feeds any store over HTTP with the series of `tidemark bench`: the same lines for every one of them, as
 * InfluxDB's line protocol or as Prometheus remote write (protobuf in a snappy block of literals only, so
 * that packing costs next to nothing on both sides). Prints one JSON line.
 *
 * usage: bench_feed influx|prom PORT PATH SERIES STEPS BASE_MS JITTER_MS CONNECTIONS   (loopback only)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/cli/bench_load.h"

enum { BATCH_LINES = 5000, STEP_MS = 10000, CONNECTIONS_MAX = 64, STEPS_APART = 30, ANSWER_BYTES = 1 << 16 };
enum {
    ARG_FORMAT = 1,
    ARG_PORT,
    ARG_PATH,
    ARG_SERIES,
    ARG_STEPS,
    ARG_BASE,
    ARG_JITTER,
    ARG_CONNECTIONS,
    ARGS
};

struct feed {
    struct bench_plan plan;
    bool is_prom;
    int port;
    const char *path;
    _Atomic int64_t steps[CONNECTIONS_MAX];
};

struct connection {
    struct feed *feed;
    struct bench_load load;
    struct bytes body;
    struct bytes one; /* of remote write: the time series under way */
    pthread_t thread;
    int fd;
    uint64_t acked;
    uint64_t refused;
    bool is_broken;
};

static _Noreturn void fail(const char *what)
{
    (void)fprintf(stderr, "bench_feed: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- remote write ---- */

static void put_field(struct bytes *out, unsigned field, const void *data, size_t len)
{
    bytes_u8(out, (uint8_t)(field << 3 | 2));
    bytes_varint(out, len);
    bytes_put(out, data, len);
}

static void put_label(struct bytes *out, const char *name, size_t name_len, const char *value,
                      size_t value_len)
{
    uint8_t room[300];
    struct bytes label = {.data = room, .capacity = sizeof room};
    put_field(&label, 1, name, name_len);
    put_field(&label, 2, value, value_len);
    put_field(out, 1, label.data, label.len);
}

/* "metric,tag=value,... value=V TIME\n", tags sorted by name, without escapes. Returns the next line. */
static const char *put_line(struct connection *c, const char *at)
{
    size_t len = strcspn(at, ",");
    uint8_t sample[24];
    char *end;
    bytes_clear(&c->one);
    put_label(&c->one, "__name__", 8, at, len);
    for (at += len; *at == ',';) {
        size_t name = strcspn(at + 1, "=");
        const char *value = at + 1 + name + 1;
        len = strcspn(value, ", ");
        put_label(&c->one, at + 1, name, value, len);
        at = value + len;
    }
    double number = strtod(at + strlen(" value="), &end);
    uint64_t time = strtoull(end, &end, 10);
    struct bytes packed = {.data = sample, .capacity = sizeof sample};
    bytes_u8(&packed, 1 << 3 | 1);
    bytes_put(&packed, &number, sizeof number);
    bytes_u8(&packed, 2 << 3);
    bytes_varint(&packed, time);
    put_field(&c->one, 2, packed.data, packed.len);
    put_field(&c->body, 1, c->one.data, c->one.len);
    return end + 1;
}

/* The text of the load as a remote-write body; how many bytes the snappy preamble takes before it. */
static size_t put_snappy_head(const struct bytes *body, uint8_t head[16])
{
    struct bytes out = {.data = head, .capacity = 16};
    bytes_varint(&out, body->len);
    bytes_u8(&out, 63 << 2);
    bytes_u32(&out, (uint32_t)body->len - 1);
    return out.len;
}

/* ---- HTTP ---- */

static int dial(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        fail("connecting");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static bool send_all(int fd, const void *data, size_t len)
{
    for (const char *at = data; len > 0;) {
        ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* The status of one answer, read to its end; 0 if the connection broke. */
static int read_answer(int fd)
{
    char answer[ANSWER_BYTES];
    size_t have = 0;
    char *body = NULL;
    while (!body && have < sizeof answer - 1) {
        ssize_t got = recv(fd, answer + have, sizeof answer - 1 - have, 0);
        if (got <= 0)
            return 0;
        have += (size_t)got;
        answer[have] = 0;
        body = strstr(answer, "\r\n\r\n");
    }
    int status = 0;
    if (!body || sscanf(answer, "HTTP/1.1 %d", &status) != 1)
        return 0;
    const char *length = strcasestr(answer, "content-length:");
    size_t wanted = length && length < body ? strtoul(length + strlen("content-length:"), NULL, 10) : 0;
    size_t left = have - (size_t)(body + 4 - answer);
    if (status >= 300)
        (void)fprintf(stderr, "bench_feed: %d %.300s\n", status, body + 4);
    for (ssize_t got = 1; left < wanted && got > 0; left += (size_t)got)
        got = recv(fd, answer, sizeof answer, 0);
    return status;
}

static bool post(struct connection *c, size_t lines)
{
    static const char prom[] = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n"
                               "X-Prometheus-Remote-Write-Version: 0.1.0\r\n";
    char head[512];
    uint8_t preamble[16];
    size_t preamble_len = 0;
    const struct bytes *body = &c->load.text;
    if (c->feed->is_prom) {
        bytes_clear(&c->body);
        c->load.text.data[c->load.text.len] = 0; /* a batch never fills its room */
        const char *at = (const char *)c->load.text.data;
        for (size_t i = 0; i < lines; i++)
            at = put_line(c, at);
        preamble_len = put_snappy_head(&c->body, preamble);
        body = &c->body;
    }
    int len =
        snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: %zu\r\n%s\r\n",
                 c->feed->path, c->feed->port, preamble_len + body->len,
                 c->feed->is_prom ? prom : "Content-Type: text/plain\r\n");
    if (!send_all(c->fd, head, (size_t)len) || !send_all(c->fd, preamble, preamble_len) ||
        !send_all(c->fd, body->data, body->len))
        return false;
    int status = read_answer(c->fd);
    *(status < 300 ? &c->acked : &c->refused) += lines;
    return status > 0;
}

/* ---- connections ---- */

/* No connection is far ahead of another: some stores refuse what is an hour behind their newest. */
static void wait_for_others(const struct connection *c)
{
    const struct feed *feed = c->feed;
    for (int64_t i = 0; i < feed->plan.sender_count; i++) {
        while (atomic_load(&feed->steps[i]) + STEPS_APART < c->load.step)
            usleep(500);
    }
}

static void *run(void *arg)
{
    struct connection *c = arg;
    size_t lines;
    while (!c->is_broken && (lines = bench_load_batch(&c->load, 0)) > 0) {
        atomic_store(&c->feed->steps[c->load.number], c->load.step);
        wait_for_others(c);
        c->is_broken = !post(c, lines);
    }
    atomic_store(&c->feed->steps[c->load.number], INT64_MAX / 2);
    return NULL;
}

static void report(const struct feed *feed, const struct connection *connections, int64_t start_ns)
{
    struct rusage usage;
    uint64_t acked = 0, refused = 0;
    int broken = 0;
    for (int64_t i = 0; i < feed->plan.sender_count; i++) {
        acked += connections[i].acked;
        refused += connections[i].refused;
        broken += connections[i].is_broken;
    }
    (void)getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
    double wall = (double)(clock_mono_ns(clock_system()) - start_ns) * 1e-9;
    printf("{\"acked\":%" PRIu64 ",\"refused\":%" PRIu64
           ",\"broken\":%d,\"seconds\":%.3f,\"client_cpu_s\":%.3f}\n",
           acked, refused, broken, wall, cpu);
}

static int64_t number(char **argv, int which)
{
    return strtoll(argv[which], NULL, 10);
}

int main(int argc, char **argv)
{
    static struct connection connections[CONNECTIONS_MAX];
    static struct feed feed;
    if (argc != ARGS || number(argv, ARG_CONNECTIONS) < 1 ||
        number(argv, ARG_CONNECTIONS) > CONNECTIONS_MAX) {
        (void)fprintf(stderr,
                      "usage: bench_feed influx|prom PORT PATH SERIES STEPS BASE_MS JITTER_MS CONNECTIONS\n");
        return 2;
    }
    feed.is_prom = strcmp(argv[ARG_FORMAT], "prom") == 0;
    feed.port = (int)number(argv, ARG_PORT);
    feed.path = argv[ARG_PATH];
    feed.plan = (struct bench_plan){.series_count = (size_t)number(argv, ARG_SERIES),
                                    .steps = number(argv, ARG_STEPS),
                                    .batch_lines = BATCH_LINES,
                                    .sender_count = number(argv, ARG_CONNECTIONS),
                                    .jitter_ms = number(argv, ARG_JITTER),
                                    .seed = 42,
                                    .base_ms = number(argv, ARG_BASE),
                                    .step_ms = STEP_MS,
                                    .ledger_fd = -1};
    for (size_t i = 0; i < (size_t)feed.plan.sender_count; i++) {
        connections[i].feed = &feed;
        connections[i].fd = dial(feed.port);
        if (bench_load_init(&connections[i].load, &feed.plan, i, NULL) != TM_OK)
            fail("making series");
    }
    int64_t start_ns = clock_mono_ns(clock_system());
    for (size_t i = 0; i < (size_t)feed.plan.sender_count; i++) {
        if (pthread_create(&connections[i].thread, NULL, run, &connections[i]) != 0)
            fail("starting a thread");
    }
    for (size_t i = 0; i < (size_t)feed.plan.sender_count; i++)
        (void)pthread_join(connections[i].thread, NULL);
    report(&feed, connections, start_ns);
    return 0;
}
