/* The past of an anomaly: the numbers that were scored, up to its moment, held against that moment's course
 * by the second line (scoring/shape.h). Worker thread. */
#ifndef TM_QUERY_ANOMALY_PAST_H
#define TM_QUERY_ANOMALY_PAST_H

#include "scoring/shape.h"
#include "server/query/anomaly_series.h"
#include "storage/findings/findings.h"
#include "storage/query.h"

enum {
    ANOMALY_PAST_DAYS = 28,
    ANOMALY_PAST_VALUES = 40320,     /* four weeks of minutes */
    ANOMALY_PAST_DAYS_READ = 64 * 28 /* of all series together: with more of them it is fewer days */
};

/* The holder owns the memory. Zero-initialised is empty. */
struct anomaly_past {
    struct anomaly_series of;
    int64_t step_ms;  /* of scoring */
    int64_t from, to; /* steps since 1970; of them the values are */
    int64_t at;       /* read up to here */
    size_t series;    /* and at that place, up to this one */
    bool is_found;
    struct index_ids ids;
    enum anomaly_role *roles;
    struct detect_seen *seen;
    double *columns;      /* of one series, as detect_values_read has them */
    double *part, *whole; /* what is asked for; all that was added up */
};

/* How the moment compares with what was before it. */
struct anomaly_shape {
    struct score_shape shape;
    int64_t stretch_ms; /* what is compared ends with the anomaly and is so long */
    time_ms_t nearest;  /* the last step of the most similar stretch, its beginning */
    time_ms_t from;     /* the first value */
};

/* Of a finding. TM_NOT_FOUND: nothing can be said of it; TM_NOMEM. To be released whatever it returns. */
enum tm_err anomaly_past_begin(struct anomaly_past *past, const struct finding *finding) TM_MUST_CHECK;

/* Finds the series, or reads a day of some of them; *is_done with the last. TM_NOT_FOUND: there are none, or
 * too many for a past that is long enough. Errors as reader_find and reader_samples. */
enum tm_err anomaly_past_step(struct anomaly_past *past, struct reader *reader, bool *is_done,
                              struct tm_why *why) TM_MUST_CHECK;

/* Compares, once it is done; what was read is used up. *is_known false: too little is known. TM_NOMEM. */
enum tm_err anomaly_past_compare(struct anomaly_past *past, struct anomaly_shape *out,
                                 bool *is_known) TM_MUST_CHECK;

/* Frees it; it is empty then. */
void anomaly_past_fini(struct anomaly_past *past);

#endif
