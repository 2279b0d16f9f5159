/* `tidemark query --exact` where nothing was counted: why that may be. */
#ifndef TM_CLI_QUERY_EXACT_NONE_H
#define TM_CLI_QUERY_EXACT_NONE_H

#include "server/cli/query_exact.h"

/* Says on stderr whether the name that was asked for is counted at all and, if not, under which names there
 * are counts; has_items: zeros were printed. Asks the same daemon or folder for them; an answer that it does
 * not get is left out. */
void query_exact_say_none(const struct query_exact *query, bool has_items);

#endif
