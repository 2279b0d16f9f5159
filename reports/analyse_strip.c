/* The key figures beside those of the weeks before. */
#include <math.h>
#include <string.h>

#include "reports/analyse_private.h"

enum { BASE_FIRST = TALLY_THIS - REPORT_BASE_WEEKS, CLIENT_ERRORS = 3, SERVER_ERRORS = 4 };

typedef double week_figure_fn(const struct analysis *a, size_t week);

static double share_of(const struct analysis *a, size_t week, int status_class)
{
    struct tally_hour sum = tally_week(a->tally, week);
    double requests = a->requests[week];
    return requests > 0 ? 100.0 * (double)sum.classes[status_class] / requests : NAN;
}

static double count_requests(const struct analysis *a, size_t week)
{
    return a->requests[week];
}

static double exceptions_per_10k(const struct analysis *a, size_t week)
{
    return a->requests[week] > 0 ? analyse_exceptions(a, week) / a->requests[week] * 1e4 : NAN;
}

static double share_of_server_errors(const struct analysis *a, size_t week)
{
    return share_of(a, week, SERVER_ERRORS);
}

static double share_of_client_errors(const struct analysis *a, size_t week)
{
    return share_of(a, week, CLIENT_ERRORS);
}

static double count_groups(const struct analysis *a, size_t week)
{
    double count = 0;
    for (size_t i = 0; i < a->group_count; i++) {
        if (!a->groups[i].is_known[week])
            return NAN;
        count += a->groups[i].weeks[week] > 0;
    }
    return count;
}

static double count_new(const struct analysis *a, size_t week)
{
    const struct span *span = &a->tally->spans[week];
    double count = 0;
    for (size_t i = 0; i < a->group_count; i++)
        count += a->groups[i].first >= span->from && a->groups[i].first < span->to;
    return count;
}

static double count_regressed(const struct analysis *a, size_t week)
{
    double count = 0;
    for (size_t i = 0; i < a->group_count; i++)
        count += a->groups[i].came_back[week];
    return count;
}

static double count_markers(const struct analysis *a, size_t week, enum marker_kind kind)
{
    const struct span *span = &a->tally->spans[week];
    const struct markers_wanted wanted = {.kind = kind, .span = *span};
    struct markers_place place = {.is_begun = false};
    const struct marker *marker;
    double count = 0;
    while ((marker = markers_next(a->gather->markers, &wanted, &place)))
        count += marker->time >= span->from && marker->text[MARKER_SERVICE].len > 0 &&
                 gather_touches(a->unit, marker);
    return count;
}

static double count_deploys(const struct analysis *a, size_t week)
{
    return count_markers(a, week, MARKER_DEPLOY);
}

static double count_rollbacks(const struct analysis *a, size_t week)
{
    return count_markers(a, week, MARKER_ROLLBACK);
}

static double count_list(const struct analysis *a, size_t week, enum report_list list)
{
    const struct report *r = a->report;
    return week == TALLY_THIS ? (double)(r->list_start[list + 1] - r->list_start[list]) : NAN;
}

static double count_escalating(const struct analysis *a, size_t week)
{
    return count_list(a, week, LIST_ESCALATING);
}

static double count_resolved(const struct analysis *a, size_t week)
{
    return count_list(a, week, LIST_RESOLVED);
}

static double count_bad_deploys(const struct analysis *a, size_t week)
{
    double count = 0;
    for (size_t i = 0; i < a->report->deploy_count; i++)
        count += !a->report->deploys[i].is_rollback && strcmp(a->report->deploys[i].verdict, "bad") == 0;
    return week == TALLY_THIS ? count : NAN;
}

static double count_incidents(const struct analysis *a, size_t week)
{
    return a->incidents[week];
}

static double count_anomalous(const struct analysis *a, size_t week)
{
    return a->anomalous[week];
}

static week_figure_fn *const figures[KEY_COUNT] = {
    [KEY_REQUESTS] = count_requests,
    [KEY_EXCEPTIONS] = analyse_exceptions,
    [KEY_EXCEPTIONS_PER_10K] = exceptions_per_10k,
    [KEY_SERVER_ERRORS] = share_of_server_errors,
    [KEY_CLIENT_ERRORS] = share_of_client_errors,
    [KEY_GROUPS] = count_groups,
    [KEY_NEW] = count_new,
    [KEY_REGRESSED] = count_regressed,
    [KEY_ESCALATING] = count_escalating,
    [KEY_RESOLVED] = count_resolved,
    [KEY_DEPLOYS] = count_deploys,
    [KEY_BAD_DEPLOYS] = count_bad_deploys,
    [KEY_ROLLBACKS] = count_rollbacks,
    [KEY_INCIDENTS] = count_incidents,
    [KEY_ANOMALOUS_MINUTES] = count_anomalous,
};

void analyse_strip(struct analysis *a)
{
    for (int key = 0; key < KEY_COUNT; key++) {
        struct report_figure *out = &a->report->strip[key];
        double weeks[REPORT_BASE_WEEKS];
        out->now = a->has_data[TALLY_THIS] ? figures[key](a, TALLY_THIS) : NAN;
        out->last_week = a->is_base[TALLY_THIS - 1] ? figures[key](a, TALLY_THIS - 1) : NAN;
        out->weeks = 0;
        for (size_t w = BASE_FIRST; w < TALLY_THIS; w++) {
            double value = a->is_base[w] ? figures[key](a, w) : NAN;
            if (!isnan(value))
                weeks[out->weeks++] = value;
        }
        out->median = analyse_median(weeks, out->weeks);
    }
}
