/* Which series of the service differ most in an incident's window from the same local hours of clean weeks,
 * whatever they measure: each read in steps, one after the other, and only the first few are kept. */
#include <math.h>
#include <stdlib.h>

#include "reports/analyse_private.h"
#include "scoring/compare/diff_read.h"
#include "storage/model/labels.h"

#define MINUTE_MS     INT64_C(60000)
#define WINDOW_MIN_MS (5 * MINUTE_MS)
#define WINDOW_MAX_MS (6 * 60 * MINUTE_MS) /* an incident of days shows in its first hours what it is */

/* Series looked at for one report, over all its incidents, if nothing else is said: some seconds of work. */
enum { LOOKS_MAX = 20000, TEXT_MAX = 300 };

_Static_assert((int)REPORT_BASE_WEEKS <= (int)DIFF_NORMALS_MAX, "all weeks fit");

struct looking {
    const struct analysis *a;
    struct report_incident *incident;
    struct diff_windows windows;
    struct diff_room *room;
    struct bytes encoded, text;
    double ln_e[REPORT_SERIES_MAX]; /* of those kept */
};

/* ---- the unit's series ---- */

/* In the order of their labels: numbers depend on what came first. */
static enum tm_err find_series(struct analysis *a)
{
    size_t count;
    const struct gather_other *others =
        gather_others(a->gather, (size_t)(a->unit - a->gather->units), &count);
    if (a->series.ids)
        return TM_OK;
    a->series.ids = calloc(count + 1, sizeof *a->series.ids);
    if (!a->series.ids)
        return TM_NOMEM;
    for (size_t i = 0; i < count; i++)
        a->series.ids[a->series.count++] = others[i].series;
    return reader_sort(a->gather->reader, &a->series);
}

/* ---- windows ---- */

/* The minutes of the incident within the week, its first hours. */
static struct span window_of(const struct report *r, const struct report_incident *incident)
{
    time_ms_t end = incident->end == INT64_MIN || incident->end > r->span.to ? r->span.to : incident->end;
    time_ms_t from = incident->start < r->span.from ? r->span.from : incident->start;
    struct span window = {from / MINUTE_MS * MINUTE_MS, (end + MINUTE_MS - 1) / MINUTE_MS * MINUTE_MS};
    if (window.to < window.from + WINDOW_MIN_MS)
        window.to = window.from + WINDOW_MIN_MS;
    if (window.to > window.from + WINDOW_MAX_MS)
        window.to = window.from + WINDOW_MAX_MS;
    return window;
}

static enum tm_err set_windows(struct looking *l, const bool *clean)
{
    struct span window = l->incident->series_span;
    l->windows = (struct diff_windows){.observed = window,
                                       .before = {window.from - (window.to - window.from), window.from}};
    for (int back = 1; back <= REPORT_BASE_WEEKS; back++)
        if (clean[back])
            l->windows.normal[l->windows.normal_count++] =
                (struct span){week_shift(window.from, -back), week_shift(window.to, -back)};
    l->windows.bin_ms = diff_bin_ms(&l->windows);
    l->room = diff_room_new(&l->windows);
    return l->room ? TM_OK : TM_NOMEM;
}

/* ---- one series ---- */

static void put_str(struct bytes *out, struct str text)
{
    bytes_put(out, text.ptr, text.len);
}

/* cpu{pod="a1"} */
static const char *name_series(struct looking *l, const struct labels *labels)
{
    size_t count = 0;
    bytes_clear(&l->text);
    put_str(&l->text, labels_get(labels, STR(LABEL_NAME)));
    for (size_t i = 0; i < labels->count; i++) {
        const struct label *one = &labels->at[i];
        bool is_owner =
            str_equal(one->name, STR("service")) && str_equal(one->value, str_of(l->a->unit->service));
        bool is_env = str_equal(one->name, STR("env")) && str_equal(one->value, str_of(l->a->unit->env));
        if (is_owner || is_env || str_equal(one->name, STR(LABEL_NAME)))
            continue;
        bytes_printf(&l->text, "%s", count++ > 0 ? ", " : "{");
        put_str(&l->text, one->name);
        bytes_printf(&l->text, "=\"");
        put_str(&l->text, one->value);
        bytes_u8(&l->text, '"');
    }
    if (count > 0)
        bytes_u8(&l->text, '}');
    return bytes_error(&l->text) ? "" : arena_text(&l->a->report->arena, bytes_view(&l->text), TEXT_MAX);
}

static enum report_level level_of(enum diff_kind kind)
{
    return kind == DIFF_GAUGE ? LEVEL_MEAN : kind == DIFF_HISTOGRAM ? LEVEL_MEDIAN_S : LEVEL_PER_MINUTE;
}

/* Keeps the first few, in the order of score_diff_rank: among equals the first in the order of labels. */
static void keep(struct looking *l, const struct labels *labels, enum diff_kind kind,
                 const struct score_diff *diff)
{
    struct report_incident *incident = l->incident;
    struct report_series *series = incident->series;
    size_t at = incident->series_count;
    while (at > 0 && (series[at - 1].score < diff->score ||
                      (series[at - 1].score == diff->score && l->ln_e[at - 1] < diff->ln_e)))
        at--;
    if (!(diff->score > 0) || at >= REPORT_SERIES_MAX)
        return;
    size_t last =
        incident->series_count < REPORT_SERIES_MAX ? incident->series_count++ : REPORT_SERIES_MAX - 1;
    for (size_t i = last; i > at; i--) {
        series[i] = series[i - 1];
        l->ln_e[i] = l->ln_e[i - 1];
    }
    series[at] = (struct report_series){name_series(l, labels), level_of(kind), diff->observed,
                                        diff->normal,           diff->effect,   diff->score};
    l->ln_e[at] = diff->ln_e;
}

static enum tm_err look(struct looking *l, uint32_t series, struct tm_why *why)
{
    struct reader *reader = l->a->gather->reader;
    struct labels labels = {.count = 0};
    struct score_diff diff;
    bytes_clear(&l->encoded);
    reader_labels(reader, series, &l->encoded);
    enum tm_err err = bytes_error(&l->encoded) ? TM_NOMEM : labels_decode(bytes_view(&l->encoded), &labels);
    if (err)
        return err;
    enum diff_kind kind =
        diff_kind_of(labels_get(&labels, STR(LABEL_NAME)), labels_get(&labels, STR("le")).len > 0);
    err = diff_read(reader, series, kind, &l->windows, l->room, &diff, why);
    if (!err)
        keep(l, &labels, kind, &diff);
    return err;
}

/* ---- all of them ---- */

enum tm_err analyse_series(struct analysis *a, struct report_incident *incident, const bool *clean,
                           struct tm_why *why)
{
    struct looking l = {.a = a, .incident = incident};
    size_t most =
        (a->settings->looks_max > 0 ? a->settings->looks_max : LOOKS_MAX) / a->report->incident_count;
    enum tm_err err = find_series(a);
    if (err)
        return err;
    incident->series_span = window_of(a->report, incident);
    incident->series_all = a->series.count;
    incident->series_looked = incident->base_weeks == 0 ? 0 : a->series.count < most ? a->series.count : most;
    incident->series = arena_take(&a->report->arena, REPORT_SERIES_MAX * sizeof *incident->series);
    err = incident->series ? set_windows(&l, clean) : TM_NOMEM;
    for (size_t i = 0; i < incident->series_looked && !err; i++)
        err = look(&l, a->series.ids[i * a->series.count / incident->series_looked], why);
    diff_room_free(l.room);
    bytes_fini(&l.encoded);
    bytes_fini(&l.text);
    return err;
}
