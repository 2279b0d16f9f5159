/* Exceptions and edits of their groups on their way into a batch. */
#include "storage/groups/groups_table.h"
#include "storage/store_private.h"

static enum tm_err add_bytes(struct batch *batch, time_ms_t time, struct bytes *bytes)
{
    enum tm_err err = bytes_error(bytes);
    if (!err)
        err = store_batch_event(batch, EVENT_EXCEPTION, time, bytes_view(bytes));
    bytes_fini(bytes);
    return err;
}

enum tm_err store_batch_exception(struct batch *batch, const struct exception *exception)
{
    struct bytes bytes = {0};
    exception_encode(exception, &bytes);
    return add_bytes(batch, exception->time, &bytes);
}

enum tm_err store_batch_group_edit(struct batch *batch, time_ms_t at, uint64_t id, enum group_edit edit,
                                   uint64_t other)
{
    struct bytes bytes = {0};
    const struct group_change change = {id, edit, other};
    group_change_encode(&change, &bytes);
    return add_bytes(batch, at, &bytes);
}

struct groups *store_groups(struct store *store, time_ms_t *now)
{
    time_ms_t newest = groups_newest(store->contents.groups);
    *now = store->contents.newest_ms > newest ? store->contents.newest_ms : newest;
    return store->contents.groups;
}
