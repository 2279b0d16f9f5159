/* Readers of a folder that also gather markers and groups, as the store's owner has them. */
#include "storage/groups/groups_table.h"
#include "storage/markers/markers_table.h"
#include "storage/reader_private.h"

enum tm_err reader_gather(struct reader *reader, struct tm_why *why)
{
    uint64_t damaged = 0;
    return reader->gathers ? contents_gather(&reader->own, &damaged, why) : TM_OK;
}

const struct markers *reader_markers(const struct reader *reader)
{
    return reader->gathers ? reader->contents->markers : NULL;
}

struct groups *reader_groups(const struct reader *reader)
{
    return reader->gathers ? reader->contents->groups : NULL;
}
