/* Gnuplot's SVG written anew: only numbers of it are taken over, texts and colours take the place of their
 * tokens. What comes out is small, well-formed and the same for the same input, whatever Gnuplot wrote. */
#ifndef TM_REPORTS_FIGURES_PICTURE_H
#define TM_REPORTS_FIGURES_PICTURE_H

#include "reports/figures/drawing.h"

struct picture {
    const struct drawing *drawing; /* whose texts stand in it */
    const char *id;                /* begins all ids */
    const char *name;              /* and then this */
    enum figure_theme theme;
    struct str title, text;
    int width, height;
};

/* Appends the picture that Gnuplot wrote as source. TM_CORRUPT: it cannot be read; TM_NOMEM. */
enum tm_err picture_write(const struct picture *picture, struct str source, struct bytes *out,
                          struct tm_why *why) TM_MUST_CHECK;
/* Steps over the next document in what Gnuplot wrote and returns it, empty at the end. */
struct str picture_next(struct str *written);
/* The styles of the inks that a picture uses, a bit each, in its theme. */
void picture_put_styles(const struct picture *picture, uint32_t inks, struct bytes *out);

#endif
