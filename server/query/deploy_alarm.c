#include "server/query/deploy_alarm.h"

#include <math.h>

#include "server/wire/reply.h"
#include "storage/findings/findings.h"
#include "storage/model/when.h"

#define HOUR_MS 3600000.0
/* Hours between deploys: beyond a day the deploy's own rarity is no evidence. */
#define GAP_MAX_H  24.0
#define SCORE_MAX  100.0
#define EFFECT_MAX 1e9
enum { CAUSES_MOST = 3 };

void deploy_alarm_fini(struct deploy_alarm *alarm)
{
    bytes_fini(&alarm->json);
}

double deploy_alarm_score(double ln_e, int64_t since_previous_ms)
{
    double hours = fmin(fmax((double)since_previous_ms / HOUR_MS, 1), GAP_MAX_H);
    return fmin(fmax(20 * (ln_e / log(10) + log10(hours)), 0), SCORE_MAX);
}

/* ---- deciding ---- */

struct others {
    uint64_t own, other;
};

static bool take_other(void *arg, const struct finding *finding)
{
    struct others *others = arg;
    if (finding->id != others->own)
        others->other = finding->id;
    return others->other == 0;
}

/* Another incident of the service since it began; 0: none. */
static enum tm_err find_other(const struct deploy *deploy, struct span span, struct reader *reader,
                              uint64_t *out, struct tm_why *why)
{
    struct others others = {.own = deploy->id};
    const struct findings_wanted wanted = {.kind = FINDING_INCIDENT,
                                           .service = str_of(deploy->text[DEPLOY_SERVICE]),
                                           .env = str_of(deploy->text[DEPLOY_ENV]),
                                           .span = span};
    enum tm_err err = findings_search(reader, &wanted, take_other, &others, why);
    *out = others.other;
    return err;
}

static bool take_closing(void *arg, const struct finding *finding)
{
    time_ms_t *closed = arg;
    if (finding->end > *closed)
        *closed = finding->end;
    return true;
}

/* Until when the service's minutes are closed; INT64_MIN: none is. */
static enum tm_err find_closed(const struct deploy *deploy, struct reader *reader, time_ms_t *out,
                               struct tm_why *why)
{
    *out = INT64_MIN;
    const struct findings_wanted wanted = {.kind = FINDING_CLOSING,
                                           .service = str_of(deploy->text[DEPLOY_SERVICE]),
                                           .span = {INT64_MIN, INT64_MAX}};
    return findings_search(reader, &wanted, take_closing, out, why);
}

/* From when to when, and how seldom. False: it is nothing to tell. */
static bool place(const struct deploy_facts *facts, double least, bool was_told, struct deploy_alarm *out)
{
    const struct deploy_judgement *j = facts->judgement;
    const struct deploy *deploy = facts->deploy;
    time_ms_t until = facts->scope->windows.after_to_ms;
    int64_t gap_ms = deploy->previous == INT64_MIN ? INT64_MAX : deploy->time - deploy->previous;
    out->score = deploy_alarm_score(j->trace.ln_e_peak, gap_ms);
    out->bad_ms = j->bad_ms;
    out->begins = j->trace.onset_ms != SCORE_NEVER ? j->trace.onset_ms : deploy->time;
    bool is_bad = j->verdict == SCORE_BAD && j->bad_ms != SCORE_NEVER && out->score >= least;
    if (!facts->is_final && is_bad)
        return true;
    out->ends = j->updated < until ? j->updated : until;
    if (out->ends <= out->begins)
        out->ends = out->begins + 1;
    return is_bad || was_told;
}

static enum tm_err decide(const struct deploy_facts *facts, struct reader *reader,
                          struct deploy_alarm_look *look, struct tm_why *why)
{
    struct deploy_alarm *out = &look->made;
    bool was_told = look->told->state >= DEPLOY_ALARM_OPEN;
    time_ms_t now = facts->judgement->updated, closed;
    if (!place(facts, look->least, was_told, out))
        return TM_OK;
    const struct span span = {out->begins, now > out->begins ? now : out->begins + 1};
    enum tm_err err = find_other(facts->deploy, span, reader, &out->part_of, why);
    if (err || (out->part_of != 0 && !was_told))
        return err;
    err = find_closed(facts->deploy, reader, &closed, why);
    if (!err && !was_told && closed < out->bad_ms + DEPLOY_ALARM_WAIT_MS)
        out->state = DEPLOY_ALARM_WAITS;
    else if (!err)
        out->state = out->ends ? DEPLOY_ALARM_OVER : DEPLOY_ALARM_OPEN;
    return err;
}

