#include "server/wire/utf8.h"

#include <stdint.h>

#include "server/wire/scan.h"

/* Length, and the bounds of the second byte, by first byte (RFC 3629, section 4). */
struct lead {
    uint8_t from, to;
    uint8_t len;
    uint8_t second_from, second_to;
};

static const struct lead leads[] = {
    {.from = 0xc2, .to = 0xdf, .len = 2, .second_from = 0x80, .second_to = 0xbf},
    {.from = 0xe0, .to = 0xe0, .len = 3, .second_from = 0xa0, .second_to = 0xbf},
    {.from = 0xe1, .to = 0xec, .len = 3, .second_from = 0x80, .second_to = 0xbf},
    {.from = 0xed, .to = 0xed, .len = 3, .second_from = 0x80, .second_to = 0x9f},
    {.from = 0xee, .to = 0xef, .len = 3, .second_from = 0x80, .second_to = 0xbf},
    {.from = 0xf0, .to = 0xf0, .len = 4, .second_from = 0x90, .second_to = 0xbf},
    {.from = 0xf1, .to = 0xf3, .len = 4, .second_from = 0x80, .second_to = 0xbf},
    {.from = 0xf4, .to = 0xf4, .len = 4, .second_from = 0x80, .second_to = 0x8f},
};

static const struct lead *find_lead(uint8_t first)
{
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++) {
        if (first >= leads[i].from && first <= leads[i].to)
            return &leads[i];
    }
    return NULL;
}

size_t utf8_sequence_len(struct str text)
{
    if (text.len == 0)
        return 0;
    const uint8_t *byte = (const uint8_t *)text.ptr;
    if (byte[0] < 0x80)
        return 1;
    const struct lead *lead = find_lead(byte[0]);
    if (!lead || text.len < lead->len || byte[1] < lead->second_from || byte[1] > lead->second_to)
        return 0;
    for (size_t i = 2; i < lead->len; i++) {
        if ((byte[i] & 0xc0) != 0x80)
            return 0;
    }
    return lead->len;
}

size_t utf8_valid_len(struct str text)
{
    const char *end = text.ptr + text.len;
    const char *at = text.ptr;
    for (;;) {
        at = scan_ascii(at, end);
        if (at == end || *at == '\0')
            break;
        size_t len = utf8_sequence_len((struct str){at, (size_t)(end - at)});
        if (len == 0)
            break;
        at += len;
    }
    return (size_t)(at - text.ptr);
}
