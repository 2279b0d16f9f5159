/* What all of the reports' HTML pages share: head, style, foot. */
#ifndef TM_REPORTS_HTML_H
#define TM_REPORTS_HTML_H

#include "reports/texts.h"
#include "storage/model/bytes.h"

/* From the doctype to the opening of the body; the title is escaped here. */
void html_begin(struct bytes *out, enum language language, const char *title);

/* Closes body and document. */
void html_end(struct bytes *out);

/* `<bdi>` with an escaped text of at most most characters (0: no bound), so that its direction is its own. */
void html_text(struct bytes *out, const char *text, size_t most);

#endif
