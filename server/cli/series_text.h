/* Series and values as text for people and programs. */
#ifndef TM_CLI_SERIES_TEXT_H
#define TM_CLI_SERIES_TEXT_H

#include "storage/model/bytes.h"
#include "storage/model/labels.h"

enum { VALUE_TEXT_BYTES = 40 };

/* Appends name{label="value",...}. Control bytes are written as \xHH, so that nothing a sender put into a
 * label reaches a terminal. */
void series_text(const struct labels *labels, struct bytes *out);

/* Appends text of a label, its control bytes as \xHH. */
void series_text_plain(struct str text, struct bytes *out);

/* Appends {"label":"value",...}. */
void series_json(const struct labels *labels, struct bytes *out);

/* The shortest decimal that is read back as the same number; "+Inf", "-Inf", "NaN". Writes and returns text.
 */
const char *value_text(double value, char text[VALUE_TEXT_BYTES]);

#endif
