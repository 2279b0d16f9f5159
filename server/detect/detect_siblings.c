/* Is an anomaly of a series its own alone, or do others of its metric the same, and what have these in
 * common? What was heard of the minute answers it for all series with a state; only those without one are
 * read. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "server/detect/detect_minute.h"
#include "server/detect/detect_private.h"
#include "server/detect/sibling_labels.h"

/* Of what is told at once: metrics, labels read, series read; of a minute: answers; of an answer: series.
 * Beyond them nothing is said. */
enum { METRICS_MAX = 1024, NAMED_MAX = 100000, READS_MAX = 10000, ANSWERS_MAX = 1024, CELLS_MAX = 20000 };
/* The past of a series without a state: so many values of its metric's usual distance, so few at least. */
enum { BEFORE_VALUES = 60, BEFORE_LEAST = 5 };
#define NEAR_FACTOR 4.0
#define OFF_FACTOR  5.0

/* Series of one metric that had a value lately. */
struct family {
    uint32_t metric;
    enum detect_kind kind;
    uint32_t *sources; /* places in the service's */
    size_t count, capacity;
    bool is_too_many; /* or there is no memory */
};

/* What was found of one metric, env and direction in the minute. */
struct answer {
    const struct family *family;
    uint8_t form;
    uint16_t env;
    bool is_fall;
    size_t series, moved_count;
    uint32_t *moved; /* targets, sorted */
    struct bytes text, json;
};

struct detect_siblings {
    struct family *families; /* by metric and kind */
    size_t family_count;
    uint32_t *marks; /* of each target: its place in what was heard of the minute, from 1 */
    int64_t minute;
    bool is_marked;
    size_t from, to; /* of the minute, in what was heard */
    struct answer *answers;
    size_t answer_count;
    size_t reads, labels;
};

uint32_t detect_metric_hash(struct str metric)
{
    return (uint32_t)XXH3_64bits(metric.len > 0 ? metric.ptr : "", metric.len);
}

/* ---- series of a metric ---- */

static int compare_families(const void *a, const void *b)
{
    const struct family *x = a, *y = b;
    if (x->metric != y->metric)
        return x->metric < y->metric ? -1 : 1;
    return (x->kind > y->kind) - (x->kind < y->kind);
}

static struct family *find_family(const struct detect_siblings *all, uint32_t metric, enum detect_kind kind)
{
    const struct family wanted = {.metric = metric, .kind = kind};
    if (all->family_count == 0)
        return NULL;
    return bsearch(&wanted, all->families, all->family_count, sizeof wanted, compare_families);
}

/* The metric of a series' own target. */
static bool metric_of(const struct detect_target *target, struct family *out)
{
    struct labels labels;
    if (labels_decode(detect_labels(target), &labels) != TM_OK)
        return false;
    struct str metric = labels_get(&labels, STR(LABEL_NAME));
    out->metric = detect_metric_hash(metric);
    out->kind = detect_kind_of(metric);
    return true;
}

/* The metrics of series' own anomalies that may be told. */
static void find_families(struct detect_siblings *all, const struct detect_engine *engine,
                          const struct detect_service *service)
{
    all->families = calloc(METRICS_MAX, sizeof *all->families);
    for (size_t i = 0; i < engine->heard_count && all->families && all->family_count < METRICS_MAX; i++) {
        const struct detect_target *target = &service->targets[engine->heard[i].target];
        struct family family = {.metric = 0};
        if (target->form >= FORM_SUM || engine->heard[i].result.score < DETECT_KEPT_SCORE ||
            !metric_of(target, &family) || find_family(all, family.metric, family.kind))
            continue;
        size_t at = all->family_count++;
        while (at > 0 && compare_families(&all->families[at - 1], &family) > 0)
            at--;
        memmove(&all->families[at + 1], &all->families[at],
                (all->family_count - 1 - at) * sizeof *all->families);
        all->families[at] = family;
    }
}

