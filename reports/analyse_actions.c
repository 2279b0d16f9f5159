/* What is to be done first, at most ten things; those of last week that still stand come first. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reports/analyse_private.h"

#define WORSE_TIMES 1.5

enum { CANDIDATES_MAX = 400, WHAT_MAX = 300, FREQUENT_MAX = 3, GRAVEST_MAX = 3, NOISE = 20 };
enum { NAMED_MAX = 3, NAME_BYTES = 40, LINE_BYTES = 156 }; /* renderers cut what is longer */

struct choice {
    struct report_action at[CANDIDATES_MAX];
    size_t count;
    uint64_t folded[CANDIDATES_MAX]; /* groups that an incident's line stands for */
    size_t folded_count;
};

static void add(struct choice *choice, const struct report_action *action)
{
    for (size_t i = 0; i < choice->count; i++)
        if (action->subject != 0 && choice->at[i].subject == action->subject)
            return;
    if (choice->count < CANDIDATES_MAX)
        choice->at[choice->count++] = *action;
}

/* The deploy that came last before a moment, within the day. */
static const char *version_before(const struct report *r, time_ms_t time)
{
    const char *version = "";
    for (size_t i = 0; i < r->deploy_count; i++)
        if (r->deploys[i].time <= time && time - r->deploys[i].time < GROUP_NEW_MS)
            version = r->deploys[i].label;
    return version;
}

const char *analyse_title(struct report *r, const struct report_group *group)
{
    char text[WHAT_MAX];
    if (group->is_request || group->message[0] == '\0')
        return group->is_request ? group->message : group->type;
    int len = snprintf(text, sizeof text, "%s: %s", group->type, group->message);
    return arena_text(&r->arena, (struct str){text, len < WHAT_MAX ? (size_t)len : WHAT_MAX - 1},
                      WHAT_MAX - 4);
}

static void add_incident(struct choice *choice, const struct report_incident *incident)
{
    add(choice, &(struct report_action){.reason = REASON_INCIDENT,
                                        .subject = incident->id,
                                        .what = incident->text,
                                        .version = incident->marker,
                                        .ratio = NAN});
}

/* ---- one line for what one incident brought ---- */

/* The incident in which four fifths of a group of failed requests were seen; NULL: none. */
static const struct report_incident *incident_of(const struct report *r, const struct report_group *group)
{
    for (size_t i = 0; i < r->incident_count && group->is_request; i++) {
        const struct report_incident *incident = &r->incidents[i];
        for (size_t k = 0; k < incident->excess_count; k++)
            if (incident->excess[k].id == group->id && incident->excess[k].count * 5 >= group->count * 4)
                return incident;
    }
    return NULL;
}

static bool is_folded(const struct choice *choice, uint64_t id)
{
    for (size_t i = 0; i < choice->folded_count; i++)
        if (choice->folded[i] == id)
            return true;
    return false;
}

/* In place of the group's own line. */
static void fold(struct choice *choice, const struct report_incident *incident,
                 const struct report_group *group)
{
    if (choice->folded_count == CANDIDATES_MAX || is_folded(choice, group->id))
        return;
    choice->folded[choice->folded_count++] = group->id;
    add_incident(choice, incident);
    for (size_t i = 0; i < choice->count; i++)
        if (choice->at[i].subject == incident->id)
            choice->at[i].count += group->count;
}

/* As many clauses of a sentence as fit; of one that is too long its beginning. */
static const char *first_clauses(struct report *r, const char *text, size_t most)
{
    size_t len = strlen(text), end = most;
    if (len <= most)
        return text;
    while (end > 0 && text[end] != ';')
        end--;
    return arena_text(&r->arena, str_of(text), end > 0 ? end : most);
}

