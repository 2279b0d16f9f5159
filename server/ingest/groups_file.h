/* DATA_DIR/page_groups: what the page groups of all services learned, kept over restarts. Counts do not hang
 * on it: they are in the journal. Without it names are learned anew. Checksummed, replaced whole by rename,
 * not synced: after a power cut it may be missing, which costs what it says above. Loop thread. */
#ifndef TM_INGEST_GROUPS_FILE_H
#define TM_INGEST_GROUPS_FILE_H

#include "server/ingest/event_cache.h"

/* TM_OK if there is none. TM_CORRUPT (it is no file of ours, or damaged), TM_IO, TM_NOMEM: what was read
 * until then is there; why says what that means. */
enum tm_err groups_file_load(const char *dir, struct event_cache *cache, struct tm_why *why) TM_MUST_CHECK;

/* TM_IO, TM_NO_SPACE, TM_NOMEM: the old one stays. */
enum tm_err groups_file_save(const char *dir, const struct event_cache *cache,
                             struct tm_why *why) TM_MUST_CHECK;

#endif
