/* Shared by the files of incidents only. */
#ifndef TM_INCIDENT_PRIVATE_H
#define TM_INCIDENT_PRIVATE_H

#include "scoring/attribution.h"
#include "server/detect/incidents.h"
#include "storage/model/bytes.h"
#include "storage/model/labels.h"
#include "storage/model/marker.h"

/* A series of an incident, as it was when it was farthest off. */
struct incident_member {
    uint64_t key;
    double figure; /* log10 of the return period in h */
    double score, observed, expected, spread, effect;
    time_ms_t began;
    time_ms_t last; /* minute in which it was unusual */
    uint32_t labels_len, metric_len;
    char text[]; /* encoded labels, metric */
};

static inline struct str incident_member_labels(const struct incident_member *member)
{
    return (struct str){member->text, member->labels_len};
}

static inline struct str incident_member_metric(const struct incident_member *member)
{
    return (struct str){member->text + member->labels_len, member->metric_len};
}

/* Labels that explain it. */
struct incident_cause {
    char *labels; /* encoded, owned */
    uint32_t len;
    double share;
};

/* The present or last incident of a service. All bits zero: there was none. */
struct incident {
    uint64_t id; /* 0: none */
    time_ms_t opened;
    time_ms_t start;  /* when its first series began */
    time_ms_t end;    /* 0: it goes on */
    time_ms_t peak;   /* minute of the highest score */
    double score;     /* the highest */
    uint64_t scored;  /* series of the service in the last minute */
    uint64_t unusual; /* of them in the worst minute */
    uint64_t part_of; /* the incident of another service that is the same; 0: none */
    uint64_t cause;   /* hash of what explains it; 0: nothing does */
    struct incident_cause causes[SCORE_CAUSES];
    size_t cause_count;
    struct detect_excess excess;      /* the best that its minutes said */
    char *excess_text;                /* what it points into; owned */
    struct incident_member **members; /* owned, in the order in which they came */
    size_t count, capacity;
    size_t bytes; /* of members */
};

/* What was told of it last: what is like that is not told again. */
struct incident_told {
    double score;
    uint64_t members, cause, part_of, marker, related;
};

/* An earlier incident, for feedback. */
struct incident_past {
    uint64_t id;
    uint64_t cause;
    int32_t hour;             /* of the local week */
    enum score_feedback said; /* FEEDBACK_COUNT: nothing */
};

/* A service and env. */
struct incident_home {
    char *service, *env; /* owned */
    struct score_incident state;
    struct incident now;
    struct incident_told told;
    struct incident_past past[INCIDENTS_PAST];
    uint64_t past_next;
    struct incident withdrawn; /* id, times and score of one that was set back; id 0: none */
};

struct detect_incidents {
    struct detect_incidents_options options;
    struct incident_home **homes; /* sorted by service and env */
    size_t count, capacity;
    struct incident_markers *markers; /* NULL: none */
    struct detect_incidents_figures figures;
    struct bytes body, scratch;
};

/* ---- incident_home.c ---- */

/* The service's place in the table, or where it belongs; *found says which. */
size_t incident_home_place(const struct detect_incidents *incidents, struct str service, struct str env,
                           bool *found);
/* The service's, made if new. NULL: over the bound or without memory, which is counted. */
struct incident_home *incident_home_of(struct detect_incidents *incidents, struct str service,
                                       struct str env);
/* A new one that nobody holds yet. NULL without memory. */
struct incident_home *incident_home_new(struct str service, struct str env);
/* Frees it with its incident; not taken out of the table. NULL is allowed. */
void incident_home_free(struct incident_home *home);
/* Frees what an incident owns, and zeroes it. */
void incident_fini(struct incident *incident);
/* Appends a member; its labels and metric are copied. NULL: over a bound, or without memory. */
struct incident_member *incident_add_member(struct incident *incident, uint64_t key, struct str labels,
                                            struct str metric);
/* Appends a cause; false without memory or above SCORE_CAUSES. */
bool incident_add_cause(struct incident *incident, struct str labels, double share);
/* The hour of the local week, 0..167, 0 being Monday's first. */
int32_t incident_hour(const struct detect_incidents *incidents, time_ms_t time);

/* ---- incident_members.c ---- */

/* A series' own name: of labels and metric; not 0. */
uint64_t incident_key(struct str labels, struct str metric);
/* log10 of a score's return period in hours. */
double incident_figure(const struct detect_score *score);
/* Puts the minute's unusual series into the incident; *nomem counts what found no memory. */
void incident_gather(struct incident *incident, const struct detect_minute *minute, uint64_t *nomem);
/* When its first series began; `time`, at most 15 min back. */
time_ms_t incident_began(const struct incident *incident, time_ms_t time);
/* The first `most` members by onset, then by how far they are off; how many there are. */
size_t incident_onset(const struct incident *incident, const struct incident_member **out, size_t most);

/* ---- incident_causes.c ---- */

/* Finds what labels explain the members that are unusual at present, and the hash of that. false without
 * memory: what was found before stays. */
bool incident_find_causes(struct incident *incident, const struct detect_minute *minute);
/* Do two incidents have a label of a place (host, pod, region...) with its value in common? */
bool incident_shares_place(const struct incident *a, const struct incident *b);

/* ---- incident_markers.c ---- */

enum { INCIDENT_MARKERS = 3 };

/* A marker as it is copied; views into the copy. */
struct incident_marker {
    uint64_t id;
    enum marker_kind kind;
    time_ms_t time;
    struct str service, env;
    struct str what; /* version, class or note */
};

/* The last ones of a service and env in the two hours before a minute, or in it; the newest first. */
size_t incident_markers_before(const struct incident_markers *markers, const struct incident_home *home,
                               time_ms_t minute, const struct incident_marker *out[INCIDENT_MARKERS]);

/* ---- incident_json.c, incident_text.c ---- */

/* Writes the home's incident into *out as the item of the API, never over FINDING_BODY_MAX. */
void incident_json(const struct detect_incidents *incidents, const struct incident_home *home,
                   struct bytes *out);
/* The same of one that was taken back. */
void incident_withdrawn_json(const struct incident_home *home, struct bytes *out);
/* Is its excess one to be told: of the class that its first cause names, if that names one? Another class has
 * only suffered with it. */
bool incident_excess_counts(const struct incident *now);

/* Appends the sentence for a person. */
void incident_text(const struct detect_incidents *incidents, const struct incident_home *home,
                   struct bytes *out);
/* Homes whose incident is part of this one, at most `most` of them into out; how many there are. */
size_t incident_related(const struct detect_incidents *incidents, uint64_t id,
                        const struct incident_home **out, size_t most);

#endif
