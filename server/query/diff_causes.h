/* Which label sets explain what differs (scoring/attribution.h): of errors, of exceptions, and of series that
 * moved. Worker thread. */
#ifndef TM_QUERY_DIFF_CAUSES_H
#define TM_QUERY_DIFF_CAUSES_H

#include "scoring/compare/diff_read.h"
#include "storage/model/bytes.h"

/* A series with what was found of it. */
struct diff_row {
    uint32_t series;
    enum diff_kind kind;
};

/* All that was looked at; borrowed. */
struct diff_rows {
    const struct diff_row *at;
    const struct score_diff *diffs;
    size_t count;
    double minutes; /* of the window */
};

/* Appends {"of":"errors|exceptions|series","labels":{},"share","observed","expected"}, with commas between:
 * at most three of each, the errors first. Errors (HTTP status 4xx and 5xx) and exceptions are held to their
 * normal rates times today's traffic, so that traffic is not blamed; series: how many moved. TM_NOMEM,
 * TM_CLOSED. */
enum tm_err diff_causes(const struct diff_rows *rows, struct reader *reader, struct bytes *out,
                        struct tm_why *why) TM_MUST_CHECK;

#endif
