#include "server/ingest/metadata.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Where name stands, or would. */
static size_t find_place(const struct metadata *metadata, struct str name, bool *is_there)
{
    size_t low = 0, high = metadata->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_compare(metadata->at[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *is_there = low < metadata->count && str_equal(metadata->at[low].name, name);
    return low;
}

static char *add_text(char *at, struct str text, struct str *out)
{
    memcpy(at, text.ptr, text.len);
    *out = (struct str){at, text.len};
    return at + text.len;
}

static bool copy_texts(const struct metric_metadata *one, struct metric_metadata *out)
{
    char *texts = malloc(one->name.len + one->help.len + one->unit.len + 1);
    if (!texts)
        return false;
    *out = *one;
    char *end = add_text(texts, one->name, &out->name);
    end = add_text(end, one->help, &out->help);
    (void)add_text(end, one->unit, &out->unit);
    return true;
}

static void free_texts(const struct metric_metadata *one)
{
    union {
        const char *view;
        char *texts;
    } mine = {.view = one->name.ptr};
    free(mine.texts);
}

static bool make_room(struct metadata *metadata)
{
    if (metadata->count < metadata->room)
        return true;
    size_t room = metadata->room ? metadata->room * 2 : 64;
    struct metric_metadata *at = realloc(metadata->at, room * sizeof *at);
    if (!at)
        return false;
    metadata->at = at;
    metadata->room = room;
    return true;
}

void metadata_put(struct metadata *metadata, const struct metric_metadata *one)
{
    struct metric_metadata mine, wanted = *one;
    bool is_there;
    size_t place = find_place(metadata, one->name, &is_there);
    if (wanted.help.len > METADATA_TEXT_MAX)
        wanted.help = STR("");
    if (wanted.unit.len > METADATA_TEXT_MAX)
        wanted.unit = STR("");
    if (one->name.len > METADATA_TEXT_MAX || (!is_there && metadata->count == METADATA_MAX))
        return;
    if (is_there && metadata->at[place].type == wanted.type &&
        str_equal(metadata->at[place].help, wanted.help) && str_equal(metadata->at[place].unit, wanted.unit))
        return;
    if (!is_there && !make_room(metadata))
        return;
    if (!copy_texts(&wanted, &mine))
        return;
    if (is_there) {
        free_texts(&metadata->at[place]);
    } else {
        memmove(metadata->at + place + 1, metadata->at + place,
                (metadata->count - place) * sizeof metadata->at[0]);
        metadata->count++;
    }
    metadata->at[place] = mine;
}

void metadata_fini(struct metadata *metadata)
{
    for (size_t i = 0; i < metadata->count; i++)
        free_texts(&metadata->at[i]);
    free(metadata->at);
    *metadata = (struct metadata){.count = 0};
}

const char *metadata_type(uint32_t type)
{
    static const char *const words[] = {"unknown",        "counter", "gauge", "histogram",
                                        "gaugehistogram", "summary", "info",  "stateset"};
    return type < sizeof words / sizeof words[0] ? words[type] : words[0];
}
