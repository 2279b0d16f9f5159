/* Any bytes as a message. A header that is read is written and read the same; a signature made for it
 * verifies and one for other bytes does not; a body decodes within its bound. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "server/wire/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_BYTES = 1 << 16 };

static struct bytes out;
static struct bytes body;

static void check_same(const struct header *a, const struct header *b)
{
    assert(b->present && a->has_producer == b->has_producer);
    assert(str_equal(a->producer, b->producer) && a->epoch == b->epoch && a->seq == b->seq);
    assert(a->has_precision == b->has_precision && a->precision == b->precision);
    assert(a->encoding == b->encoding && str_equal(a->key, b->key));
    assert(str_equal(a->rest, b->rest));
}

/* Writes what was read, signed anew if it was signed. */
static void check_written(const struct header *header)
{
    char hex[SIGNATURE_HEX + 1];
    bytes_clear(&out);
    header_write(header, &out);
    bool is_signed = header->key.len > 0;
    if (is_signed) {
        out.len--;
        header_sign(STR("secret"), bytes_view(&out), header->rest, hex);
        bytes_printf(&out, " sig=%s\n", hex);
    }
    bytes_put(&out, header->rest.ptr, header->rest.len);
    assert(bytes_error(&out) == TM_OK);
    struct header twin;
    struct tm_why why;
    assert(header_parse(bytes_view(&out), &twin, &why) == TM_OK);
    check_same(header, &twin);
    if (!is_signed)
        return;
    assert(header_verify(&twin, STR("secret")) && !header_verify(&twin, STR("other")));
    out.data[twin.signed_part.len - 1] ^= 1;
    assert(!header_verify(&twin, STR("secret")));
}

static void check_body(const struct header *header)
{
    struct str lines;
    struct tm_why why = {{0}};
    enum tm_err err = header_decode_body(header, MAX_BYTES, &body, &lines, &why);
    assert(body.capacity <= 4 * MAX_BYTES);
    if (header->encoding == ENCODING_NONE) {
        assert(err == TM_OK && lines.ptr == header->rest.ptr && lines.len == header->rest.len);
        return;
    }
    assert(err == TM_OK || err == TM_INVALID || err == TM_TOO_LARGE);
    assert(err == TM_OK ? lines.len <= MAX_BYTES : why.text[0] != '\0');
}

/* The bytes as raw text: packed and unpacked they are the same. */
static void check_packed(struct str raw)
{
    struct str lines;
    bytes_clear(&out);
    assert(header_compress(raw, &out) == TM_OK);
    struct header packed = {.encoding = ENCODING_ZSTD, .rest = bytes_view(&out)};
    assert(header_decode_body(&packed, raw.len, &body, &lines, NULL) == TM_OK);
    assert(str_equal(lines, raw));
    if (raw.len > 0)
        assert(header_decode_body(&packed, raw.len - 1, &body, &lines, NULL) == TM_TOO_LARGE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size ? size : 1);
    assert(text);
    if (size > 0)
        memcpy(text, data, size);
    struct str message = {text, size};
    struct header header;
    struct tm_why why = {{0}};
    enum tm_err err = header_parse(message, &header, &why);
    if (err == TM_OK) {
        assert(header.rest.ptr + header.rest.len == text + size);
        assert(header.present || header.rest.len == size);
        if (header.present)
            check_written(&header);
        check_body(&header);
        (void)header_verify(&header, STR("secret"));
    } else {
        assert(err == TM_INVALID && why.text[0] != '\0');
    }
    header = (struct header){.encoding = ENCODING_ZSTD, .rest = message};
    check_body(&header);
    check_packed(message);
    free(text);
    return 0;
}
