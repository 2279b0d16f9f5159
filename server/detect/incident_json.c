#include <math.h>

#include "server/detect/incident_private.h"
#include "server/query/incident_item.h"

enum { ONSET_MOST = 20, FINGERPRINTS = 10, RELATED_MOST = 50 };

/* What an item's lists point to. */
struct lists {
    struct incident_item_marker markers[INCIDENT_MARKERS];
    struct incident_item_cause causes[SCORE_CAUSES], excess[DETECT_EXCESS_SETS];
    struct incident_item_series onset[ONSET_MOST];
    struct incident_item_fingerprint fingerprints[FINGERPRINTS];
    struct incident_item_part related[RELATED_MOST];
};

static struct incident_item head_of(const struct incident_home *home, const struct incident *now)
{
    return (struct incident_item){.id = now->id,
                                  .service = str_of(home->service),
                                  .env = str_of(home->env),
                                  .start = now->start,
                                  .end = now->end,
                                  .peak = now->peak,
                                  .score = now->score};
}

static void add_causes(const struct incident *now, struct lists *lists, struct incident_item *item)
{
    for (size_t i = 0; i < now->cause_count; i++)
        lists->causes[i] =
            (struct incident_item_cause){{now->causes[i].labels, now->causes[i].len}, now->causes[i].share};
    item->causes = lists->causes;
    item->cause_count = now->cause_count;
    size_t excess_count = incident_excess_counts(now) ? now->excess.count : 0;
    for (size_t i = 0; i < excess_count; i++)
        lists->excess[i] = (struct incident_item_cause){now->excess.labels[i], now->excess.share[i]};
    item->excess = lists->excess;
    item->excess_count = excess_count;
}

static void add_onset(const struct incident *now, struct lists *lists, struct incident_item *item)
{
    const struct incident_member *members[ONSET_MOST];
    item->onset_count = incident_onset(now, members, ONSET_MOST);
    item->onset = lists->onset;
    for (size_t i = 0; i < item->onset_count; i++)
        lists->onset[i] = (struct incident_item_series){.labels = incident_member_labels(members[i]),
                                                        .metric = incident_member_metric(members[i]),
                                                        .time = members[i]->began,
                                                        .score = members[i]->score,
                                                        .observed = members[i]->observed,
                                                        .expected = members[i]->expected,
                                                        .spread = members[i]->spread,
                                                        .effect = members[i]->effect};
}

/* What more of it was seen than expected, of exceptions. */
static double excess_of(const struct incident_member *member)
{
    return str_equal(incident_member_metric(member), STR("exception_events_total"))
               ? member->observed - member->expected
               : 0;
}

/* The next smaller excess behind (excess, place). */
static const struct incident_member *next_by_excess(const struct incident *now, double excess, size_t *place)
{
    const struct incident_member *best = NULL;
    size_t at = 0;
    for (size_t i = 0; i < now->count; i++) {
        double of = excess_of(now->members[i]);
        bool is_behind = of < excess || (!(of > excess) && i > *place);
        if (of > 0 && is_behind && (!best || of > excess_of(best))) {
            best = now->members[i];
            at = i;
        }
    }
    *place = at;
    return best;
}

static void add_fingerprints(const struct incident *now, struct lists *lists, struct incident_item *item)
{
    double excess = INFINITY;
    size_t place = 0;
    item->fingerprints = lists->fingerprints;
    while (item->fingerprint_count < FINGERPRINTS) {
        const struct incident_member *member = next_by_excess(now, excess, &place);
        struct labels labels;
        if (!member || labels_decode(incident_member_labels(member), &labels) != TM_OK)
            break;
        excess = excess_of(member);
        lists->fingerprints[item->fingerprint_count++] =
            (struct incident_item_fingerprint){.fingerprint = labels_get(&labels, STR("fingerprint")),
                                               .type = labels_get(&labels, STR("type")),
                                               .observed = member->observed,
                                               .expected = member->expected,
                                               .excess = excess};
    }
}

static void add_markers(const struct detect_incidents *incidents, const struct incident_home *home,
                        struct lists *lists, struct incident_item *item)
{
    const struct incident_marker *markers[INCIDENT_MARKERS];
    item->marker_count = incident_markers_before(incidents->markers, home, home->now.start, markers);
    item->markers = lists->markers;
    for (size_t i = 0; i < item->marker_count; i++)
        lists->markers[i] = (struct incident_item_marker){markers[i]->id, markers[i]->kind, markers[i]->what,
                                                          markers[i]->time};
}

size_t incident_related(const struct detect_incidents *incidents, uint64_t id,
                        const struct incident_home **out, size_t most)
{
    size_t count = 0;
    for (size_t i = 0; i < incidents->count; i++) {
        const struct incident_home *home = incidents->homes[i];
        if (home->now.id == 0 || home->now.part_of != id)
            continue;
        if (count < most)
            out[count] = home;
        count++;
    }
    return count;
}

static void add_related(const struct detect_incidents *incidents, const struct incident_home *home,
                        struct lists *lists, struct incident_item *item)
{
    const struct incident_home *related[RELATED_MOST];
    item->related_all = incident_related(incidents, home->now.id, related, RELATED_MOST);
    item->related_count = item->related_all < RELATED_MOST ? item->related_all : RELATED_MOST;
    item->related = lists->related;
    for (size_t i = 0; i < item->related_count; i++)
        lists->related[i] = (struct incident_item_part){related[i]->now.id, str_of(related[i]->service),
                                                        str_of(related[i]->env)};
    item->part_of = home->now.part_of;
}

/* How far the series are off that are farthest off: in standard deviations. */
static double severity_of(const struct incident *now)
{
    double most = 0;
    for (size_t i = 0; i < now->count; i++)
        most = fmax(most, fabs(now->members[i]->effect));
    return most;
}

void incident_json(const struct detect_incidents *incidents, const struct incident_home *home,
                   struct bytes *out)
{
    const struct incident *now = &home->now;
    struct incident_item item = head_of(home, now);
    struct lists lists = {.markers = {{.id = 0}}};
    struct bytes text = {0};
    incident_text(incidents, home, &text);
    item.text = bytes_view(&text);
    item.severity = severity_of(now);
    item.series = now->scored;
    item.anomalies = now->unusual > now->count ? now->unusual : now->count;
    item.cause_id = now->cause;
    add_markers(incidents, home, &lists, &item);
    add_causes(now, &lists, &item);
    add_onset(now, &lists, &item);
    add_fingerprints(now, &lists, &item);
    add_related(incidents, home, &lists, &item);
    bytes_clear(out);
    incident_item_put(&item, out);
    out->failed = out->failed || text.failed;
    bytes_fini(&text);
}

void incident_withdrawn_json(const struct incident_home *home, struct bytes *out)
{
    struct incident_item item = head_of(home, &home->withdrawn);
    item.text = STR("Taken back: data that came late, or a restart, shows nothing unusual.");
    bytes_clear(out);
    incident_item_put(&item, out);
}
