/* The slow way of a line: its key is parsed, since its bytes were not met before or it is an event. Parts of
 * lines.c that run once a series, or once an event. */
#ifndef TM_INGEST_LINES_SLOW_H
#define TM_INGEST_LINES_SLOW_H

#include "server/ingest/lines.h"

/* How long lines of a kind are kept at the longest, ms; 0: for ever. */
int64_t lines_retention_ms(const struct config *config, enum event_kind kind);

/* The owning service by the tags (service_from); empty if none names one. */
struct str lines_service(const struct config *config, const struct labels *tags);

/* Which tag names it; empty if none does. A view into the configuration. */
struct str lines_service_label(const struct config *config, const struct labels *tags);

/* TM_FORBIDDEN with why: the caller may not write lines of this service. */
enum tm_err lines_fail_scope(const struct lines *lines, struct str service, struct tm_why *why) TM_MUST_CHECK;

/* Is time within this retention (0: for ever)? After a jump of the clock what either time admits is. */
bool lines_is_kept(const struct lines *lines, int64_t keep_ms, time_ms_t time);

/* Whether a line of this kind and time is taken: neither older than what is kept, nor too far ahead; markers
 * may lie in the future. TM_INVALID with why. */
enum tm_err lines_check_time(const struct lines *lines, enum event_kind kind, time_ms_t time,
                             struct tm_why *why) TM_MUST_CHECK;

/* The rules of a tag that becomes a label (name, length). TM_INVALID with why. */
enum tm_err lines_check_tag(const struct lines *lines, const struct label *tag,
                            struct tm_why *why) TM_MUST_CHECK;

/* The rules of a metric's name: form, length, and none that the daemon makes itself. TM_INVALID with why. */
enum tm_err lines_check_metric(const struct lines *lines, struct str name, struct tm_why *why) TM_MUST_CHECK;

/* Parses the key into lines->key, checks names and lengths of tags and the caller's right to the service, and
 * says the line's kind. TM_INVALID with why. */
enum tm_err lines_parse_key(struct lines *lines, const struct line *line, enum event_kind *kind,
                            struct tm_why *why) TM_MUST_CHECK;

/* The rules of an event of this kind. TM_INVALID with why. */
enum tm_err lines_check_event(struct lines *lines, const struct line *line, enum event_kind kind,
                              struct tm_why *why) TM_MUST_CHECK;

/* Adds an event to the batch. TM_NOMEM. */
enum tm_err lines_add_event(struct lines *lines, const struct line *line, enum event_kind kind,
                            time_ms_t time) TM_MUST_CHECK;

/* The same for an exception, with its fingerprint (lines_group.c). TM_NOMEM. */
enum tm_err lines_add_exception(struct lines *lines, const struct line *line, time_ms_t time) TM_MUST_CHECK;

/* The same for a marker (lines_marker.c). TM_INVALID with why, TM_NOMEM. */
enum tm_err lines_add_marker(struct lines *lines, const struct line *line, time_ms_t time,
                             struct tm_why *why) TM_MUST_CHECK;

/* Names or makes the series of every field of a metric line. A line is taken whole or not at all: TM_INVALID
 * and TM_LIMIT with why, TM_NOMEM. */
enum tm_err lines_make_series(struct lines *lines, const struct line *line, const struct series_hash *hashes,
                              series_id *ids, struct tm_why *why) TM_MUST_CHECK;

#endif
