/* The catalog's insides, for the files catalog*.c. */
#ifndef TM_STORAGE_CATALOG_PRIVATE_H
#define TM_STORAGE_CATALOG_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "storage/catalog/catalog.h"
#include "storage/findings/findings.h"
#include "storage/lmdb_guard.h"

enum { CATALOG_TABLES = 7, CATALOG_SUM_BYTES = 8, CATALOG_VERSION = 1 };
/* No block of events holds more, unpacked: what says so is damaged. */
#define CATALOG_EVENT_RAW_MAX ((uint32_t)64 << 20)

struct catalog {
    char *dir;
    char *path; /* DIR/index */
    MDB_env *env;
    MDB_dbi series;      /* first number -> a block of series */
    MDB_dbi events;      /* lsn, kind, block -> lines */
    MDB_dbi marks;       /* "promised", "finished" */
    MDB_dbi groups;      /* id -> a group of exceptions; not opened for reading */
    MDB_dbi tombstones;  /* id, part -> what a delete hides; periods that still hold it */
    MDB_dbi findings;    /* kind, time, id -> what scoring found */
    MDB_dbi finding_ids; /* kind, id -> its time */
    bool has_findings;   /* as has_tombstones */
    bool has_tombstones; /* false: written before there were any, and opened for reading */
    size_t map_bytes;
    bool read_only;
    void (*log)(void *arg, int level, const char *id, const char *text);
    void *log_arg;
    atomic_bool is_broken; /* LMDB failed an assertion: its environment is not used or closed any more */
    pthread_rwlock_t lock; /* held for writing while the map is changed, for reading in a transaction */
};

/* What a result of LMDB, or an errno, means here; rc is not 0. */
enum tm_err catalog_fail(const struct catalog *catalog, int rc, const char *what,
                         struct tm_why *why) TM_MUST_CHECK;

/* Work inside a transaction: 0 or an LMDB result, which ends it. */
typedef int catalog_work_fn(struct catalog *catalog, MDB_txn *txn, void *arg);

/* Runs work in a write transaction; again, from its beginning, in a larger map if it does not fit. what names
 * it in the error text. Errors as catalog_fail; a failed assertion of LMDB is TM_CORRUPT. */
enum tm_err catalog_write(struct catalog *catalog, catalog_work_fn *work, void *arg, const char *what,
                          struct tm_why *why) TM_MUST_CHECK;

/* Runs work in a transaction for reading. A result of work's, of LMDB, or LMDB_ASSERTION; then what work held
 * is lost. Inside, no other function of the catalog's that has a transaction. */
int catalog_read(struct catalog *catalog, catalog_work_fn *work, void *arg) TM_MUST_CHECK;

/* Clears value and leaves room for its checksum; what follows is appended, then catalog_put. */
void catalog_start_value(struct bytes *value);

/* Puts such a value under key, with the checksum of both. An LMDB result, ENOMEM if filling it failed. */
int catalog_put(MDB_txn *txn, MDB_dbi table, MDB_val key, struct bytes *value) TM_MUST_CHECK;
/* Whether the checksum is right; in then stands behind it. */
bool catalog_check(const MDB_val *key, const MDB_val *data, struct cursor *in) TM_MUST_CHECK;

/* A number in a key, big endian, so that keys stand in its order. */
void catalog_put_u32(uint8_t *at, uint32_t v);

/* Reads what catalog_put_u32 wrote. */
uint32_t catalog_get_u32(const uint8_t *at);

/* The mark `numbers`: the highest number of a series that left; 0: none did. An LMDB result. */
int catalog_load_numbers(struct catalog *catalog, MDB_txn *txn, uint32_t *last) TM_MUST_CHECK;
/* A mark behind its checksum and version; in is empty if there is none. An LMDB result; MDB_CORRUPTED. */
int catalog_load_mark(struct catalog *catalog, MDB_txn *txn, const char *name,
                      struct cursor *in) TM_MUST_CHECK;

/* Writes what groups_save gave, inside a transaction. value is scratch. An LMDB result, ENOMEM. */
int catalog_put_groups(struct catalog *catalog, MDB_txn *txn, struct str saved,
                       struct bytes *value) TM_MUST_CHECK;

/* Keys of the tables findings and finding_ids. */
enum { CATALOG_FINDING_KEY = 17, CATALOG_FINDING_ID_KEY = 9 };

/* In the table findings: kind, then time in its order from before 1970 on, then id. */
void catalog_finding_key(uint8_t key[CATALOG_FINDING_KEY], enum finding_kind kind, time_ms_t time,
                         uint64_t id);

/* In the table finding_ids, which leads from an id to its time. */
void catalog_finding_id_key(uint8_t key[CATALOG_FINDING_ID_KEY], enum finding_kind kind, uint64_t id);

/* Reads a key of the table findings: kind, time and id, the rest is empty. False: it is none. */
bool catalog_finding_place(const MDB_val *key, struct finding *out);
/* Writes the findings of a head, inside a transaction. value is scratch. An LMDB result, ENOMEM. */
int catalog_put_findings(struct catalog *catalog, MDB_txn *txn, const struct head *head,
                         struct bytes *value) TM_MUST_CHECK;

/* Reads a value of that table behind its checksum: 0, or MDB_CORRUPTED (it is none), ENOMEM. *is_what: it
 * says what is hidden, else where. */
int catalog_check_tombstone(const MDB_val *key, struct cursor in, uint64_t *id, bool *is_what) TM_MUST_CHECK;

/* Fills an empty set from the table. Called inside catalog_load's transaction. An LMDB result, ENOMEM. */
int catalog_load_tombstones(struct catalog *catalog, MDB_txn *txn, struct tombstones *out,
                            struct catalog_mark *mark) TM_MUST_CHECK;

#endif
