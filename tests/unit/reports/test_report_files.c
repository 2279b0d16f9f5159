/* Files of reports: whole whatever happens, untouched where nothing changed, kept in revisions. */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "reports/files.h"

#define MADE_MS INT64_C(1764000000000)

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
    (void)info, (void)kind, (void)ftw;
    return remove(path);
}

static int make_folder(void **state)
{
    const char *base = getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/tidemark-test-XXXXXX", base ? base : "/tmp") < 0 || !mkdtemp(path))
        return -1;
    *state = path;
    return 0;
}

static int remove_folder(void **state)
{
    (void)nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return 0;
}

static struct files_result publish(const char *dir, const char *name, const char *html, const char *json)
{
    struct files files;
    struct tm_why why = {""};
    struct files_result result;
    const struct files_set set = {
        .name = name,
        .week = "2026-W47",
        .format = {[RENDER_HTML] = str_of(html), [RENDER_JSON] = str_of(json)},
    };
    assert_int_equal(files_open(dir, &files, &why), TM_OK);
    assert_int_equal(files_publish(&files, &set, MADE_MS, &result, &why), TM_OK);
    files_close(&files);
    return result;
}

static char *content(const char *dir, const char *path)
{
    struct files files;
    struct tm_why why;
    struct bytes out = {0};
    assert_int_equal(files_open(dir, &files, &why), TM_OK);
    enum tm_err err = files_read(&files, path, 1 << 20, &out);
    files_close(&files);
    bytes_u8(&out, 0);
    if (!err)
        return (char *)out.data;
    bytes_fini(&out);
    return NULL;
}

static void check_content(const char *dir, const char *path, const char *expected)
{
    char *text = content(dir, path);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void names_are_what_the_contract_says(void **state)
{
    char name[FILES_NAME_BYTES];
    struct tm_why why;
    static const char *const cases[][3] = {
        {"shop", "", "shop"},
        {"shop", "prod", "shop@prod"},
        {"a/b", "", "a%2Fb"},
        {"..", "", "%2E."},
        {".x", ".y", "%2Ex@.y"},
        {"a@b", "", "a%40b"},
        {"", "", "%"},
        {"주문", "", "%EC%A3%BC%EB%AC%B8"},
        {"a b%", "", "a%20b%25"},
        {"A-Z_0.9", "q", "A-Z_0.9@q"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(files_name(cases[i][0], cases[i][1], name, &why), TM_OK);
        assert_string_equal(name, cases[i][2]);
    }
    char longest[2000];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(files_name(longest, "", name, &why), TM_TOO_LARGE);
}

static void what_did_not_change_is_not_touched(void **state)
{
    const char *dir = *state;
    struct files_result result = publish(dir, "shop", "<p>", "{}");
    assert_true(result.is_changed);
    assert_int_equal(result.revision, 1);
    char *ledger = content(dir, "shop/2026-W47/ledger.json");
    result = publish(dir, "shop", "<p>", "{}");
    assert_false(result.is_changed);
    assert_int_equal(result.revision, 1);
    check_content(dir, "shop/2026-W47/ledger.json", ledger);
    check_content(dir, "shop/2026-W47/exceptions_shop_2026-W47.html", "<p>");
    /* sha256 of "<p>" and of "{}" */
    assert_non_null(
        strstr(ledger, "\"sha256\":\"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\""));
    assert_non_null(strstr(ledger, "\"made\":\"2025-11-24T16:00:00.000Z\""));
    free(ledger);
}

static void what_changed_is_kept_as_a_revision_with_its_changes(void **state)
{
    const char *dir = *state;
    static const char before[] = "{\"strip\":{\"new\":{\"now\":1}},\"lists\":{\"new\":[{\"id\":\"01\","
                                 "\"kind\":\"exception\",\"type\":\"T\","
                                 "\"message\":\"m\",\"count\":3}],\"ongoing\":[]}}";
    static const char after[] = "{\"strip\":{\"new\":{\"now\":2}},\"lists\":{\"new\":[],\"ongoing\":[{\"id\":"
                                "\"01\",\"kind\":\"exception\","
                                "\"type\":\"T\",\"message\":\"m\",\"count\":4}]}}";
    (void)publish(dir, "a", "1", before);
    assert_int_equal(publish(dir, "a", "2", after).revision, 2);
    assert_int_equal(publish(dir, "a", "3", "{}").revision, 3);
    assert_int_equal(publish(dir, "a", "3", "{}").revision, 3);
    check_content(dir, "a/2026-W47/exceptions_a_2026-W47.html", "3");
    check_content(dir, "a/2026-W47/rev/1/exceptions_a_2026-W47.html", "1");
    check_content(dir, "a/2026-W47/rev/2/exceptions_a_2026-W47.html", "2");
    check_content(dir, "a/2026-W47/rev/1/changes.md",
                  "# Changed in the revision behind this one\n\n- new: 1 → 2\n- T m: new 3 → ongoing 4\n");
    assert_null(content(dir, "a/2026-W47/rev/3/exceptions_a_2026-W47.html"));
}

/* Killed at any point, the old set or the new one is whole; what the next run finds half written goes. */
static void a_kill_leaves_the_old_or_the_new_set_whole(void **state)
{
    const char *dir = *state;
    const char *rounds = getenv("KILLS");
    int count = rounds ? atoi(rounds) : 60;
    enum { BIG = 200000 };
    char *text = malloc(BIG + 1);
    assert_non_null(text);
    text[BIG] = '\0';
    memset(text, 'a', BIG);
    (void)publish(dir, "k", text, text);
    for (int i = 0; i < count; i++) {
        char next = (char)('b' + i % 20);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            memset(text, next, BIG);
            (void)publish(dir, "k", text, text);
            _exit(0);
        }
        (void)usleep((useconds_t)(i * 4000 / count));
        (void)kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        char *html = content(dir, "k/2026-W47/exceptions_k_2026-W47.html");
        char *json = content(dir, "k/2026-W47/exceptions_k_2026-W47.json");
        assert_non_null(html);
        assert_non_null(json);
        assert_int_equal(strlen(html), BIG);
        assert_string_equal(html, json);
        assert_true(html[0] == text[0] || html[0] == next);
        memset(text, html[0], BIG); /* stands from now on */
        assert_int_equal(publish(dir, "k", text, text).is_changed, false);
        free(html);
        free(json);
    }
    char path[600];
    (void)snprintf(path, sizeof path, "%s/k/.new-2026-W47", dir);
    assert_int_equal(access(path, F_OK), -1);
    free(text);
}

static void a_folder_that_cannot_be_is_refused_with_why(void **state)
{
    struct files files;
    struct tm_why why = {""};
    char path[600];
    (void)snprintf(path, sizeof path, "%s/missing/reports", (const char *)*state);
    assert_int_equal(files_open(path, &files, &why), TM_NOT_FOUND);
    assert_non_null(strstr(why.text, "missing/reports"));
    files_close(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_what_the_contract_says),
        cmocka_unit_test_setup_teardown(what_did_not_change_is_not_touched, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_changed_is_kept_as_a_revision_with_its_changes, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_kill_leaves_the_old_or_the_new_set_whole, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_is_refused_with_why, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests_name("report_files", tests, NULL, NULL);
}
