/* Parts of line protocol as they must be written. */
#ifndef TM_CLI_LINE_TEXT_H
#define TM_CLI_LINE_TEXT_H

#include "storage/model/bytes.h"
#include "storage/model/str.h"

/* Appends word as a field's value, digits as they stand where line protocol allows it. NULL, or what is wrong
 * with word as the end of a sentence; nothing is appended then. */
const char *line_put_number(struct str word, struct bytes *out);

/* Appends value as a tag's value. What line protocol can't carry is replaced: a line break by a space, a
 * backslash before something that it would escape by a slash. */
void line_put_tag_value(struct str value, struct bytes *out);

#endif
