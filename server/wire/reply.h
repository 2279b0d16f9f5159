/* The daemon's answer to a batch: one JSON line (PROTOCOL.md, "Replies"). Encoder and decoder side by side.
 */
#ifndef TM_WIRE_REPLY_H
#define TM_WIRE_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

enum { REPLY_ERRORS_MAX = 20 };

/* Whole-message failures, by their word on the wire. */
enum refusal {
    REFUSAL_NONE = 0,
    REFUSAL_BAD_SIGNATURE,
    REFUSAL_UNKNOWN_KEY,
    REFUSAL_FORBIDDEN,
    REFUSAL_BAD_HEADER,
    REFUSAL_BAD_ENCODING,
    REFUSAL_TOO_LARGE,
    REFUSAL_STALE_EPOCH,
    REFUSAL_SEQ_CONFLICT,
    REFUSAL_BUSY,
    REFUSAL_READ_ONLY,
    REFUSAL_COUNT
};

/* "bad_signature" and so on; NULL for REFUSAL_NONE. Static. */
const char *refusal_word(enum refusal refusal);

struct reply_error {
    uint32_t line;
    struct tm_why why;
};

struct reply {
    enum refusal refusal;   /* REFUSAL_NONE: ok */
    struct tm_why message;  /* refused: what is wrong and what to do */
    int64_t retry_after_ms; /* refused: >= 0 "try again then", -1 "do not" */
    uint64_t accepted;
    uint64_t rejected;
    bool duplicate;
    bool has_seq;
    uint64_t seq;
    struct reply_error errors[REPLY_ERRORS_MAX];
    size_t error_count;
};

/* Empties a reply: accepted, nothing refused, retry_after_ms -1. */
void reply_init(struct reply *reply);

/* Counts a refused line; its reason is kept for the first REPLY_ERRORS_MAX. */
void reply_reject(struct reply *reply, uint32_t line, const struct tm_why *why);

/* Appends the JSON line, with its \n. Bytes that are not UTF-8 in reasons become U+FFFD. */
void reply_encode(const struct reply *reply, struct bytes *out);

/* Reads a JSON line (unknown members are skipped). TM_INVALID if it is none of ours; TM_NOMEM. */
enum tm_err reply_decode(struct str json, struct reply *out) TM_MUST_CHECK;

/* Appends text as a JSON string with its quotes; each byte that is not part of valid UTF-8 becomes U+FFFD. */
void bytes_json_string(struct bytes *out, struct str text);

#endif
