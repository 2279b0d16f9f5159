/* Checking the catalog, value by value. Damage can end the process by a signal: call it in a child. */
#ifndef TM_STORAGE_CATALOG_VERIFY_H
#define TM_STORAGE_CATALOG_VERIFY_H

#include <stdint.h>

#include "storage/model/err.h"

struct catalog_verify_options {
    /* Each series that is defined soundly. May be NULL. */
    void (*series)(void *arg, uint32_t number);
    /* One sentence about each damage, at most 100 of them. May be NULL. */
    void (*report)(void *arg, const char *text);
    void *arg;
};

struct catalog_verify_result {
    uint64_t series;
    uint64_t event_blocks;
    uint64_t values; /* of all tables */
    uint64_t bytes;  /* of keys and values */
    uint64_t flushed_lsn;
    uint64_t promised_lsn;
    uint64_t version; /* grows with each change */
    uint64_t damages; /* sentences, the ones over 100 too */
};

/* Walks all tables of DIR/index from one moment, beside a writer too: order of keys, number of entries, the
 * checksum of each value, and what series, events, marks, groups and tombstones hold. TM_OK: sound;
 * TM_CORRUPT: see report; TM_NOT_FOUND: there is none, or it was not finished; TM_IO, TM_NOMEM. */
enum tm_err catalog_verify(const char *dir, const struct catalog_verify_options *options,
                           struct catalog_verify_result *result, struct tm_why *why) TM_MUST_CHECK;

#endif