/* "shop: 40 of 2,000 requests failed (HTTP 503 GET cart, HTTP 503 GET pay, +2)" */
static void name_folded(struct report *r, struct choice *choice, const struct report_incident *incident,
                        struct report_action *action)
{
    char names[NAMED_MAX * (NAME_BYTES + 2) + 32], text[LINE_BYTES * 2];
    size_t count = 0, len = 0;
    for (size_t k = 0; k < incident->excess_count; k++) {
        if (!is_folded(choice, incident->excess[k].id) || count++ >= NAMED_MAX)
            continue;
        const char *name = arena_text(&r->arena, str_of(incident->excess[k].what), NAME_BYTES);
        len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", count > 1 ? ", " : "", name);
    }
    if (count == 0)
        return;
    if (count > NAMED_MAX)
        len += (size_t)snprintf(names + len, sizeof names - len, ", +%zu", count - NAMED_MAX);
    const char *what = first_clauses(r, incident->text, LINE_BYTES - len - 3);
    (void)snprintf(text, sizeof text, "%s (%s)", what, names);
    action->what = arena_text(&r->arena, str_of(text), 0);
}

static void name_all_folded(struct report *r, struct choice *choice)
{
    for (size_t i = 0; i < choice->count; i++)
        for (size_t k = 0; k < r->incident_count; k++)
            if (choice->at[i].reason == REASON_INCIDENT && choice->at[i].subject == r->incidents[k].id)
                name_folded(r, choice, &r->incidents[k], &choice->at[i]);
}

/* ---- what there is ---- */

static void add_groups(struct analysis *a, struct choice *choice, enum report_list list,
                       enum report_reason reason, bool grave_only, size_t most)
{
    struct report *r = a->report;
    for (size_t i = r->list_start[list], n = 0; i < r->list_start[list + 1] && n < most; i++) {
        const struct report_group *group = &r->groups[i];
        bool is_grave = !group->is_request || strncmp(group->type, "HTTP 5", 6) == 0;
        /* Whoever asks for pages that never were makes a new group each time. */
        bool is_noise = list == LIST_NEW && !is_grave && group->count < NOISE;
        if (is_noise || (grave_only && !is_grave) || (list == LIST_ONGOING && !(group->low > 1)))
            continue;
        const struct report_incident *incident = list == LIST_REGRESSED ? NULL : incident_of(r, group);
        if (incident) {
            fold(choice, incident, group);
            continue;
        }
        n++;
        add(choice, &(struct report_action){.reason = reason,
                                            .subject = group->id,
                                            .what = analyse_title(r, group),
                                            .version = version_before(r, group->first),
                                            .count = group->count,
                                            .ratio = group->ratio});
    }
}

static void add_deploys(const struct analysis *a, struct choice *choice)
{
    const struct report *r = a->report;
    for (size_t i = 0; i < r->deploy_count; i++) {
        const struct report_deploy *d = &r->deploys[i];
        if (strcmp(d->verdict, "bad") == 0 || strcmp(d->verdict, "suspect") == 0)
            add(choice, &(struct report_action){.reason = REASON_BAD_DEPLOY,
                                                .subject = d->id,
                                                .what = d->label,
                                                .version = d->version,
                                                .count = (uint64_t)d->after_k,
                                                .ratio = d->ratio});
    }
}

static bool is_before(const struct report_incident *a, const struct report_incident *b)
{
    return a->score != b->score ? a->score > b->score : a->start < b->start;
}

/* One incident has many groups: those with the highest scores come before what is new. */
static void add_gravest(const struct analysis *a, struct choice *choice)
{
    const struct report *r = a->report;
    const struct report_incident *last = NULL;
    for (size_t n = 0; n < GRAVEST_MAX && n < r->incident_count; n++) {
        const struct report_incident *best = NULL;
        for (size_t i = 0; i < r->incident_count; i++) {
            const struct report_incident *one = &r->incidents[i];
            if ((!last || is_before(last, one)) && (!best || is_before(one, best)))
                best = one;
        }
        if (!best)
            return;
        add_incident(choice, best);
        last = best;
    }
}