static void add_source(struct family *family, uint32_t place)
{
    if (family->is_too_many)
        return;
    if (family->count == family->capacity) {
        size_t wanted = 2 * family->capacity + 16;
        uint32_t *grown =
            family->count >= CELLS_MAX ? NULL : realloc(family->sources, wanted * sizeof *grown);
        family->is_too_many = grown == NULL;
        if (!grown)
            return;
        family->sources = grown;
        family->capacity = wanted;
    }
    family->sources[family->count++] = place;
}

/* How many minutes lie between two values of what was heard. */
static int64_t stride_of(const struct detect_engine *engine, const struct detect_heard *heard)
{
    double stride = ceil(heard->result.interval_ms / (double)engine->options.step_ms - 0.25);
    const int64_t most = (DETECT_SPAN_MINUTES - 1) / (BEFORE_LEAST + 1);
    return (int64_t)fmin(fmax(stride, 1), (double)most);
}

/* One walk over the service's series, for all that is told at once. */
static void find_sources(struct detect_siblings *all, const struct detect_engine *engine,
                         const struct detect_service *service)
{
    int64_t stride = 1;
    for (size_t i = 0; i < engine->heard_count; i++) {
        int64_t one = stride_of(engine, &engine->heard[i]);
        stride = one > stride ? one : stride;
    }
    int64_t oldest = engine->heard[0].minute - 2 * stride - engine->lag;
    for (size_t i = 0; i < service->source_count; i++) {
        const struct detect_source *source = &service->sources[i];
        struct family *family = find_family(all, source->metric, source->kind);
        if (family && source->target_count > 0 && service->targets[source->targets[0]].valued >= oldest)
            add_source(family, (uint32_t)i);
    }
}

static struct detect_siblings *begin(struct detect_engine *engine, const struct detect_service *service)
{
    struct detect_siblings *all = calloc(1, sizeof *all);
    if (!all)
        return NULL;
    engine->siblings = all;
    all->marks = calloc(service->target_count, sizeof *all->marks);
    all->answers = calloc(ANSWERS_MAX, sizeof *all->answers);
    find_families(all, engine, service);
    if (all->families && all->marks)
        find_sources(all, engine, service);
    return all;
}

static void drop_answers(struct detect_siblings *all)
{
    for (size_t i = 0; i < all->answer_count; i++) {
        free(all->answers[i].moved);
        bytes_fini(&all->answers[i].text);
        bytes_fini(&all->answers[i].json);
    }
    all->answer_count = 0;
}

void detect_siblings_forget(struct detect_engine *engine)
{
    struct detect_siblings *all = engine->siblings;
    engine->siblings = NULL;
    if (!all)
        return;
    drop_answers(all);
    for (size_t i = 0; i < all->family_count; i++)
        free(all->families[i].sources);
    free(all->families);
    free(all->answers);
    free(all->marks);
    free(all);
}

/* ---- the minute ---- */

/* Where each target stands in what was heard (sorted by minutes) of this one's minute. */
static void mark_minute(struct detect_siblings *all, const struct detect_engine *engine,
                        const struct detect_heard *heard)
{
    if (all->is_marked && all->minute == heard->minute)
        return;
    for (size_t i = all->from; i < all->to; i++)
        all->marks[engine->heard[i].target] = 0;
    drop_answers(all);
    size_t at = (size_t)(heard - engine->heard);
    all->from = all->to = at;
    while (all->from > 0 && engine->heard[all->from - 1].minute == heard->minute)
        all->from--;
    while (all->to < engine->heard_count && engine->heard[all->to].minute == heard->minute)
        all->to++;
    for (size_t i = all->from; i < all->to; i++)
        all->marks[engine->heard[i].target] = (uint32_t)i + 1;
    all->minute = heard->minute;
    all->is_marked = true;
}

/* How far a value is off: in figures, and of what was expected. */
struct move {
    double by, share;
};

static struct move move_of(double observed, double expected, double spread)
{
    double scale = fmax(fabs(expected), spread);
    return (struct move){observed - expected, scale > 0 ? (observed - expected) / scale : 0};
}

static bool is_near(double a, double b)
{
    double ratio = fabs(b) > 0 ? a / b : 0;
    return ratio >= 1 / NEAR_FACTOR && ratio <= NEAR_FACTOR;
}

