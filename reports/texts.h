/* What a report says, in each language: one table (texts.c). Static texts. */
#ifndef TM_REPORTS_TEXTS_H
#define TM_REPORTS_TEXTS_H

#include "reports/model.h"
#include "storage/model/bytes.h"

enum language { LANGUAGE_EN, LANGUAGE_KO, LANGUAGE_COUNT };

enum text {
    TEXT_TITLE,
    TEXT_WEEK,
    TEXT_OWNER,
    TEXT_NOBODY,
    TEXT_RANGE,
    TEXT_ZONE,
    TEXT_COMPLETENESS,
    TEXT_NO_DATA,
    TEXT_NO_DATA_HINT,
    TEXT_NOT_OVER,
    TEXT_CLEAN,
    TEXT_STRIP,
    TEXT_LAST_WEEK,
    TEXT_UNKNOWN,
    TEXT_FIRST_WEEK,
    TEXT_ACTIONS,
    TEXT_NO_ACTIONS,
    TEXT_SINCE_DEPLOY,
    TEXT_MISSING_HOURS,
    TEXT_LISTS,
    TEXT_WHAT,
    TEXT_COUNT,
    TEXT_EXPECTED,
    TEXT_RATIO,
    TEXT_SHARE,
    TEXT_PER_10K,
    TEXT_SEEN,
    TEXT_EIGHT_WEEKS,
    TEXT_FIRST,
    TEXT_LAST,
    TEXT_RELEASE,
    TEXT_EMPTY_LIST,
    TEXT_INCIDENTS,
    TEXT_NO_INCIDENTS,
    TEXT_SCORE,
    TEXT_GOES_ON,
    TEXT_SERIES,
    TEXT_MEANWHILE,
    TEXT_NORMALLY,
    TEXT_TIMES,
    TEXT_NO_BASE,
    TEXT_DEPLOYS,
    TEXT_NO_DEPLOYS,
    TEXT_TIME,
    TEXT_VERSION,
    TEXT_VERDICT,
    TEXT_BEFORE,
    TEXT_AFTER,
    TEXT_NEW_GROUPS,
    TEXT_ROLLBACK,
    TEXT_ROLLED_BACK,
    TEXT_EVENTS,
    TEXT_NO_EVENTS,
    TEXT_PAST,
    TEXT_COMING,
    TEXT_REQUESTS,
    TEXT_FAILURES,
    TEXT_LAST_OF_CLASS,
    TEXT_QUALITY,
    TEXT_GAPS,
    TEXT_NO_GAPS,
    TEXT_SILENCE,
    TEXT_OVERFLOWED,
    TEXT_UNNAMED,
    TEXT_METHOD,
    TEXT_METHOD_1,
    TEXT_METHOD_2,
    TEXT_METHOD_3,
    TEXT_METHOD_4,
    TEXT_FIGURES,
    TEXT_SKIP,
    TEXT_OTHER_FORMATS,
    TEXT_INDEX,
    TEXT_SERVICE,
    TEXT_REVISION,
    TEXT_CHANGES,
    TEXT_EARLIER,
    TEXT_ATTACHED,
    TEXT_COUNT_OF
};

/* English unless name is "ko". */
enum language text_language(const char *name);
/* The words of the report, in UTF-8 and static, as all below. */
const char *text_of(enum language language, enum text text);
/* What a key figure is called. */
const char *text_of_key(enum language language, enum report_key key);
/* The heading of a list. */
const char *text_of_list(enum language language, enum report_list list);
/* What a list means. */
const char *text_of_list_hint(enum language language, enum report_list list);
/* Why something is to be done. */
const char *text_of_reason(enum language language, enum report_reason reason);
/* What became of it since last week. */
const char *text_of_progress(enum language language, enum report_progress progress);
/* Of "bad", "suspect", "ok", "insufficient_data". */
const char *text_of_verdict(enum language language, const char *verdict);

/* ---- sentences with figures in them; appended ---- */

/* 160 of 168 hours with data */
void text_put_hours(struct bytes *out, enum language language, size_t seen, size_t all);
/* median of 4 weeks */
void text_put_median(struct bytes *out, enum language language, size_t weeks);
/* for 3 weeks */
void text_put_open(struct bytes *out, enum language language, size_t weeks);
/* 12 more groups with a count of 1,234 in all ... */
void text_put_rest(struct bytes *out, enum language language, size_t groups, uint64_t count);
/* Against the same local hours of 4 clean weeks */
void text_put_against(struct bytes *out, enum language language, size_t weeks);
/* Of 340 series of the service these differ most from normal. */
void text_put_series(struct bytes *out, enum language language, const struct report_incident *incident);

/* ---- figures as people read them; TEXT_UNKNOWN where there is none ---- */

enum { TEXT_FIGURE_BYTES = 48 };

/* 12,345; below 100 with one decimal where it has one. Writes and returns text. */
const char *text_number(double value, char text[TEXT_FIGURE_BYTES]);
/* 12.3 %, of 0..100. */
const char *text_percent(double percent, char text[TEXT_FIGURE_BYTES]);
/* 2.3x */
const char *text_times(double ratio, char text[TEXT_FIGURE_BYTES]);
/* The level of a series with its unit: 0.931, 12.3/min, 45 ms. */
const char *text_level(enum language language, enum report_level level, double value,
                       char text[TEXT_FIGURE_BYTES]);
/* 2.3×; of a level that is normally 0: new. */
const char *text_times_normal(enum language language, double ratio, double normal,
                              char text[TEXT_FIGURE_BYTES]);
/* A key figure with its unit. */
const char *text_key_value(enum report_key key, double value, char text[TEXT_FIGURE_BYTES]);
/* +12 %, -3 %, of now against before; percentages in points. "" where there is nothing to compare. */
const char *text_change(enum report_key key, double now, double before, char text[TEXT_FIGURE_BYTES]);

#endif
