/* A unit's groups: their counts of weeks, and the lists they stand in. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/analyse_private.h"
#include "scoring/counts_test.h"
#include "scoring/ratio.h"

#define ESCALATING_RATIO 1.5
#define NORMAL_TRAFFIC   0.5

enum { ESCALATING_MIN = 20, RESOLVED_MIN = 20, GROWS = 2, FIRST = 64, MESSAGE_MAX = 400, FRAME_MAX = 160 };
enum {
    BASE_FIRST = TALLY_THIS - REPORT_BASE_WEEKS,
    LAST_WEEK = TALLY_THIS - 1,
    DISPERSION_MAX = 20,
    WEEK_DAYS = 7,
    DAY_HOURS = 24
};

/* ---- counts of weeks ---- */

static bool is_request_group(const struct group_view *view)
{
    return view->type.len > 5 && memcmp(view->type.ptr, "HTTP ", 5) == 0 &&
           str_equal(view->fingerprint, view->message);
}

static void count_weeks(const struct analysis *a, const struct group_view *view, struct group_weeks *out)
{
    size_t week, hour;
    time_ms_t from =
        view->has_all_hours || view->hour_count == 0 ? INT64_MIN : view->hours[0].hour * GROUP_HOUR_MS;
    *out = (struct group_weeks){
        .id = view->id, .first = view->first, .is_request = is_request_group(view), .resolved = INT64_MIN};
    for (size_t i = 0; i < REPORT_TREND_WEEKS; i++)
        out->is_known[i] = a->tally->spans[i].from >= from;
    for (size_t i = 0; i < view->hour_count; i++) {
        if (tally_place(a->tally, view->hours[i].hour * GROUP_HOUR_MS, &week, &hour))
            out->weeks[week] += view->hours[i].count;
        if (!out->is_request)
            tally_add_group(a->tally, &view->hours[i]);
    }
}

/* How much wider the counts of its days vary than chance alone would have it. */
static double find_dispersion(const struct analysis *a, const struct group_view *view)
{
    struct score_tally bins[REPORT_BASE_WEEKS * WEEK_DAYS] = {{0, 0}};
    size_t week, hour, count = 0;
    for (size_t w = BASE_FIRST; w < TALLY_THIS; w++)
        for (size_t i = 0; i < a->tally->hour_count[w]; i++) {
            size_t day = i / DAY_HOURS < WEEK_DAYS ? i / DAY_HOURS : WEEK_DAYS - 1;
            bins[(w - BASE_FIRST) * WEEK_DAYS + day].trials +=
                a->by_requests ? (double)tally_requests(&a->tally->hours[w][i]) : 1;
        }
    for (size_t i = 0; i < view->hour_count; i++) {
        if (!tally_place(a->tally, view->hours[i].hour * GROUP_HOUR_MS, &week, &hour) || week < BASE_FIRST ||
            week == TALLY_THIS)
            continue;
        size_t day = hour / DAY_HOURS < WEEK_DAYS ? hour / DAY_HOURS : WEEK_DAYS - 1;
        bins[(week - BASE_FIRST) * WEEK_DAYS + day].hits += (double)view->hours[i].count;
    }
    for (size_t i = 0; i < sizeof bins / sizeof *bins; i++)
        if (bins[i].trials > 0)
            bins[count++] = bins[i];
    return score_dispersion(SCORE_POISSON, bins, count, DISPERSION_MAX);
}

static enum tm_err find_returns(const struct analysis *a, struct group_weeks *group)
{
    for (size_t w = BASE_FIRST; w < REPORT_TREND_WEEKS; w++) {
        time_ms_t resolved = INT64_MIN;
        enum tm_err err = groups_came_back(a->gather->groups, group->id, a->tally->spans[w], &resolved);
        if (err && err != TM_NOT_FOUND)
            return err;
        group->came_back[w] = !err && group->weeks[w] > 0;
        if (w == TALLY_THIS && group->came_back[w])
            group->resolved = resolved;
    }
    return TM_OK;
}

static enum tm_err add_group(struct analysis *a, size_t *capacity, const struct group_view *view)
{
    if (a->group_count == *capacity) {
        size_t more = *capacity > 0 ? *capacity * GROWS : FIRST;
        struct group_weeks *grown = reallocarray(a->groups, more, sizeof *grown);
        if (!grown)
            return TM_NOMEM;
        a->groups = grown;
        *capacity = more;
    }
    struct group_weeks *group = &a->groups[a->group_count++];
    count_weeks(a, view, group);
    group->dispersion = find_dispersion(a, view);
    for (size_t w = 0; w < REPORT_TREND_WEEKS; w++)
        a->has_data[w] = a->has_data[w] || group->weeks[w] > 0;
    return find_returns(a, group);
}

