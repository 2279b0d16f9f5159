/* Collecting faults: in the order of the file, bounded, each one sentence. */
#ifndef TM_CONFIG_FAULT_H
#define TM_CONFIG_FAULT_H

#include "server/config/config.h"

/* Where in the file, both from 1; line 0: nowhere in it. */
struct place {
    int line;
    int column;
};

/* Some text of the user's, fit for a message. */
struct shown {
    char text[68];
};

/* Adds a fault at its place in order of line and column; over CONFIG_FAULTS_MAX it is only counted. */
void fault_add(struct config_faults *faults, struct place place, const char *format, ...) TM_PRINTF(3, 4);

/* Is there still room? A caller may save itself the making of a costly text. */
bool fault_has_room(const struct config_faults *faults);

/* How many there are, with those left out. */
size_t fault_total(const struct config_faults *faults);

/* The text with control characters as '?', and cut at a whole character to about 60 bytes. */
struct shown fault_shown(struct str text);

#endif
