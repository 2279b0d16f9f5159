/* The first line: what holds for any series, and what it says of plain ones. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scoring/first.h"
#include "scoring/maths.h"

enum { MINUTE = 60000 };

static struct score_first_model model; /* const after the group's set-up */

static int make_model(void **state)
{
    (void)state;
    score_first_model_init(&model, FIRST_OPERATIONS, FIRST_SEED);
    return 0;
}

/* A day's wave with noise from a fixed sequence. */
static double wave(uint64_t *sequence, int minute)
{
    double noise = (double)(score_random(sequence) >> 11) * 0x1p-53 - 0.5;
    double x = minute % 1440 / 720.0 - 1;
    return 100 + 50 * x * (1 - fabs(x)) + 4 * noise;
}

static void assert_result(const struct score_first_result *r)
{
    const double *numbers[] = {&r->score,       &r->return_period_h, &r->raw,       &r->gate,
                               &r->z,           &r->expected,        &r->spread,    &r->effect,
                               &r->interval_ms, &r->family[0],       &r->family[1], &r->family[2]};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_true(isfinite(*numbers[i]));
    assert_true(r->score >= 0 && r->score <= 100);
    assert_true(r->gate >= 0 && r->gate <= 1);
    assert_true(r->raw >= 0 && r->raw <= SURPRISAL_MAX);
    assert_true((unsigned)r->strongest < FIRST_FAMILY_COUNT);
}

/* What push leaves can always be written and read again. */
static void assert_sound(const struct score_first *state)
{
    static uint8_t bytes[FIRST_BYTES];
    static struct score_first again;
    score_first_encode(&model, state, bytes);
    assert_int_equal(score_first_decode(&model, bytes, sizeof bytes, &again), TM_OK);
    assert_memory_equal(&again, state, sizeof again);
}

static void a_state_has_its_stated_size(void **state)
{
    (void)state;
    assert_true(sizeof(struct score_first) <= 4096);
    assert_true(FIRST_BYTES <= 4096);
    assert_int_equal(sizeof(struct score_first), 4040);
}

static double hostile_value(uint64_t *sequence, int kind, int i)
{
    static const double odd[] = {0,    -0.0, 1e308, -1e308,       5e-324, 1e-300, NAN,  INFINITY, -INFINITY,
                                 1e30, 1e15, 1e-15, 4294967296.0, 1,      -1,     1e31, -1e-310,  0.1};
    switch (kind) {
    case 0:
        return 42;
    case 1:
        return odd[score_random(sequence) % (sizeof odd / sizeof *odd)];
    case 2:
        return i < 2000 ? 1e-300 : 1e300;
    case 3:
        return (double)(int64_t)score_random(sequence);
    case 4: {
        uint64_t bits = score_random(sequence);
        double any;
        memcpy(&any, &bits, sizeof any);
        return any;
    }
    case 5:
        return 1.7e18 + i;
    default:
        return i % 500 ? 0 : 1e-308 * i;
    }
}

static time_ms_t hostile_time(uint64_t *sequence, int kind, int i)
{
    switch (kind) {
    case 0:
        return 0;
    case 1:
        return (time_ms_t)score_random(sequence);
    case 2:
        return -(time_ms_t)i * MINUTE;
    case 3:
        return (time_ms_t)i * MINUTE + i / 300 * (3LL * 86400000);
    case 4:
        return i % 2 ? INT64_MAX : INT64_MIN;
    default:
        return (time_ms_t)i * 3600000;
    }
}

static void no_input_makes_a_number_that_is_not_finite(void **state)
{
    (void)state;
    uint64_t sequence = 7;
    for (int kind = 0; kind < 7; kind++) {
        for (int clock = 0; clock < 6; clock++) {
            static struct score_first series;
            memset(&series, 0, sizeof series);
            for (int i = 0; i < 2500; i++) {
                struct score_first_result r;
                int32_t offset_s = (int32_t)score_random(&sequence) % 50400;
                double value = hostile_value(&sequence, kind, i);
                score_first_push(&model, &series, hostile_time(&sequence, clock, i), offset_s, value, &r);
                assert_result(&r);
            }
            assert_sound(&series);
        }
    }
}

static void a_constant_is_never_an_anomaly(void **state)
{
    (void)state;
    static const double constants[] = {0, 1, 0.1, -3e7, 1e-12, 1e29};
    for (size_t c = 0; c < sizeof constants / sizeof *constants; c++) {
        struct score_first series = {0};
        for (int i = 0; i < 5000; i++) {
            struct score_first_result r;
            score_first_push(&model, &series, (time_ms_t)i * MINUTE, 0, constants[c], &r);
            assert_false(r.alert);
            assert_true(r.score < 20);
            assert_true(r.effect == 0);
        }
    }
}

