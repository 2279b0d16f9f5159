/* The fields of an HTTP event line. Private to the event files of this folder. */
#ifndef TM_INGEST_LINES_HTTP_FIELDS_H
#define TM_INGEST_LINES_HTTP_FIELDS_H

#include "server/wire/line.h"

/* A count, and a value times its count, stay below this, so that no batch's sums can pass 64 bits. */
#define HTTP_VALUE_MAX (INT64_C(1) << 44)
enum { HTTP_TEXT_MAX = 16 << 10 /* of a URL, and of a user agent */, HTTP_TIMES = 3 };

struct http_fields {
    struct str url; /* raw, escapes still in it */
    struct str user_agent;
    bool has_url;
    bool has_user_agent;
    int64_t count;
    int64_t bytes;               /* -1: none */
    int64_t time_us[HTTP_TIMES]; /* duration, origin, edge; -1: none. Rounded to whole microseconds */
};

/* TM_INVALID with why. Fields that are none of an event's are free and not looked at. */
enum tm_err http_fields_read(const struct line *line, struct http_fields *out,
                             struct tm_why *why) TM_MUST_CHECK;

#endif
