/* Shared by the tests of server/wire: what cmocka needs, and one line read at a time. */
#ifndef TM_WIRE_TEST_H
#define TM_WIRE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/wire/line.h"

/* 18 kB: too much for each test's stack frame, and filled with rubbish so that nobody relies on zeros. */
static struct line line;
static struct line_reader reader;

static inline void wire_begin(const char *text, enum precision precision)
{
    memset(&line, 0xa5, sizeof line);
    line_reader_init(&reader, str_of(text), precision, 1);
}

/* Reads text's only line. */
static inline void wire_read(const char *text)
{
    wire_begin(text, PRECISION_NS);
    enum line_step step = line_next(&reader, &line);
    if (step == LINE_BAD)
        print_error("%s\n", reader.why.text);
    assert_int_equal(step, LINE_OK);
}

/* Reads text's only line, which is refused for this reason. */
static inline void wire_refuse(const char *text, const char *reason)
{
    wire_begin(text, PRECISION_NS);
    assert_int_equal(line_next(&reader, &line), LINE_BAD);
    assert_string_equal(reader.why.text, reason);
    assert_int_equal(line_next(&reader, &line), LINE_END);
}

static inline void assert_view(struct str view, const char *text)
{
    assert_int_equal(view.len, strlen(text));
    if (view.len > 0)
        assert_memory_equal(view.ptr, text, view.len);
}

#endif
