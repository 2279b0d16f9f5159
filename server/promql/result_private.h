/* What a result is made of. Private to this folder. */
#ifndef TM_PROMQL_RESULT_PRIVATE_H
#define TM_PROMQL_RESULT_PRIVATE_H

#include "server/promql/result.h"
#include "server/promql/series_table.h"
#include "server/promql/source.h"
#include "server/promql/timeline.h"

struct promql_result {
    enum ast_type type;
    struct bytes text; /* of a string */
    struct timeline timeline;
    struct series_table series; /* columns over the timeline; of a range selector labels alone */
    size_t *order;              /* rows by rank; NULL: as they are */
    uint64_t samples;
    /* Of a range selector: the samples of all series behind each other, and where each one's end. */
    time_ms_t *times;
    double *values;
    size_t *ends;
    size_t capacity;
    size_t ends_capacity;
};

/* Adds the samples of the newest row. false: no memory. */
bool result_add_samples(struct promql_result *result, const struct samples *samples);

/* Puts series in the order of their labels. false: no memory. */
bool result_sort(struct promql_result *result);

#endif
