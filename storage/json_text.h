/* Texts in JSON documents that this layer writes. */
#ifndef TM_STORAGE_JSON_TEXT_H
#define TM_STORAGE_JSON_TEXT_H

#include "storage/model/bytes.h"
#include "storage/model/str.h"

/* Appends a JSON string. Control characters are escaped; bytes that are no ASCII stand as they are, so the
 * text must be UTF-8. */
void json_text(struct bytes *out, struct str text);

#endif
