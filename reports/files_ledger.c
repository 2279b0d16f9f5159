/* ledger.json of a week: which revisions there were, with times and hashes; and what differs between two. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "reports/escape.h"
#include "reports/files_private.h"
#include "storage/model/number.h"
#include "storage/model/when.h"

enum { CHANGES_MAX = 500, REVISION_MAX = 1000000000 };

/* ---- ledger ---- */

static void put_hash(struct bytes *out, struct str content)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(hash, (const unsigned char *)content.ptr, content.len);
    for (size_t i = 0; i < sizeof hash; i++)
        bytes_printf(out, "%02x", hash[i]);
}

static void put_entry(const struct files_set *set, size_t revision, time_ms_t made_ms, struct bytes *out)
{
    char name[FILES_FILE_BYTES], time[WHEN_TEXT_BYTES];
    const char *comma = "";
    bytes_printf(out, "{\"revision\":%zu,\"made\":\"%s\",\"files\":[", revision, when_text(made_ms, time));
    for (int f = 0; f < RENDER_FORMATS; f++) {
        if (set->format[f].len == 0)
            continue;
        bytes_printf(out, "%s{\"name\":", comma);
        escape_json(out, files_file(set->name, set->week, (enum render_format)f, name));
        bytes_printf(out, ",\"bytes\":%zu,\"sha256\":\"", set->format[f].len);
        put_hash(out, set->format[f]);
        bytes_printf(out, "\"}");
        comma = ",";
    }
    bytes_printf(out, "]}");
}

