#include "server/client/spool.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/client/spool_io.h"

enum { NAME_MAX_BYTES = 64, FIRST_CAPACITY = 64 };

struct entry {
    uint64_t epoch;
    uint64_t seq;
    size_t bytes;
};

/* Invariants: 1. entries[head..count) are sorted by (epoch, seq), each a file NAME.batch. 2. used_bytes is
 * their sum. 3. the lock on state_fd is held. */
struct spool {
    int folder_fd;
    int state_fd;
    size_t max_bytes;
    uint64_t epoch; /* highest one known */
    struct entry *entries;
    size_t head;
    size_t count;
    size_t capacity;
    size_t used_bytes;
    size_t damaged_count;
    struct bytes file; /* being written */
};

static void make_name(const struct entry *entry, const char *suffix, char name[NAME_MAX_BYTES])
{
    (void)snprintf(name, NAME_MAX_BYTES, "%020" PRIu64 "-%020" PRIu64 "%s", entry->epoch, entry->seq, suffix);
}

static bool parse_name(const char *name, const char *suffix, struct entry *out)
{
    char again[NAME_MAX_BYTES];
    if (sscanf(name, "%20" SCNu64 "-%20" SCNu64, &out->epoch, &out->seq) != 2)
        return false;
    make_name(out, suffix, again);
    return strcmp(name, again) == 0;
}

static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    if (a->epoch != b->epoch)
        return a->epoch < b->epoch ? -1 : 1;
    return (a->seq > b->seq) - (a->seq < b->seq);
}

/* Makes room for one more entry at the end. */
static enum tm_err reserve_entry(struct spool *spool)
{
    if (spool->head && spool->count == spool->capacity) {
        memmove(spool->entries, spool->entries + spool->head,
                (spool->count - spool->head) * sizeof *spool->entries);
        spool->count -= spool->head;
        spool->head = 0;
    }
    if (spool->count < spool->capacity)
        return TM_OK;
    size_t capacity = spool->capacity ? spool->capacity * 2 : FIRST_CAPACITY;
    struct entry *entries = realloc(spool->entries, capacity * sizeof *entries);
    if (!entries)
        return TM_NOMEM;
    spool->entries = entries;
    spool->capacity = capacity;
    return TM_OK;
}

/* One folder entry: counts a batch, removes what an interrupted write left. */
static enum tm_err load_entry(struct spool *spool, const char *name)
{
    struct entry entry = {0};
    struct stat info;
    size_t len = strlen(name);
    if (len > 4 && strcmp(name + len - 4, ".tmp") == 0) {
        (void)unlinkat(spool->folder_fd, name, 0);
        return TM_OK;
    }
    if (!parse_name(name, ".batch", &entry) || fstatat(spool->folder_fd, name, &info, 0) != 0)
        return TM_OK;
    entry.bytes = (size_t)info.st_size;
    if (spool->count - spool->head >= SPOOL_FILES_MAX)
        return TM_LIMIT;
    enum tm_err err = reserve_entry(spool);
    if (err)
        return err;
    spool->entries[spool->count++] = entry;
    spool->used_bytes += entry.bytes;
    if (entry.epoch > spool->epoch)
        spool->epoch = entry.epoch;
    return TM_OK;
}

static enum tm_err load_folder(struct spool *spool, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    int fd = openat(spool->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        err = tm_fail(why, errno == ENOMEM ? TM_NOMEM : TM_IO, "cannot list the spool folder: %s",
                      strerror(errno));
        if (fd >= 0)
            close(fd);
        return err;
    }
    const struct dirent *item;
    while (!err && (item = readdir(dir)))
        err = load_entry(spool, item->d_name);
    closedir(dir);
    if (err == TM_LIMIT)
        return tm_fail(why, TM_IO, "over %d files in the spool folder", SPOOL_FILES_MAX);
    if (err)
        return tm_fail(why, err, "out of memory");
    if (spool->count)
        qsort(spool->entries, spool->count, sizeof *spool->entries, compare_entries);
    return TM_OK;
}

