/* Verification: every byte of a data folder that means something is read and compared with its checksum,
 * every chunk, record and event block is compared with its checksum and read, and the parts are compared with
 * each other.
 *
 * Each place (the journal, the index, one partition) is read in a child process, since damage can end it by a
 * signal; that is then told as damage, and the check goes on with the next place. Works on a folder at rest
 * and beside a running daemon: nothing is written, and what changed while it was read is read again. Call it
 * in a process with one thread: it forks. */
#ifndef TM_STORAGE_CHECK_H
#define TM_STORAGE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/model/err.h"

enum check_kind {
    CHECK_DAMAGE, /* something is lost, or may be */
    CHECK_NOTE    /* nothing is lost: what a crash left, what was busy */
};

struct check_options {
    const char *dir;
    /* One sentence: what is wrong, what it means, what to do. place: "raw/2026-11-22", "index", "journal",
     * ... May be NULL. */
    void (*tell)(void *arg, enum check_kind kind, const char *place, const char *text);
    /* Now and then, some times a second. place: what is being read. May be NULL. */
    void (*progress)(void *arg, const char *place, uint64_t done_bytes, uint64_t all_bytes);
    void *arg;
};

struct check_result {
    uint64_t damages; /* told, and those over 100 at a place */
    uint64_t partitions;
    uint64_t sealed;
    uint64_t quarantined; /* set aside earlier; each is a damage too */
    uint64_t chunks;
    uint64_t samples; /* in chunks */
    uint64_t chunk_bytes;
    uint64_t series;
    uint64_t event_blocks;
    uint64_t records; /* of the journal */
    uint64_t bytes;   /* of all files that were read */
    uint64_t cpu_ns;  /* of the children */
};

/* Checks the folder. TM_OK: sound. TM_CORRUPT: damages > 0, each was told. TM_NOT_FOUND: not a data folder.
 * TM_IO, TM_NOMEM: could not be done; why says so. */
enum tm_err check_run(const struct check_options *options, struct check_result *result,
                      struct tm_why *why) TM_MUST_CHECK;

#endif
