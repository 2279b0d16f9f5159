/* The files that a log's name has led to before, sought in its folder. Part of ship_log. */
#ifndef TM_CLI_SHIP_SEARCH_H
#define TM_CLI_SHIP_SEARCH_H

#include "server/cli/ship/ship_log.h"

/* Of a log that is followed for the first time: what was rotated away before is none of ours. TM_IO,
 * TM_NOMEM. */
enum tm_err ship_search_begin(struct ship_log *log, struct tm_why *why) TM_MUST_CHECK;

/* Opens the known files that are closed and not done, wherever they are now, and those that were rotated away
 * without anybody looking; log->is_search_due tells then whether to ask
 * again. TM_IO, TM_CORRUPT, TM_NOMEM.
 */
enum tm_err ship_search(struct ship_log *log, struct tm_why *why) TM_MUST_CHECK;

/* Puts a file into the log's list, which owns it then. False: there is no room. */
bool ship_log_add(struct ship_log *log, const struct ship_file *file);

/* True if as many rotated files are open as may be. */
bool ship_log_is_crowded(const struct ship_log *log);

/* Forgets files that are done, the oldest first, down to SHIP_KEPT_MAX: what was written up to then is none
 * of the log's any more. No file of it that is not in the list may be older than until_ns. */
void ship_log_forget(struct ship_log *log, int64_t until_ns);

/* Closes the file at this index and takes it from the list. */
void ship_log_remove(struct ship_log *log, size_t index);

#endif
