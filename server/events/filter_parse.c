/* Reading a filter's text (the grammar stands in filter.h) into tests and steps. */
#include "server/events/agents.h"
#include "server/events/filter.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/events/filter_private.h"

enum { MATCH_STEPS_MAX = 100000, MATCH_DEPTH_MAX = 10000, MATCH_HEAP_MAX_KIB = 4096 };

struct parse {
    struct str text;
    size_t at;
    unsigned depth;
    struct filter *filter;
    struct filter_fault *fault;
};

static enum tm_err parse_any(struct parse *p);

static enum tm_err fail(struct parse *p, size_t at, enum tm_err err, const char *format, ...) TM_PRINTF(4, 5);

static enum tm_err fail(struct parse *p, size_t at, enum tm_err err, const char *format, ...)
{
    va_list args;
    p->fault->column = at + 1;
    va_start(args, format);
    (void)vsnprintf(p->fault->why.text, sizeof p->fault->why.text, format, args);
    va_end(args);
    return err;
}

/* ---- words ---- */

struct field_row {
    struct str name;
    enum filter_type type;
};

#define NAME(literal) .name = {literal, sizeof(literal) - 1}

static const struct field_row fields[FIELD_COUNT] = {
    [FIELD_SERVICE] = {NAME("service"), .type = TYPE_TEXT},
    [FIELD_ENV] = {NAME("env"), .type = TYPE_TEXT},
    [FIELD_METHOD] = {NAME("method"), .type = TYPE_TEXT},
    [FIELD_URL] = {NAME("url"), .type = TYPE_TEXT},
    [FIELD_GROUP] = {NAME("group"), .type = TYPE_TEXT},
    [FIELD_CACHE] = {NAME("cache"), .type = TYPE_TEXT},
    [FIELD_USER_AGENT] = {NAME("user_agent"), .type = TYPE_TEXT},
    [FIELD_TAG] = {NAME("tag."), .type = TYPE_TEXT},
    [FIELD_STATUS] = {NAME("status"), .type = TYPE_NUMBER},
    [FIELD_BYTES] = {NAME("bytes"), .type = TYPE_NUMBER},
    [FIELD_DURATION] = {NAME("duration_ms"), .type = TYPE_NUMBER},
    [FIELD_ORIGIN] = {NAME("origin_ms"), .type = TYPE_NUMBER},
    [FIELD_EDGE] = {NAME("edge_ms"), .type = TYPE_NUMBER},
    [FIELD_COUNT_OF_LINES] = {NAME("count"), .type = TYPE_NUMBER},
    [FIELD_CLASS] = {NAME("class"), .type = TYPE_CLASS},
    [FIELD_AGENT] = {NAME("agent"), .type = TYPE_AGENT},
};

struct str filter_field_name(enum filter_field field)
{
    return fields[field].name;
}

struct operator_row {
    struct str name;
    unsigned types; /* bits by enum filter_type */
};

enum { ON_TEXT = 1 << TYPE_TEXT, ON_NUMBER = 1 << TYPE_NUMBER, ON_NAME = 1 << TYPE_CLASS | 1 << TYPE_AGENT };

