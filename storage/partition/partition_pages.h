/* The file `pages` of a sealed partition: a hash of every page of data.mdb, which LMDB itself does not have.
 * Its presence is what makes a partition sealed on disk. Private to storage/partition*.c. */
#ifndef TM_STORAGE_PARTITION_PAGES_H
#define TM_STORAGE_PARTITION_PAGES_H

#include <stddef.h>
#include <stdint.h>

#include "storage/model/err.h"

/* Zero-initialised is closed. */
struct partition_pages {
    const uint8_t *map; /* of the file; NULL: closed */
    size_t map_bytes;
    uint32_t page_bytes;
    uint64_t count;
    uint32_t branch_count;
};

/* Hashes data.mdb in folder and writes folder/pages, durably and at once. TM_CORRUPT (data is no
 * environment), TM_IO, TM_NO_SPACE, TM_NOMEM. */
enum tm_err pages_write(const char *folder, struct tm_why *why) TM_MUST_CHECK;

/* Reads folder/pages and checks it, the size of data.mdb, and its meta and branch pages, by reading, so that
 * damage there never meets LMDB. TM_CORRUPT, TM_NOT_FOUND, TM_IO, TM_NOMEM. */
enum tm_err pages_open(struct partition_pages *pages, const char *folder, struct tm_why *why) TM_MUST_CHECK;

/* Unmaps the file; zeroed then. Closed already: nothing. */
void pages_close(struct partition_pages *pages);

/* Does page number, whose bytes these are, still hold what was sealed? TM_CORRUPT. Any thread. */
enum tm_err pages_check(const struct partition_pages *pages, uint64_t number,
                        const uint8_t *bytes) TM_MUST_CHECK;

/* Reads all pages of folder/data.mdb and calls damaged with the number of each that differs. TM_IO, TM_NOMEM.
 */
enum tm_err pages_check_all(const struct partition_pages *pages, const char *folder,
                            void (*damaged)(void *arg, uint64_t page), void *arg,
                            struct tm_why *why) TM_MUST_CHECK;

#endif
