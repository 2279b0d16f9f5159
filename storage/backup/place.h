/* DEST: which backups are in it, and who may add one. Private to storage/backup. */
#ifndef TM_STORAGE_BACKUP_PLACE_H
#define TM_STORAGE_BACKUP_PLACE_H

#include <stdbool.h>

#include "storage/backup/tree.h"
#include "storage/model/clock.h"

enum { PLACE_NAME_BYTES = 64 };
#define PLACE_MAKING ".making"

/* "2026-11-23T04-20-00.123Z" */
void place_name(time_ms_t time, char out[PLACE_NAME_BYTES]);

/* The newest backup in dest by its name, NUL-ended in out; empty: there is none. TM_IO. */
enum tm_err place_newest(const char *dest, char out[PLACE_NAME_BYTES], struct tm_why *why) TM_MUST_CHECK;

/* Makes dest if it is missing, takes its lock and removes what dead ones left unfinished. *lock is a
 * descriptor, to be closed. TM_BUSY, TM_IO, TM_NO_SPACE. */
enum tm_err place_enter(const char *dest, int *lock, struct tm_why *why) TM_MUST_CHECK;

#endif
