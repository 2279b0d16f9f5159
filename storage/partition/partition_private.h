/* What the files of partitions share. Private to storage/partition*.c. */
#ifndef TM_STORAGE_PARTITION_PRIVATE_H
#define TM_STORAGE_PARTITION_PRIVATE_H

#include <lmdb.h>
#include <pthread.h>

#include "storage/lmdb_guard.h"
#include "storage/log_level.h"
#include "storage/model/bytes.h"
#include "storage/partition/partition.h"
#include "storage/partition/partition_deaths.h"
#include "storage/partition/partition_files.h"
#include "storage/partition/partition_format.h"
#include "storage/partition/partition_pages.h"
#include "storage/partition/present.h"

/* The windows of a partition, ascending. Readers hold a reference and the count they saw; only places behind
 * every count that was seen are written. */
struct partition_windows {
    unsigned references; /* under the set's lock */
    size_t count;        /* under the set's lock */
    size_t capacity;
    struct partition_window items[];
};

enum partition_state {
    PARTITION_CLOSED,
    PARTITION_OPENING, /* by one thread; the others wait */
    PARTITION_OPEN
};

/* Everything but id and suffix is under the set's lock, or belongs to whoever is inside (steps > 0) or has
 * parked it. */
struct partition {
    struct partition_id id;
    const char *suffix; /* "" but for one that is being made */
    enum partition_state state;
    bool parked;     /* nobody may come in: growth, replacement, removal */
    bool damaged;    /* nobody may come in any more */
    bool broken;     /* a rename failed half way: nobody may come in until the next partitions_open */
    bool abandoned;  /* an LMDB assertion failed: its environment is never closed */
    bool is_written; /* a writer or rewrite is under way */
    bool sealed;     /* known once it was opened, or by its file `pages` */
    unsigned steps;  /* inside: read steps and write transactions */
    uint64_t used;   /* when last, for the choice of whom to close */
    uint64_t generation;
    MDB_env *env;
    MDB_dbi chunks;
    MDB_dbi windows_table;
    MDB_dbi meta_table;
    size_t map_bytes;
    uint64_t inode;
    const uint8_t *map;           /* of a sealed one: where page 0 lies */
    struct partition_pages pages; /* of a sealed one */
    struct partition_meta meta;
    struct partition_windows *windows;
    struct present sound; /* windows of a writable one that were compared with their entries */
    uint32_t sound_to;    /* all up to this one were */
    int death_slot;
    uint64_t foreign_txn; /* the oldest transaction of another process, 0: none */
    int64_t foreign_since_ns;
};

/* In the name of a folder that was set aside. */
#define PARTITION_ASIDE ".quarantine"

struct partitions {
    struct partitions_options options;
    char dir[PARTITION_DIR_BYTES];
    pthread_mutex_t lock;
    pthread_cond_t changed; /* any state, parked, steps */
    struct partition **all; /* ascending by tier, period, late */
    size_t count;
    size_t capacity;
    struct partition *spare; /* for the next one that is added */
    uint64_t stamp;
    uint64_t generation;
    struct partition_step *oldest;
    struct partition_step *newest;
    struct partitions_stats stats;
    struct partition_deaths deaths;
    struct sweepings later; /* the owner's */
    unsigned watched_tiers;
    struct present *watching; /* the owner's; takes every series that is written. NULL: none */
};

/* The lanes of a step that follows: windows whose places are kept; of two with the same rest the one looked
 * at last has it. */
enum { PARTITION_LANES = 32 };

/* ---- partition_set.c: who is there, who may come in ---- */

