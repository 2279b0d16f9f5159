#include "server/promql/text.h"

#include <math.h>

#include "storage/model/number.h"

/* ---- characters ---- */

static bool continues(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* Length of the UTF-8 sequence that begins with c, its bits in *rune; 0: none begins so. */
static size_t read_lead(unsigned char c, int32_t *rune)
{
    if (c >= 0xc2 && c < 0xe0) {
        *rune = c & 0x1f;
        return 2;
    }
    if (c >= 0xe0 && c < 0xf0) {
        *rune = c & 0x0f;
        return 3;
    }
    if (c >= 0xf0 && c < 0xf5) {
        *rune = c & 0x07;
        return 4;
    }
    return 0;
}

int32_t text_rune(struct str text, size_t at, size_t *width)
{
    *width = 0;
    if (at >= text.len)
        return TEXT_NO_RUNE;
    const unsigned char *p = (const unsigned char *)text.ptr + at;
    *width = 1;
    if (p[0] < 0x80)
        return p[0];
    int32_t rune;
    size_t len = read_lead(p[0], &rune);
    if (len == 0 || len > text.len - at)
        return TEXT_BAD_RUNE;
    for (size_t i = 1; i < len; i++) {
        if (!continues(p[i]))
            return TEXT_BAD_RUNE;
        rune = rune << 6 | (p[i] & 0x3f);
    }
    bool is_short = (len == 3 && rune < 0x800) || (len == 4 && rune < 0x10000);
    if (is_short || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff))
        return TEXT_BAD_RUNE;
    *width = len;
    return rune;
}

static void put_rune(struct bytes *out, int32_t rune)
{
    uint32_t c = (uint32_t)rune;
    if (c < 0x80) {
        bytes_u8(out, (uint8_t)c);
        return;
    }
    size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t leads[] = {0, 0xc0, 0xe0, 0xf0};
    bytes_u8(out, (uint8_t)(leads[more] | c >> (6 * more)));
    while (more-- > 0)
        bytes_u8(out, (uint8_t)(0x80 | (c >> (6 * more) & 0x3f)));
}

/* As Go's unicode.IsPrint, in ranges large enough for messages. */
static bool is_printed(int32_t rune)
{
    static const struct {
        int32_t from, to;
    } hidden[] = {{0, 0x1f},        {0x7f, 0xa0},     {0xad, 0xad},       {0x1680, 0x1680}, {0x2000, 0x200f},
                  {0x2028, 0x202f}, {0x205f, 0x206f}, {0x3000, 0x3000},   {0xd800, 0xf8ff}, {0xfeff, 0xfeff},
                  {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0x10ffff}};
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        if (rune >= hidden[i].from && rune <= hidden[i].to)
            return false;
    }
    return true;
}

static void put_quoted(struct bytes *out, int32_t rune, char quote)
{
    static const char plain[] = "\a\b\f\n\r\t\v\\";
    static const char letters[] = "abfnrtv\\";
    const char *found = rune > 0 && rune < 0x80 ? strchr(plain, (int)rune) : NULL;
    if (rune == quote)
        bytes_printf(out, "\\%c", quote);
    else if (found)
        bytes_printf(out, "\\%c", letters[found - plain]);
    else if (is_printed(rune))
        put_rune(out, rune);
    else if (rune < ' ' || rune == 0x7f)
        bytes_printf(out, "\\x%02x", (unsigned)rune);
    else if (rune < 0x10000)
        bytes_printf(out, "\\u%04x", (unsigned)rune);
    else
        bytes_printf(out, "\\U%08x", (unsigned)rune);
}

void text_quote(struct bytes *out, struct str text, size_t rune_max)
{
    size_t width;
    size_t count = 0;
    bytes_u8(out, '"');
    for (size_t at = 0; at < text.len && (rune_max == 0 || count < rune_max); at += width, count++) {
        int32_t rune = text_rune(text, at, &width);
        if (rune == TEXT_BAD_RUNE && width == 1)
            bytes_printf(out, "\\x%02x", (unsigned char)text.ptr[at]);
        else
            put_quoted(out, rune, '"');
    }
    bytes_u8(out, '"');
}

