/* Counting exceptions in. */
#include "storage/groups/group.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/model/when.h"

/* Of an allocation, for the memory manager. */
enum { ALLOCATION_BYTES = 16 };

static char *copy_text(struct str text)
{
    char *copy = malloc(text.len + 1);
    if (!copy)
        return NULL;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

struct group *group_new(uint64_t id, const struct exception *exception)
{
    struct group *group = calloc(1, sizeof *group);
    if (!group)
        return NULL;
    *group = (struct group){.id = id,
                            .resolved_ms = GROUP_NEVER,
                            .reopened_ms = GROUP_NEVER,
                            .last = GROUP_NEVER,
                            .service = copy_text(exception->service),
                            .env = copy_text(exception->env),
                            .type = copy_text(exception->type),
                            .fingerprint = copy_text(exception->fingerprint),
                            .message = copy_text(STR("")),
                            .stack = copy_text(STR("")),
                            .bytes = sizeof *group + 7 * ALLOCATION_BYTES + exception->service.len +
                                     exception->env.len + exception->type.len + exception->fingerprint.len};
    if (group->service && group->env && group->type && group->fingerprint && group->message && group->stack)
        return group;
    group_free(group);
    return NULL;
}

void group_free(struct group *group)
{
    if (!group)
        return;
    for (size_t i = 0; i < group->release_count; i++)
        free((char *)(uintptr_t)group->releases[i].name.ptr);
    for (size_t i = 0; i < group->label_count; i++) {
        free((char *)(uintptr_t)group->labels[i].name.ptr);
        free((char *)(uintptr_t)group->labels[i].value.ptr);
    }
    free(group->releases);
    free(group->labels);
    free(group->hours);
    free(group->service);
    free(group->env);
    free(group->type);
    free(group->fingerprint);
    free(group->message);
    free(group->stack);
    free(group);
}

/* ---- places: found, or made with count 0 ---- */

/* Room for one more. Groups are many and most of them small: a list begins with little. NULL: out of memory.
 */
static void *grow_few(struct group *group, void *array, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity && array)
        return array;
    size_t wanted = *capacity + *capacity / 2 + 2;
    void *grown = reallocarray(array, wanted, size);
    if (grown) {
        group->bytes += (wanted - *capacity) * size;
        *capacity = wanted;
    }
    return grown;
}

static struct group_hour *find_hour(struct group *group, int64_t hour)
{
    size_t at = group->hour_count;
    while (at > 0 && group->hours[at - 1].hour > hour)
        at--;
    if (at > 0 && group->hours[at - 1].hour == hour)
        return &group->hours[at - 1];
    struct group_hour *hours =
        grow_few(group, group->hours, &group->hour_capacity, group->hour_count, sizeof *hours);
    if (!hours)
        return NULL;
    group->hours = hours;
    memmove(hours + at + 1, hours + at, (group->hour_count - at) * sizeof *hours);
    hours[at] = (struct group_hour){hour, 0};
    group->hour_count++;
    return &hours[at];
}

void group_cut_hours(struct group *group, size_t most)
{
    if (group->hour_count <= most)
        return;
    size_t off = group->hour_count - most;
    group->hour_count = most;
    memmove(group->hours, group->hours + off, most * sizeof *group->hours);
}

/* Of too many the oldest goes. */
static void trim_hours(struct group *group)
{
    group_cut_hours(group, GROUP_HOURS_MAX);
}

static struct group_release *find_release(struct group *group, struct str name)
{
    for (size_t i = 0; i < group->release_count; i++) {
        if (str_equal(group->releases[i].name, name))
            return &group->releases[i];
    }
    if (group->release_count >= GROUP_RELEASES_MAX && !str_equal(name, STR("_overflow")))
        return find_release(group, STR("_overflow"));
    struct group_release *releases =
        grow_few(group, group->releases, &group->release_capacity, group->release_count, sizeof *releases);
    if (!releases)
        return NULL;
    group->releases = releases;
    char *copy = copy_text(name);
    if (!copy)
        return NULL;
    group->bytes += name.len + ALLOCATION_BYTES;
    struct group_release *release = &releases[group->release_count++];
    *release = (struct group_release){.name = {copy, name.len}, .first = WHEN_LAST_MS, .last = WHEN_FIRST_MS};
    return release;
}

