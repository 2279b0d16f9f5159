#include <stdlib.h>
#include <string.h>

#include "server/detect/incident_private.h"

#define MINUTE_MS INT64_C(60000)
#define LOOK_MS   (120 * MINUTE_MS)
#define NEAR_MS   (60 * MINUTE_MS)

/* The longest text that is copied: versions are short, notes need not be whole. */
enum { WHAT_BYTES = 120 };

struct incident_markers {
    size_t count;
    char *texts;                 /* owned */
    struct incident_marker at[]; /* the newest first */
};

static struct str what_of(const struct marker *marker)
{
    static const enum marker_text order[] = {MARKER_VERSION, MARKER_CLASS, MARKER_NOTE};
    struct str what = {NULL, 0};
    for (size_t i = 0; i < sizeof order / sizeof *order && what.len == 0; i++)
        what = marker->text[order[i]];
    if (what.len > WHAT_BYTES)
        what.len = WHAT_BYTES;
    return what;
}

static struct str keep(struct str text, char **room)
{
    struct str kept = {*room, text.len};
    if (text.len > 0)
        memcpy(*room, text.ptr, text.len);
    *room += text.len;
    return kept;
}

/* The next one that may be before an incident. */
static const struct marker *next_of(const struct markers *markers, struct markers_place *place)
{
    const struct markers_wanted wanted = {.kind = MARKER_KIND_COUNT, .span = {INT64_MIN, INT64_MAX}};
    const struct marker *marker;
    do
        marker = markers_next(markers, &wanted, place);
    while (marker && marker->kind == MARKER_INCIDENT);
    return marker;
}

struct incident_markers *incident_markers_new(const struct markers *markers)
{
    size_t count = 0, bytes = 1;
    struct markers_place place = {.is_begun = false};
    for (const struct marker *m; markers && count < INCIDENTS_MARKERS_MAX && (m = next_of(markers, &place));
         count++)
        bytes += m->text[MARKER_SERVICE].len + m->text[MARKER_ENV].len + what_of(m).len;
    struct incident_markers *copy = malloc(sizeof *copy + count * sizeof copy->at[0]);
    char *texts = malloc(bytes);
    if (!copy || !texts) {
        free(copy);
        free(texts);
        return NULL;
    }
    *copy = (struct incident_markers){.count = count, .texts = texts};
    place = (struct markers_place){.is_begun = false};
    for (size_t i = 0; i < count; i++) {
        const struct marker *m = next_of(markers, &place);
        copy->at[i] = (struct incident_marker){.id = m->id, .kind = m->kind, .time = m->time};
        copy->at[i].service = keep(m->text[MARKER_SERVICE], &texts);
        copy->at[i].env = keep(m->text[MARKER_ENV], &texts);
        copy->at[i].what = keep(what_of(m), &texts);
    }
    return copy;
}

void incident_markers_free(struct incident_markers *markers)
{
    if (!markers)
        return;
    free(markers->texts);
    free(markers);
}

static bool touches(const struct incident_marker *marker, struct str service, struct str env)
{
    return (marker->service.len == 0 || str_equal(marker->service, service)) &&
           (marker->env.len == 0 || str_equal(marker->env, env));
}

/* The first that is not behind the minute. */
static size_t find_before(const struct incident_markers *markers, time_ms_t minute)
{
    size_t low = 0, high = markers ? markers->count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (markers->at[middle].time >= minute + MINUTE_MS)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t incident_markers_before(const struct incident_markers *markers, const struct incident_home *home,
                               time_ms_t minute, const struct incident_marker *out[INCIDENT_MARKERS])
{
    size_t found = 0, all = markers ? markers->count : 0;
    for (size_t i = find_before(markers, minute); i < all && found < INCIDENT_MARKERS; i++) {
        if (minute - markers->at[i].time > LOOK_MS)
            break;
        if (touches(&markers->at[i], str_of(home->service), str_of(home->env)))
            out[found++] = &markers->at[i];
    }
    return found;
}

bool detect_incidents_is_marker(const struct detect_incidents *incidents, uint64_t id)
{
    const struct incident_markers *markers = incidents->markers;
    for (size_t i = 0; markers && i < markers->count; i++) {
        if (markers->at[i].id == id)
            return true;
    }
    return false;
}

bool detect_incidents_marker(const struct detect_incidents *incidents, struct str service, struct str env,
                             time_ms_t minute, struct detect_marker *out)
{
    const struct incident_markers *markers = incidents->markers;
    for (size_t i = find_before(markers, minute); markers && i < markers->count; i++) {
        const struct incident_marker *marker = &markers->at[i];
        if (minute - marker->time > NEAR_MS)
            return false;
        if (!touches(marker, service, env))
            continue;
        *out = (struct detect_marker){marker->id, marker->kind, marker->time, marker->service, marker->what};
        return true;
    }
    return false;
}
