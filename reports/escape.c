#include "reports/escape.h"

#include <stdbool.h>
#include <string.h>

enum { REPLACEMENT = 0xFFFD, ELLIPSIS = 0x2026, LAST = 0x10FFFF };

/* ---- characters ---- */

static size_t length_of(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF)
        return 3;
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

uint32_t escape_next(struct str *rest)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *at = (const unsigned char *)rest->ptr;
    size_t len = length_of(at[0]);
    uint32_t c = len == 1 ? at[0] : at[0] & (0x7Fu >> len);
    bool is_whole = len > 0 && len <= rest->len;
    for (size_t i = 1; i < len && is_whole; i++) {
        is_whole = (at[i] & 0xC0) == 0x80;
        c = c << 6 | (at[i] & 0x3Fu);
    }
    is_whole = is_whole && c >= least[len] && c <= LAST && (c < 0xD800 || c > 0xDFFF);
    rest->ptr += is_whole ? len : 1;
    rest->len -= is_whole ? len : 1;
    return is_whole ? c : REPLACEMENT;
}

static void put(struct bytes *out, uint32_t c)
{
    if (c < 0x80) {
        bytes_u8(out, (uint8_t)c);
    } else if (c < 0x800) {
        bytes_u8(out, (uint8_t)(0xC0 | c >> 6));
        bytes_u8(out, (uint8_t)(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        bytes_u8(out, (uint8_t)(0xE0 | c >> 12));
        bytes_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3F)));
        bytes_u8(out, (uint8_t)(0x80 | (c & 0x3F)));
    } else {
        bytes_u8(out, (uint8_t)(0xF0 | c >> 18));
        bytes_u8(out, (uint8_t)(0x80 | (c >> 12 & 0x3F)));
        bytes_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3F)));
        bytes_u8(out, (uint8_t)(0x80 | (c & 0x3F)));
    }
}

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029;
}

static bool is_direction(uint32_t c)
{
    return c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

/* As it is shown. */
static uint32_t tame(uint32_t c)
{
    if (is_control(c))
        return ' ';
    return is_direction(c) ? REPLACEMENT : c;
}

/* ---- JSON ---- */

void escape_json(struct bytes *out, const char *text)
{
    struct str rest = str_of(text);
    bytes_u8(out, '"');
    while (rest.len > 0) {
        uint32_t c = escape_next(&rest);
        if (c == '"' || c == '\\')
            bytes_printf(out, "\\%c", (int)c);
        else if (is_control(c) || is_direction(c))
            bytes_printf(out, "\\u%04x", (unsigned)c);
        else
            put(out, c);
    }
    bytes_u8(out, '"');
}

/* ---- plain text ---- */

void escape_plain(struct bytes *out, const char *text, size_t most)
{
    struct str rest = str_of(text);
    for (size_t n = 0; rest.len > 0; n++) {
        uint32_t c = tame(escape_next(&rest));
        if (most > 0 && n + 1 >= most && rest.len > 0) {
            put(out, ELLIPSIS);
            return;
        }
        put(out, c);
    }
}

/* ---- HTML ---- */

void escape_html(struct bytes *out, const char *text, size_t most)
{
    struct str rest = str_of(text);
    for (size_t n = 0; rest.len > 0; n++) {
        uint32_t c = tame(escape_next(&rest));
        if (most > 0 && n + 1 >= most && rest.len > 0) {
            put(out, ELLIPSIS);
            return;
        }
        switch (c) {
        case '&':
            bytes_printf(out, "&amp;");
            break;
        case '<':
            bytes_printf(out, "&lt;");
            break;
        case '>':
            bytes_printf(out, "&gt;");
            break;
        case '"':
            bytes_printf(out, "&quot;");
            break;
        case '\'':
            bytes_printf(out, "&#39;");
            break;
        default:
            put(out, c);
        }
    }
}

/* ---- Markdown ---- */

void escape_markdown(struct bytes *out, const char *text, size_t most)
{
    struct str rest = str_of(text);
    for (size_t n = 0; rest.len > 0; n++) {
        uint32_t c = tame(escape_next(&rest));
        if (most > 0 && n + 1 >= most && rest.len > 0) {
            put(out, ELLIPSIS);
            return;
        }
        if (c == '&')
            bytes_printf(out, "&amp;");
        else if (c == '<')
            bytes_printf(out, "&lt;");
        else if (c == ':' || c == '@') /* else an address becomes a link */
            bytes_printf(out, "&#%u;", (unsigned)c);
        else if (c < 0x80 && strchr("\\`*_{}[]()#+-.!|>~=^$\"'", (int)c))
            bytes_printf(out, "\\%c", (int)c);
        else
            put(out, c);
    }
}

/* ---- CSV ---- */

static bool begins_formula(uint32_t c)
{
    static const uint32_t wide[] = {0xFF1D, 0xFF0B, 0xFF0D, 0xFF20}; /* the same, full width */
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (c == wide[i])
            return true;
    return c == '=' || c == '+' || c == '-' || c == '@';
}

void escape_csv(struct bytes *out, const char *text)
{
    struct str rest = str_of(text), ahead = rest;
    uint32_t first = ' ';
    /* Spaces in front, and what becomes one, do not make it safe. */
    while (ahead.len > 0 && first == ' ')
        first = tame(escape_next(&ahead));
    bool is_formula = begins_formula(first);
    bool is_quoted = is_formula || strpbrk(text, ",\"\r\n;") || text[0] == ' ';
    if (is_quoted)
        bytes_u8(out, '"');
    if (is_formula)
        bytes_u8(out, '\'');
    while (rest.len > 0) {
        uint32_t c = tame(escape_next(&rest));
        if (c == '"')
            bytes_u8(out, '"');
        put(out, c);
    }
    if (is_quoted)
        bytes_u8(out, '"');
}

void escape_url(struct bytes *out, const char *text)
{
    for (const char *at = text; *at; at++) {
        bool is_plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                        (*at >= '0' && *at <= '9') || *at == '.' || *at == '_' || *at == '-';
        if (is_plain)
            bytes_u8(out, (uint8_t)*at);
        else
            bytes_printf(out, "%%%02X", (unsigned)(unsigned char)*at);
    }
}
