/* Reading findings: those of both heads as of one moment, merged into the catalog's, newest first. */
#include <stdlib.h>

#include "storage/catalog/catalog_findings.h"
#include "storage/findings/findings_codec.h"
#include "storage/grow.h"
#include "storage/reader_private.h"

enum { STEP_FIRST_BYTES = 64 << 10, STEP_MAX_BYTES = 1 << 20 };

/* A finding in the heads. */
struct held {
    uint64_t id;
    time_ms_t time;
    size_t order; /* in which it was told: the last of an id counts */
    struct str line;
};

struct search {
    struct reader *reader;
    const struct findings_wanted *wanted;
    findings_fn *each;
    void *arg;
    struct held *all; /* the last of each id, by id: what the catalog has of these is old */
    size_t count;
    size_t capacity;
    struct held *list; /* of them those that are wanted; newest first */
    size_t list_count;
    size_t told; /* of the list */
    struct bytes lines;
    enum tm_err err;
    bool is_over;
};

/* ---- the heads ---- */

static bool gather(void *arg, enum event_kind kind, time_ms_t time, struct str line)
{
    struct search *s = arg;
    struct finding finding;
    (void)kind;
    if (finding_decode(time, line, &finding) != TM_OK || finding.kind != s->wanted->kind ||
        (s->wanted->id != 0 && finding.id != s->wanted->id))
        return true;
    struct held *all = grow_array(s->all, &s->capacity, s->count + 1, sizeof *all);
    if (!all) {
        s->err = TM_NOMEM;
        return false;
    }
    s->all = all;
    all[s->count] = (struct held){finding.id, time, s->count, line};
    s->count++;
    return true;
}

static int compare_ids(const void *a, const void *b)
{
    const struct held *x = a, *y = b;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static int compare_newest(const void *a, const void *b)
{
    const struct held *x = a, *y = b;
    if (x->time != y->time)
        return x->time > y->time ? -1 : 1;
    return (x->id < y->id) - (x->id > y->id);
}

static enum tm_err settle(struct search *s)
{
    size_t kept = 0;
    struct finding finding;
    if (s->count == 0)
        return TM_OK;
    qsort(s->all, s->count, sizeof *s->all, compare_ids);
    for (size_t i = 0; i < s->count; i++) {
        if (kept > 0 && s->all[kept - 1].id == s->all[i].id)
            kept--;
        s->all[kept++] = s->all[i];
    }
    s->count = kept;
    s->list = calloc(kept, sizeof *s->list);
    if (!s->list)
        return TM_NOMEM;
    for (size_t i = 0; i < kept; i++) {
        if (finding_decode(s->all[i].time, s->all[i].line, &finding) == TM_OK &&
            finding_matches(&finding, s->wanted))
            s->list[s->list_count++] = s->all[i];
    }
    if (s->list_count > 1)
        qsort(s->list, s->list_count, sizeof *s->list, compare_newest);
    return TM_OK;
}

static bool is_held(const struct search *s, uint64_t id)
{
    size_t from = 0, to = s->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (s->all[middle].id < id)
            from = middle + 1;
        else
            to = middle;
    }
    return from < s->count && s->all[from].id == id;
}

/* ---- telling ---- */

/* Those of the heads that come before (time, id); all of them for INT64_MIN, 0. */
static void tell_held(struct search *s, time_ms_t time, uint64_t id)
{
    const struct held place = {.id = id, .time = time};
    struct finding finding;
    while (!s->is_over && s->told < s->list_count && compare_newest(&s->list[s->told], &place) < 0) {
        const struct held *held = &s->list[s->told++];
        if (finding_decode(held->time, held->line, &finding) == TM_OK)
            s->is_over = !s->each(s->arg, &finding);
    }
}

static void tell_stored(struct search *s)
{
    struct cursor in = cursor_of(s->lines.data, s->lines.len);
    struct finding finding;
    while (cursor_left(&in) > 0 && !in.bad && !s->is_over) {
        time_ms_t time = (time_ms_t)cursor_u64(&in);
        struct str line = cursor_str(&in);
        if (in.bad || finding_decode(time, line, &finding) != TM_OK || is_held(s, finding.id))
            continue;
        tell_held(s, time, finding.id);
        if (!s->is_over)
            s->is_over = !s->each(s->arg, &finding);
    }
}

static enum tm_err tell_all(struct search *s, struct catalog *catalog, struct tm_why *why)
{
    struct findings_place place = {.is_begun = false};
    enum tm_err err = TM_OK;
    size_t most_bytes = STEP_FIRST_BYTES; /* whoever wants a few has them soon */
    while (catalog && !err && !s->is_over) {
        err = reader_check(s->reader, why);
        if (!err)
            err = catalog_findings_next(catalog, s->wanted, &place, most_bytes, &s->lines, why);
        most_bytes = most_bytes < STEP_MAX_BYTES ? most_bytes * 2 : most_bytes;
        if (!err || err == TM_NOT_FOUND)
            tell_stored(s);
    }
    if (err && err != TM_NOT_FOUND)
        return err;
    tell_held(s, INT64_MIN, 0);
    return TM_OK;
}

/* What a flush carries over meanwhile is in the views all the same. */
enum tm_err findings_search(struct reader *reader, const struct findings_wanted *wanted, findings_fn *each,
                            void *arg, struct tm_why *why)
{
    struct search s = {.reader = reader, .wanted = wanted, .each = each, .arg = arg};
    struct head_view views[2];
    struct contents *contents = reader->contents;
    contents_lock_shared(contents);
    struct catalog *catalog = contents->catalog;
    head_view_findings(&contents->flushing, &views[0]);
    head_view_findings(&contents->head, &views[1]);
    contents_unlock(contents);
    const struct head_wanted gathered = {EVENT_FINDING, {INT64_MIN, INT64_MAX}, gather, &s};
    for (int i = 0; i < 2 && !s.err; i++)
        (void)head_view_events(&views[i], &gathered);
    enum tm_err err = s.err ? s.err : settle(&s);
    if (err)
        tm_why_write(why, "out of memory while searching findings");
    else
        err = tell_all(&s, catalog, why);
    head_view_drop(&views[0]);
    head_view_drop(&views[1]);
    free(s.all);
    free(s.list);
    bytes_fini(&s.lines);
    return err;
}
