/* What classifying a user agent costs, in nanoseconds.
 * `make build/release/tests/bench/bench_agents && build/release/tests/bench/bench_agents` */
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "server/events/agents.h"

enum { TIMES = 500000 };

/* Of the processor, so that others on the machine do not count. */
static int64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static const char *const texts[] = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "
    "Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.1 "
    "Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "curl/7.88.1",
};

static volatile int sink;

int main(void)
{
    struct agents *agents;
    if (agents_new(&agents))
        return 1;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct str text = str_of(texts[i]);
        int64_t begun = now_ns();
        for (int n = 0; n < TIMES; n++)
            sink = (int)agents_class(agents, text);
        printf("%-8s %3zu bytes  %4.0f ns\n", agent_class_name(agents_class(agents, text)).ptr, text.len,
               (double)(now_ns() - begun) / TIMES);
    }
    agents_free(agents);
    return 0;
}