static bool is_likewise(struct move a, struct move b)
{
    return is_near(a.by, b.by) || is_near(a.share, b.share);
}

/* ---- one answer ---- */

struct asked {
    struct detect_engine *engine;
    struct detect_siblings *all;
    const struct detect_service *service;
    const struct detect_heard *heard;
    struct move move;
    int64_t stride;
    struct sibling_cells cells;
    uint32_t *targets; /* of each cell */
};

/* Mean and mean deviation of the values there are; false: too few. */
static bool sum_up(const double *values, int64_t count, double *mean, double *deviation)
{
    int64_t n = 0;
    *mean = *deviation = 0;
    for (int64_t i = 0; i < count; i++) {
        n += !isnan(values[i]);
        *mean += isnan(values[i]) ? 0 : values[i];
    }
    if (n < BEFORE_LEAST)
        return false;
    *mean /= (double)n;
    for (int64_t i = 0; i < count; i++)
        *deviation += isnan(values[i]) ? 0 : fabs(values[i] - *mean) / (double)n;
    return true;
}

/* A series without a state, held to its own values before the anomaly began. False: it can't be said. */
static bool read_move(struct asked *asked, const struct detect_source *source, size_t column, double *by)
{
    struct detect_engine *engine = asked->engine;
    int64_t minute = asked->heard->minute, step_ms = engine->options.step_ms, last;
    int64_t began = asked->heard->result.began / step_ms, before = BEFORE_VALUES * asked->stride;
    if (before > DETECT_SPAN_MINUTES / 2)
        before = DETECT_SPAN_MINUTES / 2;
    if (began > minute || minute - began >= DETECT_SPAN_MINUTES - before)
        began = minute;
    const struct detect_window window = {began - before, minute + 1, minute + 1, step_ms};
    struct detect_seen seen = {.seen = DETECT_NEVER, .seen_at = DETECT_NEVER};
    if (asked->all->reads++ >= READS_MAX ||
        detect_values_read(engine->reader, source->series, source->kind, &window, &seen, engine->columns,
                           &last) != TM_OK)
        return false;
    const double *values = engine->columns + column * DETECT_SPAN_MINUTES;
    double value = NAN, mean, deviation;
    for (int64_t i = minute - window.from; i > minute - window.from - asked->stride && isnan(value); i--)
        value = values[i];
    if (isnan(value) || !sum_up(values, began - window.from, &mean, &deviation))
        return false;
    struct move move = move_of(value, mean, deviation);
    *by = fabs(move.by) > OFF_FACTOR * deviation && is_likewise(move, asked->move) ? move.by : 0;
    return true;
}

/* By how much a series moved likewise, 0: it did not. False: it is not there in the minute. */
static bool find_move(struct asked *asked, const struct detect_source *source, size_t column, double *by)
{
    const struct detect_engine *engine = asked->engine;
    uint32_t place = source->targets[column], mark = asked->all->marks[place];
    const struct detect_target *target = &asked->service->targets[place];
    if (!mark && (!target->state || target->state->samples < DETECT_STATE_FROM))
        return read_move(asked, source, column, by);
    if (!mark && target->valued + 2 * asked->stride <= asked->heard->minute)
        return false;
    *by = 0;
    if (!mark || engine->heard[mark - 1].result.score < DETECT_HEARD_SCORE)
        return true;
    const struct detect_heard *heard = &engine->heard[mark - 1];
    struct move move = move_of(heard->observed, heard->result.expected, heard->result.spread);
    *by = is_likewise(move, asked->move) ? move.by : 0;
    return true;
}

