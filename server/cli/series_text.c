#include "server/cli/series_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/wire/reply.h"

void series_text_plain(struct str text, struct bytes *out)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < ' ' || c == 0x7f)
            bytes_printf(out, "\\x%02x", c);
        else
            bytes_u8(out, c);
    }
}

static void put_value(struct str value, struct bytes *out)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c == '"' || c == '\\')
            bytes_printf(out, "\\%c", c);
        else if (c == '\n')
            bytes_put(out, "\\n", 2);
        else if (c < ' ' || c == 0x7f)
            bytes_printf(out, "\\x%02x", c);
        else
            bytes_u8(out, c);
    }
}

void series_text(const struct labels *labels, struct bytes *out)
{
    struct str name = labels_get(labels, STR(LABEL_NAME));
    bool any = false;
    bool plain = metric_name_valid(name);
    if (plain)
        bytes_put(out, name.ptr, name.len);
    for (size_t i = 0; i < labels->count; i++) {
        const struct label *label = &labels->at[i];
        if (plain && str_equal(label->name, STR(LABEL_NAME)))
            continue;
        bytes_u8(out, any ? ',' : '{');
        any = true;
        bytes_put(out, label->name.ptr, label->name.len);
        bytes_put(out, "=\"", 2);
        put_value(label->value, out);
        bytes_u8(out, '"');
    }
    if (any)
        bytes_u8(out, '}');
    else if (!plain)
        bytes_put(out, "{}", 2);
}

void series_json(const struct labels *labels, struct bytes *out)
{
    bytes_u8(out, '{');
    for (size_t i = 0; i < labels->count; i++) {
        if (i)
            bytes_u8(out, ',');
        bytes_json_string(out, labels->at[i].name);
        bytes_u8(out, ':');
        bytes_json_string(out, labels->at[i].value);
    }
    bytes_u8(out, '}');
}

const char *value_text(double value, char text[VALUE_TEXT_BYTES])
{
    enum { SURE_DIGITS = 15, ALL_DIGITS = 17 };
    if (isnan(value)) {
        (void)snprintf(text, VALUE_TEXT_BYTES, "NaN");
        return text;
    }
    if (isinf(value)) {
        (void)snprintf(text, VALUE_TEXT_BYTES, value > 0 ? "+Inf" : "-Inf");
        return text;
    }
    for (int digits = SURE_DIGITS; digits <= ALL_DIGITS; digits++) {
        (void)snprintf(text, VALUE_TEXT_BYTES, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return text;
}
