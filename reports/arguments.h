/* The words that tidemark-report is called with, as a table. */
#ifndef TM_REPORTS_ARGUMENTS_H
#define TM_REPORTS_ARGUMENTS_H

#include "storage/model/option.h"

/* Places in the table. */
enum report_option {
    REPORT_DATA_DIR,
    REPORT_OUT,
    REPORT_WEEK,
    REPORT_SERVICE,
    REPORT_ENV,
    REPORT_FROM,
    REPORT_TO,
    REPORT_ZONE,
    REPORT_LANGUAGE,
    REPORT_FORMATS,
    REPORT_OWNER,
    REPORT_DUE,
    REPORT_DELIVER,
    REPORT_JOB,
    REPORT_HELP,
    REPORT_VERSION,
    REPORT_OPTION_COUNT
};

/* All options; ends with a NULL name. Static. */
const struct option *report_options(void);

/* Prints `tidemark-report --help`. */
void report_help(FILE *out);

#endif
