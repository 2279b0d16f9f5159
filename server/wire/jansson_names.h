/* jansson's header, minus the one name that reply.h gives to something else: json_string. Include this in
 * place of <jansson.h> wherever reply.h is in sight. */
#ifndef TM_WIRE_JANSSON_NAMES_H
#define TM_WIRE_JANSSON_NAMES_H

#define json_string jansson_string
#include <jansson.h>
#undef json_string

#endif
