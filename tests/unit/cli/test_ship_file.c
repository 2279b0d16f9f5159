/* A file of a log while it grows: its lines, its place, how it is known again, and that a cut is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/cli/gunzip.h"
#include "server/cli/ship/ship_file.h"

enum { LINE_MAX_BYTES = 1000 };

static struct tm_why why;

/* A file in memory and its path. */
struct text {
    int fd;
    char path[32];
};

static struct text make_text(void)
{
    struct text text = {.fd = memfd_create("log", 0)};
    assert_true(text.fd >= 0);
    (void)snprintf(text.path, sizeof text.path, "/proc/self/fd/%d", text.fd);
    return text;
}

static void append(const struct text *text, const char *more)
{
    assert_true(lseek(text->fd, 0, SEEK_END) >= 0);
    assert_int_equal(write(text->fd, more, strlen(more)), strlen(more));
}

static struct ship_file open_text(const struct text *text, const struct ship_place *place)
{
    struct ship_file file = {.fd = -1};
    assert_int_equal(ship_file_open(&file, text->path, place, &why), TM_OK);
    return file;
}

static enum ship_read fill(struct ship_file *file)
{
    enum ship_read read;
    assert_int_equal(ship_file_fill(file, &read, &why), TM_OK);
    return read;
}

static void expect_line(struct ship_file *file, const char *want)
{
    struct str line;
    assert_true(ship_file_line(file, LINE_MAX_BYTES, false, &line));
    assert_true(str_equal(line, str_of(want)));
    ship_file_take(file, line);
}

static void expect_none(struct ship_file *file)
{
    struct str line;
    assert_false(ship_file_line(file, LINE_MAX_BYTES, false, &line));
}

static void lines_come_when_they_are_complete_and_the_last_when_asked_for(void **state)
{
    struct text text = make_text();
    struct ship_file file = open_text(&text, NULL);
    struct str line;
    (void)state;
    assert_int_equal(fill(&file), SHIP_READ_END);
    append(&text, "one\ntwo");
    assert_int_equal(fill(&file), SHIP_READ_SOME);
    expect_line(&file, "one\n");
    expect_none(&file);
    append(&text, "!\nend");
    assert_int_equal(fill(&file), SHIP_READ_SOME);
    expect_line(&file, "two!\n");
    assert_true(ship_file_line(&file, LINE_MAX_BYTES, true, &line));
    assert_true(str_equal(line, STR("end")));
    ship_file_take(&file, line);
    assert_true(ship_file_is_empty(&file));
    assert_int_equal(ship_file_place(&file).line, 3);
    ship_file_close(&file);
    close(text.fd);
}

static void a_line_over_the_bound_is_one_and_its_rest_is_passed_over(void **state)
{
    char lots[LINE_MAX_BYTES + 2];
    struct text text = make_text();
    struct ship_file file = open_text(&text, NULL);
    struct str line;
    (void)state;
    memset(lots, 'x', sizeof lots - 1);
    lots[sizeof lots - 1] = '\0';
    append(&text, lots);
    assert_int_equal(fill(&file), SHIP_READ_SOME);
    assert_true(ship_file_line(&file, LINE_MAX_BYTES, false, &line));
    assert_int_equal(line.len, LINE_MAX_BYTES + 1);
    ship_file_take(&file, line);
    append(&text, lots);
    assert_int_equal(fill(&file), SHIP_READ_SOME);
    expect_none(&file);
    append(&text, "x\nnext\n");
    assert_int_equal(fill(&file), SHIP_READ_SOME);
    expect_line(&file, "next\n");
    assert_int_equal(ship_file_place(&file).line, 2);
    ship_file_close(&file);
    close(text.fd);
}

static void a_place_is_found_again_by_its_text_in_a_copy_too_and_not_in_another_text(void **state)
{
    char line[64];
    struct text text = make_text(), copy = make_text(), other = make_text();
    struct ship_file file = open_text(&text, NULL);
    (void)state;
    for (int i = 0; i < 100; i++) {
        (void)snprintf(line, sizeof line, "a line of some length with the number %d\n", i);
        append(&text, line);
        append(&copy, line);
        append(&other, i == 97 ? "a line of some length with the number 79\n" : line);
    }
    assert_int_equal(fill(&file), SHIP_READ_SOME);
    for (int i = 0; i < 99; i++) {
        (void)snprintf(line, sizeof line, "a line of some length with the number %d\n", i);
        expect_line(&file, line);
    }
    ship_file_close(&file);
    struct ship_place place = ship_file_place(&file);
    assert_int_equal(place.tail_len, SHIP_TAIL_BYTES);
    assert_int_equal(ship_file_open(&file, other.path, &place, &why), TM_NOT_FOUND);
    assert_int_equal(file.fd, -1);
    file = open_text(&copy, &place);
    assert_int_equal(fill(&file), SHIP_READ_SOME);
    expect_line(&file, "a line of some length with the number 99\n");
    assert_int_equal(ship_file_place(&file).line, 100);
    ship_file_close(&file);
    assert_int_equal(ship_file_open(&file, "/nowhere/at/all", &place, &why), TM_NOT_FOUND);
    close(text.fd);
    close(copy.fd);
    close(other.fd);
}

