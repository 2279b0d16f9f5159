/* The daemon's log: one line a message on a stream, with time, level and a stable message id to grep and to
 * alert on. The same id again backs off: its repeats are counted and told at growing intervals, so that a
 * fault that lasts a day costs a page of log, not a disk. Any thread. */
#ifndef TM_LOG_H
#define TM_LOG_H

#include <stdio.h>

#include "storage/model/clock.h"
#include "storage/model/err.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG, LOG_LEVEL_COUNT };

struct log;

/* Logs to out (not owned) by this clock (not owned). NULL when out of memory. */
struct log *log_open(FILE *out, const struct clock *clock, enum log_level level);

/* Frees it; no other thread may be in it. NULL is allowed. */
void log_close(struct log *log);

/* "error" "warning" "info" "debug". TM_INVALID for anything else. */
enum tm_err log_level_parse(const char *word, enum log_level *out) TM_MUST_CHECK;

/* From now on less is left out, or more. Any thread. */
void log_set_level(struct log *log, enum log_level level);

/* Writes `TIME LEVEL ID TEXT`. id is a dotted word, a literal ("gate.died"). Control characters in the text
 * are written as \xNN, so that nobody's bytes can forge a line. A message of an id that was written less than
 * its back-off ago (1 s, doubling with each repeat up to 1 h, forgotten after twice that silence) is counted
 * instead; the next one that is written says how many were. Info and debug lines never back off. */
void log_write(struct log *log, enum log_level level, const char *id, const char *format, ...)
    TM_PRINTF(4, 5);

/* The fault behind id has ended: its next message is written at once. */
void log_release(struct log *log, const char *id);

#endif