static const struct operator_row operators[OPERATOR_COUNT] = {
    [OPERATOR_EQUAL] = {NAME("="), .types = ON_TEXT | ON_NUMBER | ON_NAME},
    [OPERATOR_UNEQUAL] = {NAME("!="), .types = ON_TEXT | ON_NUMBER | ON_NAME},
    [OPERATOR_HOLDS] = {NAME("~"), .types = ON_TEXT},
    [OPERATOR_FOUND] = {NAME("=~"), .types = ON_TEXT},
    [OPERATOR_NOT_FOUND] = {NAME("!~"), .types = ON_TEXT},
    [OPERATOR_LESS] = {NAME("<"), .types = ON_NUMBER},
    [OPERATOR_AT_MOST] = {NAME("<="), .types = ON_NUMBER},
    [OPERATOR_MORE] = {NAME(">"), .types = ON_NUMBER},
    [OPERATOR_AT_LEAST] = {NAME(">="), .types = ON_NUMBER},
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_space(struct parse *p)
{
    while (p->at < p->text.len && is_space(p->text.ptr[p->at]))
        p->at++;
}

/* A field's name or a keyword, without moving. */
static struct str peek_word(const struct parse *p)
{
    size_t end = p->at;
    while (end < p->text.len && !is_space(p->text.ptr[end]) && !strchr("()=!<>~\"", p->text.ptr[end]))
        end++;
    return (struct str){p->text.ptr + p->at, end - p->at};
}

static bool take_keyword(struct parse *p, struct str keyword)
{
    skip_space(p);
    if (!str_equal(peek_word(p), keyword))
        return false;
    p->at += keyword.len;
    return true;
}

/* ---- tests ---- */

static enum tm_err parse_field(struct parse *p, struct filter_test *test)
{
    struct str word = peek_word(p);
    struct str tag = fields[FIELD_TAG].name;
    size_t i = 0;
    if (word.len > tag.len && memcmp(word.ptr, tag.ptr, tag.len) == 0) {
        i = FIELD_TAG;
        test->tag = (struct str){p->filter->arena + p->filter->arena_used, word.len - tag.len};
        memcpy(p->filter->arena + p->filter->arena_used, word.ptr + tag.len, test->tag.len);
        p->filter->arena_used += test->tag.len;
    } else {
        while (i < FIELD_COUNT && (i == FIELD_TAG || !str_equal(word, fields[i].name)))
            i++;
    }
    if (i == FIELD_COUNT)
        return fail(
            p, p->at, TM_INVALID,
            "expected a field (status, class, group, method, url, agent, service, env, cache, user_agent, "
            "bytes, duration_ms, origin_ms, edge_ms, count, tag.NAME), \"not\" or \"(\"");
    test->field = (enum filter_field)i;
    test->type = fields[i].type;
    p->at += word.len;
    return TM_OK;
}

static enum tm_err parse_operator(struct parse *p, struct filter_test *test)
{
    size_t best = OPERATOR_COUNT;
    skip_space(p);
    for (size_t i = 0; i < OPERATOR_COUNT; i++) {
        struct str name = operators[i].name;
        bool there = p->text.len - p->at >= name.len && memcmp(p->text.ptr + p->at, name.ptr, name.len) == 0;
        if (there && (best == OPERATOR_COUNT || name.len > operators[best].name.len))
            best = i;
    }
    if (best == OPERATOR_COUNT)
        return fail(p, p->at, TM_INVALID, "expected an operator: = != ~ =~ !~ < <= > >=");
    if (!(operators[best].types & 1U << test->type))
        return fail(p, p->at, TM_INVALID, "%s is no operator of this field: take %s",
                    operators[best].name.ptr,
                    test->type == TYPE_TEXT     ? "= != ~ =~ !~"
                    : test->type == TYPE_NUMBER ? "= != < <= > >="
                                                : "= !=");
    test->relation = (enum filter_operator)best;
    p->at += operators[best].name.len;
    return TM_OK;
}

/* A value into the arena. */
static enum tm_err parse_value(struct parse *p, struct str *out)
{
    char *to = p->filter->arena + p->filter->arena_used;
    skip_space(p);
    size_t from = p->at;
    bool quoted = p->at < p->text.len && p->text.ptr[p->at] == '"';
    p->at += quoted;
    *out = (struct str){to, 0};
    while (p->at < p->text.len) {
        char c = p->text.ptr[p->at];
        if (quoted ? c == '"' : is_space(c) || c == '(' || c == ')')
            break;
        bool escape = quoted && c == '\\' && p->at + 1 < p->text.len &&
                      (p->text.ptr[p->at + 1] == '"' || p->text.ptr[p->at + 1] == '\\');
        to[out->len++] = p->text.ptr[p->at + escape];
        p->at += 1U + escape;
    }
    if (quoted && p->at >= p->text.len)
        return fail(p, from, TM_INVALID, "the double quote is never closed");
    if (!quoted && out->len == 0)
        return fail(p, from, TM_INVALID, "expected a value (an empty one is \"\")");
    p->at += quoted;
    p->filter->arena_used += out->len;
    return TM_OK;
}

/* Digits, with a point and digits: no sign, since no field is negative. */
static bool read_number(struct str text, double *out)
{
    enum { DIGITS_MAX = 15 };
    double scale = 0;
    size_t digits = 0;
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '.' && scale == 0) {
            scale = 1;
            continue;
        }
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || ++digits > DIGITS_MAX)
            return false;
        *out = *out * 10 + (text.ptr[i] - '0');
        scale *= 10;
    }
    *out /= scale > 0 ? scale : 1;
    return digits > 0;
}

