/* First byte: which kept state the rest is (counts, latencies, gauge). What the decoder takes is written
 * again as the same bytes, and stays finite whatever is added to it; what it refuses leaves the caller's
 * state alone. Or the rest is a label cube with counts -> its causes have their values in range and finite
 * figures. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scoring/attribution.h"
#include "scoring/gauge_test.h"
#include "scoring/latency_test.h"
#include "storage/model/histogram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { CELLS = 64, LABELS = 4, VALUES = 8 };

static void require(bool good)
{
    if (!good)
        abort();
}

static void check_trace(const struct score_trace *trace)
{
    require(fabs(trace->ln_e) <= SCORE_LN_E_MAX && trace->ln_e_peak >= trace->ln_e && trace->ln_e_peak >= 0);
}

static void fuzz_counts(const uint8_t *data, size_t len)
{
    struct score_counts test;
    uint8_t again[SCORE_COUNTS_BYTES];
    memset(&test, 0x5a, sizeof test);
    struct score_counts before = test;
    if (!score_counts_decode(&test, data, len)) {
        require(memcmp(&test, &before, sizeof test) == 0);
        return;
    }
    score_counts_encode(&test, again);
    require(memcmp(again, data, len) == 0);
    for (int i = 0; i < 3; i++) {
        score_counts_add(&test, (struct score_tally){7 * i, 100}, i, i + 10000);
        check_trace(&test.trace);
    }
}

static void fuzz_latency(const uint8_t *data, size_t len)
{
    struct score_latency test;
    uint8_t again[SCORE_LATENCY_BYTES];
    const struct score_bin bins[] = {{5, 3}, {200, 1000}, {HISTOGRAM_LAST, UINT64_MAX}, {UINT32_MAX, 1}};
    if (!score_latency_decode(&test, data, len))
        return;
    score_latency_encode(&test, again);
    require(memcmp(again, data, len) == 0);
    for (size_t i = 1; i <= 4; i++) {
        score_latency_add(&test, (struct score_bins){bins, i}, 0, 10000);
        check_trace(&test.trace);
    }
}

static void fuzz_gauge(const uint8_t *data, size_t len)
{
    struct score_gauge test;
    uint8_t again[SCORE_GAUGE_BYTES];
    static const double values[] = {0, 1e150, -1e150, 1e-300, 7, NAN};
    if (!score_gauge_decode(&test, data, len))
        return;
    score_gauge_encode(&test, again);
    require(memcmp(again, data, len) == 0);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        score_gauge_add(&test, values[i], 1);
        check_trace(&test.trace);
        require(isfinite(score_gauge_effect(&test)));
    }
}

/* Each cell: LABELS values, a count seen, a count expected, a byte each. */
static void fuzz_cube(const uint8_t *data, size_t len)
{
    uint32_t at[CELLS * LABELS];
    double seen[CELLS], expected[CELLS], left[CELLS], seen_of[VALUES], expected_of[VALUES];
    uint8_t inside[CELLS];
    struct score_cause causes[SCORE_CAUSES];
    size_t cells = len / (LABELS + 2) < CELLS ? len / (LABELS + 2) : CELLS;
    for (size_t i = 0; i < cells; i++, data += LABELS + 2) {
        for (size_t j = 0; j < LABELS; j++)
            at[i * LABELS + j] = data[j] % VALUES;
        seen[i] = data[LABELS] * (double)data[LABELS] * data[LABELS];
        expected[i] = data[LABELS + 1] * (double)data[LABELS + 1] * data[LABELS + 1] / 16;
    }
    struct score_cube cube = {LABELS, cells, {VALUES, VALUES, VALUES, VALUES}, at, seen, expected};
    struct score_cube_work work = {left, inside, seen_of, expected_of};
    require(score_cube_is_sound(&cube));
    for (int fall = 0; fall < 2; fall++) {
        size_t count = score_attribute(&cube, fall, &work, causes);
        require(count <= SCORE_CAUSES);
        for (size_t i = 0; i < count; i++) {
            require(isfinite(causes[i].share) && causes[i].share >= 0.15 && isfinite(causes[i].score) &&
                    causes[i].score > 3 && causes[i].labels <= SCORE_CAUSE_LABELS);
            for (size_t k = 0; k < causes[i].labels; k++)
                require(causes[i].label[k] < LABELS && causes[i].value[k] < VALUES);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static void (*const parts[])(const uint8_t *, size_t) = {fuzz_counts, fuzz_latency, fuzz_gauge,
                                                             fuzz_cube};
    if (len == 0)
        return 0;
    uint8_t *copy = malloc(len); /* its memory ends where it does */
    require(copy != NULL);
    memcpy(copy, data + 1, len - 1);
    parts[data[0] % 4](copy, len - 1);
    free(copy);
    return 0;
}
