/* How a request's head is written, and what it says about its body: over bytes, without the library. Any
 * thread. */
#ifndef TM_HTTP_HEAD_H
#define TM_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/str.h"

/* What a head says, header by header. Start with zeros. */
struct http_head_facts {
    size_t headers;
    unsigned content_lengths, transfer_encodings, hosts; /* how often each stands there */
    uint64_t length; /* of the last Content-Length, at most HTTP_HEAD_LENGTH_MAX; 0 without one */
    bool bad_length; /* one of them is not all digits */
    bool chunked;    /* the last Transfer-Encoding is "chunked" and nothing else */
};

/* A Content-Length at or above this counts as this. */
#define HTTP_HEAD_LENGTH_MAX ((uint64_t)1000000000000000000)

/* Takes note of one header; both are strings, value may be NULL. */
void http_head_note(struct http_head_facts *facts, const char *name, const char *value);

/* Why two readers of this head could see two requests, as one sentence; NULL if they can't. wants_host: the
 * version is 1.1. The text is static. */
const char *http_head_ambiguity(const struct http_head_facts *facts, bool wants_host);

/* Whether these can stand in a request line with one space between them: a token, and visible bytes. */
bool http_head_line_is_plain(const char *method, const char *uri);

/* Reads a head as libmicrohttpd 0.9.75 leaves it in its memory: the bytes from behind the version word up to
 * and with the empty line's end, the carriage return and the line feed of every line and the colon behind
 * every name turned into NULs. True if it is plain, which is to say that every reader understands it alike:
 * only CRLF ends a line, names are tokens right before their colon, nothing is folded, no control bytes, the
 * empty line is the last. Then facts has been told each header. */
bool http_head_read(struct str left, struct http_head_facts *facts);

#endif
