/* Warnings about what a query can't see, as JSON. */
#ifndef TM_QUERY_GAP_JSON_H
#define TM_QUERY_GAP_JSON_H

#include "storage/query.h"

/* Appends a string for each gap, with commas between; out->failed without memory. Any thread. */
void gap_json(const struct reader_gaps *gaps, struct bytes *out);

/* Appends the member `,"warnings":[...]` of an answer if there are gaps of what is read in one of these
 * spans, or first is a sentence, which then stands first; else nothing. Errors as reader_gaps. Any thread. */
enum tm_err gap_json_member(struct reader *reader, enum reader_tier what, const struct span *spans,
                            size_t count, const char *first, struct bytes *out,
                            struct tm_why *why) TM_MUST_CHECK;

#endif
