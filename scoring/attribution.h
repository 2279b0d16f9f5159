/* Which combination of labels explains that something rose or fell? A penalised Poisson scan over the cells
 * of a label cube (in the manner of Kulldorff 1997, with a price for each label, as in minimum description
 * length). Expected counts are the caller's: usually the baseline's rate times today's traffic, so that
 * traffic is not blamed. All memory is the caller's. Pure; any thread. */
#ifndef TM_SCORING_ATTRIBUTION_H
#define TM_SCORING_ATTRIBUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SCORE_CUBE_LABELS = 8,     /* labels of a cube at most */
    SCORE_CUBE_VALUES = 65536, /* values of one label at most */
    SCORE_CUBE_CELLS = 1048576,
    SCORE_CAUSE_LABELS = 3,
    SCORE_CAUSES = 3
};

/* Cells of a cube, each a combination of label values that occurs. Not owned. */
struct score_cube {
    size_t labels, cells;
    uint32_t values[SCORE_CUBE_LABELS]; /* how many values each label has, 1 or more */
    const uint32_t *at;                 /* of cell i the value of label j: at[i * labels + j] */
    const double *seen;                 /* of each cell; finite, 0 or more */
    const double *expected;
};

/* Room for the scan. */
struct score_cube_work {
    double *left;    /* one for each cell */
    uint8_t *inside; /* one for each cell */
    double *seen;    /* one for each value of the label that has the most */
    double *expected;
};

/* One cause: label[i] has value[i]. labels 0: everything, no combination stands out. */
struct score_cause {
    size_t labels;
    uint32_t label[SCORE_CAUSE_LABELS]; /* ascending */
    uint32_t value[SCORE_CAUSE_LABELS];
    double seen, expected; /* of the cells that have these values and no earlier cause */
    double share;          /* of the whole excess */
    double score;
};

/* Is the cube within its bounds, every value in range, every count finite and 0 or more? */
bool score_cube_is_sound(const struct score_cube *cube);

/* The causes of a rise (or, fall set, of a fall) of a sound cube, at most SCORE_CAUSES, in the order of their
 * finding. With A and F of the cells that a set of labels picks, its score is A ln(A/F) - (A - F), F being at
 * least 1/2 (0 when they moved the other way), less 2 + ln(values of the label) for each label. From nothing,
 * and from the best value of each label, the label that raises the score most is added until none does or
 * there are three, then taken off again where that helps; the best set is a cause when its score is above 3.
 * Its cells then count as explained, and the scan goes on until less than a tenth of the excess is left. A
 * cause with a share below 0.15 is left out, as everything wobbles. O(cells x labels^2). */
size_t score_attribute(const struct score_cube *cube, bool fall, const struct score_cube_work *work,
                       struct score_cause causes[SCORE_CAUSES]);

#endif
