/* Kept states of incidents, then minutes: what the decoder takes is written again and read again as the same,
 * whatever minutes follow leave states that can be read, and findings within their bounds. */
#include <stdlib.h>
#include <string.h>

#include "scoring/first.h"
#include "server/detect/incidents.h"
#include "storage/model/labels.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { SERIES = 6, MINUTES = 6 };

static void require(bool good)
{
    if (!good)
        abort();
}

static void set_labels(struct bytes *out, unsigned i)
{
    static const char *const pods[] = {"a", "b", "c"};
    struct labels set = {.count = 0};
    require(labels_add(&set, STR("pod"), str_of(pods[i % 3])) == TM_OK);
    require(labels_add(&set, STR("zone"), i < 3 ? STR("x") : STR("y")) == TM_OK);
    labels_encode(&set, out);
}

/* Some minutes of series that are far off. */
static void feed(struct detect_incidents *incidents, time_ms_t from, uint8_t which)
{
    static const struct score_first_result result = {.return_period_h = 1e9};
    struct bytes labels[SERIES] = {{0}};
    struct detect_score scores[SERIES];
    for (unsigned m = 0; m < MINUTES; m++) {
        struct detect_out out = {.finding_count = 0};
        size_t count = 0;
        for (unsigned i = 0; i < SERIES; i++) {
            bytes_clear(&labels[i]);
            set_labels(&labels[i], i);
            if (which >> i & 1)
                scores[count++] = (struct detect_score){.labels = bytes_view(&labels[i]),
                                                        .metric = STR("m"),
                                                        .score = 100,
                                                        .observed = 3,
                                                        .spread = 1,
                                                        .began = from,
                                                        .result = &result};
        }
        const struct detect_minute minute = {.service = STR("shop"),
                                             .env = STR(""),
                                             .minute = from + m * INT64_C(60000),
                                             .scores = scores,
                                             .count = count,
                                             .scored = SERIES,
                                             .out = &out};
        detect_incidents_minute(incidents, &minute);
        detect_out_fini(&out);
    }
    for (unsigned i = 0; i < SERIES; i++)
        bytes_fini(&labels[i]);
}

static void check_again(const struct detect_incidents *incidents)
{
    const struct detect_incidents_options options = {.least = 60};
    struct detect_incidents *other = detect_incidents_new(&options);
    struct bytes once = {0}, twice = {0};
    require(other != NULL);
    detect_incidents_encode(incidents, &once);
    require(detect_incidents_decode(other, bytes_view(&once)) == TM_OK);
    detect_incidents_encode(other, &twice);
    require(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    detect_incidents_free(other);
    bytes_fini(&once);
    bytes_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct detect_incidents_options options = {.least = 60};
    struct detect_incidents *incidents = detect_incidents_new(&options);
    struct detect_incidents_figures figures;
    require(incidents != NULL);
    if (detect_incidents_decode(incidents, (struct str){(const char *)data, len}) == TM_OK)
        check_again(incidents);
    detect_incidents_figures(incidents, &figures);
    require(figures.services <= len / INCIDENT_BYTES);
    feed(incidents, INT64_C(1760000400000), len > 0 ? data[len - 1] : 0xff);
    check_again(incidents);
    detect_incidents_free(incidents);
    return 0;
}
