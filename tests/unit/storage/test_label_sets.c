/* Label sets: what was added comes back to the bit, texts are kept once, and what nobody uses goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "storage/catalog/label_sets.h"
#include "storage/model/labels.h"

/* job="shop", n="<number>", as encoded labels. */
static struct str encode(struct bytes *out, unsigned number)
{
    char text[16];
    struct labels labels = {0};
    (void)snprintf(text, sizeof text, "%u", number);
    assert_int_equal(labels_add(&labels, STR("job"), STR("shop")), TM_OK);
    assert_int_equal(labels_add(&labels, STR("n"), str_of(text)), TM_OK);
    bytes_clear(out);
    labels_encode(&labels, out);
    return bytes_view(out);
}

static uint32_t add(struct label_sets *sets, unsigned number)
{
    struct bytes encoded = {0};
    uint32_t set;
    assert_int_equal(label_sets_add(sets, encode(&encoded, number), &set), TM_OK);
    assert_int_not_equal(set, 0);
    bytes_fini(&encoded);
    return set;
}

static void assert_is(const struct label_sets *sets, uint32_t set, unsigned number)
{
    struct bytes wanted = {0}, found = {0};
    struct str text = encode(&wanted, number);
    label_sets_read(sets, set, &found);
    assert_true(str_equal(bytes_view(&found), text));
    assert_true(label_sets_equal(sets, set, text));
    bytes_fini(&wanted);
    bytes_fini(&found);
}

static void a_set_comes_back_byte_for_byte(void **state)
{
    (void)state;
    struct label_sets sets = {.seed = 1};
    uint32_t set[3000];
    for (unsigned i = 0; i < 3000; i++)
        set[i] = add(&sets, i);
    for (unsigned i = 0; i < 3000; i++)
        assert_is(&sets, set[i], i);
    assert_int_equal(sets.pair_count, 3001);
    label_sets_fini(&sets);
}

static void other_labels_are_not_equal(void **state)
{
    (void)state;
    struct label_sets sets = {.seed = 1};
    struct bytes encoded = {0};
    uint32_t set = add(&sets, 77);
    assert_false(label_sets_equal(&sets, set, encode(&encoded, 7)));
    assert_false(label_sets_equal(&sets, set, encode(&encoded, 770)));
    struct str same = encode(&encoded, 77);
    for (size_t len = 0; len < same.len; len++)
        assert_false(label_sets_equal(&sets, set, (struct str){same.ptr, len}));
    bytes_u8(&encoded, 0);
    assert_false(label_sets_equal(&sets, set, bytes_view(&encoded)));
    bytes_fini(&encoded);
    label_sets_fini(&sets);
}

static void the_empty_set_is_one_too(void **state)
{
    (void)state;
    struct label_sets sets = {.seed = 1};
    struct bytes found = {0};
    uint32_t set;
    assert_int_equal(label_sets_add(&sets, STR("\0"), &set), TM_OK);
    label_sets_read(&sets, set, &found);
    assert_int_equal(found.len, 1);
    assert_int_equal(found.data[0], 0);
    bytes_fini(&found);
    label_sets_fini(&sets);
}

static void a_pair_goes_when_no_set_has_it(void **state)
{
    (void)state;
    struct label_sets sets = {.seed = 1};
    uint32_t set[1000];
    for (unsigned i = 0; i < 1000; i++)
        set[i] = add(&sets, i);
    for (unsigned i = 0; i < 1000; i++) {
        if (i % 3)
            label_sets_give(&sets, set[i]);
    }
    label_sets_sweep(&sets);
    assert_int_equal(sets.pair_count, 334 + 1);
    /* The ones that stay are found, not made anew. */
    for (unsigned i = 0; i < 1000; i += 3) {
        assert_is(&sets, set[i], i);
        (void)add(&sets, i);
    }
    assert_int_equal(sets.pair_count, 334 + 1);
    label_sets_fini(&sets);
}

static void room_that_was_given_back_is_used_again(void **state)
{
    (void)state;
    struct label_sets sets = {.seed = 1};
    for (unsigned round = 0; round < 50; round++) {
        uint32_t set[2000];
        for (unsigned i = 0; i < 2000; i++)
            set[i] = add(&sets, round * 2000 + i);
        for (unsigned i = 0; i < 2000; i++)
            label_sets_give(&sets, set[i]);
        label_sets_sweep(&sets);
    }
    assert_int_equal(sets.pair_count, 0);
    assert_true(label_sets_bytes(&sets) <= 3 << 18);
    label_sets_fini(&sets);
}

static void bytes_that_are_no_labels_are_refused(void **state)
{
    (void)state;
    struct label_sets sets = {.seed = 1};
    struct bytes encoded = {0};
    uint32_t set;
    struct str good = encode(&encoded, 5);
    for (size_t len = 0; len < good.len; len++) {
        assert_int_equal(label_sets_add(&sets, (struct str){good.ptr, len}, &set), TM_CORRUPT);
        assert_int_equal(set, 0);
    }
    assert_int_equal(label_sets_add(&sets, STR("\x80\0"), &set), TM_CORRUPT);       /* a long count */
    assert_int_equal(label_sets_add(&sets, STR("\0x"), &set), TM_CORRUPT);          /* something behind it */
    assert_int_equal(label_sets_add(&sets, STR("\x41"), &set), TM_CORRUPT);         /* too many */
    assert_int_equal(label_sets_add(&sets, STR("\1\xff\xff\3"), &set), TM_CORRUPT); /* a name past the end */
    label_sets_sweep(&sets);
    assert_int_equal(sets.pair_count, 0);
    bytes_fini(&encoded);
    label_sets_fini(&sets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_comes_back_byte_for_byte),
        cmocka_unit_test(other_labels_are_not_equal),
        cmocka_unit_test(the_empty_set_is_one_too),
        cmocka_unit_test(a_pair_goes_when_no_set_has_it),
        cmocka_unit_test(room_that_was_given_back_is_used_again),
        cmocka_unit_test(bytes_that_are_no_labels_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
