/* findings DIR [flush]: stores what scoring would have found, a line of standard input each, in a data folder
 * that no daemon has open: kind, id, time, end (ms), score, service, env and body with tabs between them. A
 * thousand are a batch. For tests. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/findings/findings.h"
#include "storage/store.h"

enum { FIELDS = 8, LINE_BYTES = 128 << 10, POLL_US = 500, BATCH_LINES = 1000 };

struct answer {
    bool is_there;
    enum tm_err err;
};

static void on_done(void *arg, enum tm_err err)
{
    *(struct answer *)arg = (struct answer){true, err};
}

static void ignore(void *arg)
{
    (void)arg;
}

/* The fields of a line, in place; false: there are others than FIELDS. */
static bool split(char *line, char *fields[FIELDS])
{
    size_t count = 0;
    for (char *at = line; at && count < FIELDS; count++) {
        fields[count] = at;
        at = strchr(at, '\t');
        if (at)
            *at++ = '\0';
    }
    return count == FIELDS;
}

static enum tm_err submit(struct store *store, struct batch *batch)
{
    struct answer answer = {0};
    enum tm_err err = store_submit(store, &batch, NULL, on_done, &answer);
    if (err) {
        store_batch_drop(store, batch);
        return err;
    }
    while (!answer.is_there) {
        store_poll(store);
        (void)usleep(POLL_US);
    }
    return answer.err;
}

static enum tm_err add_line(struct batch *batch, char *line)
{
    char *fields[FIELDS];
    line[strcspn(line, "\n")] = '\0';
    if (!split(line, fields))
        return TM_INVALID;
    const struct finding finding = {
        .kind = (enum finding_kind)strtoul(fields[0], NULL, 10),
        .id = strtoull(fields[1], NULL, 16),
        .time = strtoll(fields[2], NULL, 10),
        .end = strtoll(fields[3], NULL, 10),
        .score = strtod(fields[4], NULL),
        .service = str_of(fields[5]),
        .env = str_of(fields[6]),
        .body = str_of(fields[7]),
    };
    return store_batch_finding(batch, &finding);
}

/* A batch of what is read; *is_over at the end of input. */
static enum tm_err take_some(struct store *store, bool *is_over)
{
    static char line[LINE_BYTES];
    struct batch *batch = store_batch_new(store);
    enum tm_err err = batch ? TM_OK : TM_NOMEM;
    for (int i = 0; i < BATCH_LINES && !err && !*is_over; i++) {
        *is_over = fgets(line, sizeof line, stdin) == NULL;
        if (!*is_over)
            err = add_line(batch, line);
    }
    if (!err && store_batch_count(batch) > 0)
        return submit(store, batch);
    store_batch_drop(store, batch);
    return err;
}

int main(int argc, char **argv)
{
    struct store *store = NULL;
    bool is_over = false;
    struct tm_why why = {""};
    if (argc < 2) {
        (void)fprintf(stderr, "usage: findings DIR [flush]\n");
        return 2;
    }
    const struct store_options options = {
        .dir = argv[1], .clock = clock_system(), .wake = ignore, .max_series = 1000, .min_free_bytes = 1};
    enum tm_err err = store_open(&options, &store, &why);
    while (!err && !is_over)
        err = take_some(store, &is_over);
    if (!err && argc > 2)
        err = store_flush(store);
    store_close(store);
    if (err)
        (void)fprintf(stderr, "findings: %s\n", why.text[0] ? why.text : tm_err_text(err));
    return err ? 1 : 0;
}
