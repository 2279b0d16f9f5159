/* One message as it goes over the wire: header line, signature, body (PROTOCOL.md). Pure: no clock, no I/O.
 */
#ifndef TM_CLIENT_MESSAGE_H
#define TM_CLIENT_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/wire/header.h"
#include "server/wire/line.h"
#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

/* What the header line takes at most: names of 128 bytes, two 20-digit numbers, the signature and the words
 * between them. A batch may have max_message_bytes less this. */
enum { MESSAGE_HEADER_MAX_BYTES = 512 };

/* A batch with its identity. Views; the bytes are the caller's. */
struct message {
    struct str producer;
    uint64_t epoch;
    uint64_t seq;
    enum precision precision;
    enum encoding encoding;
    struct str body; /* lines, or one zstd frame of them */
};

/* Sets body and encoding of a message from its lines: compressed into scratch (cleared first) if asked and
 * smaller, else the lines themselves. body points into scratch or is lines. TM_NOMEM. */
enum tm_err message_pack(struct message *message, struct str lines, bool compress,
                         struct bytes *scratch) TM_MUST_CHECK;

/* Writes the whole message into out (cleared first), signed if key_name is not NULL. TM_NOMEM. */
enum tm_err message_write(const struct message *message, const char *key_name, const char *key_secret,
                          struct bytes *out) TM_MUST_CHECK;

/* 1..HEADER_PRODUCER_MAX bytes of [A-Za-z0-9._:@/-]; the same rule holds for key names. */
bool message_name_valid(struct str name);

#endif
