/* The store's insides, for the files store*.c, reader.c and the tests that need another table of calls. */
#ifndef TM_STORAGE_STORE_PRIVATE_H
#define TM_STORAGE_STORE_PRIVATE_H

#include "storage/journal/batch.h"
#include "storage/believed.h"
#include "storage/contents.h"
#include "storage/flush/flush.h"
#include "storage/folder.h"
#include "storage/journal/journal.h"
#include "storage/store.h"

enum { SPARE_BATCHES_MAX = 16, SPARE_SAMPLES_MAX = 1 << 16, RESERVE_BYTES = 4 << 20 };

struct store {
    struct store_options options;
    char *dir;
    const struct journal_io *io;
    struct folder folder;
    struct contents contents;
    struct journal *journal;
    struct flush flush;
    struct batch_encoder encoder; /* the journal thread's */
    struct journal_item *durable; /* settled, not yet told: in order of submission */
    struct batch *spare[SPARE_BATCHES_MAX];
    size_t spare_count;
    uint64_t series_folded; /* label sets that a limit refused and others stand for, since start */
    unsigned batch_turn;    /* 0 or 1; changes when all that were begun before are awaited */
    size_t batches[2];      /* begun in each turn and not ended */
    size_t pending_bytes;
    struct bytes labels; /* scratch */
    void *reserve;       /* memory for everything but more data: let go when memory runs out. NULL: it has */
    bool is_polling;
    bool is_closing;
    /* What the watch knows (store_watch.c). */
    struct believed believed;
    int64_t believed_ns; /* when it was looked at last; 0: never */
    int64_t watched_ns;
    bool is_below_floor;
    bool is_behind; /* far more waits for the partitions than a flush takes */
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

/* Looks at the clocks; logs when they begin or end to differ. Owner's thread. */
void store_watch_clock(struct store *store);

/* Whether there is memory for more data: the reserve is held, or was regained with as much to spare. */
bool store_has_memory(struct store *store);

/* Settles what the journal handed back at its end, whatever memory there is. */
void store_settle_all(struct store *store, struct journal_item *items);

/* The parts of flush.c that the store calls: in the owner's thread, if nothing else is said. Makes it ready;
 * its thread begins with the first job. */
void flush_init(struct store *store);
/* Ends the flush thread, which gives up what it is at (the journal has it), answers all who wait, frees. */
void flush_fini(struct store *store);
/* Takes up what the flush thread did and begins what is due next. */
void flush_poll(struct store *store);
/* Deletes (flush_delete.c): moves those that wait into the job about to start. */
void flush_take_deletions(struct store *store);
/* Tells those of the job what became of them, and on an error those that wait too. text: the sentence. */
void flush_answer_deletions(struct store *store, enum tm_err err, const char *text);
/* Lets the flush thread work on what flush->job holds. TM_NOMEM. */
enum tm_err flush_start_job(struct store *store) TM_MUST_CHECK;
/* A frozen copy (flush_freeze.c): begins it; the flush thread is idle. */
void flush_freeze_begin(struct store *store);
/* Makes it, on the flush thread. Errors as freeze_make. */
enum tm_err flush_freeze_work(struct store *store, struct tm_why *why) TM_MUST_CHECK;
/* Tells whoever asked for it; why counts if err does. None under way: nothing. */
void flush_freeze_end(struct store *store, enum tm_err err, const char *why);
/* Series without data (flush_leave.c): one step of what there is to do between two jobs. True: there is more
 * that can be done at once. */
bool flush_leave(struct store *store);
/* Forgets what is under way of that. */
void flush_leave_end(struct store *store);
/* Whether somebody waits for a flush. */
bool flush_is_awaited(const struct store *store);
/* Answers those whose flush is done, and, if err is one, all the others with it. */
void flush_answer_waiters(struct store *store, enum tm_err err);
/* For tests: waits until the files are in order. */
void flush_settle(struct store *store);
/* Notes a line for the log; any thread. arg: the store. */
void flush_note(void *arg, int level, const char *id, const char *text);

/* A line to options.log; nothing if that is NULL. */
void store_log(const struct store *store, int level, const char *id, const char *text);

#endif
