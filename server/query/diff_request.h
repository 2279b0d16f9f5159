/* What /api/v1/diff is asked, and its work under way. server/query/diff*.c only. */
#ifndef TM_QUERY_DIFF_REQUEST_H
#define TM_QUERY_DIFF_REQUEST_H

#include "server/query/diff_causes.h"
#include "server/query/diff_spans.h"
#include "server/query/params.h"
#include "server/query/queries.h"

enum {
    DIFF_SERIES_MAX = 100000,
    DIFF_LIMIT_DEFAULT = 100,
    DIFF_LIMIT_MAX = 10000,
    DIFF_NAME_MAX = 4096 /* bytes of a service or env */
};

/* Longer windows, and longer spans to compare with, are refused. */
#define DIFF_SPAN_MAX_MS (INT64_C(31) * 86400000)

/* What is done next. */
enum diff_phase { DIFF_FIND, DIFF_JUDGE, DIFF_PROBE, DIFF_READ, DIFF_RANK, DIFF_ITEMS };

/* The state of a query; zero-initialised. Owns all it points to. */
struct diff {
    enum diff_phase phase;
    char *service, *env;            /* NULL: all */
    struct params_matches services; /* each label that may name the service */
    struct params_matches matches;  /* what was asked besides */
    struct diff_windows windows;
    struct diff_weeks weeks;
    bool is_normal;     /* against=normal: the weeks before */
    bool is_day_before; /* none of them could be used */
    struct diff_row *rows;
    struct score_diff *diffs;
    uint32_t *order;
    size_t count, at;
    size_t week; /* being probed */
    struct diff_room *room;
    struct bytes scratch;
    size_t skip, limit, given;
};

/* Reads the parameters. TM_INVALID, TM_LIMIT, TM_NOMEM with a sentence. Loop thread. */
enum tm_err diff_request_read(struct diff *d, const struct params *params, const struct queries *queries,
                              const struct markers *markers, struct tm_why *why) TM_MUST_CHECK;

/* Frees d itself with all it holds; it came from the heap. NULL is not allowed. */
void diff_free(struct diff *d);

/* Finds the series that are meant, in the order of their labels. Worker thread. */
enum tm_err diff_find(struct diff *d, struct reader *reader, struct tm_why *why) TM_MUST_CHECK;

/* Appends one item of the answer. */
void diff_item_json(struct diff *d, const struct reader *reader, size_t place, struct bytes *out);

#endif
