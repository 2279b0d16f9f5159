#include "server/query/deploy_past.h"

#include <jansson.h>

#include "storage/findings/findings.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)
#define PAST_MS (16 * DAY_MS)

/* ---- incidents ---- */

static bool take_incident(void *arg, const struct finding *finding)
{
    struct deploy *deploy = arg;
    bool has_end = finding->end > finding->time + HOUR_MS;
    if (finding->time < deploy->time && deploy->marked_count < DEPLOY_MARKED_MAX)
        deploy->marked[deploy->marked_count++] =
            (struct span){finding->time, has_end ? finding->end : finding->time + HOUR_MS};
    return deploy->marked_count < DEPLOY_MARKED_MAX;
}

enum tm_err deploy_past_incidents(struct deploy *deploy, struct reader *reader, struct tm_why *why)
{
    const struct findings_wanted wanted = {
        .kind = FINDING_INCIDENT,
        .service = str_of(deploy->text[DEPLOY_SERVICE]),
        .env = str_of(deploy->text[DEPLOY_ENV]),
        .span = {deploy->time - PAST_MS, deploy->time},
    };
    return findings_search(reader, &wanted, take_incident, deploy, why);
}

/* ---- the verdict that is kept ---- */

struct kept {
    struct bytes *out;
    struct deploy_outcome *outcome;
    bool is_found;
};

static uint64_t hash_groups(const json_t *item)
{
    struct deploy_named named = {0};
    const json_t *row;
    size_t i;
    json_array_foreach(json_object_get(item, "groups"), i, row)
    {
        const char *group = json_string_value(json_object_get(row, "page_group"));
        const char *class = json_string_value(json_object_get(row, "class"));
        if (group && class && json_is_true(json_object_get(row, "at_fault")))
            deploy_named_add(&named, class, group);
    }
    return named.hash;
}

static bool take_verdict(void *arg, const struct finding *finding)
{
    struct kept *kept = arg;
    json_t *item = json_loadb(finding->body.ptr, finding->body.len, 0, NULL);
    const char *name = json_string_value(json_object_get(item, "verdict"));
    for (unsigned v = 0; name && v < SCORE_VERDICTS; v++) {
        if (!str_equal(str_of(name), str_of(score_verdict_name((enum score_verdict)v))))
            continue;
        kept->is_found = true;
        *kept->outcome = (struct deploy_outcome){
            .verdict = (enum score_verdict)v,
            .updated = finding->end > finding->time ? finding->end : INT64_MIN,
            .named = hash_groups(item),
            .is_final = json_is_true(json_object_get(item, "final")),
            .requests = json_number_value(json_object_get(item, "requests")),
        };
    }
    json_decref(item);
    if (kept->is_found)
        bytes_put(kept->out, finding->body.ptr, finding->body.len);
    return false;
}

enum tm_err deploy_past_verdict(const struct deploy *deploy, struct reader *reader, struct bytes *out,
                                struct deploy_outcome *outcome, struct tm_why *why)
{
    uint64_t damaged = 0;
    struct kept kept = {.out = out, .outcome = outcome};
    const struct findings_wanted wanted = {
        .kind = FINDING_VERDICT, .id = deploy->id, .span = READER_ALWAYS, .damaged = &damaged};
    enum tm_err err = findings_search(reader, &wanted, take_verdict, &kept, why);
    return err ? err : kept.is_found ? TM_OK : TM_NOT_FOUND;
}

enum tm_err deploy_past_is_gone(const struct deploy *deploy, struct reader *reader, time_ms_t raw_from,
                                bool *out, struct tm_why *why)
{
    time_ms_t from;
    enum tm_err err = reader_raw_from(reader, &from, why);
    *out = !err && (from > deploy->time - PAST_MS || raw_from > deploy->time - PAST_MS);
    return err;
}
