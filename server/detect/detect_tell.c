/* What was heard becomes findings and samples of anomaly_score. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "server/detect/detect_private.h"
#include "server/detect/incidents.h"
#include "storage/findings/findings.h"

/* A score that moved by less is the same. */
#define SAME_SCORE 0.005

/* Anomalies of one service and minute that are told in full. */
enum { TOLD_MAX = 1000 };

/* ---- what was told ---- */

static struct detect_told *find_told(struct detect_target *target, int64_t minute)
{
    for (uint32_t i = 0; i < target->told_count; i++) {
        if (target->told[i].minute == minute)
            return &target->told[i];
    }
    return NULL;
}

/* Minutes that can't change any more are forgotten. False without memory: it may be told once more. */
static bool note_told(struct detect_target *target, int64_t minute, double score, int64_t base)
{
    uint32_t kept = 0;
    struct detect_told *told = find_told(target, minute);
    if (told) {
        told->score = score;
        return true;
    }
    for (uint32_t i = 0; i < target->told_count; i++) {
        if (target->told[i].minute >= base)
            target->told[kept++] = target->told[i];
    }
    target->told_count = kept;
    told = realloc(target->told, (kept + 1) * sizeof *told);
    if (!told)
        return false;
    target->told = told;
    told[target->told_count++] = (struct detect_told){minute, score};
    return true;
}

/* ---- one anomaly ---- */

static uint64_t id_of(const struct detect_target *target, int64_t minute)
{
    uint64_t id = XXH3_64bits_withSeed(&target->hash, sizeof target->hash, (uint64_t)minute);
    return id ? id : 1;
}

/* The labels of anomaly_score of what is scored; false if they can't be. */
static bool score_labels(const struct labels *scored, struct bytes *out)
{
    struct labels labels = {.count = 0};
    struct str twice;
    bytes_clear(out);
    for (size_t i = 0; i < scored->count; i++) {
        struct str name = scored->at[i].name;
        bool is_name = str_equal(name, STR(LABEL_NAME));
        if (labels_add(&labels, is_name ? STR("of") : name, scored->at[i].value) != TM_OK)
            return false;
    }
    if (labels_add(&labels, STR(LABEL_NAME), STR("anomaly_score")) != TM_OK ||
        labels_sort(&labels, &twice) != TM_OK)
        return false;
    labels_encode(&labels, out);
    return !bytes_error(out);
}

bool detect_is_muted(const struct detect_engine *engine, const struct detect_service *service,
                     const struct detect_heard *heard)
{
    const struct detect_target *target = &service->targets[heard->target];
    struct labels labels = {.count = 0};
    if (!engine->planned || labels_decode(detect_labels(target), &labels) != TM_OK)
        return false;
    enum planned_what what = planned_what_of(labels_get(&labels, STR(LABEL_NAME)), &labels, heard->whole > 0,
                                             heard->observed, heard->result.expected);
    return planned_mutes(engine->planned, str_of(service->name), service->envs[target->env],
                         heard->minute * engine->options.step_ms, what);
}

static void tell_one(struct detect_engine *engine, const struct detect_service *service,
                     const struct detect_heard *heard, bool in_full)
{
    const struct detect_target *target = &service->targets[heard->target];
    const struct score_first_result *result = &heard->result;
    time_ms_t time = heard->minute * engine->options.step_ms;
    struct labels labels = {.count = 0};
    if (labels_decode(detect_labels(target), &labels) != TM_OK)
        return;
    if (score_labels(&labels, &engine->scratch))
        detect_out_sample(&engine->out, bytes_view(&engine->scratch), str_of(service->name), time,
                          result->score);
    if (!in_full || detect_is_muted(engine, service, heard))
        return;
    bytes_clear(&engine->body);
    uint64_t id = id_of(target, heard->minute);
    detect_body(engine, service, heard, id, &engine->body);
    if (bytes_error(&engine->body))
        return;
    const struct finding finding = {
        .kind = FINDING_ANOMALY,
        .id = id,
        .time = time,
        .end = time + engine->options.step_ms,
        .score = result->score,
        .service = str_of(service->name),
        .env = service->envs[target->env],
        .body = bytes_view(&engine->body),
    };
    detect_out_finding(&engine->out, &finding);
}

/* Told if it is an anomaly, or was one before late data came, and changed. */
static bool tell_change(struct detect_engine *engine, struct detect_service *service,
                        const struct detect_heard *heard, bool in_full)
{
    struct detect_target *target = &service->targets[heard->target];
    double score = heard->result.score;
    const struct detect_told *told = find_told(target, heard->minute);
    if (told ? fabs(told->score - score) < SAME_SCORE : score < DETECT_KEPT_SCORE)
        return false;
    engine->figures.rescored += told != NULL;
    engine->figures.anomalies++;
    tell_one(engine, service, heard, in_full);
    if (!note_told(target, heard->minute, score, service->base))
        detect_warn(engine, "detect.no_memory", "out of memory: an anomaly may be told twice");
    return true;
}

