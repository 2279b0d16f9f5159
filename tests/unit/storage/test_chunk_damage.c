/* Damaged, foreign and forged chunks are refused, and never read past their end. */
#include "storage/chunk/chunk_kernels.h"
#include "tests/unit/storage/chunk_columns.h"

/* Decodes a copy that ends where its memory does, so that a sanitizer sees every byte too far. */
static enum tm_err decode_exactly(struct columns *c, const struct chunk_key *key, const uint8_t *data,
                                  size_t len)
{
    size_t count;
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, data, len);
    struct str chunk = {(const char *)copy, len};
    enum tm_err err = chunk_decode(key, chunk, c->times_back, c->values_back, CHUNK_MAX_SAMPLES, &count);
    free(copy);
    return err;
}

static void reseal(struct bytes *chunk)
{
    uint32_t sum = htole32(chunk_checksum(&test_key, chunk->data, chunk->len));
    memcpy(chunk->data + CHUNK_CHECKSUM_AT, &sum, sizeof sum);
}

static void another_key_is_refused(void **state)
{
    struct columns *c = *state;
    struct chunk_head head;
    fill_times(c, 100, 0, 0);
    fill_values(c, FAMILY_GAUGE);
    encode(c, CHUNK_FAST);
    for (unsigned bit = 0; bit < 128; bit++) {
        struct chunk_key key = test_key;
        if (bit < 64)
            key.series ^= UINT64_C(1) << bit;
        else
            key.window_start = (time_ms_t)((uint64_t)key.window_start ^ UINT64_C(1) << (bit - 64));
        assert_int_equal(decode_exactly(c, &key, c->chunk.data, c->chunk.len), TM_CORRUPT);
        assert_int_equal(chunk_peek(&key, bytes_view(&c->chunk), &head), TM_CORRUPT);
    }
}

static void every_flipped_bit_is_seen(void **state)
{
    struct columns *c = *state;
    struct chunk_head head;
    for (unsigned effort = CHUNK_FAST; effort <= CHUNK_DENSE; effort++) {
        fill_times(c, 200, 5, 0);
        fill_values(c, FAMILY_NOISE);
        encode(c, (enum chunk_effort)effort);
        for (size_t bit = 0; bit < 8 * c->chunk.len; bit++) {
            c->chunk.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(decode_exactly(c, &test_key, c->chunk.data, c->chunk.len), TM_CORRUPT);
            assert_int_equal(chunk_peek(&test_key, bytes_view(&c->chunk), &head), TM_CORRUPT);
            c->chunk.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        assert_int_equal(decode_exactly(c, &test_key, c->chunk.data, c->chunk.len), TM_OK);
    }
}

static void every_truncation_is_refused(void **state)
{
    struct columns *c = *state;
    for (unsigned family = 0; family < FAMILY_COUNT; family++) {
        fill_times(c, 300, 5, 0);
        fill_values(c, (enum family)family);
        encode(c, CHUNK_DENSE);
        for (size_t len = 0; len < c->chunk.len; len++)
            assert_int_equal(decode_exactly(c, &test_key, c->chunk.data, len), TM_CORRUPT);
    }
}

/* The same with a checksum that fits: the format's own bounds have to hold. */
static void every_sealed_truncation_is_refused(void **state)
{
    struct columns *c = *state;
    for (unsigned family = 0; family < FAMILY_COUNT; family++)
        for (unsigned effort = CHUNK_FAST; effort <= CHUNK_DENSE; effort++) {
            fill_times(c, 300, family % 2 ? 5 : 0, 0);
            fill_values(c, (enum family)family);
            encode(c, (enum chunk_effort)effort);
            while (c->chunk.len-- > CHUNK_BODY_AT) {
                reseal(&c->chunk);
                assert_int_equal(decode_exactly(c, &test_key, c->chunk.data, c->chunk.len), TM_CORRUPT);
            }
        }
}

static void a_byte_behind_the_end_is_refused(void **state)
{
    struct columns *c = *state;
    fill_times(c, 300, 0, 0);
    fill_values(c, FAMILY_GAUGE);
    encode(c, CHUNK_FAST);
    bytes_u8(&c->chunk, 0);
    assert_int_equal(decode_exactly(c, &test_key, c->chunk.data, c->chunk.len), TM_CORRUPT);
    reseal(&c->chunk);
    assert_int_equal(decode_exactly(c, &test_key, c->chunk.data, c->chunk.len), TM_CORRUPT);
}

/* Forged bytes may make wrong values, but only within the rules: ascending times, the head's count. */
static void forged_bytes_never_break_the_rules(void **state)
{
    struct columns *c = *state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        c->seed = seed;
        fill_times(c, (size_t)draw_within(c, 1, 400), seed % 3 ? 5 : 0, 0);
        fill_values(c, (enum family)(seed % FAMILY_COUNT));
        encode(c, seed % 2 ? CHUNK_FAST : CHUNK_DENSE);
        for (unsigned i = 0; i < 200; i++) {
            size_t at = (size_t)draw_within(c, CHUNK_BODY_AT, (int64_t)c->chunk.len - 1);
            uint8_t before = c->chunk.data[at];
            struct chunk_head head;
            c->chunk.data[at] = (uint8_t)draw(c);
            reseal(&c->chunk);
            enum tm_err err = decode_exactly(c, &test_key, c->chunk.data, c->chunk.len);
            assert_true(err == TM_OK || err == TM_CORRUPT);
            if (!err) {
                assert_int_equal(chunk_peek(&test_key, bytes_view(&c->chunk), &head), TM_OK);
                assert_int_equal(c->times_back[0], head.first);
                assert_int_equal(c->times_back[head.count - 1], head.last);
                for (size_t j = 1; j < head.count; j++)
                    assert_true(c->times_back[j] > c->times_back[j - 1]);
            }
            c->chunk.data[at] = before;
        }
    }
}

