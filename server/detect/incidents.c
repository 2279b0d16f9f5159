#include "server/detect/incidents.h"

#include <string.h>
#include <xxhash.h>

#include "scoring/first.h"
#include "server/detect/incident_private.h"
#include "storage/findings/findings.h"

#define MINUTE_MS INT64_C(60000)
/* So long after it closed its series are kept, as it may open anew. */
#define KEPT_MS (4 * 60 * MINUTE_MS)
/* What began so near in time at the same place is one thing. */
#define NEAR_MS (30 * MINUTE_MS)
/* A change of the score that is told. */
#define SCORE_STEP 2.0

/* By its start, which stays where the minute in which it opens may be another one after a restart; what
 * starts so near behind an earlier one is that one, opened anew. */
static uint64_t id_of(const struct incident_home *home, time_ms_t start)
{
    uint64_t seed = XXH3_64bits(home->service, strlen(home->service) + 1);
    seed = XXH3_64bits_withSeed(home->env, strlen(home->env) + 1, seed);
    uint64_t id = XXH3_64bits_withSeed(&start, sizeof start, seed);
    return id ? id : 1;
}

static void judge(struct detect_incidents *incidents, struct incident_home *home,
                  const struct detect_minute *minute, struct score_incident_result *out)
{
    struct score_incident_minute sums = {.time = minute->minute, .step_ms = incidents->options.step_ms};
    for (size_t i = 0; i < minute->count; i++) {
        const struct detect_score *score = &minute->scores[i];
        struct score_incident_series series = {
            .key = incident_key(score->labels, score->metric),
            .return_period_h = score->result ? score->result->return_period_h : 0,
            .learning = !score->result || score->result->learning,
            .sparse = score->sparse,
            .failure = score->failure,
            .began = score->began,
        };
        score_incident_add(&home->state, &sums, &series);
    }
    score_incident_judge(&home->state, &sums, minute->scored, out);
    incidents->figures.minutes++;
}

/* ---- telling ---- */

static void tell(const struct incident_home *home, const struct incident *now, const struct bytes *body,
                 const struct detect_minute *minute)
{
    struct finding finding = {.kind = FINDING_INCIDENT,
                              .id = now->id,
                              .time = now->start,
                              .end = now->end,
                              .score = now->score,
                              .service = str_of(home->service),
                              .env = str_of(home->env),
                              .body = bytes_view(body)};
    if (finding_is_valid(&finding))
        detect_out_finding(minute->out, &finding);
}

static void tell_incident(struct detect_incidents *incidents, struct incident_home *home,
                          const struct detect_minute *minute)
{
    incident_json(incidents, home, &incidents->body);
    if (bytes_error(&incidents->body) != TM_OK)
        incidents->figures.nomem++;
    else
        tell(home, &home->now, &incidents->body, minute);
}

static struct incident_told look_of(const struct detect_incidents *incidents,
                                    const struct incident_home *home)
{
    const struct incident_marker *markers[INCIDENT_MARKERS];
    const struct incident *now = &home->now;
    return (struct incident_told){
        .score = now->score,
        .members = now->unusual > now->count ? now->unusual : now->count,
        .cause = now->cause,
        .part_of = now->part_of,
        .marker = incident_markers_before(incidents->markers, home, now->start, markers) ? markers[0]->id : 0,
        .related = incident_related(incidents, now->id, NULL, 0),
    };
}

/* Is it noticeably another than what was told last? */
static bool has_changed(const struct incident_told *told, const struct incident_told *look)
{
    return look->score >= told->score + SCORE_STEP || look->members > told->members + told->members / 10 ||
           look->cause != told->cause || look->part_of != told->part_of || look->marker != told->marker ||
           look->related != told->related;
}

/* One that was set back and did not open again at the same minute was none. */
static void settle_withdrawn(struct detect_incidents *incidents, struct incident_home *home,
                             const struct detect_minute *minute)
{
    if (home->withdrawn.id == 0 || minute->minute < home->withdrawn.opened)
        return;
    if (home->withdrawn.id != home->now.id) {
        if (home->withdrawn.end <= home->withdrawn.start)
            home->withdrawn.end = home->withdrawn.start + MINUTE_MS;
        incident_withdrawn_json(home, &incidents->body);
        if (bytes_error(&incidents->body) == TM_OK)
            tell(home, &home->withdrawn, &incidents->body, minute);
        else
            incidents->figures.nomem++;
    }
    home->withdrawn.id = 0;
}

void detect_incidents_recall(struct detect_incidents *incidents, const struct finding *incident,
                             time_ms_t until)
{
    struct incident_home *home = incident_home_of(incidents, incident->service, incident->env);
    if (!home || incident->end != 0 || home->withdrawn.id != 0)
        return;
    home->withdrawn = (struct incident){.id = incident->id,
                                        .opened = until - MINUTE_MS,
                                        .start = incident->time,
                                        .end = until,
                                        .peak = incident->time,
                                        .score = incident->score};
}

/* ---- opening ---- */

/* Another service's open incident that began near this one, at a place that both name. */
static uint64_t find_same(const struct detect_incidents *incidents, const struct incident_home *home)
{
    for (size_t i = 0; i < incidents->count; i++) {
        const struct incident_home *other = incidents->homes[i];
        int64_t apart = other->now.start - home->now.start;
        if (other == home || !other->state.is_open || other->now.part_of != 0)
            continue;
        if (apart <= NEAR_MS && apart >= -NEAR_MS && incident_shares_place(&other->now, &home->now))
            return other->now.id;
    }
    return 0;
}

