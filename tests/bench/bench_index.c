/* What the label index costs: adding series, bytes per series, selecting, listing.
 * `make build/release/tests/bench/bench_index && build/release/tests/bench/bench_index [SERIES]` */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "storage/index/index.h"
#include "storage/selector/selector.h"

enum { LABELS = 8, ROUNDS = 5 };

struct shape_of_load {
    const char *name;
    unsigned pods;  /* distinct values of the label pod; the last two labels depend on it */
    bool is_unique; /* one label has a value of its own for each series */
};

static const struct shape_of_load loads[] = {
    {"8 labels, 10,000 pods", 10000, false},
    {"8 labels, 100,000 pods, a unique id", 100000, true},
};

struct load {
    struct bytes labels;
    size_t *ends;
};

static int64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void encode_series(const struct shape_of_load *shape, unsigned i, unsigned series, struct bytes *out)
{
    char text[LABELS][48];
    unsigned per_pod = series / shape->pods ? series / shape->pods : 1;
    unsigned pod = i / per_pod;
    unsigned within = i % per_pod;
    struct labels set = {.count = 0};
    (void)snprintf(text[0], sizeof text[0], "metric_%u_total", within % 500);
    (void)snprintf(text[1], sizeof text[1], "%s", pod % 10 ? "prod" : "test");
    (void)snprintf(text[2], sizeof text[2], "%s", within & 1 ? "GET" : "POST");
    (void)snprintf(text[3], sizeof text[3], "cart-7d9f8b6c5-%05u", pod);
    (void)snprintf(text[4], sizeof text[4], "service-%u", pod % 40);
    (void)snprintf(text[5], sizeof text[5], "%uxx", within % 5 + 1);
    (void)snprintf(text[6], sizeof text[6], shape->is_unique ? "%08x" : "v1.%u",
                   shape->is_unique ? i : pod % 7);
    (void)snprintf(text[7], sizeof text[7], "eu-west-1%c", (char)('a' + pod % 3));
    static const char *const names[LABELS] = {"__name__", "env",    "method", "pod",
                                              "service",  "status", "uid",    "zone"};
    for (size_t l = 0; l < LABELS; l++) {
        if (labels_add(&set, str_of(names[l]), str_of(text[l])))
            abort();
    }
    labels_encode(&set, out);
}

static struct str series_at(const struct load *load, unsigned i)
{
    size_t from = i ? load->ends[i - 1] : 0;
    return (struct str){(const char *)load->labels.data + from, load->ends[i] - from};
}

static void time_select(const struct index *ix, const char *text)
{
    struct selector selector;
    struct tm_why why;
    int64_t best = INT64_MAX;
    size_t found = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t begun = now_ns();
        if (selector_parse(str_of(text), &selector, &why)) {
            printf("%s: %s\n", text, why.text);
            return;
        }
        struct index_query query = {.matchers = selector.matchers, .count = selector.count};
        struct index_ids ids;
        if (index_select(ix, &query, &ids, &why)) {
            printf("%s: %s\n", text, why.text);
            exit(1);
        }
        found = ids.count;
        index_ids_fini(&ids);
        selector_fini(&selector);
        int64_t took = now_ns() - begun;
        best = took < best ? took : best;
    }
    printf("  %10.1f us  %8zu series  %s\n", (double)best / 1e3, found, text);
}

static void time_values(const struct index *ix, const char *name, size_t limit, const char *match)
{
    struct selector selector = {.count = 0};
    struct tm_why why;
    struct index_query query = {.count = 0};
    struct index_listing how = {.limit = limit, .query = &query};
    struct index_list list;
    if (match && selector_parse(str_of(match), &selector, &why))
        abort();
    query = (struct index_query){.matchers = selector.matchers, .count = selector.count};
    int64_t begun = now_ns();
    if (index_values(ix, str_of(name), &how, &list, &why))
        abort();
    printf("  %10.1f us  %8zu values  of %s%s\n", (double)(now_ns() - begun) / 1e3, list.count, name,
           match ? match : "");
    index_list_fini(&list);
    selector_fini(&selector);
}

static void run_selects(const struct index *ix)
{
    static const char *const selectors[] = {
        "metric_7_total",
        "metric_7_total{service=\"service-3\",env=\"prod\"}",
        "{service=\"service-3\"}",
        "{env=\"prod\",method=\"GET\",zone=\"eu-west-1a\"}",
        "{pod=~\"cart-7d9f8b6c5-0000.*\"}",
        "metric_7_total{pod=~\"cart-7d9f8b6c5-0[0-4].*\"}",
        "metric_7_total{service=~\"service-1|service-2|service-3\"}",
        "metric_7_total{pod!=\"cart-7d9f8b6c5-00001\"}",
        "metric_7_total{status!~\"2..\"}",
        "{env=\"prod\",status!~\"4xx|5xx\"}",
        "{uid=~\".*a7$\"}",
        "{uid=~\"[0-9]+a.\"}",
        "{__name__!=\"\"}",
    };
    for (size_t i = 0; i < sizeof selectors / sizeof selectors[0]; i++)
        time_select(ix, selectors[i]);
    time_values(ix, "__name__", 0, NULL);
    time_values(ix, "pod", 0, NULL);
    time_values(ix, "uid", 40000, NULL);
    time_values(ix, "pod", 0, "{service=\"service-3\"}");
}

static int run_load(const struct shape_of_load *shape, unsigned series)
{
    struct load load = {.ends = malloc(series * sizeof *load.ends)};
    if (!load.ends)
        return 1;
    for (unsigned i = 0; i < series; i++) {
        encode_series(shape, i, series, &load.labels);
        load.ends[i] = load.labels.len;
    }
    struct mallinfo2 before = mallinfo2();
    int64_t begun = now_ns();
    struct index *ix = index_new();
    for (unsigned i = 0; i < series; i++) {
        if (index_add(ix, i + 1, series_at(&load, i), STR("shop")))
            return 1;
    }
    int64_t took = now_ns() - begun;
    struct mallinfo2 after = mallinfo2();
    size_t heap = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
    printf(
        "%s, %u series of %zu bytes: add %.0f ns each, heap %.1f bytes each (%.1f MiB; own count %.1f MiB)\n",
        shape->name, series, load.labels.len / series, (double)took / series, (double)heap / series,
        (double)heap / 1048576, (double)index_bytes(ix) / 1048576);
    run_selects(ix);
    begun = now_ns();
    for (unsigned i = 0; i < series; i += 10) {
        if (index_remove(ix, i + 1, series_at(&load, i), STR("shop")))
            return 1;
    }
    printf("  remove one in ten: %.0f ns each\n", (double)(now_ns() - begun) / (series / 10));
    index_free(ix);
    bytes_fini(&load.labels);
    free(load.ends);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned series = argc > 1 ? (unsigned)atoi(argv[1]) : 1000000;
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        if (series < 10 || run_load(&loads[i], series))
            return 1;
    }
    return 0;
}