static json_t *load(struct str text)
{
    return text.len > 0 ? json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

static json_t *revisions_of(const json_t *ledger)
{
    json_t *list = json_object_get(ledger, "revisions");
    return json_is_array(list) ? list : NULL;
}

void files_ledger(struct str before, const struct files_set *set, size_t revision, time_ms_t made_ms,
                  struct bytes *out)
{
    json_t *ledger = load(before);
    size_t i;
    const json_t *entry;
    bytes_printf(out, "{\"report\":");
    escape_json(out, set->name);
    bytes_printf(out, ",\"week\":\"%s\",\"revisions\":[\n", set->week);
    json_array_foreach(revisions_of(ledger), i, entry)
    {
        if (!json_is_object(entry))
            continue;
        char *text = json_dumps(entry, JSON_COMPACT | JSON_PRESERVE_ORDER);
        out->failed = out->failed || !text;
        bytes_printf(out, "%s,\n", text ? text : "");
        free(text);
    }
    put_entry(set, revision, made_ms, out);
    bytes_printf(out, "\n]}\n");
    json_decref(ledger);
}

size_t files_revision(struct str ledger)
{
    json_t *all = load(ledger);
    size_t last = 0, i;
    const json_t *entry;
    json_array_foreach(revisions_of(all), i, entry)
    {
        json_int_t revision = json_integer_value(json_object_get(entry, "revision"));
        if (revision > 0 && revision <= REVISION_MAX && (size_t)revision > last)
            last = (size_t)revision;
    }
    json_decref(all);
    return last;
}

/* ---- changes ---- */

static void put_value(struct bytes *out, const json_t *value)
{
    char text[NUMBER_TEXT_BYTES];
    if (json_is_number(value))
        bytes_put(out, text, number_text(json_number_value(value), text));
    else
        bytes_printf(out, "%s", json_is_true(value) ? "true" : json_is_false(value) ? "false" : "unknown");
}

static void put_change(struct bytes *out, const char *what, const json_t *before, const json_t *after)
{
    if (json_equal(before, after))
        return;
    bytes_printf(out, "- ");
    escape_markdown(out, what, 200);
    bytes_printf(out, ": ");
    put_value(out, before);
    bytes_printf(out, " → ");
    put_value(out, after);
    bytes_u8(out, '\n');
}

static const char *text_in(const json_t *item, const char *name)
{
    const char *text = json_string_value(json_object_get(item, name));
    return text ? text : "";
}

/* By id: [the list that it stands in, the group]. Without memory NULL. */
static json_t *index_groups(json_t *lists)
{
    json_t *index = json_object(), *item, *items;
    const char *name;
    size_t i;
    bool failed = !index;
    json_object_foreach(lists, name, items)
    {
        json_array_foreach(items, i, item)
        {
            json_t *place = json_pack("[s, O]", name, item);
            failed = failed || json_object_set_new(index, text_in(item, "id"), place) != 0;
        }
    }
    if (!failed)
        return index;
    json_decref(index);
    return NULL;
}

static const json_t *find_group(const json_t *index, const json_t *id, const char **list)
{
    const char *key = json_string_value(id);
    const json_t *place = key ? json_object_get(index, key) : NULL;
    *list = place ? json_string_value(json_array_get(place, 0)) : "";
    return json_array_get(place, 1);
}

/* What one group was before, or that it is gone. */
static void put_group(struct bytes *out, const json_t *item, const json_t *there, const char *from,
                      const char *to)
{
    const json_t *count = json_object_get(item, "count");
    bytes_printf(out, "- ");
    if (strcmp(text_in(item, "kind"), "request") != 0) {
        escape_markdown(out, text_in(item, "type"), 100);
        bytes_printf(out, " ");
    }
    escape_markdown(out, text_in(item, "message"), 100);
    bytes_printf(out, ": ");
    escape_markdown(out, from ? from : "not listed", 100);
    bytes_u8(out, ' ');
    put_value(out, from ? json_object_get(there, "count") : NULL);
    bytes_printf(out, " → ");
    escape_markdown(out, to ? to : "not listed", 100);
    bytes_u8(out, ' ');
    put_value(out, to ? count : NULL);
    bytes_u8(out, '\n');
}

/* Groups of the list `name` of one that are other in the other one (an index); is_old: those that are there
 * no more. */
static void put_list(struct bytes *out, const char *name, const json_t *items, const json_t *other,
                     bool is_old, size_t *told)
{
    size_t i;
    const json_t *item;
    json_array_foreach(items, i, item)
    {
        const char *list = "";
        const json_t *there = find_group(other, json_object_get(item, "id"), &list);
        bool is_same = there && strcmp(list, name) == 0 &&
                       json_equal(json_object_get(item, "count"), json_object_get(there, "count"));
        if ((is_old ? there != NULL : is_same) || ++*told > CHANGES_MAX)
            continue;
        if (is_old)
            put_group(out, item, item, name, NULL);
        else
            put_group(out, item, there, there ? list : NULL, name);
    }
}

static void put_groups(struct bytes *out, json_t *lists, json_t *others, bool is_old, size_t *told)
{
    json_t *other = index_groups(others);
    const char *name;
    const json_t *items;
    out->failed = out->failed || !other;
    json_object_foreach(lists, name, items)
    {
        put_list(out, name, items, other, is_old, told);
    }
    json_decref(other);
}

static void put_strip(struct bytes *out, json_t *strip, const json_t *old)
{
    const char *name;
    const json_t *figure;
    json_object_foreach(strip, name, figure)
    {
        put_change(out, name, json_object_get(json_object_get(old, name), "now"),
                   json_object_get(figure, "now"));
    }
}

void files_changes(struct str before, struct str after, struct bytes *out)
{
    json_t *old = load(before), *new = load(after);
    json_t *strip = json_object_get(new, "strip"), *lists = json_object_get(new, "lists");
    const json_t *old_strip = json_object_get(old, "strip");
    json_t *old_lists = json_object_get(old, "lists");
    size_t told = 0;
    if (strip && old_strip && lists && old_lists) {
        bytes_printf(out, "# Changed in the revision behind this one\n\n");
        put_strip(out, strip, old_strip);
        put_groups(out, lists, old_lists, false, &told);
        put_groups(out, old_lists, lists, true, &told);
        if (told > CHANGES_MAX)
            bytes_printf(out, "- and %zu more groups\n", told - CHANGES_MAX);
    }
    json_decref(old);
    json_decref(new);
}
