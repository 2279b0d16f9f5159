/* The store's reader as a source. */
#include <assert.h>
#include <stdlib.h>

#include "server/promql/source.h"
#include "server/promql/source_rollup.h"
#include "storage/query.h"

void source_series_fini(struct source_series *series)
{
    free(series->at);
    *series = (struct source_series){0};
}

/* A number of a series here: the reader's, the view of it, and which bucket. */
enum { VIEW_SHIFT = 32, BUCKET_SHIFT = 40, VIEW_MASK = 0xff };

static struct reader_view view_of(uint64_t number)
{
    return (struct reader_view){.series = (uint32_t)number,
                                .view = (enum histogram_view)(number >> VIEW_SHIFT & VIEW_MASK)};
}

static enum tm_err no_room(struct source_series *out, size_t count, struct tm_why *why)
{
    source_series_fini(out);
    return tm_fail(why, TM_NOMEM, "no room for %zu series", count);
}

static enum tm_err select_stored(struct reader *reader, const struct selector *selector,
                                 struct source_series *out, struct tm_why *why)
{
    struct index_ids ids = {0};
    enum tm_err err = reader_select(reader, selector, &ids, why);
    if (err)
        return err;
    out->at = malloc((ids.count + 1) * sizeof *out->at);
    for (size_t i = 0; out->at && i < ids.count; i++)
        out->at[i] = ids.ids[i];
    out->count = ids.count;
    if (!out->at)
        err = no_room(out, ids.count, why);
    index_ids_fini(&ids);
    return err;
}

/* Might the selector mean a stored histogram, by its own name or by one of its views'? */
static enum tm_err may_be_histogram(const struct selector *selector, bool *may, struct tm_why *why)
{
    *may = false;
    for (size_t place = 0; place < HISTOGRAM_BASES && !*may; place++) {
        for (int view = HISTOGRAM_NONE; view <= HISTOGRAM_COUNT && !*may; view++) {
            struct str name = view == HISTOGRAM_NONE ? histogram_base(place)
                                                     : histogram_view_name(place, (enum histogram_view)view);
            *may = true;
            for (size_t i = 0; i < selector->count && *may; i++) {
                enum tm_err err = TM_OK;
                if (str_equal(matcher_name(selector->matchers[i]), STR(LABEL_NAME)))
                    err = matcher_takes(selector->matchers[i], name, may);
                if (err)
                    return tm_fail(why, err, "a condition on the name: %s", tm_err_text(err));
            }
        }
    }
    return TM_OK;
}

static size_t count_series(const struct reader_views *views)
{
    size_t count = 0;
    for (size_t i = 0; i < views->count; i++) {
        const struct reader_view *view = &views->at[i];
        for (uint32_t b = 0; view->view == HISTOGRAM_BUCKET && b < HISTOGRAM_BUCKETS; b++)
            count += reader_bounds_has(&views->bounds[view->bounds], b);
        count += view->view != HISTOGRAM_BUCKET;
    }
    return count;
}

static void put_series(const struct reader_views *views, struct source_series *out)
{
    for (size_t i = 0; i < views->count; i++) {
        const struct reader_view *view = &views->at[i];
        uint64_t number = view->series | (uint64_t)view->view << VIEW_SHIFT;
        if (view->view != HISTOGRAM_BUCKET)
            out->at[out->count++] = number;
        for (uint32_t b = 0; view->view == HISTOGRAM_BUCKET && b < HISTOGRAM_BUCKETS; b++) {
            if (reader_bounds_has(&views->bounds[view->bounds], b))
                out->at[out->count++] = number | (uint64_t)b << BUCKET_SHIFT;
        }
    }
}

static enum tm_err select_views(struct reader *reader, const struct selector *selector, struct span span,
                                struct source_series *out, struct tm_why *why)
{
    struct reader_views views = {0};
    enum tm_err err = reader_views_select(reader, selector, span, &views, why);
    if (err)
        return err;
    size_t count = count_series(&views);
    out->at = malloc((count + 1) * sizeof *out->at);
    if (out->at)
        put_series(&views, out);
    else
        err = no_room(out, count, why);
    reader_views_fini(&views);
    return err;
}

static enum tm_err select_series(void *self, const struct selector *selector, struct span span,
                                 struct source_series *out, struct tm_why *why)
{
    bool may;
    *out = (struct source_series){0};
    enum tm_err err = may_be_histogram(selector, &may, why);
    if (err)
        return err;
    if (may)
        return select_views(self, selector, span, out, why);
    return select_stored(self, selector, out, why); /* which have samples is found by reading them */
}

static void put_labels(void *self, uint64_t series, struct bytes *out)
{
    struct reader_view view = view_of(series);
    reader_view_labels(self, &view, (uint32_t)(series >> BUCKET_SHIFT), out);
}

static enum tm_err read_stored(struct reader *reader, uint32_t series, struct span span, struct samples *out,
                               struct tm_why *why)
{
    enum tm_err err = reader_samples(reader, series, span, &out->times, &out->values, &out->count);
    if (err)
        tm_why_write(why, "reading samples: %s", tm_err_text(err));
    return err;
}

static enum tm_err read_samples(void *self, uint64_t series, struct span span, struct samples *out,
                                struct tm_why *why)
{
    struct reader_view view = view_of(series);
    *out = (struct samples){0};
    if (view.view == HISTOGRAM_NONE)
        return read_stored(self, view.series, span, out, why);
    return reader_view_samples(self, &view, (uint32_t)(series >> BUCKET_SHIFT), span, &out->times,
                               &out->values, &out->count, why);
}

/* Stored series are read together up to the first that is a view. */
static enum tm_err read_rows(void *self, const uint64_t *series, size_t count, struct span span,
                             struct samples *out, size_t *given, struct tm_why *why)
{
    uint32_t stored[SOURCE_ROWS_MAX];
    struct reader_row rows[READER_ROWS_MAX];
    size_t wanted = 0;
    static_assert((int)SOURCE_ROWS_MAX >= (int)READER_ROWS_MAX, "a reader's rows have room");
    for (; wanted < count && wanted < SOURCE_ROWS_MAX; wanted++) {
        if (view_of(series[wanted]).view != HISTOGRAM_NONE)
            break;
        stored[wanted] = (uint32_t)series[wanted];
    }
    *given = 1;
    if (wanted < 2)
        return read_samples(self, series[0], span, out, why);
    enum tm_err err = reader_rows(self, stored, wanted, span, rows, given);
    if (err)
        tm_why_write(why, "reading samples: %s", tm_err_text(err));
    for (size_t i = 0; !err && i < *given; i++)
        out[i] = (struct samples){rows[i].times, rows[i].values, rows[i].count};
    return err;
}

static void *open_beside(void *self)
{
    return reader_beside(self);
}

static void close_beside(void *beside)
{
    reader_close(beside);
}

struct source source_of_reader(struct reader *reader)
{
    return (struct source){.self = reader,
                           .select = select_series,
                           .labels = put_labels,
                           .samples = read_samples,
                           .rows = read_rows,
                           .beside = open_beside,
                           .leave = close_beside,
                           .raw_from = source_reader_raw_from,
                           .rollups = source_reader_rollups};
}
