/* The table of groups: by id, with the order of releases beside it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/grow.h"
#include "storage/groups/group.h"
#include "storage/model/http_event.h"
#include "storage/model/when.h"

enum { PLACE_BYTES = sizeof(void *), CHAIN_MAX = 16, STATUS_FAILED = 400 };
enum { HTTP_TEXTS = 8 };

struct groups {
    struct group **by_id; /* ascending */
    size_t count;
    size_t capacity;
    struct group_order order; /* of releases */
    uint64_t *gone;           /* ids that the next save removes */
    size_t gone_count;
    size_t gone_capacity;
    struct group **merged; /* those that are part of another */
    size_t merged_count;
    size_t merged_capacity;
    size_t count_max, bytes_max;
    size_t bytes;        /* of all groups */
    struct group *shown; /* of the last groups_view, where it had to be made */
    uint64_t *members;
    size_t member_count;
    size_t member_capacity;
    time_ms_t newest;
    uint64_t unreadable;
};

struct groups *groups_new(void)
{
    struct groups *groups = calloc(1, sizeof *groups);
    if (groups)
        *groups =
            (struct groups){.newest = GROUP_NEVER, .count_max = GROUPS_MAX, .bytes_max = GROUPS_BYTES_MAX};
    return groups;
}

void groups_limit(struct groups *groups, size_t count, size_t bytes)
{
    groups->count_max = count;
    groups->bytes_max = bytes;
}

void groups_free(struct groups *groups)
{
    if (!groups)
        return;
    for (size_t i = 0; i < groups->count; i++)
        group_free(groups->by_id[i]);
    group_free(groups->shown);
    free(groups->by_id);
    free(groups->merged);
    group_order_fini(&groups->order);
    free(groups->gone);
    free(groups->members);
    free(groups);
}

size_t groups_count(const struct groups *groups)
{
    return groups->count;
}

size_t groups_bytes(const struct groups *groups)
{
    return groups->bytes;
}

time_ms_t groups_newest(const struct groups *groups)
{
    return groups->newest;
}

uint64_t groups_unreadable(const struct groups *groups)
{
    return groups->unreadable;
}

static uint64_t hash_text(struct str text, uint64_t seed)
{
    return XXH3_64bits_withSeed(text.len > 0 ? text.ptr : "", text.len, seed);
}

void groups_follow(struct groups *groups, const struct markers *markers)
{
    groups->order.markers = markers;
}

/* ---- places ---- */

