#include "storage/model/labels.h"

enum tm_err labels_add(struct labels *set, struct str name, struct str value)
{
    if (value.len == 0)
        return TM_OK;
    if (set->count == LABELS_MAX)
        return TM_LIMIT;
    set->at[set->count++] = (struct label){name, value};
    return TM_OK;
}

enum tm_err labels_sort(struct labels *set, struct str *twice)
{
    /* Insertion sort: label sets are short and mostly arrive sorted. */
    for (size_t i = 1; i < set->count; i++) {
        struct label moved = set->at[i];
        size_t to = i;
        for (; to > 0 && str_compare(moved.name, set->at[to - 1].name) < 0; to--)
            set->at[to] = set->at[to - 1];
        set->at[to] = moved;
    }
    for (size_t i = 1; i < set->count; i++) {
        if (str_equal(set->at[i - 1].name, set->at[i].name)) {
            *twice = set->at[i].name;
            return TM_EXISTS;
        }
    }
    return TM_OK;
}

struct str labels_get(const struct labels *set, struct str name)
{
    for (size_t i = 0; i < set->count; i++) {
        if (str_equal(set->at[i].name, name))
            return set->at[i].value;
    }
    return (struct str){NULL, 0};
}

void labels_encode(const struct labels *set, struct bytes *out)
{
    bytes_varint(out, set->count);
    for (size_t i = 0; i < set->count; i++) {
        bytes_str(out, set->at[i].name);
        bytes_str(out, set->at[i].value);
    }
}

enum tm_err labels_decode(struct str encoded, struct labels *out)
{
    struct cursor c = cursor_of(encoded.ptr, encoded.len);
    uint64_t count = cursor_varint(&c);
    if (c.bad || count > LABELS_MAX)
        return TM_CORRUPT;
    out->count = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct str name = cursor_str(&c);
        struct str value = cursor_str(&c);
        if (c.bad || value.len == 0)
            return TM_CORRUPT;
        if (i > 0 && str_compare(out->at[i - 1].name, name) >= 0)
            return TM_CORRUPT;
        out->at[out->count++] = (struct label){name, value};
    }
    return cursor_left(&c) == 0 ? TM_OK : TM_CORRUPT;
}

int labels_compare(struct str a, struct str b)
{
    struct cursor x = cursor_of(a.ptr, a.len), y = cursor_of(b.ptr, b.len);
    uint64_t x_count = cursor_varint(&x), y_count = cursor_varint(&y);
    uint64_t strings = 2 * (x_count < y_count ? x_count : y_count);
    for (uint64_t i = 0; i < strings && !x.bad && !y.bad; i++) {
        int order = str_compare(cursor_str(&x), cursor_str(&y));
        if (order)
            return order;
    }
    return (x_count > y_count) - (x_count < y_count);
}

static bool name_byte(char c, bool colon)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colon && c == ':');
}

static bool name_valid(struct str name, bool colon)
{
    if (name.len == 0 || !name_byte(name.ptr[0], colon))
        return false;
    for (size_t i = 1; i < name.len; i++) {
        char c = name.ptr[i];
        if (!name_byte(c, colon) && !(c >= '0' && c <= '9'))
            return false;
    }
    return true;
}

bool label_name_valid(struct str name)
{
    return name_valid(name, false);
}

bool metric_name_valid(struct str name)
{
    return name_valid(name, true);
}
