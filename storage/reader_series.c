/* Which series there are, by their labels and by when they have samples; what labels there are. */
#include <stdlib.h>
#include <string.h>

#include "storage/grow.h"
#include "storage/reader_private.h"

/* So many series are looked at in one step; so many are put into the index in one. */
enum { STEP_SERIES = 256, INDEX_SERIES = 2000 };

/* ---- all of them ---- */

/* The next numbers from place *at on, STEP_SERIES at most; without the lock nobody closes gaps meanwhile, as
 * he counts among the walkers. */
static size_t take_some(struct contents *contents, size_t *at, series_id ids[STEP_SERIES], bool *is_end)
{
    size_t count = 0;
    contents_lock_shared(contents);
    size_t all = series_durable_count(contents->series);
    for (; count < STEP_SERIES && *at < all; ++*at) {
        ids[count] = series_durable_at(contents->series, *at);
        count += ids[count] != 0; /* 0: it left */
    }
    *is_end = *at >= all;
    contents_unlock(contents);
    return count;
}

enum tm_err reader_series(struct reader *reader, reader_series_fn *each, void *arg)
{
    struct contents *contents = reader->contents;
    struct bytes labels = {0};
    series_id ids[STEP_SERIES];
    bool go_on = true, is_end = false;
    enum tm_err err = TM_OK;
    atomic_fetch_add(&contents->walkers, 1);
    for (size_t at = 0; go_on && !is_end;) {
        size_t count = take_some(contents, &at, ids, &is_end);
        for (size_t i = 0; go_on && i < count; i++) {
            bytes_clear(&labels);
            reader_labels(reader, ids[i], &labels);
            err = bytes_error(&labels);
            go_on = !err && each(arg, ids[i], bytes_view(&labels));
        }
    }
    atomic_fetch_sub(&contents->walkers, 1);
    bytes_fini(&labels);
    return err;
}

/* Whether the order is another one; then all of it is told. */
static void begin_roll(struct contents *contents, struct reader_roll *roll)
{
    contents_lock_shared(contents);
    uint64_t moves = series_moves(contents->series);
    contents_unlock(contents);
    roll->is_whole = roll->at == 0 || roll->moves != moves;
    roll->moves = moves;
    roll->at = roll->is_whole ? 0 : roll->at;
}

bool reader_series_new(struct reader *reader, struct reader_roll *roll, reader_number_fn *each, void *arg)
{
    struct contents *contents = reader->contents;
    const struct reader_roll before = *roll;
    series_id ids[STEP_SERIES];
    bool go_on = true, is_end = false;
    atomic_fetch_add(&contents->walkers, 1);
    begin_roll(contents, roll);
    while (go_on && !is_end) {
        size_t count = take_some(contents, &roll->at, ids, &is_end);
        for (size_t i = 0; go_on && i < count; i++)
            go_on = each(arg, ids[i]);
    }
    atomic_fetch_sub(&contents->walkers, 1);
    if (!go_on)
        *roll = before;
    return go_on;
}

uint32_t reader_turn(const struct reader *reader)
{
    return series_turn(reader->contents->series);
}

bool reader_has_news(const struct reader *reader, uint32_t series, uint32_t turn)
{
    return series_noted(reader->contents->series, series) >= turn;
}

void reader_labels(const struct reader *reader, uint32_t series, struct bytes *out)
{
    series_labels(reader->contents->series, series, out);
}

struct str reader_owner(const struct reader *reader, uint32_t series)
{
    return series_owner(reader->contents->series, series);
}

/* ---- by labels ---- */

/* Returns with the lock shared and all series that were durable when it began in the index. On error: without
 * the lock. */
static enum tm_err lock_index(struct reader *reader, struct tm_why *why)
{
    struct contents *contents = reader->contents;
    contents_lock_shared(contents);
    size_t wanted = series_durable_count(contents->series);
    while (contents->indexed_count < wanted || !contents->index) {
        contents_unlock(contents);
        enum tm_err err = reader_check(reader, why);
        if (err)
            return err;
        contents_lock(contents);
        err = contents_index(contents, INDEX_SERIES);
        contents_unlock(contents);
        if (err)
            return tm_fail(why, err, "out of memory for the index of labels");
        contents_lock_shared(contents);
    }
    return TM_OK;
}

/* What the index calls stopped. */
static enum tm_err name_stop(const struct reader *reader, enum tm_err err)
{
    return err == TM_BUSY && reader->limits.stop ? TM_CLOSED : err;
}

