/* The header line: parse and write. Signing and encoding are in header_sign.c and header_body.c. */
#include "server/wire/header.h"

#include <inttypes.h>

#include "server/wire/decimal.h"
#include "server/wire/line_parse.h"

static const struct str magic = {"#tm1", 4};

static const struct str precision_words[] = {
    [PRECISION_NS] = {"ns", 2},
    [PRECISION_US] = {"us", 2},
    [PRECISION_MS] = {"ms", 2},
    [PRECISION_S] = {"s", 1},
};

enum header_key {
    KEY_PRODUCER,
    KEY_EPOCH,
    KEY_SEQ,
    KEY_PRECISION,
    KEY_ENCODING,
    KEY_KEY,
    KEY_SIG,
    KEY_COUNT
};

static const struct str key_words[KEY_COUNT] = {
    [KEY_PRODUCER] = {"producer", 8}, [KEY_EPOCH] = {"epoch", 5},
    [KEY_SEQ] = {"seq", 3},           [KEY_PRECISION] = {"precision", 9},
    [KEY_ENCODING] = {"encoding", 8}, [KEY_KEY] = {"key", 3},
    [KEY_SIG] = {"sig", 3},
};

struct header_parse {
    struct str line; /* without its end */
    const char *at;
    bool seen[KEY_COUNT];
    struct header *out;
    struct tm_why *why;
};

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("._:@/-", c));
}

static bool is_name(struct str text, size_t max)
{
    if (text.len == 0 || text.len > max)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_name_byte(text.ptr[i]))
            return false;
    }
    return true;
}

static bool is_hex(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            return false;
    }
    return text.len == SIGNATURE_HEX;
}

static enum tm_err fail_at(const struct header_parse *p, const char *at, const char *what)
{
    return tm_fail(p->why, TM_INVALID, "header, column %zu: %s", (size_t)(at - p->line.ptr) + 1, what);
}

static enum tm_err parse_name(const struct header_parse *p, struct str value, size_t max, struct str *out)
{
    if (!is_name(value, max))
        return fail_at(p, value.ptr, "expected 1 to 128 bytes of [A-Za-z0-9._:@/-]");
    *out = value;
    return TM_OK;
}

static enum tm_err parse_unsigned(const struct header_parse *p, struct str value, uint64_t max, uint64_t *out)
{
    const char *at = value.ptr;
    const char *end = value.ptr + value.len;
    enum tm_err err = decimal_unsigned(&at, end, out);
    if (err == TM_INVALID || at != end)
        return fail_at(p, at, "expected an unsigned integer");
    if (err != TM_OK || *out > max)
        return tm_fail(p->why, TM_INVALID, "header, column %zu: the number is over %" PRIu64,
                       (size_t)(value.ptr - p->line.ptr) + 1, max);
    return TM_OK;
}

static enum tm_err parse_precision(const struct header_parse *p, struct str value)
{
    p->out->has_precision = true;
    if (precision_parse(value, &p->out->precision) != TM_OK)
        return fail_at(p, value.ptr, "expected a precision: ns, us, ms or s");
    return TM_OK;
}

static enum tm_err parse_encoding(const struct header_parse *p, struct str value)
{
    if (!str_equal(value, STR("zstd")))
        return fail_at(p, value.ptr, "expected the encoding zstd (leave the key out for none)");
    p->out->encoding = ENCODING_ZSTD;
    return TM_OK;
}

static enum tm_err parse_signature(const struct header_parse *p, struct str word, struct str value)
{
    if (!is_hex(value))
        return fail_at(p, value.ptr, "expected 64 hexadecimal digits");
    p->out->signature = value;
    /* Without the space before "sig=". There is one: the line begins with #tm1. */
    p->out->signed_part = (struct str){p->line.ptr, (size_t)(word.ptr - p->line.ptr) - 1};
    return TM_OK;
}

static enum tm_err parse_value(const struct header_parse *p, enum header_key key, struct str word,
                               struct str value)
{
    switch (key) {
    case KEY_PRODUCER:
        return parse_name(p, value, HEADER_PRODUCER_MAX, &p->out->producer);
    case KEY_EPOCH:
        return parse_unsigned(p, value, UINT64_MAX, &p->out->epoch);
    case KEY_SEQ: /* replies carry it as a JSON integer, which common readers hold in 63 bits */
        return parse_unsigned(p, value, INT64_MAX, &p->out->seq);
    case KEY_PRECISION:
        return parse_precision(p, value);
    case KEY_ENCODING:
        return parse_encoding(p, value);
    case KEY_KEY:
        return parse_name(p, value, HEADER_KEY_MAX, &p->out->key);
    case KEY_SIG:
        return parse_signature(p, word, value);
    case KEY_COUNT:
        break;
    }
    return TM_INVALID;
}

