#include "storage/journal/journal_segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "storage/grow.h"
#include "storage/model/bytes.h"

#define SEGMENT_MAGIC "tidejrnl"
enum { SEGMENT_VERSION = 1, NAME_DIGITS = 16, HEADER_HASHED_BYTES = SEGMENT_HEADER_BYTES - 8 };
enum { HEADER_RESERVED_BYTES = 8 };

void segment_name(uint64_t number, char out[SEGMENT_NAME_BYTES])
{
    (void)snprintf(out, SEGMENT_NAME_BYTES, "%016" PRIx64 ".seg", number);
}

/* The number in a name that segment_name made, 0 for any other name. */
static uint64_t parse_name(const char *name)
{
    if (strspn(name, "0123456789abcdef") != NAME_DIGITS || strcmp(name + NAME_DIGITS, ".seg") != 0)
        return 0;
    return strtoull(name, NULL, 16);
}

void segment_header_encode(const struct segment_header *header, uint8_t out[SEGMENT_HEADER_BYTES])
{
    uint64_t words[SEGMENT_HEADER_BYTES / 8] = {0};
    memcpy(words, SEGMENT_MAGIC, 8);
    words[1] = SEGMENT_VERSION;
    words[2] = header->number;
    words[3] = header->first_lsn;
    words[4] = (uint64_t)header->created_ms;
    words[5] = header->life;
    memcpy(out, words, 8);
    for (size_t i = 1; i < SEGMENT_HEADER_BYTES / 8; i++) {
        uint64_t word = htole64(words[i]);
        memcpy(out + 8 * i, &word, 8);
    }
    uint64_t hash = htole64(XXH3_64bits_withSeed(out, HEADER_HASHED_BYTES, header->number));
    memcpy(out + HEADER_HASHED_BYTES, &hash, 8);
}

bool segment_header_decode(const uint8_t *data, size_t len, uint64_t number, struct segment_header *out)
{
    struct cursor c = cursor_of(data, len);
    struct str magic = cursor_take(&c, 8);
    uint64_t version = cursor_u64(&c);
    *out = (struct segment_header){.number = cursor_u64(&c), .first_lsn = cursor_u64(&c)};
    out->created_ms = (time_ms_t)cursor_u64(&c);
    out->life = cursor_u64(&c);
    (void)cursor_take(&c, HEADER_RESERVED_BYTES);
    uint64_t checksum = cursor_u64(&c);
    if (c.bad || memcmp(magic.ptr, SEGMENT_MAGIC, 8) != 0 || version != SEGMENT_VERSION)
        return false;
    return out->number == number && XXH3_64bits_withSeed(data, HEADER_HASHED_BYTES, number) == checksum;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

enum tm_err segment_list(int folder, uint64_t **numbers, size_t *count)
{
    *numbers = NULL;
    *count = 0;
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        enum tm_err why_not = errno == ENOMEM ? TM_NOMEM : TM_IO;
        if (fd >= 0)
            close(fd);
        return why_not;
    }
    uint64_t *list = NULL;
    size_t capacity = 0;
    enum tm_err err = TM_OK;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        uint64_t number = parse_name(entry->d_name);
        if (number == 0)
            continue;
        uint64_t *grown = grow_array(list, &capacity, *count + 1, sizeof number);
        if (!grown) {
            err = TM_NOMEM;
            break;
        }
        list = grown;
        list[(*count)++] = number;
    }
    closedir(dir);
    if (err) {
        free(list);
        *count = 0;
        return err;
    }
    if (*count > 0)
        qsort(list, *count, sizeof(uint64_t), compare_numbers);
    *numbers = list;
    return TM_OK;
}

static enum tm_err read_all(int fd, uint8_t *data, size_t *len)
{
    size_t at = 0;
    while (at < *len) {
        ssize_t got = pread(fd, data + at, *len - at, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return TM_IO;
        if (got == 0)
            break;
        at += (size_t)got;
    }
    *len = at;
    return TM_OK;
}

enum tm_err segment_read(int folder, uint64_t number, size_t max, uint8_t **data, size_t *len)
{
    char name[SEGMENT_NAME_BYTES];
    segment_name(number, name);
    *data = NULL;
    *len = 0;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? TM_NOT_FOUND : TM_IO;
    enum tm_err err = TM_IO;
    struct stat info;
    if (fstat(fd, &info) != 0)
        goto out;
    *len = (size_t)info.st_size;
    if (max != 0 && *len > max)
        *len = max;
    err = TM_NOMEM;
    *data = malloc(*len + 1);
    if (!*data)
        goto out;
    err = read_all(fd, *data, len);
out:
    close(fd);
    if (err) {
        free(*data);
        *data = NULL;
    }
    return err;
}
