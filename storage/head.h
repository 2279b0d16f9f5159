/* What is visible: per series an array of samples, and all events in the order in which they were written. In
 * memory, rebuilt by replay. Owner's thread. */
#ifndef TM_STORAGE_HEAD_H
#define TM_STORAGE_HEAD_H

#include <stddef.h>
#include <stdint.h>

#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/str.h"
#include "storage/query.h"

struct point {
    time_ms_t time;
    double value;
};

struct head_series;
struct event_block;

/* Zero-initialised is empty. */
struct head {
    struct head_series *series; /* by number */
    size_t series_capacity;
    struct event_block *first_events;
    struct event_block *last_events;
};
void head_fini(struct head *head);

/* Hints that a sample of this series comes soon: first the series' own entry (far ahead), then where its next
 * sample goes (near). Samples of a batch lie all over memory, and waiting for it costs more than all else in
 * here. */
void head_expect_series(const struct head *head, uint32_t series);
void head_expect_sample(const struct head *head, uint32_t series);

/* Adds a sample, in any order of time; the last one written for a time wins. TM_NOMEM. */
enum tm_err head_sample(struct head *head, uint32_t series, time_ms_t time, double value) TM_MUST_CHECK;

/* The samples of a series by time, each time once; sorted here if need be. The view is valid until the next
 * sample. TM_NOMEM. */
enum tm_err head_points(struct head *head, uint32_t series, const struct point **points,
                        size_t *count) TM_MUST_CHECK;

/* Copies an event in. TM_NOMEM. */
enum tm_err head_event(struct head *head, uint8_t kind, time_ms_t time, struct str line) TM_MUST_CHECK;
/* See reader_events. */
void head_events(const struct head *head, enum event_kind kind, struct span span, reader_event_fn *each,
                 void *arg);

#endif
