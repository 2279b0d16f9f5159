/* Files and folders below an open folder. Private to reports/files*.c. */
#ifndef TM_REPORTS_FILES_PRIVATE_H
#define TM_REPORTS_FILES_PRIVATE_H

#include "reports/files.h"

/* Opens a folder, made if it is missing. -1: errno. */
int files_enter(int folder, const char *name);
/* Writes a new file and syncs it. TM_IO, TM_NO_SPACE. */
enum tm_err files_put(int folder, const char *name, struct str content, struct tm_why *why) TM_MUST_CHECK;
/* Appends a file of at most `most` bytes. TM_NOT_FOUND, TM_TOO_LARGE, TM_IO, TM_NOMEM: part of it may be in
 * out. */
enum tm_err files_get(int folder, const char *path, size_t most, struct bytes *out) TM_MUST_CHECK;
/* Removes a folder with all that is in it, as far as that goes; what is missing is no fault. */
void files_remove(int folder, const char *name);
/* Copies a folder's files and folders into another; few levels. */
enum tm_err files_copy(int from, int to, struct tm_why *why) TM_MUST_CHECK;
/* errno as a sentence. */
enum tm_err files_fail(struct tm_why *why, const char *what, const char *name);

/* What differs between two reports' JSON, as Markdown. Nothing where one of them is none. */
void files_changes(struct str before, struct str after, struct bytes *out);
/* The ledger with one entry more: the set as it stands now. before: the ledger so far, or empty. revision:
 * of the new entry. */
void files_ledger(struct str before, const struct files_set *set, size_t revision, time_ms_t made_ms,
                  struct bytes *out);
/* The last revision that a ledger tells of; 0: none. */
size_t files_revision(struct str ledger);

#endif
