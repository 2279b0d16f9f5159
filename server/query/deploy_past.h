/* What was found before of a deploy and around it. Worker thread. */
#ifndef TM_QUERY_DEPLOY_PAST_H
#define TM_QUERY_DEPLOY_PAST_H

#include "server/query/deploy_verdict.h"

/* Adds the incidents of the service in the 16 days before to what deploy_is_marked knows. Errors as
 * findings_search. */
enum tm_err deploy_past_incidents(struct deploy *deploy, struct reader *reader,
                                  struct tm_why *why) TM_MUST_CHECK;

/* The verdict that is kept of it: its item, appended to out, and what it came to. TM_NOT_FOUND: none is. Else
 * errors as findings_search. */
enum tm_err deploy_past_verdict(const struct deploy *deploy, struct reader *reader, struct bytes *out,
                                struct deploy_outcome *outcome, struct tm_why *why) TM_MUST_CHECK;

/* May counts have been removed that the verdict is made of, as they were too old? raw_from: what is removed
 * by its age lies before it. Errors as reader_raw_from. */
enum tm_err deploy_past_is_gone(const struct deploy *deploy, struct reader *reader, time_ms_t raw_from,
                                bool *out, struct tm_why *why) TM_MUST_CHECK;

#endif
