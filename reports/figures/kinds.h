/* Each figure: how it is drawn and what it says in words. */
#ifndef TM_REPORTS_FIGURES_KINDS_H
#define TM_REPORTS_FIGURES_KINDS_H

#include "reports/figures/drawing.h"
#include "reports/figures/telling.h"

/* The largest of count numbers; its place in *at. NAN if none is known. */
double series_most(const double *values, size_t count, size_t *at);
/* The sum of those that are known. */
double series_sum(const double *values, size_t count);

/* Draw a whole picture, from drawing_page to drawing_page_end, at the drawing's width. */
void hourly_draw(struct drawing *drawing, const struct figures *figures);
void heat_draw(struct drawing *drawing, const struct figures *figures);
void pareto_draw(struct drawing *drawing, const struct figures *figures);
void slope_draw(struct drawing *drawing, const struct figures *figures);
void status_draw(struct drawing *drawing, const struct figures *figures);
void deploys_draw(struct drawing *drawing, const struct figures *figures);
void trend_draw(struct drawing *drawing, const struct figures *figures);
void latency_draw(struct drawing *drawing, const struct figures *figures);

/* Say what is to be seen, with the key numbers. Nothing is said where there is nothing to see. */
void hourly_tell(const struct telling *telling, const struct figures *figures);
void heat_tell(const struct telling *telling, const struct figures *figures);
void pareto_tell(const struct telling *telling, const struct figures *figures);
void slope_tell(const struct telling *telling, const struct figures *figures);
void status_tell(const struct telling *telling, const struct figures *figures);
void deploys_tell(const struct telling *telling, const struct figures *figures);
void trend_tell(const struct telling *telling, const struct figures *figures);
void latency_tell(const struct telling *telling, const struct figures *figures);

#endif
