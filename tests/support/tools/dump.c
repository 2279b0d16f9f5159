/* dump DIR: everything that a data folder holds, through the read interface, one line each:
 *   s<TAB>name{label="value",...}<TAB>time_ms<TAB>value    (value as %a: exact)
 *   c<TAB>name{label="value",...}<TAB>time_ms<TAB>cell<TAB>value
 *                            (of a series with cells, in place of samples)
 *   e<TAB>kind<TAB>time_ms<TAB>line    (of an HTTP event: its texts, then its numbers)
 * For tests that compare what is stored with a ledger. */
#include <inttypes.h>
#include <stdio.h>

#include "storage/events/events.h"
#include "storage/groups/groups_table.h"
#include "storage/query.h"

struct dump {
    struct reader *reader;
    enum tm_err err;
};

static void put_labels(struct str encoded)
{
    struct labels set;
    if (labels_decode(encoded, &set)) {
        (void)printf("?");
        return;
    }
    struct str name = labels_get(&set, STR(LABEL_NAME));
    const char *comma = "";
    (void)printf("%.*s{", STR_ARG(name));
    for (size_t i = 0; i < set.count; i++) {
        if (str_equal(set.at[i].name, STR(LABEL_NAME)))
            continue;
        (void)printf("%s%.*s=\"%.*s\"", comma, STR_ARG(set.at[i].name), STR_ARG(set.at[i].value));
        comma = ",";
    }
    (void)putchar('}');
}

/* True: it has cells, which tell all; the samples that are made of them do not. */
static bool put_cells(struct dump *dump, uint32_t series, struct str encoded)
{
    struct reader_walk walk;
    const struct reader_cell *cells;
    struct tm_why why;
    size_t count;
    bool any = false;
    reader_walk_init(&walk, series, (struct span){INT64_MIN, INT64_MAX});
    while ((dump->err = reader_cells_next(dump->reader, &walk, &cells, &count, &why)) == TM_OK) {
        any = true;
        for (size_t i = 0; i < count; i++) {
            (void)printf("c\t");
            put_labels(encoded);
            (void)printf("\t%" PRId64 "\t%" PRIu32 "\t%" PRId64 "\n", cells[i].time, cells[i].cell,
                         cells[i].value);
        }
    }
    if (dump->err == TM_NOT_FOUND)
        dump->err = TM_OK;
    return any;
}

static bool put_series(void *arg, uint32_t series, struct str encoded)
{
    struct dump *dump = arg;
    if (put_cells(dump, series, encoded) || dump->err)
        return !dump->err;
    const time_ms_t *times = NULL;
    const double *values = NULL;
    size_t count = 0;
    struct span all = {INT64_MIN, INT64_MAX};
    dump->err = reader_samples(dump->reader, series, all, &times, &values, &count);
    for (size_t i = 0; !dump->err && i < count; i++) {
        (void)printf("s\t");
        put_labels(encoded);
        (void)printf("\t%" PRId64 "\t%a\n", times[i], values[i]);
    }
    return !dump->err;
}

/* As the line that it came as, about. */
static void put_exception(time_ms_t time, const struct exception *e)
{
    (void)printf("e\t%d\t%" PRId64 "\texception,service=%.*s,type=%.*s", EVENT_EXCEPTION, time,
                 STR_ARG(e->service), STR_ARG(e->type));
    for (size_t i = 0; i < e->tags.count; i++)
        (void)printf(",%.*s=%.*s", STR_ARG(e->tags.at[i].name), STR_ARG(e->tags.at[i].value));
    (void)printf(" message=\"%.*s\"\n", STR_ARG(e->message));
}

static bool put_event(void *arg, enum event_kind kind, time_ms_t time, struct str line)
{
    struct exception exception;
    (void)arg;
    if (kind == EVENT_EXCEPTION && exception_decode(line, &exception) == TM_OK)
        put_exception(time, &exception);
    else
        (void)printf("e\t%d\t%" PRId64 "\t%.*s\n", kind, time, STR_ARG(line));
    return true;
}

static bool put_request(void *arg, const struct http_event *event)
{
    (void)arg;
    (void)printf(
        "e\t%d\t%" PRId64 "\thttp,service=%.*s,env=%.*s,method=%.*s,page_group=%.*s,cache=%.*s,agent=%.*s",
        EVENT_REQUEST, event->time, STR_ARG(event->service), STR_ARG(event->env), STR_ARG(event->method),
        STR_ARG(event->page_group), STR_ARG(event->cache), STR_ARG(event->agent));
    for (size_t i = 0; event->tags && i < event->tags->count; i++)
        (void)printf(",%.*s=%.*s", STR_ARG(event->tags->at[i].name), STR_ARG(event->tags->at[i].value));
    (void)printf(" url=\"%.*s\",user_agent=\"%.*s\",status=%di,bytes=%" PRId64 "i,duration_us=%" PRId64
                 "i,origin_us=%" PRId64 "i,edge_us=%" PRId64 "i,count=%" PRIu64 "i\n",
                 STR_ARG(event->url), STR_ARG(event->user_agent), event->status, event->bytes,
                 event->duration_us, event->origin_us, event->edge_us, event->count);
    return true;
}

int main(int argc, char **argv)
{
    struct dump dump = {0};
    struct tm_why why = {""};
    struct span all = {INT64_MIN, INT64_MAX};
    if (argc != 2) {
        (void)fprintf(stderr, "usage: dump DIR\n");
        return 2;
    }
    dump.err = reader_open(argv[1], &dump.reader, &why);
    if (dump.err) {
        (void)fprintf(stderr, "dump: %s\n", why.text);
        return 1;
    }
    enum tm_err err = reader_series(dump.reader, put_series, &dump);
    if (!dump.err)
        dump.err = err;
    for (int kind = EVENT_HTTP; !dump.err && kind < EVENT_REQUEST; kind++)
        dump.err = reader_events(dump.reader, (enum event_kind)kind, all, put_event, &dump, &why);
    if (!dump.err)
        dump.err = events_scan(dump.reader, &(struct events_query){.span = all}, put_request, NULL, &why);
    reader_close(dump.reader);
    if (dump.err)
        (void)fprintf(stderr, "dump: %s\n", why.text[0] ? why.text : tm_err_text(dump.err));
    return dump.err ? 1 : 0;
}
