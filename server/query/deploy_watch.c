#include "server/query/deploy_watch.h"

#include <stdlib.h>
#include <string.h>

#include "server/log/log.h"
#include "server/query/deploy_past.h"
#include "storage/findings/findings.h"
#include "storage/store.h"

#define SECOND_NS INT64_C(1000000000)
#define HOUR_MS   INT64_C(3600000)
/* So far back deploys are watched that were there at the start; what fills up is looked at for 8 h. */
#define RECENT_MS (DEPLOY_LEAK_MS + HOUR_MS)

enum {
    FIRST_S = 1,  /* until the first look, then twice as long each time, up to */
    YOUNG_S = 10, /* in the first hour */
    LATER_S = 60,
    SCAN_S = 10,  /* for new deploys */
    IDLE_MAX = 60 /* looks without anything new, then an old deploy is given up */
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
    struct deploy_check check;  /* made once */
    struct deploy_outcome told; /* as it is kept */
    time_ms_t updated;          /* by the last look */
};

/* One look; a worker's while it lasts. */
struct look {
    struct deploy deploy;
    struct deploy_check check;
    struct deploy_outcome told, outcome;
    bool is_looked_up;
    bool is_marked; /* the incidents before are known */
};

struct deploy_watch {
    struct deploy_watch_options options;
    struct watched at[DEPLOY_WATCHED_MAX];
    size_t count;
    uint64_t *known; /* ids that are no longer, or not, to be watched; ascending; owned */
    size_t known_count, known_capacity;
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
    struct bytes json;
    char *service; /* owned */
};

/* ---- which deploys ---- */

static size_t find_known(const struct deploy_watch *watch, uint64_t id)
{
    size_t low = 0, high = watch->known_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (watch->known[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_known(const struct deploy_watch *watch, uint64_t id)
{
    size_t at = find_known(watch, id);
    return at < watch->known_count && watch->known[at] == id;
}

/* Without memory it is watched again: that costs a look. */
static void note_known(struct deploy_watch *watch, uint64_t id)
{
    size_t at = find_known(watch, id);
    if (watch->known_count == watch->known_capacity) {
        size_t capacity = watch->known_capacity ? 2 * watch->known_capacity : 64;
        uint64_t *larger = realloc(watch->known, capacity * sizeof *larger);
        if (!larger)
            return;
        watch->known = larger;
        watch->known_capacity = capacity;
    }
    memmove(watch->known + at + 1, watch->known + at, (watch->known_count - at) * sizeof *watch->known);
    watch->known[at] = id;
    watch->known_count++;
}

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
        note_known(watch, one->id);
    *one = watch->at[--watch->count];
}

static void scan(struct deploy_watch *watch)
{
    const struct markers_wanted wanted = {.kind = MARKER_DEPLOY, .span = {INT64_MIN, INT64_MAX}};
    struct markers_place place = {.is_begun = false};
    const struct marker *marker;
    int64_t now = clock_mono_ns(watch->options.clock);
    while (watch->count < DEPLOY_WATCHED_MAX &&
           (marker = markers_next(store_markers(watch->options.store), &wanted, &place)) != NULL) {
        if (is_known(watch, marker->id) || find_watched(watch, marker->id))
            continue;
        watch->at[watch->count++] = (struct watched){
            .id = marker->id,
            .time = marker->time,
            .due_ns = now + FIRST_S * SECOND_NS,
            .pause_s = FIRST_S,
            .told = {.verdict = SCORE_INSUFFICIENT_DATA, .updated = INT64_MIN},
            .updated = INT64_MIN,
        };
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
        note_known(watch, marker->id);
}

/* ---- telling ---- */

static void free_telling(struct telling *telling)
{
    bytes_fini(&telling->json);
    free(telling->service);
    free(telling);
}

static void on_durable(void *arg, enum tm_err err)
{
    struct telling *telling = arg;
    struct deploy_watch *watch = telling->watch;
    struct watched *one = find_watched(watch, telling->id);
    if (one)
        one->is_telling = false;
    if (!err && one)
        one->told = telling->outcome;
    if (!err && !watch->is_stopped)
        feed_publish_of(watch->options.feed, "verdict", str_of(telling->service), bytes_view(&telling->json));
    if (!err && one && one->told.is_final)
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
    struct batch *batch = store_batch_new(store);
    enum tm_err err = batch ? store_batch_finding(batch, &finding) : TM_NOMEM;
    if (!err)
        err = store_submit(store, &batch, NULL, on_durable, telling);
    store_batch_drop(store, batch);
    return err;
}

/* What can't be told now is tried again with the next look. */
static void tell(struct deploy_watch *watch, struct watched *one, const struct look *look, struct str json)
{
    struct telling *telling = calloc(1, sizeof *telling);
    if (!telling)
        return;
    *telling = (struct telling){.watch = watch, .id = one->id, .outcome = look->outcome};
    bytes_put(&telling->json, json.ptr, json.len);
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

static void plan_next(struct deploy_watch *watch, struct watched *one)
{
    time_ms_t now = clock_wall_ms(watch->options.clock);
    bool is_young =
        one->time > now - HOUR_MS || (one->updated != INT64_MIN && one->updated < one->time + HOUR_MS);
    int64_t most = is_young ? YOUNG_S : LATER_S;
    one->pause_s = 2 * one->pause_s < most ? 2 * one->pause_s : most;
    one->due_ns = clock_mono_ns(watch->options.clock) + one->pause_s * SECOND_NS;
}

static void take_look(struct deploy_watch *watch, struct watched *one, const struct look *look,
                      struct str json)
{
    time_ms_t now = clock_wall_ms(watch->options.clock);
    one->check = look->check;
    if (!one->is_looked_up)
        one->told = look->told;
    one->is_looked_up = true;
    one->idle = look->outcome.updated == one->updated ? one->idle + 1 : 0;
    one->updated = look->outcome.updated;
    if (one->told.is_final || (one->idle > IDLE_MAX && one->time < now - RECENT_MS))
        forget(watch, one, true);
    else if (!one->is_telling && is_change(&one->told, &look->outcome))
        tell(watch, one, look, json);
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
    look->is_looked_up = !err || err == TM_NOT_FOUND;
    return look->is_looked_up ? TM_OK : err;
}

static enum tm_err step_look(void *state, struct reader *reader, struct bytes *out, bool *is_done,
                             struct tm_why *why)
{
    struct look *look = state;
    if (!look->is_looked_up) {
        enum tm_err err = look_up(look, reader, why);
        *is_done = !err && look->told.is_final;
        return err;
    }
    if (!look->is_marked) {
        look->is_marked = true;
        return deploy_past_incidents(&look->deploy, reader, why);
    }
    if (look->check.done < DEPLOY_CHECKS)
        return deploy_check_step(&look->check, &look->deploy, reader, why);
    *is_done = true;
    return deploy_verdict(&look->deploy, &look->check, reader, out, &look->outcome, why);
}

static void free_look(void *state)
{
    struct look *look = state;
    deploy_fini(&look->deploy);
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
    look->is_looked_up = one->is_looked_up;
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

/* ---- life ---- */

struct deploy_watch *deploy_watch_open(const struct deploy_watch_options *options)
{
    struct deploy_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return NULL;
    watch->options = *options;
    leave_old_out(watch);
    return watch;
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
        free(watch->known);
    free(watch);
}
