/* "Did you mean": the setting that a mistyped name was most likely meant to be. */
#ifndef TM_CONFIG_SUGGEST_H
#define TM_CONFIG_SUGGEST_H

#include "server/config/config_table.h"

/* The known name nearest to key among those directly under prefix ("" or "storage."), else the full path of a
 * setting or group of that very name elsewhere in the table. A view of static text; empty: nothing is near.
 */
struct str suggest_name(struct setting_table table, struct str prefix, struct str key);

#endif
