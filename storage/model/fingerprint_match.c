/* Things that vary in a message, by kind: where one begins, how long it is (fingerprint_parts.h). */
#include "storage/model/fingerprint_parts.h"

enum { SCHEME_MAX = 16, LOCAL_PART_MAX = 64, UUID_LEN = 36, POINTER_DIGITS_MAX = 32 };

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* Sentences put these behind a URL or a path; they are not part of it. */
static size_t without_punctuation(struct str text, size_t len)
{
    while (len > 0 && is_one_of(text.ptr[len - 1], ".,;:!?)]}"))
        len--;
    return len;
}

size_t match_url(struct str text, char before)
{
    size_t i = 0;
    if (fold_is_word(before))
        return 0;
    while (i < SCHEME_MAX && (fold_is_alnum(fold_at(text, i)) || is_one_of(fold_at(text, i), "+.-")))
        i++;
    if (i < 2 || !fold_is_letter(text.ptr[0]) || !fold_begins(fold_from(text, i), STR("://")))
        return 0;
    size_t end = i + 3;
    while (end < text.len && !fold_is_space(text.ptr[end]) && !is_one_of(text.ptr[end], "\"'`<>"))
        end++;
    end = without_punctuation(text, end);
    return end > i + 3 ? end : 0;
}

size_t match_email(struct str text, char before)
{
    size_t at = 0;
    if (fold_is_word(before) || is_one_of(before, ".%+-"))
        return 0;
    while (at < LOCAL_PART_MAX && (fold_is_word(fold_at(text, at)) || is_one_of(fold_at(text, at), ".%+-")))
        at++;
    if (at == 0 || fold_at(text, at) != '@')
        return 0;
    size_t end = at + 1;
    size_t dot = 0;
    while (fold_is_alnum(fold_at(text, end)) || is_one_of(fold_at(text, end), ".-")) {
        if (text.ptr[end] == '.')
            dot = end;
        end++;
    }
    end = without_punctuation(text, end);
    return dot > at + 1 && dot + 1 < end ? end : 0;
}

size_t match_uuid(struct str text, char before)
{
    if (fold_is_word(before) || text.len < UUID_LEN || fold_is_word(fold_at(text, UUID_LEN)))
        return 0;
    for (size_t i = 0; i < UUID_LEN; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text.ptr[i] != '-' : !fold_is_hex(text.ptr[i]))
            return 0;
    }
    return UUID_LEN;
}

size_t match_mac(struct str text, char before)
{
    enum { MAC_LEN = 17 };
    if (fold_is_word(before) || before == ':' || text.len < MAC_LEN || fold_is_word(fold_at(text, MAC_LEN)))
        return 0;
    char between = text.ptr[2];
    if (between != ':' && between != '-')
        return 0;
    for (size_t i = 0; i < MAC_LEN; i++)
        if (i % 3 == 2 ? text.ptr[i] != between : !fold_is_hex(text.ptr[i]))
            return 0;
    return fold_at(text, MAC_LEN) == between ? 0 : MAC_LEN;
}

static size_t digits_len(struct str text, size_t max)
{
    size_t i = 0;
    while (i < max && fold_is_digit(fold_at(text, i)))
        i++;
    return i;
}

/* Four groups of up to three digits. */
static size_t ipv4_len(struct str text)
{
    size_t at = 0;
    for (int group = 0; group < 4; group++) {
        size_t digits = digits_len(fold_from(text, at), 4);
        if (digits == 0 || digits > 3 || (group < 3 && fold_at(text, at + digits) != '.'))
            return 0;
        at += digits + (group < 3);
    }
    bool longer =
        fold_is_word(fold_at(text, at)) || (fold_at(text, at) == '.' && fold_is_digit(fold_at(text, at + 1)));
    return longer ? 0 : at;
}

