/* Records, names and hash files of partitions: whatever decodes, encodes to the same bytes; nothing else
 * does. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/partition/partition_files.h"
#include "storage/partition/partition_format.h"
#include "storage/partition/partition_pages.h"

static void check(int condition)
{
    if (!condition)
        abort();
}

/* Puts the right checksum under a record, so that the fields behind it are reached as well. */
static void try_window(struct str bytes)
{
    uint8_t again[PARTITION_WINDOW_BYTES];
    struct partition_window window, second;
    struct str key = {bytes.ptr, bytes.len < 4 ? bytes.len : 4};
    struct str value = {bytes.ptr + key.len, bytes.len - key.len};
    if (window_decode(key, value, &window) == TM_OK) {
        size_t len = window_encode(&window, again);
        check(value.len == len && memcmp(again, value.ptr, len) == 0);
    }
    if (value.len < 40)
        return;
    uint32_t number;
    memcpy(&number, key.ptr, 4);
    window = (struct partition_window){.window = __builtin_bswap32(number)};
    memcpy(&window.first, value.ptr, 8);
    memcpy(&window.last, value.ptr + 8, 8);
    memcpy(&window.chunks, value.ptr + 16, 8);
    memcpy(&window.samples, value.ptr + 24, 8);
    memcpy(&window.tag, value.ptr + 32, 8);
    if (value.len >= 48)
        memcpy(&window.keys_hash, value.ptr + 40, 8);
    size_t len = window_encode(&window, again);
    check(window_decode(key, (struct str){(const char *)again, len}, &second) == TM_OK);
    check(second.first == window.first && second.tag == window.tag && second.window == window.window);
    again[(uint8_t)bytes.ptr[0] % len] ^= 1;
    check(window_decode(key, (struct str){(const char *)again, len}, &second) == TM_CORRUPT);
}

static void try_meta(struct str bytes)
{
    uint8_t again[PARTITION_META_BYTES];
    struct partition_meta meta = {.id = {.tier = PARTITION_RAW, .period = 1}}, second;
    struct partition_id id = meta.id;
    if (meta_decode(bytes, id, &second) == TM_OK) {
        meta_encode(&second, again);
        check(memcmp(again, bytes.ptr, sizeof again) == 0);
    }
    if (bytes.len < 60)
        return;
    id = meta.id = (struct partition_id){(enum partition_tier)((uint8_t)bytes.ptr[0] % PARTITION_TIERS),
                                         (uint8_t)bytes.ptr[1], bytes.ptr[2] & 1};
    meta.sealed = bytes.ptr[3] & 1;
    meta.series_major = bytes.ptr[4] & 1;
    memcpy(&meta.tag, bytes.ptr + 8, 8);
    memcpy(&meta.manifest.chunks, bytes.ptr + 16, 8);
    memcpy(meta.manifest.last, bytes.ptr + 24, PARTITION_KEY_BYTES);
    meta_encode(&meta, again);
    struct str view = {(const char *)again, sizeof again};
    check(meta_decode(view, id, &second) == TM_OK);
    check(second.sealed == meta.sealed && second.tag == meta.tag && second.id.late == id.late);
    id.period++;
    check(meta_decode(view, id, &second) == TM_CORRUPT);
    again[(uint8_t)bytes.ptr[5] % sizeof again] ^= 4;
    check(meta_decode(view, meta.id, &second) == TM_CORRUPT);
}

static void try_name(struct str bytes)
{
    char name[64], label[PARTITION_NAME_BYTES];
    struct partition_id id;
    enum partition_suffix suffix;
    if (bytes.len >= sizeof name)
        return;
    memcpy(name, bytes.ptr, bytes.len);
    name[bytes.len] = '\0';
    for (size_t tier = 0; tier < PARTITION_TIERS; tier++) {
        if (path_parse((enum partition_tier)tier, name, &id, &suffix) != TM_OK)
            continue;
        path_label(id, suffix_text(suffix), label);
        check(strcmp(strchr(label, '/') + 1, name) == 0);
    }
}

static void write_file(const char *in, const char *name, struct str bytes)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", in, name);
    FILE *f = fopen(path, "we");
    check(f && fwrite(bytes.ptr, 1, bytes.len, f) == bytes.len);
    check(fclose(f) == 0);
}

static void ignore_page(void *arg, uint64_t page)
{
    (void)arg, (void)page;
}

static char folder[32];

static void remove_folder(void)
{
    static const char *const names[] = {"data.mdb", "pages", "pages.making"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

/* The first half is data.mdb, the second one is pages; then pages as they ought to be, and a damaged byte. */
static void try_pages(struct str bytes)
{
    static char data[4 * 4096];
    struct partition_pages pages;
    if (!folder[0]) {
        (void)snprintf(folder, sizeof folder, "/dev/shm/tm-fuzz-XXXXXX");
        check(mkdtemp(folder) != NULL && atexit(remove_folder) == 0);
    }
    memset(data, 0, sizeof data);
    size_t part = bytes.len < sizeof data ? bytes.len : sizeof data;
    memcpy(data + sizeof data - part, bytes.ptr, part);
    write_file(folder, "data.mdb", (struct str){data, sizeof data});
    write_file(folder, "pages", bytes);
    if (pages_open(&pages, folder, NULL) == TM_OK) {
        check(pages_check_all(&pages, folder, ignore_page, NULL, NULL) == TM_OK);
        pages_close(&pages);
    }
    check(pages_write(folder, NULL) == TM_OK);
    check(pages_open(&pages, folder, NULL) == TM_OK);
    for (uint64_t i = 0; i < 4; i++)
        check(pages_check(&pages, i, (const uint8_t *)data + i * 4096) == TM_OK);
    data[bytes.len ? (uint8_t)bytes.ptr[0] * 64 : 0] ^= 1;
    check(pages_check(&pages, bytes.len ? (uint8_t)bytes.ptr[0] / 64 : 0,
                      (const uint8_t *)data + (bytes.len ? (uint8_t)bytes.ptr[0] / 64 * 4096 : 0)) ==
          TM_CORRUPT);
    pages_close(&pages);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str rest = {(const char *)data + 1, size - 1};
    switch (data[0] % 8) {
    case 0:
    case 1:
        try_window(rest);
        break;
    case 2:
    case 3:
        try_meta(rest);
        break;
    case 7:
        try_pages(rest);
        break;
    default:
        try_name(rest);
        break;
    }
    return 0;
}
