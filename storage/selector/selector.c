#include "storage/selector/selector.h"

#include <stdlib.h>
#include <strings.h>

#include "storage/selector/selector_private.h"

struct selector_reader {
    struct str text;
    size_t at;
    struct selector *out;
    struct bytes value; /* the string that was read last */
    struct tm_why *why;
};

/* ---- faults ---- */

/* "LINE:COLUMN: parse error: " before what. */
static enum tm_err fail_at(const struct selector_reader *r, size_t at, enum tm_err err, const char *what)
{
    size_t line = 1;
    size_t line_start = 0;
    for (size_t i = 0; i < at; i++) {
        if (r->text.ptr[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    return tm_fail(r->why, err, "%zu:%zu: parse error: %s", line, at - line_start + 1, what);
}

static enum tm_err fail_here(const struct selector_reader *r, const char *what)
{
    return fail_at(r, r->at, TM_INVALID, what);
}

/* ---- words ---- */

static bool at_end(const struct selector_reader *r)
{
    return r->at >= r->text.len;
}

static bool looking_at(const struct selector_reader *r, char c)
{
    return !at_end(r) && r->text.ptr[r->at] == c;
}

static void skip_space(struct selector_reader *r)
{
    for (; !at_end(r); r->at++) {
        char c = r->text.ptr[r->at];
        if (c == '#') {
            while (!at_end(r) && r->text.ptr[r->at] != '\n')
                r->at++;
            r->at -= at_end(r);
        } else if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
            return;
        }
    }
}

static bool word_byte(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/* A name; colon: with colons, as metrics have. Empty if there is none. */
static struct str read_word(struct selector_reader *r, bool colon)
{
    size_t from = r->at;
    while (!at_end(r) && (word_byte(r->text.ptr[r->at], r->at == from) || (colon && looking_at(r, ':'))))
        r->at++;
    return (struct str){r->text.ptr + from, r->at - from};
}

/* Words that PromQL reads otherwise where a metric's name could stand. */
bool selector_name_stands_bare(struct str name)
{
    static const struct str taken[] = {{"bool", 4},         {"ignoring", 8}, {"on", 2},  {"group_left", 10},
                                       {"group_right", 11}, {"atan2", 5},    {"inf", 3}, {"nan", 3}};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        if (name.len == taken[i].len && strncasecmp(name.ptr, taken[i].ptr, name.len) == 0)
            return false;
    }
    return metric_name_valid(name);
}

/* ---- matchers ---- */

static enum tm_err add_matcher(struct selector_reader *r, size_t at, size_t value_at, enum matcher_op op,
                               struct str name, struct str value)
{
    struct tm_why why = {{0}};
    if (r->out->count == SELECTOR_MATCHERS_MAX)
        return fail_at(r, at, TM_LIMIT, "a selector has at most 64 matchers");
    struct matcher *matcher;
    enum tm_err err = matcher_new(op, name, value, &matcher, &why);
    if (err)
        return fail_at(r, value_at, err, why.text);
    r->out->matchers[r->out->count++] = matcher;
    return TM_OK;
}

static enum tm_err read_op(struct selector_reader *r, enum matcher_op *op)
{
    static const enum matcher_op longest_first[] = {MATCH_NOT_EQUAL, MATCH_REGEX, MATCH_NOT_REGEX,
                                                    MATCH_EQUAL};
    for (size_t i = 0; i < sizeof longest_first / sizeof longest_first[0]; i++) {
        struct str text = matcher_op_text(longest_first[i]);
        if (r->text.len - r->at < text.len || memcmp(r->text.ptr + r->at, text.ptr, text.len) != 0)
            continue;
        *op = longest_first[i];
        r->at += text.len;
        return TM_OK;
    }
    return fail_here(r, "expected one of = != =~ !~ behind the label's name");
}

static enum tm_err read_string(struct selector_reader *r)
{
    const char *what = "";
    bytes_clear(&r->value);
    if (!looking_at(r, '"') && !looking_at(r, '\'') && !looking_at(r, '`'))
        return fail_here(r, "expected a string in quotes");
    enum tm_err err = selector_unquote(r->text, &r->at, &r->value, &what);
    return err ? fail_at(r, r->at, err, err == TM_NOMEM ? "out of memory" : what) : TM_OK;
}

static enum tm_err read_matcher(struct selector_reader *r)
{
    size_t begun = r->at;
    struct str name = read_word(r, false);
    if (name.len == 0)
        return fail_here(r, "expected a label's name or }");
    skip_space(r);
    enum matcher_op op = MATCH_EQUAL;
    enum tm_err err = read_op(r, &op);
    if (err)
        return err;
    skip_space(r);
    size_t value_at = r->at;
    err = read_string(r);
    if (err)
        return err;
    return add_matcher(r, begun, value_at, op, name, bytes_view(&r->value));
}

/* Behind `{`, up to and with `}`. */
static enum tm_err read_matchers(struct selector_reader *r)
{
    for (;;) {
        skip_space(r);
        if (looking_at(r, '}'))
            break;
        if (at_end(r))
            return fail_here(r, "unexpected end of input inside braces");
        enum tm_err err = read_matcher(r);
        if (err)
            return err;
        skip_space(r);
        if (looking_at(r, '}'))
            break;
        if (at_end(r))
            return fail_here(r, "unexpected end of input inside braces");
        if (!looking_at(r, ','))
            return fail_here(r, "expected , or } behind a matcher");
        r->at++;
    }
    r->at++;
    return TM_OK;
}

/* ---- the whole ---- */

/* The name before the braces, if any. */
static enum tm_err read_name(struct selector_reader *r)
{
    size_t begun = r->at;
    struct str name = read_word(r, true);
    if (name.len == 0)
        return looking_at(r, '{') ? TM_OK : fail_here(r, "expected a metric's name or {");
    if (!selector_name_stands_bare(name))
        return fail_at(
            r, begun, TM_INVALID,
            "this word has another meaning in PromQL: write the metric's name as {__name__=\"...\"}");
    return add_matcher(r, begun, begun, MATCH_EQUAL, STR(LABEL_NAME), name);
}

static enum tm_err check_whole(const struct selector_reader *r, size_t begun, bool is_named)
{
    bool is_bound = false;
    for (size_t i = 0; i < r->out->count; i++) {
        const struct matcher *m = r->out->matchers[i];
        is_bound = is_bound || !matcher_takes_empty(m);
        if (is_named && i > 0 && str_equal(matcher_name(m), STR(LABEL_NAME)))
            return fail_at(r, begun, TM_INVALID, "metric name must not be set twice");
    }
    if (!is_bound)
        return fail_at(r, begun, TM_INVALID, "vector selector must contain at least one non-empty matcher");
    return TM_OK;
}

static enum tm_err read_selector(struct selector_reader *r)
{
    skip_space(r);
    size_t begun = r->at;
    if (at_end(r))
        return fail_here(r, "no expression found in input");
    enum tm_err err = read_name(r);
    if (err)
        return err;
    bool is_named = r->out->count > 0;
    skip_space(r);
    if (looking_at(r, '{')) {
        r->at++;
        err = read_matchers(r);
        if (err)
            return err;
    }
    skip_space(r);
    if (!at_end(r))
        return fail_here(r, "unexpected text behind the selector");
    return check_whole(r, begun, is_named);
}

enum tm_err selector_parse(struct str text, struct selector *out, struct tm_why *why)
{
    *out = (struct selector){.count = 0};
    if (text.len > SELECTOR_MAX_BYTES)
        return tm_fail(why, TM_TOO_LARGE, "a selector of %zu bytes; at most %d are taken", text.len,
                       SELECTOR_MAX_BYTES);
    struct selector_reader r = {.text = text, .out = out, .why = why};
    enum tm_err err = read_selector(&r);
    bytes_fini(&r.value);
    if (err)
        selector_fini(out);
    return err;
}

void selector_fini(struct selector *selector)
{
    for (size_t i = 0; i < selector->count; i++)
        matcher_free(selector->matchers[i]);
    *selector = (struct selector){.count = 0};
}

/* ---- printing ---- */

static int compare_matchers(const void *a, const void *b)
{
    const struct matcher *x = *(struct matcher *const *)a;
    const struct matcher *y = *(struct matcher *const *)b;
    int order = str_compare(matcher_name(x), matcher_name(y));
    if (order == 0)
        order = (int)matcher_op(x) - (int)matcher_op(y);
    return order ? order : str_compare(matcher_value(x), matcher_value(y));
}

/* Sorted copies of the pointers, each matcher once; returns how many. */
static size_t sort_matchers(const struct selector *selector, const struct matcher **sorted)
{
    size_t kept = 0;
    for (size_t i = 0; i < selector->count; i++)
        sorted[i] = selector->matchers[i];
    if (selector->count > 1)
        qsort(sorted, selector->count, sizeof(void *), compare_matchers);
    for (size_t i = 0; i < selector->count; i++) {
        if (kept == 0 || compare_matchers(&sorted[kept - 1], &sorted[i]) != 0)
            sorted[kept++] = sorted[i];
    }
    return kept;
}

/* The one matcher on the name, if it can stand before the braces. */
static const struct matcher *find_bare_name(const struct matcher **sorted, size_t count)
{
    const struct matcher *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!str_equal(matcher_name(sorted[i]), STR(LABEL_NAME)))
            continue;
        if (found)
            return NULL;
        found = sorted[i];
    }
    bool is_bare =
        found && matcher_op(found) == MATCH_EQUAL && selector_name_stands_bare(matcher_value(found));
    return is_bare ? found : NULL;
}

static void put_str(struct bytes *out, struct str text)
{
    bytes_put(out, text.ptr, text.len);
}

void selector_print(const struct selector *selector, struct bytes *out)
{
    const struct matcher *sorted[SELECTOR_MATCHERS_MAX];
    size_t count = sort_matchers(selector, sorted);
    const struct matcher *bare = find_bare_name(sorted, count);
    if (bare)
        put_str(out, matcher_value(bare));
    if (bare && count == 1)
        return;
    char before = '{';
    for (size_t i = 0; i < count; i++) {
        if (sorted[i] == bare)
            continue;
        bytes_u8(out, (uint8_t)before);
        put_str(out, matcher_name(sorted[i]));
        put_str(out, matcher_op_text(matcher_op(sorted[i])));
        selector_quote(matcher_value(sorted[i]), out);
        before = ',';
    }
    bytes_u8(out, '}');
}
