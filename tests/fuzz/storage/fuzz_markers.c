/* Changes of markers: the input is a list of them, each behind its length in one byte. What decodes, encodes
 * to bytes that mean the same; a table that took them all is whole, and taking the last one again changes
 * nothing. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "storage/markers/markers_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool good)
{
    if (!good)
        abort();
}

static void check_round_trip(struct str bytes)
{
    struct marker_change change, again;
    struct bytes first = {0}, second = {0};
    if (marker_change_decode(bytes, &change) != TM_OK)
        return;
    require(change.to.id != 0 && change.to.kind < MARKER_KIND_COUNT);
    marker_change_encode(&change, &first);
    require(bytes_error(&first) == TM_OK && marker_change_decode(bytes_view(&first), &again) == TM_OK);
    require(again.op == change.op && again.fields == change.fields && again.to.id == change.to.id);
    /* A varint may be longer than it needs be: then the second time tells. */
    marker_change_encode(&again, &second);
    require(str_equal(bytes_view(&first), bytes_view(&second)));
    require(marker_id(&change.to) == marker_id(&again.to));
    bytes_fini(&first);
    bytes_fini(&second);
}

/* Lists all: as many as there are, newest first, each found by its id. */
static void check_table(const struct markers *markers)
{
    const struct markers_wanted all = {.kind = MARKER_KIND_COUNT, .span = {INT64_MIN, INT64_MAX}};
    struct markers_place place = {.is_begun = false};
    const struct marker *before = NULL;
    size_t count = 0;
    for (const struct marker *m; (m = markers_next(markers, &all, &place)) != NULL; before = m) {
        require(markers_find(markers, m->id) == m);
        require(!before || m->time < before->time || (m->time == before->time && m->id < before->id));
        require(++count <= markers_count(markers));
    }
    require(count <= markers_count(markers));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct markers *markers = markers_new();
    struct cursor in = cursor_of(data, len);
    struct str bytes = {NULL, 0};
    require(markers != NULL);
    while (cursor_left(&in) > 0) {
        size_t want = cursor_u8(&in);
        bytes = cursor_take(&in, want < cursor_left(&in) ? want : cursor_left(&in));
        check_round_trip(bytes);
        require(markers_apply(markers, bytes) == TM_OK);
    }
    check_table(markers);
    size_t count = markers_count(markers);
    require(markers_apply(markers, bytes) == TM_OK && markers_count(markers) == count);
    check_table(markers);
    markers_free(markers);
    return 0;
}
