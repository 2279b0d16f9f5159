#include "server/events/page_path.h"

#include <stdbool.h>
#include <stdint.h>

/* Behind "scheme://host", 0 if there is none. */
static size_t authority_end(struct str url)
{
    size_t i = 0;
    while (i < url.len &&
           ((url.ptr[i] >= 'a' && url.ptr[i] <= 'z') || (url.ptr[i] >= 'A' && url.ptr[i] <= 'Z') ||
            (i > 0 && url.ptr[i] >= '0' && url.ptr[i] <= '9')))
        i++;
    if (i == 0 || url.len - i < 3 || memcmp(url.ptr + i, "://", 3) != 0)
        return 0;
    for (i += 3; i < url.len && url.ptr[i] != '/' && url.ptr[i] != '?' && url.ptr[i] != '#';)
        i++;
    return i;
}

struct str page_path_raw(struct str url)
{
    size_t from = url.len && url.ptr[0] != '/' ? authority_end(url) : 0;
    size_t to = from;
    while (to < url.len && url.ptr[to] != '?' && url.ptr[to] != '#')
        to++;
    return to > from ? (struct str){url.ptr + from, to - from} : STR("/");
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool stays_encoded(unsigned char c)
{
    return c < 0x20 || c == 0x7f || c == '/' || c == '%' || c == '?' || c == '#';
}

/* The byte that begins at text, and how long it is written. *escaped: it came as %XX. */
static unsigned char decode(struct str text, size_t *len, bool *escaped)
{
    unsigned char c = (unsigned char)text.ptr[0];
    int high = c == '%' && text.len > 2 ? hex_value(text.ptr[1]) : -1;
    int low = high >= 0 ? hex_value(text.ptr[2]) : -1;
    *escaped = low >= 0;
    *len = low >= 0 ? 3 : 1;
    return low >= 0 ? (unsigned char)(high * 16 + low) : c;
}

struct str page_path(struct str url, char room[PAGE_PATH_MAX])
{
    static const char digits[] = "0123456789ABCDEF";
    struct str raw = page_path_raw(url);
    size_t len = 0;
    for (size_t at = 0; at < raw.len && len + 3 <= PAGE_PATH_MAX;) {
        size_t used;
        bool escaped;
        unsigned char c = decode((struct str){raw.ptr + at, raw.len - at}, &used, &escaped);
        at += used;
        if (stays_encoded(c) && (escaped || c < 0x20 || c == 0x7f)) {
            room[len++] = '%';
            room[len++] = digits[c >> 4];
            room[len++] = digits[c & 15];
        } else {
            room[len++] = (char)c;
        }
    }
    return (struct str){room, len};
}