static struct group_label *find_label(struct group *group, struct str name, struct str value)
{
    for (size_t i = 0; i < group->label_count; i++) {
        if (str_equal(group->labels[i].name, name) && str_equal(group->labels[i].value, value))
            return &group->labels[i];
    }
    if (group->label_count >= GROUP_LABELS_MAX && !str_equal(name, STR("_overflow")))
        return find_label(group, STR("_overflow"), STR("_overflow"));
    struct group_label *labels =
        grow_few(group, group->labels, &group->label_capacity, group->label_count, sizeof *labels);
    if (!labels)
        return NULL;
    group->labels = labels;
    char *name_copy = copy_text(name), *value_copy = copy_text(value);
    if (!name_copy || !value_copy) {
        free(name_copy);
        free(value_copy);
        return NULL;
    }
    group->bytes += name.len + value.len + 2 * ALLOCATION_BYTES;
    struct group_label *label = &labels[group->label_count++];
    *label = (struct group_label){{name_copy, name.len}, {value_copy, value.len}, 0};
    return label;
}

static bool make_places(struct group *group, const struct exception *exception, int64_t hour)
{
    for (size_t i = 0; i < exception->tags.count; i++) {
        if (!find_label(group, exception->tags.at[i].name, exception->tags.at[i].value))
            return false;
    }
    return find_release(group, exception->release) && find_hour(group, hour);
}

/* ---- adding ---- */

static uint64_t hash_sample(struct str message, struct str stack)
{
    uint64_t hash = XXH3_64bits(message.len ? message.ptr : "", message.len);
    return XXH3_64bits_withSeed(stack.len ? stack.ptr : "", stack.len, hash);
}

enum tm_err group_put_sample(struct group *group, struct str message, struct str stack)
{
    char *new_message = copy_text(message), *new_stack = copy_text(stack);
    if (!new_message || !new_stack) {
        free(new_message);
        free(new_stack);
        return TM_NOMEM;
    }
    group->bytes += message.len + stack.len;
    group->bytes -= strlen(group->message) + strlen(group->stack);
    free(group->message);
    free(group->stack);
    group->message = new_message;
    group->stack = new_stack;
    return TM_OK;
}

/* The newest one is shown. TM_NOMEM: the old one stays. */
static enum tm_err take_sample(struct group *group, time_ms_t time, struct str message, struct str stack)
{
    uint64_t hash = hash_sample(message, stack);
    if (time < group->last || (time == group->last && hash <= group->sample_hash))
        return TM_OK;
    enum tm_err err = group_put_sample(group, message, stack);
    if (!err)
        group->sample_hash = hash;
    return err;
}

static void note_release(struct group_release *release, uint64_t count, time_ms_t first, time_ms_t last)
{
    release->count += count;
    if (first < release->first)
        release->first = first;
    if (last > release->last)
        release->last = last;
}

static void note_span(struct group *group, uint64_t count, time_ms_t first, time_ms_t last)
{
    if (group->count == 0 || first < group->first)
        group->first = first;
    if (last > group->last)
        group->last = last;
    group->count += count;
}

static int64_t hour_of(time_ms_t time)
{
    return time / GROUP_HOUR_MS - (time % GROUP_HOUR_MS < 0);
}

enum tm_err group_add(struct group *group, const struct exception *exception)
{
    int64_t hour = hour_of(exception->time);
    if (!make_places(group, exception, hour) ||
        take_sample(group, exception->time, exception->message, exception->stack) != TM_OK)
        return TM_NOMEM;
    for (size_t i = 0; i < exception->tags.count; i++)
        find_label(group, exception->tags.at[i].name, exception->tags.at[i].value)->count += exception->count;
    find_hour(group, hour)->count += exception->count;
    trim_hours(group);
    note_release(find_release(group, exception->release), exception->count, exception->time, exception->time);
    note_span(group, exception->count, exception->time, exception->time);
    return TM_OK;
}

enum tm_err group_absorb(struct group *group, const struct group *other)
{
    if (take_sample(group, other->last, str_of(other->message), str_of(other->stack)) != TM_OK)
        return TM_NOMEM;
    for (size_t i = 0; i < other->hour_count; i++) {
        struct group_hour *hour = find_hour(group, other->hours[i].hour);
        if (!hour)
            return TM_NOMEM;
        hour->count += other->hours[i].count;
        trim_hours(group);
    }
    for (size_t i = 0; i < other->release_count; i++) {
        const struct group_release *from = &other->releases[i];
        if (group_put_release(group, from) != TM_OK)
            return TM_NOMEM;
    }
    for (size_t i = 0; i < other->label_count; i++) {
        if (group_put_label(group, &other->labels[i]) != TM_OK)
            return TM_NOMEM;
    }
    note_span(group, other->count, other->first, other->last);
    return TM_OK;
}

enum tm_err group_put_release(struct group *group, const struct group_release *release)
{
    struct group_release *place = find_release(group, release->name);
    if (!place)
        return TM_NOMEM;
    note_release(place, release->count, release->first, release->last);
    return TM_OK;
}

enum tm_err group_put_label(struct group *group, const struct group_label *label)
{
    struct group_label *place = find_label(group, label->name, label->value);
    if (!place)
        return TM_NOMEM;
    place->count += label->count;
    return TM_OK;
}
