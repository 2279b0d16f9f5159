/* The log's promises: form of a line, back-off of repeats, nobody's bytes forge a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/log/log.h"

struct fake_time {
    int64_t mono_ns;
    time_ms_t wall_ms;
};

static time_ms_t fake_wall_ms(void *self)
{
    return ((struct fake_time *)self)->wall_ms;
}

static int64_t fake_mono_ns(void *self)
{
    return ((struct fake_time *)self)->mono_ns;
}

struct fixture {
    struct fake_time time;
    struct clock clock;
    char *text;
    size_t size;
    FILE *out;
    struct log *log;
};

static int open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->time = (struct fake_time){.mono_ns = INT64_C(5000000000), .wall_ms = 1764000000123};
    f->clock = (struct clock){.self = &f->time, .wall_ms = fake_wall_ms, .mono_ns = fake_mono_ns};
    f->out = open_memstream(&f->text, &f->size);
    f->log = log_open(f->out, &f->clock, LOG_LEVEL_INFO);
    *state = f;
    return f->log ? 0 : -1;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;
    log_close(f->log);
    (void)fclose(f->out);
    free(f->text);
    free(f);
    return 0;
}

static size_t count_lines(const struct fixture *f)
{
    size_t lines = 0;
    for (size_t i = 0; i < f->size; i++)
        lines += f->text[i] == '\n';
    return lines;
}

static void a_line_has_time_level_id_and_text(void **state)
{
    struct fixture *f = *state;
    log_write(f->log, LOG_LEVEL_WARNING, "gate.died", "the gate of %s ended", "tcp://x");
    assert_string_equal(f->text, "2025-11-24T16:00:00.123Z warning gate.died the gate of tcp://x ended\n");
}

static void control_characters_cannot_forge_a_line(void **state)
{
    struct fixture *f = *state;
    log_write(f->log, LOG_LEVEL_ERROR, "a.b", "%s", "x\n2025 error fake\r\x1b[2J");
    assert_int_equal(count_lines(f), 1);
    assert_non_null(strstr(f->text, "x\\x0a2025 error fake\\x0d\\x1b[2J"));
}

static void repeats_back_off_and_are_counted(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 10; i++)
        log_write(f->log, LOG_LEVEL_ERROR, "disk.full", "full");
    assert_int_equal(count_lines(f), 1);
    f->time.mono_ns += INT64_C(1000000000);
    log_write(f->log, LOG_LEVEL_ERROR, "disk.full", "full");
    assert_int_equal(count_lines(f), 2);
    assert_non_null(strstr(f->text, "(and 9 times more since the last line)"));
    /* the wait has doubled: one second later is too early now */
    f->time.mono_ns += INT64_C(1000000000);
    log_write(f->log, LOG_LEVEL_ERROR, "disk.full", "full");
    assert_int_equal(count_lines(f), 2);
    f->time.mono_ns += INT64_C(1000000000);
    log_write(f->log, LOG_LEVEL_ERROR, "disk.full", "full");
    assert_int_equal(count_lines(f), 3);
}

static void another_id_is_not_held_back(void **state)
{
    struct fixture *f = *state;
    log_write(f->log, LOG_LEVEL_ERROR, "one.id", "x");
    log_write(f->log, LOG_LEVEL_ERROR, "other.id", "x");
    assert_int_equal(count_lines(f), 2);
}

static void a_fault_that_ended_is_told_at_once_when_it_comes_back(void **state)
{
    struct fixture *f = *state;
    log_write(f->log, LOG_LEVEL_ERROR, "disk.full", "full");
    log_release(f->log, "disk.full");
    log_write(f->log, LOG_LEVEL_ERROR, "disk.full", "full");
    assert_int_equal(count_lines(f), 2);
}

static void levels_below_the_set_one_are_left_out(void **state)
{
    struct fixture *f = *state;
    log_write(f->log, LOG_LEVEL_DEBUG, "x.y", "quiet");
    assert_int_equal(count_lines(f), 0);
    log_set_level(f->log, LOG_LEVEL_DEBUG);
    log_write(f->log, LOG_LEVEL_DEBUG, "x.y", "told");
    assert_int_equal(count_lines(f), 1);
}

static void info_lines_never_back_off(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++)
        log_write(f->log, LOG_LEVEL_INFO, "config.reloaded", "again");
    assert_int_equal(count_lines(f), 5);
}

static void more_ids_than_are_kept_forget_the_oldest(void **state)
{
    struct fixture *f = *state;
    char id[32];
    for (int i = 0; i < 200; i++) {
        (void)snprintf(id, sizeof id, "id.%d", i);
        f->time.mono_ns += 1;
        log_write(f->log, LOG_LEVEL_ERROR, id, "x");
    }
    assert_int_equal(count_lines(f), 200);
}

static void level_words_are_known(void **state)
{
    enum log_level level;
    (void)state;
    assert_int_equal(log_level_parse("debug", &level), TM_OK);
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_parse("verbose", &level), TM_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_has_time_level_id_and_text),
        TEST(control_characters_cannot_forge_a_line),
        TEST(repeats_back_off_and_are_counted),
        TEST(another_id_is_not_held_back),
        TEST(a_fault_that_ended_is_told_at_once_when_it_comes_back),
        TEST(levels_below_the_set_one_are_left_out),
        TEST(info_lines_never_back_off),
        TEST(more_ids_than_are_kept_forget_the_oldest),
        cmocka_unit_test(level_words_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
