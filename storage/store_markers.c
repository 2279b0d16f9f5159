/* Markers on their way into a batch. */
#include "storage/markers/markers_table.h"
#include "storage/store_private.h"

static enum tm_err add_change(struct batch *batch, time_ms_t time, const struct marker_change *change)
{
    struct bytes bytes = {0};
    marker_change_encode(change, &bytes);
    enum tm_err err = bytes_error(&bytes);
    if (!err)
        err = store_batch_event(batch, EVENT_MARKER, time, bytes_view(&bytes));
    bytes_fini(&bytes);
    return err;
}

enum tm_err store_batch_marker(struct batch *batch, const struct marker *marker, uint64_t *id)
{
    struct marker_change change = {MARKER_MADE, MARKER_HAS_ALL, *marker};
    change.to.id = marker_id(marker);
    if (id)
        *id = change.to.id;
    return add_change(batch, marker->time, &change);
}

enum tm_err store_batch_marker_change(struct batch *batch, time_ms_t at, const struct marker *to,
                                      uint32_t fields)
{
    const struct marker_change change = {MARKER_CHANGED, fields, *to};
    return add_change(batch, at, &change);
}

enum tm_err store_batch_marker_delete(struct batch *batch, time_ms_t at, uint64_t id)
{
    const struct marker_change change = {.op = MARKER_DELETED, .to = {.id = id}};
    return add_change(batch, at, &change);
}

const struct markers *store_markers(const struct store *store)
{
    return store->contents.markers;
}