static void add_incidents(const struct analysis *a, struct choice *choice)
{
    for (size_t i = 0; i < a->report->incident_count; i++)
        add_incident(choice, &a->report->incidents[i]);
}

static void add_quality(const struct analysis *a, struct choice *choice)
{
    const struct report_quality *q = &a->report->quality;
    if (q->has_data && (q->hours_seen < q->hours || q->gap_count > 0))
        add(choice, &(struct report_action){.reason = REASON_DATA,
                                            .what = "",
                                            .version = "",
                                            .count = q->hours - q->hours_seen,
                                            .ratio = NAN});
}

/* ---- from week to week ---- */

static const struct report_action *find_before(const struct analysis *a, const struct report_action *action)
{
    for (size_t i = 0; i < a->settings->before_count; i++) {
        const struct report_action *before = &a->settings->before[i];
        if (before->progress != PROGRESS_DONE && before->subject == action->subject &&
            (action->subject != 0 || before->reason == action->reason))
            return before;
    }
    return NULL;
}

static void carry_over(const struct analysis *a, struct choice *choice)
{
    for (size_t i = 0; i < choice->count; i++) {
        struct report_action *action = &choice->at[i];
        const struct report_action *before = find_before(a, action);
        action->progress = PROGRESS_NEW;
        action->weeks_open = 1;
        if (!before)
            continue;
        bool is_worse = (double)action->count > WORSE_TIMES * (double)before->count;
        action->progress = is_worse ? PROGRESS_WORSE : PROGRESS_OPEN;
        action->weeks_open = before->weeks_open + 1;
    }
}

static void put(struct report *r, const struct choice *choice, bool carried)
{
    for (size_t i = 0; i < choice->count && r->action_count < REPORT_ACTIONS_MAX; i++)
        if ((choice->at[i].progress != PROGRESS_NEW) == carried)
            r->actions[r->action_count++] = choice->at[i];
}

/* Those of last week that nothing speaks for any more. */
static void put_done(struct analysis *a, const struct choice *choice)
{
    struct report *r = a->report;
    for (size_t i = 0; i < a->settings->before_count && r->action_count < REPORT_ACTIONS_MAX; i++) {
        struct report_action done = a->settings->before[i];
        bool is_there = done.progress == PROGRESS_DONE || is_folded(choice, done.subject);
        for (size_t k = 0; k < choice->count; k++)
            is_there = is_there || (choice->at[k].subject == done.subject &&
                                    (done.subject != 0 || choice->at[k].reason == done.reason));
        if (is_there)
            continue;
        done.progress = PROGRESS_DONE;
        done.count = 0;
        done.ratio = NAN;
        done.what = arena_text(&r->arena, str_of(done.what), WHAT_MAX);
        done.version = arena_text(&r->arena, str_of(done.version), WHAT_MAX);
        r->actions[r->action_count++] = done;
    }
}

enum tm_err analyse_actions(struct analysis *a)
{
    struct choice *choice = arena_take(&a->report->arena, sizeof *choice);
    if (!choice)
        return TM_NOMEM;
    add_deploys(a, choice);
    add_groups(a, choice, LIST_REGRESSED, REASON_REGRESSED, false, REPORT_ACTIONS_MAX);
    add_gravest(a, choice);
    add_groups(a, choice, LIST_NEW, REASON_NEW_SERVER_ERROR, true, REPORT_ACTIONS_MAX);
    add_groups(a, choice, LIST_ESCALATING, REASON_ESCALATING, false, REPORT_ACTIONS_MAX);
    add_incidents(a, choice);
    add_groups(a, choice, LIST_NEW, REASON_NEW, false, REPORT_ACTIONS_MAX);
    add_groups(a, choice, LIST_ONGOING, REASON_FREQUENT, false, FREQUENT_MAX);
    add_quality(a, choice);
    name_all_folded(a->report, choice);
    carry_over(a, choice);
    put(a->report, choice, true);
    put(a->report, choice, false);
    put_done(a, choice);
    return TM_OK;
}
