/* A report as text, in each of its formats. All that came from outside is escaped. Pure but for memory, which
 * out->failed tells of; the zone of week.h is that of the report. */
#ifndef TM_REPORTS_RENDER_H
#define TM_REPORTS_RENDER_H

#include "reports/model.h"
#include "storage/model/bytes.h"

enum render_format { RENDER_HTML, RENDER_MARKDOWN, RENDER_CSV, RENDER_JSON, RENDER_FORMATS };

/* "html", "md", "csv", "json"; static. */
const char *render_extension(enum render_format format);

/* A picture of the HTML: an SVG text, and its key numbers as a sentence. */
struct render_picture {
    const char *title;
    struct str svg;        /* empty: it could not be drawn */
    struct str svg_narrow; /* for small screens; may be empty */
    const char *text;
};

struct render_pictures {
    const struct render_picture *at;
    size_t count;
};

/* The JSON model: schema version REPORT_SCHEMA, reports/report.schema.json. */
void render_json(const struct report *report, struct bytes *out);
/* One row per group, then one per series of an incident, RFC 4180. */
void render_csv(const struct report *report, struct bytes *out);
/* GitHub's Markdown. */
void render_markdown(const struct report *report, struct bytes *out);
/* One file that needs no other: no script, no reference to anything outside. */
void render_html(const struct report *report, const struct render_pictures *pictures, struct bytes *out);
/* Observed over normal; NAN where that says nothing. */
double render_times(const struct report_series *series);

#endif
