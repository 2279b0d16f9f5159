/* Which frames of a stack count: sections between the headers of causes, the application's frames in each
 * (fingerprint.h, rules 2 and 3). */
#include "storage/model/fingerprint_parts.h"

/* Of a line this much is looked at: a name is searched more than once. */
enum { LINE_USED_MAX = 1024 };

/* How the causes of a chain are written, told from the lines between them. */
enum order { ORDER_UNKNOWN, ORDER_ROOT_FIRST, ORDER_ROOT_LAST };

struct chain {
    struct stack_section at[STACK_SECTIONS_MAX];
    size_t count; /* at least 1; the last one is being filled */
    enum order order;
    bool skipping; /* "Suppressed:" and the like: not part of the chain */
    bool routines; /* a Go routine's header was there */
    bool python;   /* the section being filled is Python's: outermost frame first */
    bool done;
};

static struct stack_section *current(struct chain *chain)
{
    return &chain->at[chain->count - 1];
}

static bool is_empty(const struct stack_section *section)
{
    return section->any_count == 0;
}

/* Past the bound the last place is used again, so that a root cause at the end is never lost. */
static void begin_section(struct chain *chain, struct str type)
{
    if (!is_empty(current(chain)) && chain->count < STACK_SECTIONS_MAX)
        chain->count++;
    *current(chain) = (struct stack_section){.type = type};
    chain->skipping = false;
    chain->python = false;
}

/* The exception's type at the start of a header: "java.sql.SQLException: message" or without message. */
static struct str header_type(struct str text)
{
    size_t len = 0;
    while (fold_is_word(fold_at(text, len)) ||
           (fold_at(text, len) != '\0' && strchr(".$\\", fold_at(text, len))))
        len++;
    char next = fold_at(text, len);
    bool whole =
        next == '\0' || next == ':' || next == '\r' || (next == ' ' && fold_at(text, len + 1) == '(');
    return (struct str){text.ptr, whole && len > 0 && !fold_is_digit(text.ptr[0]) ? len : 0};
}

/* ---- headers ---- */

static void on_cause_below(struct chain *chain, struct str rest)
{
    chain->order = ORDER_ROOT_LAST;
    begin_section(chain, header_type(rest));
}

static void on_root_above(struct chain *chain, struct str rest)
{
    (void)rest;
    chain->order = ORDER_ROOT_FIRST;
    begin_section(chain, (struct str){"", 0});
}

/* .NET: the inner exception's header stands before all frames, the innermost last. */
static void on_inner(struct chain *chain, struct str rest)
{
    if (is_empty(current(chain)))
        current(chain)->type = header_type(rest);
}

static void on_suppressed(struct chain *chain, struct str rest)
{
    (void)rest;
    chain->skipping = true;
}

static void on_routine(struct chain *chain, struct str rest)
{
    (void)rest;
    chain->done = chain->routines && !is_empty(current(chain));
    chain->routines = true;
}

struct header_row {
    struct str begins;
    void (*act)(struct chain *chain, struct str rest);
};

#define BEGINS(literal) .begins = {literal, sizeof(literal) - 1}

static const struct header_row headers[] = {
    {BEGINS("Caused by: "), .act = on_cause_below},
    {BEGINS("[cause]: "), .act = on_cause_below},
    {BEGINS("During handling of the above exception"), .act = on_root_above},
    {BEGINS("The above exception was the direct cause"), .act = on_root_above},
    {BEGINS("--- End of inner exception stack trace"), .act = on_root_above},
    {BEGINS("---> "), .act = on_inner},
    {BEGINS("Suppressed: "), .act = on_suppressed},
    {BEGINS("goroutine "), .act = on_routine},
};

static bool read_header(struct chain *chain, struct str line)
{
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        if (!fold_begins(line, headers[i].begins))
            continue;
        headers[i].act(chain, fold_from(line, headers[i].begins.len));
        return true;
    }
    return false;
}

/* ---- frames ---- */

/* The first ones stay, or the last ones where the innermost frame comes last. */
static void add_frame(struct frame *at, size_t *count, const struct frame *frame, bool innermost_last)
{
    if (*count > 0 && frame_same(&at[innermost_last ? 0 : *count - 1], frame))
        return;
    if (!innermost_last) {
        if (*count < STACK_FRAMES_MAX)
            at[(*count)++] = *frame;
        return;
    }
    size_t kept = *count < STACK_FRAMES_MAX ? *count : STACK_FRAMES_MAX - 1;
    memmove(at + 1, at, kept * sizeof *at);
    at[0] = *frame;
    *count = kept + 1;
}

static void read_frame(struct chain *chain, const struct frame *frame)
{
    if (chain->skipping)
        return;
    struct stack_section *section = current(chain);
    bool innermost_last = frame->kind == FRAME_PYTHON;
    chain->python = innermost_last;
    add_frame(section->any, &section->any_count, frame, innermost_last);
    if (frame_is_app(frame))
        add_frame(section->app, &section->app_count, frame, innermost_last);
}

/* Python names the exception behind its frames, without indentation. */
static void read_other(struct chain *chain, struct str line, bool indented)
{
    if (!chain->python || indented)
        return;
    struct str type = header_type(line);
    if (type.len > 0 && current(chain)->type.len == 0)
        current(chain)->type = type;
}

/* Without indentation, and what exception groups draw in front. */
static struct str without_indent(struct str line)
{
    while (line.len > 0 && (fold_is_space(line.ptr[0]) || line.ptr[0] == '|'))
        line = fold_from(line, 1);
    while (line.len > 0 && fold_is_space(line.ptr[line.len - 1]))
        line.len--;
    return line;
}

static struct str take_line(struct str *rest)
{
    const char *feed = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
    size_t len = feed ? (size_t)(feed - rest->ptr) : rest->len;
    struct str line = {rest->ptr, len < LINE_USED_MAX ? len : LINE_USED_MAX};
    *rest = fold_from(*rest, len + 1);
    return line;
}

/* The section that counts: the root, or the next one out that has a frame of the application. */
static const struct stack_section *choose(const struct chain *chain)
{
    bool last = chain->order == ORDER_ROOT_LAST;
    for (size_t i = 0; i < chain->count; i++) {
        const struct stack_section *section = &chain->at[last ? chain->count - 1 - i : i];
        if (section->app_count > 0)
            return section;
    }
    return &chain->at[last ? chain->count - 1 : 0];
}

static struct str root_type(const struct chain *chain)
{
    return chain->at[chain->order == ORDER_ROOT_LAST ? chain->count - 1 : 0].type;
}

void stack_read(struct str stack, struct stack_section *out)
{
    struct chain chain = {.count = 1};
    struct str before = {"", 0};
    while (stack.len > 0 && !chain.done) {
        struct str whole = take_line(&stack);
        struct str line = without_indent(whole);
        struct frame frame;
        if (frame_parse(line, before, &frame))
            read_frame(&chain, &frame);
        else if (!read_header(&chain, line))
            read_other(&chain, line, fold_is_space(fold_at(whole, 0)));
        before = line;
    }
    *out = *choose(&chain);
    out->type = root_type(&chain);
}
