/* Access logs of web servers and CDNs, line by line, and what a line is as an `http` event. */
#ifndef TM_CLI_FORMATS_H
#define TM_CLI_FORMATS_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

enum log_format { LOG_CLF, LOG_COMBINED, LOG_NGINX_JSON, LOG_DATASTREAM2, LOG_FORMAT_COUNT };

/* "clf", "combined", "nginx-json", "datastream2". Static. */
struct str log_format_name(enum log_format format);

/* The format of this name. TM_NOT_FOUND. */
enum tm_err log_format_parse(struct str name, enum log_format *out) TM_MUST_CHECK;

enum { LOG_LINE_MAX = 1 << 20, LOG_URL_MAX = 8192, LOG_TAG_MAX = 256 };

/* One request. Texts are views into the line or the scratch, empty where the log has none. */
struct log_record {
    time_ms_t time;
    struct str method;
    struct str url; /* as it was asked for, with its query string */
    struct str host;
    struct str user_agent;
    struct str cache;   /* lower case: "hit", "miss", "expired", ... */
    struct str member;  /* text of the one that was asked for */
    int status;         /* 100..599 */
    int64_t bytes;      /* sent to the client; -1: not known */
    double duration_ms; /* whole request; negative: not known, as are the next two */
    double origin_ms;   /* waiting for the origin (upstream) */
    double edge_ms;     /* at the edge, up to the first byte */
};

struct log_fault {
    size_t column; /* from 1, in bytes */
    struct tm_why why;
};

/* Reads one line (without its end). member: the name of a member of a JSON object to look at besides, NULL:
 * none; other formats have none. TM_INVALID: *fault says why and where. TM_TOO_LARGE: over LOG_LINE_MAX.
 * TM_NOMEM. scratch is cleared; views in *out are valid until its next use, and as long as the line. */
enum tm_err log_line_parse(enum log_format format, struct str line, const char *member, struct bytes *scratch,
                           struct log_record *out, struct log_fault *fault) TM_MUST_CHECK;

/* What a log does not say itself. */
struct log_source {
    struct str service;
    struct str env;
    bool host_tag;   /* write the record's host as tag `host` */
    struct str tags; /* more of them, as log_tag_write wrote them */
};

/* Appends ",name=value" with its escapes, as log_record_write does; nothing for an empty value. */
void log_tag_write(const char *name, struct str value, struct bytes *out);

/* Appends the record as one line (with its end, timestamp in ns) that the daemon takes, whatever bytes it
 * holds: in tags control bytes become '_' and backslashes '/'; what is no UTF-8 becomes U+FFFD; tags are cut
 * to LOG_TAG_MAX, url and user agent to LOG_URL_MAX bytes. Errors stay in out. */
void log_record_write(const struct log_record *record, const struct log_source *source, struct bytes *out);

#endif
