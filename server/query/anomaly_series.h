/* Which stored series an anomaly speaks of, by its body (server/detect writes it). Any one thread. */
#ifndef TM_QUERY_ANOMALY_SERIES_H
#define TM_QUERY_ANOMALY_SERIES_H

#include <stdbool.h>

#include "server/detect/detect_values.h"
#include "storage/model/bytes.h"
#include "storage/selector/selector.h"

/* What is made of them. */
enum anomaly_form {
    ANOMALY_OWN, /* one series as it is */
    ANOMALY_SUM, /* counts of events, or of exceptions, added up */
    ANOMALY_RATIO
};

/* What a series is of that. */
enum anomaly_role { ANOMALY_NOTHING, ANOMALY_PART, ANOMALY_REST };

/* The holder owns the memory. Zero-initialised is empty. */
struct anomaly_series {
    enum anomaly_form form;
    enum detect_kind kind;
    bool is_p95;        /* of a histogram: the second column of its values */
    char class;         /* the digit that statuses of the part begin with; 0: there is no part */
    double interval_ms; /* usual distance of samples; 0: not known */
    struct selector selector;
    struct bytes labels; /* of ANOMALY_OWN: encoded, without the quantile of a histogram */
};

/* Reads the body of a finding. TM_NOT_FOUND: it names no series that could be read, or is none of ours, or
 * there was no memory to parse it, which the parser does not tell apart; TM_NOMEM. To be released whatever it
 * returns. */
enum tm_err anomaly_series_read(struct str body, struct anomaly_series *out) TM_MUST_CHECK;

/* Frees it; it is empty then. */
void anomaly_series_fini(struct anomaly_series *series);

/* What a series that the selector took is; its labels are encoded. */
enum anomaly_role anomaly_series_role(const struct anomaly_series *series, struct str labels);

#endif
