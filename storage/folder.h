/* The data folder: make it, lock it, check that it is ours. */
#ifndef TM_STORAGE_FOLDER_H
#define TM_STORAGE_FOLDER_H

#include "storage/journal/journal_io.h"
#include "storage/model/err.h"

struct folder {
    int fd;
    int journal;
    int lock; /* -1 for a reader */
};

/* For writing: makes what is missing, durably, and takes the lock. Nothing stays open on failure, and nothing
 * is made in a folder where somebody else's things bear our names. TM_BUSY (another process writes here),
 * TM_IO, TM_NO_SPACE, TM_CORRUPT (not ours, or of another version). */
enum tm_err folder_open(struct folder *folder, const char *dir, const struct journal_io *io,
                        struct tm_why *why) TM_MUST_CHECK;
/* For reading: nothing is made, locked or written. TM_NOT_FOUND, TM_IO, TM_CORRUPT. */
enum tm_err folder_open_reading(struct folder *folder, const char *dir, struct tm_why *why) TM_MUST_CHECK;
/* Closes all three, and so gives the lock back. For one that failed to open: nothing. */
void folder_close(struct folder *folder);

#endif
