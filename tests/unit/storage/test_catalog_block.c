/* A block of series comes back as it was packed, and nothing else passes for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "storage/catalog/catalog_block.h"

struct packed {
    struct catalog_packer packer;
    struct bytes block;
};

static void fini(struct packed *p)
{
    catalog_packer_fini(&p->packer);
    bytes_fini(&p->block);
}

/* Series 10, 13, 16 ... each with its own labels. */
static struct catalog_series series_at(uint32_t n, char text[32])
{
    int len = snprintf(text, 32, "labels of %u", n);
    return (struct catalog_series){10 + 3 * n, STR("shop"), {text, (size_t)len}};
}

static void pack(struct packed *p, uint32_t count)
{
    char text[32];
    for (uint32_t n = 0; n < count; n++) {
        struct catalog_series one = series_at(n, text);
        assert_int_equal(catalog_packer_add(&p->packer, &one), n + 1 == CATALOG_BLOCK_SERIES);
    }
    assert_int_equal(p->packer.first, 10);
    assert_int_equal(catalog_packer_pack(&p->packer, &p->block), TM_OK);
}

static enum tm_err read_all(uint32_t key, struct str block, uint32_t *count)
{
    struct catalog_unpacker unpacker = {0};
    struct catalog_series one;
    enum tm_err err = catalog_unpacker_open(&unpacker, key, cursor_of(block.ptr, block.len));
    for (*count = 0; !err; *count += !err)
        err = catalog_unpacker_next(&unpacker, &one);
    catalog_unpacker_fini(&unpacker);
    return err;
}

static void every_series_of_a_full_block_comes_back(void **state)
{
    (void)state;
    struct packed p = {0};
    struct catalog_unpacker unpacker = {0};
    struct catalog_series one;
    char text[32];
    pack(&p, CATALOG_BLOCK_SERIES);
    assert_int_equal(catalog_unpacker_open(&unpacker, 10, cursor_of(p.block.data, p.block.len)), TM_OK);
    for (uint32_t n = 0; n < CATALOG_BLOCK_SERIES; n++) {
        struct catalog_series wanted = series_at(n, text);
        assert_int_equal(catalog_unpacker_next(&unpacker, &one), TM_OK);
        assert_int_equal(one.number, wanted.number);
        assert_true(str_equal(one.service, wanted.service));
        assert_true(str_equal(one.labels, wanted.labels));
    }
    assert_int_equal(catalog_unpacker_next(&unpacker, &one), TM_NOT_FOUND);
    catalog_unpacker_fini(&unpacker);
    fini(&p);
}

static void a_block_is_full_at_its_bytes_too(void **state)
{
    (void)state;
    static char long_text[CATALOG_BLOCK_BYTES];
    struct packed p = {0};
    struct catalog_series one = {1, STR(""), {long_text, sizeof long_text}};
    uint32_t count;
    assert_true(catalog_packer_add(&p.packer, &one));
    assert_int_equal(catalog_packer_pack(&p.packer, &p.block), TM_OK);
    assert_int_equal(read_all(1, bytes_view(&p.block), &count), TM_NOT_FOUND);
    assert_int_equal(count, 1);
    fini(&p);
}

static void a_packer_begins_anew_after_each_block(void **state)
{
    (void)state;
    struct packed p = {0};
    uint32_t count;
    pack(&p, 3);
    bytes_clear(&p.block);
    pack(&p, 2);
    assert_int_equal(read_all(10, bytes_view(&p.block), &count), TM_NOT_FOUND);
    assert_int_equal(count, 2);
    fini(&p);
}

static void a_cut_block_is_refused(void **state)
{
    (void)state;
    struct packed p = {0};
    uint32_t count;
    pack(&p, 5);
    for (size_t len = 0; len < p.block.len; len++)
        assert_int_equal(read_all(10, (struct str){(char *)p.block.data, len}, &count), TM_CORRUPT);
    fini(&p);
}

static void a_wrong_count_is_refused(void **state)
{
    (void)state;
    static const uint8_t counts[] = {0, 4, 6, 0x7f};
    struct packed p = {0};
    uint32_t count;
    pack(&p, 5);
    assert_int_equal(p.block.data[0], 5);
    for (size_t i = 0; i < sizeof counts; i++) {
        p.block.data[0] = counts[i];
        assert_int_equal(read_all(10, bytes_view(&p.block), &count), TM_CORRUPT);
    }
    fini(&p);
}

static void a_number_out_of_bounds_is_refused(void **state)
{
    (void)state;
    struct packed p = {0};
    uint32_t count;
    pack(&p, 1);
    assert_int_equal(read_all(0, bytes_view(&p.block), &count), TM_CORRUPT);
    assert_int_equal(read_all(UINT32_MAX, bytes_view(&p.block), &count), TM_CORRUPT);
    fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_series_of_a_full_block_comes_back),
        cmocka_unit_test(a_block_is_full_at_its_bytes_too),
        cmocka_unit_test(a_packer_begins_anew_after_each_block),
        cmocka_unit_test(a_cut_block_is_refused),
        cmocka_unit_test(a_wrong_count_is_refused),
        cmocka_unit_test(a_number_out_of_bounds_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
