#include "server/cli/bench_series.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { COUNTER, LATENCY, CPU, HEAP };
enum { SERVICES = 50, PAGES = 20, PAGES_PER_SERVICE = 5, STATUSES = 4, QUANTILES = 3, CORES = 8, POOLS = 7 };
enum {
    FIRST_LATENCY = PAGES_PER_SERVICE * STATUSES,
    FIRST_CPU = FIRST_LATENCY + PAGES_PER_SERVICE * QUANTILES,
    FIRST_HEAP = FIRST_CPU + CORES,
    STEPS_PER_DAY = 8640,
    STEP_S = 10
};

static const char *const services[SERVICES] = {
    "cart",          "checkout",      "payment",   "catalog",      "search",  "pricing",   "inventory",
    "shipping",      "tax",           "promo",     "coupon",       "loyalty", "recommend", "review",
    "wishlist",      "account",       "auth",      "session",      "profile", "address",   "order",
    "order-history", "returns",       "refund",    "fraud",        "risk",    "email",     "sms",
    "push",          "notify",        "media",     "image-resize", "cms",     "banner",    "ads",
    "geo",           "store-locator", "gift-card", "subscription", "billing", "ledger",    "invoice",
    "warehouse",     "picking",       "carrier",   "tracking",     "chat",    "support",   "edge-gateway",
    "graphql"};
static const char *const pages[PAGES] = {"home",
                                         "category",
                                         "search-results",
                                         "product-detail",
                                         "cart",
                                         "checkout-address",
                                         "checkout-payment",
                                         "checkout-confirm",
                                         "login",
                                         "register",
                                         "account",
                                         "orders",
                                         "returns",
                                         "wishlist",
                                         "gift",
                                         "landing",
                                         "blog",
                                         "help",
                                         "api-public",
                                         "api-mobile"};
static const char *const regions[] = {"eu-west-1", "us-east-1", "ap-south-1"};
static const char *const statuses[STATUSES] = {"2xx", "3xx", "4xx", "5xx"};
static const double status_shares[STATUSES] = {0.90, 0.06, 0.035, 0.005};
static const char *const quantiles[QUANTILES] = {"0.5", "0.95", "0.99"};
static const double quantile_factors[QUANTILES] = {1.0, 3.1, 6.5};
static const char *const pools[POOLS] = {"eden",       "survivor", "old",   "metaspace",
                                         "code-cache", "class",    "direct"};

struct one {
    uint64_t random;
    double level;    /* rate, mean or capacity, by kind */
    double drift;    /* state of the noise */
    int64_t value;   /* last value, as an integer of the kind's decimals */
    uint32_t prefix; /* offset into the texts */
    uint16_t prefix_len;
    uint8_t kind;
    uint8_t sub;
    int32_t restart_step; /* the pod restarts here, -1: never */
    int32_t step;
};

struct bench_series {
    size_t first;
    size_t count;
    struct one *series;
    struct bytes texts;
};

/* splitmix64: one multiplication chain per number, no state but a counter. */
static inline uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

static inline double draw_unit(uint64_t *state)
{
    return (double)(draw(state) >> 11) * 0x1p-53;
}

/* Sum of four uniform numbers: near enough to a normal one, of variance 1. */
static inline double draw_normal(uint64_t *state)
{
    uint64_t r = draw(state);
    uint64_t sum = (r & 0xffff) + (r >> 16 & 0xffff) + (r >> 32 & 0xffff) + (r >> 48);
    return ((double)sum * 0x1p-16 - 2.0) * 1.7320508;
}

/* Events within a step. Small means by their first terms, large ones by the normal curve. */
static inline int64_t draw_events(uint64_t *state, double mean)
{
    if (mean >= 4) {
        double n = mean + draw_normal(state) * sqrt(mean) + 0.5;
        return n > 0 ? (int64_t)n : 0;
    }
    double left = draw_unit(state);
    double term = exp(-mean);
    int64_t n = 0;
    for (; left > term && n < 24; n++) {
        left -= term;
        term *= mean / (double)(n + 1);
    }
    return n;
}

static uint64_t mix(uint64_t seed, uint64_t what, uint64_t which)
{
    uint64_t state = seed ^ what * 0xD6E8FEB86659FD93ULL ^ which * 0xA0761D6478BD642FULL;
    return draw(&state);
}

