/* Blocks of events: every event comes back to the bit; damaged, foreign and forged ones are refused. */
#include "storage/events/events_format.h"
#include "tests/unit/storage/eventing.h"

static const struct chunk_key test_key = {7, DAY0 + 3};

struct rows {
    struct bytes bytes;
    struct events_row *at;
    size_t count;
};

/* Events of one service with ascending times. */
static void make_rows(struct rows *rows, uint64_t seed, size_t count, size_t url_bytes)
{
    size_t ends[4096];
    uint64_t state = seed;
    time_ms_t time = DAY0;
    char *url = malloc(url_bytes + 1);
    assert_true(url && count <= 4096);
    *rows = (struct rows){.at = calloc(count, sizeof *rows->at), .count = count};
    for (size_t i = 0; i < count; i++) {
        struct made_event made;
        make_event(&made, seed + i, time);
        made.event.service = STR("shop");
        for (size_t k = 0; k < url_bytes; k++)
            url[k] = (char)roll(&state, 256);
        if (url_bytes > 0)
            made.event.url = (struct str){url, url_bytes};
        assert_int_equal(http_event_encode(&made.event, &rows->bytes), TM_OK);
        ends[i] = rows->bytes.len;
        rows->at[i].time = time;
        time += (time_ms_t)roll(&state, 5) * (time_ms_t)roll(&state, 5);
    }
    for (size_t i = 0; i < count; i++) {
        size_t from = i ? ends[i - 1] : 0;
        rows->at[i].bytes = (struct str){(const char *)rows->bytes.data + from, ends[i] - from};
    }
    free(url);
}

static void end_rows(struct rows *rows)
{
    bytes_fini(&rows->bytes);
    free(rows->at);
}

/* Reads a copy that ends where its memory does, so that a sanitizer sees every byte too far. */
static enum tm_err open_exactly(const struct chunk_key *key, const uint8_t *data, size_t len,
                                struct events_block *block)
{
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, data, len);
    enum tm_err err = events_block_open(block, key, (struct str){(const char *)copy, len});
    if (!err)
        err = events_block_read(block, UINT32_MAX);
    free(copy);
    return err;
}

static void expect_rows(struct events_block *block, const struct rows *rows, size_t from)
{
    struct bytes again = {0};
    for (size_t i = 0; i < block->head.count; i++) {
        struct http_event event = {.count = 0};
        events_block_event(block, i, UINT32_MAX, &event);
        bytes_clear(&again);
        assert_int_equal(http_event_encode(&event, &again), TM_OK);
        assert_int_equal(event.time, rows->at[from + i].time);
        assert_true(str_equal(bytes_view(&again), rows->at[from + i].bytes));
    }
    bytes_fini(&again);
}

/* All rows, in as many blocks as it takes; how many these are. */
static size_t check_blocks(const struct rows *rows)
{
    struct events_encoder *encoder = events_encoder_new();
    struct events_block block = {0};
    struct bytes out = {0};
    size_t blocks = 0;
    assert_non_null(encoder);
    for (size_t from = 0, taken; from < rows->count; from += taken, blocks++) {
        struct events_block_head head, peeked;
        bytes_clear(&out);
        assert_int_equal(
            events_block_encode(encoder, &test_key, rows->at + from, rows->count - from, &taken, &out, &head),
            TM_OK);
        assert_true(taken > 0 && out.len <= EVENTS_BLOCK_BYTES_MAX);
        assert_int_equal(events_block_peek(&test_key, bytes_view(&out), &peeked), TM_OK);
        assert_int_equal(peeked.count, taken);
        assert_int_equal(peeked.first, rows->at[from].time);
        assert_int_equal(peeked.last, rows->at[from + taken - 1].time);
        assert_true(str_equal(peeked.service, STR("shop")));
        assert_int_equal(open_exactly(&test_key, out.data, out.len, &block), TM_OK);
        assert_int_equal(events_block_open(&block, &test_key, bytes_view(&out)), TM_OK);
        assert_int_equal(events_block_read(&block, UINT32_MAX), TM_OK);
        expect_rows(&block, rows, from);
    }
    events_block_fini(&block);
    events_encoder_free(encoder);
    bytes_fini(&out);
    return blocks;
}

