/* Texts from outside made fit for a figure: safe to show, cut to the room there is, their width guessed. */
#ifndef TM_REPORTS_FIGURES_LETTERING_H
#define TM_REPORTS_FIGURES_LETTERING_H

#include <stddef.h>

#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

/* Knows where a character ends for its reader (an extended grapheme cluster of Unicode). */
struct lettering {
    void *pattern, *match;
};

/* TM_NOMEM. One thread at a time uses it; lettering_close in any case. */
enum tm_err lettering_open(struct lettering *lettering) TM_MUST_CHECK;

/* Frees the pattern; zeroed then, and closing again does no harm. */
void lettering_close(struct lettering *lettering);

/* Appends text as valid UTF-8 without controls and without marks that turn the direction of what follows:
 * line ends and controls become one space, bytes that are no UTF-8 U+FFFD. Text that runs from right to left
 * is put between isolates, so that it turns nothing beside it. Wider than room (in em, the size of the font):
 * cut at a whole character, with an ellipsis. */
void lettering_put(const struct lettering *lettering, struct bytes *out, struct str text, double room);

/* Appends UTF-8 with what XML would read as its own escaped, for content and attributes. */
void lettering_put_xml(struct bytes *out, struct str text);

/* The width in em of valid UTF-8, guessed on the wide side: a common sans serif. Pure. */
double lettering_width(struct str text);

#endif