static bool find_cells(struct asked *asked, const struct answer *answer)
{
    const struct family *family = answer->family;
    struct sibling_cells *cells = &asked->cells;
    size_t column = answer->form == FORM_P95;
    cells->series = calloc(family->count + 1, sizeof *cells->series);
    cells->moved_by = calloc(family->count + 1, sizeof *cells->moved_by);
    asked->targets = calloc(family->count + 1, sizeof *asked->targets);
    for (size_t i = 0; i < family->count && cells->series && cells->moved_by && asked->targets; i++) {
        const struct detect_source *source = &asked->service->sources[family->sources[i]];
        double by;
        if (source->target_count <= column ||
            asked->service->targets[source->targets[column]].env != answer->env ||
            !find_move(asked, source, column, &by))
            continue;
        asked->targets[cells->count] = source->targets[column];
        cells->series[cells->count] = source->series;
        cells->moved_by[cells->count++] = fabs(by);
    }
    return cells->count > 1;
}

static int compare_places(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Who it is about, so that the same is not asked again. */
static void keep_moved(const struct asked *asked, struct answer *answer)
{
    answer->series = asked->cells.count;
    answer->moved = calloc(asked->cells.count + 1, sizeof *answer->moved);
    for (size_t i = 0; i < asked->cells.count && answer->moved; i++) {
        if (asked->cells.moved_by[i] > 0)
            answer->moved[answer->moved_count++] = asked->targets[i];
    }
    if (answer->moved)
        qsort(answer->moved, answer->moved_count, sizeof *answer->moved, compare_places);
}

static bool names(const struct answer *answer, uint32_t target)
{
    return answer->moved && answer->moved_count > 0 &&
           bsearch(&target, answer->moved, answer->moved_count, sizeof target, compare_places);
}

static void answer_it(struct asked *asked, struct answer *answer)
{
    struct sibling_cells *cells = &asked->cells;
    asked->engine->figures.compared++;
    if (find_cells(asked, answer))
        keep_moved(asked, answer);
    size_t named = answer->moved_count == 1 && cells->count > SIBLINGS_TOLD_APART ? 0 : cells->count;
    if (names(answer, asked->heard->target) && asked->all->labels + named <= NAMED_MAX) {
        asked->all->labels += named;
        cells->moved = answer->moved_count;
        cells->fall = answer->is_fall;
        sibling_labels_put(asked->engine->reader, cells, &answer->text, &answer->json);
    }
    free(cells->series);
    free(cells->moved_by);
    free(asked->targets);
}

static bool is_same(const struct answer *a, const struct answer *b)
{
    return a->family == b->family && a->form == b->form && a->env == b->env && a->is_fall == b->is_fall;
}

static const struct answer *find_answer(struct detect_siblings *all, struct asked *asked,
                                        const struct answer *wanted)
{
    uint32_t target = asked->heard->target;
    for (size_t i = 0; i < all->answer_count; i++) {
        if (is_same(&all->answers[i], wanted) && names(&all->answers[i], target))
            return &all->answers[i];
    }
    if (all->answer_count == ANSWERS_MAX)
        return NULL;
    struct answer *made = &all->answers[all->answer_count++];
    *made = *wanted;
    answer_it(asked, made);
    return made;
}

void detect_siblings_say(struct detect_engine *engine, const struct detect_service *service,
                         const struct detect_heard *heard, struct detect_shares *out)
{
    const struct detect_target *target = &service->targets[heard->target];
    struct detect_siblings *all = engine->siblings ? engine->siblings : begin(engine, service);
    struct family family = {.metric = 0};
    if (!all || !all->families || !all->marks || !all->answers || !metric_of(target, &family))
        return;
    struct answer wanted = {.family = find_family(all, family.metric, family.kind),
                            .form = target->form,
                            .env = target->env,
                            .is_fall = heard->observed < heard->result.expected};
    if (!wanted.family || wanted.family->is_too_many)
        return;
    mark_minute(all, engine, heard);
    struct asked asked = {.engine = engine,
                          .all = all,
                          .service = service,
                          .heard = heard,
                          .move = move_of(heard->observed, heard->result.expected, heard->result.spread),
                          .stride = stride_of(engine, heard)};
    const struct answer *answer = find_answer(all, &asked, &wanted);
    if (!answer || answer->text.len == 0 || answer->text.failed || answer->json.failed)
        return;
    out->series = answer->series;
    out->moved = answer->moved_count;
    bytes_put(&out->text, answer->text.data, answer->text.len);
    bytes_put(&out->json, answer->json.data, answer->json.len);
}
