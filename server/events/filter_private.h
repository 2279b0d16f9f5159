/* A compiled filter. Private to server/events. */
#ifndef TM_EVENTS_FILTER_PRIVATE_H
#define TM_EVENTS_FILTER_PRIVATE_H

#include "server/events/filter.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum filter_field {
    FIELD_SERVICE,
    FIELD_ENV,
    FIELD_METHOD,
    FIELD_URL,
    FIELD_GROUP,
    FIELD_CACHE,
    FIELD_USER_AGENT,
    FIELD_TAG,
    FIELD_STATUS,
    FIELD_BYTES,
    FIELD_DURATION,
    FIELD_ORIGIN,
    FIELD_EDGE,
    FIELD_COUNT_OF_LINES,
    FIELD_CLASS,
    FIELD_AGENT,
    FIELD_COUNT
};

enum filter_type { TYPE_TEXT, TYPE_NUMBER, TYPE_CLASS, TYPE_AGENT };

enum filter_operator {
    OPERATOR_EQUAL,
    OPERATOR_UNEQUAL,
    OPERATOR_HOLDS,
    OPERATOR_FOUND,
    OPERATOR_NOT_FOUND,
    OPERATOR_LESS,
    OPERATOR_AT_MOST,
    OPERATOR_MORE,
    OPERATOR_AT_LEAST,
    OPERATOR_COUNT
};

struct filter_test {
    enum filter_field field;
    enum filter_type type;
    enum filter_operator relation;
    struct str tag;  /* FIELD_TAG: its name */
    struct str text; /* TYPE_TEXT; views into the filter's arena */
    double number;   /* TYPE_NUMBER; TYPE_CLASS: 1..5; TYPE_AGENT: the class */
    pcre2_code *pattern;
};

/* One truth value is carried along: a test sets it, the others read it. Jumps only go forward. */
enum filter_step_kind { STEP_TEST, STEP_NOT, STEP_END_IF_FALSE, STEP_END_IF_TRUE };

struct filter_step {
    enum filter_step_kind kind;
    uint16_t to; /* STEP_TEST: which; STEP_END_*: where to go on */
};

/* Each test brings at most one jump, and each "not" is a step. */
enum { FILTER_STEPS_MAX = 4 * FILTER_TESTS_MAX };

struct filter {
    struct filter_test test[FILTER_TESTS_MAX];
    size_t test_count;
    struct filter_step step[FILTER_STEPS_MAX];
    size_t step_count;
    pcre2_match_data *data;
    pcre2_match_context *bounds;
    char *arena; /* as long as the filter's text: what is unescaped never grows */
    size_t arena_used;
};

/* As the grammar has it. Static. */
struct str filter_field_name(enum filter_field field);

#endif
