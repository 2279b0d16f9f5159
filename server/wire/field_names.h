/* The names met so far in one line, to refuse a second one of the same name. Private to server/wire.
 *
 * Most lines have one to eight fields: those are compared one by one. From the ninth on a hash table on the
 * caller's stack takes over, so that a wide line does not cost the square of its width. */
#ifndef TM_WIRE_FIELD_NAMES_H
#define TM_WIRE_FIELD_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "server/wire/line.h"

enum { FIELD_NAMES_FEW = 8, FIELD_NAMES_SLOTS = 2 * LINE_FIELDS_MAX };

/* Needs no initialisation: the slots are written when the ninth field comes. */
struct field_names {
    uint16_t slot[FIELD_NAMES_SLOTS]; /* index of a field + 1; 0: free */
};

/* field_names_add for a line that has grown past FIELD_NAMES_FEW. */
bool field_names_add_many(struct field_names *names, const struct line_field *field, size_t index);

/* Takes field[index]'s name, which is not empty, in; those before it were taken before. False if one of them
 * has the same name. Raw names may be compared: of every name there is only one escaped form. */
static inline bool field_names_add(struct field_names *names, const struct line_field *field, size_t index)
{
    if (index >= FIELD_NAMES_FEW)
        return field_names_add_many(names, field, index);
    struct str name = field[index].name;
    char last = name.ptr[name.len - 1];
    for (size_t i = 0; i < index; i++) {
        struct str other = field[i].name;
        if (other.len == name.len && other.ptr[name.len - 1] == last && str_equal(other, name))
            return false;
    }
    return true;
}

#endif
