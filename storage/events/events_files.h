/* Blocks of events in their partitions: what a day has, one block's bytes, verification. Any thread, with a
 * struct events_files of its own. */
#ifndef TM_STORAGE_EVENTS_FILES_H
#define TM_STORAGE_EVENTS_FILES_H

#include "storage/contents.h"
#include "storage/events/events_block.h"
#include "storage/partition/partition.h"

/* Where a block stands, and what of it matters for a choice. */
struct events_place {
    struct partition_key key;
    bool late;
    uint32_t count;
    time_ms_t first;
    time_ms_t last;
    uint64_t service; /* hash of its name */
};

/* What a reading works with. Set the first members, zero the rest; events_files_fini frees what it gathered.
 */
struct events_files {
    struct partitions *partitions;
    const struct contents *contents; /* NULL: until says it all */
    uint64_t until;             /* flushes up to this lsn are looked at: what came later is in the heads */
    uint64_t since;             /* and none up to this one */
    struct partition_view view; /* of the day, when its places were listed */
    struct events_place *places;
    size_t count;
    size_t capacity;
    struct bytes bytes;
    struct events_block block;
};

/* Frees places, bytes and the block; the members that were set are the caller's. */
void events_files_fini(struct events_files *files);

/* Lists the blocks of a day that may have events of the query, newest first by their last event. TM_CORRUPT
 * (a damaged partition is set aside), TM_BUSY (its blocks were merged with later ones since the reader was
 * opened, by another process), TM_IO, TM_NOMEM. */
enum tm_err events_files_list(struct events_files *files, uint32_t day, const struct events_query *query,
                              struct tm_why *why) TM_MUST_CHECK;

/* Opens the block at a place of the day that was listed last (files->block). TM_NOT_FOUND: its day was
 * removed meanwhile; TM_BUSY: another process has merged it meanwhile. Else as events_files_list. */
enum tm_err events_files_open(struct events_files *files, uint32_t day, const struct events_place *place,
                              struct tm_why *why) TM_MUST_CHECK;

/* A block is no block, although its checksum is right: sets its day aside, is TM_CORRUPT. */
enum tm_err events_files_damaged(struct partitions *set, struct partition_id id,
                                 struct tm_why *why) TM_MUST_CHECK;

/* Checks a block of a partition of events, every column, and tells its extent. scratch is used again and
 * again. TM_CORRUPT, TM_NOMEM. */
enum tm_err events_files_check(struct partition_id id, const struct partition_item *item,
                               struct events_block *scratch, struct partition_extent *out) TM_MUST_CHECK;

/* All partitions of events, by day; the caller frees *out. TM_NOMEM. */
enum tm_err events_files_days(struct partitions *set, struct span span, struct partition_entry **out,
                              size_t *count) TM_MUST_CHECK;

#endif
