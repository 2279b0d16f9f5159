/* A label set as Prometheus writes it in messages. */
#ifndef TM_PROMQL_PRINT_LABELS_H
#define TM_PROMQL_PRINT_LABELS_H

#include "storage/model/bytes.h"

/* Appends {name="value", other="..."} of encoded labels, the name as __name__. Any thread. */
void print_labels(struct str labels, struct bytes *out);

#endif
