/* Warnings about what a query can't see, as JSON. */
#ifndef TM_QUERY_GAP_JSON_H
#define TM_QUERY_GAP_JSON_H

#include "storage/query.h"

/* Appends a string for each gap, with commas between; out->failed without memory. Any thread. */
void gap_json(const struct reader_gaps *gaps, struct bytes *out);

#endif
