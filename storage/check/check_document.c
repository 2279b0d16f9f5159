#include "storage/check/check_document.h"

#include "storage/json_text.h"
#include "storage/model/clock.h"

enum { ITEMS_MAX = 1000 };

struct asking {
    struct bytes *out;
    size_t items;
    check_progress_fn *progress;
    void *arg;
};

static void tell_item(void *arg, enum check_kind kind, const char *place, const char *text)
{
    struct asking *d = arg;
    if (d->items == ITEMS_MAX)
        return;
    bytes_printf(d->out, "%s{\"kind\":\"%s\",\"place\":", d->items++ ? "," : "",
                 kind == CHECK_DAMAGE ? "damage" : "note");
    json_text(d->out, str_of(place));
    bytes_printf(d->out, ",\"text\":");
    json_text(d->out, str_of(text));
    bytes_printf(d->out, "}");
}

static void tell_progress(void *arg, const char *place, uint64_t done_bytes, uint64_t all_bytes)
{
    const struct asking *a = arg;
    if (a->progress)
        a->progress(a->arg, place, done_bytes, all_bytes);
}

static void add_figures(struct bytes *out, const struct check_result *r, int64_t elapsed_ns)
{
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {
        {"damages", r->damages},         {"partitions", r->partitions}, {"sealed", r->sealed},
        {"quarantined", r->quarantined}, {"chunks", r->chunks},         {"samples", r->samples},
        {"chunk_bytes", r->chunk_bytes}, {"series", r->series},         {"event_blocks", r->event_blocks},
        {"records", r->records},         {"bytes", r->bytes},
    };
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        bytes_printf(out, ",\"%s\":%llu", figures[i].name, (unsigned long long)figures[i].value);
    bytes_printf(out, ",\"cpu_s\":%.3f,\"elapsed_s\":%.3f}", (double)r->cpu_ns / 1e9,
                 (double)elapsed_ns / 1e9);
}

enum tm_err check_document(const char *dir, check_progress_fn *progress, void *arg, struct bytes *out,
                           struct tm_why *why)
{
    struct asking asking = {out, 0, progress, arg};
    const struct check_options options = {dir, tell_item, tell_progress, &asking};
    const int64_t begun_ns = clock_mono_ns(clock_system());
    struct check_result result;
    bytes_printf(out, "{\"dir\":");
    json_text(out, str_of(dir));
    bytes_printf(out, ",\"items\":[");
    enum tm_err err = check_run(&options, &result, why);
    if (err && err != TM_CORRUPT)
        return err;
    bytes_printf(out, "],\"sound\":%s", result.damages == 0 ? "true" : "false");
    add_figures(out, &result, clock_mono_ns(clock_system()) - begun_ns);
    return bytes_error(out);
}
