/* The optional first line of a message: `#tm1 key=value ...` (PROTOCOL.md, "Header"). */
#ifndef TM_WIRE_HEADER_H
#define TM_WIRE_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "server/wire/line.h"
#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

enum { HEADER_PRODUCER_MAX = 128, HEADER_KEY_MAX = 128, SIGNATURE_HEX = 64 };

enum encoding { ENCODING_NONE, ENCODING_ZSTD };

struct header {
    bool present;        /* a #tm1 line was there */
    bool has_producer;   /* producer, epoch and seq come together or not at all */
    struct str producer; /* 1..HEADER_PRODUCER_MAX bytes of [A-Za-z0-9._:@/-] */
    uint64_t epoch;
    uint64_t seq;
    bool has_precision;
    enum precision precision; /* PRECISION_NS unless named */
    enum encoding encoding;
    struct str key;         /* name of the signing key, empty if unsigned */
    struct str signature;   /* 64 hex digits, empty if unsigned */
    struct str signed_part; /* the header line up to and without " sig=" */
    struct str rest;        /* all behind the header line; the whole message if there is none */
};

/* Splits a message. Views point into it. TM_INVALID with the reason in why: unknown or repeated key, value
 * out of its form, producer without epoch or seq, key without sig or the reverse, signature without producer.
 * A message that does not begin with "#tm1" and a space or line end has no header (a comment or a line). A
 * header line must end in \n (or end the message). */
enum tm_err header_parse(struct str message, struct header *out, struct tm_why *why) TM_MUST_CHECK;

/* Writes a header line with its \n; `signature` and `signed_part` are ignored (see header_sign). */
void header_write(const struct header *header, struct bytes *out);

/* HMAC-SHA256 (libsodium) with secret over signed_part, '\n', rest. hex gets 64 lower-case digits and a NUL.
 */
void header_sign(struct str secret, struct str signed_part, struct str rest, char hex[SIGNATURE_HEX + 1]);

/* Constant-time compare of header->signature with what the secret gives. */
bool header_verify(const struct header *header, struct str secret);

/* Decodes rest by its encoding into out (cleared first) and returns a view of the lines: rest itself where
 * there is no encoding. ENCODING_ZSTD: exactly one frame, TM_INVALID otherwise; TM_TOO_LARGE past max_bytes
 * (checked while decoding, whatever the frame claims). */
enum tm_err header_decode_body(const struct header *header, size_t max_bytes, struct bytes *out,
                               struct str *lines, struct tm_why *why) TM_MUST_CHECK;

/* One zstd frame of raw at a fast level, appended to out. */
enum tm_err header_compress(struct str raw, struct bytes *out) TM_MUST_CHECK;

#endif
