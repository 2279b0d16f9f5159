/* Reading: what is stored, by whoever may: the daemon on its own thread, or another process on the same
 * folder (it replays the journal into a private head and never writes). No type of the engine behind shows
 * here. */
#ifndef TM_STORAGE_QUERY_H
#define TM_STORAGE_QUERY_H

#include "storage/index/index.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/event.h"
#include "storage/model/labels.h"
#include "storage/selector/selector.h"

struct store;
struct reader;

/* Opens a folder for reading, beside a running daemon or at rest. TM_NOT_FOUND, TM_IO, TM_CORRUPT, TM_NOMEM
 * with what to do in why. What was acknowledged when it was
 * opened is there; samples that the daemon flushed since may be. */
enum tm_err reader_open(const char *dir, struct reader **out, struct tm_why *why) TM_MUST_CHECK;
/* Reads a store of this process, on its owner's thread; valid until store_close. NULL when out of memory. */
struct reader *reader_of_store(struct store *store);
void reader_close(struct reader *reader);

/* Calls each for every series, in order of first appearance. Views are valid during the call. each returns
 * false to stop. */
typedef bool reader_series_fn(void *arg, uint32_t series, struct str encoded_labels);
void reader_series(struct reader *reader, reader_series_fn *each, void *arg);

/* The series that a selector takes, sorted. Errors as index_select. */
enum tm_err reader_select(struct reader *reader, const struct selector *selector, struct index_ids *out,
                          struct tm_why *why) TM_MUST_CHECK;

/* A position among the samples of one series; plain data, nothing stays open between two steps. */
struct reader_walk {
    uint32_t series;
    struct span span; /* what is still to come */
};
void reader_walk_init(struct reader_walk *walk, uint32_t series, struct span span);

/* The next samples, by time, each time once: those of one UTC day at most, so that a step is bounded. Arrays
 * as reader_samples. TM_NOT_FOUND at the end; TM_CORRUPT (a day is damaged; restore it), TM_BUSY, TM_IO,
 * TM_NOMEM: the position stays. */
enum tm_err reader_walk_next(struct reader *reader, struct reader_walk *walk, const time_ms_t **times,
                             const double **values, size_t *count, struct tm_why *why) TM_MUST_CHECK;

/* The samples of one series in span, by time, each time once (the last value that was written). Returned
 * arrays are owned by the reader and valid until its next call. Errors as reader_walk_next. */
enum tm_err reader_samples(struct reader *reader, uint32_t series, struct span span, const time_ms_t **times,
                           const double **values, size_t *count) TM_MUST_CHECK;

/* Calls each for every event of kind in span, in the order in which they were written. */
typedef bool reader_event_fn(void *arg, enum event_kind kind, time_ms_t time, struct str line);
void reader_events(struct reader *reader, enum event_kind kind, struct span span, reader_event_fn *each,
                   void *arg);

#endif
