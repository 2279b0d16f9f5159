/* Names and folders of partitions, and changing them durably. Private to storage/partition*.c. */
#ifndef TM_STORAGE_PARTITION_FILES_H
#define TM_STORAGE_PARTITION_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/partition/partition.h"
#include "storage/partition/partition_sweep.h"

enum { PARTITION_DIR_BYTES = 3072, PARTITION_PATH_BYTES = 3200, PARTITION_NAME_BYTES = 64 };

struct partition_path {
    char text[PARTITION_PATH_BYTES];
};

/* What stands behind a partition's name in its folder's name. */
enum partition_suffix {
    SUFFIX_NONE,
    SUFFIX_MAKING,  /* unfinished: removed at open */
    SUFFIX_NEW,     /* finished: takes the place of the main one at open */
    SUFFIX_MERGED,  /* the same, and the late one goes away */
    SUFFIX_OLD,     /* was replaced: removed at open */
    SUFFIX_DROPPED, /* was dropped: removed at open */
    SUFFIX_COUNT
};

/* "", ".making" and so on; static. */
const char *suffix_text(enum partition_suffix suffix);

/* dir/tier/period[.late]suffix; file, if not NULL, inside it. */
struct partition_path path_of(const char *dir, struct partition_id id, const char *suffix, const char *file);
/* dir/tier */
struct partition_path path_of_tier(const char *dir, enum partition_tier tier);
/* tier/period[.late]suffix */
void path_label(struct partition_id id, const char *suffix, char out[PARTITION_NAME_BYTES]);
/* Reads a folder's name. TM_INVALID: not one of the above (a quarantine, for example). */
enum tm_err path_parse(enum partition_tier tier, const char *name, struct partition_id *id,
                       enum partition_suffix *suffix) TM_MUST_CHECK;

/* TM_NO_SPACE, TM_NOMEM, TM_NOT_FOUND or TM_IO by errno, and the sentence. */
enum tm_err file_fail(struct tm_why *why, const char *what, const char *path);
/* Is there anything of this path? False also if it can't be told. */
bool file_exists(const char *path);
/* 0 if it is not there. */
uint64_t file_bytes(const char *path, uint64_t *inode);
/* Makes entries of a folder durable. */
enum tm_err folder_sync(const char *path, struct tm_why *why) TM_MUST_CHECK;
/* fsync of one file. */
enum tm_err file_sync(const char *path, struct tm_why *why) TM_MUST_CHECK;
/* rename and fsync of the tier's folder. TM_NOT_FOUND: from is not there. */
enum tm_err folder_rename(const char *dir, enum partition_tier tier, const char *from, const char *to,
                          struct tm_why *why) TM_MUST_CHECK;
/* Removes a folder of files; not there: TM_OK. The removal is durable on return; the room of big files comes
 * back with the steps of later (NULL: at once). */
enum tm_err folder_remove(const char *dir, enum partition_tier tier, const char *path,
                          struct sweepings *later, struct tm_why *why) TM_MUST_CHECK;
/* Copies one file and syncs it; to must not exist. */
enum tm_err file_copy(const char *from, const char *to, struct tm_why *why) TM_MUST_CHECK;

#endif
