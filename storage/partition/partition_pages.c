#include "storage/partition/partition_pages.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "storage/grow.h"
#include "storage/partition/partition_files.h"

/* The file: magic, page size (u32), branch pages (u32), pages (u64), hash of all that follows and of what
 * stands before (u64); a hash (u32) per page; the numbers (u32) of branch pages. Little endian, as the
 * machine. */
static const char magic[8] = "TMPAGES1";
enum { HEAD_BYTES = 32, HASH_AT = 24, META_PAGES = 2, FLAGS_AT = 10, BRANCH_FLAG = 1 };

struct reading {
    int fd;
    uint32_t page_bytes;
    uint8_t *page;
};

static uint32_t hash_page(uint64_t number, const uint8_t *bytes, size_t len)
{
    return (uint32_t)XXH3_64bits_withSeed(bytes, len, number);
}

static uint64_t hash_file(const uint8_t *bytes, size_t len)
{
    return XXH3_64bits_withSeed(bytes + HEAD_BYTES, len - HEAD_BYTES, XXH3_64bits(bytes, HASH_AT));
}

static void data_path(const char *folder, const char *file, struct partition_path *out)
{
    (void)snprintf(out->text, sizeof out->text, "%.*s/%s", PARTITION_DIR_BYTES + 100, folder, file);
}

static enum tm_err start_reading(struct reading *r, const char *folder, uint32_t page_bytes,
                                 struct tm_why *why)
{
    struct partition_path path = {""};
    data_path(folder, "data.mdb", &path);
    *r = (struct reading){.fd = open(path.text, O_RDONLY | O_CLOEXEC), .page_bytes = page_bytes};
    if (r->fd < 0)
        return file_fail(why, "opening", path.text);
    r->page = malloc(page_bytes);
    if (!r->page)
        return tm_fail(why, TM_NOMEM, "out of memory");
    return TM_OK;
}

static void stop_reading(struct reading *r)
{
    free(r->page);
    if (r->fd >= 0)
        close(r->fd);
}

static enum tm_err read_page(struct reading *r, uint64_t number, struct tm_why *why)
{
    ssize_t got = pread(r->fd, r->page, r->page_bytes, (off_t)(number * r->page_bytes));
    if (got == (ssize_t)r->page_bytes)
        return TM_OK;
    if (got < 0)
        return tm_fail(why, TM_IO, "reading page %llu: %s", (unsigned long long)number, strerror(errno));
    return tm_fail(why, TM_CORRUPT, "data.mdb ends within page %llu", (unsigned long long)number);
}

/* ---- writing ---- */

struct table {
    uint8_t *bytes;
    uint32_t *branches;
    size_t branch_count;
    size_t branch_capacity;
    uint64_t count;
};

static enum tm_err hash_pages(struct reading *r, struct table *t, struct tm_why *why)
{
    assert(r->page);
    for (uint64_t i = 0; i < t->count; i++) {
        enum tm_err err = read_page(r, i, why);
        if (err)
            return err;
        uint32_t hash = hash_page(i, r->page, r->page_bytes);
        memcpy(t->bytes + HEAD_BYTES + 4 * i, &hash, sizeof hash);
        if (i < META_PAGES || !(r->page[FLAGS_AT] & BRANCH_FLAG))
            continue;
        uint32_t *grown =
            grow_array(t->branches, &t->branch_capacity, t->branch_count + 1, sizeof *t->branches);
        if (!grown)
            return tm_fail(why, TM_NOMEM, "out of memory");
        t->branches = grown;
        t->branches[t->branch_count++] = (uint32_t)i;
    }
    return TM_OK;
}

static enum tm_err write_file(const char *folder, const uint8_t *bytes, size_t len, struct tm_why *why)
{
    struct partition_path making = {""}, path = {""};
    data_path(folder, "pages.making", &making);
    data_path(folder, "pages", &path);
    int fd = open(making.text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return file_fail(why, "making", making.text);
    enum tm_err err = TM_OK;
    for (size_t at = 0; !err && at < len;) {
        ssize_t put = write(fd, bytes + at, len - at);
        if (put < 0)
            err = file_fail(why, "writing", making.text);
        else
            at += (size_t)put;
    }
    if (!err && fsync(fd) != 0)
        err = file_fail(why, "syncing", making.text);
    close(fd);
    if (!err && rename(making.text, path.text) != 0)
        err = file_fail(why, "renaming", making.text);
    return err ? err : folder_sync(folder, why);
}

static enum tm_err make_table(struct table *t, struct reading *r, struct tm_why *why)
{
    struct stat st;
    if (fstat(r->fd, &st) != 0)
        return tm_fail(why, TM_IO, "data.mdb: %s", strerror(errno));
    t->count = (uint64_t)st.st_size / r->page_bytes;
    if (t->count < META_PAGES || t->count > UINT32_MAX)
        return tm_fail(why, TM_CORRUPT, "data.mdb has %llu pages", (unsigned long long)t->count);
    t->bytes = calloc(1, HEAD_BYTES + 4 * t->count);
    return t->bytes ? hash_pages(r, t, why) : tm_fail(why, TM_NOMEM, "out of memory");
}

static enum tm_err finish_table(struct table *t, uint32_t page_bytes, size_t *len, struct tm_why *why)
{
    size_t hashes = HEAD_BYTES + 4 * t->count;
    uint32_t branch_count = (uint32_t)t->branch_count;
    *len = hashes + 4 * t->branch_count;
    uint8_t *grown = realloc(t->bytes, *len);
    if (!grown)
        return tm_fail(why, TM_NOMEM, "out of memory");
    t->bytes = grown;
    if (t->branch_count)
        memcpy(grown + hashes, t->branches, 4 * t->branch_count);
    memcpy(grown, magic, sizeof magic);
    memcpy(grown + 8, &page_bytes, 4);
    memcpy(grown + 12, &branch_count, 4);
    memcpy(grown + 16, &t->count, 8);
    uint64_t hash = hash_file(grown, *len);
    memcpy(grown + HASH_AT, &hash, 8);
    return TM_OK;
}

enum tm_err pages_write(const char *folder, struct tm_why *why)
{
    struct reading r;
    struct table t = {0};
    size_t len = 0;
    uint32_t page_bytes = (uint32_t)sysconf(_SC_PAGESIZE);
    enum tm_err err = start_reading(&r, folder, page_bytes, why);
    if (!err)
        err = make_table(&t, &r, why);
    if (!err)
        err = finish_table(&t, page_bytes, &len, why);
    if (!err)
        err = write_file(folder, t.bytes, len, why);
    stop_reading(&r);
    free(t.bytes);
    free(t.branches);
    return err;
}

/* ---- reading ---- */

void pages_close(struct partition_pages *pages)
{
    if (pages->map)
        munmap((void *)(uintptr_t)pages->map, pages->map_bytes);
    *pages = (struct partition_pages){0};
}

static enum tm_err map_file(struct partition_pages *pages, const char *path, struct tm_why *why)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return file_fail(why, "opening", path);
    enum tm_err err = fstat(fd, &st) == 0 ? TM_OK : file_fail(why, "looking at", path);
    if (!err && st.st_size < HEAD_BYTES)
        err = tm_fail(why, TM_CORRUPT, "%.250s is cut short", path);
    if (!err) {
        void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED) {
            err = file_fail(why, "mapping", path);
        } else {
            pages->map = map;
            pages->map_bytes = (size_t)st.st_size;
        }
    }
    close(fd);
    return err;
}