/* key=value at p->at, up to the next space. */
static enum tm_err parse_pair(struct header_parse *p)
{
    const char *line_end = p->line.ptr + p->line.len;
    const char *first = p->at;
    while (p->at < line_end && *p->at != ' ')
        p->at++;
    struct str pair = {first, (size_t)(p->at - first)};
    const char *equals = memchr(pair.ptr, '=', pair.len);
    if (!equals)
        return fail_at(p, first, "expected key=value");
    struct str word = {first, (size_t)(equals - first)};
    struct str value = {equals + 1, (size_t)(p->at - equals) - 1};
    enum header_key key = 0;
    while (key < KEY_COUNT && !str_equal(word, key_words[key]))
        key++;
    if (key == KEY_COUNT)
        return fail_at(p, first,
                       "unknown key; known are producer, epoch, seq, precision, encoding, key and sig");
    if (p->seen[key])
        return fail_at(p, first, "this key stands in the header already");
    if (p->seen[KEY_SIG])
        return fail_at(p, first, "sig must be the last key: what follows it would not be signed");
    p->seen[key] = true;
    return parse_value(p, key, word, value);
}

static enum tm_err check_together(const struct header_parse *p)
{
    const bool *seen = p->seen;
    if (seen[KEY_PRODUCER] != seen[KEY_EPOCH] || seen[KEY_EPOCH] != seen[KEY_SEQ])
        return tm_fail(p->why, TM_INVALID, "header: producer, epoch and seq come together or not at all");
    if (seen[KEY_KEY] != seen[KEY_SIG])
        return tm_fail(p->why, TM_INVALID, "header: key and sig come together or not at all");
    if (seen[KEY_SIG] && !seen[KEY_PRODUCER])
        return tm_fail(
            p->why, TM_INVALID,
            "header: a signed message needs producer, epoch and seq, so that it can't be replayed");
    p->out->has_producer = seen[KEY_PRODUCER];
    return TM_OK;
}

/* The header line without its end, and what is behind it. */
static void split_message(struct str message, struct str *line, struct str *rest)
{
    const char *feed = memchr(message.ptr, '\n', message.len);
    line->ptr = message.ptr;
    line->len = feed ? (size_t)(feed - message.ptr) : message.len;
    size_t used = feed ? line->len + 1 : line->len;
    *rest = (struct str){message.ptr + used, message.len - used};
    if (line->len > 0 && line->ptr[line->len - 1] == '\r')
        line->len--;
}

static bool has_header(struct str message)
{
    if (message.len < magic.len || memcmp(message.ptr, magic.ptr, magic.len) != 0)
        return false;
    const char *behind = message.ptr + magic.len;
    const char *end = message.ptr + message.len;
    return line_ends_at(behind, end) || *behind == ' ';
}

enum tm_err header_parse(struct str message, struct header *out, struct tm_why *why)
{
    *out = (struct header){.precision = PRECISION_NS, .rest = message};
    if (!has_header(message))
        return TM_OK;
    struct header_parse p = {.out = out, .why = why};
    out->present = true;
    split_message(message, &p.line, &out->rest);
    const char *end = p.line.ptr + p.line.len;
    p.at = p.line.ptr + magic.len;
    for (;;) {
        while (p.at < end && *p.at == ' ')
            p.at++;
        if (p.at == end)
            return check_together(&p);
        enum tm_err err = parse_pair(&p);
        if (err != TM_OK)
            return err;
    }
}

void header_write(const struct header *header, struct bytes *out)
{
    bytes_put(out, magic.ptr, magic.len);
    if (header->has_producer)
        bytes_printf(out, " producer=%.*s epoch=%" PRIu64 " seq=%" PRIu64, STR_ARG(header->producer),
                     header->epoch, header->seq);
    if (header->has_precision)
        bytes_printf(out, " precision=%s", precision_words[header->precision].ptr);
    if (header->encoding == ENCODING_ZSTD)
        bytes_printf(out, " encoding=zstd");
    if (header->key.len > 0)
        bytes_printf(out, " key=%.*s", STR_ARG(header->key));
    bytes_u8(out, '\n');
}
