/* What a report's JSON says, as the model has it: for last week's actions, and for messages. Views into the
 * document. One thread. */
#ifndef TM_REPORTS_READ_BACK_H
#define TM_REPORTS_READ_BACK_H

#include "reports/model.h"

struct json_t;

enum { READ_BACK_WEEKS_MAX = 520 }; /* that an action may have been open */

/* The actions, in their order; those that it does not know are left out, numbers put within bounds. Returns
 * how many. */
size_t read_back_actions(const struct json_t *report, struct report_action out[REPORT_ACTIONS_MAX]);
/* The strip; NAN where a figure is missing. */
void read_back_strip(const struct json_t *report, struct report_figure out[KEY_COUNT]);

#endif
