#include "server/query/deploy_watch.h"

#include <stdlib.h>
#include <string.h>

#include "server/log/log.h"
#include "server/query/deploy_alarm.h"
#include "server/query/deploy_ids.h"
#include "server/query/deploy_past.h"
#include "storage/findings/findings.h"
#include "storage/store.h"

#define SECOND_NS INT64_C(1000000000)
#define HOUR_MS   INT64_C(3600000)
/* Data that is so much older than what was there comes late. */
#define LATE_MS INT64_C(600000)
/* So far back deploys are watched that were there at the start; what fills up is looked at for 8 h. */
#define RECENT_MS (DEPLOY_LEAK_MS + HOUR_MS)

enum {
    FIRST_S = 1,  /* until the first look, then twice as long each time, up to */
    YOUNG_S = 10, /* in the first hour */
    LATER_S = 60,
    WAITING_S = 2, /* while scoring has not closed its minutes: they may be seconds behind */
    SCAN_S = 10,   /* for new deploys */
    AGAIN_S = 10,  /* from late data to the look at what it changed, so that much of it is one look */
    IDLE_MAX = 60  /* looks without anything new, then an old deploy is given up */
};

/* One deploy. */
struct watched {
    uint64_t id;
    time_ms_t time;
    int64_t due_ns;
    int64_t pause_s;
    unsigned idle;
    bool is_looked_up;          /* what is kept of it is known */
    bool is_telling;            /* a change is on its way to the disk */
    bool is_again;              /* it was final, and data of its windows came later */
    bool is_owed;               /* final and bad as it was kept, but whether it is an incident was not */
    struct deploy_check check;  /* made once */
    struct deploy_outcome told; /* as it is kept */
    struct deploy_alarm alarm;  /* likewise; without its JSON */
    time_ms_t updated;          /* by the last look */
};

/* One look; a worker's while it lasts. */
struct look {
    struct deploy deploy;
    struct deploy_check check;
    struct deploy_outcome told, outcome;
    struct deploy_alarm kept;
    struct deploy_alarm_look alarm;
    bool is_looked_up;
    bool is_again;
    bool is_owed;
    bool is_marked; /* the incidents before are known */
};

struct deploy_watch {
    struct deploy_watch_options options;
    struct watched at[DEPLOY_WATCHED_MAX];
    size_t count;
    struct deploy_ids known; /* those that are no longer, or not, to be watched */
    time_ms_t newest;        /* event time of all data since the start; INT64_MIN: none */
    int64_t scan_ns;
    size_t scanned; /* markers there were then */
    bool is_looking;
    bool is_stopped;
};

/* A change on its way to the disk. */
struct telling {
    struct deploy_watch *watch;
    uint64_t id;
    struct deploy_outcome outcome;
    struct deploy_alarm alarm;
    bool is_verdict_told; /* as it is kept: the incident alone is new */
    struct bytes json;
    char *service; /* owned */
};

/* ---- which deploys ---- */

static struct watched *find_watched(struct deploy_watch *watch, uint64_t id)
{
    for (size_t i = 0; i < watch->count; i++)
        if (watch->at[i].id == id)
            return &watch->at[i];
    return NULL;
}

/* is_over: it is not to come back. */
static void forget(struct deploy_watch *watch, struct watched *one, bool is_over)
{
    if (is_over)
        deploy_ids_add(&watch->known, one->id);
    *one = watch->at[--watch->count];
}

/* From now on it is watched, first looked at after so long. */
static struct watched *add(struct deploy_watch *watch, const struct marker *marker, int64_t pause_s)
{
    struct watched *one = &watch->at[watch->count++];
    *one = (struct watched){
        .id = marker->id,
        .time = marker->time,
        .due_ns = clock_mono_ns(watch->options.clock) + pause_s * SECOND_NS,
        .pause_s = FIRST_S,
        .told = {.verdict = SCORE_INSUFFICIENT_DATA, .updated = INT64_MIN},
        .updated = INT64_MIN,
    };
    return one;
}

static void scan(struct deploy_watch *watch)
{
    const struct markers_wanted wanted = {.kind = MARKER_DEPLOY, .span = {INT64_MIN, INT64_MAX}};
    struct markers_place place = {.is_begun = false};
    const struct marker *marker;
    while (watch->count < DEPLOY_WATCHED_MAX &&
           (marker = markers_next(store_markers(watch->options.store), &wanted, &place)) != NULL) {
        if (deploy_ids_has(&watch->known, marker->id) || find_watched(watch, marker->id))
            continue;
        (void)add(watch, marker, FIRST_S);
    }
}

