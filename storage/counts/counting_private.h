/* A counting under way. Private to counting*.c. */
#ifndef TM_STORAGE_COUNTING_PRIVATE_H
#define TM_STORAGE_COUNTING_PRIVATE_H

#include "storage/counts/counting.h"
#include "storage/counts/counting_sums.h"
#include "storage/model/histogram.h"
#include "storage/model/labels.h"

struct counting {
    /* What is asked for; views into texts. */
    struct bytes texts;
    struct selector selectors[COUNTING_MATCHES_MAX];
    size_t selector_count;
    struct str by[COUNTING_BY_MAX]; /* sorted, each once */
    size_t by_count;
    struct str service_from[COUNTING_SERVICE_FROM_MAX];
    size_t service_from_count;
    struct str service;
    bool is_one_service;
    enum histogram_view view; /* of histograms; HISTOGRAM_NONE: none was named */
    struct span span;
    int64_t step_ms;
    /* Reading. */
    struct index_ids ids;
    bool is_begun;
    bool is_walking;
    size_t at; /* in ids */
    struct reader_walk walk;
    enum histogram_view series_view; /* of the series at hand; HISTOGRAM_NONE: it is no histogram */
    bool has_group;
    uint32_t group;
    struct bytes labels; /* scratch: of the series */
    struct bytes key;    /* the group of the series, encoded */
    struct counting_sums sums;
    struct counting_groups groups;
    time_ms_t first_ms; /* of what was counted; INT64_MAX: nothing */
    /* Giving. */
    bool is_settled;
    uint32_t *order; /* the groups' numbers, by their labels; sums bear places in it then */
    size_t given;    /* of the sums */
    int64_t first_step;
    size_t points;
    struct counting_sum *running; /* one a point */
    bool is_open;                 /* a group of a histogram, whose +Inf is due */
};

/* The step that a time lies in. */
int64_t counting_step_of(const struct counting *counting, time_ms_t time);

/* Puts groups in order and sizes the points; once all is read. TM_LIMIT, TM_NOMEM. */
enum tm_err counting_settle(struct counting *counting, struct tm_why *why) TM_MUST_CHECK;

#endif
