/* Shared by the files of this folder only. */
#ifndef TM_DETECT_PRIVATE_H
#define TM_DETECT_PRIVATE_H

#include "scoring/first.h"
#include "server/detect/detect_engine.h"
#include "server/detect/detect_minute.h"
#include "server/detect/detect_values.h"
#include "server/detect/detect_zone.h"
#include "server/detect/planned.h"
#include "storage/model/bytes.h"
#include "storage/model/labels.h"

/* How the numbers of something that is scored come about. */
enum detect_form {
    FORM_VALUE, /* a series' first column */
    FORM_P95,   /* a histogram's second */
    FORM_SUM,   /* of several series */
    FORM_PART,  /* a sum that is 0 where the whole has a value and it has none */
    FORM_RATIO, /* part / whole, drawn to its long mean where the whole is small */
};

/* What was told of a minute that may still change. */
struct detect_told {
    int64_t minute;
    double score;
};

struct detect_tip;
struct detect_siblings;
struct detect_said;

/* Something that is scored. */
struct detect_target {
    char *labels; /* encoded, with __name__; owned. NULL: it is a series' own and has no state yet */
    uint32_t labels_len;
    uint32_t series; /* the store's number of a series' own; 0: derived */
    uint8_t form;
    bool is_used; /* else the place is free */
    bool is_left_out;
    bool is_dropped;  /* it gave its state back, being silent */
    bool is_excluded; /* derived, and scoring.exclude names it: summed up, not scored */
    uint16_t env;     /* place in the service's list */
    uint32_t part;
    uint32_t whole;            /* targets of a ratio and of a part */
    uint32_t sum_place;        /* during a pass */
    uint32_t valued;           /* the last minute in which a pass saw a value of a series' own; 0: none yet */
    struct score_first *state; /* owned; NULL: it has none */
    struct detect_tip *tip;    /* owned; the state with the minutes since too, while there is room; NULL */
    int64_t tip_at;            /* minutes before are in it; DETECT_NEVER: it is stale */
    int64_t at;                /* minutes before are in the state, or counted */
    int64_t first;             /* before this one there is nothing */
    uint32_t samples;          /* counted; without a state */
    uint32_t told_count;
    struct detect_told *told; /* owned */
    uint64_t hash;            /* of form and labels */
};

enum { SOURCE_SUMS = 4 };

/* A stored series. */
struct detect_source {
    uint32_t series; /* the store's number; 0: the place is free */
    enum detect_kind kind;
    struct detect_seen seen;
    uint32_t targets[DETECT_COLUMNS]; /* its own */
    uint32_t metric;                  /* hash of its name */
    uint32_t sums[SOURCE_SUMS];       /* into which it goes */
    uint8_t target_count;
    uint8_t sum_count;
    uint32_t turn;  /* of news: there were none since, as far as `next` goes */
    int64_t silent; /* from this minute on nothing was found; DETECT_NEVER: something was */
    int64_t next;   /* between `silent` and here there is nothing; DETECT_NEVER: not known */
};

/* A series of its own without a state that has said nothing for a while: all that is kept of it. */
struct detect_asleep {
    uint32_t series;
    uint32_t turn;                   /* as of a source */
    uint8_t samples[DETECT_COLUMNS]; /* counted so far, as far as they matter */
    bool is_dropped[DETECT_COLUMNS]; /* it gave a state back */
};

enum { DETECT_SNAPSHOTS = 16 };

/* What incidents knew of a service before a minute. */
struct detect_snapshot {
    int64_t minute;
    struct bytes state;
};