static size_t find_place(const struct groups *groups, uint64_t id)
{
    size_t low = 0, high = groups->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (groups->by_id[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct group *find(const struct groups *groups, uint64_t id)
{
    size_t at = find_place(groups, id);
    return at < groups->count && groups->by_id[at]->id == id ? groups->by_id[at] : NULL;
}

/* Takes group over if there is room. */
static enum tm_err insert(struct groups *groups, struct group *group)
{
    struct group **by_id = grow_array(groups->by_id, &groups->capacity, groups->count + 1, PLACE_BYTES);
    if (!by_id)
        return TM_NOMEM;
    groups->by_id = by_id;
    size_t at = find_place(groups, group->id);
    memmove(by_id + at + 1, by_id + at, (groups->count - at) * PLACE_BYTES);
    by_id[at] = group;
    groups->count++;
    groups->bytes += group->bytes;
    return TM_OK;
}

/* Room for one more that is part of another. */
static enum tm_err reserve_merged(struct groups *groups)
{
    struct group **merged =
        grow_array(groups->merged, &groups->merged_capacity, groups->merged_count + 1, PLACE_BYTES);
    if (!merged)
        return TM_NOMEM;
    groups->merged = merged;
    return TM_OK;
}

/* Says of which one it is a part; 0: of none. There is room. */
static void set_parent(struct groups *groups, struct group *group, uint64_t parent)
{
    size_t at = 0;
    while (at < groups->merged_count && groups->merged[at] != group)
        at++;
    if (parent != 0 && at == groups->merged_count)
        groups->merged[groups->merged_count++] = group;
    else if (parent == 0 && at < groups->merged_count)
        groups->merged[at] = groups->merged[--groups->merged_count];
    group->parent = parent;
}

static uint64_t id_of(const struct exception *e)
{
    uint64_t hash = hash_text(e->fingerprint, hash_text(e->env, hash_text(e->service, 1)));
    return hash ? hash : 1;
}

/* The group of an exception, made if there is none. NULL: out of memory. */
static struct group *find_or_make(struct groups *groups, struct exception *e)
{
    struct group *group = find(groups, id_of(e));
    if (!group && (groups->count >= groups->count_max || groups->bytes >= groups->bytes_max)) {
        e->fingerprint = e->type = STR("_overflow");
        group = find(groups, id_of(e));
    }
    if (group)
        return group;
    group = group_new(id_of(e), e);
    if (group && insert(groups, group) == TM_OK)
        return group;
    group_free(group);
    return NULL;
}

/* ---- applying ---- */

/* Within the years 1 to 9999: what is kept of a time must be countable. */
static time_ms_t clamp(time_ms_t time)
{
    if (time < WHEN_FIRST_MS)
        return WHEN_FIRST_MS;
    return time > WHEN_LAST_MS ? WHEN_LAST_MS : time;
}

static enum tm_err add_exception(struct groups *groups, struct exception *e)
{
    e->time = clamp(e->time);
    struct group *group = find_or_make(groups, e);
    if (!group || group_order_note(&groups->order, e->service, e->release, e->time) != TM_OK)
        return TM_NOMEM;
    size_t bytes = group->bytes, hours = group->hour_count;
    enum tm_err err = group_add(group, e);
    if (!err && groups->bytes >= groups->bytes_max && hours > 0)
        group_cut_hours(group, hours);
    groups->bytes = groups->bytes - bytes + group->bytes;
    if (err)
        return err;
    group->is_dirty = true;
    if (e->time > groups->newest)
        groups->newest = e->time;
    return TM_OK;
}

uint64_t groups_root(const struct groups *groups, uint64_t id)
{
    const struct group *group = find(groups, id);
    for (int i = 0; i < CHAIN_MAX && group && group->parent != 0; i++) {
        const struct group *parent = find(groups, group->parent);
        if (!parent)
            break; /* what it was part of has been forgotten */
        group = parent;
    }
    return group ? group->id : 0;
}

/* Length of the chain above a group. */
static int chain_of(const struct groups *groups, const struct group *group)
{
    int length = 0;
    while (length < CHAIN_MAX && group && group->parent != 0) {
        group = find(groups, group->parent);
        length++;
    }
    return length;
}

/* Its own members come along: they point to it. */
static void merge(struct groups *groups, struct group *group, uint64_t into)
{
    uint64_t root = groups_root(groups, into);
    const struct group *to = find(groups, root);
    if (!to || groups_root(groups, group->id) == root || chain_of(groups, to) + 1 >= CHAIN_MAX)
        return;
    struct group *top = find(groups, groups_root(groups, group->id));
    set_parent(groups, top, root);
    top->is_dirty = true;
}

static void change_group(struct groups *groups, time_ms_t time, const struct group_change *change)
{
    struct group *group = find(groups, change->id);
    if (!group)
        return;
    switch (change->edit) {
    case GROUP_RESOLVE:
        group->resolved_ms = clamp(time);
        group->reopened_ms = GROUP_NEVER;
        break;
    case GROUP_REOPEN:
        group->reopened_ms = clamp(time);
        group->resolved_ms = GROUP_NEVER;
        break;
    case GROUP_MERGE:
        merge(groups, group, change->other);
        break;
    case GROUP_SPLIT:
        set_parent(groups, group, 0);
        break;
    case GROUP_EDIT_COUNT:
        break;
    }
    group->is_dirty = true;
}

enum tm_err groups_apply(struct groups *groups, time_ms_t time, struct str bytes)
{
    struct exception exception = {.time = time};
    struct group_change change;
    if (exception_decode(bytes, &exception) == TM_OK)
        return add_exception(groups, &exception);
    if (group_change_decode(bytes, &change) != TM_OK) {
        groups->unreadable++;
        return TM_OK;
    }
    enum tm_err err = reserve_merged(groups);
    if (!err)
        change_group(groups, time, &change);
    return err;
}

/* Most requests do not fail: no more is read of them than tells. */
static bool is_failure(struct str bytes)
{
    struct cursor in = cursor_of(bytes.ptr, bytes.len);
    (void)cursor_u8(&in);
    for (int i = 0; i < HTTP_TEXTS; i++)
        (void)cursor_str(&in);
    return cursor_varint(&in) >= STATUS_FAILED && !in.bad;
}

enum tm_err groups_apply_request(struct groups *groups, time_ms_t time, struct str bytes)
{
    struct http_event event;
    struct labels tags;
    char type[32], title[EXCEPTION_TEXT_MAX];
    if (!is_failure(bytes) || http_event_decode(bytes, &event, &tags) != TM_OK)
        return TM_OK;
    int type_len = snprintf(type, sizeof type, "HTTP %d", (int)event.status);
    int shown =
        event.page_group.len < EXCEPTION_TEXT_MAX / 2 ? (int)event.page_group.len : EXCEPTION_TEXT_MAX / 2;
    int len = snprintf(title, sizeof title, "%s %.*s", type, shown,
                       event.page_group.ptr ? event.page_group.ptr : "");
    struct exception exception = {.time = time,
                                  .service = event.service,
                                  .env = event.env,
                                  .type = {type, (size_t)type_len},
                                  .fingerprint = {title, (size_t)len},
                                  .message = {title, (size_t)len},
                                  .count = event.count};
    (void)!labels_add(&exception.tags, STR("method"), event.method);
    (void)!labels_add(&exception.tags, STR("agent"), event.agent);
    return add_exception(groups, &exception);
}

/* ---- keeping ---- */

void groups_forget(struct groups *groups, time_ms_t oldest)
{
    for (size_t i = groups->count; i-- > 0;) {
        struct group *group = groups->by_id[i];
        if (group->last >= oldest)
            continue;
        uint64_t *gone =
            grow_array(groups->gone, &groups->gone_capacity, groups->gone_count + 1, sizeof *gone);
        if (!gone)
            return; /* the next time */
        groups->gone = gone;
        gone[groups->gone_count++] = group->id;
        set_parent(groups, group, 0);
        groups->bytes -= group->bytes;
        group_free(group);
        groups->count--;
        memmove(groups->by_id + i, groups->by_id + i + 1, (groups->count - i) * PLACE_BYTES);
    }
}

void groups_save(struct groups *groups, struct bytes *out)
{
    struct bytes value = {0};
    for (size_t i = 0; i < groups->gone_count; i++) {
        bytes_u64(out, groups->gone[i]);
        bytes_str(out, STR(""));
    }
    for (size_t i = 0; i < groups->count; i++) {
        const struct group *group = groups->by_id[i];
        if (!group->is_dirty)
            continue;
        bytes_clear(&value);
        group_encode(group, &value);
        if (bytes_error(&value))
            out->failed = true;
        bytes_u64(out, group->id);
        bytes_str(out, bytes_view(&value));
    }
    bytes_fini(&value);
}

void groups_saved(struct groups *groups)
{
    groups->gone_count = 0;
    for (size_t i = 0; i < groups->count; i++)
        groups->by_id[i]->is_dirty = false;
}

enum tm_err groups_load(struct groups *groups, uint64_t id, struct cursor in)
{
    struct group *group;
    enum tm_err err = id == 0 || find(groups, id) ? TM_CORRUPT : group_decode(id, in, &group);
    if (err)
        return err;
    for (size_t i = 0; i < group->release_count && !err; i++)
        err = group_order_note(&groups->order, str_of(group->service), group->releases[i].name,
                               group->releases[i].first);
    if (!err)
        err = reserve_merged(groups);
    if (!err)
        err = insert(groups, group);
    if (err) {
        group_free(group);
        return err;
    }
    if (group->parent != 0)
        groups->merged[groups->merged_count++] = group;
    if (group->count > 0 && group->last > groups->newest)
        groups->newest = group->last;
    return TM_OK;
}

/* ---- showing ---- */

static enum tm_err note_member(struct groups *groups, uint64_t id)
{
    uint64_t *members =
        grow_array(groups->members, &groups->member_capacity, groups->member_count + 1, sizeof *members);
    if (!members)
        return TM_NOMEM;
    groups->members = members;
    members[groups->member_count++] = id;
    return TM_OK;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static enum tm_err find_members(struct groups *groups, uint64_t root)
{
    enum tm_err err = TM_OK;
    groups->member_count = 0;
    for (size_t i = 0; i < groups->merged_count && !err; i++)
        if (groups->merged[i]->id != root && groups_root(groups, groups->merged[i]->id) == root)
            err = note_member(groups, groups->merged[i]->id);
    if (groups->member_count > 1)
        qsort(groups->members, groups->member_count, sizeof *groups->members, compare_ids);
    return err;
}

/* The group with its members, as one. */
static enum tm_err put_together(struct groups *groups, const struct group *root)
{
    const struct exception names = {.service = str_of(root->service),
                                    .env = str_of(root->env),
                                    .type = str_of(root->type),
                                    .fingerprint = str_of(root->fingerprint)};
    group_free(groups->shown);
    groups->shown = group_new(root->id, &names);
    enum tm_err err = groups->shown ? group_absorb(groups->shown, root) : TM_NOMEM;
    for (size_t i = 0; i < groups->member_count && !err; i++)
        err = group_absorb(groups->shown, find(groups, groups->members[i]));
    if (err)
        return err;
    groups->shown->resolved_ms = root->resolved_ms;
    groups->shown->reopened_ms = root->reopened_ms;
    return TM_OK;
}

/* The group as it is shown, with order refreshed. TM_NOT_FOUND, TM_NOMEM. */
static enum tm_err show(struct groups *groups, uint64_t id, const struct group **out)
{
    const struct group *group = find(groups, id);
    if (!group || group->count == 0)
        return TM_NOT_FOUND;
    enum tm_err err = find_members(groups, id);
    if (!err)
        err = group_order_refresh(&groups->order);
    if (!err && groups->member_count > 0) {
        err = put_together(groups, group);
        group = groups->shown;
    }
    *out = group;
    return err;
}

enum tm_err groups_came_back(struct groups *groups, uint64_t id, struct span span, time_ms_t *resolved)
{
    const struct group *group;
    enum tm_err err = show(groups, id, &group);
    if (err)
        return err;
    *resolved = group_came_back(group, span, &groups->order);
    return *resolved == GROUP_NEVER ? TM_NOT_FOUND : TM_OK;
}

static uint64_t count_hours(const struct group *group)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < group->hour_count; i++)
        sum += group->hours[i].count;
    return sum;
}

enum tm_err groups_view(struct groups *groups, uint64_t id, time_ms_t now, struct group_view *out)
{
    const struct group *group;
    enum tm_err err = show(groups, id, &group);
    if (err)
        return err;
    *out = (struct group_view){.id = id,
                               .service = str_of(group->service),
                               .env = str_of(group->env),
                               .type = str_of(group->type),
                               .fingerprint = str_of(group->fingerprint),
                               .message = str_of(group->message),
                               .stack = str_of(group->stack),
                               .count = group->count,
                               .first = group->first,
                               .last = group->last,
                               .state = group_judge(group, now, &groups->order),
                               .hours = group->hours,
                               .hour_count = group->hour_count,
                               .has_all_hours = count_hours(group) == group->count,
                               .releases = group->releases,
                               .release_count = group->release_count,
                               .labels = group->labels,
                               .label_count = group->label_count,
                               .members = groups->members,
                               .member_count = groups->member_count};
    return TM_OK;
}

uint64_t groups_at(const struct groups *groups, size_t i, time_ms_t *last, struct str *service)
{
    const struct group *group = groups->by_id[i];
    *last = group->last;
    *service = str_of(group->service);
    if (group->count == 0 || groups_root(groups, group->id) != group->id)
        return 0;
    for (size_t m = 0; m < groups->merged_count; m++) {
        const struct group *member = groups->merged[m];
        if (member->last > *last && groups_root(groups, member->id) == group->id)
            *last = member->last;
    }
    return group->id;
}