static void the_first_hundred_samples_score_nothing(void **state)
{
    (void)state;
    struct score_first series = {0};
    uint64_t sequence = 1;
    for (int i = 0; i < 100; i++) {
        struct score_first_result r;
        score_first_push(&model, &series, (time_ms_t)i * MINUTE, 0, i == 90 ? 1e9 : wave(&sequence, i), &r);
        assert_true(r.score == 0);
        assert_true(r.learning);
        assert_false(r.alert);
    }
}

static void scores_are_the_same_after_writing_and_reading_at_any_point(void **state)
{
    (void)state;
    struct score_first straight = {0};
    struct score_first stored = {0};
    uint8_t bytes[FIRST_BYTES];
    uint64_t sequence = 3;
    for (int i = 0; i < 6000; i++) {
        struct score_first_result a;
        struct score_first_result b;
        double value = wave(&sequence, i) + (i % 997 == 0 ? 60 : 0);
        score_first_push(&model, &straight, (time_ms_t)i * MINUTE, 3600, value, &a);
        score_first_push(&model, &stored, (time_ms_t)i * MINUTE, 3600, value, &b);
        assert_memory_equal(&a, &b, sizeof a);
        if (i % 7 == 0) {
            score_first_encode(&model, &stored, bytes);
            memset(&stored, 0xff, sizeof stored);
            assert_int_equal(score_first_decode(&model, bytes, sizeof bytes, &stored), TM_OK);
        }
    }
}

static void neither_scale_nor_origin_of_the_values_matters(void **state)
{
    (void)state;
    struct score_first plain = {0};
    struct score_first moved = {0};
    uint64_t sequence = 5;
    for (int i = 0; i < 6000; i++) {
        struct score_first_result a;
        struct score_first_result b;
        double value = floor(wave(&sequence, i));
        score_first_push(&model, &plain, (time_ms_t)i * MINUTE, 0, value, &a);
        score_first_push(&model, &moved, (time_ms_t)i * MINUTE, 0, value * 1024 - 65536, &b);
        assert_true(a.raw == b.raw);
        assert_int_equal(a.alert, b.alert);
    }
}

static void a_burst_is_alerted_once_with_its_figures(void **state)
{
    (void)state;
    struct score_first series = {0};
    uint64_t sequence = 11;
    int alerts = 0;
    for (int i = 0; i < 14 * 1440; i++) {
        struct score_first_result r;
        bool burst = i >= 13 * 1440 && i < 13 * 1440 + 15;
        score_first_push(&model, &series, (time_ms_t)i * MINUTE, 0, wave(&sequence, i) + (burst ? 150 : 0),
                         &r);
        if (i < 12 * 1440)
            continue;
        alerts += r.alert;
        if (i == 13 * 1440 + 3) {
            assert_true(r.score > 60);
            assert_true(r.effect > 10);
            assert_true(r.began >= (time_ms_t)13 * 1440 * MINUTE);
            assert_int_equal(r.season_values > 10, 1);
            assert_true(fabs(r.expected - 100) < 10);
        }
    }
    assert_int_equal(alerts, 1);
}

static void what_repeats_every_day_is_expected(void **state)
{
    (void)state;
    struct score_first series = {0};
    uint64_t sequence = 13;
    int alerts = 0;
    for (int i = 0; i < 21 * 1440; i++) {
        struct score_first_result r;
        bool backup = i % 1440 >= 120 && i % 1440 < 150;
        score_first_push(&model, &series, (time_ms_t)i * MINUTE, 0, wave(&sequence, i) + (backup ? 80 : 0),
                         &r);
        if (i >= 14 * 1440)
            alerts += r.alert;
    }
    assert_int_equal(alerts, 0);
}

static void a_step_is_told_and_then_learned(void **state)
{
    (void)state;
    struct score_first series = {0};
    uint64_t sequence = 17;
    int at_once = 0;
    int later = 0;
    for (int i = 0; i < 28 * 1440; i++) {
        struct score_first_result r;
        score_first_push(&model, &series, (time_ms_t)i * MINUTE, 0,
                         wave(&sequence, i) + (i >= 10 * 1440 ? 60 : 0), &r);
        if (i >= 10 * 1440 && i < 10 * 1440 + 60)
            at_once += r.alert;
        if (i >= 21 * 1440)
            later += r.alert;
    }
    assert_int_equal(at_once, 1);
    assert_int_equal(later, 0);
}

