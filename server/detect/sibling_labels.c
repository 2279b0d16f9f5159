#include "server/detect/sibling_labels.h"

#include <math.h>
#include <string.h>

#include "server/detect/detect_cube.h"
#include "server/detect/detect_values.h"
#include "storage/model/labels.h"

/* What a series that moved weighs in a scan, and what is expected of all and of each. */
#define WEIGHT     4.0
#define CLEAN_ALL  8.0
#define CLEAN_EACH 0.1

/* ---- do they add up? ---- */

/* Parts of names of gauges that are no amounts. */
static const char *const no_amounts[] = {
    "age",      "average",   "avg",        "celsius",     "delay",        "duration",   "fahrenheit",
    "fraction", "hertz",     "hz",         "info",        "kelvin",       "latency",    "level",
    "max",      "mean",      "median",     "min",         "milliseconds", "millis",     "ms",
    "pct",      "percent",   "percentage", "quantile",    "ratio",        "saturation", "score",
    "seconds",  "share",     "speed",      "state",       "status",       "temp",       "temperature",
    "time",     "timestamp", "up",         "utilisation", "utilization",  "version",    "volts",
};

static bool is_no_amount(struct str part)
{
    if (part.len > 1 && part.ptr[0] == 'p' && part.ptr[1] >= '0' && part.ptr[1] <= '9')
        return true; /* p95 */
    for (size_t i = 0; i < sizeof no_amounts / sizeof *no_amounts; i++) {
        if (str_equal(part, str_of(no_amounts[i])))
            return true;
    }
    return false;
}

static bool is_amount(struct str metric)
{
    for (size_t at = 0; at < metric.len;) {
        size_t end = at;
        while (end < metric.len && metric.ptr[end] != '_' && metric.ptr[end] != ':')
            end++;
        if (is_no_amount((struct str){metric.ptr + at, end - at}))
            return false;
        at = end + 1;
    }
    return true;
}

bool sibling_values_add_up(struct str encoded)
{
    struct labels labels;
    if (labels_decode(encoded, &labels) != TM_OK || labels_get(&labels, STR("quantile")).len > 0 ||
        labels_get(&labels, STR("le")).len > 0)
        return false;
    struct str metric = labels_get(&labels, STR(LABEL_NAME));
    enum detect_kind kind = detect_kind_of(metric);
    return kind == DETECT_COUNTER || kind == DETECT_COUNTS || (kind == DETECT_GAUGE && is_amount(metric));
}

/* ---- exactly those ---- */

struct fit {
    const struct detect_cube *cube;
    const struct sibling_cells *cells;
    size_t first; /* the first that moved */
};

static uint32_t value_at(const struct fit *fit, size_t cell, size_t label)
{
    return fit->cube->at[cell * fit->cube->cube.labels + label];
}

/* Have all that moved the value that the first has? */
static bool is_common(const struct fit *fit, size_t label)
{
    for (size_t i = fit->first; i < fit->cells->count; i++) {
        if (fit->cells->moved_by[i] > 0 && value_at(fit, i, label) != value_at(fit, fit->first, label))
            return false;
    }
    return true;
}

/* Do the labels, common to those that moved, pick no others? */
static bool is_exact(const struct fit *fit, const struct score_cause *cause)
{
    for (size_t i = 0; i < fit->cells->count; i++) {
        if (!(fit->cells->moved_by[i] > 0) && detect_cube_has(fit->cube, i, cause))
            return false;
    }
    return true;
}

/* By label, as those of a scan are. */
static void add_label(const struct fit *fit, struct score_cause *cause, size_t label)
{
    size_t at = cause->labels++;
    for (; at > 0 && cause->label[at - 1] > label; at--) {
        cause->label[at] = cause->label[at - 1];
        cause->value[at] = cause->value[at - 1];
    }
    cause->label[at] = (uint32_t)label;
    cause->value[at] = value_at(fit, fit->first, label);
}

/* Tries the sets of so many common labels, those with few values first. */
static bool try_sets(const struct fit *fit, const size_t *common, size_t count, size_t wanted,
                     struct score_cause *cause)
{
    size_t at[SCORE_CAUSE_LABELS];
    for (size_t k = 0; k < wanted; k++)
        at[k] = k;
    while (wanted <= count) {
        cause->labels = 0;
        for (size_t k = 0; k < wanted; k++)
            add_label(fit, cause, common[at[k]]);
        if (is_exact(fit, cause))
            return true;
        size_t k = wanted;
        while (k > 0 && at[k - 1] == count - wanted + k - 1)
            k--;
        if (k == 0)
            return false;
        at[k - 1]++;
        for (; k < wanted; k++)
            at[k] = at[k - 1] + 1;
    }
    return false;
}

