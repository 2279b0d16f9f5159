/* A bad deploy is an incident: it opens one where scoring, which knows nothing of the deploy, opened none. A
 * page group whose links break by and by, or which few ask for, is within its own past's ups and downs for
 * every single minute; that it began with the deploy is what tells. Worker thread. */
#ifndef TM_QUERY_DEPLOY_ALARM_H
#define TM_QUERY_DEPLOY_ALARM_H

#include "server/query/deploy_verdict.h"

/* So long after the deploy was bad scoring may open an incident of its own. */
#define DEPLOY_ALARM_WAIT_MS INT64_C(120000)

enum deploy_alarm_state {
    DEPLOY_ALARM_NONE,  /* nothing is to be told */
    DEPLOY_ALARM_WAITS, /* the minutes that could tell it are not closed yet */
    DEPLOY_ALARM_OPEN,
    DEPLOY_ALARM_OVER /* told, and its time is over */
};

/* Zero-initialised: none. deploy_alarm_fini releases it. */
struct deploy_alarm {
    enum deploy_alarm_state state;
    uint64_t part_of; /* the incident of scoring that came later; 0: none */
    time_ms_t begins, ends, bad_ms;
    double score;
    struct bytes json; /* the incident's item (CONTRACT 9) */
};
/* Frees its JSON. */
void deploy_alarm_fini(struct deploy_alarm *alarm);

/* 0..100 = 20 log10(E x hours since the deploy before, 1 to 24): a deploy that changed nothing reaches E once
 * in E deploys at most, so that this is how seldom such a false alarm comes. */
double deploy_alarm_score(double ln_e, int64_t since_previous_ms);

/* What a look at a deploy comes to. */
struct deploy_alarm_look {
    const struct deploy_alarm *told; /* what is kept: its state alone matters */
    double least;                    /* scoring.incident_score */
    struct deploy_alarm made;        /* to be released; its JSON where there is one to tell */
};

/* Is it to be told, and what? Reads the service's incidents and how far its minutes are closed. Errors as
 * findings_search; look->made.json.failed without memory. */
enum tm_err deploy_alarm_look(const struct deploy_facts *facts, struct reader *reader,
                              struct deploy_alarm_look *look, struct tm_why *why) TM_MUST_CHECK;

/* What is kept of a deploy's. Errors as findings_search. */
enum tm_err deploy_alarm_kept(const struct deploy *deploy, struct reader *reader, struct deploy_alarm *out,
                              struct tm_why *why) TM_MUST_CHECK;

#endif
