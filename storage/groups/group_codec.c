/* Groups, exceptions and edits as bytes (storage/FORMAT.md). */
#include <stdlib.h>

#include "storage/groups/group.h"
#include "storage/model/when.h"

enum { MAGIC = 1, OP_SEEN = 1, OP_EDIT = 2, VALUE_VERSION = 1 };

static struct str clip(struct str text, size_t max)
{
    while (text.len > max && max > 0 && ((unsigned char)text.ptr[max] & 0xc0) == 0x80)
        max--; /* between characters of UTF-8 */
    return text.len > max ? (struct str){text.ptr, max} : text;
}

/* ---- events ---- */

void exception_encode(const struct exception *e, struct bytes *out)
{
    bytes_u8(out, MAGIC);
    bytes_u8(out, OP_SEEN);
    bytes_str(out, clip(e->service, EXCEPTION_TEXT_MAX));
    bytes_str(out, clip(e->env, EXCEPTION_TEXT_MAX));
    bytes_str(out, clip(e->type, EXCEPTION_TEXT_MAX));
    bytes_str(out, clip(e->release, EXCEPTION_TEXT_MAX));
    bytes_str(out, clip(e->fingerprint, EXCEPTION_TEXT_MAX));
    bytes_str(out, clip(e->message, EXCEPTION_MESSAGE_MAX));
    bytes_str(out, clip(e->stack, EXCEPTION_STACK_MAX));
    bytes_varint(out, e->count);
    bytes_varint(out, e->tags.count);
    for (size_t i = 0; i < e->tags.count; i++) {
        bytes_str(out, clip(e->tags.at[i].name, EXCEPTION_TEXT_MAX));
        bytes_str(out, clip(e->tags.at[i].value, EXCEPTION_TEXT_MAX));
    }
}

enum tm_err exception_decode(struct str bytes, struct exception *out)
{
    struct cursor in = cursor_of(bytes.ptr, bytes.len);
    uint8_t magic = cursor_u8(&in), op = cursor_u8(&in);
    if (magic != MAGIC || op != OP_SEEN)
        return TM_CORRUPT;
    struct str *const texts[] = {&out->service,     &out->env,     &out->type, &out->release,
                                 &out->fingerprint, &out->message, &out->stack};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = cursor_str(&in);
    out->count = cursor_varint(&in);
    uint64_t tags = cursor_varint(&in);
    if (in.bad || out->count == 0 || tags > LABELS_MAX)
        return TM_CORRUPT;
    for (out->tags.count = 0; out->tags.count < tags; out->tags.count++) {
        out->tags.at[out->tags.count].name = cursor_str(&in);
        out->tags.at[out->tags.count].value = cursor_str(&in);
    }
    return in.bad || cursor_left(&in) > 0 ? TM_CORRUPT : TM_OK;
}

void group_change_encode(const struct group_change *change, struct bytes *out)
{
    bytes_u8(out, MAGIC);
    bytes_u8(out, OP_EDIT);
    bytes_u8(out, (uint8_t)change->edit);
    bytes_u64(out, change->id);
    bytes_u64(out, change->other);
}

enum tm_err group_change_decode(struct str bytes, struct group_change *out)
{
    struct cursor in = cursor_of(bytes.ptr, bytes.len);
    uint8_t magic = cursor_u8(&in), op = cursor_u8(&in);
    if (magic != MAGIC || op != OP_EDIT)
        return TM_CORRUPT;
    uint8_t edit = cursor_u8(&in);
    *out = (struct group_change){.edit = (enum group_edit)edit, .id = cursor_u64(&in)};
    out->other = cursor_u64(&in);
    bool has_sense = edit >= GROUP_RESOLVE && edit < GROUP_EDIT_COUNT && out->id != 0;
    return in.bad || cursor_left(&in) > 0 || !has_sense ? TM_CORRUPT : TM_OK;
}

/* ---- groups ---- */

void group_encode(const struct group *group, struct bytes *out)
{
    const char *const texts[] = {group->service,     group->env,     group->type,
                                 group->fingerprint, group->message, group->stack};
    bytes_u8(out, VALUE_VERSION);
    bytes_u64(out, group->parent);
    bytes_zigzag(out, group->resolved_ms);
    bytes_zigzag(out, group->reopened_ms);
    bytes_varint(out, group->count);
    bytes_zigzag(out, group->first);
    bytes_zigzag(out, group->last);
    bytes_u64(out, group->sample_hash);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        bytes_str(out, str_of(texts[i]));
    bytes_varint(out, group->hour_count);
    for (size_t i = 0; i < group->hour_count; i++) {
        bytes_zigzag(out, group->hours[i].hour);
        bytes_varint(out, group->hours[i].count);
    }
    bytes_varint(out, group->release_count);
    for (size_t i = 0; i < group->release_count; i++) {
        bytes_str(out, group->releases[i].name);
        bytes_varint(out, group->releases[i].count);
        bytes_zigzag(out, group->releases[i].first);
        bytes_zigzag(out, group->releases[i].last);
    }
    bytes_varint(out, group->label_count);
    for (size_t i = 0; i < group->label_count; i++) {
        bytes_str(out, group->labels[i].name);
        bytes_str(out, group->labels[i].value);
        bytes_varint(out, group->labels[i].count);
    }
}

