/* Times and durations as people and programs write them in a request, and as answers show them. */
#ifndef TM_MODEL_WHEN_H
#define TM_MODEL_WHEN_H

#include <stdint.h>

#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

enum { WHEN_TEXT_BYTES = 40 };

/* The first and the last instant that when_parse gives: the years 1 to 9999. */
#define WHEN_FIRST_MS INT64_C(-62135596800000)
#define WHEN_LAST_MS  INT64_C(253402300799999)

/* Whole numbers, each with a unit of ms, s, m, h, d, w, y (365 days), biggest first: "500ms", "30d", "1h30m".
 * TM_INVALID with a sentence that quotes the text; any thread. */
enum tm_err when_parse_duration(struct str text, int64_t *out_ms, struct tm_why *why) TM_MUST_CHECK;

/* A time: RFC 3339 ("2026-11-23T04:00:00.5Z", "...+01:00"; the zone, the seconds and the time of day may be
 * missing, it is UTC then, and a space may stand for the T), unix seconds with or without decimals, "now", or
 * a duration from now ("-1h", "now-1h", "+5m"). What is finer than a millisecond is cut. TM_INVALID with a
 * sentence that quotes the text; any thread. */
enum tm_err when_parse(struct str text, time_ms_t now, time_ms_t *out, struct tm_why *why) TM_MUST_CHECK;

/* The date and time of day of text alone, as when_parse reads them; neither numbers nor words. */
enum tm_err when_parse_date(struct str text, time_ms_t *out, struct tm_why *why) TM_MUST_CHECK;

/* "2026-11-23T04:00:00.000Z"; outside the years 1 to 9999 the nearest of them. Writes and returns text. */
const char *when_text(time_ms_t time, char text[WHEN_TEXT_BYTES]);

#endif