enum tm_err analyse_groups(struct analysis *a)
{
    struct groups *groups = a->gather->groups;
    size_t capacity = 0;
    for (size_t i = 0; i < groups_count(groups); i++) {
        time_ms_t last;
        struct str service;
        struct group_view view;
        uint64_t id = groups_at(groups, i, &last, &service);
        if (id == 0 || !str_equal(service, str_of(a->unit->service)))
            continue;
        enum tm_err err = groups_view(groups, id, a->settings->span.to, &view);
        if (!err && str_equal(view.env, str_of(a->unit->env)))
            err = add_group(a, &capacity, &view);
        if (err && err != TM_NOT_FOUND)
            return err;
    }
    return TM_OK;
}

/* ---- one group against the weeks before ---- */

/* The weeks that it is compared with: their counts, with what these are worth. */
static size_t list_base(const struct analysis *a, const struct group_weeks *group,
                        struct score_tally base[REPORT_BASE_WEEKS])
{
    size_t count = 0;
    for (size_t w = BASE_FIRST; w < TALLY_THIS; w++) {
        double exposure = analyse_exposure(a, w);
        if (exposure > 0 && group->is_known[w])
            base[count++] = (struct score_tally){(double)group->weeks[w], exposure};
    }
    return count;
}

static void compare(const struct analysis *a, const struct group_weeks *group, struct report_group *out)
{
    struct score_tally base[REPORT_BASE_WEEKS], before = {0, 0};
    double rates[REPORT_BASE_WEEKS], exposure = analyse_exposure(a, TALLY_THIS);
    size_t count = list_base(a, group, base);
    out->expected = out->ratio = out->low = out->high = NAN;
    out->excess = (double)out->count;
    if (count == 0 || !(exposure > 0))
        return;
    for (size_t i = 0; i < count; i++) {
        rates[i] = base[i].hits / base[i].trials;
        before.trials += base[i].trials;
    }
    double rate = analyse_median(rates, count);
    before.hits = rate * before.trials;
    out->expected = rate * exposure;
    out->excess = (double)out->count - out->expected;
    if (!(before.hits > 0))
        return; /* so many times as nothing */
    const struct score_ratio_terms terms = {group->dispersion, SCORE_DRIFT, 0};
    struct score_ratio ratio =
        score_ratio(before, (struct score_tally){(double)out->count, exposure}, &terms);
    out->ratio = ratio.ratio;
    out->low = ratio.low;
    out->high = ratio.high;
}

/* Is traffic near what it was, so that silence means something? */
static bool has_traffic(const struct analysis *a)
{
    double weeks[REPORT_BASE_WEEKS];
    size_t count = 0;
    if (!a->by_requests)
        return a->has_data[TALLY_THIS];
    for (size_t w = BASE_FIRST; w < TALLY_THIS; w++)
        if (a->requests[w] > 0)
            weeks[count++] = a->requests[w];
    return count == 0 || a->requests[TALLY_THIS] >= NORMAL_TRAFFIC * analyse_median(weeks, count);
}

static enum report_list choose(const struct analysis *a, const struct group_weeks *group,
                               const struct report_group *out)
{
    if (group->came_back[TALLY_THIS])
        return LIST_REGRESSED;
    if (out->count > 0 && group->first >= a->settings->span.from)
        return LIST_NEW;
    if (out->count >= ESCALATING_MIN && out->low > ESCALATING_RATIO)
        return LIST_ESCALATING;
    if (out->count > 0)
        return LIST_ONGOING;
    return out->last_week >= RESOLVED_MIN && has_traffic(a) ? LIST_RESOLVED : LIST_COUNT;
}

/* ---- texts ---- */

/* The line of a stack that names where it happened; of Python's, which end there, the last one. */
static struct str find_frame(struct str stack)
{
    static const char first[] = "Traceback";
    bool is_last = stack.len > sizeof first && memcmp(stack.ptr, first, sizeof first - 1) == 0;
    struct str found = {"", 0};
    for (size_t at = 0; at < stack.len;) {
        const char *end = memchr(stack.ptr + at, '\n', stack.len - at);
        size_t next = end ? (size_t)(end - stack.ptr) + 1 : stack.len, from = at, to = end ? next - 1 : next;
        while (from < to && (stack.ptr[from] == ' ' || stack.ptr[from] == '\t'))
            from++;
        struct str line = {stack.ptr + from, to - from};
        bool is_frame = (line.len > 3 && memcmp(line.ptr, "at ", 3) == 0) ||
                        (line.len > 5 && memcmp(line.ptr, "File ", 5) == 0) ||
                        (line.len > 1 && line.ptr[0] == '#');
        if (is_frame && (is_last || found.len == 0))
            found = line;
        at = next;
    }
    if (found.len > 3 && memcmp(found.ptr, "at ", 3) == 0)
        found = (struct str){found.ptr + 3, found.len - 3};
    return found;
}

static const char *find_release(struct report *r, const struct group_view *view, struct span span)
{
    const struct group_release *newest = NULL;
    for (size_t i = 0; i < view->release_count; i++) {
        const struct group_release *one = &view->releases[i];
        if (one->name.len == 0 || one->first >= span.to || one->last < span.from)
            continue;
        if (!newest || one->first > newest->first ||
            (one->first == newest->first && str_compare(one->name, newest->name) > 0))
            newest = one;
    }
    return newest ? arena_text(&r->arena, newest->name, FRAME_MAX) : "";
}

