#include "server/query/diff_spans.h"

#include <string.h>

#include "storage/findings/findings.h"
#include "storage/model/cell.h"

#define DAY_MS  INT64_C(86400000)
#define WEEK_MS (7 * DAY_MS)
#define HOUR_MS INT64_C(3600000)

struct span diff_align(struct span span)
{
    return (struct span){cell_time(cell_slot(span.from + CELL_MS - 1)),
                         cell_time(cell_slot(span.to + CELL_MS - 1))};
}

static bool overlaps(struct span a, struct span b)
{
    return a.from < b.to && b.from < a.to;
}

/* ---- markers ---- */

static bool concerns(const struct marker *marker, struct str service, struct str env)
{
    struct str own = marker->text[MARKER_SERVICE], own_env = marker->text[MARKER_ENV];
    return (own.len == 0 || service.len == 0 || str_equal(own, service)) &&
           (own_env.len == 0 || env.len == 0 || str_equal(own_env, env));
}

/* Is something of this kind told of in a span? */
static bool is_marked(const struct markers *markers, enum marker_kind kind, struct span span,
                      struct str service, struct str env)
{
    const struct markers_wanted wanted = {.kind = kind, .span = span};
    struct markers_place place = {.is_begun = false};
    const struct marker *marker;
    while ((marker = markers_next(markers, &wanted, &place)) != NULL)
        if (concerns(marker, service, env))
            return true;
    return false;
}

void diff_weeks_init(struct diff_weeks *weeks, struct span window, const struct markers *markers,
                     struct str service, struct str env)
{
    static const enum marker_kind kinds[] = {MARKER_EVENT, MARKER_MAINTENANCE, MARKER_INCIDENT,
                                             MARKER_ROLLBACK};
    for (int64_t i = 0; i < DIFF_NORMALS_MAX; i++) {
        struct span span = {window.from - (i + 1) * WEEK_MS, window.to - (i + 1) * WEEK_MS};
        weeks->at[i] = span;
        weeks->state[i] = DIFF_WEEK_USED;
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0] && markers; k++)
            if (is_marked(markers, kinds[k], span, service, env))
                weeks->state[i] = DIFF_WEEK_MARKER;
    }
}

/* ---- findings ---- */

struct judging {
    struct diff_weeks *weeks;
    enum finding_kind kind;
};

/* A bad deploy is felt for an hour, an incident from its start to its end. */
static bool take_finding(void *arg, const struct finding *finding)
{
    struct judging *judging = arg;
    bool is_deploy = judging->kind == FINDING_VERDICT;
    if (is_deploy && !memmem(finding->body.ptr, finding->body.len, "\"verdict\":\"bad\"", 15))
        return true;
    struct span span = {finding->time, is_deploy           ? finding->time + HOUR_MS
                                       : finding->end == 0 ? INT64_MAX
                                                           : finding->end + 1};
    for (size_t i = 0; i < DIFF_NORMALS_MAX; i++)
        if (judging->weeks->state[i] == DIFF_WEEK_USED && overlaps(judging->weeks->at[i], span))
            judging->weeks->state[i] = is_deploy ? DIFF_WEEK_DEPLOY : DIFF_WEEK_INCIDENT;
    return true;
}

enum tm_err diff_weeks_judge(struct diff_weeks *weeks, struct reader *reader, struct str service,
                             struct str env, struct tm_why *why)
{
    static const enum finding_kind kinds[] = {FINDING_INCIDENT, FINDING_VERDICT};
    uint64_t damaged = 0;
    enum tm_err err = TM_OK;
    for (size_t i = 0; i < DIFF_NORMALS_MAX; i++) {
        for (size_t k = 0; k < 2 && !err && weeks->state[i] == DIFF_WEEK_USED; k++) {
            struct judging judging = {weeks, kinds[k]};
            const struct findings_wanted wanted = {
                .kind = kinds[k],
                .service = service,
                .env = env,
                .span = {weeks->at[i].from - (kinds[k] == FINDING_VERDICT ? HOUR_MS : 0), weeks->at[i].to},
                .damaged = &damaged,
            };
            err = findings_search(reader, &wanted, take_finding, &judging, why);
        }
    }
    return err;
}

/* ---- what is used ---- */

bool diff_weeks_fill(const struct diff_weeks *weeks, struct diff_windows *windows)
{
    windows->normal_count = 0;
    for (size_t i = 0; i < DIFF_NORMALS_MAX; i++)
        if (weeks->state[i] == DIFF_WEEK_USED)
            windows->normal[windows->normal_count++] = weeks->at[i];
    if (windows->normal_count > 0)
        return false;
    windows->normal[windows->normal_count++] =
        (struct span){windows->observed.from - DAY_MS, windows->observed.to - DAY_MS};
    return true;
}

void diff_weeks_text(const struct diff_weeks *weeks, bool is_day_before, struct bytes *out)
{
    static const char *const texts[DIFF_WEEK_STATE_COUNT] = {
        [DIFF_WEEK_USED] = "",
        [DIFF_WEEK_MARKER] = "an event, maintenance, incident or rollback was marked",
        [DIFF_WEEK_INCIDENT] = "there was an incident",
        [DIFF_WEEK_DEPLOY] = "a deploy was bad",
        [DIFF_WEEK_EMPTY] = "there is no data",
    };
    size_t used = 0;
    for (size_t i = 0; i < DIFF_NORMALS_MAX; i++)
        used += weeks->state[i] == DIFF_WEEK_USED;
    if (is_day_before)
        bytes_printf(out, "normal is the same time of the day before");
    else
        bytes_printf(out, "normal is the same time of %zu of the %d weeks before", used, DIFF_NORMALS_MAX);
    for (size_t i = 0; i < DIFF_NORMALS_MAX; i++)
        if (weeks->state[i] != DIFF_WEEK_USED)
            bytes_printf(out, "; not %zu week%s before: %s", i + 1, i > 0 ? "s" : "", texts[weeks->state[i]]);
}
