/* The file that the journal thread writes: make it, append to it, sync it, give it up. Journal thread only.
 */
#ifndef TM_STORAGE_JOURNAL_FILE_H
#define TM_STORAGE_JOURNAL_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "storage/journal/journal_io.h"
#include "storage/journal/journal_segment.h"
#include "storage/model/err.h"

struct journal_file {
    const struct journal_io *io;
    int folder;
    int fd; /* -1: none */
    uint64_t number;
    off_t durable;  /* up to here it is written and synced */
    off_t reserved; /* up to here the disk has room for it */
    off_t step;     /* more is reserved in such steps */
};

/* What failed and how: the words for the operator and the errno. */
struct journal_fault {
    const char *call;
    int code;
};

/* Makes a segment with its header, durable with its name. Room is reserved in steps of step bytes. On failure
 * nothing stays behind. TM_IO, fault filled. */
enum tm_err journal_file_make(struct journal_file *file, const struct segment_header *header, size_t step,
                              struct journal_fault *fault) TM_MUST_CHECK;

/* Writes behind the durable part, all of it. TM_IO, fault filled. */
enum tm_err journal_file_write(struct journal_file *file, const void *data, size_t len,
                               struct journal_fault *fault) TM_MUST_CHECK;

/* Makes len more bytes durable. TM_IO, fault filled: what the file holds is then uncertain. */
enum tm_err journal_file_sync(struct journal_file *file, size_t len,
                              struct journal_fault *fault) TM_MUST_CHECK;

/* Cuts it to its durable part, durably, and closes it. TM_IO if bytes behind may have stayed. */
enum tm_err journal_file_finish(struct journal_file *file) TM_MUST_CHECK;

#endif
