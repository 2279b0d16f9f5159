/* Which days' rollups stand for samples that are gone. When the raw samples of a day are dropped, the tag of
 * its rollups is noted here as final: rows up to it stay, and rows of samples that came for the day later are
 * added to them. Threads as catalog.h; reading in any. */
#ifndef TM_STORAGE_CATALOG_FINAL_H
#define TM_STORAGE_CATALOG_FINAL_H

#include "storage/catalog/catalog.h"

enum { CATALOG_FINALS = 16 };

/* The final tags of a day, ascending: one each time that its raw samples were dropped. */
struct catalog_finals {
    uint64_t tags[CATALOG_FINALS];
    size_t count;
};

/* None, if the day has none. TM_CORRUPT, TM_IO, TM_NOMEM. */
enum tm_err catalog_final_get(struct catalog *catalog, uint32_t day, struct catalog_finals *out,
                              struct tm_why *why) TM_MUST_CHECK;

/* The last day that has any. TM_NOT_FOUND. TM_CORRUPT, TM_IO, TM_NOMEM. */
enum tm_err catalog_final_last(struct catalog *catalog, uint32_t *out, struct tm_why *why) TM_MUST_CHECK;

/* Adds a tag behind the others, durably; nothing if it is not above them. TM_LIMIT: the day has
 * CATALOG_FINALS of them. Errors else as catalog_open. */
enum tm_err catalog_final_add(struct catalog *catalog, uint32_t day, uint64_t tag,
                              struct tm_why *why) TM_MUST_CHECK;

#endif
