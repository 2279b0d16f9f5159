/* The batch record's body: lossless, bounded, and refusing what breaks the format. */
#include <math.h>

#include "storage/journal/batch_codec.h"
#include "tests/unit/storage/fixture.h"

struct codec {
    struct bytes body;
    struct batch_arrays arrays;
    struct batch_content back;
};

static int codec_setup(void **state)
{
    *state = calloc(1, sizeof(struct codec));
    return *state ? 0 : -1;
}

static int codec_teardown(void **state)
{
    struct codec *codec = *state;
    bytes_fini(&codec->body);
    batch_arrays_fini(&codec->arrays);
    free(codec);
    return 0;
}

static void round_trip(struct codec *codec, const struct batch_content *content)
{
    bytes_clear(&codec->body);
    batch_encode(content, &codec->body);
    assert_int_equal(bytes_error(&codec->body), TM_OK);
    assert_int_equal(batch_decode(bytes_view(&codec->body), &codec->arrays, &codec->back), TM_OK);
    assert_int_equal(codec->back.sample_count, content->sample_count);
    assert_int_equal(codec->back.event_count, content->event_count);
    assert_int_equal(codec->back.definition_count, content->definition_count);
}

static void assert_same_samples(const struct codec *codec, const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct sample *back = &codec->back.samples[i];
        assert_int_equal(back->series, samples[i].series);
        assert_int_equal(back->time, samples[i].time);
        assert_memory_equal(&back->number.value, &samples[i].number.value, sizeof(double));
    }
}

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void every_double_is_kept_to_the_bit(void **state)
{
    struct codec *codec = *state;
    static const uint64_t bits[] = {
        0x7ff8000000000001, 0xfff8dead0000beef, 0x7ff0000000000001, 0x8000000000000000, 0x0000000000000000,
        0x7ff0000000000000, 0xfff0000000000000, 0x0000000000000001, 0x7fefffffffffffff, 0x4340000000000000,
        0xc340000000000000, 0x4340000000000001, 0x3ff0000000000001, 0x43e0000000000000};
    enum { FIXED = sizeof bits / sizeof *bits, ALL = 5000 };
    struct sample *samples = calloc(ALL, sizeof *samples);
    uint64_t random = 1;
    for (size_t i = 0; i < ALL; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        samples[i] = (struct sample){
            .number = number_of_double(double_of(i < FIXED ? bits[i] : random)), .time = 5, .series = 1};
    }
    struct batch_content content = {.samples = samples, .sample_count = ALL};
    round_trip(codec, &content);
    assert_same_samples(codec, samples, ALL);
    free(samples);
}

static void every_decimal_is_kept_to_the_bit(void **state)
{
    struct codec *codec = *state;
    struct sample samples[23 * 8];
    const int64_t limit = INT64_C(1) << 53;
    const int64_t mantissas[] = {0, 1, -1, 127, -128, 123456789, limit, -limit};
    size_t count = 0;
    for (int exponent = 0; exponent <= NUMBER_MAX_EXPONENT; exponent++) {
        for (int i = 0; i < 8; i++)
            samples[count++] = (struct sample){number_of_decimal(mantissas[i], exponent), 1, 1};
    }
    struct batch_content content = {.samples = samples, .sample_count = count};
    round_trip(codec, &content);
    assert_same_samples(codec, samples, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(codec->back.samples[i].number.mantissa, samples[i].number.mantissa);
        assert_int_equal(codec->back.samples[i].number.exponent, samples[i].number.exponent);
    }
}

static void any_times_and_numbers_of_series_are_kept(void **state)
{
    struct codec *codec = *state;
    struct sample samples[] = {
        {number_of_double(1), INT64_MIN, UINT32_MAX},
        {number_of_double(2), INT64_MAX, 0},
        {number_of_double(3), 0, 7},
        {number_of_double(4), -1, 7},
        {number_of_double(5), INT64_MIN, UINT32_MAX},
        {number_of_double(6), INT64_MIN, UINT32_MAX},
    };
    struct batch_content content = {.samples = samples, .sample_count = 6};
    round_trip(codec, &content);
    assert_same_samples(codec, samples, 6);
}