static void name_pod(uint64_t seed, size_t pod, char *name, size_t size)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    uint64_t set = mix(seed, 1, pod % SERVICES);
    uint64_t own = mix(seed, 2, pod);
    char id[6] = "";
    for (size_t i = 0; i < sizeof id - 1; i++, own /= sizeof letters - 1)
        id[i] = letters[own % (sizeof letters - 1)];
    (void)snprintf(name, size, "%s-%010llx-%s", services[pod % SERVICES],
                   (unsigned long long)(set & 0xffffffffffULL), id);
}

static void open_counter(struct one *one, uint64_t seed, size_t pod, size_t at, const char *pod_name,
                         struct bytes *texts)
{
    size_t page = at / STATUSES;
    size_t status = at % STATUSES;
    uint64_t busy = mix(seed, 3, pod * PAGES_PER_SERVICE + page);
    one->kind = COUNTER;
    /* 0.05 to 30 requests a second, log-uniform. */
    one->level = 0.05 * pow(600.0, draw_unit(&busy)) * status_shares[status] * STEP_S;
    one->value = (int64_t)(one->level * STEPS_PER_DAY * 3 * draw_unit(&one->random));
    bytes_printf(texts, "http_requests_total,page_group=%s,pod=%s,region=%s,service=%s,status=%s value=",
                 pages[(pod * 3 + page * 4) % PAGES], pod_name, regions[pod / SERVICES % 3],
                 services[pod % SERVICES], statuses[status]);
}

static void open_latency(struct one *one, size_t pod, size_t at, const char *pod_name, struct bytes *texts)
{
    size_t page = at / QUANTILES;
    one->kind = LATENCY;
    one->level = (8 + 120 * draw_unit(&one->random)) * quantile_factors[at % QUANTILES];
    bytes_printf(texts, "request_latency_ms,page_group=%s,pod=%s,quantile=%s,region=%s,service=%s value=",
                 pages[(pod * 3 + page * 4) % PAGES], pod_name, quantiles[at % QUANTILES],
                 regions[pod / SERVICES % 3], services[pod % SERVICES]);
}

static void open_heap(struct one *one, size_t pod, size_t at, const char *pod_name, struct bytes *texts)
{
    one->kind = HEAP;
    one->sub = (uint8_t)at;
    one->level = (16 + 500 * draw_unit(&one->random)) * 1048576;
    one->drift = one->level * (0.01 + 0.05 * draw_unit(&one->random)); /* growth per step */
    one->value = (int64_t)(one->level * 0.3) & ~INT64_C(7);
    bytes_printf(texts, "heap_bytes,pod=%s,pool=%s,region=%s,service=%s value=", pod_name, pools[at],
                 regions[pod / SERVICES % 3], services[pod % SERVICES]);
}

static void open_one(struct one *one, uint64_t seed, size_t number, struct bytes *texts)
{
    size_t pod = number / BENCH_SERIES_PER_POD;
    size_t at = number % BENCH_SERIES_PER_POD;
    uint64_t fate = mix(seed, 4, pod);
    char pod_name[80];
    size_t start = texts->len;
    name_pod(seed, pod, pod_name, sizeof pod_name);
    *one = (struct one){.random = mix(seed, 5, number), .prefix = (uint32_t)start};
    one->restart_step = fate % 3 == 0 ? (int32_t)(fate / 3 % STEPS_PER_DAY) : -1;
    if (at < FIRST_LATENCY) {
        open_counter(one, seed, pod, at, pod_name, texts);
    } else if (at < FIRST_CPU) {
        open_latency(one, pod, at - FIRST_LATENCY, pod_name, texts);
    } else if (at < FIRST_HEAP) {
        one->kind = CPU;
        one->level = 0.1 + 0.5 * draw_unit(&one->random);
        bytes_printf(texts, "cpu_usage_ratio,core=%zu,pod=%s,region=%s,service=%s value=", at - FIRST_CPU,
                     pod_name, regions[pod / SERVICES % 3], services[pod % SERVICES]);
    } else {
        open_heap(one, pod, at - FIRST_HEAP, pod_name, texts);
    }
    one->prefix_len = (uint16_t)(texts->len - start);
}