/* How many follow, each of two bytes or more; 0 and bad if there can't be so many. */
static uint64_t take_count(struct cursor *in, uint64_t max)
{
    uint64_t count = cursor_varint(in);
    if (count > max || count > cursor_left(in))
        in->bad = true;
    return in->bad ? 0 : count;
}

/* Within the years 1 to 9999, so that sums and products of times don't overflow. */
static bool is_time(int64_t time)
{
    return time >= WHEN_FIRST_MS && time <= WHEN_LAST_MS;
}

static bool is_time_or_never(int64_t time)
{
    return time == GROUP_NEVER || is_time(time);
}

static enum tm_err read_hours(struct cursor *in, struct group *group)
{
    uint64_t count = take_count(in, GROUP_HOURS_MAX + 1);
    group->hours = calloc(count + 1, sizeof *group->hours);
    if (!group->hours)
        return TM_NOMEM;
    group->hour_capacity = count + 1;
    group->bytes += (count + 1) * sizeof *group->hours;
    for (group->hour_count = 0; group->hour_count < count; group->hour_count++) {
        struct group_hour *hour = &group->hours[group->hour_count];
        hour->hour = cursor_zigzag(in);
        hour->count = cursor_varint(in);
        if (in->bad || hour->hour > WHEN_LAST_MS / GROUP_HOUR_MS ||
            hour->hour < WHEN_FIRST_MS / GROUP_HOUR_MS - 1 ||
            (group->hour_count > 0 && hour[-1].hour >= hour->hour))
            return TM_CORRUPT;
    }
    return TM_OK;
}

static enum tm_err read_releases(struct cursor *in, struct group *group)
{
    enum tm_err err = TM_OK;
    for (uint64_t left = take_count(in, GROUP_RELEASES_MAX + 1); left > 0 && !err; left--) {
        struct group_release release = {.name = cursor_str(in)};
        release.count = cursor_varint(in);
        release.first = cursor_zigzag(in);
        release.last = cursor_zigzag(in);
        bool is_good = !in->bad && is_time(release.first) && is_time(release.last);
        err = is_good ? group_put_release(group, &release) : TM_CORRUPT;
    }
    return err;
}

static enum tm_err read_labels(struct cursor *in, struct group *group)
{
    enum tm_err err = TM_OK;
    for (uint64_t left = take_count(in, GROUP_LABELS_MAX + 1); left > 0 && !err; left--) {
        struct group_label label = {.name = cursor_str(in), .value = cursor_str(in)};
        label.count = cursor_varint(in);
        err = in->bad ? TM_CORRUPT : group_put_label(group, &label);
    }
    return err;
}

static void read_numbers(struct cursor *in, struct group *group)
{
    group->parent = cursor_u64(in);
    group->resolved_ms = cursor_zigzag(in);
    group->reopened_ms = cursor_zigzag(in);
    group->count = cursor_varint(in);
    group->first = cursor_zigzag(in);
    group->last = cursor_zigzag(in);
    group->sample_hash = cursor_u64(in);
}

enum tm_err group_decode(uint64_t id, struct cursor in, struct group **out)
{
    struct exception texts = {.count = 1};
    struct group numbers = {.id = id};
    *out = NULL;
    if (cursor_u8(&in) != VALUE_VERSION)
        return TM_CORRUPT;
    read_numbers(&in, &numbers);
    texts.service = cursor_str(&in);
    texts.env = cursor_str(&in);
    texts.type = cursor_str(&in);
    texts.fingerprint = cursor_str(&in);
    texts.message = cursor_str(&in);
    texts.stack = cursor_str(&in);
    if (in.bad || !is_time(numbers.first) || !is_time_or_never(numbers.last) ||
        !is_time_or_never(numbers.resolved_ms) || !is_time_or_never(numbers.reopened_ms))
        return TM_CORRUPT;
    struct group *group = group_new(id, &texts);
    if (!group)
        return TM_NOMEM;
    enum tm_err err = group_put_sample(group, texts.message, texts.stack);
    group->parent = numbers.parent;
    group->resolved_ms = numbers.resolved_ms;
    group->reopened_ms = numbers.reopened_ms;
    group->count = numbers.count;
    group->first = numbers.first;
    group->last = numbers.last;
    group->sample_hash = numbers.sample_hash;
    if (!err)
        err = read_hours(&in, group);
    if (!err)
        err = read_releases(&in, group);
    if (!err)
        err = read_labels(&in, group);
    if (!err && (in.bad || cursor_left(&in) > 0))
        err = TM_CORRUPT;
    if (err)
        group_free(group);
    else
        *out = group;
    return err;
}