/* With values the check says what decoding says; without them it sees all of a packed chunk's faults, and
 * never refuses what can be decoded. */
static void a_check_agrees_with_decoding(void **state)
{
    struct columns *c = *state;
    struct chunk_reader *reader = malloc(sizeof *reader);
    assert_non_null(reader);
    for (uint64_t seed = 1; seed <= 60; seed++) {
        c->seed = seed;
        fill_times(c, (size_t)draw_within(c, 1, 400), seed % 3 ? 5 : 0, 0);
        fill_values(c, (enum family)(seed % FAMILY_COUNT));
        encode(c, seed % 2 ? CHUNK_FAST : CHUNK_DENSE);
        for (unsigned i = 0; i < 200; i++) {
            size_t at = (size_t)draw_within(c, CHUNK_BODY_AT, (int64_t)c->chunk.len - 1);
            uint8_t before = c->chunk.data[at];
            struct str chunk = bytes_view(&c->chunk);
            c->chunk.data[at] = (uint8_t)draw(c);
            if (c->chunk.data[at] != before)
                assert_int_equal(chunk_reader_check(reader, &test_key, chunk, false), TM_CORRUPT);
            reseal(&c->chunk);
            enum tm_err err = decode_exactly(c, &test_key, c->chunk.data, c->chunk.len);
            assert_int_equal(chunk_reader_check(reader, &test_key, chunk, true), err);
            enum tm_err quick = chunk_reader_check(reader, &test_key, chunk, false);
            assert_true(quick == TM_OK || (quick == TM_CORRUPT && err == TM_CORRUPT));
            if (quick == TM_OK && err == TM_CORRUPT)
                assert_int_equal(reader->values.coding, CODING_ANS);
            c->chunk.data[at] = before;
            reseal(&c->chunk);
        }
        assert_int_equal(chunk_reader_check(reader, &test_key, bytes_view(&c->chunk), false), TM_OK);
        assert_int_equal(reader->head.count, c->count);
        assert_int_equal(reader->head.first, c->times[0]);
        assert_int_equal(reader->head.last, c->times[c->count - 1]);
    }
    free(reader);
}

