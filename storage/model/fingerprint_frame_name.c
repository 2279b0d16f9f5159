/* A frame's name without what varies from build to build and from run to run. */
#include "storage/model/fingerprint_parts.h"

static struct str head(struct str text, size_t len)
{
    return (struct str){text.ptr, len < text.len ? len : text.len};
}

static bool ends_with(struct str text, struct str end)
{
    return text.len >= end.len && memcmp(text.ptr + text.len - end.len, end.ptr, end.len) == 0;
}

static size_t digits_len(struct str text)
{
    size_t i = 0;
    while (fold_is_digit(fold_at(text, i)))
        i++;
    return i;
}

/* Where the last of c stands, text.len if nowhere. */
static size_t last_of(struct str text, char c)
{
    const char *found = text.len ? memrchr(text.ptr, c, text.len) : NULL;
    return found ? (size_t)(found - text.ptr) : text.len;
}

/* ---- the JVM and .NET ---- */

/* "<Add>b__0" is Add, "<>c__DisplayClass5_0." is nothing. Returns what was read. */
static size_t put_angle(struct str text, struct fold_text *out)
{
    size_t close = 1;
    while (close < text.len && text.ptr[close] != '>')
        close++;
    if (close == text.len) {
        fold_put_byte(out, text.ptr[0]);
        return 1;
    }
    size_t at = close + 1;
    for (size_t i = 1; i < close; i++)
        fold_put_byte(out, text.ptr[i]);
    while (fold_is_word(fold_at(text, at)) || fold_at(text, at) == '|')
        at++;
    return at + (close == 1 && fold_at(text, at) == '.');
}

/* What is left out at the start of text; 0 where text goes on as it is. */
static size_t generated_len(struct str text, const struct fold_text *out)
{
    struct str written = {out->text, out->len};
    size_t digits = digits_len(text);
    if (text.ptr[0] == '$' && digits_len(fold_from(text, 1)) > 0)
        return 1 + digits_len(fold_from(text, 1));
    if (text.ptr[0] == '`')
        return 1 + digits_len(fold_from(text, 1));
    if (text.ptr[0] == '[') {
        size_t close = fold_find(text, STR("]"));
        return close < text.len ? close + 1 : 0;
    }
    if (digits > 0 && (ends_with(written, STR("Proxy")) || ends_with(written, STR("Accessor"))))
        return digits;
    return 0;
}

static void put_managed(struct str name, struct fold_text *out)
{
    for (size_t at = 0; at < name.len;) {
        struct str rest = fold_from(name, at);
        size_t skip = generated_len(rest, out);
        if (skip == 0 && rest.ptr[0] == '<')
            skip = put_angle(rest, out);
        if (skip == 0)
            fold_put_byte(out, rest.ptr[0]);
        at += skip ? skip : 1;
    }
}

/* Foo$$EnhancerBySpringCGLIB$$1a2b.bar and Foo$$Lambda$14/0x0000.bar are Foo.bar; modules go. */
static void write_managed(struct str function, struct fold_text *out)
{
    size_t generated = fold_find(function, STR("$$"));
    struct str owner = head(function, generated);
    size_t slash = last_of(owner, '/');
    owner = slash < owner.len ? fold_from(owner, slash + 1) : owner;
    put_managed(owner, out);
    if (generated < function.len)
        put_managed(fold_from(function, last_of(function, '.')), out);
    if (ends_with((struct str){out->text, out->len}, STR(".MoveNext")))
        out->len -= STR(".MoveNext").len;
}

/* ---- Go ---- */