/* Those that were there long before the start are not watched. */
static void leave_old_out(struct deploy_watch *watch)
{
    time_ms_t newest;
    (void)store_groups(watch->options.store, &newest);
    time_ms_t now = clock_wall_ms(watch->options.clock);
    time_ms_t recent = newest != INT64_MIN && newest < now ? newest - RECENT_MS : now - RECENT_MS;
    const struct markers_wanted wanted = {.kind = MARKER_DEPLOY, .span = {INT64_MIN, recent}};
    struct markers_place place = {.is_begun = false};
    const struct marker *marker;
    while ((marker = markers_next(store_markers(watch->options.store), &wanted, &place)) != NULL)
        deploy_ids_add(&watch->known, marker->id);
}

/* ---- telling ---- */

static void free_telling(struct telling *telling)
{
    bytes_fini(&telling->json);
    deploy_alarm_fini(&telling->alarm);
    free(telling->service);
    free(telling);
}

/* Nothing about it changes any more. */
static bool is_over(const struct watched *one)
{
    return one->told.is_final && !one->is_again && !one->is_owed && one->alarm.state != DEPLOY_ALARM_WAITS;
}

static struct deploy_alarm without_json(const struct deploy_alarm *alarm)
{
    struct deploy_alarm copy = *alarm;
    copy.json = (struct bytes){0};
    return copy;
}

static void publish(struct deploy_watch *watch, const struct telling *telling)
{
    struct str service = str_of(telling->service);
    if (!telling->is_verdict_told)
        feed_publish_of(watch->options.feed, "verdict", service, bytes_view(&telling->json));
    if (telling->alarm.json.len > 0)
        feed_publish_of(watch->options.feed, "incident", service, bytes_view(&telling->alarm.json));
}

static void on_durable(void *arg, enum tm_err err)
{
    struct telling *telling = arg;
    struct deploy_watch *watch = telling->watch;
    struct watched *one = find_watched(watch, telling->id);
    if (one)
        one->is_telling = false;
    if (!err && one) {
        one->told = telling->outcome;
        one->alarm = without_json(&telling->alarm);
        one->is_owed = false;
    }
    if (!err && !watch->is_stopped)
        publish(watch, telling);
    if (!err && one && is_over(one))
        forget(watch, one, true);
    free_telling(telling);
}

static enum tm_err submit(struct telling *telling, const struct deploy *deploy)
{
    struct store *store = telling->watch->options.store;
    time_ms_t updated = telling->outcome.updated;
    const struct finding finding = {
        .kind = FINDING_VERDICT,
        .id = deploy->id,
        .time = deploy->time,
        .end = updated > deploy->time ? updated : 0,
        .service = str_of(deploy->text[DEPLOY_SERVICE]),
        .env = str_of(deploy->text[DEPLOY_ENV]),
        .body = bytes_view(&telling->json),
    };
    const struct deploy_alarm *alarm = &telling->alarm;
    struct finding incident = finding; /* its id is the deploy's */
    incident.kind = FINDING_INCIDENT;
    incident.time = alarm->begins;
    incident.end = alarm->ends;
    incident.score = alarm->score;
    incident.body = bytes_view(&alarm->json);
    struct batch *batch = store_batch_new(store);
    enum tm_err err = batch ? store_batch_finding(batch, &finding) : TM_NOMEM;
    if (!err && alarm->json.len > 0 && finding_is_valid(&incident))
        err = store_batch_finding(batch, &incident);
    if (!err)
        err = store_submit(store, &batch, NULL, on_durable, telling);
    store_batch_drop(store, batch);
    return err;
}

/* What can't be told now is tried again with the next look. is_verdict_told: the incident alone is new. */
static void tell(struct deploy_watch *watch, struct watched *one, const struct look *look,
                 bool is_verdict_told, struct str json)
{
    const struct bytes *incident = &look->alarm.made.json;
    struct telling *telling = calloc(1, sizeof *telling);
    if (!telling)
        return;
    *telling = (struct telling){
        .watch = watch, .id = one->id, .outcome = look->outcome, .is_verdict_told = is_verdict_told};
    bytes_put(&telling->json, json.ptr, json.len);
    telling->alarm = without_json(&look->alarm.made);
    bytes_put(&telling->alarm.json, incident->data, incident->len);
    telling->json.failed = telling->json.failed || telling->alarm.json.failed || incident->failed;
    telling->service = strdup(look->deploy.text[DEPLOY_SERVICE]);
    enum tm_err err =
        bytes_error(&telling->json) || !telling->service ? TM_NOMEM : submit(telling, &look->deploy);
    if (!err)
        one->is_telling = true;
    else
        free_telling(telling);
    if (err == TM_INVALID)
        log_write(watch->options.log, LOG_LEVEL_WARNING, "verdict.too_large",
                  "the verdict of deploy %s of %s has %zu bytes and is not kept",
                  look->deploy.text[DEPLOY_VERSION], look->deploy.text[DEPLOY_SERVICE], json.len);
}

