/* What the parts of the HTML share. Private to reports/render_html*.c. */
#ifndef TM_REPORTS_RENDER_HTML_PRIVATE_H
#define TM_REPORTS_RENDER_HTML_PRIVATE_H

#include "reports/render.h"
#include "reports/texts.h"

/* Characters of a text, and of a version or an owner beside it; groups of a list. */
enum { PAGE_WHAT_MAX = 160, PAGE_NAME_MAX = 60, PAGE_LISTED_MAX = 50 };

struct page {
    const struct report *r;
    struct bytes *out;
    enum language language;
};

/* The text in the page's language; static. */
const char *page_say(const struct page *p, enum text text);
/* Begins a section under a heading. */
void page_section(const struct page *p, const char *id, enum text text);
/* Ends it. */
void page_section_end(const struct page *p);

/* The groups, list by list. */
void page_lists(const struct page *p);
/* The section of incidents, with what exceeded what is normal; without any it says so. */
void page_incidents(const struct page *p);
/* The section of deploys and their verdicts; without any it says so. */
void page_deploys(const struct page *p);
/* The section of planned events; without any it says so. */
void page_events(const struct page *p);

#endif