enum tm_err bench_series_open(uint64_t seed, size_t first, size_t last, struct bench_series **out)
{
    *out = NULL;
    struct bench_series *set = calloc(1, sizeof *set);
    if (!set)
        return TM_NOMEM;
    set->first = first;
    set->count = last - first;
    set->series = calloc(set->count ? set->count : 1, sizeof *set->series);
    for (size_t i = 0; set->series && i < set->count; i++)
        open_one(&set->series[i], seed, first + i, &set->texts);
    if (!set->series || bytes_error(&set->texts) || set->texts.len > UINT32_MAX) {
        bench_series_close(set);
        return TM_NOMEM;
    }
    *out = set;
    return TM_OK;
}

void bench_series_close(struct bench_series *set)
{
    if (!set)
        return;
    bytes_fini(&set->texts);
    free(set->series);
    free(set);
}

double bench_series_daily(time_ms_t time)
{
    enum { DAY_MS = 86400000 };
    double turn = (double)(time % DAY_MS) / DAY_MS * 2 * M_PI;
    return 1.0 + 0.6 * sin(turn - 2 * M_PI * 14 / 24) + 0.15 * sin(2 * turn);
}

static int64_t next_heap(struct one *one, double daily)
{
    enum { FIRST_CALM_POOL = 3, CALM_STEP = 65536 };
    if (one->step == one->restart_step)
        one->value = (int64_t)(one->level * 0.1) & ~INT64_C(7);
    if (one->sub >= FIRST_CALM_POOL) {
        /* metaspace, code cache and their like: rare small steps */
        if (draw_unit(&one->random) < 0.01)
            one->value += CALM_STEP;
        return one->value;
    }
    one->value += (int64_t)(one->drift * daily * (0.5 + draw_unit(&one->random))) & ~INT64_C(7);
    if (one->value > (int64_t)one->level)
        one->value = (int64_t)(one->level * (0.25 + 0.05 * draw_unit(&one->random))) & ~INT64_C(7);
    return one->value;
}

static int64_t next_value(struct one *one, double daily)
{
    switch (one->kind) {
    case COUNTER:
        if (one->step == one->restart_step)
            one->value = 0;
        one->value += draw_events(&one->random, one->level * daily);
        return one->value;
    case LATENCY:
        one->drift = 0.8 * one->drift + 0.06 * draw_normal(&one->random);
        one->value = (int64_t)(one->level * (0.8 + 0.2 * daily + one->drift) * 100 + 0.5);
        return one->value < 10 ? 10 : one->value;
    case CPU:
        one->drift = 0.9 * one->drift + 0.02 * draw_normal(&one->random);
        one->value = (int64_t)((one->level * daily * 0.7 + one->drift) * 1000 + 0.5);
        return one->value < 1 ? 1 : one->value > 1000 ? 1000 : one->value;
    default:
        return next_heap(one, daily);
    }
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

static inline char *put_decimal(char *at, uint64_t value, unsigned decimals)
{
    static const uint64_t scales[] = {1, 10, 100, 1000};
    at = put_number(at, value / scales[decimals]);
    uint64_t rest = value % scales[decimals];
    if (decimals)
        *at++ = '.';
    for (unsigned i = decimals; i > 0; i--)
        *at++ = (char)('0' + rest / scales[i - 1] % 10);
    return at;
}

char *bench_series_line(struct bench_series *set, size_t index, time_ms_t time, double daily,
                        int64_t jitter_ms, char *at)
{
    static const unsigned decimals[] = {[COUNTER] = 0, [LATENCY] = 2, [CPU] = 3, [HEAP] = 0};
    struct one *one = &set->series[index];
    if (jitter_ms)
        time += (int64_t)(draw(&one->random) % (uint64_t)(2 * jitter_ms + 1)) - jitter_ms;
    memcpy(at, set->texts.data + one->prefix, one->prefix_len);
    at = put_decimal(at + one->prefix_len, (uint64_t)next_value(one, daily), decimals[one->kind]);
    one->step++;
    *at++ = ' ';
    at = put_number(at, (uint64_t)time);
    *at++ = '\n';
    return at;
}

const char *bench_service_name(size_t pod)
{
    return services[pod % SERVICES];
}

const char *bench_page_name(size_t page)
{
    return pages[page % PAGES];
}
