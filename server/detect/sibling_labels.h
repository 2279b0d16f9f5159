/* Of the series of one metric some moved likewise: which labels have these in common? */
#ifndef TM_SIBLING_LABELS_H
#define TM_SIBLING_LABELS_H

#include "storage/model/bytes.h"
#include "storage/query.h"

/* Of more series one that is off alone is not told apart by its labels, which are said of it anyway: by
 * chance some of 100,000 series are off each minute, and all labels of their metrics would be read for that.
 */
enum { SIBLINGS_TOLD_APART = 256 };

/* Series of one metric, two or more; not owned. */
struct sibling_cells {
    uint32_t *series;
    double *moved_by; /* how far each moved, 0: not likewise */
    size_t count;
    size_t moved; /* how many did, 1 or more */
    bool fall;
};

/* Appends the end of a sentence ("; 37 of 40 series moved likewise, all in zone eu-1", "; only pod a of 40
 * series"), and items of a JSON array of label sets with their share. The labels are the fewest, three at
 * most, that pick exactly those that moved; where none do, those of a scan (scoring/attribution.h). Worker's
 * thread. Without memory nothing is appended, or an argument fails. */
void sibling_labels_put(struct reader *reader, const struct sibling_cells *cells, struct bytes *text,
                        struct bytes *json);

/* Do values of series of this metric and labels (encoded, with __name__) add up? */
bool sibling_values_add_up(struct str labels);

#endif
