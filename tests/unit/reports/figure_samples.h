/* Weeks to draw: a typical one, an empty one, one with a single number, one with the longest names, one in
 * Korean, one with 2,000 groups, one of hostile bytes. */
#ifndef TM_TESTS_REPORTS_FIGURE_SAMPLES_H
#define TM_TESTS_REPORTS_FIGURE_SAMPLES_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/figures/figures.h"

enum { SAMPLE_HOUR_MS = 3600000, SAMPLE_HOURS = 168, SAMPLE_GROUPS = 2000, SAMPLE_NAME_BYTES = 100000 };

enum sample_kind { TYPICAL, EMPTY, SINGLE, LONGEST, KOREAN, MANY, HOSTILE, SAMPLE_COUNT };

static const char *const sample_names[SAMPLE_COUNT] = {"typical", "empty", "single", "longest",
                                                       "korean",  "many",  "hostile"};

struct sample {
    struct figures figures;
    enum figure_language language;
    double count[FIGURE_HOURS_MAX], low[FIGURE_HOURS_MAX], high[FIGURE_HOURS_MAX];
    double classes[FIGURE_CLASSES][FIGURE_HOURS_MAX];
    double latency[3][FIGURE_HOURS_MAX];
    double heat[7][24];
    struct figure_mark marks[300];
    struct figure_shade shades[4];
    struct figure_deploy deploys[300];
    struct figure_group groups[SAMPLE_GROUPS];
    struct figure_trend_week trend[8];
    char names[SAMPLE_GROUPS][96];
    char long_name[SAMPLE_NAME_BYTES];
};

/* Monday 16 November 2026, 00:00 in Seoul. */
#define SAMPLE_FROM (INT64_C(1794787200000) - 9 * SAMPLE_HOUR_MS)

/* The same on every machine. */
static double sample_noise(unsigned *state)
{
    *state = *state * 1664525U + 1013904223U;
    return (double)(*state >> 8) / (double)(1U << 24);
}

static void fill_hours(struct sample *s, double scale)
{
    unsigned state = 7;
    for (size_t i = 0; i < SAMPLE_HOURS; i++) {
        double day = 1 + sin(((double)(i % 24) - 9) / 24 * 6.2832);
        double usual = scale * (40 + 80 * day) * (i >= 120 ? 0.7 : 1);
        double fault = i >= 62 && i < 66 ? 6 : i >= 110 && i < 113 ? 1.7 : 1;
        double requests = 900 * usual;
        s->low[i] = floor(usual * 0.7);
        s->high[i] = ceil(usual * 1.35 + 5);
        s->count[i] = floor(usual * (0.8 + 0.4 * sample_noise(&state)) * fault);
        s->classes[3][i] = s->count[i];
        s->classes[2][i] = floor(requests * 0.03 * (0.9 + 0.2 * sample_noise(&state)));
        s->classes[1][i] = floor(requests * 0.06);
        s->classes[0][i] = requests - s->count[i];
        s->latency[0][i] = 18 + 6 * day + 4 * sample_noise(&state) * fault;
        s->latency[1][i] = s->latency[0][i] * (2.5 + sample_noise(&state));
        s->latency[2][i] = s->latency[1][i] * (3 + 2 * sample_noise(&state)) * fault;
        s->heat[i / 24][i % 24] = s->count[i];
    }
    for (size_t i = 90; i < 93; i++) {
        s->count[i] = s->low[i] = s->high[i] = NAN;
        s->latency[0][i] = s->latency[1][i] = s->latency[2][i] = NAN;
        s->heat[i / 24][i % 24] = NAN;
        for (size_t c = 0; c < FIGURE_CLASSES; c++)
            s->classes[c][i] = 0;
    }
}

static void fill_deploys(struct sample *s, size_t count, struct str label)
{
    static const struct figure_rate rates[] = {{0.0012, 0.0010, 0.0014}, {0.0011, 0.0008, 0.0016},
                                               {0.0013, 0.0009, 0.0019}, {0.0310, 0.0280, 0.0342},
                                               {0.0012, 0.0010, 0.0015}, {0.0021, 0.0013, 0.0033},
                                               {0.0010, 0.0008, 0.0013}, {0, 0, 0.0180},
                                               {NAN, NAN, NAN},          {0.0012, 0.0002, 0.0043}};
    static const enum figure_verdict verdicts[] = {FIGURE_OK, FIGURE_BAD, FIGURE_SUSPECT, FIGURE_UNDECIDED,
                                                   FIGURE_UNDECIDED};
    static const char *const versions[] = {"1.8.2", "1.8.3", "1.8.4-rc1", "1.8.4", "1.9.0"};
    for (size_t i = 0; i < count; i++) {
        time_ms_t time = SAMPLE_FROM + (time_ms_t)((i * 37 + 25) * 160 / (count * 37 + 30)) * SAMPLE_HOUR_MS;
        struct str name = label.len ? label : str_of(versions[i % 5]);
        s->marks[i] = (struct figure_mark){time, name, i % 5 == 1};
        s->deploys[i] =
            (struct figure_deploy){time, name, verdicts[i % 5], rates[i % 5 * 2], rates[i % 5 * 2 + 1]};
    }
    s->figures.hourly.mark_count = s->figures.deploys.count = count;
}