struct detect_service {
    char *name;
    uint32_t place;     /* among the engine's */
    time_ms_t newest;   /* event time; DETECT_NEVER: not known */
    time_ms_t news_at;  /* when there were news last, by the clock */
    int64_t closed;     /* minutes before are closed; DETECT_NEVER: none yet */
    int64_t base;       /* minutes before will not be scored again; states are up to here */
    int64_t late_until; /* minute: until then it counts as one whose data comes late */
    int64_t late_from;  /* the oldest minute of late data that incidents were not told of; INT64_MAX: none */
    int64_t fed;        /* minutes before were told to incidents */
    int64_t empty;      /* closed minutes without any value, in a row */
    bool is_dirty;      /* late data came */
    bool is_ready;      /* everything that has a state is at base */
    bool is_old;        /* was there before scoring began: it is learned, not told */
    bool must_recall;   /* minutes of it were closed before this process */
    struct detect_source *sources;
    size_t source_count, source_capacity;
    struct detect_asleep *asleep;
    size_t asleep_count, asleep_capacity;
    uint32_t woke_turn; /* of news: those that had some were woken */
    struct detect_target *targets;
    size_t target_count, target_capacity;
    uint32_t
        free_first; /* a free place among them, and one more; 0: there is none. Its part names the next */
    uint32_t free_count;
    uint32_t *derived; /* targets that are sums, parts and ratios, wholes before parts before ratios */
    size_t derived_count, derived_capacity;
    uint32_t *derived_places; /* by hash of form and labels: its place among them, and one more; 0: none */
    size_t derived_slots;
    bool is_crowded;  /* there are as many as may be, and it was told */
    struct str *envs; /* owned texts */
    size_t env_count, env_capacity;
    struct detect_snapshot snapshots[DETECT_SNAPSHOTS]; /* by minute */
    size_t snapshot_count;
};

/* One score that is to be looked at. */
struct detect_heard {
    int64_t minute;
    uint32_t target;
    double observed;
    double part;
    double whole;  /* of a ratio; else 0 */
    double most_h; /* what its count, or its few samples, let its return period be at most, in h */
    bool sparse;   /* a count that is nearly always 0 */
    uint64_t samples;
    struct score_calibration before; /* what it was held to */
    struct score_first_result result;
};

struct detect_engine {
    struct detect_options options;
    char *dir;
    char zone[DETECT_ZONE_BYTES]; /* "": it is not known */
    int64_t lag;                  /* grace, in minutes */
    bool began; /* scoring went on before in this folder: services without closings are new */
    bool must_look;
    bool must_choose;  /* scoring.include or .exclude are others than they were */
    bool must_relearn; /* days and weeks are another zone's than they were */
    bool has_looked;   /* all that was there at first is known */
    struct score_first_model model;
    struct detect_service **services;
    size_t service_count, service_capacity;
    uint32_t *service_places; /* by hash of the name: its place, and one more; 0: none */
    size_t service_slots;
    size_t turn;             /* the next service */
    uint32_t news_turn;      /* of the reader, before this step read anything */
    struct reader_roll roll; /* which series are known */
    uint8_t *known;          /* a bit a series number */
    size_t known_bytes;
    size_t memory_used;                 /* of states */
    size_t tips_used;                   /* of tips, which go first */
    time_ms_t newest;                   /* event time of all; 0: none yet */
    time_ms_t swept_wall, swept_newest; /* when silent ones were looked for; 0: never */
    struct planned *planned;            /* owned; NULL: nothing is */
    struct detect_restored *restored;   /* states that were kept and not claimed yet */
    unsigned shard;                     /* the next to be kept */
    struct detect_fed *fed;             /* owned; how far incidents were told when they were kept */
    size_t fed_count;
    /* of a step */
    struct reader *reader;
    time_ms_t wall;
    double *columns;
    double *sums;
    size_t sums_capacity;
    struct detect_heard *heard;
    size_t heard_count, heard_capacity;
    int64_t http_last;
    bool any_value;
    struct detect_out out;
    struct detect_out quiet; /* what was learned only */
    struct bytes scratch, body;
    size_t share_reads;       /* of what is told at once: series read to say where an excess lies */
    struct detect_said *said; /* likewise: where the excess of sums lies; owned */
    size_t said_count;
    struct detect_siblings *siblings; /* likewise: what is known of series of one metric; NULL: nothing yet */
    struct detect_figures figures;
};

