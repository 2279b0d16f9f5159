/* The figures of a report, from the model: what each shows, and drawn. */
#ifndef TM_REPORTS_FIGURE_FILL_H
#define TM_REPORTS_FIGURE_FILL_H

#include "reports/figures/figures.h"
#include "reports/model.h"
#include "reports/render.h"

/* Draws them; pictures are views into out (FIGURE_COUNT of them), which the caller gives back by
 * figures_fini, whatever this returned. Without Gnuplot, or if it fails, there are texts and no drawings:
 * *drawn tells. TM_NOMEM. */
enum tm_err figure_fill(const struct report *report, struct figures_out *out,
                        struct render_picture pictures[FIGURE_COUNT], bool *drawn,
                        struct tm_why *why) TM_MUST_CHECK;

#endif
