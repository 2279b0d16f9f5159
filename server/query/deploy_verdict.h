/* A deploy's verdict as JSON: read, checked, judged, told. Worker thread. */
#ifndef TM_QUERY_DEPLOY_VERDICT_H
#define TM_QUERY_DEPLOY_VERDICT_H

#include "server/query/deploy_check.h"
#include "storage/model/bytes.h"

enum { DEPLOY_ROWS_MAX = 50 }; /* rows of page groups that are shown */

/* What a verdict comes to, beside its text. */
struct deploy_outcome {
    enum score_verdict verdict;
    time_ms_t updated; /* INT64_MIN: there is no data since the deploy */
    uint64_t named;    /* a hash of the groups at fault; 0: none */
    bool is_final;     /* what is still to come changes nothing: its time is over */
    double requests;   /* since the deploy */
};

/* The groups at fault, as a hash; zero-initialised is none. */
struct deploy_named {
    uint64_t hash; /* 0: none */
};

/* Takes the next one in: the order counts, worst first. */
void deploy_named_add(struct deploy_named *named, const char *class, const char *page_group);

struct deploy_alarm_look;

/* Appends the item of CONTRACT 9 to out. check: done. alarm: whether it is an incident too (deploy_alarm.h);
 * NULL: that is not asked. Errors as deploy_counts_read. */
enum tm_err deploy_verdict(const struct deploy *deploy, const struct deploy_check *check,
                           struct reader *reader, struct bytes *out, struct deploy_outcome *outcome,
                           struct deploy_alarm_look *alarm, struct tm_why *why) TM_MUST_CHECK;

/* The windows of a deploy on multiples of 10 s: the counts around the deploy itself belong to neither side.
 */
struct score_deploy_windows deploy_windows(const struct deploy *deploy);

/* ---- the parts of the text (deploy_words.c, deploy_json.c) ---- */

/* All that is known of one deploy. */
struct deploy_facts {
    const struct deploy *deploy;
    const struct deploy_check *check;
    const struct deploy_scope *scope;
    const struct deploy_counts *counts;
    const struct deploy_gauges *gauges;
    const struct deploy_judgement *judgement;
    bool is_final;
};

/* Appends one sentence: the verdict and what weighs most. */
void deploy_put_words(const struct deploy_facts *facts, struct bytes *out);
/* Appends the item. out->failed without memory. */
void deploy_put_json(const struct deploy_facts *facts, struct bytes *out);

#endif
