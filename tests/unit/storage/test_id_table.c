/* Numbers by hash: each is found under its hash, whatever was added, removed or grown meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "storage/catalog/id_table.h"

static bool is_in(const struct id_table *table, uint32_t hash, uint32_t id)
{
    size_t at = 0;
    uint32_t found;
    while ((found = id_table_next(table, hash, &at)) != 0) {
        if (found == id)
            return true;
    }
    return false;
}

/* Many numbers share a hash, and hashes lie side by side. */
static uint32_t hash_of(uint32_t id)
{
    return id % 700;
}

static void fill(struct id_table *table, uint32_t count)
{
    for (uint32_t id = 1; id <= count; id++) {
        assert_true(id_table_reserve(table, table->used + 1));
        id_table_add(table, hash_of(id), id);
    }
}

static void a_number_is_found_under_its_hash_alone(void **state)
{
    (void)state;
    struct id_table table = {0};
    assert_false(is_in(&table, 1, 1));
    fill(&table, 5000);
    assert_int_equal(table.used, 5000);
    for (uint32_t id = 1; id <= 5000; id++) {
        assert_true(is_in(&table, hash_of(id), id));
        assert_false(is_in(&table, hash_of(id) + 1, id));
    }
    assert_false(is_in(&table, 3, 5001));
    id_table_fini(&table);
}

static bool is_third(const void *arg, uint32_t id)
{
    (void)arg;
    return id % 3 == 0;
}

static void what_is_kept_is_found_after_a_sweep(void **state)
{
    (void)state;
    struct id_table table = {0};
    fill(&table, 5000);
    size_t capacity = table.capacity;
    id_table_sweep(&table, is_third, NULL);
    assert_int_equal(table.used, 1666);
    assert_int_equal(table.capacity, capacity);
    for (uint32_t id = 1; id <= 5000; id++)
        assert_int_equal(is_in(&table, hash_of(id), id), id % 3 == 0);
    id_table_fini(&table);
}

static void room_is_made_at_once(void **state)
{
    (void)state;
    struct id_table table = {0};
    assert_true(id_table_reserve(&table, 10000));
    assert_int_equal(table.capacity, 16384);
    const struct id_slot *slots = table.slots;
    fill(&table, 10000);
    assert_ptr_equal(table.slots, slots);
    id_table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_found_under_its_hash_alone),
        cmocka_unit_test(what_is_kept_is_found_after_a_sweep),
        cmocka_unit_test(room_is_made_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
