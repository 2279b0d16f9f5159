/* Any type, message and stack (between zero bytes): bounded clean text, and the same when asked again. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "storage/model/fingerprint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str take(struct str *rest)
{
    const char *zero = rest->len ? memchr(rest->ptr, '\0', rest->len) : NULL;
    size_t len = zero ? (size_t)(zero - rest->ptr) : rest->len;
    struct str piece = {rest->ptr, len};
    size_t used = zero ? len + 1 : len;
    *rest = (struct str){rest->ptr + used, rest->len - used};
    return piece;
}

static void check_text(const char *text, size_t max)
{
    size_t len = strlen(text);
    assert(len <= max);
    for (size_t i = 0; i < len; i++)
        assert((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
}

static void check(const struct fingerprint *print)
{
    check_text(print->message, FINGERPRINT_MESSAGE_MAX);
    check_text(print->title, FINGERPRINT_TITLE_MAX);
    check_text(print->cause, FINGERPRINT_FRAME_MAX);
    assert(print->title[0] != '\0');
    assert(print->frame_count <= FINGERPRINT_FRAMES_MAX);
    for (uint32_t i = 0; i < FINGERPRINT_FRAMES_MAX; i++) {
        check_text(print->frame[i], FINGERPRINT_FRAME_MAX);
        assert(i < print->frame_count || print->frame[i][0] == '\0');
    }
    assert(strlen(print->hex) == FINGERPRINT_HEX &&
           strspn(print->hex, "0123456789abcdef") == FINGERPRINT_HEX);
    assert(strtoull(print->hex, NULL, 16) == print->hash);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fingerprint first;
    struct fingerprint again;
    struct str rest = {(const char *)data, size};
    struct str type = take(&rest);
    struct str message = take(&rest);
    fingerprint_compute(type, message, rest, &first);
    check(&first);
    fingerprint_compute(type, message, rest, &again);
    assert(memcmp(&first, &again, sizeof first) == 0);
    return 0;
}
