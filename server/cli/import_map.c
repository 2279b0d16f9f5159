#include "server/cli/import_map.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/cli/line_text.h"
#include "server/cli/options.h"
#include "storage/model/labels.h"
#include "storage/model/when.h"

enum { NAME_BYTES = 128 };

/* ---- columns ---- */

/* Names of the header as texts, for options_nearest. */
struct names {
    char (*texts)[NAME_BYTES];
};

static const char *name_at(const void *table, size_t i)
{
    const struct names *names = table;
    return names->texts[i];
}

static enum tm_err fail_column(const struct csv *header, const char *column, struct tm_why *why)
{
    struct names names = {calloc(header->count + 1, NAME_BYTES)};
    for (size_t i = 0; names.texts && i < header->count; i++)
        (void)snprintf(names.texts[i], NAME_BYTES, "%.*s", (int)header->fields[i].text.len,
                       header->fields[i].text.ptr);
    const char *near = names.texts ? options_nearest(column, name_at, &names, header->count) : NULL;
    if (near)
        (void)tm_fail(why, TM_NOT_FOUND, "there is no column \"%s\"; did you mean \"%s\"?", column, near);
    else
        (void)tm_fail(
            why, TM_NOT_FOUND,
            "there is no column \"%s\"; the first line names %zu columns; is --delimiter right? with "
            "--no-header columns are numbers",
            column, header->count);
    free(names.texts);
    return TM_NOT_FOUND;
}

static bool read_number(const char *column, size_t *index)
{
    char *end;
    if (!*column || strspn(column, "0123456789") != strlen(column))
        return false;
    unsigned long number = strtoul(column, &end, 10);
    *index = number - 1;
    return number >= 1 && number <= CSV_FIELDS_MAX;
}

static enum tm_err find_column(const struct csv *header, const char *column, size_t *index,
                               struct tm_why *why)
{
    for (size_t i = 0; header && i < header->count; i++)
        if (str_equal(header->fields[i].text, str_of(column))) {
            *index = i;
            return TM_OK;
        }
    if (read_number(column, index) && (!header || *index < header->count))
        return TM_OK;
    if (header)
        return fail_column(header, column, why);
    return tm_fail(why, TM_NOT_FOUND, "without a header a column is a number from 1 to %d, not \"%s\"",
                   CSV_FIELDS_MAX, column);
}

/* METRIC as given; else the --metric, with the column's name behind it if there are several values. */
static enum tm_err name_metric(const struct import_map *map, struct import_value *value, struct tm_why *why)
{
    const char *column = value->column;
    char *at = value->metric;
    if (value->given)
        (void)snprintf(at, IMPORT_METRIC_BYTES, "%s", value->given);
    else if (map->metric && map->value_count == 1)
        (void)snprintf(at, IMPORT_METRIC_BYTES, "%s", map->metric);
    else
        (void)snprintf(at, IMPORT_METRIC_BYTES, "%s%s%s", map->metric ? map->metric : "",
                       map->metric ? "_" : "", column);
    for (char *c = at; !value->given && *c; c++)
        if (!metric_name_valid((struct str){c, 1}) && (c == at || *c < '0' || *c > '9'))
            *c = '_';
    if (metric_name_valid(str_of(at)))
        return TM_OK;
    return tm_fail(why, TM_INVALID,
                   "\"%s\" is not a metric's name ([a-zA-Z_:][a-zA-Z0-9_:]*); name it with --metric, or "
                   "--value COLUMN=METRIC",
                   at);
}

enum tm_err import_bind(struct import_map *map, const struct csv *header, struct tm_why *why)
{
    enum tm_err err = find_column(header, map->time_column, &map->time_index, why);
    for (size_t i = 0; i < map->value_count && !err; i++) {
        err = find_column(header, map->values[i].column, &map->values[i].index, why);
        if (!err)
            err = name_metric(map, &map->values[i], why);
    }
    for (size_t i = 0; i < map->label_count && !err; i++)
        if (map->labels[i].column)
            err = find_column(header, map->labels[i].column, &map->labels[i].index, why);
    return err;
}

/* ---- rows ---- */

static enum tm_err fail_short(const struct csv *row, size_t index, struct csv_place *fault,
                              struct tm_why *why)
{
    *fault = row->fields[row->count - 1].place;
    return tm_fail(why, TM_INVALID, "the row has %zu columns and column %zu is needed", row->count,
                   index + 1);
}

enum tm_err import_time(const struct import_map *map, const struct csv *row, time_ms_t *out,
                        struct csv_place *fault, struct tm_why *why)
{
    if (map->time_index >= row->count)
        return fail_short(row, map->time_index, fault, why);
    *fault = row->fields[map->time_index].place;
    enum tm_err err = csv_time_read(&map->time, row->fields[map->time_index].text, out, why);
    if (err)
        return err;
    if (__builtin_add_overflow(*out, map->shift_ms, out) || *out < WHEN_FIRST_MS || *out > WHEN_LAST_MS)
        return tm_fail(why, TM_INVALID, "shifted, the time is outside the years 1 to 9999");
    return TM_OK;
}

static enum tm_err put_labels(const struct import_map *map, const struct csv *row, struct bytes *out,
                              struct csv_place *fault, struct tm_why *why)
{
    for (size_t i = 0; i < map->label_count; i++) {
        const struct import_label *label = &map->labels[i];
        if (label->column && label->index >= row->count)
            return fail_short(row, label->index, fault, why);
        struct str value = label->column ? row->fields[label->index].text : label->constant;
        if (!value.len)
            continue;
        bytes_u8(out, ',');
        bytes_put(out, label->name.ptr, label->name.len);
        bytes_u8(out, '=');
        line_put_tag_value(value, out);
    }
    return TM_OK;
}

static struct str trim(struct str text)
{
    while (text.len && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static bool is_missing(const struct import_map *map, struct str text)
{
    return !text.len || (map->missing && str_equal(text, str_of(map->missing)));
}

static enum tm_err put_value(const struct import_map *map, const struct csv *row,
                             const struct import_value *value, struct bytes *out, struct csv_place *fault,
                             struct tm_why *why)
{
    enum { SHOWN_BYTES = 60 };
    struct str text = trim(row->fields[value->index].text);
    *fault = row->fields[value->index].place;
    bytes_printf(out, "%s", value->metric);
    enum tm_err err = put_labels(map, row, out, fault, why);
    if (err)
        return err;
    bytes_put(out, " value=", 7);
    const char *what = line_put_number(text, out);
    if (!what)
        return TM_OK;
    return tm_fail(why, TM_INVALID, "\"%.*s\": %s; --missing TEXT passes over a text that stands for none",
                   (int)(text.len < SHOWN_BYTES ? text.len : SHOWN_BYTES), text.ptr, what);
}

enum tm_err import_row(const struct import_map *map, const struct csv *row, time_ms_t time, struct bytes *out,
                       size_t *count, struct csv_place *fault, struct tm_why *why)
{
    size_t start = out->len;
    enum tm_err err = TM_OK;
    *count = 0;
    for (size_t i = 0; i < map->value_count && !err; i++) {
        const struct import_value *value = &map->values[i];
        if (value->index >= row->count) {
            err = fail_short(row, value->index, fault, why);
        } else if (!is_missing(map, trim(row->fields[value->index].text))) {
            err = put_value(map, row, value, out, fault, why);
            bytes_printf(out, " %" PRId64 "\n", time);
            ++*count;
        }
    }
    if (!err && bytes_error(out))
        err = tm_fail(why, TM_NOMEM, "out of memory");
    if (err) {
        out->len = start;
        *count = 0;
    }
    return err;
}