/* Takes the lock: no function below that takes it may be called until set_unlock. */
void set_lock(struct partitions *set);
/* Gives it back. */
void set_unlock(struct partitions *set);
/* NULL if there is none. Locked. */
struct partition *set_find(struct partitions *set, struct partition_id id);
/* Makes room for one entry: the next set_add can't fail. False: out of memory, or too many. Locked. */
bool set_reserve(struct partitions *set);
/* Adds an entry in its place, or gives the one that is there. NULL: out of memory. Locked. */
struct partition *set_add(struct partitions *set, struct partition_id id);
/* Takes the entry out and frees it. It must be parked and closed. Locked. */
void set_remove(struct partitions *set, struct partition *partition);
/* Reads the folder's names into the table. */
enum tm_err set_list_folder(struct partitions *set, struct tm_why *why) TM_MUST_CHECK;
/* One line to the log; the text as printf. */
void set_log(const struct partitions *set, int level, const char *id, const char *format, ...)
    TM_PRINTF(4, 5);
/* Tells a test that work comes by; nothing if none listens. */
void set_fault_point(const struct partitions *set, const char *name);

/* ---- partition_gate.c: coming in, parking, closing ---- */

/* Comes in once; opens the environment if needed. *again: look the partition up anew and try again. Locked,
 * but unlocks meanwhile. */
enum tm_err door_try(struct partitions *set, struct partition *partition, bool *again,
                     struct tm_why *why) TM_MUST_CHECK;
/* Comes in; the partition can't vanish (owner). Takes the lock. */
enum tm_err door_enter(struct partitions *set, struct partition *partition, struct tm_why *why) TM_MUST_CHECK;
/* Goes out; who waits to park it may go on. Takes the lock. */
void door_leave(struct partitions *set, struct partition *partition);
/* Waits until nobody is inside and keeps everybody out. Takes the lock. */
void door_park(struct partitions *set, struct partition *partition);
/* Lets others in again. Takes the lock. */
void door_unpark(struct partitions *set, struct partition *partition);
/* Closes the environment; nobody is inside. Locked or parked. */
void door_close(struct partitions *set, struct partition *partition);

/* ---- partition_env.c: one environment ---- */

/* Opens the environment, reads meta and windows. */
enum tm_err env_open(struct partitions *set, struct partition *partition, struct tm_why *why) TM_MUST_CHECK;
/* Closes it, or abandons it if an assertion failed inside. */
void env_close(struct partition *partition);
/* What a result of LMDB means here; damage is marked. rc is not 0. */
enum tm_err env_fail(struct partitions *set, struct partition *partition, int rc, const char *what,
                     struct tm_why *why) TM_MUST_CHECK;
/* Marks the partition as damaged. Any thread, not locked. */
void env_damaged(struct partitions *set, struct partition *partition, const char *reason);
/* A partition's name in texts. */
struct partition_label {
    char text[PARTITION_NAME_BYTES];
};

/* As "raw/2026-11-22.late". */
struct partition_label env_label(const struct partition *partition);

/* The windows that txn sees. Guarded by the caller. An LMDB result, ENOMEM, or MDB_CORRUPTED. */
int env_load_windows(MDB_txn *txn, MDB_dbi table, struct partition_windows **out);

/* ---- partition_sound.c: damage of a partition without hashes of its pages ---- */

/* Before the first read of the window at this place of the step: its pages and keys are compared with its
 * entry. A place behind all: nothing. TM_CORRUPT: the partition is marked as damaged. */
enum tm_err sound_window(struct partition_step *step, size_t place, struct tm_why *why) TM_MUST_CHECK;
/* All windows of a partition, whatever was compared before; the caller is inside. */
enum tm_err sound_all(struct partitions *set, struct partition *partition, struct tm_why *why) TM_MUST_CHECK;

/* ---- partition_txn.c: one write transaction ---- */

/* What one transaction does, in this order; each part may be missing. */
struct txn_job {
    struct partitions *set;
    struct partition *partition;
    const struct bytes *chunks; /* key, length (u32), value, and so on */
    const struct partition_window *window;
    const struct partition_meta *meta;
    uint32_t remove_from; /* chunks of windows from this one on are removed; 0: none */
    uint32_t remove_left; /* at most so many */
    bool removed_all;
};
/* Runs the job and syncs it; grows the map and opens a dead environment anew. Owner. */
enum tm_err txn_run(struct txn_job *job, struct tm_why *why) TM_MUST_CHECK;
/* Closes a dead environment; whoever comes in next opens it again. Waits for those inside. */
void txn_reopen(struct partitions *set, struct partition *partition);

