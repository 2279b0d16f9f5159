/* What figures say of themselves, in each language, and days and times as people write them. */
#ifndef TM_REPORTS_FIGURES_WORDS_H
#define TM_REPORTS_FIGURES_WORDS_H

#include "reports/figures/figures.h"

enum word {
    WORD_TITLE, /* FIGURE_COUNT of them */
    WORD_NO_DATA = WORD_TITLE + FIGURE_COUNT,
    WORD_FAILURES_PER_HOUR,
    WORD_EXPECTED,
    WORD_ABOVE,
    WORD_DEPLOY,
    WORD_BAD_DEPLOY,
    WORD_INCIDENT,
    WORD_PLANNED,
    WORD_UNKNOWN,
    WORD_HEAT_CELL,
    WORD_TOTAL,
    WORD_SHARE,
    WORD_RUNNING_SHARE,
    WORD_OTHERS,
    WORD_LAST_WEEK,
    WORD_THIS_WEEK,
    WORD_RISEN,
    WORD_FALLEN,
    WORD_STEADY,
    WORD_NEW,
    WORD_LOGARITHMIC,
    WORD_SHARE_OF_RESPONSES,
    WORD_NONE,
    WORD_BEFORE,
    WORD_AFTER,
    WORD_PER_10K,
    WORD_FAILURES,
    WORD_VERDICT_OK,
    WORD_VERDICT_SUSPECT,
    WORD_VERDICT_BAD,
    WORD_VERDICT_UNDECIDED,
    WORD_WEEK,
    WORD_P50,
    WORD_P90,
    WORD_P99,
    WORD_P50_TO_P90,
    /* sentences of the texts beside the figures */
    WORD_TELL_TOTAL,
    WORD_TELL_PEAK,
    WORD_TELL_PEAK_EXPECTED,
    WORD_TELL_ABOVE,
    WORD_TELL_DEPLOYS,
    WORD_TELL_ROLLBACKS,
    WORD_TELL_INCIDENTS,
    WORD_TELL_PLANNED,
    WORD_TELL_UNKNOWN,
    WORD_TELL_NO_FAILURES,
    WORD_TELL_HEAT_PEAK,
    WORD_TELL_HEAT_DAY,
    WORD_TELL_HEAT_HOUR,
    WORD_TELL_GROUPS,
    WORD_TELL_GROUP,
    WORD_TELL_TOP,
    WORD_TELL_SLOPE,
    WORD_TELL_SLOPE_ONE,
    WORD_TELL_SLOPE_NEW,
    WORD_TELL_STATUS,
    WORD_TELL_STATUS_CLASS,
    WORD_TELL_STATUS_PEAK,
    WORD_TELL_RATES,
    WORD_TELL_RATE,
    WORD_TELL_RATE_MORE,
    WORD_TELL_TREND,
    WORD_TELL_TREND_PREVIOUS,
    WORD_TELL_TREND_RATE,
    WORD_TELL_TREND_WEEK,
    WORD_TELL_LATENCY,
    WORD_TELL_LATENCY_PEAK,
    WORD_COUNT
};

/* The local clock. */
struct local_time {
    int year, month, day; /* month from 1 */
    int weekday;          /* 0: Monday */
    int hour, minute;
    int64_t day_number; /* of the calendar, for counting days */
};

/* The words, whole. Static. */
struct str words_of(enum figure_language language, enum word word);
/* Appends the words with "{0}" to "{9}" replaced by the arguments, and "{0:one|many}" by one or the other, as
 * that argument is "1" or not. Arguments are taken as they are. */
void words_put(struct bytes *out, enum figure_language language, enum word word, const struct str *args,
               size_t count);

/* What the local clock shows at a moment. Pure. */
struct local_time words_clock(const struct figure_week *week, time_ms_t time);
/* When the local day begins that is so many days behind the week's first. Pure. */
time_ms_t words_midnight(const struct figure_week *week, int days);
/* "Wed 18 Nov 14:05". */
void words_put_time(struct bytes *out, enum figure_language language, struct local_time time);
/* "Wed 18 Nov". */
void words_put_day(struct bytes *out, enum figure_language language, struct local_time time);
/* "Wed". Static. */
struct str words_weekday(enum figure_language language, int weekday);

#endif
