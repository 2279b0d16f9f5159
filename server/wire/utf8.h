/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing past U+10FFFF. For those who read or
 * write the wire.
 */
#ifndef TM_WIRE_UTF8_H
#define TM_WIRE_UTF8_H

#include <stddef.h>

#include "storage/model/str.h"

/* The length (1..4) of the sequence that begins text, 0 if it is malformed or cut off, or text is empty. */
size_t utf8_sequence_len(struct str text);

/* How many bytes from the start are valid UTF-8 without a NUL; text.len if all are. */
size_t utf8_valid_len(struct str text);

#endif
