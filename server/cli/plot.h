/* A chart of what is read: thinned while it streams past to what a chart of that width can show, then drawn
 * by Gnuplot in a process of its own. */
#ifndef TM_CLI_PLOT_H
#define TM_CLI_PLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "server/cli/source.h"

enum { PLOT_SERIES_MAX = 10, PLOT_COLUMNS_MAX = 4096 };

/* What one column of the chart keeps: the points a line must pass through to look as with all of them. */
struct plot_column {
    uint64_t count;
    time_ms_t first_time, last_time, min_time, max_time;
    double first, last, min, max;
};

struct plot_series {
    struct bytes labels; /* encoded */
    struct plot_column *columns;
    uint64_t count; /* samples that can be drawn */
    time_ms_t first_time, last_time;
};

struct plot {
    struct span span;
    size_t column_count;
    struct plot_series series[PLOT_SERIES_MAX];
    size_t series_count;   /* of those kept */
    uint64_t series_total; /* of those that came */
    uint64_t sample_total;
};

enum plot_kind { PLOT_DUMB, PLOT_PNG, PLOT_SVG };

struct plot_look {
    enum plot_kind kind;
    bool colour; /* dumb only */
    int width;   /* characters or pixels */
    int height;
    const char *tier;  /* "raw", "5m", "1h" */
    const char *asked; /* what was asked for: the title where the series have no metric name; or NULL */
};

/* An empty chart of span with so many columns, at most PLOT_COLUMNS_MAX. NULL when out of memory. */
struct plot *plot_new(struct span span, size_t column_count);
/* NULL is allowed. */
void plot_free(struct plot *plot);

/* What source_read feeds; the first PLOT_SERIES_MAX series are kept. Valid as long as plot. */
struct source_sink plot_sink(struct plot *plot);

/* Appends what Gnuplot is to do. TM_NOMEM. */
enum tm_err plot_script(const struct plot *plot, const struct plot_look *look, struct bytes *out,
                        struct tm_why *why) TM_MUST_CHECK;

/* Appends the points of a series as lines "SECONDS VALUE"; an empty line where the line of the chart is to
 * end, because samples are missing. */
void plot_points(const struct plot *plot, const struct plot_series *series, struct bytes *out);

/* Runs Gnuplot on script; what it draws goes to out_fd. TM_NOT_FOUND if there is no Gnuplot, TM_IO with its
 * first words if it fails; TM_NOMEM. */
enum tm_err plot_run(struct str script, int out_fd, struct tm_why *why) TM_MUST_CHECK;

#endif