/* ---- detect_services.c ---- */

/* The service of this name, made if new; NULL without memory. */
struct detect_service *detect_service_of(struct detect_engine *engine, struct str name);

/* Frees it with its states, whose memory counts no longer. Not taken out of the table. NULL is allowed. */
void detect_service_free(struct detect_engine *engine, struct detect_service *service);

/* Gives a series' own target its labels: what is scored has them at hand. False without memory. */
bool detect_name(struct detect_engine *engine, struct detect_target *target);

/* A series that is not known yet, of these labels: sums that it goes into, and its own targets. False
 * without memory. */
bool detect_add_source(struct detect_engine *engine, struct detect_service *service, uint32_t series,
                       const struct labels *labels);

/* Was a state kept, and not claimed yet, of what a series of these labels would have? */
bool detect_was_kept_of(struct detect_engine *engine, const struct labels *labels);

/* Room for one more of size bytes in an array; false without memory. */
bool detect_make_room(void **array, size_t count, size_t *capacity, size_t size);

/* Gives a series' own targets, as it is scored now. False without memory. */
bool detect_add_own(struct detect_engine *engine, struct detect_service *service,
                    struct detect_source *source, const struct labels *labels);

/* Hash of form and the labels in engine->scratch. */
uint64_t detect_hash(const struct detect_engine *engine, enum detect_form form);

/* A new target that begins at a minute, of the labels in engine->scratch; of a series' own (series is not 0)
 * they are not kept before it has a state. Its place is told. False without memory. */
bool detect_add_target(struct detect_engine *engine, struct detect_service *service, enum detect_form form,
                       uint32_t series, struct str env_name, int64_t at, uint32_t *out);

/* ---- detect_derived.c ---- */

/* Into which sums a series goes, that begins at minute first; they are made if new. Beyond the bound it goes
 * into no more of them, which is told once. False without memory. */
bool detect_derive(struct detect_engine *engine, struct detect_service *service, struct detect_source *source,
                   const struct labels *labels, int64_t first);

/* Does a series of this metric go into something that is derived? */
bool detect_is_derived_from(struct str metric);

/* ---- detect_places.c ---- */

/* A free place among the targets, taken; false without memory. */
bool detect_take_place(struct detect_service *service, uint32_t *out);

/* Frees what a target has. */
void detect_empty_target(struct detect_engine *engine, struct detect_target *target);

/* The same of a target of a service, whose place is free then. */
void detect_free_target(struct detect_engine *engine, struct detect_service *service, uint32_t place);

/* Closes the gaps if most places of targets are free: they are others then. Between passes. */
void detect_compact(struct detect_service *service);

/* What tables of all series hold in memory, states and tips apart. */
size_t detect_tables_bytes(const struct detect_engine *engine);

/* ---- detect_discover.c ---- */

/* Finds series that are new, forgets those that left. Of the first look are, without being read, those asleep
 * that were silent for a day before their service's minutes were closed last. TM_NOMEM: look again. */
enum tm_err detect_discover(struct detect_engine *engine) TM_MUST_CHECK;

/* ---- detect_sleep.c ---- */

/* Is there nothing of a series in a window, as far as it is known without reading? */
bool detect_is_quiet(const struct detect_engine *engine, struct detect_source *source,
                     const struct detect_window *window);

/* A window of it was read, `last` being the last minute with something. */
void detect_note_read(struct detect_engine *engine, struct detect_source *source,
                      const struct detect_window *window, int64_t last);

/* The first minute at or behind `from` in which a series has something; INT64_MAX: none is known. */
int64_t detect_next_of(const struct detect_engine *engine, struct detect_source *source, int64_t from);

/* Puts a series to sleep of which nothing else is known. False without memory. */
bool detect_sleep_new(struct detect_engine *engine, struct detect_service *service, uint32_t series);

/* Puts those to sleep that are quiet and have no state: their targets are freed. */
void detect_sleep(struct detect_engine *engine, struct detect_service *service);

