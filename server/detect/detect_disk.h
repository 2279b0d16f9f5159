/* Small files of the data folder, read whole and replaced whole. */
#ifndef TM_DETECT_DISK_H
#define TM_DETECT_DISK_H

#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

/* Reads DIR/NAME. TM_NOT_FOUND, TM_TOO_LARGE (over 256 MiB), TM_IO, TM_NOMEM. */
enum tm_err detect_disk_read(const char *dir, const char *name, struct bytes *out) TM_MUST_CHECK;

/* Replaces DIR/NAME: after any crash there is the old one or the new one, whole. TM_NO_SPACE, TM_IO with why.
 */
enum tm_err detect_disk_replace(const char *dir, const char *name, struct str text,
                                struct tm_why *why) TM_MUST_CHECK;

/* Removes DIR/NAME; one that is not there is no error. TM_IO with why. */
enum tm_err detect_disk_remove(const char *dir, const char *name, struct tm_why *why) TM_MUST_CHECK;

#endif
