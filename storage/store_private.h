/* The store's insides, for the files store*.c, reader.c and the tests that need another table of calls. */
#ifndef TM_STORAGE_STORE_PRIVATE_H
#define TM_STORAGE_STORE_PRIVATE_H

#include "storage/batch.h"
#include "storage/contents.h"
#include "storage/folder.h"
#include "storage/journal.h"
#include "storage/store.h"

enum { SPARE_BATCHES_MAX = 16, SPARE_SAMPLES_MAX = 1 << 16 };

struct store {
    struct store_options options;
    char *dir;
    const struct journal_io *io;
    struct folder folder;
    struct contents contents;
    struct journal *journal;
    struct batch_encoder encoder; /* the journal thread's */
    struct journal_item *durable; /* settled, not yet told: in order of submission */
    struct batch *spare[SPARE_BATCHES_MAX];
    size_t spare_count;
    size_t pending_bytes;
    struct bytes labels; /* scratch */
    bool is_polling;
    bool is_closing;
    /* What the watch knows (store_watch.c). */
    int64_t watched_ns;
    bool is_below_floor;
    uint64_t free_bytes;
    enum journal_state told_state;
    bool told_trouble;
    struct tm_why trouble;
};

/* store_open with other calls than the system's; io must live as long as the store. */
enum tm_err store_open_io(const struct store_options *options, const struct journal_io *io,
                          struct store **out, struct tm_why *why) TM_MUST_CHECK;

/* Looks after free space, ends a state of trouble where that is safe, logs what changed. At most once a
 * second of the clock, unless now. */
void store_watch(struct store *store, bool now);

/* Settles what the journal handed back at its end, whatever memory there is. */
void store_settle_all(struct store *store, struct journal_item *items);

void store_log(const struct store *store, int level, const char *id, const char *text);

#endif
