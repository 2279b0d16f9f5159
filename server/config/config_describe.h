/* What a setting may hold, in words. */
#ifndef TM_CONFIG_DESCRIBE_H
#define TM_CONFIG_DESCRIBE_H

#include "server/config/config_table.h"

/* Writes type, unit and bounds, like "duration, 10ms to 1m", cut to size bytes. */
void setting_describe(const struct setting *setting, char *out, size_t size);

/* The same with the default and when a change is taken over: "duration, 10ms to 1m; default 1s; reload". */
void setting_facts(const struct setting *setting, char *out, size_t size);

#endif
