#include "server/promql/print_labels.h"

#include "storage/model/labels.h"

static void put_quoted(struct str text, struct bytes *out)
{
    bytes_u8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '"' || c == '\\')
            bytes_printf(out, "\\%c", c);
        else if (c == '\n')
            bytes_printf(out, "\\n");
        else
            bytes_u8(out, (uint8_t)c);
    }
    bytes_u8(out, '"');
}

void print_labels(struct str labels, struct bytes *out)
{
    struct labels set;
    if (labels_decode(labels, &set))
        set.count = 0;
    bytes_u8(out, '{');
    for (size_t i = 0; i < set.count; i++) {
        bytes_printf(out, "%s%.*s=", i ? ", " : "", STR_ARG(set.at[i].name));
        put_quoted(set.at[i].value, out);
    }
    bytes_u8(out, '}');
}
