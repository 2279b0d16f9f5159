/* gzip of answers, piece by piece. Any thread, one at a time. */
#ifndef TM_HTTP_DEFLATE_H
#define TM_HTTP_DEFLATE_H

#include <stdbool.h>

#include "storage/model/bytes.h"
#include "storage/model/err.h"

/* Below this an answer is sent as it is. */
enum { HTTP_DEFLATE_MIN_BYTES = 1 << 10 };

/* Does the value of an Accept-Encoding header allow gzip (RFC 9110, 12.5.3)? NULL: no. */
bool http_allows_gzip(const char *accept_encoding);

/* A gzip stream under way. */
struct http_deflate;

/* NULL without memory. */
struct http_deflate *http_deflate_new(void);
/* NULL is allowed. */
void http_deflate_free(struct http_deflate *deflate);

/* Replaces a piece by what it is in the stream; whoever gets that can unpack all of the piece at once.
 * is_last ends the stream. TM_NOMEM: the stream is broken. */
enum tm_err http_deflate_piece(struct http_deflate *stream, struct bytes *piece, bool is_last) TM_MUST_CHECK;

#endif
