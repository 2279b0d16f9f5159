/* Calendars (RFC 5545): the events of a file and when they occur. Text in, values out: no clock, no zone
 * database, no network. One thread. */
#ifndef TM_CLI_ICS_H
#define TM_CLI_ICS_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/model/err.h"
#include "storage/model/str.h"

enum {
    ICS_LINE_MAX = 65536, /* bytes of a line, unfolded */
    ICS_EXCEPT_MAX = 256, /* days that a rule leaves out */
    ICS_TIMES_MAX = 1000  /* of one event */
};

/* What a repeated event follows. Other parts of RFC 5545's rules are refused. */
enum ics_frequency { ICS_ONCE, ICS_DAILY, ICS_WEEKLY, ICS_MONTHLY, ICS_YEARLY, ICS_FREQUENCY_COUNT };

/* A time as the calendar has it. */
struct ics_time {
    int64_t local_ms; /* its date and time of day as if they were UTC, since 1970 */
    bool is_utc;
    bool is_date;    /* a whole day */
    struct str zone; /* TZID; empty: the reader's own, unless is_utc */
};

struct ics_rule {
    enum ics_frequency frequency;
    int64_t interval;      /* 1 or more */
    int64_t count;         /* 0: no bound */
    struct ics_time until; /* the last start that counts; has_until */
    bool has_until;
    uint8_t weekdays; /* of ICS_WEEKLY: bit 0 is Monday; 0: that of the start */
};

/* Views are valid during the call. */
struct ics_event {
    uint32_t line; /* of its BEGIN, from 1 */
    struct str uid, summary, category;
    struct ics_time start, end;
    bool has_end;
    int64_t duration_ms; /* instead of end; -1: none */
    bool is_cancelled;
    struct ics_rule rule;
    int64_t except[ICS_EXCEPT_MAX]; /* local_ms of starts that are left out */
    size_t except_count;
};

/* What a file has. Each event, and what is wrong with others, by line; false ends it. */
struct ics_sink {
    void *arg;
    bool (*event)(void *arg, const struct ics_event *event);
    bool (*fault)(void *arg, uint32_t line, const struct tm_why *why);
};

/* Reads a calendar. An event that cannot be understood is told as a fault, and left out. TM_INVALID: this is
 * no calendar, or it ends in the middle; TM_NOMEM. */
enum tm_err ics_read(struct str text, const struct ics_sink *sink, struct tm_why *why) TM_MUST_CHECK;

/* The starts of an event, in order; zero-initialised but for event. */
struct ics_walk {
    const struct ics_event *event;
    int64_t step;  /* days, weeks, months or years so far */
    int weekday;   /* the next within a week */
    int64_t given; /* counted by COUNT: what is left out counts too */
    bool is_over;
};

/* The next start, as local_ms, that is not left out; false: none, or past last_ms (local too), or
 * ICS_TIMES_MAX were given. */
bool ics_next(struct ics_walk *walk, int64_t last_ms, int64_t *out);

/* Days since 1970 of a date of the years 1 to 9999; false: there is no such day. */
bool ics_days(int64_t year, int64_t month, int64_t day, int64_t *out);

/* Reads "20261123", "20261123T040000" or "20261123T040000Z". */
bool ics_time_parse(struct str text, struct ics_time *out);
/* Reads a rule. TM_INVALID: what of it is not known. */
enum tm_err ics_rule_parse(struct str text, const struct ics_time *start, struct ics_rule *out,
                           struct tm_why *why) TM_MUST_CHECK;
/* Reads "P1D", "PT1H30M", "P2W"; false: none, or it is not above 0. */
bool ics_duration_parse(struct str text, int64_t *out_ms);

#endif
