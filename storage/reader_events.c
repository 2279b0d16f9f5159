/* Reading events. */
#include "storage/reader_private.h"

struct telling {
    struct head_wanted wanted;
    bool is_over; /* each ended it */
};

/* Bytes that are none of ours end the block. */
static void tell_block(struct telling *telling, struct str lines)
{
    const struct head_wanted *wanted = &telling->wanted;
    struct cursor in = cursor_of(lines.ptr, lines.len);
    while (cursor_left(&in) > 0 && !in.bad && !telling->is_over) {
        time_ms_t time = cursor_zigzag(&in);
        struct str line = cursor_str(&in);
        if (in.bad || time < wanted->span.from || time >= wanted->span.to)
            continue;
        telling->is_over = !wanted->each(wanted->arg, wanted->kind, time, line);
    }
}

static enum tm_err tell_catalog(struct reader *reader, struct catalog *catalog, uint64_t until,
                                struct telling *telling, struct tm_why *why)
{
    const struct catalog_wanted wanted = {telling->wanted.kind, telling->wanted.span, until, NULL};
    struct catalog_position position = {.is_begun = false};
    while (catalog && !telling->is_over) {
        enum tm_err err = reader_check(reader, why);
        if (!err)
            err = catalog_events_next(catalog, &position, &wanted, &reader->lines, why);
        if (err)
            return err == TM_NOT_FOUND ? TM_OK : err;
        tell_block(telling, bytes_view(&reader->lines));
    }
    return TM_OK;
}

/* One moment is seen: both heads, and the catalog up to the lsn that the older one begins behind. A flush
 * that ends meanwhile carries events to a later lsn, which is not looked at. */
enum tm_err reader_events(struct reader *reader, enum event_kind kind, struct span span,
                          reader_event_fn *each, void *arg, struct tm_why *why)
{
    struct telling telling = {.wanted = {kind, span, each, arg}};
    struct head_view flushing, head;
    struct contents *contents = reader->contents;
    contents_lock_shared(contents);
    struct catalog *catalog = contents->catalog;
    uint64_t until = contents->mark.flushed_lsn;
    head_view_take(&contents->flushing, &flushing);
    head_view_take(&contents->head, &head);
    contents_unlock(contents);
    enum tm_err err = tell_catalog(reader, catalog, until, &telling, why);
    if (!err && !telling.is_over && head_view_events(&flushing, &telling.wanted))
        (void)head_view_events(&head, &telling.wanted);
    head_view_drop(&flushing);
    head_view_drop(&head);
    return err;
}
