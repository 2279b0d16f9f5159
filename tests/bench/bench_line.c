/* What reading a batch of lines costs: nanoseconds per line and MB/s, by kind of line.
 * `make build/release/tests/bench/bench_line && build/release/tests/bench/bench_line [SECONDS]` */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "server/wire/line.h"

enum { BATCH_BYTES = 1 << 20, LINES_VARIED = 1000 };

static struct line line;
static volatile int64_t sink;

static int64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct sample_line {
    const char *name;
    const char *format; /* %d: varies with the line, four times at most */
    enum precision precision;
};

static const struct sample_line samples[] = {
    {"metric, 120 bytes",
     "http_requests_total,service=cart,page_group=home_page,pod=cart-%1$03d,zone=eu-west-1a,status=2xx "
     "value=123%1$03d 1704067%1$03d000\n",
     PRECISION_MS},
    {"metric, short", "up,job=a%1$03d value=1 1704067%1$03d000\n", PRECISION_MS},
    {"metric, 17 digits, ns",
     "load,service=cart,pod=cart-%1$03d value=0.12345678901234%1$03d 1704067%1$03d000000000\n", PRECISION_NS},
    {"metric, 10 fields",
     "mem,host=a%1$03d a=1%1$03di,b=2%1$03di,c=3.5,d=4%1$03d,e=5.25,f=6i,g=7.125,h=88888i,i=9,j=10 "
     "1704067%1$03d000000000\n",
     PRECISION_NS},
    {"http event",
     "http,service=shop,method=GET,status=404,page_group=product,cache=hit "
     "url=\"/product/%1$03d?ref=mail\",bytes=512i,duration_ms=45.%1$03d 1704067%1$03d000\n",
     PRECISION_MS},
    {"exception",
     "exception,service=cart,type=NullPointerException message=\"no item %1$03d\",stack=\"at "
     "a.b.C.d(C.java:17)\nat a.b.D.e(D.java:40)\nat a.b.E.f(E.java:%1$d)\" 1704067%1$03d000\n",
     PRECISION_MS},
};

static size_t fill_batch(const struct sample_line *sample, char *batch, size_t *lines)
{
    size_t len = 0;
    *lines = 0;
    for (int i = 0;; i++) {
        char text[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        int wrote = snprintf(text, sizeof text, sample->format, i % LINES_VARIED);
#pragma GCC diagnostic pop
        if (len + (size_t)wrote > BATCH_BYTES)
            return len;
        memcpy(batch + len, text, (size_t)wrote);
        len += (size_t)wrote;
        ++*lines;
    }
}

static size_t read_batch(struct str text, enum precision precision)
{
    struct line_reader reader;
    line_reader_init(&reader, text, precision, 1);
    size_t lines = 0;
    int64_t sum = 0;
    while (line_next(&reader, &line) == LINE_OK) {
        lines++;
        sum += line.time + line.field[0].value.number.mantissa + (int64_t)line.key.len;
    }
    sink = sum;
    return lines;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 1;
    char *batch = malloc(BATCH_BYTES);
    if (!batch)
        return 1;
    for (size_t s = 0; s < sizeof samples / sizeof samples[0]; s++) {
        size_t lines;
        size_t len = fill_batch(&samples[s], batch, &lines);
        int64_t best = INT64_MAX;
        for (int64_t start = now_ns(); now_ns() - start < (int64_t)(seconds * 1e9);) {
            int64_t begun = now_ns();
            if (read_batch((struct str){batch, len}, samples[s].precision) != lines)
                return 1;
            int64_t took = now_ns() - begun;
            best = took < best ? took : best;
        }
        printf("%-24s %4zu bytes  %6.1f ns/line  %7.0f MB/s\n", samples[s].name, len / lines,
               (double)best / (double)lines, (double)len / (double)best * 1e3);
    }
    free(batch);
    return 0;
}