static void find_dimension(struct report *r, const struct group_view *view, struct report_group *out)
{
    const struct group_label *top = NULL;
    char text[FRAME_MAX];
    for (size_t i = 0; i < view->label_count; i++) {
        const struct group_label *one = &view->labels[i];
        int order = top ? (one->count < top->count) - (one->count > top->count) : -1;
        if (top && order == 0)
            order = str_compare(one->name, top->name);
        if (top && order == 0)
            order = str_compare(one->value, top->value);
        if (order < 0)
            top = one;
    }
    out->dimension = "";
    if (!top || view->count == 0)
        return;
    int name = top->name.len < 60 ? (int)top->name.len : 60,
        value = top->value.len < 90 ? (int)top->value.len : 90;
    int len = snprintf(text, sizeof text, "%.*s=%.*s", name, top->name.ptr, value, top->value.ptr);
    out->dimension = arena_text(&r->arena, (struct str){text, (size_t)len}, 0);
    out->dimension_share = (double)top->count / (double)view->count;
}

static enum tm_err describe(const struct analysis *a, struct report_group *out)
{
    struct report *r = a->report;
    struct span span = a->settings->span;
    struct group_view view;
    enum tm_err err = groups_view(a->gather->groups, out->id, span.to, &view);
    if (err)
        return err;
    out->type = arena_text(&r->arena, view.type, FRAME_MAX);
    out->message = arena_text(&r->arena, view.message, MESSAGE_MAX);
    out->fingerprint = arena_text(&r->arena, view.fingerprint, FRAME_MAX);
    out->frame = arena_text(&r->arena, find_frame(view.stack), FRAME_MAX);
    out->release = find_release(r, &view, span);
    out->first = view.first;
    out->last = view.last;
    if (view.last >= span.to) { /* seen since: to the hour */
        out->last = view.first;
        for (size_t i = 0; i < view.hour_count; i++)
            if (view.hours[i].hour * GROUP_HOUR_MS < span.to)
                out->last = view.hours[i].hour * GROUP_HOUR_MS;
        if (out->last < view.first)
            out->last = view.first;
    }
    find_dimension(r, &view, out);
    return TM_OK;
}

/* ---- lists ---- */

static int compare_groups(const void *a, const void *b)
{
    const struct report_group *x = a, *y = b;
    if (x->list != y->list)
        return x->list < y->list ? -1 : 1;
    if (x->excess != y->excess)
        return x->excess < y->excess ? 1 : -1;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    if (x->last_week != y->last_week)
        return x->last_week < y->last_week ? 1 : -1;
    return (x->id > y->id) - (x->id < y->id);
}

static void number_lists(struct report *r)
{
    size_t at = 0;
    for (int list = 0; list <= LIST_COUNT; list++) {
        while (at < r->group_count && r->groups[at].list < (enum report_list)list)
            at++;
        r->list_start[list] = at;
    }
}

static bool make_group(const struct analysis *a, const struct group_weeks *group, struct report_group *out)
{
    *out = (struct report_group){.id = group->id,
                                 .is_request = group->is_request,
                                 .count = group->weeks[TALLY_THIS],
                                 .last_week = group->weeks[LAST_WEEK],
                                 .resolved = group->resolved,
                                 .per_10k = NAN};
    memcpy(out->weeks, group->weeks, sizeof out->weeks);
    compare(a, group, out);
    out->list = choose(a, group, out);
    if (a->by_requests)
        out->per_10k = (double)out->count / a->requests[TALLY_THIS] * 1e4;
    return out->list < LIST_COUNT;
}

enum tm_err analyse_lists(struct analysis *a)
{
    struct report *r = a->report;
    enum tm_err err = TM_OK;
    size_t count = 0;
    for (size_t i = 0; i < a->group_count; i++)
        r->total += a->groups[i].weeks[TALLY_THIS];
    struct report_group one;
    for (size_t i = 0; i < a->group_count; i++)
        count += make_group(a, &a->groups[i], &one);
    r->groups = arena_take(&r->arena, (count + 1) * sizeof *r->groups);
    if (!r->groups)
        return TM_NOMEM;
    for (size_t i = 0; i < a->group_count && !err; i++) {
        struct report_group *group = &r->groups[r->group_count];
        if (!make_group(a, &a->groups[i], group))
            continue;
        group->share = r->total > 0 ? (double)group->count / (double)r->total : 0;
        r->group_count++;
        err = describe(a, group);
    }
    if (r->group_count > 1)
        qsort(r->groups, r->group_count, sizeof *r->groups, compare_groups);
    number_lists(r);
    return err;
}

double analyse_exceptions(const struct analysis *a, size_t week)
{
    if (!a->tally->by_groups)
        return a->tally->is_kept[week] ? (double)tally_week(a->tally, week).exceptions : NAN;
    uint64_t sum = 0;
    for (size_t i = 0; i < a->group_count; i++) {
        if (!a->groups[i].is_known[week])
            return NAN;
        sum += a->groups[i].is_request ? 0 : a->groups[i].weeks[week];
    }
    return (double)sum;
}