/* ---- looking ---- */

static bool is_change(const struct deploy_outcome *told, const struct deploy_outcome *now)
{
    return told->verdict != now->verdict || told->named != now->named || (now->is_final && !told->is_final);
}

/* An incident that opens, closes, or becomes part of another one. */
static bool is_alarm(const struct deploy_alarm *told, const struct deploy_alarm *now)
{
    return now->state >= DEPLOY_ALARM_OPEN && (told->state != now->state || told->part_of != now->part_of);
}

static void plan_next(struct deploy_watch *watch, struct watched *one)
{
    time_ms_t now = clock_wall_ms(watch->options.clock);
    bool is_young =
        one->time > now - HOUR_MS || (one->updated != INT64_MIN && one->updated < one->time + HOUR_MS);
    int64_t most = one->alarm.state == DEPLOY_ALARM_WAITS ? WAITING_S : is_young ? YOUNG_S : LATER_S;
    one->pause_s = 2 * one->pause_s < most ? 2 * one->pause_s : most;
    one->due_ns = clock_mono_ns(watch->options.clock) + one->pause_s * SECOND_NS;
}

static void take_look(struct deploy_watch *watch, struct watched *one, const struct look *look,
                      struct str json)
{
    time_ms_t now = clock_wall_ms(watch->options.clock);
    one->check = look->check;
    if (!one->is_looked_up) {
        one->told = look->told;
        one->alarm = look->kept;
    }
    one->is_looked_up = true;
    one->is_owed = look->is_owed && look->alarm.made.state != DEPLOY_ALARM_NONE;
    if (look->alarm.made.state < DEPLOY_ALARM_OPEN)
        one->alarm.state = look->alarm.made.state;
    one->idle = look->outcome.updated == one->updated ? one->idle + 1 : 0;
    one->updated = look->outcome.updated;
    bool is_again = one->is_again && look->is_again;
    bool is_verdict_new =
        is_change(&one->told, &look->outcome) || (is_again && look->outcome.requests != one->told.requests);
    bool is_new = is_verdict_new || is_alarm(&one->alarm, &look->alarm.made);
    if (is_again && !one->is_telling)
        one->is_again = false;
    if (!one->is_telling && is_new && (!is_over(one) || is_again))
        tell(watch, one, look, !is_verdict_new, json);
    else if (is_over(one) || (one->idle > IDLE_MAX && one->time < now - RECENT_MS))
        forget(watch, one, true);
}

static void on_looked(void *arg, void *state, enum tm_err err, struct str json)
{
    struct deploy_watch *watch = arg;
    const struct look *look = state;
    struct watched *one = find_watched(watch, look->deploy.id);
    watch->is_looking = false;
    if (!one || watch->is_stopped)
        return;
    if (!err)
        take_look(watch, one, look, json);
    else if (err != TM_CLOSED)
        log_write(watch->options.log, LOG_LEVEL_WARNING, "verdict.failed",
                  "the deploy of %s could not be judged (error %d); it is tried again in %lld s",
                  look->deploy.text[DEPLOY_SERVICE], (int)err, (long long)one->pause_s);
    deploy_watch_tick(watch);
}

static enum tm_err look_up(struct look *look, struct reader *reader, struct tm_why *why)
{
    struct bytes unused = {0};
    enum tm_err err = deploy_past_verdict(&look->deploy, reader, &unused, &look->told, why);
    bytes_fini(&unused);
    if (!err || err == TM_NOT_FOUND)
        err = deploy_alarm_kept(&look->deploy, reader, &look->kept, why);
    look->is_looked_up = !err;
    return err;
}

