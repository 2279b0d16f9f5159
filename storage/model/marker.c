#include "storage/model/marker.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "storage/model/when.h"

static const struct str kind_names[MARKER_KIND_COUNT] = {
    [MARKER_DEPLOY] = {"deploy", 6},
    [MARKER_ROLLBACK] = {"rollback", 8},
    [MARKER_CONFIG] = {"config", 6},
    [MARKER_EVENT] = {"event", 5},
    [MARKER_MAINTENANCE] = {"maintenance", 11},
    [MARKER_INCIDENT] = {"incident", 8},
};

static const struct str text_names[MARKER_TEXT_COUNT] = {
    [MARKER_SERVICE] = {"service", 7}, [MARKER_ENV] = {"env", 3}, [MARKER_VERSION] = {"version", 7},
    [MARKER_CLASS] = {"class", 5},     [MARKER_BY] = {"by", 2},   [MARKER_NOTE] = {"note", 4},
};

struct str marker_kind_name(enum marker_kind kind)
{
    return kind_names[kind];
}

struct str marker_text_name(enum marker_text text)
{
    return text_names[text];
}

enum marker_kind marker_kind_of(struct str name)
{
    int kind = 0;
    while (kind < MARKER_KIND_COUNT && !str_equal(name, kind_names[kind]))
        kind++;
    return (enum marker_kind)kind;
}

static bool is_in_years(time_ms_t time)
{
    return time >= WHEN_FIRST_MS && time <= WHEN_LAST_MS;
}

enum tm_err marker_check(const struct marker *marker, struct tm_why *why)
{
    if (marker->kind == MARKER_DEPLOY && marker->text[MARKER_VERSION].len == 0)
        return tm_fail(why, TM_INVALID, "a deploy needs its version");
    if (!is_in_years(marker->time) || (marker->end != MARKER_NO_END && !is_in_years(marker->end)))
        return tm_fail(why, TM_INVALID, "time and end must lie in the years 1 to 9999");
    if (marker->end != MARKER_NO_END && marker->end <= marker->time)
        return tm_fail(why, TM_INVALID, "the end must lie behind the time; leave it out for a point in time");
    for (int i = 0; i < MARKER_TEXT_COUNT; i++) {
        if (marker->text[i].len > MARKER_TEXT_MAX)
            return tm_fail(why, TM_INVALID, "%s has %zu bytes, more than a marker's texts may have (%d)",
                           text_names[i].ptr, marker->text[i].len, MARKER_TEXT_MAX);
    }
    return TM_OK;
}

void marker_merge(struct marker *marker, const struct marker *from, uint32_t fields)
{
    for (int i = 0; i < MARKER_TEXT_COUNT; i++) {
        if (fields & 1u << i)
            marker->text[i] = from->text[i];
    }
    if (fields & MARKER_HAS_KIND)
        marker->kind = from->kind;
    if (fields & MARKER_HAS_TIME)
        marker->time = from->time;
    if (fields & MARKER_HAS_END)
        marker->end = from->end;
}

const char *marker_id_text(uint64_t id, char text[MARKER_ID_TEXT + 1])
{
    (void)snprintf(text, MARKER_ID_TEXT + 1, "%016" PRIx64, id);
    return text;
}

uint64_t marker_id_of(struct str text)
{
    uint64_t id = 0;
    if (text.len != MARKER_ID_TEXT)
        return 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && (c < 'a' || c > 'f'))
            return 0;
        id = id << 4 | (uint64_t)(is_digit ? c - '0' : c - 'a' + 10);
    }
    return id;
}
