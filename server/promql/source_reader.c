/* The store's reader as a source. */
#include <stdlib.h>

#include "server/promql/source.h"
#include "storage/query.h"

void source_series_fini(struct source_series *series)
{
    free(series->at);
    *series = (struct source_series){0};
}

static enum tm_err select_series(void *self, const struct selector *selector, struct span span,
                                 struct source_series *out, struct tm_why *why)
{
    (void)span; /* finding out costs more than reading nothing */
    struct index_ids ids = {0};
    *out = (struct source_series){0};
    enum tm_err err = reader_select(self, selector, &ids, why);
    if (err || ids.count == 0)
        goto out;
    out->at = malloc(ids.count * sizeof *out->at);
    if (!out->at) {
        err = tm_fail(why, TM_NOMEM, "no room for %zu series", ids.count);
        goto out;
    }
    for (size_t i = 0; i < ids.count; i++)
        out->at[i] = ids.ids[i];
    out->count = ids.count;
out:
    index_ids_fini(&ids);
    return err;
}

static void put_labels(void *self, uint64_t series, struct bytes *out)
{
    reader_labels(self, (uint32_t)series, out);
}

static enum tm_err read_samples(void *self, uint64_t series, struct span span, struct samples *out,
                                struct tm_why *why)
{
    *out = (struct samples){0};
    enum tm_err err = reader_samples(self, (uint32_t)series, span, &out->times, &out->values, &out->count);
    if (err)
        tm_why_write(why, "reading samples: %s", tm_err_text(err));
    return err;
}

static void *open_beside(void *self)
{
    return reader_beside(self);
}

static void close_beside(void *beside)
{
    reader_close(beside);
}

struct source source_of_reader(struct reader *reader)
{
    return (struct source){.self = reader,
                           .select = select_series,
                           .labels = put_labels,
                           .samples = read_samples,
                           .beside = open_beside,
                           .leave = close_beside};
}
