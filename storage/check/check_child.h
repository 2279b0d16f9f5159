/* One place is checked in one child. Private to storage/check. */
#ifndef TM_STORAGE_CHECK_CHILD_H
#define TM_STORAGE_CHECK_CHILD_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/check/check.h"
#include "storage/partition/partition.h"

enum { CHECK_LINES_MAX = 100, CHECK_TEXT_BYTES = 400 };
#define CHECK_SERIES_MAX (UINT32_C(1) << 26)

/* What a child counted. */
struct check_totals {
    uint64_t chunks, samples, chunk_bytes, series, event_blocks, records, bytes;
    uint64_t flushed_lsn;
    uint64_t damages;
    bool sealed;
};

/* Shared by parent and children. */
struct check_shared {
    _Atomic uint64_t done_bytes;
    uint32_t known_end, seen_end; /* behind the last bytes of these that are not 0: most folders need few */
    uint8_t known[CHECK_SERIES_MAX / 8]; /* bits: series that the index defines, */
    uint8_t seen[CHECK_SERIES_MAX / 8];  /* and those that the partition has chunks of */
};

struct check_line {
    enum check_kind kind;
    char text[CHECK_TEXT_BYTES];
};

/* What became of a child. */
struct check_outcome {
    enum tm_err err; /* TM_OK or TM_CORRUPT: it came to its end; TM_BUSY: the place changed, again */
    struct tm_why why;
    struct check_totals totals;
    struct check_line lines[CHECK_LINES_MAX];
    size_t line_count;
};

/* The child's side of its pipe. */
struct check_report {
    int fd;
    struct check_totals totals;
    struct check_shared *shared;
};

/* Tells one sentence from inside the child. */
void check_tell(struct check_report *report, enum check_kind kind, const char *text);

/* What is done in the child. Its result becomes outcome->err. */
typedef enum tm_err check_work_fn(void *arg, struct check_report *report, struct tm_why *why);

struct check_job {
    check_work_fn *work;
    void *arg;
    struct check_shared *shared;
    uint64_t bytes; /* to be read: bounds its processor time */
    void (*tick)(void *arg);
    void *tick_arg;
};

/* Runs a job in a child and waits, calling tick some times a second. A death by a signal is a damage with a
 * line of its own. TM_IO, TM_NOMEM: there was no child. */
enum tm_err check_child(const struct check_job *job, struct check_outcome *out,
                        struct tm_why *why) TM_MUST_CHECK;

/* ---- the places: work functions ---- */

/* The journal: every segment, record and body, and what the records need from each other. */
struct check_journal {
    int folder;
    uint64_t flushed_lsn; /* as the index says */
};
check_work_fn check_journal_work;

/* The index. Fills shared->known. */
struct check_index {
    const char *dir;
};
check_work_fn check_index_work;

/* A partition. Fills shared->seen. */
struct check_partition {
    const char *path;
    struct partition_id id;
};
check_work_fn check_partition_work;

#endif