static void another_version_is_refused(void **state)
{
    struct columns *c = *state;
    fill_times(c, 300, 0, 0);
    fill_values(c, FAMILY_GAUGE);
    encode(c, CHUNK_FAST);
    for (unsigned version = 0; version < 256; version++) {
        c->chunk.data[0] = (uint8_t)version;
        reseal(&c->chunk);
        assert_int_equal(decode_exactly(c, &test_key, c->chunk.data, c->chunk.len),
                         version == CHUNK_VERSION ? TM_OK : TM_CORRUPT);
    }
}

static void too_little_room_is_told(void **state)
{
    struct columns *c = *state;
    size_t count = 7;
    fill_times(c, 300, 0, 0);
    fill_values(c, FAMILY_GAUGE);
    encode(c, CHUNK_FAST);
    assert_int_equal(
        chunk_decode(&test_key, bytes_view(&c->chunk), c->times_back, c->values_back, 299, &count), TM_LIMIT);
    assert_int_equal(count, 0);
}

/* The format is fixed: these bytes stay readable. */
static void a_chunk_of_version_1_reads_as_ever(void **state)
{
    static const uint8_t stored[] = {CHUNK_VERSION, 0, 0, 0,    0,    4,    20,   0xb0, 0xea,
                                     0x01,          1, 2, 0xc8, 0x01, 0x05, 0x02, 0x14, 0xe0};
    static const double values[] = {1.00, 1.10, 1.22, 1.35};
    struct columns *c = *state;
    bytes_put(&c->chunk, stored, sizeof stored);
    reseal(&c->chunk);
    assert_int_equal(decode_exactly(c, &test_key, c->chunk.data, c->chunk.len), TM_OK);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(c->times_back[i], test_key.window_start + 10 + 10000 * (int64_t)i);
        assert_memory_equal(&c->values_back[i], &values[i], sizeof(double));
    }
}

static void both_builds_of_the_kernels_agree(void **state)
{
    struct columns *c = *state;
    const struct chunk_kernels *portable = chunk_kernels_portable(), *other = chunk_kernels_best();
    uint8_t packed[CHUNK_BLOCK * 8 + KERNEL_UNPACK_OVERREAD_BYTES];
    for (unsigned width = 0; width <= 64; width++) {
        uint64_t a[CHUNK_BLOCK], b[CHUNK_BLOCK], levels[2] = {draw(c), 0}, slopes[2] = {draw(c), 0};
        double doubles[2][CHUNK_BLOCK];
        for (size_t i = 0; i < sizeof packed; i++)
            packed[i] = (uint8_t)draw(c);
        uint64_t base = width % 2 ? draw(c) : 0;
        portable->unpack(packed, width, base, a);
        other->unpack(packed, width, base, b);
        assert_memory_equal(a, b, sizeof a);
        levels[1] = levels[0];
        slopes[1] = slopes[0];
        portable->integrate(a, width % ORDER_COUNT, &levels[0], &slopes[0]);
        other->integrate(b, width % ORDER_COUNT, &levels[1], &slopes[1]);
        assert_memory_equal(a, b, sizeof a);
        assert_true(levels[0] == levels[1] && slopes[0] == slopes[1]);
        struct chunk_scale scale = {draw(c), width % 3 ? 1 : draw(c), width % 2 ? 1 : 1000};
        portable->scale(a, &scale, doubles[0]);
        other->scale(b, &scale, doubles[1]);
        assert_memory_equal(doubles[0], doubles[1], sizeof doubles[0]);
        int64_t times[2][CHUNK_BLOCK];
        uint64_t origin = draw(c), line = draw(c) >> width % 64;
        portable->march(origin, line, times[0]);
        other->march(origin, line, times[1]);
        assert_memory_equal(times[0], times[1], sizeof times[0]);
        assert_true(times[0][CHUNK_BLOCK - 1] == (int64_t)(origin + line * (CHUNK_BLOCK - 1)));
    }
}

