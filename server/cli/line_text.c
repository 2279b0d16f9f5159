#include "server/cli/line_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX_BYTES = 64 };

const char *line_put_number(struct str word, struct bytes *out)
{
    char text[NUMBER_MAX_BYTES];
    char *end;
    if (!word.len || word.len >= sizeof text)
        return "the value is missing or too long";
    memcpy(text, word.ptr, word.len);
    text[word.len] = '\0';
    double value = strtod(text, &end);
    /* strtod also takes hexadecimal numbers and white space, which line protocol does not. */
    if (end != text + word.len || strpbrk(text, "xX") || (unsigned char)text[0] <= ' ')
        return "the value is not a number";
    if (!isfinite(value))
        return "NaN and infinite values are not taken";
    /* The number as written keeps its decimals; what only other formats allow is rewritten. */
    if (text[0] == '+' || strpbrk(text, "eE") || text[0] == '.' || text[word.len - 1] == '.' ||
        strstr(text, "-."))
        bytes_printf(out, "%.17g", value);
    else
        bytes_put(out, text, word.len);
    return NULL;
}

void line_put_tag_value(struct str value, struct bytes *out)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        char next = i + 1 < value.len ? value.ptr[i + 1] : '\0';
        if (c == '\n' || c == '\r')
            c = ' ';
        if (c == ',' || c == '=' || c == ' ')
            bytes_u8(out, '\\');
        if (c == '\\' && (!next || strchr(",= \\\r\n", next)))
            c = '/';
        bytes_u8(out, (uint8_t)c);
    }
}