static void a_cut_is_noticed_even_if_the_file_has_grown_beyond_its_place(void **state)
{
    static const char *const later[] = {"", "new\n", "new text of the same size\n",
                                        "new text, and more of it than before\n"};
    (void)state;
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
        struct text text = make_text();
        struct ship_file file = open_text(&text, NULL);
        append(&text, "old text of just one line\n");
        assert_int_equal(fill(&file), SHIP_READ_SOME);
        expect_line(&file, "old text of just one line\n");
        assert_int_equal(ftruncate(text.fd, 0), 0);
        append(&text, later[i]);
        assert_int_equal(fill(&file), SHIP_READ_CUT);
        assert_true(ship_file_is_empty(&file));
        ship_file_close(&file);
        close(text.fd);
    }
}

/* ---- gzip ---- */

/* "one\n", then "two\n", each as a gzip member of its own. */
static const uint8_t packed[] = {31,  139, 8,  0,   0,   0,   0, 0, 2,   3,   203, 207, 75, 229, 2, 0,
                                 159, 168, 23, 248, 4,   0,   0, 0, 31,  139, 8,   0,   0,  0,   0, 0,
                                 2,   3,   43, 41,  207, 231, 2, 0, 116, 8,   23,  150, 4,  0,   0, 0};

static struct text make_packed(size_t len)
{
    struct text text = make_text();
    assert_int_equal(write(text.fd, packed, len), len);
    return text;
}

static void a_packed_file_is_read_from_its_place(void **state)
{
    struct text text = make_packed(sizeof packed);
    struct ship_file file = open_text(&text, NULL);
    (void)state;
    assert_int_equal(fill(&file), SHIP_READ_SOME);
    expect_line(&file, "one\n");
    ship_file_close(&file);
    struct ship_place place = ship_file_place(&file);
    file = open_text(&text, &place);
    assert_int_equal(fill(&file), SHIP_READ_SOME);
    expect_line(&file, "two\n");
    assert_int_equal(fill(&file), SHIP_READ_END);
    place.tail_hash++;
    ship_file_close(&file);
    assert_int_equal(ship_file_open(&file, text.path, &place, &why), TM_NOT_FOUND);
    close(text.fd);
}

static void gzip_that_ends_early_is_told_wherever_it_is_cut(void **state)
{
    (void)state;
    for (size_t len = 2; len <= sizeof packed; len++) {
        uint8_t out[64];
        size_t sum = 0, got = 1;
        enum tm_err err = TM_OK;
        struct text text = make_packed(len);
        assert_int_equal(lseek(text.fd, 0, SEEK_SET), 0);
        struct gunzip *reader = gunzip_open(text.fd);
        assert_non_null(reader);
        while (!err && got) {
            err = gunzip_read(reader, out + sum, 3, &got, &why);
            sum += err ? 0 : got;
        }
        bool whole = len == sizeof packed || len == sizeof packed / 2;
        assert_int_equal(err, whole ? TM_OK : TM_CORRUPT);
        if (whole) {
            assert_int_equal(sum, len / 6);
            assert_memory_equal(out, "one\ntwo\n", sum);
            assert_int_equal(gunzip_read_bytes(reader), len);
        } else {
            assert_non_null(strstr(why.text, "ends early"));
        }
        gunzip_close(reader);
        close(text.fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_when_they_are_complete_and_the_last_when_asked_for),
        cmocka_unit_test(a_line_over_the_bound_is_one_and_its_rest_is_passed_over),
        cmocka_unit_test(a_place_is_found_again_by_its_text_in_a_copy_too_and_not_in_another_text),
        cmocka_unit_test(a_cut_is_noticed_even_if_the_file_has_grown_beyond_its_place),
        cmocka_unit_test(a_packed_file_is_read_from_its_place),
        cmocka_unit_test(gzip_that_ends_early_is_told_wherever_it_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
