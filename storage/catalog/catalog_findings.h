/* Findings in the catalog: by kind, time and id, and by kind and id. */
#ifndef TM_STORAGE_CATALOG_FINDINGS_H
#define TM_STORAGE_CATALOG_FINDINGS_H

#include "storage/catalog/catalog.h"
#include "storage/findings/findings.h"

/* One bounded step, of about most_bytes at most: replaces the content of out by the wanted ones among the
 * next, each as its time (8 bytes) and its line as bytes_str, and moves the place behind all it looked at
 * (not begun: from wanted->behind on). TM_NOT_FOUND: the end is reached; out may hold some all the same. With
 * an id: only that, and always the end. Errors as catalog_events_next. Any thread. */
enum tm_err catalog_findings_next(struct catalog *catalog, const struct findings_wanted *wanted,
                                  struct findings_place *place, size_t most_bytes, struct bytes *out,
                                  struct tm_why *why) TM_MUST_CHECK;

/* Removes what is older than time, as storage/findings/findings.h says what stays; a bounded number of them.
 * *is_more: call again. Errors as catalog_open. */
enum tm_err catalog_forget_findings(struct catalog *catalog, time_ms_t time, bool *is_more,
                                    struct tm_why *why) TM_MUST_CHECK;

#endif
