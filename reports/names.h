/* The words by which the model's kinds stand in JSON and CSV: fixed, whatever the language. Static texts. */
#ifndef TM_REPORTS_NAMES_H
#define TM_REPORTS_NAMES_H

#include "reports/model.h"

/* "requests", "exceptions_per_10k", ... */
const char *name_of_key(enum report_key key);
/* "regressed", ... */
const char *name_of_list(enum report_list list);
/* "bad_deploy", ... */
const char *name_of_reason(enum report_reason reason);
/* "new", "open", "worse", "done". */
const char *name_of_progress(enum report_progress progress);
/* "mean", "per_minute", "median_s". */
const char *name_of_level(enum report_level level);

#endif