/* ---- what is kept ---- */

static bool take_kept(void *arg, const struct finding *finding)
{
    struct deploy_alarm *out = arg;
    out->state = finding->end == 0 ? DEPLOY_ALARM_OPEN : DEPLOY_ALARM_OVER;
    out->begins = finding->time;
    out->ends = finding->end;
    out->score = finding->score;
    return false;
}

enum tm_err deploy_alarm_kept(const struct deploy *deploy, struct reader *reader, struct deploy_alarm *out,
                              struct tm_why *why)
{
    uint64_t damaged = 0;
    const struct findings_wanted wanted = {
        .kind = FINDING_INCIDENT, .id = deploy->id, .span = READER_ALWAYS, .damaged = &damaged};
    return findings_search(reader, &wanted, take_kept, out, why);
}

/* ---- telling ---- */

static void put_time(struct bytes *out, const char *name, time_ms_t time)
{
    char text[WHEN_TEXT_BYTES];
    if (time == 0)
        bytes_printf(out, ",\"%s\":null", name);
    else
        bytes_printf(out, ",\"%s\":\"%s\"", name, when_text(time, text));
}

static void put_text(struct bytes *out, const char *name, struct str text)
{
    bytes_printf(out, ",\"%s\":", name);
    bytes_json_string(out, text);
}

static double expected_of(const struct deploy_row *row)
{
    return row->before.trials > 0 ? row->before.hits / row->before.trials : 0;
}

static double observed_of(const struct deploy_row *row)
{
    return row->after.trials > 0 ? row->after.hits / row->after.trials : 0;
}

/* Errors that are more than before. */
static double excess_of(const struct deploy_row *row)
{
    return fmax(row->after.hits - row->after.trials * expected_of(row), 0);
}

/* One standard deviation of the share of errors among so many requests, of half an error at least. */
static double spread_of(const struct deploy_row *row)
{
    double n = fmax(row->after.trials, 1), p = fmax(expected_of(row), 0.5 / n);
    return sqrt(fmin(p, 1) / n);
}

static double effect_of(const struct deploy_row *row)
{
    return fmin((observed_of(row) - expected_of(row)) / spread_of(row), EFFECT_MAX);
}

static void put_labels(const struct deploy_facts *facts, const struct deploy_row *row, bool with_service,
                       struct bytes *out)
{
    bytes_printf(out, "\"labels\":{\"class\":\"%s\",\"page_group\":", row->class);
    bytes_json_string(out, str_of(row->page_group));
    if (with_service)
        put_text(out, "service", str_of(facts->deploy->text[DEPLOY_SERVICE]));
    bytes_u8(out, '}');
}

static void put_causes(const struct deploy_facts *facts, struct bytes *out)
{
    const struct deploy_judgement *j = facts->judgement;
    double all = 0;
    size_t said = 0;
    for (size_t i = 0; i < j->row_count; i++)
        all += excess_of(&j->rows[i]);
    bytes_printf(out, ",\"causes\":[");
    for (size_t i = 0; i < j->row_count && said < CAUSES_MOST; i++) {
        const struct deploy_row *row = &j->rows[i];
        if (!row->is_at_fault || all <= 0)
            continue;
        bytes_printf(out, said++ > 0 ? ",{" : "{");
        put_labels(facts, row, false, out);
        bytes_printf(out, ",\"share\":%.3f}", excess_of(row) / all);
    }
    bytes_u8(out, ']');
}