/* What was heard, sorted. */
static void tell_changes(struct detect_engine *engine, struct detect_service *service)
{
    size_t told = 0;
    engine->share_reads = 0;
    detect_excess_forget(engine);
    for (size_t i = 0; i < engine->heard_count; i++) {
        if (i == 0 || engine->heard[i].minute != engine->heard[i - 1].minute)
            told = 0;
        told += tell_change(engine, service, &engine->heard[i], told < TOLD_MAX);
    }
    detect_siblings_forget(engine);
}

/* ---- minutes ---- */

static int compare_heard(const void *a, const void *b, void *service)
{
    const struct detect_heard *x = a, *y = b;
    const struct detect_target *targets = ((const struct detect_service *)service)->targets;
    if (x->minute != y->minute)
        return x->minute < y->minute ? -1 : 1;
    int order = labels_compare(detect_labels(&targets[x->target]), detect_labels(&targets[y->target]));
    return order ? order : (x->target > y->target) - (x->target < y->target);
}

void detect_tell_closing(struct detect_engine *engine, const struct detect_service *service)
{
    uint64_t id = XXH3_64bits(service->name, strlen(service->name));
    time_ms_t end = service->closed * engine->options.step_ms;
    const struct finding finding = {
        .kind = FINDING_CLOSING,
        .id = id ? id : 1,
        .time = end - engine->options.step_ms,
        .end = end,
        .service = str_of(service->name),
        .body = STR("{}"),
    };
    detect_out_finding(&engine->out, &finding);
}

void detect_tell(struct detect_engine *engine, struct detect_service *service, int64_t first, int64_t end)
{
    if (engine->heard_count > 0)
        qsort_r(engine->heard, engine->heard_count, sizeof *engine->heard, compare_heard, service);
    tell_changes(engine, service);
    detect_feed(engine, service, end, &engine->out);
    if (first < end)
        detect_tell_closing(engine, service);
}

void detect_tell_learned(struct detect_engine *engine, struct detect_service *service, int64_t end)
{
    if (engine->heard_count > 0)
        qsort_r(engine->heard, engine->heard_count, sizeof *engine->heard, compare_heard, service);
    detect_out_clear(&engine->quiet);
    detect_feed(engine, service, end, &engine->quiet);
}

/* ---- after a restart ---- */

struct recall {
    const struct detect_engine *engine;
    struct detect_service *service;
};

static bool recall_one(void *arg, const struct finding *finding)
{
    struct recall *recall = arg;
    struct detect_service *service = recall->service;
    int64_t minute = finding->time / recall->engine->options.step_ms;
    for (size_t i = 0; i < service->target_count; i++) {
        struct detect_target *target = &service->targets[i];
        if (target->is_used && id_of(target, minute) == finding->id)
            return note_told(target, minute, finding->score, service->base);
    }
    return true;
}

static bool recall_incident(void *arg, const struct finding *finding)
{
    const struct recall *recall = arg;
    if (str_equal(finding->service, str_of(recall->service->name)) &&
        !detect_incidents_is_marker(recall->engine->options.incidents, finding->id))
        detect_incidents_recall(recall->engine->options.incidents, finding,
                                recall->service->closed * recall->engine->options.step_ms);
    return true;
}

/* Those that were told as going on. */
static void recall_incidents(struct detect_engine *engine, struct detect_service *service)
{
    struct recall recall = {engine, service};
    struct tm_why why = {""};
    time_ms_t closed = service->closed * engine->options.step_ms;
    const struct findings_wanted wanted = {
        .kind = FINDING_INCIDENT, .service = str_of(service->name), .span = {closed, INT64_MAX}};
    if (engine->options.incidents &&
        findings_search(engine->reader, &wanted, recall_incident, &recall, &why) != TM_OK)
        detect_warn(engine, "detect.recall", "incidents of %s may stay open: %s", service->name, why.text);
}

void detect_recall(struct detect_engine *engine, struct detect_service *service)
{
    struct recall recall = {engine, service};
    struct tm_why why = {""};
    const struct findings_wanted wanted = {
        .kind = FINDING_ANOMALY,
        .service = str_of(service->name),
        .span = {service->base * engine->options.step_ms, service->closed * engine->options.step_ms},
    };
    if (findings_search(engine->reader, &wanted, recall_one, &recall, &why) != TM_OK)
        detect_warn(engine, "detect.recall", "anomalies of %s may be told twice: %s", service->name,
                    why.text);
    recall_incidents(engine, service);
}
