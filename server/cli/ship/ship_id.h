/* What the file system calls a file. Inodes are given again soon after a file is gone: a packed log, or the
 * shipper's own state, may bear the number of a log that was removed. The time at which the file was made
 * tells them apart, where the file system knows it. */
#ifndef TM_CLI_SHIP_ID_H
#define TM_CLI_SHIP_ID_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "storage/model/err.h"

struct ship_id {
    uint64_t device;
    uint64_t inode;
    int64_t born_ns; /* 0: not known */
};

/* What is known of a file without opening it. */
struct ship_stat {
    struct ship_id id;
    uint64_t bytes;
    int64_t mtime_ns;
    bool is_regular;
    bool is_gone; /* it has no name any more */
};

/* Looks at a path, or, if that is NULL, at fd. TM_NOT_FOUND; TM_IO with errno. */
enum tm_err ship_stat(int fd, const char *path, struct ship_stat *out) TM_MUST_CHECK;

/* True if both are of one file, as far as can be told. */
bool ship_id_is_same(const struct ship_id *a, const struct ship_id *b);

#endif
