/* Stored series as the cells of a label cube (scoring/attribution.h), and its causes as words. */
#ifndef TM_DETECT_CUBE_H
#define TM_DETECT_CUBE_H

#include "scoring/attribution.h"
#include "storage/model/bytes.h"
#include "storage/query.h"

/* Zero-initialised, then detect_cube_open; detect_cube_fini releases it whatever came of that. */
struct detect_cube {
    struct score_cube cube; /* its figures are seen and expected */
    struct score_cube_work work;
    double *seen, *expected; /* of each cell; 0 at first: the caller's to fill */
    struct str names[SCORE_CUBE_LABELS];
    struct str *labels; /* encoded, of each cell; views into texts */
    struct bytes texts;
    uint32_t *at;
};

/* Reads the labels of `count` series; those in which they differ, SCORE_CUBE_LABELS at most, are the cube's.
 * False: they differ in none, or there is no memory. */
bool detect_cube_open(struct detect_cube *cube, struct reader *reader, const uint32_t *series, size_t count);

/* Appends the labels of a cause: as words ("page group product, no zone"), and as members of a JSON object.
 */
void detect_cube_put(const struct detect_cube *cube, const struct score_cause *cause, struct bytes *text,
                     struct bytes *json);

/* Appends a share as a word: "all", or "94 %". Whether it is all. */
bool detect_put_share(double share, struct bytes *text);

/* The labels of a cause, encoded and appended; those that it lacks are left out. */
void detect_cube_encode(const struct detect_cube *cube, const struct score_cause *cause, struct bytes *out);

/* Does a cell have the values of a cause? */
bool detect_cube_has(const struct detect_cube *cube, size_t cell, const struct score_cause *cause);

/* Frees what it owns. */
void detect_cube_fini(struct detect_cube *cube);

#endif