static void a_regular_batch_takes_few_bytes(void **state)
{
    struct codec *codec = *state;
    enum { COUNT = 5000 };
    struct sample *samples = calloc(COUNT, sizeof *samples);
    for (uint32_t i = 0; i < COUNT; i++)
        samples[i] = (struct sample){number_of_decimal(i % 100, 2), 1764000000000, i + 1};
    struct batch_content content = {.samples = samples, .sample_count = COUNT};
    round_trip(codec, &content);
    assert_true(codec->body.len < COUNT * 3 + 64); /* number 1, tag 1, value 1; times next to nothing */
    for (uint32_t i = 0; i < COUNT; i++)
        samples[i].time += i * 1000;
    round_trip(codec, &content);
    assert_true(codec->body.len < COUNT * 3 + 64);
    free(samples);
}

static void marks_events_and_definitions_are_kept(void **state)
{
    struct codec *codec = *state;
    struct labels labels = {0};
    struct bytes encoded = {0};
    assert_int_equal(labels_add(&labels, STR("__name__"), STR("cpu")), TM_OK);
    assert_int_equal(labels_add(&labels, STR("service"), STR("cart")), TM_OK);
    labels_encode(&labels, &encoded);
    struct batch_definition definitions[] = {{9, bytes_view(&encoded), STR("cart")},
                                             {3, bytes_view(&encoded), STR("")},
                                             {UINT32_MAX, bytes_view(&encoded), STR("elsewhere")}};
    struct batch_event events[] = {{5, 3, EVENT_HTTP}, {-7, 0, EVENT_MARKER}, {INT64_MAX, 2, EVENT_TALLY}};
    struct batch_content content = {.written_ms = 1764000000123,
                                    .is_marked = true,
                                    .mark = {STR("agent-1"), UINT64_MAX, 1, 0xfeedfacecafebeef},
                                    .events = events,
                                    .event_count = 3,
                                    .lines = STR("abcde"),
                                    .definitions = definitions,
                                    .definition_count = 3};
    round_trip(codec, &content);
    const struct batch_content *back = &codec->back;
    assert_int_equal(back->written_ms, 1764000000123);
    assert_true(back->is_marked);
    assert_true(str_equal(back->mark.producer, STR("agent-1")));
    assert_true(back->mark.epoch == UINT64_MAX && back->mark.seq == 1);
    assert_true(back->mark.body_hash == 0xfeedfacecafebeef);
    assert_true(str_equal(back->lines, STR("abcde")));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(back->events[i].time, events[i].time);
        assert_int_equal(back->events[i].len, events[i].len);
        assert_int_equal(back->events[i].kind, events[i].kind);
        assert_int_equal(back->definitions[i].series, definitions[i].series);
        assert_true(str_equal(back->definitions[i].labels, definitions[i].labels));
        assert_true(str_equal(back->definitions[i].service, definitions[i].service));
    }
    bytes_fini(&encoded);
}

/* The body of the test above, cut short and with every byte changed: refused or read, never beyond. */
static void hostile_bodies_are_refused_or_read(void **state)
{
    struct codec *codec = *state;
    marks_events_and_definitions_are_kept(state);
    struct bytes whole = {0};
    bytes_put(&whole, codec->body.data, codec->body.len);
    for (size_t len = 0; len < whole.len; len++) {
        uint8_t *exact = malloc(len + 1);
        memcpy(exact, whole.data, len);
        struct str cut = {(const char *)exact, len};
        assert_int_equal(batch_decode(cut, &codec->arrays, &codec->back), TM_CORRUPT);
        free(exact);
    }
    for (size_t i = 0; i < whole.len * 255; i++) {
        uint8_t *at = &whole.data[i / 255];
        uint8_t good = *at;
        *at = (uint8_t)(good + 1 + i % 255);
        enum tm_err err = batch_decode(bytes_view(&whole), &codec->arrays, &codec->back);
        assert_true(err == TM_OK || err == TM_CORRUPT);
        *at = good;
    }
    bytes_u8(&whole, 0);
    assert_int_equal(batch_decode(bytes_view(&whole), &codec->arrays, &codec->back), TM_CORRUPT);
    bytes_fini(&whole);
}

