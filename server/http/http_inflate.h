/* gzip bodies. Any thread. */
#ifndef TM_HTTP_INFLATE_H
#define TM_HTTP_INFLATE_H

#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

/* out grows by this much at a time, so it may hold so much more than the bound before the bound is seen. */
enum { HTTP_INFLATE_STEP_BYTES = 256 << 10 };

/* Appends to out what the one gzip stream holds. packed is under 4 GiB, out is the caller's on every result.
 * TM_TOO_LARGE over max_bytes; TM_INVALID if it is broken, cut, or followed by anything; both with why.
 * TM_NOMEM without. */
enum tm_err http_inflate(struct str packed, size_t max_bytes, struct bytes *out,
                         struct tm_why *why) TM_MUST_CHECK;

#endif
