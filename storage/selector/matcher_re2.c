#include "storage/selector/matcher_re2.h"

#include "storage/selector/matcher_re2_private.h"

static enum tm_err read_alternatives(struct re2_reader *r);

enum tm_err re2_fail(const struct re2_reader *r, size_t at, const char *what)
{
    return tm_fail(r->why, TM_INVALID, "byte %zu of the pattern: %s", at + 1, what);
}

bool re2_looking_at(const struct re2_reader *r, struct str token)
{
    return r->text.len - r->at >= token.len && memcmp(r->text.ptr + r->at, token.ptr, token.len) == 0;
}

static bool at_end(const struct re2_reader *r)
{
    return r->at == r->text.len;
}

static char next_byte(const struct re2_reader *r)
{
    return at_end(r) ? '\0' : r->text.ptr[r->at];
}

static void put(struct re2_reader *r, const char *text)
{
    bytes_put(r->out, text, strlen(text));
}

/* ---- repetitions ---- */

struct repeat {
    size_t len; /* bytes of it; 0: there is none */
    uint32_t min;
    uint32_t max; /* UINT32_MAX: none */
};

/* Digits, as Go reads them: no leading zero, values over the bound all alike. */
static bool read_count(const struct re2_reader *r, size_t *at, uint32_t *out)
{
    size_t first = *at;
    *out = 0;
    for (; *at < r->text.len && r->text.ptr[*at] >= '0' && r->text.ptr[*at] <= '9'; ++*at) {
        if (*out <= RE2_REPEAT_MAX)
            *out = *out * 10 + (uint32_t)(r->text.ptr[*at] - '0');
    }
    return *at > first && (r->text.ptr[first] != '0' || *at == first + 1);
}

/* {n} {n,} {n,m}; anything else in braces is text. */
static struct repeat peek_counted(const struct re2_reader *r)
{
    struct repeat none = {0, 0, 0};
    struct repeat found = none;
    size_t at = r->at + 1;
    if (!read_count(r, &at, &found.min))
        return none;
    found.max = found.min;
    if (at < r->text.len && r->text.ptr[at] == ',') {
        at++;
        found.max = UINT32_MAX;
        if (at < r->text.len && r->text.ptr[at] != '}' && !read_count(r, &at, &found.max))
            return none;
    }
    if (at >= r->text.len || r->text.ptr[at] != '}')
        return none;
    found.len = at + 1 - r->at;
    return found;
}

static struct repeat peek_repeat(const struct re2_reader *r)
{
    switch (next_byte(r)) {
    case '*':
        return (struct repeat){1, 0, UINT32_MAX};
    case '+':
        return (struct repeat){1, 1, UINT32_MAX};
    case '?':
        return (struct repeat){1, 0, 1};
    case '{':
        return peek_counted(r);
    default:
        return (struct repeat){0, 0, 0};
    }
}

static enum tm_err check_counts(struct re2_reader *r, const struct repeat *repeat)
{
    uint32_t most = repeat->max == UINT32_MAX ? repeat->min : repeat->max;
    if (repeat->min > RE2_REPEAT_MAX || most > RE2_REPEAT_MAX)
        return re2_fail(r, r->at, "a repetition counts to 1000 at most");
    if (repeat->max < repeat->min)
        return re2_fail(r, r->at, "a repetition's first count is above its second");
    if (repeat->max == 0)
        r->repeat = 1;
    else if (most > 0)
        r->repeat *= most;
    if (r->repeat > RE2_REPEAT_MAX)
        return re2_fail(r, r->at, "nested repetitions multiply to 1000 at most");
    return TM_OK;
}

/* The repetition behind an atom, if any, and the `?` that would make it lazy. */
static enum tm_err read_repeat(struct re2_reader *r)
{
    struct repeat repeat = peek_repeat(r);
    if (repeat.len == 0)
        return TM_OK;
    enum tm_err err = next_byte(r) == '{' ? check_counts(r, &repeat) : TM_OK;
    if (err)
        return err;
    bytes_put(r->out, r->text.ptr + r->at, repeat.len);
    r->at += repeat.len;
    bool is_lazy = next_byte(r) == '?';
    r->at += is_lazy;
    if (r->captures && is_lazy != r->lazy)
        put(r, "?");
    if (peek_repeat(r).len == 0)
        return TM_OK;
    if (next_byte(r) == '+' && !is_lazy)
        return re2_fail(r, r->at, "possessive repetitions are not supported: drop the second +");
    return re2_fail(r, r->at, "a repetition of a repetition: put the first into (?:...)");
}

/* ---- groups ---- */

/* How an opening that RE2 lacks is named; the first that fits. */
struct refused_opening {
    struct str token;
    const char *what;
};

