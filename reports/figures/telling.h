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

/* Each clears buffer, writes there what is to be part of a sentence, and returns a view of it: a name from
 * outside, made safe and cut; a moment; a day. */
struct str telling_name(const struct telling *telling, struct str name, struct bytes *buffer);
struct str telling_time(const struct telling *telling, const struct figure_week *week, time_ms_t time,
                        struct bytes *buffer);
struct str telling_day(const struct telling *telling, const struct figure_week *week, time_ms_t time,
                       struct bytes *buffer);

#endif