static enum tm_err step_look(void *state, struct reader *reader, struct bytes *out, bool *is_done,
                             struct tm_why *why)
{
    struct look *look = state;
    if (!look->is_looked_up) {
        enum tm_err err = look_up(look, reader, why);
        look->is_owed = !err && look->told.is_final && look->told.verdict == SCORE_BAD &&
                        look->kept.state == DEPLOY_ALARM_NONE;
        *is_done = !err && look->told.is_final && !look->is_again && !look->is_owed;
        return err;
    }
    if (!look->is_marked) {
        look->is_marked = true;
        return deploy_past_incidents(&look->deploy, reader, why);
    }
    if (look->check.done < DEPLOY_CHECKS)
        return deploy_check_step(&look->check, &look->deploy, reader, why);
    *is_done = true;
    look->alarm.told = &look->kept;
    return deploy_verdict(&look->deploy, &look->check, reader, out, &look->outcome, &look->alarm, why);
}

static void free_look(void *state)
{
    struct look *look = state;
    deploy_fini(&look->deploy);
    deploy_alarm_fini(&look->alarm.made);
    free(look);
}

static const struct query_kind look_kind = {.step = step_look, .free = free_look};

static void begin_look(struct deploy_watch *watch, struct watched *one)
{
    const struct marker *marker = markers_find(store_markers(watch->options.store), one->id);
    if (!marker || marker->kind != MARKER_DEPLOY) {
        forget(watch, one, false);
        return;
    }
    plan_next(watch, one);
    struct look *look = calloc(1, sizeof *look);
    if (!look)
        return;
    if (deploy_gather(watch->options.store, marker, &look->deploy)) {
        free_look(look);
        return;
    }
    one->time = marker->time;
    look->check = one->check;
    look->told = one->told;
    look->kept = one->alarm;
    look->is_looked_up = one->is_looked_up;
    look->is_again = one->is_again;
    look->is_owed = one->is_owed;
    look->alarm.least = watch->options.incident_score;
    watch->is_looking = queries_run(watch->options.queries, &look_kind, look, on_looked, watch) == TM_OK;
}

void deploy_watch_tick(struct deploy_watch *watch)
{
    int64_t now = clock_mono_ns(watch->options.clock);
    struct watched *first = NULL;
    if (watch->is_stopped)
        return;
    size_t markers = markers_count(store_markers(watch->options.store));
    if (now >= watch->scan_ns || markers != watch->scanned) {
        scan(watch);
        watch->scanned = markers;
        watch->scan_ns = now + SCAN_S * SECOND_NS;
    }
    for (size_t i = 0; i < watch->count; i++)
        if (!first || watch->at[i].due_ns < first->due_ns)
            first = &watch->at[i];
    if (first && !watch->is_looking && now >= first->due_ns)
        begin_look(watch, first);
}

/* ---- what comes late ---- */

void deploy_watch_news(struct deploy_watch *watch, struct str service, time_ms_t oldest, time_ms_t newest)
{
    bool is_late = oldest < watch->newest - LATE_MS;
    watch->newest = newest > watch->newest ? newest : watch->newest;
    const struct markers_wanted wanted = {
        .kind = MARKER_DEPLOY, .service = service, .span = {oldest - HOUR_MS, newest + HOUR_MS}};
    struct markers_place place = {.is_begun = false};
    const struct marker *marker;
    while (is_late && watch->count < DEPLOY_WATCHED_MAX &&
           (marker = markers_next(store_markers(watch->options.store), &wanted, &place)) != NULL) {
        struct watched *one = find_watched(watch, marker->id);
        if (!str_equal(marker->text[MARKER_SERVICE], service))
            continue; /* no service: all of them */
        if (one && (one->told.is_final || one->is_again))
            one->is_again = true;
        if (one || !deploy_ids_has(&watch->known, marker->id))
            continue;
        deploy_ids_drop(&watch->known, marker->id);
        add(watch, marker, AGAIN_S)->is_again = true;
    }
}

/* ---- life ---- */

struct deploy_watch *deploy_watch_open(const struct deploy_watch_options *options)
{
    struct deploy_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return NULL;
    watch->options = *options;
    watch->newest = INT64_MIN / 2;
    leave_old_out(watch);
    return watch;
}

void deploy_watch_configure(struct deploy_watch *watch, double incident_score)
{
    watch->options.incident_score = incident_score;
}

size_t deploy_watch_count(const struct deploy_watch *watch)
{
    return watch->count;
}

void deploy_watch_stop(struct deploy_watch *watch)
{
    if (watch)
        watch->is_stopped = true;
}

void deploy_watch_close(struct deploy_watch *watch)
{
    if (watch)
        deploy_ids_fini(&watch->known);
    free(watch);
}