static enum tm_err compile_pattern(struct parse *p, struct filter_test *test, size_t at)
{
    int error;
    size_t offset;
    test->pattern = pcre2_compile((PCRE2_SPTR)test->text.ptr, test->text.len, 0, &error, &offset, NULL);
    if (!test->pattern) {
        char text[128] = "";
        (void)pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof text);
        return fail(p, at, error == PCRE2_ERROR_HEAP_FAILED ? TM_NOMEM : TM_INVALID,
                    "no valid pattern, at its offset %zu: %s", offset, text);
    }
    (void)pcre2_jit_compile(test->pattern, PCRE2_JIT_COMPLETE);
    return TM_OK;
}

static enum tm_err read_value(struct parse *p, struct filter_test *test, size_t at)
{
    struct str text = test->text;
    enum agent_class agent;
    switch (test->type) {
    case TYPE_NUMBER:
        if (!read_number(text, &test->number))
            return fail(p, at, TM_INVALID, "expected a number of up to 15 digits");
        return TM_OK;
    case TYPE_CLASS:
        if (text.len != 3 || text.ptr[0] < '1' || text.ptr[0] > '5' || memcmp(text.ptr + 1, "xx", 2) != 0)
            return fail(p, at, TM_INVALID, "expected 1xx, 2xx, 3xx, 4xx or 5xx");
        test->number = text.ptr[0] - '0';
        return TM_OK;
    case TYPE_AGENT:
        if (agent_class_parse(text, &agent))
            return fail(p, at, TM_INVALID, "expected crawler, mobile, desktop, bot or other");
        test->number = (double)agent;
        return TM_OK;
    case TYPE_TEXT:
        break;
    }
    bool pattern = test->relation == OPERATOR_FOUND || test->relation == OPERATOR_NOT_FOUND;
    return pattern ? compile_pattern(p, test, at) : TM_OK;
}

/* ---- steps ---- */

static enum tm_err add_step(struct parse *p, enum filter_step_kind kind, size_t to)
{
    struct filter *filter = p->filter;
    if (filter->step_count == FILTER_STEPS_MAX)
        return fail(p, p->at, TM_LIMIT, "the filter has more than %d steps: make it shorter",
                    FILTER_STEPS_MAX);
    filter->step[filter->step_count++] = (struct filter_step){.kind = kind, .to = (uint16_t)to};
    return TM_OK;
}

static enum tm_err parse_test(struct parse *p)
{
    struct filter *filter = p->filter;
    if (filter->test_count == FILTER_TESTS_MAX)
        return fail(p, p->at, TM_LIMIT, "the filter has more than %d tests: make it shorter",
                    FILTER_TESTS_MAX);
    struct filter_test *test = &filter->test[filter->test_count];
    enum tm_err err = parse_field(p, test);
    if (!err)
        err = parse_operator(p, test);
    skip_space(p);
    size_t at = p->at;
    if (!err)
        err = parse_value(p, &test->text);
    if (!err)
        err = read_value(p, test, at);
    if (!err)
        err = add_step(p, STEP_TEST, filter->test_count++);
    return err;
}

static enum tm_err parse_brackets(struct parse *p)
{
    size_t open = p->at++;
    enum tm_err err = parse_any(p);
    if (err)
        return err;
    skip_space(p);
    if (p->at >= p->text.len || p->text.ptr[p->at] != ')')
        return fail(p, open, TM_INVALID, "this bracket is never closed");
    p->at++;
    return TM_OK;
}

