#include "server/cli/query_vector.h"

#include <inttypes.h>
#include <stdlib.h>

#include "server/cli/series_text.h"
#include "server/cli/units.h"
#include "server/wire/reply.h"
#include "storage/model/when.h"

enum { VALUE_WIDTH = 22, TO_SECONDS = 19 };

struct query_vector {
    enum query_format format;
    time_ms_t at;
    bool colour;
    struct bytes name;     /* of the open series, as the format shows it */
    struct bytes warnings; /* JSON strings with commas between */
    size_t count;
};

struct query_vector *query_vector_new(enum query_format format, time_ms_t at, bool colour)
{
    struct query_vector *print = calloc(1, sizeof *print);
    if (!print)
        return NULL;
    *print = (struct query_vector){.format = format, .at = at, .colour = colour};
    if (format == QUERY_JSON)
        fputs("{\"resultType\":\"vector\",\"result\":[", stdout);
    if (format == QUERY_CSV)
        fputs("series,time,value\n", stdout);
    return print;
}

void query_vector_free(struct query_vector *print)
{
    if (!print)
        return;
    bytes_fini(&print->name);
    bytes_fini(&print->warnings);
    free(print);
}

static enum tm_err take_series(void *arg, const struct labels *labels, struct tm_why *why)
{
    struct query_vector *print = arg;
    bytes_clear(&print->name);
    if (print->format == QUERY_JSON)
        series_json(labels, &print->name);
    else
        series_text(labels, &print->name);
    if (print->format == QUERY_CSV)
        query_print_quote(&print->name);
    return bytes_error(&print->name) ? tm_fail(why, TM_NOMEM, "out of memory") : TM_OK;
}

static enum tm_err take_sample(void *arg, const time_ms_t *times, const double *values, size_t count,
                               struct tm_why *why)
{
    struct query_vector *print = arg;
    char value[VALUE_TEXT_BYTES], when[WHEN_TEXT_BYTES];
    int len = (int)print->name.len;
    const char *name = len > 0 ? (const char *)print->name.data : "";
    (void)why;
    if (count == 0)
        return TM_OK;
    (void)value_text(values[0], value);
    switch (print->format) {
    case QUERY_TABLE:
        printf("%s%*s%s  %.*s\n", print->colour ? "\x1b[1m" : "", VALUE_WIDTH, value,
               print->colour ? "\x1b[0m" : "", len, name);
        break;
    case QUERY_CSV:
        printf("%.*s,%s,%s\n", len, name, when_text(times[0], when), value);
        break;
    case QUERY_JSON:
        printf("%s\n{\"metric\":%.*s,\"value\":[", print->count > 0 ? "," : "", len, name);
        query_print_seconds(stdout, times[0]);
        printf(",\"%s\"]}", value);
        break;
    }
    print->count++;
    return TM_OK;
}

static void take_warning(void *arg, struct str text)
{
    struct query_vector *print = arg;
    if (print->warnings.len)
        bytes_u8(&print->warnings, ',');
    bytes_json_string(&print->warnings, text);
}

struct source_sink query_vector_sink(struct query_vector *print)
{
    return (struct source_sink){
        .arg = print, .series = take_series, .samples = take_sample, .warning = take_warning};
}

enum tm_err query_vector_end(struct query_vector *print, struct tm_why *why)
{
    char count[UNITS_TEXT_BYTES], when[WHEN_TEXT_BYTES];
    if (print->format == QUERY_JSON && print->warnings.len)
        printf("\n],\"warnings\":[%.*s]}\n", (int)print->warnings.len, (const char *)print->warnings.data);
    else if (print->format == QUERY_JSON)
        fputs("\n]}\n", stdout);
    if (print->format == QUERY_TABLE && print->count > 1)
        printf("\n%s series at %.*s UTC\n", units_count((int64_t)print->count, count), TO_SECONDS,
               when_text(print->at, when));
    return bytes_error(&print->warnings) ? tm_fail(why, TM_NOMEM, "out of memory") : TM_OK;
}

size_t query_vector_count(const struct query_vector *print)
{
    return print->count;
}
