#include "storage/selector/matcher_shape.h"

#include <assert.h>
#include <stdlib.h>

#include "storage/grow.h"

struct shape_reader {
    struct str text; /* what is left */
    struct shape *shape;
    size_t capacity;
    char *end; /* of the literals' bytes in shape->text */
};

void shape_fini(struct shape *shape)
{
    free(shape->literals);
    free(shape->text);
    *shape = (struct shape){0};
}

static bool starts_with(struct str text, struct str token)
{
    return text.len >= token.len && memcmp(text.ptr, token.ptr, token.len) == 0;
}

static void skip(struct str *text, size_t len)
{
    text->ptr += len;
    text->len -= len;
}

static bool is_special(char c)
{
    return c != '\0' && strchr("\\.+*?()|[{^$", c);
}

/* \. and its like, for ASCII punctuation. */
static bool is_escaped_punctuation(struct str text)
{
    if (text.len < 2 || text.ptr[0] != '\\')
        return false;
    char c = text.ptr[1];
    return c > ' ' && c < 0x7f && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
           !(c >= 'A' && c <= 'Z');
}

/* One character of a literal; false at anything else. One that is repeated is none. */
static bool read_literal_char(struct shape_reader *r)
{
    struct str rest = r->text;
    if (rest.len == 0)
        return false;
    if (is_escaped_punctuation(rest))
        skip(&rest, 1);
    else if (is_special(rest.ptr[0]))
        return false;
    char c = rest.ptr[0];
    skip(&rest, 1);
    /* The bytes of one character stay together, so the one before a repetition is always whole. */
    if (rest.len > 0 && strchr("*+?{", rest.ptr[0]) && rest.ptr[0] != '\0')
        return false;
    *r->end++ = c;
    r->text = rest;
    return true;
}

static bool add_literal(struct shape_reader *r, struct str literal)
{
    struct shape *shape = r->shape;
    struct str *grown = grow_array(shape->literals, &r->capacity, shape->count + 1, sizeof *grown);
    if (!grown)
        return false;
    shape->literals = grown;
    shape->literals[shape->count++] = literal;
    return true;
}

/* .* and .+: how many bytes at least. */
static int read_dots(struct shape_reader *r)
{
    int least = starts_with(r->text, STR(".*")) ? 0 : starts_with(r->text, STR(".+")) ? 1 : SHAPE_CLOSED;
    if (least == SHAPE_CLOSED)
        return least;
    skip(&r->text, 2);
    if (starts_with(r->text, STR("?")))
        skip(&r->text, 1);
    return least;
}

/* What may surround a literal that is alone. */
static void read_single(struct shape_reader *r)
{
    struct shape *shape = r->shape;
    char *begun = r->end;
    if (starts_with(r->text, STR("^")))
        skip(&r->text, 1);
    shape->head = read_dots(r);
    while (read_literal_char(r))
        ;
    struct str literal = {begun, (size_t)(r->end - begun)};
    shape->tail = read_dots(r);
    if (starts_with(r->text, STR("$")))
        skip(&r->text, 1);
    if (r->text.len > 0)
        return;
    bool open_head = shape->head != SHAPE_CLOSED;
    bool open_tail = shape->tail != SHAPE_CLOSED;
    if (literal.len > 0 && (open_head || open_tail))
        shape->kind = SHAPE_BETWEEN;
    else if (literal.len == 0 && open_head && !open_tail)
        shape->kind = shape->head == 0 ? SHAPE_ANY : SHAPE_SOME;
}

/* a|b|c; false when out of memory. */
static bool read_set(struct shape_reader *r)
{
    for (;;) {
        char *begun = r->end;
        if (starts_with(r->text, STR("^")))
            skip(&r->text, 1);
        while (read_literal_char(r))
            ;
        if (!add_literal(r, (struct str){begun, (size_t)(r->end - begun)}))
            return false;
        if (starts_with(r->text, STR("$")))
            skip(&r->text, 1);
        if (!starts_with(r->text, STR("|")))
            break;
        skip(&r->text, 1);
    }
    if (r->text.len == 0)
        r->shape->kind = SHAPE_SET;
    return true;
}

