#include "storage/selector/matcher.h"

#include <assert.h>
#include <stdlib.h>

#include "storage/selector/matcher_re2.h"
#include "storage/selector/matcher_regex.h"

struct matcher {
    enum matcher_op op;
    bool takes_empty;
    struct shape shape;
    struct regex *regex; /* SHAPE_OTHER only */
    struct str name;
    struct str value;
    char text[]; /* of both */
};

static const struct str op_texts[MATCHER_OP_COUNT] = {
    [MATCH_EQUAL] = {"=", 1},
    [MATCH_NOT_EQUAL] = {"!=", 2},
    [MATCH_REGEX] = {"=~", 2},
    [MATCH_NOT_REGEX] = {"!~", 2},
};

struct str matcher_op_text(enum matcher_op op)
{
    assert((unsigned)op < MATCHER_OP_COUNT);
    return op_texts[op];
}

static enum tm_err read_pattern(struct matcher *matcher, struct tm_why *why)
{
    struct bytes translated = {0};
    enum tm_err err = re2_translate(matcher->value, &translated, why);
    if (!err) {
        err = shape_of(matcher->value, &matcher->shape);
        if (err)
            (void)tm_fail(why, err, "no room for the pattern");
    }
    if (!err && matcher->shape.kind == SHAPE_OTHER)
        err = regex_new(bytes_view(&translated), &matcher->regex, why);
    bytes_fini(&translated);
    return err;
}

static enum tm_err prepare_matcher(struct matcher *matcher, struct tm_why *why)
{
    bool is_regex = matcher->op == MATCH_REGEX || matcher->op == MATCH_NOT_REGEX;
    enum tm_err err =
        is_regex ? read_pattern(matcher, why) : shape_of_literal(matcher->value, &matcher->shape);
    if (err)
        return is_regex ? err : tm_fail(why, err, "no room for a matcher");
    err = matcher_takes(matcher, STR(""), &matcher->takes_empty);
    return err ? tm_fail(why, err, "the pattern takes too long on the empty text: make it simpler") : TM_OK;
}

enum tm_err matcher_new(enum matcher_op op, struct str name, struct str value, struct matcher **out,
                        struct tm_why *why)
{
    *out = NULL;
    assert((unsigned)op < MATCHER_OP_COUNT);
    if (name.len > MATCHER_NAME_MAX_BYTES || value.len > MATCHER_VALUE_MAX_BYTES)
        return tm_fail(why, TM_TOO_LARGE, "the value of a matcher has %zu bytes, at most %d are taken",
                       value.len, MATCHER_VALUE_MAX_BYTES);
    struct matcher *matcher = calloc(1, sizeof *matcher + name.len + value.len);
    if (!matcher)
        return tm_fail(why, TM_NOMEM, "no room for a matcher");
    matcher->op = op;
    matcher->name = (struct str){matcher->text, name.len};
    matcher->value = (struct str){matcher->text + name.len, value.len};
    if (name.len > 0)
        memcpy(matcher->text, name.ptr, name.len);
    if (value.len > 0)
        memcpy(matcher->text + name.len, value.ptr, value.len);
    enum tm_err err = prepare_matcher(matcher, why);
    if (err) {
        matcher_free(matcher);
        return err;
    }
    *out = matcher;
    return TM_OK;
}

void matcher_free(struct matcher *matcher)
{
    if (!matcher)
        return;
    shape_fini(&matcher->shape);
    regex_free(matcher->regex);
    free(matcher);
}

enum matcher_op matcher_op(const struct matcher *matcher)
{
    return matcher->op;
}

struct str matcher_name(const struct matcher *matcher)
{
    return matcher->name;
}

struct str matcher_value(const struct matcher *matcher)
{
    return matcher->value;
}

bool matcher_negates(const struct matcher *matcher)
{
    return matcher->op == MATCH_NOT_EQUAL || matcher->op == MATCH_NOT_REGEX;
}

const struct shape *matcher_shape(const struct matcher *matcher)
{
    return &matcher->shape;
}

bool matcher_takes_empty(const struct matcher *matcher)
{
    return matcher->takes_empty;
}

enum tm_err matcher_takes(struct matcher *matcher, struct str value, bool *takes)
{
    enum tm_err err = TM_OK;
    if (matcher->shape.kind == SHAPE_OTHER)
        err = regex_matches(matcher->regex, value, takes);
    else
        *takes = shape_takes(&matcher->shape, value);
    *takes = !err && *takes != matcher_negates(matcher);
    return err;
}

enum tm_err matcher_takes_labels(struct matcher *matcher, const struct labels *labels, bool *takes)
{
    return matcher_takes(matcher, labels_get(labels, matcher->name), takes);
}
