/* Big files that were removed give their room back piece by piece: the file system takes 0.2 s a GB for it,
 * and the owner must not be away for so long. A file has lost its name before it comes here, so that after a
 * crash there is nothing to do: the file system does it. Private to storage/partition*.c. Owner. */
#ifndef TM_STORAGE_PARTITION_SWEEP_H
#define TM_STORAGE_PARTITION_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SWEEP_FILES = 16 };
/* What one step gives back, about 10 ms; smaller files are removed at once. */
#define SWEEP_STEP_BYTES (UINT64_C(32) << 20)

struct sweep_file {
    int fd;
    uint64_t bytes; /* left */
};

/* Zero-initialised is empty. The oldest first. */
struct sweepings {
    struct sweep_file files[SWEEP_FILES];
    size_t count;
};

/* Removes the name of a file in an open folder, as unlinkat does: 0, or -1 and errno. A big file's room comes
 * back with the steps, unless another name or another process still holds it: then with those. later may be
 * NULL: at once. */
int sweep_unlink(struct sweepings *later, int folder, const char *name);

/* Gives one piece back. False: nothing is left. */
bool sweep_step(struct sweepings *later);

/* Gives all of it back. */
void sweep_end(struct sweepings *later);

#endif