/* One costly pattern against all values of its label, so that the owner waits for none of them. */
static enum tm_err judge_one(struct reader *reader, struct index_scan *scan, struct tm_why *why)
{
    for (;;) {
        enum tm_err err = reader_check(reader, why);
        if (!err)
            err = lock_index(reader, why);
        if (err)
            return err;
        err = index_scan_copy(reader->contents->index, scan);
        contents_unlock(reader->contents);
        if (err)
            return tm_fail(why, err, "out of memory for the selection");
        if (scan->copied == 0)
            return TM_OK;
        err = index_scan_judge(scan, why);
        if (err)
            return err;
    }
}

/* *count of scans are to be released whatever it returns. */
static enum tm_err judge_values(struct reader *reader, const struct selector *selector,
                                struct index_scan *scans, size_t *count, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    *count = 0;
    for (size_t i = 0; i < selector->count && !err; i++) {
        if (!index_scan_pays(selector->matchers[i]))
            continue;
        scans[*count] = (struct index_scan){.matcher = selector->matchers[i]};
        err = judge_one(reader, &scans[(*count)++], why);
    }
    return err;
}

enum tm_err reader_select(struct reader *reader, const struct selector *selector, struct index_ids *out,
                          struct tm_why *why)
{
    struct index_scan scans[SELECTOR_MATCHERS_MAX];
    struct index_query query = {.matchers = selector->matchers,
                                .count = selector->count,
                                .scans = scans,
                                .stop = reader->limits.stop,
                                .stop_arg = reader->limits.stop_arg};
    *out = (struct index_ids){0};
    enum tm_err err = judge_values(reader, selector, scans, &query.scan_count, why);
    if (!err)
        err = lock_index(reader, why);
    if (!err) {
        err = index_select(reader->contents->index, &query, out, why);
        contents_unlock(reader->contents);
    }
    for (size_t i = 0; i < query.scan_count; i++)
        index_scan_fini(&scans[i]);
    return name_stop(reader, err);
}

/* Puts more into ids, both ascending. TM_NOMEM. */
static enum tm_err join_ids(struct index_ids *ids, const struct index_ids *more)
{
    uint32_t *joined = malloc((ids->count + more->count + 1) * sizeof *joined);
    size_t a = 0, b = 0, count = 0;
    if (!joined)
        return TM_NOMEM;
    while (a < ids->count || b < more->count) {
        bool takes_a = b == more->count || (a < ids->count && ids->ids[a] <= more->ids[b]);
        if (takes_a && b < more->count && ids->ids[a] == more->ids[b])
            b++;
        joined[count++] = takes_a ? ids->ids[a++] : more->ids[b++];
    }
    index_ids_fini(ids);
    *ids = (struct index_ids){joined, count};
    return TM_OK;
}

static enum tm_err select_any(struct reader *reader, const struct reader_filter *filter,
                              struct index_ids *out, struct tm_why *why)
{
    const struct selector all = {.count = 0};
    enum tm_err err = reader_select(reader, filter->selector_count ? &filter->selectors[0] : &all, out, why);
    for (size_t i = 1; i < filter->selector_count && !err; i++) {
        struct index_ids more;
        err = reader_select(reader, &filter->selectors[i], &more, why);
        if (!err && join_ids(out, &more) != TM_OK)
            err = tm_fail(why, TM_NOMEM, "out of memory for a list of series");
        index_ids_fini(&more);
    }
    return err;
}

/* ---- by labels and time ---- */

static bool is_always(struct span span)
{
    return span.from == INT64_MIN && span.to == INT64_MAX;
}

enum tm_err reader_find(struct reader *reader, const struct reader_filter *filter, struct index_ids *out,
                        struct tm_why *why)
{
    enum tm_err err = select_any(reader, filter, out, why);
    if (!err && !is_always(filter->span))
        err = reader_keep_in_span(reader, filter->span, out, why);
    if (err)
        index_ids_fini(out);
    return err;
}

/* ---- in order ---- */

struct sorting {
    struct str labels;
    uint32_t id;
};

static int compare_sorting(const void *a, const void *b)
{
    return labels_compare(((const struct sorting *)a)->labels, ((const struct sorting *)b)->labels);
}

