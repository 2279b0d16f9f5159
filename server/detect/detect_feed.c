/* Incidents are told of closed minutes: once each, in order; again from where late data came. */
#include <stdlib.h>
#include <string.h>

#include "server/detect/detect_private.h"
#include "server/detect/incidents.h"

/* ---- one minute ---- */

/* Labels without the metric's name, which is told beside them. False: they can't be. */
static bool split_labels(struct str encoded, struct bytes *out, struct str *metric)
{
    struct labels labels = {.count = 0}, rest = {.count = 0};
    bytes_clear(out);
    *metric = STR("");
    if (labels_decode(encoded, &labels) != TM_OK)
        return false;
    for (size_t i = 0; i < labels.count; i++) {
        if (str_equal(labels.at[i].name, STR(LABEL_NAME)))
            *metric = labels.at[i].value;
        else
            rest.at[rest.count++] = labels.at[i];
    }
    labels_encode(&rest, out);
    return !bytes_error(out);
}

struct scored_series {
    const struct detect_service *service;
    uint16_t env;
};

static void each_series(void *arg, detect_series_fn *each, void *to)
{
    const struct scored_series *scored = arg;
    const struct detect_service *service = scored->service;
    struct bytes labels = {0};
    struct str metric;
    for (size_t i = 0; i < service->target_count; i++) {
        const struct detect_target *target = &service->targets[i];
        if (target->state && target->env == scored->env &&
            split_labels(detect_labels(target), &labels, &metric))
            each(to, bytes_view(&labels), metric);
    }
    bytes_fini(&labels);
}

static uint64_t count_scored(const struct detect_service *service, uint16_t env)
{
    uint64_t count = 0;
    for (size_t i = 0; i < service->target_count; i++)
        count += service->targets[i].state && service->targets[i].env == env;
    return count;
}

/* Is a ratio one of answers that are the service's own fault? */
static bool is_failure(struct str encoded)
{
    struct labels labels = {.count = 0};
    return labels_decode(encoded, &labels) == TM_OK &&
           str_equal(labels_get(&labels, STR("class")), STR("5xx"));
}

/* Adds what was heard of an env; labels hold the bytes. */
static void gather_scores(const struct detect_engine *engine, const struct detect_service *service,
                          const struct detect_heard *heard, size_t count, uint16_t env,
                          struct detect_score *scores, struct bytes *labels, size_t *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct score_first_result *result = &heard[i].result;
        const struct detect_target *target = &service->targets[heard[i].target];
        struct detect_score *score = &scores[*out];
        if (target->env != env || result->score < DETECT_HEARD_SCORE ||
            detect_is_muted(engine, service, &heard[i]))
            continue;
        *score = (struct detect_score){.score = result->score,
                                       .observed = heard[i].observed,
                                       .expected = result->expected,
                                       .spread = result->spread,
                                       .effect = result->effect,
                                       .began = result->began,
                                       .sparse = heard[i].sparse,
                                       .result = result};
        if (!split_labels(detect_labels(target), &labels[*out], &score->metric))
            continue;
        score->labels = bytes_view(&labels[*out]);
        score->failure = heard[i].whole > 0 && is_failure(score->labels);
        ++*out;
    }
}

static void feed_minute(struct detect_engine *engine, struct detect_service *service, int64_t minute,
                        uint16_t env, const struct detect_heard *heard, size_t count, struct detect_out *to)
{
    struct detect_score *scores = calloc(count + 1, sizeof *scores);
    struct bytes *labels = calloc(count + 1, sizeof *labels);
    struct scored_series scored = {service, env};
    struct detect_minute out = {.service = str_of(service->name),
                                .env = service->envs[env],
                                .minute = minute * engine->options.step_ms,
                                .scores = scores,
                                .excess = detect_excess_of(engine, minute, env),
                                .scored = count_scored(service, env),
                                .each_series = each_series,
                                .series_arg = &scored,
                                .out = to};
    if (scores && labels) {
        gather_scores(engine, service, heard, count, env, scores, labels, &out.count);
        detect_incidents_minute(engine->options.incidents, &out);
    }
    for (size_t i = 0; i <= count && labels; i++)
        bytes_fini(&labels[i]);
    free(labels);
    free(scores);
}

/* ---- where late data came ---- */

static void drop_snapshot(struct detect_snapshot *snapshot)
{
    bytes_fini(&snapshot->state);
}

/* Keeps the state of all its envs before a minute, while its data is known to come late. */
static void take_snapshot(struct detect_engine *engine, struct detect_service *service, int64_t minute)
{
    size_t kept = 0;
    for (size_t i = 0; i < service->snapshot_count; i++) {
        if (service->snapshots[i].minute >= service->base && service->snapshots[i].minute < minute)
            service->snapshots[kept++] = service->snapshots[i];
        else
            drop_snapshot(&service->snapshots[i]);
    }
    service->snapshot_count = kept;
    if (service->late_until <= minute || kept == DETECT_SNAPSHOTS)
        return;
    struct detect_snapshot *snapshot = &service->snapshots[service->snapshot_count++];
    *snapshot = (struct detect_snapshot){.minute = minute};
    for (size_t env = 0; env < service->env_count; env++)
        detect_incidents_encode_service(engine->options.incidents, str_of(service->name), service->envs[env],
                                        &snapshot->state);
}

/* Late data changed minutes: incidents are set back to before them, as far as is known. */
static void set_back(struct detect_engine *engine, struct detect_service *service)
{
    int64_t late = service->late_from;
    service->late_from = INT64_MAX;
    while (service->snapshot_count > 0) {
        struct detect_snapshot *snapshot = &service->snapshots[service->snapshot_count - 1];
        if (snapshot->minute < service->base || service->fed <= late)
            return;
        if (!bytes_error(&snapshot->state) &&
            detect_incidents_decode(engine->options.incidents, bytes_view(&snapshot->state)) == TM_OK)
            service->fed = snapshot->minute;
        drop_snapshot(snapshot);
        service->snapshot_count--;
    }
}

void detect_snapshots_free(struct detect_service *service)
{
    for (size_t i = 0; i < service->snapshot_count; i++)
        drop_snapshot(&service->snapshots[i]);
    service->snapshot_count = 0;
}

/* ---- all ---- */

void detect_feed(struct detect_engine *engine, struct detect_service *service, int64_t end,
                 struct detect_out *to)
{
    size_t at = 0;
    if (!engine->options.incidents)
        return;
    if (service->late_from < service->fed)
        set_back(engine, service);
    for (int64_t minute = service->fed; minute < end; minute++) {
        if (minute >= service->base)
            take_snapshot(engine, service, minute);
        while (at < engine->heard_count && engine->heard[at].minute < minute)
            at++;
        size_t next = at;
        while (next < engine->heard_count && engine->heard[next].minute == minute)
            next++;
        for (size_t env = 0; env < service->env_count; env++)
            feed_minute(engine, service, minute, (uint16_t)env, engine->heard + at, next - at, to);
        at = next;
    }
    service->fed = end > service->fed ? end : service->fed;
}
