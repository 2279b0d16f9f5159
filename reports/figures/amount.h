/* Numbers as a reader reads them. */
#ifndef TM_REPORTS_FIGURES_AMOUNT_H
#define TM_REPORTS_FIGURES_AMOUNT_H

#include "reports/figures/figures.h"

enum { AMOUNT_BYTES = 48 };

/* Each writes into text and returns a view of it. NAN and infinities: a dash. Pure. */

/* "1,234,567", below 100 with up to two digits behind the point where it is not whole. */
struct str amount_exact(double value, char text[AMOUNT_BYTES]);
/* For an axis: exact below 100,000, then "120k", "1.2M", in Korean by ten thousands. */
struct str amount_short(double value, enum figure_language language, char text[AMOUNT_BYTES]);
/* Of 0..1: "0.42%", "12.3%", "99.98%"; never 0 or 100 unless it is. */
struct str amount_percent(double share, char text[AMOUNT_BYTES]);
/* What became of before: "+14%", "-7%", "±0%", from ten times on "×12". before is above 0. */
struct str amount_change(double now, double before, char text[AMOUNT_BYTES]);
/* "350 ms", "1.2 s", "3 min". */
struct str amount_duration(double ms, enum figure_language language, char text[AMOUNT_BYTES]);
/* The next of 1, 2, 5 x 10^n at or above value; for steps of an axis. value is finite and above 0. */
double amount_step(double value);

#endif
