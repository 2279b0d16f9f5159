/* What the parts of the reader share. Private to reader*.c. */
#ifndef TM_STORAGE_READER_PRIVATE_H
#define TM_STORAGE_READER_PRIVATE_H

#include "storage/contents.h"
#include "storage/query.h"
#include "storage/rollup/rollup_files.h"

/* What reader_rows read together. */
struct reader_together {
    struct columns samples; /* of one series after the other */
    struct columns heads;
    size_t head_ends[READER_ROWS_MAX];
    size_t wanted; /* how many series at once, as it went so far; 0: not known yet */
    size_t alone;  /* so many are read one by one before it is tried again */
    size_t pause;  /* what alone was set to last */
};

struct reader {
    struct contents *contents; /* of the store, or `own` */
    struct contents own;
    unsigned turn; /* of the store's contents in which it was opened */
    bool gathers;  /* markers and groups, of a folder */
    bool is_guest; /* contents are those of another reader that opened a folder */
    struct reader_limits limits;
    uint64_t samples_read;
    struct columns heads; /* what the heads have of the day that is read */
    struct columns day;
    struct columns all; /* of what rollups are made of */
    struct reader_together together;
    size_t front; /* of day: samples of earlier days, that stay in front of what is read */
    struct bytes lines;
    struct cells head_cells;
    struct cells cells;
    struct reader_cell *given_cells;
    size_t given_capacity;
    struct columns counter;
    uint32_t kept_series; /* whose cells of kept_day are in cells, for its next view; 0: none */
    int64_t kept_day;
    time_ms_t kept_newest_ms;
    struct rollup_reading rollups;
    struct rollup_rows stored; /* of the day that is read */
    struct rollup_rows made;
    struct rollup_rows scratch;
};

/* Before the replay: markers and groups, if it gathers them. Errors as contents_gather. */
enum tm_err reader_gather(struct reader *reader, struct tm_why *why) TM_MUST_CHECK;

/* Whether partitions can have the series at all: a reader in another process gives numbers of its own to what
 * is not in the catalog. */
bool reader_is_stored(const struct contents *contents, uint32_t series);

/* The same, and it was there when a flush began: else partitions have none of its samples or cells. To be
 * asked behind the heads. */
bool reader_is_flushed(const struct contents *contents, uint32_t series);

/* The first time in span at which the heads may have a sample of the series; span.to: none. */
time_ms_t reader_find_in_heads(struct contents *contents, uint32_t series, struct span span);

enum reader_list_what { READER_LIST_NAMES, READER_LIST_VALUES, READER_LIST_SERVICES };
/* reader_names, reader_values (of the label `name`), reader_services of these series; NULL: of all. */
enum tm_err reader_list(struct reader *reader, enum reader_list_what what, struct str name,
                        const struct index_listing *how, struct index_list *out,
                        struct tm_why *why) TM_MUST_CHECK;

/* Puts the samples of columns from `front` on in order; those in front are. TM_NOMEM. */
enum tm_err reader_settle(struct columns *columns, size_t front) TM_MUST_CHECK;

/* Narrows span to its first day that may have samples of the series. False: there is none. */
bool reader_find_day(struct contents *contents, uint32_t series, struct span *span);

/* Gathers the samples of the series in span, which lies in one day, in reader->day, settled; some may lie
 * outside. Errors as reader_walk_next. */
enum tm_err reader_collect_day(struct reader *reader, uint32_t series, struct span span,
                               struct tm_why *why) TM_MUST_CHECK;
/* The same of what is not in files yet. */
enum tm_err reader_collect_unflushed(struct reader *reader, uint32_t series, struct span span,
                                     struct tm_why *why) TM_MUST_CHECK;

/* Narrows [*from, *to) slots of 10 s to the first day that may have cells of the series. False: there is
 * none. */
bool reader_find_cells_day(struct contents *contents, uint32_t series, int64_t *from, int64_t *to);

/* Gathers the samples of a counter in span, which lies in one day, in reader->counter; none if the series has
 * no cells there, or cells besides the sum. Errors as reader_walk_next. */
enum tm_err reader_collect_counter(struct reader *reader, uint32_t series, struct span span,
                                   struct tm_why *why) TM_MUST_CHECK;

/* Before reader->rollups is used: the catalog comes into being with the first flush. */
void reader_take_files(struct reader *reader);

/* TM_CLOSED if the query is to end. */
enum tm_err reader_check(const struct reader *reader, struct tm_why *why) TM_MUST_CHECK;

#endif
