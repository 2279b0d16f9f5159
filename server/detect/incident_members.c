#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "scoring/first.h"
#include "server/detect/incident_private.h"

#define MINUTE_MS INT64_C(60000)
/* A run that has gone on for longer than this is no news, unless it is far off. */
#define CHRONIC_MS    (60 * MINUTE_MS)
#define CHRONIC_SCORE 40
/* So far back an incident may have begun before it opens. */
#define BEGAN_MS   (15 * MINUTE_MS)
#define FIGURE_MAX 12.0

uint64_t incident_key(struct str labels, struct str metric)
{
    uint64_t seed = XXH3_64bits(metric.len ? metric.ptr : "", metric.len);
    uint64_t key = XXH3_64bits_withSeed(labels.len ? labels.ptr : "", labels.len, seed);
    return key ? key : 1;
}

double incident_figure(const struct detect_score *score)
{
    double hours = score->result ? score->result->return_period_h : 0;
    double figure = hours > 0 ? log10(hours) : score->score / 20;
    return figure < FIGURE_MAX ? figure : FIGURE_MAX;
}

static struct incident_member *find_member(const struct incident *incident, uint64_t key)
{
    for (size_t i = 0; i < incident->count; i++)
        if (incident->members[i]->key == key)
            return incident->members[i];
    return NULL;
}

static void set_member(struct incident_member *member, const struct detect_score *score, double figure)
{
    member->figure = figure;
    member->score = score->score;
    member->observed = score->observed;
    member->expected = score->expected;
    member->spread = score->spread;
    member->effect = score->effect;
}

static void gather_one(struct incident *incident, const struct detect_minute *minute,
                       const struct detect_score *score, uint64_t *nomem)
{
    uint64_t key = incident_key(score->labels, score->metric);
    struct incident_member *member = find_member(incident, key);
    double figure = incident_figure(score);
    if (!member) {
        if (minute->minute - score->began > CHRONIC_MS && score->score < CHRONIC_SCORE)
            return;
        member = incident_add_member(incident, key, score->labels, score->metric);
        if (!member) {
            *nomem += incident->count < INCIDENTS_MEMBERS_MAX;
            return;
        }
        member->began = minute->minute - score->began > BEGAN_MS ? minute->minute : score->began;
        set_member(member, score, figure);
    } else if (figure > member->figure) {
        set_member(member, score, figure);
    }
    member->last = minute->minute;
}

void incident_gather(struct incident *incident, const struct detect_minute *minute, uint64_t *nomem)
{
    uint64_t unusual = 0;
    for (size_t i = 0; i < minute->count; i++) {
        if (minute->scores[i].score < DETECT_KEPT_SCORE)
            continue;
        unusual++;
        gather_one(incident, minute, &minute->scores[i], nomem);
    }
    if (detect_excess_is_better(&minute->excess, &incident->excess) &&
        !detect_excess_copy(&minute->excess, &incident->excess, &incident->excess_text))
        ++*nomem;
    incident->scored = minute->scored;
    if (unusual > incident->unusual)
        incident->unusual = unusual;
}

time_ms_t incident_began(const struct incident *incident, time_ms_t time)
{
    time_ms_t first = time;
    for (size_t i = 0; i < incident->count; i++) {
        time_ms_t began = incident->members[i]->began;
        if (began < first && time - began <= BEGAN_MS)
            first = began;
    }
    return first;
}

static int compare_onset(const void *a, const void *b)
{
    const struct incident_member *x = *(const struct incident_member *const *)a;
    const struct incident_member *y = *(const struct incident_member *const *)b;
    if (x->began != y->began)
        return x->began < y->began ? -1 : 1;
    if (x->figure > y->figure || x->figure < y->figure)
        return x->figure > y->figure ? -1 : 1;
    int order = str_compare(incident_member_metric(x), incident_member_metric(y));
    return order ? order : labels_compare(incident_member_labels(x), incident_member_labels(y));
}

size_t incident_onset(const struct incident *incident, const struct incident_member **out, size_t most)
{
    const struct incident_member *all[INCIDENTS_MEMBERS_MAX] = {NULL};
    size_t count = incident->count < most ? incident->count : most;
    for (size_t i = 0; i < incident->count; i++)
        all[i] = incident->members[i];
    qsort(all, incident->count, sizeof(struct incident_member *), compare_onset);
    memcpy(out, all, count * sizeof(struct incident_member *));
    return count;
}
