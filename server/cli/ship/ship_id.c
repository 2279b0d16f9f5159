#include "server/cli/ship/ship_id.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static int64_t ns_of(const struct statx_timestamp *time)
{
    return time->tv_sec * 1000000000 + time->tv_nsec;
}

enum tm_err ship_stat(int fd, const char *path, struct ship_stat *out)
{
    struct statx info;
    const unsigned wanted = STATX_BASIC_STATS | STATX_BTIME;
    if (statx(path ? AT_FDCWD : fd, path ? path : "", path ? 0 : AT_EMPTY_PATH, wanted, &info) != 0)
        return errno == ENOENT || errno == ENOTDIR ? TM_NOT_FOUND : TM_IO;
    *out = (struct ship_stat){
        .id = {.device = makedev(info.stx_dev_major, info.stx_dev_minor),
               .inode = info.stx_ino,
               .born_ns = info.stx_mask & STATX_BTIME ? ns_of(&info.stx_btime) : 0},
        .bytes = info.stx_size,
        .mtime_ns = ns_of(&info.stx_mtime),
        .is_regular = S_ISREG(info.stx_mode),
        .is_gone = info.stx_nlink == 0,
    };
    return TM_OK;
}

bool ship_id_is_same(const struct ship_id *a, const struct ship_id *b)
{
    return a->device == b->device && a->inode == b->inode &&
           (a->born_ns == b->born_ns || a->born_ns == 0 || b->born_ns == 0);
}