static void times_that_stand_still_or_fall_anywhere_do_not_ascend(void **state)
{
    const struct chunk_kernels *builds[] = {chunk_kernels_portable(), chunk_kernels_best()};
    int64_t times[CHUNK_BLOCK];
    (void)state;
    for (size_t build = 0; build < 2; build++) {
        builds[build]->march(7, 3, times);
        for (unsigned count = 1; count <= CHUNK_BLOCK; count++)
            assert_true(builds[build]->ascends(times, count));
        for (unsigned at = 1; at < CHUNK_BLOCK; at++) {
            int64_t time = times[at];
            times[at] = times[at - 1] - at % 2;
            assert_false(builds[build]->ascends(times, CHUNK_BLOCK));
            assert_false(builds[build]->ascends(times, at + 1));
            assert_true(builds[build]->ascends(times, at));
            times[at] = time;
        }
    }
}

static void fields_of_every_width_are_unpacked(void **state)
{
    struct columns *c = *state;
    uint8_t packed[CHUNK_BLOCK * 8 + KERNEL_UNPACK_OVERREAD_BYTES] = {0};
    for (size_t i = 0; i < CHUNK_BLOCK * 8; i++)
        packed[i] = (uint8_t)draw(c);
    for (unsigned width = 0; width <= 64; width++) {
        uint64_t fields[CHUNK_BLOCK], base = width % 2 ? draw(c) : 0;
        chunk_kernels_portable()->unpack(packed, width, base, fields);
        for (size_t i = 0; i < CHUNK_BLOCK; i++) {
            uint64_t expected = 0;
            for (size_t bit = 0; bit < width; bit++)
                expected |= (uint64_t)(packed[(i * width + bit) / 8] >> (i * width + bit) % 8 & 1) << bit;
            assert_true(fields[i] == base + expected);
        }
    }
}

static void integers_become_the_doubles_that_a_cast_makes(void **state)
{
    struct columns *c = *state;
    struct chunk_scale scale = {0, 1, 1};
    for (unsigned round = 0; round < 200; round++) {
        uint64_t levels[CHUNK_BLOCK];
        double out[CHUNK_BLOCK];
        for (size_t i = 0; i < CHUNK_BLOCK; i++)
            levels[i] = shift_signed(draw(c), (unsigned)(draw(c) % 64));
        chunk_kernels_portable()->scale(levels, &scale, out);
        for (size_t i = 0; i < CHUNK_BLOCK; i++)
            assert_true(out[i] == (double)(int64_t)levels[i]);
    }
}

static void both_builds_read_the_same_symbols(void **state)
{
    struct columns *c = *state;
    uint32_t table[1 << CHUNK_ANS_BITS];
    uint8_t in[KERNEL_ANS_BYTES + KERNEL_UNPACK_OVERREAD_BYTES];
    for (uint32_t i = 0; i < 1 << CHUNK_ANS_BITS; i++)
        table[i] = (uint32_t)draw(c) & 0x3fffffff;
    for (unsigned count = 0; count <= CHUNK_BLOCK; count++) {
        uint32_t lanes[2][CHUNK_ANS_LANES];
        uint8_t symbols[2][CHUNK_BLOCK] = {{0}};
        for (size_t i = 0; i < sizeof in; i++)
            in[i] = (uint8_t)draw(c);
        for (size_t i = 0; i < CHUNK_ANS_LANES; i++)
            lanes[0][i] = lanes[1][i] = (uint32_t)draw(c);
        size_t taken = chunk_kernels_portable()->ans(table, lanes[0], in, count, symbols[0]);
        assert_true(taken <= 2 * count);
        assert_int_equal(chunk_kernels_best()->ans(table, lanes[1], in, count, symbols[1]), taken);
        assert_memory_equal(symbols[0], symbols[1], sizeof symbols[0]);
        assert_memory_equal(lanes[0], lanes[1], sizeof lanes[0]);
    }
}