static enum tm_err open_folder(struct spool *spool, const char *folder, struct tm_why *why)
{
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return tm_fail(why, TM_IO, "cannot make the spool folder %s: %s", folder, strerror(errno));
    spool->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (spool->folder_fd < 0)
        return tm_fail(why, TM_IO, "cannot open the spool folder %s: %s", folder, strerror(errno));
    spool->state_fd = openat(spool->folder_fd, "state", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (spool->state_fd < 0)
        return tm_fail(why, TM_IO, "cannot write in the spool folder %s: %s", folder, strerror(errno));
    if (flock(spool->state_fd, LOCK_EX | LOCK_NB) != 0)
        return tm_fail(why, TM_BUSY, "the spool folder %s is used by another process; give each its own",
                       folder);
    return TM_OK;
}

enum tm_err spool_open(const char *folder, size_t max_bytes, struct spool **out, struct tm_why *why)
{
    *out = NULL;
    struct spool *spool = calloc(1, sizeof *spool);
    if (!spool)
        return tm_fail(why, TM_NOMEM, "out of memory");
    spool->folder_fd = -1;
    spool->state_fd = -1;
    spool->max_bytes = max_bytes;
    enum tm_err err = open_folder(spool, folder, why);
    if (!err)
        err = load_folder(spool, why);
    if (err) {
        spool_close(spool);
        return err;
    }
    *out = spool;
    return TM_OK;
}

void spool_close(struct spool *spool)
{
    if (!spool)
        return;
    if (spool->state_fd >= 0)
        close(spool->state_fd);
    if (spool->folder_fd >= 0)
        close(spool->folder_fd);
    bytes_fini(&spool->file);
    free(spool->entries);
    free(spool);
}

enum tm_err spool_take_epoch(struct spool *spool, uint64_t now_ms, uint64_t *epoch, struct tm_why *why)
{
    uint64_t noted = 0;
    char text[NAME_MAX_BYTES] = "";
    ssize_t len = pread(spool->state_fd, text, sizeof text - 1, 0);
    if (len > 0)
        (void)sscanf(text, "epoch %20" SCNu64, &noted);
    if (noted > spool->epoch)
        spool->epoch = noted;
    /* Without the state file's number the highest one among the files is the floor: a lower epoch than one of
     * theirs must never be sent. */
    *epoch = now_ms > spool->epoch ? now_ms : spool->epoch + 1;
    int size = snprintf(text, sizeof text, "epoch %020" PRIu64 "\n", *epoch);
    if (pwrite(spool->state_fd, text, (size_t)size, 0) != size || fsync(spool->state_fd) != 0 ||
        fsync(spool->folder_fd) != 0)
        return tm_fail(why, TM_IO, "cannot write the spool's state file: %s", strerror(errno));
    spool->epoch = *epoch;
    return TM_OK;
}

enum tm_err spool_put(struct spool *spool, const struct message *message, struct tm_why *why)
{
    struct entry entry = {.epoch = message->epoch, .seq = message->seq};
    char name[NAME_MAX_BYTES];
    bytes_clear(&spool->file);
    spool_encode(message, &spool->file);
    if (bytes_error(&spool->file))
        return tm_fail(why, TM_NOMEM, "out of memory");
    entry.bytes = spool->file.len;
    if (entry.bytes > spool->max_bytes || spool->used_bytes > spool->max_bytes - entry.bytes ||
        spool->count - spool->head >= SPOOL_FILES_MAX)
        return tm_fail(why, TM_LIMIT, "the spool is full (%zu batches, %zu bytes of at most %zu)",
                       spool_count(spool), spool->used_bytes, spool->max_bytes);
    enum tm_err err = reserve_entry(spool);
    if (err)
        return tm_fail(why, err, "out of memory");
    make_name(&entry, ".batch", name);
    err = spool_write_file(spool->folder_fd, name, bytes_view(&spool->file), why);
    if (err)
        return err;
    assert(spool->count == spool->head || compare_entries(&spool->entries[spool->count - 1], &entry) < 0);
    spool->entries[spool->count++] = entry;
    spool->used_bytes += entry.bytes;
    return TM_OK;
}

static void forget_oldest(struct spool *spool)
{
    assert(spool->head < spool->count);
    spool->used_bytes -= spool->entries[spool->head].bytes;
    spool->head++;
    if (spool->head == spool->count)
        spool->head = spool->count = 0;
}

static void set_oldest_aside(struct spool *spool, const char *suffix)
{
    char from[NAME_MAX_BYTES];
    char to[NAME_MAX_BYTES];
    make_name(&spool->entries[spool->head], ".batch", from);
    make_name(&spool->entries[spool->head], suffix, to);
    if (renameat(spool->folder_fd, from, spool->folder_fd, to) != 0)
        (void)unlinkat(spool->folder_fd, from, 0);
    spool_trim_aside(spool->folder_fd, SPOOL_ASIDE_MAX);
    forget_oldest(spool);
}

enum tm_err spool_oldest(struct spool *spool, struct bytes *file, struct message *out, struct tm_why *why)
{
    while (spool->head < spool->count) {
        const struct entry *entry = &spool->entries[spool->head];
        char name[NAME_MAX_BYTES];
        make_name(entry, ".batch", name);
        enum tm_err err = spool_read_file(spool->folder_fd, name, entry->bytes, file, why);
        if (err == TM_NOT_FOUND) { /* somebody removed it by hand */
            forget_oldest(spool);
            continue;
        }
        if (err && err != TM_CORRUPT)
            return err;
        if (!err && !spool_decode(bytes_view(file), out) && out->epoch == entry->epoch &&
            out->seq == entry->seq)
            return TM_OK;
        spool->damaged_count++;
        set_oldest_aside(spool, ".bad");
    }
    return TM_NOT_FOUND;
}

void spool_remove_oldest(struct spool *spool)
{
    char name[NAME_MAX_BYTES];
    make_name(&spool->entries[spool->head], ".batch", name);
    /* Not synced: a file that comes back after a power cut is answered as a duplicate. */
    (void)unlinkat(spool->folder_fd, name, 0);
    forget_oldest(spool);
}

void spool_refuse_oldest(struct spool *spool)
{
    set_oldest_aside(spool, ".refused");
}

size_t spool_count(const struct spool *spool)
{
    return spool->count - spool->head;
}

size_t spool_bytes(const struct spool *spool)
{
    return spool->used_bytes;
}

size_t spool_damaged_count(const struct spool *spool)
{
    return spool->damaged_count;
}
