/* A marker: a deploy, a sale, a maintenance window; a point or a span in time that somebody told of. */
#ifndef TM_MODEL_MARKER_H
#define TM_MODEL_MARKER_H

#include <stdint.h>

#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

enum { MARKER_TEXT_MAX = 4096, MARKER_ID_TEXT = 16 };

/* Bytes on disk: the numbers stay. */
enum marker_kind {
    MARKER_DEPLOY,
    MARKER_ROLLBACK,
    MARKER_CONFIG,
    MARKER_EVENT,
    MARKER_MAINTENANCE,
    MARKER_INCIDENT,
    MARKER_KIND_COUNT
};

enum marker_text {
    MARKER_SERVICE,
    MARKER_ENV,
    MARKER_VERSION,
    MARKER_CLASS,
    MARKER_BY,
    MARKER_NOTE,
    MARKER_TEXT_COUNT
};

/* No end: a point in time. */
#define MARKER_NO_END INT64_MIN

/* Texts are views, empty where there is none. */
struct marker {
    uint64_t id;
    enum marker_kind kind;
    time_ms_t time;
    time_ms_t end; /* of a span, the instant behind its last one; or MARKER_NO_END */
    struct str text[MARKER_TEXT_COUNT];
};

/* Which fields of a marker are meant: bit i for text i, then these. */
enum {
    MARKER_HAS_KIND = 1 << MARKER_TEXT_COUNT,
    MARKER_HAS_TIME = MARKER_HAS_KIND << 1,
    MARKER_HAS_END = MARKER_HAS_KIND << 2,
    MARKER_HAS_ALL = (MARKER_HAS_KIND << 3) - 1
};

/* "deploy" and so on; static. */
struct str marker_kind_name(enum marker_kind kind);

/* "service" and so on; static. */
struct str marker_text_name(enum marker_text text);
/* The kind of this name, MARKER_KIND_COUNT if there is none. */
enum marker_kind marker_kind_of(struct str name);

/* Whether it makes sense: a deploy names its version, an end lies behind the time, times lie in the years 1
 * to 9999, texts have at most MARKER_TEXT_MAX bytes of UTF-8. TM_INVALID with what is wrong. */
enum tm_err marker_check(const struct marker *marker, struct tm_why *why) TM_MUST_CHECK;

/* Puts the named fields of `from` into marker; views are copied as views. */
void marker_merge(struct marker *marker, const struct marker *from, uint32_t fields);

/* Writes 16 hex digits and a NUL, and returns text. */
const char *marker_id_text(uint64_t id, char text[MARKER_ID_TEXT + 1]);

/* The id that 16 hex digits in lower case are; 0: text is none. */
uint64_t marker_id_of(struct str text);

#endif