static void symbols_and_low_bits_are_joined_by_both_builds(void **state)
{
    struct columns *c = *state;
    const struct chunk_kernels *builds[2] = {chunk_kernels_portable(), chunk_kernels_best()};
    for (unsigned low_bits = 0; low_bits <= CHUNK_ANS_MAX_LOW_BITS; low_bits++) {
        struct chunk_join join = {draw(c), draw(c), low_bits};
        uint8_t symbols[CHUNK_BLOCK], most = 0;
        uint64_t low[CHUNK_BLOCK], expected[CHUNK_BLOCK], sum = 0;
        for (size_t i = 0; i < CHUNK_BLOCK; i++) {
            symbols[i] = (uint8_t)(draw(c) % (low_bits + 1));
            most = symbols[i] > most ? symbols[i] : most;
            low[i] = draw(c) & ((UINT64_C(1) << low_bits) - 1);
            expected[i] = ((symbols[i] + join.symbol_low) << low_bits) + low[i];
            sum += expected[i];
            expected[i] += join.base;
        }
        for (size_t i = 0; i < 2; i++) {
            uint64_t block[CHUNK_BLOCK];
            memcpy(block, low, sizeof block);
            assert_int_equal(builds[i]->most(symbols), most);
            assert_true(builds[i]->join(symbols, &join, block) == sum);
            assert_memory_equal(block, expected, sizeof block);
        }
    }
}

/* One pair of equal times at any place is seen, but not one behind the end. */
static void times_that_do_not_ascend_are_seen_by_both_builds(void **state)
{
    struct columns *c = *state;
    const struct chunk_kernels *builds[2] = {chunk_kernels_portable(), chunk_kernels_best()};
    static const uint64_t factors[] = {1, 7};
    for (unsigned round = 0; round < 4 * CHUNK_BLOCK; round++) {
        uint64_t factor = factors[round % 2], levels[CHUNK_BLOCK];
        unsigned count = round < 2 * CHUNK_BLOCK ? CHUNK_BLOCK : 1 + (unsigned)(draw(c) % CHUNK_BLOCK);
        unsigned equal = 1 + round / 2 % CHUNK_BLOCK; /* to the one before; CHUNK_BLOCK: none is */
        struct chunk_clock clock = {0 - draw(c) % 100, 0, factor};
        uint64_t at = 0;
        for (unsigned i = 0; i < CHUNK_BLOCK; i++)
            levels[i] = at += i == equal ? 0 : 1 + draw(c) % 5;
        for (size_t i = 0; i < 2; i++) {
            int64_t out[CHUNK_BLOCK];
            assert_true(builds[i]->place(levels, &clock, count, out) == (equal >= count));
            for (size_t k = 0; k < CHUNK_BLOCK; k++)
                assert_true(out[k] == (int64_t)(clock.origin + levels[k] * factor));
        }
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, columns_setup, columns_teardown)
    const struct CMUnitTest tests[] = {
        CASE(another_key_is_refused),
        CASE(every_flipped_bit_is_seen),
        CASE(every_truncation_is_refused),
        CASE(every_sealed_truncation_is_refused),
        CASE(a_byte_behind_the_end_is_refused),
        CASE(forged_bytes_never_break_the_rules),
        CASE(a_check_agrees_with_decoding),
        CASE(another_version_is_refused),
        CASE(too_little_room_is_told),
        CASE(a_chunk_of_version_1_reads_as_ever),
        CASE(both_builds_of_the_kernels_agree),
        CASE(symbols_and_low_bits_are_joined_by_both_builds),
        CASE(times_that_do_not_ascend_are_seen_by_both_builds),
        CASE(times_that_stand_still_or_fall_anywhere_do_not_ascend),
        CASE(fields_of_every_width_are_unpacked),
        CASE(integers_become_the_doubles_that_a_cast_makes),
        CASE(both_builds_read_the_same_symbols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
