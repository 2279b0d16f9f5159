/* Giving what was counted, item by item. */
#include "storage/counts/counting.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "storage/counts/counting_private.h"
#include "storage/json_text.h"

enum { MS_PER_S = 1000 };

/* ---- in order ---- */

struct place {
    struct str text;
    uint32_t number;
};

static int compare_places(const void *a, const void *b)
{
    return labels_compare(((const struct place *)a)->text, ((const struct place *)b)->text);
}

/* Numbers in the sums become places in the order. */
static enum tm_err order_groups(struct counting *c)
{
    size_t count = c->groups.count;
    struct place *places = calloc(count + 1, sizeof *places);
    uint32_t *place_of = calloc(count + 1, sizeof *place_of);
    c->order = calloc(count + 1, sizeof *c->order);
    bool is_ok = places && place_of && c->order;
    for (uint32_t i = 0; i < count && is_ok; i++)
        places[i] = (struct place){counting_groups_text(&c->groups, i), i};
    if (is_ok && count > 1)
        qsort(places, count, sizeof *places, compare_places);
    for (uint32_t i = 0; i < count && is_ok; i++) {
        c->order[i] = places[i].number;
        place_of[places[i].number] = i;
    }
    for (size_t i = 0; i < c->sums.count && is_ok; i++)
        c->sums.at[i].group = place_of[c->sums.at[i].group];
    free(place_of);
    free(places);
    return is_ok ? TM_OK : TM_NOMEM;
}

/* ---- points ---- */

static enum tm_err size_points(struct counting *c, struct tm_why *why)
{
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (size_t i = 0; i < c->sums.count; i++) {
        int64_t step = c->sums.at[i].step;
        first = step < first ? step : first;
        last = step > last ? step : last;
    }
    if (c->step_ms == 0) {
        first = last = 0;
    } else {
        if (c->span.from != INT64_MIN)
            first = 0;
        if (c->span.to != INT64_MAX && (c->span.from != INT64_MIN || c->sums.count > 0))
            last = counting_step_of(c, c->span.to - 1);
    }
    c->first_step = first;
    if (first > last)
        return TM_OK;
    if (last - first >= COUNTING_POINTS_MAX)
        return tm_fail(why, TM_LIMIT, "over %d points: ask for a longer step, or for less time",
                       COUNTING_POINTS_MAX);
    c->points = (size_t)(last - first) + 1;
    return TM_OK;
}

enum tm_err counting_settle(struct counting *c, struct tm_why *why)
{
    enum tm_err err = order_groups(c);
    if (err)
        return tm_fail(why, err, "out of memory for counts");
    counting_sums_settle(&c->sums);
    err = size_points(c, why);
    if (err)
        return err;
    c->running = calloc(c->points + 1, sizeof *c->running);
    if (!c->running)
        return tm_fail(why, TM_NOMEM, "out of memory for counts");
    c->is_settled = true;
    return TM_OK;
}

static time_ms_t point_time(const struct counting *c, size_t point)
{
    time_ms_t from = c->span.from == INT64_MIN ? 0 : c->span.from;
    if (c->step_ms > 0)
        return from + (c->first_step + (int64_t)point) * c->step_ms;
    if (c->span.from != INT64_MIN)
        return from;
    return c->first_ms == INT64_MAX ? 0 : c->first_ms;
}

static enum tm_err put_points(const struct counting *c, struct bytes *out, struct tm_why *why)
{
    for (size_t i = 0; i < c->points; i++) {
        const struct counting_sum *sum = &c->running[i];
        if (sum->carry != 0)
            return tm_fail(why, TM_LIMIT,
                           "a sum does not fit in 64 bits: ask for a shorter step, or less time");
        if (out)
            bytes_printf(out, "%s[%" PRId64 ",%" PRId64 "]", i > 0 ? "," : "", point_time(c, i) / MS_PER_S,
                         sum->value);
    }
    return TM_OK;
}

/* ---- labels ---- */

static void put_label(struct bytes *out, bool *is_first, struct str name, struct str value)
{
    if (!*is_first)
        bytes_u8(out, ',');
    *is_first = false;
    json_text(out, name);
    bytes_u8(out, ':');
    json_text(out, value);
}

/* The labels asked for, sorted; a label that a series lacks has the value "". le: NULL if there is none. */
static void put_labels(const struct counting *c, uint32_t group, const char *le, struct bytes *out)
{
    struct labels labels = {0};
    bool is_first = true;
    bool is_le_due = le != NULL;
    if (group < c->groups.count &&
        labels_decode(counting_groups_text(&c->groups, c->order[group]), &labels) != TM_OK)
        labels.count = 0; /* it was encoded here */
    for (size_t i = 0; i < c->by_count; i++) {
        if (is_le_due && str_compare(c->by[i], STR("le")) >= 0) {
            put_label(out, &is_first, STR("le"), str_of(le));
            is_le_due = false;
        }
        if (!le || !str_equal(c->by[i], STR("le")))
            put_label(out, &is_first, c->by[i], labels_get(&labels, c->by[i]));
    }
    if (is_le_due)
        put_label(out, &is_first, STR("le"), str_of(le));
}

/* ---- items ---- */

/* An item of what is running. part: the cell of a histogram's bucket. */
static enum tm_err put_item(const struct counting *c, uint32_t group, uint32_t part, struct bytes *out,
                            struct tm_why *why)
{
    char le[HISTOGRAM_LE_BYTES];
    if (out) {
        bytes_printf(out, "{\"labels\":{");
        put_labels(c, group, part > 0 ? histogram_le(part - histogram_cell(0), le) : NULL, out);
        bytes_printf(out, "},\"points\":[");
    }
    enum tm_err err = put_points(c, out, why);
    if (err || !out)
        return err;
    bytes_printf(out, "]}");
    return bytes_error(out) ? tm_fail(why, TM_NOMEM, "out of memory for counts") : TM_OK;
}

static void clear_running(struct counting *c)
{
    memset(c->running, 0, c->points * sizeof *c->running);
}

enum tm_err counting_next(struct counting *c, struct bytes *out, struct tm_why *why)
{
    assert(c->is_settled);
    bool is_last = c->given == c->sums.count;
    const struct counting_sum *before = c->given > 0 ? &c->sums.at[c->given - 1] : NULL;
    if (c->is_open && before && (is_last || c->sums.at[c->given].group != before->group)) {
        c->is_open = false;
        return put_item(c, before->group, histogram_cell(HISTOGRAM_LAST), out, why);
    }
    if (is_last) {
        if (c->given > 0 || c->is_open || c->by_count > 0 || c->view == HISTOGRAM_BUCKET)
            return TM_NOT_FOUND;
        c->is_open = true; /* nothing was counted: one sum, once */
        return put_item(c, 0, 0, out, why);
    }
    assert(c->sums.at);
    const struct counting_sum *first = &c->sums.at[c->given];
    if (first->part == 0 || !c->is_open)
        clear_running(c);
    for (; c->given < c->sums.count; c->given++) {
        const struct counting_sum *sum = &c->sums.at[c->given];
        if (sum->group != first->group || sum->part != first->part)
            break;
        counting_sum_add(&c->running[sum->step - c->first_step], sum);
    }
    c->is_open = first->part > 0 && first->part != histogram_cell(HISTOGRAM_LAST);
    return put_item(c, first->group, first->part, out, why);
}
