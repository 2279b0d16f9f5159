#include <stdlib.h>
#include <string.h>

#include "server/detect/incident_private.h"

#define HOUR_MS INT64_C(3600000)

struct detect_incidents *detect_incidents_new(const struct detect_incidents_options *options)
{
    struct detect_incidents *incidents = calloc(1, sizeof *incidents);
    if (incidents)
        incidents->options = *options;
    return incidents;
}

void detect_incidents_free(struct detect_incidents *incidents)
{
    if (!incidents)
        return;
    for (size_t i = 0; i < incidents->count; i++)
        incident_home_free(incidents->homes[i]);
    free(incidents->homes);
    incident_markers_free(incidents->markers);
    bytes_fini(&incidents->body);
    bytes_fini(&incidents->scratch);
    free(incidents);
}

void detect_incidents_set(struct detect_incidents *incidents, double least)
{
    incidents->options.least = least;
}

void detect_incidents_take_markers(struct detect_incidents *incidents, struct incident_markers **markers)
{
    incident_markers_free(incidents->markers);
    incidents->markers = *markers;
    *markers = NULL;
}

size_t incident_home_place(const struct detect_incidents *incidents, struct str service, struct str env,
                           bool *found)
{
    size_t low = 0, high = incidents->count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct incident_home *home = incidents->homes[middle];
        int order = str_compare(str_of(home->service), service);
        if (order == 0)
            order = str_compare(str_of(home->env), env);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct incident_home *incident_home_new(struct str service, struct str env)
{
    struct incident_home *home = calloc(1, sizeof *home);
    if (!home)
        return NULL;
    home->service = strndup(service.len ? service.ptr : "", service.len);
    home->env = strndup(env.len ? env.ptr : "", env.len);
    if (home->service && home->env)
        return home;
    incident_home_free(home);
    return NULL;
}

void incident_home_free(struct incident_home *home)
{
    if (!home)
        return;
    incident_fini(&home->now);
    free(home->service);
    free(home->env);
    free(home);
}

static bool make_room(struct detect_incidents *incidents)
{
    if (incidents->count < incidents->capacity)
        return true;
    size_t capacity = incidents->capacity ? 2 * incidents->capacity : 16;
    struct incident_home **homes = realloc(incidents->homes, capacity * sizeof(struct incident_home *));
    if (!homes)
        return false;
    incidents->homes = homes;
    incidents->capacity = capacity;
    return true;
}

struct incident_home *incident_home_of(struct detect_incidents *incidents, struct str service, struct str env)
{
    bool found;
    size_t place = incident_home_place(incidents, service, env, &found);
    if (found)
        return incidents->homes[place];
    bool is_odd =
        (service.len && memchr(service.ptr, 0, service.len)) || (env.len && memchr(env.ptr, 0, env.len));
    if (is_odd || incidents->count == INCIDENTS_SERVICES_MAX) {
        incidents->figures.left_out++;
        return NULL;
    }
    struct incident_home *home = make_room(incidents) ? incident_home_new(service, env) : NULL;
    if (!home) {
        incidents->figures.nomem++;
        return NULL;
    }
    memmove(incidents->homes + place + 1, incidents->homes + place,
            (incidents->count - place) * sizeof(struct incident_home *));
    incidents->homes[place] = home;
    incidents->count++;
    return home;
}

void incident_fini(struct incident *incident)
{
    for (size_t i = 0; i < incident->cause_count; i++)
        free(incident->causes[i].labels);
    for (size_t i = 0; i < incident->count; i++)
        free(incident->members[i]);
    free(incident->members);
    free(incident->excess_text);
    *incident = (struct incident){.id = 0};
}

struct incident_member *incident_add_member(struct incident *incident, uint64_t key, struct str labels,
                                            struct str metric)
{
    size_t bytes = labels.len + metric.len;
    if (incident->count == INCIDENTS_MEMBERS_MAX || bytes > INCIDENTS_MEMBER_BYTES - incident->bytes)
        return NULL;
    if (incident->count == incident->capacity) {
        size_t capacity = incident->capacity ? 2 * incident->capacity : 8;
        struct incident_member **members =
            realloc(incident->members, capacity * sizeof(struct incident_member *));
        if (!members)
            return NULL;
        incident->members = members;
        incident->capacity = capacity;
    }
    struct incident_member *member = malloc(sizeof *member + bytes);
    if (!member)
        return NULL;
    *member = (struct incident_member){
        .key = key, .labels_len = (uint32_t)labels.len, .metric_len = (uint32_t)metric.len};
    if (labels.len > 0)
        memcpy(member->text, labels.ptr, labels.len);
    if (metric.len > 0)
        memcpy(member->text + labels.len, metric.ptr, metric.len);
    incident->bytes += bytes;
    incident->members[incident->count++] = member;
    return member;
}

bool incident_add_cause(struct incident *incident, struct str labels, double share)
{
    if (incident->cause_count == SCORE_CAUSES)
        return false;
    char *copy = malloc(labels.len + 1);
    if (!copy)
        return false;
    memcpy(copy, labels.ptr, labels.len);
    struct incident_cause *cause = &incident->causes[incident->cause_count++];
    cause->labels = copy;
    cause->len = (uint32_t)labels.len;
    cause->share = share;
    return true;
}

int32_t incident_hour(const struct detect_incidents *incidents, time_ms_t time)
{
    int64_t local = time;
    if (incidents->options.offset_s)
        local += incidents->options.offset_s(time) * INT64_C(1000);
    int64_t hour = local / HOUR_MS - (local % HOUR_MS < 0);
    /* 1 January 1970 was a Thursday. */
    int64_t of_week = (hour + INT64_C(72)) % INCIDENT_WEEK_HOURS;
    return (int32_t)(of_week < 0 ? of_week + INCIDENT_WEEK_HOURS : of_week);
}

void detect_incidents_figures(const struct detect_incidents *incidents, struct detect_incidents_figures *out)
{
    *out = incidents->figures;
    out->services = incidents->count;
    out->open = 0;
    for (size_t i = 0; i < incidents->count; i++)
        out->open += incidents->homes[i]->state.is_open;
}