/* Chunks on their way into a partition, in transactions of bounded size. */
struct chunk_sink {
    struct partitions *set;
    struct partition *partition;
    struct bytes buffer;
    unsigned buffered;
    struct partition_key last;
    struct partition_window window; /* totals so far */
    uint64_t value_bytes;
    struct manifest_hash *manifest; /* NULL: none is made */
};

/* Adds a chunk, copied; a full buffer is written as one transaction. Errors as partition_writer_put. */
enum tm_err sink_put(struct chunk_sink *sink, uint32_t series, uint32_t part, struct str value,
                     const struct partition_extent *extent, struct tm_why *why) TM_MUST_CHECK;
/* Writes the rest, with the window's entry and meta (may be NULL). */
enum tm_err sink_finish(struct chunk_sink *sink, const struct partition_meta *meta,
                        struct tm_why *why) TM_MUST_CHECK;

/* ---- partition_write.c; partition_seal.c: a period taken and given ---- */

/* An empty environment in `<period>.making`, not in the table. NULL inside on failure. Freed by make_end. */
enum tm_err make_begin(struct partitions *set, struct partition_id id, const struct partition_meta *meta,
                       struct partition **out, struct tm_why *why) TM_MUST_CHECK;
/* Closes it and frees the entry, *made is NULL then; its folder stays as it is. NULL inside is allowed. */
void make_end(struct partitions *set, struct partition **made);
/* The main partition of a period, or its late one if that is sealed, made if it is missing, and reserved: not
 * is_written by anybody else. */
enum tm_err make_writable(struct partitions *set, enum partition_tier tier, uint32_t period,
                          struct partition **out, struct tm_why *why) TM_MUST_CHECK;
/* Takes a period for the owner alone: neither main nor late is written. *main and *late may be NULL after. */
enum tm_err period_take(struct partitions *set, enum partition_tier tier, uint32_t period,
                        struct partition **main, struct partition **late, struct tm_why *why) TM_MUST_CHECK;
/* Gives it back to others. Either may be NULL. Takes the lock. */
void period_give(struct partitions *set, struct partition *main, struct partition *late);

/* Removes the chunks of a window that was never finished, behind the last one that was. Owner. */
enum tm_err remove_unfinished(struct partitions *set, struct partition *partition,
                              struct tm_why *why) TM_MUST_CHECK;

/* ---- partition_follow.c ---- */

/* Under which suffix a partition's folder stands, for a reader of what another process writes: "", but for a
 * main one whose successor is finished (`.new`, `.merged`) while its own place is empty, or its late one
 * aside already. Its writer may have died there. Always one of suffix_text's. */
const char *follow_suffix(const struct partitions *set, struct partition_id id);

/* ---- partition_replace.c ---- */

/* Puts the finished folder `<period>.making` in the place of the main partition (there may be none).
 * is_merged: its content was merged anew, from the late partition too, which goes away. Both are parked
 * meanwhile. */
enum tm_err replace_main(struct partitions *set, struct partition_id id, bool is_merged,
                         struct tm_why *why) TM_MUST_CHECK;
/* Finishes or undoes what was interrupted, by the names in the folder of a tier. */
enum tm_err replace_recover(struct partitions *set, enum partition_tier tier,
                            struct tm_why *why) TM_MUST_CHECK;
/* Renames the partition's folder to `.quarantine`. Owner; takes the lock. */
void quarantine_rename(struct partitions *set, struct partition *partition);

/* partition_seal.c. Writes the file `pages` of a finished, closed environment and removes its lock file. */
enum tm_err seal_folder(struct partitions *set, struct partition *partition,
                        struct tm_why *why) TM_MUST_CHECK;

#endif
