#include "server/events/page_segment.h"

#include <stdint.h>

struct kind_row {
    struct str placeholder;
    const char *reason;
};

#define PLACEHOLDER(literal) .placeholder = {literal, sizeof(literal) - 1}

static const struct kind_row kinds[SEGMENT_KIND_COUNT] = {
    [SEGMENT_NAME] = {PLACEHOLDER(""), .reason = "a name"},
    [SEGMENT_NUMBER] = {PLACEHOLDER("{n}"), .reason = "only digits"},
    [SEGMENT_ID] = {PLACEHOLDER("{id}"), .reason = "letters and digits mixed"},
    [SEGMENT_UUID] = {PLACEHOLDER("{uuid}"), .reason = "a UUID"},
    [SEGMENT_HASH] = {PLACEHOLDER("{hash}"), .reason = "eight or more hex digits"},
    [SEGMENT_DATE] = {PLACEHOLDER("{date}"), .reason = "a date"},
    [SEGMENT_SLUG] = {PLACEHOLDER("{slug}"), .reason = "one of many texts"},
    [SEGMENT_REST] = {PLACEHOLDER("{rest}"), .reason = "deeper than groups go"},
};

struct str segment_placeholder(enum segment_kind kind)
{
    return kinds[kind].placeholder;
}

const char *segment_reason(enum segment_kind kind)
{
    return kinds[kind].reason;
}

/* ---- bytes ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

struct shape {
    size_t digits;
    size_t letters;
    size_t hex;
    size_t joints; /* '-' and '_' */
    size_t points; /* '.' and ',' */
    size_t lower;
    size_t upper;
    bool odd; /* bytes that a placeholder or an address has */
    bool high;
};

static struct shape measure(struct str text)
{
    struct shape s = {0};
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        s.digits += is_digit(c);
        s.letters += is_letter(c);
        s.hex += is_hex(c);
        s.joints += c == '-' || c == '_';
        s.points += c == '.' || c == ',';
        s.lower += c >= 'a' && c <= 'z';
        s.upper += c >= 'A' && c <= 'Z';
        s.odd = s.odd || c == '{' || c == '}';
        s.high = s.high || (unsigned char)c >= 0x80;
    }
    return s;
}

/* Well-formed UTF-8? Only asked of texts with high bytes. */
static bool is_utf8(struct str text)
{
    for (size_t i = 0; i < text.len;) {
        unsigned char lead = (unsigned char)text.ptr[i];
        size_t len = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        uint32_t code = lead < 0x80 ? lead : lead & (0xffU >> (len + 1));
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || len > text.len - i)
            return false;
        for (size_t j = 1; j < len; j++) {
            unsigned char c = (unsigned char)text.ptr[i + j];
            if ((c & 0xc0) != 0x80)
                return false;
            code = code << 6 | (c & 0x3fU);
        }
        if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return false;
        i += len;
    }
    return true;
}

/* ---- forms ---- */

/* d is a digit, h a hex digit, other bytes are themselves. */
static bool has_form(struct str text, const char *form)
{
    size_t i = 0;
    for (; i < text.len && form[i]; i++) {
        bool fits = form[i] == 'd'   ? is_digit(text.ptr[i])
                    : form[i] == 'h' ? is_hex(text.ptr[i])
                                     : text.ptr[i] == form[i];
        if (!fits)
            return false;
    }
    return i == text.len && form[i] == '\0';
}

static bool is_date(struct str text)
{
    return has_form(text, "dddd-dd-dd") || has_form(text, "dddd-dd") || has_form(text, "dddd_dd_dd") ||
           has_form(text, "dd-dd-dddd") || has_form(text, "dddd.dd.dd");
}

/* v1, v2.3, mp3, oauth2: a digit that is part of a name. */
static bool is_versioned_name(struct str text, const struct shape *s)
{
    if ((text.ptr[0] | 0x20) == 'v' && s->letters == 1 && s->digits + s->points == text.len - 1)
        return text.len <= 8;
    return s->digits == 1 && is_digit(text.ptr[text.len - 1]) && s->letters == text.len - 1 && text.len <= 10;
}

/* What a text without a file's ending is. */
static enum segment_kind classify_plain(struct str text)
{
    enum { HASH_MIN = 8, TOKEN_MIN = 20, SLUG_JOINTS = 4 };
    struct shape s = measure(text);
    if (s.odd || (s.high && !is_utf8(text)))
        return SEGMENT_SLUG;
    if (is_date(text))
        return SEGMENT_DATE;
    if (s.digits > 0 && s.digits + s.joints + s.points == text.len)
        return SEGMENT_NUMBER;
    if (has_form(text, "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh"))
        return SEGMENT_UUID;
    if (s.digits > 0 && s.hex == text.len && text.len >= HASH_MIN)
        return SEGMENT_HASH;
    if (s.digits > 0 && s.letters > 0) {
        if (is_versioned_name(text, &s))
            return SEGMENT_NAME;
        return s.joints > 0 || s.letters + s.digits < text.len ? SEGMENT_SLUG : SEGMENT_ID;
    }
    if (text.len >= TOKEN_MIN && s.lower + s.upper == text.len && s.lower > 0 && s.upper > 3)
        return SEGMENT_ID;
    return s.joints >= SLUG_JOINTS || text.len > PAGE_SEGMENT_MAX ? SEGMENT_SLUG : SEGMENT_NAME;
}

