/* Any bytes as a reply: what is decoded is encoded and decoded the same. Any bytes as reasons: a reply with
 * them in it is JSON on one line that decodes. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include <jansson.h>
#include "server/wire/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct reply reply;
static struct reply twin;
static struct bytes out;

static void encode(void)
{
    bytes_clear(&out);
    reply_encode(&reply, &out);
    assert(bytes_error(&out) == TM_OK);
    assert(memchr(out.data, '\n', out.len) == out.data + out.len - 1);
}

static void check_same(void)
{
    assert(twin.refusal == reply.refusal && twin.retry_after_ms == reply.retry_after_ms);
    assert(strcmp(twin.message.text, reply.message.text) == 0);
    assert(twin.accepted == reply.accepted && twin.rejected == reply.rejected);
    assert(twin.duplicate == reply.duplicate && twin.has_seq == reply.has_seq && twin.seq == reply.seq);
    assert(twin.error_count == reply.error_count);
    for (size_t i = 0; i < twin.error_count; i++) {
        assert(twin.errors[i].line == reply.errors[i].line);
        assert(strcmp(twin.errors[i].why.text, reply.errors[i].why.text) == 0);
    }
}

static void check_decoded(struct str json)
{
    if (reply_decode(json, &reply) != TM_OK)
        return;
    encode();
    assert(reply_decode(bytes_view(&out), &twin) == TM_OK);
    check_same();
}

static void fill_why(struct tm_why *why, struct str text)
{
    size_t len = text.len < sizeof why->text ? text.len : sizeof why->text - 1;
    memcpy(why->text, text.ptr, len);
    why->text[len] = '\0';
}

static void check_built(struct str text)
{
    struct tm_why why;
    fill_why(&why, text);
    reply_init(&reply);
    for (uint32_t i = 0; i < 1 + text.len % 25; i++)
        reply_reject(&reply, i, &why);
    reply.accepted = text.len;
    encode();
    assert(reply_decode(bytes_view(&out), &twin) == TM_OK);
    assert(twin.accepted == reply.accepted && twin.rejected == reply.rejected);
    reply.refusal = (enum refusal)(1 + text.len % (REFUSAL_COUNT - 1));
    reply.message = why;
    reply.retry_after_ms = text.len % 2 ? (int64_t)text.len : -1;
    encode();
    assert(reply_decode(bytes_view(&out), &twin) == TM_OK);
    assert(twin.refusal == reply.refusal && twin.retry_after_ms == reply.retry_after_ms);
}

static void check_string(struct str text)
{
    bytes_clear(&out);
    bytes_json_string(&out, text);
    json_error_t error;
    json_t *value = json_loadb((const char *)out.data, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    assert(value && json_is_string(value));
    assert(json_string_length(value) >= text.len);
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size ? size : 1);
    assert(copy);
    if (size > 0)
        memcpy(copy, data, size);
    struct str text = {copy, size};
    check_decoded(text);
    check_built(text);
    check_string(text);
    free(copy);
    return 0;
}
