#include "reports/read_back.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "reports/names.h"
#include "storage/model/marker.h"

/* ---- actions ---- */

static int find_name(const char *name, int count, const char *(*name_of)(int))
{
    int i = 0;
    while (name && i < count && strcmp(name_of(i), name) != 0)
        i++;
    return name ? i : count;
}

static const char *reason_name(int i)
{
    return name_of_reason((enum report_reason)i);
}

static const char *progress_name(int i)
{
    return name_of_progress((enum report_progress)i);
}

static double number_in(const json_t *item, const char *name)
{
    const json_t *value = json_object_get(item, name);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* A number that somebody else may have written, within bounds. */
static json_int_t whole_in(const json_t *item, const char *name, json_int_t least, json_int_t most)
{
    json_int_t value = json_integer_value(json_object_get(item, name));
    return value < least ? least : value > most ? most : value;
}

static bool take_action(const json_t *item, struct report_action *out)
{
    const char *id = json_string_value(json_object_get(item, "id"));
    const char *what = json_string_value(json_object_get(item, "what"));
    const char *version = json_string_value(json_object_get(item, "version"));
    int reason = find_name(json_string_value(json_object_get(item, "reason")), REASON_COUNT, reason_name);
    int progress =
        find_name(json_string_value(json_object_get(item, "progress")), PROGRESS_COUNT, progress_name);
    if (reason == REASON_COUNT || progress == PROGRESS_COUNT)
        return false;
    *out = (struct report_action){
        .reason = (enum report_reason)reason,
        .progress = (enum report_progress)progress,
        .weeks_open = (size_t)whole_in(item, "weeks_open", 1, READ_BACK_WEEKS_MAX),
        .subject = id ? marker_id_of(str_of(id)) : 0,
        .what = what ? what : "",
        .version = version ? version : "",
        .count = (uint64_t)whole_in(item, "count", 0, INT64_MAX),
        .ratio = number_in(item, "ratio"),
    };
    return true;
}

size_t read_back_actions(const struct json_t *report, struct report_action out[REPORT_ACTIONS_MAX])
{
    size_t i, count = 0;
    const json_t *item;
    json_array_foreach(json_object_get(report, "actions"), i, item)
    {
        if (count < REPORT_ACTIONS_MAX && take_action(item, &out[count]))
            count++;
    }
    return count;
}

/* ---- the strip ---- */

void read_back_strip(const struct json_t *report, struct report_figure out[KEY_COUNT])
{
    const json_t *strip = json_object_get(report, "strip");
    for (int key = 0; key < KEY_COUNT; key++) {
        const json_t *figure = json_object_get(strip, name_of_key((enum report_key)key));
        json_int_t weeks = json_integer_value(json_object_get(figure, "weeks"));
        out[key] = (struct report_figure){.now = number_in(figure, "now"),
                                          .last_week = number_in(figure, "last_week"),
                                          .median = number_in(figure, "median"),
                                          .weeks = weeks > 0 ? (size_t)weeks : 0};
    }
}
