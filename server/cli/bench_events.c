#include "server/cli/bench_events.h"

#include <string.h>

#include "server/cli/bench_series.h"

enum { METHODS = 3, PAGES_A_POD = 5 };

static uint64_t draw(const struct bench_event *event)
{
    uint64_t z = event->seed + (uint64_t)event->number * UINT64_C(0x9E3779B97F4A7C15) +
                 (uint64_t)event->step * UINT64_C(0xD6E8FEB86659FD93);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static inline char *put_text(char *at, const char *text)
{
    while (*text)
        *at++ = *text++;
    return at;
}

static inline char *put_number(char *at, uint64_t value)
{
    char digits[20];
    size_t n = sizeof digits;
    do {
        digits[--n] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    memcpy(at, digits + n, sizeof digits - n);
    return at + (sizeof digits - n);
}

static inline char *put_end(char *at, time_ms_t time)
{
    *at++ = ' ';
    at = put_number(at, (uint64_t)time);
    *at++ = '\n';
    return at;
}

char *bench_event_line(const struct bench_event *event, char *at)
{
    static const char *const statuses[] = {
        ",status=200,cache=", ",status=304,cache=", ",status=404,cache=", ",status=503,cache="};
    uint64_t r = draw(event);
    size_t pod = event->number / BENCH_SERIES_PER_POD;
    unsigned share = r & 0xffff; /* of 65,536: 90 %, 6 %, 3.5 %, 0.5 % */
    size_t status = share < 58982 ? 0 : share < 62914 ? 1 : share < 65208 ? 2 : 3;
    at = put_text(at, "http,service=");
    at = put_text(at, bench_service_name(pod));
    at = put_text(at, r >> 20 & 7 ? ",method=GET" : ",method=POST");
    at = put_text(at, statuses[status]);
    at = put_text(at, r >> 24 & 3 ? "hit url=\"/" : "miss url=\"/");
    at = put_text(at, bench_page_name(pod * 3 + (r >> 16) % PAGES_A_POD * 4));
    *at++ = '/';
    at = put_number(at, (r >> 28) % event->urls);
    at = put_text(at, "\",bytes=");
    at = put_number(at, r >> 38 & 0x3fff);
    at = put_text(at, "i,duration_ms=");
    at = put_number(at, 5 + (r >> 52 & 0x7f));
    *at++ = '.';
    *at++ = (char)('0' + (r >> 59) % 10);
    return put_end(at, event->time);
}

char *bench_tally_line(const struct bench_event *event, char *at, int64_t *amount)
{
    static const char *const methods[METHODS] = {
        ",method=card,shop=", ",method=paypal,shop=", ",method=invoice,shop="};
    uint64_t r = draw(event);
    *amount = (int64_t)(r >> 20 & 0xfffff) + 1;
    at = put_text(at, "tally,name=payment,service=");
    at = put_text(at, bench_service_name(event->number / BENCH_SERIES_PER_POD));
    at = put_text(at, methods[(r & 0xffff) % METHODS]);
    at = put_number(at, event->number);
    at = put_text(at, " amount=");
    at = put_number(at, (uint64_t)*amount);
    at = put_text(at, "i,items=");
    at = put_number(at, 1 + (r >> 40 & 7));
    *at++ = 'i';
    return put_end(at, event->time);
}
