/* Incidents: what of a service, and of its neighbours, is unusual together, from closed minutes. Says when
 * one opens, changes and closes, with its causes, the order in which its series began, and what was deployed
 * before. README.md has the design; the statistics are scoring/incident.h's.
 *
 * One thread at a time. Nothing here fails loudly: what finds no memory is counted and left out. */
#ifndef TM_DETECT_INCIDENTS_H
#define TM_DETECT_INCIDENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scoring/incident.h"
#include "server/detect/detect_minute.h"
#include "storage/markers/markers.h"

enum {
    INCIDENTS_SERVICES_MAX =
        10000, /* services and envs; further ones, and such with a NUL in the name, have no incidents */
    INCIDENTS_MEMBERS_MAX = 512, /* series of one incident that are known by name */
    INCIDENTS_MEMBER_BYTES = 256 << 10,
    INCIDENTS_MARKERS_MAX = 10000, /* the newest are looked at */
    INCIDENTS_PAST = 32            /* earlier ones of a service about which feedback is taken */
};

struct detect_incidents;

struct detect_incidents_options {
    double least;                        /* scoring.incident_score */
    int64_t step_ms;                     /* scoring.interval; 0: a minute */
    int32_t (*offset_s)(time_ms_t time); /* the local zone's distance from UTC; NULL: none */
};

/* NULL without memory. */
struct detect_incidents *detect_incidents_new(const struct detect_incidents_options *options);
/* NULL is allowed. */
void detect_incidents_free(struct detect_incidents *incidents);

/* A new scoring.incident_score, from the next minute on. */
void detect_incidents_set(struct detect_incidents *incidents, double least);

/* Takes a closed minute. What opens, changes noticeably or closes is put into minute->out as a finding of
 * kind incident. A minute that is not behind the last one of its service and env changes nothing. */
void detect_incidents_minute(struct detect_incidents *incidents, const struct detect_minute *minute);

struct incident_markers;
/* A copy of markers, made on the thread that owns them (markers may be NULL); then one thread at a time. NULL
 * without memory. */
struct incident_markers *incident_markers_new(const struct markers *markers);

/* NULL is allowed. */
void incident_markers_free(struct incident_markers *markers);

/* Takes the markers that there are from now on; nulls *markers and frees what was taken before. */
void detect_incidents_take_markers(struct detect_incidents *incidents, struct incident_markers **markers);

/* A marker that may be named beside something unusual; views, valid until markers are taken. */
struct detect_marker {
    uint64_t id;
    enum marker_kind kind;
    time_ms_t time;
    struct str service; /* empty: of all */
    struct str what;    /* version, class or note; may be empty */
};

/* Is this the id of a marker? Incidents that a deploy's verdict opened bear its id; they are not told here.
 */
bool detect_incidents_is_marker(const struct detect_incidents *incidents, uint64_t id);

/* The last marker of a service and env within the hour before a minute (its start), or in it. */
bool detect_incidents_marker(const struct detect_incidents *incidents, struct str service, struct str env,
                             time_ms_t minute, struct detect_marker *out);

/* What somebody says of an incident of this service and env, of which the last word counts: told again it
 * changes nothing. false: no such incident is known any more. */
bool detect_incidents_feedback(struct detect_incidents *incidents, struct str service, struct str env,
                               uint64_t incident, enum score_feedback feedback);

/* Appends what is known, of all services. Without memory out fails. */
void detect_incidents_encode(const struct detect_incidents *incidents, struct bytes *out);

/* The same of one service and env; a fresh state if it is not known. */
void detect_incidents_encode_service(const struct detect_incidents *incidents, struct str service,
                                     struct str env, struct bytes *out);

/* Sets those services back that are in data, which may be several encodings one behind the other. An incident
 * that opened since then and does not open again is told as closed, taken back; what was said in feedback
 * stays. TM_CORRUPT: nothing is changed; TM_INVALID: another version, likewise; TM_NOMEM: some may be. */
enum tm_err detect_incidents_decode(struct detect_incidents *incidents, struct str data) TM_MUST_CHECK;

struct finding;
/* A stored incident that was told as going on (its end is 0), after a restart: unless it is the present one
 * in the last minute before `until`, it is told then as closed. Of several of a service and env the first
 * counts. */
void detect_incidents_recall(struct detect_incidents *incidents, const struct finding *incident,
                             time_ms_t until);

/* Of all services and envs. */
struct detect_incidents_figures {
    uint64_t services;
    uint64_t open;
    uint64_t opened;   /* since start */
    uint64_t minutes;  /* judged, of all services, since start */
    uint64_t muted;    /* minutes that would have opened one but for feedback, since start */
    uint64_t left_out; /* minutes of services beyond the bound, since start */
    uint64_t nomem;    /* things that found no memory, since start */
};

/* As they are now; walks over all services. */
void detect_incidents_figures(const struct detect_incidents *incidents, struct detect_incidents_figures *out);

#endif
