/* The n-th allocation fails, for every n, while samples are deleted and while a store with deletes is opened:
 * all that was to go is hidden or nothing, what is hidden stays hidden, and the store goes on. */
#include "tests/unit/storage/nomem.h"

#include "tests/unit/storage/deleting.h"

#if CAN_FAIL
enum { SAMPLES = 5 };

static enum tm_err delete_all(struct fixture *f)
{
    struct selector selector;
    struct deletion_order order = {&selector, 1, EVERYTHING};
    struct deleted deleted = {.answers = 0};
    enum tm_err err = selector_parse(STR("gone"), &selector, &f->why);
    if (err)
        return err;
    err = store_delete(f->store, &order, deleted_done, &deleted, &f->why);
    if (!err)
        wait_deleted(f, &deleted);
    selector_fini(&selector);
    return err ? err : deleted.err;
}

static void send_some(struct fixture *f)
{
    for (int i = 0; i < SAMPLES; i++)
        assert_int_equal(send_one(f->store, "gone", DAY0 + i, i), TM_OK);
}

static void expect_deleted(struct fixture *f, enum tm_err err)
{
    assert_int_equal(count_of(f->store, "gone"), err ? SAMPLES : 0);
    assert_int_equal(count_of(f->store, "kept"), SAMPLES);
    expect_sound(f);
}

static void send_again(struct fixture *f)
{
    if (count_of(f->store, "gone") == 0)
        send_some(f);
}

static int delete_setup(void **state)
{
    int rc = nomem_setup(state);
    struct fixture *f = *state;
    for (int i = 0; i < SAMPLES; i++)
        assert_int_equal(send_one(f->store, "kept", DAY0 + i, i), TM_OK);
    send_some(f);
    flush_now(f);
    return rc;
}

static void a_delete_hides_all_or_nothing(void **state)
{
    struct fixture *f = *state;
    assert_true(fail_each(f, send_again, delete_all, expect_deleted) > 10);
    assert_int_equal(delete_all(f), TM_OK);
    fixture_reopen(f);
    assert_int_equal(count_of(f->store, "gone"), 0);
    assert_int_equal(count_of(f->store, "kept"), SAMPLES);
}

static enum tm_err open_store(struct fixture *f)
{
    return fixture_try_open(f);
}

static void expect_hidden(struct fixture *f, enum tm_err err)
{
    if (err) {
        assert_null(f->store);
        return;
    }
    assert_int_equal(count_of(f->store, "gone"), 0);
    assert_int_equal(count_of(f->store, "kept"), SAMPLES);
    expect_sound(f);
    fixture_close(f);
}

static void what_is_hidden_stays_hidden_whatever_fails_at_start(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(delete_all(f), TM_OK);
    assert_int_equal(stats_of(f->store).deletes, 1);
    fixture_close(f);
    assert_true(fail_each(f, NULL, open_store, expect_hidden) > 20);
    fixture_open(f);
}
#endif

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, delete_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
#if CAN_FAIL
        WITH_STORE(a_delete_hides_all_or_nothing),
        WITH_STORE(what_is_hidden_stays_hidden_whatever_fails_at_start),
#endif
        cmocka_unit_test(there_is_nothing_to_fail_under_a_sanitizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
