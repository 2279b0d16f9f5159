/* Series without data leave, the owner's side. A census says which series no partition has; of those, the
 * ones that no batch under way and no head has either go from the index, the order and the table, then from
 * the catalog; their labels are freed once no reader is left that began before. Everything in here is done
 * between two jobs of the flush thread. */
#include <stdio.h>
#include <stdlib.h>

#include "storage/log_level.h"
#include "storage/store_private.h"

/* Series that are looked at in one call, that leave together, that go while readers wait; groups in one call.
 */
enum { LOOKS = 1 << 18, LEAVE_MOST = 20000, GROUP_SERIES = 200, GROUPS = 8 };

/* ---- choosing ---- */

static bool make_lists(struct leaving *leaving)
{
    if (!leaving->list)
        leaving->list = malloc(LEAVE_MOST * sizeof *leaving->list);
    if (!leaving->ids)
        leaving->ids = malloc(LEAVE_MOST * sizeof *leaving->ids);
    return leaving->list && leaving->ids;
}

static void end_round(struct leaving *leaving)
{
    leaving->state = LEAVING_NONE;
    leaving->count = 0;
    leaving->at = 0;
    leaving->id_count = 0;
}

/* Places change: only while nobody walks along them. False: later. */
static bool close_gaps(struct store *store)
{
    struct contents *contents = &store->contents;
    struct flush *flush = &store->flush;
    contents_lock(contents);
    bool is_free = atomic_load(&contents->walkers) == 0;
    if (is_free) {
        size_t saved = series_count_gaps(contents->series, flush->saved_series);
        contents->indexed_count -= series_count_gaps(contents->series, contents->indexed_count);
        flush->saved_series -= saved;
        flush->cut_series -= flush->cut_series > 0 ? saved : 0; /* all gaps are among the saved ones */
        series_close_gaps(contents->series);
    }
    contents_unlock(contents);
    return is_free;
}

static bool end_census(struct store *store)
{
    struct leaving *leaving = &store->flush.leaving;
    if (leaving->has_gaps) {
        if (!close_gaps(store))
            return false;
        series_trim(store->contents.series);
        char line[96];
        (void)snprintf(line, sizeof line, "series without data left; %llu since the start",
                       (unsigned long long)leaving->total);
        store_log(store, STORE_LOG_INFO, "series.left", line);
    }
    flush_leave_end(store);
    return false;
}

/* The next ones that the census did not see become LEAVING. What is not in the catalog yet is new. */
static bool choose(struct store *store)
{
    struct flush *flush = &store->flush;
    struct leaving *leaving = &flush->leaving;
    struct series_table *series = store->contents.series;
    size_t end = leaving->place + LOOKS < flush->saved_series ? leaving->place + LOOKS : flush->saved_series;
    if (flush->work.census.state != CENSUS_DONE || !make_lists(leaving))
        return false;
    if (leaving->place >= flush->saved_series)
        return end_census(store);
    for (; leaving->place < end && leaving->count < LEAVE_MOST; leaving->place++) {
        series_id id = series_durable_at(series, leaving->place);
        if (id == 0 || series_state(series, id) != SERIES_DURABLE ||
            present_has(&flush->work.census.present, id))
            continue;
        series_leave(series, id);
        leaving->list[leaving->count++] = (struct leaving_series){id, leaving->place};
    }
    if (leaving->count > 0) {
        leaving->state = LEAVING_WAITS;
        leaving->old_turn = store->batch_turn;
        store->batch_turn = 1 - store->batch_turn;
    }
    return true;
}

/* ---- going ---- */

/* A batch begun before may have had samples of it. */
static bool has_data(const struct store *store, series_id id)
{
    static const struct span always = {INT64_MIN, INT64_MAX};
    const struct contents *contents = &store->contents;
    const struct head *heads[] = {&contents->head, &contents->flushing};
    bool any = present_has(&store->flush.work.census.present, id);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0] && !any; i++) {
        time_ms_t first;
        int64_t slot;
        any = head_first(heads[i], id, always, &first) ||
              count_head_first(&heads[i]->counts, id, INT64_MIN, INT64_MAX, &slot);
    }
    return any;
}

/* Locked. TM_NOMEM: nothing was changed. */
static enum tm_err let_go(struct store *store, const struct leaving_series *one)
{
    struct contents *contents = &store->contents;
    struct leaving *leaving = &store->flush.leaving;
    bytes_clear(&store->labels);
    series_labels(contents->series, one->series, &store->labels);
    enum tm_err err = bytes_error(&store->labels);
    if (!err && contents->index && one->place < contents->indexed_count)
        err = index_remove(contents->index, one->series, bytes_view(&store->labels),
                           series_owner(contents->series, one->series));
    if (err == TM_NOMEM)
        return err;
    series_go(contents->series, one->series, one->place);
    leaving->ids[leaving->id_count++] = one->series;
    leaving->has_gaps = true;
    leaving->total++;
    return TM_OK;
}

static bool go_some(struct store *store)
{
    struct leaving *leaving = &store->flush.leaving;
    enum tm_err err = TM_OK;
    contents_lock(&store->contents);
    for (size_t i = 0; i < GROUP_SERIES && leaving->at < leaving->count && !err; i++) {
        const struct leaving_series *one = &leaving->list[leaving->at];
        if (series_state(store->contents.series, one->series) != SERIES_LEAVING)
            err = TM_OK; /* somebody named it again */
        else if (has_data(store, one->series))
            series_stay(store->contents.series, one->series);
        else
            err = let_go(store, one);
        leaving->at += !err;
    }
    contents_unlock(&store->contents);
    return !err;
}

static int compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool go(struct store *store)
{
    struct leaving *leaving = &store->flush.leaving;
    struct contents *contents = &store->contents;
    for (int i = 0; i < GROUPS && leaving->at < leaving->count; i++) {
        if (!go_some(store))
            return false;
    }
    if (leaving->at < leaving->count)
        return true;
    if (leaving->id_count == 0) {
        end_round(leaving);
        return true;
    }
    qsort(leaving->ids, leaving->id_count, sizeof *leaving->ids, compare_ids);
    contents_lock(contents);
    leaving->old_turn = contents->reader_turn;
    contents->reader_turn = 1 - contents->reader_turn;
    contents_unlock(contents);
    leaving->is_removed = false;
    leaving->state = LEAVING_ENDS;
    store->flush.asked_more = true; /* a job, to remove them from the catalog */
    return false;
}

/* ---- the end ---- */

static bool end_going(struct store *store)
{
    struct leaving *leaving = &store->flush.leaving;
    if (!leaving->is_removed || atomic_load(&store->contents.readers[leaving->old_turn]) > 0)
        return false;
    for (size_t i = 0; i < leaving->id_count; i++)
        series_forget(store->contents.series, leaving->ids[i]);
    end_round(leaving);
    return true;
}

bool flush_leave(struct store *store)
{
    struct leaving *leaving = &store->flush.leaving;
    switch (leaving->state) {
    case LEAVING_NONE:
        return choose(store);
    case LEAVING_WAITS:
        if (store->batches[leaving->old_turn] > 0)
            return false;
        leaving->state = LEAVING_GOES;
        return true;
    case LEAVING_GOES:
        return go(store);
    case LEAVING_ENDS:
        return end_going(store);
    }
    return false;
}

void flush_leave_end(struct store *store)
{
    struct leaving *leaving = &store->flush.leaving;
    flush_end_census(&store->flush.work);
    free(leaving->list);
    free(leaving->ids);
    *leaving = (struct leaving){.total = leaving->total};
}
