/* When a course was most like this before, in words (server/cli/precedent.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/cli/precedent.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)
#define NEAREST   INT64_C(1764000000000) /* 2025-11-24T16:00 */

struct words {
    struct precedent precedent;
    const char *text;
};

static const struct words cases[] = {
    {{0.3, 0.41, NEAREST, 32 * MINUTE_MS, 28 * DAY_MS},
     "the last 32 minutes were like those until 2025-11-24T16:00:00.000Z: 0.41 usual steps apart, as 1 "
     "stretch "
     "in 2 is from its nearest"},
    {{0, 0.2, NEAREST, 16 * MINUTE_MS, 28 * DAY_MS},
     "the last 16 minutes were like those until 2025-11-24T16:00:00.000Z: 0.2 usual steps apart, as the "
     "usual "
     "stretch is from its nearest"},
    /* usual for this series, far as it is */
    {{0.99, 120.4, NEAREST, 16 * MINUTE_MS, 28 * DAY_MS},
     "the last 16 minutes were like those until 2025-11-24T16:00:00.000Z: 120 usual steps apart, as 1 "
     "stretch "
     "in 10 is from its nearest"},
    /* rare, but there was one that only noise sets apart */
    {{1.85, 1.51, NEAREST, 16 * MINUTE_MS, 28 * DAY_MS},
     "the last 16 minutes were most like those until 2025-11-24T16:00:00.000Z: 1.5 usual steps apart, as 1 "
     "stretch in 71 is from its nearest"},
    {{1, 2, NEAREST, 16 * HOUR_MS, 28 * DAY_MS - HOUR_MS},
     "never in 28 days like the last 16 hours: nearest are those until 2025-11-24T16:00:00.000Z, 2 usual "
     "steps "
     "apart, as 1 stretch in 10 is from its nearest"},
    {{20, 1e9, NEAREST, 128 * DAY_MS, 40 * HOUR_MS},
     "never in 40 hours like the last 128 days: nearest are those until 2025-11-24T16:00:00.000Z, 1000000000 "
     "usual steps apart, as not 1 stretch in 1000 is from its nearest"},
    {{3, 14.6, NEAREST, 0, MINUTE_MS},
     "never in 1 minute like the last 1 minute: nearest are those until 2025-11-24T16:00:00.000Z, 15 usual "
     "steps apart, as not 1 stretch in 1000 is from its nearest"},
};

static void a_precedent_says_when_how_far_and_how_rare(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[PRECEDENT_BYTES];
        precedent_text(&cases[i].precedent, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_precedent_says_when_how_far_and_how_rare)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
