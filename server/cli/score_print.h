/* What `tidemark score` prints: CSV or JSON, a row or item per sample. */
#ifndef TM_CLI_SCORE_PRINT_H
#define TM_CLI_SCORE_PRINT_H

#include <stdio.h>

#include "scoring/first.h"
#include "server/cli/score_history.h"
#include "storage/model/str.h"

struct score_sample {
    time_ms_t time;
    double value;
    struct str time_text; /* as the file has them */
    struct str value_text;
    struct score_first_result result;
    const struct precedent *precedent; /* of an alert, where it is to be told; else NULL */
};

struct score_print {
    FILE *out;
    const char *file;
    bool is_json;
    bool is_explained;
    bool has_items;
};

enum { SCORE_SENTENCE_BYTES = 700 };

/* The CSV header or the document's beginning. out must outlive the printer. */
void score_print_begin(struct score_print *print, FILE *out, bool is_json, bool is_explained);
/* What comes is of this file; the name must live until the next one or the end. */
void score_print_file(struct score_print *print, const char *file);
/* One row or item. */
void score_print_sample(struct score_print *print, const struct score_sample *sample);
/* The document's end. */
void score_print_end(struct score_print *print);

/* One sentence for a person: what was seen, what was expected by the time of day, how rare, of what kind,
 * since when; with a precedent when it was most like this before. Cut to SCORE_SENTENCE_BYTES with its NUL.
 */
void score_sentence(const struct score_sample *sample, char out[SCORE_SENTENCE_BYTES]);

#endif
