/* Reading: what is stored, by whoever may: the daemon beside its own writing, or another process on the same
 * folder (it replays the journal into a private head and never writes). No type of the engine behind shows
 * here.
 *
 * Threads: any number of readers at the same time, each used by one thread at a time; it may move between
 * threads. Selectors and matchers hold scratch memory: they are used by one thread at a time as well.
 *
 * What was acknowledged before a call begins is in its result, whatever the writer does meanwhile. Every call
 * works in bounded steps; nothing is held between two of them, nor while a callback runs: no lock, and no
 * transaction.
 *
 * Numbers of series and views of their labels stay valid until the reader is closed. A series whose last data
 * went may leave meanwhile; if it comes back it has another number, which this one does not speak of. */
#ifndef TM_STORAGE_QUERY_H
#define TM_STORAGE_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/index/index.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/histogram.h"
#include "storage/model/event.h"
#include "storage/model/bytes.h"
#include "storage/model/labels.h"
#include "storage/model/rollup.h"
#include "storage/selector/selector.h"

struct store;
struct reader;
struct markers;
struct groups;

#define READER_ALWAYS ((struct span){INT64_MIN, INT64_MAX})

/* ---- opening ---- */

/* Opens a folder for reading, beside a running daemon or at rest. TM_NOT_FOUND, TM_IO, TM_CORRUPT, TM_NOMEM
 * with what to do in why. What was acknowledged when it was opened is there; samples that the daemon flushed
 * since may be. */
enum tm_err reader_open(const char *dir, struct reader **out, struct tm_why *why) TM_MUST_CHECK;
/* The same, which also gathers markers and groups of exceptions (storage/markers/markers.h,
 * storage/groups/groups.h) as they were when it was opened. */
enum tm_err reader_open_gathered(const char *dir, struct reader **out, struct tm_why *why) TM_MUST_CHECK;

/* The markers that it gathered: its own, for its thread. NULL for a reader that does not gather. */
const struct markers *reader_markers(const struct reader *reader);

/* The groups that it gathered; as reader_markers. */
struct groups *reader_groups(const struct reader *reader);
/* Reads a store of this process; any thread. It must be closed before the store is. NULL when out of memory.
 */
struct reader *reader_of_store(struct store *store);
/* Another reader of the same, with the same bounds, for another thread; what numbers of series mean is the
 * same in both. It must be closed before the first one is. NULL when out of memory. */
struct reader *reader_beside(const struct reader *reader);
/* NULL is allowed. */
void reader_close(struct reader *reader);

/* What one query may cost. */
struct reader_limits {
    uint64_t max_samples;    /* read from the store, twice written ones counted twice; 0: no bound */
    bool (*stop)(void *arg); /* asked at every step; true ends the query with TM_CLOSED. NULL: never */
    void *stop_arg;
};

/* Sets the bounds, from now on; without this call there are none. */
void reader_limit(struct reader *reader, const struct reader_limits *limits);

/* Does limits' stop ask to end? For whoever works on what was read. Any thread that may call stop. */
bool reader_is_stopped(const struct reader *reader);

/* Sets max_samples alone: a query that bounds what it holds at once may read without bound. */
void reader_limit_samples(struct reader *reader, uint64_t max_samples);

/* How many samples it has read in all. */
uint64_t reader_samples_read(const struct reader *reader);

/* ---- series ---- */

/* Is told one series, its labels valid during the call; false stops. It may use the reader. */
typedef bool reader_series_fn(void *arg, uint32_t series, struct str encoded_labels);

/* Calls each for every series, in order of first appearance. TM_NOMEM: some were not told. */
enum tm_err reader_series(struct reader *reader, reader_series_fn *each, void *arg) TM_MUST_CHECK;

/* How far somebody knows the series of a store. Zero-initialised: not at all. */
struct reader_roll {
    uint64_t moves; /* of their order, when he came to `at` */
    size_t at;
    bool is_whole; /* the last call told all of them: it was the first, or some had left */
};

/* Is told the number of a series; false stops. It may use the reader. */
typedef bool reader_number_fn(void *arg, uint32_t series);

/* Calls each for the series that came since roll came this far, in order of first appearance; for all of them
 * (roll->is_whole) if some have left since. False: each stopped, and roll stands where it stood. */
bool reader_series_new(struct reader *reader, struct reader_roll *roll, reader_number_fn *each, void *arg);

