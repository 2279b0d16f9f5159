/* The file BACKUP. First byte, its low bit: 0, the rest is the file; 1, the rest are its lines, put between a
 * head and an end that fit. What is taken names no file out of its folder, and comes back when it is written
 * again. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "storage/backup/manifest.h"
#include "storage/model/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char folder[32];
static char path[64];

static void require(bool good)
{
    if (!good)
        abort();
}

static void remove_folder(void)
{
    (void)unlink(path);
    (void)rmdir(folder);
}

static void make_folder(void)
{
    if (folder[0])
        return;
    (void)snprintf(folder, sizeof folder, "/dev/shm/tm-fuzz-XXXXXX");
    require(mkdtemp(folder) != NULL && atexit(remove_folder) == 0);
    (void)snprintf(path, sizeof path, "%s/" MANIFEST_NAME, folder);
}

static void write_file(const uint8_t *data, size_t len)
{
    FILE *f = fopen(path, "we");
    require(f && fwrite(data, 1, len, f) == len);
    require(fclose(f) == 0);
}

static void write_sealed(const uint8_t *data, size_t len)
{
    struct bytes text = {0};
    bytes_printf(&text, "tidemark backup 1\n");
    bytes_put(&text, data, len);
    require(!text.failed);
    bytes_printf(&text, "end %016llx\n", (unsigned long long)XXH3_64bits(text.data, text.len));
    require(!text.failed);
    write_file(text.data, text.len);
    bytes_fini(&text);
}

/* No step of the path leads upwards. */
static bool is_inside(const char *name)
{
    if (!name[0] || name[0] == '/')
        return false;
    for (const char *at = name; at; at = strchr(at, '/')) {
        at += at[0] == '/';
        if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0'))
            return false;
    }
    return true;
}

static void check_again(const struct manifest *manifest)
{
    struct manifest again = {.count = 0};
    struct tm_why why = {""};
    (void)unlink(path);
    require(manifest_write(manifest, folder, &why) == TM_OK);
    require(manifest_read(&again, folder, &why) == TM_OK);
    require(again.lsn == manifest->lsn && again.time == manifest->time);
    require(again.count == manifest->count && again.damaged_count == manifest->damaged_count);
    for (size_t i = 0; i < again.count; i++) {
        const struct manifest_file *a = &again.files[i], *b = &manifest->files[i];
        require(strcmp(a->path, b->path) == 0 && a->bytes == b->bytes && a->hash == b->hash);
        require(is_inside(a->path));
    }
    for (size_t i = 0; i < again.damaged_count; i++)
        require(strcmp(again.damaged[i], manifest->damaged[i]) == 0);
    manifest_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct manifest manifest = {.count = 0};
    struct tm_why why = {""};
    if (len == 0)
        return 0;
    make_folder();
    if (data[0] & 1)
        write_sealed(data + 1, len - 1);
    else
        write_file(data + 1, len - 1);
    enum tm_err err = manifest_read(&manifest, folder, &why);
    require(err == TM_OK || err == TM_CORRUPT);
    if (err)
        require(manifest.count == 0 && !manifest.files && why.text[0]);
    else
        check_again(&manifest);
    manifest_free(&manifest);
    return 0;
}
