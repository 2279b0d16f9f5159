/* The text that says what a figure shows, in the making. */
#ifndef TM_REPORTS_FIGURES_TELLING_H
#define TM_REPORTS_FIGURES_TELLING_H

#include "reports/figures/lettering.h"
#include "reports/figures/words.h"

struct telling {
    const struct lettering *lettering;
    enum figure_language language;
    struct bytes *out;
};

/* Appends a sentence, behind a space if it is not the first; arguments as words_put takes them. */
void telling_say(const struct telling *telling, enum word word, const struct str *args, size_t count);

/* These clear buffer, write there what is to be part of a sentence, and return a view of it. A name from
 * outside, made safe and cut. */
struct str telling_name(const struct telling *telling, struct str name, struct bytes *buffer);

/* A moment, in the week's zone. */
struct str telling_time(const struct telling *telling, const struct figure_week *week, time_ms_t time,
                        struct bytes *buffer);

/* Its day, in the same zone. */
struct str telling_day(const struct telling *telling, const struct figure_week *week, time_ms_t time,
                       struct bytes *buffer);

#endif