static void every_event_comes_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 40; seed++) {
        struct rows rows;
        make_rows(&rows, seed * 1000, 1 + seed * seed, 0);
        assert_int_equal(check_blocks(&rows), 1);
        end_rows(&rows);
    }
}

static void events_that_are_large_take_more_blocks(void **state)
{
    (void)state;
    struct rows rows;
    make_rows(&rows, 1, 60, 100000);
    assert_true(check_blocks(&rows) > 5);
    end_rows(&rows);
}

static void make_block(struct bytes *out, size_t count)
{
    struct rows rows;
    struct events_block_head head;
    size_t taken;
    struct events_encoder *encoder = events_encoder_new();
    make_rows(&rows, 5, count, 0);
    assert_int_equal(events_block_encode(encoder, &test_key, rows.at, count, &taken, out, &head), TM_OK);
    events_encoder_free(encoder);
    end_rows(&rows);
}

static void another_key_is_refused(void **state)
{
    (void)state;
    struct bytes out = {0};
    struct events_block block = {0};
    struct events_block_head head;
    make_block(&out, 50);
    for (unsigned bit = 0; bit < 128; bit++) {
        struct chunk_key key = test_key;
        if (bit < 64)
            key.series ^= UINT64_C(1) << bit;
        else
            key.window_start = (time_ms_t)((uint64_t)key.window_start ^ UINT64_C(1) << (bit - 64));
        assert_int_equal(open_exactly(&key, out.data, out.len, &block), TM_CORRUPT);
        assert_int_equal(events_block_peek(&key, bytes_view(&out), &head), TM_CORRUPT);
    }
    events_block_fini(&block);
    bytes_fini(&out);
}

static void every_flipped_bit_and_every_cut_is_seen(void **state)
{
    (void)state;
    struct bytes out = {0};
    struct events_block block = {0};
    make_block(&out, 60);
    for (size_t bit = 0; bit < 8 * out.len; bit++) {
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(open_exactly(&test_key, out.data, out.len, &block), TM_CORRUPT);
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t len = 0; len < out.len; len++)
        assert_int_equal(open_exactly(&test_key, out.data, len, &block), TM_CORRUPT);
    assert_int_equal(open_exactly(&test_key, out.data, out.len, &block), TM_OK);
    events_block_fini(&block);
    bytes_fini(&out);
}

/* Sets both checksums right, whatever the bytes are. */
static void reseal(struct bytes *out)
{
    uint64_t seed = events_seed(&test_key);
    uint32_t len;
    memcpy(&len, out->data + 1 + EVENTS_SUM_BYTES, sizeof len);
    if (len < EVENTS_SUM_BYTES || len > out->len - EVENTS_PREFIX_BYTES)
        return;
    uint8_t *head = out->data + EVENTS_PREFIX_BYTES, *body = head + len;
    uint64_t sum = XXH3_64bits_withSeed(body, out->len - EVENTS_PREFIX_BYTES - len, seed);
    memcpy(body - EVENTS_SUM_BYTES, &sum, sizeof sum);
    sum = XXH3_64bits_withSeed(head, len, seed);
    memcpy(out->data + 1, &sum, sizeof sum);
}

static void a_forged_block_never_reads_too_far(void **state)
{
    (void)state;
    struct bytes out = {0}, forged = {0};
    struct events_block block = {0};
    uint64_t dice = 9;
    size_t refused = 0;
    make_block(&out, 60);
    for (int round = 0; round < 20000; round++) {
        bytes_clear(&forged);
        bytes_put(&forged, out.data, out.len);
        for (uint64_t n = 1 + roll(&dice, 3); n > 0; n--)
            forged.data[roll(&dice, forged.len)] = (uint8_t)roll(&dice, 256);
        reseal(&forged);
        enum tm_err err = open_exactly(&test_key, forged.data, forged.len, &block);
        assert_true(err == TM_OK || err == TM_CORRUPT);
        refused += err == TM_CORRUPT;
    }
    assert_true(refused > 1000);
    events_block_fini(&block);
    bytes_fini(&out);
    bytes_fini(&forged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_comes_back),
        cmocka_unit_test(events_that_are_large_take_more_blocks),
        cmocka_unit_test(another_key_is_refused),
        cmocka_unit_test(every_flipped_bit_and_every_cut_is_seen),
        cmocka_unit_test(a_forged_block_never_reads_too_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