static void put_onset(const struct deploy_facts *facts, const struct deploy_alarm *alarm, struct bytes *out)
{
    const struct deploy_judgement *j = facts->judgement;
    size_t said = 0;
    bytes_printf(out, ",\"onset\":[");
    for (size_t i = 0; i < j->row_count && said < CAUSES_MOST; i++) {
        const struct deploy_row *row = &j->rows[i];
        if (!row->is_at_fault)
            continue;
        bytes_printf(out, said++ > 0 ? ",{" : "{");
        put_labels(facts, row, true, out);
        put_text(out, "metric", STR("http_error_ratio"));
        put_time(out, "time", row->trace.onset_ms != SCORE_NEVER ? row->trace.onset_ms : alarm->begins);
        bytes_printf(out,
                     ",\"score\":%.1f,\"observed\":%.6g,\"expected\":%.6g,\"spread\":%.6g,\"effect\":%.6g}",
                     alarm->score, observed_of(row), expected_of(row), spread_of(row), effect_of(row));
    }
    bytes_u8(out, ']');
}

/* "shop: deploy 2.4.1 is bad: 4xx in article: ..." */
static void put_sentence(const struct deploy_facts *facts, struct bytes *out)
{
    struct bytes text = {0};
    struct str service = str_of(facts->deploy->text[DEPLOY_SERVICE]);
    if (service.len > 0)
        bytes_printf(&text, "%.*s: ", STR_ARG(service));
    bytes_printf(&text, "deploy %s is ", facts->deploy->text[DEPLOY_VERSION]);
    deploy_put_words(facts, &text);
    put_text(out, "text", bytes_view(&text));
    out->failed = out->failed || text.failed;
    bytes_fini(&text);
}

static void put_marker(const struct deploy_facts *facts, const struct deploy_alarm *alarm, struct bytes *out)
{
    const struct deploy *deploy = facts->deploy;
    char id[MARKER_ID_TEXT + 1];
    (void)marker_id_text(deploy->id, id);
    bytes_printf(out, ",\"cause_id\":null,\"marker\":\"%s\",\"markers\":[{\"id\":\"%s\",\"kind\":\"deploy\"",
                 id, id);
    put_text(out, "what", str_of(deploy->text[DEPLOY_VERSION]));
    put_time(out, "time", deploy->time);
    bytes_printf(out, ",\"before_s\":%lld}]", (long long)(alarm->begins - deploy->time) / 1000);
}

static void put_part_of(const struct deploy_alarm *alarm, struct bytes *out)
{
    char id[MARKER_ID_TEXT + 1];
    if (alarm->part_of == 0)
        bytes_printf(out, ",\"part_of\":null");
    else
        bytes_printf(out, ",\"part_of\":\"%s\"", marker_id_text(alarm->part_of, id));
    bytes_printf(out, ",\"related_count\":0,\"related\":[]");
}

static void put_item(const struct deploy_facts *facts, struct deploy_alarm *out)
{
    const struct deploy_judgement *j = facts->judgement;
    const struct deploy *deploy = facts->deploy;
    struct bytes *json = &out->json;
    char id[MARKER_ID_TEXT + 1];
    double severity = 0;
    size_t at_fault = 0;
    for (size_t i = 0; i < j->row_count; i++) {
        if (!j->rows[i].is_at_fault)
            continue;
        at_fault++;
        severity = fmax(severity, effect_of(&j->rows[i]));
    }
    bytes_printf(json, "{\"id\":\"%s\"", marker_id_text(deploy->id, id));
    put_text(json, "service", str_of(deploy->text[DEPLOY_SERVICE]));
    put_text(json, "env", str_of(deploy->text[DEPLOY_ENV]));
    put_time(json, "start", out->begins);
    put_time(json, "end", out->ends);
    bytes_printf(json, ",\"state\":\"%s\",\"score\":%.1f", out->ends ? "closed" : "open", out->score);
    put_time(json, "peak", out->bad_ms != SCORE_NEVER ? out->bad_ms : out->begins);
    put_sentence(facts, json);
    bytes_printf(json, ",\"severity\":%.1f,\"series\":%zu,\"anomalies\":%zu", severity, j->row_count,
                 at_fault);
    put_marker(facts, out, json);
    put_causes(facts, json);
    put_onset(facts, out, json);
    bytes_printf(json, ",\"fingerprints\":[]");
    put_part_of(out, json);
    bytes_u8(json, '}');
}

enum tm_err deploy_alarm_look(const struct deploy_facts *facts, struct reader *reader,
                              struct deploy_alarm_look *look, struct tm_why *why)
{
    enum tm_err err = decide(facts, reader, look, why);
    if (!err && look->made.state >= DEPLOY_ALARM_OPEN)
        put_item(facts, &look->made);
    return err;
}
