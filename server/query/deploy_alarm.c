#include "server/query/deploy_alarm.h"

#include <math.h>

#include "server/query/incident_item.h"
#include "storage/findings/findings.h"
#include "storage/model/labels.h"

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

/* What an item's lists point to; released by free_lists. */
struct lists {
    struct incident_item_marker marker;
    struct incident_item_cause causes[CAUSES_MOST];
    struct incident_item_series onset[CAUSES_MOST];
    struct bytes cause_labels[CAUSES_MOST], onset_labels[CAUSES_MOST], text;
};

static void free_lists(struct lists *lists)
{
    for (size_t i = 0; i < CAUSES_MOST; i++) {
        bytes_fini(&lists->cause_labels[i]);
        bytes_fini(&lists->onset_labels[i]);
    }
    bytes_fini(&lists->text);
}

/* Labels in the order of their names; an empty service is left out. */
static struct str encode_labels(const struct deploy_row *row, const char *service, struct bytes *out)
{
    struct labels labels = {.count = 0};
    if (labels_add(&labels, STR("class"), str_of(row->class)) != TM_OK ||
        labels_add(&labels, STR("page_group"), str_of(row->page_group)) != TM_OK ||
        labels_add(&labels, STR("service"), str_of(service)) != TM_OK)
        out->failed = true;
    labels_encode(&labels, out);
    return bytes_view(out);
}

/* The rows at fault, with their part of the errors that are more than before. */
static void add_rows(const struct deploy_facts *facts, const struct deploy_alarm *alarm, struct lists *lists,
                     struct incident_item *item)
{
    const struct deploy_judgement *j = facts->judgement;
    double all = 0;
    for (size_t i = 0; i < j->row_count; i++)
        all += excess_of(&j->rows[i]);
    item->causes = lists->causes;
    item->onset = lists->onset;
    for (size_t i = 0; i < j->row_count; i++) {
        const struct deploy_row *row = &j->rows[i];
        if (!row->is_at_fault)
            continue;
        item->anomalies++;
        item->severity = fmax(item->severity, effect_of(row));
        if (item->onset_count == CAUSES_MOST)
            continue;
        size_t at = item->onset_count++;
        lists->onset[at] = (struct incident_item_series){
            .labels = encode_labels(row, facts->deploy->text[DEPLOY_SERVICE], &lists->onset_labels[at]),
            .metric = STR("http_error_ratio"),
            .time = row->trace.onset_ms != SCORE_NEVER ? row->trace.onset_ms : alarm->begins,
            .score = alarm->score,
            .observed = observed_of(row),
            .expected = expected_of(row),
            .spread = spread_of(row),
            .effect = effect_of(row)};
        if (all > 0)
            lists->causes[item->cause_count++] = (struct incident_item_cause){
                encode_labels(row, "", &lists->cause_labels[at]), excess_of(row) / all};
    }
}

/* "shop: deploy 2.4.1 is bad: 4xx in article: ..." */
static void put_sentence(const struct deploy_facts *facts, struct bytes *out)
{
    struct str service = str_of(facts->deploy->text[DEPLOY_SERVICE]);
    if (service.len > 0)
        bytes_printf(out, "%.*s: ", STR_ARG(service));
    bytes_printf(out, "deploy %s is ", facts->deploy->text[DEPLOY_VERSION]);
    deploy_put_words(facts, out);
}

static bool has_failed(const struct lists *lists)
{
    bool failed = lists->text.failed;
    for (size_t i = 0; i < CAUSES_MOST; i++)
        failed = failed || lists->cause_labels[i].failed || lists->onset_labels[i].failed;
    return failed;
}

static void put_item(const struct deploy_facts *facts, struct deploy_alarm *out)
{
    const struct deploy *deploy = facts->deploy;
    struct lists lists = {
        .marker = {deploy->id, MARKER_DEPLOY, str_of(deploy->text[DEPLOY_VERSION]), deploy->time}};
    struct incident_item item = {.id = deploy->id,
                                 .service = str_of(deploy->text[DEPLOY_SERVICE]),
                                 .env = str_of(deploy->text[DEPLOY_ENV]),
                                 .start = out->begins,
                                 .end = out->ends,
                                 .peak = out->bad_ms != SCORE_NEVER ? out->bad_ms : out->begins,
                                 .score = out->score,
                                 .series = facts->judgement->row_count,
                                 .markers = &lists.marker,
                                 .marker_count = 1,
                                 .part_of = out->part_of};
    put_sentence(facts, &lists.text);
    item.text = bytes_view(&lists.text);
    add_rows(facts, out, &lists, &item);
    incident_item_put(&item, &out->json);
    out->json.failed = out->json.failed || has_failed(&lists);
    free_lists(&lists);
}

enum tm_err deploy_alarm_look(const struct deploy_facts *facts, struct reader *reader,
                              struct deploy_alarm_look *look, struct tm_why *why)
{
    enum tm_err err = decide(facts, reader, look, why);
    if (!err && look->made.state >= DEPLOY_ALARM_OPEN)
        put_item(facts, &look->made);
    return err;
}
