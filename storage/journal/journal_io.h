/* Every call by which the store changes its folder, in one table, so that a test can fail the n-th of them or
 * record them and cut the power. Private to storage/ and its tests. */
#ifndef TM_STORAGE_JOURNAL_IO_H
#define TM_STORAGE_JOURNAL_IO_H

#include <stdint.h>
#include <sys/types.h>

/* Results and errno as the system calls of these names; names are relative to the open folder. Called from
 * the owner's and from the journal thread, never for the same file at once. */
struct journal_io {
    void *self;
    int (*open)(void *self, int folder, const char *name, int flags, mode_t mode);
    int (*close)(void *self, int fd);
    int (*make_folder)(void *self, int folder, const char *name, mode_t mode);
    int (*unlink)(void *self, int folder, const char *name);
    ssize_t (*pwrite)(void *self, int fd, const void *data, size_t len, off_t at);
    int (*fdatasync)(void *self, int fd);
    /* Reserves len bytes from the start; the bytes read as zeros. Ok where the file system can't. */
    int (*allocate)(void *self, int fd, off_t len);
    int (*truncate)(void *self, int fd, off_t len);
    /* Makes creations and removals in the folder durable. */
    int (*sync_folder)(void *self, int folder);
    /* Bytes that a writer without privileges may still fill. */
    int (*free_bytes)(void *self, int folder, uint64_t *out);
};

/* The system's own calls; static, any thread. */
const struct journal_io *journal_io_system(void);

#endif