static void fill_groups(struct sample *s, size_t count, struct str name)
{
    static const char *const names[] = {
        "NullPointerException: Cannot invoke \"Cart.items()\" because \"cart\" is null",
        "SocketTimeoutException: Read timed out: inventory.internal:8443",
        "HTTP 502 POST /checkout/confirm",
        "DeadlockLoserDataAccessException: could not obtain lock on row",
        "KeyError: 'coupon_id'",
        "PaymentDeclined: issuer did not answer within 3000 ms",
        "IllegalStateException: session was invalidated",
        "HTTP 500 GET product",
        "JsonParseException: Unexpected character ('<' (code 60))",
        "OutOfMemoryError: Java heap space",
        "TypeError: undefined is not a function",
        "ConnectionResetError: [Errno 104]"};
    double total = 0;
    for (size_t i = 0; i < count; i++) {
        double last[] = {1.9, 0.4, 0, 1.02, 0.6, 0.97, 3, 1.1, 0, 0.95};
        struct figure_group *group = &s->groups[i];
        (void)snprintf(s->names[i], sizeof s->names[i], "%s%.0zu", names[i % 12], i / 12);
        group->name = name.len ? name : str_of(s->names[i]);
        group->count = floor(8000 / pow((double)i + 1, 0.9)) + 1;
        group->last_week = floor(group->count * last[i % 10]);
        total += group->count;
    }
    s->figures.groups = (struct figure_groups){s->groups, count, count, total};
}

static void fill_rest(struct sample *s)
{
    static const double trend[] = {41200, 39800, NAN, 40400, 44100, 38700, 36900, 61250};
    for (size_t i = 0; i < 8; i++)
        s->trend[i] = (struct figure_trend_week){2026, (int)i + 40, trend[i], trend[i] / 2900};
    s->shades[0] =
        (struct figure_shade){{SAMPLE_FROM + 62 * SAMPLE_HOUR_MS, SAMPLE_FROM + 66 * SAMPLE_HOUR_MS}, false};
    s->shades[1] =
        (struct figure_shade){{SAMPLE_FROM + 130 * SAMPLE_HOUR_MS, SAMPLE_FROM + 142 * SAMPLE_HOUR_MS}, true};
    s->figures.hourly = (struct figure_hourly){.count = s->count,
                                               .low = s->low,
                                               .high = s->high,
                                               .hours = SAMPLE_HOURS,
                                               .marks = s->marks,
                                               .shades = s->shades,
                                               .shade_count = 2};
    s->figures.heat.count = s->heat;
    s->figures.status =
        (struct figure_status){{s->classes[0], s->classes[1], s->classes[2], s->classes[3]}, SAMPLE_HOURS};
    s->figures.deploys.deploys = s->deploys;
    s->figures.trend = (struct figure_trend){s->trend, 8};
    s->figures.latency = (struct figure_latency){s->latency[0], s->latency[1], s->latency[2], SAMPLE_HOURS};
}

static void make_single(struct sample *s)
{
    for (size_t i = 0; i < SAMPLE_HOURS; i++) {
        s->count[i] = s->heat[i / 24][i % 24] = i == 50 ? 3 : NAN;
        for (size_t j = 0; j < 3; j++)
            s->latency[j][i] = i == 50 ? 20 * pow(3, (double)j) : NAN;
        for (size_t c = 0; c < FIGURE_CLASSES; c++)
            s->classes[c][i] = i == 50 && c == 3 ? 3 : 0;
    }
    s->figures.hourly.low = s->figures.hourly.high = NULL;
    s->figures.hourly.shade_count = 0;
    fill_deploys(s, 1, STR(""));
    fill_groups(s, 1, STR(""));
    for (size_t i = 0; i < 7; i++)
        s->trend[i].failures = s->trend[i].per_10k = NAN;
    s->trend[7] = (struct figure_trend_week){2026, 47, 3, NAN};
}

static void make_named(struct sample *s, const char *piece)
{
    size_t len = strlen(piece), at = 0;
    for (; at + len < sizeof s->long_name; at += len)
        memcpy(s->long_name + at, piece, len);
    fill_deploys(s, 9, (struct str){s->long_name, at});
    fill_groups(s, 40, (struct str){s->long_name, at});
    s->figures.week.zone = (struct str){s->long_name, at};
}

/* A sample on the heap; free() gives it back. */
static struct sample *sample_new(enum sample_kind kind)
{
    struct sample *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->figures.week =
        (struct figure_week){.span = {SAMPLE_FROM, SAMPLE_FROM + (time_ms_t)SAMPLE_HOURS * SAMPLE_HOUR_MS},
                             .offset_s = 9 * 3600,
                             .shift = INT64_MAX,
                             .zone = STR("Asia/Seoul")};
    if (kind == EMPTY)
        return s;
    fill_hours(s, kind == MANY ? 900 : 1);
    fill_rest(s);
    fill_deploys(s, kind == MANY ? 300 : 5, STR(""));
    fill_groups(s, kind == MANY ? SAMPLE_GROUPS : 14, STR(""));
    if (kind == SINGLE)
        make_single(s);
    if (kind == LONGEST)
        make_named(s, "com.example.checkout.infrastructure.PaymentGatewayTimeoutException");
    if (kind == HOSTILE)
        make_named(s, "'; system(\"touch /dev/shm/pwned\") `id` \\ \"@0@ <script>alert(1)</script>&\x01\xff\n"
                      "\xe2\x80\xae\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d]]>{0}%s");
    if (kind == KOREAN) {
        make_named(s, "결제게이트웨이 시간 초과: 카드사 응답이 없습니다 ");
        s->language = FIGURE_KOREAN;
    }
    return s;
}

#endif
