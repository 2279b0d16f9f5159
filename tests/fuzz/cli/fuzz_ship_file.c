/* A log that grows by pieces, read by lines and opened again at its place in between: the lines are the log,
 * each byte once. First byte: how it is cut and when it is opened again; the rest: the log. Packed input is
 * read as import and shipper read it, in pieces of any size: the same bytes, or the same refusal. */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/cli/gunzip.h"
#include "server/cli/ship/ship_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE_MAX_BYTES = 1 << 20, CONTENT_MAX = 4 << 20 };

static struct tm_why why;

static void take_lines(struct ship_file *file, bool is_last, struct bytes *out)
{
    struct str line;
    enum ship_read read = SHIP_READ_SOME;
    while (read == SHIP_READ_SOME) {
        assert(ship_file_fill(file, &read, &why) == TM_OK && read != SHIP_READ_CUT);
        while (ship_file_line(file, LINE_MAX_BYTES, is_last && read == SHIP_READ_END, &line)) {
            assert(line.len > 0 && memchr(line.ptr, '\n', line.len - 1) == NULL);
            bytes_put(out, line.ptr, line.len);
            ship_file_take(file, line);
        }
    }
}

static void check_lines(int fd, const char *path, uint8_t how, const uint8_t *data, size_t size)
{
    struct bytes out = {0};
    struct ship_file file = {.fd = -1};
    size_t step = 1 + how % 61;
    assert(ship_file_open(&file, path, NULL, &why) == TM_OK);
    for (size_t at = 0; at < size; at += step) {
        size_t len = size - at < step ? size - at : step;
        assert(pwrite(fd, data + at, len, (off_t)at) == (ssize_t)len);
        take_lines(&file, at + step >= size, &out);
        if (how & 64) {
            ship_file_close(&file);
            struct ship_place place = ship_file_place(&file);
            assert(place.offset == out.len);
            assert(ship_file_open(&file, path, &place, &why) == TM_OK);
        }
    }
    take_lines(&file, true, &out);
    assert(out.len == size && (size == 0 || memcmp(out.data, data, size) == 0));
    ship_file_close(&file);
    bytes_fini(&out);
}

static enum tm_err read_whole(int fd, size_t room, struct bytes *out)
{
    size_t len = 1;
    enum tm_err err = TM_OK;
    assert(lseek(fd, 0, SEEK_SET) == 0);
    struct gunzip *reader = gunzip_open(fd);
    assert(reader);
    while (!err && len && out->len < CONTENT_MAX) {
        uint8_t *to = bytes_reserve(out, room);
        assert(to);
        err = gunzip_read(reader, to, room, &len, &why);
        out->len += err ? 0 : len;
    }
    gunzip_close(reader);
    return err;
}

static void check_content(int fd, uint8_t how, const uint8_t *data, size_t size)
{
    struct bytes one = {0}, two = {0};
    bool is_packed = size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
    assert(pwrite(fd, data, size, 0) == (ssize_t)size);
    enum tm_err first = read_whole(fd, 256 << 10, &one);
    enum tm_err second = read_whole(fd, 1 + how, &two);
    assert(is_packed || (first == TM_OK && one.len == size && (!size || memcmp(one.data, data, size) == 0)));
    size_t both = one.len < two.len ? one.len : two.len;
    assert(both == 0 || memcmp(one.data, two.data, both) == 0);
    if (one.len < CONTENT_MAX && two.len < CONTENT_MAX)
        assert(first == second && (first || one.len == two.len));
    bytes_fini(&one);
    bytes_fini(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    if (size == 0)
        return 0;
    bool is_packed = size > 2 && data[1] == 0x1f && data[2] == 0x8b;
    int fd = memfd_create("log", 0);
    assert(fd >= 0);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (data[0] & 128 || is_packed)
        check_content(fd, data[0], data + 1, size - 1);
    else
        check_lines(fd, path, data[0], data + 1, size - 1);
    close(fd);
    return 0;
}