/* The fewest labels that pick exactly those that moved. False: none do. */
static bool find_exact(const struct fit *fit, struct score_cause *cause)
{
    size_t common[SCORE_CUBE_LABELS], count = 0;
    for (size_t j = 0; j < fit->cube->cube.labels; j++) {
        size_t at = count;
        if (!is_common(fit, j))
            continue;
        for (; at > 0 && fit->cube->cube.values[common[at - 1]] > fit->cube->cube.values[j]; at--)
            common[at] = common[at - 1];
        common[at] = j;
        count++;
    }
    for (size_t wanted = 1; wanted <= SCORE_CAUSE_LABELS; wanted++) {
        if (try_sets(fit, common, count, wanted, cause))
            return true;
    }
    return false;
}

/* ---- nearly those ---- */

static size_t scan(struct detect_cube *cube, const struct sibling_cells *cells,
                   struct score_cause causes[SCORE_CAUSES])
{
    double each = fmax(CLEAN_EACH, CLEAN_ALL / (double)cells->count);
    for (size_t i = 0; i < cells->count; i++) {
        cube->seen[i] = cells->moved_by[i] > 0 ? WEIGHT : 0;
        cube->expected[i] = each;
    }
    return score_cube_is_sound(&cube->cube) ? score_attribute(&cube->cube, false, &cube->work, causes) : 0;
}

static bool is_earlier(const struct detect_cube *cube, const struct score_cause *causes, size_t count,
                       size_t cell)
{
    for (size_t k = 0; k < count; k++) {
        if (detect_cube_has(cube, cell, &causes[k]))
            return true;
    }
    return false;
}

/* A cause's share of all that moved, or of how far they moved; what an earlier one has is not counted. */
static double share_of(const struct fit *fit, const struct score_cause *causes, size_t i, bool adds_up)
{
    double inside = 0, all = 0;
    for (size_t cell = 0; cell < fit->cells->count; cell++) {
        double by = fit->cells->moved_by[cell];
        if (by > 0 && !adds_up)
            by = 1;
        all += by;
        if (detect_cube_has(fit->cube, cell, &causes[i]) && !is_earlier(fit->cube, causes, i, cell))
            inside += by;
    }
    return all > 0 ? fmin(inside / all, 1) : 0;
}

/* ---- words ---- */

static void put_cause(const struct fit *fit, const struct score_cause *cause, double share,
                      struct bytes *text, struct bytes *json)
{
    bytes_printf(json, "%s{\"labels\":{", json->len > 0 ? "," : "");
    detect_cube_put(fit->cube, cause, text, json);
    bytes_printf(json, "},\"share\":%.6g}", share);
}

static void put_alone(const struct fit *fit, struct bytes *text, struct bytes *json)
{
    struct score_cause cause = {.labels = 0};
    bool is_named = find_exact(fit, &cause);
    bytes_printf(text, "; only ");
    if (is_named)
        put_cause(fit, &cause, 1, text, json);
    bytes_printf(text, "%s of %zu series", is_named ? "" : "this", fit->cells->count);
}

static void put_some(const struct fit *fit, struct detect_cube *cube, bool adds_up, struct bytes *text,
                     struct bytes *json)
{
    const struct sibling_cells *cells = fit->cells;
    struct score_cause causes[SCORE_CAUSES] = {{.labels = 0}};
    bool is_exact = find_exact(fit, &causes[0]);
    size_t count = is_exact ? 1 : scan(cube, cells, causes), said = 0;
    bytes_printf(text, "; %zu of %zu series moved likewise", cells->moved, cells->count);
    for (size_t i = 0; i < count; i++) {
        double share = share_of(fit, causes, i, adds_up);
        if (causes[i].labels == 0)
            continue;
        bytes_printf(text, said > 0 ? " and " : ", ");
        if (!detect_put_share(share, text) && said == 0)
            bytes_printf(text, " of %s", !adds_up ? "them" : cells->fall ? "what is missing" : "the excess");
        bytes_printf(text, " in ");
        put_cause(fit, &causes[i], share, text, json);
        said++;
    }
}

void sibling_labels_put(struct reader *reader, const struct sibling_cells *cells, struct bytes *text,
                        struct bytes *json)
{
    struct detect_cube cube = {.texts = {0}};
    struct fit fit = {&cube, cells, 0};
    while (fit.first + 1 < cells->count && !(cells->moved_by[fit.first] > 0))
        fit.first++;
    if (cells->moved == 1 && cells->count > SIBLINGS_TOLD_APART) {
        bytes_printf(text, "; only this of %zu series", cells->count);
        return;
    }
    bool is_open = detect_cube_open(&cube, reader, cells->series, cells->count);
    if (cells->moved == cells->count)
        bytes_printf(text, "; all %zu series moved likewise", cells->count);
    else if (is_open && cells->moved == 1)
        put_alone(&fit, text, json);
    else if (is_open)
        put_some(&fit, &cube, sibling_values_add_up(cube.labels[fit.first]), text, json);
    detect_cube_fini(&cube);
}