/* Wakes those of which something came. */
void detect_wake(struct detect_engine *engine, struct detect_service *service);

/* ---- detect_choose.c ---- */

/* Does scoring.exclude name these labels? */
bool detect_is_excluded(const struct detect_engine *engine, const struct labels *labels);

/* Is a series of these labels scored itself? */
bool detect_is_wanted(const struct detect_engine *engine, const struct labels *labels);

/* After a change of what is wanted: series that are no longer give their states back, those that are now
 * begin to learn from what is stored. False without memory: to be done again. */
bool detect_choose_again(struct detect_engine *engine);

/* ---- detect_relearn.c ---- */

/* In another zone: all states go, on disk too, and what is stored is learned anew. */
void detect_relearn(struct detect_engine *engine);

/* At start: removes states on disk that were learned in another zone, and notes this one. */
void detect_check_zone(struct detect_engine *engine);

/* ---- detect_pass.c ---- */

/* Scores a window of a service; tells: into engine->heard. What is before window->settled goes into the
 * states. False: it was stopped half way, or there was no memory. */
bool detect_pass(struct detect_engine *engine, struct detect_service *service,
                 const struct detect_window *window, bool tells);

/* ---- detect_room.c ---- */

/* Gives states to those that have so many samples, if there is room; they begin to learn from the start. For
 * want of room, what was silent for a day gives its own back, and is learned anew when it comes back. */
void detect_admit(struct detect_engine *engine, struct detect_service *service, int64_t ahead);

/* Takes a target's state; it is learned anew when there is something of it again. */
void detect_drop_state(struct detect_engine *engine, struct detect_target *target);

/* ---- detect_tip.c ---- */

/* Keeps a state with the minutes before `at` as the tip of the target's state as it is now; without room
 * there is none. */
void detect_tip_pack(struct detect_engine *engine, struct detect_target *target,
                     const struct score_first *tip, int64_t at);
/* The tip that is there, whole. The target's state must be as it was when it was packed. */
void detect_tip_unpack(const struct detect_target *target, struct score_first *out);

/* Frees the tip; none: nothing. */
void detect_tip_drop(struct detect_engine *engine, struct detect_target *target);

/* ---- detect_tell.c ---- */

/* Puts what was heard of a service's window into engine->out, with its closing if minutes from first on are
 * new; tells incidents of them up to end. */
void detect_tell(struct detect_engine *engine, struct detect_service *service, int64_t first, int64_t end);
/* Tells incidents alone, of what was learned: nothing of it is stored. */
void detect_tell_learned(struct detect_engine *engine, struct detect_service *service, int64_t end);

/* Is it no news, since something was planned? */
bool detect_is_muted(const struct detect_engine *engine, const struct detect_service *service,
                     const struct detect_heard *heard);

/* ---- detect_feed.c ---- */

/* Tells incidents the minutes that they were not told of, before end, from what was heard (sorted). */
void detect_feed(struct detect_engine *engine, struct detect_service *service, int64_t end,
                 struct detect_out *to);

/* Drops what a service keeps of its incidents to go back to when data comes late. */
void detect_snapshots_free(struct detect_service *service);

/* detect_tell.c. The record that a service's minutes are closed as far as they are. */
void detect_tell_closing(struct detect_engine *engine, const struct detect_service *service);

/* detect_tell.c. Remembers which anomalies of minutes that may still change were told before a restart. */
void detect_recall(struct detect_engine *engine, struct detect_service *service);

/* ---- detect_text.c ---- */

/* The body of an anomaly (CONTRACT: answers), and its parts. */
void detect_body(struct detect_engine *engine, const struct detect_service *service,
                 const struct detect_heard *heard, uint64_t id, struct bytes *out);

/* ---- detect_share.c ---- */

/* Which labels have how much of an excess: items of a JSON array, and the end of a sentence; each empty if it
 * can't be said. Zero-initialised, then finished by detect_shares_fini. */
