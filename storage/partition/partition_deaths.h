/* Which partitions are being read or written at this moment, in a small shared file, so that the next start
 * knows in which one the last one died. Private to storage/partition*.c. */
#ifndef TM_STORAGE_PARTITION_DEATHS_H
#define TM_STORAGE_PARTITION_DEATHS_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/model/err.h"

enum { DEATHS_SLOTS = 256, DEATHS_NAME_BYTES = 40 };

struct deaths_slot {
    char name[DEATHS_NAME_BYTES]; /* "raw/2026-11-22"; empty: free */
    _Atomic uint32_t inside;      /* steps and transactions */
    uint32_t deaths;              /* starts that ended inside, not yet tried */
};

/* Zero-initialised is closed: nothing is noted. */
struct partition_deaths {
    struct deaths_slot *slots;
};

/* Maps dir/reading, made if missing, and counts the deaths of the last run. A damaged file starts afresh. */
enum tm_err deaths_open(struct partition_deaths *deaths, const char *dir, struct tm_why *why) TM_MUST_CHECK;

/* Unmaps the file. Closed already: nothing. */
void deaths_close(struct partition_deaths *deaths);

/* The slot of a partition, -1 if there is no room; not thread-safe. */
int deaths_take(struct partition_deaths *deaths, const char *name);

/* Gives a slot back: without deaths it is free, else it stays for its partition. -1: nothing. */
void deaths_give(struct partition_deaths *deaths, int slot);

/* Before everything that touches the partition's bytes; any thread. -1: nothing is noted. */
void deaths_enter(struct partition_deaths *deaths, int slot);

/* And behind it, once for each deaths_enter. */
void deaths_leave(struct partition_deaths *deaths, int slot);

/* A partition that ended two runs; its count is reset. NULL: none (left). Valid until the next call. */
const char *deaths_suspect(struct partition_deaths *deaths, char name[DEATHS_NAME_BYTES]);

#endif