/* News of series come in turns, which are counted from 1 on: each store_news begins one. This is the turn
 * that is on. Whoever asks for it first, and then reads, has read all that reader_has_news is silent about.
 */
uint32_t reader_turn(const struct reader *reader);
/* Did samples or cells of a series that a call here has named become visible in this turn or later? Those of
 * the daemon's own batches don't count (store_batch_own), nor what was there when the store was opened. Of a
 * reader of another process: no. */
bool reader_has_news(const struct reader *reader, uint32_t series, uint32_t turn);

/* Keeps of series, ascending, those that have samples in span, or rollups of samples that are gone, or cells
 * that make samples there; some hundred at a time are looked for together. Errors as reader_find. */
enum tm_err reader_keep_in_span(struct reader *reader, struct span span, struct index_ids *ids,
                                struct tm_why *why) TM_MUST_CHECK;

/* Appends the labels of a series that a call here has named (labels_decode reads them); out->failed without
 * memory. */
void reader_labels(const struct reader *reader, uint32_t series, struct bytes *out);

/* The service that owns a series that a call here has named, as the store knows it; valid as long as its
 * labels. */
struct str reader_owner(const struct reader *reader, uint32_t series);

/* The series that a selector takes, by number. Errors as index_select; TM_CLOSED: stopped. */
enum tm_err reader_select(struct reader *reader, const struct selector *selector, struct index_ids *out,
                          struct tm_why *why) TM_MUST_CHECK;

/* Which series are meant. */
struct reader_filter {
    const struct selector *selectors; /* what one of them takes; borrowed */
    size_t selector_count;            /* 0: all series */
    struct span span;                 /* those that have samples in it; READER_ALWAYS: all */
};

/* The series that a filter means, by number. A chunk of samples that reaches into the span counts, as in
 * Prometheus. Errors as reader_select and reader_walk_next. */
enum tm_err reader_find(struct reader *reader, const struct reader_filter *filter, struct index_ids *out,
                        struct tm_why *why) TM_MUST_CHECK;

/* Puts numbers in the order of their labels. TM_NOMEM. */
enum tm_err reader_sort(const struct reader *reader, struct index_ids *ids) TM_MUST_CHECK;

/* ---- labels ---- */

/* What is listed, and how: of the series of a filter, cut at limit (0: none). */
struct reader_listing {
    struct reader_filter filter;
    enum index_order order;
    size_t limit;
};

/* The label names of those series, with how many of them bear each. The caller frees *out. Errors as
 * reader_find. */
enum tm_err reader_names(struct reader *reader, const struct reader_listing *how, struct index_list *out,
                         struct tm_why *why) TM_MUST_CHECK;

/* The same of the values of label name. */
enum tm_err reader_values(struct reader *reader, struct str name, const struct reader_listing *how,
                          struct index_list *out, struct tm_why *why) TM_MUST_CHECK;

/* The same of the services that own them. */
enum tm_err reader_services(struct reader *reader, const struct reader_listing *how, struct index_list *out,
                            struct tm_why *why) TM_MUST_CHECK;

/* ---- as Prometheus has them ---- */

enum { READER_BOUNDS_BYTES = (HISTOGRAM_BUCKETS + 7) / 8 };

/* Which upper bounds of a histogram are meant, a bit a bucket. */
struct reader_bounds {
    uint8_t bits[READER_BOUNDS_BYTES];
};

/* Is the bound of this bucket (below HISTOGRAM_BUCKETS) among them? */
bool reader_bounds_has(const struct reader_bounds *bounds, uint32_t bucket);

/* A series as PromQL knows it. A stored histogram is three: NAME_sum, NAME_count, and NAME_bucket, which is
 * one series for each bound, by the label le; its own name is none. */
struct reader_view {
    uint32_t series;
    enum histogram_view view; /* HISTOGRAM_NONE: the series itself */
    uint32_t bounds;          /* of HISTOGRAM_BUCKET: its place in reader_views.bounds */
};

/* The holder owns the memory. Zero-initialised is empty. */
struct reader_views {
    struct reader_view *at;
    size_t count;
    size_t capacity;
    struct reader_bounds *bounds;
    size_t bounds_count;
    size_t bounds_capacity;
};

/* Frees views and bounds; it is empty then. */
void reader_views_fini(struct reader_views *views);

/* The series that a filter means, in the order of their labels without le. Conditions on __name__ and le are
 * those on the names and bounds that PromQL sees. Errors as reader_find. */
enum tm_err reader_views_find(struct reader *reader, const struct reader_filter *filter,
                              struct reader_views *out, struct tm_why *why) TM_MUST_CHECK;

