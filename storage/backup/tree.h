/* Folders of a few levels: making, removing, copying with a hash. Private to storage/backup. */
#ifndef TM_STORAGE_BACKUP_TREE_H
#define TM_STORAGE_BACKUP_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/model/err.h"

enum { TREE_PATH_BYTES = 4096, TREE_DEPTH_MAX = 6 };

struct tree_path {
    char text[TREE_PATH_BYTES];
};

/* a/b. TM_INVALID: too long. */
enum tm_err tree_join(const char *a, const char *b, struct tree_path *out, struct tm_why *why) TM_MUST_CHECK;

/* Makes a folder (0750); one that is there is fine. */
enum tm_err tree_make(const char *path, struct tm_why *why) TM_MUST_CHECK;

/* Removes a folder and all in it; not there: TM_OK. Symbolic links are removed, not followed. */
enum tm_err tree_remove(const char *path, struct tm_why *why) TM_MUST_CHECK;

/* Makes the entries of a folder and of all below it durable. */
enum tm_err tree_sync(const char *path, struct tm_why *why) TM_MUST_CHECK;

/* A regular file below a folder: its path is relative to it. */
struct tree_file {
    char *path;
    uint64_t bytes;
};
struct tree_files {
    struct tree_file *at;
    size_t count;
    size_t capacity;
};

/* The regular files below root, sorted by path, down to TREE_DEPTH_MAX. The caller frees them with
 * tree_files_fini; after an error there is nothing to free. TM_IO, TM_NOMEM, TM_NOT_FOUND. */
enum tm_err tree_files(const char *root, struct tree_files *out, struct tm_why *why) TM_MUST_CHECK;

/* Frees the paths and the list, which is empty then. */
void tree_files_fini(struct tree_files *files);

/* A copy to be made. to: NULL, if the file is only to be read. each is called behind every MiB or so with how
 * many bytes that were; it may be NULL. hash and bytes are results. */
struct tree_copy {
    const char *from;
    const char *to;
    void (*each)(void *arg, uint64_t bytes);
    void *arg;
    uint64_t hash;
    uint64_t bytes;
};

/* Copies a file, or only reads it, and tells the XXH3 of its bytes and how many they are. The copy is new (it
 * must not exist) and synced. TM_NO_SPACE, TM_IO, TM_EXISTS, TM_NOT_FOUND, TM_NOMEM. */
enum tm_err tree_copy(struct tree_copy *copy, struct tm_why *why) TM_MUST_CHECK;

/* Whether two files hold the same bytes; false also if one can't be read. */
bool tree_same(const char *a, const char *b);

#endif
