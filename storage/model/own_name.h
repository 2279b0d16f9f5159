/* Names of the series that the daemon makes itself. */
#ifndef TM_OWN_NAME_H
#define TM_OWN_NAME_H

#include <stdbool.h>

#include "storage/model/str.h"

/* Is it one that only the daemon makes, so that no line may bear it? */
bool own_name_is_reserved(struct str name);

/* Is it one under which events, exceptions or tallies are counted exactly, in integers? */
bool own_name_is_counted(struct str name);

#endif