static enum tm_err check_file(struct partition_pages *pages, const char *path, struct tm_why *why)
{
    uint64_t hash;
    memcpy(&pages->page_bytes, pages->map + 8, 4);
    memcpy(&pages->branch_count, pages->map + 12, 4);
    memcpy(&pages->count, pages->map + 16, 8);
    memcpy(&hash, pages->map + HASH_AT, 8);
    if (memcmp(pages->map, magic, sizeof magic) != 0 || hash != hash_file(pages->map, pages->map_bytes) ||
        pages->map_bytes != HEAD_BYTES + 4 * pages->count + 4 * (uint64_t)pages->branch_count)
        return tm_fail(why, TM_CORRUPT, "%.250s is damaged", path);
    if (pages->page_bytes != (uint32_t)sysconf(_SC_PAGESIZE))
        return tm_fail(why, TM_CORRUPT, "%.250s is of a machine with pages of %u bytes", path,
                       pages->page_bytes);
    return TM_OK;
}

enum tm_err pages_check(const struct partition_pages *pages, uint64_t number, const uint8_t *bytes)
{
    uint32_t wanted;
    if (number >= pages->count)
        return TM_CORRUPT;
    memcpy(&wanted, pages->map + HEAD_BYTES + 4 * number, sizeof wanted);
    return hash_page(number, bytes, pages->page_bytes) == wanted ? TM_OK : TM_CORRUPT;
}

static enum tm_err check_page(const struct partition_pages *pages, struct reading *r, uint64_t number,
                              struct tm_why *why)
{
    enum tm_err err = read_page(r, number, why);
    if (!err && pages_check(pages, number, r->page) != TM_OK)
        err = tm_fail(why, TM_CORRUPT, "page %llu of data.mdb is damaged", (unsigned long long)number);
    return err;
}

static enum tm_err check_tree(const struct partition_pages *pages, struct reading *r, struct tm_why *why)
{
    struct stat st;
    enum tm_err err = TM_OK;
    if (fstat(r->fd, &st) != 0 || (uint64_t)st.st_size != pages->count * pages->page_bytes)
        return tm_fail(why, TM_CORRUPT, "data.mdb has not the %llu bytes it was sealed with",
                       (unsigned long long)pages->count * pages->page_bytes);
    for (uint64_t i = 0; !err && i < META_PAGES; i++)
        err = check_page(pages, r, i, why);
    for (uint32_t i = 0; !err && i < pages->branch_count; i++) {
        uint32_t number;
        memcpy(&number, pages->map + HEAD_BYTES + 4 * pages->count + 4 * (size_t)i, sizeof number);
        err = check_page(pages, r, number, why);
    }
    return err;
}

enum tm_err pages_open(struct partition_pages *pages, const char *folder, struct tm_why *why)
{
    struct reading r = {.fd = -1};
    struct partition_path path = {""};
    *pages = (struct partition_pages){0};
    data_path(folder, "pages", &path);
    enum tm_err err = map_file(pages, path.text, why);
    if (!err)
        err = check_file(pages, path.text, why);
    if (!err)
        err = start_reading(&r, folder, pages->page_bytes, why);
    if (!err)
        err = check_tree(pages, &r, why);
    stop_reading(&r);
    if (err)
        pages_close(pages);
    return err;
}

enum tm_err pages_check_all(const struct partition_pages *pages, const char *folder,
                            void (*damaged)(void *arg, uint64_t page), void *arg, struct tm_why *why)
{
    struct reading r;
    enum tm_err err = start_reading(&r, folder, pages->page_bytes, why);
    for (uint64_t i = 0; !err && i < pages->count; i++) {
        err = check_page(pages, &r, i, why);
        if (err == TM_CORRUPT) {
            damaged(arg, i);
            err = TM_OK;
        }
    }
    stop_reading(&r);
    return err;
}