/* The end of the input is -1 in Go's lexer; %q makes U+FFFD of it. */
void text_quote_rune(struct bytes *out, int32_t rune)
{
    bytes_u8(out, '\'');
    put_quoted(out, rune < 0 ? TEXT_BAD_RUNE : rune, '\'');
    bytes_u8(out, '\'');
}

void text_name_rune(struct bytes *out, int32_t rune)
{
    bytes_printf(out, "U+%04X", (unsigned)rune);
    if (rune < 0 || !is_printed(rune))
        return;
    bytes_put(out, " '", 2);
    put_rune(out, rune);
    bytes_u8(out, '\'');
}

/* ---- numbers ---- */

/* NaN, infinities and zeros need no digits. */
static bool put_special(struct bytes *out, double value)
{
    const char *word = isnan(value)                ? "NaN"
                       : isinf(value) && value > 0 ? "+Inf"
                       : isinf(value)              ? "-Inf"
                                                   : NULL;
    if (value == 0)
        word = signbit(value) ? "-0" : "0";
    if (word)
        bytes_put(out, word, strlen(word));
    return word != NULL;
}

static void put_zeros(struct bytes *out, int count)
{
    for (int i = 0; i < count; i++)
        bytes_u8(out, '0');
}

/* whole: how many digits are before the point. */
static void put_plain(struct bytes *out, const char *digits, int count, int whole)
{
    bytes_put(out, whole > 0 ? digits : "0", whole > 0 ? (size_t)(whole < count ? whole : count) : 1);
    put_zeros(out, whole > count ? whole - count : 0);
    if (whole >= count)
        return;
    bytes_u8(out, '.');
    put_zeros(out, whole < 0 ? -whole : 0);
    bytes_put(out, digits + (whole > 0 ? whole : 0), (size_t)(whole > 0 ? count - whole : count));
}

void text_float(struct bytes *out, double value)
{
    char digits[NUMBER_TEXT_BYTES];
    if (put_special(out, value))
        return;
    struct number_digits shortest = number_shortest(fabs(value));
    int count = (int)number_text_unsigned(shortest.digits, digits);
    int exponent = shortest.exponent + count - 1;
    bytes_put(out, "-", value < 0 ? 1 : 0);
    if (exponent >= -4 && exponent < 6) {
        put_plain(out, digits, count, exponent + 1);
        return;
    }
    bytes_put(out, digits, 1);
    bytes_put(out, ".", count > 1 ? 1 : 0);
    bytes_put(out, digits + 1, (size_t)count - 1);
    bytes_printf(out, "e%+03d", exponent);
}

void text_float_plain(struct bytes *out, double value)
{
    char digits[NUMBER_TEXT_BYTES];
    if (put_special(out, value))
        return;
    struct number_digits shortest = number_shortest(fabs(value));
    int count = (int)number_text_unsigned(shortest.digits, digits);
    bytes_put(out, "-", value < 0 ? 1 : 0);
    put_plain(out, digits, count, shortest.exponent + count);
}

void text_duration(struct bytes *out, int64_t ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
        bool whole;
    } units[] = {{"y", 31536000000, true}, {"w", 604800000, true}, {"d", 86400000, false},
                 {"h", 3600000, false},    {"m", 60000, false},    {"s", 1000, false},
                 {"ms", 1, false}};
    if (ms == 0)
        bytes_put(out, "0s", 2);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        int64_t count = ms / units[i].ms;
        if (count == 0 || (units[i].whole && ms % units[i].ms != 0))
            continue;
        bytes_printf(out, "%lld%s", (long long)count, units[i].unit);
        ms -= count * units[i].ms;
    }
}
