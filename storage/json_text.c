#include "storage/json_text.h"

void json_text(struct bytes *out, struct str text)
{
    enum { FIRST_PRINTABLE = 0x20 };
    bytes_u8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\')
            bytes_printf(out, "\\%c", c);
        else if (c < FIRST_PRINTABLE)
            bytes_printf(out, "\\u%04x", c);
        else
            bytes_u8(out, c);
    }
    bytes_u8(out, '"');
}
