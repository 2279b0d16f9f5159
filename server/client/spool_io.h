/* The spool's file operations. Internal to the spool. */
#ifndef TM_CLIENT_SPOOL_IO_H
#define TM_CLIENT_SPOOL_IO_H

#include <stddef.h>

#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

/* Writes content as name in the folder: whole and synced, or not at all. TM_NO_SPACE, TM_IO. */
enum tm_err spool_write_file(int folder_fd, const char *name, struct str content,
                             struct tm_why *why) TM_MUST_CHECK;

/* Reads the file of the given size into out (cleared first). TM_NOT_FOUND; TM_CORRUPT: another size than it
 * had when it was counted; TM_IO; TM_NOMEM. */
enum tm_err spool_read_file(int folder_fd, const char *name, size_t size, struct bytes *out,
                            struct tm_why *why) TM_MUST_CHECK;

/* Keeps the newest (by name) keep_count files named *.bad or *.refused and removes the others. */
void spool_trim_aside(int folder_fd, size_t keep_count);

#endif