/* The same of one selector, each once but in no order by labels; of series that are no histograms also those
 * without samples in span, which is quicker. For who reads them all anyway. */
enum tm_err reader_views_select(struct reader *reader, const struct selector *selector, struct span span,
                                struct reader_views *out, struct tm_why *why) TM_MUST_CHECK;

/* Appends the labels of one of them, encoded; bucket: of HISTOGRAM_BUCKET, which le is meant. Without memory
 * out fails. */
void reader_view_labels(const struct reader *reader, const struct reader_view *view, uint32_t bucket,
                        struct bytes *out);

/* The label names of the series of a filter as PromQL knows them, by text; the items bear texts only. The
 * caller frees *out. Errors as reader_find. */
enum tm_err reader_view_names(struct reader *reader, const struct reader_filter *filter,
                              struct index_list *out, struct tm_why *why) TM_MUST_CHECK;

/* The same of the values of label name. */
enum tm_err reader_view_values(struct reader *reader, struct str name, const struct reader_filter *filter,
                               struct index_list *out, struct tm_why *why) TM_MUST_CHECK;

/* What makes the index large: the pairs `name=value` that most series bear, at most limit of them. The caller
 * frees *out. TM_CLOSED (stopped), TM_LIMIT as reader_walk_next, TM_NOMEM. */
enum tm_err reader_pairs(struct reader *reader, size_t limit, struct index_list *out,
                         struct tm_why *why) TM_MUST_CHECK;

/* The label names whose values have the most bytes (in the items' `bytes`); as reader_pairs. */
enum tm_err reader_value_bytes(struct reader *reader, size_t limit, struct index_list *out,
                               struct tm_why *why) TM_MUST_CHECK;

/* Figures of what is in memory, for Prometheus' headStats. */
struct reader_head {
    uint64_t series; /* all, not only those with samples in memory */
    uint64_t label_pairs;
    uint64_t samples;    /* not flushed yet */
    uint64_t blocks;     /* of encoded samples among them */
    time_ms_t oldest_ms; /* the first day of which samples are in memory; INT64_MAX: there are none */
    time_ms_t newest_ms; /* newest time of all; INT64_MIN: there is none */
};

/* As of one moment. Errors as reader_pairs. */
enum tm_err reader_head(struct reader *reader, struct reader_head *out, struct tm_why *why) TM_MUST_CHECK;

/* ---- samples ---- */

/* A position among the samples of one series; plain data, nothing stays open between two steps. */
struct reader_walk {
    uint32_t series;
    struct span span; /* what is still to come */
};

/* Before the first sample (or cell, or row) of series in span. Reads nothing yet. */
void reader_walk_init(struct reader_walk *walk, uint32_t series, struct span span);

/* The next samples, by time, each time once: those of one UTC day at most, so that a step is bounded. A
 * series of counts (cell 0 alone) gives, for each UTC day in which it has cells, a cumulative counter: 0 at
 * midnight, then a sample at the end of each 10 s (that of the day's last 10 s a millisecond before
 * midnight), the last one at the newest time of all that is stored (at least 1 ms behind the start of its 10
 * s), with the sum of the cells from midnight on. A series with other cells, a histogram, gives no samples
 * for them. Arrays as reader_samples. TM_NOT_FOUND at the end; TM_CORRUPT (a day is damaged; restore it),
 * TM_BUSY, TM_IO, TM_NOMEM: the position stays. TM_LIMIT: max_samples is passed. TM_CLOSED: stopped. */
enum tm_err reader_walk_next(struct reader *reader, struct reader_walk *walk, const time_ms_t **times,
                             const double **values, size_t *count, struct tm_why *why) TM_MUST_CHECK;

/* The samples of one series in span, by time, each time once (the last value that was written). Returned
 * arrays are owned by the reader and valid until its next call. Errors as reader_walk_next. */
enum tm_err reader_samples(struct reader *reader, uint32_t series, struct span span, const time_ms_t **times,
                           const double **values, size_t *count) TM_MUST_CHECK;

/* The samples of one of several series. */
struct reader_row {
    const time_ms_t *times;
    const double *values;
    size_t count;
};

enum { READER_ROWS_MAX = 64 };

/* reader_samples of several series (one at least; soonest by ascending number), in one step for many of them
 * where it can: rows has those of the first *given, which are one at least and READER_ROWS_MAX at most. Ask
 * again for those behind. Errors as reader_samples; it is then the first series that has it. */
