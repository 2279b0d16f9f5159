/* What the parts of the reader share. Private to reader*.c. */
#ifndef TM_STORAGE_READER_PRIVATE_H
#define TM_STORAGE_READER_PRIVATE_H

#include "storage/contents.h"
#include "storage/query.h"

struct reader {
    struct contents *contents; /* of the store, or `own` */
    struct contents own;
    struct reader_limits limits;
    uint64_t samples_read;
    struct columns heads; /* what the heads have of the day that is read */
    struct columns day;
    struct columns all;
    struct bytes lines;
};

/* TM_CLOSED if the query is to end. */
enum tm_err reader_check(const struct reader *reader, struct tm_why *why) TM_MUST_CHECK;

#endif