static int compare_literals(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static void sort_literals(struct shape *shape)
{
    size_t kept = 0;
    qsort(shape->literals, shape->count, sizeof *shape->literals, compare_literals);
    for (size_t i = 0; i < shape->count; i++) {
        if (kept == 0 || !str_equal(shape->literals[kept - 1], shape->literals[i]))
            shape->literals[kept++] = shape->literals[i];
    }
    shape->count = kept;
}

/* Without the parentheses around the whole; what is within is refused later if it has any of its own. */
static struct str strip_group(struct str pattern)
{
    size_t head = starts_with(pattern, STR("(?:")) ? 3 : starts_with(pattern, STR("(")) ? 1 : 0;
    if (head == 0 || pattern.len < head + 1 || pattern.ptr[pattern.len - 1] != ')')
        return pattern;
    return (struct str){pattern.ptr + head, pattern.len - head - 1};
}

enum tm_err shape_of(struct str pattern, struct shape *shape)
{
    *shape = (struct shape){.head = SHAPE_CLOSED, .tail = SHAPE_CLOSED};
    struct str text = strip_group(pattern);
    shape->text = malloc(text.len + 1);
    if (!shape->text)
        return TM_NOMEM;
    struct shape_reader r = {.text = text, .shape = shape, .end = shape->text};
    read_single(&r);
    if (shape->kind == SHAPE_BETWEEN &&
        !add_literal(&r, (struct str){shape->text, (size_t)(r.end - shape->text)}))
        goto failed;
    if (shape->kind != SHAPE_OTHER)
        return TM_OK;
    r = (struct shape_reader){.text = text, .shape = shape, .end = shape->text};
    if (!read_set(&r))
        goto failed;
    sort_literals(shape);
    return TM_OK;
failed:
    shape_fini(shape);
    return TM_NOMEM;
}

enum tm_err shape_of_literal(struct str value, struct shape *shape)
{
    *shape = (struct shape){.kind = SHAPE_SET, .head = SHAPE_CLOSED, .tail = SHAPE_CLOSED};
    shape->text = malloc(value.len + 1);
    shape->literals = malloc(sizeof *shape->literals);
    if (!shape->text || !shape->literals) {
        shape_fini(shape);
        return TM_NOMEM;
    }
    if (value.len > 0)
        memcpy(shape->text, value.ptr, value.len);
    shape->literals[0] = (struct str){shape->text, value.len};
    shape->count = 1;
    return TM_OK;
}

static bool takes_between(const struct shape *shape, struct str value)
{
    struct str literal = shape->literals[0];
    size_t head = shape->head > 0 ? 1 : 0;
    size_t tail = shape->tail > 0 ? 1 : 0;
    if (value.len == 0 || value.len < head + literal.len + tail)
        return false;
    if (shape->head == SHAPE_CLOSED)
        return memcmp(value.ptr, literal.ptr, literal.len) == 0;
    if (shape->tail == SHAPE_CLOSED)
        return memcmp(value.ptr + value.len - literal.len, literal.ptr, literal.len) == 0;
    return memmem(value.ptr + head, value.len - head - tail, literal.ptr, literal.len) != NULL;
}

bool shape_takes(const struct shape *shape, struct str value)
{
    assert(shape->kind != SHAPE_OTHER);
    switch (shape->kind) {
    case SHAPE_ANY:
        return true;
    case SHAPE_SOME:
        return value.len > 0;
    case SHAPE_BETWEEN:
        return takes_between(shape, value);
    default:
        if (shape->count == 1)
            return str_equal(shape->literals[0], value);
        return bsearch(&value, shape->literals, shape->count, sizeof value, compare_literals) != NULL;
    }
}
