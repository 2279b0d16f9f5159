/* What tidemarkd's /api/v1/export answers, one JSON document a line:
 * {"metric":{"__name__":"cpu",...},"times":[ms,...],"values":["1",...]}; of the tiers 5m and 1h, instead of
 * values, "count":[n,...],"sum":["1",...] and likewise min, max, last, increase. */
#ifndef TM_CLI_EXPORT_H
#define TM_CLI_EXPORT_H

#include <jansson.h>

#include "server/cli/http.h"
#include "server/cli/source.h"

/* A document is at most this. */
enum { EXPORT_LINE_MAX_BYTES = 64 << 20 };

/* Reads one line without its line feed into the sink. *last is the encoded labels of the line before, and is
 * set to this one's: the same series in lines that follow each other is announced once. TM_CORRUPT: not such
 * a line, why says what is wrong with it; TM_NOMEM, and what the sink returns. */
enum tm_err export_line(struct str line, struct bytes *last, enum source_field field,
                        const struct source_sink *sink, struct tm_why *why) TM_MUST_CHECK;

/* Reads an object of labels, sorted; views into it. TM_CORRUPT: it is none. */
enum tm_err export_labels(json_t *metric, struct labels *out, struct tm_why *why) TM_MUST_CHECK;

/* Asks for path and passes on what comes. Errors as source_read. */
enum tm_err export_read(struct http *http, const char *path, enum source_field field,
                        const struct source_sink *sink, struct tm_why *why) TM_MUST_CHECK;

#endif
