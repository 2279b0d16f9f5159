/* Each figure: how it is drawn and what it says in words. */
#ifndef TM_REPORTS_FIGURES_KINDS_H
#define TM_REPORTS_FIGURES_KINDS_H

#include "reports/figures/drawing.h"
#include "reports/figures/telling.h"

/* The largest of count numbers; its place in *at. NAN if none is known. */
double series_most(const double *values, size_t count, size_t *at);
/* The sum of those that are known. */
double series_sum(const double *values, size_t count);

/* These draw a whole picture, from drawing_page to drawing_page_end, at the drawing's width; where nothing is
 * known, a picture that says so. */

/* Failures hour by hour, over the range that was expected, with deploys and incidents. */
void hourly_draw(struct drawing *drawing, const struct figures *figures);
/* Failures by day of the week and hour of the day, as shades. */
void heat_draw(struct drawing *drawing, const struct figures *figures);
/* The groups with the most failures, each with its share and the running sum. */
void pareto_draw(struct drawing *drawing, const struct figures *figures);
/* The groups with the most, last week on the left and this one on the right. */
void slope_draw(struct drawing *drawing, const struct figures *figures);
/* A panel for each class of statuses: its share, hour by hour. */
void status_draw(struct drawing *drawing, const struct figures *figures);
/* The rate of failures before and after each deploy, with intervals; of many, those of the worst verdicts. */
void deploys_draw(struct drawing *drawing, const struct figures *figures);
/* Failures of the last weeks, and their rate of requests below. */
void trend_draw(struct drawing *drawing, const struct figures *figures);
/* Median, p90 and p99 hour by hour. */
void latency_draw(struct drawing *drawing, const struct figures *figures);

/* These say what is to be seen, with the key numbers. Nothing is said where there is nothing to see. */

/* All failures of the week, the worst hour, hours above what was expected, what lay around them, gaps. */
void hourly_tell(const struct telling *telling, const struct figures *figures);
/* The worst hour, the worst day and the worst hour of the day. */
void heat_tell(const struct telling *telling, const struct figures *figures);
/* How many groups, and the first three with their shares. */
void pareto_tell(const struct telling *telling, const struct figures *figures);
/* How many rose, fell and are new, and the first three. */
void slope_tell(const struct telling *telling, const struct figures *figures);
/* Each class with its share, and the worst hour of 5xx. */
void status_tell(const struct telling *telling, const struct figures *figures);
/* Up to five deploys with their rates, of the worst verdicts, and how many more there are. */
void deploys_tell(const struct telling *telling, const struct figures *figures);
/* This week, the one before and the worst one. */
void trend_tell(const struct telling *telling, const struct figures *figures);
/* The medians of each, and the worst hour. */
void latency_tell(const struct telling *telling, const struct figures *figures);

#endif
