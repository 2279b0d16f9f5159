#include "storage/partition/partition_sweep.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Only a file that nobody else has may be cut: who maps it would die of it, and another name is a backup's. A
 * lease for writing is granted only if no other open file and no mapping of it are left, in any process. It
 * is given back at once: without a name nobody can come any more. */
static bool is_ours(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_nlink == 0 && fcntl(fd, F_SETLEASE, F_WRLCK) == 0 &&
           fcntl(fd, F_SETLEASE, F_UNLCK) == 0;
}

static void forget_first(struct sweepings *later)
{
    (void)close(later->files[0].fd);
    later->count--;
    memmove(later->files, later->files + 1, later->count * sizeof later->files[0]);
}

int sweep_unlink(struct sweepings *later, int folder, const char *name)
{
    struct stat st;
    int fd = -1;
    if (later && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
        (uint64_t)st.st_size > SWEEP_STEP_BYTES)
        fd = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    int result = unlinkat(folder, name, 0);
    if (fd < 0)
        return result;
    if (result != 0 || !is_ours(fd)) {
        (void)close(fd);
        return result;
    }
    if (later->count == SWEEP_FILES)
        forget_first(later);
    later->files[later->count++] = (struct sweep_file){fd, (uint64_t)st.st_size};
    return 0;
}

bool sweep_step(struct sweepings *later)
{
    if (later->count == 0)
        return false;
    struct sweep_file *file = &later->files[0];
    file->bytes -= file->bytes < SWEEP_STEP_BYTES ? file->bytes : SWEEP_STEP_BYTES;
    if (file->bytes == 0 || ftruncate(file->fd, (off_t)file->bytes) != 0)
        forget_first(later); /* the rest goes with the last descriptor */
    return later->count > 0;
}

void sweep_end(struct sweepings *later)
{
    while (later->count > 0)
        forget_first(later);
}
