/* The script: pages, notes, boxes, lines. Axes and legends are in drawing_axes.c. */
#include "reports/figures/drawing.h"

enum { NOTE_SIZE = 12 };

enum tm_err drawing_open(struct drawing *drawing, enum figure_language language)
{
    *drawing = (struct drawing){.language = language};
    return lettering_open(&drawing->lettering);
}

void drawing_close(struct drawing *drawing)
{
    lettering_close(&drawing->lettering);
    bytes_fini(&drawing->script);
    bytes_fini(&drawing->texts);
    bytes_fini(&drawing->entries);
    bytes_fini(&drawing->scratch);
}

enum tm_err drawing_error(const struct drawing *drawing)
{
    return drawing->script.failed || drawing->texts.failed || drawing->entries.failed ||
                   drawing->scratch.failed
               ? TM_NOMEM
               : TM_OK;
}

/* ---- pages ---- */

void drawing_page(struct drawing *drawing, int height)
{
    drawing->height = height;
    drawing->serial = 0;
    bytes_printf(&drawing->script,
                 "reset\nset terminal svg noenhanced size %d,%d font 'x,12'\nset output\n"
                 "set multiplot\nunset key\nunset tics\nunset border\nset style fill solid noborder\n"
                 "set datafile missing 'NaN'\nset boxwidth 1\n",
                 drawing->width, height);
}

void drawing_page_end(struct drawing *drawing)
{
    bytes_printf(&drawing->script, "unset multiplot\nunset output\n");
}

void drawing_axes(struct drawing *drawing, struct frame frame, struct span x, double y_low, double y_high)
{
    double width = drawing->width, height = drawing->height;
    bytes_printf(&drawing->script,
                 "set lmargin at screen %.6f\nset rmargin at screen %.6f\nset tmargin at screen %.6f\n"
                 "set bmargin at screen %.6f\nset xrange [%lld:%lld]\nset yrange [%.9g:%.9g]\n",
                 frame.left / width, frame.right / width, 1 - frame.top / height, 1 - frame.bottom / height,
                 (long long)x.from, (long long)x.to, y_low, y_high);
}

void drawing_panel(struct drawing *drawing)
{
    bytes_printf(&drawing->script, "unset label\nunset object\nunset arrow\nunset logscale\n");
}

void drawing_no_plot(struct drawing *drawing)
{
    bytes_printf(&drawing->script, "set xrange [0:1]\nset yrange [0:1]\nplot -1 notitle\n");
}

/* ---- what stands on them ---- */

/* Keeps the text, cut to room (em), and returns the number of its token. */
static size_t keep_text(struct drawing *drawing, struct str text, double room, bool is_bold)
{
    struct drawing_text entry = {.at = drawing->texts.len, .is_bold = is_bold};
    bytes_clear(&drawing->scratch);
    lettering_put(&drawing->lettering, &drawing->scratch, text, room);
    drawing->texts.failed = drawing->texts.failed || drawing->scratch.failed;
    lettering_put_xml(&drawing->texts, bytes_view(&drawing->scratch));
    entry.len = drawing->texts.len - entry.at;
    bytes_put(&drawing->entries, &entry, sizeof entry);
    return drawing->entries.len / sizeof entry - 1;
}

void drawing_note(struct drawing *drawing, struct note note, struct str text)
{
    static const char *const anchors[] = {"left", "center", "right"};
    const double bold = 1.12; /* wider by */
    double size = note.size > 0 ? note.size : NOTE_SIZE;
    double room = note.room > 0 ? note.room / size / (note.is_bold ? bold : 1) : 1e3;
    size_t token = keep_text(drawing, text, room, note.is_bold);
    bytes_printf(&drawing->script,
                 "set label %d '@%zu@' at screen %.6f, screen %.6f %s front font 'x,%g' textcolor " INK_RGB
                 "\n",
                 ++drawing->serial, token, note.x / drawing->width, 1 - note.y / drawing->height,
                 anchors[note.anchor], size, (unsigned)note.ink);
}

