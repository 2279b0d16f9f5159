#include "storage/tops/tops_hour.h"

#include <stdlib.h>

#include "storage/grow.h"

enum { CLASS = 100, PLACE_BYTES = sizeof(void *) };

void top_service_fini(struct top_service *service)
{
    for (size_t h = 0; h < TOPS_HOURS; h++) {
        struct top_hour *hour = &service->hours[h];
        for (size_t i = 0; i < hour->count; i++) {
            for (size_t d = 0; d < TOPS_PLAIN; d++)
                top_sketch_fini(&hour->cells[i]->plain[d]);
            for (size_t t = 0; t < TOPS_TAGS_MAX; t++)
                top_sketch_fini(&hour->cells[i]->tags[t]);
            free(hour->cells[i]);
        }
        free(hour->cells);
    }
    for (size_t t = 0; t < TOPS_TAGS_MAX; t++)
        bytes_fini(&service->tags[t]);
    *service = (struct top_service){.live_max = service->live_max};
}

uint32_t top_columns(void)
{
    return EVENTS_BIT(EVENTS_URL) | EVENTS_BIT(EVENTS_PAGE_GROUP) | EVENTS_BIT(EVENTS_AGENT) |
           EVENTS_BIT(EVENTS_METHOD) | EVENTS_BIT(EVENTS_ENV) | EVENTS_BIT(EVENTS_CACHE) |
           EVENTS_BIT(EVENTS_USER_AGENT) | EVENTS_BIT(EVENTS_TAGS) | EVENTS_BIT(EVENTS_STATUS) |
           EVENTS_BIT(EVENTS_COUNT);
}

static size_t find_cell(const struct top_hour *hour, int32_t status)
{
    if (hour->last < hour->count && hour->cells[hour->last]->status == status)
        return hour->last;
    size_t at = 0;
    while (at < hour->count && hour->cells[at]->status != status)
        at++;
    return at;
}

/* NULL: out of memory. */
static struct top_cell *take_cell(struct top_hour *hour, int32_t status)
{
    size_t at = find_cell(hour, status);
    if (at == hour->count && at >= TOPS_STATUSES_MAX && status >= 0) {
        status = -(status / CLASS); /* the others of its class share */
        at = find_cell(hour, status);
    }
    if (at == hour->count) {
        struct top_cell **cells = grow_array(hour->cells, &hour->capacity, hour->count + 1, PLACE_BYTES);
        if (!cells)
            return NULL;
        hour->cells = cells;
        cells[at] = calloc(1, sizeof *cells[at]);
        if (!cells[at])
            return NULL;
        cells[at]->status = status;
        hour->count++;
    }
    hour->last = at;
    return hour->cells[at];
}

/* ---- the bound on memory ---- */

static enum tm_err cut_one(struct top_sketch *sketch, size_t most, size_t *live)
{
    size_t before = sketch->count;
    if (before <= most)
        return TM_OK;
    enum tm_err err = top_sketch_cut(sketch, most);
    *live -= before - sketch->count;
    return err;
}

static enum tm_err cut_all(struct top_service *service, size_t most)
{
    enum tm_err err = TM_OK;
    for (size_t h = 0; h < TOPS_HOURS; h++) {
        for (size_t i = 0; i < service->hours[h].count && !err; i++) {
            struct top_cell *cell = service->hours[h].cells[i];
            for (size_t d = 1; d < TOPS_PLAIN && !err; d++)
                err = cut_one(&cell->plain[d], most, &service->live);
            for (size_t t = 0; t < service->tag_count && !err; t++)
                err = cut_one(&cell->tags[t], most, &service->live);
        }
    }
    return err;
}

/* Halves what is there, by cutting the largest sketches as far as that takes. */
static enum tm_err make_room(struct top_service *service)
{
    enum { FIRST = 1 << 16 };
    enum tm_err err = TM_OK;
    for (size_t most = FIRST; most > 0 && service->live > service->live_max / 2 && !err; most /= 2)
        err = cut_all(service, most);
    return err;
}

/* ---- counting ---- */

static enum tm_err count_key(struct top_service *service, struct top_sketch *sketch, struct str key,
                             uint64_t count)
{
    size_t before = sketch->count;
    if (before == TOP_KEYS_MAX)
        return TM_LIMIT; /* live_max is below that */
    enum tm_err err = top_sketch_add(sketch, key, count);
    service->live += sketch->count - before;
    return err;
}

/* The number of a tag's name; TOPS_TAGS_MAX: it has none, there are too many. */
static enum tm_err number_tag(struct top_service *service, struct str name, size_t *out)
{
    size_t at = 0;
    while (at < service->tag_count && !str_equal(bytes_view(&service->tags[at]), name))
        at++;
    *out = at;
    if (at < service->tag_count || at == TOPS_TAGS_MAX)
        return TM_OK;
    bytes_put(&service->tags[at], name.ptr, name.len);
    if (bytes_error(&service->tags[at]))
        return TM_NOMEM;
    service->tag_count++;
    return TM_OK;
}

static enum tm_err count_tags(struct top_service *service, struct top_hour *hour, struct top_cell *cell,
                              const struct http_event *event)
{
    bool is_untracked = false;
    enum tm_err err = TM_OK;
    for (size_t i = 0; event->tags && i < event->tags->count && !err; i++) {
        size_t number;
        err = number_tag(service, event->tags->at[i].name, &number);
        if (!err && number < TOPS_TAGS_MAX)
            err = count_key(service, &cell->tags[number], event->tags->at[i].value, event->count);
        is_untracked = is_untracked || number == TOPS_TAGS_MAX;
    }
    hour->untracked += is_untracked ? event->count : 0;
    return err;
}

enum tm_err top_service_add(struct top_service *service, uint32_t hour, const struct http_event *event)
{
    struct top_hour *into = &service->hours[hour];
    struct top_cell *cell = take_cell(into, event->status);
    const struct str keys[TOPS_PLAIN] = {
        [TOP_URL] = event->url,
        [TOP_PAGE_GROUP] = event->page_group,
        [TOP_AGENT] = event->agent,
        [TOP_METHOD] = event->method,
        [TOP_ENV] = event->env,
        [TOP_CACHE] = event->cache,
        [TOP_USER_AGENT] = event->user_agent,
    };
    enum tm_err err = cell ? TM_OK : TM_NOMEM;
    for (size_t d = 1; d < TOPS_PLAIN && !err; d++)
        err = count_key(service, &cell->plain[d], keys[d], event->count);
    if (!err)
        err = count_tags(service, into, cell, event);
    if (!err && service->live > service->live_max)
        err = make_room(service);
    return err;
}
