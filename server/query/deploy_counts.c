#include "server/query/deploy_counts.h"

#include <stdlib.h>
#include <string.h>

#include "server/wire/reply.h"
#include "storage/groups/groups.h"
#include "storage/model/cell.h"

/* So many are looked at for their release; the others count. */
enum { EXCEPTIONS_MAX = 1000000 };

#define MINUTE_MS DEPLOY_MINUTE_MS
#define WEEK_MS   DEPLOY_WEEK_MS

enum measure { REQUESTS, EXCEPTIONS, LATENCIES };
enum window { WEEK, BEFORE, AFTER, WINDOWS };

/* A series that is being read. */
struct source {
    enum measure measure;
    struct deploy_group *group; /* of REQUESTS */
    int class;                  /* 0 or 1, or -1: no error */
    size_t thrown;              /* of EXCEPTIONS: the place of its group; DEPLOY_EXCEPTIONS_MAX: none */
};

void deploy_counts_fini(struct deploy_counts *counts)
{
    for (size_t i = 0; i < counts->group_count; i++) {
        free(counts->groups[i]->name);
        free(counts->groups[i]);
    }
    free(counts->slow_before);
    free(counts->slow_after);
    *counts = (struct deploy_counts){.group_count = 0};
}

/* The group of this name; NULL without memory. */
static struct deploy_group *find_group(struct deploy_counts *counts, struct str name)
{
    for (size_t i = 0; i < counts->group_count; i++)
        if (str_equal(str_of(counts->groups[i]->name), name))
            return counts->groups[i];
    if (counts->group_count == DEPLOY_GROUPS_MAX)
        return counts->groups[DEPLOY_GROUPS_MAX - 1];
    if (counts->group_count == DEPLOY_GROUPS_MAX - 1)
        name = STR("_overflow");
    struct deploy_group *group = calloc(1, sizeof *group);
    char *copy = strndup(name.ptr, name.len);
    if (!group || !copy) {
        free(group);
        free(copy);
        return NULL;
    }
    group->name = copy;
    return counts->groups[counts->group_count++] = group;
}

static size_t find_thrown(const struct deploy *deploy, struct str fingerprint)
{
    for (size_t i = 0; i < deploy->exception_count; i++)
        if (str_equal(str_of(deploy->exceptions[i].fingerprint), fingerprint))
            return i;
    return DEPLOY_EXCEPTIONS_MAX;
}

static enum tm_err find_source(struct deploy_counts *counts, const struct deploy *deploy,
                               const struct labels *labels, struct source *out)
{
    struct str name = labels_get(labels, STR(LABEL_NAME)), status = labels_get(labels, STR("status"));
    *out = (struct source){.measure = LATENCIES, .class = -1};
    if (str_equal(name, STR("exception_events_total"))) {
        out->measure = EXCEPTIONS;
        out->thrown = find_thrown(deploy, labels_get(labels, STR("fingerprint")));
    }
    if (!str_equal(name, STR("http_events_total")))
        return TM_OK;
    out->measure = REQUESTS;
    out->class = status.len > 0 && status.ptr[0] == '5' ? 0 : status.len > 0 && status.ptr[0] == '4' ? 1 : -1;
    out->group = find_group(counts, labels_get(labels, STR("page_group")));
    return out->group ? TM_OK : TM_NOMEM;
}

/* ---- cells ---- */

static void add_requests(const struct source *source, enum window window, size_t place, uint64_t value)
{
    struct deploy_group *group = source->group;
    struct deploy_cell *cell = window == WEEK     ? &group->week
                               : window == BEFORE ? &group->before[place]
                                                  : &group->after[place];
    cell->requests += value;
    if (source->class >= 0)
        cell->errors[source->class] += value;
}

static void add_exceptions(struct deploy_counts *counts, const struct source *source, enum window window,
                           size_t place, uint64_t value)
{
    uint64_t *cell = window == WEEK     ? &counts->exceptions_week
                     : window == BEFORE ? &counts->exceptions_before[place]
                                        : &counts->exceptions_after[place];
    *cell += value;
    uint64_t *thrown = window == BEFORE ? counts->thrown_before : counts->thrown_after;
    if (source->thrown < DEPLOY_EXCEPTIONS_MAX && window != WEEK)
        thrown[source->thrown] += value;
}

static void add_latency(struct deploy_counts *counts, enum window window, size_t place, uint32_t cell,
                        uint64_t value)
{
    uint32_t bucket = cell - 1;
    if (cell == CELL_SUM || bucket >= HISTOGRAM_BUCKETS)
        return;
    if (window == WEEK)
        counts->slow_week[bucket] += value;
    else if (window == BEFORE)
        counts->slow_before[place * HISTOGRAM_BUCKETS + bucket] += (uint32_t)value;
    else
        counts->slow_after[place * HISTOGRAM_BUCKETS + bucket] += (uint32_t)value;
}

static void add_cell(struct deploy_counts *counts, const struct source *source, enum window window,
                     time_ms_t from, const struct reader_cell *cell)
{
    int64_t step = window == AFTER ? CELL_MS : MINUTE_MS;
    int64_t most = window == AFTER ? DEPLOY_TICKS - 1 : DEPLOY_MINUTES - 1;
    int64_t place = (cell->time - from) / step;
    uint64_t value = cell->value > 0 ? (uint64_t)cell->value : 0;
    if (place < 0 || (place > most && window != WEEK))
        return;
    if (source->measure == REQUESTS)
        add_requests(source, window, (size_t)place, value);
    else if (source->measure == EXCEPTIONS)
        add_exceptions(counts, source, window, (size_t)place, value);
    else
        add_latency(counts, window, (size_t)place, cell->cell, value);
    if (window == AFTER && cell->time + CELL_MS > counts->newest)
        counts->newest = cell->time + CELL_MS;
}