/* ---- file names ---- */

/* The length of ".js" at the end, 0 if there is none. */
static size_t ending_len(struct str text)
{
    enum { ENDING_MAX = 5 };
    size_t len = 0;
    while (len < text.len && len <= ENDING_MAX && text.ptr[text.len - 1 - len] != '.')
        len++;
    if (len == 0 || len > ENDING_MAX || len + 1 >= text.len || !is_letter(text.ptr[text.len - len]))
        return 0;
    for (size_t i = text.len - len; i < text.len; i++)
        if (!is_digit(text.ptr[i]) && (!is_letter(text.ptr[i]) || (unsigned char)text.ptr[i] >= 0x80))
            return 0;
    return len + 1;
}

/* Files that belong to a page: their names are kept but for versions and hashes. */
static bool is_asset(struct str ending)
{
    static const char *const endings[] = {
        ".js",  ".mjs", ".css", ".map",  ".png",   ".jpg",   ".jpeg", ".gif", ".svg", ".webp", ".avif",
        ".ico", ".ttf", ".otf", ".woff", ".woff2", ".eot",   ".json", ".xml", ".txt", ".pdf",  ".zip",
        ".gz",  ".mp4", ".mp3", ".webm", ".wasm",  ".jsonl", ".csv",  ".rss", ".atom"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (str_equal(ending, str_of(endings[i])))
            return true;
    return false;
}

static void put(struct segment *out, struct str piece)
{
    if (piece.len > sizeof out->room - out->text.len) {
        out->kind = SEGMENT_SLUG;
        return;
    }
    if (piece.len)
        memcpy(out->room + out->text.len, piece.ptr, piece.len);
    out->text.len += piece.len;
}

static bool is_joint(char c)
{
    return c == '.' || c == '-' || c == '_';
}

/* Between '.', '-' and '_': digits are {n}, hashes {hash}; of several {n} in a row one is written. */
static void fold_asset(struct str stem, struct segment *out)
{
    enum { ASSET_HASH_MIN = 6 };
    bool number_before = false;
    for (size_t at = 0; at < stem.len;) {
        size_t end = at;
        while (end < stem.len && !is_joint(stem.ptr[end]))
            end++;
        struct str part = {stem.ptr + at, end - at};
        struct shape s = measure(part);
        bool number = s.digits > 0 && s.digits == part.len;
        bool hash = !number && s.digits > 0 && s.hex == part.len && part.len >= ASSET_HASH_MIN;
        if (number && number_before)
            out->text.len--; /* the joint */
        else
            put(out, number ? STR("{n}") : hash ? STR("{hash}") : part);
        number_before = number;
        if (end < stem.len)
            put(out, (struct str){stem.ptr + end, 1});
        at = end + 1;
    }
}

void segment_classify(struct str text, struct segment *out)
{
    const char *parameters = memchr(text.ptr, ';', text.len);
    if (parameters && parameters > text.ptr)
        text.len = (size_t)(parameters - text.ptr);
    size_t ending = ending_len(text);
    struct str stem = {text.ptr, text.len - ending};
    struct str end = {text.ptr + stem.len, ending};
    if (memchr(text.ptr, '@', text.len) && !is_asset(end)) {
        *out = (struct segment){.kind = SEGMENT_ID};
        return;
    }
    *out = (struct segment){.kind = classify_plain(ending ? stem : text), .text = text};
    if (out->kind == SEGMENT_NAME && text.len > PAGE_SEGMENT_MAX)
        out->kind = SEGMENT_SLUG;
    if (ending == 0 || is_date(text))
        return;
    struct shape s = measure(stem);
    bool whole =
        out->kind != SEGMENT_NAME && (out->kind != SEGMENT_SLUG || !is_asset(end) || s.odd || s.high);
    if (s.odd || (s.high && !is_utf8(stem)) || (!whole && !is_asset(end)))
        return;
    enum segment_kind kind = out->kind;
    out->kind = SEGMENT_NAME;
    out->text = (struct str){out->room, 0};
    if (whole)
        put(out, segment_placeholder(kind));
    else
        fold_asset(stem, out);
    put(out, end);
}
