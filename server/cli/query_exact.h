/* `tidemark query --exact`: counts and sums in integers. */
#ifndef TM_CLI_QUERY_EXACT_H
#define TM_CLI_QUERY_EXACT_H

#include "server/cli/options.h"
#include "server/cli/query_print.h"
#include "storage/model/clock.h"

struct query_exact {
    const struct args *args; /* --by, --step, --data-dir, --server */
    const char *selector;
    struct span span;
    enum query_format format;
};

/* Asks and prints. The exit code; the reason of a failure is printed. */
int query_exact_run(const struct query_exact *query);

#endif