static void note_past(struct incident_home *home, int32_t hour)
{
    struct incident_past *past = &home->past[home->past_next++ % INCIDENTS_PAST];
    *past = (struct incident_past){home->now.id, home->now.cause, hour, FEEDBACK_COUNT};
}

static void open_new(struct detect_incidents *incidents, struct incident_home *home,
                     const struct detect_minute *minute, struct incident *candidate)
{
    incident_fini(&home->now);
    home->now = *candidate;
    *candidate = (struct incident){.id = 0};
    home->now.opened = minute->minute;
    home->now.start = incident_began(&home->now, minute->minute);
    home->now.id = id_of(home, home->now.start);
    home->now.part_of = find_same(incidents, home);
    home->told = (struct incident_told){.score = 0};
    note_past(home, incident_hour(incidents, minute->minute));
    incidents->figures.opened++;
}

/* What the minute is about, as an incident of its own. */
static void look_at(struct detect_incidents *incidents, struct incident *incident,
                    const struct detect_minute *minute)
{
    incident_gather(incident, minute, &incidents->figures.nomem);
    if (!incident_find_causes(incident, minute))
        incidents->figures.nomem++;
}

static enum score_incident_step follow_closed(struct detect_incidents *incidents, struct incident_home *home,
                                              const struct detect_minute *minute, double score)
{
    struct incident candidate = {.id = 0};
    double least = incidents->options.least;
    if (score >= least) {
        look_at(incidents, &candidate, minute);
        double needed = score_incident_needed(&home->state, least, candidate.cause,
                                              incident_hour(incidents, minute->minute));
        incidents->figures.muted += score < needed;
        least = needed;
    }
    enum score_incident_step step = score_incident_follow(&home->state, minute->minute, score, least);
    if (step == INCIDENT_OPENS || (step == INCIDENT_REOPENS && home->now.id == 0)) {
        open_new(incidents, home, minute, &candidate);
    } else if (step == INCIDENT_REOPENS) {
        home->now.end = 0;
        look_at(incidents, &home->now, minute);
    } else if (home->now.count > 0 && minute->minute - home->now.end > KEPT_MS) {
        struct incident kept = home->now; /* its id and times stay */
        kept.members = NULL;
        kept.excess = (struct detect_excess){.score = 0};
        kept.excess_text = NULL;
        kept.count = kept.capacity = kept.bytes = kept.cause_count = 0;
        incident_fini(&home->now);
        home->now = kept;
    }
    incident_fini(&candidate);
    return step;
}

static enum score_incident_step follow_open(struct detect_incidents *incidents, struct incident_home *home,
                                            const struct detect_minute *minute, double score)
{
    size_t before = home->now.count;
    incident_gather(&home->now, minute, &incidents->figures.nomem);
    if (home->now.count > before && !incident_find_causes(&home->now, minute))
        incidents->figures.nomem++;
    struct incident_past *past = &home->past[(home->past_next - 1) % INCIDENTS_PAST];
    if (past->id == home->now.id && past->said == FEEDBACK_COUNT)
        past->cause = home->now.cause;
    double needed = score_incident_needed(&home->state, incidents->options.least, home->now.cause,
                                          incident_hour(incidents, minute->minute));
    enum score_incident_step step = score_incident_follow(&home->state, minute->minute, score, needed);
    if (step == INCIDENT_CLOSES)
        home->now.end = home->state.high + MINUTE_MS;
    return step;
}

void detect_incidents_minute(struct detect_incidents *incidents, const struct detect_minute *minute)
{
    struct score_incident_result result;
    struct incident_home *home = incident_home_of(incidents, minute->service, minute->env);
    if (!home || (home->state.minutes > 0 && minute->minute <= home->state.last))
        return;
    judge(incidents, home, minute, &result);
    enum score_incident_step step = home->state.is_open
                                        ? follow_open(incidents, home, minute, result.score)
                                        : follow_closed(incidents, home, minute, result.score);
    if (home->state.is_open && result.score > home->now.score) {
        home->now.score = result.score;
        home->now.peak = minute->minute;
    }
    settle_withdrawn(incidents, home, minute);
    if (step == INCIDENT_NONE)
        return;
    struct incident_told look = look_of(incidents, home);
    if (step == INCIDENT_GOES_ON && !has_changed(&home->told, &look))
        return;
    home->told = look;
    tell_incident(incidents, home, minute);
}

/* ---- feedback ---- */

bool detect_incidents_feedback(struct detect_incidents *incidents, struct str service, struct str env,
                               uint64_t incident, enum score_feedback feedback)
{
    bool found;
    size_t place = incident_home_place(incidents, service, env, &found);
    if (!found || feedback >= FEEDBACK_COUNT || incident == 0)
        return false;
    struct incident_home *home = incidents->homes[place];
    for (size_t i = 0; i < INCIDENTS_PAST; i++) {
        struct incident_past *past = &home->past[i];
        if (past->id != incident)
            continue;
        if (past->said == feedback)
            return true;
        if (past->said == FEEDBACK_NOISE || past->said == FEEDBACK_EXPECTED)
            score_incident_teach(&home->state, past->cause, past->hour, FEEDBACK_USEFUL);
        if (feedback != FEEDBACK_USEFUL || past->said == FEEDBACK_COUNT)
            score_incident_teach(&home->state, past->cause, past->hour, feedback);
        past->said = feedback;
        return true;
    }
    return false;
}
