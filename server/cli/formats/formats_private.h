/* Pieces of the log formats. Private to server/cli/formats. */
#ifndef TM_CLI_FORMATS_PRIVATE_H
#define TM_CLI_FORMATS_PRIVATE_H

#include "server/cli/formats/formats.h"

/* TM_INVALID with the column of the byte at `at` in line. */
enum tm_err log_fail(struct log_fault *fault, struct str line, const char *at, const char *format, ...)
    TM_PRINTF(4, 5);

/* A copy of text in scratch; room for all copies of a line was reserved, so views of before stay valid. */
struct str log_keep(struct bytes *scratch, struct str text);

/* "27/Oct/2013:06:25:01 +0100", all of text. TM_INVALID. Years 1970 to 2261, as far as nanoseconds go. */
enum tm_err log_time_clf(struct str text, time_ms_t *out) TM_MUST_CHECK;
/* "2026-11-23T04:15:00.123+01:00", with 'Z', "+0100" or no zone (UTC), 'T' or a space. TM_INVALID. */
enum tm_err log_time_iso(struct str text, time_ms_t *out) TM_MUST_CHECK;
/* Unix seconds with decimals, or milliseconds from 10^11 on. TM_INVALID. */
enum tm_err log_time_unix(struct str text, time_ms_t *out) TM_MUST_CHECK;

/* A decimal >= 0 of at most 15 digits before the point, all of text. TM_INVALID. */
enum tm_err log_decimal(struct str text, double *out) TM_MUST_CHECK;
/* Digits, all of text. TM_INVALID past 2^53. */
enum tm_err log_integer(struct str text, int64_t *out) TM_MUST_CHECK;

/* "GET /x HTTP/1.1" into method and url. "-" and "" leave both empty; what is no request is all url. */
void log_request_split(struct str request, struct log_record *out);

/* A status, "404". TM_INVALID outside 100..599. */
enum tm_err log_status(struct str text, int *out) TM_MUST_CHECK;

/* The common log format, and combined. Here as below: as log_line_parse, which has cleared scratch and made
 * room in it, so that no text moves. */
enum tm_err log_parse_clf(struct str line, bool combined, struct bytes *scratch, struct log_record *out,
                          struct log_fault *fault) TM_MUST_CHECK;

/* A line of an nginx log in JSON, whose members bear nginx' own names or usual ones. */
enum tm_err log_parse_nginx_json(struct str line, const char *member, struct bytes *scratch,
                                 struct log_record *out, struct log_fault *fault) TM_MUST_CHECK;

/* A line of Akamai's DataStream 2 in JSON. */
enum tm_err log_parse_datastream2(struct str line, const char *member, struct bytes *scratch,
                                  struct log_record *out, struct log_fault *fault) TM_MUST_CHECK;

/* ---- JSON objects ---- */

/* What a member's text (a string's content, or a number as written) does to the record. TM_INVALID: *expected
 * says what it should be. */
struct log_member {
    struct str key;
    enum tm_err (*take)(struct str text, struct bytes *scratch, struct log_record *out,
                        const char **expected);
};

/* Reads a JSON object; members of the table are taken in the table's order, then the wanted one (NULL: none)
 * into out->member, others skipped; null and "-" count as absent. */
enum tm_err log_parse_json(struct str line, const struct log_member *members, size_t count,
                           const char *wanted, struct bytes *scratch, struct log_record *out,
                           struct log_fault *fault) TM_MUST_CHECK;

#endif
