/* Labels as JSON. Any thread. */
#ifndef TM_QUERY_LABEL_JSON_H
#define TM_QUERY_LABEL_JSON_H

#include "storage/model/bytes.h"
#include "storage/query.h"

/* Appends the labels of a series as {"name":"value",...}, sorted by name. scratch is overwritten; the holder
 * owns it. Without memory out fails. */
void label_json(const struct reader *reader, uint32_t series, struct bytes *scratch, struct bytes *out);

/* The same of labels that are encoded. */
void encoded_label_json(const struct bytes *encoded, struct bytes *out);

#endif