/* Hex groups between colons: all eight, or with a "::" in them and a digit somewhere. */
static size_t ipv6_len(struct str text)
{
    enum { IPV6_MAX = 45 };
    size_t at = 0;
    size_t group = 0;
    int colons = 0;
    bool gap = false;
    bool digit = false;
    for (; at < text.len && at <= IPV6_MAX; at++) {
        char c = text.ptr[at];
        if (c != ':' && c != '.' && !fold_is_hex(c))
            break;
        digit = digit || fold_is_digit(c);
        gap = gap || (c == ':' && fold_at(text, at + 1) == ':');
        colons += c == ':';
        group = fold_is_hex(c) ? group + 1 : 0;
        if (group > 4)
            return 0;
    }
    while (at > 0 && (text.ptr[at - 1] == '.' || (text.ptr[at - 1] == ':' && fold_at(text, at - 2) != ':'))) {
        colons -= text.ptr[at - 1] == ':';
        at--;
    }
    if (fold_is_word(fold_at(text, at)) || colons > 7)
        return 0;
    return (gap && digit && colons >= 2) || colons == 7 ? at : 0;
}

/* %eth0, then :port or /len. */
static size_t address_tail(struct str text)
{
    size_t at = 0;
    if (fold_at(text, 0) == '%')
        for (at = 1; fold_is_word(fold_at(text, at));)
            at++;
    if (!is_one_of(fold_at(text, at), ":/"))
        return at;
    size_t digits = digits_len(fold_from(text, at + 1), 6);
    return digits > 0 && !fold_is_word(fold_at(text, at + 1 + digits)) ? at + 1 + digits : at;
}

size_t match_ip(struct str text, char before)
{
    if (fold_is_word(before) || before == '.')
        return 0;
    if (fold_at(text, 0) == '[') {
        size_t inner = ipv6_len(fold_from(text, 1));
        if (inner && fold_at(text, inner + 1) == ']')
            return inner + 2 + address_tail(fold_from(text, inner + 2));
        return 0;
    }
    size_t len = ipv4_len(text);
    if (!len && before != ':')
        len = ipv6_len(text);
    return len ? len + address_tail(fold_from(text, len)) : 0;
}

static bool is_path_byte(char c)
{
    return fold_is_word(c) || is_one_of(c, ".~%+@,:=#$-/");
}

static size_t path_run(struct str text, size_t from)
{
    while (is_path_byte(fold_at(text, from)))
        from++;
    return from;
}

/* C:\dir\file, \\server\share: up to white space or a quote. */
static size_t windows_path(struct str text)
{
    bool drive = fold_is_letter(fold_at(text, 0)) && fold_at(text, 1) == ':' &&
                 is_one_of(fold_at(text, 2), "\\/") && fold_at(text, 3) != '/';
    bool share = fold_begins(text, STR("\\\\")) && fold_is_word(fold_at(text, 2));
    if (!drive && !share)
        return 0;
    size_t end = 2;
    while (end < text.len && !fold_is_space(text.ptr[end]) && !is_one_of(text.ptr[end], "\"'`<>|()[]"))
        end++;
    return without_punctuation(text, end);
}

/* One with two slashes, or with a file name's ending behind its only one. */
static size_t relative_path(struct str text, char before)
{
    size_t slashes = 0;
    bool ending = false;
    if (!fold_is_word(text.ptr[0]) || is_path_byte(before))
        return 0;
    size_t end = without_punctuation(text, path_run(text, 0));
    for (size_t i = 0; i < end; i++) {
        slashes += text.ptr[i] == '/';
        ending = text.ptr[i] == '/' ? false : ending || text.ptr[i] == '.';
    }
    return slashes >= 2 || (slashes == 1 && ending) ? end : 0;
}

size_t match_path(struct str text, char before)
{
    if (fold_is_word(before))
        return 0;
    size_t len = windows_path(text);
    if (len)
        return len;
    size_t root = 0;
    while (root < 2 && fold_at(text, root) == '.')
        root++;
    if (root == 0 && fold_at(text, 0) == '~')
        root = 1;
    if (fold_at(text, root) != '/' || is_one_of(before, "./"))
        return relative_path(text, before);
    char first = fold_at(text, root + 1);
    if (!fold_is_word(first) && !is_one_of(first, ".~%+@-"))
        return 0;
    return without_punctuation(text, path_run(text, root + 1));
}

