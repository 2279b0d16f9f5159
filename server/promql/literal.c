#include "server/promql/literal.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <strings.h>

/* ---- numbers ---- */

enum { NUMBER_MAX_BYTES = 4096 };

static bool digits_only(const char *text, const char *valid)
{
    return *text && text[strspn(text, valid)] == '\0';
}

/* As strconv.ParseInt with base 0: false if it is none, or too large. */
static bool read_integer(const char *text, double *out)
{
    unsigned base = 10;
    if (text[0] == '0' && (text[1] | 0x20) == 'x') {
        text += 2;
        base = 16;
    } else if (text[0] == '0' && text[1]) {
        text++;
        base = 8;
    }
    const char *valid = base == 16 ? "0123456789abcdefABCDEF" : base == 8 ? "01234567" : "0123456789";
    if (!digits_only(text, valid))
        return false;
    errno = 0;
    long long value = strtoll(text, NULL, (int)base);
    if (errno)
        return false;
    *out = (double)value;
    return true;
}

/* [digits][.digits][e[+-]digits] with a digit before the exponent, and one in it. */
static bool is_decimal(const char *text)
{
    static const char valid[] = "0123456789";
    size_t whole = strspn(text, valid);
    text += whole;
    size_t part = 0;
    if (*text == '.') {
        part = strspn(text + 1, valid);
        text += 1 + part;
    }
    if (whole + part == 0)
        return false;
    if ((*text | 0x20) != 'e')
        return *text == '\0';
    text++;
    text += *text == '+' || *text == '-';
    return digits_only(text, valid);
}

const char *literal_number(struct str text, double *out)
{
    char copy[NUMBER_MAX_BYTES];
    if (text.len >= sizeof copy)
        return "value out of range";
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (strcasecmp(copy, "inf") == 0 || strcasecmp(copy, "nan") == 0) {
        *out = (copy[0] | 0x20) == 'i' ? (double)INFINITY : (double)NAN;
        return NULL;
    }
    if (read_integer(copy, out))
        return NULL;
    if (!is_decimal(copy))
        return "invalid syntax";
    *out = strtod(copy, NULL);
    return isinf(*out) ? "value out of range" : NULL;
}

/* ---- durations ---- */

struct unit {
    struct str name;
    int64_t ms;
};

static const struct unit units[] = {{{"y", 1}, 31536000000}, {{"w", 1}, 604800000}, {{"d", 1}, 86400000},
                                    {{"h", 1}, 3600000},     {{"m", 1}, 60000},     {{"s", 1}, 1000},
                                    {{"ms", 2}, 1}};

enum { UNIT_COUNT = sizeof units / sizeof units[0] };

/* Nanoseconds of a duration fit 63 bits. */
static const int64_t duration_max_ms = INT64_MAX / 1000000;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads the digits at *at; false past the most that a duration can have. */
static bool read_count(struct str text, size_t *at, int64_t *count)
{
    *count = 0;
    bool is_small = true;
    for (; *at < text.len && is_digit(text.ptr[*at]); ++*at) {
        is_small = is_small && *count <= duration_max_ms;
        if (is_small)
            *count = *count * 10 + (text.ptr[*at] - '0');
    }
    return is_small && *count <= duration_max_ms;
}

/* The unit at text[at], below none of `from`; UNIT_COUNT: none. */
static size_t find_unit(struct str text, size_t at, size_t from)
{
    size_t len = 0;
    while (at + len < text.len && !is_digit(text.ptr[at + len]))
        len++;
    struct str name = {text.ptr + at, len};
    while (from < UNIT_COUNT && !str_equal(units[from].name, name))
        from++;
    return from;
}

const char *literal_duration(struct str text, int64_t *out_ms)
{
    size_t next = 0;
    int64_t sum_ms = 0;
    bool fits = true;
    for (size_t at = 0; at < text.len;) {
        int64_t count;
        size_t begun = at;
        fits = read_count(text, &at, &count) && fits;
        size_t unit = find_unit(text, at, next);
        if (at == begun || unit == UNIT_COUNT)
            return "";
        at += units[unit].name.len;
        next = unit + 1;
        fits = fits && count <= (duration_max_ms - sum_ms) / units[unit].ms;
        if (fits)
            sum_ms += count * units[unit].ms;
    }
    if (!fits)
        return "duration out of range";
    *out_ms = sum_ms;
    return sum_ms > 0 ? NULL : "duration must be greater than 0";
}

/* ---- strings ---- */

static void put_utf8(struct bytes *out, uint32_t code)
{
    static const uint8_t leads[] = {0, 0xc0, 0xe0, 0xf0};
    size_t more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    bytes_u8(out, (uint8_t)(leads[more] | code >> (6 * more)));
    while (more-- > 0)
        bytes_u8(out, (uint8_t)(0x80 | (code >> (6 * more) & 0x3f)));
}

/* count digits at text, of which the lexer knows that they are there. */
static uint32_t read_code(const char *text, size_t count, int base)
{
    char copy[9] = {0};
    memcpy(copy, text, count);
    return (uint32_t)strtoul(copy, NULL, base);
}

/* Appends what the escape at text means (the backslash is text[0]); returns its length. */
static size_t put_escape(const char *text, struct bytes *out)
{
    static const char letters[] = "abfnrtv";
    static const char meant[] = "\a\b\f\n\r\t\v";
    char c = text[1];
    const char *found = strchr(letters, c);
    if (found) {
        bytes_u8(out, (uint8_t)meant[found - letters]);
        return 2;
    }
    if (c == 'x') {
        bytes_u8(out, (uint8_t)read_code(text + 2, 2, 16));
        return 4;
    }
    if (c >= '0' && c <= '7') {
        bytes_u8(out, (uint8_t)read_code(text + 1, 3, 8));
        return 4;
    }
    if (c == 'u' || c == 'U') {
        size_t count = c == 'u' ? 4 : 8;
        put_utf8(out, read_code(text + 2, count, 16));
        return 2 + count;
    }
    bytes_u8(out, (uint8_t)c);
    return 2;
}

void literal_string(struct str quoted, struct bytes *out)
{
    bool is_raw = quoted.ptr[0] == '`';
    for (size_t i = 1; i + 1 < quoted.len;) {
        if (quoted.ptr[i] == '\\' && !is_raw) {
            i += put_escape(quoted.ptr + i, out);
        } else {
            bytes_u8(out, (uint8_t)quoted.ptr[i]);
            i++;
        }
    }
}
