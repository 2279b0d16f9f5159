/* The fingerprint of an exception: which group it belongs to, told from its type, its message without what
 * varies, and the top frames of its stack.
 *
 * Deterministic: the same three texts give the same fingerprint on every machine and for ever, as long as
 * FINGERPRINT_VERSION stays; a change of any rule raises the version, which is part of what is hashed.
 *
 * 1. Message (the first FINGERPRINT_INPUT_MAX bytes). What varies becomes a placeholder: {url} {email} {time}
 *    {uuid} {ip} {path} {str} (quoted) {hex} {n} (numbers with their units, versions) {id} (letters and
 * digits mixed). Lists of one kind are one ("1, 2, 3" is "{n}"); white space is one space; control bytes are
 * '?'. For the hash {n}, {hex}, {id} and {uuid} are the same: an id in hex may happen to have digits only.
 * 2. Stack (the first FINGERPRINT_STACK_MAX bytes) as the JVM, Python, Node, Go, .NET, gdb, backtrace(), the
 *    sanitizers and PHP write it. The top FINGERPRINT_FRAMES_MAX frames of the application count: those of
 *    known libraries are skipped, recursion is one frame; line numbers, addresses, offsets, arguments, and
 * the numbers of lambdas, proxies and generated classes are left out. Without a frame of the application the
 *    top frames count as they are.
 * 3. Causes: the root cause counts, that is the one raised first ("Caused by:" and Node's "[cause]": the
 * last; .NET's inner exception and Python's chained one: the first), with its type. Where it has no frame of
 * the application, the next one out that has one. Of several Go routines the first counts.
 *
 * Pure, without allocation, any thread, any bytes; time is linear in what is read. */
#ifndef TM_MODEL_FINGERPRINT_H
#define TM_MODEL_FINGERPRINT_H

#include <stdint.h>

#include "storage/model/str.h"

enum {
    FINGERPRINT_VERSION = 1,
    FINGERPRINT_INPUT_MAX = 4096,
    FINGERPRINT_STACK_MAX = 256 << 10,
    FINGERPRINT_TYPE_MAX = 256, /* of the type, what is read */
    FINGERPRINT_MESSAGE_MAX = 512,
    FINGERPRINT_TITLE_MAX = 160,
    FINGERPRINT_FRAME_MAX = 160,
    FINGERPRINT_FRAMES_MAX = 3,
    FINGERPRINT_HEX = 16
};

struct fingerprint {
    uint64_t hash;
    char hex[FINGERPRINT_HEX + 1];             /* hash in lower-case hex digits */
    char message[FINGERPRINT_MESSAGE_MAX + 1]; /* normalised, cut at a whole character */
    char title[FINGERPRINT_TITLE_MAX + 1];     /* "NullPointerException: no item {n}" for a list */
    char frame[FINGERPRINT_FRAMES_MAX][FINGERPRINT_FRAME_MAX + 1]; /* normalised, innermost first */
    uint32_t frame_count;
    char cause[FINGERPRINT_FRAME_MAX + 1]; /* type of the root cause where the stack names one, else "" */
};

/* Fills *out from the three texts, each of which may be empty. All text in *out ends in NUL, holds no control
 * byte, and is UTF-8 as far as the input was. */
void fingerprint_compute(struct str type, struct str message, struct str stack, struct fingerprint *out);

#endif
