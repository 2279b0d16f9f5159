/* The figures of a report, drawn by Gnuplot: plain numbers in, SVG and a text that says the same out. Knows
 * nothing of the store or of the report's model. */
#ifndef TM_REPORTS_FIGURES_FIGURES_H
#define TM_REPORTS_FIGURES_FIGURES_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/model/bytes.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

enum figure_kind {
    FIGURE_HOURLY,  /* failures per hour, what was expected, deploys, incidents */
    FIGURE_HEAT,    /* weekday by hour of the day */
    FIGURE_PARETO,  /* the groups with the most, and how much of all they are together */
    FIGURE_SLOPE,   /* the top ten, last week and this one */
    FIGURE_STATUS,  /* share of each status class, hour by hour */
    FIGURE_DEPLOYS, /* rate of failures before and after each deploy, with intervals */
    FIGURE_TREND,   /* eight weeks */
    FIGURE_LATENCY, /* p50, p90, p99 of response times, hour by hour */
    FIGURE_COUNT
};

enum figure_language { FIGURE_ENGLISH, FIGURE_KOREAN };
/* Both: light, and dark where the reader's system is. */
enum figure_theme { FIGURE_LIGHT, FIGURE_DARK, FIGURE_BOTH };
enum figure_verdict { FIGURE_OK, FIGURE_SUSPECT, FIGURE_BAD, FIGURE_UNDECIDED };

enum {
    FIGURE_HOURS_MAX = 176,
    FIGURE_MARKS_MAX = 1000, /* deploys and shades that are drawn; later ones only count in the text */
    FIGURE_WEEKS_MAX = 53,
    FIGURE_CLASSES = 4, /* 2xx to 5xx */
    FIGURE_WIDTH_MIN = 320,
    FIGURE_WIDTH_MAX = 2000
};

/* All texts here are as they came from outside: any bytes, any length. All numbers that are not known are
 * NAN. Lists may be empty and pointers NULL then. Hours begin at week.span.from, one after the other. */
struct figure_week {
    struct span span;
    int offset_s;       /* of the local clock at its begin, east of UTC */
    time_ms_t shift;    /* when the local clock is put forward or back; span.to: it is not */
    int offset_after_s; /* from then on */
    struct str zone;    /* its name */
};

struct figure_mark {
    time_ms_t time;
    struct str label; /* the version */
    bool is_bad;
};

struct figure_shade {
    struct span span;
    bool is_planned; /* a planned event, else an incident */
};

struct figure_hourly {
    const double *count, *low, *high; /* hours of each; what was expected, low to high, may be NULL */
    size_t hours;
    const struct figure_mark *marks; /* deploys and rollbacks, by time */
    size_t mark_count;
    size_t rollback_count; /* of the marks */
    const struct figure_shade *shades;
    size_t shade_count;
};

struct figure_heat {
    const double (*count)[24]; /* 7 rows, Monday first; NULL: nothing */
};

struct figure_group {
    struct str name;
    double count, last_week;
};

struct figure_groups {
    const struct figure_group *groups; /* those with the most first */
    size_t count;                      /* given here */
    size_t total_count;                /* of the week, at least as many */
    double total;                      /* sum over all of them */
};

struct figure_status {
    const double *count[FIGURE_CLASSES]; /* hours of each, NULL: no data */
    size_t hours;
};

/* Failures per request, 0 to 1, with the bounds of the 95 % interval. NAN: no requests. */
struct figure_rate {
    double rate, low, high;
};

struct figure_deploy {
    time_ms_t time;
    struct str label;
    enum figure_verdict verdict;
    struct figure_rate before, after;
};

struct figure_deploys {
    const struct figure_deploy *deploys; /* by time */
    size_t count;
};

struct figure_trend_week {
    int year, week;  /* ISO */
    double failures; /* NAN: not known any more */
    double per_10k;  /* requests; NAN without requests */
};

struct figure_trend {
    const struct figure_trend_week *weeks; /* one after the other, this one last */
    size_t count;
};

struct figure_latency {
    const double *p50, *p90, *p99; /* milliseconds, hours of each; p50 NULL: no data */
    size_t hours;
};

struct figures {
    struct figure_week week;
    struct figure_hourly hourly;
    struct figure_heat heat;
    struct figure_groups groups; /* of the Pareto figure and of the slopes */
    struct figure_status status;
    struct figure_deploys deploys;
    struct figure_trend trend;
    struct figure_latency latency;
};

struct figures_options {
    int width;        /* pixels, FIGURE_WIDTH_MIN to _MAX; 0: 720 */
    int width_narrow; /* of a second drawing for small screens; 0: none */
    enum figure_theme theme;
    enum figure_language language;
    int64_t time_limit_ms; /* of Gnuplot, over all figures; 0: 20 s */
    const char
        *id; /* letters, digits, '-': begins all ids, differs between figures on one page; NULL: "fig" */
};

struct figure_out {
    struct bytes title;      /* in the language asked for, plain text */
    struct bytes text;       /* what the figure shows in sentences with its key numbers, plain text */
    struct bytes svg;        /* a whole SVG document; empty if it could not be drawn */
    struct bytes svg_narrow; /* empty too if none was asked for */
};

/* Zero-initialised is empty. */
struct figures_out {
    struct figure_out at[FIGURE_COUNT];
};

/* A short English name, for files and ids: "hourly". Static; any thread. */
const char *figure_name(enum figure_kind kind);

/* Draws all figures with one Gnuplot process, found by PATH, and writes their texts. The same input gives the
 * same bytes. Titles and texts are whole also when drawing failed: TM_NOT_FOUND (no Gnuplot), TM_BUSY (not
 * done in time, it was ended), TM_TOO_LARGE (it wrote too much), TM_IO (it failed, with what it said);
 * TM_INVALID: options or input break a rule above. After TM_NOMEM nothing is whole. The caller gives out back
 * by figures_fini, whatever was returned. Any thread. */
enum tm_err figures_draw(const struct figures *figures, const struct figures_options *options,
                         struct figures_out *out, struct tm_why *why) TM_MUST_CHECK;

/* Frees what out holds; out is empty afterwards. */
void figures_fini(struct figures_out *out);

#endif
