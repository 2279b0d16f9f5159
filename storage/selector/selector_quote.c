/* Strings in quotes, as Prometheus (and Go) spells them. */
#include "storage/selector/matcher_re2.h"
#include "storage/selector/selector_private.h"

static void put_utf8(struct bytes *out, uint32_t code)
{
    uint8_t b[4];
    size_t len;
    if (code < 0x80) {
        len = 1;
        b[0] = (uint8_t)code;
    } else if (code < 0x800) {
        len = 2;
        b[0] = (uint8_t)(0xc0 | code >> 6);
    } else if (code < 0x10000) {
        len = 3;
        b[0] = (uint8_t)(0xe0 | code >> 12);
    } else {
        len = 4;
        b[0] = (uint8_t)(0xf0 | code >> 18);
    }
    for (size_t i = 1; i < len; i++)
        b[i] = (uint8_t)(0x80 | (code >> (6 * (len - 1 - i)) & 0x3f));
    bytes_put(out, b, len);
}

/* Exactly count digits; false if they are not there. */
static bool read_digits(struct str text, size_t *at, size_t count, unsigned base, uint32_t *code)
{
    *code = 0;
    for (size_t i = 0; i < count; i++, ++*at) {
        if (*at >= text.len)
            return false;
        char c = text.ptr[*at];
        unsigned digit = 99;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (unsigned)((c | 0x20) - 'a') + 10;
        if (digit >= base)
            return false;
        *code = *code * base + digit;
    }
    return true;
}

/* \x41 and \101 are bytes, \u0041 and \U00000041 characters; *at is behind the letter, on the first digit. */
static bool read_number(struct str text, size_t *at, char kind, struct bytes *out)
{
    uint32_t code;
    if (kind == 'x' || (kind >= '0' && kind <= '7')) {
        bool hex = kind == 'x';
        *at -= hex ? 0 : 1;
        if (!read_digits(text, at, hex ? 2 : 3, hex ? 16 : 8, &code) || code > 0xff)
            return false;
        bytes_u8(out, (uint8_t)code);
        return true;
    }
    if (!read_digits(text, at, kind == 'u' ? 4 : 8, 16, &code))
        return false;
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return false;
    put_utf8(out, code);
    return true;
}

/* *at is on the backslash. */
static bool read_escape(struct str text, size_t *at, char quote, struct bytes *out)
{
    static const char letters[] = "abfnrtv\\";
    static const char meant[] = "\a\b\f\n\r\t\v\\";
    if (*at + 1 >= text.len)
        return false;
    char c = text.ptr[*at + 1];
    const char *letter = c ? strchr(letters, c) : NULL;
    *at += 2;
    if (letter) {
        bytes_u8(out, (uint8_t)meant[letter - letters]);
        return true;
    }
    if (c == quote) {
        bytes_u8(out, (uint8_t)c);
        return true;
    }
    if (c == 'x' || c == 'u' || c == 'U' || (c >= '0' && c <= '7'))
        return read_number(text, at, c, out);
    return false;
}

enum tm_err selector_unquote(struct str text, size_t *at, struct bytes *out, const char **what)
{
    size_t begun = *at;
    char quote = text.ptr[begun];
    for (size_t i = begun + 1; i < text.len;) {
        char c = text.ptr[i];
        if (c == quote) {
            *at = i + 1;
            return bytes_error(out);
        }
        if (c == '\n' && quote != '`')
            break;
        size_t escape = i;
        if (c != '\\' || quote == '`') {
            bytes_u8(out, (uint8_t)c);
            i++;
        } else if (!read_escape(text, &i, quote, out)) {
            *at = escape;
            *what = "not an escape that a string can have: write \\\\ for a backslash";
            return TM_INVALID;
        }
    }
    *at = begun;
    *what = quote == '`' ? "unterminated raw string" : "unterminated quoted string";
    return TM_INVALID;
}

static void put_escaped(struct bytes *out, unsigned char c)
{
    static const char plain[] = "\a\b\f\n\r\t\v\\\"";
    static const char letters[] = "abfnrtv\\\"";
    const char *found = c ? strchr(plain, c) : NULL;
    if (found)
        bytes_printf(out, "\\%c", letters[found - plain]);
    else if (c < ' ' || c >= 0x7f)
        bytes_printf(out, "\\x%02x", c);
    else
        bytes_u8(out, c);
}

void selector_quote(struct str value, struct bytes *out)
{
    bytes_u8(out, '"');
    for (size_t i = 0; i < value.len;) {
        uint32_t code;
        size_t len = utf8_decode((struct str){value.ptr + i, value.len - i}, &code);
        if (len > 1)
            bytes_put(out, value.ptr + i, len);
        else
            put_escaped(out, (unsigned char)value.ptr[i]);
        i += len > 1 ? len : 1;
    }
    bytes_u8(out, '"');
}
