/* Any bytes as a selector, and as a regex. What is read prints as a text that reads as the same and prints
 * the same; what a short-cut says of a value the regex engine says too; no pattern takes long; a fault has
 * its place. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "storage/selector/selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATTERN_MAX = 512, VALUES_MAX = 8, SECONDS_MAX = 3 };

static struct bytes text;
static struct bytes again;

static void check_same(const struct selector *a, const struct selector *b)
{
    /* Printing drops doubles, so each matcher must be in the other set. */
    for (size_t i = 0; i < a->count; i++) {
        bool found = false;
        for (size_t j = 0; j < b->count && !found; j++) {
            found = matcher_op(a->matchers[i]) == matcher_op(b->matchers[j]) &&
                    str_equal(matcher_name(a->matchers[i]), matcher_name(b->matchers[j])) &&
                    str_equal(matcher_value(a->matchers[i]), matcher_value(b->matchers[j]));
        }
        assert(found);
    }
}

static void check_selector(struct str input)
{
    struct selector selector;
    struct selector twin;
    struct tm_why why = {{0}};
    enum tm_err err = selector_parse(input, &selector, &why);
    if (err) {
        assert(err == TM_INVALID || err == TM_LIMIT || err == TM_TOO_LARGE);
        assert(why.text[0] >= '1' && why.text[0] <= '9' && selector.count == 0);
        return;
    }
    bool is_bound = false;
    for (size_t i = 0; i < selector.count; i++)
        is_bound = is_bound || !matcher_takes_empty(selector.matchers[i]);
    assert(is_bound);
    bytes_clear(&text);
    selector_print(&selector, &text);
    assert(selector_parse(bytes_view(&text), &twin, &why) == TM_OK);
    check_same(&selector, &twin);
    check_same(&twin, &selector);
    bytes_clear(&again);
    selector_print(&twin, &again);
    assert(str_equal(bytes_view(&text), bytes_view(&again)));
    selector_fini(&selector);
    selector_fini(&twin);
}

/* The same pattern where no short-cut sees it. */
static struct matcher *make_slow(struct str pattern)
{
    struct matcher *slow = NULL;
    bytes_clear(&text);
    bytes_printf(&text, "(?U:");
    bytes_put(&text, pattern.ptr, pattern.len);
    bytes_printf(&text, ")");
    enum tm_err err = matcher_new(MATCH_REGEX, STR("a"), bytes_view(&text), &slow, NULL);
    assert(err == TM_OK || err == TM_LIMIT || err == TM_TOO_LARGE || err == TM_INVALID);
    return slow;
}

static void check_value(struct matcher *m, struct matcher *slow, struct str value)
{
    bool takes;
    bool slow_takes;
    enum tm_err err = matcher_takes(m, value, &takes);
    assert(err == TM_OK || err == TM_LIMIT);
    if (err == TM_OK && slow && matcher_takes(slow, value, &slow_takes) == TM_OK)
        assert(takes == slow_takes);
}

/* The first line is the pattern, the others are values. */
static void check_pattern(struct str input)
{
    const char *end = input.len ? memchr(input.ptr, '\n', input.len) : NULL;
    struct str pattern = {input.ptr, end ? (size_t)(end - input.ptr) : input.len};
    struct matcher *m;
    struct tm_why why = {{0}};
    if (pattern.len > PATTERN_MAX)
        return;
    enum tm_err err = matcher_new(MATCH_REGEX, STR("a"), pattern, &m, &why);
    if (err) {
        assert(err == TM_INVALID || err == TM_LIMIT || err == TM_TOO_LARGE);
        assert(why.text[0] != '\0' && !m);
        /* What RE2's syntax lets through PCRE2 takes, but for its size. */
        assert(strstr(why.text, "the pattern is not supported") == NULL);
        return;
    }
    struct matcher *slow = matcher_shape(m)->kind == SHAPE_OTHER ? NULL : make_slow(pattern);
    struct str rest = {pattern.ptr + pattern.len, input.len - pattern.len};
    check_value(m, slow, STR(""));
    check_value(m, slow, pattern);
    check_value(m, slow, rest);
    for (size_t i = 0; i < VALUES_MAX && rest.len > 0; i++) {
        rest = (struct str){rest.ptr + 1, rest.len - 1};
        end = rest.len ? memchr(rest.ptr, '\n', rest.len) : NULL;
        struct str value = {rest.ptr, end ? (size_t)(end - rest.ptr) : rest.len};
        check_value(m, slow, value);
        rest = (struct str){rest.ptr + value.len, rest.len - value.len};
    }
    matcher_free(m);
    matcher_free(slow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size ? size : 1);
    assert(copy);
    if (size > 0)
        memcpy(copy, data, size);
    clock_t begun = clock();
    check_selector((struct str){copy, size});
    check_pattern((struct str){copy, size});
    assert((clock() - begun) / CLOCKS_PER_SEC < SECONDS_MAX);
    free(copy);
    return 0;
}