struct detect_shares {
    struct bytes json;
    struct bytes text;
    struct bytes sets[DETECT_EXCESS_SETS]; /* of a sum: encoded labels */
    double share[DETECT_EXCESS_SETS];
    size_t set_count;
    size_t series; /* of a series' own: those of the same metric, itself with them; 0: not said */
    size_t moved;  /* of them those that moved likewise */
};

/* Says it of what is added up of several series, from what these had in the hour before it began; of a
 * series' own by detect_siblings. */
void detect_share(struct detect_engine *engine, const struct detect_service *service,
                  const struct detect_heard *heard, struct detect_shares *out);

/* Frees what it has. */
void detect_shares_fini(struct detect_shares *shares);

/* ---- detect_excess.c ---- */

/* Keeps what an anomaly of a sum says of its excess for the incident of its minute and env; the one of the
 * highest score stays. Without memory it is left out. */
void detect_excess_note(struct detect_engine *engine, const struct detect_service *service,
                        const struct detect_heard *heard, const struct detect_shares *shares);

/* What was kept of a minute and env of what is told at once; views, valid until it is forgotten. */
struct detect_excess detect_excess_of(const struct detect_engine *engine, int64_t minute, uint16_t env);

/* Forgets all. */
void detect_excess_forget(struct detect_engine *engine);

/* ---- detect_siblings.c ---- */

/* Says of a series' own anomaly how many series of the same service, env, metric and kind moved likewise in
 * that minute, and which labels these have in common. Likewise: unusual too (DETECT_HEARD_SCORE), in the same
 * direction, by a quarter to four times as much, in figures or of what was expected; of a series without a
 * state yet, off its hour before by that much and by five times its mean deviation. A label set's share is of
 * the excess where the values add up, else of the series that moved. They add up where it is a rate or a
 * count (but not of cumulative buckets), or a gauge whose name and labels do not say that it is a ratio, a
 * mean, a quantile, a temperature, a time or a state. The answer is shared by all series that it names. */
void detect_siblings_say(struct detect_engine *engine, const struct detect_service *service,
                         const struct detect_heard *heard, struct detect_shares *out);

/* Forgets what was found for a service's told minutes: before its series, targets or what was heard change.
 */
void detect_siblings_forget(struct detect_engine *engine);

/* The hash by which series of one metric find each other. */
uint32_t detect_metric_hash(struct str metric);

/* ---- detect_file.c ---- */

struct detect_restored;
struct detect_fed;

enum { DETECT_NAME_BYTES = 16 };

/* The name of a shard's file. */
const char *detect_shard_name(unsigned shard, char name[DETECT_NAME_BYTES]);

/* Reads what was kept; damaged parts are left out and told. TM_NOMEM. */
enum tm_err detect_restore(struct detect_engine *engine) TM_MUST_CHECK;
/* Up to which minute a service's incidents were kept; DETECT_NEVER: they were not. */
int64_t detect_fed_of(const struct detect_engine *engine, struct str service);
/* Was a state kept of what has this hash (of form and labels), and not claimed yet? */
bool detect_was_kept(const struct detect_engine *engine, uint64_t hash);
/* Takes the state that was kept of a service's target, if there is one and it is not ahead of what was told.
 */
void detect_claim(struct detect_engine *engine, const struct detect_service *service,
                  struct detect_target *target);
/* From now on services without closings are new ones, over restarts too. */
enum tm_err detect_mark_began(struct detect_engine *engine, struct tm_why *why) TM_MUST_CHECK;
/* Frees what nobody claimed. */
void detect_restored_free(struct detect_engine *engine);

/* detect_engine.c. A warning for a person. */
void detect_warn(const struct detect_engine *engine, const char *id, const char *format, ...) TM_PRINTF(3, 4);

static inline struct str detect_labels(const struct detect_target *target)
{
    return (struct str){target->labels, target->labels_len};
}

/* Samples before a series has a state. */
enum { DETECT_STATE_FROM = 100 };

/* What one state costs. */
enum { DETECT_STATE_BYTES = sizeof(struct score_first) + 16 };

#endif
