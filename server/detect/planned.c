#include "server/detect/planned.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MINUTE_MS INT64_C(60000)

/* A marker's time. */
struct stretch {
    time_ms_t from, to;
    time_ms_t reach; /* the last end of this and all before it, run-up and aftermath with it */
    bool is_maintenance;
    struct str service, env;
};

struct planned {
    size_t count;
    char *texts;
    struct stretch at[]; /* by from */
};

/* ---- copying ---- */

static const enum marker_kind kinds[] = {MARKER_EVENT, MARKER_MAINTENANCE};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static void measure(const struct markers *markers, size_t *count, size_t *bytes)
{
    const struct marker *marker;
    for (size_t k = 0; k < KINDS; k++) {
        const struct markers_wanted wanted = {.kind = kinds[k], .span = {INT64_MIN, INT64_MAX}};
        struct markers_place place = {.is_begun = false};
        while ((marker = markers_next(markers, &wanted, &place)) != NULL) {
            ++*count;
            *bytes += marker->text[MARKER_SERVICE].len + marker->text[MARKER_ENV].len;
        }
    }
}

static struct str keep(struct str text, char **room)
{
    struct str kept = {*room, text.len};
    if (text.len > 0)
        memcpy(*room, text.ptr, text.len);
    *room += text.len;
    return kept;
}

static int compare(const void *a, const void *b)
{
    const struct stretch *x = a, *y = b;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return (x->to > y->to) - (x->to < y->to);
}

/* Markers lie in the years 1 to 9999, so that sums fit. */
static void fill(struct planned *planned, const struct markers *markers)
{
    const struct marker *marker;
    char *room = planned->texts;
    for (size_t k = 0; k < KINDS; k++) {
        const struct markers_wanted wanted = {.kind = kinds[k], .span = {INT64_MIN, INT64_MAX}};
        struct markers_place place = {.is_begun = false};
        while ((marker = markers_next(markers, &wanted, &place)) != NULL)
            planned->at[planned->count++] = (struct stretch){
                .from = marker->time,
                .to = marker->end == MARKER_NO_END ? marker->time + PLANNED_POINT_MS : marker->end,
                .is_maintenance = marker->kind == MARKER_MAINTENANCE,
                .service = keep(marker->text[MARKER_SERVICE], &room),
                .env = keep(marker->text[MARKER_ENV], &room),
            };
    }
    qsort(planned->at, planned->count, sizeof planned->at[0], compare);
    time_ms_t reach = INT64_MIN;
    for (size_t i = 0; i < planned->count; i++) {
        time_ms_t end = planned->at[i].to + PLANNED_BEHIND_MS;
        planned->at[i].reach = reach = end > reach ? end : reach;
    }
}

struct planned *planned_new(const struct markers *markers)
{
    size_t count = 0, bytes = 0;
    if (markers)
        measure(markers, &count, &bytes);
    struct planned *planned = calloc(1, sizeof *planned + count * sizeof planned->at[0]);
    char *texts = malloc(bytes + 1);
    if (!planned || !texts) {
        free(planned);
        free(texts);
        return NULL;
    }
    planned->texts = texts;
    if (markers)
        fill(planned, markers);
    return planned;
}

void planned_free(struct planned *planned)
{
    if (planned)
        free(planned->texts);
    free(planned);
}

/* ---- asking ---- */

static bool concerns(struct str own, struct str asked)
{
    return own.len == 0 || str_equal(own, asked);
}

static bool touches(time_ms_t minute, time_ms_t from, time_ms_t to)
{
    return minute < to && minute + MINUTE_MS > from;
}

static bool stretch_mutes(const struct stretch *s, time_ms_t minute, enum planned_what what)
{
    if (s->is_maintenance)
        return touches(minute, s->from, s->to);
    if (what == PLANNED_TROUBLE)
        return false;
    if (!touches(minute, s->from - PLANNED_BEFORE_MS, s->to + PLANNED_BEHIND_MS))
        return false;
    return what == PLANNED_RISE || !touches(minute, s->from, s->to);
}

/* The first place that begins behind the minute, with its run-up. */
static size_t find_behind(const struct planned *planned, time_ms_t minute)
{
    size_t low = 0, high = planned->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (planned->at[middle].from - PLANNED_BEFORE_MS < minute + MINUTE_MS)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool planned_mutes(const struct planned *planned, struct str service, struct str env, time_ms_t minute,
                   enum planned_what what)
{
    if (!planned)
        return false;
    for (size_t i = find_behind(planned, minute); i-- > 0 && planned->at[i].reach > minute;) {
        const struct stretch *s = &planned->at[i];
        if (concerns(s->service, service) && concerns(s->env, env) && stretch_mutes(s, minute, what))
            return true;
    }
    return false;
}

/* ---- what it is of ---- */

static bool has_word(struct str text, const char *const *words, size_t count)
{
    for (size_t w = 0; w < count; w++) {
        size_t len = strlen(words[w]);
        for (size_t at = 0; at + len <= text.len; at++)
            if (strncasecmp(text.ptr + at, words[w], len) == 0)
                return true;
    }
    return false;
}

static bool ends_with(struct str text, const char *end)
{
    size_t len = strlen(end);
    return text.len >= len && memcmp(text.ptr + text.len - len, end, len) == 0;
}

static bool speaks_of_failure(struct str text)
{
    static const char *const words[] = {"error",  "exception", "fail",  "reject", "timeout", "timed_out",
                                        "refuse", "decline",   "denie", "abort",  "drop",    "crash",
                                        "fatal",  "panic",     "oom",   "retr",   "lost",    "invalid"};
    return has_word(text, words, sizeof words / sizeof words[0]);
}

static bool counts_traffic(struct str metric)
{
    static const char *const ends[] = {"_total", "_sum", "_count", "_bytes"};
    static const char *const words[] = {"request", "traffic",  "visit", "visitor", "session",
                                        "order",   "sale",     "login", "hits",    "volume",
                                        "sent",    "received", "rps",   "qps"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (ends_with(metric, ends[i]))
            return true;
    return has_word(metric, words, sizeof words / sizeof words[0]);
}

static bool is_status_5xx(const struct label *label)
{
    static const char *const names[] = {"status", "code", "class", "status_code"};
    bool is_status = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        is_status = is_status || str_equal(label->name, str_of(names[i]));
    return is_status && label->value.len == 3 && label->value.ptr[0] == '5';
}

/* Labels that say how it went; a service called retry or a page group `orders/failed` says nothing. */
static bool says_outcome(struct str name)
{
    static const char *const words[] = {"result", "outcome", "state", "status", "success", "reason", "type"};
    return has_word(name, words, sizeof words / sizeof words[0]);
}

enum planned_what planned_what_of(struct str metric, const struct labels *labels, bool is_ratio,
                                  double observed, double expected)
{
    static const char *const times[] = {"duration", "latency", "seconds", "_ms"};
    if (is_ratio || speaks_of_failure(metric) || !counts_traffic(metric) ||
        has_word(metric, times, sizeof times / sizeof times[0]))
        return PLANNED_TROUBLE;
    for (size_t i = 0; i < labels->count; i++) {
        const struct label *label = &labels->at[i];
        if (is_status_5xx(label) || (says_outcome(label->name) && speaks_of_failure(label->value)))
            return PLANNED_TROUBLE;
    }
    return observed < expected / 2 ? PLANNED_FALL : PLANNED_RISE;
}
