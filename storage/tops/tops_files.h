/* Blocks of rankings in their partitions, for readers. Any thread, with a struct tops_files of its own. */
#ifndef TM_STORAGE_TOPS_FILES_H
#define TM_STORAGE_TOPS_FILES_H

#include <stdbool.h>

#include "storage/contents.h"
#include "storage/partition/partition.h"
#include "storage/tops/tops_block.h"

/* A day as one query sees it. Raw events of a day come first: a window of rankings counts only if it covers
 * none of them, that is, if its tag is below theirs. */
struct tops_day {
    uint32_t day;
    uint64_t raw_tag;  /* the lowest of the raw windows that are seen; UINT64_MAX: none */
    uint64_t tops_tag; /* the highest of the windows of rankings that count; 0: none does */
};

struct tops_plan {
    struct tops_day *days; /* ascending, those with rankings that count or with raw events */
    size_t count;
    size_t capacity;
    bool has_tops; /* of one day at least */
};

/* Frees the days; it is empty then. */
void tops_plan_fini(struct tops_plan *plan);

/* What the days of span have, of what was flushed up to `until`. TM_BUSY: rankings are there of what was
 * flushed later: begin anew. TM_CORRUPT (a damaged partition is set aside), TM_IO, TM_NOMEM. */
enum tm_err tops_plan_make(struct partitions *set, const struct contents *contents, uint64_t until,
                           struct span span, struct tops_plan *out, struct tm_why *why) TM_MUST_CHECK;
/* Whether two plans are the same. */
bool tops_plan_equal(const struct tops_plan *a, const struct tops_plan *b);
/* Moves each end of span that lies in a day with rankings that count out to a whole hour. */
void tops_plan_widen(const struct tops_plan *plan, struct span *span);

/* What a reading works with. Set partitions, zero the rest; tops_files_fini frees what it gathered. */
struct tops_files {
    struct partitions *partitions;
    struct tops_place {
        struct partition_key key;
        bool late;
    } * places;
    size_t count;
    size_t capacity;
    struct bytes bytes;
    struct tops_block block;
};

/* Frees what it gathered; the partitions are the caller's. To be called once. */
void tops_files_fini(struct tops_files *files);

/* Lists the blocks of a day that count and reach into span. Errors as tops_plan_make. */
enum tm_err tops_files_list(struct tops_files *files, const struct tops_day *day, struct span span,
                            struct tm_why *why) TM_MUST_CHECK;
/* Opens one (files->block). TM_NOT_FOUND: its day was removed meanwhile. Else as tops_plan_make. */
enum tm_err tops_files_open(struct tops_files *files, uint32_t day, const struct tops_place *place,
                            struct tm_why *why) TM_MUST_CHECK;
/* A block is none, although its checksum is right: sets its partition aside, is TM_CORRUPT. */
enum tm_err tops_files_damaged(struct partitions *set, struct partition_id id,
                               struct tm_why *why) TM_MUST_CHECK;

/* Checks a block, every sketch in it, and tells its extent. TM_CORRUPT, TM_NOMEM. */
enum tm_err tops_files_check(struct partition_id id, const struct partition_item *item,
                             struct tops_block *scratch, struct partition_extent *out) TM_MUST_CHECK;

#endif