static bool is_closure(struct str part)
{
    static const struct str names[] = {{"func", 4}, {"gowrap", 6}, {"deferwrap", 9}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (fold_begins(part, names[i]) &&
            digits_len(fold_from(part, names[i].len)) == part.len - names[i].len)
            return true;
    return part.len > 0 && digits_len(part) == part.len;
}

/* main.(*Server).handle.func1.2(0xc000, 0x1) is main.(*Server).handle */
static void write_go(struct str function, struct fold_text *out)
{
    size_t args = last_of(function, '(');
    if (args > 0 && args < function.len && fold_at(function, args + 1) != '*' &&
        function.ptr[args - 1] != '.')
        function.len = args;
    if (ends_with(function, STR("-fm")))
        function.len -= 3;
    for (;;) {
        size_t dot = last_of(function, '.');
        if (dot == function.len || !is_closure(fold_from(function, dot + 1)))
            break;
        function.len = dot;
    }
    for (size_t at = 0; at < function.len;) {
        size_t close = function.ptr[at] == '[' ? fold_find(fold_from(function, at), STR("]")) : 0;
        if (close == 0)
            fold_put_byte(out, function.ptr[at]);
        at += close + 1;
    }
}

/* ---- C, C++, Rust ---- */

/* fn.isra.0, fn.part.1.cold, fn@plt, path::fn::h0123456789abcdef */
static void write_c(struct str function, struct fold_text *out)
{
    enum { RUST_HASH = 19 };
    size_t at = fold_find(function, STR("@"));
    function = head(function, at);
    size_t paren = fold_find(function, STR("("));
    if (paren > 0)
        function = head(function, paren);
    size_t dot = fold_find(function, STR("."));
    if (dot > 0)
        function = head(function, dot);
    if (function.len > RUST_HASH && fold_begins(fold_from(function, function.len - RUST_HASH), STR("::h"))) {
        size_t hex = function.len - RUST_HASH + 3;
        while (hex < function.len && fold_is_hex(function.ptr[hex]))
            hex++;
        function.len -= hex == function.len ? RUST_HASH : 0;
    }
    for (size_t i = 0; i < function.len; i++)
        fold_put_byte(out, function.ptr[i]);
}

/* ---- languages that name a file ---- */

/* The last parts of a path, without query, line and column, ids folded: main.3f2a1b9c.js is main.{hex}.js. */
static void put_file(struct str file, size_t parts, struct fold_text *out)
{
    file = head(file, fold_find(file, STR("?")));
    for (int i = 0; i < 2; i++) {
        size_t colon = last_of(file, ':');
        if (colon < file.len && colon > 1 && digits_len(fold_from(file, colon + 1)) == file.len - colon - 1)
            file.len = colon;
    }
    size_t from = file.len;
    while (from > 0 && parts > 0) {
        from--;
        parts -= file.ptr[from] == '/' || file.ptr[from] == '\\';
    }
    from += from < file.len && parts == 0 && (file.ptr[from] == '/' || file.ptr[from] == '\\');
    while (from < file.len) {
        struct str rest = fold_from(file, from);
        enum fold only = FOLD_COUNT;
        if (!fold_is_word(rest.ptr[0])) {
            fold_put_byte(out, rest.ptr[0]);
            from++;
            continue;
        }
        from += fold_word(rest, out, &only);
        if (only != FOLD_COUNT)
            fold_put(out, fold_names[only]);
    }
}

static void put_function(struct str function, struct fold_text *out)
{
    for (size_t i = 0; i < function.len; i++)
        fold_put_byte(out, function.ptr[i]);
}

void frame_write(const struct frame *frame, struct fold_text *out)
{
    switch (frame->kind) {
    case FRAME_MANAGED:
        write_managed(frame->function, out);
        return;
    case FRAME_GO:
        write_go(frame->function, out);
        return;
    case FRAME_C:
        write_c(frame->function, out);
        return;
    case FRAME_PHP:
        put_function(frame->function, out);
        return;
    case FRAME_NODE:
    case FRAME_PYTHON:
        put_file(frame->file, frame->kind == FRAME_PYTHON ? 2 : 1, out);
        if (frame->function.len > 0)
            fold_put(out, STR(":"));
        put_function(frame->function, out);
        return;
    case FRAME_KIND_COUNT:
        return;
    }
}

bool frame_same(const struct frame *a, const struct frame *b)
{
    if (a->kind != b->kind)
        return false;
    char text_a[256];
    char text_b[256];
    struct fold_text out_a = {.text = text_a, .max = sizeof text_a - 1};
    struct fold_text out_b = {.text = text_b, .max = sizeof text_b - 1};
    frame_write(a, &out_a);
    frame_write(b, &out_b);
    return str_equal((struct str){text_a, out_a.len}, (struct str){text_b, out_b.len});
}
