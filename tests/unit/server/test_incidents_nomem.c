/* The n-th allocation fails, for every n: incidents go on with what they have, and nothing is kept. The
 * allocator of this program is glibc's own behind a countdown; under a sanitizer, which brings its own, there
 * is nothing to fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "scoring/first.h"
#include "server/detect/incidents.h"
#include "storage/findings/findings.h"
#include "storage/model/labels.h"
#include "tests/unit/nomem.h"

#if !CAN_FAIL

int main(void)
{
    (void)puts("nothing to fail under a sanitizer");
    return 0;
}

#else

#define START  INT64_C(1760000400000)
#define MINUTE INT64_C(60000)

enum { SERIES = 24, OFF = 20 };

static struct bytes labels[SERIES];
static unsigned told;

void detect_out_finding(struct detect_out *out, const struct finding *finding)
{
    (void)out;
    assert_true(finding_is_valid(finding));
    told++;
}

static void each_series(void *arg, detect_series_fn *each, void *to)
{
    (void)arg;
    for (unsigned i = 0; i < SERIES; i++)
        each(to, bytes_view(&labels[i]), STR("m"));
}

static void feed(struct detect_incidents *incidents, unsigned minutes)
{
    static const struct score_first_result result = {.return_period_h = 1e6};
    for (unsigned m = 0; m < minutes; m++) {
        struct detect_score scores[OFF];
        struct detect_out out = {.finding_count = 0};
        for (unsigned i = 0; i < OFF; i++)
            scores[i] = (struct detect_score){.labels = bytes_view(&labels[i]),
                                              .metric = STR("m"),
                                              .score = 100,
                                              .observed = 9,
                                              .expected = 1,
                                              .spread = 1,
                                              .effect = 8,
                                              .began = START,
                                              .result = &result};
        const struct detect_minute minute = {.service = STR("shop"),
                                             .env = STR("prod"),
                                             .minute = START + m * MINUTE,
                                             .scores = scores,
                                             .count = OFF,
                                             .scored = SERIES,
                                             .each_series = each_series,
                                             .out = &out};
        detect_incidents_minute(incidents, &minute);
    }
}

/* A life of incidents; whether anything was without memory that is told of. */
static bool live_once(void)
{
    const struct detect_incidents_options options = {.least = 60};
    struct detect_incidents *incidents = detect_incidents_new(&options);
    struct bytes kept = {0};
    bool has_failed = incidents == NULL;
    if (incidents) {
        struct detect_incidents_figures figures;
        feed(incidents, 4);
        detect_incidents_encode(incidents, &kept);
        detect_incidents_encode_service(incidents, STR("other"), STR(""), &kept);
        has_failed = kept.failed || detect_incidents_decode(incidents, bytes_view(&kept)) == TM_NOMEM;
        struct incident_markers *markers = incident_markers_new(NULL);
        has_failed = has_failed || !markers;
        detect_incidents_take_markers(incidents, &markers);
        detect_incidents_figures(incidents, &figures);
        has_failed = has_failed || figures.nomem > 0;
    }
    bytes_fini(&kept);
    detect_incidents_free(incidents);
    return has_failed;
}

static void incidents_go_on_without_memory(void **state)
{
    (void)state;
    long n = 0;
    for (unsigned i = 0; i < SERIES; i++) {
        char pod[16];
        struct labels set = {.count = 0};
        (void)snprintf(pod, sizeof pod, "p%02u", i);
        assert_int_equal(labels_add(&set, STR("pod"), str_of(pod)), TM_OK);
        assert_int_equal(labels_add(&set, STR("zone"), i < OFF ? STR("a") : STR("b")), TM_OK);
        labels_encode(&set, &labels[i]);
        assert_int_equal(bytes_error(&labels[i]), TM_OK);
    }
    assert_false(live_once());
    assert_true(told > 0);
    for (;; n++) {
        long before = live;
        failed = 0;
        countdown = n;
        bool has_failed = live_once();
        countdown = -1;
        assert_int_equal(live, before);
        assert_true(has_failed || failed == 0);
        if (failed == 0)
            break;
    }
    assert_true(n > 60);
    for (unsigned i = 0; i < SERIES; i++)
        bytes_fini(&labels[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(incidents_go_on_without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