enum tm_err reader_rows(struct reader *reader, const uint32_t *series, size_t count, struct span span,
                        struct reader_row *rows, size_t *given) TM_MUST_CHECK;

/* reader_samples of a view of a stored histogram: a counter by reader_walk_next's rules for its sum in
 * seconds, its count, or, of HISTOGRAM_BUCKET, what is at or below the bound of bucket; also where that is 0.
 * The cells of the last day are not read again while views of one series follow each other. Not of
 * HISTOGRAM_NONE. */
enum tm_err reader_view_samples(struct reader *reader, const struct reader_view *view, uint32_t bucket,
                                struct span span, const time_ms_t **times, const double **values,
                                size_t *count, struct tm_why *why) TM_MUST_CHECK;

/* ---- counts ---- */

/* The sum of one cell in 10 s of event time (storage/model/cell.h), as a walk over cells gives it. */
struct reader_cell {
    time_ms_t time; /* start of the 10 s */
    uint32_t cell;
    int64_t value; /* not 0 */
};

/* The next cells of a series, of 10 s that begin in what is left of the walk's span, by time and then by
 * cell: those of one UTC day at most. Exact: each batch that was acknowledged before the call is in it, once.
 * *cells is the reader's and valid until its next call. Errors as reader_walk_next. */
enum tm_err reader_cells_next(struct reader *reader, struct reader_walk *walk,
                              const struct reader_cell **cells, size_t *count,
                              struct tm_why *why) TM_MUST_CHECK;

/* ---- gaps ---- */

/* What is read. The first three are tiers of samples, which reader_gaps takes too; the others are for it
 * alone. */
enum reader_tier {
    READER_RAW, /* samples, and the counters that are made of counts */
    READER_5M,
    READER_1H,
    READER_COUNTS,
    READER_EVENTS, /* raw HTTP events */
    READER_SERIES  /* which series there are: all that bears their numbers */
};

enum { READER_GAPS_LISTED = 16, READER_GAP_TEXT_BYTES = 256 };

/* A stretch of time of which data may be missing, since its partition was found damaged and set aside. */
struct reader_gap {
    struct span span;
    char text[READER_GAP_TEXT_BYTES]; /* a sentence for a person */
};
struct reader_gaps {
    size_t count;  /* all */
    size_t listed; /* of them here */
    struct reader_gap at[READER_GAPS_LISTED];
};

/* The gaps that touch span of what is read, as the folder has them now; of a tier of rollups those of the
 * samples behind it too. A partition that was put back, or whose folder `.quarantine` was removed, is none.
 * Errors as reader_open. Some opened folders: once a query, not in a step. */
enum tm_err reader_gaps(struct reader *reader, enum reader_tier what, struct span span,
                        struct reader_gaps *out, struct tm_why *why) TM_MUST_CHECK;

/* ---- rollups ---- */

/* Before *out, the end of a day, raw samples are no longer kept, since they were too old: rollups stand for
 * them. INT64_MIN: none was dropped yet. TM_CORRUPT, TM_IO, TM_NOMEM. */
enum tm_err reader_raw_from(struct reader *reader, time_ms_t *out, struct tm_why *why) TM_MUST_CHECK;

/* The length of a tier's buckets; 0 for READER_RAW. */
int64_t reader_bucket_ms(enum reader_tier tier);

/* The next rows of a series whose start lies in what is left of the walk's span, by start, none with count 0:
 * those of one UTC day at most. They say what the samples that are there at present say, whatever the order
 * in which these came; of days whose samples were dropped, what these said then. tier is READER_5M or
 * READER_1H. *rows is the reader's and valid until its next call. Errors as reader_walk_next. */
enum tm_err reader_rollup_next(struct reader *reader, struct reader_walk *walk, enum reader_tier tier,
                               const struct rollup **rows, size_t *count, struct tm_why *why) TM_MUST_CHECK;

/* ---- events ---- */

/* Is told one event; line is valid during the call. False ends it all, without error. */
typedef bool reader_event_fn(void *arg, enum event_kind kind, time_ms_t time, struct str line);

/* Calls each for every event of kind in span that was there when the call began, once, in the order in which
 * they were written. Errors as reader_walk_next: some may have been told by then. */
enum tm_err reader_events(struct reader *reader, enum event_kind kind, struct span span,
                          reader_event_fn *each, void *arg, struct tm_why *why) TM_MUST_CHECK;

#endif
