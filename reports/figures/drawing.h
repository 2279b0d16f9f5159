/* A script for Gnuplot in the making. Gnuplot sees numbers and tokens only: each text is kept here, ready for
 * XML, and takes its token's place when the picture is rewritten (picture.h). So nothing that came from
 * outside is ever read by Gnuplot. Colours are tokens too (enum ink), as a theme decides what they are. */
#ifndef TM_REPORTS_FIGURES_DRAWING_H
#define TM_REPORTS_FIGURES_DRAWING_H

#include <stdbool.h>
#include <stdint.h>

#include "reports/figures/figures.h"
#include "reports/figures/lettering.h"
#include "reports/figures/words.h"

enum ink {
    INK_TEXT,
    INK_MUTED,  /* text of less weight */
    INK_STRONG, /* text of what is bad */
    INK_GRID,
    INK_AXIS,
    INK_MAIN,
    INK_LIGHT, /* main, further away */
    INK_BAND,  /* what is expected, or usual */
    INK_ALERT,
    INK_CALM,
    INK_REST,     /* hatched: what is not told apart */
    INK_INCIDENT, /* hatched, seen through */
    INK_PLANNED,  /* dotted, seen through */
    INK_ABSENT,   /* hatched thin: not known */
    INK_HEAT,     /* INK_HEAT_STEPS from here: nothing, then ever more */
    INK_HEAT_STEPS = 8,
    INK_COUNT = INK_HEAT + INK_HEAT_STEPS
};

/* For printf: a colour of Gnuplot. picture.c reads it back. */
#define INK_RGB "rgb '#0100%02x'"

enum anchor { ANCHOR_LEFT, ANCHOR_CENTRE, ANCHOR_RIGHT };

/* Where a text stands: pixels from the left and the top, its middle line. */
struct note {
    double x, y;
    enum anchor anchor;
    enum ink ink;
    double size; /* pixels; 0: 12 */
    double room; /* pixels; 0: as long as it is */
    bool is_bold;
};

/* Pixels from the left and the top. */
struct frame {
    double left, right, top, bottom;
};

enum swatch { SWATCH_LINE, SWATCH_DASHED, SWATCH_BOX, SWATCH_DOT, SWATCH_RING, SWATCH_MARK, SWATCH_MARK_BAD };

struct legend_item {
    enum swatch swatch;
    enum ink ink;
    enum word word;
    bool is_absent; /* left out */
};

/* A text of the picture, ready for XML. */
struct drawing_text {
    size_t at, len;
    bool is_bold;
};

struct drawing {
    struct lettering lettering;
    struct bytes script;
    struct bytes texts;   /* one behind the other */
    struct bytes entries; /* struct drawing_text of each token */
    struct bytes scratch;
    enum figure_language language;
    int width, height;
    bool is_narrow;
    int serial; /* of labels, objects, arrows */
};

/* TM_NOMEM. drawing_close in any case. */
enum tm_err drawing_open(struct drawing *drawing, enum figure_language language) TM_MUST_CHECK;
/* Frees it with all that was drawn. */
void drawing_close(struct drawing *drawing);
/* TM_NOMEM if anything was lost on the way. */
enum tm_err drawing_error(const struct drawing *drawing) TM_MUST_CHECK;

/* Begins a picture, whose width is set. */
void drawing_page(struct drawing *drawing, int height);
/* Ends it. */
void drawing_page_end(struct drawing *drawing);
/* Where the next plot goes, and what its axes reach over. */
void drawing_axes(struct drawing *drawing, struct frame frame, struct span x, double y_low, double y_high);
/* Forgets what stood beside the last plot, for the next panel of the same picture. */
void drawing_panel(struct drawing *drawing);
/* A plot of nothing, where notes and boxes are all there is. */
void drawing_no_plot(struct drawing *drawing);

/* A text; any bytes. */
void drawing_note(struct drawing *drawing, struct note note, struct str text);
/* Over two lines where one has no room: of ours only, broken at a space. */
void drawing_note_wrapped(struct drawing *drawing, struct note note, struct str text);
/* One of ours. */
void drawing_word(struct drawing *drawing, struct note note, enum word word);
/* A filled rectangle, behind all else. */
void drawing_box(struct drawing *drawing, struct frame frame, enum ink ink);
/* Its outline, in front of all else. */
void drawing_outline(struct drawing *drawing, struct frame frame, enum ink ink);
/* A straight line; dash in pixels, 0: none. */
void drawing_line(struct drawing *drawing, struct frame ends, enum ink ink, double width, double dash);
/* A small sign: only what a swatch can be. */
void drawing_sign(struct drawing *drawing, double x, double y, enum swatch swatch, enum ink ink);
/* What the signs mean, in lines from y downwards; returns where the last one ends. */
double drawing_legend(struct drawing *drawing, double left, double y, const struct legend_item *items,
                      size_t count);
/* How tall that is at the left edge, before the page has begun. */
double drawing_legend_height(struct drawing *drawing, const struct legend_item *items, size_t count);
/* Lines and figures of an upright axis from low to high at every step; percent: of 100. */
void drawing_y_grid(struct drawing *drawing, struct frame frame, double low, double high, double step,
                    bool percent);
/* The room that its figures take at their left, in pixels. */
double drawing_y_room(struct drawing *drawing, double high, double step, bool percent);
/* Days of the week below a frame, and a line at each midnight. */
void drawing_days(struct drawing *drawing, struct frame frame, const struct figure_week *week,
                  bool with_names);
/* Pixels of a moment of the week. */
double drawing_x(struct frame frame, const struct figure_week *week, time_ms_t time);
/* A picture that says that there is nothing. */
void drawing_nothing(struct drawing *drawing);

#endif