static enum tm_err read_window(struct reader *reader, uint32_t series, struct deploy_counts *counts,
                               const struct source *source, enum window window, struct span span,
                               struct tm_why *why)
{
    struct reader_walk walk;
    const struct reader_cell *cells;
    size_t count;
    enum tm_err err;
    reader_walk_init(&walk, series, span);
    while ((err = reader_cells_next(reader, &walk, &cells, &count, why)) == TM_OK)
        for (size_t i = 0; i < count; i++)
            add_cell(counts, source, window, span.from, &cells[i]);
    return err == TM_NOT_FOUND ? TM_OK : err;
}

static enum tm_err read_series(struct reader *reader, uint32_t series, const struct deploy_scope *scope,
                               struct deploy_counts *counts, struct tm_why *why)
{
    const struct score_deploy_windows *w = &scope->windows;
    const struct span spans[WINDOWS] = {
        [WEEK] = {w->before_from_ms - WEEK_MS, w->before_to_ms - WEEK_MS},
        [BEFORE] = {w->before_from_ms, w->before_to_ms},
        [AFTER] = {w->after_from_ms, w->after_to_ms},
    };
    struct bytes encoded = {0};
    struct labels labels = {.count = 0};
    struct source source;
    reader_labels(reader, series, &encoded);
    enum tm_err err = bytes_error(&encoded) ? TM_NOMEM : labels_decode(bytes_view(&encoded), &labels);
    if (!err)
        err = find_source(counts, scope->deploy, &labels, &source);
    if (err == TM_NOMEM)
        tm_why_write(why, "out of memory; try again");
    for (unsigned i = scope->has_week ? WEEK : BEFORE; i < WINDOWS && !err; i++)
        err = read_window(reader, series, counts, &source, (enum window)i, spans[i], why);
    bytes_fini(&encoded);
    return err;
}

/* ---- exceptions of older releases ---- */

struct older {
    const struct deploy_scope *scope;
    struct deploy_counts *counts;
    size_t left; /* exceptions still to be looked at */
};

static bool take_exception(void *arg, enum event_kind kind, time_ms_t time, struct str bytes)
{
    struct older *older = arg;
    const struct deploy *deploy = older->scope->deploy;
    int64_t tick = (cell_time(cell_slot(time)) - older->scope->windows.after_from_ms) / CELL_MS;
    struct str env = str_of(deploy->text[DEPLOY_ENV]);
    struct exception e;
    (void)kind;
    if (tick < 0 || tick >= DEPLOY_TICKS || exception_decode(bytes, &e) != TM_OK ||
        !str_equal(e.service, str_of(deploy->text[DEPLOY_SERVICE])) ||
        (env.len > 0 && !str_equal(e.env, env)) || !deploy_is_older(deploy, e.release))
        return --older->left > 0;
    uint64_t *cell = &older->counts->exceptions_after[tick];
    *cell -= e.count < *cell ? e.count : *cell;
    return --older->left > 0;
}

static enum tm_err leave_older_out(struct reader *reader, const struct deploy_scope *scope,
                                   struct deploy_counts *counts, struct tm_why *why)
{
    struct older older = {scope, counts, EXCEPTIONS_MAX};
    const struct score_deploy_windows *w = &scope->windows;
    uint64_t seen = 0;
    for (size_t i = 0; i < DEPLOY_TICKS; i++)
        seen += counts->exceptions_after[i];
    if (scope->is_pseudo || scope->deploy->older_count == 0 || seen == 0)
        return TM_OK;
    return reader_events(reader, EVENT_EXCEPTION, (struct span){w->after_from_ms, w->after_to_ms},
                         take_exception, &older, why);
}

/* ---- all of it ---- */

static enum tm_err make_selector(const struct deploy_scope *scope, struct selector *out, struct tm_why *why)
{
    struct bytes text = {0};
    bytes_printf(
        &text,
        "{__name__=~\"http_events_total|exception_events_total|http_event_duration_seconds\",service=");
    bytes_json_string(&text, str_of(scope->deploy->text[DEPLOY_SERVICE]));
    if (scope->deploy->text[DEPLOY_ENV][0]) {
        bytes_printf(&text, ",env=");
        bytes_json_string(&text, str_of(scope->deploy->text[DEPLOY_ENV]));
    }
    bytes_u8(&text, '}');
    enum tm_err err = bytes_error(&text) ? tm_fail(why, TM_NOMEM, "out of memory; try again")
                                         : selector_parse(bytes_view(&text), out, why);
    bytes_fini(&text);
    return err;
}

enum tm_err deploy_counts_read(struct reader *reader, const struct deploy_scope *scope,
                               struct deploy_counts *out, struct tm_why *why)
{
    struct selector selector = {.count = 0};
    struct index_ids ids = {0};
    *out = (struct deploy_counts){.newest = INT64_MIN};
    enum tm_err err = make_selector(scope, &selector, why);
    if (!err)
        err = reader_select(reader, &selector, &ids, why);
    if (!err) {
        out->slow_before = calloc((size_t)DEPLOY_MINUTES * HISTOGRAM_BUCKETS, sizeof *out->slow_before);
        out->slow_after = calloc((size_t)DEPLOY_TICKS * HISTOGRAM_BUCKETS, sizeof *out->slow_after);
        if (!out->slow_before || !out->slow_after)
            err = tm_fail(why, TM_NOMEM, "out of memory; try again");
    }
    for (size_t i = 0; i < ids.count && !err; i++)
        err = read_series(reader, ids.ids[i], scope, out, why);
    if (!err)
        err = leave_older_out(reader, scope, out, why);
    index_ids_fini(&ids);
    selector_fini(&selector);
    return err;
}
