/* JSON read so that a lack of memory is told: jansson 2.14 calls it a bad text, or drops a character of a
 * string and goes on. */
#ifndef TM_REPORTS_DELIVER_JSON_TEXT_H
#define TM_REPORTS_DELIVER_JSON_TEXT_H

#include "storage/model/err.h"
#include "storage/model/str.h"

struct json_t;

/* The caller owns *out (json_decref); NULL unless TM_OK. TM_CORRUPT: it is no JSON object, or names something
 * twice; TM_NOMEM. Sets jansson's allocator, to malloc. One thread. */
enum tm_err json_text_read(struct str text, struct json_t **out) TM_MUST_CHECK;

#endif