static const struct refused_opening refused_openings[] = {
    {{"(?=", 3}, "lookahead is not supported"},
    {{"(?!", 3}, "lookahead is not supported: use a second matcher with !~"},
    {{"(?<=", 4}, "lookbehind is not supported"},
    {{"(?<!", 4}, "lookbehind is not supported: use a second matcher with !~"},
    {{"(?<", 3}, "write a named group as (?P<name>...)"},
    {{"(?'", 3}, "write a named group as (?P<name>...)"},
    {{"(?P=", 4}, "backreferences are not supported"},
    {{"(?P>", 4}, "recursion is not supported"},
    {{"(?>", 3}, "atomic groups are not supported: write (?:...)"},
    {{"(?|", 3}, "branch reset groups are not supported: write (?:...)"},
    {{"(?#", 3}, "comments are not supported"},
    {{"(?(", 3}, "conditionals are not supported"},
    {{"(?R", 3}, "recursion is not supported"},
    {{"(?&", 3}, "recursion is not supported"},
    {{"(?+", 3}, "recursion is not supported"},
    {{"(?C", 3}, "callouts are not supported"},
    {{"(*", 2}, "verbs are not supported, and a repetition needs something to repeat before it"},
};

static enum tm_err check_opening(const struct re2_reader *r)
{
    for (size_t i = 0; i < sizeof refused_openings / sizeof refused_openings[0]; i++) {
        if (re2_looking_at(r, refused_openings[i].token))
            return re2_fail(r, r->at, refused_openings[i].what);
    }
    return TM_OK;
}

static bool name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The reader stands on "(?P". */
static enum tm_err read_name(struct re2_reader *r)
{
    size_t from = r->at + 4;
    size_t to = from;
    while (to < r->text.len && name_byte(r->text.ptr[to]))
        to++;
    if (!re2_looking_at(r, STR("(?P<")) || to == from || to == r->text.len || r->text.ptr[to] != '>')
        return re2_fail(r, r->at, "a named group is (?P<name>...), the name of letters, digits and _");
    struct str name = {r->text.ptr + from, to - from};
    for (size_t i = 0; i < r->name_count; i++) {
        if (str_equal(r->names[i], name))
            return re2_fail(r, r->at, "this group's name stands twice");
    }
    if (r->name_count == RE2_NAMES_MAX)
        return tm_fail(r->why, TM_LIMIT, "byte %zu of the pattern: more than %d named groups", r->at + 1,
                       RE2_NAMES_MAX);
    r->names[r->name_count++] = name;
    r->at = to + 1;
    if (r->captures)
        bytes_printf(r->out, "(?<%.*s>", STR_ARG(name));
    else
        put(r, "(?:");
    return TM_OK;
}

static bool set_flag(struct re2_reader *r, char flag, bool on)
{
    switch (flag) {
    case 'i':
        r->fold = on;
        return true;
    case 'm':
        r->lines = on;
        return true;
    case 's':
        r->dot_all = on;
        return true;
    case 'U':
        r->lazy = on;
        return true;
    default:
        return false;
    }
}

/* The reader stands on "(?": flags for the rest of this group (*is_group false), or of a new one. */
static enum tm_err read_flags(struct re2_reader *r, bool *is_group)
{
    size_t begun = r->at;
    bool on = true;
    bool pending_minus = false;
    for (r->at += 2; !at_end(r); r->at++) {
        char c = next_byte(r);
        if (c == '-' && on) {
            on = false;
            pending_minus = true;
        } else if (set_flag(r, c, on)) {
            pending_minus = false;
        } else {
            break;
        }
    }
    char last = next_byte(r);
    if (at_end(r) || pending_minus || (last != ')' && last != ':'))
        return re2_fail(r, begun, "not a group that is supported; flags are i, m, s and U");
    r->at++;
    *is_group = last == ':';
    put(r, r->fold ? "(?i" : "(?-i");
    put(r, *is_group ? ":" : ")");
    return TM_OK;
}

/* What stands between parentheses, and the one that closes. */
static enum tm_err read_group_body(struct re2_reader *r, size_t begun)
{
    if (++r->depth > RE2_DEPTH_MAX)
        return tm_fail(r->why, TM_LIMIT, "byte %zu of the pattern: groups are nested over %d deep", begun + 1,
                       RE2_DEPTH_MAX);
    enum tm_err err = read_alternatives(r);
    if (err)
        return err;
    if (next_byte(r) != ')' || at_end(r))
        return re2_fail(r, begun, "this parenthesis is not closed");
    r->at++;
    r->depth--;
    put(r, ")");
    return TM_OK;
}

