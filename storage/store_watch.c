/* Free space and trouble: when writing stops and when it goes on. */
#include <inttypes.h>
#include <stdio.h>

#include "storage/log_level.h"
#include "storage/store_private.h"

#define WATCH_INTERVAL_NS INT64_C(1000000000)
/* Room asked for above the floor before writing goes on, as a part of it: no flapping at the edge. */
enum { FLOOR_MARGIN_PART = 8 };
/* So many times what begins a flush may wait for it. */
enum { BEHIND_TIMES = 8 };

void store_log(const struct store *store, int level, const char *id, const char *text)
{
    if (store->options.log)
        store->options.log(store->options.log_arg, level, id, text);
}

static uint64_t floor_bytes(const struct store *store)
{
    return store->options.min_free_bytes > 0 ? (uint64_t)store->options.min_free_bytes : 0;
}

static void watch_floor(struct store *store)
{
    uint64_t lowest = floor_bytes(store);
    if (store->io->free_bytes(store->io->self, store->folder.fd, &store->free_bytes) != 0)
        return;
    if (store->free_bytes < lowest)
        store->is_below_floor = true;
    else if (store->free_bytes >= lowest + lowest / FLOOR_MARGIN_PART)
        store->is_below_floor = false;
}

/* A flush that fails, or can't follow, must not fill memory and journal without end. */
static void watch_backlog(struct store *store)
{
    struct journal_stats journal;
    const struct contents *contents = &store->contents;
    journal_stats(store->journal, &journal);
    store->is_behind =
        contents->head.bytes + contents->flushing.bytes > BEHIND_TIMES * store->options.head_bytes ||
        journal.bytes > BEHIND_TIMES * store->options.journal_max_bytes;
}

static void try_resume(struct store *store, enum journal_state state)
{
    bool room = store->free_bytes >= floor_bytes(store) + store->options.segment_bytes;
    if (store->is_below_floor)
        return;
    if (state == JOURNAL_FAILED || (state == JOURNAL_NO_SPACE && room))
        journal_resume(store->journal);
}

const char *store_trouble(const struct store *store)
{
    /* The sentence is scratch of the store, not part of what it means. */
    struct tm_why *trouble = &((struct store *)(uintptr_t)store)->trouble;
    if (journal_state(store->journal, trouble) != JOURNAL_WRITING)
        return trouble->text;
    bool is_stuck = store->is_behind && store->flush.retry_wait_ns > 0;
    if (!store->is_below_floor && is_stuck)
        tm_fail(
            trouble, TM_NO_SPACE,
            "%zu MiB of samples wait in memory, since writing them to the partitions fails (flush.failed in "
            "the log says why): mend that, writing then resumes",
            (store->contents.head.bytes + store->contents.flushing.bytes) >> 20);
    if (!store->is_below_floor)
        return is_stuck ? trouble->text : NULL;
    tm_fail(trouble, TM_NO_SPACE,
            "%" PRIu64 " MiB are free on the disk of %s, less than storage.min_free (%" PRIu64
            " MiB): free some space, writing then resumes",
            store->free_bytes >> 20, store->dir, floor_bytes(store) >> 20);
    return trouble->text;
}

/* One line when trouble begins, changes or ends; not one a second. */
static void tell_change(struct store *store, enum journal_state state)
{
    static const char *const ids[] = {
        [JOURNAL_WRITING] = "store.no_space", /* the floor */
        [JOURNAL_NO_SPACE] = "store.no_space",
        [JOURNAL_FAILED] = "journal.write_failed",
        [JOURNAL_BROKEN] = "journal.sync_failed",
    };
    const char *trouble = store_trouble(store);
    const char *id = state == JOURNAL_WRITING && !store->is_below_floor ? "store.behind" : ids[state];
    if (trouble && (!store->told_trouble || state != store->told_state))
        store_log(store, STORE_LOG_ERROR, id, trouble);
    else if (!trouble && store->told_trouble)
        store_log(store, STORE_LOG_INFO, "store.resumed", "the store takes batches again");
    store->told_trouble = trouble != NULL;
    store->told_state = state;
}

static void tell_clock(const struct store *store, enum believed_change change)
{
    char text[320];
    int64_t ahead_ms = store->believed.ahead_ms;
    double days = (double)(ahead_ms < 0 ? -ahead_ms : ahead_ms) / 86400e3;
    switch (change) {
    case BELIEVED_SAME:
        return;
    case BELIEVED_DOUBTS:
        (void)snprintf(
            text, sizeof text,
            "the clock is %.2f days %s of what this folder knows (it jumped, or nothing ran for so "
            "long): check it; until it has stood so for 24 h nothing is removed that the earlier of "
            "the two would keep",
            days, ahead_ms < 0 ? "behind" : "ahead");
        store_log(store, STORE_LOG_WARNING, "clock.doubted", text);
        return;
    case BELIEVED_AGREES:
        store_log(store, STORE_LOG_INFO, "clock.agrees", "the clock is back at what was expected");
        return;
    case BELIEVED_GIVES_IN:
        store_log(store, STORE_LOG_WARNING, "clock.believed",
                  "the clock has stood for 24 h where it jumped to: it is believed now");
        return;
    }
}

void store_watch_clock(struct store *store)
{
    const struct clock *clock = store->options.clock;
    int64_t mono_ns = clock_mono_ns(clock);
    int64_t since_ns = store->believed_ns ? store->believed_ns : mono_ns;
    /* What is below a millisecond stays for the next time. */
    int64_t elapsed_ms = (mono_ns - since_ns) / 1000000;
    store->believed_ns = since_ns + elapsed_ms * 1000000;
    tell_clock(store, believed_tick(&store->believed, clock_wall_ms(clock), elapsed_ms));
}

void store_watch(struct store *store, bool now)
{
    int64_t mono_ns = clock_mono_ns(store->options.clock);
    enum journal_state state = journal_state(store->journal, NULL);
    if (!now && mono_ns - store->watched_ns < WATCH_INTERVAL_NS) {
        if (state != store->told_state)
            tell_change(store, state);
        return;
    }
    store->watched_ns = mono_ns;
    store_watch_clock(store);
    watch_floor(store);
    watch_backlog(store);
    tell_change(store, state);
    try_resume(store, state);
    tell_change(store, journal_state(store->journal, NULL));
}