static enum tm_err parse_one(struct parse *p)
{
    bool negated = false;
    enum tm_err err;
    while (take_keyword(p, STR("not")))
        negated = !negated;
    skip_space(p);
    if (p->at < p->text.len && p->text.ptr[p->at] == '(')
        err = parse_brackets(p);
    else
        err = parse_test(p);
    return !err && negated ? add_step(p, STEP_NOT, 0) : err;
}

/* Ends the row's jumps here. They are those of this kind from step `from` on that have no end yet. */
static void end_jumps(struct filter *filter, size_t from, enum filter_step_kind kind)
{
    for (size_t i = from; i < filter->step_count; i++)
        if (filter->step[i].kind == kind && filter->step[i].to == 0)
            filter->step[i].to = (uint16_t)filter->step_count;
}

/* Is what comes next neither the end, nor ")", nor "or"? */
static bool goes_on(struct parse *p)
{
    skip_space(p);
    return p->at < p->text.len && p->text.ptr[p->at] != ')' && !str_equal(peek_word(p), STR("or"));
}

static enum tm_err parse_all(struct parse *p)
{
    size_t from = p->filter->step_count;
    enum tm_err err = parse_one(p);
    while (!err && goes_on(p)) {
        (void)take_keyword(p, STR("and"));
        err = add_step(p, STEP_END_IF_FALSE, 0);
        if (!err)
            err = parse_one(p);
    }
    end_jumps(p->filter, from, STEP_END_IF_FALSE);
    return err;
}

static enum tm_err parse_any(struct parse *p)
{
    size_t from = p->filter->step_count;
    if (++p->depth > FILTER_DEPTH_MAX)
        return fail(p, p->at, TM_LIMIT, "brackets stand more than %d deep", FILTER_DEPTH_MAX);
    enum tm_err err = parse_all(p);
    while (!err && take_keyword(p, STR("or"))) {
        err = add_step(p, STEP_END_IF_TRUE, 0);
        if (!err)
            err = parse_all(p);
    }
    end_jumps(p->filter, from, STEP_END_IF_TRUE);
    p->depth--;
    return err;
}

/* ---- the whole ---- */

static enum tm_err prepare(struct filter *filter, size_t len)
{
    filter->arena = malloc(len + 1);
    filter->data = pcre2_match_data_create(1, NULL);
    filter->bounds = pcre2_match_context_create(NULL);
    if (!filter->arena || !filter->data || !filter->bounds)
        return TM_NOMEM;
    (void)pcre2_set_match_limit(filter->bounds, MATCH_STEPS_MAX);
    (void)pcre2_set_depth_limit(filter->bounds, MATCH_DEPTH_MAX);
    (void)pcre2_set_heap_limit(filter->bounds, MATCH_HEAP_MAX_KIB);
    return TM_OK;
}

static enum tm_err parse_filter(struct parse *p)
{
    skip_space(p);
    if (p->at == p->text.len)
        return TM_OK;
    enum tm_err err = parse_any(p);
    skip_space(p);
    if (!err && p->at < p->text.len)
        return fail(p, p->at, TM_INVALID, "expected a test, \"and\", \"or\" or the end");
    return err;
}

enum tm_err filter_new(struct str text, struct filter **out, struct filter_fault *fault)
{
    struct parse p = {.text = text, .fault = fault};
    *out = NULL;
    if (text.len > FILTER_TEXT_MAX)
        return fail(&p, FILTER_TEXT_MAX, TM_LIMIT, "the filter has %zu bytes, at most %d", text.len,
                    FILTER_TEXT_MAX);
    p.filter = calloc(1, sizeof *p.filter);
    if (!p.filter)
        return fail(&p, 0, TM_NOMEM, "no room for the filter");
    enum tm_err err = prepare(p.filter, text.len);
    if (err)
        (void)fail(&p, 0, err, "no room for the filter");
    else
        err = parse_filter(&p);
    if (err) {
        /* a test that was being read is not counted yet, but may hold a pattern */
        if (p.filter->test_count < FILTER_TESTS_MAX)
            pcre2_code_free(p.filter->test[p.filter->test_count].pattern);
        filter_free(p.filter);
        return err;
    }
    *out = p.filter;
    return TM_OK;
}
