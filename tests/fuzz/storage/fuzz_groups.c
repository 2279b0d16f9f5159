/* First byte: 0, an exception's bytes; 1, an edit's; 2, the stored value of a group; 3, a list of events,
 * each behind its length in one byte, of which a table is made. What decodes, encodes to bytes that mean the
 * same; what a table saves, another one loads to the same. */
#include <stdbool.h>
#include <stdlib.h>

#include "storage/groups/group.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool good)
{
    if (!good)
        abort();
}

static void expect_equal(struct bytes *a, struct bytes *b)
{
    require(bytes_error(a) == TM_OK && bytes_error(b) == TM_OK);
    require(str_equal(bytes_view(a), bytes_view(b)));
    bytes_fini(a);
    bytes_fini(b);
}

/* A varint may be longer than it needs be, and a text is cut: the second time tells. */
static void fuzz_exception(struct str bytes)
{
    struct exception exception = {.count = 0};
    struct bytes first = {0}, second = {0};
    if (exception_decode(bytes, &exception) != TM_OK)
        return;
    require(exception.count > 0 && exception.tags.count <= LABELS_MAX);
    exception_encode(&exception, &first);
    require(exception_decode(bytes_view(&first), &exception) == TM_OK);
    exception_encode(&exception, &second);
    expect_equal(&first, &second);
}

static void fuzz_change(struct str bytes)
{
    struct group_change change, again;
    struct bytes first = {0}, second = {0};
    if (group_change_decode(bytes, &change) != TM_OK)
        return;
    require(change.edit >= GROUP_RESOLVE && change.edit < GROUP_EDIT_COUNT);
    group_change_encode(&change, &first);
    require(group_change_decode(bytes_view(&first), &again) == TM_OK);
    require(again.id == change.id && again.edit == change.edit && again.other == change.other);
    group_change_encode(&again, &second);
    expect_equal(&first, &second);
}

static void fuzz_group(struct str bytes)
{
    struct group *group, *again;
    struct bytes first = {0}, second = {0};
    if (group_decode(7, cursor_of(bytes.ptr, bytes.len), &group) != TM_OK)
        return;
    require(group->hour_count <= GROUP_HOURS_MAX);
    group_encode(group, &first);
    require(group_decode(7, cursor_of(first.data, first.len), &again) == TM_OK);
    group_encode(again, &second);
    expect_equal(&first, &second);
    group_free(group);
    group_free(again);
}

static void check_views(struct groups *groups)
{
    for (size_t i = 0; i < groups_count(groups); i++) {
        time_ms_t last;
        struct str service;
        struct group_view view;
        uint64_t id = groups_at(groups, i, &last, &service);
        if (id == 0)
            continue;
        require(groups_root(groups, id) == id);
        require(groups_view(groups, id, groups_newest(groups), &view) == TM_OK);
        require(view.count > 0 && view.first <= view.last && view.state < GROUP_STATE_COUNT);
    }
}

static void fuzz_table(struct cursor in)
{
    struct groups *groups = groups_new(), *loaded = groups_new();
    struct bytes saved = {0};
    require(groups && loaded);
    for (time_ms_t time = 0; cursor_left(&in) > 0; time += GROUP_HOUR_MS) {
        size_t want = cursor_u8(&in);
        struct str bytes = cursor_take(&in, want < cursor_left(&in) ? want : cursor_left(&in));
        require(groups_apply(groups, time, bytes) == TM_OK);
    }
    groups_save(groups, &saved);
    struct cursor values = cursor_of(saved.data, saved.len);
    while (cursor_left(&values) > 0) {
        uint64_t id = cursor_u64(&values);
        struct str value = cursor_str(&values);
        require(!values.bad && groups_load(loaded, id, cursor_of(value.ptr, value.len)) == TM_OK);
    }
    require(groups_count(loaded) == groups_count(groups));
    check_views(groups);
    check_views(loaded);
    groups_free(groups);
    groups_free(loaded);
    bytes_fini(&saved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    struct str bytes = {(const char *)data + 1, len - 1};
    if (data[0] == 0)
        fuzz_exception(bytes);
    else if (data[0] == 1)
        fuzz_change(bytes);
    else if (data[0] == 2)
        fuzz_group(bytes);
    else
        fuzz_table(cursor_of(bytes.ptr, bytes.len));
    return 0;
}