void drawing_note_wrapped(struct drawing *drawing, struct note note, struct str text)
{
    size_t at = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == ' ' && lettering_width((struct str){text.ptr, i}) * note.size <= note.room)
            at = i;
    if (lettering_width(text) * note.size <= note.room || !at) {
        drawing_note(drawing, note, text);
        return;
    }
    drawing_note(drawing, note, (struct str){text.ptr, at});
    note.y += note.size + 3;
    drawing_note(drawing, note, (struct str){text.ptr + at + 1, text.len - at - 1});
}

void drawing_word(struct drawing *drawing, struct note note, enum word word)
{
    drawing_note(drawing, note, words_of(drawing->language, word));
}

static void put_corner(struct drawing *drawing, double x, double y)
{
    bytes_printf(&drawing->script, " screen %.6f, screen %.6f", x / drawing->width, 1 - y / drawing->height);
}

void drawing_box(struct drawing *drawing, struct frame frame, enum ink ink)
{
    bytes_printf(&drawing->script, "set object %d rectangle from", ++drawing->serial);
    put_corner(drawing, frame.left, frame.bottom);
    bytes_printf(&drawing->script, " to");
    put_corner(drawing, frame.right, frame.top);
    bytes_printf(&drawing->script, " behind fc " INK_RGB " fs solid noborder\n", (unsigned)ink);
}

void drawing_line(struct drawing *drawing, struct frame ends, enum ink ink, double width, double dash)
{
    bytes_printf(&drawing->script, "set arrow %d from", ++drawing->serial);
    put_corner(drawing, ends.left, ends.top);
    bytes_printf(&drawing->script, " to");
    put_corner(drawing, ends.right, ends.bottom);
    bytes_printf(&drawing->script, " nohead %s lw %g lc " INK_RGB, dash > 0 ? "front" : "back", width,
                 (unsigned)ink);
    if (dash > 0)
        bytes_printf(&drawing->script, " dt (%g,%g)", dash * 2, dash * 2);
    bytes_printf(&drawing->script, "\n");
}

void drawing_outline(struct drawing *drawing, struct frame frame, enum ink ink)
{
    bytes_printf(&drawing->script, "set object %d rectangle from", ++drawing->serial);
    put_corner(drawing, frame.left, frame.bottom);
    bytes_printf(&drawing->script, " to");
    put_corner(drawing, frame.right, frame.top);
    bytes_printf(&drawing->script, " front fs empty border lc " INK_RGB " lw 2\n", (unsigned)ink);
}

void drawing_sign(struct drawing *drawing, double x, double y, enum swatch swatch, enum ink ink)
{
    static const int points[] = {
        [SWATCH_DOT] = 7, [SWATCH_RING] = 6, [SWATCH_MARK] = 10, [SWATCH_MARK_BAD] = 11};
    static const double sizes[] = {
        [SWATCH_DOT] = 0.6, [SWATCH_RING] = 0.6, [SWATCH_MARK] = 0.7, [SWATCH_MARK_BAD] = 0.8};
    bytes_printf(&drawing->script, "set label %d '' at", ++drawing->serial);
    put_corner(drawing, x, y);
    bytes_printf(&drawing->script, " front point pt %d ps %g lw 1.4 lc " INK_RGB "\n", points[swatch],
                 sizes[swatch], (unsigned)ink);
}

void drawing_nothing(struct drawing *drawing)
{
    drawing_page(drawing, 56);
    drawing_box(drawing, (struct frame){0, drawing->width, 0, drawing->height}, INK_ABSENT);
    drawing_word(drawing,
                 (struct note){.x = drawing->width / 2.0,
                               .y = drawing->height / 2.0,
                               .anchor = ANCHOR_CENTRE,
                               .ink = INK_TEXT,
                               .room = drawing->width - 16},
                 WORD_NO_DATA);
    drawing_no_plot(drawing);
    drawing_page_end(drawing);
}