static void other_seeds_and_versions_are_refused(void **state)
{
    (void)state;
    struct score_first series = {0};
    struct score_first out = {.samples = 77};
    struct score_first_model other;
    score_first_model_init(&other, FIRST_OPERATIONS, FIRST_SEED + 1);
    uint8_t bytes[FIRST_BYTES];
    score_first_encode(&model, &series, bytes);
    assert_int_equal(score_first_decode(&other, bytes, sizeof bytes, &out), TM_INVALID);
    score_first_model_init(&other, FIRST_NAB, FIRST_SEED);
    assert_int_equal(score_first_decode(&other, bytes, sizeof bytes, &out), TM_INVALID);
    bytes[4]++;
    assert_int_equal(score_first_decode(&model, bytes, sizeof bytes, &out), TM_INVALID);
    bytes[4]--;
    bytes[0] ^= 1;
    assert_int_equal(score_first_decode(&model, bytes, sizeof bytes, &out), TM_CORRUPT);
    bytes[0] ^= 1;
    for (size_t len = 0; len < sizeof bytes; len += 13)
        assert_int_equal(score_first_decode(&model, bytes, len, &out), TM_CORRUPT);
    assert_int_equal(out.samples, 77);
}

/* Else the fuzzer of the decoder would start from bytes that are refused at their fourth. Run from the root
 * of the tree, as all tests are. */
static void the_fuzzers_seeds_are_states_of_this_version(void **state)
{
    (void)state;
    static const char *const seeds[] = {"learned_0", "learned_90", "learned_3000"};
    static const uint64_t samples[] = {0, 90, 3000};
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        char path[128];
        uint8_t bytes[FIRST_BYTES];
        struct score_first seed;
        snprintf(path, sizeof path, "tests/fuzz/corpus/scoring_first/%s", seeds[i]);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        assert_int_equal(fread(bytes, 1, sizeof bytes, file), sizeof bytes);
        fclose(file);
        assert_int_equal(score_first_decode(&model, bytes, sizeof bytes, &seed), TM_OK);
        assert_int_equal(seed.samples, samples[i]);
    }
}

static void a_damaged_state_is_refused_or_harmless(void **state)
{
    (void)state;
    struct score_first series = {0};
    uint8_t bytes[FIRST_BYTES];
    uint64_t sequence = 23;
    struct score_first_result r;
    for (int i = 0; i < 3000; i++)
        score_first_push(&model, &series, (time_ms_t)i * MINUTE, 0, wave(&sequence, i), &r);
    int refused = 0;
    for (int round = 0; round < 4000; round++) {
        score_first_encode(&model, &series, bytes);
        bytes[score_random(&sequence) % sizeof bytes] ^= (uint8_t)(1 << score_random(&sequence) % 8);
        struct score_first damaged;
        if (score_first_decode(&model, bytes, sizeof bytes, &damaged)) {
            refused++;
            continue;
        }
        for (int i = 0; i < 3; i++) {
            score_first_push(&model, &damaged, (time_ms_t)(3000 + i) * MINUTE, 0, wave(&sequence, i), &r);
            assert_result(&r);
        }
    }
    assert_true(refused > 300);
}

/* The figures below are the version's: whoever changes them changes FIRST_VERSION. */
static void the_version_scores_as_it_did(void **state)
{
    (void)state;
    struct score_first series = {0};
    uint64_t sequence = 29;
    uint64_t hash = 0;
    for (int i = 0; i < 5000; i++) {
        struct score_first_result r;
        uint64_t bits;
        score_first_push(&model, &series, (time_ms_t)i * MINUTE, 0, wave(&sequence, i) + (i == 4000 ? 30 : 0),
                         &r);
        memcpy(&bits, &r.raw, sizeof bits);
        hash ^= bits;
        hash = score_random(&hash);
    }
    assert_int_equal(hash, 0x1693d528553afb67ULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_has_its_stated_size),
        cmocka_unit_test(no_input_makes_a_number_that_is_not_finite),
        cmocka_unit_test(a_constant_is_never_an_anomaly),
        cmocka_unit_test(the_first_hundred_samples_score_nothing),
        cmocka_unit_test(scores_are_the_same_after_writing_and_reading_at_any_point),
        cmocka_unit_test(neither_scale_nor_origin_of_the_values_matters),
        cmocka_unit_test(a_burst_is_alerted_once_with_its_figures),
        cmocka_unit_test(what_repeats_every_day_is_expected),
        cmocka_unit_test(a_step_is_told_and_then_learned),
        cmocka_unit_test(other_seeds_and_versions_are_refused),
        cmocka_unit_test(the_fuzzers_seeds_are_states_of_this_version),
        cmocka_unit_test(a_damaged_state_is_refused_or_harmless),
        cmocka_unit_test(the_version_scores_as_it_did),
    };
    return cmocka_run_group_tests(tests, make_model, NULL);
}
