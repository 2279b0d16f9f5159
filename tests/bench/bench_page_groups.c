/* What finding a URL's page group costs: 1,000 patterns over a million distinct URLs, nothing cached,
 * searched all at once and one by one; learned groups; the cache. Events per second on one core. `make
 * build/release/tests/bench/bench_page_groups && build/release/tests/bench/bench_page_groups [URLS]` */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "server/events/page_groups.h"

enum { RULES = 1000, ONE_BY_ONE_SHARE = 50 };

/* Of the processor, so that others on the machine do not count. */
static int64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint64_t random_state = 42;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % bound;
}

static const char *const sections[] = {"product", "category", "brand", "search",  "review",
                                       "cart",    "help",     "blog",  "account", "campaign"};

/* As a shop writes them: most anchored, some with numbers, some that may stand anywhere. */
static void write_rule(unsigned i, char text[128])
{
    const char *section = sections[i % 10];
    unsigned n = i / 10;
    switch (n % 5) {
    case 0:
        (void)snprintf(text, 128, "^/%s/dept-%u/", section, n);
        break;
    case 1:
        (void)snprintf(text, 128, "^/(?:[a-z]{2}/)?%s/dept-%u/[0-9]+$", section, n);
        break;
    case 2:
        (void)snprintf(text, 128, "/%s/[^/]+/dept-%u(?:/|$)", section, n);
        break;
    case 3:
        (void)snprintf(text, 128, "^/[a-z]{2}/%s/dept-%u/.*\\.html$", section, n);
        break;
    default:
        (void)snprintf(text, 128, "%s-%u", section, n);
        break;
    }
}

static void write_url(char text[128], size_t i)
{
    const char *section = sections[random_below(10)];
    unsigned n = random_below(RULES / 10);
    switch (random_below(4) ? n % 5 : 5) {
    case 0:
        (void)snprintf(text, 128, "/%s/dept-%u/%zu", section, n, i);
        break;
    case 1:
        (void)snprintf(text, 128, "/de/%s/dept-%u/%zu", section, n, i);
        break;
    case 2:
        (void)snprintf(text, 128, "/%s/shoes/dept-%u?item=%zu", section, n, i);
        break;
    case 3:
        (void)snprintf(text, 128, "/en/%s/dept-%u/blue-shoes-%zu.html", section, n, i);
        break;
    case 4:
        (void)snprintf(text, 128, "https://shop.example/lp/%s-%u/%zu", section, n, i);
        break;
    default:
        (void)snprintf(text, 128, "/checkout/step/%zu", i);
        break;
    }
}

struct run {
    const char *name;
    size_t rules;
    uint32_t cache_paths;
    bool one_by_one;
    size_t urls;  /* distinct ones asked */
    size_t times; /* each */
};

static char (*urls)[128];
static volatile size_t sink;

static double measure(const struct run *run, const struct page_group_rule *rules)
{
    struct page_groups *groups;
    struct tm_why why;
    int64_t begun = now_ns();
    const struct page_groups_options options = {.rules = rules,
                                                .rule_count = run->rules,
                                                .groups_max = 200,
                                                .cache_paths = run->cache_paths,
                                                .one_by_one = run->one_by_one};
    if (page_groups_new(&options, &groups, &why)) {
        (void)fprintf(stderr, "%s\n", why.text);
        exit(1);
    }
    int64_t compiled = now_ns();
    size_t by_rule = 0;
    for (size_t i = 0; i < run->urls * run->times; i++)
        by_rule += page_groups_find(groups, str_of(urls[i % run->urls])).from == PAGE_GROUP_RULE;
    double seconds = (double)(now_ns() - compiled) / 1e9;
    double rate = (double)(run->urls * run->times) / seconds;
    sink = by_rule;
    printf("%-34s %9.0f events/s  %8.0f ns each  %5.1f %% by a rule  compiled in %4.0f ms%s\n", run->name,
           rate, 1e9 / rate, 100 * (double)by_rule / (double)(run->urls * run->times),
           (double)(compiled - begun) / 1e6,
           run->rules && !run->one_by_one && !page_groups_counts(groups).all_at_once
               ? "  (no one-pass engine)"
               : "");
    page_groups_free(groups);
    return rate;
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    static char names[RULES][16];
    static char patterns[RULES][128];
    static struct page_group_rule rules[RULES];
    urls = calloc(count, sizeof *urls);
    if (!urls || count < ONE_BY_ONE_SHARE)
        return 1;
    for (unsigned i = 0; i < RULES; i++) {
        (void)snprintf(names[i], sizeof names[i], "group%u", i);
        write_rule(i, patterns[i]);
        rules[i] = (struct page_group_rule){str_of(names[i]), str_of(patterns[i])};
    }
    for (size_t i = 0; i < count; i++)
        write_url(urls[i], i);
    const struct run runs[] = {
        {.name = "1,000 rules, at once, no cache", .rules = RULES, .urls = count, .times = 1},
        {.name = "1,000 rules, one by one, no cache",
         .rules = RULES,
         .one_by_one = true,
         .urls = count / ONE_BY_ONE_SHARE,
         .times = 1},
        {.name = "learned, no cache", .urls = count, .times = 1},
        {.name = "1,000 rules, 200 paths, cache",
         .rules = RULES,
         .cache_paths = 1024,
         .urls = 200,
         .times = 5000},
    };
    double at_once = measure(&runs[0], rules);
    double one_by_one = measure(&runs[1], rules);
    (void)measure(&runs[2], rules);
    (void)measure(&runs[3], rules);
    printf("at once against one by one: %.1f times\n", at_once / one_by_one);
    free(urls);
    return 0;
}
