/* Pages that lead to the reports: index/<week>.html, <service>/index.html, index/index.html. Made from what
 * lies in the folder. */
#ifndef TM_REPORTS_INDEX_H
#define TM_REPORTS_INDEX_H

#include "reports/files.h"

/* Makes the page of a week, and the list of weeks. Errors as files_write. */
enum tm_err index_week(const struct files *files, const char *week, const char *language,
                       struct tm_why *why) TM_MUST_CHECK;
/* Makes the page of one service (its name as in paths). */
enum tm_err index_service(const struct files *files, const char *name, const char *language,
                          struct tm_why *why) TM_MUST_CHECK;

#endif