/* The reader stands on "(". *is_atom is false after flags alone. */
static enum tm_err read_group(struct re2_reader *r, bool *is_atom)
{
    size_t begun = r->at;
    bool fold = r->fold;
    bool lines = r->lines;
    bool dot_all = r->dot_all;
    bool lazy = r->lazy;
    *is_atom = true;
    enum tm_err err = check_opening(r);
    if (err)
        return err;
    if (re2_looking_at(r, STR("(?P"))) {
        err = read_name(r);
    } else if (re2_looking_at(r, STR("(?"))) {
        err = read_flags(r, is_atom);
    } else {
        r->at++;
        put(r, r->captures ? "(" : "(?:");
    }
    if (err || !*is_atom)
        return err;
    err = read_group_body(r, begun);
    r->fold = fold;
    r->lines = lines;
    r->dot_all = dot_all;
    r->lazy = lazy;
    return err;
}

/* ---- atoms ---- */

/* Escapes that stand for a place or for quoted text; the reader stands on the backslash. */
static enum tm_err read_place_escape(struct re2_reader *r, bool *found)
{
    static const struct {
        struct str token;
        const char *put;
    } places[] = {
        {{"\\A", 2}, "(?:\\A)"},
        {{"\\z", 2}, "(?:\\z)"},
        {{"\\b", 2}, "(?:\\b)"},
        {{"\\B", 2}, "(?:\\B)"},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (!re2_looking_at(r, places[i].token))
            continue;
        put(r, places[i].put);
        r->at += 2;
        *found = true;
        return TM_OK;
    }
    return TM_OK;
}

/* \Q...\E; *is_atom is false if nothing stands in it. */
static enum tm_err read_quoted(struct re2_reader *r, bool *is_atom)
{
    *is_atom = false;
    for (r->at += 2; !at_end(r) && !re2_looking_at(r, STR("\\E")); *is_atom = true) {
        uint32_t code;
        enum tm_err err = re2_read_code(r, &code);
        if (err)
            return err;
        re2_put_code(r, code);
    }
    r->at += at_end(r) ? 0 : 2;
    return TM_OK;
}

static enum tm_err read_escaped(struct re2_reader *r, bool *is_atom)
{
    if (re2_looking_at(r, STR("\\Q")))
        return read_quoted(r, is_atom);
    *is_atom = true;
    bool found = false;
    enum tm_err err = read_place_escape(r, &found);
    if (!err && !found)
        err = re2_read_class_escape(r, false, &found);
    if (err || found)
        return err;
    uint32_t code;
    err = re2_read_escape(r, &code);
    if (!err)
        re2_put_code(r, code);
    return err;
}

/* One thing that a repetition can follow. */
static enum tm_err read_atom(struct re2_reader *r, bool *is_atom)
{
    uint32_t code;
    enum tm_err err;
    *is_atom = true;
    r->repeat = 1;
    switch (next_byte(r)) {
    case '(':
        return read_group(r, is_atom);
    case '[':
        return re2_read_brackets(r);
    case '\\':
        return read_escaped(r, is_atom);
    case '.':
        put(r, r->dot_all ? "." : "[^\\n]");
        break;
    case '^':
        put(r, r->lines ? "(?:\\A|(?<=\\n))" : "(?:\\A)");
        break;
    case '$':
        put(r, r->lines ? "(?:(?=\\n|\\z))" : "(?:\\z)");
        break;
    default:
        err = re2_read_code(r, &code);
        if (!err)
            re2_put_code(r, code);
        return err;
    }
    r->at++;
    return TM_OK;
}

/* Up to the end of the text or the parenthesis that closes this group. */
static enum tm_err read_alternatives(struct re2_reader *r)
{
    uint32_t most = 1;
    bool is_atom = false;
    while (!at_end(r) && next_byte(r) != ')') {
        if (next_byte(r) == '|') {
            put(r, "|");
            r->at++;
            is_atom = false;
            continue;
        }
        if (!is_atom && peek_repeat(r).len > 0)
            return re2_fail(r, r->at, "a repetition needs something to repeat before it");
        enum tm_err err = read_atom(r, &is_atom);
        if (!err && is_atom)
            err = read_repeat(r);
        if (err)
            return err;
        is_atom = false;
        most = r->repeat > most ? r->repeat : most;
    }
    r->repeat = most;
    return TM_OK;
}

static enum tm_err read_pattern(struct re2_reader *r)
{
    enum tm_err err = read_alternatives(r);
    if (err)
        return err;
    if (!at_end(r))
        return re2_fail(r, r->at, "this parenthesis closes nothing: write \\) for the character");
    return bytes_error(r->out) ? tm_fail(r->why, TM_NOMEM, "no room for the pattern") : TM_OK;
}

enum tm_err re2_translate(struct str pattern, struct bytes *out, struct tm_why *why)
{
    struct re2_reader r = {.text = pattern, .out = out, .why = why, .dot_all = true};
    return read_pattern(&r);
}

enum tm_err re2_translate_groups(struct str pattern, struct bytes *out, struct tm_why *why)
{
    struct re2_reader r = {.text = pattern, .out = out, .why = why, .captures = true};
    return read_pattern(&r);
}
