/* Reading cells into sums, series by series. */
#include "storage/counts/counting.h"

#include "storage/counts/counting_private.h"

int64_t counting_step_of(const struct counting *counting, time_ms_t time)
{
    if (counting->step_ms == 0)
        return 0;
    int64_t from = counting->span.from == INT64_MIN ? 0 : counting->span.from;
    int64_t past = time - from; /* both are times that there are */
    return past / counting->step_ms - (past % counting->step_ms < 0);
}

static enum tm_err begin(struct counting *c, struct reader *reader, struct tm_why *why)
{
    const struct reader_filter filter = {c->selectors, c->selector_count, READER_ALWAYS};
    c->is_begun = true;
    return reader_find(reader, &filter, &c->ids, why);
}

/* ---- one series ---- */

static bool is_of_service(const struct counting *c, const struct labels *labels)
{
    struct str owner = {"", 0};
    for (size_t i = 0; i < c->service_from_count && owner.len == 0; i++)
        owner = labels_get(labels, c->service_from[i]);
    return !c->is_one_service || str_equal(owner, c->service);
}

/* Of a histogram: the name that the view has in Prometheus, put together in scratch. */
static enum tm_err make_key(struct counting *c, const struct labels *labels, struct bytes *scratch)
{
    struct labels key = {0};
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < c->by_count && !err; i++) {
        struct str value = labels_get(labels, c->by[i]);
        if (c->series_view == HISTOGRAM_BUCKET && str_equal(c->by[i], STR("le")))
            continue;
        if (c->series_view != HISTOGRAM_NONE && str_equal(c->by[i], STR(LABEL_NAME))) {
            struct str suffix = histogram_suffix(c->series_view);
            bytes_put(scratch, value.ptr, value.len);
            bytes_put(scratch, suffix.ptr, suffix.len);
            value = bytes_view(scratch);
        }
        err = labels_add(&key, c->by[i], value);
    }
    bytes_clear(&c->key);
    labels_encode(&key, &c->key);
    if (!err)
        err = bytes_error(scratch);
    return err ? err : bytes_error(&c->key);
}

/* *takes: it is walked. */
static enum tm_err begin_series(struct counting *c, struct reader *reader, bool *takes, struct tm_why *why)
{
    struct labels labels;
    struct bytes scratch = {0};
    bytes_clear(&c->labels);
    reader_labels(reader, c->ids.ids[c->at], &c->labels);
    enum tm_err err = bytes_error(&c->labels);
    if (!err)
        err = labels_decode(bytes_view(&c->labels), &labels);
    if (err)
        return tm_fail(why, err, "cannot read the labels of a series: %s", tm_err_text(err));
    bool is_histogram = histogram_is_base(labels_get(&labels, STR(LABEL_NAME)));
    c->series_view = !is_histogram ? HISTOGRAM_NONE : c->view == HISTOGRAM_NONE ? HISTOGRAM_COUNT : c->view;
    c->has_group = false;
    *takes = is_of_service(c, &labels);
    if (*takes)
        err = make_key(c, &labels, &scratch);
    bytes_fini(&scratch);
    reader_walk_init(&c->walk, c->ids.ids[c->at], c->span);
    return err ? tm_fail(why, err, "out of memory for counts") : TM_OK;
}

/* ---- cells ---- */

static bool is_counted(const struct counting *c, const struct reader_cell *cell)
{
    return (cell->cell == CELL_SUM) == (c->series_view == HISTOGRAM_NONE || c->series_view == HISTOGRAM_SUM);
}

static enum tm_err add_cell(struct counting *c, const struct reader_cell *cell, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    if (!c->has_group)
        err = counting_groups_number(&c->groups, bytes_view(&c->key), COUNTING_GROUPS_MAX, &c->group);
    if (err == TM_LIMIT)
        return tm_fail(why, err, "over %d items: ask by fewer labels, or for fewer series",
                       COUNTING_GROUPS_MAX);
    c->has_group = !err;
    const struct counting_sum sum = {
        .group = c->group,
        .part = c->series_view == HISTOGRAM_BUCKET ? cell->cell : 0,
        .step = counting_step_of(c, cell->time),
        .value = cell->value,
    };
    if (cell->time < c->first_ms)
        c->first_ms = cell->time;
    if (!err)
        err = counting_sums_add(&c->sums, &sum, COUNTING_SUMS_MAX);
    if (err == TM_LIMIT)
        return tm_fail(why, err, "over %d sums: ask for a longer step, by fewer labels, or for less time",
                       COUNTING_SUMS_MAX);
    return err ? tm_fail(why, err, "out of memory for counts") : TM_OK;
}

static enum tm_err walk(struct counting *c, struct reader *reader, struct tm_why *why)
{
    const struct reader_cell *cells;
    size_t count;
    enum tm_err err = reader_cells_next(reader, &c->walk, &cells, &count, why);
    if (err == TM_NOT_FOUND) {
        c->is_walking = false;
        c->at++;
        return TM_OK;
    }
    for (size_t i = 0; i < count && !err; i++) {
        if (is_counted(c, &cells[i]))
            err = add_cell(c, &cells[i], why);
    }
    return err;
}

enum tm_err counting_step(struct counting *c, struct reader *reader, bool *is_done, struct tm_why *why)
{
    *is_done = false;
    if (!c->is_begun)
        return begin(c, reader, why);
    if (c->is_walking)
        return walk(c, reader, why);
    if (c->at < c->ids.count) {
        enum tm_err err = begin_series(c, reader, &c->is_walking, why);
        c->at += !c->is_walking;
        return err;
    }
    *is_done = true;
    return counting_settle(c, why);
}
