/* Series by their labels, each with a row of doubles: what an operator has to keep. */
#ifndef TM_PROMQL_SERIES_TABLE_H
#define TM_PROMQL_SERIES_TABLE_H

#include "storage/model/bytes.h"

/* Zero-initialised but for width is empty. The holder owns it. */
struct series_table {
    size_t width; /* doubles a row; 0: labels alone */
    size_t count;
    struct bytes labels; /* of all rows, behind each other */
    size_t *ends;        /* of each row's labels */
    size_t ends_capacity;
    double *values;
    size_t values_capacity;
    uint32_t *slots; /* row + 1 by hash; 0: free */
    size_t slot_count;
    uint64_t held; /* samples that eval_row counted for its rows */
};

/* Frees rows and labels; it is empty then and keeps width. What eval_row counted is eval_table_fini's. */
void series_table_fini(struct series_table *table);

/* The row of encoded labels, which may be any bytes; a new one, of absent values, if there is none. TM_NOMEM;
 * TM_LIMIT past 2^31 rows. */
enum tm_err series_table_row(struct series_table *table, struct str labels, size_t *row,
                             bool *is_new) TM_MUST_CHECK;

/* A view, valid until the next row comes. */
struct str series_table_labels(const struct series_table *table, size_t row);

/* Valid until the next row comes. */
static inline double *series_table_values(const struct series_table *table, size_t row)
{
    return table->values + row * table->width;
}

#endif