/* 0x7ffe12, and the hash behind a Java object's '@'. */
size_t match_pointer(struct str text, char before)
{
    size_t from = 0;
    if (fold_begins(text, STR("0x")) || fold_begins(text, STR("0X"))) {
        if (fold_is_word(before))
            return 0;
        from = 2;
    } else if (before != '@') {
        return 0;
    }
    size_t end = from;
    while (end - from < POINTER_DIGITS_MAX && fold_is_hex(fold_at(text, end)))
        end++;
    return end > from && !fold_is_word(fold_at(text, end)) ? end : 0;
}

/* ---- numbers ---- */

#define UNIT(literal)                                                                                        \
    {                                                                                                        \
        literal, sizeof(literal) - 1                                                                         \
    }

/* Written right behind a number; of two that begin alike the longer stands first. */
static const struct str units[] = {
    UNIT("ms"),   UNIT("us"),  UNIT("\xc2\xb5s"), UNIT("ns"),    UNIT("mins"), UNIT("min"), UNIT("m"),
    UNIT("secs"), UNIT("sec"), UNIT("s"),         UNIT("hrs"),   UNIT("h"),    UNIT("d"),   UNIT("KiB"),
    UNIT("MiB"),  UNIT("GiB"), UNIT("TiB"),       UNIT("KB"),    UNIT("kB"),   UNIT("kb"),  UNIT("MB"),
    UNIT("mb"),   UNIT("GB"),  UNIT("gb"),        UNIT("TB"),    UNIT("K"),    UNIT("k"),   UNIT("M"),
    UNIT("G"),    UNIT("T"),   UNIT("B"),         UNIT("bytes"), UNIT("b"),    UNIT("px"),  UNIT("x"),
    UNIT("Mi"),   UNIT("Gi"),  UNIT("Ki"),        UNIT("%"),     UNIT("L"),
};

static size_t unit_len(struct str text)
{
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        char next = fold_at(text, units[i].len);
        if (fold_begins(text, units[i]) && (!fold_is_word(next) || fold_is_digit(next)))
            return units[i].len;
    }
    return 0;
}

/* Digits, with points and commas between digits, and an exponent. */
static size_t plain_number(struct str text)
{
    size_t at = digits_len(text, text.len);
    while (at > 0 && is_one_of(fold_at(text, at), ".,") && fold_is_digit(fold_at(text, at + 1)))
        at += 1 + digits_len(fold_from(text, at + 1), text.len);
    if (at > 0 && is_one_of(fold_at(text, at), "eE")) {
        size_t sign = is_one_of(fold_at(text, at + 1), "+-");
        size_t digits = digits_len(fold_from(text, at + 1 + sign), 4);
        if (digits && !fold_is_word(fold_at(text, at + 1 + sign + digits)))
            at += 1 + sign + digits;
    }
    return at;
}

/* A sign belongs to the number where nothing stands before it that it could join. */
static size_t sign_len(struct str text, char before)
{
    bool free_standing = before == '\0' || fold_is_space(before) || is_one_of(before, "([{=:,<>");
    return free_standing && is_one_of(fold_at(text, 0), "+-") && fold_is_digit(fold_at(text, 1));
}

size_t match_number(struct str text, char before)
{
    size_t at = sign_len(text, before);
    if (fold_is_word(before))
        return 0;
    for (;;) {
        size_t digits = plain_number(fold_from(text, at));
        if (!digits)
            return 0;
        at += digits;
        at += unit_len(fold_from(text, at));
        if (!fold_is_digit(fold_at(text, at)))
            break;
    }
    /* What goes on is a word of letters and digits, or of parts (17-4f2a): fold_word's matter. */
    bool joined =
        fold_at(text, at) == '-' && fold_is_word(fold_at(text, at + 1)) && digits_len(text, at) == at;
    return fold_is_word(fold_at(text, at)) || joined ? 0 : at;
}
