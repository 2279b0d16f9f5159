/* A check and what it found, as one JSON document: for the command line and the daemon alike. */
#ifndef TM_STORAGE_CHECK_DOCUMENT_H
#define TM_STORAGE_CHECK_DOCUMENT_H

#include "storage/check/check.h"
#include "storage/model/bytes.h"

typedef void check_progress_fn(void *arg, const char *place, uint64_t done_bytes, uint64_t all_bytes);

/* Checks dir (check_run) and appends {"sound":...,"damages":N,"items":[{"kind","place","text"}],...} to out.
 * Damage is no error here: `sound` says it. progress may be NULL. Errors as check_run. */
enum tm_err check_document(const char *dir, check_progress_fn *progress, void *arg, struct bytes *out,
                           struct tm_why *why) TM_MUST_CHECK;

#endif
