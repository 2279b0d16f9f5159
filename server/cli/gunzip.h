/* A descriptor's bytes, unpacked where they are gzip. */
#ifndef TM_CLI_GUNZIP_H
#define TM_CLI_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/err.h"

struct gunzip;

/* A reader of fd, which stays the caller's; the first bytes read tell whether it is gzip. NULL: no memory. */
struct gunzip *gunzip_open(int fd);
/* NULL is allowed. */
void gunzip_close(struct gunzip *reader);

/* Up to room bytes of content into to, *len of them, 0 at the end. Several gzip members in a row are one
 * content. TM_IO, TM_CORRUPT (why: what is wrong with it, without the file's name), TM_NOMEM. */
enum tm_err gunzip_read(struct gunzip *reader, uint8_t *to, size_t room, size_t *len,
                        struct tm_why *why) TM_MUST_CHECK;

/* Bytes of the descriptor read so far, packed as they are there. */
int64_t gunzip_read_bytes(const struct gunzip *reader);

#endif
