/* dump DIR: everything that a data folder holds, through the read interface, one line each:
 *   s<TAB>name{label="value",...}<TAB>time_ms<TAB>value    (value as %a: exact)
 *   e<TAB>kind<TAB>time_ms<TAB>line
 * For tests that compare what is stored with a ledger. */
#include <inttypes.h>
#include <stdio.h>

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

static bool put_series(void *arg, uint32_t series, struct str encoded)
{
    struct dump *dump = arg;
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

static bool put_event(void *arg, enum event_kind kind, time_ms_t time, struct str line)
{
    (void)arg;
    (void)printf("e\t%d\t%" PRId64 "\t%.*s\n", kind, time, STR_ARG(line));
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
    reader_series(dump.reader, put_series, &dump);
    for (int kind = EVENT_HTTP; !dump.err && kind < EVENT_KIND_COUNT; kind++)
        dump.err = reader_events(dump.reader, (enum event_kind)kind, all, put_event, &dump, &why);
    reader_close(dump.reader);
    if (dump.err)
        (void)fprintf(stderr, "dump: %s\n", why.text[0] ? why.text : tm_err_text(dump.err));
    return dump.err ? 1 : 0;
}
