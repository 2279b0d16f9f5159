/* What one part of a path is: a name, or one of many. Private to server/events. */
#ifndef TM_EVENTS_PAGE_SEGMENT_H
#define TM_EVENTS_PAGE_SEGMENT_H

#include <stdbool.h>

#include "storage/model/str.h"

enum { PAGE_SEGMENT_MAX = 64 };

enum segment_kind {
    SEGMENT_NAME, /* stands for itself; file names with folded parts too */
    SEGMENT_NUMBER,
    SEGMENT_ID,
    SEGMENT_UUID,
    SEGMENT_HASH,
    SEGMENT_DATE,
    SEGMENT_SLUG,
    SEGMENT_REST, /* all that is deeper than groups go */
    SEGMENT_KIND_COUNT
};

/* "{n}" and so on; empty for SEGMENT_NAME. Static. */
struct str segment_placeholder(enum segment_kind kind);

/* Why, for a person: "only digits". Static. */
const char *segment_reason(enum segment_kind kind);

struct segment {
    enum segment_kind kind;
    struct str text; /* SEGMENT_NAME: what is shown, at most PAGE_SEGMENT_MAX bytes of valid UTF-8 */
    char room[PAGE_SEGMENT_MAX];
};

/* Classifies the bytes between two slashes (not empty). out->text points into text or out->room. */
void segment_classify(struct str text, struct segment *out);

#endif
