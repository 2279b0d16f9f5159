/* Rankings of a day of events, made when the day itself is about to go. The flush thread. */
#ifndef TM_STORAGE_TOPS_MAKE_H
#define TM_STORAGE_TOPS_MAKE_H

#include <stdatomic.h>
#include <stdint.h>

#include "storage/model/err.h"
#include "storage/partition/partition.h"

enum {
    TOPS_KEPT = 256,       /* keys of a sketch in the files */
    TOPS_TAGS_MAX = 16,    /* names of tags of one service and day that are ranked by */
    TOPS_STATUSES_MAX = 64 /* of one service and hour with sketches of their own */
};

struct tops_making {
    struct partitions *partitions;
    const atomic_bool *stop;
    uint32_t day;
    size_t live_max; /* keys in memory; 0: half a million. Above, sketches are cut: errors grow */
};

/* Makes the sketches of all events of the day that no window of its rankings covers yet, as one window whose
 * tag is the highest one of these events, and seals it. Nothing, if there are none. TM_CLOSED: told to stop,
 * nothing was made. Else errors as partition_writer_open. */
enum tm_err tops_make(const struct tops_making *making, struct tm_why *why) TM_MUST_CHECK;

#endif
