/* Where a command reads samples from: a running daemon, or a data folder. Samples are streamed; nothing is
 * held but what is on its way. */
#ifndef TM_CLI_SOURCE_H
#define TM_CLI_SOURCE_H

#include "server/cli/options.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/model/labels.h"
#include "storage/query.h"

/* Takes what is read. A series with samples is announced once, then its samples come by time, in as many
 * calls as it takes. Views are valid during the call. An error ends the reading and is passed on. */
struct source_sink {
    void *arg;
    enum tm_err (*series)(void *arg, const struct labels *labels, struct tm_why *why);
    enum tm_err (*samples)(void *arg, const time_ms_t *times, const double *values, size_t count,
                           struct tm_why *why);
    void (*warning)(void *arg, struct str text); /* besides stderr, what is missing; NULL: nowhere else */
};

/* Tells a warning on stderr and to the sink (NULL: to stderr alone). */
void source_warn(const struct source_sink *sink, struct str text);

/* Warns of each gap in span of what is read of a folder. Errors as reader_gaps. */
enum tm_err source_warn_gaps(struct reader *reader, enum reader_tier what, struct span span,
                             const struct source_sink *sink, struct tm_why *why) TM_MUST_CHECK;

/* What a bucket of 5 minutes or an hour is shown by. */
enum source_field {
    SOURCE_AVG,
    SOURCE_MIN,
    SOURCE_MAX,
    SOURCE_LAST,
    SOURCE_SUM,
    SOURCE_COUNT,
    SOURCE_INCREASE,
    SOURCE_FIELDS
};

/* "avg", "min", ...; static. */
const char *source_field_name(enum source_field field);

struct source_request {
    const char *selector;
    struct span span;
    const char *tier;        /* "raw", "5m", "1h" */
    enum source_field field; /* of the other tiers than raw */
};

/* Are the operands selectors? TM_INVALID: why quotes the first that is none and says where it is wrong. */
enum tm_err source_check_selectors(const struct args *args, struct tm_why *why) TM_MUST_CHECK;

/* Reads by --data-dir if that was given, else from --server. TM_INVALID: the selector is wrong, or something
 * else that only the user can change; TM_IO, TM_CORRUPT, TM_NOT_FOUND, TM_NOMEM, and what the sink returns.
 * why is one sentence. */
enum tm_err source_read(const struct args *args, const struct source_request *request,
                        const struct source_sink *sink, struct tm_why *why) TM_MUST_CHECK;

/* The options that go with it, for a command's table. */
#define SOURCE_OPTION_DATA_DIR                                                                               \
    {                                                                                                        \
        .name = "data-dir", .argument = "DIR",                                                               \
        .text = "read this data folder instead of asking tidemarkd, which may run or not"                    \
    }

#endif