enum tm_err reader_sort(const struct reader *reader, struct index_ids *ids)
{
    struct bytes labels = {0};
    struct sorting *sorting = malloc((ids->count + 1) * sizeof *sorting);
    if (!sorting)
        return TM_NOMEM;
    for (size_t i = 0; i < ids->count; i++) {
        size_t before = labels.len;
        reader_labels(reader, ids->ids[i], &labels);
        sorting[i] = (struct sorting){{NULL, labels.len - before}, ids->ids[i]};
    }
    enum tm_err err = bytes_error(&labels);
    const char *at = (const char *)labels.data; /* it moves no more */
    for (size_t i = 0; i < ids->count && !err; i++) {
        sorting[i].labels.ptr = at;
        at += sorting[i].labels.len;
    }
    if (ids->count > 1 && !err)
        qsort(sorting, ids->count, sizeof *sorting, compare_sorting);
    for (size_t i = 0; i < ids->count && !err; i++)
        ids->ids[i] = sorting[i].id;
    bytes_fini(&labels);
    free(sorting);
    return err;
}

/* ---- labels ---- */

enum tm_err reader_list(struct reader *reader, enum reader_list_what what, struct str name,
                        const struct index_listing *how, struct index_list *out, struct tm_why *why)
{
    *out = (struct index_list){0};
    enum tm_err err = lock_index(reader, why);
    if (err)
        return err;
    const struct index *index = reader->contents->index;
    if (what == READER_LIST_NAMES)
        err = index_names(index, how, out, why);
    else if (what == READER_LIST_VALUES)
        err = index_values(index, name, how, out, why);
    else
        err = index_services(index, how, out, why);
    contents_unlock(reader->contents);
    return err;
}

static enum tm_err list_some(struct reader *reader, enum reader_list_what what, struct str name,
                             const struct reader_listing *how, struct index_list *out, struct tm_why *why)
{
    struct index_ids ids = {0};
    struct index_listing listing = {.order = how->order, .limit = how->limit};
    enum tm_err err = TM_OK;
    *out = (struct index_list){0};
    if (how->filter.selector_count > 0 || !is_always(how->filter.span)) {
        err = reader_find(reader, &how->filter, &ids, why);
        listing.ids = &ids;
    }
    if (!err)
        err = reader_list(reader, what, name, &listing, out, why);
    index_ids_fini(&ids);
    return err;
}

enum tm_err reader_names(struct reader *reader, const struct reader_listing *how, struct index_list *out,
                         struct tm_why *why)
{
    return list_some(reader, READER_LIST_NAMES, STR(""), how, out, why);
}

enum tm_err reader_values(struct reader *reader, struct str name, const struct reader_listing *how,
                          struct index_list *out, struct tm_why *why)
{
    return list_some(reader, READER_LIST_VALUES, name, how, out, why);
}

enum tm_err reader_services(struct reader *reader, const struct reader_listing *how, struct index_list *out,
                            struct tm_why *why)
{
    return list_some(reader, READER_LIST_SERVICES, STR(""), how, out, why);
}

enum tm_err reader_pairs(struct reader *reader, size_t limit, struct index_list *out, struct tm_why *why)
{
    *out = (struct index_list){0};
    enum tm_err err = lock_index(reader, why);
    if (err)
        return err;
    err = index_pairs(reader->contents->index, limit, out, why);
    contents_unlock(reader->contents);
    return err;
}

enum tm_err reader_value_bytes(struct reader *reader, size_t limit, struct index_list *out,
                               struct tm_why *why)
{
    *out = (struct index_list){0};
    enum tm_err err = lock_index(reader, why);
    if (err)
        return err;
    err = index_value_bytes(reader->contents->index, limit, out, why);
    contents_unlock(reader->contents);
    return err;
}

enum tm_err reader_head(struct reader *reader, struct reader_head *out, struct tm_why *why)
{
    struct contents *contents = reader->contents;
    *out = (struct reader_head){.oldest_ms = INT64_MAX, .newest_ms = INT64_MIN};
    enum tm_err err = lock_index(reader, why);
    if (err)
        return err;
    const struct head *heads[] = {&contents->flushing, &contents->head};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        out->samples += heads[i]->samples;
        out->blocks += heads[i]->blocks;
        if (heads[i]->day_count > 0 && heads[i]->days[0] > INT32_MIN && heads[i]->days[0] < INT32_MAX &&
            heads[i]->days[0] * INT64_C(86400000) < out->oldest_ms)
            out->oldest_ms = heads[i]->days[0] * INT64_C(86400000);
    }
    out->series = index_count(contents->index);
    out->label_pairs = index_pair_count(contents->index);
    if (contents->newest_ms > 0)
        out->newest_ms = contents->newest_ms;
    contents_unlock(contents);
    return TM_OK;
}
