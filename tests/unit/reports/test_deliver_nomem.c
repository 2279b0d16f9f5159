/* The n-th allocation fails, for every n, while messages are made and the ledger is read and written:
 * TM_NOMEM, no crash, nothing kept, and no message that lacks a part. The allocator of this program is
 * glibc's own behind a countdown; under a sanitizer, which brings its own, there is nothing to fail. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/nomem.h"
#include "tests/unit/reports/deliver_samples.h"

#if CAN_FAIL
enum { TRIES_MAX = 5000 };

/* Makes one message; the allocations fail that the countdown says. */
static enum tm_err make_message(const char *to, struct bytes *out)
{
    struct summary summary;
    struct receiver receiver = {.to = to};
    const struct channel_letter letter = {&sample_settings, &receiver, 0};
    enum tm_err err = sample_summary(sample_json, 2, &summary);
    if (!err)
        channel_of(to)->compose(&summary, &letter, out);
    summary_close(&summary);
    return err ? err : bytes_error(out);
}

static void fail_each_of_a_message(const char *to)
{
    struct bytes whole = {0};
    enum tm_err err = TM_NOMEM;
    long n = 0;
    assert_int_equal(make_message(to, &whole), TM_OK);
    for (; err && n < TRIES_MAX; n++) {
        struct bytes out = {0};
        long before = live;
        countdown = n;
        err = make_message(to, &out);
        countdown = -1;
        assert_true(err == TM_OK || err == TM_NOMEM);
        if (!err)
            assert_true(str_equal(bytes_view(&out), bytes_view(&whole)));
        bytes_fini(&out);
        assert_int_equal(live, before);
    }
    assert_int_equal(err, TM_OK);
    assert_true(n > 50);
    bytes_fini(&whole);
}

static void a_message_is_whole_or_none(void **state)
{
    (void)state;
    fail_each_of_a_message("https://example.org");
    fail_each_of_a_message("mailto:a@example.org");
}

static enum tm_err read_settings(void)
{
    struct deliver_settings settings;
    struct tm_why why;
    enum tm_err err =
        settings_parse(STR("{\"receivers\":[{\"to\":\"http://x\"},{\"to\":\"mailto:y\"}]}"), &settings, &why);
    settings_close(&settings);
    return err;
}

static void settings_that_cannot_be_held_are_refused(void **state)
{
    (void)state;
    enum tm_err err = TM_NOMEM;
    for (long n = 0; err && n < TRIES_MAX; n++) {
        long before = live;
        countdown = n;
        err = read_settings();
        countdown = -1;
        assert_true(err == TM_OK || err == TM_NOMEM);
        assert_int_equal(live, before);
    }
    assert_int_equal(err, TM_OK);
}

/* Opens, notes, opens again. */
static enum tm_err use_ledger(int folder, size_t *noted)
{
    struct ledger ledger;
    struct tm_why why;
    struct ledger_entry entry = {.receiver = "00112233445566778899aabbccddeeff",
                                 .week = "2026-W47",
                                 .revision = 1,
                                 .state = LEDGER_SENT};
    enum tm_err err = ledger_open(folder, INT64_MIN, &ledger, &why);
    for (char c = 'a'; c <= 'c' && !err; c++) {
        entry.report[0] = c;
        err = ledger_note(&ledger, &entry, &why);
        *noted += !err;
    }
    ledger_close(&ledger);
    if (!err)
        err = ledger_open(folder, INT64_MIN, &ledger, &why);
    if (!err)
        *noted = ledger.count;
    ledger_close(&ledger);
    return err;
}

static void a_ledger_keeps_what_was_noted_whatever_fails(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    char path[300];
    enum tm_err err = TM_NOMEM;
    (void)snprintf(path, sizeof path, "%s/tidemark-test-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(path));
    int folder = open(path, O_RDONLY | O_DIRECTORY);
    for (long n = 0; err && n < TRIES_MAX; n++) {
        struct ledger ledger;
        struct tm_why why;
        size_t noted = 0;
        long before = live;
        (void)unlinkat(folder, ".deliveries", 0);
        countdown = n;
        err = use_ledger(folder, &noted);
        countdown = -1;
        assert_true(err == TM_OK || err == TM_NOMEM);
        assert_int_equal(live, before);
        assert_int_equal(ledger_open(folder, INT64_MIN, &ledger, &why), TM_OK);
        assert_int_equal(ledger.count, noted);
        ledger_close(&ledger);
    }
    assert_int_equal(err, TM_OK);
    (void)unlinkat(folder, ".deliveries", 0);
    (void)unlinkat(folder, ".deliveries.lock", 0);
    (void)close(folder);
    (void)rmdir(path);
}
#else
static void nothing_can_fail_under_a_sanitizer(void **state)
{
    (void)state;
    skip();
}
#endif

int main(void)
{
    struct tm_why why;
    if (week_set_zone("UTC", &why) != TM_OK) /* as the program: the C library keeps what it reads of it */
        return 1;
    const struct CMUnitTest tests[] = {
#if CAN_FAIL
        cmocka_unit_test(a_message_is_whole_or_none),
        cmocka_unit_test(settings_that_cannot_be_held_are_refused),
        cmocka_unit_test(a_ledger_keeps_what_was_noted_whatever_fails),
#else
        cmocka_unit_test(nothing_can_fail_under_a_sanitizer),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
