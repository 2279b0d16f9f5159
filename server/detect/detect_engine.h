/* Scoring without threads and clocks: told what is new and what time it is, it closes minutes, scores them
 * and says what is to be stored. README.md has the design. One thread at a time. */
#ifndef TM_DETECT_ENGINE_H
#define TM_DETECT_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/detect/detect_minute.h"
#include "server/detect/detect_out.h"
#include "storage/model/clock.h"
#include "storage/model/err.h"
#include "storage/query.h"
#include "storage/selector/selector.h"

struct detect_engine;
struct detect_incidents;

struct detect_options {
    const char *dir;     /* of the states, made if missing; copied */
    int64_t step_ms;     /* a minute: a multiple of 10 s */
    int64_t delay_ms;    /* behind its end it closes */
    int64_t grace_ms;    /* as late as this data scores a minute again; at most 1,440 steps */
    int64_t history_ms;  /* how far back there may be samples to learn from */
    size_t memory_bytes; /* of states */
    const struct selector *include, *exclude; /* borrowed until others are chosen */
    size_t include_count, exclude_count;      /* no include: all */
    int32_t (*offset_s)(time_ms_t time);      /* the local zone's distance from UTC; NULL: none */
    const char *zone;                         /* its name; copied. NULL: states of any are taken */
    bool (*stop)(void *arg);                  /* asked often: true ends a step early. NULL: never */
    void *stop_arg;
    struct detect_incidents *incidents;                       /* told of each closed minute; borrowed; NULL */
    void (*log)(void *arg, const char *id, const char *text); /* warnings; NULL */
    void *log_arg;
};

/* NULL without memory. */
struct detect_engine *detect_engine_new(const struct detect_options *options);

/* Frees it with all states; what is not in a file is learned again. NULL is allowed. */
void detect_engine_free(struct detect_engine *engine);

/* Bounds that may change. */
struct detect_bounds {
    int64_t delay_ms, grace_ms; /* as in detect_options */
    size_t memory_bytes;        /* likewise; who has a state keeps it */
};

/* New ones, from the next minute on. */
void detect_engine_set(struct detect_engine *engine, const struct detect_bounds *bounds);

/* offset_s follows another zone from now on: with the next step all states are given back, in files too, and
 * everything learns from what is stored by its days and weeks, in the background. The same one: nothing. */
void detect_engine_set_zone(struct detect_engine *engine, const char *zone);

/* Which series are scored: scoring.include and .exclude; no include: all. */
struct detect_choice {
    struct selector *include, *exclude;
    size_t include_count, exclude_count;
};

/* Takes another choice, which is borrowed until the next one: with the next step series that are no longer
 * chosen give their states back, and those that are now learn from what is stored, in the background. */
void detect_engine_choose(struct detect_engine *engine, const struct detect_choice *choice);

struct planned;
/* From now on these planned events and maintenances mute; nulls *planned, which is its own from then on. */
void detect_engine_plan(struct detect_engine *engine, struct planned **planned);

/* Data of a service became visible, of these event times. TM_NOMEM: tell again. */
enum tm_err detect_engine_news(struct detect_engine *engine, struct str service, time_ms_t oldest,
                               time_ms_t newest) TM_MUST_CHECK;

/* There are series that it does not know, or some left. */
void detect_engine_look(struct detect_engine *engine);

/* What one step came to. */
enum detect_step {
    DETECT_IDLE, /* nothing is to be done until there is news, or time has passed */
    DETECT_MORE, /* call again */
    DETECT_OUT   /* *out has to become durable before the next step; detect_engine_out */
};

/* Works for a bounded while. wall: the clock's time, by which live minutes close. The reader is the caller's,
 * and may be another one each time. */
enum detect_step detect_engine_step(struct detect_engine *engine, struct reader *reader, time_ms_t wall);

/* What the last step wants stored. Valid until the next step. */
const struct detect_out *detect_engine_out(const struct detect_engine *engine);

/* Keeps one part of the states, the one that was kept longest ago. Not between DETECT_OUT and its being
 * durable. Errors of files with why; it goes on all the same. */
enum tm_err detect_engine_keep(struct detect_engine *engine, struct tm_why *why) TM_MUST_CHECK;

enum { DETECT_SHARDS = 256 };

/* Figures. */
struct detect_figures {
    uint64_t services;
    uint64_t services_behind; /* that still learn from what is stored */
    uint64_t scored;          /* series that have a state */
    uint64_t learning;        /* that have fewer than 100 samples */
    uint64_t left_out;        /* that have no state for want of memory */
    uint64_t asleep;       /* that have no state and are silent: not looked at before there is news of them */
    uint64_t memory_bytes; /* of states */
    uint64_t tables_bytes; /* of all else that grows with the number of series */
    uint64_t minutes;      /* closed, of all services, since start */
    uint64_t scores;       /* given, since start */
    uint64_t anomalies;    /* told, since start */
    uint64_t rescored;     /* of them such as were told anew since late data changed them */
    uint64_t
        compared; /* metrics and minutes in which series were compared with their siblings, since start */
    uint64_t read_errors;
    uint64_t lost_states; /* that were kept and could not be read */
    int64_t lag_ms;       /* of the service that is furthest behind what could be closed; 0: none */
    double learned;       /* share of what is to be learned at start, 0..1 */
};

/* As they are now; walks over all series. The engine's thread. */
void detect_engine_figures(const struct detect_engine *engine, struct detect_figures *out);

#endif