static void a_count_that_the_bytes_can_not_hold_asks_for_no_memory(void **state)
{
    struct codec *codec = *state;
    struct bytes lie = {0};
    bytes_varint(&lie, UINT64_C(1) << 60);
    assert_int_equal(batch_decode(bytes_view(&lie), &codec->arrays, &codec->back), TM_CORRUPT);
    assert_true(codec->arrays.definition_capacity < 1000);
    bytes_clear(&lie);
    bytes_varint(&lie, 0);                 /* definitions */
    bytes_zigzag(&lie, 0);                 /* written */
    bytes_u8(&lie, 0);                     /* no mark */
    bytes_varint(&lie, UINT64_C(1) << 40); /* samples */
    assert_int_equal(batch_decode(bytes_view(&lie), &codec->arrays, &codec->back), TM_CORRUPT);
    assert_true(codec->arrays.sample_capacity < 1000);
    bytes_fini(&lie);
}

/* ---- which records define which series ---- */

static size_t define(struct definitions *d, uint64_t lsn, uint64_t group, uint32_t series, bool is_written)
{
    struct record_place place = {1, lsn, group};
    definitions_start(d, &place);
    assert_int_equal(definitions_use(d, series), TM_OK);
    assert_int_equal(definitions_use(d, series), TM_OK);
    size_t count = d->fresh_count;
    definitions_end(d, is_written);
    return count;
}

static void each_record_of_the_first_group_and_one_behind_it_define_a_series(void **state)
{
    struct definitions d = {0};
    (void)state;
    assert_int_equal(define(&d, 1, 1, 42, true), 1);
    assert_int_equal(define(&d, 2, 1, 42, true), 1);
    assert_int_equal(define(&d, 3, 3, 42, true), 1);
    assert_int_equal(define(&d, 4, 3, 42, true), 0);
    assert_int_equal(define(&d, 5, 5, 42, true), 0);
    struct record_place place = {2, 6, 6};
    definitions_start(&d, &place);
    assert_int_equal(definitions_use(&d, 42), TM_OK);
    assert_int_equal(d.fresh_count, 1);
    definitions_fini(&d);
}

static void a_record_that_was_not_written_defines_nothing(void **state)
{
    struct definitions d = {0};
    (void)state;
    assert_int_equal(define(&d, 1, 1, 42, false), 1);
    assert_int_equal(define(&d, 1, 1, 42, true), 1);
    assert_int_equal(define(&d, 2, 2, 42, false), 1);
    assert_int_equal(define(&d, 2, 2, 42, true), 1);
    assert_int_equal(define(&d, 3, 3, 42, true), 0);
    definitions_fini(&d);
}

#define WITH_CODEC(test) cmocka_unit_test_setup_teardown(test, codec_setup, codec_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CODEC(every_double_is_kept_to_the_bit),
        WITH_CODEC(every_decimal_is_kept_to_the_bit),
        WITH_CODEC(any_times_and_numbers_of_series_are_kept),
        WITH_CODEC(a_regular_batch_takes_few_bytes),
        WITH_CODEC(marks_events_and_definitions_are_kept),
        WITH_CODEC(hostile_bodies_are_refused_or_read),
        WITH_CODEC(a_count_that_the_bytes_can_not_hold_asks_for_no_memory),
        WITH_CODEC(each_record_of_the_first_group_and_one_behind_it_define_a_series),
        WITH_CODEC(a_record_that_was_not_written_defines_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
