/* Gnuplot as a child process that is held to bounds. */
#ifndef TM_REPORTS_FIGURES_GNUPLOT_H
#define TM_REPORTS_FIGURES_GNUPLOT_H

#include <stdint.h>

#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

struct gnuplot_bounds {
    int64_t time_ms;
    size_t output_bytes;
};

/* Feeds the script to `gnuplot` of PATH, without a shell, settings or the environment, and appends what it
 * writes. Ended with its children when a bound is passed. TM_NOT_FOUND, TM_BUSY (time), TM_TOO_LARGE, TM_IO
 * (it failed; why has its first complaint), TM_NOMEM. Any thread; waits. */
enum tm_err gnuplot_run(struct str script, const struct gnuplot_bounds *bounds, struct bytes *out,
                        struct tm_why *why) TM_MUST_CHECK;

#endif
